package nua

// The call machine is pure: a state, an input, and a table of rows. It knows
// no message, no clock and no lock; the call performs the effects a row names.
// Rows carry the names of Sofia's transitions (C1–C12 caller, S1–S9 callee,
// T1–T5 established). C10, C11 and T3 do not exist there. A letter or an
// apostrophe after a number marks a variant this library tells apart.

// input is what happens to a call.
type input uint8

const (
	inputInvite       input = iota // we send the initial INVITE
	inputChallenge                 // 401/407, nobody knows credentials, the user may
	inputAuthenticate              // the user gave credentials
	inputRetry                     // the INVITE is sent again: credentials known
	inputProvisional               // 101–199 to our INVITE
	inputSuccess                   // 2xx to our INVITE
	inputFailure                   // 3xx–6xx, timeout or transport error of our INVITE
	inputAck                       // the answer is in place and the ACK may go or is gone
	inputMediaFailed               // the offer or answer of the 2xx cannot be used
	inputCancel                    // Cancel, the end of the context, a timeout
	inputBye                       // Bye
	inputByeFinal                  // final response to our BYE, or its timeout
	inputReceived                  // an INVITE came
	inputRing                      // we send 101–199
	inputAnswer                    // we send 2xx
	inputReject                    // we send 3xx–6xx
	inputCanceled                  // CANCEL came
	inputByeReceived               // BYE came
	inputAckReceived               // ACK came, with a good answer where one is due
	inputAckBad                    // ACK came without the answer due, or with a bad one
	inputNoAck                     // no ACK in 64·T1 (RFC 3261 13.3.1.4)
	inputLost                      // the server transaction died under us
	inputGraceful                  // a request in the dialog got a code that ends the usage with BYE (RFC 5057)
	inputFatal                     // a request in the dialog got a code that ends the dialog (RFC 5057)
	inputCount
)

// effect is what a transition asks for, a set of bits. The call performs them
// in this order, then reports the new state.
type effect uint16

const (
	sendInvite   effect = 1 << iota // (re)send the initial INVITE
	sendCancel                      // CANCEL the INVITE; nta holds it until a 1xx (RFC 3261 9.1)
	sendAck                         // ACK the 2xx unless that is done
	sendBye                         // BYE on the confirmed dialog
	replyRinging                    // send the provisional response
	replySuccess                    // send the 2xx
	replyFailure                    // send the chosen 3xx–6xx
	replyBye                        // 200 to the BYE
	replyGone                       // 487 to the INVITE that the BYE ends (RFC 3261 15.1.2)
	holdBye                         // keep the BYE until the ACK came (RFC 3261 15)
	activate                        // media may flow
	end                             // release dialogs, timers, engine
)

// canceledMode says what a row asks of the canceled flag.
type canceledMode uint8

const (
	either canceledMode = iota
	onlyLive
	onlyCanceled
)

// transition is one row of the table.
type transition struct {
	name     string
	from     []CallState
	in       input
	canceled canceledMode
	to       CallState
	same     bool // stay in the state one is in; to is unused
	cancels  bool // set the canceled flag
	do       effect
}

// transitions is the specification of a call. It is never written to.
var transitions = []transition{
	// Caller.
	{name: "C1", from: []CallState{Init}, in: inputInvite, to: Calling, do: sendInvite},
	{name: "C1 canceled", from: []CallState{Init}, in: inputCancel, to: Terminated, cancels: true, do: end},
	{name: "C1 bye", from: []CallState{Init}, in: inputBye, to: Terminated, cancels: true, do: end},
	{name: "C1 failed", from: []CallState{Init}, in: inputFailure, to: Terminated, do: end},
	{name: "C1a", from: []CallState{Calling, Proceeding}, in: inputChallenge, canceled: onlyLive, to: Authenticating},
	{name: "C1a resend", from: []CallState{Authenticating}, in: inputAuthenticate, to: Calling, do: sendInvite},
	{name: "C1a cancel", from: []CallState{Authenticating}, in: inputCancel, to: Terminated, cancels: true, do: end},
	{name: "C1a bye", from: []CallState{Authenticating}, in: inputBye, to: Terminated, cancels: true, do: end},
	{name: "C1b", from: []CallState{Calling, Proceeding}, in: inputRetry, canceled: onlyLive, to: Calling, do: sendInvite},
	{name: "C2", from: []CallState{Calling, Proceeding}, in: inputProvisional, to: Proceeding},
	{name: "C3", from: []CallState{Calling, Proceeding}, in: inputSuccess, canceled: onlyLive, to: Completing},
	{name: "C4", from: []CallState{Completing}, in: inputAck, to: Ready, do: sendAck | activate},
	{name: "C5", from: []CallState{Completing}, in: inputMediaFailed, to: Terminating, do: sendAck | sendBye},
	// Before the 2xx a bad early answer ends the call by CANCEL (sofia-map 2.7).
	{name: "C5 early", from: []CallState{Calling, Proceeding}, in: inputMediaFailed, canceled: onlyLive, same: true, cancels: true, do: sendCancel},
	{name: "C6", from: []CallState{Calling, Proceeding}, in: inputFailure, to: Terminated, do: end},
	// C7 departs from Sofia: a 2xx that crossed the CANCEL never makes the call
	// ready; it is acknowledged and ended (RFC 3261 9.1, 15).
	{name: "C7", from: []CallState{Calling, Proceeding}, in: inputCancel, canceled: onlyLive, same: true, cancels: true, do: sendCancel},
	{name: "C7 crossed", from: []CallState{Calling, Proceeding}, in: inputSuccess, canceled: onlyCanceled, to: Terminating, do: sendAck | sendBye},
	{name: "C7 late", from: []CallState{Completing}, in: inputCancel, to: Terminating, cancels: true, do: sendAck | sendBye},
	{name: "C8", from: []CallState{Calling, Proceeding}, in: inputBye, to: Terminating, cancels: true, do: sendCancel},
	{name: "C8 crossed", from: []CallState{Terminating}, in: inputSuccess, same: true, do: sendAck | sendBye},
	{name: "C8 ended", from: []CallState{Terminating}, in: inputFailure, to: Terminated, do: end},
	{name: "C9", from: []CallState{Completing}, in: inputBye, to: Terminating, do: sendAck | sendBye},
	{name: "C9 peer", from: []CallState{Completing}, in: inputByeReceived, to: Terminated, do: sendAck | replyBye | end},
	{name: "C12", from: []CallState{Terminating}, in: inputByeFinal, to: Terminated, do: end},

	// Callee.
	{name: "S1", from: []CallState{Init}, in: inputReceived, to: Received},
	{name: "S2", from: []CallState{Received, Early}, in: inputRing, to: Early, do: replyRinging},
	{name: "S3", from: []CallState{Received, Early}, in: inputAnswer, to: Completed, do: replySuccess},
	{name: "S4", from: []CallState{Completed}, in: inputAckReceived, to: Ready, do: activate},
	{name: "S4'", from: []CallState{Completed}, in: inputAckBad, to: Terminating, do: sendBye},
	{name: "S5", from: []CallState{Completed}, in: inputNoAck, to: Terminating, do: sendBye},
	{name: "S6", from: []CallState{Received, Early}, in: inputReject, to: Terminated, do: replyFailure | end},
	{name: "S6 bye", from: []CallState{Received, Early}, in: inputBye, to: Terminated, do: replyFailure | end},
	{name: "S7", from: []CallState{Received, Early}, in: inputCanceled, to: Terminated, do: end},
	{name: "S8", from: []CallState{Received, Early}, in: inputByeReceived, to: Terminated, do: replyBye | replyGone | end},
	{name: "S9", from: []CallState{Completed}, in: inputByeReceived, to: Terminated, do: replyBye | end},
	// The callee's BYE waits for the ACK or its timeout (RFC 3261 15).
	{name: "S9 bye", from: []CallState{Completed}, in: inputBye, same: true, do: holdBye},
	{name: "S lost", from: []CallState{Received, Early}, in: inputLost, to: Terminated, do: end},
	{name: "S2xx lost", from: []CallState{Completed}, in: inputLost, to: Terminating, do: sendBye},

	// Established.
	{name: "T1", from: []CallState{Ready}, in: inputByeReceived, to: Terminated, do: replyBye | end},
	{name: "T2", from: []CallState{Ready}, in: inputBye, to: Terminating, do: sendBye},
	// Crossing BYEs are both answered 200; ours still waits for its final.
	{name: "T2 crossed", from: []CallState{Terminating}, in: inputByeReceived, same: true, do: replyBye},
	{name: "T4", from: []CallState{Completing, Completed, Ready}, in: inputGraceful, to: Terminating, do: sendAck | sendBye},
	{name: "T5", from: []CallState{Completing, Completed, Ready}, in: inputFatal, to: Terminated, do: sendAck | end},
}

// machine is the state of one call.
type machine struct {
	state    CallState
	canceled bool // the user gave up: no 2xx makes this call ready
}

// find returns the row that in takes from the present state.
func (m machine) find(in input) (transition, bool) {
	for i := range transitions {
		t := &transitions[i]
		if t.in != in {
			continue
		}
		if t.canceled == onlyLive && m.canceled || t.canceled == onlyCanceled && !m.canceled {
			continue
		}
		for _, from := range t.from {
			if from == m.state {
				return *t, true
			}
		}
	}
	return transition{}, false
}

// step takes one input. It returns the row taken, or false when the input
// means nothing in this state; the machine is then unchanged.
func (m *machine) step(in input) (transition, bool) {
	t, ok := m.find(in)
	if !ok {
		return t, false
	}
	if !t.same {
		m.state = t.to
	}
	if t.cancels {
		m.canceled = true
	}
	return t, true
}
