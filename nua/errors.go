package nua

import (
	"errors"
	"fmt"
)

// Conditions for errors.Is. What the peer refused is a *sip.StatusError; what
// failed here on the way is a *nta.TransactionError; credentials that do not
// help are errors of package auth.
var (
	// ErrCanceled: the call was given up by Cancel, by Bye before it was
	// answered, by the end of the context given to Invite, or by the peer's
	// CANCEL. Its error also matches the context's cause.
	ErrCanceled = errors.New("nua: call canceled")
	// ErrClosed: the UA is shut down, the handle has ended, or its last event
	// was read.
	ErrClosed = errors.New("nua: closed")
	// ErrTimeout: nobody answered within InviteTimeout, AnswerTimeout or the
	// Expires of the INVITE.
	ErrTimeout = errors.New("nua: timeout")
	// ErrWrongState: the call is in no state in which this can be done; look
	// at Call.State.
	ErrWrongState = errors.New("nua: not possible in this state of the call")
	// ErrNotReady: the call is not established; wait for Ready first.
	ErrNotReady = errors.New("nua: call is not established")
	// ErrBusy: too much of the kind is already open; try again later.
	ErrBusy = errors.New("nua: busy")
	// ErrNoAnswer: the peer sent no session description where one was due.
	ErrNoAnswer = errors.New("nua: no session description where one is due")
	// ErrNoHold: the media engine cannot hold; it does not implement Holder.
	ErrNoHold = errors.New("nua: the media engine has no Hold")
	// ErrForeignDialog: the peer challenged a request inside a call that it
	// began. Answering would give a password's hash to whoever calls; set
	// Config.AuthIncoming to do it anyway.
	ErrForeignDialog = errors.New("nua: challenge in a call the peer began is not answered")
	// ErrAnswered: the request was already answered.
	ErrAnswered = errors.New("nua: request already answered")
	// ErrNoAck: the peer never acknowledged our 2xx.
	ErrNoAck = errors.New("nua: no ACK from the peer")
	// ErrNoRegistrar: neither Config.Registrar nor RegisterConfig.Registrar is
	// set and the identity names no domain.
	ErrNoRegistrar = errors.New("nua: no registrar: set Config.Registrar")
	// ErrNotListening: the UA has no socket at which a peer could reach it; call
	// UA.Listen first.
	ErrNotListening = errors.New("nua: no socket: call Listen first")
	// ErrNoIdentity: a From is needed; set Config.Identity.
	ErrNoIdentity = errors.New("nua: no identity: set Config.Identity")
)

// Error is a failure of this floor: what was tried, and why it failed.
type Error struct {
	// Op is the method or the part of the work: "invite", "answer", "media" …
	Op string
	// Err is the cause; never nil.
	Err error
}

// Error returns the operation and the cause.
func (e *Error) Error() string {
	return "nua: " + e.Op + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// canceledError is ErrCanceled with what made it so.
func canceledError(cause error) error {
	if cause == nil || errors.Is(cause, ErrCanceled) {
		return ErrCanceled
	}
	return fmt.Errorf("%w: %w", ErrCanceled, cause)
}
