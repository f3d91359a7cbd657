package nua

import (
	"strconv"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// Handle is what an event belongs to: a [*Call] or a [*Registration].
type Handle interface {
	// ID returns the Call-ID of the handle's requests.
	ID() string
	handle() *source
}

// Event is something that happened to a handle. The set of events is closed:
// a type switch over the types of this package covers it. Events are values
// and may be kept.
//
// String returns Sofia-SIP's name of the event (i_state, r_invite …), so that
// logs stay searchable for those who know it.
type Event interface {
	// Handle returns the call or the registration the event belongs to.
	Handle() Handle
	String() string
	event()
}

// eventBase carries the handle of an event.
type eventBase struct{ handle Handle }

func (b eventBase) Handle() Handle { return b.handle }
func (eventBase) event()           {}

// Call returns the call the event belongs to, nil when it belongs to a
// registration.
func (b eventBase) Call() *Call {
	c, _ := b.handle.(*Call)
	return c
}

// StateChanged (i_state) tells that the call, or a re-INVITE inside it, took a
// transition. When a handle's queue is full, older StateChanged events of the
// handle give way to the newest.
type StateChanged struct {
	eventBase
	// State is the state now, Previous the one before.
	State, Previous CallState
	// Reinvite is set when the two states are those of a re-INVITE inside an
	// established call, whose own state stays Ready.
	Reinvite bool
	// Transition is the name of the row taken: C1–C12, S1–S9, T1–T5, R….
	Transition string
	// Status and Phrase tell what caused the change: the response got or
	// sent, or the equivalent of a local event (408 for a timeout). 0 if
	// nothing of the kind did.
	Status int
	Phrase string
	// Err is why the call failed or was given up, nil when it ended well.
	// Only set with Terminating and Terminated.
	Err error
	// Flags of what session descriptions moved since the last StateChanged.
	OfferSent, OfferReceived, AnswerSent, AnswerReceived bool
	// LocalSDP and RemoteSDP are the texts last sent and received; empty
	// before the first.
	LocalSDP, RemoteSDP string
	// Audio is the direction of the first audio stream, when the engine can
	// tell (soa.Session can).
	Audio soa.Active
}

// String returns "i_state".
func (StateChanged) String() string { return "i_state" }

// InviteResult (r_invite) is a response to an INVITE or re-INVITE of ours,
// provisional ones included. Status is 100 while the library tries again by
// itself (credentials, glare); Response is then the true response.
type InviteResult struct {
	eventBase
	// Status, Phrase and Response are what came; Status is that of Err, and
	// the others are zero, when nothing did.
	Status   int
	Phrase   string
	Response sip.Response
	// Err is set when no response came: *nta.TransactionError.
	Err error
	// Reinvite is set for a re-INVITE.
	Reinvite bool
}

// String returns "r_invite".
func (InviteResult) String() string { return "r_invite" }

// CancelReceived (i_cancel) tells that the peer cancelled its INVITE. The
// library has answered both.
type CancelReceived struct {
	eventBase
	// Request is what came.
	Request sip.Request
}

// String returns "i_cancel".
func (CancelReceived) String() string { return "i_cancel" }

// ByeReceived (i_bye) tells that the peer ended the call. The library has
// answered 200.
type ByeReceived struct {
	eventBase
	// Request is what came.
	Request sip.Request
}

// String returns "i_bye".
func (ByeReceived) String() string { return "i_bye" }

// AckReceived (i_ack) tells that the ACK to our 2xx came.
type AckReceived struct {
	eventBase
	// Request is what came.
	Request sip.Request
}

// String returns "i_ack".
func (AckReceived) String() string { return "i_ack" }

// MediaError (i_media_error) tells that the engine refused a session
// description, or that one was missing.
type MediaError struct {
	eventBase
	// Err is the engine's error, or ErrNoAnswer.
	Err error
	// Status is the status code it stands for (488, 415 …).
	Status int
}

// String returns "i_media_error".
func (MediaError) String() string { return "i_media_error" }

// ReinviteReceived (i_invite inside a call) tells that the peer asks to change
// the session and that ManualReinvite leaves the answer to the user:
// Call.AcceptReinvite or Call.RejectReinvite. It is refused with 500 and
// Retry-After when that takes longer than AnswerTimeout.
type ReinviteReceived struct {
	eventBase
	// Request is what came.
	Request sip.Request
	// RemoteSDP is the offer, empty if the peer wants one from us.
	RemoteSDP string
}

// String returns "i_invite".
func (ReinviteReceived) String() string { return "i_invite" }

// MessageReceived (i_message) tells that a MESSAGE came inside the call and
// was given to the Handler.
type MessageReceived struct {
	eventBase
	// Request is what came.
	Request sip.Request
}

// String returns "i_message".
func (MessageReceived) String() string { return "i_message" }

// RegisterResult (r_register, r_unregister) tells what became of a REGISTER
// of the registration. Status is 100 while the library tries again by itself;
// Response is then the true response.
type RegisterResult struct {
	eventBase
	// Status, Phrase and Response are what came; Status is that of Err, and
	// the others are zero, when nothing did.
	Status   int
	Phrase   string
	Response sip.Response
	// Err is set when the REGISTER failed: *sip.StatusError,
	// *nta.TransactionError or an error of package auth.
	Err error
	// State is the state of the registration after it.
	State RegistrationState
	// Unregister is set for the REGISTER that removes the binding.
	Unregister bool
}

// String returns "r_register" or "r_unregister".
func (e RegisterResult) String() string {
	if e.Unregister {
		return "r_unregister"
	}
	return "r_register"
}

// EventsLost tells that the reader was too slow: N events of the handle went
// unread to make room. It stands where the lost ones stood.
type EventsLost struct {
	eventBase
	N int
}

// String returns "events_lost" and the number.
func (e EventsLost) String() string { return "events_lost " + strconv.Itoa(e.N) }
