package nta

import "time"

// clientRequestState is a state of the non-INVITE client transaction
// (RFC 3261 17.1.2.2).
type clientRequestState uint8

const (
	// clientRequestIdle: the request has not left yet.
	clientRequestIdle clientRequestState = iota
	// clientRequestTrying: sent, nothing heard. Timer E repeats it on an
	// unreliable transport, doubling from T1 to T2; Timer F gives up at 64*T1.
	clientRequestTrying
	// clientRequestProceeding: a provisional response came. Timer E repeats every
	// T2; Timer F still runs.
	clientRequestProceeding
	// clientRequestCompleted: the final response went to the user. Timer K
	// absorbs retransmissions: T4, or nothing on streams.
	clientRequestCompleted
	// clientRequestTerminated: over.
	clientRequestTerminated
)

type clientRequest struct {
	state    clientRequestState
	interval time.Duration
}

func (m *clientRequest) step(in input, t timing) effect {
	switch m.state {
	case clientRequestIdle:
		switch in {
		case inStart:
			m.state = clientRequestTrying
			e := effect{do: actSend, end: t.timeout} // Timer F
			if !t.reliable {
				m.interval = min(t.t1, t.t2)
				e.repeat = m.interval // Timer E
			}
			return e
		case inTransport:
			return m.fail(actFail)
		}
	case clientRequestTrying, clientRequestProceeding:
		return m.waiting(in, t)
	case clientRequestCompleted:
		if in == inEnd {
			m.state = clientRequestTerminated
			return effect{do: actEnd, end: stop}
		}
	}
	return effect{}
}

func (m *clientRequest) waiting(in input, t timing) effect {
	switch in {
	case inRepeat:
		m.interval = min(2*m.interval, t.t2)
		if m.state == clientRequestProceeding {
			m.interval = t.t2
		}
		return effect{do: actSend, repeat: m.interval}
	case inEnd:
		return m.fail(actTimeout)
	case inTransport:
		return m.fail(actFail)
	case inTrying, inProgress:
		m.state = clientRequestProceeding
		return effect{do: actPass}
	case inSuccess, inFailure:
		if linger := t.or0(t.t4); linger > 0 {
			m.state = clientRequestCompleted
			return effect{do: actPass | actSlim, repeat: stop, end: linger} // Timer K
		}
		m.state = clientRequestTerminated
		return effect{do: actPass | actEnd, repeat: stop, end: stop}
	}
	return effect{}
}

func (m *clientRequest) fail(why act) effect {
	m.state = clientRequestTerminated
	return effect{do: why | actEnd, repeat: stop, end: stop}
}
