//go:build unix

package tport

import (
	"crypto/tls"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An idle WebSocket connection costs what one of TCP or TLS does, also after it
// has carried messages: nothing is left of the HTTP server or of the upgrade.
func TestIdleWebSocketConnections(t *testing.T) {
	if underRace {
		t.Skip("the race detector needs memory of its own")
	}
	for proto, budget := range map[string]int{WS: idleBudget, WSS: sealedBudget} {
		t.Run(proto, func(t *testing.T) {
			const count = 400
			ca := newAuthority(t, "web")
			bob := realNode(t, anyOrigin, serving(ca.address("127.0.0.1")), func(c *Config) {
				c.Trace, c.Failed = nil, nil
				answer := parse(t, refusal)
				deliver := c.Deliver
				c.Deliver = func(d *Delivery) {
					_ = d.Flow.Send(answer)
					deliver(d)
				}
			})
			at := bob.listen(proto, "127.0.0.1", 0).Addr()
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
			cfg := &tls.Config{RootCAs: ca.pool(), ServerName: "127.0.0.1"}
			open := func(n int) {
				for range n {
					fd := bareConnect(t, at)
					peers = append(peers, fd)
					var c net.Conn = newFDConn(fd)
					if proto == WSS {
						c = tls.Client(c, cfg)
					}
					write(t, c, upgradeRequest)
					readSwitch(t, c)
					for range 3 {
						write(t, c, masked(0x81, text("1", pad(800))))
						bob.next()
						expect(t, c, wsFrame(0x81, "", refusal))
					}
				}
			}
			open(10)
			settled(10)
			before := inUse()
			open(count)
			settled(count + 10)
			each := float64(inUse()-before) / count
			t.Logf("%.0f octets for each idle %s connection", each, proto)
			require.Less(t, each, float64(budget))
		})
	}
}
