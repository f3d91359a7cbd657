package simnet_test

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// natted is a host behind a NAT, and two outside.
type natted struct {
	pair
	nat    *simnet.NAT
	phone  *simnet.Host
	socket *simnet.PacketConn // of phone
}

func behind(t *testing.T, cfg simnet.NATConfig, f func(t *testing.T, n natted)) {
	t.Helper()
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		nat := p.MustNAT("router", cfg, "203.0.113.1")
		phone := nat.MustHost("phone", "192.168.0.2", "2001:db8:2::2")
		n := natted{pair: p, nat: nat, phone: phone}
		n.socket = n.udp(phone, ":5060")
		f(t, n)
	})
}

// send sends from the phone and returns where it seems to come from.
func (n natted) send(to *simnet.PacketConn, addr string) netip.AddrPort {
	n.t.Helper()
	_, err := n.socket.WriteToUDPAddrPort([]byte("out"), netip.MustParseAddrPort(addr))
	require.NoError(n.t, err)
	require.NoError(n.t, to.SetReadDeadline(time.Now().Add(time.Second)))
	b := make([]byte, 10)
	k, from, _, err := to.ReadFromTo(b)
	require.NoError(n.t, err)
	require.Equal(n.t, "out", string(b[:k]))
	return from
}

// arrives reports whether a datagram reaches the phone, and from whom.
func (n natted) arrives(from *simnet.PacketConn, to netip.AddrPort) (netip.AddrPort, bool) {
	n.t.Helper()
	_, err := from.WriteToUDPAddrPort([]byte("in"), to)
	require.NoError(n.t, err)
	require.NoError(n.t, n.socket.SetReadDeadline(time.Now().Add(time.Second)))
	b := make([]byte, 10)
	_, src, dst, err := n.socket.ReadFromTo(b)
	if err == nil {
		require.Equal(n.t, "192.168.0.2:5060", dst.String())
	} else {
		require.ErrorIs(n.t, err, os.ErrDeadlineExceeded)
	}
	return src, err == nil
}

// The nine kinds of NAT of RFC 4787: whether the public port is the same for
// another port and another address, and who may answer.
func TestNATKinds(t *testing.T) {
	const ei, ad, apd = simnet.EndpointIndependent, simnet.AddressDependent, simnet.AddressAndPortDependent
	for _, mapping := range []simnet.NATRule{ei, ad, apd} {
		for _, filtering := range []simnet.NATRule{ei, ad, apd} {
			behind(t, simnet.NATConfig{Mapping: mapping, Filtering: filtering}, func(t *testing.T, n natted) {
				bob1, bob2 := n.udp(n.bob, "192.0.2.2:1"), n.udp(n.bob, "192.0.2.2:2")
				alice := n.udp(n.alice, "192.0.2.1:1")

				public := n.send(bob1, "192.0.2.2:1")
				require.Equal(t, "203.0.113.1:20001", public.String())
				from, ok := n.arrives(bob1, public)
				require.True(t, ok)
				require.Equal(t, "192.0.2.2:1", from.String())
				_, ok = n.arrives(bob2, public)
				require.Equal(t, filtering != apd, ok, "another port")
				_, ok = n.arrives(alice, public)
				require.Equal(t, filtering == ei, ok, "another address")

				require.Equal(t, public, n.send(bob1, "192.0.2.2:1"))
				require.Equal(t, mapping != apd, n.send(bob2, "192.0.2.2:2") == public)
				require.Equal(t, mapping == ei, n.send(alice, "192.0.2.1:1") == public)
			})
		}
	}
}

func TestNATLifetime(t *testing.T) {
	for _, inbound := range []bool{false, true} {
		behind(t, simnet.NATConfig{UDPLifetime: 30 * time.Second, RefreshInbound: inbound}, func(t *testing.T, n natted) {
			bob := n.udp(n.bob, "192.0.2.2:1")
			public := n.send(bob, "192.0.2.2:1")
			time.Sleep(29 * time.Second)
			require.Equal(t, public, n.send(bob, "192.0.2.2:1")) // keeps it
			time.Sleep(29 * time.Second)
			_, ok := n.arrives(bob, public)
			require.True(t, ok)
			time.Sleep(2 * time.Second)
			_, ok = n.arrives(bob, public)
			require.Equal(t, inbound, ok)
			time.Sleep(time.Minute)
			require.Empty(t, n.nat.Mappings())
			_, ok = n.arrives(bob, public)
			require.False(t, ok)
			require.NotEqual(t, public, n.send(bob, "192.0.2.2:1"))
		})
	}
	behind(t, simnet.NATConfig{UDPLifetime: -1}, func(t *testing.T, n natted) {
		bob := n.udp(n.bob, "192.0.2.2:1")
		public := n.send(bob, "192.0.2.2:1")
		time.Sleep(1000 * time.Hour)
		_, ok := n.arrives(bob, public)
		require.True(t, ok)
		require.Equal(t, []simnet.NATMapping{{Network: "udp", Host: n.phone, Inside: addrPort(t, "192.168.0.2:5060"), Public: public, Expires: -1}}, n.nat.Mappings())
	})
}

func TestNATPreservesPorts(t *testing.T) {
	behind(t, simnet.NATConfig{PreservePorts: true}, func(t *testing.T, n natted) {
		bob := n.udp(n.bob, "192.0.2.2:1")
		require.Equal(t, "203.0.113.1:5060", n.send(bob, "192.0.2.2:1").String())
		other := natted{pair: n.pair, nat: n.nat, phone: n.nat.MustHost("other", "192.168.0.3")}
		other.socket = n.udp(other.phone, ":5060")
		require.Equal(t, "203.0.113.1:20001", other.send(bob, "192.0.2.2:1").String())
	})
}

// Hosts behind one NAT reach each other, also at the public address if the NAT
// can; hosts outside do not reach the private addresses, which may be taken twice.
func TestNATInside(t *testing.T) {
	for _, hairpin := range []bool{false, true} {
		behind(t, simnet.NATConfig{Hairpin: hairpin}, func(t *testing.T, n natted) {
			other := n.nat.MustHost("other", "192.168.0.3")
			socket := n.udp(other, ":5060")
			require.Equal(t, "192.168.0.2:5060", n.send(socket, "192.168.0.3:5060").String())
			bob := n.udp(n.bob, "192.0.2.2:1")
			public := n.send(bob, "192.0.2.2:1")
			from, ok := n.arrives(socket, public)
			require.Equal(t, hairpin, ok)
			if ok {
				require.Equal(t, "203.0.113.1:20002", from.String())
			}

			twin := n.MustNAT("second", simnet.NATConfig{}, "203.0.113.2").MustHost("twin", "192.168.0.2")
			far := natted{pair: n.pair, phone: twin, socket: n.udp(twin, ":5060")}
			require.Equal(t, "203.0.113.2:20001", far.send(bob, "192.0.2.2:1").String())
			_, ok = n.arrives(bob, addrPort(t, "192.168.0.2:5060"))
			require.False(t, ok)
			_, err := n.alice.DialContext(background, "tcp", "192.168.0.2:5060")
			require.ErrorIs(t, err, syscall.EHOSTUNREACH)
			_, err = n.nat.Host("third", netip.MustParseAddr("192.168.0.3"))
			require.ErrorIs(t, err, simnet.ErrHost)

			// The IPv6 address is a global one.
			bob6 := n.udp(n.bob, "[2001:db8::2]:1")
			_, err = n.socket.WriteToUDPAddrPort([]byte("six"), addrPort(t, "[2001:db8::2]:1"))
			require.NoError(t, err)
			b := make([]byte, 10)
			_, from, _, err = bob6.ReadFromTo(b)
			require.NoError(t, err)
			require.Equal(t, "[2001:db8:2::2]:5060", from.String())
		})
	}
}

// A port nobody listens on outside is told to the socket inside.
func TestNATUnreachable(t *testing.T) {
	behind(t, simnet.NATConfig{}, func(t *testing.T, n natted) {
		told := make(chan netip.AddrPort, 1)
		n.socket.OnUnreachable(func(to netip.AddrPort, err error) {
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			told <- to
		})
		_, err := n.socket.WriteToUDPAddrPort([]byte("x"), addrPort(t, "192.0.2.2:9"))
		require.NoError(t, err)
		require.Equal(t, "192.0.2.2:9", (<-told).String())
	})
}

func TestNATStreams(t *testing.T) {
	behind(t, simnet.NATConfig{TCPLifetime: time.Minute}, func(t *testing.T, n natted) {
		l := n.listen("192.0.2.2:5060")
		a, err := n.phone.DialContext(background, "tcp", "192.0.2.2:5060")
		require.NoError(t, err)
		b, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, "203.0.113.1:20001", b.RemoteAddr().String())
		require.Equal(t, "192.168.0.2:32768", a.LocalAddr().String())
		for range 5 { // either side keeps it
			time.Sleep(50 * time.Second)
			write(t, a, "x")
			require.Equal(t, "x", read(t, b))
			time.Sleep(50 * time.Second)
			write(t, b, "y")
			require.Equal(t, "y", read(t, a))
		}
		// Quiet too long: packets vanish both ways, and nobody says so.
		time.Sleep(61 * time.Second)
		write(t, b, "lost")
		require.NoError(t, a.SetReadDeadline(time.Now().Add(10*time.Minute)))
		_, err = a.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		write(t, a, "lost")
		_, err = b.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ETIMEDOUT)

		// Nobody comes in that was not asked for.
		ctx, cancel := within(time.Second)
		defer cancel()
		_, err = n.bob.DialContext(ctx, "tcp", "203.0.113.1:20001")
		require.Error(t, err)
	})
}

func TestNATFlush(t *testing.T) {
	behind(t, simnet.NATConfig{}, func(t *testing.T, n natted) {
		bob := n.udp(n.bob, "192.0.2.2:1")
		l := n.listen("192.0.2.2:5060")
		a, err := n.phone.DialContext(background, "tcp", "192.0.2.2:5060")
		require.NoError(t, err)
		b, err := l.Accept()
		require.NoError(t, err)
		public := n.send(bob, "192.0.2.2:1")
		require.Len(t, n.nat.Mappings(), 2)
		n.nat.Flush()
		require.Empty(t, n.nat.Mappings())
		_, ok := n.arrives(bob, public)
		require.False(t, ok)
		require.NotEqual(t, public, n.send(bob, "192.0.2.2:1"))
		write(t, a, "lost")
		require.NoError(t, b.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = b.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}

func TestNATForward(t *testing.T) {
	behind(t, simnet.NATConfig{}, func(t *testing.T, n natted) {
		require.NoError(t, n.nat.Forward("udp", 5070, addrPort(t, "192.168.0.2:5060")))
		require.NoError(t, n.nat.Forward("tcp", 5070, addrPort(t, "192.168.0.2:5061")))
		require.ErrorIs(t, n.nat.Forward("udp", 5070, addrPort(t, "192.168.0.2:5060")), simnet.ErrHost)
		require.ErrorIs(t, n.nat.Forward("udp", 5071, addrPort(t, "192.168.0.9:5060")), simnet.ErrHost)
		require.Error(t, n.nat.Forward("sctp", 5071, addrPort(t, "192.168.0.2:5060")))
		bob := n.udp(n.bob, "192.0.2.2:1")
		_, ok := n.arrives(bob, addrPort(t, "203.0.113.1:5070"))
		require.True(t, ok)
		require.Equal(t, "203.0.113.1:5070", n.send(bob, "192.0.2.2:1").String()) // answers leave from there

		l, err := n.phone.Listen(background, "tcp", ":5061")
		require.NoError(t, err)
		c, err := n.bob.DialContext(background, "tcp", "203.0.113.1:5070")
		require.NoError(t, err)
		s, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, "203.0.113.1:5070", c.RemoteAddr().String())
		require.Equal(t, "192.168.0.2:5061", s.LocalAddr().String())
		write(t, c, "hello")
		require.Equal(t, "hello", read(t, s))
		n.nat.Flush() // a forward stays
		write(t, s, "you")
		require.Equal(t, "you", read(t, c))
		require.Same(t, n.nat.Outside(), n.Hosts()[2])
	})
}

// An address that goes takes what is bound to it out of the world, and one that
// comes is there at once.
func TestHostAddresses(t *testing.T) {
	inBubble(t, simnet.Config{StreamTimeout: time.Minute}, func(t *testing.T, p pair) {
		a, b := p.connect()
		old := p.udp(p.alice, "192.0.2.1:5060")
		bob := p.udp(p.bob, "192.0.2.2:5060")
		require.ErrorIs(t, p.alice.RemoveAddr(netip.MustParseAddr("192.0.2.9")), simnet.ErrHost)
		require.NoError(t, p.alice.RemoveAddr(netip.MustParseAddr("192.0.2.1")))
		require.ErrorIs(t, p.alice.AddAddr(netip.MustParseAddr("192.0.2.2")), simnet.ErrHost)
		require.NoError(t, p.alice.AddAddr(netip.MustParseAddr("192.0.2.7")))

		_, err := old.WriteToUDPAddrPort([]byte("x"), addrPort(t, "192.0.2.2:5060"))
		require.ErrorIs(t, err, syscall.EINVAL)
		fresh := p.udp(p.alice, "192.0.2.7:5060")
		_, err = fresh.WriteToUDPAddrPort([]byte("x"), addrPort(t, "192.0.2.2:5060"))
		require.NoError(t, err)
		_, from, _, err := bob.ReadFromTo(make([]byte, 10))
		require.NoError(t, err)
		require.Equal(t, "192.0.2.7:5060", from.String())
		told := make(chan error, 1)
		bob.OnUnreachable(func(_ netip.AddrPort, err error) { told <- err })
		_, err = bob.WriteToUDPAddrPort([]byte("x"), addrPort(t, "192.0.2.1:5060"))
		require.NoError(t, err)
		require.ErrorIs(t, <-told, syscall.EHOSTUNREACH)

		write(t, b, "stalls")
		_, err = b.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ETIMEDOUT)
		_ = a
		addrs, err := p.alice.InterfaceAddrs()
		require.NoError(t, err)
		var got []string
		for _, a := range addrs {
			got = append(got, a.(*net.IPNet).String())
		}
		require.Equal(t, []string{"127.0.0.1/8", "::1/128", "2001:db8::1/64", "192.0.2.7/24"}, got)
		require.NoError(t, p.alice.RemoveAddr(netip.MustParseAddr("192.0.2.7")))
		require.NoError(t, p.alice.RemoveAddr(netip.MustParseAddr("2001:db8::1")))
		require.False(t, p.alice.Addr().IsValid())
		_, err = p.alice.DialContext(background, "tcp", "192.0.2.2:5060")
		require.ErrorIs(t, err, syscall.ENETUNREACH)
		synctest.Wait()
	})
}
