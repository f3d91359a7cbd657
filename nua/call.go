package nua

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// Call is one call, made by [UA.Invite] or given to [Handler].Invite. It goes
// through the states of [CallState]; what the protocol asks for (ACK,
// retransmissions, credentials, answers to BYE and CANCEL) happens whether or
// not anyone reads its events.
//
// Its methods are safe for concurrent use. A context given to a method bounds
// that wait only; what was begun goes on and is told by events. The one
// exception is the context of [UA.Invite].
type Call struct {
	ua       *UA
	id       string // Call-ID
	incoming bool
	opt      callOptions
	auth     *auth.Client
	events   *source

	// What follows is guarded by the shard of id.

	m         machine
	depth     int // of rows being performed
	invite    sip.Request
	leg       *nta.Leg // the confirmed or (callee) early dialog
	failure   error    // why the call ends, nil when it ends well
	timer     *nta.Timer
	unwatch   func() bool // stops watching the context of Invite
	endInvite context.CancelCauseFunc
	byes      []*pending
	caller    caller
	callee    callee
	media     media
	change    changes
	lane      lane

	// What any goroutine may read.

	mu   sync.Mutex // a leaf
	view callView
}

// callOptions is CallConfig with the defaults filled in.
type callOptions struct {
	offerless, manualAuth, manualAck, manualReinvite bool
	inviteTimeout                                    time.Duration
	engine                                           Engine
	media                                            string
}

// callView is what the getters show.
type callView struct {
	state         CallState
	seen          uint16 // bits of the states the call was in
	err           error
	request       sip.Request
	local, remote string
	engine        Engine
	changed       chan struct{} // closed at the next change; nil when nobody waits
	done          chan struct{} // closed at the end; nil when nobody asked
}

// pending is an operation some goroutine waits for.
type pending struct {
	done chan struct{}
	err  error
	resp sip.Response
}

func newPending() *pending { return &pending{done: make(chan struct{})} }

// finish ends the wait, once; it may be called inside a step.
func (p *pending) finish(err error) {
	if p == nil {
		return
	}
	select {
	case <-p.done:
	default:
		p.err = err
		close(p.done)
	}
}

// wait returns the result, or ctx's error when that ends first.
func (p *pending) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newCall(u *UA, id string, incoming bool, q *Queue) *Call {
	c := &Call{ua: u, id: id, incoming: incoming, change: changes{re: newExchange()}}
	shared := true
	if q == nil {
		q = u.cfg.Events
	}
	if q == nil {
		q, shared = NewQueue(u.cfg.EventBuffer), false
	}
	c.events = q.attach(c, shared)
	return c
}

// step runs f in the call's shard.
func (c *Call) step(f func(*nta.Step)) { c.ua.agent.Step(c.id, f) }

func (c *Call) handle() *source { return c.events }

// ID returns the Call-ID.
func (c *Call) ID() string { return c.id }

// Incoming reports whether the peer began the call.
func (c *Call) Incoming() bool { return c.incoming }

// State returns the state of the call.
func (c *Call) State() CallState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.state
}

// Err returns why the call failed or was given up: ErrCanceled, ErrTimeout, a
// *sip.StatusError, a *nta.TransactionError, or an *Error about the media. It
// is nil while the call lives and when it ended with BYE.
func (c *Call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.err
}

// Done returns a channel that is closed when the call is terminated. It is
// made at the first call; a call nobody asks keeps no channel.
func (c *Call) Done() <-chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view.state == Terminated {
		close(done)
		return done
	}
	if c.view.done == nil {
		c.view.done = done
	}
	return c.view.done
}

// Request returns the INVITE that began the call: the one received, or the one
// sent last (credentials change it).
func (c *Call) Request() sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.request
}

// LocalSDP returns the session description sent last, empty before the first.
func (c *Call) LocalSDP() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.local
}

// RemoteSDP returns the session description received last, empty before the first.
func (c *Call) RemoteSDP() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.remote
}

// Engine returns the media engine, nil before its first use. The call makes
// calls to it; treat it as read only.
func (c *Call) Engine() Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.engine
}

// Wait returns nil once the call is in the given state or has passed it on the
// way to being established. When the call ends without, it returns what
// [Call.Err] says, or [ErrClosed] if the call ended well. When ctx ends first
// it returns its cause.
func (c *Call) Wait(ctx context.Context, want CallState) error {
	for {
		c.mu.Lock()
		now := c.view.state
		switch {
		case now == want, now < Terminating && (now > want && want != Authenticating || c.view.seen&(1<<want) != 0),
			now == Terminated && want == Terminating:
			c.mu.Unlock()
			return nil
		case now == Terminated || now == Terminating && want != Terminated:
			err := c.view.err
			c.mu.Unlock()
			if err == nil {
				err = ErrClosed
			}
			return err
		}
		if c.view.changed == nil {
			c.view.changed = make(chan struct{})
		}
		changed := c.view.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Next returns the call's next event, waiting for one until ctx ends. Several
// goroutines may share the events; each goes to one. After the last event
// (StateChanged with Terminated) it returns [ErrClosed].
func (c *Call) Next(ctx context.Context) (Event, error) {
	return c.events.q.next(ctx, c.events)
}

// Events returns the call's events in order until the last one or until ctx
// ends, whose error is then yielded. It is single-use.
func (c *Call) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { pull(ctx, c.Next, yield) }
}

// base is the handle part of an event of this call.
func (c *Call) base() eventBase { return eventBase{c} }

// occasion is what comes with an input: what the effects need and what the
// state event tells.
type occasion struct {
	status int
	phrase string
	set    []msg.Setter  // for a response
	resp   sip.Response  // to our INVITE
	out    *nta.Outgoing // that it came on
	bye    *nta.Incoming // the peer's BYE
	reason string        // Reason of a BYE or CANCEL
}

// fire gives the machine an input, performs the row's effects and reports the
// new state. It returns false when the input means nothing now.
func (c *Call) fire(s *nta.Step, in input, o occasion) bool {
	from := c.m.state
	t, ok := c.m.step(in)
	if !ok {
		return false
	}
	c.depth++
	c.perform(s, t.do, o)
	c.depth--
	if to := c.m.state; to != from || c.media.moved.any() || to == Terminated {
		c.report(from, t.name, o)
	}
	if trace := c.ua.cfg.Trace; trace != nil && trace.Transition != nil {
		to := c.m.state
		s.Defer(func() { trace.Transition(c, t.name, from, to) })
	}
	if t.do&end != 0 {
		c.release(s)
	}
	return true
}

// fireFor is fire for an input that ends the call for a reason. The reason is
// only noted when the input means something now: what fails while the call is
// ending well does not make it end badly.
func (c *Call) fireFor(s *nta.Step, why error, in input, o occasion) bool {
	if _, ok := c.m.find(in); !ok {
		return false
	}
	c.fail(why)
	return c.fire(s, in, o)
}

// later runs f now or, when a row is being performed, in a step of its own
// afterwards: what is sent inside a row may fail at once, and a machine takes
// one input at a time.
func (c *Call) later(s *nta.Step, f func(*nta.Step)) {
	if c.depth == 0 {
		f(s)
		return
	}
	s.Defer(func() { c.step(f) })
}

// perform does what a row asks for, in the order of the bits.
func (c *Call) perform(s *nta.Step, do effect, o occasion) {
	if do&sendInvite != 0 {
		c.sendInvite(s)
	}
	if do&sendCancel != 0 {
		c.sendCancel(s, o)
	}
	if do&sendAck != 0 {
		c.sendAck(s)
	}
	if do&sendBye != 0 {
		c.sendBye(s, o)
	}
	if do&(replyRinging|replySuccess|replyFailure) != 0 {
		c.replyInvite(s, o)
	}
	if do&replyBye != 0 {
		_ = s.Reply(o.bye, 200, c.ua.responseHeaders()...)
	}
	if do&replyGone != 0 {
		_ = s.Reply(c.callee.in, 487, c.ua.responseHeaders()...)
	}
	if do&holdBye != 0 {
		c.callee.byeHeld = true
	}
	if do&activate != 0 {
		c.established(s)
	}
	if do&(sendBye|end) != 0 {
		c.leaving(s)
	}
}

// report publishes the state and appends the state event.
func (c *Call) report(from CallState, row string, o occasion) {
	to := c.m.state
	ev := StateChanged{
		eventBase: c.base(), State: to, Previous: from, Transition: row,
		Status: o.status, Phrase: o.phrase,
	}
	if to == Terminating || to == Terminated {
		ev.Err = c.failure
	}
	c.media.fill(&ev)
	c.publish(func(v *callView) {
		v.state = to
		v.seen |= 1 << to
		v.err = ev.Err
		v.local, v.remote = c.media.local, c.media.remote
		v.request = c.invite
	})
	if to == Terminated {
		c.events.last(ev)
	} else {
		c.events.put(ev)
	}
}

// publish changes the view and wakes who waits for a change.
func (c *Call) publish(f func(*callView)) {
	c.mu.Lock()
	f(&c.view)
	if c.view.changed != nil {
		close(c.view.changed)
		c.view.changed = nil
	}
	if c.view.state == Terminated && c.view.done != nil {
		close(c.view.done)
		c.view.done = nil
	}
	c.mu.Unlock()
}

// fail notes why the call ends; the first reason stays.
func (c *Call) fail(err error) {
	if c.failure == nil {
		c.failure = err
	}
}

// established runs at C4 and S4: the call is up.
func (c *Call) established(s *nta.Step) {
	c.timer.Stop(s)
	c.unwatchContext(s)
	c.media.activate(c, s)
	if len(c.change.waiting) > 0 {
		s.Defer(func() { c.step(c.nextChange) })
	}
}

// leaving runs when the call begins to end or has ended: nobody may wait for
// what will not come any more.
func (c *Call) leaving(s *nta.Step) {
	c.timer.Stop(s)
	c.unwatchContext(s)
	c.media.interrupt(s)
	c.abortChanges(s)
	err := c.goneError()
	c.caller.started.finish(err)
	c.caller.acking.finish(err)
	c.callee.answering.finish(err)
	c.lane.abort(err)
}

// goneError is what methods return once the call is ending.
func (c *Call) goneError() error {
	if c.failure != nil {
		return c.failure
	}
	return ErrClosed
}

// release runs once, at the end of a call, after the last event.
func (c *Call) release(s *nta.Step) {
	c.leaving(s)
	c.caller.closeEarly(s, nil)
	if c.leg != nil {
		c.leg.Close(s)
	}
	c.media.close(c, s)
	for _, p := range c.byes {
		p.finish(nil)
	}
	c.byes = nil
	if f := c.endInvite; f != nil {
		c.endInvite = nil
		cause := c.goneError()
		s.Defer(func() { f(cause) })
	}
	c.ua.release(c)
}

// unwatchContext stops watching the context of Invite.
func (c *Call) unwatchContext(s *nta.Step) {
	if f := c.unwatch; f != nil {
		c.unwatch = nil
		s.Defer(func() { f() })
	}
}

// drop ends the call at once, without a message.
func (c *Call) drop() {
	c.step(func(s *nta.Step) {
		if c.m.state == Terminated {
			return
		}
		c.fail(ErrClosed)
		from := c.m.state
		c.m.state = Terminated
		c.report(from, "drop", occasion{})
		c.release(s)
	})
}

// shutdown starts the end of the call in the way its state asks for.
func (c *Call) shutdown() {
	c.step(func(s *nta.Step) { c.hangUp(s, ErrClosed) })
}

// hangUp ends the call from any state. why is noted unless the call is
// established, where a BYE is a good end.
func (c *Call) hangUp(s *nta.Step, why error) {
	switch c.m.state {
	case Terminating, Terminated:
		return
	case Ready, Completed:
	default:
		c.fail(why)
	}
	o := occasion{}
	if c.m.state == Received || c.m.state == Early {
		o.status = 480
	}
	c.fire(s, inputBye, o)
	if c.callee.byeHeld {
		c.hurryBye(s)
	}
}

// Bye ends the call: an established one with BYE, one still being made with
// CANCEL (a 2xx that crosses it is acknowledged and ended), an incoming one
// with 480. It returns nil when the call is terminated, or ctx's cause when
// that ends first; the call ends all the same. The setters go into the BYE. A
// call that has ended already is no error.
func (c *Call) Bye(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	c.step(func(s *nta.Step) {
		if c.m.state == Terminated {
			p.finish(nil)
			return
		}
		c.lane.byeHeaders = set
		c.byes = append(c.byes, p)
		c.hangUp(s, ErrCanceled)
	})
	return p.wait(ctx)
}

// Cancel gives up a call that is not established yet. It does not wait: the
// call ends with ErrCanceled when the peer has answered. An incoming call is
// refused with 480. An established call returns ErrWrongState; use Bye.
func (c *Call) Cancel() error { return c.cancel(ErrCanceled) }

// cancel gives the call up for a reason.
func (c *Call) cancel(why error) error {
	var err error
	c.step(func(s *nta.Step) {
		if c.m.canceled || c.m.state == Terminating || c.m.state == Terminated {
			return
		}
		if c.incoming && (c.m.state == Received || c.m.state == Early) {
			c.hangUp(s, why)
			return
		}
		if !c.fireFor(s, why, inputCancel, occasion{}) {
			err = &Error{Op: "cancel", Err: ErrWrongState}
		}
	})
	return err
}

// warn logs after the step: a logger is user code.
func (c *Call) warn(s *nta.Step, text string, err error) {
	s.Defer(func() { c.ua.log.Warn("nua: "+text, "call", c.id, "err", err) })
}

// wrongState is the error of a method called in a state that forbids it.
func (c *Call) wrongState(op string) error {
	if c.m.state >= Terminating {
		if c.failure != nil {
			return &Error{Op: op, Err: errors.Join(ErrWrongState, c.failure)}
		}
	}
	return &Error{Op: op, Err: ErrWrongState}
}
