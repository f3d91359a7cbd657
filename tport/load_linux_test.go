package tport

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// loadEnv switches the tests on that need a machine for a minute:
//
//	SOFIA_LOAD=1 go test -run 'TestTenThousandIdle|TestAttackers' -v ./tport
const (
	loadEnv = "SOFIA_LOAD"
	roleEnv = "SOFIA_LOAD_PEER" // the address that the other process connects to
)

const (
	idleFlows    = 10000
	idleInterval = 30 * time.Second // four times as often as RFC 5626 asks for
	idleMemory   = 400 << 20
	idleShare    = 0.05 // of a core
)

// usage is what a process has used.
type usage struct {
	at  time.Time
	cpu time.Duration
}

func used() usage {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return usage{time.Now(), time.Duration(r.Utime.Nano() + r.Stime.Nano())}
}

// since returns the share of a core used since then.
func (u usage) since() float64 {
	now := used()
	return float64(now.cpu-u.cpu) / float64(now.at.Sub(u.at))
}

// resident is the memory of this process that is in use, in octets.
func resident(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")))
			require.NoError(t, err)
			return n << 10
		}
	}
	require.FailNow(t, "no VmRSS")
	return 0
}

func moreDescriptors(t *testing.T, need uint64) {
	t.Helper()
	var l syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l))
	if l.Max < need {
		t.Skipf("%d descriptors are too few, %d are needed", l.Max, need)
	}
	l.Cur = l.Max
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l))
}

// measureIdle waits until every connection has come to rest and says what they
// cost from then on.
func measureIdle(t *testing.T, n *node) {
	t.Helper()
	require.Eventually(t, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, s := range n.flows {
			if s.deep.Load() {
				return false
			}
		}
		return len(n.flows) == idleFlows
	}, time.Minute, 100*time.Millisecond)
	before, begin := n.Stats(), used()
	<-time.After(idleInterval) // real: it is the cost of real time
	share, memory, after := begin.since(), resident(t), n.Stats()
	t.Logf("%d connections: %d MiB, %.1f %% of a core, %d pings answered, %d pongs had",
		after.Flows, memory>>20, share*100, after.Pings-before.Pings, after.Pongs-before.Pongs)
	require.Equal(t, idleFlows, after.Flows)
	require.Less(t, memory, idleMemory)
	require.Less(t, share, idleShare)
}

// 10,000 idle connections that are kept alive cost less than 400 MiB and 5 % of
// a core, at the end that pings and at the end that answers. Each has carried a
// message.
func TestTenThousandIdle(t *testing.T) {
	if os.Getenv(loadEnv) == "" || os.Getenv(roleEnv) != "" {
		t.Skip("set " + loadEnv)
	}
	moreDescriptors(t, idleFlows+200)
	bob := realNode(t, func(c *Config) {
		c.Trace, c.Failed = nil, nil
		c.MaxFlows, c.MaxFlowsPerSource = -1, -1
		c.Deliver = func(d *Delivery) { _ = d.Flow.Send(d.Msg) }
	})
	peer := exec.Command(os.Args[0], "-test.run=^TestIdlePeer$", "-test.v", "-test.timeout=5m")
	peer.Env = append(os.Environ(), roleEnv+"="+bob.listen(TCP, "127.0.0.1", 0).Addr().String())
	peer.Stderr = os.Stderr
	release, err := peer.StdinPipe()
	require.NoError(t, err)
	out, err := peer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, peer.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s := bufio.NewScanner(out); s.Scan(); {
			t.Log("peer: ", s.Text())
		}
	}()
	measureIdle(t, bob)
	require.NoError(t, release.Close())
	<-ended
	require.NoError(t, peer.Wait())
}

// TestIdlePeer is the other process of TestTenThousandIdle.
func TestIdlePeer(t *testing.T) {
	to := os.Getenv(roleEnv)
	if to == "" {
		t.Skip("a part of TestTenThousandIdle")
	}
	moreDescriptors(t, idleFlows+200)
	alice := realNode(t, func(c *Config) {
		c.Trace, c.Failed = nil, nil
		c.KeepAlive, c.MaxFlows = &KeepAlive{Interval: idleInterval}, -1
		c.Deliver = func(*Delivery) {}
	})
	name := nameOf(TCP, netip.MustParseAddrPort(to))
	name.Fresh = true
	m := parse(t, text("1", pad(500)))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range idleFlows / 50 {
				_, err := alice.Send(context.Background(), name, m)
				require.NoError(t, err)
			}
		})
	}
	all.Wait()
	measureIdle(t, alice)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other has measured
}

// attackers make as many connections that send an octet a second, and headers
// without end, until ctx ends; whoever is cut off comes again a second later.
func attackers(ctx context.Context, at string, slow, endless int) {
	var all sync.WaitGroup
	attack := func(i int, begin, rest string, wait time.Duration) {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%20))}}
		<-time.After(time.Duration(i%200) * 5 * time.Millisecond) // not all at one instant
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		pause := func() {
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		for ; ctx.Err() == nil; pause() {
			c, err := d.DialContext(ctx, "tcp", at)
			if err != nil {
				continue
			}
			stop := context.AfterFunc(ctx, func() { c.Close() })
			_, err = c.Write([]byte(begin))
			for err == nil {
				if wait > 0 {
					pause()
				}
				_, err = c.Write([]byte(rest))
			}
			stop()
			c.Close()
		}
	}
	line := "MESSAGE sip:bob@example.com SIP/2.0\r\n"
	for i := range slow {
		all.Go(func() { attack(i, line+"X: ", "x", time.Second) })
	}
	for i := range endless {
		all.Go(func() { attack(i, line, "X: "+pad(1000)+"\r\n", 0) })
	}
	all.Wait()
}

// TestAttackPeer is the other process of TestAttackers.
func TestAttackPeer(t *testing.T) {
	at := os.Getenv(roleEnv)
	if at == "" {
		t.Skip("a part of TestAttackers")
	}
	moreDescriptors(t, 3000)
	ctx, cancel := context.WithTimeout(t.Context(), attackSpan)
	defer cancel()
	attackers(ctx, at, 2000, 200)
}

// attackSpan is how long the attack of another process lasts.
const attackSpan = 20 * time.Second

// Slow senders and endless headers do no harm to those who behave: every one of
// their requests is answered, and soon.
func TestAttackers(t *testing.T) {
	span, serious := 2*time.Second, os.Getenv(loadEnv) != ""
	if serious {
		span = attackSpan
		moreDescriptors(t, 3000)
	}
	bob := realNode(t, func(c *Config) {
		c.Trace, c.Failed = nil, nil
		c.MessageTimeout = span / 2
		c.Deliver = func(d *Delivery) {
			if d.Err == nil {
				_ = d.Flow.Send(d.Msg)
			}
		}
	})
	at := bob.listen(TCP, "127.0.0.1", 0).Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	var all sync.WaitGroup
	if serious {
		peer := exec.Command(os.Args[0], "-test.run=^TestAttackPeer$", "-test.timeout=5m")
		peer.Env = append(os.Environ(), roleEnv+"="+at)
		require.NoError(t, peer.Start())
		defer peer.Wait()
	} else {
		all.Go(func() { attackers(ctx, at, 100, 10) })
	}
	// 20 good peers with 5 transactions a second each.
	const peers, each = 20, 5
	var mu sync.Mutex
	var took []time.Duration
	for i := range peers {
		all.Go(func() {
			c, err := net.Dial("tcp", at)
			require.NoError(t, err)
			defer c.Close()
			tick := time.NewTicker(time.Second / each)
			defer tick.Stop()
			for n := 0; ctx.Err() == nil; n++ {
				begin := time.Now()
				m := text(fmt.Sprint(i, " ", n), pad(200))
				write(t, c, m)
				require.NoError(t, c.SetReadDeadline(begin.Add(10*time.Second)))
				expect(t, c, m)
				mu.Lock()
				took = append(took, time.Since(begin))
				mu.Unlock()
				select {
				case <-tick.C:
				case <-ctx.Done():
				}
			}
		})
	}
	all.Wait()
	slices.Sort(took)
	s := bob.Stats()
	t.Logf("%d good transactions, half within %v, 99 %% within %v, all within %v; of %d connections %d cut off for time, %d for framing; %d MiB",
		len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1],
		s.Accepted, s.MessageTimeouts, s.FramingErrors, resident(t)>>20)
	share := 0.2 // of a machine that has other things to do
	if serious {
		share = 0.7
		require.Less(t, took[len(took)-1], 5*time.Second)
	}
	require.Greater(t, len(took), int(share*span.Seconds()*peers*each))
	require.NotZero(t, s.FramingErrors)
	require.NotZero(t, s.MessageTimeouts)
	require.Less(t, s.Buffered, DefaultMaxBuffered)
}
