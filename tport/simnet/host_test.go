package simnet_test

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestHostIsChecked(t *testing.T) {
	n := simnet.New(simnet.Config{})
	defer n.Close()
	addr := netip.MustParseAddr
	h, err := n.Host("Alice.Example", addr("192.0.2.1"), addr("::ffff:192.0.2.3"))
	require.NoError(t, err)
	require.Equal(t, "Alice.Example", h.Name())
	require.Equal(t, "Alice.Example", h.String())
	require.Equal(t, addr("192.0.2.1"), h.Addr())
	require.Equal(t, []netip.Addr{addr("192.0.2.1"), addr("192.0.2.3")}, h.Addrs())
	require.Equal(t, []*simnet.Host{h}, n.Hosts())
	tests := []struct {
		what, name string
		addrs      []netip.Addr
	}{
		{"name taken", "alice.example.", []netip.Addr{addr("192.0.2.9")}},
		{"no name", "", []netip.Addr{addr("192.0.2.9")}},
		{"localhost", "localhost", []netip.Addr{addr("192.0.2.9")}},
		{"an address for a name", "192.0.2.9", []netip.Addr{addr("192.0.2.9")}},
		{"a space", "a b", []netip.Addr{addr("192.0.2.9")}},
		{"no address", "bob", nil},
		{"address taken", "bob", []netip.Addr{addr("192.0.2.3")}},
		{"address twice", "bob", []netip.Addr{addr("192.0.2.9"), addr("192.0.2.9")}},
		{"zero address", "bob", []netip.Addr{{}}},
		{"wildcard", "bob", []netip.Addr{addr("::")}},
		{"multicast", "bob", []netip.Addr{addr("224.0.1.75")}},
		{"loopback", "bob", []netip.Addr{addr("127.0.0.1")}},
	}
	for _, tt := range tests {
		_, err := n.Host(tt.name, tt.addrs...)
		require.ErrorIs(t, err, simnet.ErrHost, tt.what)
	}
	require.ErrorIs(t, h.Alias("alice.example"), simnet.ErrHost)
	require.Panics(t, func() { n.MustHost("bob", "nonsense") })
	require.Panics(t, func() { n.MustHost("bob") })
	n.MustHost("bob", "192.0.2.9") // failures have left nothing behind
	n.Close()
	_, err = n.Host("carol", addr("192.0.2.10"))
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestLookup(t *testing.T) {
	n := simnet.New(simnet.Config{})
	defer n.Close()
	h := n.MustHost("alice", "192.0.2.1", "2001:db8::1")
	require.NoError(t, n.MustHost("bob", "192.0.2.2").Alias("Example.COM"))
	tests := []struct {
		network, host string
		want          []string
	}{
		{"ip", "alice", []string{"192.0.2.1", "2001:db8::1"}},
		{"ip4", "ALICE.", []string{"192.0.2.1"}},
		{"ip6", "alice", []string{"2001:db8::1"}},
		{"ip", "example.com", []string{"192.0.2.2"}},
		{"ip6", "example.com", nil},
		{"ip", "nobody", nil},
		{"ip", "", nil},
		{"ip", "198.51.100.7", []string{"198.51.100.7"}},
		{"ip6", "198.51.100.7", nil},
		{"ip", "localhost", []string{"127.0.0.1", "::1"}},
	}
	for _, tt := range tests {
		got, err := h.LookupNetIP(background, tt.network, tt.host)
		if tt.want == nil {
			var dns *net.DNSError
			require.ErrorAs(t, err, &dns, tt.host)
			require.True(t, dns.IsNotFound)
			require.Equal(t, tt.host, dns.Name)
			continue
		}
		require.NoError(t, err)
		var text []string
		for _, a := range got {
			text = append(text, a.String())
		}
		require.Equal(t, tt.want, text)
	}
	_, err := h.LookupNetIP(background, "tcp", "alice")
	require.ErrorIs(t, err, net.UnknownNetworkError("tcp"))
	ctx, cancel := context.WithCancel(background)
	cancel()
	_, err = h.LookupNetIP(ctx, "ip", "alice")
	require.ErrorAs(t, err, new(*net.DNSError))
	// The answer is the caller's.
	got, err := h.LookupNetIP(background, "ip", "alice")
	require.NoError(t, err)
	got[0] = netip.Addr{}
	require.Equal(t, "192.0.2.1", h.Addr().String())
}

func TestCrashAndRestart(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		s := p.udp(p.bob, ":5060")
		l := p.listen(":5061")
		inBacklog := p.dial("tcp", "bob:5061")
		errs := make(chan error, 2)
		go func() { _, err := s.Read(make([]byte, 1)); errs <- err }()
		synctest.Wait()
		p.bob.Crash()
		require.ErrorIs(t, <-errs, net.ErrClosed)
		_, err := l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = inBacklog.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		_, err = p.alice.DialContext(background, "tcp", "bob:5061")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		s = p.udp(p.bob, ":5060")
		p.listen(":5061")
		write(t, p.dial("udp", "bob:5060"), "welcome back")
		require.Equal(t, "welcome back", read(t, s))
		p.dial("tcp", "bob:5061")
	})
}

func TestCrashWhileDialling(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Second}}, func(t *testing.T, p pair) {
		time.AfterFunc(500*time.Millisecond, p.alice.Crash)
		_, err := p.alice.DialContext(background, "tcp", "bob:5060")
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestDown(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		p.bob.Down(true)
		write(t, c, "nobody hears it")
		p.bob.Down(false)
		p.alice.Down(true)
		write(t, c, "nor this")
		p.alice.Down(false)
		write(t, c, "back")
		require.Equal(t, "back", read(t, b))
		require.Equal(t, uint64(2), p.Stats().Cut)
	})
}
