package nta

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// heap is what lives after a collection.
func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A finished server transaction that waits for its Timer J keeps 2 kB at most,
// its response included, and no goroutine.
func TestMemoryOfAWaitingTransaction(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	const n = 5000
	a, d, conn := sink(t, Config{Receive: func(s *Step, in *Incoming) bool {
		s.Reply(in, 200)
		return true
	}})
	text := options(conn.LocalAddr().String(), "z9hG4bK74bf9")
	send := func(from, to int) {
		for i := from; i < to; i++ {
			id := strconv.Itoa(i)
			m, err := msg.Parse(sip.Class(), strings.ReplaceAll(strings.Replace(text, "74bf9", id, 1), "38482762", id), msg.Limits{})
			require.NoError(t, err)
			in := *d
			in.Msg, in.At = m, time.Now()
			a.deliver(&in)
		}
	}
	send(0, 1000) // tables and pools have their size
	goroutines, before := runtime.NumGoroutine(), heap()
	send(1000, 1000+n)
	each := (heap() - before) / n
	require.Equal(t, 1000+n, a.Stats().Transactions)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	require.Less(t, each, 2048, "octets each")
	t.Logf("%d octets for each waiting transaction", each)
}

// An idle dialog keeps 3 kB at most, and no timer or goroutine.
func TestMemoryOfAnIdleDialog(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has memory of its own")
	}
	const n = 5000
	a := loopback(t, "udp", Config{})
	local := must(sip.ParseNameAddr(`"Alice" <sip:alice@atlanta.example.com>;tag=1928301774`))
	remote := must(sip.ParseNameAddr(`"Bob" <sip:bob@biloxi.example.com>;tag=a6c85cf`))
	target := must(sip.ParseURI("sip:bob@client.biloxi.example.com:5060;transport=tcp"))
	routes := []sip.NameAddr{must(sip.ParseNameAddr("<sip:p1.example.com;lr>")), must(sip.ParseNameAddr("<sip:p2.example.com;lr>"))}
	legs := make([]*Leg, 0, n)
	before := heap()
	for range n {
		l, err := a.NewLeg(LegConfig{CallID: a.NewCallID(), Local: local, Remote: remote, Target: target, RouteSet: routes, Contact: local})
		require.NoError(t, err)
		legs = append(legs, l)
	}
	each := (heap() - before) / n
	require.Less(t, each, 3072, "octets each")
	require.Zero(t, a.Stats().Timers)
	t.Logf("%d octets for each idle dialog", each)
	runtime.KeepAlive(legs)
}
