package sip

import (
	"fmt"

	"github.com/gosofia/sofia/msg"
)

// Policy names groups of headers: a malformed value of one of them refuses the
// whole message. It is for servers that would have to answer 400 anyway, and tells them before they see
// the message; all that is not named is looked at by who decodes it. What [Class]
// refuses on its own is always refused.
//
// The status of [msg.SyntaxError] is 400, and 489 if Event is missing
// (RFC 6665 section 8.3.2). Responses that are refused are dropped.
type Policy uint32

// The groups.
const (
	// RefuseUA is what a user agent acts on: Contact, Record-Route, Require,
	// Content-Type, Content-Encoding, Content-Disposition.
	RefuseUA Policy = 1 << iota
	// RefuseProxy is what a proxy acts on: all of Via and Route, Proxy-Require,
	// Max-Breadth.
	RefuseProxy
	// RefuseRegistrar is what a registrar acts on: Contact, Path, Require. Expires
	// is not among them, because what cannot be read there means the default
	// (RFC 3261 section 20.19).
	RefuseRegistrar
	// Refuse100rel is RSeq and RAck (RFC 3262).
	Refuse100rel
	// RefuseEvents is Event, Subscription-State, Allow-Events and
	// Suppress-If-Match (RFC 6665).
	RefuseEvents
	// RefuseTimer is Session-Expires and Min-SE (RFC 4028).
	RefuseTimer
	// RefusePublish is SIP-ETag, SIP-If-Match and Event (RFC 3903).
	RefusePublish
	// RefuseTransfer is Refer-To, Referred-By, Refer-Sub, Replaces, Join and
	// Target-Dialog.
	RefuseTransfer
	// RefusePrivacy is Privacy, P-Asserted-Identity and P-Preferred-Identity.
	RefusePrivacy
	// RefusePreferences is Accept-Contact, Reject-Contact and Request-Disposition.
	RefusePreferences
	// RefuseSecurity is Security-Client, -Server and -Verify, and Identity.
	RefuseSecurity
	// RefuseAuth is the headers of authentication.
	RefuseAuth
	// RefuseOther is all other headers that have a type.
	RefuseOther

	// RefuseMissing also refuses requests that lack a header which a named group
	// has for their method: PRACK without RAck (Refuse100rel), SUBSCRIBE, NOTIFY
	// and PUBLISH without Event, NOTIFY without Subscription-State (RefuseEvents,
	// RefusePublish), REFER without Refer-To (RefuseTransfer).
	RefuseMissing

	// RefuseAll is every header that has a type, where it stands.
	RefuseAll = RefuseMissing - 1
)

// ClassWith returns a class like [Class] that also refuses what the policy names.
// Keep the class: making one takes some microseconds.
func ClassWith(p Policy) *msg.Class {
	return msg.NewClass(msg.ClassConfig{Version: Version, Headers: infos(), Start: checkStart, Target: scanTarget, Check: func(c msg.Check) {
		check(c)
		p.check(c)
	}})
}

// policyOf returns the groups that a header belongs to.
func policyOf(id msg.ID) Policy {
	switch id {
	case IDContact:
		return RefuseUA | RefuseRegistrar
	case IDRequire:
		return RefuseUA | RefuseRegistrar
	case IDRecordRoute, msg.IDContentType, msg.IDContentEncoding, msg.IDContentDisposition:
		return RefuseUA
	case IDVia, IDRoute, IDProxyRequire, IDMaxBreadth:
		return RefuseProxy
	case IDPath:
		return RefuseRegistrar
	case IDRSeq, IDRAck:
		return Refuse100rel
	case IDEvent:
		return RefuseEvents | RefusePublish
	case IDSubscriptionState, IDAllowEvents, IDSuppressIfMatch:
		return RefuseEvents
	case IDSessionExpires, IDMinSE:
		return RefuseTimer
	case IDSIPETag, IDSIPIfMatch:
		return RefusePublish
	case IDReferTo, IDReferredBy, IDReferSub, IDReplaces, IDJoin, IDTargetDialog:
		return RefuseTransfer
	case IDPrivacy, IDPAssertedIdentity, IDPPreferredIdentity:
		return RefusePrivacy
	case IDAcceptContact, IDRejectContact, IDRequestDisposition:
		return RefusePreferences
	case IDSecurityClient, IDSecurityServer, IDSecurityVerify, IDIdentity:
		return RefuseSecurity
	case msg.IDWWWAuthenticate, msg.IDProxyAuthenticate, msg.IDAuthorization, msg.IDProxyAuthorization,
		msg.IDAuthenticationInfo, msg.IDProxyAuthenticationInfo:
		return RefuseAuth
	}
	return RefuseOther
}

// ErrNoEvent means that a request that needs an Event header has none; the
// answer is 489.
var ErrNoEvent error = noEvent{}

type noEvent struct{}

func (noEvent) Error() string { return "no Event header; name the event package" }
func (noEvent) Unwrap() error { return msg.ErrMissing }
func (noEvent) Status() int   { return 489 }

func (p Policy) check(c msg.Check) {
	if p == 0 {
		return
	}
	m := c.Message()
	var seen [msg.FirstHTTP / 64]uint64
	for f := range m.Fields() {
		if f.ID == 0 || f.ID >= msg.FirstHTTP || policyOf(f.ID)&p == 0 {
			continue
		}
		if w, b := &seen[f.ID/64], uint64(1)<<(f.ID%64); *w&b == 0 {
			*w |= b
			checkValues(c, m, f.ID)
		}
	}
	need := func(q Policy, id msg.ID, err error) {
		if p.Has(q|RefuseMissing) && seen[id/64]&(1<<(id%64)) == 0 {
			c.Fail(id, err)
		}
	}
	switch m.Method() {
	case MethodPrack:
		need(Refuse100rel, IDRAck, msg.ErrMissing)
	case MethodSubscribe:
		need(RefuseEvents, IDEvent, ErrNoEvent)
	case MethodNotify:
		need(RefuseEvents, IDEvent, ErrNoEvent)
		need(RefuseEvents, IDSubscriptionState, msg.ErrMissing)
	case MethodPublish:
		need(RefusePublish, IDEvent, ErrNoEvent)
	case MethodRefer:
		need(RefuseTransfer, IDReferTo, msg.ErrMissing)
	}
}

// Has reports whether p names all that q does.
func (p Policy) Has(q Policy) bool { return p&q == q }

// String returns the bits of p, for logs.
func (p Policy) String() string { return fmt.Sprintf("policy %#x", uint32(p)) }
