package tport

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

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport/simnet"
)

// testClass is a grammar that knows no more than this package needs.
func testClass() *msg.Class {
	return msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()})
}

// text is a request that says id and has a body.
func text(id, body string) string {
	return fmt.Sprintf("MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: %s\r\nContent-Length: %d\r\n\r\n%s", id, len(body), body)
}

const refusal = "SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n"

func parse(t testing.TB, s string) *msg.Message {
	t.Helper()
	m, err := msg.Parse(testClass(), s, msg.Limits{})
	require.NoError(t, err)
	return m
}

// idOf is what text was given.
func idOf(m *msg.Message) string {
	for v := range m.Values("X-ID") {
		return v
	}
	return ""
}

// node is a transport and what happened to it.
type node struct {
	*Transport
	t      testing.TB
	inbox  chan *Delivery
	failed chan failure
	opened chan *Flow
	closed chan failure
	drops  chan Drop
}

type failure struct {
	flow *Flow
	err  error
}

// newNode makes a transport on the network of the system, or on host.
func newNode(t testing.TB, host *simnet.Host, change ...func(*Config)) *node {
	t.Helper()
	n := &node{
		t: t, inbox: make(chan *Delivery, 4096), failed: make(chan failure, 4096),
		opened: make(chan *Flow, 4096), closed: make(chan failure, 4096), drops: make(chan Drop, 4096),
	}
	cfg := Config{
		Class:   testClass(),
		Deliver: func(d *Delivery) { n.inbox <- d },
		Failed:  func(f *Flow, err error) { n.failed <- failure{f, err} },
		Trace: &Trace{
			FlowOpened: func(f *Flow, _ bool) { n.opened <- f },
			FlowClosed: func(f *Flow, err error) { n.closed <- failure{f, err} },
			Dropped:    func(d Drop) { n.drops <- d },
		},
	}
	if host != nil {
		cfg.Listen, cfg.ListenPacket, cfg.Dial, cfg.DialFrom = host.Listen, host.ListenPacket, host.DialContext, host.DialFrom
	}
	for _, f := range change {
		f(&cfg)
	}
	var err error
	n.Transport, err = New(cfg)
	require.NoError(t, err)
	return n
}

// listen binds, to a port of the system's choice where port is 0.
func (n *node) listen(proto, host string, port uint16) *Primary {
	n.t.Helper()
	p, err := n.Listen(context.Background(), Name{Proto: proto, Host: host, Port: port})
	require.NoError(n.t, err)
	return p
}

func (n *node) dial(proto string, to netip.AddrPort) *Flow {
	n.t.Helper()
	f, err := n.Dial(context.Background(), nameOf(proto, to))
	require.NoError(n.t, err)
	return f
}

func nameOf(proto string, to netip.AddrPort) Name {
	return Name{Proto: proto, Host: to.Addr().String(), Port: to.Port()}
}

// get waits for the next value of c.
func get[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// none says that nothing is in c and, in a bubble, that nothing will come.
func none[T any](t testing.TB, c <-chan T) {
	t.Helper()
	select {
	case v := <-c:
		require.FailNow(t, "unexpected", "%+v", v)
	default:
	}
}

// next waits for the next message and returns its id too.
func (n *node) next() (*Delivery, string) {
	n.t.Helper()
	d := get(n.t, n.inbox)
	return d, idOf(d.Msg)
}

// onRealNet runs f with the loopback addresses that there are.
func onRealNet(t *testing.T, f func(t *testing.T, host string)) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			if l, err := net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
				t.Skip("no loopback address of this family: ", err)
			} else {
				l.Close()
			}
			f(t, host)
		})
	}
}

// real makes a transport on the loopback of the system, closed with the test.
func realNode(t testing.TB, change ...func(*Config)) *node {
	n := newNode(t, nil, change...)
	t.Cleanup(func() { n.Close() })
	return n
}

// bubble runs f in virtual time, with a network of two hosts.
func bubble(t *testing.T, f func(t *testing.T, v *virtual)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := &virtual{t: t, net: simnet.New(simnet.Config{Seed: 1})}
		v.alice = v.net.MustHost("alice", "192.0.2.1", "2001:db8::1")
		v.bob = v.net.MustHost("bob", "198.51.100.1", "198.51.100.2", "2001:db8::2")
		f(t, v)
		for _, n := range v.nodes {
			require.NoError(t, n.Close())
			s := n.Stats()
			require.Zero(t, s.Flows+s.Primaries+s.Dialling+s.Held+s.HalfOpen+s.Kept)
			require.Zero(t, s.Buffered)
			require.Zero(t, n.doomed.Load())
			require.Empty(t, n.pool)
			require.Empty(t, n.shared)
			require.Empty(t, n.sources)
			require.Zero(t, n.idle.Len())
		}
		for _, f := range v.closers {
			f()
		}
		v.net.Close()
	})
}

type virtual struct {
	t          *testing.T
	net        *simnet.Network
	alice, bob *simnet.Host
	nodes      []*node
	closers    []func()
}

func (v *virtual) node(h *simnet.Host, change ...func(*Config)) *node {
	n := newNode(v.t, h, change...)
	v.nodes = append(v.nodes, n)
	return n
}

// pair is a listening node at bob and an empty one at alice.
func (v *virtual) pair(change ...func(*Config)) (alice, bob *node, at netip.AddrPort) {
	alice, bob = v.node(v.alice), v.node(v.bob, change...)
	bob.listen(UDP, "198.51.100.1", 5060)
	return alice, bob, bob.listen(TCP, "198.51.100.1", 5060).Addr()
}

// connect makes a bare connection from alice.
func (v *virtual) connect(to netip.AddrPort) net.Conn {
	v.t.Helper()
	c, err := v.alice.DialContext(context.Background(), "tcp", to.String())
	require.NoError(v.t, err)
	return c
}

// write writes octets and lets them be read.
func write(t testing.TB, c net.Conn, s string) {
	t.Helper()
	_, err := c.Write([]byte(s))
	require.NoError(t, err)
}

// expect reads exactly want.
func expect(t testing.TB, c net.Conn, want string) {
	t.Helper()
	b := make([]byte, len(want))
	n := 0
	for n < len(b) {
		m, err := c.Read(b[n:])
		n += m
		if err != nil {
			require.NoError(t, err, "read %q, want %q", b[:n], want)
		}
	}
	require.Equal(t, want, string(b))
}

// pad is a string of n octets.
func pad(n int) string { return strings.Repeat("x", n) }
