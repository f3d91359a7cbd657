package sresolv

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport/simnet"
)

const hostileZone = `
$ORIGIN h.test.
$TTL 60
@ SOA ns host 1 3600 600 86400 60
a A 192.0.2.10
b A 192.0.2.11
_sip._udp SRV 1 0 5060 a
loop1 CNAME loop2
loop2 CNAME loop1
out CNAME victim.other.test.
`

// TestHostile: servers that lie, are slow, cut, go round or are dead. Each gives
// the right result or one clear error within its bound.
func TestHostile(t *testing.T) {
	const uri, good = "sip:a.h.test:5060", "udp:192.0.2.10:5060"
	right := func(w *world) { require.Equal(w.t, []string{good}, w.hops(uri)) }
	for _, c := range []struct {
		name  string
		rules []dnstest.Rule
		took  time.Duration // exactly; -1: at most Config.Timeout
		test  func(w *world)
	}{
		{"wrong id, then the truth", []dnstest.Rule{{Lie: dnstest.WrongID, Answer: evil, Then: true}}, 0, right},
		{"wrong question, then the truth", []dnstest.Rule{{Lie: dnstest.WrongQuestion, Answer: evil, Then: true}}, 0, right},
		{"wrong source, then the truth", []dnstest.Rule{{Lie: dnstest.WrongSource, Answer: evil, Then: true}}, 0, right},
		{"no question, then the truth", []dnstest.Rule{{Lie: dnstest.NoQuestion, Answer: evil, Then: true}}, 0, right},
		{"a query, then the truth", []dnstest.Rule{{Lie: dnstest.NotResponse, Answer: evil, Then: true}}, 0, right},
		{"garbage, then the truth", []dnstest.Rule{{Mangle: func([]byte) []byte { return []byte("garbage") }, Then: true}}, 0, right},
		{"nothing but lies", []dnstest.Rule{{Lie: dnstest.WrongID}}, 4 * time.Second, func(w *world) {
			w.fails(uri, ErrTimeout)
			require.EqualValues(w.t, 4, w.Stats().Mismatched, "they are waited through")
		}},
		{"lies from another port", []dnstest.Rule{{Lie: dnstest.WrongSource, Answer: evil}}, 4 * time.Second, func(w *world) { w.fails(uri, ErrTimeout) }},
		{"other names in the answer", []dnstest.Rule{{Answer: "victim.other.test. 9 IN A 203.0.113.66\na.h.test. 9 IN A 192.0.2.10"}}, 0, func(w *world) {
			w.server.Script(dnstest.Rule{Type: "AAAA"})
			hops := w.hops(uri)
			require.Equal(w.t, []string{good}, hops)
			_, ok := w.peek(question{"victim.other.test", TypeA})
			require.False(w.t, ok)
		}},
		{"additional records of others", []dnstest.Rule{{Extra: "victim.other.test. 9 IN A 203.0.113.66\nb.h.test. 9 IN A 203.0.113.66"}}, 0, func(w *world) {
			right(w)
			_, ok := w.peek(question{"victim.other.test", TypeA})
			require.False(w.t, ok)
			require.Equal(w.t, []string{"udp:192.0.2.11:5060"}, w.hops("sip:b.h.test:5060"))
		}},
		{"a denial by another zone is not kept", []dnstest.Rule{{Times: 2, Name: "late.h.test", Mangle: denyBy("other.test.")}}, 0, func(w *world) {
			w.fails("sip:late.h.test:5060", ErrNotFound)
			require.NoError(w.t, w.server.Add("late.h.test. 60 IN A 192.0.2.10"))
			require.Equal(w.t, []string{good}, w.hops("sip:late.h.test:5060"))
		}},
		{"slow", []dnstest.Rule{{Delay: 1900 * time.Millisecond}}, 1900 * time.Millisecond, right},
		{"one lost", []dnstest.Rule{{Drop: true, Times: 2}}, 2 * time.Second, right},
		{"AAAA never answered", []dnstest.Rule{{Type: "AAAA", Drop: true}}, familyWait, func(w *world) {
			require.Equal(w.t, good, w.first(uri).String())
		}},
		{"A never answered", []dnstest.Rule{{Type: "A", Drop: true}}, 4 * time.Second, func(w *world) { w.fails(uri, ErrTimeout) }},
		{"truncated, whole over TCP", []dnstest.Rule{{Network: "udp", Truncate: true}}, 0, func(w *world) {
			right(w)
			require.EqualValues(w.t, 2, w.Stats().Truncated)
		}},
		{"truncated, no TCP", []dnstest.Rule{{Network: "udp", Truncate: true}, {Network: "tcp", Drop: true}}, 0, func(w *world) { w.fails(uri, ErrServers) }},
		{"truncated, TCP lies", []dnstest.Rule{{Network: "udp", Truncate: true}, {Network: "tcp", Lie: dnstest.WrongID}}, 0, func(w *world) { w.fails(uri, ErrServers) }},
		{"truncated, TCP cut", []dnstest.Rule{{Network: "udp", Truncate: true}, {Network: "tcp", Mangle: func(b []byte) []byte { return b[:len(b)/2] }}}, 0, func(w *world) { w.fails(uri, ErrServers) }},
		{"truncated, TCP silent", []dnstest.Rule{{Network: "udp", Truncate: true}, {Network: "tcp", Delay: time.Hour}}, 4 * time.Second, func(w *world) { w.fails(uri, ErrTimeout) }},
		{"no EDNS0: FORMERR", []dnstest.Rule{{EDNS: true, Rcode: "FORMERR"}}, 0, func(w *world) {
			right(w)
			before := len(w.server.Queries())
			_ = w.hops("sip:b.h.test:5060")
			require.Len(w.t, w.server.Queries(), before+2, "it is remembered")
		}},
		{"no EDNS0: FORMERR without the question", []dnstest.Rule{{EDNS: true, Rcode: "FORMERR", Lie: dnstest.NoQuestion}}, 0, right},
		{"no EDNS0: NOTIMP", []dnstest.Rule{{EDNS: true, Rcode: "NOTIMP"}}, 0, right},
		{"no EDNS0: silence", []dnstest.Rule{{EDNS: true, Drop: true}}, 2 * time.Second, right},
		{"SERVFAIL", []dnstest.Rule{{Rcode: "SERVFAIL"}}, 0, func(w *world) { w.fails(uri, ErrServers) }},
		{"REFUSED", []dnstest.Rule{{Rcode: "REFUSED"}}, 0, func(w *world) { w.fails(uri, ErrServers) }},
		{"SERVFAIL for NAPTR only", []dnstest.Rule{{Type: "NAPTR", Rcode: "SERVFAIL"}}, 0, func(w *world) {
			require.Equal(w.t, []string{good}, w.hops("sip:h.test"))
		}},
		{"silence for NAPTR only", []dnstest.Rule{{Type: "NAPTR", Drop: true}}, 4 * time.Second, func(w *world) {
			require.Equal(w.t, []string{good}, w.hops("sip:h.test"))
		}},
		{"aliases go round", nil, 0, func(w *world) {
			w.fails("sip:loop1.h.test", ErrAlias)
			require.LessOrEqual(w.t, len(w.server.Queries()), DefaultMaxQueries)
		}},
		{"aliases without end, one a message", []dnstest.Rule{{Type: "CNAME"}}, 0, func(w *world) {
			var zone strings.Builder
			for i := range 40 {
				fmt.Fprintf(&zone, "n%d.e%d.test. 60 IN CNAME n%d.e%d.test.\ne%d.test. 60 IN SOA ns. h. 1 1 1 1 1\n", i, i, i+1, i+1, i)
			}
			require.NoError(w.t, w.server.Add(zone.String()))
			w.fails("sip:n0.e0.test:5060", ErrAlias)
		}},
		{"an alias to a zone nobody knows", nil, 0, func(w *world) { w.fails("sip:out.h.test", ErrServers) }},
		{"dead", []dnstest.Rule{{Drop: true}}, -1, func(w *world) { w.fails("sip:h.test", ErrTimeout) }},
		{"an answer of no use", []dnstest.Rule{{Type: "A", Answer: "a.h.test. 9 IN A 0.0.0.0\na.h.test. 9 IN TXT \"x\""}}, 0, func(w *world) { w.fails(uri, ErrNotFound) }},
		{"SRV port 0 and bad targets", []dnstest.Rule{{Type: "SRV", Answer: "_sip._udp.h.test. 9 IN SRV 0 0 0 a.h.test.\n_sip._udp.h.test. 9 IN SRV 0 0 5060 a\\ b.h.test.\n_sip._udp.h.test. 9 IN SRV 0 0 5060 192.0.2.10."}}, 0, func(w *world) {
			require.Equal(w.t, []string{good}, w.hops("sip:h.test;transport=udp"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{}, hostileZone)
				w.server.Script(c.rules...)
				start := time.Now()
				c.test(w)
				if took := time.Since(start); c.took < 0 {
					require.LessOrEqual(t, took, 2*DefaultTimeout)
				} else {
					require.Equal(t, c.took, took)
				}
				require.Zero(t, w.Stats().Refused)
			})
		})
	}
}

// evil is what a forger wants to be believed.
const evil = "a.h.test. 86400 IN A 203.0.113.66"

// denyBy makes of an answer a denial with the SOA record of another zone.
func denyBy(zone string) func([]byte) []byte {
	return func(b []byte) []byte {
		m := unpack(b)
		for _, rr := range m.Ns {
			rr.Header().Name = zone
		}
		out, err := m.Pack()
		if err != nil {
			return nil
		}
		return out
	}
}

// TestServers: the second server answers when the first does not, and is then
// asked first for a while.
func TestServers(t *testing.T) {
	first, second := netip.MustParseAddrPort("192.0.2.52:53"), netip.MustParseAddrPort(nameServer)
	for _, c := range []struct {
		name string
		rule *dnstest.Rule // nil: nothing listens
		took time.Duration
		back time.Duration // when the first is asked first again
	}{
		{"refuses datagrams", nil, 0, avoidRefused},
		{"silent", &dnstest.Rule{Drop: true}, 2 * time.Second, avoidFailed},
		{"SERVFAIL", &dnstest.Rule{Rcode: "SERVFAIL"}, 0, 0},
		{"REFUSED", &dnstest.Rule{Rcode: "REFUSED"}, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Config{Servers: []netip.AddrPort{first, second}, CacheSize: -1}, hostileZone)
				h := w.net.MustHost("first", "192.0.2.52")
				if c.rule != nil {
					w.serve(h, first.String(), hostileZone).Script(*c.rule)
				}
				ask := func() time.Duration {
					start := time.Now()
					_, err := w.Lookup(t.Context(), "a.h.test", TypeA)
					require.NoError(t, err)
					return time.Since(start)
				}
				require.Equal(t, c.took, ask())
				failures := w.Stats().Failures
				require.EqualValues(t, 1, failures)
				if c.back > 0 {
					time.Sleep(c.back - time.Second)
					require.Zero(t, ask())
					require.Equal(t, failures, w.Stats().Failures, "it was not asked")
					time.Sleep(time.Second)
				}
				require.Equal(t, c.took, ask())
				require.Greater(t, w.Stats().Failures, failures)
			})
		})
	}
	t.Run("rotation", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Servers: []netip.AddrPort{first, second}, Rotate: true, CacheSize: -1}, hostileZone)
			other := w.serve(w.net.MustHost("first", "192.0.2.52"), first.String(), hostileZone)
			for range 10 {
				_, err := w.Lookup(t.Context(), "a.h.test", TypeA)
				require.NoError(t, err)
			}
			require.Len(t, w.server.Queries(), 5)
			require.Len(t, other.Queries(), 5)
		})
	})
	t.Run("attempts and timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Attempts: 3, ServerTimeout: time.Second}, hostileZone)
			w.server.Script(dnstest.Rule{Drop: true})
			start := time.Now()
			_, err := w.Lookup(t.Context(), "a.h.test", TypeA)
			require.ErrorIs(t, err, ErrTimeout)
			require.Equal(t, 3*time.Second, time.Since(start))
			require.Len(t, w.server.Queries(), 3)
		})
	})
	t.Run("bound of the whole", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{Attempts: 100, Timeout: 5 * time.Second}, hostileZone)
			w.server.Script(dnstest.Rule{Drop: true})
			start := time.Now()
			_, err := w.Lookup(t.Context(), "a.h.test", TypeA)
			require.ErrorIs(t, err, ErrTimeout)
			require.Equal(t, 5*time.Second, time.Since(start))
		})
	})
}

// loose is a datagram socket that is not connected.
type loose struct {
	*simnet.PacketConn
	to net.Addr
}

func (l loose) Write(b []byte) (int, error) { return l.WriteTo(b, l.to) }

// TestSource: where Config.Dial gives a socket that hears everybody, answers of
// others are still no answers.
func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, hostileZone)
		w.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if network != "udp" {
				return w.client.DialContext(ctx, network, address)
			}
			c, err := w.client.ListenPacket(ctx, "udp4", ":0")
			if err != nil {
				return nil, err
			}
			return loose{c.(*simnet.PacketConn), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address))}, nil
		}
		w.server.Script(dnstest.Rule{Type: "A", Lie: dnstest.WrongSource, Answer: evil, Then: true})
		rs, err := w.Lookup(t.Context(), "a.h.test", TypeA)
		require.NoError(t, err)
		require.Equal(t, "192.0.2.10", rs[0].Addr.String())
		require.EqualValues(t, 1, w.Stats().Mismatched)
	})
}
