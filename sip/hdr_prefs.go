package sip

import "github.com/gosofia/sofia/msg"

// The headers of caller preferences (RFC 3841) and of capabilities on the path.
const (
	// AcceptContact describes the contacts that the caller wants (RFC 3841 section
	// 9.2), see [Preference]. Compact form "a"; a comma list that may repeat.
	AcceptContact = msg.Header[Preference, StarCodec[Preference]](IDAcceptContact)
	// RejectContact describes the contacts that the caller does not want (RFC 3841
	// section 9.2). Compact form "j"; a comma list that may repeat.
	RejectContact = msg.Header[Preference, StarCodec[Preference]](IDRejectContact)
	// RequestDisposition tells servers what to do with a request (RFC 3841 section
	// 9.1): the directives of the constants Directive…. Compact form "d"; a comma
	// list that may repeat.
	RequestDisposition = TokenHeader(IDRequestDisposition)
	// FeatureCaps tells what elements on the path can do (RFC 6809 section 6.2),
	// as parameters with a "+" in front. A comma list that may repeat.
	FeatureCaps = msg.Header[Preference, StarCodec[Preference]](IDFeatureCaps)
)

// The directives of Request-Disposition. They compare without case.
const (
	DirectiveProxy      = "proxy"
	DirectiveRedirect   = "redirect"
	DirectiveCancel     = "cancel"
	DirectiveNoCancel   = "no-cancel"
	DirectiveFork       = "fork"
	DirectiveNoFork     = "no-fork"
	DirectiveRecurse    = "recurse"
	DirectiveNoRecurse  = "no-recurse"
	DirectiveParallel   = "parallel"
	DirectiveSequential = "sequential"
	DirectiveQueue      = "queue"
	DirectiveNoQueue    = "no-queue"
)

// Preference is a value of Accept-Contact, Reject-Contact and Feature-Caps: a
// "*" with feature parameters.
type Preference struct {
	Params msg.Params // features, and require and explicit of Accept-Contact
}

// Require reports whether contacts that do not match are to be left out.
func (p Preference) Require() bool { return p.Params.Has("require") }

// Explicit reports whether only contacts that state a feature match it.
func (p Preference) Explicit() bool { return p.Params.Has("explicit") }

type starred interface{ ~struct{ Params msg.Params } }

// StarCodec reads and writes values that are a "*" with parameters. It fails
// with msg.ErrSyntax on anything else.
//
//	ac-value = "*" *( SEMI ac-params )
type StarCodec[T starred] struct{}

// Parse implements [msg.Codec].
func (StarCodec[T]) Parse(s string) (T, string, error) {
	if s == "" || s[0] != '*' {
		return T{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, 1)
	if err != nil {
		return T{}, "", err
	}
	return T(Preference{p}), rest, nil
}

// Append implements [msg.Codec].
func (StarCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	p := Preference(v).Params
	if !p.Valid() {
		return dst, msg.ErrValue
	}
	return append(append(dst, '*'), p...), nil
}
