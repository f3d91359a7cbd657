package nua_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

const (
	// weatherCalls is how many calls TestWeather makes in a plain run.
	weatherCalls = 10000
	// weatherBubble is how many of them share a network, and a seed.
	weatherBubble = 250
	// patience is more than any timer of a call lets a method wait.
	patience = 30 * time.Minute
	// linger is longer than any transaction stays after its last message: 64·T1
	// for Timer J, L and M and 32 s for D, after the T2 of a retransmission.
	linger = 70 * time.Second
)

// storm is what every datagram goes through, each way.
func storm() simnet.Link {
	return simnet.Link{
		Delay: 20 * time.Millisecond, Jitter: 10 * time.Millisecond,
		Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: 80 * time.Millisecond,
	}
}

// TestWeather makes thousands of calls over a network that loses, doubles and
// reorders. Each ends in a defined state on both sides, both sides agree on it,
// and in the end nothing is left. WEATHER_SEED runs one seed only.
func TestWeather(t *testing.T) {
	calls := weatherCalls
	switch {
	case testing.Short():
		calls = 500
	case raceEnabled:
		calls = 2500
	}
	first, last := uint64(1), uint64(calls/weatherBubble)
	if s := os.Getenv("WEATHER_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err)
		first, last = seed, seed
	}
	total := newTally()
	var mu sync.Mutex
	t.Run("seeds", func(t *testing.T) {
		for seed := first; seed <= last; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				got := newTally()
				synctest.Test(t, func(t *testing.T) { runWeather(t, seed, weatherBubble, got) })
				mu.Lock()
				defer mu.Unlock()
				total.add(got)
			})
		}
	})
	t.Log(total)
	if !t.Failed() {
		total.check(t, first == last)
	}
}

// weather is two user agents and the calls between them.
type weather struct {
	t     *testing.T
	net   *simnet.Network
	uas   [2]*nua.UA
	cases []*callCase
	users sync.WaitGroup
	got   *tally

	mu        sync.Mutex
	rows      map[*nua.Call][]string
	delivered map[string]int // MESSAGE bodies
	wire      map[string][]string
	faults    []string
}

// seeded is a random source that several goroutines may read.
type seeded struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

func (s *seeded) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.Read(b)
}

func newSeeded(seed uint64, n byte) *seeded {
	var key [32]byte
	copy(key[:], fmt.Sprintf("%d/%d", seed, n))
	return &seeded{r: rand.NewChaCha8(key)}
}

// address of the two user agents.
func address(ua int) string { return [...]string{"10.0.0.1", "10.0.0.2"}[ua] }

func runWeather(t *testing.T, seed uint64, calls int, got *tally) {
	w := &weather{
		t: t, got: got, net: simnet.New(simnet.Config{Seed: seed, Link: storm()}),
		rows: map[*nua.Call][]string{}, delivered: map[string]int{}, wire: map[string][]string{},
	}
	defer w.net.Close()
	defer w.net.Report(t)
	w.net.Intercept(w.note)
	for i, name := range [...]string{"alice", "bob"} {
		w.uas[i] = w.ua(name, address(i), newSeeded(seed, byte(i)))
	}
	for n := range calls {
		w.cases = append(w.cases, &callCase{plan: newPlan(seed, n)})
	}
	for _, c := range w.cases {
		w.users.Go(func() { w.caller(c) })
	}
	for n := range 20 {
		w.users.Go(func() { w.page(n) })
	}
	w.users.Wait()
	time.Sleep(linger)
	synctest.Wait()

	for i, u := range w.uas {
		s := u.Agent().Stats()
		left := nta.Stats{Transactions: s.Transactions, Unfinished: s.Unfinished, Legs: s.Legs, Timers: s.Timers, Goroutines: s.Goroutines}
		require.Equal(t, nta.Stats{}, left, "left at %s", address(i))
		require.Zero(t, s.Panics+s.Refused+s.BadRequests+s.BadResponses+s.DroppedAcks+s.DroppedResponses)
	}
	w.mu.Lock()
	for _, f := range w.faults {
		t.Errorf("seed %d: %s", seed, f)
	}
	for _, c := range w.cases {
		w.judge(c, seed)
	}
	w.mu.Unlock()

	n := w.net.Stats()
	require.Zero(t, n.Overflow+n.Unreachable+n.Cut)
	got.sent, got.lost, got.doubled, got.reordered = n.Sent, n.Lost, n.Duplicated, n.Reordered

	// Nothing is left to end: shutting down takes no time and no message.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for _, u := range w.uas {
		require.NoError(t, u.Shutdown(ctx))
	}
	require.Equal(t, n.Sent, w.net.Stats().Sent)
}

func (w *weather) ua(name, addr string, random *seeded) *nua.UA {
	h := w.net.MustHost(name, addr)
	u, err := nua.New(nua.Config{
		Identity: "sip:" + name + "@" + addr,
		Media:    "m=audio 5004 RTP/AVP 0 8",
		Agent: nta.Config{
			Transport: tport.Config{Listen: h.Listen, ListenPacket: h.ListenPacket, Dial: h.DialContext},
			Rand:      random,
		},
		AnswerTimeout: 20 * time.Second,
		Handler: nua.Handler{
			Invite:  func(_ context.Context, call *nua.Call) { w.callee(call) },
			Message: w.message,
		},
		Trace: &nua.Trace{Transition: w.transition},
	})
	require.NoError(w.t, err)
	require.NoError(w.t, u.Listen(w.t.Context(), "udp:"+addr+":5060"))
	return u
}

func (w *weather) transition(call *nua.Call, row string, _, _ nua.CallState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows[call] = append(w.rows[call], row)
	w.got.rows[row]++
}

// message counts what is delivered; a retransmission must not be.
func (w *weather) message(_ context.Context, r *nua.Request) {
	w.mu.Lock()
	w.delivered[r.Body()]++
	w.mu.Unlock()
	if err := r.Reply(200); err != nil {
		w.fault("reply to MESSAGE %q: %v", r.Body(), err)
	}
}

func (w *weather) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// note keeps what each call sent, for the report of a failure, and counts
// status codes and methods.
func (w *weather) note(d simnet.Datagram) simnet.Verdict {
	text := string(d.Payload)
	first, rest, _ := strings.Cut(text, "\r\n")
	id := field(rest, "\r\nCall-ID: ")
	what := strings.TrimSuffix(strings.TrimPrefix(first, "SIP/2.0 "), " SIP/2.0")
	word, _, _ := strings.Cut(what, " ")
	line := fmt.Sprintf("%9v %-5s %s [%s]", w.net.Elapsed().Round(time.Millisecond), d.Sender, what, field(rest, "\r\nCSeq: "))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got.words[strings.Clone(word)]++
	w.wire[id] = append(w.wire[id], line)
	return simnet.Verdict{}
}

// field returns the value of a header that is not the first.
func field(headers, name string) string {
	_, value, _ := strings.Cut(headers, name)
	value, _, _ = strings.Cut(value, "\r\n")
	return strings.Clone(value)
}

// page sends a MESSAGE and an OPTIONS outside any call.
func (w *weather) page(n int) {
	time.Sleep(time.Duration(n) * time.Second)
	from, to := n%2, 1-n%2
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	body := fmt.Sprintf("page %d", n)
	target := "sip:anyone@" + address(to)
	resp, err := w.uas[from].SendMessage(ctx, target, "text/plain", body)
	if err != nil || resp.Status() != 200 {
		w.fault("MESSAGE %q: %v", body, err)
	}
	if resp, err = w.uas[from].Options(ctx, target); err != nil || resp.Status() != 200 {
		w.fault("OPTIONS %d: %v", n, err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.delivered[body] != 1 {
		w.faults = append(w.faults, fmt.Sprintf("MESSAGE %q delivered %d times", body, w.delivered[body]))
	}
}
