package simnet_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { leak.Main(m) }

var background = context.Background()

// pair is the network most tests need: alice and bob on one link.
type pair struct {
	*simnet.Network
	t          *testing.T
	alice, bob *simnet.Host
}

// inBubble runs f in a bubble on a network that is closed afterwards.
func inBubble(t *testing.T, cfg simnet.Config, f func(t *testing.T, p pair)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(cfg)
		defer n.Close()
		defer n.Report(t)
		f(t, pair{n, t, n.MustHost("alice", "192.0.2.1", "2001:db8::1"), n.MustHost("bob", "192.0.2.2", "2001:db8::2")})
	})
}

func (p pair) udp(h *simnet.Host, address string) *simnet.PacketConn {
	p.t.Helper()
	s, err := h.ListenPacket(background, "udp", address)
	require.NoError(p.t, err)
	return s.(*simnet.PacketConn)
}

func (p pair) listen(address string) *simnet.Listener {
	p.t.Helper()
	l, err := p.bob.Listen(background, "tcp", address)
	require.NoError(p.t, err)
	return l.(*simnet.Listener)
}

func (p pair) dial(network, address string) net.Conn {
	p.t.Helper()
	c, err := p.alice.DialContext(background, network, address)
	require.NoError(p.t, err)
	return c
}

// connect returns the two ends of a connection from alice to bob.
func (p pair) connect() (a, b *simnet.Conn) {
	p.t.Helper()
	l := p.listen(":5060")
	defer l.Close()
	a = p.dial("tcp", "bob:5060").(*simnet.Conn)
	c, err := l.Accept()
	require.NoError(p.t, err)
	return a, c.(*simnet.Conn)
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	n, err := c.Write([]byte(s))
	require.NoError(t, err)
	require.Equal(t, len(s), n)
}

func read(t *testing.T, c net.Conn) string {
	t.Helper()
	b := make([]byte, 65536)
	n, err := c.Read(b)
	require.NoError(t, err)
	return string(b[:n])
}

// elapsed runs f and returns how long it took on the clock of the bubble.
func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func addrPort(t *testing.T, s string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddrPort(s)
	require.NoError(t, err)
	return a
}
