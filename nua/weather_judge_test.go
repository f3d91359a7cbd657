package nua_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// tally counts what came of all calls.
type tally struct {
	calls, up int
	expired   int // calls in which a timer of the protocol ran out
	kinds     map[string]int
	ends      map[string]int
	rows      map[string]int // transitions taken
	words     map[string]int // methods and status codes on the wire

	sent, lost, doubled, reordered uint64 // datagrams
}

func newTally() *tally {
	return &tally{kinds: map[string]int{}, ends: map[string]int{}, rows: map[string]int{}, words: map[string]int{}}
}

func (t *tally) add(o *tally) {
	t.calls += o.calls
	t.up += o.up
	t.expired += o.expired
	t.sent += o.sent
	t.lost += o.lost
	t.doubled += o.doubled
	t.reordered += o.reordered
	sum(t.kinds, o.kinds)
	sum(t.ends, o.ends)
	sum(t.rows, o.rows)
	sum(t.words, o.words)
}

func sum(to, from map[string]int) {
	for k, n := range from {
		to[k] += n
	}
}

func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d calls, %d established, %d ended by a timer of the protocol, %d datagrams (%d lost, %d doubled, %d reordered)\n",
		t.calls, t.up, t.expired, t.sent, t.lost, t.doubled, t.reordered)
	names := [...]string{"kinds", "ends", "rows", "wire"}
	for i, m := range [...]map[string]int{t.kinds, t.ends, t.rows, t.words} {
		fmt.Fprintf(&b, "%s:", names[i])
		for _, k := range slices.Sorted(maps.Keys(m)) {
			fmt.Fprintf(&b, " %s=%d", strings.ReplaceAll(k, " ", "_"), m[k])
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// check holds the tally against what a network that bad must give.
func (t *tally) check(tb testing.TB, single bool) {
	// The network was what it is said to be; what is lost cannot be doubled.
	part := func(n uint64) float64 { return float64(n) / float64(t.sent) }
	require.InDelta(tb, 0.1, part(t.lost), 0.015)
	require.InDelta(tb, 0.09, part(t.doubled), 0.015)
	require.InDelta(tb, 0.1, part(t.reordered), 0.015)
	// An INVITE is sent seven times in 64·T1, anything else eleven times; that
	// all of them fail has a chance of 0.19^7, one in 100,000 calls.
	require.LessOrEqual(tb, t.expired, 1+t.calls/5000)
	require.Greater(tb, t.up, t.calls/2)
	if single {
		return
	}
	for _, row := range []string{
		"C1", "C2", "C3", "C4", "C6", "C7", "C7 crossed", "C8", "C8 crossed", "C8 ended", "C12",
		"S1", "S2", "S3", "S4", "S6", "S6 bye", "S7", "T1", "T2", "T2 crossed",
	} {
		require.NotZero(tb, t.rows[row], "no call took %s", row)
	}
	for k := kind(0); k < kinds; k++ {
		require.NotZero(tb, t.kinds[k.String()], "no call was %v", k)
	}
	// Both sides asked at once, and a re-INVITE met a call that was ending.
	require.NotZero(tb, t.words["491"])
	require.NotZero(tb, t.words["481"])
}

// defined reports whether err is one that the methods of a call promise.
func defined(err error) bool {
	if err == nil {
		return true
	}
	for _, known := range [...]error{nua.ErrCanceled, nua.ErrClosed, nua.ErrTimeout, nua.ErrWrongState, nua.ErrNotReady, nua.ErrNoAck} {
		if errors.Is(err, known) {
			return true
		}
	}
	var refused *sip.StatusError
	var failed *nta.TransactionError
	return errors.As(err, &refused) || errors.As(err, &failed)
}

// expired reports whether err says that a timer of the protocol ran out.
func expired(err error) bool {
	return errors.Is(err, nta.ErrTimeout) || errors.Is(err, nua.ErrNoAck) || errors.Is(err, nta.ErrNoAck)
}

// status returns the code of a refusal, 0 for any other error.
func status(err error) int {
	var refused *sip.StatusError
	if errors.As(err, &refused) {
		return refused.Response.Status()
	}
	return 0
}

// judge looks at one call when everything is over; w.mu is held.
func (w *weather) judge(c *callCase, seed uint64) {
	var wrong []string
	claim := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	a, b := c.calls[0], c.calls[1]
	w.got.calls++
	w.got.kinds[c.plan.kind.String()]++
	if a == nil {
		// Only a context that ended at once keeps an INVITE from leaving.
		claim(c.plan.kind == abandoned && errors.Is(c.invite, nua.ErrCanceled) && b == nil, "Invite returned %v", c.invite)
	} else {
		w.judgeSides(c, claim)
	}
	claim(c.extra == 0, "%d more calls for one INVITE", c.extra)
	for _, body := range c.sent {
		claim(w.delivered[body] == 1, "MESSAGE %q delivered %d times", body, w.delivered[body])
	}
	if len(wrong) == 0 {
		return
	}
	var text strings.Builder
	for _, line := range wrong {
		fmt.Fprintf(&text, "  %s\n", line)
	}
	for i, call := range c.calls {
		if call != nil {
			fmt.Fprintf(&text, "%v: %v, %v, rows %v\n", side(i+1), call.State(), call.Err(), w.rows[call])
		}
	}
	for _, op := range c.ops {
		fmt.Fprintf(&text, "%v: %s: %v\n", op.side, op.name, op.err)
	}
	if a != nil {
		text.WriteString(strings.Join(w.wire[a.ID()], "\n"))
	}
	w.t.Errorf("seed %d: %v\n%s", seed, c.plan, text.String())
}

func (w *weather) judgeSides(c *callCase, claim func(bool, string, ...any)) {
	p, a, b := c.plan, c.calls[0], c.calls[1]
	took := func(call *nua.Call, rows ...string) bool {
		return call != nil && slices.ContainsFunc(rows, func(r string) bool { return slices.Contains(w.rows[call], r) })
	}
	late := false
	for i, call := range c.calls {
		if call == nil {
			continue
		}
		s := side(i + 1)
		claim(call.State() == nua.Terminated, "%v is %v", s, call.State())
		claim(defined(call.Err()), "%v ended with %v", s, call.Err())
		last := c.last[i]
		claim(errors.Is(last.Err, call.Err()), "%v: last event says %v, Err %v", s, last.Err, call.Err())
		// The call has ended well for its user even if the BYE got no answer.
		late = late || expired(call.Err()) || last.Transition == "C12" && last.Status == 408
	}
	for _, op := range c.ops {
		claim(defined(op.err), "%v: %s returned %v", op.side, op.name, op.err)
		claim(!errors.Is(op.err, context.DeadlineExceeded) || p.kind == abandoned, "%v: %s hung", op.side, op.name)
		late = late || expired(op.err)
	}

	// What one side saw, the other side must have said.
	if took(a, "C4") {
		w.got.up++
		claim(took(b, "S3"), "caller was ready, callee never answered")
	}
	if took(b, "S4") {
		claim(took(a, "C4", "C5", "C7 crossed", "C7 late", "C8 crossed", "C9", "C9 peer", "T4", "T5"), "callee was ready without an ACK")
	}
	if took(b, "S3") {
		claim(status(a.Err()) == 0 || took(a, "C4"), "callee answered, caller saw %v", a.Err())
		claim(took(b, "S4", "S5", "S9"), "callee answered, and neither ACK nor BYE nor its timeout came")
	}
	if code := status(a.Err()); code != 0 && !took(a, "C4") {
		claim(took(b, "S6", "S6 bye"), "caller saw %d, callee did not refuse", code)
	}
	if took(b, "S5") {
		claim(errors.Is(b.Err(), nua.ErrNoAck), "no ACK came, callee ended with %v", b.Err())
	}
	if late {
		w.got.expired++
		w.got.ends["timer"]++
		return
	}

	// Without a timer that ran out, the call is what its users made of it.
	if !claimed(claim, b != nil, "the INVITE never arrived") {
		return
	}
	switch p.kind {
	case talk, holding:
		claim(a.Err() == nil && b.Err() == nil, "ended with %v and %v", a.Err(), b.Err())
		claim(took(a, "C4") && took(b, "S4"), "not established")
		for _, op := range c.ops {
			claim(op.err == nil, "%v: %s returned %v", op.side, op.name, op.err)
		}
		claim(len(c.sent) == p.messages[0]+p.messages[1], "%d MESSAGE requests were answered", len(c.sent))
		claim(a.LocalSDP() == b.RemoteSDP() && a.RemoteSDP() == b.LocalSDP(),
			"the sides disagree on the session:\n%s\n%s\n%s\n%s", a.LocalSDP(), b.RemoteSDP(), a.RemoteSDP(), b.LocalSDP())
		w.got.ends["bye"]++
	case refused:
		claim(status(a.Err()) == p.status && b.Err() == nil, "ended with %v and %v", a.Err(), b.Err())
		w.got.ends["refused"]++
	case declined:
		claim(status(a.Err()) == 480 && errors.Is(b.Err(), nua.ErrCanceled), "ended with %v and %v", a.Err(), b.Err())
		w.got.ends["refused"]++
	case ignored:
		claim(status(a.Err()) == 480 && errors.Is(b.Err(), nua.ErrTimeout), "ended with %v and %v", a.Err(), b.Err())
		w.got.ends["timeout"]++
	case impatient:
		claim(errors.Is(a.Err(), nua.ErrTimeout) && errors.Is(b.Err(), nua.ErrCanceled), "ended with %v and %v", a.Err(), b.Err())
		w.got.ends["timeout"]++
	case given, abandoned, hungUp:
		w.judgeGivenUp(c, claim, took)
	case collided:
		for i, call := range c.calls {
			claim(call.Err() == nil || !p.ends(side(i+1)) && overtaken(call, took), "%v ended with %v", side(i+1), call.Err())
		}
		claim(took(a, "C4") && took(b, "S3"), "not established")
		w.got.ends["bye"]++
	}
}

// overtaken reports whether a side learned from the 481 to a request of its own
// that the call is gone, because the BYE came later (RFC 5057 5.1).
func overtaken(call *nua.Call, took func(*nua.Call, ...string) bool) bool {
	return status(call.Err()) == 481 && took(call, "T5")
}

func claimed(claim func(bool, string, ...any), ok bool, text string) bool {
	claim(ok, "%s", text)
	return ok
}

// judgeGivenUp looks at a call that its caller gave up: it was faster than the
// answer, or not, or the two crossed.
func (w *weather) judgeGivenUp(c *callCase, claim func(bool, string, ...any), took func(*nua.Call, ...string) bool) {
	a, b := c.calls[0], c.calls[1]
	switch {
	case took(a, "C4"):
		claim(a.Err() == nil && (b.Err() == nil || overtaken(b, took)), "ended with %v and %v", a.Err(), b.Err())
		w.got.ends["bye"]++
	case took(b, "S3"):
		claim(errors.Is(a.Err(), nua.ErrCanceled) && (b.Err() == nil || overtaken(b, took)), "ended with %v and %v", a.Err(), b.Err())
		claim(took(a, "C7 crossed", "C8 crossed", "C7 late", "C9"), "answered, but not ended")
		w.got.ends["crossed"]++
	default:
		claim(errors.Is(a.Err(), nua.ErrCanceled) && errors.Is(b.Err(), nua.ErrCanceled), "ended with %v and %v", a.Err(), b.Err())
		claim(c.plan.kind != abandoned || errors.Is(a.Err(), context.DeadlineExceeded), "the cause is missing: %v", a.Err())
		claim(took(b, "S7"), "given up without a CANCEL")
		w.got.ends["canceled"]++
	}
}
