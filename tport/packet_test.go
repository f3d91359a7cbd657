package tport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func readers(n int) func(*Config) { return func(c *Config) { c.Readers = n } }

// T07: UDP is listened on at the port given. Several sockets share the port, also
// one that the system chose; each peer stays with one of them and its messages in
// order, and every answer comes from the address that was asked.
func TestUDPReaders(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0", "*", "::1", "::"} {
		t.Run(host, func(t *testing.T) {
			const peers, each = 24, 20
			bob := realNode(t, readers(4))
			p := bob.listen(UDP, host, 0)
			sockets := *p.packet.sockets.Load()
			if canShare {
				require.Len(t, sockets, 4)
			}
			require.Equal(t, 1, bob.Stats().Primaries)
			to := "127.0.0.1"
			if p.Addr().Addr() == netip.IPv6Loopback() || host == "::" {
				to = "::1"
			}
			at := netip.AddrPortFrom(netip.MustParseAddr(to), p.Addr().Port())
			var conns []net.Conn
			for range peers {
				c, err := net.Dial("udp", at.String())
				require.NoError(t, err)
				defer c.Close()
				conns = append(conns, c)
			}
			for i := range each {
				for _, c := range conns {
					write(t, c, text(strconv.Itoa(i), ""))
				}
			}
			seen := map[netip.AddrPort]int{}
			by := map[*packetSocket]int{}
			for range peers * each {
				d, id := bob.next()
				require.Equal(t, strconv.Itoa(seen[d.From]), id)
				seen[d.From]++
				by[d.Flow.socket]++
				require.Equal(t, at, d.To)
				require.Equal(t, at, d.Flow.Local())
				require.NoError(t, d.Flow.Send(parse(t, refusal)))
			}
			require.Len(t, seen, peers)
			if canShare {
				require.Greater(t, len(by), 1)
			}
			for _, c := range conns {
				expect(t, c, refusal)
			}
			// What goes out first goes by one socket for each peer.
			f := bob.dial(UDP, addrPortOf(conns[0].LocalAddr()))
			require.Nil(t, f.socket)
			require.NoError(t, f.Send(parse(t, refusal)))
			expect(t, conns[0], refusal)
			require.NoError(t, p.Close())
			again := bob.listen(UDP, host, at.Port()) // all of them have let go
			require.Equal(t, at.Port(), again.Addr().Port())
		})
	}
}

// test_tport: a bind on a taken port fails, adds no primary and leaves the others
// as they are, however many sockets share the port.
func TestUDPAddressInUse(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		alice, bob := realNode(t, readers(4)), realNode(t, readers(4))
		p := bob.listen(UDP, host, 0)
		for _, n := range []*node{alice, bob} {
			_, err := n.Listen(context.Background(), nameOf(UDP, p.Addr()))
			require.ErrorIs(t, err, syscall.EADDRINUSE)
		}
		_, err := net.ListenPacket("udp", p.Addr().String())
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		require.Empty(t, alice.Primaries())
		require.Equal(t, []*Primary{p}, bob.Primaries())
		alice.listen(UDP, host, 0)
		require.NoError(t, alice.dial(UDP, p.Addr()).Send(parse(t, text("1", ""))))
		_, id := bob.next()
		require.Equal(t, "1", id)
	})
}

// test_tport: ports that the system chooses differ, and primaries are kept in the
// order of Listen.
func TestUDPEphemeralPorts(t *testing.T) {
	n := realNode(t)
	ports := map[uint16]bool{}
	var want []*Primary
	for range 5 {
		p := n.listen(UDP, "127.0.0.1", 0)
		require.NotZero(t, p.Addr().Port())
		ports[p.Addr().Port()] = true
		want = append(want, p)
	}
	require.Len(t, ports, 5)
	require.Equal(t, want, n.Primaries())
}

// A socket of the user's is the only one.
func TestUDPOwnSocket(t *testing.T) {
	n := realNode(t, readers(4), func(c *Config) { c.ListenPacket = new(net.ListenConfig).ListenPacket })
	p := n.listen(UDP, "127.0.0.1", 0)
	require.Len(t, *p.packet.sockets.Load(), 1)
	_, err := n.Listen(context.Background(), Name{Proto: UDP, Host: "127.0.0.1", Interface: "lo"})
	require.ErrorIs(t, err, ErrNoInterface)
}

// Rebinding leaves the primary, its address and its flows.
func TestUDPRebind(t *testing.T) {
	alice, bob := realNode(t, readers(2)), realNode(t, readers(2))
	at := bob.listen(UDP, "127.0.0.1", 0).Addr()
	p := alice.listen(UDP, "127.0.0.1", 0)
	f := alice.dial(UDP, at)
	for i := range 5 {
		require.NoError(t, f.Send(parse(t, text(fmt.Sprint(i), ""))))
		d, id := bob.next()
		require.Equal(t, fmt.Sprint(i), id)
		require.Equal(t, p.Addr(), d.From)
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		back, _ := alice.next()
		require.NoError(t, p.Rebind(t.Context()))
		require.NoError(t, back.Flow.Send(parse(t, text("old flow", ""))))
		_, id = bob.next()
		require.Equal(t, "old flow", id)
		require.NoError(t, p.Err())
	}
	require.Len(t, alice.Primaries(), 1)
	l := alice.listen(TCP, "127.0.0.1", 0)
	require.NoError(t, l.Rebind(t.Context()))
	require.NoError(t, p.Close())
	require.ErrorIs(t, p.Rebind(t.Context()), ErrClosed)
	require.NoError(t, alice.Close())
	require.ErrorIs(t, p.Rebind(t.Context()), ErrClosed)
}

// A primary whose address is taken meanwhile has no socket, and may get one again.
func TestUDPRebindFails(t *testing.T) {
	fail := errors.New("no such address")
	var broken bool
	n := realNode(t, func(c *Config) {
		c.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
			if broken {
				return nil, fail
			}
			return new(net.ListenConfig).ListenPacket(ctx, network, address)
		}
	})
	p := n.listen(UDP, "127.0.0.1", 0)
	f := n.dial(UDP, p.Addr())
	broken = true
	require.ErrorIs(t, p.Rebind(t.Context()), fail)
	require.ErrorIs(t, f.Send(parse(t, text("1", ""))), ErrUnbound)
	require.NoError(t, p.Err())
	broken = false
	require.NoError(t, p.Rebind(t.Context()))
	require.NoError(t, f.Send(parse(t, text("2", ""))))
	d, id := n.next()
	require.Equal(t, "2", id)
	require.Equal(t, p.Addr(), d.From)
}

// A datagram to everybody on the network is delivered once, and answered from
// the address of the interface it came by.
func TestUDPBroadcast(t *testing.T) {
	bob := realNode(t, readers(4))
	p := bob.listen(UDP, "0.0.0.0", 0)
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer c.Close()
	to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.255.255.255"), p.Addr().Port()))
	if _, err := c.WriteTo([]byte(text("1", "")), to); err != nil {
		t.Skip("the system does not broadcast on loopback: ", err)
	}
	d, id := bob.next()
	require.Equal(t, "1", id)
	require.NoError(t, d.Flow.Send(parse(t, refusal)))
	b := make([]byte, 1000)
	n, from, err := c.ReadFrom(b)
	require.NoError(t, err)
	require.Equal(t, refusal, string(b[:n]))
	require.Equal(t, d.Flow.Local(), addrPortOf(from))
	require.False(t, d.Flow.Local().Addr().IsUnspecified())
	// Another, so that copies of the first would have come before it.
	f := bob.dial(UDP, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.Addr().Port()))
	require.NoError(t, f.Send(parse(t, text("2", ""))))
	_, id = bob.next()
	require.Equal(t, "2", id)
	none(t, bob.inbox)
}

// Link-local addresses keep their zone both ways.
func TestUDPLinkLocal(t *testing.T) {
	addr := linkLocal(t)
	for _, host := range []string{addr.String(), "::", "*"} {
		t.Run(host, func(t *testing.T) {
			alice, bob := realNode(t), realNode(t, readers(2))
			alice.listen(UDP, addr.String(), 0)
			p := bob.listen(UDP, host, 0)
			at := netip.AddrPortFrom(addr, p.Addr().Port())
			f := alice.dial(UDP, at)
			require.NoError(t, f.Send(parse(t, text("1", ""))))
			d, _ := bob.next()
			require.Equal(t, f.Local(), d.From)
			require.Equal(t, at, d.To)
			require.Equal(t, at, d.Flow.Local())
			require.NoError(t, d.Flow.Send(parse(t, refusal)))
			back, _ := alice.next()
			require.Equal(t, at, back.From)
			// The same without a flow at hand.
			require.NoError(t, bob.dial(UDP, d.From).Send(parse(t, refusal)))
			back, _ = alice.next()
			require.Equal(t, at, back.From)
		})
	}
}

// linkLocal is a link-local address of this host, with its zone.
func linkLocal(t *testing.T) netip.Addr {
	t.Helper()
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			p, err := netip.ParsePrefix(a.String())
			if err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() && i.Flags&net.FlagUp != 0 {
				return p.Addr().WithZone(i.Name)
			}
		}
	}
	t.Skip("the host has no link-local address")
	return netip.Addr{}
}

func TestSpread(t *testing.T) {
	var used [8]int
	for i := range 8000 {
		a := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), uint16(1024+i/256))
		used[spread(a)%8]++
	}
	for _, n := range used {
		require.InDelta(t, 1000, n, 250)
	}
}
