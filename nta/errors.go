package nta

import (
	"errors"

	"github.com/gosofia/sofia/sresolv"
)

// The conditions to look for with errors.Is.
var (
	// ErrTimeout: no final response came in 64*T1, from any hop.
	ErrTimeout = errors.New("no final response in time; is the peer reachable and does it speak SIP there?")
	// ErrCanceled: the request was cancelled before a final response.
	ErrCanceled = errors.New("request cancelled")
	// ErrNoAck: no ACK for the response came in 64*T1; end the dialog with BYE
	// (RFC 3261 section 13.3.1.4).
	ErrNoAck = errors.New("no ACK came for the response; end the dialog with BYE")
	// ErrNoPrack: no PRACK for the reliable provisional response came in 64*T1;
	// the INVITE was answered 504 (RFC 3262 section 3).
	ErrNoPrack = errors.New("no PRACK came for the provisional response; the INVITE was answered 504")
	// ErrNotReliable: the INVITE does not have 100rel in Supported or Require, or
	// the response is no reliable provisional one (RFC 3262).
	ErrNotReliable = errors.New("not reliable: that takes an INVITE with 100rel and a response of 101 to 199")
	// ErrTooLate: the transaction has its final response, or is over.
	ErrTooLate = errors.New("the transaction has been answered already")
	// ErrClosed: the agent or the handle was closed, or there is nothing more to read.
	ErrClosed = errors.New("closed")
	// ErrBusy: a bound of Config was reached; try again later or raise it.
	ErrBusy = errors.New("too much going on; try again later or raise the bound in Config")
	// ErrNoLeg: the leg was ended, or the message makes no dialog.
	ErrNoLeg = errors.New("no dialog")
	// ErrNoReply: the request is an ACK, which has no response.
	ErrNoReply = errors.New("an ACK is never answered")
	// ErrInsecure: the Request-URI is a SIPS URI, or the dialog was made with
	// one, and the flow given is not over TLS (RFC 3261 section 26.2.2).
	ErrInsecure = errors.New("a SIPS request goes over TLS only; give it no plain flow")
	// ErrNotAllowed: the response must not be sent: a provisional response
	// other than 100 or a 408 to a non-INVITE request, or a 100 that would come
	// too early (RFC 4320).
	ErrNotAllowed = errors.New("response not allowed for a non-INVITE request (RFC 4320)")
	// ErrNotInvite: only an INVITE can be cancelled (RFC 3261 section 9.1).
	ErrNotInvite = errors.New("only an INVITE can be cancelled or acknowledged")
)

// TransactionError says that a request failed here, without a final response
// from the peer; a refusal by the peer is a *sip.StatusError.
type TransactionError struct {
	// Op is what was done: "resolve", "dial", "send", "wait", "cancel" or "ack".
	Op string
	// Hop is where to, as far as that was known.
	Hop sresolv.Hop
	// Err is the cause: a sentinel of this package, or the error of the
	// resolver or the transport.
	Err error
}

// Error returns the operation, the hop and the cause.
func (e *TransactionError) Error() string {
	s := "nta: " + e.Op
	if e.Hop.Addr.IsValid() {
		s += " " + e.Hop.String()
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *TransactionError) Unwrap() error { return e.Err }

// Status returns the status code that a transaction user is to take the error
// for (RFC 3261 section 8.1.3.1): 408 for a timeout, 487 for a request that was
// cancelled, 503 for everything else.
func (e *TransactionError) Status() int {
	switch {
	case errors.Is(e.Err, ErrTimeout):
		return 408
	case errors.Is(e.Err, ErrCanceled):
		return 487
	default:
		return 503
	}
}
