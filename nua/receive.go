package nua

import (
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// receive takes every request outside a dialog, inside the step. The order of
// the checks is that of RFC 3261 8.2: method, Request-URI, Require, content.
// nta has answered CANCEL, merged requests and unknown To tags by then.
func (u *UA) receive(s *nta.Step, in *nta.Incoming) bool {
	req := in.Request()
	if req.Method() == sip.MethodAck {
		return true // of no INVITE we know: never answered
	}
	if req.ToTag() != "" {
		// A dialog we do not have, at a Request-URI that is not known to be ours
		// (behind a NAT, say); nta passes these on (RFC 3261 12.2.2).
		_ = s.Reply(in, 481, u.responseHeaders()...)
		return true
	}
	if status, set := u.check(req); status != 0 {
		_ = s.Reply(in, status, u.responseHeaders(set...)...)
		return true
	}
	switch req.Method() {
	case sip.MethodInvite:
		u.receiveInvite(s, in)
	case sip.MethodBye, sip.MethodCancel, "PRACK", "UPDATE", sip.MethodInfo, "NOTIFY":
		// Only meaningful inside a dialog (RFC 3261 15.1.2, RFC 6086 4.2.2).
		_ = s.Reply(in, 481, u.responseHeaders()...)
	default:
		u.serve(s, in, nil)
	}
	return true
}

// check finds what forbids the request, with the headers the refusal needs.
func (u *UA) check(req sip.Request) (status int, set []msg.Setter) {
	method := req.Method()
	if !u.allow.allows(method) {
		if known(method) {
			return 405, nil // Allow is in every response (RFC 3261 8.2.1)
		}
		return 501, nil
	}
	if uri, err := req.URI(); err != nil {
		return 400, []msg.Setter{sip.Phrase("Bad Request-URI")}
	} else if !strings.EqualFold(uri.Scheme, "sip") && !strings.EqualFold(uri.Scheme, "sips") {
		return 416, nil // RFC 3261 8.2.2.1
	}
	return u.checkRequire(req)
}

// checkRequire refuses extensions we do not have (RFC 3261 8.2.2.3).
func (u *UA) checkRequire(req sip.Request) (int, []msg.Setter) {
	var unsupported []string
	for tag, err := range sip.Require.All(req) {
		if err != nil {
			return 400, []msg.Setter{sip.Phrase("Bad Require")}
		}
		if !u.allow.supports(tag) {
			unsupported = append(unsupported, tag)
		}
	}
	if len(unsupported) > 0 {
		return 420, []msg.Setter{sip.Unsupported.Text(strings.Join(unsupported, ", "))}
	}
	return 0, nil
}

// serve hands a request other than INVITE to the user, or answers for him.
func (u *UA) serve(s *nta.Step, in *nta.Incoming, call *Call) {
	f := u.cfg.Handler.Other
	switch in.Request().Method() {
	case sip.MethodMessage:
		f = u.cfg.Handler.Message
	case sip.MethodInfo:
		f = u.cfg.Handler.Info
	case sip.MethodOptions:
		if f = u.cfg.Handler.Options; f == nil {
			u.answerOptions(s, in, call)
			return
		}
	}
	if f == nil {
		_ = s.Reply(in, 501, u.responseHeaders()...)
		return
	}
	if !u.readable(in.Request()) {
		_ = s.Reply(in, 415, u.responseHeaders(u.allow.encoding)...)
		return
	}
	r := &Request{ua: u, in: in, call: call}
	if err := s.Serve(in, func(*nta.Incoming) { r.serve(f) }); err != nil {
		_ = s.Reply(in, 503, u.responseHeaders(sip.RetryAfter.Text("5"))...)
	}
}

// answerOptions answers as an INVITE would be answered now (RFC 3261 11.2).
func (u *UA) answerOptions(s *nta.Step, in *nta.Incoming, call *Call) {
	status := 200
	if call == nil {
		u.mu.Lock()
		limit := u.cfg.maxCalls()
		switch {
		case u.closing || !u.takesCalls():
			status = 480
		case limit >= 0 && u.calls >= limit:
			status = 503
		}
		u.mu.Unlock()
	}
	set := u.responseHeaders(
		u.allow.accept,
		u.allow.encoding,
		sip.AcceptLanguage.Text("en"),
	)
	if status != 200 || u.cfg.NewEngine != nil || !acceptsSDP(in.Request()) {
		_ = s.Reply(in, status, set...)
		return
	}
	s.Defer(func() {
		if text, err := u.capabilities(in); err == nil {
			payload := sip.Payload("application/sdp", text)
			if call != nil || !amplifies(in, u.server(), append(set, payload)...) {
				set = append(set, payload)
			}
		}
		_ = in.Reply(status, set...)
	})
}

// smallAnswer octets go to anybody. What an answer to a datagram, whose source
// may be forged, has beyond them is held to half as much again as the datagram.
const smallAnswer = 600

// amplifies reports whether a 200 with these headers would be more than that.
func amplifies(in *nta.Incoming, server string, set ...msg.Setter) bool {
	if in.Flow().Reliable() {
		return false
	}
	resp, err := sip.NewResponse(in.Request(), 200, append(set, sip.Server.Text(server).AsRead())...)
	const tag = len(";tag=0123456789abcdef")
	return err != nil || resp.Len()+tag > smallAnswer+in.Request().Len()*3/2
}

// capabilities describes the media of the built-in engine (RFC 3264 9).
func (u *UA) capabilities(in *nta.Incoming) (string, error) {
	address := u.mediaAddress(u.contactOn("", in.Flow()), in.Flow(), sip.URI{})
	e := soa.New(soa.Config{Address: address, Rand: u.cfg.Agent.Rand})
	if err := e.SetUserText(u.cfg.media()); err != nil {
		return "", err
	}
	return e.Capabilities()
}

// takesCalls reports whether anyone looks after incoming calls.
func (u *UA) takesCalls() bool { return u.cfg.Handler.Invite != nil || u.cfg.Events != nil }
