package nua

import (
	"context"
	"errors"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

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

// sendBye ends the confirmed dialog (C5, C7–C9, S4', S5, T2, T4).
func (c *Call) sendBye(s *nta.Step, o occasion) {
	if c.leg == nil {
		return
	}
	var set []msg.Setter
	if o.reason != "" {
		set = append(set, sip.Reason.Text(o.reason))
	}
	set = append(set, c.lane.byeHeaders...)
	done := func(s *nta.Step, status int) {
		c.fire(s, inputByeFinal, occasion{status: status, phrase: sip.StatusText(status)})
	}
	if err := c.authorized(s, c.leg, sip.MethodBye, set, func(s *nta.Step, r sip.Response, err error) {
		// Whatever the answer, the call is over (RFC 3261 15.1.1).
		if err != nil {
			done(s, transactionStatus(err))
			return
		}
		done(s, r.Status())
	}); err != nil {
		// The row that sent the BYE has not returned yet: end in a step of its own.
		s.Defer(func() { c.step(func(s *nta.Step) { done(s, 503) }) })
	}
}

// byeLeg ends a dialog that never was the call's.
func (c *Call) byeLeg(s *nta.Step, leg *nta.Leg, done func(*nta.Step, error)) {
	if err := c.authorized(s, leg, sip.MethodBye, nil, func(s *nta.Step, _ sip.Response, err error) {
		done(s, err)
	}); err != nil {
		done(s, err)
	}
}

// transactionStatus is the code a failed transaction stands for.
func transactionStatus(err error) int {
	if t, ok := asTransaction(err); ok {
		return t.Status()
	}
	return 503
}
