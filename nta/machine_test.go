package nta

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	lossy = *(Timers{
		T1: DefaultT1, T2: DefaultT2, T4: DefaultT4, Linger: DefaultLinger,
		Progress: DefaultProgress, Trying: DefaultTrying,
	}).timing(false)
	stream = func() timing { t := lossy; t.reliable = true; return t }()
)

const sec = time.Second

// A transition names what a machine does with one input in one state. What a
// table does not list must do nothing and change nothing: the tests try every
// pair of state and input.
type transition[S comparable] struct {
	from S
	in   input
	to   S
	want effect
}

func checkTable[S comparable](t *testing.T, name string, states []S, table []transition[S], run func(S, input) (S, effect)) {
	t.Helper()
	for _, from := range states {
		for in := range inputs {
			want := transition[S]{from: from, in: in, to: from}
			for _, row := range table {
				if row.from == from && row.in == in {
					want = row
				}
			}
			to, e := run(from, in)
			require.Equal(t, want.to, to, "%s: state %v, input %v", name, from, in)
			require.Equal(t, want.want, e, "%s: state %v, input %v", name, from, in)
		}
	}
}

func TestClientInviteTable(t *testing.T) {
	const (
		idle, calling, proceeding = clientInviteIdle, clientInviteCalling, clientInviteProceeding
		accepted, completed, over = clientInviteAccepted, clientInviteCompleted, clientInviteTerminated
	)
	states := []clientInviteState{idle, calling, proceeding, accepted, completed, over}
	run := func(tm timing) func(clientInviteState, input) (clientInviteState, effect) {
		return func(from clientInviteState, in input) (clientInviteState, effect) {
			m := clientInvite{state: from, interval: sec}
			e := m.step(in, tm)
			return m.state, e
		}
	}
	common := []transition[clientInviteState]{
		{idle, inTransport, over, effect{actFail | actEnd, stop, stop}},
		{calling, inRepeat, calling, effect{actSend, 2 * sec, 0}},
		{calling, inEnd, over, effect{actTimeout | actEnd, stop, stop}},
		{calling, inTransport, over, effect{actFail | actEnd, stop, stop}},
		{calling, inTrying, proceeding, effect{actPass, stop, stop}},
		{calling, inProgress, proceeding, effect{actPass, stop, stop}},
		{calling, inSuccess, accepted, effect{actPass, stop, 32 * sec}},
		{proceeding, inTrying, proceeding, effect{actPass, stop, 0}},
		{proceeding, inProgress, proceeding, effect{actPass, stop, 0}},
		{proceeding, inSuccess, accepted, effect{actPass, stop, 32 * sec}},
		{proceeding, inCancel, proceeding, effect{0, 0, 32 * sec}},
		{proceeding, inEnd, over, effect{actTimeout | actEnd, stop, stop}},
		{accepted, inSuccess, accepted, effect{actPass, 0, 0}},
		{accepted, inEnd, over, effect{actEnd, 0, stop}},
		{completed, inFailure, completed, effect{actAck, 0, 0}},
		{completed, inEnd, over, effect{actEnd, 0, stop}},
		{completed, inTransport, over, effect{actFail | actEnd, 0, stop}},
	}
	checkTable(t, "udp", states, append([]transition[clientInviteState]{
		{idle, inStart, calling, effect{actSend, 500 * time.Millisecond, 32 * sec}},
		{calling, inFailure, completed, effect{actPass | actAck | actSlim, stop, 32 * sec}},
		{proceeding, inFailure, completed, effect{actPass | actAck | actSlim, stop, 32 * sec}},
	}, common...), run(lossy))
	checkTable(t, "tcp", states, append([]transition[clientInviteState]{
		{idle, inStart, calling, effect{actSend, 0, 32 * sec}},
		{calling, inFailure, over, effect{actPass | actAck | actEnd, stop, stop}},
		{proceeding, inFailure, over, effect{actPass | actAck | actEnd, stop, stop}},
	}, common...), run(stream))
}

func TestClientInviteTimerC(t *testing.T) {
	tm := lossy
	tm.timerC = 185 * sec
	m := clientInvite{}
	m.step(inStart, tm)
	require.Equal(t, effect{actPass, stop, 185 * sec}, m.step(inTrying, tm))
	require.Equal(t, effect{actPass, stop, 0}, m.step(inTrying, tm), "a 100 does not restart it (16.7)")
	require.Equal(t, effect{actPass, stop, 185 * sec}, m.step(inProgress, tm))
	require.Equal(t, effect{do: actCancel}, m.step(inEnd, tm))
	require.Equal(t, effect{end: 32 * sec}, m.step(inCancel, tm))
	require.Equal(t, effect{actPass, stop, 0}, m.step(inProgress, tm), "nothing restarts it after CANCEL")
	require.Equal(t, effect{actTimeout | actEnd, stop, stop}, m.step(inEnd, tm))
}

func TestClientRequestTable(t *testing.T) {
	const (
		idle, trying, proceeding = clientRequestIdle, clientRequestTrying, clientRequestProceeding
		completed, over          = clientRequestCompleted, clientRequestTerminated
	)
	states := []clientRequestState{idle, trying, proceeding, completed, over}
	run := func(tm timing) func(clientRequestState, input) (clientRequestState, effect) {
		return func(from clientRequestState, in input) (clientRequestState, effect) {
			m := clientRequest{state: from, interval: sec}
			e := m.step(in, tm)
			return m.state, e
		}
	}
	common := []transition[clientRequestState]{
		{idle, inTransport, over, effect{actFail | actEnd, stop, stop}},
		{trying, inRepeat, trying, effect{actSend, 2 * sec, 0}},
		{proceeding, inRepeat, proceeding, effect{actSend, 4 * sec, 0}},
		{completed, inEnd, over, effect{actEnd, 0, stop}},
	}
	for _, s := range []clientRequestState{trying, proceeding} {
		common = append(common, []transition[clientRequestState]{
			{s, inEnd, over, effect{actTimeout | actEnd, stop, stop}},
			{s, inTransport, over, effect{actFail | actEnd, stop, stop}},
			{s, inTrying, proceeding, effect{actPass, 0, 0}},
			{s, inProgress, proceeding, effect{actPass, 0, 0}},
		}...)
	}
	var udp, tcp []transition[clientRequestState]
	for _, s := range []clientRequestState{trying, proceeding} {
		for _, in := range []input{inSuccess, inFailure} {
			udp = append(udp, transition[clientRequestState]{s, in, completed, effect{actPass | actSlim, stop, 5 * sec}})
			tcp = append(tcp, transition[clientRequestState]{s, in, over, effect{actPass | actEnd, stop, stop}})
		}
	}
	udp = append(udp, transition[clientRequestState]{idle, inStart, trying, effect{actSend, 500 * time.Millisecond, 32 * sec}})
	tcp = append(tcp, transition[clientRequestState]{idle, inStart, trying, effect{actSend, 0, 32 * sec}})
	checkTable(t, "udp", states, append(udp, common...), run(lossy))
	checkTable(t, "tcp", states, append(tcp, common...), run(stream))
}

func TestServerInviteTable(t *testing.T) {
	const (
		idle, proceeding, accepted = serverInviteIdle, serverInviteProceeding, serverInviteAccepted
		completed, confirmed, over = serverInviteCompleted, serverInviteConfirmed, serverInviteTerminated
	)
	states := []serverInviteState{idle, proceeding, accepted, completed, confirmed, over}
	run := func(tm timing) func(serverInviteState, input) (serverInviteState, effect) {
		return func(from serverInviteState, in input) (serverInviteState, effect) {
			m := serverInvite{state: from, interval: sec}
			e := m.step(in, tm)
			return m.state, e
		}
	}
	common := []transition[serverInviteState]{
		{idle, inStart, proceeding, effect{0, 200 * time.Millisecond, 0}},
		{proceeding, inRepeat, proceeding, effect{actTrying, 0, 0}},
		{proceeding, inTrying, proceeding, effect{actSend, stop, 0}},
		{proceeding, inProgress, proceeding, effect{actSend, 60 * sec, 0}},
		{proceeding, inSuccess, accepted, effect{actSend, 500 * time.Millisecond, 32 * sec}},
		{proceeding, inForward, accepted, effect{actSend, stop, 32 * sec}},
		{proceeding, inTransport, proceeding, effect{actFail, 0, 0}},
		{proceeding, inEnd, proceeding, effect{actTimeout, 0, 0}},
		{accepted, inRepeat, accepted, effect{actSend, 2 * sec, 0}},
		{accepted, inForward, accepted, effect{actSend, 0, 0}},
		{accepted, inSuccess, accepted, effect{actSend, 0, 0}},
		{accepted, inAck, accepted, effect{actPass, stop, 0}},
		{accepted, inTransport, accepted, effect{actFail, 0, 0}},
		{accepted, inEnd, over, effect{actNoAck | actEnd, stop, stop}},
		{completed, inRequest, completed, effect{actSend, 0, 0}},
		{completed, inRepeat, completed, effect{actSend, 2 * sec, 0}},
		{completed, inTransport, completed, effect{actFail, 0, 0}},
		{completed, inEnd, over, effect{actNoAck | actEnd, stop, stop}},
		{confirmed, inEnd, over, effect{actEnd, 0, stop}},
	}
	checkTable(t, "udp", states, append([]transition[serverInviteState]{
		{proceeding, inFailure, completed, effect{actSend | actSlim, 500 * time.Millisecond, 32 * sec}},
		{completed, inAck, confirmed, effect{0, stop, 5 * sec}},
	}, common...), run(lossy))
	checkTable(t, "tcp", states, append([]transition[serverInviteState]{
		{proceeding, inFailure, completed, effect{actSend | actSlim, stop, 32 * sec}},
		{completed, inAck, over, effect{actEnd, stop, stop}},
	}, common...), run(stream))
}

func TestServerInviteRemembersWhatItSaid(t *testing.T) {
	m := serverInvite{}
	m.step(inStart, lossy)
	require.Zero(t, m.step(inRequest, lossy), "nothing to repeat yet")
	m.step(inProgress, lossy)
	require.Equal(t, effect{do: actSend}, m.step(inRequest, lossy))
	require.Equal(t, effect{actSend, 60 * sec, 0}, m.step(inRepeat, lossy), "13.3.1.1")
	m.forwarded = true
	require.Zero(t, m.step(inRepeat, lossy), "a proxy leaves that to the UAS")

	m = serverInvite{}
	m.step(inStart, lossy)
	m.step(inSuccess, lossy)
	var sum time.Duration
	var n int
	for d := DefaultT1; sum+d < 32*sec; n++ { // 13.3.1.4: T1 doubling to T2
		sum += d
		d = m.step(inRepeat, lossy).repeat
		require.LessOrEqual(t, d, 4*sec)
	}
	require.Equal(t, 10, n)
	m.step(inAck, lossy)
	require.Zero(t, m.step(inRepeat, lossy))
	require.Equal(t, effect{actEnd, stop, stop}, m.step(inEnd, lossy), "acknowledged: no error")
}

func TestServerRequestTable(t *testing.T) {
	const (
		idle, trying, proceeding = serverRequestIdle, serverRequestTrying, serverRequestProceeding
		completed, over          = serverRequestCompleted, serverRequestTerminated
	)
	states := []serverRequestState{idle, trying, proceeding, completed, over}
	run := func(tm timing) func(serverRequestState, input) (serverRequestState, effect) {
		return func(from serverRequestState, in input) (serverRequestState, effect) {
			m := serverRequest{state: from}
			e := m.step(in, tm)
			return m.state, e
		}
	}
	common := []transition[serverRequestState]{
		// Timer E would reach T2 after 0.5 + 1 + 2 s (RFC 4320 4.1).
		{idle, inStart, trying, effect{0, 3500 * time.Millisecond, 32 * sec}},
		{trying, inRepeat, proceeding, effect{actTrying, 0, 0}},
		{proceeding, inRequest, proceeding, effect{actSend, 0, 0}},
		{completed, inRequest, completed, effect{actSend, 0, 0}},
		{completed, inEnd, over, effect{actEnd, stop, stop}},
		{completed, inTransport, completed, effect{do: actFail}},
	}
	var udp, tcp []transition[serverRequestState]
	for _, s := range []serverRequestState{trying, proceeding} {
		common = append(common, []transition[serverRequestState]{
			{s, inTrying, proceeding, effect{actSend, stop, 0}},
			{s, inTransport, s, effect{actFail, 0, 0}},
			{s, inEnd, over, effect{actTimeout | actEnd, stop, stop}},
		}...)
		for _, in := range []input{inSuccess, inFailure, inForward} {
			udp = append(udp, transition[serverRequestState]{s, in, completed, effect{actSend | actSlim, stop, 32 * sec}})
			tcp = append(tcp, transition[serverRequestState]{s, in, over, effect{actSend | actEnd, stop, stop}})
		}
	}
	checkTable(t, "udp", states, append(udp, common...), run(lossy))
	checkTable(t, "tcp", states, append(tcp, common...), run(stream))
}

// TestMachinesUnderRandomEvents checks what must hold whatever happens, in
// whatever order: a machine that is over does nothing and leaves no timer; one
// that is not over has a way to its end.
func TestMachinesUnderRandomEvents(t *testing.T) {
	type machine struct {
		name string
		step func(input) effect
		over func() bool
		// patient: waits for its user, without an end of its own.
		patient func() bool
		server  bool
	}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 99))
		tm := lossy
		tm.reliable = seed%2 == 0
		if seed%3 == 0 {
			tm.timerC = 180 * sec
		}
		ci, cr, si, sr := &clientInvite{}, &clientRequest{}, &serverInvite{}, &serverRequest{}
		never := func() bool { return false }
		machines := []machine{
			{"client INVITE", func(i input) effect { return ci.step(i, tm) },
				func() bool { return ci.state == clientInviteTerminated },
				func() bool { return ci.state == clientInviteProceeding && !ci.canceled }, false},
			{"client request", func(i input) effect { return cr.step(i, tm) },
				func() bool { return cr.state == clientRequestTerminated }, never, false},
			{"server INVITE", func(i input) effect { return si.step(i, tm) },
				func() bool { return si.state == serverInviteTerminated },
				func() bool { return si.state == serverInviteProceeding }, true},
			{"server request", func(i input) effect { return sr.step(i, tm) },
				func() bool { return sr.state == serverRequestTerminated }, never, true},
		}
		for _, m := range machines {
			var repeat, end bool // timers running
			finals, ends := 0, 0
			carry := func(in input, e effect) {
				switch {
				case e.repeat > 0:
					repeat = true
				case e.repeat < 0 || in == inRepeat:
					repeat = false
				}
				switch {
				case e.end > 0:
					end = true
				case e.end < 0 || in == inEnd:
					end = false
				}
				if e.do.has(actEnd) {
					ends++
				}
				if e.do.has(actPass) && in >= inSuccess && in <= inFailure || e.do&(actTimeout|actFail) != 0 && e.do.has(actEnd) {
					finals++
				}
				require.False(t, m.over() && (repeat || end), "%s, seed %d: a timer outlives its transaction", m.name, seed)
				require.Equal(t, m.over(), ends == 1, "%s, seed %d: over and told so are one", m.name, seed)
				require.False(t, !m.over() && !end && !m.patient(), "%s, seed %d: no way to the end", m.name, seed)
				if tm.reliable && !m.server {
					require.False(t, repeat, "%s, seed %d: repeats on a stream", m.name, seed)
				}
			}
			carry(inStart, m.step(inStart))
			for range 60 {
				in := input(r.UintN(uint(inputs)))
				switch {
				case in == inStart, in == inRepeat && !repeat, in == inEnd && !end:
					continue
				case m.over():
					require.Zero(t, m.step(in), "%s, seed %d: acts after its end", m.name, seed)
					continue
				}
				carry(in, m.step(in))
			}
			if m.name == "client request" {
				require.LessOrEqual(t, finals, 1, "seed %d: one result for the user", seed)
			}
		}
	}
}
