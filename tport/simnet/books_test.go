package simnet

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestBooksAreCleared looks at what a host still knows after each way in which a
// connection can end.
func TestBooksAreCleared(t *testing.T) {
	ctx := context.Background()
	ends := map[string]func(n *Network, a, b *Conn){
		"both close":      func(_ *Network, a, b *Conn) { a.Close(); b.Close() },
		"one resets":      func(_ *Network, a, b *Conn) { a.SetLinger(0); a.Close() },
		"one crashes":     func(_ *Network, a, b *Conn) { b.host.Crash() },
		"close, partial":  func(_ *Network, a, b *Conn) { a.Write([]byte("unread")); time.Sleep(time.Second); b.Close() },
		"stalled forever": func(n *Network, a, b *Conn) { n.Partition(a.host, b.host, true); a.Close(); b.Close() },
	}
	for name, end := range ends {
		synctest.Test(t, func(t *testing.T) {
			n := New(Config{Link: Link{Delay: time.Millisecond}})
			defer n.Close()
			alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
			l, err := bob.Listen(ctx, "tcp", ":5060")
			require.NoError(t, err)
			a, err := alice.DialContext(ctx, "tcp", "bob:5060")
			require.NoError(t, err)
			b, err := l.Accept()
			require.NoError(t, err)
			end(n, a.(*Conn), b.(*Conn))
			time.Sleep(time.Hour)
			requireClear(t, name, alice, bob)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		n := New(Config{Link: Link{Delay: 10 * time.Millisecond}})
		defer n.Close()
		alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
		dial := func(after time.Duration) {
			ctx, cancel := context.WithTimeout(ctx, after)
			defer cancel()
			_, err := alice.DialContext(ctx, "tcp", "192.0.2.2:5060")
			require.Error(t, err)
			time.Sleep(time.Hour)
			requireClear(t, after.String(), alice, bob)
		}
		dial(time.Minute) // refused
		l, err := bob.Listen(ctx, "tcp", ":5060")
		require.NoError(t, err)
		dial(5 * time.Millisecond)  // given up while the SYN travels
		dial(15 * time.Millisecond) // given up while the SYN-ACK does
		require.Empty(t, l.(*Listener).opening)
		bob.Down(true)
		dial(time.Minute)
		dial(time.Hour) // ETIMEDOUT
	})
}

func requireClear(t *testing.T, what string, hosts ...*Host) {
	t.Helper()
	for _, h := range hosts {
		h.net.mu.Lock()
		require.Empty(t, h.conns, what)
		require.Empty(t, h.dialled, what)
		require.Empty(t, h.net.sched.heap, what)
		h.net.mu.Unlock()
	}
}
