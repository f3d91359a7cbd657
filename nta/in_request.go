package nta

// serverRequestState is a state of the non-INVITE server transaction
// (RFC 3261 17.2.2, RFC 4320).
type serverRequestState uint8

const (
	// serverRequestIdle: made, not started.
	serverRequestIdle serverRequestState = iota
	// serverRequestTrying: the user works; retransmissions are absorbed. If the
	// user is slow, 100 leaves when the client's Timer E would reach T2
	// (RFC 4320 4.1). After 64*T1 the client has given up, and so do we, without
	// a response: a 408 must never be sent (RFC 4320 4.2).
	serverRequestTrying
	// serverRequestProceeding: 100 was sent; a retransmission gets it again.
	serverRequestProceeding
	// serverRequestCompleted: the final response was sent; a retransmission gets
	// it again until Timer J: 64*T1, or nothing on streams.
	serverRequestCompleted
	// serverRequestTerminated: over.
	serverRequestTerminated
)

type serverRequest struct {
	state serverRequestState
}

func (m *serverRequest) step(in input, t timing) effect {
	switch m.state {
	case serverRequestIdle:
		if in == inStart {
			m.state = serverRequestTrying
			return effect{repeat: t.answered(), end: t.timeout}
		}
	case serverRequestTrying, serverRequestProceeding:
		return m.waiting(in, t)
	case serverRequestCompleted:
		switch in {
		case inRequest:
			return effect{do: actSend}
		case inTransport: // RFC 6026 8.8: told, but it stays
			return effect{do: actFail}
		case inEnd:
			m.state = serverRequestTerminated
			return effect{do: actEnd, repeat: stop, end: stop}
		}
	}
	return effect{}
}

func (m *serverRequest) waiting(in input, t timing) effect {
	switch in {
	case inRequest:
		if m.state == serverRequestProceeding {
			return effect{do: actSend}
		}
	case inRepeat:
		if m.state == serverRequestTrying {
			m.state = serverRequestProceeding
			return effect{do: actTrying}
		}
	case inTrying:
		m.state = serverRequestProceeding
		return effect{do: actSend, repeat: stop}
	case inSuccess, inFailure, inForward:
		if linger := t.or0(t.timeout); linger > 0 {
			m.state = serverRequestCompleted
			return effect{do: actSend | actSlim, repeat: stop, end: linger} // Timer J
		}
		m.state = serverRequestTerminated
		return effect{do: actSend | actEnd, repeat: stop, end: stop}
	case inTransport:
		return effect{do: actFail}
	case inEnd:
		m.state = serverRequestTerminated
		return effect{do: actTimeout | actEnd, repeat: stop, end: stop}
	}
	return effect{}
}
