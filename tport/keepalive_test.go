package tport

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeepAliveRefused(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair(func(c *Config) { c.MaxFlows = 1 })
		alice.listen(UDP, "192.0.2.1", 5060)
		require.ErrorIs(t, alice.dial(TCP, at).KeepAlive(KeepAlive{Interval: time.Millisecond}), errInterval)
		f := alice.dial(UDP, at)
		require.ErrorIs(t, f.KeepAlive(KeepAlive{}), errNoProbe)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: -1}))
		require.Zero(t, alice.Stats().Kept)
		_, err := New(Config{Class: testClass(), Deliver: func(*Delivery) {}, KeepAlive: &KeepAlive{Interval: 1}})
		require.ErrorIs(t, err, errInterval)
	})
}

// pinged waits for a ping, of which there must be no more, and returns when it came.
func pinged(t *testing.T, c net.Conn) time.Time {
	t.Helper()
	expect(t, c, ping)
	return time.Now()
}

// Pings go out at 80 to 100 % of the interval, by chance; a pong keeps the flow.
func TestPing(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		f := get(t, bob.opened)
		require.NoError(t, f.KeepAlive(KeepAlive{}))
		last := time.Now()
		different := map[time.Duration]bool{}
		for i := range 10 {
			now := pinged(t, c)
			d := now.Sub(last)
			require.GreaterOrEqual(t, d, DefaultPing*8/10)
			require.LessOrEqual(t, d, DefaultPing)
			different[d] = true
			last = now
			<-time.After(DefaultPongTimeout - time.Millisecond)
			write(t, c, pong)
			if i%2 == 0 { // messages between them are no trouble
				write(t, c, text("1", ""))
				bob.next()
			}
		}
		require.Greater(t, len(different), 5)
		require.EqualValues(t, 10, bob.Stats().PingsSent)
		require.Zero(t, bob.Stats().Pings)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: -1}))
		begin := time.Now()
		require.ErrorIs(t, get(t, bob.failedAfter(time.Hour)).err, ErrIdle)
		require.LessOrEqual(t, time.Since(begin), DefaultIdle, "pings are no use of the flow")
		require.EqualValues(t, 10, bob.Stats().PingsSent)
		require.NoError(t, c.Close())
	})
}

// Without a pong the flow is dead 10 seconds after the ping (Sofia's
// TPTAG_PINGPONG), and whoever holds it learns why.
func TestPingWithoutPong(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		f := get(t, bob.opened)
		told := make(chan error, 1)
		_, err := f.Watch(func(err error) { told <- err })
		require.NoError(t, err)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: time.Minute, Jitter: -1}))
		begin := time.Now()
		require.Equal(t, begin.Add(time.Minute), pinged(t, c))
		require.ErrorIs(t, get(t, bob.failedAfter(time.Hour)).err, ErrNoPong)
		require.Equal(t, time.Minute+DefaultPongTimeout, time.Since(begin))
		require.ErrorIs(t, get(t, told), ErrNoPong)
		require.EqualValues(t, 1, bob.Stats().NoPong)
		require.NoError(t, c.Close())

		// With Timeout negative nobody waits for one.
		c = v.connect(at)
		f = get(t, bob.opened)
		f.Hold()
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: time.Minute, Timeout: -1}))
		for range 100 {
			pinged(t, c)
		}
		none(t, bob.failed)
		require.NoError(t, c.Close())
	})
}

// A black hole is found within an interval and the time of a pong.
func TestPingIntoBlackHole(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice := v.node(v.alice, func(c *Config) { c.KeepAlive = &KeepAlive{Interval: 30 * time.Second} })
		bob := v.node(v.bob)
		f := alice.dial(TCP, bob.listen(TCP, "198.51.100.1", 5060).Addr())
		<-time.After(10 * time.Minute)
		require.Less(t, uint64(15), alice.Stats().Pongs)
		none(t, alice.failed)
		v.net.Partition(v.alice, v.bob, true)
		begin := time.Now()
		got := get(t, alice.failedAfter(time.Hour))
		require.Same(t, f, got.flow)
		require.ErrorIs(t, got.err, ErrNoPong)
		require.LessOrEqual(t, time.Since(begin), 30*time.Second+DefaultPongTimeout)
		require.NotSame(t, f, get(t, bob.opened))
		require.Zero(t, bob.Stats().PingsSent, "the default is for those who dial")
	})
}

// A message that is coming in when the time is over may end first.
func TestPongBehindMessage(t *testing.T) {
	for _, pongs := range []bool{true, false} {
		bubble(t, func(t *testing.T, v *virtual) {
			_, bob, at := v.pair()
			c := v.connect(at)
			require.NoError(t, get(t, bob.opened).KeepAlive(KeepAlive{Interval: time.Minute, Jitter: -1}))
			pinged(t, c)
			<-time.After(9 * time.Second)
			m := text("1", pad(1000))
			write(t, c, m[:500])
			<-time.After(9 * time.Second)
			none(t, bob.failed)
			rest := m[500:]
			if pongs {
				rest += pong
			}
			write(t, c, rest)
			bob.next()
			synctest.Wait()
			if pongs {
				none(t, bob.failed)
			} else {
				require.ErrorIs(t, get(t, bob.failed).err, ErrNoPong)
			}
			require.NoError(t, c.Close())
		})
	}
}

// Two ends of ours that ping each other for hours are content with each other,
// though a ping of one and a pong of the other look alike.
func TestPingEachOther(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice := v.node(v.alice, func(c *Config) { c.KeepAlive = &KeepAlive{Interval: 7 * time.Second} })
		bob := v.node(v.bob)
		f := alice.dial(TCP, bob.listen(TCP, "198.51.100.1", 5060).Addr())
		f.Hold()
		accepted := get(t, bob.opened)
		accepted.Hold()
		require.NoError(t, accepted.KeepAlive(KeepAlive{Interval: 11 * time.Second}))
		<-time.After(3 * time.Hour)
		none(t, alice.failed)
		none(t, bob.failed)
		a, b := alice.Stats(), bob.Stats()
		require.Greater(t, a.PingsSent, uint64(1500))
		require.Greater(t, b.PingsSent, uint64(900))
		require.Less(t, a.Pings+b.Pings, 2*(a.PingsSent+b.PingsSent), "no answer to answers without end")
	})
}

// A server gives up a flow that was silent for longer than the Flow-Timer that
// it announced, and some grace (RFC 5626 section 5.4). Held or not.
func TestSilence(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		f := get(t, bob.opened)
		f.Hold()
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: -1, Silence: 130 * time.Second}))
		for range 10 {
			<-time.After(2 * time.Minute)
			write(t, c, ping)
			expect(t, c, pong)
		}
		// What we send is no sign of the peer's life.
		begin := time.Now()
		<-time.After(time.Minute)
		require.NoError(t, f.Send(parse(t, refusal)))
		got := get(t, bob.failedAfter(time.Hour))
		require.ErrorIs(t, got.err, ErrSilent)
		require.Equal(t, 130*time.Second, time.Since(begin))
		require.EqualValues(t, 1, bob.Stats().Silent)
		require.Zero(t, bob.Stats().PingsSent)
		require.NoError(t, c.Close())
	})
}

// The keep-alive works by descriptor, too, and beside traffic.
func TestPingReal(t *testing.T) {
	alice := realNode(t, func(c *Config) { c.KeepAlive = &KeepAlive{Interval: minInterval} })
	bob := realNode(t)
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	f := alice.dial(TCP, at)
	for range 20 {
		require.NoError(t, f.Send(parse(t, text("1", pad(500)))))
		bob.next()
	}
	require.Eventually(t, func() bool { return alice.Stats().Pongs >= 3 }, 10*time.Second, time.Millisecond)
	require.NoError(t, f.Err())

	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer mute.Close()
	f = alice.dial(TCP, addrPortOf(mute.Addr()))
	require.NoError(t, f.KeepAlive(KeepAlive{Interval: minInterval, Timeout: minInterval}))
	got := get(t, alice.failed)
	require.ErrorIs(t, got.err, ErrNoPong)
	require.Same(t, f, got.flow)
	_, ok := errors.AsType[*Error](got.err)
	require.True(t, ok)
}
