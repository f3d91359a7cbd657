package nta

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

const nameServer = "192.0.2.53:53"

// named is a client on 192.0.2.1 and 2001:db8::1 that asks a name server for
// example.com, and the servers it may find there.
type named struct {
	*world
	client *Agent
	dns    *dnstest.Server
	got    notes // what servers got: transport, address and method, each transaction once
	failed notes // of Trace.HopFailed
	seen   map[string]string
}

const soa = "$ORIGIN example.com.\n$TTL 60\n@ IN SOA ns host 1 3600 600 86400 30\n"

func (w *world) named(zone string, change ...func(*Config)) *named {
	w.t.Helper()
	n := &named{world: w, seen: make(map[string]string)}
	host := w.net.MustHost("client", "192.0.2.1", "2001:db8::1")
	dns := w.net.MustHost("dns", "192.0.2.53")
	var err error
	n.dns, err = dnstest.Start(dnstest.Config{Addr: nameServer, ListenPacket: dns.ListenPacket, Listen: dns.Listen}, soa+zone)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, n.dns.Close()) })
	resolver := sresolv.New(sresolv.Config{
		Servers: []netip.AddrPort{netip.MustParseAddrPort(nameServer)}, Hosts: "-", Dial: host.DialContext,
		Transports: []string{"udp", "tcp", "tls"},
		Open:       func(name string) (fs.File, error) { return fstest.MapFS{}.Open(name) },
	})
	w.t.Cleanup(func() { require.NoError(w.t, resolver.Close()) })
	cfg := Config{
		Transport: tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext, DialFrom: host.DialFrom},
		Resolver:  resolver,
		Trace: &Trace{HopFailed: func(m *msg.Message, hop sresolv.Hop, err error) {
			var refusal *sip.StatusError
			switch {
			case errors.As(err, &refusal):
				n.failed.add(fmt.Sprint(hop, " ", refusal.Response.Status()))
			default:
				n.failed.add(fmt.Sprint(hop, " ", err.(*TransactionError).Op))
			}
		}},
	}
	for _, c := range change {
		c(&cfg)
	}
	n.client, err = New(cfg)
	require.NoError(w.t, err)
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		for _, proto := range []string{"udp", "tcp"} {
			_, err = n.client.Listen(w.ctx(), tport.Name{Proto: proto, Host: addr, Port: 5060})
			require.NoError(w.t, err)
		}
	}
	w.agents = append(w.agents, n.client)
	return n
}

// noted has a server tell what comes: each transaction once, with a branch of
// its own, and a Via that fits the way it came (18.1.1).
func (n *named) noted(c *Config) {
	stateless := c.Stateless
	c.Stateless = func(a *Agent, d *tport.Delivery) Verdict {
		if req, ok := sip.AsRequest(d.Msg); ok {
			via, at := req.TopVia(), fmt.Sprint(d.Flow.Proto(), ":", d.To)
			n.got.mu.Lock()
			key := via.Branch() + " " + req.Method()
			if was, again := n.seen[key]; !again {
				n.seen[key] = at
				n.got.s = append(n.got.s, at+" "+req.Method())
			} else if was != at {
				n.t.Errorf("the branch of %s came to %s, too", was, at)
			}
			n.got.mu.Unlock()
			if want := strings.ToUpper(d.Flow.Proto()); via.Transport != want || via.Port != 5060 && want != "TLS" ||
				via.Host != "192.0.2.1" && via.Host != "2001:db8::1" {
				n.t.Errorf("Via %s by %s", via, want)
			}
		}
		if stateless != nil {
			return stateless(a, d)
		}
		return Continue
	}
}

// server makes one that answers with a status; 0: never.
func (n *named) server(addr string, status int, set ...msg.Setter) *Agent {
	return n.agent(hostAt(addr), addr, func(c *Config) {
		if status == 0 {
			c.Stateless = func(*Agent, *tport.Delivery) Verdict { return Drop }
		}
		n.noted(c)
		c.Receive = func(s *Step, in *Incoming) bool {
			if in.Request().Method() != sip.MethodAck {
				s.Reply(in, status, set...)
			}
			return true
		}
	})
}

// dead makes a host where nobody listens.
func (n *named) dead(addr string) { n.net.MustHost(hostAt(addr), addr) }

// result sends a request and waits for its end: the status, 0 for an error.
func (n *named) result(method, uri string, set ...msg.Setter) (int, error) {
	n.t.Helper()
	o, err := n.client.Send(n.request(method, uri, set...), SendConfig{})
	require.NoError(n.t, err)
	resp, err := o.Final(n.ctx())
	if resp.IsZero() {
		require.Error(n.t, err)
		return 0, err
	}
	return resp.Status(), err
}

// each gives a request every kind of failure in turn.
const eachKind = `
_sip._tcp SRV 0 0 5060 refused
_sip._udp SRV 0 0 5060 unreachable
_sip._udp SRV 1 0 5060 silent
_sip._udp SRV 2 0 5060 busy
_sip._udp SRV 3 0 5060 works
_sip._udp SRV 4 0 5060 never
@ NAPTR 0 0 "s" "SIP+D2T" "" _sip._tcp
@ NAPTR 1 0 "s" "SIP+D2U" "" _sip._udp
refused A 192.0.2.11
unreachable A 192.0.2.12
silent A 192.0.2.13
busy A 192.0.2.14
works A 192.0.2.15
never A 192.0.2.16
`

// L06, L07, X01–X14: a connection that is refused, a port that is unreachable, a
// hop that is silent and one that is out of service each send the request on to
// the next in the order of the resolver: a new transaction, with a branch and a
// Via of its own. What belongs to a hop goes to that hop.
func TestFailoverInOrder(t *testing.T) {
	for _, method := range []string{"OPTIONS", "INVITE"} {
		t.Run(method, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				n := w.named(eachKind)
				n.dead("192.0.2.11")
				n.dead("192.0.2.12")
				n.server("192.0.2.13", 0)
				n.server("192.0.2.14", 503)
				n.server("192.0.2.15", 486)
				n.server("192.0.2.16", 200)
				status, _ := n.result(method, "sip:bob@example.com")
				require.Equal(t, 486, status)
				require.Equal(t, []string{
					"tcp:192.0.2.11:5060 dial", "udp:192.0.2.12:5060 send", "udp:192.0.2.13:5060 wait", "udp:192.0.2.14:5060 503",
				}, n.failed.all())
				want := []string{"udp:192.0.2.13:5060 " + method, "udp:192.0.2.14:5060 " + method, "udp:192.0.2.15:5060 " + method}
				if method == "INVITE" { // 17.1.1.3: also to the one that was left
					want = append(want[:2], "udp:192.0.2.14:5060 ACK", want[2], "udp:192.0.2.15:5060 ACK")
				}
				require.ElementsMatch(t, want, n.got.all())
				s := n.client.Stats()
				require.EqualValues(t, 4, s.Failovers)
				require.EqualValues(t, 4, s.FailedHops)
				require.Less(t, w.at(), 34*sec, "only silence costs time")
			})
		})
	}
}

// RFC 3263 section 4.3, 8.1.3.1: when no hop is left, the user gets the 503, if
// there was one, or else why the last hop failed.
func TestFailoverBestFailure(t *testing.T) {
	for name, c := range map[string]struct {
		zone   string
		status int
		op     string
		as     int
	}{
		"503 last":         {"_sip._udp SRV 0 0 5060 dead\n_sip._udp SRV 1 0 5060 busy", 503, "", 503},
		"503 first":        {"_sip._udp SRV 0 0 5060 busy\n_sip._udp SRV 1 0 5060 dead", 503, "", 503},
		"503 then silence": {"_sip._udp SRV 0 0 5060 busy\n_sip._udp SRV 1 0 5060 silent", 503, "", 503},
		"silence last":     {"_sip._udp SRV 0 0 5060 dead\n_sip._udp SRV 1 0 5060 silent", 0, "wait", 408},
		"dead last":        {"_sip._udp SRV 0 0 5060 silent\n_sip._udp SRV 1 0 5060 dead", 0, "send", 503},
		"refused":          {"_sip._tcp SRV 0 0 5060 dead", 0, "dial", 503},
		"then no address":  {"_sip._udp SRV 0 0 5060 dead\n_sip._udp SRV 1 0 5060 nowhere", 0, "send", 503},
		"no address":       {"_sip._udp SRV 0 0 5060 nowhere", 0, "resolve", 503},
		"no service":       {"_sip._udp SRV 0 0 0 .", 0, "resolve", 503},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				n := w.named(c.zone + "\ndead A 192.0.2.9\nbusy A 192.0.2.8\nsilent A 192.0.2.7\n")
				n.dead("192.0.2.9")
				n.server("192.0.2.8", 503)
				n.server("192.0.2.7", 0)
				status, err := n.result("OPTIONS", "sip:bob@example.com")
				require.Equal(t, c.status, status)
				if c.status != 0 {
					return
				}
				var failure *TransactionError
				require.ErrorAs(t, err, &failure)
				require.Equal(t, c.op, failure.Op, "%v", err)
				require.Equal(t, c.as, failure.Status())
			})
		})
	}
}

// L08: a hop that failed comes last for the next requests: for 600 s, or for as
// long as the Retry-After of its 503, at most 600 s. A 503 without one is like a
// 500 (21.5.4). Once it has answered, it is as good as before.
func TestFailoverRemembers(t *testing.T) {
	const zone = "_sip._udp SRV 0 0 5060 one\n_sip._udp SRV 1 0 5060 two\none A 192.0.2.9\ntwo A 192.0.2.8\n"
	const one, two = "udp:192.0.2.9:5060 OPTIONS", "udp:192.0.2.8:5060 OPTIONS"
	for name, c := range map[string]struct {
		status int
		set    []msg.Setter
		lasts  time.Duration
	}{
		"503 with Retry-After":      {503, []msg.Setter{sip.RetryAfter.Text("20")}, 20 * sec},
		"503 with a long one":       {503, []msg.Setter{sip.RetryAfter.Text("100000 (gone fishing)")}, 600 * sec},
		"503 without":               {503, nil, 0},
		"503 with a Retry-After: 0": {503, []msg.Setter{sip.RetryAfter.Text("0")}, 0},
		"silence":                   {0, nil, 600 * sec},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				n := w.named(zone)
				n.server("192.0.2.9", c.status, c.set...)
				n.server("192.0.2.8", 200)
				ask := func() []string {
					w.sleep(ms) // another Call-ID
					before := len(n.got.all())
					_, err := n.result("OPTIONS", "sip:bob@example.com")
					require.NoError(t, err)
					return n.got.all()[before:]
				}
				require.Equal(t, []string{one, two}, ask())
				if c.lasts == 0 {
					require.Equal(t, []string{one, two}, ask())
					return
				}
				w.sleep(c.lasts - 2*sec)
				require.Equal(t, []string{two}, ask(), "still out of the way")
				w.sleep(3 * sec)
				require.Equal(t, []string{one, two}, ask(), "its time is over")
			})
		})
	}
	t.Run("works again", func(t *testing.T) {
		bubble(t, simnet.Config{}, func(w *world) {
			n := w.named(zone)
			n.dead("192.0.2.9")
			host := w.net.MustHost("two", "192.0.2.8")
			_, err := n.result("OPTIONS", "sip:bob@example.com")
			require.Error(t, err, "both are dead")
			p := w.peerOn(host, 5060)
			for range 2 {
				o, err := n.client.Send(n.request("OPTIONS", "sip:bob@example.com"), SendConfig{})
				require.NoError(t, err)
				p.reply(p.recv(), 200)
				_, err = o.Final(w.ctx())
				require.NoError(t, err)
			}
			require.EqualValues(t, 3, n.client.Stats().FailedHops, "the second request knows")
		})
	})
}

// hostAt names a host after its address.
func hostAt(addr string) string { return "at-" + strings.NewReplacer(".", "-", ":", "-").Replace(addr) }
