package tport

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// table is a table of descriptors that may be full.
type table struct {
	free atomic.Int32
}

func (d *table) listen(host *simnet.Host) func(context.Context, string, string) (net.Listener, error) {
	return func(ctx context.Context, network, address string) (net.Listener, error) {
		l, err := host.Listen(ctx, network, address)
		return &tabled{l, d}, err
	}
}

func (d *table) dial(host *simnet.Host) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if d.free.Add(-1) < 0 {
			d.free.Add(1)
			return nil, syscall.EMFILE
		}
		c, err := host.DialContext(ctx, network, address)
		if err != nil {
			d.free.Add(1)
			return nil, err
		}
		return &entry{Conn: c, d: d}, nil
	}
}

type tabled struct {
	net.Listener
	d *table
}

func (l *tabled) Accept() (net.Conn, error) {
	if l.d.free.Load() == 0 {
		return nil, syscall.EMFILE // as Linux does, whether someone waits or not
	}
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.d.free.Add(-1)
	return &entry{Conn: c, d: l.d}, nil
}

type entry struct {
	net.Conn
	d    *table
	gone atomic.Bool
}

func (e *entry) Close() error {
	if !e.gone.Swap(true) {
		e.d.free.Add(1)
	}
	return e.Conn.Close()
}

// A full table of descriptors costs the longest idle connection that nobody
// holds; a peer is served at once, and nothing spins.
func TestAcceptWithoutDescriptors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var d table
		d.free.Store(4)
		bob := v.node(v.bob, func(c *Config) { c.Listen = d.listen(v.bob) })
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		var c [8]net.Conn
		for i := range 3 {
			c[i] = v.connect(at)
			get(t, bob.opened)
			step()
		}
		get := func(i int) *Flow {
			begin := time.Now()
			write(t, c[i], text("1", ""))
			d, _ := bob.next()
			require.Less(t, time.Since(begin), 100*time.Millisecond)
			return d.Flow
		}
		held := get(0)
		held.Hold()
		for i := 3; i < 8; i++ {
			c[i] = v.connect(at)
			get(i)
			step()
		}
		require.NoError(t, held.Err())
		require.True(t, gone(t, c[1]))
		require.True(t, gone(t, c[2]))
		s := bob.Stats()
		require.EqualValues(t, 8, s.Accepted)
		require.GreaterOrEqual(t, s.Shed, uint64(4))
		require.GreaterOrEqual(t, s.NoDescriptors, uint64(4))
		for _, c := range c {
			require.NoError(t, c.Close())
		}
	})
}

// With nothing to shed there is one try a second, and service once there is a
// descriptor again.
func TestAcceptWaitsForDescriptors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var d table
		bob := v.node(v.bob, func(c *Config) { c.Listen = d.listen(v.bob) })
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		c := v.connect(at)
		write(t, c, text("1", ""))
		<-time.After(time.Minute)
		require.Less(t, bob.Stats().NoDescriptors, uint64(70))
		none(t, bob.inbox)
		d.free.Store(2) // one is always kept free for the next
		begin := time.Now()
		bob.next()
		require.LessOrEqual(t, time.Since(begin), time.Second)
		require.NoError(t, c.Close())
	})
}

// To connect makes place for itself in the same way.
func TestDialWithoutDescriptors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var d table
		d.free.Store(1)
		alice := v.node(v.alice, func(c *Config) { c.Dial, c.DialFrom = d.dial(v.alice), nil })
		bob := v.node(v.bob)
		one := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		two := bob.listen(TCP, "198.51.100.2", 5060).Addr()
		first := alice.dial(TCP, one)
		second := alice.dial(TCP, two)
		require.ErrorIs(t, first.Err(), ErrShed)
		second.Hold()
		_, err := alice.Dial(t.Context(), nameOf(TCP, one))
		require.ErrorIs(t, err, syscall.EMFILE)
		require.NoError(t, second.Err())
		require.EqualValues(t, 2, alice.Stats().NoDescriptors)
	})
}

// Connections that are reset before they are accepted do not stop the others.
func TestAcceptAborted(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		v.bob.Fail(simnet.FaultAccept, syscall.ECONNABORTED, 3)
		c := v.connect(at)
		write(t, c, text("1", ""))
		bob.next()
		require.EqualValues(t, 3, bob.Stats().ReadErrors)
		require.Zero(t, bob.Stats().NoDescriptors)
		require.NoError(t, c.Close())
		synctest.Wait()
	})
}
