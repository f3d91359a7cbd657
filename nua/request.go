package nua

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// SendMessage sends a page-mode MESSAGE (RFC 3428) and returns its final
// response. The errors are those of [UA.Request].
func (u *UA) SendMessage(ctx context.Context, to, contentType, body string, set ...msg.Setter) (sip.Response, error) {
	return u.Request(ctx, sip.MethodMessage, to, append([]msg.Setter{sip.Payload(contentType, body)}, set...)...)
}

// Options asks a peer what it can do (RFC 3261 11). The errors are those of
// [UA.Request].
func (u *UA) Options(ctx context.Context, to string, set ...msg.Setter) (sip.Response, error) {
	return u.Request(ctx, sip.MethodOptions, to, append([]msg.Setter{u.allow.accept}, set...)...)
}

// Request sends a request outside any dialog and returns its final response.
// to is an address ("sip:bob@lab.test"). 401 and 407 are answered when
// Config.Auth knows the realm, at most twice. ctx bounds the wait: when it
// ends, its error is returned and the transaction goes on by itself.
//
// A final response from 300 on is returned as *sip.StatusError, which also
// matches the error of package auth when credentials did not help; a request
// that got no response is a *nta.TransactionError.
//
// INVITE, ACK, CANCEL, BYE and REGISTER have their own methods; Request
// returns ErrWrongState for them.
func (u *UA) Request(ctx context.Context, method, to string, set ...msg.Setter) (sip.Response, error) {
	switch method {
	case sip.MethodInvite, sip.MethodAck, sip.MethodCancel, sip.MethodBye, sip.MethodRegister:
		return sip.Response{}, &Error{Op: "request " + method, Err: ErrWrongState}
	}
	if u.closed() {
		return sip.Response{}, ErrClosed
	}
	target, err := parseTarget("request", to)
	if err != nil {
		return sip.Response{}, err
	}
	o := outside{
		method: method, target: target.URI, from: u.addr.identity, to: target,
		tag: u.agent.NewTag(), callID: u.agent.NewCallID(), seq: 1, route: u.addr.proxy,
	}
	if method == sip.MethodOptions || method == "SUBSCRIBE" || method == "REFER" || method == "PUBLISH" {
		contact, err := u.contactFor(o.from, o.target, o.route)
		if err != nil {
			return sip.Response{}, err
		}
		set = append([]msg.Setter{sip.Contact.Set(contact)}, set...)
	}
	return u.exchange(ctx, o, u.authClient(nil), set)
}

// exchange sends the request until its answer is not a challenge.
func (u *UA) exchange(ctx context.Context, o outside, client *auth.Client, set []msg.Setter) (sip.Response, error) {
	for ; ; o.seq++ {
		req, err := u.build(o, set...)
		if err != nil {
			return sip.Response{}, &Error{Op: "request " + o.method, Err: err}
		}
		if req, err = authorize(client, req); err != nil {
			return sip.Response{}, err
		}
		out, err := u.agent.Send(req, nta.SendConfig{})
		if err != nil {
			return sip.Response{}, err
		}
		resp, err := out.Final(ctx)
		out.Close()
		var refused *sip.StatusError
		if !errors.As(err, &refused) {
			if err == nil {
				client.Done(resp)
			}
			return resp, err
		}
		resp = refused.Response
		if !challenges(resp) {
			client.Done(resp)
			return resp, err
		}
		if cause := client.Respond(resp); cause != nil {
			return resp, refusedError(resp, cause)
		}
	}
}

// challenges reports whether the response asks for credentials.
func challenges(r sip.Response) bool { return r.Status() == 401 || r.Status() == 407 }

// authorize adds the credentials a client knows for the request (RFC 3261 22.2).
func authorize(client *auth.Client, req sip.Request) (sip.Request, error) {
	set, err := client.Setters(req.Method(), req.RequestURI(), req.Body())
	if err != nil {
		return req, err
	}
	if len(set) == 0 {
		return req, nil
	}
	return req.Edit(set...)
}

// refusedError is the peer's refusal together with why the library could not
// help, so that errors.Is and errors.As find both.
func refusedError(r sip.Response, cause error) error {
	refused := &sip.StatusError{Response: r}
	if cause == nil {
		return refused
	}
	return fmt.Errorf("%w: %w", refused, cause)
}
