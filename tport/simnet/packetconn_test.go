package simnet_test

import (
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestDatagramThereAndBack(t *testing.T) {
	tests := []struct {
		name, alice, bob, to string
		from, at             string // as bob sees it
	}{
		{"IPv4", "192.0.2.1:5060", "192.0.2.2:5060", "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.2:5060"},
		{"IPv6", "[2001:db8::1]:5060", "[2001:db8::2]:5060", "[2001:db8::2]:5060", "[2001:db8::1]:5060", "[2001:db8::2]:5060"},
		{"both wild, IPv4", ":5060", ":5060", "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.2:5060"},
		{"both wild, IPv6", ":5060", "[::]:5060", "[2001:db8::2]:5060", "[2001:db8::1]:5060", "[2001:db8::2]:5060"},
		{"IPv4 wild", "0.0.0.0:5060", "0.0.0.0:5060", "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.2:5060"},
		{"mapped", ":5060", ":5060", "[::ffff:192.0.2.2]:5060", "192.0.2.1:5060", "192.0.2.2:5060"},
		{"bound by name", "alice:5060", "bob:5060", "192.0.2.2:5060", "192.0.2.1:5060", "192.0.2.2:5060"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
				a, b := p.udp(p.alice, tt.alice), p.udp(p.bob, tt.bob)
				_, err := a.WriteToUDPAddrPort([]byte("hello"), netip.MustParseAddrPort(tt.to))
				require.NoError(t, err)
				buf := make([]byte, 100)
				n, from, to, err := b.ReadFromTo(buf)
				require.NoError(t, err)
				require.Equal(t, "hello", string(buf[:n]))
				require.Equal(t, tt.from, from.String())
				require.Equal(t, tt.at, to.String())

				_, err = b.WriteFromTo([]byte("hello yourself"), to.Addr(), from)
				require.NoError(t, err)
				n, addr, err := a.ReadFrom(buf)
				require.NoError(t, err)
				require.Equal(t, "hello yourself", string(buf[:n]))
				require.Equal(t, to.String(), addr.String())
			})
		})
	}
}

func TestMappedAddressesOnDualStackSocket(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		dual, v4 := p.udp(p.bob, ":1000"), p.udp(p.bob, "0.0.0.0:1001")
		c := p.dial("udp", "192.0.2.2:1000")
		write(t, c, "x")
		_, from, err := dual.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err)
		require.True(t, from.Addr().Is4In6(), "as *net.UDPConn reports it")
		c = p.dial("udp", "192.0.2.2:1001")
		write(t, c, "x")
		_, from, err = v4.ReadFromUDPAddrPort(make([]byte, 1))
		require.NoError(t, err)
		require.True(t, from.Addr().Is4())
	})
}

func TestMultiHomedSourceAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(simnet.Config{})
		defer n.Close()
		edge := n.MustHost("edge", "10.0.0.1", "192.168.1.1", "2001:db8:1::1")
		n.MustHost("inside", "192.168.1.77")
		n.MustHost("outside", "10.0.0.77")
		for to, want := range map[string]string{
			"inside": "192.168.1.1", "outside": "10.0.0.1",
			"10.0.0.1": "10.0.0.1", "127.0.0.1": "127.0.0.1", "[::1]": "::1",
		} {
			c, err := edge.DialContext(background, "udp", to+":5060")
			require.NoError(t, err)
			host, _, err := net.SplitHostPort(c.LocalAddr().String())
			require.NoError(t, err)
			require.Equal(t, want, host, to)
		}
		c, err := edge.DialFrom(netip.MustParseAddr("10.0.0.1"))(background, "udp", "inside:5060")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(c.LocalAddr().String(), "10.0.0.1:"))
		_, err = edge.DialFrom(netip.MustParseAddr("10.0.0.2"))(background, "udp", "inside:5060")
		require.ErrorIs(t, err, syscall.EADDRNOTAVAIL)
	})
}

func TestBoundAddressGoesBeforeWildcard(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		c4, c6 := p.udp(p.bob, "192.0.2.2:5060"), p.udp(p.bob, "[2001:db8::2]:5060")
		wild := p.udp(p.bob, "0.0.0.0:5061")
		for to, s := range map[string]*simnet.PacketConn{
			"192.0.2.2:5060": c4, "[2001:db8::2]:5060": c6, "192.0.2.2:5061": wild,
		} {
			write(t, p.dial("udp", to), to)
			require.Equal(t, to, read(t, s))
		}
	})
}

func TestWriteErrors(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		s4 := p.udp(p.alice, "192.0.2.1:1")
		wild := p.udp(p.alice, ":2")
		only4, err := p.Host("only4", netip.MustParseAddr("192.0.2.4"))
		require.NoError(t, err)
		lone := p.udp(only4, ":3")
		loop := p.udp(p.alice, "127.0.0.1:4")
		addr := netip.MustParseAddr
		big := make([]byte, 1473)
		tests := []struct {
			name string
			s    *simnet.PacketConn
			b    []byte
			from netip.Addr
			to   string
			want error
		}{
			{"family of the bound address", s4, nil, netip.Addr{}, "[2001:db8::2]:5", syscall.EAFNOSUPPORT},
			{"no address of the family", lone, nil, netip.Addr{}, "[2001:db8::2]:5", syscall.ENETUNREACH},
			{"another bound address", s4, nil, addr("2001:db8::1"), "192.0.2.2:5", syscall.EADDRNOTAVAIL},
			{"an address of another host", wild, nil, addr("192.0.2.2"), "192.0.2.2:5", syscall.EADDRNOTAVAIL},
			{"loopback does not leave", loop, nil, netip.Addr{}, "192.0.2.2:5", syscall.EINVAL},
			{"port 0", wild, nil, netip.Addr{}, "192.0.2.2:0", syscall.EINVAL},
			{"too large for the link", wild, big, netip.Addr{}, "192.0.2.2:5", syscall.EMSGSIZE},
			{"fits the link", wild, big[:1472], netip.Addr{}, "192.0.2.2:5", nil},
			{"too large over IPv6", wild, big[:1453], netip.Addr{}, "[2001:db8::2]:5", syscall.EMSGSIZE},
			{"fits over IPv6", wild, big[:1452], netip.Addr{}, "[2001:db8::2]:5", nil},
		}
		for _, tt := range tests {
			_, err := tt.s.WriteFromTo(tt.b, tt.from, netip.MustParseAddrPort(tt.to))
			if tt.want == nil {
				require.NoError(t, err, tt.name)
				continue
			}
			require.ErrorIs(t, err, tt.want, tt.name)
			require.ErrorAs(t, err, new(*net.OpError), tt.name)
		}
		_, err = wild.WriteTo(nil, &net.TCPAddr{})
		require.ErrorIs(t, err, syscall.EINVAL)
		_, err = wild.Write([]byte("x"))
		require.ErrorIs(t, err, syscall.EDESTADDRREQ)
		_, err = p.dial("udp", "bob:5").(*simnet.PacketConn).WriteTo(nil, &net.UDPAddr{})
		require.ErrorIs(t, err, net.ErrWriteToConnected)
	})
}

func TestConnectedSocketHearsOnlyItsPeer(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		stranger := p.udp(p.bob, ":9999")
		to := c.LocalAddr().(*net.UDPAddr).AddrPort()
		_, err := stranger.WriteToUDPAddrPort([]byte("stranger"), to)
		require.NoError(t, err)
		_, err = b.WriteToUDPAddrPort([]byte("peer"), to)
		require.NoError(t, err)
		require.Equal(t, "peer", read(t, c))
		require.Equal(t, "192.0.2.2:5060", c.RemoteAddr().String())
	})
}

func TestPortUnreachable(t *testing.T) {
	cfg := simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}
	inBubble(t, cfg, func(t *testing.T, p pair) {
		c := p.dial("udp", "bob:5060")
		write(t, c, "anybody there?")
		took := elapsed(func() {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
		require.Equal(t, 20*time.Millisecond, took, "there and back")

		write(t, c, "and now?")
		time.Sleep(time.Second)
		_, err := c.Write([]byte("told once"))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		write(t, c, "then forgotten")

		// An unconnected socket is told by the hook alone.
		s := p.udp(p.alice, ":7")
		told := make(chan error, 1)
		s.OnUnreachable(func(to netip.AddrPort, err error) {
			if to.String() == "192.0.2.2:5070" {
				told <- err
			}
		})
		_, err = s.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("192.0.2.2:5070"))
		require.NoError(t, err)
		require.ErrorIs(t, <-told, syscall.ECONNREFUSED)
		require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Second)))
		_, _, err = s.ReadFrom(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		// The answer needs a way back.
		c = p.dial("udp", "bob:5071")
		p.PartitionOneWay(p.bob, p.alice, true)
		write(t, c, "x")
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)

		// No host at all.
		c = p.dial("udp", "198.51.100.1:5060")
		write(t, c, "x")
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.EHOSTUNREACH)
	})
}

func TestHookMayUseTheSocket(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5061")
		s := p.udp(p.alice, ":5060")
		var mu sync.Mutex // a program's own lock, held around a Write
		s.OnUnreachable(func(netip.AddrPort, error) {
			mu.Lock()
			defer mu.Unlock()
			_, err := s.WriteToUDPAddrPort([]byte("second try"), netip.MustParseAddrPort("192.0.2.2:5061"))
			require.NoError(t, err)
		})
		mu.Lock()
		_, err := s.WriteToUDPAddrPort([]byte("first"), netip.MustParseAddrPort("192.0.2.2:5060"))
		mu.Unlock()
		require.NoError(t, err)
		require.Equal(t, "second try", read(t, b))
	})
}

func TestLongDatagramIsCutByShortRead(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		write(t, c, "0123456789")
		write(t, c, "next")
		n, _, err := b.ReadFrom(make([]byte, 4))
		require.NoError(t, err)
		require.Equal(t, 4, n)
		require.Equal(t, "next", read(t, b))
	})
}

func TestReceiveBufferIsBounded(t *testing.T) {
	inBubble(t, simnet.Config{PacketBuffer: 100}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		for range 5 {
			write(t, c, strings.Repeat("x", 40))
		}
		require.Equal(t, uint64(3), p.Stats().Overflow)
		require.Len(t, read(t, b), 40)
		write(t, c, "room again")
		require.Equal(t, uint64(3), p.Stats().Overflow)
		require.NoError(t, b.SetReadBuffer(0))
		write(t, c, "none now")
		require.Equal(t, uint64(4), p.Stats().Overflow)
	})
}

func TestPacketConnCloseWakesReaders(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		s := p.udp(p.alice, ":5060")
		errs := make(chan error)
		for range 3 {
			go func() {
				_, _, err := s.ReadFrom(make([]byte, 1))
				errs <- err
			}()
		}
		synctest.Wait()
		require.NoError(t, s.Close())
		for range 3 {
			require.ErrorIs(t, <-errs, net.ErrClosed)
		}
		require.ErrorIs(t, s.Close(), net.ErrClosed)
		_, err := s.WriteToUDPAddrPort(nil, netip.MustParseAddrPort("192.0.2.2:1"))
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, s.SetDeadline(time.Time{}), net.ErrClosed)
		require.ErrorIs(t, s.SetReadBuffer(1), net.ErrClosed)
		p.udp(p.alice, ":5060") // the port is free again
	})
}

func TestEachDatagramGoesToOneReader(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Millisecond}}, func(t *testing.T, p pair) {
		const readers, count = 8, 400
		s := p.udp(p.bob, ":5060")
		got := make(chan string, count)
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				b := make([]byte, 100)
				for {
					n, err := s.Read(b)
					if err != nil {
						return
					}
					got <- string(b[:n])
				}
			})
		}
		c := p.dial("udp", "bob:5060")
		for i := range count {
			write(t, c, string(rune('A'+i)))
		}
		seen := make(map[string]bool)
		for range count {
			seen[<-got] = true
		}
		require.Len(t, seen, count)
		require.NoError(t, s.Close())
		wg.Wait()
	})
}
