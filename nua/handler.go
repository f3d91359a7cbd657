package nua

import (
	"context"
	"sync/atomic"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// Handler answers what peers ask for. A nil field gives the answer the
// protocol asks for. Each func runs on a goroutine of the UA's agent and may
// block; requests of one dialog are handed out in the order received.
type Handler struct {
	// Invite gets a call that comes in, on a goroutine of its own. The
	// context ends when the call ends. Its return neither answers nor ends
	// the call: a call nobody answers gets 480 after AnswerTimeout. Nil: calls
	// are announced by StateChanged with Received if Config.Events is set, and
	// get 480 Temporarily Unavailable at once if not.
	Invite func(ctx context.Context, call *Call)
	// Message gets a MESSAGE (RFC 3428), inside a call or outside. Nil: 405.
	Message func(ctx context.Context, request *Request)
	// Options gets an OPTIONS. Nil: 200 with Allow, Accept, Supported and the
	// built-in engine's capabilities (RFC 3261 11.2), or what an INVITE would
	// get when no call can be taken: 480 or 503.
	Options func(ctx context.Context, request *Request)
	// Info gets an INFO inside a call (RFC 6086). Nil: 405.
	Info func(ctx context.Context, request *Request)
	// Other gets every method listed in Config.Allow that has no field here.
	// Nil: 501.
	Other func(ctx context.Context, request *Request)
}

// Request is a request from a peer that the user answers. Its methods are safe
// for concurrent use. A request whose handler returns without a reply gets 500.
type Request struct {
	ua       *UA
	in       *nta.Incoming
	call     *Call
	answered atomic.Bool
}

// Message returns the request itself.
func (r *Request) Message() sip.Request { return r.in.Request() }

// Method returns the request's method.
func (r *Request) Method() string { return r.in.Request().Method() }

// Body returns the request's body.
func (r *Request) Body() string { return r.in.Request().Body() }

// From returns the address of the sender as the request claims it.
func (r *Request) From() sip.NameAddr {
	from, _ := r.in.Request().From()
	return from
}

// Call returns the call the request came in, nil outside a call.
func (r *Request) Call() *Call { return r.call }

// Incoming returns the server transaction, for what this type does not offer.
func (r *Request) Incoming() *nta.Incoming { return r.in }

// Reply sends the final response, once: a second call returns ErrAnswered. The
// UA adds Allow, Supported and Server. A provisional status is passed on as it
// is and may be followed by others.
func (r *Request) Reply(status int, set ...msg.Setter) error {
	if status >= 200 && r.answered.Swap(true) {
		return ErrAnswered
	}
	return r.in.Reply(status, r.ua.responseHeaders(set...)...)
}

// serve runs one handler func over a request and answers in its place if it
// did not.
func (r *Request) serve(f func(context.Context, *Request)) {
	f(r.in.Context(), r)
	if !r.answered.Load() {
		// RFC 4320 4.1: a non-INVITE transaction must not be left to time out.
		_ = r.Reply(500)
	}
}
