package nta

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// world is a virtual network with agents and scripted peers on it.
type world struct {
	t      *testing.T
	net    *simnet.Network
	start  time.Time
	agents []*Agent
}

// bubble runs f in a world of its own. When f returns, every agent must come to
// rest: no transaction, timer or goroutine is left once all timers have run.
func bubble(t *testing.T, cfg simnet.Config, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, net: simnet.New(cfg), start: time.Now()}
		defer w.net.Close()
		defer w.net.Report(t)
		f(w)
		time.Sleep(2 * 64 * DefaultT1)
		synctest.Wait()
		for _, a := range w.agents {
			s := a.Stats()
			require.Zero(t, s.Transactions, "transactions left")
			require.Zero(t, s.Unfinished, "unfinished transactions left")
			require.Zero(t, s.Timers, "timers left")
			require.Zero(t, s.Goroutines, "goroutines left")
			require.Zero(t, s.Panics)
			require.Zero(t, a.source.len(), "sources left")
			for _, sh := range a.shards {
				require.Empty(t, sh.servers)
				require.Empty(t, sh.merges)
				require.Empty(t, sh.acks)
				require.Empty(t, sh.forwards)
				require.Empty(t, sh.reliable)
				require.Empty(t, sh.clients)
				require.Empty(t, sh.streams)
				require.Empty(t, sh.peers)
				require.Empty(t, sh.pending)
			}
			require.NoError(t, a.Shutdown(t.Context()))
		}
	})
}

// agent makes an agent that listens on UDP and TCP, port 5060, of every address
// of a new host.
func (w *world) agent(name, addr string, change ...func(*Config)) *Agent {
	w.t.Helper()
	host := w.net.MustHost(name, addr)
	cfg := Config{
		Transport: tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext, DialFrom: host.DialFrom},
		Resolver:  sresolv.New(sresolv.Config{LookupNetIP: host.LookupNetIP}),
	}
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(cfg)
	require.NoError(w.t, err)
	for _, proto := range []string{"udp", "tcp"} {
		_, err = a.Listen(w.t.Context(), tport.Name{Proto: proto, Host: addr, Port: 5060})
		require.NoError(w.t, err)
	}
	w.agents = append(w.agents, a)
	return a
}

// at is the time since the world began.
func (w *world) at() time.Duration { return time.Since(w.start) }

// sleep lets time pass, and what it sets off come to rest.
func (w *world) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// arrival is a message that a peer got.
type arrival struct {
	at   time.Duration
	text string
	from netip.AddrPort
	m    *msg.Message
}

func (a arrival) first() string {
	line, _, _ := strings.Cut(a.text, "\r\n")
	return line
}

func (a arrival) req() sip.Request   { return sip.Request{Message: a.m} }
func (a arrival) resp() sip.Response { return sip.Response{Message: a.m} }

// peer is a scripted SIP element on UDP: it sends what it is told and notes
// what it gets, and when.
type peer struct {
	w    *world
	conn net.PacketConn
	addr netip.AddrPort
	// loose peers take messages that are not good: answers that copy what was bad.
	loose bool

	mu   sync.Mutex
	got  []arrival
	next int
}

func (w *world) peer(name, addr string) *peer {
	w.t.Helper()
	host := w.net.MustHost(name, addr)
	return w.peerOn(host, 5060)
}

func (w *world) peerOn(host *simnet.Host, port uint16) *peer {
	w.t.Helper()
	to := netip.AddrPortFrom(host.Addr(), port)
	conn, err := host.ListenPacket(w.t.Context(), "udp", to.String())
	require.NoError(w.t, err)
	p := &peer{w: w, conn: conn, addr: to}
	go p.read()
	return p
}

func (p *peer) read() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		text := string(buf[:n])
		m, err := sip.Parse(text)
		if err != nil && !p.loose {
			p.w.t.Errorf("peer got what is no good message: %v\n%s", err, text)
			continue
		}
		p.mu.Lock()
		p.got = append(p.got, arrival{p.w.at(), text, netip.MustParseAddrPort(from.String()), m})
		p.mu.Unlock()
	}
}

// send sends text to an agent; lines end in LF, and Content-Length is added.
func (p *peer) send(to string, text string) {
	p.w.t.Helper()
	_, err := p.conn.WriteTo([]byte(wire(text)), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
	require.NoError(p.w.t, err)
}

// wire makes a message of lines.
func wire(text string) string {
	head, body, _ := strings.Cut(strings.TrimLeft(text, "\n"), "\n\n")
	head = strings.ReplaceAll(strings.TrimSpace(head), "\n", "\r\n")
	if !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("\r\nContent-Length: %d", len(body))
	}
	return head + "\r\n\r\n" + body
}

// all returns what came so far, once everything has come to rest.
func (p *peer) all() []arrival {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got
}

// recv waits for the next message.
func (p *peer) recv() arrival {
	p.w.t.Helper()
	for range 1000 {
		synctest.Wait()
		p.mu.Lock()
		if p.next < len(p.got) {
			got := p.got[p.next]
			p.next++
			p.mu.Unlock()
			return got
		}
		p.mu.Unlock()
		time.Sleep(100 * time.Millisecond)
	}
	require.FailNow(p.w.t, "the peer waits in vain")
	return arrival{}
}

// quiet checks that nothing more has come.
func (p *peer) quiet(msgAndArgs ...any) {
	p.w.t.Helper()
	got := p.all()
	if p.next < len(got) {
		require.Fail(p.w.t, "the peer got "+got[p.next].first(), msgAndArgs...)
	}
}

// skip forgets what has come.
func (p *peer) skip() { p.next = len(p.all()) }

// reply answers a request that the peer got.
func (p *peer) reply(to arrival, status int, set ...msg.Setter) sip.Response {
	p.w.t.Helper()
	if status > 100 && to.req().ToTag() == "" {
		addr, err := to.req().To()
		require.NoError(p.w.t, err)
		set = append([]msg.Setter{sip.To.Set(addr.WithTag("peer"))}, set...)
	}
	resp, err := sip.NewResponse(to.req(), status, set...)
	require.NoError(p.w.t, err)
	p.put(to.from.String(), resp.Message)
	return resp
}

func (p *peer) put(to string, m *msg.Message) {
	p.w.t.Helper()
	_, err := p.conn.WriteTo([]byte(m.String()), net.UDPAddrFromAddrPort(netip.MustParseAddrPort(to)))
	require.NoError(p.w.t, err)
}

// request makes a request with everything that nta wants.
func (w *world) request(method, uri string, set ...msg.Setter) sip.Request {
	w.t.Helper()
	u, err := sip.ParseURI(uri)
	require.NoError(w.t, err)
	req, err := sip.NewRequest(method, u, append([]msg.Setter{
		sip.From.Text("<sip:alice@example.com>;tag=alice"),
		sip.To.Text("<sip:bob@example.com>"),
		sip.CallID.Text(fmt.Sprintf("call-%d@%s", w.at(), method)),
		sip.CSeq.Set(sip.Sequence{Seq: 7, Method: method}),
	}, set...)...)
	require.NoError(w.t, err)
	return req
}

// incoming is a request from a peer, as text.
func (p *peer) incoming(method, branch string, more ...string) string {
	contact := ""
	if method == "INVITE" {
		contact = fmt.Sprintf("Contact: <sip:peer@%s>\n", p.addr)
	}
	return fmt.Sprintf(`%s sip:bob@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP %s;branch=%s
From: <sip:peer@example.com>;tag=peer
To: <sip:bob@example.com>
Call-ID: incoming@example.com
CSeq: 1 %s
Max-Forwards: 70
%s%s`, method, p.addr, branch, method, contact, strings.Join(more, "\n"))
}

// edit changes lines of a message by their names.
func edit(text string, pairs ...string) string {
	for i := 0; i < len(pairs); i += 2 {
		lines := strings.Split(text, "\n")
		for j, l := range lines {
			if strings.HasPrefix(l, pairs[i]+":") {
				lines[j] = pairs[i] + ": " + pairs[i+1]
			}
		}
		text = strings.Join(lines, "\n")
	}
	return text
}

// times are the moments of the arrivals whose first line has a prefix.
func times(got []arrival, prefix string) (at []time.Duration) {
	for _, a := range got {
		if strings.HasPrefix(a.text, prefix) {
			at = append(at, a.at)
		}
	}
	return at
}

// onTime checks that each moment lies in [due, due + granularity).
func onTime(t *testing.T, granularity time.Duration, start time.Duration, due []time.Duration, at []time.Duration) {
	t.Helper()
	require.Len(t, at, len(due), "moments: %v", at)
	for i := range due {
		late := at[i] - start - due[i]
		require.GreaterOrEqual(t, late, time.Duration(0), "timer %d is early", i)
		if granularity == time.Millisecond {
			require.Zero(t, late, "timer %d is not exact", i)
		}
		require.Less(t, late, granularity, "timer %d is late", i)
	}
}

// grains runs a timer test with the default granularity and with 1 ms, where
// timers are exact. Both start off the grid of the wheel.
func grains(t *testing.T, f func(w *world, g time.Duration, tune func(*Config))) {
	for _, g := range []time.Duration{DefaultGranularity, time.Millisecond} {
		t.Run(g.String(), func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				f(w, g, func(c *Config) { c.Timers.Granularity = g })
			})
		})
	}
}

// ctx is a context that ends with the test.
func (w *world) ctx() context.Context { return w.t.Context() }

// notes is what user code has to tell to a test.
type notes struct {
	mu sync.Mutex
	s  []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.s = append(n.s, s)
}

func (n *notes) all() []string {
	synctest.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.s)
}

func mustAddr(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func netUDP(s string) *net.UDPAddr { return net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
