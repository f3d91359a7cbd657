package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of REFER and of requests that name another dialog.
const (
	// ReferTo is the target of a REFER (RFC 3515 section 2.1). Its URI may carry a
	// method parameter and headers for the request to send, see
	// [URI.HeaderSetters]. Compact form "r", stands once.
	ReferTo = AddrHeader(IDReferTo)
	// ReferredBy tells who sent the REFER (RFC 3892 section 3); the parameter cid
	// names the body with the proof, see [NameAddr.CID]. Compact form "b", stands
	// once.
	ReferredBy = AddrHeader(IDReferredBy)
	// ReferSub tells whether a REFER makes a subscription (RFC 4488 section 4). It
	// stands once. Errors: msg.ErrSyntax if it is neither true nor false.
	ReferSub = msg.Header[Subscribing, SubscribingCodec](IDReferSub)
	// ReferEventsAt is where to subscribe to the outcome of a REFER (RFC 7614
	// section 3). It stands once.
	ReferEventsAt = LinkHeader(IDReferEventsAt)
	// Replaces names the dialog that an INVITE takes the place of (RFC 3891
	// section 6.1). It stands once. Errors: msg.ErrSyntax, also if a tag is missing.
	Replaces = msg.Header[Replacement, DialogCodec[Replacement]](IDReplaces)
	// Join names the dialog that an INVITE joins (RFC 3911 section 7.1). It
	// stands once. Errors: msg.ErrSyntax, also if a tag is missing.
	Join = msg.Header[Joining, DialogCodec[Joining]](IDJoin)
	// TargetDialog proves that the sender knows of another dialog (RFC 4538
	// section 7). It stands once. Errors: msg.ErrSyntax.
	TargetDialog = msg.Header[Target, DialogCodec[Target]](IDTargetDialog)
)

// Subscribing is the value of Refer-Sub.
type Subscribing struct {
	Value  bool       // a subscription is wanted, or was made
	Params msg.Params // extensions
}

// SubscribingCodec reads and writes a [Subscribing].
//
//	Refer-Sub = ( "true" / "false" ) *( SEMI generic-param )
type SubscribingCodec struct{}

// Parse implements [msg.Codec].
func (SubscribingCodec) Parse(s string) (Subscribing, string, error) {
	i := scan.Token(s, 0)
	v := Subscribing{Value: scan.EqualFold(s[:i], "true")}
	if !v.Value && !scan.EqualFold(s[:i], "false") {
		return Subscribing{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return Subscribing{}, "", err
	}
	v.Params = p
	return v, rest, nil
}

// Append implements [msg.Codec].
func (SubscribingCodec) Append(dst []byte, v Subscribing) ([]byte, error) {
	if !v.Params.Valid() {
		return dst, msg.ErrValue
	}
	if v.Value {
		dst = append(dst, "true"...)
	} else {
		dst = append(dst, "false"...)
	}
	return append(dst, v.Params...), nil
}

// Replacement is the value of Replaces.
type Replacement struct {
	CallID string // compares with case
	Params msg.Params
}

// ToTag returns the tag that is the local one of who receives the INVITE. "0"
// also matches a dialog without that tag (RFC 3891 section 6.1).
func (r Replacement) ToTag() string { return tagParam(r.Params, "to-tag") }

// FromTag returns the tag that is the remote one of who receives the INVITE.
// "0" also matches a dialog without that tag.
func (r Replacement) FromTag() string { return tagParam(r.Params, "from-tag") }

// EarlyOnly reports whether only an early dialog may be replaced.
func (r Replacement) EarlyOnly() bool { return r.Params.Has("early-only") }

// String returns r as it stands in a header, unchecked. As headers part of a URI
// it must be escaped, see [URI.WithHeader].
func (r Replacement) String() string { return r.CallID + string(r.Params) }

// Joining is the value of Join.
type Joining struct {
	CallID string // compares with case
	Params msg.Params
}

// ToTag is [Replacement.ToTag].
func (j Joining) ToTag() string { return tagParam(j.Params, "to-tag") }

// FromTag is [Replacement.FromTag].
func (j Joining) FromTag() string { return tagParam(j.Params, "from-tag") }

// Target is the value of Target-Dialog.
type Target struct {
	CallID string // compares with case
	Params msg.Params
}

// LocalTag returns the local tag of the sender, "" if there is none.
func (t Target) LocalTag() string { return tagParam(t.Params, "local-tag") }

// RemoteTag returns the remote tag of the sender, "" if there is none.
func (t Target) RemoteTag() string { return tagParam(t.Params, "remote-tag") }

func tagParam(p msg.Params, name string) string {
	v, _ := p.Get(name)
	return v
}

// dialogRef is what all values that name a dialog have.
type dialogRef interface {
	~struct {
		CallID string
		Params msg.Params
	}
}

// DialogCodec reads and writes values that are a Call-ID with parameters.
//
//	value = callid *( SEMI generic-param )
type DialogCodec[T dialogRef] struct{}

type dialogValue = struct {
	CallID string
	Params msg.Params
}

// Parse implements [msg.Codec]. Values of Replaces and Join must have one to-tag
// and one from-tag (RFC 3891 section 6.1, RFC 3911 section 7.1).
func (DialogCodec[T]) Parse(s string) (T, string, error) {
	i := 0
	for i < len(s) && s[i] > ' ' && s[i] != ',' && s[i] != ';' && s[i] != 0x7f {
		i++
	}
	if i == 0 {
		return T{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return T{}, "", err
	}
	v := T(dialogValue{s[:i], p})
	if needsTags(v) && (tagParam(p, "to-tag") == "" || tagParam(p, "from-tag") == "") {
		return T{}, "", msg.ErrSyntax
	}
	return v, rest, nil
}

func needsTags[T dialogRef](v T) bool {
	switch any(v).(type) {
	case Replacement, Joining:
		return true
	}
	return false
}

// Append implements [msg.Codec].
func (DialogCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	d := dialogValue(v)
	if !d.Params.Valid() || needsTags(v) && (tagParam(d.Params, "to-tag") == "" || tagParam(d.Params, "from-tag") == "") {
		return dst, msg.ErrValue
	}
	for i := range len(d.CallID) {
		if d.CallID[i] == ';' {
			return dst, msg.ErrValue
		}
	}
	dst, err := CallIDCodec{}.Append(dst, d.CallID)
	if err != nil {
		return dst, err
	}
	return append(dst, d.Params...), nil
}

// CID returns the cid parameter of Referred-By: the Content-ID of the body with
// the proof of the referral, without "<" and ">"; "" if there is none
// (RFC 3892 section 3).
func (a NameAddr) CID() string {
	v, _ := a.Params.Get("cid")
	return v
}
