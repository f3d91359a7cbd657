//go:build unix

package tport

import (
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// idleBudget is what one idle connection may cost in octets, its goroutine and
// everything of package net included.
const idleBudget = 5 << 10

// An idle connection keeps no buffer and a small stack, also after it has
// carried messages. The other ends are bare descriptors, which cost nothing here.
func TestThousandIdleConnections(t *testing.T) {
	if underRace {
		t.Skip("the race detector needs memory of its own")
	}
	const count = 1000
	bob := realNode(t, func(c *Config) {
		c.Trace = nil
		c.Failed = nil
		answer := parse(t, refusal)
		deliver := c.Deliver
		c.Deliver = func(d *Delivery) {
			_ = d.Flow.Send(answer)
			deliver(d)
		}
	})
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
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
	peers := make([]int, 0, count+10)
	defer func() {
		for _, fd := range peers {
			_ = syscall.Close(fd)
		}
	}()
	open := func(n int) {
		for range n {
			fd := bareConnect(t, at)
			peers = append(peers, fd)
			for range 3 {
				_, err := syscall.Write(fd, []byte(text("1", pad(800))))
				require.NoError(t, err)
				bob.next()
			}
		}
	}
	open(10)
	settled(10)
	before := inUse()
	open(count)
	settled(count + 10)
	each := float64(inUse()-before) / count
	t.Logf("%.0f octets for each idle connection", each)
	require.Less(t, each, float64(idleBudget))
	require.Equal(t, count+10, bob.Stats().Flows)
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
