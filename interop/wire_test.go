//go:build linux

package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// A direction says which way a message went, seen from the library.
type direction string

const (
	sent     direction = "sent to"
	received direction = "received from"
)

// A wire is every message that one user agent of the library sent or received,
// retransmissions included, in order.
type wire struct {
	mu   sync.Mutex
	seen []sighting
}

type sighting struct {
	at    time.Time
	dir   direction
	proto string
	peer  netip.AddrPort
	*msg.Message
}

// trace makes the wire see what a transport does.
func (w *wire) trace() *tport.Trace {
	note := func(dir direction, flow *tport.Flow, m *msg.Message) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, sighting{time.Now(), dir, flow.Proto(), flow.Remote(), m})
	}
	return &tport.Trace{
		Received: func(d *tport.Delivery) { note(received, d.Flow, d.Msg) },
		Sent:     func(flow *tport.Flow, m *msg.Message, _ int) { note(sent, flow, m) },
	}
}

// all returns the messages of one kind: a method ("ACK") for requests, a
// status and a method ("200 INVITE") for responses.
func (w *wire) all(dir direction, kind string) []sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []sighting
	for _, s := range w.seen {
		if s.dir == dir && s.kind() == kind {
			found = append(found, s)
		}
	}
	return found
}

// count is how many messages of one kind there were, retransmissions included.
func (w *wire) count(dir direction, kind string) int { return len(w.all(dir, kind)) }

// tries is how many transactions those messages belong to.
func (w *wire) tries(dir direction, kind string) int {
	branches := map[string]bool{}
	for _, s := range w.all(dir, kind) {
		branches[s.branch()] = true
	}
	return len(branches)
}

// String shows every message, for a test that failed.
func (w *wire) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, s := range w.seen {
		fmt.Fprintf(&b, "%s %s %s %s\n%s\n", s.at.Format("15:04:05.000"), s.dir, s.proto, s.peer, s.Message)
	}
	return b.String()
}

func (s sighting) kind() string {
	if s.IsRequest() {
		return s.Method()
	}
	return fmt.Sprintf("%d %s", s.Status(), s.cseq().Method)
}

func (s sighting) cseq() sip.Sequence {
	v, _, _ := sip.CSeq.Get(s.Message)
	return v
}

func (s sighting) branch() string {
	v, _, _ := sip.Via.Get(s.Message)
	return v.Branch()
}

// requireApart checks the time between two messages that a timer separates: it
// is never early, and on a busy machine it may be late.
func requireApart(t *testing.T, want time.Duration, earlier, later sighting) {
	t.Helper()
	got := later.at.Sub(earlier.at)
	require.GreaterOrEqual(t, got, want-20*time.Millisecond) // the time is noted after sending
	require.Less(t, got, want+400*time.Millisecond)
}
