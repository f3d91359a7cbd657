package nua

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

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
