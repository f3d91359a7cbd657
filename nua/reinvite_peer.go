package nua

import (
	"context"
	"strconv"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// peerChange is the re-INVITE of the peer that is open.
type peerChange struct {
	in     *nta.Incoming
	offer  string
	serial int // tells one re-INVITE from the next
	busy   bool
	op     *pending // AcceptReinvite waits
	set    []msg.Setter
	timer  *nta.Timer
}

// reinviteReceived takes an INVITE inside the dialog (RFC 3261 14.2).
func (c *Call) reinviteReceived(s *nta.Step, in *nta.Incoming) {
	h := &c.change
	req := in.Request()
	refuse := func(status int, set ...msg.Setter) {
		_ = s.Reply(in, status, c.ua.responseHeaders(set...)...)
	}
	switch {
	case c.m.state == Received || c.m.state == Early || h.re.state == Received:
		// Not before our own final response to the one before.
		refuse(500, sip.RetryAfter.Text(strconv.Itoa(int(c.ua.chance()*11))))
		return
	case c.m.state != Ready || h.re.ours() || c.media.open == ours:
		refuse(491) // an offer, or an exchange that may hold one, is open
		return
	}
	offer, status, set := c.ua.checkOffer(req)
	if status != 0 {
		refuse(status, set...)
		return
	}
	p := &h.peer
	p.timer.Stop(s)
	p.serial++
	p.in, p.offer, p.busy, p.op, p.set = in, offer, false, nil, nil
	serial := p.serial
	mine := func() bool { return c.m.state == Ready && h.peer.serial == serial && h.peer.in != nil }
	in.Watch(s, nta.Watch{
		Cancel: func(s *nta.Step, cancel sip.Request) {
			if mine() && h.re.state == Received {
				c.events.put(CancelReceived{eventBase: c.base(), Request: cancel})
				c.peerChangeGone(s, exchangeCanceled, occasion{status: 487, phrase: sip.StatusText(487)}, ErrCanceled)
			}
		},
		Ack: func(s *nta.Step, ack sip.Request) {
			if mine() && h.re.state == Completed {
				c.peerChangeAcked(s, ack)
			}
		},
		End: func(s *nta.Step, err error) {
			if err == nil || !mine() {
				return
			}
			switch h.re.state {
			case Completed:
				c.peerChangeBroken(s, ErrNoAck, 408)
			case Received:
				c.peerChangeGone(s, exchangeCanceled, occasion{status: 503}, err)
			}
		},
	})
	if offer != "" {
		c.media.moved.offerReceived = true
		c.media.remote = offer
	}
	c.fireChange(s, exchangeReceived, occasion{}, nil)
	if limit := c.ua.cfg.answerTimeout(); limit > 0 {
		p.timer = s.After(limit, func(s *nta.Step) {
			if mine() && h.re.state == Received {
				// The call must survive: 480 would end it (RFC 5057).
				c.rejectPeerChange(s, 500, []msg.Setter{sip.RetryAfter.Text("10")}, ErrTimeout)
			}
		})
	}
	if c.opt.manualReinvite {
		c.events.put(ReinviteReceived{eventBase: c.base(), Request: req, RemoteSDP: offer})
		return
	}
	c.answerPeerChange(s)
}

// AcceptReinvite answers the peer's re-INVITE that a [ReinviteReceived] told
// of. It returns nil once the 200 is sent, and the engine's error when it
// refused the offer, which the peer is then told; ErrWrongState when none
// waits. ctx bounds the wait.
func (c *Call) AcceptReinvite(ctx context.Context, set ...msg.Setter) error {
	op := newPending()
	c.step(func(s *nta.Step) {
		p := &c.change.peer
		if c.m.state != Ready || c.change.re.state != Received || p.busy {
			op.finish(&Error{Op: "accept re-INVITE", Err: ErrWrongState})
			return
		}
		p.op, p.set = op, set
		c.answerPeerChange(s)
	})
	return op.wait(ctx)
}

// RejectReinvite refuses the peer's re-INVITE with a status from 300 to 699;
// the session stays as it was. 488 is what says no more than no. Codes that
// RFC 5057 counts as the end of the dialog (404, 480, 481 …) make most peers end
// the call. It returns ErrWrongState when no re-INVITE waits.
func (c *Call) RejectReinvite(status int, set ...msg.Setter) error {
	var err error
	c.step(func(s *nta.Step) {
		if c.m.state != Ready || c.change.re.state != Received || c.change.peer.busy || status < 300 || status > 699 {
			err = &Error{Op: "reject re-INVITE", Err: ErrWrongState}
			return
		}
		c.rejectPeerChange(s, status, set, nil)
	})
	return err
}

// answerPeerChange has the engine answer, or offer when the peer wants that (R9).
func (c *Call) answerPeerChange(s *nta.Step) {
	h := &c.change
	p := &h.peer
	p.busy = true
	serial := p.serial
	done := func(s *nta.Step, err error) {
		if c.m.state != Ready || p.serial != serial || h.re.state != Received {
			return
		}
		p.busy = false
		if err != nil {
			c.events.put(MediaError{eventBase: c.base(), Err: err, Status: errorStatus(err)})
			status, set := c.refusal(err)
			c.rejectPeerChange(s, status, set, &Error{Op: "media", Err: err})
			return
		}
		p.timer.Stop(s)
		c.leg.Refresh(s, p.in.Request()) // the 2xx makes the target hold (RFC 3261 12.2.2)
		c.fireChange(s, exchangeAnswer, occasion{status: 200, phrase: sip.StatusText(200)}, func() {
			set := []msg.Setter{sip.Contact.Set(c.contact()), sip.Payload("application/sdp", c.media.local)}
			_ = s.Reply(p.in, 200, c.ua.responseHeaders(append(set, p.set...)...)...)
		})
		p.op.finish(nil)
	}
	if p.offer != "" {
		c.media.answer(c, s, p.offer, done)
	} else {
		// Asked for a full offer: everything we have (RFC 3261 14.2).
		c.media.offerAfter(c, s, renew, done)
	}
}

// renewer is an Engine that can tell a full offer from a repeated one;
// soa.Session can.
type renewer interface{ Renew() }

func renew(e Engine) error {
	if r, ok := e.(renewer); ok {
		r.Renew()
	}
	return nil
}

// rejectPeerChange refuses the peer's re-INVITE (R10).
func (c *Call) rejectPeerChange(s *nta.Step, status int, set []msg.Setter, err error) {
	_ = s.Reply(c.change.peer.in, status, c.ua.responseHeaders(set...)...)
	c.peerChangeGone(s, exchangeReject, occasion{status: status, phrase: sip.StatusText(status)}, err)
}

// peerChangeGone ends the peer's re-INVITE without a change (R10, R11).
func (c *Call) peerChangeGone(s *nta.Step, in exchangeInput, o occasion, err error) {
	p := &c.change.peer
	p.timer.Stop(s)
	c.fireChange(s, in, o, func() { c.media.rollback(c, s, nil) })
	p.in, p.busy = nil, false
	p.op.finish(err)
	c.resumeChanges(s)
}

// peerChangeAcked takes the ACK to our 2xx (R12).
func (c *Call) peerChangeAcked(s *nta.Step, ack sip.Request) {
	p := &c.change.peer
	serial := p.serial
	c.events.put(AckReceived{eventBase: c.base(), Request: ack})
	done := func(s *nta.Step, err error) {
		if c.m.state != Ready || p.serial != serial || c.change.re.state != Completed {
			return
		}
		if err != nil {
			c.mediaFailed(s, err)
			c.peerChangeBroken(s, err, errorStatus(err))
			return
		}
		p.timer.Stop(s)
		c.fireChange(s, exchangeAckReceived, occasion{}, func() { c.media.activate(c, s) })
		p.in = nil
		c.resumeChanges(s)
	}
	if c.media.open != ours {
		done(s, nil)
		return
	}
	answer, ok := sessionBody(ack)
	if !ok {
		done(s, ErrNoAnswer)
		return
	}
	c.media.moved.answerReceived = true
	c.media.setAnswer(c, s, answer, "", done)
	if limit := c.ua.cfg.answerTimeout(); limit > 0 {
		p.timer = s.After(limit, func(s *nta.Step) { done(s, ErrTimeout) }) // the engine is lost in it
	}
}

// peerChangeBroken ends the call: we answered, and the peer never agreed (R13).
func (c *Call) peerChangeBroken(s *nta.Step, err error, status int) {
	c.fireChange(s, exchangeBroken, occasion{status: status}, nil)
	c.change.peer.in = nil
	c.fireFor(s, err, inputGraceful, occasion{status: status, phrase: sip.StatusText(status), reason: reason(status)})
}

// resumeChanges lets our changes go on after the peer's.
func (c *Call) resumeChanges(s *nta.Step) { c.nextChange(s) }

// refuseChanges answers an open re-INVITE of the peer when the call ends.
func (c *Call) refuseChanges(s *nta.Step, status int) {
	h := &c.change
	p := &h.peer
	p.timer.Stop(s)
	if p.in != nil && h.re.state == Received {
		_ = s.Reply(p.in, status, c.ua.responseHeaders()...)
		h.re = newExchange()
	}
	p.in, p.busy = nil, false
	p.op.finish(c.goneError())
}
