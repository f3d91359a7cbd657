package tport

import (
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// The status codes a WebSocket connection ends with (RFC 6455 section 7.4.1).
const (
	WebSocketNormal          = 1000 // done with it
	WebSocketGoingAway       = 1001 // a server that stops, a page that is left
	WebSocketProtocolError   = 1002 // frames that break the protocol
	WebSocketUnsupported     = 1003 // data that is no message of the class
	WebSocketNoStatus        = 1005 // never sent: the peer gave no code
	WebSocketInvalidText     = 1007 // a text message that is not UTF-8
	WebSocketPolicyViolation = 1008 // refused for a reason of its own
	WebSocketTooBig          = 1009 // a message over Config.Limits
	WebSocketInternalError   = 1011 // the end that closes has failed
	WebSocketTryAgainLater   = 1013 // the end that closes has too much to do
)

// WebSocketError is why a WebSocket connection ended: a code of RFC 6455
// section 7.4. With Remote the peer has closed it; the error then matches
// [io.EOF]. Otherwise the peer broke the protocol or a limit, and was told so.
type WebSocketError struct {
	// Code is the status code, [WebSocketNoStatus] where the peer gave none.
	Code int
	// Reason is the text that came or went with it. It is not to be trusted.
	Reason string
	// Remote reports that the peer closed the connection.
	Remote bool
}

// Error returns the code and the reason.
func (e *WebSocketError) Error() string {
	s := "websocket closed with "
	if e.Remote {
		s = "websocket closed by the peer with "
	}
	s += strconv.Itoa(e.Code)
	if e.Reason != "" {
		s += " " + strconv.Quote(e.Reason)
	}
	return s
}

// Is reports whether target is [io.EOF] and the peer has closed the connection.
func (e *WebSocketError) Is(target error) bool { return e.Remote && target == io.EOF }

// violation is what the peer did wrong.
func violation(code int, reason string) *WebSocketError {
	return &WebSocketError{Code: code, Reason: reason}
}

// readClose reads the payload of a close frame (RFC 6455 section 5.5.1).
func readClose(b []byte) *WebSocketError {
	switch {
	case len(b) == 0:
		return &WebSocketError{Code: WebSocketNoStatus, Remote: true}
	case len(b) == 1:
		return violation(WebSocketProtocolError, "malformed close frame")
	}
	code := int(binary.BigEndian.Uint16(b))
	if !sendable(code) {
		return violation(WebSocketProtocolError, "close code that may not be sent")
	}
	if !utf8.Valid(b[2:]) {
		return violation(WebSocketInvalidText, "close reason is not UTF-8")
	}
	return &WebSocketError{Code: code, Reason: string(b[2:]), Remote: true}
}

// sendable reports whether a code may stand in a close frame: those of
// RFC 6455 section 7.4.1 and of the IANA registry, and what is left to
// libraries and private use.
func sendable(code int) bool {
	switch code {
	case 1004, WebSocketNoStatus, 1006, 1015:
		return false
	}
	return code >= 1000 && code <= 1014 || code >= 3000 && code <= 4999
}

// closePayload is what a close frame says of why we end a connection.
func closePayload(reason error) []byte {
	code, text := WebSocketNormal, ""
	var own *WebSocketError
	switch {
	case errors.As(reason, &own):
		code, text = own.Code, own.Reason
		if code == WebSocketNoStatus { // the peer gave none, nor do we
			return nil
		}
		if own.Remote {
			text = ""
		}
	case errors.Is(reason, ErrShed), errors.Is(reason, ErrTooManyFlows):
		code, text = WebSocketTryAgainLater, "too many connections"
	case errors.Is(reason, ErrIdle):
		code, text = WebSocketGoingAway, "idle"
	case errors.Is(reason, ErrClosed):
	case errors.Is(reason, errPanic):
		code = WebSocketInternalError
	case errors.Is(reason, errFraming):
		code, text = WebSocketUnsupported, "not a message"
	default:
		code, text = WebSocketPolicyViolation, "timeout"
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), text...)
}
