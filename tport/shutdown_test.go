package tport

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// allGone is how soon nothing of a transport may be left once it must end.
const allGone = 100 * time.Millisecond

// busyNode makes a node whose peers are as unhelpful as can be: they read nothing
// while much waits for them, have not ended their message or their handshake,
// or do not answer when they are called.
func busyNode(t *testing.T, n int) (bob *node, hangUp func()) {
	t.Helper()
	ca := newAuthority(t, "authority")
	stuck := make(chan struct{})
	bob = realNode(t, serving(ca.domain("example.com")), func(c *Config) {
		c.HandshakeTimeout, c.MessageTimeout, c.WriteTimeout, c.DialTimeout = -1, -1, -1, -1 // nothing ends by itself
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-stuck:
				return nil, net.ErrClosed
			}
		}
	})
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	secure := bob.listen(TLS, "127.0.0.1", 0).Addr()
	web := bob.listen(WS, "127.0.0.1", 0).Addr()
	bob.listen(UDP, "127.0.0.1", 0)
	var conns []net.Conn
	connect := func(to, octets string) {
		c, err := net.Dial("tcp", to)
		require.NoError(t, err)
		write(t, c, octets)
		conns = append(conns, c)
	}
	for range n {
		connect(at.String(), text("slow", ""))
		d, _ := bob.next()
		for big := parse(t, text("big", pad(100<<10))); d.Flow.Send(big) == nil; {
		}
		connect(at.String(), text("endless", "")[:30])
		connect(secure.String(), "\x16")
		connect(web.String(), "GET /")
		name := Name{Proto: TCP, Host: "127.0.0.9", Port: uint16(len(conns))}
		go func() { _, _ = bob.Dial(context.Background(), name) }()
	}
	require.Eventually(t, func() bool {
		s := bob.Stats()
		return s.HalfOpen == 2*n && s.Flows == 2*n && s.Dialling > 0
	}, time.Minute, time.Millisecond)
	return bob, func() {
		close(stuck)
		for _, c := range conns {
			c.Close()
		}
	}
}

// Close leaves nothing within 100 ms, whatever the peers do.
func TestCloseAtOnce(t *testing.T) {
	bob, hangUp := busyNode(t, 20)
	defer hangUp()
	begin := time.Now()
	require.NoError(t, bob.Close())
	t.Log("took", time.Since(begin))
	require.Less(t, time.Since(begin), allGone*slack)
	nothingLeft(t, bob)
}

// Shutdown takes no longer than its context and that.
func TestShutdownAtOnce(t *testing.T) {
	bob, hangUp := busyNode(t, 20)
	defer hangUp()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	require.ErrorIs(t, bob.Shutdown(ctx), context.DeadlineExceeded)
	require.Less(t, time.Since(begin), 50*time.Millisecond+allGone*slack)
	nothingLeft(t, bob)
}

func nothingLeft(t *testing.T, n *node) {
	t.Helper()
	s := n.Stats()
	require.Zero(t, s.Flows+s.Primaries+s.Dialling+s.HalfOpen+s.Held+s.Kept+s.Buffered)
	_, err := n.Dial(t.Context(), Name{Proto: TCP, Host: "127.0.0.1", Port: 1})
	require.ErrorIs(t, err, ErrClosed)
}

// While many connect, send and shut down, each sees either all or nothing, and
// nothing is left.
func TestCloseUnderLoad(t *testing.T) {
	for range 5 {
		bob := realNode(t)
		at := bob.listen(TCP, "127.0.0.1", 0).Addr()
		alice := realNode(t, func(c *Config) { c.Deliver = func(*Delivery) {} })
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for i := range 100 {
					name := nameOf(TCP, at)
					name.Fresh = i%3 == 0
					f, err := alice.Send(context.Background(), name, parse(t, text("1", "")))
					if err != nil {
						return
					}
					release, err := f.Watch(func(error) {})
					if err == nil && i%2 == 0 {
						release()
					}
					_ = f.KeepAlive(KeepAlive{})
				}
			})
		}
		get(t, bob.inbox)
		begin := time.Now()
		require.NoError(t, alice.Close())
		require.Less(t, time.Since(begin), allGone*slack)
		require.NoError(t, bob.Close())
		require.Less(t, time.Since(begin), 2*allGone*slack)
		all.Wait()
		nothingLeft(t, alice)
		nothingLeft(t, bob)
	}
}
