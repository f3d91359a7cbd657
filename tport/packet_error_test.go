package tport

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// unused is an address that nobody listens on.
func unused(t *testing.T, host string) netip.AddrPort {
	t.Helper()
	n := newNode(t, nil)
	defer n.Close()
	return n.listen(UDP, host, 0).Addr()
}

// T09: an error of the network is told with the flow that it is about, and what
// is sent to others meanwhile arrives.
func TestUDPUnreachableReal(t *testing.T) {
	if !canShare {
		t.Skip("only Linux tells")
	}
	for _, row := range []struct{ bind, to string }{
		{"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"*", "127.0.0.1"}, {"*", "::1"}, {"::1", "::1"},
	} {
		t.Run(row.bind+" "+row.to, func(t *testing.T) {
			dead := unused(t, row.to)
			alice, bob := realNode(t), realNode(t)
			good := bob.listen(UDP, row.to, 0).Addr()
			alice.listen(UDP, row.bind, 0)
			fine, lost := alice.dial(UDP, good), alice.dial(UDP, dead)
			const rounds = 50
			for i := range rounds {
				require.NoError(t, lost.Send(parse(t, text("nobody", ""))))
				require.NoError(t, fine.Send(parse(t, text(fmt.Sprint(i), ""))))
			}
			for i := range rounds {
				_, id := bob.next()
				require.Equal(t, fmt.Sprint(i), id)
			}
			for range rounds {
				f := get(t, alice.failed)
				require.ErrorIs(t, f.err, ErrUnreachable)
				require.ErrorIs(t, f.err, syscall.ECONNREFUSED)
				require.Equal(t, dead, f.flow.Remote())
				require.Equal(t, UDP, f.flow.Proto())
			}
			none(t, alice.failed)
			s := alice.Stats()
			require.EqualValues(t, rounds, s.Unreachable)
			require.Zero(t, s.ReadErrors+s.WriteErrors)
			// Reading goes on.
			require.NoError(t, bob.dial(UDP, fine.Local()).Send(parse(t, refusal)))
			alice.next()
		})
	}
}

// Errors of the network are told at a rate, in virtual time too.
func TestUDPUnreachableRate(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice := v.node(v.alice, func(c *Config) { c.MaxUnreachable = 3 })
		alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, netip.MustParseAddrPort("198.51.100.1:9"))
		for range 10 {
			require.NoError(t, f.Send(parse(t, text("1", ""))))
		}
		for range 3 {
			require.ErrorIs(t, get(t, alice.failed).err, ErrUnreachable)
		}
		<-time.After(time.Second)
		none(t, alice.failed)
		s := alice.Stats()
		require.EqualValues(t, 3, s.Unreachable)
		require.EqualValues(t, 7, s.UnreachableDropped)
		require.NoError(t, f.Send(parse(t, text("1", "")))) // a second later
		require.ErrorIs(t, get(t, alice.failed).err, ErrUnreachable)
	})
}

// What the system has of the path is known, and what loopback takes.
func TestFlowMTU(t *testing.T) {
	n := realNode(t)
	n.listen(UDP, "127.0.0.1", 0)
	mtu := n.dial(UDP, netip.MustParseAddrPort("127.0.0.1:9")).MTU()
	if canShare {
		require.Greater(t, mtu, 1500)
	} else {
		require.Zero(t, mtu)
	}
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		require.Zero(t, alice.dial(UDP, at).MTU())
	})
}

// What the system refuses to send is told to the one who sends it: no buffers is
// a queue that is full, and costs the other messages nothing.
func TestUDPSendErrors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, at)
		for errno, want := range map[syscall.Errno]error{syscall.ENOBUFS: ErrQueueFull, syscall.EPERM: syscall.EPERM} {
			v.alice.Fail(simnet.FaultSend, errno, 1)
			err := f.Send(parse(t, text("1", "")))
			require.ErrorIs(t, err, want)
			require.ErrorIs(t, err, errno)
			require.NoError(t, f.Send(parse(t, text("2", ""))))
			_, id := bob.next()
			require.Equal(t, "2", id)
		}
		s := alice.Stats()
		require.EqualValues(t, 1, s.QueueFull)
		require.EqualValues(t, 1, s.WriteErrors)
	})
}

// Of what the network says the owner is told what he can act on, and the way to the
// peer is asked for anew where packets must be smaller.
func TestUDPToldErrors(t *testing.T) {
	n := realNode(t)
	p := n.listen(UDP, "127.0.0.1", 0)
	s := (*p.packet.sockets.Load())[0]
	to := netip.MustParseAddrPort("127.0.0.1:9")
	route := func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		_, known := n.routes[to.Addr()]
		return known
	}
	n.dial(UDP, to).MTU()
	require.True(t, route())
	for _, quiet := range []networkError{
		{to: to}, {err: ErrTooLarge}, {to: to, err: ErrTooLarge, mtu: 1400, own: true},
	} {
		s.tell(quiet)
		none(t, n.failed)
	}
	require.False(t, route())
	n.dial(UDP, to).MTU()
	s.tell(networkError{to: to, err: ErrTooLarge, mtu: 1280})
	require.False(t, route())
	f := get(t, n.failed)
	require.ErrorIs(t, f.err, ErrTooLarge)
	require.ErrorContains(t, f.err, "1280")
	require.Equal(t, to, f.flow.Remote())
	require.NoError(t, p.Close())
	s.tell(networkError{to: to, err: syscall.ECONNREFUSED})
	none(t, n.failed) // it has ended, and its flows with it
}

// A write that may wait, which the queue uses, does what one that does not does.
func TestUDPWaitingWrite(t *testing.T) {
	for _, bind := range []string{"127.0.0.1", "0.0.0.0", "*"} {
		alice, bob := realNode(t), realNode(t)
		at := bob.listen(UDP, "127.0.0.1", 0).Addr()
		p := alice.listen(UDP, bind, 0)
		f := alice.dial(UDP, at)
		s := (*p.packet.sockets.Load())[0]
		require.NoError(t, s.wait(datagram{f, []byte(text("1", ""))}))
		d, _ := bob.next()
		require.Equal(t, f.Local(), d.From)
		require.ErrorIs(t, s.wait(datagram{f, make([]byte, 70000)}), ErrTooLarge)
		dead := alice.dial(UDP, unused(t, "127.0.0.1"))
		if canShare { // the error of the first comes with the second, which goes out all the same
			require.NoError(t, s.wait(datagram{dead, []byte(text("2", ""))}))
			require.NoError(t, s.wait(datagram{f, []byte(text("3", ""))}))
			_, id := bob.next()
			require.Equal(t, "3", id)
			require.ErrorIs(t, get(t, alice.failed).err, ErrUnreachable)
		}
	}
}
