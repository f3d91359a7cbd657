package sresolv

import (
	"context"
	"io"
	"net/netip"
)

// Walk is the list of hops of one target, found as it is read. It is plain
// state: it holds no goroutine and needs no Close. It belongs to one goroutine
// at a time. Make it with [Resolver.Walk].
type Walk struct {
	r     *Resolver
	plan  plan
	err   error        // final: what Next returns from now on
	left  int          // hops that can be had without waiting
	addrs []netip.Addr // of the name; nil for a numeric target
	asked *lookup      // on its way; at most one
}

// Ready returns the next hop if it is known already: of a numeric target, or
// of a look-up that has ended. It never blocks and starts no look-up. False
// means that Next must be called; see [Walk.Exhausted].
func (w *Walk) Ready() (Hop, bool) {
	if w.asked != nil {
		select {
		case <-w.asked.done:
			w.take()
		default:
		}
	}
	return w.pop()
}

// Next returns the next hop. It waits for the look-up that this needs, as long
// as ctx allows; the look-up goes on when ctx ends, and a later Next or Ready
// finds its answer. After the last hop it returns io.EOF, itself. Any other
// error is an [*Error]. An error is final and comes again, except that of ctx
// and [ErrBusy], after which Next may be called again.
func (w *Walk) Next(ctx context.Context) (Hop, error) {
	if h, ok := w.Ready(); ok {
		return h, nil
	}
	if w.Exhausted() {
		return Hop{}, w.err
	}
	if w.asked == nil {
		l, err := w.r.ask(w.plan.query)
		if err != nil {
			return Hop{}, w.fail(err)
		}
		w.asked = l
	}
	select {
	case <-w.asked.done:
		w.take()
	case <-ctx.Done():
		return Hop{}, w.fail(context.Cause(ctx))
	}
	if h, ok := w.pop(); ok {
		return h, nil
	}
	return Hop{}, w.err
}

// Exhausted reports whether no hop is left, so that Next would return its last
// error, or io.EOF, without waiting. It never blocks.
func (w *Walk) Exhausted() bool { return w.left == 0 && w.err != nil }

func (w *Walk) fail(err error) error { return &Error{Name: w.plan.query, Err: err} }

// take moves the answer of the look-up into the walk. The slice is shared with
// other walks that asked for the same name, and only read.
func (w *Walk) take() {
	l := w.asked
	w.asked = nil
	if l.err != nil {
		w.err = w.fail(l.err)
		return
	}
	w.addrs, w.left = l.addrs, len(l.addrs)
}

func (w *Walk) pop() (Hop, bool) {
	if w.left == 0 {
		return Hop{}, false
	}
	addr := w.plan.addr
	if w.addrs != nil {
		addr = w.addrs[len(w.addrs)-w.left]
	}
	if w.left--; w.left == 0 {
		w.err = io.EOF
	}
	return Hop{Transport: w.plan.transport, Addr: netip.AddrPortFrom(addr, w.plan.port), Name: w.plan.name}, true
}

func (r *Resolver) hops(ctx context.Context, t Target, yield func(Hop, error) bool) {
	w := r.Walk(t)
	for {
		h, err := w.Next(ctx)
		if err == io.EOF {
			return
		}
		if !yield(h, err) || err != nil {
			return
		}
	}
}
