package nta

import "time"

// clientInviteState is a state of the INVITE client transaction
// (RFC 3261 17.1.1.2, RFC 6026 8.4 figure 3).
type clientInviteState uint8

const (
	// clientInviteIdle: the request has not left yet.
	clientInviteIdle clientInviteState = iota
	// clientInviteCalling: sent, nothing heard. Timer A repeats it on an
	// unreliable transport, doubling from T1; Timer B gives up at 64*T1.
	clientInviteCalling
	// clientInviteProceeding: a provisional response came; nothing is repeated
	// and nothing times out, but for Timer C, and for 64*T1 after a CANCEL (9.1).
	clientInviteProceeding
	// clientInviteAccepted: a 2xx came. Every 2xx goes to the user until Timer M
	// fires at 64*T1 (RFC 6026 7.2).
	clientInviteAccepted
	// clientInviteCompleted: 300-699 came and was acknowledged. Timer D keeps the
	// transaction to acknowledge retransmissions: 32 s, or nothing on streams.
	clientInviteCompleted
	// clientInviteTerminated: over.
	clientInviteTerminated
)

type clientInvite struct {
	state    clientInviteState
	canceled bool
	interval time.Duration
}

func (m *clientInvite) step(in input, t timing) effect {
	switch m.state {
	case clientInviteIdle:
		return m.idle(in, t)
	case clientInviteCalling:
		return m.calling(in, t)
	case clientInviteProceeding:
		return m.proceeding(in, t)
	case clientInviteAccepted:
		return m.accepted(in)
	case clientInviteCompleted:
		return m.completed(in)
	}
	return effect{}
}

func (m *clientInvite) idle(in input, t timing) effect {
	switch in {
	case inStart:
		m.state = clientInviteCalling
		e := effect{do: actSend, end: t.timeout} // Timer B
		if !t.reliable {
			m.interval = t.t1
			e.repeat = m.interval // Timer A
		}
		return e
	case inTransport:
		m.state = clientInviteTerminated
		return effect{do: actFail | actEnd, repeat: stop, end: stop}
	}
	return effect{}
}

func (m *clientInvite) calling(in input, t timing) effect {
	switch in {
	case inRepeat: // 17.1.1.2: A doubles, and only B bounds it
		m.interval *= 2
		return effect{do: actSend, repeat: m.interval}
	case inEnd:
		m.state = clientInviteTerminated
		return effect{do: actTimeout | actEnd, repeat: stop, end: stop}
	case inTransport:
		m.state = clientInviteTerminated
		return effect{do: actFail | actEnd, repeat: stop, end: stop}
	}
	return m.response(in, t)
}

func (m *clientInvite) proceeding(in input, t timing) effect {
	switch in {
	case inCancel: // 9.1: no final response in 64*T1 means cancelled
		m.canceled = true
		return effect{end: t.timeout}
	case inEnd:
		if !m.canceled && t.timerC > 0 { // 16.8
			return effect{do: actCancel}
		}
		m.state = clientInviteTerminated
		return effect{do: actTimeout | actEnd, repeat: stop, end: stop}
	}
	return m.response(in, t)
}

// response takes what may come in Calling and Proceeding alike.
func (m *clientInvite) response(in input, t timing) effect {
	switch in {
	case inTrying, inProgress:
		e := effect{do: actPass, repeat: stop}
		first := m.state == clientInviteCalling
		m.state = clientInviteProceeding
		switch {
		case m.canceled:
		case t.timerC > 0 && (first || in == inProgress): // 16.6 step 11, 16.7 step 2
			e.end = t.timerC
		case first:
			e.end = stop
		}
		return e
	case inSuccess:
		m.state = clientInviteAccepted
		return effect{do: actPass, repeat: stop, end: t.timeout} // Timer M
	case inFailure:
		if linger := t.or0(t.linger); linger > 0 {
			m.state = clientInviteCompleted
			return effect{do: actPass | actAck | actSlim, repeat: stop, end: linger} // Timer D
		}
		m.state = clientInviteTerminated
		return effect{do: actPass | actAck | actEnd, repeat: stop, end: stop}
	}
	return effect{}
}

func (m *clientInvite) accepted(in input) effect {
	switch in {
	case inSuccess:
		return effect{do: actPass}
	case inEnd:
		m.state = clientInviteTerminated
		return effect{do: actEnd, end: stop}
	}
	return effect{}
}

func (m *clientInvite) completed(in input) effect {
	switch in {
	case inFailure:
		return effect{do: actAck}
	case inTransport:
		m.state = clientInviteTerminated
		return effect{do: actFail | actEnd, end: stop}
	case inEnd:
		m.state = clientInviteTerminated
		return effect{do: actEnd, end: stop}
	}
	return effect{}
}
