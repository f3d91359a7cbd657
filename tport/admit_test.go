package tport

import (
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// step lets time pass, so that one connection is idle for longer than the next.
func step() { <-time.After(time.Second) }

// gone reports whether the other end has closed c, without waiting.
func gone(t *testing.T, c net.Conn) bool {
	t.Helper()
	synctest.Wait()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
	_, err := c.Read(make([]byte, 1))
	require.Error(t, err)
	return !timedOut(err)
}

// The longest idle connection makes place for a new one, never one that is held.
func TestShedOldestIdle(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MaxFlows = 3 })
		var c [6]net.Conn
		var f [6]*Flow
		open := func(i int) {
			c[i] = v.connect(at)
			f[i] = get(t, bob.opened)
			step()
		}
		open(0)
		open(1)
		open(2)
		write(t, c[0], text("1", "")) // now the second is the longest idle
		bob.next()
		step()
		open(3)
		require.True(t, gone(t, c[1]))
		require.False(t, gone(t, c[0]))
		got := get(t, bob.failed)
		require.Same(t, f[1], got.flow)
		require.ErrorIs(t, got.err, ErrShed)

		f[2].Hold()
		open(4)
		require.True(t, gone(t, c[0]))
		require.False(t, gone(t, c[2]))

		// With all of them held, the newcomer is turned away.
		f[3].Hold()
		f[4].Hold()
		c[5] = v.connect(at)
		require.True(t, gone(t, c[5]))
		f[2].Release()
		require.NoError(t, c[5].Close())
		open(5)
		require.True(t, gone(t, c[2]))
		s := bob.Stats()
		require.EqualValues(t, 3, s.Shed)
		require.EqualValues(t, 1, s.Turned)
		require.EqualValues(t, 6, s.Accepted)
		require.Equal(t, 3, s.Flows)
		for _, c := range c {
			c.Close()
		}
	})
}

// Whatever order they have come and been used in, it is always the one that was
// idle for longest, among those that nobody holds.
func TestShedOrder(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		const count = 20
		_, bob, at := v.pair(func(c *Config) { c.MaxFlows = count })
		dice := rand.New(rand.NewPCG(1, 2))
		last, held := map[*Flow]time.Time{}, map[*Flow]bool{}
		conns := map[*Flow]net.Conn{}
		for range 500 {
			step()
			flows := slices.SortedFunc(maps.Keys(last), func(a, b *Flow) int { return last[a].Compare(last[b]) })
			switch dice.IntN(4) {
			case 0, 1: // one is used
				if len(flows) > 0 {
					f := flows[dice.IntN(len(flows))]
					write(t, conns[f], text("1", ""))
					bob.next()
					last[f] = time.Now()
				}
			case 2: // one is held, or no longer
				if len(flows) > 0 {
					f := flows[dice.IntN(len(flows))]
					if held[f] {
						delete(held, f)
						f.Release()
						last[f] = time.Now()
					} else if len(held) < count/2 {
						held[f] = true
						f.Hold()
					}
				}
			case 3: // a newcomer
				c := v.connect(at)
				f := get(t, bob.opened)
				if len(last) == count {
					free := slices.IndexFunc(flows, func(f *Flow) bool { return !held[f] })
					got := get(t, bob.failed)
					require.ErrorIs(t, got.err, ErrShed)
					require.Same(t, flows[free], got.flow)
					require.NoError(t, conns[got.flow].Close())
					delete(last, got.flow)
				}
				last[f], conns[f] = time.Now(), c
			}
		}
		require.Greater(t, bob.Stats().Shed, uint64(50))
		for _, c := range conns {
			c.Close()
		}
	})
}

// T12: one source cannot take the place of the others.
func TestShedPerSource(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MaxFlowsPerSource = 2 })
		carol := v.net.MustHost("carol", "203.0.113.1")
		other, err := carol.DialContext(t.Context(), "tcp", at.String())
		require.NoError(t, err)
		step()
		var c [3]net.Conn
		for i := range c {
			c[i] = v.connect(at)
			step()
		}
		require.True(t, gone(t, c[0]))
		require.False(t, gone(t, c[1]))
		require.False(t, gone(t, c[2]))
		require.False(t, gone(t, other))
		for range 4 {
			get(t, bob.opened).Hold()
		}
		last := v.connect(at)
		require.True(t, gone(t, last))
		for _, c := range append(c[:], last, other) {
			require.NoError(t, c.Close())
		}
		synctest.Wait()
		require.Empty(t, bob.sources)
		require.Empty(t, bob.flows)
		require.Zero(t, bob.idle.Len())
	})
}

// Connections made from here count too, and find their place in the same way.
func TestShedForDial(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob := v.node(v.alice, func(c *Config) { c.MaxFlows = 1 }), v.node(v.bob)
		one := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		two := bob.listen(TCP, "198.51.100.2", 5060).Addr()
		first := alice.dial(TCP, one)
		second := alice.dial(TCP, two)
		require.ErrorIs(t, first.Err(), ErrShed)
		second.Hold()
		_, err := alice.Dial(t.Context(), nameOf(TCP, one))
		require.ErrorIs(t, err, ErrTooManyFlows)
		require.Same(t, second, alice.dial(TCP, two))
		second.Release()
		alice.dial(TCP, one)
	})
}

func TestNoCaps(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.MaxFlows, c.MaxFlowsPerSource = -1, -1 })
		var c [50]net.Conn
		for i := range c {
			c[i] = v.connect(at)
		}
		synctest.Wait()
		require.Equal(t, len(c), bob.Stats().Flows)
		for _, c := range c {
			require.NoError(t, c.Close())
		}
		for range c {
			require.ErrorIs(t, get(t, bob.failed).err, io.EOF)
		}
	})
}

func TestSourceOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1":           "192.0.2.1/32",
		"2001:db8:0:1::1":     "2001:db8:0:1::/64",
		"2001:db8:0:1:ffff::": "2001:db8:0:1::/64",
		"fe80::1%eth0":        "fe80::/64",
	} {
		require.Equal(t, want, sourceOf(netip.MustParseAddr(in)).String())
	}
}
