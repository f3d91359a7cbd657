package simnet_test

import (
	"net"
	"strconv"
	"syscall"
	"testing"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// bind opens address on h in the way the network asks for.
func bind(h *simnet.Host, network, address string) (net.Addr, func() error, error) {
	if network[0] == 't' {
		l, err := h.Listen(background, network, address)
		if err != nil {
			return nil, nil, err
		}
		return l.Addr(), l.Close, nil
	}
	s, err := h.ListenPacket(background, network, address)
	if err != nil {
		return nil, nil, err
	}
	return s.LocalAddr(), s.Close, nil
}

func TestBind(t *testing.T) {
	tests := []struct {
		suffix, address string
		want            string // the local address
		err             error
	}{
		{"", ":5060", "[::]:5060", nil},
		{"4", ":5060", "0.0.0.0:5060", nil},
		{"6", ":5060", "[::]:5060", nil},
		{"", "0.0.0.0:5060", "0.0.0.0:5060", nil},
		{"", "[::]:5060", "[::]:5060", nil},
		{"", "192.0.2.1:5060", "192.0.2.1:5060", nil},
		{"", "[::ffff:192.0.2.1]:5060", "192.0.2.1:5060", nil},
		{"", "alice:5060", "192.0.2.1:5060", nil},
		{"6", "alice:5060", "[2001:db8::1]:5060", nil},
		{"", "localhost:5060", "127.0.0.1:5060", nil},
		{"", "127.0.0.53:5060", "127.0.0.53:5060", nil},
		{"", "192.0.2.2:5060", "", syscall.EADDRNOTAVAIL},
		{"", "bob:5060", "", syscall.EADDRNOTAVAIL},
		{"4", "[::]:5060", "", new(net.AddrError)},
		{"6", "192.0.2.1:5060", "", new(net.AddrError)},
		{"", "192.0.2.1", "", new(net.AddrError)},
		{"", "192.0.2.1:65536", "", new(net.AddrError)},
		{"", "nobody:5060", "", new(net.DNSError)},
		{"5", ":5060", "", net.UnknownNetworkError("")},
	}
	for _, proto := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			t.Run(proto+tt.suffix+" "+tt.address, func(t *testing.T) {
				inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
					got, _, err := bind(p.alice, proto+tt.suffix, tt.address)
					switch want := tt.err.(type) {
					case nil:
						require.NoError(t, err)
						require.Equal(t, tt.want, got.String())
						require.Equal(t, proto, got.Network())
					case *net.AddrError:
						require.ErrorAs(t, err, &want)
					case *net.DNSError:
						require.ErrorAs(t, err, &want)
					case net.UnknownNetworkError:
						require.ErrorAs(t, err, &want)
					default:
						require.ErrorIs(t, err, tt.err)
					}
				})
			})
		}
	}
}

func TestBindOfTheOtherKind(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		_, err := p.alice.Listen(background, "udp", ":5060")
		require.ErrorAs(t, err, new(net.UnknownNetworkError))
		_, err = p.alice.ListenPacket(background, "tcp", ":5060")
		require.ErrorAs(t, err, new(net.UnknownNetworkError))
	})
}

func TestBindConflicts(t *testing.T) {
	tests := []struct {
		first, firstAt, second, secondAt string
		conflict                         bool
	}{
		{"", "192.0.2.1:5060", "", "192.0.2.1:5060", true},
		{"", "192.0.2.1:5060", "", "192.0.2.1:5061", false},
		{"", "192.0.2.1:5060", "", "[2001:db8::1]:5060", false},
		{"", "192.0.2.1:5060", "", "127.0.0.1:5060", false},
		{"", "192.0.2.1:5060", "", ":5060", true},
		{"", ":5060", "", "192.0.2.1:5060", true},
		{"", ":5060", "", ":5060", true},
		{"4", ":5060", "6", ":5060", false},
		{"4", ":5060", "", "[2001:db8::1]:5060", false},
		{"6", ":5060", "", "192.0.2.1:5060", false},
		{"4", ":5060", "", ":5060", true},
	}
	for _, proto := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
				_, free, err := bind(p.alice, proto+tt.first, tt.firstAt)
				require.NoError(t, err)
				_, _, err = bind(p.alice, proto+tt.second, tt.secondAt)
				if !tt.conflict {
					require.NoError(t, err, "%+v", tt)
					return
				}
				require.ErrorIs(t, err, syscall.EADDRINUSE, "%+v", tt)
				require.NoError(t, free())
				_, _, err = bind(p.alice, proto+tt.second, tt.secondAt)
				require.NoError(t, err, "%+v", tt)
			})
		}
	}
	// UDP and TCP ports have nothing to do with each other, nor have hosts.
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		p.udp(p.alice, ":5060")
		p.udp(p.bob, ":5060")
		p.listen(":5060")
	})
}

func TestEphemeralPorts(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		seen := make(map[int]bool)
		var last *simnet.PacketConn
		for range 60999 - 32768 + 1 {
			last = p.udp(p.alice, ":0")
			port := last.LocalAddr().(*net.UDPAddr).Port
			if port < 32768 || port > 60999 || seen[port] {
				t.Fatalf("port %d", port)
			}
			seen[port] = true
		}
		_, err := p.alice.ListenPacket(background, "udp", ":0")
		require.ErrorIs(t, err, syscall.EADDRINUSE)
		_, err = p.alice.DialContext(background, "udp", "bob:5060")
		require.Error(t, err)
		require.NoError(t, last.Close())
		again := p.udp(p.alice, ":0")
		require.Equal(t, last.LocalAddr(), again.LocalAddr())
		_, err = p.alice.ListenPacket(background, "udp", ":"+strconv.Itoa(32768))
		require.ErrorIs(t, err, syscall.EADDRINUSE)
	})
}
