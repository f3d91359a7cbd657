package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of event notification (RFC 6665) and publication (RFC 3903).
const (
	// Event names what a subscription is about (RFC 6665 section 8.2.1). Compact
	// form "o", stands once. Errors: msg.ErrSyntax.
	Event = msg.Header[EventType, ItemCodec[EventType]](IDEvent)
	// AllowEvents lists the event packages that the sender can notify of
	// (RFC 6665 section 8.2.2), as tokens with their templates. Compact form "u",
	// comma list.
	AllowEvents = TokenHeader(IDAllowEvents)
	// SubscriptionState is the state in a NOTIFY (RFC 6665 section 8.2.3). It
	// stands once.
	SubscriptionState = msg.Header[Substate, ItemCodec[Substate]](IDSubscriptionState)
	// SIPETag is the tag that a publication got (RFC 3903 section 11.3.1): one
	// token, which compares with case. It stands once.
	SIPETag = TokenHeader(IDSIPETag)
	// SIPIfMatch names the publication to change (RFC 3903 section 11.3.2): one
	// token. It stands once.
	SIPIfMatch = TokenHeader(IDSIPIfMatch)
	// SuppressIfMatch asks for no NOTIFY while the state has this tag, or "*"
	// (RFC 5839 section 5.4). It stands once.
	SuppressIfMatch = TokenHeader(IDSuppressIfMatch)
)

// EventType is the value of Event: a package with its templates, and parameters.
//
//	Event = event-package *( "." event-template ) *( SEMI event-param )
type EventType struct {
	Value  string // "presence", "presence.winfo"; compares with case (RFC 6665 section 8.2.1)
	Params msg.Params
}

// ID returns the id parameter, "" if there is none.
func (e EventType) ID() string {
	v, _ := e.Params.Get("id")
	return v
}

// Package returns the package without its templates.
func (e EventType) Package() string {
	p, _, _ := strings.Cut(e.Value, ".")
	return p
}

// Templates returns what follows the package: "winfo" of "presence.winfo", ""
// if there is nothing.
func (e EventType) Templates() string {
	_, t, _ := strings.Cut(e.Value, ".")
	return t
}

// Matches reports whether e and f belong to the same subscription of a dialog:
// the same type and id, octet for octet, other parameters not looked at
// (RFC 6665 section 8.2.1).
func (e EventType) Matches(f EventType) bool { return e.Value == f.Value && e.ID() == f.ID() }

// Substate is the value of Subscription-State.
//
//	Subscription-State = substate-value *( SEMI subexp-params )
type Substate struct {
	Value  string // "active", "pending", "terminated" or another; compares without case
	Params msg.Params
}

// Is reports whether s is the given state, compared without case.
func (s Substate) Is(state string) bool { return scan.EqualFold(s.Value, state) }

// Reason returns why a subscription was terminated: deactivated, probation,
// rejected, timeout, giveup, noresource, invariant or another; "" if not said.
func (s Substate) Reason() string {
	v, _ := s.Params.Get("reason")
	return v
}

// Expires returns the seconds that the subscription still lasts; ok is false if
// there is no such number.
func (s Substate) Expires() (seconds uint32, ok bool) {
	return numberParam(s.Params, "expires", 1<<32-1)
}

// RetryAfter returns the seconds to wait before subscribing again; ok is false
// if there is no such number.
func (s Substate) RetryAfter() (seconds uint32, ok bool) {
	return numberParam(s.Params, "retry-after", 1<<32-1)
}
