package simnet_test

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestDialErrors(t *testing.T) {
	link := simnet.Link{Delay: 10 * time.Millisecond}
	cancelled, cancel := context.WithCancel(background)
	cancel()
	tests := []struct {
		name    string
		network string
		address string
		setup   func(p pair)
		ctx     context.Context
		timeout time.Duration
		want    error
		took    time.Duration
	}{
		{name: "nobody listens", network: "tcp", address: "192.0.2.2:5060", want: syscall.ECONNREFUSED, took: 20 * time.Millisecond},
		{name: "each address of a name is tried", network: "tcp", address: "bob:5060", want: syscall.ECONNREFUSED, took: 40 * time.Millisecond},
		{name: "no such host", network: "tcp", address: "198.51.100.1:5060", want: syscall.EHOSTUNREACH, took: 20 * time.Millisecond},
		{name: "no answer", network: "tcp", address: "192.0.2.2:5060", setup: func(p pair) { p.bob.Down(true) }, want: syscall.ETIMEDOUT, took: 127 * time.Second},
		{name: "answer is cut off", network: "tcp", address: "192.0.2.2:5060", setup: func(p pair) { p.listen(":5060"); p.PartitionOneWay(p.bob, p.alice, true) }, want: syscall.ETIMEDOUT, took: 127 * time.Second},
		{name: "all SYNs lost", network: "tcp", address: "192.0.2.2:5060", setup: func(p pair) { p.SetLink(p.alice, p.bob, simnet.Link{Loss: 1}) }, want: syscall.ETIMEDOUT, took: 127 * time.Second},
		{name: "given up", network: "tcp", address: "192.0.2.2:5060", setup: func(p pair) { p.bob.Down(true) }, timeout: 5 * time.Second, want: context.DeadlineExceeded, took: 5 * time.Second},
		{name: "cancelled", network: "tcp", address: "192.0.2.2:5060", ctx: cancelled, want: context.Canceled},
		{name: "port missing", network: "tcp", address: "192.0.2.2:0", want: new(net.AddrError)},
		{name: "port is a word", network: "tcp", address: "192.0.2.2:sip", want: new(net.AddrError)},
		{name: "no port", network: "udp", address: "192.0.2.2", want: new(net.AddrError)},
		{name: "unknown name", network: "udp", address: "nobody:5060", want: new(net.DNSError)},
		{name: "unknown network", network: "sctp", address: "bob:5060", want: net.UnknownNetworkError("")},
		{name: "unknown family", network: "udp5", address: "bob:5060", want: net.UnknownNetworkError("")},
		{name: "not of the family", network: "tcp4", address: "[2001:db8::2]:5060", want: new(net.DNSError)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, simnet.Config{Link: link}, func(t *testing.T, p pair) {
				if tt.setup != nil {
					tt.setup(p)
				}
				ctx := background
				if tt.ctx != nil {
					ctx = tt.ctx
				}
				if tt.timeout > 0 {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, tt.timeout)
					defer cancel()
				}
				took := elapsed(func() {
					c, err := p.alice.DialContext(ctx, tt.network, tt.address)
					require.Nil(t, c)
					var op *net.OpError
					require.ErrorAs(t, err, &op)
					require.Equal(t, "dial", op.Op)
					require.Equal(t, tt.network, op.Net)
					require.NotEmpty(t, err.Error())
					switch want := tt.want.(type) {
					case *net.AddrError:
						require.ErrorAs(t, err, &want)
					case *net.DNSError:
						require.ErrorAs(t, err, &want)
						require.True(t, want.IsNotFound)
					case net.UnknownNetworkError:
						require.ErrorAs(t, err, &want)
					default:
						require.ErrorIs(t, err, want)
						require.Equal(t, want == context.DeadlineExceeded || want == syscall.ETIMEDOUT, op.Timeout())
					}
				})
				require.Equal(t, tt.took, took)
			})
		})
	}
}

func TestDialWithoutAddressOfFamily(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		six := p.MustHost("six", "2001:db8::6")
		_, err := six.DialContext(background, "tcp", "192.0.2.2:5060")
		require.ErrorIs(t, err, syscall.ENETUNREACH)
		p.listen(":5060")
		c, err := six.DialContext(background, "tcp", "bob:5060")
		require.NoError(t, err, "the IPv6 address of bob is tried after the IPv4 one")
		require.Equal(t, "[2001:db8::2]:5060", c.RemoteAddr().String())
	})
}

func TestDialCancelledWhileItWaits(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Second}}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		for _, when := range []time.Duration{500, 1500} { // the SYN, and the SYN-ACK, in flight
			ctx, cancel := context.WithCancel(background)
			time.AfterFunc(when*time.Millisecond, cancel)
			took := elapsed(func() {
				_, err := p.alice.DialContext(ctx, "tcp", "192.0.2.2:5060")
				require.ErrorIs(t, err, context.Canceled)
			})
			require.Equal(t, when*time.Millisecond, took)
		}
		require.NoError(t, l.SetDeadline(time.Now().Add(time.Minute)))
		_, err := l.Accept()
		requireTimeout(t, err)
	})
}

func TestSynIsSentAgain(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 100 * time.Millisecond}}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		p.bob.Down(true)
		time.AfterFunc(4*time.Second, func() { p.bob.Down(false) })
		took := elapsed(func() { p.dial("tcp", "192.0.2.2:5060") })
		require.Equal(t, 7200*time.Millisecond, took, "the SYNs of 0, 1 and 3 s are lost, that of 7 s is not")
		_, err := l.Accept()
		require.NoError(t, err)
		// A slow link makes the dialler send again what had arrived.
		p.SetLink(p.alice, p.bob, simnet.Link{Delay: 2 * time.Second})
		took = elapsed(func() { p.dial("tcp", "192.0.2.2:5060") })
		require.Equal(t, 4*time.Second, took)
		_, err = l.Accept()
		require.NoError(t, err)
		require.NoError(t, l.SetDeadline(time.Now().Add(time.Hour)))
		_, err = l.Accept()
		requireTimeout(t, err)
	})
}

func TestDialFrom(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		p.listen(":5060")
		edge := p.MustHost("edge", "203.0.113.1", "203.0.113.2")
		for _, network := range []string{"tcp", "udp"} {
			c, err := edge.DialFrom(netip.MustParseAddr("203.0.113.2"))(background, network, "192.0.2.2:5060")
			require.NoError(t, err)
			host, _, err := net.SplitHostPort(c.LocalAddr().String())
			require.NoError(t, err)
			require.Equal(t, "203.0.113.2", host)
			_, err = edge.DialFrom(netip.MustParseAddr("203.0.113.2"))(background, network, "[2001:db8::2]:5060")
			require.ErrorIs(t, err, syscall.EAFNOSUPPORT)
		}
	})
}
