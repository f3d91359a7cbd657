package soa

import (
	"errors"
)

// Conditions, for errors.Is.
var (
	// ErrOfferPending: an offer is open, so no other may be made (RFC 3264
	// section 4). Complete it with SetAnswer or Answer, or call Rollback.
	ErrOfferPending = errors.New("an offer is still open")
	// ErrNoOffer: there is no offer that this answer belongs to.
	ErrNoOffer = errors.New("no offer is open")
	// ErrNoUser: the user has not said which media it wants; call SetUser.
	ErrNoUser = errors.New("no media template; call SetUser first")
	// ErrNoAddress: no address for c=; set Config.Address, call SetAddress, or
	// put a c= line in the template.
	ErrNoAddress = errors.New("no media address; set Config.Address or a c= line in the template")
	// ErrBadUser: the template given to SetUser cannot be used.
	ErrBadUser = errors.New("unusable media template")
	// ErrBadDescription: what the peer sent is no usable session description.
	ErrBadDescription = errors.New("bad session description")
	// ErrMediaCount: the number of m= lines is not what the earlier ones demand
	// (RFC 3264 sections 6 and 8).
	ErrMediaCount = errors.New("wrong number of m= lines")
	// ErrMediaMismatch: an m= line of the answer has another media type or
	// protocol than that of the offer (RFC 3264 section 6.1).
	ErrMediaMismatch = errors.New("m= line of the answer differs from the offer's")
	// ErrNoCommonMedia: no offered stream is of a media type and transport
	// protocol that the template has.
	ErrNoCommonMedia = errors.New("no media type and protocol in common")
	// ErrNoCommonCodec: no stream has a codec in common.
	ErrNoCommonCodec = errors.New("no codec in common")
	// ErrClosed: the session was closed.
	ErrClosed = errors.New("session is closed")
)

// Error is the error of every method of [Session].
type Error struct {
	Op  string // the method that failed, such as "Answer"
	Err error  // why; matches a sentinel of this package, or the context's error

	status, warn int // 0: by Err
}

// Error returns a message with operation and cause.
func (e *Error) Error() string { return "soa: " + e.Op + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// Status returns the SIP status code that tells the peer about the failure:
// 400 for a description that cannot be read, 488 for one that does not fit,
// 491 if our own offer is open, and 500 for what is not the peer's fault.
func (e *Error) Status() int {
	switch {
	case e.status != 0:
		return e.status
	case errors.Is(e.Err, ErrBadDescription):
		return 400
	case errors.Is(e.Err, ErrOfferPending):
		return 491 // RFC 3261 section 14.2
	case errors.Is(e.Err, ErrNoCommonMedia), errors.Is(e.Err, ErrNoCommonCodec),
		errors.Is(e.Err, ErrMediaCount), errors.Is(e.Err, ErrMediaMismatch):
		return 488
	}
	return 500
}

// WarnCode returns the warn-code (RFC 3261 section 20.43) for a Warning header
// beside Status, or 0 if none fits.
func (e *Error) WarnCode() int {
	switch {
	case e.warn != 0:
		return e.warn
	case e.Status() != 488:
		return 0
	case errors.Is(e.Err, ErrNoCommonMedia):
		return warnMediaType
	case errors.Is(e.Err, ErrNoCommonCodec):
		return warnFormat
	}
	return warnOther
}

// The warn-codes in use.
const (
	warnNetwork   = 300
	warnTransport = 302
	warnMediaType = 304
	warnFormat    = 305
	warnOther     = 399
)

// Warning returns the text for a Warning header, or "" if WarnCode is 0.
func (e *Error) Warning() string {
	switch e.WarnCode() {
	case 0:
		return ""
	case warnNetwork:
		return "Incompatible network protocol"
	case warnTransport:
		return "Incompatible transport protocol"
	case warnMediaType:
		return "Media type not available"
	case warnFormat:
		return "Incompatible media format"
	}
	return "Session description does not match the session"
}

// cause joins a sentinel with the detail that errors.As may want, such as a
// *sdp.SyntaxError.
type cause struct {
	sentinel error
	detail   error
}

func (c cause) Error() string   { return c.sentinel.Error() + ": " + c.detail.Error() }
func (c cause) Unwrap() []error { return []error{c.sentinel, c.detail} }
