package nta

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A small model of the four transaction machines, written from the figures of
// RFC 3261 section 17 and RFC 6026 section 8 and not from our code. A line is
// what stands at an arrow of the figure:
//
//	state  event  next state  what is done
//
// Events are timers by their letters, classes of responses, and words. Done is:
//
//	send, ack, trying    a message leaves: the request or latest response, the ACK, 100
//	pass                 the event is handed to the transaction user
//	timeout, noack, failed, cancel   the user is told, or is to cancel
//	X=value, -X          timer X is set, or stopped. "2X" is twice what it was,
//	                     "<T2" at most T2, "?" on unreliable transports only, "!" zero
//	                     on reliable ones, where it fires at once
//
// What has no line must do nothing. A state may be split ("Accepted.acked"):
// the part after the dot is what the text tells apart and the figure does not.
// Timers without a letter in the RFC have one here:
//
//	Q  100 to INVITE after 200 ms (17.2.1), to others when E would be T2 (RFC 4320 4.1)
//	P  101-199 to INVITE every minute (13.3.1.1)
//	R  2xx to INVITE, T1 doubling to T2, until the ACK (13.3.1.4)
//	X  64*T1 for a final response after CANCEL (9.1)
//	W  for the user to answer an INVITE at all, from the latest provisional response
//	N  64*T1 for the user to answer another request: the client has timed out
//
// A machine has two timers, one that repeats and one that ends; repeating says
// which letter is which.
const repeating = "AEGQPR"

// figureClientInvite is RFC 6026 figure 3 (which replaces RFC 3261 figure 5),
// with Timer C of 16.6 to 16.8 and CANCEL of 9.1.
const figureClientInvite = `
Idle          start    Calling       send A=T1? B=64T1
Idle          error    Terminated    failed
Calling       A        Calling       send A=2A
Calling       B        Terminated    timeout
Calling       error    Terminated    failed
Calling       100      Proceeding    pass -A -B C=C
Calling       1xx      Proceeding    pass -A -B C=C
Calling       2xx      Accepted      pass -A -B M=64T1
Calling       3xx      Completed     pass ack -A -B D=D!
Proceeding    100      Proceeding    pass
Proceeding    1xx      Proceeding    pass C=C
Proceeding    2xx      Accepted      pass -C M=64T1
Proceeding    3xx      Completed     pass ack -C D=D!
Proceeding    C        Proceeding    cancel
Proceeding    cancel   Proceeding.X  -C X=64T1
Proceeding.X  cancel   Proceeding.X  X=64T1
Proceeding.X  X        Terminated    timeout
Proceeding.X  100      Proceeding.X  pass
Proceeding.X  1xx      Proceeding.X  pass
Proceeding.X  2xx      Accepted      pass -X M=64T1
Proceeding.X  3xx      Completed     pass ack -X D=D!
Accepted      2xx      Accepted      pass
Accepted      M        Terminated
Completed     3xx      Completed     ack
Completed     D        Terminated
Completed     error    Terminated    failed
`

// figureClientRequest is RFC 3261 figure 6.
const figureClientRequest = `
Idle        start  Trying      send E=T1? F=64T1
Idle        error  Terminated  failed
Trying      E      Trying      send E=2E<T2
Trying      F      Terminated  timeout
Trying      error  Terminated  failed
Trying      100    Proceeding  pass
Trying      1xx    Proceeding  pass
Trying      2xx    Completed   pass -E -F K=T4!
Trying      3xx    Completed   pass -E -F K=T4!
Proceeding  E      Proceeding  send E=T2
Proceeding  F      Terminated  timeout
Proceeding  error  Terminated  failed
Proceeding  100    Proceeding  pass
Proceeding  1xx    Proceeding  pass
Proceeding  2xx    Completed   pass -E -F K=T4!
Proceeding  3xx    Completed   pass -E -F K=T4!
Completed   K      Terminated
`

// figureServerInvite is RFC 6026 figure 5 (RFC 3261 figure 7), joined with what
// the UAS core does for its own 1xx and 2xx. "relayed" and "forward" are a 1xx
// and a 2xx from further down: whoever made them repeats them.
const figureServerInvite = `
Idle                start    Proceeding          Q=trying W=W
Proceeding          Q        Proceeding.said     trying
Proceeding          100      Proceeding.said     send -Q W=W
Proceeding          1xx      Proceeding.said     send -Q P=P W=W
Proceeding          relayed  Proceeding.relayed  send -Q W=W
Proceeding          2xx      Accepted            send -Q R=T1 L=64T1 -W
Proceeding          forward  Accepted.forwarded  send -Q L=64T1 -W
Proceeding          3xx      Completed           send -Q G=T1? H=64T1 -W
Proceeding          error    Proceeding          failed
Proceeding          W        Proceeding          timeout
Proceeding.said     request  Proceeding.said     send
Proceeding.said     P        Proceeding.said     send P=P
Proceeding.said     100      Proceeding.said     send -P W=W
Proceeding.said     1xx      Proceeding.said     send P=P W=W
Proceeding.said     relayed  Proceeding.relayed  send -P W=W
Proceeding.said     2xx      Accepted            send -P R=T1 L=64T1 -W
Proceeding.said     forward  Accepted.forwarded  send -P L=64T1 -W
Proceeding.said     3xx      Completed           send -P G=T1? H=64T1 -W
Proceeding.said     error    Proceeding.said     failed
Proceeding.said     W        Proceeding.said     timeout
Proceeding.relayed  request  Proceeding.relayed  send
Proceeding.relayed  100      Proceeding.relayed  send W=W
Proceeding.relayed  1xx      Proceeding.relayed  send W=W
Proceeding.relayed  relayed  Proceeding.relayed  send W=W
Proceeding.relayed  2xx      Accepted            send R=T1 L=64T1 -W
Proceeding.relayed  forward  Accepted.forwarded  send L=64T1 -W
Proceeding.relayed  3xx      Completed           send G=T1? H=64T1 -W
Proceeding.relayed  error    Proceeding.relayed  failed
Proceeding.relayed  W        Proceeding.relayed  timeout
Accepted            R        Accepted            send R=2R<T2
Accepted            2xx      Accepted            send
Accepted            forward  Accepted            send
Accepted            ack      Accepted.acked      pass -R
Accepted            L        Terminated          noack
Accepted            error    Accepted            failed
Accepted.acked      2xx      Accepted.acked      send
Accepted.acked      forward  Accepted.acked      send
Accepted.acked      ack      Accepted.acked      pass
Accepted.acked      L        Terminated
Accepted.acked      error    Accepted.acked      failed
Accepted.forwarded  2xx      Accepted.forwarded  send
Accepted.forwarded  forward  Accepted.forwarded  send
Accepted.forwarded  ack      Accepted.forwarded  pass
Accepted.forwarded  L        Terminated
Accepted.forwarded  error    Accepted.forwarded  failed
Completed           request  Completed           send
Completed           G        Completed           send G=2G<T2
Completed           H        Terminated          noack
Completed           ack      Confirmed           -G -H I=T4!
Completed           error    Completed           failed
Confirmed           I        Terminated
`

// figureServerRequest is RFC 3261 figure 8, with RFC 4320 (no 101-199, a late
// 100, no 408) and RFC 6026 section 8.8 (a transport error ends nothing).
const figureServerRequest = `
Idle        start    Trying      Q=E N=64T1
Trying      Q        Proceeding  trying
Trying      100      Proceeding  send -Q
Trying      2xx      Completed   send -Q -N J=64T1!
Trying      3xx      Completed   send -Q -N J=64T1!
Trying      forward  Completed   send -Q -N J=64T1!
Trying      N        Terminated  timeout
Trying      error    Trying      failed
Proceeding  request  Proceeding  send
Proceeding  100      Proceeding  send
Proceeding  2xx      Completed   send -N J=64T1!
Proceeding  3xx      Completed   send -N J=64T1!
Proceeding  forward  Completed   send -N J=64T1!
Proceeding  N        Terminated  timeout
Proceeding  error    Proceeding  failed
Completed   request  Completed   send
Completed   J        Terminated
Completed   error    Completed   failed
`

// The events that are not timers, as the model and our machines call them.
// "relayed" is a 101-199 that the owner has marked as forwarded.
var modelEvents = []struct {
	name string
	in   input
}{
	{"start", inStart}, {"100", inTrying}, {"1xx", inProgress}, {"2xx", inSuccess}, {"3xx", inFailure},
	{"request", inRequest}, {"ack", inAck}, {"cancel", inCancel}, {"error", inTransport},
	{"forward", inForward}, {"relayed", inProgress}, {"repeat", inRepeat}, {"end", inEnd},
}

const (
	eventStart  = 0
	eventRelay  = 10
	eventRepeat = 11
	eventEnd    = 12
	events      = 13
)

// told are the things a step may do besides timers, in both worlds.
var told = map[string]act{
	"send": actSend, "ack": actAck, "pass": actPass, "trying": actTrying, "timeout": actTimeout,
	"noack": actNoAck, "failed": actFail, "cancel": actCancel,
}

// modelSet is one "X=value" of a line.
type modelSet struct {
	timer     byte
	stop      bool
	value     time.Duration
	double    bool
	bound     bool // by T2
	unset     bool // this transport has no such timer
	immediate bool // zero
}

type modelLine struct {
	used bool
	to   int
	do   act
	sets []modelSet
}

// figure is a compiled table. Event numbers up to events are those of
// modelEvents, timers follow by letter.
type figure struct {
	states []string
	over   int
	lines  [][events + 26]modelLine
}

func compile(text string, t timing) *figure {
	f := &figure{}
	state := func(name string) int {
		if i := slices.Index(f.states, name); i >= 0 {
			return i
		}
		f.states = append(f.states, name)
		f.lines = append(f.lines, [events + 26]modelLine{})
		return len(f.states) - 1
	}
	state("Idle")
	f.over = state("Terminated")
	lateTrying := time.Duration(0)
	for e := t.t1; e < t.t2; e *= 2 {
		lateTrying += e
	}
	values := map[string]time.Duration{
		"T1": t.t1, "T2": t.t2, "T4": t.t4, "64T1": 64 * t.t1, "D": t.linger, "C": t.timerC,
		"trying": t.trying, "P": t.progress, "W": t.answer, "E": lateTrying,
	}
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		l := modelLine{used: true, to: state(words[2])}
		for _, w := range words[3:] {
			switch name, value, set := strings.Cut(w, "="); {
			case set:
				s := modelSet{timer: name[0] - 'A'}
				if v, ok := strings.CutSuffix(value, "?"); ok {
					value, s.unset = v, t.reliable
				}
				if v, ok := strings.CutSuffix(value, "!"); ok {
					value, s.immediate = v, t.reliable
				}
				value, s.bound = strings.CutSuffix(value, "<T2")
				if value == "2"+name {
					s.double = true
				} else if v, ok := values[value]; ok {
					s.value, s.unset = v, s.unset || v <= 0 // zero: switched off
				} else {
					panic("what is " + w)
				}
				l.sets = append(l.sets, s)
			case w[0] == '-':
				l.sets = append(l.sets, modelSet{timer: w[1] - 'A', stop: true})
			default:
				if told[w] == 0 {
					panic("what is " + w)
				}
				l.do |= told[w]
			}
		}
		from, event := state(words[0]), -1
		if len(words[1]) == 1 {
			event = events + int(words[1][0]-'A')
		}
		for i, e := range modelEvents {
			if e.name == words[1] {
				event = i
			}
		}
		f.lines[from][event] = l
	}
	return f
}

// modelMachine is a figure in use.
type modelMachine struct {
	state   int
	running [26]time.Duration // what the timer was set to; 0: not running
	last    [26]time.Duration
}

// timer is the one that runs among those that repeat, or that end; -1: none.
func (m *modelMachine) timer(repeats bool) int {
	found := -1
	for i, d := range m.running {
		if d != 0 && strings.IndexByte(repeating, byte('A'+i)) >= 0 == repeats {
			if found >= 0 {
				panic("two timers of a kind run")
			}
			found = i
		}
	}
	return found
}

func (m *modelMachine) step(f *figure, t2 time.Duration, event int) (do act) {
	if event == eventRepeat || event == eventEnd {
		i := m.timer(event == eventRepeat)
		m.running[i] = 0
		event = events + i
	}
	l := &f.lines[m.state][event]
	if !l.used {
		return 0
	}
	m.state, do = l.to, l.do
	at := -1
	for _, s := range l.sets {
		d := s.value
		if s.double {
			d = 2 * m.last[s.timer]
		}
		if s.bound {
			d = min(d, t2)
		}
		switch {
		case s.stop:
			m.running[s.timer] = 0
		case s.immediate:
			at = int(s.timer)
		case !s.unset:
			m.running[s.timer], m.last[s.timer] = d, d
		}
	}
	if at >= 0 {
		do |= m.step(f, t2, events+at)
	}
	if m.state == f.over {
		m.running = [26]time.Duration{}
		do |= actEnd
	}
	return do
}

// ourMachine is one of our machines and its two timers.
type ourMachine struct {
	ci          clientInvite
	cr          clientRequest
	si          serverInvite
	sr          serverRequest
	repeat, end time.Duration // what they were armed for; 0: not running
	slim        bool
}

// kind is one of the four: its figure, and how ours is stepped and looked at.
type kind struct {
	name   string
	figure string
	step   func(m *ourMachine, event int, t timing) effect
	state  func(m *ourMachine) string
}

var (
	clientInviteNames  = []string{"Idle", "Calling", "Proceeding", "Accepted", "Completed", "Terminated"}
	clientRequestNames = []string{"Idle", "Trying", "Proceeding", "Completed", "Terminated"}
	serverInviteNames  = []string{"Idle", "Proceeding", "Accepted", "Completed", "Confirmed", "Terminated"}
	serverRequestNames = []string{"Idle", "Trying", "Proceeding", "Completed", "Terminated"}
)

var kinds = []kind{
	{"client INVITE", figureClientInvite,
		func(m *ourMachine, e int, t timing) effect {
			if e == eventRelay { // servers only
				return effect{}
			}
			return m.ci.step(modelEvents[e].in, t)
		},
		func(m *ourMachine) string { return clientInviteNames[m.ci.state] }},
	{"client request", figureClientRequest,
		func(m *ourMachine, e int, t timing) effect {
			if e == eventRelay {
				return effect{}
			}
			return m.cr.step(modelEvents[e].in, t)
		},
		func(m *ourMachine) string { return clientRequestNames[m.cr.state] }},
	{"server INVITE", figureServerInvite,
		func(m *ourMachine, e int, t timing) effect {
			if e == eventRelay && m.si.state == serverInviteProceeding {
				m.si.forwarded = true // as Incoming.Relay does
			}
			return m.si.step(modelEvents[e].in, t)
		},
		func(m *ourMachine) string { return serverInviteNames[m.si.state] }},
	{"server request", figureServerRequest,
		func(m *ourMachine, e int, t timing) effect { return m.sr.step(modelEvents[e].in, t) },
		func(m *ourMachine) string { return serverRequestNames[m.sr.state] }},
}

// pair is a model and our machine, side by side.
type pair struct {
	model modelMachine
	ours  ourMachine
}

// may reports whether an event can happen: a timer that does not run cannot.
func (p *pair) may(event int) bool {
	switch event {
	case eventRepeat:
		return p.ours.repeat != 0 || p.model.timer(true) >= 0
	case eventEnd:
		return p.ours.end != 0 || p.model.timer(false) >= 0
	}
	return true
}

// step gives an event to both. What they differ in is returned, "" for nothing.
func (p *pair) step(k *kind, f *figure, t timing, event int) string {
	if p.model.state == f.over && event == eventStart {
		return ""
	}
	want := p.model.step(f, t.t2, event)
	switch event {
	case eventRepeat:
		p.ours.repeat = 0
	case eventEnd:
		p.ours.end = 0
	}
	e := k.step(&p.ours, event, t)
	carry := func(timer *time.Duration, d time.Duration) {
		switch {
		case d > 0:
			*timer = d
		case d < 0:
			*timer = 0
		}
	}
	carry(&p.ours.repeat, e.repeat)
	carry(&p.ours.end, e.end)
	got := e.do &^ actSlim
	var repeat, end time.Duration
	if i := p.model.timer(true); i >= 0 {
		repeat = p.model.running[i]
	}
	if i := p.model.timer(false); i >= 0 {
		end = p.model.running[i]
	}
	state, _, _ := strings.Cut(f.states[p.model.state], ".")
	slim := p.ours.slim
	p.ours.slim = slim || e.do.has(actSlim)
	switch {
	case k.state(&p.ours) != state:
		return fmt.Sprintf("state %s, by the RFC %s", k.state(&p.ours), f.states[p.model.state])
	case got != want:
		return fmt.Sprintf("done %v, by the RFC %v", acts(got), acts(want))
	case p.ours.repeat != repeat:
		return fmt.Sprintf("repeats after %v, by the RFC %v", p.ours.repeat, repeat)
	case p.ours.end != end:
		return fmt.Sprintf("ends after %v, by the RFC %v", p.ours.end, end)
	case slim && got.has(actPass):
		return "the user is told although it has been let go"
	}
	return ""
}

func acts(a act) (names []string) {
	for name, bit := range told {
		if a.has(bit) {
			names = append(names, name)
		}
	}
	if a.has(actEnd) {
		names = append(names, "end")
	}
	slices.Sort(names)
	return names
}

// replay runs a whole order and returns the first difference. Timers that do
// not run are left out.
func replay(k *kind, f *figure, t timing, order []uint8) (string, int) {
	var p pair
	for i, e := range order {
		if !p.may(int(e)) {
			continue
		}
		if diff := p.step(k, f, t, int(e)); diff != "" {
			return diff, i
		}
	}
	return "", 0
}

// differ fails the test with the shortest order found.
func differ(t *testing.T, k *kind, f *figure, tm timing, order []uint8) {
	t.Helper()
	order = shrink(order, func(order []uint8) bool {
		diff, _ := replay(k, f, tm, order)
		return diff != ""
	})
	diff, _ := replay(k, f, tm, order)
	var names []string
	for _, e := range order {
		names = append(names, modelEvents[e].name)
	}
	t.Fatalf("%s (reliable %v, Timer C %v) after %s: %s", k.name, tm.reliable, tm.timerC, strings.Join(names, ", "), diff)
}

// shrink drops events for as long as the order fails.
func shrink(order []uint8, fails func([]uint8) bool) []uint8 {
	for again := true; again; {
		again = false
		for n := len(order) / 2; n > 0; n /= 2 {
			for i := 0; i+n <= len(order); {
				if less := slices.Delete(slices.Clone(order), i, i+n); fails(less) {
					order, again = less, true
					continue
				}
				i++
			}
		}
	}
	return order
}

// settings are the timer values that the orders are run with.
func settings() (all []timing) {
	for _, reliable := range []bool{false, true} {
		t := lossy
		t.reliable = reliable
		all = append(all, t)
		t.timerC, t.answer = 185*sec, 600*sec
		all = append(all, t)
		t.trying, t.progress = 0, 0
		all = append(all, t)
	}
	return all
}

// TestMachinesMatchTheFiguresAtRandom steps each machine beside its model
// through random orders of events.
func TestMachinesMatchTheFiguresAtRandom(t *testing.T) {
	for i := range kinds {
		k := &kinds[i]
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			total, steps := orders(), 0
			r := rand.New(rand.NewPCG(uint64(i), 17))
			all := settings()
			var figures []*figure
			for _, tm := range all {
				figures = append(figures, compile(k.figure, tm))
			}
			order := make([]uint8, 0, 64)
			for n := range total {
				f, tm := figures[n%len(all)], all[n%len(all)]
				var p pair
				order = order[:0]
				after := 0 // events after the end
				for len(order) < 48 && after < 3 {
					e := int(r.Uint32()>>8) % (events + 4)
					switch { // timers are what moves a machine on
					case len(order) == 0 && e > 1:
						e = eventStart
					case e == events || e == events+1:
						e = eventRepeat
					case e > events:
						e = eventEnd
					}
					if !p.may(e) {
						continue
					}
					order = append(order, uint8(e))
					if p.step(k, f, tm, e) != "" {
						differ(t, k, f, tm, order)
					}
					if p.model.state == f.over {
						after++
					}
				}
				steps += len(order)
			}
			t.Logf("%d orders, %d events", total, steps)
		})
	}
}

// orders is how many random orders there are for each machine.
func orders() int {
	if testing.Short() || raceEnabled {
		return 100_000
	}
	return 1_000_000
}

// TestMachinesMatchTheFiguresInEveryOrder steps each machine beside its model
// through every order of ten events (the first of which may be any). Orders that
// have brought both to the same state go on alike, so each state is gone on from
// once for each number of events left.
func TestMachinesMatchTheFiguresInEveryOrder(t *testing.T) {
	const depth = 10
	type point struct {
		pair
		left int
	}
	for i := range kinds {
		k := &kinds[i]
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			total, points := 0.0, 0
			for _, tm := range settings() {
				f := compile(k.figure, tm)
				seen := map[point]float64{}
				order := make([]uint8, 0, depth)
				var walk func(p pair, left int) float64
				walk = func(p pair, left int) (n float64) {
					at := point{p, left}
					if left == 0 {
						return 1
					}
					if n, ok := seen[at]; ok {
						return n
					}
					for e := range events {
						if !p.may(e) {
							continue
						}
						next := p
						order = append(order, uint8(e))
						if next.step(k, f, tm, e) != "" {
							differ(t, k, f, tm, order)
						}
						n += walk(next, left-1)
						order = order[:len(order)-1]
					}
					seen[at] = n
					return n
				}
				total += walk(pair{}, depth)
				points += len(seen)
			}
			t.Logf("%.3g orders, %d states", total, points)
			require.Greater(t, total, 1e10)
		})
	}
}

// TestModelSeesADifference: a model that cannot fail proves nothing.
func TestModelSeesADifference(t *testing.T) {
	k := kinds[2]
	for _, wrong := range []struct{ right, wrong, order string }{
		{"send G=2G<T2", "send G=2G", "start 3xx repeat repeat repeat repeat"},
		{"H=64T1", "H=T4", "start 3xx"},
		{"Accepted.acked      ack      Accepted.acked      pass\n", "", "start 2xx ack ack"},
	} {
		f := compile(strings.Replace(k.figure, wrong.right, wrong.wrong, -1), lossy)
		var order, want []uint8
		for _, name := range strings.Fields(wrong.order) {
			for e := range modelEvents {
				if modelEvents[e].name == name {
					order = append(order, uint8(e))
					want = append(want, uint8(e))
				}
			}
			order = append(order, 8) // errors change nothing
		}
		diff, _ := replay(&k, f, lossy, order)
		require.NotEmpty(t, diff, wrong.wrong)
		got := shrink(order, func(o []uint8) bool { d, _ := replay(&k, f, lossy, o); return d != "" })
		require.Equal(t, want, got, wrong.wrong)
	}
}
