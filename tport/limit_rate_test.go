package tport

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Datagrams beyond the rate of their source are dropped, those of others not.
func TestRateUDP(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob, func(c *Config) { c.MessageRate, c.MessageBurst = 10, 20 })
		at := bob.listen(UDP, "198.51.100.1", 5060).Addr()
		alice := v.node(v.alice)
		carol := v.node(v.net.MustHost("carol", "203.0.113.1"))
		alice.listen(UDP, "192.0.2.1", 5060)
		alice.listen(UDP, "192.0.2.1", 5062) // the same source
		carol.listen(UDP, "203.0.113.1", 5060)
		m := parse(t, text("1", ""))
		burst := func(n *node, count int) int {
			before := len(bob.inbox)
			for range count {
				require.NoError(t, n.dial(UDP, at).Send(m))
			}
			synctest.Wait()
			return len(bob.inbox) - before
		}
		require.Equal(t, 20, burst(alice, 50))
		require.EqualValues(t, 30, bob.Stats().RateLimited)
		require.ErrorIs(t, get(t, bob.drops).Err, ErrRate)
		require.Equal(t, 20, burst(carol, 50))
		<-time.After(500 * time.Millisecond)
		require.Equal(t, 5, burst(alice, 50))
		<-time.After(time.Hour)
		require.Equal(t, 20, burst(alice, 50))
	})
}

// A connection is read only as fast: nothing is lost, and others do not wait.
func TestRateTCP(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MessageRate = 10 })
		carol := v.net.MustHost("carol", "203.0.113.1")
		other, err := carol.DialContext(t.Context(), "tcp", at.String())
		require.NoError(t, err)
		c := v.connect(at)
		all := ""
		for i := range 100 {
			all += text(fmt.Sprint(i), "")
		}
		begin := time.Now()
		write(t, c, all)
		for i := range 100 {
			_, id := bob.next()
			require.Equal(t, fmt.Sprint(i), id)
			if i == 50 {
				now := time.Now()
				write(t, other, text("other", ""))
				_, id := bob.next()
				require.Equal(t, "other", id)
				require.Zero(t, time.Since(now))
			}
		}
		require.Equal(t, 9*time.Second, time.Since(begin).Round(time.Millisecond))
		require.EqualValues(t, 90, bob.Stats().RateLimited)
		none(t, bob.failed)
		require.NoError(t, c.Close())
		require.NoError(t, other.Close())
	})
}

// The time that a peer was put off is not held against it, and Close does not
// wait for its turn.
func TestRateIsPatient(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MessageRate, c.MessageTimeout = 1, 5*time.Second })
		c := v.connect(at)
		f := get(t, bob.opened)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: 8 * time.Second, Jitter: -1, Timeout: 2 * time.Second}))
		all, m := "", text("1", pad(200))
		for range 10 {
			all += m
		}
		pinged(t, c)
		write(t, c, all+pong+m[:100])
		for range 10 {
			bob.next()
		}
		synctest.Wait()
		require.EqualValues(t, 1, bob.Stats().Pongs)
		require.NoError(t, f.KeepAlive(KeepAlive{Interval: -1}))
		<-time.After(4 * time.Second)
		write(t, c, m[100:])
		bob.next()
		synctest.Wait()
		none(t, bob.failed)
		write(t, c, all)
		begin := time.Now()
		synctest.Wait()
		require.NoError(t, bob.Close())
		require.Less(t, time.Since(begin), time.Second)
		require.NoError(t, c.Close())
	})
}

// Forged sources by the million take no more than their place, and leave the
// rates of those who are known alone.
func TestRateTableIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		n := v.node(v.alice, func(c *Config) { c.MessageRate = 1 })
		known := netip.MustParseAddr("192.0.2.7")
		require.True(t, n.admit(known))
		require.False(t, n.admit(known))
		admitted := 0
		for i := range maxRateSources + 5000 {
			a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			if n.admit(a) {
				admitted++
			}
			require.LessOrEqual(t, len(n.rates.buckets), maxRateSources)
		}
		require.Equal(t, maxRateSources, admitted, "those beyond share one bucket")
		require.False(t, n.admit(known))
		<-time.After(time.Hour)
		for i := range 1000 { // those who are quiet make place
			require.True(t, n.admit(netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)})))
		}
		require.True(t, n.admit(netip.MustParseAddr("2001:db8::1")))
		require.False(t, n.admit(netip.MustParseAddr("2001:db8::2")), "one /64 is one source")
	})
}
