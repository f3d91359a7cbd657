package nua

import (
	"context"
	"errors"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

const (
	// maxEarly bounds the early dialogs of one INVITE: a forking proxy may
	// make as many as it likes.
	maxEarly = 16
	// maxExtra bounds the extra 2xx of one INVITE that are ended one by one.
	maxExtra = 16
)

// caller is the part of a call we began: its INVITE and what came of it.
type caller struct {
	o         outside
	contact   sip.NameAddr
	set       []msg.Setter // the user's headers
	started   *pending     // Invite waits for the INVITE to leave
	attempt   int          // of the INVITE; answers to older ones are dropped
	out       *nta.Outgoing
	sendErr   error
	early     map[string]*nta.Leg // early dialogs by To tag
	extra     map[string]bool     // To tags of extra 2xx, being ended
	success   sip.Response        // the 2xx of the call
	acked     bool
	ackSet    []msg.Setter // the user's headers for the ACK
	ackAsked  bool         // Ack was called
	acking    *pending
	challenge sip.Response // what Authenticate answers
}

// inviteResponse takes everything that comes back for the INVITE.
func (c *Call) inviteResponse(s *nta.Step, o *nta.Outgoing, r sip.Response, err error) {
	if err != nil {
		c.inviteFailed(s, r, err)
		return
	}
	switch status := r.Status(); {
	case status == 100:
	case status < 200:
		c.provisional(s, o, r)
	case status < 300:
		c.succeeded(s, o, r)
	default:
		c.refused(s, r)
	}
}

// result appends the r_invite event.
func (c *Call) result(status int, r sip.Response, err error) {
	ev := InviteResult{eventBase: c.base(), Status: status, Response: r, Err: err}
	if !r.IsZero() {
		ev.Phrase = r.Phrase()
	}
	c.events.put(ev)
}

// inviteFailed takes a timeout or a transport error.
func (c *Call) inviteFailed(s *nta.Step, _ sip.Response, err error) {
	var failed *nta.TransactionError
	status := 503
	if errors.As(err, &failed) {
		status = failed.Status()
	}
	c.result(status, sip.Response{}, err)
	c.fail(err)
	c.fire(s, inputFailure, occasion{status: status})
}

// refused takes 300–699.
func (c *Call) refused(s *nta.Step, r sip.Response) {
	o := occasion{status: r.Status(), phrase: r.Phrase(), resp: r}
	var cause error
	if challenges(r) && !c.m.canceled && c.m.state < Completing {
		cause = c.auth.Respond(r)
		if cause == nil {
			c.result(100, r, nil)
			c.fire(s, inputRetry, o)
			c.checkSent(s)
			return
		}
		if c.opt.manualAuth && errors.Is(cause, auth.ErrNoCredentials) {
			c.caller.challenge = r
			c.result(r.Status(), r, nil)
			c.fire(s, inputChallenge, o)
			return
		}
	}
	c.result(r.Status(), r, nil)
	if !c.m.canceled {
		c.fail(refusedError(r, cause))
	}
	c.fire(s, inputFailure, o)
}

// Authenticate gives credentials to a call in Authenticating (see
// CallConfig.ManualAuth); the INVITE is sent again with them. In any other
// state it returns ErrWrongState.
func (c *Call) Authenticate(users ...auth.User) error {
	var err error
	c.step(func(s *nta.Step) {
		if c.m.state != Authenticating {
			err = c.wrongState("authenticate")
			return
		}
		challenge := c.caller.challenge
		c.auth = c.ua.authClient(users)
		if err = c.auth.Respond(challenge); err != nil {
			return
		}
		c.fire(s, inputAuthenticate, occasion{})
		if !c.checkSent(s) {
			err = c.failure
		}
	})
	return err
}

// provisional takes 101–199 (C2).
func (c *Call) provisional(s *nta.Step, o *nta.Outgoing, r sip.Response) {
	c.result(r.Status(), r, nil)
	tag := r.ToTag()
	if tag != "" {
		c.earlyDialog(s, o, r, tag)
	}
	if text, ok := sessionBody(r); ok && c.media.open == ours && c.m.state < Completing {
		// An answer in an unreliable response holds unless the 2xx comes from
		// another branch (RFC 3261 13.2.1).
		c.media.moved.answerReceived = true
		c.media.setAnswer(c, s, text, tag, func(s *nta.Step, err error) {
			if err == nil || c.m.state >= Completing {
				return // with a 2xx, completing finds the error
			}
			c.mediaFailed(s, err)
			c.fire(s, inputMediaFailed, occasion{status: errorStatus(err), reason: mediaReason(err)})
		})
	}
	c.fire(s, inputProvisional, occasion{status: r.Status(), phrase: r.Phrase(), resp: r})
}

// earlyDialog makes the dialog that a provisional response with a To tag
// begins (RFC 3261 12.1.2), so that requests in it are ours.
func (c *Call) earlyDialog(s *nta.Step, o *nta.Outgoing, r sip.Response, tag string) {
	k := &c.caller
	if k.early[tag] != nil || len(k.early) >= maxEarly || !sip.Contact.Has(r) {
		return
	}
	leg, err := o.NewLeg(s, r, c.legConfig())
	if err != nil {
		return
	}
	if k.early == nil {
		k.early = map[string]*nta.Leg{}
	}
	k.early[tag] = leg
}

func (c *Call) legConfig() nta.LegConfig {
	return nta.LegConfig{Receive: c.receive}
}

// closeEarly ends the early dialogs except one.
func (k *caller) closeEarly(s *nta.Step, except *nta.Leg) {
	for _, leg := range k.early {
		if leg != except {
			leg.Close(s)
		}
	}
	k.early = nil
}

// succeeded takes a 2xx: the first makes the call (C3), a retransmission is
// nta's to acknowledge, one from another branch is ended at once.
func (c *Call) succeeded(s *nta.Step, out *nta.Outgoing, r sip.Response) {
	k := &c.caller
	tag := r.ToTag()
	if c.leg != nil {
		if tag != c.leg.RemoteTag() {
			c.endExtra(s, out, r, tag)
		}
		return
	}
	if c.m.state == Terminated {
		c.endExtra(s, out, r, tag)
		return
	}
	leg := k.early[tag]
	if leg != nil {
		leg.Refresh(s, r) // RFC 3261 13.2.2.4: the 2xx says it again
	} else {
		var err error
		if leg, err = out.NewLeg(s, r, c.legConfig()); err != nil {
			// A 2xx without a usable Contact makes no dialog that could carry
			// ACK or BYE.
			c.result(r.Status(), r, err)
			c.fail(&Error{Op: "invite", Err: err})
			c.fire(s, inputFailure, occasion{status: r.Status(), phrase: r.Phrase()})
			return
		}
	}
	c.leg, k.success = leg, r
	k.closeEarly(s, leg)
	c.result(r.Status(), r, nil)
	c.auth.Done(r)
	if text, ok := sessionBody(r); ok && !c.m.canceled {
		c.media.noteFinal(text, c.opt.offerless)
	}
	if !c.fire(s, inputSuccess, occasion{status: r.Status(), phrase: r.Phrase(), resp: r, out: out}) {
		return
	}
	if c.m.state == Completing {
		c.completing(s, r, tag)
	}
}

// completing processes the session description of the 2xx.
func (c *Call) completing(s *nta.Step, r sip.Response, tag string) {
	text, has := sessionBody(r)
	settle := func(s *nta.Step, err error) {
		if c.m.state != Completing {
			return
		}
		if err != nil {
			c.mediaFailed(s, err)
			c.fire(s, inputMediaFailed, occasion{status: errorStatus(err), reason: mediaReason(err)})
			return
		}
		c.media.settled = true
		c.tryAck(s)
	}
	switch {
	case c.media.open == ours && !has, c.opt.offerless && !has:
		settle(s, ErrNoAnswer)
	case c.opt.offerless:
		// The ACK must carry our answer, so it waits (RFC 3261 13.2.2.4).
		c.media.answer(c, s, text, settle)
	case c.media.open == ours:
		c.ackEarly(s)
		c.media.setAnswer(c, s, text, tag, settle)
	default:
		c.ackEarly(s)
		// Answered by a provisional response. What the same branch says now
		// is a repetition; another branch's answer needs a new exchange.
		c.media.stale = has && c.media.answeredBy != tag && c.media.answeredBy != ""
		c.media.afterAnswer(c, s, settle)
	}
}

// ackEarly acknowledges at once when the ACK carries no answer: the engine may
// need longer than the peer's patience.
func (c *Call) ackEarly(s *nta.Step) {
	if !c.opt.manualAck {
		c.sendAck(s)
	}
}

// tryAck takes C4 when the media is settled and the user, if asked for, agreed.
func (c *Call) tryAck(s *nta.Step) {
	k := &c.caller
	if c.m.state != Completing || !c.media.settled || c.opt.manualAck && !k.ackAsked {
		return
	}
	c.fire(s, inputAck, occasion{})
	k.acking.finish(nil)
	if c.media.stale {
		c.media.stale = false
		c.queueChange(s, &reinvite{})
	}
}

// sendAck acknowledges the 2xx, once; nta repeats it for each retransmission.
func (c *Call) sendAck(s *nta.Step) {
	k := &c.caller
	if c.incoming || k.acked || c.leg == nil || k.success.IsZero() {
		return
	}
	k.acked = true
	var set []msg.Setter
	switch {
	case !c.opt.offerless:
	case c.media.settled && c.media.local != "":
		set = append(set, sip.Payload("application/sdp", c.media.local))
	default:
		set = append(set, c.decline(k.success)...)
	}
	set = append(set, k.ackSet...)
	if err := c.leg.Ack(s, k.success, set...); err != nil {
		c.warn(s, "ACK not sent", err)
	}
}

// Ack acknowledges the 2xx of a call with ManualAck. It returns nil when the
// call is Ready, or why it is not. Without ManualAck, or in another state than
// Completing, it returns ErrWrongState. ctx bounds the wait.
func (c *Call) Ack(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	c.step(func(s *nta.Step) {
		k := &c.caller
		if c.m.state != Completing || !c.opt.manualAck || k.ackAsked {
			p.finish(c.wrongState("ack"))
			return
		}
		k.ackAsked, k.ackSet, k.acking = true, set, p
		c.tryAck(s)
	})
	return p.wait(ctx)
}

// sendCancel cancels the INVITE; nta holds the CANCEL until a provisional
// response came (RFC 3261 9.1).
func (c *Call) sendCancel(s *nta.Step, o occasion) {
	var set []msg.Setter
	if o.reason != "" {
		set = append(set, sip.Reason.Text(o.reason))
	}
	if c.caller.out == nil {
		return
	}
	if err := c.caller.out.CancelStep(s, set...); err != nil && !errors.Is(err, nta.ErrTooLate) {
		c.warn(s, "CANCEL not sent", err)
	}
}

// endExtra acknowledges and ends a dialog nobody wants: an extra 2xx of a
// forked INVITE (RFC 3261 13.2.2.4).
func (c *Call) endExtra(s *nta.Step, out *nta.Outgoing, r sip.Response, tag string) {
	k := &c.caller
	if k.extra[tag] || len(k.extra) >= maxExtra {
		return // nta acknowledges the retransmissions
	}
	leg, err := out.NewLeg(s, r, nta.LegConfig{})
	if err != nil {
		return
	}
	if k.extra == nil {
		k.extra = map[string]bool{}
	}
	k.extra[tag] = true
	var set []msg.Setter
	if c.opt.offerless {
		set = c.decline(r)
	}
	_ = leg.Ack(s, r, set...)
	c.byeLeg(s, leg, func(s *nta.Step, _ error) { leg.Close(s) })
}
