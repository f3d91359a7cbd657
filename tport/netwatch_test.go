package tport

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type change struct{ added, removed []netip.Addr }

// watching has the node see the addresses of its host come and go.
func watching(v *virtual, changes chan change) func(*Config) {
	return func(c *Config) {
		c.InterfaceAddrs = v.alice.InterfaceAddrs
		c.InterfaceInterval = 5 * time.Second
		c.Changed = func(added, removed []netip.Addr) { changes <- change{added, removed} }
	}
}

// When an address goes, connections and kept flows from it end and say why; the
// others live, and what is dialled next leaves from another address.
func TestNetworkChange(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		changes := make(chan change, 10)
		alice, bob := v.node(v.alice, watching(v, changes)), v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		bob.listen(UDP, "198.51.100.1", 5060)
		old, fresh := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.77")
		alice.listen(UDP, "0.0.0.0", 5060)
		flow := alice.dial(TCP, at)
		require.Equal(t, old, flow.Local().Addr())
		six := bob.listen(TCP, "2001:db8::2", 5060).Addr()
		other := alice.dial(TCP, six)
		watched := alice.dial(UDP, at)
		ended := make(chan error, 1)
		_, err := watched.Watch(func(err error) { ended <- err })
		require.NoError(t, err)

		require.NoError(t, v.alice.AddAddr(fresh))
		require.Equal(t, change{added: []netip.Addr{fresh}}, get(t, changes))
		require.Equal(t, fresh, alice.dial(UDP, at).Local().Addr()) // the route was forgotten
		require.NoError(t, flow.Err())

		require.NoError(t, v.alice.RemoveAddr(old))
		require.Equal(t, change{removed: []netip.Addr{old}}, get(t, changes))
		require.ErrorIs(t, get(t, ended), ErrAddressGone)
		<-flow.Done()
		require.ErrorIs(t, flow.Err(), ErrAddressGone)
		require.NoError(t, other.Err())
		require.Equal(t, fresh, alice.dial(TCP, at).Local().Addr())
		require.EqualValues(t, 2, alice.Stats().NetworkChanges)
	})
}

// An address that goes and comes back within the second is no change.
func TestNetworkBlink(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		changes := make(chan change, 10)
		alice := v.node(v.alice, watching(v, changes))
		alice.listen(UDP, "0.0.0.0", 5060)
		old := netip.MustParseAddr("192.0.2.1")
		<-time.After(4500 * time.Millisecond)
		require.NoError(t, v.alice.RemoveAddr(old))
		<-time.After(time.Second) // it is seen at 5 s
		require.NoError(t, v.alice.AddAddr(old))
		<-time.After(time.Minute)
		none(t, changes)
		require.Zero(t, alice.Stats().NetworkChanges)
	})
}

// A list that fails or panics changes nothing; -1 watches nothing.
func TestNetworkUnknown(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		changes := make(chan change, 10)
		var asked atomic.Int32
		alice := v.node(v.alice, watching(v, changes), func(c *Config) {
			c.InterfaceAddrs = func() ([]net.Addr, error) {
				switch n := asked.Add(1); {
				case n%3 == 0:
					panic("no addresses")
				case n%3 == 2 || n == 1:
					return nil, errors.New("no addresses")
				}
				return v.alice.InterfaceAddrs()
			}
		})
		alice.listen(UDP, "192.0.2.1", 5060)
		<-time.After(time.Minute)
		require.Greater(t, asked.Load(), int32(10))
		none(t, changes)

		quiet := v.node(v.bob, func(c *Config) {
			c.InterfaceInterval = -1
			c.InterfaceAddrs = func() ([]net.Addr, error) { panic("asked") }
		})
		quiet.listen(UDP, "198.51.100.1", 5060)
		<-time.After(time.Minute)
		require.Zero(t, quiet.Stats().Panics)
	})
}

// The watch of the system's own network ends with the transport.
func TestNetworkSystem(t *testing.T) {
	n := newNode(t, nil)
	n.listen(UDP, "127.0.0.1", 0)
	n.listen(UDP, "127.0.0.1", 0)
	require.True(t, n.watching)
	require.NoError(t, n.Close())
}
