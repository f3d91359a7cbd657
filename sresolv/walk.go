package sresolv

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"
)

// familyWait is how long the addresses of one family wait for those of the
// other: a server that answers only one of the two questions must not hold a
// call up (RFC 8305 section 3 has less, but then it can race them).
const familyWait = 300 * time.Millisecond

// Walk is the list of hops of one target, found as it is read. It is plain
// state: it holds no goroutine and needs no Close. It belongs to one goroutine
// at a time. Make it with [Resolver.Walk].
type Walk struct {
	r       *Resolver
	plan    plan
	err     error // final: what Next returns from now on
	numeric bool  // the one hop of a numeric target is left
	*search       // nil where nothing is to be looked up
}

// search is the state of a walk that looks names up.
type search struct {
	names []string // candidates of the search list that are left
	tasks []task   // what to look up; the last comes first
	ready []Hop    // found; the first comes next
	later []Hop    // failed lately: they come last
	seen  []place  // of hops given or to be given

	name     string // the candidate
	fallback string // the transport to use its addresses with, if NAPTR records have named one

	queries  int
	soft     error // why a look-up failed otherwise than for want of records
	timeouts int
	started  bool
	noted    bool // the name is in the hosts file, which is all there is to know
	services bool // there were SRV records
	refused  bool // one of them had the target "."
	last     bool // addresses of the name itself have been asked for
	stopped  bool // nothing more is asked
}

func (r *Resolver) begin(p plan, err error) *Walk {
	w := &Walk{r: r, plan: p, err: err}
	switch {
	case err != nil:
	case p.addr.IsValid():
		w.numeric, w.err = true, io.EOF
	default:
		w.search = new(search)
	}
	return w
}

func (p *plan) portFor(transport string) uint16 {
	if p.port != 0 {
		return p.port
	}
	return defaultPort(transport)
}

// Ready returns the next hop if it is known already: of a numeric target, of
// answers in the cache, or of look-ups that have ended. It never blocks and
// starts no look-up. False means that Next must be called; see [Walk.Exhausted].
func (w *Walk) Ready() (Hop, bool) {
	w.advance()
	return w.pop()
}

// Next returns the next hop. It waits for the look-ups that this needs, as long
// as ctx allows; they go on when ctx ends, and a later Next or Ready finds their
// answers. After the last hop it returns io.EOF, itself. Any other error is an
// [*Error]. An error is final and comes again, except that of ctx and
// [ErrBusy], after which Next may be called again.
func (w *Walk) Next(ctx context.Context) (Hop, error) {
	for {
		if h, ok := w.Ready(); ok {
			return h, nil
		}
		if w.Exhausted() {
			return Hop{}, w.err
		}
		if err := w.wait(ctx); err != nil {
			return Hop{}, w.fail(err)
		}
	}
}

// Exhausted reports whether no hop is left, so that Next would return its last
// error, or io.EOF, without waiting. It never blocks.
func (w *Walk) Exhausted() bool {
	w.advance()
	return !w.numeric && (w.search == nil || len(w.ready) == 0) && w.err != nil
}

// Failed is [Resolver.MarkFailed] of the resolver that made the walk.
func (w *Walk) Failed(hop Hop, retryAfter time.Duration) { w.r.MarkFailed(hop, retryAfter) }

func (w *Walk) fail(err error) error {
	name := w.plan.query
	if name == "" {
		name = w.plan.name
	}
	return &Error{Name: name, Err: err}
}

func (w *Walk) pop() (Hop, bool) {
	if w.numeric {
		w.numeric = false
		t := w.plan.transport
		return Hop{Transport: t, Addr: netip.AddrPortFrom(w.plan.addr, w.plan.portFor(t)), Name: w.plan.name}, true
	}
	if w.search == nil || len(w.ready) == 0 {
		return Hop{}, false
	}
	h := w.ready[0]
	w.ready = w.ready[1:]
	return h, true
}

// found adds a hop, unless it is there or there are enough.
func (w *Walk) found(h Hop) {
	at := place{h.Transport, h.Addr}
	if max := w.r.cfg.MaxTargets; max >= 0 && len(w.seen) >= max {
		return
	}
	for _, s := range w.seen {
		if s == at {
			return
		}
	}
	w.seen = append(w.seen, at)
	if w.r.avoided(h) {
		w.later = append(w.later, h)
	} else {
		w.ready = append(w.ready, h)
	}
}

// advance does what can be done without waiting until there is a hop.
func (w *Walk) advance() {
	for w.search != nil && len(w.ready) == 0 && w.err == nil {
		if !w.started && !w.start(false) {
			return
		}
		if len(w.tasks) == 0 {
			w.finish()
			continue
		}
		t := &w.tasks[len(w.tasks)-1]
		if !t.answered(w) {
			return
		}
		done := *t
		w.tasks = w.tasks[:len(w.tasks)-1]
		done.expand(w)
		if max := w.r.cfg.MaxTargets; max >= 0 && len(w.seen) >= max {
			w.stop()
		}
	}
}

// stop makes an end of asking.
func (w *Walk) stop() { w.tasks, w.names, w.stopped = nil, nil, true }

// start sets out, once it is known which names a short one may stand for. That
// is in a file, which only Next may read.
func (w *Walk) start(mayRead bool) bool {
	name := w.plan.query
	h, read := w.r.hosts.known()
	switch {
	case w.r.cfg.own():
		w.names = []string{name}
	case mayRead:
		c := w.r.setting()
		w.names, h = c.candidates(name), w.r.hosts.get()
	default:
		f, ok := w.r.conf.known()
		if !ok || !read {
			return false
		}
		c := w.r.cfg.overlay(f)
		w.names = c.candidates(name)
	}
	w.noted = !w.r.cfg.own() && h.has(canonical(name))
	w.started = true
	w.begin()
	return true
}

// begin takes the next candidate.
func (w *Walk) begin() {
	name := w.names[0]
	w.names = w.names[1:]
	w.name, w.fallback = name, ""
	w.services, w.last = false, false
	switch p := &w.plan; {
	case w.noted:
		w.push(w.addresses(canonical(p.query), w.r.fallback(p)...))
		w.last = true
	case p.port != 0:
		w.push(w.addresses(name, p.transport))
		w.last = true
	case p.transport != "":
		w.push(w.srv(name, []string{p.transport}))
	default:
		w.push(task{kind: naptrTask, name: name, asks: []asking{{question: question{name, TypeNAPTR}}}})
	}
}

// finish decides what comes when there is nothing left to look up.
func (w *Walk) finish() {
	if !w.last && !w.stopped && !w.services && !w.refused && len(w.seen) == 0 { // RFC 3263 section 4.2
		w.last = true
		if w.fallback != "" {
			w.push(w.addresses(w.name, w.fallback))
		} else {
			w.push(w.addresses(w.name, w.r.fallback(&w.plan)...))
		}
		return
	}
	switch {
	case len(w.later) > 0:
		w.ready, w.later = w.later, nil
	case len(w.seen) > 0:
		w.err = io.EOF
	case w.refused:
		w.err = w.fail(ErrNoService)
	case w.soft != nil:
		w.err = w.fail(w.soft)
	case len(w.names) > 0:
		w.begin()
	default:
		w.err = w.fail(ErrNotFound)
	}
}

// note keeps why a look-up failed, and ends the walk if going on is no use.
func (w *Walk) note(err error) {
	if err == nil || errors.Is(err, ErrNotFound) {
		return
	}
	if w.soft == nil || errors.Is(w.soft, ErrTimeout) {
		w.soft = err
	}
	if errors.Is(err, ErrTimeout) {
		w.timeouts++
	}
	// One question may be of a type that something on the way does not let
	// through. If two have no answer, nobody is there.
	if w.timeouts > 1 || errors.Is(err, ErrClosed) || errors.Is(err, ErrTooManyQueries) {
		w.stop()
	}
}

func (w *Walk) push(t task) {
	if len(t.asks) > 0 && !w.stopped {
		w.tasks = append(w.tasks, t)
	}
}

// pushList puts choices in front of what is to be done.
func (w *Walk) pushList(list []choice) {
	if len(list) > 0 && !w.stopped {
		w.tasks = append(w.tasks, task{kind: listTask, choices: list})
	}
}

// wait starts the look-ups of the task that comes next and waits for them.
func (w *Walk) wait(ctx context.Context) error {
	if !w.started {
		w.start(true)
		return nil
	}
	t := &w.tasks[len(w.tasks)-1]
	if err := t.ask(w); err != nil {
		return err
	}
	if err := t.await(ctx, w); err != nil {
		return err
	}
	t = &w.tasks[len(w.tasks)-1] // it may have been split
	if t.kind == addrTask && t.have(w) {
		t.sources = w.r.findSources(ctx, t.addrs())
	}
	return nil
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
