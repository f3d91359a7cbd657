package nta

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// What the resolver gives, in its order, is where a request goes (RFC 3263
// section 4): the list of test_nta. one is dead unless it is said to be busy.
func TestFailoverResolve(t *testing.T) {
	const (
		both   = "one A 192.0.2.9\ntwo A 192.0.2.8\n"
		naptr  = "@ NAPTR 10 0 \"s\" \"SIP+D2T\" \"\" _sip._tcp\n@ NAPTR 20 0 \"s\" \"SIP+D2U\" \"\" _sip._udp\n"
		target = "sip:bob@example.com"
		two    = "udp:192.0.2.8:5060 OPTIONS"
		twoTCP = "tcp:192.0.2.8:5060 OPTIONS"
	)
	for name, c := range map[string]struct {
		zone   string
		uri    string
		busy   bool // one answers 503
		failed []string
		got    []string
		asked  []string // where that matters
	}{
		"NAPTR and SRV": {
			zone:   naptr + "_sip._tcp SRV 0 0 5060 one\n_sip._udp SRV 0 0 5060 two\n" + both,
			failed: []string{"tcp:192.0.2.9:5060 dial"}, got: []string{two},
		},
		"SRV only": {
			zone:   "_sip._udp SRV 5 0 5070 one\n_sip._tcp SRV 0 0 5060 two\n_sip._udp SRV 9 0 5060 two\n" + both,
			failed: []string{"udp:192.0.2.9:5070 send"}, got: []string{two},
		},
		"A and AAAA": {
			zone:   "@ A 192.0.2.8\n@ AAAA 2001:db8::9\n",
			failed: []string{"udp:[2001:db8::9]:5060 send"}, got: []string{two},
		},
		"first target dead": {
			zone:   "_sip._tcp SRV 0 0 5060 one\n_sip._tcp SRV 1 0 5060 two\n" + both,
			failed: []string{"tcp:192.0.2.9:5060 dial"}, got: []string{twoTCP},
		},
		"first target 503": {
			zone: "_sip._udp SRV 0 0 5060 one\n_sip._udp SRV 1 0 5060 two\n" + both, busy: true,
			failed: []string{"udp:192.0.2.9:5060 503"}, got: []string{"udp:192.0.2.9:5060 OPTIONS", two},
		},
		"NAPTR, and a name without address": {
			zone: naptr + "_sip._tcp SRV 0 0 5060 nowhere\n_sip._udp SRV 0 0 5060 two\n" + both,
			got:  []string{two},
		},
		"NAPTR to an SRV that is not there": {
			zone: naptr + "_sip._udp SRV 0 0 5060 two\n" + both,
			got:  []string{two},
		},
		"transport picks SRV": {
			zone: "_sip._udp SRV 0 0 5060 one\n_sip._tcp SRV 0 0 5060 two\n" + both, uri: target + ";transport=tcp",
			got: []string{twoTCP}, asked: []string{"SRV _sip._tcp.example.com", "A two.example.com", "AAAA two.example.com"},
		},
		"port, so no SRV": {
			zone: "@ A 192.0.2.8\n_sip._udp SRV 0 0 5070 one\n" + both, uri: target + ":5060",
			got: []string{two}, asked: []string{"A example.com", "AAAA example.com"},
		},
		"NAPTR with flag a": {
			zone:   "@ NAPTR 10 0 \"a\" \"SIP+D2T\" \"\" one\n@ NAPTR 20 0 \"a\" \"SIP+D2U\" \"\" two\n" + both,
			failed: []string{"tcp:192.0.2.9:5060 dial"}, got: []string{two},
		},
		"several A, the first dead": {
			zone:   "@ A 192.0.2.9\n@ A 192.0.2.200\n@ A 192.0.2.8\n",
			failed: []string{"udp:192.0.2.9:5060 send", "udp:192.0.2.200:5060 send"}, got: []string{two},
		},
		"CNAME": {
			zone: "_sip._udp.alias CNAME _sip._udp.real\n_sip._udp.real SRV 0 0 5060 www\nwww CNAME two\n" + both, uri: "sip:bob@alias.example.com",
			got: []string{two},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				n := w.named(c.zone)
				if c.busy {
					n.server("192.0.2.9", 503)
				} else {
					w.net.MustHost("one", "192.0.2.9", "2001:db8::9", "192.0.2.200")
				}
				n.server("192.0.2.8", 200)
				if c.uri == "" {
					c.uri = target
				}
				status, err := n.result("OPTIONS", c.uri)
				require.NoError(t, err)
				require.Equal(t, 200, status)
				if name == "several A, the first dead" { // among equals the order is that of the answer
					require.Subset(t, c.failed, n.failed.all())
				} else {
					require.Equal(t, c.failed, n.failed.all())
				}
				require.Equal(t, c.got, n.got.all())
				if c.asked != nil {
					require.ElementsMatch(t, c.asked, n.dns.Asked())
				}
			})
		})
	}
}

// L10: sips goes over TLS only, to the next hop, too, which must prove the
// domain that was asked for and not the name of the SRV record.
func TestFailoverSIPS(t *testing.T) {
	for name, c := range map[string]struct {
		names  []string // of the second hop's certificate
		status int
	}{
		"domain": {[]string{"example.com"}, 200},
		"target": {[]string{"two.example.com"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				ca := simnet.NewAuthority("authority")
				n := w.named(`
@ NAPTR 10 0 "s" "SIP+D2U" "" _sip._udp
@ NAPTR 20 0 "s" "SIPS+D2T" "" _sips._tcp
_sip._udp SRV 0 0 5060 two
_sips._tcp SRV 0 0 5061 one
_sips._tcp SRV 1 0 5061 two
one A 192.0.2.9
two A 192.0.2.8
`, func(c *Config) { c.Transport.TLS = &tls.Config{RootCAs: ca.Pool()} })
				n.dead("192.0.2.9")
				w.secured(ca, "two", "192.0.2.8", c.names, n.noted, func(c *Config) {
					c.Resolver = sresolv.New(sresolv.Config{Transports: []string{"tls"}})
					c.Serve = func(in *Incoming) {
						require.Equal(t, tport.TLS, in.Flow().Proto())
						in.Reply(200)
					}
				})
				status, err := n.result("OPTIONS", "sips:bob@example.com")
				require.Equal(t, c.status, status, "%v", err)
				require.Equal(t, "tls:192.0.2.9:5061 dial", n.failed.all()[0])
				if status == 0 {
					require.ErrorIs(t, err, tport.ErrUntrusted)
					require.Empty(t, n.got.all())
				}
			})
		})
	}
}
