package nta

import "time"

// serverInviteState is a state of the INVITE server transaction
// (RFC 3261 17.2.1, RFC 6026 8.7 figure 5), joined with the 2xx retransmission
// of the UAS core (13.3.1.4), which needs the same knowledge.
type serverInviteState uint8

const (
	// serverInviteIdle: made, not started.
	serverInviteIdle serverInviteState = iota
	// serverInviteProceeding: the user works. A retransmission gets the latest
	// provisional response. 100 leaves after 200 ms unless the user answered;
	// a UAS repeats 101-199 every minute (13.3.1.1). A user that has forgotten to
	// answer ends with 500.
	serverInviteProceeding
	// serverInviteAccepted: a 2xx was sent. Retransmissions of the INVITE are
	// absorbed until Timer L fires at 64*T1. A UAS repeats its 2xx from T1 to T2
	// on any transport until the ACK comes; a forwarded one is the business of
	// whoever sent it.
	serverInviteAccepted
	// serverInviteCompleted: 300-699 was sent. Timer G repeats it on an
	// unreliable transport, doubling from T1 to T2; Timer H gives up at 64*T1.
	serverInviteCompleted
	// serverInviteConfirmed: the ACK came. Timer I absorbs more of them: T4, or
	// nothing on streams.
	serverInviteConfirmed
	// serverInviteTerminated: over.
	serverInviteTerminated
)

type serverInvite struct {
	state     serverInviteState
	answered  bool // a provisional response has left
	progress  bool // it was 101-199
	forwarded bool // 2xx are not ours
	acked     bool // the 2xx has been acknowledged
	interval  time.Duration
}

func (m *serverInvite) step(in input, t timing) effect {
	switch m.state {
	case serverInviteIdle:
		if in == inStart {
			m.state = serverInviteProceeding
			return effect{repeat: t.trying, end: t.answer}
		}
	case serverInviteProceeding:
		return m.proceeding(in, t)
	case serverInviteAccepted:
		return m.accepted(in, t)
	case serverInviteCompleted:
		return m.completed(in, t)
	case serverInviteConfirmed:
		if in == inEnd {
			m.state = serverInviteTerminated
			return effect{do: actEnd, end: stop}
		}
	}
	return effect{}
}

func (m *serverInvite) proceeding(in input, t timing) effect {
	switch in {
	case inRequest:
		if m.answered {
			return effect{do: actSend}
		}
	case inRepeat:
		if !m.answered { // 17.2.1: 100 unless the user answers within 200 ms
			m.answered = true
			return effect{do: actTrying}
		}
		if m.progress && !m.forwarded && t.progress > 0 { // 13.3.1.1
			return effect{do: actSend, repeat: t.progress}
		}
	case inTrying:
		m.answered = true
		return effect{do: actSend, repeat: stop, end: t.answer}
	case inProgress:
		m.answered, m.progress = true, true
		e := effect{do: actSend, repeat: stop, end: t.answer}
		if !m.forwarded && t.progress > 0 {
			e.repeat = t.progress
		}
		return e
	case inSuccess:
		m.state = serverInviteAccepted
		m.forwarded = false // whatever was passed on before: this one is ours to repeat
		m.interval = t.t1
		return effect{do: actSend, repeat: m.interval, end: t.timeout} // Timer L
	case inForward:
		m.forwarded = true
		m.state = serverInviteAccepted
		return effect{do: actSend, repeat: stop, end: t.timeout}
	case inFailure:
		m.state = serverInviteCompleted
		e := effect{do: actSend | actSlim, repeat: stop, end: t.timeout} // Timer H
		if !t.reliable {
			m.interval = t.t1
			e.repeat = m.interval // Timer G
		}
		return e
	case inEnd: // nobody is going to answer: whoever owns it does, as inFailure
		return effect{do: actTimeout}
	case inTransport: // RFC 6026 7.1: told, but it stays
		return effect{do: actFail}
	}
	return effect{}
}

func (m *serverInvite) accepted(in input, t timing) effect {
	switch in {
	case inRepeat:
		if m.forwarded || m.acked {
			return effect{}
		}
		m.interval = min(2*m.interval, t.t2)
		return effect{do: actSend, repeat: m.interval}
	case inForward, inSuccess: // RFC 6026 7.1
		return effect{do: actSend}
	case inAck:
		m.acked = true
		return effect{do: actPass, repeat: stop}
	case inTransport:
		return effect{do: actFail}
	case inEnd:
		m.state = serverInviteTerminated
		e := effect{do: actEnd, repeat: stop, end: stop}
		if !m.forwarded && !m.acked {
			e.do |= actNoAck // 13.3.1.4: the caller ends the dialog with BYE
		}
		return e
	}
	return effect{}
}

func (m *serverInvite) completed(in input, t timing) effect {
	switch in {
	case inRequest:
		return effect{do: actSend}
	case inRepeat:
		m.interval = min(2*m.interval, t.t2)
		return effect{do: actSend, repeat: m.interval}
	case inAck: // absorbed
		if linger := t.or0(t.t4); linger > 0 {
			m.state = serverInviteConfirmed
			return effect{repeat: stop, end: linger} // Timer I
		}
		m.state = serverInviteTerminated
		return effect{do: actEnd, repeat: stop, end: stop}
	case inTransport:
		return effect{do: actFail}
	case inEnd:
		m.state = serverInviteTerminated
		return effect{do: actNoAck | actEnd, repeat: stop, end: stop}
	}
	return effect{}
}
