package nua

import (
	"context"
	"fmt"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

const (
	// maxChanges bounds the re-INVITEs of ours that wait.
	maxChanges = 8
	// maxGlare bounds how long one re-INVITE is tried again after its first 491:
	// as long as the peer's own, which stands against it, may be open (64*T1).
	maxGlare = 32 * time.Second
)

// changes is the part of a call that changes an established session: one
// re-INVITE at a time, either way.
type changes struct {
	re      exchange
	waiting []*reinvite // ours, not begun
	now     *reinvite   // ours, begun; also while it waits after a 491
	orphan  *reinvite   // ours, left over when the call began to end
	timer   *nta.Timer  // the wait after a 491
	peer    peerChange
	hold    string // what the last successful change held
}

// reinvite is one re-INVITE of ours.
type reinvite struct {
	op        *pending // nil when the library itself asks
	hold      *string  // media to hold
	offerless bool
	set       []msg.Setter
	since     time.Time // of the first 491
	attempt   int       // answers to older ones are dropped
	acked     bool
	late      bool // InviteTimeout is over
	out       *nta.Outgoing
	success   sip.Response
	limit     *nta.Timer
}

// Reinvite asks the peer to change the session: with a new offer of the engine
// in a re-INVITE. It returns nil when the change is in place. A peer that
// refuses leaves the call as it was; the error is then a *sip.StatusError, and
// the call only ends where RFC 5057 says so. A peer that accepts and sends no
// answer leaves the session as it was too: ErrNoAnswer. When both sides ask at once (491)
// the library waits as RFC 3261 14.1 says and tries again, for 32 s. Changes wait for
// each other; at most 8 may wait, then ErrBusy. ctx bounds the wait.
func (c *Call) Reinvite(ctx context.Context, set ...msg.Setter) error {
	return c.changeSession(ctx, &reinvite{set: set})
}

// ReinviteOfferless asks the peer for an offer, by a re-INVITE without one. The
// rest is as with [Call.Reinvite].
func (c *Call) ReinviteOfferless(ctx context.Context, set ...msg.Setter) error {
	return c.changeSession(ctx, &reinvite{set: set, offerless: true})
}

// Hold puts all media on hold by a re-INVITE. ErrNoHold says the engine cannot.
// The rest is as with [Call.Reinvite].
func (c *Call) Hold(ctx context.Context, set ...msg.Setter) error {
	return c.HoldMedia(ctx, "*", set...)
}

// Resume takes the media off hold. The rest is as with [Call.Reinvite].
func (c *Call) Resume(ctx context.Context, set ...msg.Setter) error {
	return c.HoldMedia(ctx, "", set...)
}

// HoldMedia holds the media types named ("audio", "*", "" for none; see
// soa.Session.Hold). The rest is as with [Call.Reinvite].
func (c *Call) HoldMedia(ctx context.Context, media string, set ...msg.Setter) error {
	return c.changeSession(ctx, &reinvite{hold: &media, set: set})
}

func (c *Call) changeSession(ctx context.Context, r *reinvite) error {
	r.op = newPending()
	c.step(func(s *nta.Step) {
		switch {
		case c.m.state > Ready:
			r.op.finish(c.goneError())
		case c.m.state < Ready:
			r.op.finish(ErrNotReady)
		case len(c.change.waiting) >= maxChanges:
			r.op.finish(ErrBusy)
		default:
			c.queueChange(s, r)
		}
	})
	return r.op.wait(ctx)
}

func (c *Call) queueChange(s *nta.Step, r *reinvite) {
	c.change.waiting = append(c.change.waiting, r)
	c.nextChange(s)
}

// nextChange begins the change that waited longest, if none is open.
func (c *Call) nextChange(s *nta.Step) {
	h := &c.change
	if c.m.state != Ready || h.now != nil || !h.re.idle() || len(h.waiting) == 0 {
		return
	}
	h.now, h.waiting = h.waiting[0], h.waiting[1:]
	c.beginChange(s)
}

// beginChange has the engine make the offer, then sends the re-INVITE (R1).
func (c *Call) beginChange(s *nta.Step) {
	r := c.change.now
	t, ok := c.change.re.step(exchangeSend)
	if !ok {
		return
	}
	send := func(s *nta.Step) {
		if c.sendChange(s) {
			c.reportChange(t.name, Ready, occasion{})
		}
	}
	if r.offerless {
		send(s)
		return
	}
	c.media.offerAfter(c, s, func(e Engine) error { return applyHold(e, r.hold) }, func(s *nta.Step, err error) {
		if c.m.state != Ready || c.change.now != r {
			return
		}
		if err != nil {
			c.changeFailed(s, &Error{Op: "offer", Err: err}, occasion{})
			return
		}
		send(s)
	})
}

func applyHold(e Engine, media *string) error {
	if media == nil {
		return nil
	}
	h, ok := e.(Holder)
	if !ok {
		return ErrNoHold
	}
	h.Hold(*media)
	return nil
}

// fireChange takes a row of the exchange, runs its work, then reports.
func (c *Call) fireChange(s *nta.Step, in exchangeInput, o occasion, work func()) bool {
	from := c.change.re.state
	t, ok := c.change.re.step(in)
	if !ok {
		return false
	}
	if work != nil {
		c.depth++
		work()
		c.depth--
	}
	if c.change.re.state != from || c.media.moved.any() {
		c.reportChange(t.name, from, o)
	}
	return true
}

// reportChange appends the state event of a re-INVITE.
func (c *Call) reportChange(row string, from CallState, o occasion) {
	ev := StateChanged{
		eventBase: c.base(), State: c.change.re.state, Previous: from, Reinvite: true, Transition: row,
		Status: o.status, Phrase: o.phrase,
	}
	c.media.fill(&ev)
	c.publish(func(v *callView) { v.local, v.remote = c.media.local, c.media.remote })
	c.events.put(ev)
}

// sendChange sends the re-INVITE. When it cannot, the change fails in a step of
// its own.
func (c *Call) sendChange(s *nta.Step) bool {
	r := c.change.now
	r.attempt++
	attempt := r.attempt
	set := []msg.Setter{sip.Contact.Set(c.contact()), c.ua.allow.accept}
	if !r.offerless {
		set = append(set, sip.Payload("application/sdp", c.media.local))
	}
	set = append(set, r.set...)
	started := func(out *nta.Outgoing) { r.out = out }
	err := c.sendIn(s, c.leg, sip.MethodInvite, set, started, func(s *nta.Step, _ *nta.Outgoing, resp sip.Response, err error) {
		switch {
		case c.change.now == r && r.attempt == attempt:
			c.changeResponse(s, resp, err)
		case c.change.orphan == r:
			c.orphanResponse(s, resp, err)
		}
	})
	if err != nil {
		s.Defer(func() {
			c.step(func(s *nta.Step) {
				if c.change.now == r {
					c.changeFailed(s, err, occasion{})
				}
			})
		})
		return false
	}
	if c.opt.inviteTimeout > 0 {
		r.limit.Stop(s)
		r.limit = s.After(c.opt.inviteTimeout, func(s *nta.Step) { c.changeLate(s, r) })
	}
	return true
}

// changeLate runs when InviteTimeout is over: nobody has answered, or the
// engine is lost in the answer.
func (c *Call) changeLate(s *nta.Step, r *reinvite) {
	switch {
	case c.change.now != r:
	case r.success.IsZero():
		r.late = true
		_ = r.out.CancelStep(s)
	default:
		c.changeBroken(s, r, ErrTimeout)
	}
}

// orphanResponse takes what comes for a re-INVITE whose call has begun to end:
// a 2xx still needs its ACK.
func (c *Call) orphanResponse(s *nta.Step, resp sip.Response, err error) {
	if err == nil && resp.Status() < 200 {
		return
	}
	r := c.change.orphan
	c.change.orphan = nil
	if err == nil && resp.Status() < 300 {
		r.success = resp
		c.ackChange(s, r, false)
	}
	if c.m.state == Terminated {
		c.leg.Close(s)
	}
}

// contact is the Contact of our requests in the dialog.
func (c *Call) contact() sip.NameAddr {
	if c.incoming {
		return c.callee.contact
	}
	return c.caller.contact
}

func (c *Call) changeResult(status int, r sip.Response, err error) {
	ev := InviteResult{eventBase: c.base(), Status: status, Response: r, Err: err, Reinvite: true}
	if !r.IsZero() {
		ev.Phrase = r.Phrase()
	}
	c.events.put(ev)
}

// changeResponse takes what comes back for our re-INVITE.
func (c *Call) changeResponse(s *nta.Step, resp sip.Response, err error) {
	if err != nil {
		status := transactionStatus(err)
		c.changeResult(status, resp, err)
		c.changeRefused(s, resp, err, occasion{status: status, phrase: sip.StatusText(status)})
		return
	}
	o := occasion{status: resp.Status(), phrase: resp.Phrase()}
	switch status := resp.Status(); {
	case status == 100:
	case status < 200:
		c.changeResult(status, resp, nil)
		c.fireChange(s, exchangeProvisional, o, nil)
	case status < 300:
		c.changeSucceeded(s, resp, o)
	case challenges(resp):
		cause := c.mayAuthorize(resp)
		if cause == nil {
			c.changeResult(100, resp, nil)
			c.sendChange(s)
			return
		}
		c.changeResult(status, resp, nil)
		c.changeRefused(s, resp, refusedError(resp, cause), o)
	case status == 491 && c.mayRetry(s):
		c.changeResult(100, resp, nil)
		c.glare(s, o)
	default:
		c.changeResult(status, resp, nil)
		c.changeRefused(s, resp, &sip.StatusError{Response: resp}, o)
	}
}

// mayRetry reports whether a 491 is worth another try.
func (c *Call) mayRetry(s *nta.Step) bool {
	r := c.change.now
	if r.since.IsZero() {
		r.since = s.Now()
	}
	return s.Now().Sub(r.since) < maxGlare
}

// glare waits after a 491, during which the peer may go first (R7).
func (c *Call) glare(s *nta.Step, o occasion) {
	r := c.change.now
	r.limit.Stop(s)
	c.fireChange(s, exchangeGlare, o, func() { c.rollbackChange(s) })
	// The owner of the Call-ID waits longer (RFC 3261 14.1).
	c.change.timer = s.After(max(glareAfter(!c.incoming, c.ua.chance()), 1), func(s *nta.Step) { c.retryChange(s, r) })
}

// retryChange begins again what a 491 put off, once the peer's turn is over.
func (c *Call) retryChange(s *nta.Step, r *reinvite) {
	h := &c.change
	if c.m.state != Ready || h.now != r {
		return
	}
	if !h.re.idle() {
		h.now = nil
		h.waiting = append([]*reinvite{r}, h.waiting...)
		return
	}
	c.beginChange(s)
}

// rollbackChange drops the offer of our re-INVITE and the hold it asked for.
func (c *Call) rollbackChange(s *nta.Step) {
	var undo func(Engine)
	if r := c.change.now; r != nil && r.hold != nil {
		before := c.change.hold
		undo = func(e Engine) { _ = applyHold(e, &before) }
	}
	c.media.rollback(c, s, undo)
}

// changeRefused takes a final failure: the session stays, and so does the call
// unless the response says that the dialog is gone (R6, T4, T5).
func (c *Call) changeRefused(s *nta.Step, resp sip.Response, err error, o occasion) {
	told := err
	if r := c.change.now; r.late {
		told = fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	c.changeFailed(s, told, o)
	c.dialogResult(s, sip.MethodInvite, resp, err)
}

func (c *Call) changeFailed(s *nta.Step, err error, o occasion) {
	r := c.change.now
	c.fireChange(s, exchangeFailure, o, func() { c.rollbackChange(s) })
	c.endChange(s, r, err)
}

// endChange tells who waits and lets the next change begin.
func (c *Call) endChange(s *nta.Step, r *reinvite, err error) {
	r.limit.Stop(s)
	c.change.now = nil
	r.op.finish(err)
	c.nextChange(s)
}

// changeSucceeded takes the 2xx (R3), has the engine process it, and
// acknowledges (R4).
func (c *Call) changeSucceeded(s *nta.Step, resp sip.Response, o occasion) {
	r := c.change.now
	if !r.success.IsZero() {
		return // a retransmission: nta repeats the ACK
	}
	r.success = resp
	c.auth.Done(resp)
	c.leg.Refresh(s, resp)
	c.changeResult(resp.Status(), resp, nil)
	text, has := sessionBody(resp)
	c.fireChange(s, exchangeSuccess, o, nil)
	settle := func(s *nta.Step, err error) {
		if c.m.state != Ready || c.change.now != r {
			return
		}
		if err != nil {
			c.changeBroken(s, r, err)
			return
		}
		if r.hold != nil {
			c.change.hold = *r.hold
		}
		c.fireChange(s, exchangeAcked, o, func() {
			c.ackChange(s, r, r.offerless)
			c.media.activate(c, s)
		})
		c.endChange(s, r, nil)
	}
	switch {
	case r.offerless && !has:
		settle(s, ErrNoAnswer)
	case r.offerless:
		c.media.moved.offerReceived = true
		c.media.answer(c, s, text, settle)
	case !has:
		// A peer that ignores the offer keeps the session as it is (sofia-map 2.7).
		c.ackChange(s, r, false)
		c.fireChange(s, exchangeAcked, o, func() { c.rollbackChange(s) })
		c.endChange(s, r, &Error{Op: "media", Err: ErrNoAnswer})
	default:
		c.ackChange(s, r, false)
		c.media.moved.answerReceived = true
		c.media.setAnswer(c, s, text, "", settle)
	}
}

// ackChange acknowledges the 2xx of our re-INVITE, once.
func (c *Call) ackChange(s *nta.Step, r *reinvite, withAnswer bool) {
	if r.acked {
		return
	}
	r.acked = true
	var set []msg.Setter
	switch {
	case withAnswer:
		set = append(set, sip.Payload("application/sdp", c.media.local))
	case r.offerless:
		set = append(set, c.decline(r.success)...)
	}
	if err := c.leg.Ack(s, r.success, set...); err != nil {
		c.warn(s, "ACK not sent", err)
	}
}

// changeBroken ends the call: after a 2xx the two sides no longer agree (R5).
func (c *Call) changeBroken(s *nta.Step, r *reinvite, err error) {
	c.mediaFailed(s, err)
	c.fireChange(s, exchangeBroken, occasion{status: errorStatus(err)}, func() { c.ackChange(s, r, false) })
	r.limit.Stop(s)
	c.change.now = nil
	r.op.finish(&Error{Op: "media", Err: err})
	c.fire(s, inputGraceful, occasion{status: errorStatus(err), reason: mediaReason(err)})
}

// abortChanges ends all changes when the call begins to end. An open INVITE of
// the peer is answered 486 (sofia-map 2.6), or 487 when its BYE came.
func (c *Call) abortChanges(s *nta.Step) {
	h := &c.change
	h.timer.Stop(s)
	c.refuseChanges(s, 486)
	err := c.goneError()
	if r := h.now; r != nil {
		r.limit.Stop(s)
		switch {
		case !r.success.IsZero():
			c.ackChange(s, r, false)
		case r.out != nil && !h.re.idle(): // not while it waits after a 491
			h.orphan = r
			_ = r.out.CancelStep(s)
		}
		h.now = nil
		r.op.finish(err)
	}
	for _, r := range h.waiting {
		r.op.finish(err)
	}
	h.waiting = nil
	h.re = newExchange()
}
