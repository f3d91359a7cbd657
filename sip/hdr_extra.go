package sip

import (
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Headers of other extensions.
const (
	// ResourcePriority asks for preference (RFC 4412 section 3.1). A comma list
	// that may repeat. Errors: msg.ErrSyntax.
	ResourcePriority = msg.Header[ResourceValue, ResourceCodec](IDResourcePriority)
	// AcceptResourcePriority lists the values that a server knows (RFC 4412
	// section 3.2). A comma list that may be empty.
	AcceptResourcePriority = msg.Header[ResourceValue, ResourceCodec](IDAcceptResourcePriority)
	// MaxBreadth bounds the branches that a request may be forked into (RFC 5393
	// section 5.3.3): a number of 32 bits. It stands once. Errors: msg.ErrSyntax,
	// msg.ErrRange.
	MaxBreadth = msg.Header[uint32, NumberCodec](IDMaxBreadth)
	// FlowTimer is how often a client must send something over its flow, in
	// seconds (RFC 5626 section 10). It stands once.
	FlowTimer = SecondsHeader(IDFlowTimer)
	// ContentID names the body (RFC 8262 section 3.2): text without "<" and ">".
	// It stands once. Errors: msg.ErrSyntax.
	ContentID = msg.ContentID
	// GeolocationRouting tells whether the location may be used to route (RFC 6442
	// section 4.2): yes, no or another token. It stands once.
	GeolocationRouting = msg.Header[msg.Item, ItemCodec[msg.Item]](IDGeolocationRouting)
	// GeolocationError tells what is wrong with a location (RFC 6442 section 4.3):
	// a code of up to three digits; the parameter code holds a text. It stands
	// once. Errors: msg.ErrSyntax.
	GeolocationError = msg.Header[LocationError, LocationErrorCodec](IDGeolocationError)
	// UserToUser carries data between users (RFC 7433 section 4). A comma list
	// that may repeat.
	UserToUser = msg.Header[UserData, TextItemCodec[UserData]](IDUserToUser)
)

// ResourceValue is a value of Resource-Priority: "dsn.flash".
type ResourceValue struct {
	Namespace string // compares without case
	Priority  string // compares without case; its order is the namespace's
}

// String returns r as it stands in a header.
func (r ResourceValue) String() string { return r.Namespace + "." + r.Priority }

// Equal reports whether r and s are the same value (RFC 4412 section 3.1).
func (r ResourceValue) Equal(s ResourceValue) bool {
	return scan.EqualFold(r.Namespace, s.Namespace) && scan.EqualFold(r.Priority, s.Priority)
}

// ResourceCodec reads and writes a [ResourceValue].
//
//	r-value = namespace "." r-priority;  both token-nodot
type ResourceCodec struct{}

// Parse implements [msg.Codec].
func (ResourceCodec) Parse(s string) (ResourceValue, string, error) {
	i := scan.Token(s, 0)
	rest := scan.Space(s, i)
	namespace, priority, ok := strings.Cut(s[:i], ".")
	if !ok || namespace == "" || priority == "" || strings.IndexByte(priority, '.') >= 0 || rest < len(s) && s[rest] != ',' {
		return ResourceValue{}, "", msg.ErrSyntax
	}
	return ResourceValue{namespace, priority}, s[rest:], nil
}

// Append implements [msg.Codec].
func (ResourceCodec) Append(dst []byte, v ResourceValue) ([]byte, error) {
	if !nodot(v.Namespace) || !nodot(v.Priority) {
		return dst, msg.ErrValue
	}
	return append(append(append(dst, v.Namespace...), '.'), v.Priority...), nil
}

func nodot(s string) bool { return scan.IsToken(s) && strings.IndexByte(s, '.') < 0 }

// LocationError is the value of Geolocation-Error.
type LocationError struct {
	Code   int // 0 to 999
	Params msg.Params
}

// Text returns the text of the code parameter, "" if there is none.
func (e LocationError) Text() string { return tagParam(e.Params, "code") }

// LocationErrorCodec reads and writes a [LocationError].
//
//	locationErrorValue = 1*3DIGIT *( SEMI location-error-params )
type LocationErrorCodec struct{}

// Parse implements [msg.Codec].
func (LocationErrorCodec) Parse(s string) (LocationError, string, error) {
	n, i, err := numberAt(s, 0, 999)
	if err == nil && i > 3 {
		err = msg.ErrSyntax
	}
	if err != nil {
		return LocationError{}, "", err
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return LocationError{}, "", err
	}
	return LocationError{int(n), p}, rest, nil
}

// Append implements [msg.Codec].
func (LocationErrorCodec) Append(dst []byte, v LocationError) ([]byte, error) {
	if v.Code < 0 || v.Code > 999 || !v.Params.Valid() {
		return dst, msg.ErrValue
	}
	return append(strconv.AppendInt(dst, int64(v.Code), 10), v.Params...), nil
}

// UserData is a value of User-to-User.
type UserData struct {
	Value  string // without quotes; hexadecimal unless Encoding says otherwise
	Params msg.Params
}

// Purpose returns the package the data are for, "isdn-uui" if not said
// (RFC 7434 section 8).
func (u UserData) Purpose() string {
	if v, ok := u.Params.Get("purpose"); ok {
		return v
	}
	return "isdn-uui"
}

// Encoding returns how the data are written, "hex" if not said (RFC 7433
// section 4.2).
func (u UserData) Encoding() string {
	if v, ok := u.Params.Get("encoding"); ok {
		return v
	}
	return "hex"
}

func msgID(s string) bool {
	at := strings.IndexByte(s, '@')
	if at <= 0 || at == len(s)-1 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`<>()\",;:`, c) >= 0 && (c != ':' || i < at) {
			return false
		}
	}
	return strings.IndexByte(s[at+1:], '@') < 0
}

func itoa(n int) string { return strconv.Itoa(n) }
