package tport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDialErrors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		n := v.node(v.alice)
		p := n.listen(TCP, "192.0.2.1", 5060)
		for _, row := range []struct {
			name Name
			want error
		}{
			{Name{Proto: "sctp", Host: "198.51.100.1", Port: 5060}, ErrNoTransport},
			{Name{Proto: "TCP", Host: "198.51.100.1", Port: 5060}, ErrNoTransport},
			{Name{Host: "198.51.100.1", Port: 5060}, ErrNoTransport},
			{Name{Proto: UDP, Host: "198.51.100.1", Port: 5060}, ErrNoTransport},
			{Name{Proto: TCP, Host: "example.com", Port: 5060}, ErrNotNumeric},
			{Name{Proto: UDP, Port: 5060}, ErrNotNumeric},
			{Name{Proto: TCP, Host: "198.51.100.1"}, ErrNoPort},
			{Name{Proto: TCP, Host: "198.51.100.1", Port: 5060}, syscall.ECONNREFUSED},
			{Name{Proto: TCP, Host: "198.51.100.1", Port: 5060, Ident: "none"}, ErrNoTransport},
		} {
			f, err := n.Dial(t.Context(), row.name)
			require.Nil(t, f, row.name)
			require.ErrorIs(t, err, row.want, row.name)
			_, ok := errors.AsType[*Error](err)
			require.True(t, ok, row.name)
			_, err = n.Send(t.Context(), row.name, parse(t, text("1", "")))
			require.ErrorIs(t, err, row.want, row.name)
			_, ok = n.Ready(row.name)
			require.False(t, ok, row.name)
		}
		require.EqualValues(t, 4, n.Stats().DialFailures) // with and without an Ident, by Dial and Send
		for _, name := range []Name{{Proto: "sctp"}, {Proto: UDP, Host: "example.com"}, {Proto: TCP, Host: "192.0.2.1", Port: 5060}, {Proto: TCP, Host: "203.0.113.1"}} {
			_, err := n.Listen(t.Context(), name)
			require.Error(t, err, name)
			_, ok := errors.AsType[*Error](err)
			require.True(t, ok, name)
		}
		require.Equal(t, []*Primary{p}, n.Primaries())
	})
}

// gated is a dial func that waits at a gate and counts.
type gated struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	gate  chan struct{}
	calls atomic.Int32
	ended atomic.Int32
}

func (g *gated) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	g.calls.Add(1)
	defer g.ended.Add(1)
	select {
	case <-g.gate:
		return g.dial(ctx, network, address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// All who want one connection at one time share the attempt, and what they
// send leaves in the order of their calls.
func TestDialShared(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		g := &gated{dial: v.alice.DialContext, gate: make(chan struct{})}
		alice := v.node(v.alice, func(c *Config) { c.Dial = g.Dial })
		bob := v.node(v.bob)
		name := nameOf(TCP, bob.listen(TCP, "198.51.100.1", 5060).Addr())
		const callers = 10
		flows := make([]*Flow, callers)
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				var err error
				if i == 0 {
					flows[i], err = alice.Dial(t.Context(), name)
				} else {
					flows[i], err = alice.Send(t.Context(), name, parse(t, text(fmt.Sprint(i), "")))
				}
				require.NoError(t, err)
			})
			synctest.Wait()
		}
		require.Equal(t, 1, alice.Stats().Dialling)
		_, ok := alice.Ready(name)
		require.False(t, ok)
		close(g.gate)
		all.Wait()
		for i := range callers {
			require.Same(t, flows[0], flows[i])
			if i > 0 {
				_, id := bob.next()
				require.Equal(t, fmt.Sprint(i), id)
			}
		}
		require.EqualValues(t, 1, g.calls.Load())
		require.EqualValues(t, 1, alice.Stats().Dialled)
		require.EqualValues(t, callers-1, alice.Stats().Sent)
		f, err := alice.Send(t.Context(), name, parse(t, text("ready", "")))
		require.NoError(t, err)
		require.Same(t, flows[0], f)
		bob.next()
	})
}

// Another domain, grammar or Ident never shares a connection.
func TestDialNotShared(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		_, err := alice.Listen(t.Context(), Name{Proto: UDP, Host: "192.0.2.1", Port: 5060, Ident: "one"})
		require.NoError(t, err)
		_, err = alice.Listen(t.Context(), Name{Proto: TCP, Port: 5060, Ident: "all"})
		require.NoError(t, err)
		name := nameOf(TCP, at)
		seen := map[*Flow]bool{}
		for _, change := range []func(*Name){
			func(*Name) {},
			func(n *Name) { n.ServerName = "example.com" },
			func(n *Name) { n.ServerName = "example.org" },
			func(n *Name) { n.Class = testClass() },
			func(n *Name) { n.Ident = "all" },
		} {
			n := name
			change(&n)
			f, err := alice.Dial(t.Context(), n)
			require.NoError(t, err)
			require.False(t, seen[f])
			seen[f] = true
			again, err := alice.Dial(t.Context(), n)
			require.NoError(t, err)
			require.Same(t, f, again)
		}
	})
}

// An Ident chooses the address that a connection leaves from.
func TestDialFromIdent(t *testing.T) {
	for _, own := range []bool{true, false} {
		bubble(t, func(t *testing.T, v *virtual) {
			bob := v.node(v.bob, func(c *Config) {
				if !own {
					c.DialFrom = nil
				}
			})
			alice := v.node(v.alice)
			name := nameOf(TCP, alice.listen(TCP, "192.0.2.1", 5060).Addr())
			name.Ident = "second"
			_, err := bob.Listen(t.Context(), Name{Proto: TCP, Host: "198.51.100.2", Port: 5060, Ident: "second"})
			require.NoError(t, err)
			f, err := bob.Dial(t.Context(), name)
			if !own {
				require.ErrorIs(t, err, ErrWrongSource)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "198.51.100.2", f.Local().Addr().String())
		})
	}
	bob, alice := realNode(t), realNode(t)
	name := nameOf(TCP, alice.listen(TCP, "127.0.0.1", 0).Addr())
	name.Ident = "second"
	_, err := bob.Listen(t.Context(), Name{Proto: TCP, Host: "127.0.0.2", Ident: "second"})
	require.NoError(t, err)
	f, err := bob.Dial(t.Context(), name)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.2", f.Local().Addr().String())
}

// Without an Ident a connection leaves from an address that is listened on, so
// that Via can name a port at which the peer finds us again.
func TestDialFromListener(t *testing.T) {
	for _, tt := range []struct {
		why    string
		listen []string
		want   string
	}{
		{"one address", []string{"127.0.0.2"}, "127.0.0.2"},
		{"the one the system would choose", []string{"127.0.0.2", "127.0.0.1"}, "127.0.0.1"},
		{"every address", []string{"127.0.0.2", ""}, "127.0.0.1"},
		{"another family", []string{"::1"}, "127.0.0.1"},
		{"none", nil, "127.0.0.1"},
	} {
		t.Run(tt.why, func(t *testing.T) {
			bob, alice := realNode(t), realNode(t)
			name := nameOf(TCP, alice.listen(TCP, "127.0.0.1", 0).Addr())
			for _, host := range tt.listen {
				if _, err := bob.Listen(t.Context(), Name{Proto: TCP, Host: host}); err != nil && host == "::1" {
					t.Skipf("no IPv6 here: %v", err)
				} else {
					require.NoError(t, err)
				}
			}
			f, err := bob.Dial(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, tt.want, f.Local().Addr().String())
		})
	}
	// A Dial that cannot choose is good enough without an Ident.
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob, func(c *Config) { c.DialFrom = nil })
		alice := v.node(v.alice)
		name := nameOf(TCP, alice.listen(TCP, "192.0.2.1", 5060).Addr())
		bob.listen(TCP, "198.51.100.2", 5060)
		f, err := bob.Dial(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "198.51.100.1", f.Local().Addr().String())
	})
	bubble(t, func(t *testing.T, v *virtual) {
		bob, alice := v.node(v.bob), v.node(v.alice)
		name := nameOf(TCP, alice.listen(TCP, "192.0.2.1", 5060).Addr())
		bob.listen(TCP, "198.51.100.2", 5060)
		f, err := bob.Dial(t.Context(), name)
		require.NoError(t, err)
		require.Equal(t, "198.51.100.2", f.Local().Addr().String())
	})
}

// A context bounds the wait of one; the attempt goes on for the others, and
// ends when the last has gone. Nothing of those who left is sent.
func TestDialContext(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		g := &gated{dial: v.alice.DialContext, gate: make(chan struct{})}
		alice := v.node(v.alice, func(c *Config) { c.Dial = g.Dial })
		bob := v.node(v.bob)
		name := nameOf(TCP, bob.listen(TCP, "198.51.100.1", 5060).Addr())
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			t.Cleanup(cancel)
			return ctx
		}
		_, err := alice.Dial(short(), name)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.EqualValues(t, 1, g.ended.Load(), "nobody waits: the attempt is given up")
		require.Zero(t, alice.Stats().Dialling)

		var all sync.WaitGroup
		all.Go(func() {
			_, err := alice.Send(short(), name, parse(t, text("gone", "")))
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
		all.Go(func() {
			_, err := alice.Send(t.Context(), name, parse(t, text("stays", "")))
			require.NoError(t, err)
		})
		<-time.After(2 * time.Second)
		close(g.gate)
		all.Wait()
		_, id := bob.next()
		require.Equal(t, "stays", id)
		synctest.Wait()
		none(t, bob.inbox)
		require.EqualValues(t, 2, g.calls.Load())
	})
}

// An attempt that gets no answer ends by itself.
func TestDialTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		v.net.Partition(v.alice, v.bob, true)
		begin := time.Now()
		_, err := alice.Dial(t.Context(), nameOf(TCP, at))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, DefaultDialTimeout, time.Since(begin))
	})
}

// Messages that wait for a connection are bounded too.
func TestDialQueue(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		g := &gated{dial: v.alice.DialContext, gate: make(chan struct{})}
		alice := v.node(v.alice, func(c *Config) { c.Dial, c.QueueSize = g.Dial, 2 })
		bob := v.node(v.bob)
		name := nameOf(TCP, bob.listen(TCP, "198.51.100.1", 5060).Addr())
		results := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := alice.Send(t.Context(), name, parse(t, text("1", "")))
				results <- err
			}()
		}
		require.ErrorIs(t, <-results, ErrQueueFull)
		close(g.gate)
		require.NoError(t, <-results)
		require.NoError(t, <-results)
		bob.next()
		bob.next()
	})
}

// Close ends the attempts too.
func TestDialClosed(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		g := &gated{dial: v.alice.DialContext, gate: make(chan struct{})}
		alice := v.node(v.alice, func(c *Config) { c.Dial = g.Dial })
		name := Name{Proto: TCP, Host: "198.51.100.1", Port: 5060}
		result := make(chan error, 1)
		go func() {
			_, err := alice.Dial(t.Context(), name)
			result <- err
		}()
		synctest.Wait()
		require.NoError(t, alice.Close())
		require.ErrorIs(t, <-result, ErrClosed)
		_, err := alice.Dial(t.Context(), name)
		require.ErrorIs(t, err, ErrClosed)
		_, err = alice.Dial(t.Context(), Name{Proto: UDP, Host: "198.51.100.1", Port: 5060})
		require.ErrorIs(t, err, ErrClosed)
		_, err = alice.Listen(t.Context(), Name{Proto: TCP, Host: "192.0.2.1"})
		require.ErrorIs(t, err, ErrClosed)
	})
}

// The source address of a peer is asked for once in a while, not each time.
func TestRouteIsKept(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var asked int
		n := v.node(v.alice, func(c *Config) {
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				asked++
				return v.alice.DialContext(ctx, network, address)
			}
		})
		n.listen(UDP, "", 5060)
		for _, to := range []string{"198.51.100.1:5060", "198.51.100.1:5062", "[2001:db8::2]:5060"} {
			for range 3 {
				f := n.dial(UDP, netip.MustParseAddrPort(to))
				require.Contains(t, v.alice.Addrs(), f.Local().Addr())
				require.EqualValues(t, 5060, f.Local().Port())
			}
		}
		require.Equal(t, 2, asked)
		<-time.After(routeLife)
		n.dial(UDP, netip.MustParseAddrPort("198.51.100.1:5060"))
		require.Equal(t, 3, asked)
		for i := range maxRoutes + 10 { // a map that peers cannot grow without end
			a := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			n.Ready(Name{Proto: UDP, Host: a.String(), Port: 5060})
			require.LessOrEqual(t, len(n.routes), maxRoutes)
		}
	})
}
