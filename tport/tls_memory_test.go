//go:build unix

package tport

import (
	"crypto/tls"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sealedBudget is what one idle TLS connection may cost in octets, its goroutine
// and everything of the packages net and crypto/tls included.
const sealedBudget = 20 << 10

// An idle TLS connection holds no buffer of ours, also after it has carried
// messages. The other ends are bare descriptors whose TLS is thrown away.
func TestIdleTLSConnections(t *testing.T) {
	if underRace {
		t.Skip("the race detector needs memory of its own")
	}
	const count = 400
	ca := newAuthority(t, "authority")
	bob := realNode(t, serving(ca.domain("bob.example.com")), func(c *Config) {
		c.Trace, c.Failed = nil, nil
		answer := parse(t, refusal)
		deliver := c.Deliver
		c.Deliver = func(d *Delivery) {
			_ = d.Flow.Send(answer)
			deliver(d)
		}
	})
	at := bob.listen(TLS, "127.0.0.1", 0).Addr()
	bob.settle = time.Millisecond
	settled := func(n int) {
		require.Eventually(t, func() bool {
			bob.mu.Lock()
			defer bob.mu.Unlock()
			for _, s := range bob.flows {
				if s.deep.Load() {
					return false
				}
			}
			return len(bob.flows) == n
		}, 10*time.Second, time.Millisecond)
	}
	peers := make([]int, 0, count+10)
	defer func() {
		for _, fd := range peers {
			_ = syscall.Close(fd)
		}
	}()
	cfg := &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"}
	open := func(n int) {
		for range n {
			fd := bareConnect(t, at)
			peers = append(peers, fd)
			c := tls.Client(newFDConn(fd), cfg)
			for range 3 {
				write(t, c, text("1", pad(800)))
				bob.next()
				expect(t, c, refusal)
			}
		}
	}
	open(10)
	settled(10)
	before := inUse()
	open(count)
	settled(count + 10)
	each := float64(inUse()-before) / count
	t.Logf("%.0f octets for each idle TLS connection", each)
	require.Less(t, each, float64(sealedBudget))
}
