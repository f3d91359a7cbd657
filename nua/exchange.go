package nua

// The exchange machine drives one re-INVITE inside an established call (row R
// of Sofia's table). Its states are the call states a re-INVITE passes through
// as pseudo-states; the call itself stays ready until an exchange ends it.

// exchangeInput is what happens to a re-INVITE.
type exchangeInput uint8

const (
	exchangeSend        exchangeInput = iota // we send a re-INVITE
	exchangeProvisional                      // 101–199 to it
	exchangeSuccess                          // 2xx to it
	exchangeFailure                          // 3xx–6xx, timeout, transport error
	exchangeGlare                            // 491 to it
	exchangeAcked                            // the answer is in place, the ACK gone
	exchangeReceived                         // the peer's re-INVITE came
	exchangeAnswer                           // we answer it with 2xx
	exchangeReject                           // we refuse it
	exchangeCanceled                         // the peer cancelled it
	exchangeAckReceived                      // the ACK to our 2xx came, with the answer where one is due
	exchangeBroken                           // no ACK, bad answer, media failure after a 2xx
	exchangeInputCount
)

// exchangeEffect is what a row of the exchange asks for.
type exchangeEffect uint8

const (
	exchangeInvite   exchangeEffect = 1 << iota // send the re-INVITE
	exchangeAck                                 // ACK the 2xx
	exchangeRollback                            // the open offer is gone: the session stays as it was (RFC 3261 14.1)
	exchangeRetry                               // try again after the time of RFC 3261 14.1
	exchangeReply2xx                            // send the 2xx
	exchangeReplyBad                            // send the refusal
	exchangeActivate                            // the new session holds
	exchangeEnd                                 // the call cannot go on: end it with BYE
)

// exchangeTransition is one row.
type exchangeTransition struct {
	name string
	from []CallState
	in   exchangeInput
	to   CallState
	do   exchangeEffect
}

var exchangeTransitions = []exchangeTransition{
	// Ours.
	{"R1", []CallState{Ready}, exchangeSend, Calling, exchangeInvite},
	{"R2", []CallState{Calling, Proceeding}, exchangeProvisional, Proceeding, 0},
	{"R3", []CallState{Calling, Proceeding}, exchangeSuccess, Completing, 0},
	{"R4", []CallState{Completing}, exchangeAcked, Ready, exchangeAck | exchangeActivate},
	{"R5", []CallState{Completing}, exchangeBroken, Ready, exchangeAck | exchangeEnd},
	{"R6", []CallState{Calling, Proceeding}, exchangeFailure, Ready, exchangeRollback},
	{"R7", []CallState{Calling, Proceeding}, exchangeGlare, Ready, exchangeRollback | exchangeRetry},
	// The peer's.
	{"R8", []CallState{Ready}, exchangeReceived, Received, 0},
	{"R9", []CallState{Received}, exchangeAnswer, Completed, exchangeReply2xx},
	{"R10", []CallState{Received}, exchangeReject, Ready, exchangeReplyBad | exchangeRollback},
	{"R11", []CallState{Received}, exchangeCanceled, Ready, exchangeRollback},
	{"R12", []CallState{Completed}, exchangeAckReceived, Ready, exchangeActivate},
	{"R13", []CallState{Completed}, exchangeBroken, Ready, exchangeEnd},
	// A new re-INVITE proves the peer has our 2xx although its ACK was lost or
	// late (RFC 5407 3.3.3); only an offer still open stands against it.
	{"R14", []CallState{Completed}, exchangeReceived, Received, 0},
}

// exchange is the state of the re-INVITE of one call; Ready means none is open.
type exchange struct{ state CallState }

func newExchange() exchange { return exchange{state: Ready} }

// idle reports whether no re-INVITE is open.
func (e exchange) idle() bool { return e.state == Ready }

// ours reports whether a re-INVITE of ours is open.
func (e exchange) ours() bool {
	return e.state == Calling || e.state == Proceeding || e.state == Completing
}

func (e *exchange) step(in exchangeInput) (exchangeTransition, bool) {
	for i := range exchangeTransitions {
		t := &exchangeTransitions[i]
		if t.in != in {
			continue
		}
		for _, from := range t.from {
			if from == e.state {
				e.state = t.to
				return *t, true
			}
		}
	}
	return exchangeTransition{}, false
}
