package nua

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// callee is the part of a call the peer began: its INVITE and our answer.
type callee struct {
	in        *nta.Incoming
	contact   sip.NameAddr
	offer     string   // of the INVITE, empty if it had none
	answered  bool     // the engine has answered the offer
	answering *pending // Answer or Progress waits for the engine
	acked     bool     // the ACK is here
	byeHeld   bool     // a BYE waits for the ACK
}

// receiveInvite takes an INVITE outside a dialog (S1).
func (u *UA) receiveInvite(s *nta.Step, in *nta.Incoming) {
	req := in.Request()
	refuse := func(status int, set ...msg.Setter) {
		_ = s.Reply(in, status, u.responseHeaders(set...)...)
	}
	if !u.takesCalls() {
		refuse(480)
		return
	}
	offer, status, set := u.checkOffer(req)
	if status != 0 {
		refuse(status, set...)
		return
	}
	c := newCall(u, req.CallID(), true, nil)
	c.auth = u.authClient(nil)
	c.opt = u.callOptions(CallConfig{})
	c.invite = req
	switch err := u.adopt(c); {
	case errors.Is(err, ErrBusy):
		refuse(503, sip.RetryAfter.Text("10"))
		return
	case err != nil:
		refuse(480)
		return
	}
	leg, err := in.NewLeg(s, c.legConfig())
	if err != nil {
		u.release(c)
		if errors.Is(err, nta.ErrBusy) {
			refuse(503, sip.RetryAfter.Text("10"))
		} else {
			refuse(400) // no usable Contact: no dialog (RFC 3261 12.1.1)
		}
		return
	}
	c.leg = leg
	user := u.addr.identity.URI.User
	if uri, err := req.URI(); err == nil && uri.User != "" {
		user = uri.User
	}
	c.callee = callee{in: in, offer: offer, contact: u.contactOn(user, in.Flow())}
	c.media.address = u.mediaAddress(c.callee.contact, in.Flow(), sip.URI{})
	if offer != "" {
		c.media.open, c.media.remote, c.media.moved.offerReceived = theirs, offer, true
	}
	in.Watch(s, nta.Watch{Cancel: c.inviteCanceled, Ack: c.ackReceived, End: c.inviteOver})
	c.fire(s, inputReceived, occasion{})
	c.armAnswerTimer(s, req)
	if u.cfg.Handler.Invite != nil {
		s.Go(c.invited(u.cfg.Handler.Invite))
	}
}

func trimBrackets(host string) string {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}

// armAnswerTimer bounds how long a call may ring: AnswerTimeout gives 480, the
// Expires of the INVITE 487 (RFC 3261 13.3.1).
func (c *Call) armAnswerTimer(s *nta.Step, req sip.Request) {
	limit, status := c.ua.cfg.answerTimeout(), 480
	if sec, ok, err := sip.Expires.Get(req); ok && err == nil {
		if d := time.Duration(sec) * time.Second; limit == 0 || d < limit {
			limit, status = d, 487
		}
	}
	if limit <= 0 && status == 480 {
		return
	}
	c.timer = s.After(max(limit, time.Millisecond), func(s *nta.Step) {
		c.fireFor(s, ErrTimeout, inputReject, occasion{status: status, phrase: sip.StatusText(status)})
	})
}

// replyInvite sends the response that a row asks for.
func (c *Call) replyInvite(s *nta.Step, o occasion) {
	set := make([]msg.Setter, 0, len(o.set)+3)
	if o.status < 300 {
		set = append(set, sip.Contact.Set(c.callee.contact)) // RFC 3261 12.1.1
	}
	set = append(set, o.set...)
	if err := s.Reply(c.callee.in, o.status, c.ua.responseHeaders(set...)...); err != nil {
		c.warn(s, "INVITE not answered", err)
	}
}

// Ring sends 180 Ringing, without a session description. On a call that is
// answered or gone it returns ErrWrongState.
func (c *Call) Ring(set ...msg.Setter) error { return c.provisionalReply(180, set) }

func (c *Call) provisionalReply(status int, set []msg.Setter) error {
	var err error
	c.step(func(s *nta.Step) {
		if !c.fire(s, inputRing, occasion{status: status, phrase: sip.StatusText(status), set: set}) {
			err = c.wrongState("ring")
		}
	})
	return err
}

// Progress sends 183 Session Progress with the answer to the peer's offer, so
// that media can flow before the call is answered; the 2xx will repeat it. The
// response is not reliable. When the INVITE had no offer, the 183 carries none
// (an offer must travel reliably, RFC 6337 2.2). It waits for the engine; when
// ctx ends first, the 183 is sent when the engine is done.
func (c *Call) Progress(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	send := func(s *nta.Step) {
		body := set
		if c.callee.answered {
			body = append([]msg.Setter{sip.Payload("application/sdp", c.media.local)}, set...)
		}
		if !c.fire(s, inputRing, occasion{status: 183, phrase: sip.StatusText(183), set: body}) {
			p.finish(c.wrongState("progress"))
			return
		}
		p.finish(nil)
	}
	c.step(func(s *nta.Step) {
		k := &c.callee
		switch {
		case c.m.state != Received && c.m.state != Early, busy(k.answering):
			p.finish(c.wrongState("progress"))
		case k.offer == "" || k.answered:
			send(s)
		default:
			k.answering = p
			c.answerOffer(s, send)
		}
	})
	return p.wait(ctx)
}

// busy reports whether an operation is open.
func busy(p *pending) bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// answerOffer has the engine answer the offer of the INVITE, then goes on. An
// offer the engine cannot answer refuses the call (488 and so on).
func (c *Call) answerOffer(s *nta.Step, then func(*nta.Step)) {
	k := &c.callee
	c.media.answer(c, s, k.offer, func(s *nta.Step, err error) {
		if c.m.state != Received && c.m.state != Early {
			return // leaving has told who waits
		}
		if err != nil {
			c.refuseOffer(s, err)
			return
		}
		k.answered = true
		then(s)
	})
}

// refuseOffer ends a call whose media cannot be agreed on.
func (c *Call) refuseOffer(s *nta.Step, err error) {
	c.mediaFailed(s, err)
	status, set := c.refusal(err)
	c.fire(s, inputReject, occasion{status: status, phrase: sip.StatusText(status), set: set})
}

// Answer answers the call with 200: with the answer to the peer's offer, or,
// when the INVITE had none, with an offer of ours whose answer comes in the
// ACK. It returns nil once the 200 is sent; [Call.Wait] with Ready waits for
// the ACK. It waits for the engine; when ctx ends first, the call is answered
// when the engine is done. An engine that cannot answer refuses the call, and
// its error is returned in an *Error. A call that was cancelled meanwhile
// returns ErrCanceled; one answered before, ErrWrongState.
func (c *Call) Answer(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	send := func(s *nta.Step) {
		body := append([]msg.Setter{sip.Payload("application/sdp", c.media.local)}, set...)
		c.timer.Stop(s)
		c.fire(s, inputAnswer, occasion{status: 200, phrase: sip.StatusText(200), set: body})
		p.finish(nil)
	}
	c.step(func(s *nta.Step) {
		k := &c.callee
		switch {
		case c.m.state != Received && c.m.state != Early, busy(k.answering):
			if c.m.state >= Terminating && c.failure != nil {
				p.finish(c.failure)
				return
			}
			p.finish(c.wrongState("answer"))
		case k.answered:
			send(s)
		case k.offer != "":
			k.answering = p
			c.answerOffer(s, send)
		default:
			k.answering = p
			c.media.offer(c, s, func(s *nta.Step, err error) {
				if c.m.state != Received && c.m.state != Early {
					return
				}
				if err != nil {
					c.refuseOffer(s, err)
					return
				}
				send(s)
			})
		}
	})
	return p.wait(ctx)
}

// Reject refuses the call with a status from 300 to 699; give 3xx its Contact
// by a setter. Once the call is answered it returns ErrWrongState.
func (c *Call) Reject(status int, set ...msg.Setter) error {
	if status < 300 || status > 699 {
		return &Error{Op: "reject", Err: errors.New("the status must be 300 to 699")}
	}
	var err error
	c.step(func(s *nta.Step) {
		if c.m.state == Received || c.m.state == Early {
			c.fire(s, inputReject, occasion{status: status, phrase: sip.StatusText(status), set: set})
			return
		}
		err = c.wrongState("reject")
	})
	return err
}

// inviteCanceled runs when the peer's CANCEL was taken; nta has answered it 200
// and the INVITE 487 (S7).
func (c *Call) inviteCanceled(s *nta.Step, cancel sip.Request) {
	if c.m.state != Received && c.m.state != Early {
		return
	}
	c.events.put(CancelReceived{eventBase: c.base(), Request: cancel})
	c.fail(ErrCanceled)
	c.fire(s, inputCanceled, occasion{status: 487, phrase: sip.StatusText(487)})
}

// ackReceived takes the ACK to our 2xx (S4).
func (c *Call) ackReceived(s *nta.Step, ack sip.Request) {
	k := &c.callee
	if k.acked || c.m.state != Completed {
		return
	}
	k.acked = true
	c.events.put(AckReceived{eventBase: c.base(), Request: ack})
	done := func(s *nta.Step, err error) {
		if c.m.state != Completed {
			return
		}
		if err != nil {
			if !k.byeHeld {
				c.mediaFailed(s, err)
			}
			c.fire(s, inputAckBad, occasion{status: errorStatus(err), reason: mediaReason(err)})
			return
		}
		c.fire(s, inputAckReceived, occasion{})
		if k.byeHeld {
			c.fire(s, inputBye, occasion{})
		}
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
		c.timer = s.After(limit, func(s *nta.Step) { done(s, ErrTimeout) }) // the engine is lost in it
	}
	c.hurryBye(s)
}

// hurryBye lets a BYE that waits go as soon as the ACK is here, even if the
// engine still works on the answer in it.
func (c *Call) hurryBye(s *nta.Step) {
	if c.callee.byeHeld && c.callee.acked && c.media.cancel != nil {
		s.Defer(c.media.cancel)
	}
}

// inviteOver runs when the server transaction of the INVITE is over.
func (c *Call) inviteOver(s *nta.Step, err error) {
	switch {
	case err == nil:
	case errors.Is(err, nta.ErrNoAck):
		c.fireFor(s, ErrNoAck, inputNoAck, occasion{status: 408, phrase: sip.StatusText(408), reason: reason(408)})
	default:
		c.fireFor(s, err, inputLost, occasion{status: 503})
	}
}

// invited runs Handler.Invite with a context that ends with the call.
func (c *Call) invited(f func(context.Context, *Call)) func(context.Context) {
	return func(parent context.Context) {
		ctx, cancel := context.WithCancelCause(parent)
		c.step(func(s *nta.Step) {
			if c.m.state == Terminated {
				cause := c.goneError()
				s.Defer(func() { cancel(cause) })
				return
			}
			c.endInvite = cancel
		})
		defer cancel(nil)
		defer c.step(func(*nta.Step) { c.endInvite = nil })
		defer c.recovered()
		f(ctx, c)
	}
}

// recovered keeps a panic in Handler.Invite from ending a server: it is logged
// and the call refused, as nta does for every other handler.
func (c *Call) recovered() {
	if r := recover(); r != nil {
		c.ua.log.Error("nua: panic in Handler.Invite", "call", c.id, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		_ = c.Reject(500)
	}
}
