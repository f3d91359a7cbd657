package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Reason tells why a request or a provisional response is sent (RFC 3326
// section 2). It may repeat, and values of one protocol too if that says so
// (RFC 9366). Errors: msg.ErrSyntax.
const Reason = msg.Header[ReasonValue, ItemCodec[ReasonValue]](IDReason)

// ReasonValue is a value of Reason.
//
//	reason-value = protocol *( SEMI reason-params )
type ReasonValue struct {
	Value  string // the protocol: "SIP", "Q.850", "Preemption", "STIR", …; compares without case
	Params msg.Params
}

// Is reports whether r is of the given protocol, compared without case.
func (r ReasonValue) Is(protocol string) bool { return scan.EqualFold(r.Value, protocol) }

// Cause returns the cause, a number of the protocol; ok is false if there is no
// such number.
func (r ReasonValue) Cause() (cause int, ok bool) {
	n, ok := numberParam(r.Params, "cause", 1<<31-1)
	return int(n), ok
}

// Text returns the text, "" if there is none.
func (r ReasonValue) Text() string { return tagParam(r.Params, "text") }

// NewReason makes a value of Reason; an empty text is left out.
func NewReason(protocol string, cause int, text string) ReasonValue {
	r := ReasonValue{Value: protocol}
	r.Params = r.Params.With("cause", itoa(cause))
	if text != "" {
		r.Params += msg.Params(scan.AppendQuoted([]byte(";text="), text))
	}
	return r
}
