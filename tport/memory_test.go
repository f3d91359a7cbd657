//go:build unix

package tport

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What one idle connection may cost in octets, its goroutine and everything of
// the packages net and crypto/tls included.
const (
	idleBudget   = 5 << 10
	sealedBudget = 20 << 10
)

// An idle connection keeps no buffer and a small stack, also after it has
// carried messages.
func TestThousandIdleConnections(t *testing.T) {
	idleCost(t, TCP, 1000, idleBudget, func(bob *node, c net.Conn) {
		write(t, c, text("1", pad(800)))
		bob.next()
	})
}

// The same over TLS.
func TestIdleTLSConnections(t *testing.T) {
	ca := newAuthority(t, "authority")
	cfg := &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"}
	sealed := map[net.Conn]net.Conn{}
	idleCost(t, TLS, 400, sealedBudget, func(bob *node, c net.Conn) {
		if sealed[c] == nil {
			clear(sealed) // what the other end keeps is not to be measured
			sealed[c] = tls.Client(c, cfg)
		}
		write(t, sealed[c], text("1", pad(800)))
		bob.next()
		expect(t, sealed[c], refusal)
	}, serving(ca.domain("bob.example.com")))
}

// A WebSocket connection costs what one of TCP or TLS does: nothing is left of
// the HTTP server or of the upgrade.
func TestIdleWebSocketConnections(t *testing.T) {
	for proto, budget := range map[string]int{WS: idleBudget, WSS: sealedBudget} {
		t.Run(proto, func(t *testing.T) {
			ca := newAuthority(t, "web")
			cfg := &tls.Config{RootCAs: ca.pool(), ServerName: "127.0.0.1"}
			upgraded := map[net.Conn]net.Conn{}
			idleCost(t, proto, 400, budget, func(bob *node, c net.Conn) {
				if upgraded[c] == nil {
					clear(upgraded)
					upgraded[c] = c
					if proto == WSS {
						upgraded[c] = tls.Client(c, cfg)
					}
					write(t, upgraded[c], upgradeRequest)
					readSwitch(t, upgraded[c])
				}
				write(t, upgraded[c], masked(0x81, text("1", pad(800))))
				bob.next()
				expect(t, upgraded[c], wsFrame(0x81, "", refusal))
			}, anyOrigin, serving(ca.address("127.0.0.1")))
		})
	}
}

// idleCost measures what so many connections cost that have carried three
// messages each, by send, and rest. The other ends are bare descriptors, which
// cost nothing here.
func idleCost(t *testing.T, proto string, count, budget int, send func(bob *node, c net.Conn), change ...func(*Config)) {
	t.Helper()
	if underRace {
		t.Skip("the race detector needs memory of its own")
	}
	bob := realNode(t, append(change, func(c *Config) {
		c.Trace, c.Failed = nil, nil
		answer := parse(t, refusal)
		deliver := c.Deliver
		c.Deliver = func(d *Delivery) {
			_ = d.Flow.Send(answer)
			deliver(d)
		}
	})...)
	at := bob.listen(proto, "127.0.0.1", 0).Addr()
	bob.settle = time.Millisecond // no test waits for long
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
	const warm = 10
	peers := make([]int, 0, count+warm)
	defer func() {
		for _, fd := range peers {
			_ = syscall.Close(fd)
		}
	}()
	open := func(n int) {
		for range n {
			fd := bareConnect(t, at)
			peers = append(peers, fd)
			c := newFDConn(fd)
			for range 3 {
				send(bob, c)
			}
		}
	}
	open(warm)
	settled(warm)
	before := inUse()
	open(count)
	settled(count + warm)
	each := float64(inUse()-before) / float64(count)
	t.Logf("%.0f octets for each idle %s connection", each, proto)
	require.Less(t, each, float64(budget))
	require.Equal(t, count+warm, bob.Stats().Flows)
}

// inUse is the heap and the stacks in use, after what the collector can free.
func inUse() int64 {
	for range 5 {
		runtime.GC() // halves a stack at a time
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func bareConnect(t *testing.T, to netip.AddrPort) int {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Connect(fd, &syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}))
	return fd
}
