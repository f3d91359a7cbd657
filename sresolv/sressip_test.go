package sresolv

import (
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

const sipZone = `
$ORIGIN example.com.
$TTL 300
@ SOA ns host 1 3600 600 86400 30
  NAPTR 20 50 "s" "SIPS+D2T" "" _sips._tcp
  NAPTR 50 50 "s" "SIP+D2T" "" _sip._tcp
  NAPTR 90 50 "s" "SIP+D2U" "" _sip._udp
_sips._tcp SRV 10 0 5061 sip
_sip._tcp  SRV 10 0 5060 sip
_sip._udp  SRV 10 0 5060 sip
@ A 192.0.2.10
sip A 192.0.2.10
sip A 192.0.2.11
plain A 192.0.2.20
dual A 192.0.2.21
dual AAAA 2001:db8::21
alias CNAME plain
nona  NAPTR 102 50 "s" "SIP+D3T" "" _sip._tcp
nona  A 192.0.2.22
nonsip NAPTR 102 50 "s" "NOTHING+D2U" "" _nothing._udp
nonsip A 192.0.2.23
flaga NAPTR 10 10 "a" "SIP+D2U" "" sip
flaga NAPTR 20 10 "a" "SIP+D2T" "" sip
order A 192.0.2.9
_sip._udp.order SRV 10 10 5060 plain
_sip._tcp.order SRV 5 10 5060 plain
_sip._udp.prio SRV 2 1 5060 p2
_sip._udp.prio SRV 1 0 5060 p1zero
_sip._udp.prio SRV 1 65535 5060 p1heavy
p1zero CNAME canon
canon A 192.0.2.31
p1heavy A 192.0.2.32
p2 A 192.0.2.33
`

// TestSresSip is the list of check_sres_sip of Sofia-SIP, case by case. Where it
// gives UDP and then TCP for a numeric host, section 4.1 of RFC 3263 has one
// transport, which holds here.
func TestSresSip(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		test func(w *world)
	}{
		{"bad URI", Config{}, func(w *world) {
			w.fails("sip:", ErrBadTarget)
			w.fails("http:example.com", ErrBadTarget)
			w.fails("sip:exa mple.com", ErrBadTarget)
			require.Empty(w.t, w.server.Queries())
		}},
		{"unknown name", Config{}, func(w *world) { w.fails("sip:unknown.example.com", ErrNotFound) }},
		{"no server", Config{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}}, func(w *world) {
			w.fails("sip:example.com", ErrServers)
		}},
		{"silent server", Config{}, func(w *world) {
			w.server.Script(dnstest.Rule{Drop: true})
			start := time.Now()
			w.fails("sip:example.com", ErrTimeout)
			require.LessOrEqual(w.t, time.Since(start), 2*DefaultTimeout)
			_, err := w.all("sip:other.example.com")
			var e *Error
			require.ErrorAs(w.t, err, &e)
			require.True(w.t, e.Timeout(), "a temporary error")
		}},
		{"plain A gives UDP then TCP", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.20:5060", "tcp:192.0.2.20:5060"}, w.hops("sip:plain.example.com"))
			require.Equal(w.t, []string{"tls:192.0.2.20:5061"}, w.hops("sips:plain.example.com"))
		}},
		{"literal v4", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.5:5060"}, w.hops("sip:192.0.2.5"))
			require.Equal(w.t, []string{"udp:192.0.2.5:5065"}, w.hops("sip:192.0.2.5:5065"))
			require.Empty(w.t, w.server.Queries())
		}},
		{"literal v6", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:[2001:db8::5]:5060"}, w.hops("sip:[2001:db8::5]"))
			require.Equal(w.t, []string{"tls:[2001:db8::5]:5065"}, w.hops("sips:[2001:db8::5]:5065"))
			require.Empty(w.t, w.server.Queries())
		}},
		{"maddr as name or literal", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.5:5060"}, w.hops("sip:example.com;maddr=192.0.2.5"))
			require.Empty(w.t, w.server.Queries())
			require.Equal(w.t, []string{"udp:192.0.2.20:5060", "tcp:192.0.2.20:5060"}, w.hops("sip:example.com;maddr=plain.example.com"))
		}},
		{"CNAME", Config{}, func(w *world) {
			hops, err := w.all("sip:alias.example.com")
			require.NoError(w.t, err)
			require.Equal(w.t, []string{"udp:192.0.2.20:5060", "tcp:192.0.2.20:5060"}, texts(hops))
			require.Equal(w.t, "plain.example.com", hops[0].Target)
			require.Equal(w.t, "alias.example.com", hops[0].Name)
		}},
		{"AAAA before A", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:[2001:db8::21]:5060", "udp:192.0.2.21:5060"}, w.hops("sip:dual.example.com")[:2])
		}},
		{"NAPTR to SRV to A", Config{}, func(w *world) {
			require.Equal(w.t, "tls:192.0.2.10:5061", w.hops("sip:example.com")[0])
			require.Equal(w.t, []string{
				"NAPTR example.com", "SRV _sips._tcp.example.com",
			}, w.server.Asked()[:2])
		}},
		{"NAPTR with unknown service only", Config{}, func(w *world) { w.fails("sip:nona.example.com", ErrNoTransport) }},
		{"unrelated NAPTR ignored", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.23:5060", "tcp:192.0.2.23:5060"}, w.hops("sip:nonsip.example.com"))
		}},
		{"port suppresses NAPTR", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.10:5060"}, w.hops("sip:example.com:5060"))
			require.ElementsMatch(w.t, []string{"A example.com", "AAAA example.com"}, w.server.Asked())
		}},
		{"two A records behind SRV", Config{}, func(w *world) {
			require.Equal(w.t, []string{"udp:192.0.2.10:5060", "udp:192.0.2.11:5060"}, w.hops("sip:example.com;transport=udp"))
		}},
		{"TLS preferred by NAPTR order", Config{}, func(w *world) {
			require.Equal(w.t, "tls", w.first("sip:example.com").Transport)
			r := New(Config{Servers: w.cfg.Servers, Hosts: "-", Dial: w.client.DialContext, Transports: []string{"udp", "tcp"}})
			defer r.Close()
			h, err := r.Walk(target("sip:example.com")).Next(w.t.Context())
			require.NoError(w.t, err)
			require.Equal(w.t, "tcp", h.Transport, "without TLS the next order is taken")
		}},
		{"NAPTR flag a keeps order from the cache", Config{}, func(w *world) {
			want := []string{"udp:192.0.2.10:5060", "udp:192.0.2.11:5060", "tcp:192.0.2.10:5060", "tcp:192.0.2.11:5060"}
			for range 5 {
				require.Equal(w.t, want, w.hops("sip:flaga.example.com"))
			}
			require.Len(w.t, w.server.Queries(), 3, "the rest came from the cache")
		}},
		{"SRV obeys the order of transports of the caller", Config{Transports: []string{"tcp", "udp"}}, func(w *world) {
			require.Equal(w.t, []string{"tcp:192.0.2.20:5060", "udp:192.0.2.20:5060"}, w.hops("sip:order.example.com"))
			r := New(Config{Servers: w.cfg.Servers, Hosts: "-", Dial: w.client.DialContext})
			defer r.Close()
			h, err := r.Walk(target("sip:order.example.com")).Next(w.t.Context())
			require.NoError(w.t, err)
			require.Equal(w.t, "udp:192.0.2.20:5060", h.String(), "whatever the priorities of different transports")
		}},
		{"priority, then weight, weight 0 last, canonical names", Config{}, func(w *world) {
			last := 0
			for range 200 {
				hops, err := w.all("sip:prio.example.com")
				require.NoError(w.t, err)
				require.Len(w.t, hops, 3)
				require.Equal(w.t, "p2.example.com", hops[2].Target)
				require.Equal(w.t, uint16(2), hops[2].Priority)
				if hops[1].Weight == 0 {
					require.Equal(w.t, "canon.example.com", hops[1].Target)
					last++
				}
			}
			require.GreaterOrEqual(w.t, last, 199, "it has one chance in 65,536")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(newWorld(t, c.cfg, sipZone)) })
		})
	}
}

// first returns the first hop.
func (w *world) first(uri string) Hop {
	w.t.Helper()
	h, err := w.Walk(target(uri)).Next(w.t.Context())
	require.NoError(w.t, err)
	return h
}

// ready walks to the end without waiting.
func ready(w *Walk) (out []string) {
	for {
		h, ok := w.Ready()
		if !ok {
			return out
		}
		out = append(out, h.String())
	}
}

// TestReadyFromCache: what is in the cache is had without waiting, from NAPTR to
// the addresses.
func TestReadyFromCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, sipZone)
		require.Empty(t, ready(w.Walk(target("sip:example.com"))), "nothing is known yet")
		want := w.hops("sip:example.com")
		asked := len(w.server.Queries())
		walk := w.Walk(target("sip:example.com"))
		require.Equal(t, want, ready(walk))
		require.True(t, walk.Exhausted())
		_, err := walk.Next(t.Context())
		require.Equal(t, io.EOF, err)
		require.Len(t, w.server.Queries(), asked)
		time.Sleep(301 * time.Second)
		require.Empty(t, ready(w.Walk(target("sip:example.com"))), "its time is over")
	})
}
