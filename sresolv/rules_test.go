package sresolv

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

func ruleZone() string {
	return `
$ORIGIN rules.test.
$TTL 60
@ SOA ns host 1 3600 600 86400 3600
a A 192.0.2.10
b A 192.0.2.11
c A 192.0.2.12
dual A 192.0.2.13
dual AAAA 2001:db8::13
; everything, in an order of its own
all NAPTR 30 10 "s" "SIP+D2U" "" _sip._udp.all
all NAPTR 20 20 "s" "SIP+D2T" "" _sip._tcp.all
all NAPTR 20 10 "s" "SIPS+D2T" "" _sips._tcp.all
all NAPTR 10 10 "s" "SIP+D2W" "" _sip._ws.all
all NAPTR 10 20 "s" "SIPS+D2W" "" _sips._ws.all
all NAPTR 5 10 "s" "SIP+D2X" "" _sip._x.all
all NAPTR 1 10 "u" "E2U+sip" "!^.*$!sip:x@evil.test!" .
_sip._udp.all SRV 1 0 5001 a
_sip._tcp.all SRV 1 0 5002 a
_sips._tcp.all SRV 1 0 5003 a
_sip._ws.all SRV 1 0 5004 a
_sips._ws.all SRV 1 0 5005 a
; no NAPTR
_sip._udp.srv SRV 1 0 5001 a
_sip._tcp.srv SRV 1 0 5002 a
_sips._tcp.srv SRV 1 0 5003 a
_sip._udp.set SRV 1 0 5060 a
_sip._udp.set SRV 2 0 5060 b
_sip._udp.set SRV 3 0 5060 c
none A 192.0.2.99
_sip._udp.none SRV 0 0 0 .
_sip._tcp.none SRV 0 0 0 .
udponly NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.srv
ttl0 0 A 192.0.2.14
long 999999 A 192.0.2.15
_sip._tls.far SRV 1 0 5061 a
far NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp.elsewhere.test.
` + chain("c", 8) + chain("d", 9) + `
$ORIGIN elsewhere.test.
@ SOA ns host 1 3600 600 86400 3600
_sips._tcp SRV 1 0 5061 host
host A 192.0.2.16
`
}

// chain is n aliases in a row and an address.
func chain(name string, n int) (s string) {
	for i := range n {
		s += fmt.Sprintf("%s%d CNAME %s%d\n", name, i, name, i+1)
	}
	return s + fmt.Sprintf("%s%d A 192.0.2.20\n", name, n)
}

// TestRules has one test for each rule L01 to L12: finding servers.
func TestRules(t *testing.T) {
	every := []string{"udp", "tcp", "tls", "ws", "wss"}
	for _, c := range []struct {
		name string
		cfg  Config
		test func(t *testing.T, w *world)
	}{
		{"L01 maddr, then host is the target; numeric needs no DNS", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.77:5060"}, w.hops("sip:192.0.2.77"))
			require.Equal(t, []string{"udp:192.0.2.78:5060"}, w.hops("sip:a.rules.test;maddr=192.0.2.78"))
			require.Empty(t, w.server.Queries())
			require.Equal(t, "192.0.2.11", w.first("sip:192.0.2.77;maddr=b.rules.test").Addr.Addr().String())
		}},
		{"L02 transport given", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"tcp:192.0.2.10:5002"}, w.hops("sip:all.rules.test;transport=tcp"))
			require.Equal(t, []string{"tls:192.0.2.10:5003"}, w.hops("sips:all.rules.test;transport=tcp"))
			require.NotContains(t, w.server.Asked(), "NAPTR all.rules.test")
		}},
		{"L02 numeric or port", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.10:7"}, w.hops("sip:a.rules.test:7"))
			require.Equal(t, []string{"tls:192.0.2.10:7"}, w.hops("sips:a.rules.test:7"))
			require.ElementsMatch(t, []string{"A a.rules.test", "AAAA a.rules.test"}, w.server.Asked())
		}},
		{"L02 NAPTR", Config{Transports: every}, func(t *testing.T, w *world) {
			require.Equal(t, []string{
				"ws:192.0.2.10:5004", "wss:192.0.2.10:5005", "tls:192.0.2.10:5003", "tcp:192.0.2.10:5002", "udp:192.0.2.10:5001",
			}, w.hops("sip:all.rules.test"))
		}},
		{"L02 SRV of each transport", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.10:5001", "tcp:192.0.2.10:5002", "tls:192.0.2.10:5003"}, w.hops("sip:srv.rules.test"))
		}},
		{"L02 nothing but an address", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.10:5060", "tcp:192.0.2.10:5060"}, w.hops("sip:a.rules.test"))
			require.Equal(t, []string{"tls:192.0.2.10:5061"}, w.hops("sips:a.rules.test"))
		}},
		{"L03 sips drops all but SIPS", Config{Transports: every}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"wss:192.0.2.10:5005", "tls:192.0.2.10:5003"}, w.hops("sips:all.rules.test"))
			require.Equal(t, []string{"tls:192.0.2.10:5003"}, w.hops("sips:srv.rules.test"))
		}},
		{"L03 sips with UDP only", Config{}, func(t *testing.T, w *world) {
			w.fails("sips:udponly.rules.test", ErrNoTransport)
			w.fails("sips:srv.rules.test;transport=udp", ErrNoTransport)
			r := New(Config{Transports: []string{"udp"}})
			defer r.Close()
			_, err := r.Walk(target("sips:srv.rules.test")).Next(t.Context())
			require.ErrorIs(t, err, ErrNoTransport)
		}},
		{"L04 order, then preference; unknown services skipped; flags s and a", Config{Transports: every}, func(t *testing.T, w *world) {
			require.Equal(t, "ws:192.0.2.10:5004", w.first("sip:all.rules.test").String())
			require.NotContains(t, w.server.Asked(), "SRV _sip._x.all.rules.test")
		}},
		{"L05 priority, weight, no service", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.10:5060", "udp:192.0.2.11:5060", "udp:192.0.2.12:5060"}, w.hops("sip:set.rules.test"))
			w.fails("sip:none.rules.test", ErrNoService)
			w.fails("sip:none.rules.test", ErrNotFound)
			require.Equal(t, []string{"udp:192.0.2.99:5060"}, w.hops("sip:none.rules.test:5060"), "with a port there is no SRV")
		}},
		{"L06 done once", Config{CacheSize: -1}, func(t *testing.T, w *world) {
			walk := w.Walk(target("sip:set.rules.test"))
			_, err := walk.Next(t.Context())
			require.NoError(t, err)
			w.server.Script(dnstest.Rule{Type: "SRV", Answer: "_sip._udp.set.rules.test. 1 IN SRV 0 0 1 evil.test."})
			require.Equal(t, []string{"udp:192.0.2.11:5060", "udp:192.0.2.12:5060"}, collect(t, walk), "the list is the one of the first answer")
			require.Equal(t, 1, count(w.server.Asked(), "SRV _sip._udp.set.rules.test"))
		}},
		{"L07 the next target", Config{}, func(t *testing.T, w *world) {
			walk := w.Walk(target("sip:set.rules.test"))
			for i := range 3 {
				h, err := walk.Next(t.Context())
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf("192.0.2.%d", 10+i), h.Addr.Addr().String())
				walk.Failed(h, 0)
			}
			require.True(t, walk.Exhausted())
			require.Equal(t, 3, w.Stats().Failed)
		}},
		{"L08 failed targets come last", Config{}, func(t *testing.T, w *world) {
			h := w.first("sip:set.rules.test")
			w.MarkFailed(h, 0)
			last := []string{"udp:192.0.2.11:5060", "udp:192.0.2.12:5060", "udp:192.0.2.10:5060"}
			usual := []string{"udp:192.0.2.10:5060", "udp:192.0.2.11:5060", "udp:192.0.2.12:5060"}
			require.Equal(t, last, w.hops("sip:set.rules.test"))
			time.Sleep(600*time.Second - time.Millisecond)
			require.Equal(t, last, w.hops("sip:set.rules.test"))
			time.Sleep(time.Millisecond)
			require.Equal(t, usual, w.hops("sip:set.rules.test"))
			w.MarkFailed(h, 30*time.Second)
			time.Sleep(29 * time.Second)
			require.Equal(t, last, w.hops("sip:set.rules.test"))
			time.Sleep(time.Second)
			require.Equal(t, usual, w.hops("sip:set.rules.test"))
			w.MarkFailed(h, time.Hour)
			time.Sleep(600 * time.Second)
			require.Equal(t, usual, w.hops("sip:set.rules.test"), "Retry-After is capped")
			w.MarkFailed(h, 0)
			require.Equal(t, 1, w.Stats().Failed)
			w.MarkWorking(h)
			require.Equal(t, usual, w.hops("sip:set.rules.test"))
			only := w.first("sip:192.0.2.7")
			w.MarkFailed(only, 0)
			require.Equal(t, only, w.first("sip:192.0.2.7"), "the only one is given nevertheless")
		}},
		{"L09 the sent-by of a response", Config{Transports: []string{"udp"}}, func(t *testing.T, w *world) {
			at := func(transport, host string, port uint16) []string {
				return collect(t, w.WalkResponse(transport, host, port))
			}
			require.Equal(t, []string{"tcp:192.0.2.7:5060"}, at("TCP", "192.0.2.7", 0))
			require.Equal(t, []string{"tls:[2001:db8::7]:99"}, at("TLS", "[2001:db8::7]", 99))
			require.Equal(t, []string{"udp:192.0.2.10:5001"}, at("UDP", "srv.rules.test", 0))
			require.Equal(t, []string{"tls:192.0.2.10:5003"}, at("TLS", "srv.rules.test", 0))
			require.Equal(t, []string{"udp:192.0.2.10:5060"}, at("UDP", "a.rules.test", 0), "no SRV: the address on the default port")
			require.NotContains(t, w.server.Asked(), "NAPTR a.rules.test")
			w.server.Reset()
			require.Equal(t, []string{"tcp:192.0.2.11:5077"}, at("TCP", "b.rules.test", 5077))
			require.ElementsMatch(t, []string{"A b.rules.test", "AAAA b.rules.test"}, w.server.Asked())
			_, err := w.WalkResponse("UDP", "not a host", 0).Next(t.Context())
			require.ErrorIs(t, err, ErrBadTarget)
			_, err = w.WalkResponse("", "a.rules.test", 0).Next(t.Context())
			require.ErrorIs(t, err, ErrNoTransport)
		}},
		{"L10 the identity is the domain asked for", Config{}, func(t *testing.T, w *world) {
			h := w.first("sips:FAR.rules.test.")
			require.Equal(t, "tls:192.0.2.16:5061", h.String())
			require.Equal(t, "far.rules.test", h.Name)
			require.Equal(t, "host.elsewhere.test", h.Target)
		}},
		{"L11 both families in the order of RFC 6724", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:[2001:db8::13]:5060", "udp:192.0.2.13:5060"}, w.hops("sip:dual.rules.test;transport=udp"))
			require.NoError(t, w.client.RemoveAddr(netip.MustParseAddr("2001:db8:ffff::1")))
			time.Sleep(sourceTTL)
			require.Equal(t, []string{"udp:192.0.2.13:5060", "udp:[2001:db8::13]:5060"}, w.hops("sip:dual.rules.test;transport=udp"), "without a source it comes last")
		}},
		{"L12 ids and ports differ", Config{}, func(t *testing.T, w *world) {
			ids, ports := map[uint16]bool{}, map[uint16]bool{}
			for i := range 50 {
				_, _ = w.Lookup(t.Context(), fmt.Sprintf("n%d.rules.test", i), TypeA)
			}
			for _, q := range w.server.Queries() {
				ids[q.ID], ports[q.From.Port()] = true, true
			}
			require.Greater(t, len(ids), 45)
			require.Greater(t, len(ports), 5)
		}},
		{"L12 an alias of 8 links, and not of 9", Config{}, func(t *testing.T, w *world) {
			require.Equal(t, []string{"udp:192.0.2.20:5060"}, w.hops("sip:c0.rules.test:5060"))
			w.fails("sip:d0.rules.test:5060", ErrAlias)
		}},
		{"L12 TTL between 1 s and a day", Config{}, func(t *testing.T, w *world) {
			for i := range 3 {
				_, err := w.Lookup(t.Context(), "ttl0.rules.test", TypeA)
				require.NoError(t, err)
				require.Len(t, w.server.Queries(), (i+2)/2, "kept for one second")
				time.Sleep(500 * time.Millisecond)
			}
			w.server.Reset()
			_, err := w.Lookup(t.Context(), "long.rules.test", TypeA)
			require.NoError(t, err)
			time.Sleep(24*time.Hour - time.Millisecond)
			_, _ = w.Lookup(t.Context(), "long.rules.test", TypeA)
			require.Len(t, w.server.Queries(), 1)
			time.Sleep(time.Millisecond)
			_, _ = w.Lookup(t.Context(), "long.rules.test", TypeA)
			require.Len(t, w.server.Queries(), 2)
		}},
		{"L12 absence is believed for 60 s", Config{}, func(t *testing.T, w *world) {
			for i, wait := range []time.Duration{0, 60*time.Second - time.Millisecond, time.Millisecond} {
				time.Sleep(wait)
				_, err := w.Lookup(t.Context(), "absent.rules.test", TypeA)
				require.ErrorIs(t, err, ErrNotFound)
				require.NotErrorIs(t, err, ErrNoData)
				require.Len(t, w.server.Queries(), 1+i/2)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(t, newWorld(t, c.cfg, ruleZone())) })
		})
	}
}

func count(all []string, s string) (n int) {
	for _, a := range all {
		if a == s {
			n++
		}
	}
	return n
}

// TestMaxQueries: the 32nd question of one walk is asked and the 33rd is not.
func TestMaxQueries(t *testing.T) {
	zone := "$ORIGIN q.test.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 60\n"
	for i := range 60 {
		zone += fmt.Sprintf("_sip._udp SRV %d 0 5060 h%d\n", i, i)
	}
	for _, c := range []struct{ limit, want int }{{0, 32}, {7, 7}, {-1, 4 + 120}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, Config{MaxQueries: c.limit}, zone)
			_, err := w.all("sip:q.test")
			if c.limit >= 0 {
				require.ErrorIs(t, err, ErrTooManyQueries)
			} else {
				require.ErrorIs(t, err, ErrNotFound)
			}
			require.Len(t, w.server.Queries(), c.want+int(w.Stats().Truncated))
		})
	}
}

// TestFailedIsBounded: the memory of failures forgets what ends first.
func TestFailedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{})
		defer r.Close()
		hop := func(i int) Hop {
			return Hop{Transport: "udp", Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)}
		}
		for i := range maxFailed + 10 {
			r.MarkFailed(hop(i), time.Duration(i+1)*100*time.Millisecond)
		}
		require.Equal(t, maxFailed, r.Stats().Failed)
		require.False(t, r.avoided(hop(9)))
		require.True(t, r.avoided(hop(10)))
		time.Sleep(MaxAvoid)
		r.MarkFailed(hop(0), 0)
		require.Equal(t, 1, r.Stats().Failed, "what is over goes first")
	})
}
