package nua

import (
	"context"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// Invite calls a peer. It returns once the INVITE is on its way; follow the
// call with [Call.Wait] or its events. The setters go into the INVITE.
//
// ctx watches the call until it is established: when it ends before, the call
// is cancelled (CANCEL, or ACK and BYE when a 2xx was faster) and ends with an
// error that matches [ErrCanceled] and ctx's cause. Once the call is Ready, ctx
// has no more say.
//
// The errors are *Error for what cannot be built, the engine's error,
// *nta.TransactionError, ErrBusy at Config.MaxCalls, and ErrClosed. Redirects
// are not followed: a 3xx ends the call with a *sip.StatusError whose Targets
// tell where to call instead.
func (u *UA) Invite(ctx context.Context, to string, cfg CallConfig, set ...msg.Setter) (*Call, error) {
	if err := ctx.Err(); err != nil {
		return nil, canceledError(context.Cause(ctx))
	}
	if u.closed() {
		return nil, ErrClosed
	}
	target, err := parseTarget("invite", to)
	if err != nil {
		return nil, err
	}
	from, err := u.identity(cfg.From)
	if err != nil {
		return nil, &Error{Op: "invite", Err: err}
	}
	route, err := u.route(cfg.Proxy)
	if err != nil {
		return nil, &Error{Op: "invite", Err: err}
	}
	contact, err := u.contactFor(from, target.URI, route)
	if err != nil {
		return nil, err
	}
	c := newCall(u, u.agent.NewCallID(), false, cfg.Events)
	c.media.address = u.mediaAddress(contact, nil, nextHop(target.URI, route))
	c.auth = u.authClient(cfg.Auth)
	c.opt = u.callOptions(cfg)
	c.caller = caller{
		o: outside{
			method: sip.MethodInvite, target: target.URI, from: from, to: target,
			tag: u.agent.NewTag(), callID: c.id, route: route,
		},
		contact: contact,
		set:     set,
		started: newPending(),
	}
	if err := u.adopt(c); err != nil {
		return nil, err
	}
	started := c.caller.started
	unwatch := context.AfterFunc(ctx, func() { _ = c.cancel(canceledError(context.Cause(ctx))) })
	c.step(func(s *nta.Step) {
		if c.m.state == Terminated { // cancelled or shut down already
			s.Defer(func() { unwatch() })
			return
		}
		c.unwatch = unwatch
		if c.opt.offerless {
			c.startInvite(s)
			return
		}
		c.media.offer(c, s, func(s *nta.Step, err error) {
			if c.m.state != Init {
				return
			}
			if err != nil {
				c.fail(&Error{Op: "offer", Err: err})
				c.fire(s, inputFailure, occasion{})
				return
			}
			c.startInvite(s)
		})
	})
	<-started.done
	if started.err != nil {
		return nil, started.err
	}
	return c, nil
}

func (u *UA) callOptions(cfg CallConfig) callOptions {
	timeout := u.cfg.inviteTimeout()
	if cfg.InviteTimeout != 0 {
		timeout = orDefault(cfg.InviteTimeout, 0)
	}
	media := cfg.Media
	if media == "" {
		media = u.cfg.media()
	}
	return callOptions{
		offerless:      cfg.Offerless,
		manualAuth:     cfg.ManualAuth,
		manualAck:      cfg.ManualAck || u.cfg.ManualAck,
		manualReinvite: cfg.ManualReinvite || u.cfg.ManualReinvite,
		inviteTimeout:  timeout,
		engine:         cfg.Engine,
		media:          media,
	}
}

// startInvite sends the first INVITE and starts its clock.
func (c *Call) startInvite(s *nta.Step) {
	if !c.fire(s, inputInvite, occasion{}) {
		return
	}
	if c.checkSent(s) {
		c.caller.started.finish(nil)
	}
}

// checkSent ends the call when the INVITE could not even be sent.
func (c *Call) checkSent(s *nta.Step) bool {
	err := c.caller.sendErr
	if err == nil {
		return true
	}
	c.caller.sendErr = nil
	c.fail(err)
	c.fire(s, inputFailure, occasion{})
	return false
}

// sendInvite builds and sends the INVITE, again with each attempt (same
// Call-ID, From tag and To; CSeq one higher: RFC 3261 8.1.3.5).
func (c *Call) sendInvite(s *nta.Step) {
	k := &c.caller
	k.o.seq++
	k.attempt++
	req, err := c.buildInvite()
	if err != nil {
		k.sendErr = err
		return
	}
	attempt := k.attempt
	out, err := s.Send(req, nta.SendConfig{Respond: func(s *nta.Step, o *nta.Outgoing, r sip.Response, err error) {
		c.later(s, func(s *nta.Step) {
			if attempt == c.caller.attempt {
				c.inviteResponse(s, o, r, err)
			}
		})
	}})
	if err != nil {
		k.sendErr = err
		return
	}
	k.out = out
	c.invite = req
	c.publish(func(v *callView) { v.request = req })
	if attempt == 1 {
		c.armInviteTimer(s, req)
	}
}

func (c *Call) buildInvite() (sip.Request, error) {
	u, k := c.ua, &c.caller
	set := make([]msg.Setter, 0, len(k.set)+3)
	set = append(set, sip.Contact.Set(k.contact), u.allow.accept)
	if c.media.local != "" {
		set = append(set, sip.Payload("application/sdp", c.media.local))
	}
	req, err := u.build(k.o, append(set, k.set...)...)
	if err != nil {
		return req, &Error{Op: "invite", Err: err}
	}
	return authorize(c.auth, req)
}

// armInviteTimer starts InviteTimeout, or the Expires of the INVITE when that
// is shorter (RFC 3261 13.2.1).
func (c *Call) armInviteTimer(s *nta.Step, req sip.Request) {
	limit := c.opt.inviteTimeout
	if sec, ok, err := sip.Expires.Get(req); ok && err == nil {
		if d := time.Duration(sec) * time.Second; limit == 0 || d < limit {
			limit = d
		}
	}
	if limit <= 0 {
		return
	}
	c.timer = s.After(limit, func(s *nta.Step) {
		c.fireFor(s, ErrTimeout, inputCancel, occasion{status: 408})
	})
}
