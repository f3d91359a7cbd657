package nta

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// Incoming is a server transaction: a request that was received, and the way
// to answer it. An ACK that reaches user code is an Incoming without a
// transaction; it cannot be answered. The methods that take no [Step] are safe
// for concurrent use and must not be called from inside a step.
type Incoming struct {
	sh  *shard
	tx  *serverTx // nil for an ACK
	d   *tport.Delivery
	req sip.Request
	tag string // local To tag
	at  time.Time

	where string // user code was called, with Config.Debug

	// Guarded by the shard.
	leg      *Leg
	queue    *serveQueue // nil until something waits in it
	watch    Watch
	ack      bool // it is an ACK
	final    bool // a final response was sent
	over     bool // nobody is to answer any more
	holdEnd  bool // End waits for Watch.Cancel
	serving  bool // user code runs
	async    bool // and has let go of the queue
	canceled bool
	err      error // why it is over
	acked    sip.Request
	ctx      context.Context
	cancel   context.CancelCauseFunc
	wake     chan struct{} // closed when ACK or end comes; nil while nobody waits
}

// Watch is the set of hooks that an engine has on one server transaction. They
// run inside the step; nil funcs are not called.
type Watch struct {
	// Forward says that the request is forwarded: a CANCEL is answered 200, but
	// the 487 is left to whom it was forwarded to, and the same request arriving
	// by another way is not refused as merged.
	Forward bool
	// Cancel runs when a CANCEL came before the final response, after the CANCEL
	// was answered 200 and the INVITE (unless Forward) 487.
	Cancel func(s *Step, cancel sip.Request)
	// Ack runs when the first ACK for our 2xx came.
	Ack func(s *Step, ack sip.Request)
	// End runs once, when nobody is to answer any more: with nil once the final
	// response was sent or, for a 2xx to INVITE, acknowledged; with ErrNoAck
	// when that ACK did not come in 64*T1; with ErrTimeout when a non-INVITE
	// was not answered in that time; with ErrClosed at the end of the agent.
	End func(s *Step, err error)
}

// Watch sets the hooks of an engine, in place of those set before.
func (in *Incoming) Watch(_ *Step, w Watch) { in.watch = w }

// Agent returns the agent that the request came to.
func (in *Incoming) Agent() *Agent { return in.sh.a }

// Ours reports whether a URI means this agent: its host is an address that is
// listened on, or the one that the request was sent to, or one of
// Config.Aliases, and its port is one that is listened on. A proxy takes the top
// Route off when it is ours (RFC 3261 section 16.4).
func (in *Incoming) Ours(uri sip.URI) bool { return in.sh.a.here(uri, in.d) }

// Request returns the request, with Via stamped.
func (in *Incoming) Request() sip.Request { return in.req }

// Delivery returns how the request came.
func (in *Incoming) Delivery() *tport.Delivery { return in.d }

// Flow returns where the request came from.
func (in *Incoming) Flow() *tport.Flow { return in.d.Flow }

// Leg returns the dialog that the request belongs to or has made, nil outside one.
func (in *Incoming) Leg() *Leg {
	in.sh.mu.Lock()
	defer in.sh.mu.Unlock()
	return in.leg
}

// LegStep is [Incoming.Leg] inside a step.
func (in *Incoming) LegStep(*Step) *Leg { return in.leg }

// Tag returns our tag in To: that of the request or, where it has none, the one
// that every response but 100 carries (RFC 3261 section 8.2.6.2).
func (in *Incoming) Tag() string { return in.tag }

// Reply answers the request. Via, From, To (with our tag), Call-ID and CSeq are
// copied; set adds the rest. A 2xx to an INVITE is repeated until its ACK comes
// (RFC 3261 section 13.3.1.4). 101-199 to an INVITE that requires 100rel is sent
// with [Incoming.ReplyReliable]. The error is ErrTooLate after a final response,
// ErrNoReply for an ACK, ErrNotAllowed for what RFC 4320 forbids, that of a
// setter, or a *TransactionError if the transport refused the message; the
// transaction then goes on, and repeats what it repeats.
func (in *Incoming) Reply(status int, set ...msg.Setter) (err error) {
	in.sh.run(func(s *Step) { err = s.Reply(in, status, set...) })
	return err
}

// Reply is [Incoming.Reply] inside a step of the request's shard.
func (s *Step) Reply(in *Incoming, status int, set ...msg.Setter) error {
	if err := in.may(s, status); err != nil {
		return err
	}
	if in.tx.invite && 100 < status && status < 200 && requires100rel(in.req) { // RFC 3262 3
		r, err := s.ReplyReliable(in, status, nil, set...)
		if r != nil {
			r.auto = true
		}
		return err
	}
	resp, err := in.response(status, set)
	if err != nil {
		return err
	}
	in.final = status >= 200
	if l := in.tx.rel; l != nil && status/100 == 2 && l.holds() { // RFC 3262 3
		l.held = resp
		return nil
	}
	return in.tx.answer(s, statusInput(status), resp)
}

// may reports whether a response of this status may be sent now.
func (in *Incoming) may(s *Step, status int) error {
	switch {
	case in.ack:
		return ErrNoReply
	case in.over, in.final:
		return ErrTooLate
	case status < 100 || status > 699:
		return errors.New("nta: status code out of range; use 100 to 699")
	case in.tx.invite:
		return nil
	case status == 408, 100 < status && status < 200: // RFC 4320 4.1, 4.2
		return ErrNotAllowed
	case status == 100 && !in.tx.flow.Reliable() && s.now.Sub(in.at) < in.sh.a.timing[0].answered():
		return ErrNotAllowed
	}
	return nil
}

// response makes a response of our own.
func (in *Incoming) response(status int, set []msg.Setter) (sip.Response, error) {
	a := in.sh.a
	var buf [8]msg.Setter
	own := buf[:0]
	if status > 100 && in.req.ToTag() == "" { // 8.2.6.2
		own = append(own, a.withTag(in.req, in.tag))
	}
	if a.cfg.Server != "" {
		own = append(own, sip.Server.Text(a.cfg.Server).AsRead())
	}
	if status > 100 && status < 300 && in.leg != nil && in.leg.contact != "" && targetRefresh(in.req.Method()) {
		own = append(own, sip.Contact.Text(in.leg.contact).AsRead()) // 12.1.1
	}
	resp, err := sip.NewResponse(in.req, status, append(own, set...)...)
	if err != nil {
		return resp, err
	}
	if contact, ok := a.placeContact(resp, in.Flow()); ok {
		return resp.Edit(contact)
	}
	return resp, nil
}

// withTag is the To of a request with our tag.
func (a *Agent) withTag(req sip.Request, tag string) msg.Setter {
	raw, _ := sip.To.Raw(req)
	if i := strings.IndexFunc(raw, control); i >= 0 { // folded, or escaped in a display name
		to, err := req.To()
		if err != nil {
			return msg.Fail(err)
		}
		if strings.ContainsFunc(to.Display, control) {
			to.Display = "" // what it is called is nothing that a response is matched by
		}
		return sip.To.Set(to.WithTag(tag)).AsRead()
	}
	return sip.To.Text(raw + ";tag=" + tag).AsRead()
}

// control tells an octet that a header is not written with.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// Relay forwards a response that came for this request from further down: our
// Via is taken off, and the transaction is a forwarded one from now on. A 2xx to
// INVITE is passed on as often as it is given here, and its ACK comes to
// Config.Serve or Config.Receive as a request of its own (RFC 6026 section 7.1).
// A 100 is never forwarded (RFC 3261 section 16.7). Errors are those of Reply.
func (in *Incoming) Relay(resp sip.Response) (err error) {
	in.sh.run(func(s *Step) { err = s.Relay(in, resp) })
	return err
}

// Relay is [Incoming.Relay] inside a step of the request's shard.
func (s *Step) Relay(in *Incoming, resp sip.Response) error {
	status := resp.Status()
	again := in.tx != nil && in.tx.inv.state == serverInviteAccepted && in.tx.inv.forwarded && status/100 == 2
	if status == 100 {
		return ErrNotAllowed
	}
	if err := in.may(s, status); err != nil && !again {
		return err
	}
	resp, err := resp.Edit(sip.Via.Pop())
	if err != nil {
		return err
	}
	in.final = status >= 200
	in.watch.Forward = true
	in.tx.inv.forwarded = true
	i := statusInput(status)
	if i == inSuccess {
		i = inForward
	}
	return in.tx.answer(s, i, resp)
}

// Context returns a context that ends with cause [ErrCanceled] when a CANCEL
// comes, with ErrNoAck or ErrTimeout when the transaction is lost, with
// ErrClosed at Shutdown, and otherwise when the request has been answered and
// its user code has returned. It is made on the first call.
func (in *Incoming) Context() context.Context {
	in.sh.mu.Lock()
	defer in.sh.mu.Unlock()
	if in.ctx == nil {
		in.ctx, in.cancel = context.WithCancelCause(in.sh.a.serve)
		switch {
		case in.canceled:
			in.cancel(ErrCanceled)
		case in.over && in.err != nil, in.over && !in.serving:
			in.cancel(in.err)
		}
	}
	return in.ctx
}

// Ack waits for the ACK of the 2xx that answered an INVITE and returns it. The
// error is ErrNoAck when none came in 64*T1, ErrTooLate when the INVITE was not
// answered 2xx, or that of ctx, which bounds the wait only.
func (in *Incoming) Ack(ctx context.Context) (sip.Request, error) {
	if in.tx == nil || !in.tx.invite {
		return sip.Request{}, ErrNotInvite
	}
	for {
		in.sh.mu.Lock()
		if !in.acked.IsZero() {
			in.sh.mu.Unlock()
			return in.acked, nil
		}
		if in.over {
			err := in.err
			in.sh.mu.Unlock()
			if err == nil {
				err = ErrTooLate
			}
			return sip.Request{}, err
		}
		if in.wake == nil {
			in.wake = make(chan struct{})
		}
		wake := in.wake
		in.sh.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return sip.Request{}, context.Cause(ctx)
		}
	}
}

// takeAck completes Ack and the hook of the engine.
func (in *Incoming) takeAck(s *Step, ack sip.Request) {
	in.acked = ack
	in.notify()
	if in.watch.Ack != nil {
		in.watch.Ack(s, ack)
	}
}

// takeCancel is a CANCEL that came in time (9.2).
func (in *Incoming) takeCancel(s *Step, cancel sip.Request) {
	in.sh.a.count.canceled.Add(1)
	in.canceled = true
	if in.cancel != nil {
		s.Defer(func() { in.cancel(ErrCanceled) })
	}
	in.holdEnd = true
	if !in.watch.Forward {
		s.Reply(in, 487)
	}
	if in.watch.Cancel != nil {
		in.watch.Cancel(s, cancel)
	}
	in.holdEnd = false
	if in.over {
		in.end(s)
	}
}

// ended is told once that nobody is to answer any more.
func (in *Incoming) ended(s *Step, err error) {
	in.over, in.err = true, err
	in.notify()
	if in.cancel != nil && (err != nil || !in.serving) {
		s.Defer(func() { in.cancel(err) })
	}
	in.sh.traceEnded(s, in.req, true, err)
	if !in.holdEnd {
		in.end(s)
	}
}

func (in *Incoming) end(s *Step) {
	if f := in.watch.End; f != nil {
		in.watch.End = nil
		f(s, in.err)
	}
}

func (in *Incoming) notify() {
	if in.wake != nil {
		close(in.wake)
		in.wake = nil
	}
}
