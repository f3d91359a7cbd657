package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of session timers, of automatic answering and of sessions as such.
const (
	// SessionExpires is the session interval in seconds, not below 90 (RFC 4028
	// section 4), with its refresher. Compact form "x", stands once. Errors:
	// msg.ErrSyntax, msg.ErrRange above 2^32-1.
	SessionExpires = msg.Header[Interval, DeltaCodec[Interval]](IDSessionExpires)
	// MinSE is the smallest session interval that is taken, in seconds; 90 if the
	// header is not there (RFC 4028 section 5). It stands once. Errors as
	// SessionExpires.
	MinSE = msg.Header[Interval, DeltaCodec[Interval]](IDMinSE)
	// AnswerMode asks for an automatic or a manual answer (RFC 5373 section 4).
	// It stands once.
	AnswerMode = msg.Header[Mode, ItemCodec[Mode]](IDAnswerMode)
	// PrivAnswerMode is AnswerMode with privilege (RFC 5373 section 4.4).
	PrivAnswerMode = msg.Header[Mode, ItemCodec[Mode]](IDPrivAnswerMode)
	// SessionID names a session across back-to-back user agents (RFC 7989
	// section 5). It stands once. Errors: msg.ErrSyntax if it is not 32
	// hexadecimal digits.
	SessionID = msg.Header[SessionIDValue, SessionIDCodec](IDSessionID)
	// InfoPackage names the package of an INFO (RFC 6086 section 9.2). It stands
	// once.
	InfoPackage = msg.Header[msg.Item, ItemCodec[msg.Item]](IDInfoPackage)
	// RecvInfo lists the packages of INFO that the sender takes (RFC 6086 section
	// 9.3): a comma list that may be empty.
	RecvInfo = msg.Header[msg.Item, ItemCodec[msg.Item]](IDRecvInfo)
	// PEarlyMedia lists the directions of early media that are
	// authorised (RFC 5009 section 8), tokens in a comma list.
	PEarlyMedia = TokenHeader(IDPEarlyMedia)
	// PMediaAuthorization is what a proxy grants (RFC 3313 section 5.1): a comma
	// list of hexadecimal tokens, see [HexBytes]. Errors: msg.ErrSyntax.
	PMediaAuthorization = msg.Header[string, HexCodec](IDPMediaAuthorization)
)

// Interval is the value of Session-Expires and Min-SE.
type Interval struct {
	Seconds uint32     // between refreshes, at most
	Params  msg.Params // refresher and extensions
}

// Refresher returns who is to refresh the session, in lower case: "uac", "uas",
// or "" if not said or something else.
func (i Interval) Refresher() string {
	switch v, _ := i.Params.Get("refresher"); {
	case scan.EqualFold(v, "uac"):
		return "uac"
	case scan.EqualFold(v, "uas"):
		return "uas"
	}
	return ""
}

// WithRefresher returns i with the given refresher.
func (i Interval) WithRefresher(who string) Interval {
	i.Params = i.Params.With("refresher", who)
	return i
}

// Mode is the value of Answer-Mode and Priv-Answer-Mode.
type Mode struct {
	Value  string // "Auto", "Manual" or another; compares without case
	Params msg.Params
}

// Auto reports whether the call is to be answered by itself.
func (m Mode) Auto() bool { return scan.EqualFold(m.Value, "Auto") }

// Require reports whether the request is to be refused if the mode cannot be had.
func (m Mode) Require() bool { return m.Params.Has("require") }

// SessionIDValue is the value of Session-ID.
type SessionIDValue struct {
	Local  string // 32 hexadecimal digits, as written
	Params msg.Params
}

// Remote returns the UUID of the other side, "" if it is not there or malformed.
// It is NilSession while the other side is not known.
func (s SessionIDValue) Remote() string {
	if v, _ := s.Params.Get("remote"); isUUID(v) {
		return v
	}
	return ""
}

// NilSession is the UUID that stands for an unknown side (RFC 7989 section 5).
const NilSession = "00000000000000000000000000000000"

// SessionIDCodec reads and writes a [SessionIDValue]. Letters of either case are
// read, as RFC 7329 peers send them; they are written in lower case.
//
//	Session-ID = sess-uuid *( SEMI sess-id-param )
type SessionIDCodec struct{}

// Parse implements [msg.Codec].
func (SessionIDCodec) Parse(s string) (SessionIDValue, string, error) {
	i := scan.Token(s, 0)
	if !isUUID(s[:i]) {
		return SessionIDValue{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return SessionIDValue{}, "", err
	}
	return SessionIDValue{lower(s[:i]), p}, rest, nil
}

// Append implements [msg.Codec].
func (SessionIDCodec) Append(dst []byte, v SessionIDValue) ([]byte, error) {
	if !isUUID(v.Local) || v.Local != lower(v.Local) || !v.Params.Valid() {
		return dst, msg.ErrValue
	}
	return append(append(dst, v.Local...), v.Params...), nil
}

func isUUID(s string) bool {
	for i := range len(s) {
		if !scan.IsHex(s[i]) {
			return false
		}
	}
	return len(s) == 32
}

// lower is strings.ToLower for ASCII, without an allocation if there is nothing to do.
func lower(s string) string {
	for i := range len(s) {
		if scan.Lower(s[i]) != s[i] {
			b := []byte(s)
			for ; i < len(b); i++ {
				b[i] = scan.Lower(b[i])
			}
			return string(b)
		}
	}
	return s
}
