package nta

import "time"

// The four machines of RFC 3261 section 17, as amended by RFC 6026, are pure:
// an int state, the present interval of the repeating timer, and one step that
// takes an input and returns what is to be done. They hold no clock, no
// message and no reference. Whoever owns one carries its effects out.
//
// Each machine has at most two timers running: repeat (A, E, G, and those of
// the UAS core for 100, 1xx and 2xx) and end (B, D, M, F, K, H, I, L, J).

// act is a set of things the owner of a machine must do.
type act uint16

const (
	actSend    act = 1 << iota // send the request, or the latest response, (again)
	actAck                     // acknowledge the non-2xx final response
	actPass                    // hand the input on to the transaction user
	actTrying                  // answer 100 Trying
	actTimeout                 // tell the user: nobody answered in time
	actNoAck                   // tell the user: no ACK came in time
	actFail                    // tell the user: the transport failed
	actCancel                  // Timer C: cancel the request
	actSlim                    // only key, state, due slot and reply are needed from now on
	actEnd                     // the transaction is over
)

func (a act) has(b act) bool { return a&b != 0 }

// stop is the value of an effect's timer that means: no longer running.
const stop time.Duration = -1

// effect is the result of a step. A timer of zero is left as it is.
type effect struct {
	do     act
	repeat time.Duration
	end    time.Duration
}

// timing is what a machine needs to know about the world: the timer values and
// whether the flow repeats by itself.
type timing struct {
	t1, t2, t4 time.Duration
	timeout    time.Duration // 64*T1
	linger     time.Duration // Timer D: at least 32 s
	timerC     time.Duration // zero: off
	answer     time.Duration // INVITE server: the user has forgotten it after this; zero: never
	trying     time.Duration // INVITE server: 100 after this; zero: off
	progress   time.Duration // UAS: repeat the provisional response; zero: off
	reliable   bool
}

// or0 is d on an unreliable transport and nothing on a reliable one.
func (t timing) or0(d time.Duration) time.Duration {
	if t.reliable {
		return 0
	}
	return d
}

// answered is the moment at which a 100 to a non-INVITE may leave on any
// transport: when the client's Timer E would have been set to T2 (RFC 4320 4.1).
func (t timing) answered() time.Duration {
	var sum time.Duration
	for d := t.t1; d < t.t2; d *= 2 {
		sum += d
	}
	return sum
}

// input is what can happen to a machine.
type input uint8

const (
	inStart     input = iota // client: the request leaves; server: it has come
	inRepeat                 // the repeating timer fired
	inEnd                    // the ending timer fired
	inTrying                 // 100
	inProgress               // 101-199, received or to be sent
	inSuccess                // 2xx, received or to be sent
	inFailure                // 300-699, received or to be sent
	inRequest                // server: the request came again
	inAck                    // server INVITE: an ACK came
	inCancel                 // client INVITE: CANCEL has been sent
	inTransport              // the transport failed
	inForward                // server INVITE: a 2xx is forwarded, not ours
	inputs
)

// statusInput classifies a status code.
func statusInput(status int) input {
	switch {
	case status <= 100:
		return inTrying
	case status < 200:
		return inProgress
	case status < 300:
		return inSuccess
	default:
		return inFailure
	}
}
