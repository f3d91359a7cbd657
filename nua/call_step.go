package nua

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

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
	if c.leg != nil && c.change.orphan == nil { // else its response closes it
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
