package nua

import (
	"context"
	"errors"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// maxLane bounds the requests that wait inside one call.
const maxLane = 32

// lane sends the requests of a call that are not INVITE one after the other,
// so that they arrive in the order of their CSeq (RFC 3261 12.2.2 refuses any
// other).
type lane struct {
	waiting    []*laneRequest
	open       *pending // of the request on its way
	byeHeaders []msg.Setter
}

type laneRequest struct {
	method string
	set    []msg.Setter
	op     *pending
}

// abort ends the waits when the call ends.
func (l *lane) abort(err error) {
	for _, r := range l.waiting {
		r.op.finish(err)
	}
	l.waiting = nil
	l.open.finish(err)
}

// SendMessage sends a MESSAGE inside the call and returns its final response.
// The errors are those of [Call.SendRequest].
func (c *Call) SendMessage(ctx context.Context, contentType, body string, set ...msg.Setter) (sip.Response, error) {
	return c.SendRequest(ctx, sip.MethodMessage, append([]msg.Setter{sip.Payload(contentType, body)}, set...)...)
}

// SendRequest sends a request inside the established call (INFO, OPTIONS,
// MESSAGE …) and returns its final response. Requests of one call leave one
// after the other. A final response from 300 on is a *sip.StatusError; when
// RFC 5057 says that it ends the dialog, the call ends. ErrNotReady says the
// call is not established; ErrBusy that 32 requests wait already. ctx bounds
// the wait. INVITE, ACK, CANCEL and BYE have methods of their own.
func (c *Call) SendRequest(ctx context.Context, method string, set ...msg.Setter) (sip.Response, error) {
	switch method {
	case sip.MethodInvite, sip.MethodAck, sip.MethodCancel, sip.MethodBye:
		return sip.Response{}, &Error{Op: "request " + method, Err: ErrWrongState}
	}
	p := newPending()
	c.step(func(s *nta.Step) {
		switch {
		case c.m.state != Ready:
			err := ErrNotReady
			if c.m.state > Ready {
				err = c.goneError()
			}
			p.finish(err)
		case len(c.lane.waiting) >= maxLane:
			p.finish(ErrBusy)
		default:
			c.lane.waiting = append(c.lane.waiting, &laneRequest{method, set, p})
			c.nextRequest(s)
		}
	})
	err := p.wait(ctx)
	select {
	case <-p.done:
		return p.resp, err
	default:
		return sip.Response{}, err
	}
}

// nextRequest sends the request that waited longest.
func (c *Call) nextRequest(s *nta.Step) {
	l := &c.lane
	for l.open == nil && len(l.waiting) > 0 && c.m.state == Ready {
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.open = r.op
		err := c.authorized(s, c.leg, r.method, r.set, func(s *nta.Step, resp sip.Response, err error) {
			l.open = nil
			r.op.finishWith(resp, err)
			c.dialogResult(s, r.method, resp, err)
			c.nextRequest(s)
		})
		if err != nil {
			l.open = nil
			r.op.finish(err)
		}
	}
}

// authorized sends a request in a dialog and answers challenges. done gets the
// final response once: as *sip.StatusError from 300 on. The error returned
// says that nothing was sent.
func (c *Call) authorized(s *nta.Step, leg *nta.Leg, method string, set []msg.Setter, done func(*nta.Step, sip.Response, error)) error {
	return c.sendIn(s, leg, method, set, nil, func(s *nta.Step, _ *nta.Outgoing, r sip.Response, err error) {
		switch {
		case err != nil:
			done(s, sip.Response{}, err)
		case r.Status() < 300:
			c.auth.Done(r)
			done(s, r, nil)
		case challenges(r):
			cause := c.mayAuthorize(r)
			if cause == nil {
				if cause = c.authorized(s, leg, method, set, done); cause == nil {
					return
				}
			}
			done(s, r, refusedError(r, cause))
		default:
			done(s, r, &sip.StatusError{Response: r})
		}
	})
}

// mayAuthorize takes a challenge inside the call.
func (c *Call) mayAuthorize(r sip.Response) error {
	switch {
	case !c.incoming:
		return c.auth.Respond(r)
	case c.ua.cfg.AuthIncoming:
		return c.auth.RespondKnown(r)
	}
	return ErrForeignDialog
}

// sendIn sends one request in a dialog with the credentials known. respond gets
// every final response; started gets the transaction.
func (c *Call) sendIn(s *nta.Step, leg *nta.Leg, method string, set []msg.Setter, started func(*nta.Outgoing), respond func(*nta.Step, *nta.Outgoing, sip.Response, error)) error {
	if leg == nil {
		return ErrNotReady
	}
	all := make([]msg.Setter, 0, len(set)+3)
	all = append(all, c.ua.allow.allow, c.ua.allow.support)
	req, err := leg.NewRequest(s, method, append(all, set...)...)
	if err != nil {
		return err
	}
	if req, err = authorize(c.auth, req); err != nil {
		return err
	}
	out, err := s.Send(req, nta.SendConfig{Leg: leg, Respond: func(s *nta.Step, o *nta.Outgoing, r sip.Response, err error) {
		if err == nil && r.Status() < 200 && method != sip.MethodInvite {
			return
		}
		c.later(s, func(s *nta.Step) { respond(s, o, r, err) })
	}})
	if err != nil {
		return err
	}
	if started != nil {
		started(out)
	}
	return nil
}

// verdict is what a final response in a dialog means for the call (RFC 5057).
type verdict uint8

const (
	harmless verdict = iota
	graceful         // the usage ends, with BYE (T4)
	fatal            // the dialog is gone (T5)
)

// judge reads the table of RFC 5057 5.1.
func judge(method string, status int) verdict {
	switch status {
	case 404, 410, 416, 482, 485, 502, 604:
		return fatal
	case 484:
		if method != "REFER" {
			return fatal
		}
	case 405:
		if method == sip.MethodInvite {
			return fatal
		}
	case 408, 480, 481:
		return fatal
	case 483:
		return graceful
	}
	return harmless
}

// dialogResult lets the call end when a response in it says so.
func (c *Call) dialogResult(s *nta.Step, method string, r sip.Response, err error) {
	if err == nil {
		return
	}
	status := 0
	if t, ok := asTransaction(err); ok {
		if errors.Is(err, nta.ErrClosed) {
			return
		}
		status = t.Status()
		if status == 503 {
			return // nothing says that the peer is gone
		}
	} else if !r.IsZero() {
		status = r.Status()
	}
	o := occasion{status: status, phrase: sip.StatusText(status), reason: reason(status)}
	switch judge(method, status) {
	case graceful:
		c.fireFor(s, err, inputGraceful, o)
	case fatal:
		c.fireFor(s, err, inputFatal, o)
	}
}

func asTransaction(err error) (*nta.TransactionError, bool) {
	var t *nta.TransactionError
	ok := errors.As(err, &t)
	return t, ok
}

// receive takes the requests inside the call's dialogs, in the step.
func (c *Call) receive(s *nta.Step, leg *nta.Leg, in *nta.Incoming) bool {
	req := in.Request()
	refuse := func(status int, set ...msg.Setter) {
		_ = s.Reply(in, status, c.ua.responseHeaders(set...)...)
	}
	if req.Method() == sip.MethodAck {
		return true // claimed by its INVITE, or for none
	}
	if status, set := c.ua.check(req); status != 0 && req.Method() != sip.MethodBye {
		refuse(status, set...)
		return true
	}
	ending := c.m.state >= Terminating
	switch req.Method() {
	case sip.MethodBye:
		c.byeReceived(s, leg, in)
	case sip.MethodInvite:
		if ending || leg != c.leg {
			refuse(481)
			return true
		}
		c.reinviteReceived(s, in)
	default:
		if ending {
			refuse(481)
			return true
		}
		if req.Method() == sip.MethodMessage {
			c.events.put(MessageReceived{eventBase: c.base(), Request: req})
		}
		c.ua.serve(s, in, c)
	}
	return true
}

// byeReceived takes BYE: S8, S9, T1, and the one that crosses ours.
func (c *Call) byeReceived(s *nta.Step, leg *nta.Leg, in *nta.Incoming) {
	if status, set := c.ua.checkRequire(in.Request()); status != 0 {
		_ = s.Reply(in, status, c.ua.responseHeaders(set...)...)
		return
	}
	if leg != c.leg {
		// A callee must not end an early dialog with BYE (RFC 3261 15); the
		// INVITE goes on and gets its final answer.
		_ = s.Reply(in, 200, c.ua.responseHeaders()...)
		return
	}
	if _, ok := c.m.find(inputByeReceived); !ok {
		_ = s.Reply(in, 481, c.ua.responseHeaders()...)
		return
	}
	c.events.put(ByeReceived{eventBase: c.base(), Request: in.Request()})
	if c.m.state == Received || c.m.state == Early {
		c.fail(ErrCanceled)
	}
	c.refuseChanges(s, 487) // RFC 3261 15.1.2
	c.fire(s, inputByeReceived, occasion{bye: in})
}
