package sresolv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

const recordZone = `
$ORIGIN rec.test.
$TTL 60
@ SOA ns host 7 3600 600 86400 20
@ NS ns
ns A 192.0.2.53
a A 192.0.2.10
a A 192.0.2.11
a TXT "one" "t\"wo"
aaaa AAAA 2001:db8::10
alias CNAME a
_sip._udp SRV 20 1 5060 a
_sip._udp SRV 10 9 5060 aaaa
@ NAPTR 20 1 "s" "SIP+D2U" "" _sip._udp
@ NAPTR 10 2 "u" "E2U+sip" "!^\\+(.*)$!sip:\\1@rec.test!" .
@ NAPTR 10 1 "S" "SIP+D2T" "" _sip._tcp
host.sub A 192.0.2.12
short A 192.0.2.13
$ORIGIN 2.0.192.in-addr.arpa.
@ SOA ns.rec.test. host.rec.test. 7 3600 600 86400 20
10 PTR a.rec.test.
$ORIGIN 0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.
@ SOA ns.rec.test. host.rec.test. 7 3600 600 86400 20
0.1.0.0.0.0.0.0 PTR aaaa.rec.test.
`

// TestSresolv is the list of test_sresolv and torture_sresolv of Sofia-SIP. A6
// records are left out: RFC 6563 has made them historic.
func TestSresolv(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  Config
		test func(t *testing.T, w *world)
	}{
		{"names too long are rejected", Config{}, func(t *testing.T, w *world) {
			for _, n := range []string{strings.Repeat("a.", 512) + "a", strings.Repeat("a", 64) + ".test", "", ".", "a..b", "a b.test"} {
				_, err := w.Lookup(t.Context(), n, TypeA)
				require.ErrorIs(t, err, ErrBadTarget, n)
			}
			require.Empty(t, w.server.Queries())
		}},
		{"final dot and search list", Config{Search: []string{"none.test", "sub.rec.test", "Rec.Test."}}, func(t *testing.T, w *world) {
			rs, err := w.Lookup(t.Context(), "host", TypeA)
			require.ErrorIs(t, err, ErrServers, "none.test is refused, and that is no answer")
			require.Empty(t, rs)
			require.NoError(t, w.server.Add("none.test. 60 IN SOA ns. h. 1 1 1 1 1"))
			rs, err = w.Lookup(t.Context(), "host", TypeA)
			require.NoError(t, err)
			require.Equal(t, "host.sub.rec.test", rs[0].Name)
			rs, err = w.Lookup(t.Context(), "SHORT", TypeA)
			require.NoError(t, err)
			require.Equal(t, "short.rec.test", rs[0].Name)
			w.server.Reset()
			_, err = w.Lookup(t.Context(), "short.", TypeA)
			require.ErrorIs(t, err, ErrServers)
			require.Equal(t, "A short", w.server.Asked()[0], "as it is, and nowhere else")
			require.Equal(t, []string{"udp:192.0.2.13:5060", "tcp:192.0.2.13:5060"}, w.hops("sip:short"))
			require.Equal(t, "short", w.first("sip:short").Name)
		}},
		{"no name is not no record", Config{}, func(t *testing.T, w *world) {
			_, err := w.Lookup(t.Context(), "absent.rec.test", TypeA)
			require.ErrorIs(t, err, ErrNotFound)
			require.NotErrorIs(t, err, ErrNoData)
			_, err = w.Lookup(t.Context(), "a.rec.test", TypeAAAA)
			require.ErrorIs(t, err, ErrNoData)
			require.ErrorIs(t, err, ErrNotFound)
			_, err = w.Lookup(t.Context(), "sub.rec.test", TypeA)
			require.ErrorIs(t, err, ErrNoData, "an empty name")
		}},
		{"absence is kept as long as the SOA record says", Config{}, func(t *testing.T, w *world) {
			for i, wait := range []time.Duration{0, 20*time.Second - time.Millisecond, time.Millisecond} {
				time.Sleep(wait)
				_, err := w.Lookup(t.Context(), "a.rec.test", TypeAAAA)
				require.ErrorIs(t, err, ErrNoData)
				require.Len(t, w.server.Queries(), 1+i/2)
			}
		}},
		{"each type", Config{}, func(t *testing.T, w *world) {
			get := func(name string, typ Type) []Record {
				rs, err := w.Lookup(t.Context(), name, typ)
				require.NoError(t, err, "%s %v", name, typ)
				return rs
			}
			require.Equal(t, Record{Name: "a.rec.test", Type: TypeA, TTL: time.Minute, Addr: netip.MustParseAddr("192.0.2.10")}, get("A.rec.test", TypeA)[0])
			require.Equal(t, "2001:db8::10", get("aaaa.rec.test", TypeAAAA)[0].Addr.String())
			require.Equal(t, "a.rec.test", get("alias.rec.test", TypeCNAME)[0].Target)
			require.Equal(t, "a.rec.test", get("alias.rec.test", TypeA)[1].Name, "an alias is followed")
			require.Equal(t, "ns.rec.test", get("rec.test", TypeNS)[0].Target)
			soa := get("rec.test", TypeSOA)[0]
			require.Equal(t, "ns.rec.test", soa.Target)
			require.Equal(t, 20*time.Second, soa.Minimum)
			require.Equal(t, `"one" "t\"wo"`, get("a.rec.test", TypeTXT)[0].Text)
			require.Len(t, get("a.rec.test", TypeANY), 3)
			require.Equal(t, "a.rec.test", get("10.2.0.192.in-addr.arpa", TypePTR)[0].Target)
			require.Equal(t, "NAPTR", TypeNAPTR.String())
			require.Equal(t, "TYPE65000", Type(65000).String())
		}},
		{"PTR by address", Config{}, func(t *testing.T, w *world) {
			names, err := w.LookupAddr(t.Context(), netip.MustParseAddr("::ffff:192.0.2.10"))
			require.NoError(t, err)
			require.Equal(t, []string{"a.rec.test"}, names)
			names, err = w.LookupAddr(t.Context(), netip.MustParseAddr("2001:db8::10"))
			require.NoError(t, err)
			require.Equal(t, []string{"aaaa.rec.test"}, names)
			_, err = w.LookupAddr(t.Context(), netip.MustParseAddr("192.0.2.99"))
			require.ErrorIs(t, err, ErrNotFound)
			_, err = w.LookupAddr(t.Context(), netip.Addr{})
			require.ErrorIs(t, err, ErrBadTarget)
		}},
		{"order of records", Config{}, func(t *testing.T, w *world) {
			rs, err := w.Lookup(t.Context(), "rec.test", TypeNAPTR)
			require.NoError(t, err)
			var services []string
			for _, rec := range rs {
				services = append(services, rec.NAPTR.Service)
			}
			require.Equal(t, []string{"SIP+D2T", "E2U+sip", "SIP+D2U"}, services)
			require.Equal(t, `!^\+(.*)$!sip:\1@rec.test!`, rs[1].NAPTR.Regexp)
			require.Equal(t, ".", rs[1].NAPTR.Replacement)
			rs, err = w.Lookup(t.Context(), "_sip._udp.rec.test", TypeSRV)
			require.NoError(t, err)
			require.Equal(t, SRV{10, 9, 5060, "aaaa.rec.test"}, rs[0].SRV)
		}},
		{"answers are used again, and are the caller's", Config{}, func(t *testing.T, w *world) {
			for range 3 {
				rs, err := w.Lookup(t.Context(), "a.rec.test", TypeA)
				require.NoError(t, err)
				require.Equal(t, "192.0.2.10", rs[0].Addr.String())
				rs[0].Addr = netip.Addr{}
			}
			require.Len(t, w.server.Queries(), 1)
			require.EqualValues(t, 2, w.Stats().CacheHits)
		}},
		{"the search list is answered from the cache", Config{Search: []string{"sub.rec.test", "rec.test"}}, func(t *testing.T, w *world) {
			for range 3 {
				_, err := w.Lookup(t.Context(), "short", TypeA)
				require.NoError(t, err)
				require.Len(t, w.server.Queries(), 2)
			}
		}},
		{"nothing is left when its time is over", Config{}, func(t *testing.T, w *world) {
			_, err := w.Lookup(t.Context(), "a.rec.test", TypeA)
			require.NoError(t, err)
			require.Equal(t, 1, w.Stats().Cached)
			time.Sleep(time.Minute)
			_, ok := w.peek(question{"a.rec.test", TypeA})
			require.False(t, ok)
			require.Zero(t, w.Stats().Cached)
		}},
		{"a query given up", Config{}, func(t *testing.T, w *world) {
			w.server.Script(dnstest.Rule{Delay: time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			_, err := w.Lookup(ctx, "a.rec.test", TypeA)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			time.Sleep(time.Second)
			synctest.Wait()
			_, ok := w.peek(question{"a.rec.test", TypeA})
			require.True(t, ok, "the answer came nevertheless")
		}},
		{"one question is on its way once", Config{MaxPending: 1}, func(t *testing.T, w *world) {
			w.server.Script(dnstest.Rule{Delay: time.Second})
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					_, err := w.Lookup(t.Context(), "a.rec.test", TypeA)
					require.NoError(t, err)
				})
			}
			synctest.Wait()
			_, err := w.Lookup(t.Context(), "aaaa.rec.test", TypeA)
			require.ErrorIs(t, err, ErrBusy)
			wg.Wait()
			require.Len(t, w.server.Queries(), 1)
		}},
		{"the cache is bounded", Config{CacheSize: 3}, func(t *testing.T, w *world) {
			for i := range 10 {
				_, err := w.Lookup(t.Context(), fmt.Sprintf("n%d.rec.test", i), TypeA)
				require.ErrorIs(t, err, ErrNotFound)
				_, _ = w.Lookup(t.Context(), "n0.rec.test", TypeA)
			}
			require.Equal(t, 3, w.Stats().Cached)
			require.Len(t, w.server.Queries(), 10, "what is used stays")
		}},
		{"no cache", Config{CacheSize: -1}, func(t *testing.T, w *world) {
			for range 3 {
				_, err := w.Lookup(t.Context(), "a.rec.test", TypeA)
				require.NoError(t, err)
			}
			require.Len(t, w.server.Queries(), 3)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.test(t, newWorld(t, c.cfg, recordZone)) })
		})
	}
}

// files are a resolv.conf and a hosts file that can be changed.
type files struct {
	mu    sync.Mutex
	fs    fstest.MapFS
	opens int
}

func (f *files) set(name, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fs == nil {
		f.fs = fstest.MapFS{}
	}
	f.fs[name] = &fstest.MapFile{Data: []byte(text), ModTime: time.Now()}
}

func (f *files) open(name string) (fs.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opens++
	return f.fs.Open(name)
}

// TestResolvConf: the file says which servers are asked, and is read again when
// it has changed.
func TestResolvConf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &files{}
		f.set("conf", "nameserver 192.0.2.52\n")
		w := newWorld(t, Config{ResolvConf: "conf", Hosts: "hosts", Open: f.open}, recordZone)
		other := w.serve(w.net.MustHost("other", "192.0.2.52"), "192.0.2.52:53", "a.rec.test. 60 IN A 192.0.2.99\nrec.test. 60 IN SOA ns. h. 1 1 1 1 1")
		get := func() string {
			rs, err := w.Lookup(t.Context(), "a.rec.test", TypeA)
			require.NoError(t, err)
			return rs[0].Addr.String()
		}
		require.Equal(t, "192.0.2.99", get())
		require.Empty(t, w.server.Queries())
		time.Sleep(time.Millisecond)
		f.set("conf", "nameserver 192.0.2.53\n")
		require.Equal(t, "192.0.2.99", get(), "it is looked at once a second")
		time.Sleep(time.Second)
		require.Equal(t, "192.0.2.10", get(), "another server is asked, and answers of the first are forgotten")
		require.Len(t, other.Queries(), 1)
		opens := f.opens
		for range 100 {
			get()
		}
		require.Equal(t, opens, f.opens)
		f.mu.Lock()
		delete(f.fs, "conf")
		f.mu.Unlock()
		time.Sleep(time.Minute)
		require.Equal(t, "192.0.2.10", get(), "a file that is gone leaves things as they were")
	})
}

// TestHosts: the hosts file goes before the DNS, for walks too.
func TestHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &files{}
		f.set("hosts", "192.0.2.70 a.rec.test pbx # ours\n2001:db8::70 PBX.\nnonsense x\n")
		w := newWorld(t, Config{Hosts: "hosts", Open: f.open}, recordZone)
		require.Equal(t, []string{"udp:[2001:db8::70]:5060", "udp:192.0.2.70:5060", "tcp:[2001:db8::70]:5060", "tcp:192.0.2.70:5060"}, w.hops("sip:pbx"))
		require.Equal(t, []string{"tls:192.0.2.70:5061"}, w.hops("sips:A.rec.test"))
		require.Equal(t, []string{"udp:[::1]:9", "udp:127.0.0.1:9"}, w.hops("sip:localhost:9"))
		w.fails("sip:x.invalid", ErrNotFound)
		require.Empty(t, w.server.Queries())
		_, err := w.Lookup(t.Context(), "a.rec.test", TypeAAAA)
		require.ErrorIs(t, err, ErrNoData)
		require.NotEmpty(t, w.hops("sip:x.sub.rec.test;maddr=aaaa.rec.test"))
		f.set("hosts", "192.0.2.71 pbx\n")
		time.Sleep(time.Second)
		require.Equal(t, []string{"udp:192.0.2.71:5060", "tcp:192.0.2.71:5060"}, w.hops("sip:pbx"))
	})
}

func TestParseConf(t *testing.T) {
	c := parseConf([]byte(`
# comment
; comment
nameserver 192.0.2.1 # the first
nameserver fe80::1%eth0
nameserver [2001:db8::1]:5353
nameserver not.an.address
port 5300
nameserver 192.0.2.2
domain one.test
search Two.test. bad..name three.test
options ndots:3 timeout:7 attempts:4 rotate no-edns0 inet6 debug
`))
	var servers []string
	for _, s := range c.servers {
		servers = append(servers, s.String())
	}
	require.Equal(t, []string{"192.0.2.1:5300", "[fe80::1%eth0]:5300", "[2001:db8::1]:5353", "192.0.2.2:5300"}, servers)
	c.servers = nil
	require.Equal(t, conf{search: []string{"two.test", "three.test"}, ndots: 3, timeout: 7 * time.Second, attempts: 4, rotate: true, noEDNS: true}, c)
	for _, bad := range []string{"", "\x00\xff\n", "options ndots:x timeout: attempts:-1\nnameserver", strings.Repeat("nameserver 192.0.2.1\n", 99), strings.Repeat("x", 1<<17)} {
		c = parseConf([]byte(bad))
		require.NotEmpty(t, c.servers)
		require.LessOrEqual(t, len(c.servers), maxServers)
		require.Equal(t, 1, c.ndots)
	}
	full := Config{Servers: []netip.AddrPort{local}, Search: []string{"x.test"}, Ndots: 2, ServerTimeout: time.Second, Attempts: 1, Rotate: true, NoEDNS: true}
	require.Equal(t, conf{servers: []netip.AddrPort{local}, search: []string{"x.test"}, ndots: 2, timeout: time.Second, attempts: 1, rotate: true, noEDNS: true}, full.overlay(c))
}

// TestOwnFunctions: with functions of the user's no name server is asked.
func TestOwnFunctions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := errors.New("directory is down")
		r := New(Config{
			Transports: []string{"udp", "tcp", "tls"},
			Dial:       func(context.Context, string, string) (net.Conn, error) { t.Error("dialled"); return nil, failure },
			Open:       func(string) (fs.File, error) { t.Error("opened"); return nil, failure },
			LookupNAPTR: func(_ context.Context, name string) ([]NAPTR, error) {
				if name == "down.test" {
					return nil, failure
				}
				if name != "x.test" {
					return nil, nil
				}
				return []NAPTR{{20, 1, "s", "SIP+D2U", "", "_sip._udp.X.test."}, {10, 1, "s", "SIP+D2T", "", "_sip._tcp.x.test"}}, nil
			},
			LookupSRV: func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
				require.Empty(t, service+proto)
				if name == "_sip._udp.x.test" || name == "_sip._tcp.x.test" {
					return name, []*net.SRV{{Target: "B.test.", Port: 2, Priority: 2}, nil, {Target: "a.test.", Port: 1, Priority: 1}}, nil
				}
				return "", nil, &net.DNSError{IsNotFound: true}
			},
			LookupNetIP: func(_ context.Context, _, host string) ([]netip.Addr, error) {
				if host == "none.test" || host == "down.test" {
					return nil, &net.DNSError{IsNotFound: true}
				}
				return []netip.Addr{netip.MustParseAddr("192.0.2." + map[string]string{"a.test": "1", "b.test": "2"}[host])}, nil
			},
		})
		defer r.Close()
		require.Equal(t, []string{"tcp:192.0.2.1:1", "tcp:192.0.2.2:2", "udp:192.0.2.1:1", "udp:192.0.2.2:2"}, collect(t, r.Walk(target("sip:x.test"))))
		_, err := r.Walk(target("sip:none.test")).Next(t.Context())
		require.ErrorIs(t, err, ErrNotFound)
		_, err = r.Walk(target("sip:down.test")).Next(t.Context())
		require.ErrorIs(t, err, failure)
		rs, err := r.Lookup(t.Context(), "a.test", TypeA)
		require.NoError(t, err)
		require.Equal(t, TypeA, rs[0].Type)
		_, err = r.Lookup(t.Context(), "a.test", TypeAAAA)
		require.ErrorIs(t, err, ErrNoData)
		_, err = r.Lookup(t.Context(), "a.test", TypeTXT)
		require.ErrorIs(t, err, ErrNotFound)
	})
}

// TestRealSockets: the default of Config.Dial, on the loopback of this host.
func TestRealSockets(t *testing.T) {
	s, err := dnstest.Start(dnstest.Config{}, recordZone)
	require.NoError(t, err)
	defer s.Close()
	s.Script(dnstest.Rule{Network: "udp", Type: "SRV", Truncate: true})
	r := New(Config{Servers: []netip.AddrPort{s.Addr()}, Hosts: "-"})
	defer r.Close()
	for _, typ := range []Type{TypeA, TypeNAPTR, TypeSOA} {
		_, err := r.Lookup(t.Context(), "rec.test", typ)
		require.True(t, err == nil || errors.Is(err, ErrNoData), "%v", err)
	}
	_, err = r.Lookup(t.Context(), "_sip._udp.rec.test", TypeSRV)
	require.NoError(t, err)
	for _, q := range s.Queries() {
		if q.Network == "udp" {
			require.GreaterOrEqual(t, q.From.Port(), uint16(1024))
		}
	}
	require.GreaterOrEqual(t, r.Stats().Queries, uint64(5))
}
