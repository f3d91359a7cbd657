package sip

import "github.com/gosofia/sofia/msg"

// LinkHeader is a header of URIs with parameters and without display names.
type LinkHeader = msg.Header[Link, WholeCodec]

// The headers of URIs that say more about a request or response. Their values
// are URIs between "<" and ">" with parameters; they are comma lists that may
// repeat. Errors: msg.ErrSyntax, ErrURI.
const (
	// AlertInfo is what to ring with (RFC 3261 section 20.4): a URI of a sound, or
	// a urn:alert (RFC 7462).
	AlertInfo = LinkHeader(IDAlertInfo)
	// CallInfo is about caller or callee (RFC 3261 section 20.9); the parameter
	// purpose tells what: icon, info, card, or another.
	CallInfo = LinkHeader(IDCallInfo)
	// ErrorInfo tells more about an error (RFC 3261 section 20.18).
	ErrorInfo = LinkHeader(IDErrorInfo)
	// Geolocation is where the location of the target is (RFC 6442 section 4.1):
	// a cid: URI of a body, or one to fetch it from.
	Geolocation = LinkHeader(IDGeolocation)
	// PolicyContact is where to find session policies (RFC 6794 section 4.4.5.2).
	PolicyContact = LinkHeader(IDPolicyContact)
	// PolicyID names the policies in use (RFC 6794 section 4.4.5.1). Its grammar
	// has no brackets; they are read and written all the same.
	PolicyID = LinkHeader(IDPolicyID)
	// TriggerConsent asks a relay for permission (RFC 5360 section 5.11.2). Its
	// grammar has no brackets; they are read and written all the same.
	TriggerConsent = LinkHeader(IDTriggerConsent)
	// PUserDatabase is the address of the HSS (RFC 4457 section 4). It stands once.
	PUserDatabase = LinkHeader(IDPUserDatabase)
	// PermissionMissing lists who has not agreed to be called (RFC 5360 section
	// 5.9.3).
	PermissionMissing = AddrHeader(IDPermissionMissing)
)

// Purpose returns the purpose parameter of Call-Info, "" if there is none.
func (l Link) Purpose() string { return tagParam(l.Params, "purpose") }
