package simnet_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// arrival is a datagram as it came in.
type arrival struct {
	text string
	at   time.Duration
}

// volley has alice send count datagrams, one each gap, and returns what reaches
// bob and when.
func volley(t *testing.T, p pair, count int, gap time.Duration) []arrival {
	t.Helper()
	s := p.udp(p.bob, "192.0.2.2:5060")
	defer s.Close()
	c := p.udp(p.alice, "192.0.2.1:5060")
	defer c.Close()
	start := time.Now()
	go func() {
		for i := range count {
			if _, err := c.WriteTo(fmt.Appendf(nil, "%d", i), s.LocalAddr()); err != nil {
				t.Error(err)
			}
			time.Sleep(gap)
		}
	}()
	var out []arrival
	b := make([]byte, 100)
	for {
		require.NoError(t, s.SetReadDeadline(time.Now().Add(time.Minute)))
		n, err := s.Read(b)
		if err != nil {
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			return out
		}
		out = append(out, arrival{string(b[:n]), time.Since(start)})
	}
}

func TestDelayIsExact(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 30 * time.Millisecond}}, func(t *testing.T, p pair) {
		for i, a := range volley(t, p, 20, time.Millisecond) {
			require.Equal(t, arrival{fmt.Sprint(i), time.Duration(i)*time.Millisecond + 30*time.Millisecond}, a)
		}
	})
}

func TestJitterKeepsOrder(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond, Jitter: 50 * time.Millisecond}}, func(t *testing.T, p pair) {
		got := volley(t, p, 200, time.Millisecond)
		require.Len(t, got, 200)
		varied := make(map[time.Duration]bool)
		for i, a := range got {
			require.Equal(t, fmt.Sprint(i), a.text)
			d := a.at - time.Duration(i)*time.Millisecond
			require.GreaterOrEqual(t, d, 10*time.Millisecond)
			require.Less(t, d, 60*time.Millisecond)
			varied[d] = true
		}
		require.Greater(t, len(varied), 20)
	})
}

func TestRatesAreAsAsked(t *testing.T) {
	const count = 5000
	inBubble(t, simnet.Config{Seed: 7, Link: simnet.Link{Loss: 0.2}}, func(t *testing.T, p pair) {
		got := len(volley(t, p, count, time.Millisecond))
		require.InDelta(t, 0.8*count, got, 0.03*count)
		s := p.Stats()
		require.Equal(t, uint64(count), s.Sent)
		require.Equal(t, uint64(got), s.Delivered)
		require.Equal(t, uint64(count-got), s.Lost)
	})
	inBubble(t, simnet.Config{Seed: 7, Link: simnet.Link{Duplicate: 0.2}}, func(t *testing.T, p pair) {
		got := len(volley(t, p, count, time.Millisecond))
		require.InDelta(t, 1.2*count, got, 0.03*count)
		require.Equal(t, uint64(got-count), p.Stats().Duplicated)
	})
	inBubble(t, simnet.Config{Seed: 7, Link: simnet.Link{Reorder: 0.2}}, func(t *testing.T, p pair) {
		got := volley(t, p, count, time.Millisecond)
		require.Len(t, got, count)
		held := 0
		for _, a := range got {
			var i int
			_, err := fmt.Sscan(a.text, &i)
			require.NoError(t, err)
			switch d := a.at - time.Duration(i)*time.Millisecond; d {
			case 0:
			case 10 * time.Millisecond:
				held++
			default:
				t.Fatalf("datagram %d took %v", i, d)
			}
		}
		require.InDelta(t, 0.2*count, held, 0.03*count)
		require.Equal(t, uint64(held), p.Stats().Reordered)
	})
}

func TestChoicesAreIndependent(t *testing.T) {
	link := simnet.Link{Loss: 0.5, Duplicate: 0.5, Reorder: 0.5}
	inBubble(t, simnet.Config{Link: link}, func(t *testing.T, p pair) {
		got := len(volley(t, p, 4000, time.Millisecond))
		require.InDelta(t, 3000, got, 150, "half arrive, and half of these twice")
		require.InDelta(t, 2000, p.Stats().Reordered, 150)
		require.InDelta(t, 1000, p.Stats().Duplicated, 100)
	})
}

func TestAlwaysAndNever(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Loss: 1}}, func(t *testing.T, p pair) {
		require.Empty(t, volley(t, p, 500, time.Millisecond))
		p.SetLink(p.alice, p.bob, simnet.Link{Duplicate: 1})
		require.Len(t, volley(t, p, 500, time.Millisecond), 1000)
		p.SetLink(p.alice, p.bob, simnet.Link{})
		require.Len(t, volley(t, p, 500, time.Millisecond), 500)
	})
}

func TestSameSeedSameImpairments(t *testing.T) {
	link := simnet.Link{Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}
	run := func(seed uint64, disturbed bool) (got []arrival) {
		inBubble(t, simnet.Config{Seed: seed, Link: link}, func(t *testing.T, p pair) {
			if disturbed { // by other flows on the same link
				s := p.udp(p.bob, ":7000")
				stop := make(chan struct{})
				defer close(stop)
				for range 5 {
					c := p.dial("udp", "192.0.2.2:7000")
					go func() {
						for {
							select {
							case <-stop:
								return
							case <-time.After(1300 * time.Microsecond):
								write(t, c, "noise")
							}
						}
					}()
				}
				go func() {
					for {
						if _, err := s.Read(make([]byte, 10)); err != nil {
							return
						}
					}
				}()
			}
			got = volley(t, p, 300, time.Millisecond)
		})
		return got
	}
	first := run(1, false)
	require.Equal(t, first, run(1, false))
	require.Equal(t, first, run(1, true), "other flows must not matter")
	require.NotEqual(t, first, run(2, false))
}

func TestOneWay(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		p.SetOneWay(p.alice, p.bob, simnet.Link{Delay: 70 * time.Millisecond})
		p.SetOneWay(p.bob, p.alice, simnet.Link{Delay: 5 * time.Millisecond})
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		write(t, c, "ping")
		require.Equal(t, 70*time.Millisecond, elapsed(func() { read(t, b) }))
		_, err := b.WriteTo([]byte("pong"), c.LocalAddr())
		require.NoError(t, err)
		require.Equal(t, 5*time.Millisecond, elapsed(func() { read(t, c) }))
	})
}

func TestBandwidthMakesPacketsWait(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Bandwidth: 8000, Delay: time.Second}}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		took := elapsed(func() {
			write(t, c, strings.Repeat("x", 500))
			write(t, c, strings.Repeat("x", 500))
			read(t, b)
			read(t, b)
		})
		require.Equal(t, 2*time.Second, took, "1000 octets at 1000 octets a second, and the delay")
	})
}

func TestFlightIsBounded(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Second, Queue: 3}}, func(t *testing.T, p pair) {
		p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		for range 5 {
			write(t, c, "x")
		}
		time.Sleep(2 * time.Second)
		require.Equal(t, uint64(2), p.Stats().Overflow)
		require.Equal(t, uint64(3), p.Stats().Delivered)
		write(t, c, "x")
		require.Equal(t, uint64(2), p.Stats().Overflow)
	})
}

func TestFragments(t *testing.T) {
	inBubble(t, simnet.Config{Seed: 3}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		send := func(size int) error {
			_, err := c.Write(make([]byte, size))
			return err
		}
		require.ErrorIs(t, send(4000), syscall.EMSGSIZE)
		p.SetLink(p.alice, p.bob, simnet.Link{MTU: -1})
		require.NoError(t, send(65507))
		require.ErrorIs(t, send(65508), syscall.EMSGSIZE)
		p.SetLink(p.alice, p.bob, simnet.Link{Fragment: true})
		require.NoError(t, send(4000))
		require.Len(t, read(t, b), 65507)
		require.Len(t, read(t, b), 4000)
		// Three fragments, each lost by one in five: half of the datagrams arrive.
		p.SetLink(p.alice, p.bob, simnet.Link{Fragment: true, Loss: 0.2})
		before := p.Stats().Delivered
		for range 1000 {
			require.NoError(t, send(4000))
		}
		require.InDelta(t, 512, p.Stats().Delivered-before, 50)
	})
}

func TestPartition(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}, func(t *testing.T, p pair) {
		b := p.udp(p.bob, ":5060")
		c := p.dial("udp", "bob:5060")
		write(t, c, "overtaken by the cut")
		time.Sleep(5 * time.Millisecond)
		p.Partition(p.alice, p.bob, true)
		write(t, c, "sent after it")
		time.Sleep(time.Second)
		p.Partition(p.alice, p.bob, false)
		write(t, c, "mended")
		require.Equal(t, "mended", read(t, b))
		require.Equal(t, uint64(2), p.Stats().Cut)

		p.PartitionOneWay(p.bob, p.alice, true)
		write(t, c, "this way is whole")
		require.Equal(t, "this way is whole", read(t, b))
		_, err := b.WriteTo([]byte("that way is not"), c.LocalAddr())
		require.NoError(t, err)
		require.Equal(t, uint64(3), p.Stats().Cut)
	})
}

func TestLoopbackIsPerfect(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: time.Second, Loss: 1}}, func(t *testing.T, p pair) {
		s := p.udp(p.alice, ":5060")
		p.alice.Down(true)
		for _, to := range []string{"127.0.0.1:5060", "[::1]:5060", "192.0.2.1:5060", "localhost:5060", "alice:5060"} {
			write(t, p.dial("udp", to), to)
			require.Equal(t, time.Duration(0), elapsed(func() { require.Equal(t, to, read(t, s)) }))
		}
		p.SetLink(p.alice, p.alice, simnet.Link{Delay: time.Minute})
		write(t, p.dial("udp", "localhost:5060"), "x")
		require.Equal(t, time.Minute, elapsed(func() { read(t, s) }))
	})
}

func TestForeignHostIsAMistake(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		other := simnet.New(simnet.Config{})
		defer other.Close()
		carol := other.MustHost("carol", "192.0.2.3")
		require.Panics(t, func() { p.SetLink(p.alice, carol, simnet.Link{}) })
	})
}
