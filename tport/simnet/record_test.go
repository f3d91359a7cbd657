package simnet_test

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestRecords(t *testing.T) {
	var mu sync.Mutex
	var logged []string
	cfg := simnet.Config{
		Link: simnet.Link{Delay: 20 * time.Millisecond},
		Logf: func(f string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			logged = append(logged, fmt.Sprintf(f, args...))
		},
	}
	inBubble(t, cfg, func(t *testing.T, p pair) {
		s := p.udp(p.bob, "192.0.2.2:5060")
		c := p.dial("udp", "192.0.2.2:5060")
		time.Sleep(time.Second)
		write(t, c, "OPTIONS sip:bob SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n")
		require.Equal(t, simnet.InFlight, p.Records()[0].Fate)
		read(t, s)
		require.Equal(t, simnet.Record{
			Number: 1, Sent: time.Second, Arrived: 1020 * time.Millisecond,
			Network: "udp", FromHost: "alice", ToHost: "bob",
			From: p.Records()[0].From, To: s.LocalAddr().(*net.UDPAddr).AddrPort(),
			Fate: simnet.Delivered, Size: 45, First: "OPTIONS sip:bob SIP/2.0",
		}, p.Records()[0])
		require.NoError(t, s.Close())
		write(t, c, "to nobody")
		time.Sleep(time.Second)
		require.Equal(t, simnet.Unreachable, p.Records()[1].Fate)
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, logged, 2)
		require.Contains(t, logged[0], "alice (192.0.2.1:32768) -> bob (192.0.2.2:5060) 45 octets delivered +20ms: OPTIONS sip:bob SIP/2.0")
	})
}

func TestRecorderKeepsTheLast(t *testing.T) {
	for _, keep := range []int{-1, 1, 3, 10} {
		inBubble(t, simnet.Config{Record: keep, Link: simnet.Link{Delay: time.Second}}, func(t *testing.T, p pair) {
			p.udp(p.bob, ":5060")
			c := p.dial("udp", "bob:5060")
			for i := range 7 {
				write(t, c, fmt.Sprint(i))
			}
			time.Sleep(time.Minute)
			var got string
			for i, r := range p.Records() {
				got += r.First
				require.Equal(t, simnet.Delivered, r.Fate)
				require.Equal(t, uint64(7-len(p.Records())+i+1), r.Number)
			}
			require.Equal(t, "0123456"[7-min(max(keep, 0), 7):], got)
			require.Equal(t, uint64(7), p.Stats().Delivered)
		})
	}
}

func TestFirstLine(t *testing.T) {
	tests := map[string]string{
		"ACK sip:x SIP/2.0\r\n\r\n":  "ACK sip:x SIP/2.0",
		"no end":                     "no end",
		"LF alone\nnext":             "LF alone",
		"":                           "(empty)",
		"\r\n\r\n":                   "(empty line)",
		"\x16\x03\x01\x02\x00\x01":   "(binary)",
		"sip:caf\xc3\xa9@example.it": "sip:caf..@example.it",
		strings.Repeat("x", 500):     strings.Repeat("x", 120),
	}
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		for in, want := range tests {
			write(t, c, in)
			all := p.Records()
			require.Equal(t, want, all[len(all)-1].First)
		}
	})
}

func TestFateNames(t *testing.T) {
	require.Equal(t, "in flight", simnet.InFlight.String())
	require.Equal(t, "unreachable", simnet.Unreachable.String())
	require.Equal(t, "Fate(99)", simnet.Fate(99).String())
}
