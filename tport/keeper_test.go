package tport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// probing is a keep-alive whose probes are numbered; the answer is the probe
// with its first octet changed.
func probing() KeepAlive {
	n := 0
	return KeepAlive{
		Probe: func() []byte {
			n++
			return fmt.Appendf(nil, "?probe %d", n)
		},
		Match: func(probe, b []byte) (bool, error) {
			switch {
			case len(b) == 0 || !bytes.Equal(probe[1:], b[1:]):
				return false, nil
			case b[0] == '-':
				return false, errMoved
			}
			return b[0] == '!', nil
		},
	}
}

var errMoved = errors.New("another address is seen")

// socket is a bare UDP socket of the other end.
func (v *virtual) packets(port uint16) net.PacketConn {
	v.t.Helper()
	c, err := v.bob.ListenPacket(context.Background(), "udp4", fmt.Sprint("198.51.100.1:", port))
	require.NoError(v.t, err)
	return c
}

// arrival is a datagram and when it came.
func arrival(t *testing.T, c net.PacketConn) (string, net.Addr, time.Time) {
	t.Helper()
	b := make([]byte, 1500)
	n, from, err := c.ReadFrom(b)
	require.NoError(t, err)
	return string(b[:n]), from, time.Now()
}

// kept is a flow to a bare socket.
func (v *virtual) kept(k KeepAlive, change ...func(*Config)) (*node, *Flow, net.PacketConn) {
	alice := v.node(v.alice, change...)
	alice.listen(UDP, "192.0.2.1", 5060)
	c := v.packets(5060)
	f := alice.dial(UDP, addrPortOf(c.LocalAddr()))
	require.NoError(v.t, f.KeepAlive(k))
	return alice, f, c
}

// A probe without an answer goes out seven times, as RFC 8489 section 6.2.1 has
// it, and then the flow has failed.
func TestProbeWithoutAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, f, c := v.kept(probing())
		told := make(chan error, 1)
		_, err := f.Watch(func(err error) { told <- err })
		require.NoError(t, err)
		begin := time.Now()
		first, _, at := arrival(t, c)
		require.GreaterOrEqual(t, at.Sub(begin), 24*time.Second)
		require.LessOrEqual(t, at.Sub(begin), 29*time.Second)
		for _, want := range []time.Duration{500, 1500, 3500, 7500, 15500, 31500} {
			again, _, now := arrival(t, c)
			require.Equal(t, first, again)
			require.Equal(t, want*time.Millisecond, now.Sub(at))
		}
		got := get(t, alice.failedAfter(time.Minute))
		require.ErrorIs(t, got.err, ErrNoPong)
		require.Equal(t, f.Key(), got.flow.Key())
		require.Equal(t, DefaultProbeTimeout, time.Since(at))
		require.ErrorIs(t, get(t, told), ErrNoPong)
		<-time.After(time.Hour)
		require.EqualValues(t, 7, alice.Stats().PingsSent)
		require.EqualValues(t, 1, alice.Stats().NoPong)
		require.Zero(t, alice.Stats().Kept)
		require.NoError(t, f.Send(parse(t, text("1", ""))), "the flow is but a pair of addresses")
		require.NoError(t, c.Close())
	})
}

// Answers keep the flow, and go no further. Everything else does, from anybody.
func TestProbeAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var demuxed []string
		alice, f, c := v.kept(probing(), func(c *Config) {
			c.Demux = func(b []byte, _, _ netip.AddrPort) ([]byte, bool) {
				demuxed = append(demuxed, string(b))
				return nil, b[0] == '!'
			}
		})
		other := v.packets(5062)
		last := ""
		for i := range 20 {
			p, from, at := arrival(t, c)
			require.NotEqual(t, last, p)
			last = p
			answer := []byte("!" + p[1:])
			_, err := other.WriteTo(answer, from) // not the peer
			require.NoError(t, err)
			_, err = c.WriteTo([]byte("!probe 0"), from)
			require.NoError(t, err)
			<-time.After(DefaultRetransmit / 2)
			_, err = c.WriteTo([]byte(text("1", "")), from)
			require.NoError(t, err)
			alice.next()
			require.Len(t, demuxed, 3*(i+1))
			_, err = c.WriteTo(answer, from)
			require.NoError(t, err)
			_, err = c.WriteTo(answer, from) // a duplicate is nothing to anybody
			require.NoError(t, err)
			synctest.Wait()
			require.EqualValues(t, i+1, alice.Stats().Pongs)
			demuxed = demuxed[:3*(i+1)]
			require.Less(t, time.Since(at), DefaultRetransmit)
		}
		require.EqualValues(t, 20, alice.Stats().PingsSent)
		none(t, alice.failed)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: -1}))
		<-time.After(time.Hour)
		require.EqualValues(t, 20, alice.Stats().PingsSent)
		require.NoError(t, c.Close())
		require.NoError(t, other.Close())
	})
}

// An answer that tells of a failure ends the keep-alive with it: a mapped
// address that has changed is one (RFC 5626 section 4.4.2).
func TestProbeTellsFailure(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, f, c := v.kept(probing())
		p, from, _ := arrival(t, c)
		_, err := c.WriteTo([]byte("-"+p[1:]), from)
		require.NoError(t, err)
		got := get(t, alice.failed)
		require.ErrorIs(t, got.err, errMoved)
		require.Equal(t, f.Key(), got.flow.Key())
		require.Zero(t, alice.Stats().Kept)
		require.NoError(t, c.Close())
	})
}

// Without Match a datagram now and then keeps the binding of a NAT open.
func TestProbeWithoutMatch(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, c := v.kept(KeepAlive{Interval: 20 * time.Second, Jitter: -1, Probe: func() []byte { return []byte(ping) }})
		begin := time.Now()
		for i := range 100 {
			p, _, at := arrival(t, c)
			require.Equal(t, ping, p)
			require.Equal(t, time.Duration(i+1)*20*time.Second, at.Sub(begin))
		}
		none(t, alice.failed)
		require.NoError(t, c.Close())
	})
}

// A peer over UDP that has promised keep-alives and is silent is given up.
func TestSilenceUDP(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, f, c := v.kept(KeepAlive{Interval: -1, Silence: time.Minute})
		for range 10 {
			<-time.After(50 * time.Second)
			_, err := c.WriteTo([]byte(ping), net.UDPAddrFromAddrPort(f.Local()))
			require.NoError(t, err)
			synctest.Wait()
		}
		begin := time.Now()
		require.ErrorIs(t, get(t, alice.failedAfter(time.Hour)).err, ErrSilent)
		require.Equal(t, time.Minute, time.Since(begin))
		require.Zero(t, alice.Stats().PingsSent)
		require.NoError(t, c.Close())
	})
}

// However many flows are kept, one goroutine does it, and all of them are.
func TestProbeManyFlows(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		const count = 500
		alice := v.node(v.alice, func(c *Config) { c.MaxFlows, c.Failed = count, nil }) // nobody listens
		bob := v.node(v.bob)
		at := bob.listen(UDP, "198.51.100.1", 5060).Addr()
		alice.listen(UDP, "192.0.2.1", 5060)
		seen := map[string]int{}
		before := runtime.NumGoroutine()
		name := nameOf(UDP, at)
		for i := range count {
			name.Port = uint16(10000 + i)
			f, ok := alice.Ready(name)
			require.True(t, ok)
			require.NoError(t, f.KeepAlive(KeepAlive{Probe: func() []byte {
				seen[f.Remote().String()]++ // all on one goroutine
				return []byte(ping)
			}}))
		}
		name.Port = 9999
		f, _ := alice.Ready(name)
		require.ErrorIs(t, f.KeepAlive(probing()), ErrTooManyFlows)
		synctest.Wait()
		require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
		<-time.After(20 * time.Minute)
		synctest.Wait()
		require.Len(t, seen, count)
		for who, n := range seen {
			require.GreaterOrEqual(t, n, 1200/29, who)
			require.LessOrEqual(t, n, 1200/24, who)
		}
	})
}

// A probe that panics, or gives nothing, harms nobody else.
func TestProbePanics(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, f, c := v.kept(KeepAlive{Probe: func() []byte { panic("no probe") }})
		<-time.After(time.Minute)
		require.NotZero(t, alice.Stats().Panics)
		require.NoError(t, f.KeepAlive(KeepAlive{Probe: func() []byte { return nil }}))
		<-time.After(time.Minute)
		require.NoError(t, f.KeepAlive(probing()))
		arrival(t, c)
		require.NoError(t, c.Close())
	})
}
