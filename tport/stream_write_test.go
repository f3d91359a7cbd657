package tport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// T13: a peer that does not read costs its own flow only: Send never waits, the
// bound holds, the order too, others are served, and in the end the flow goes.
func TestStreamSlowReader(t *testing.T) {
	run := func(t *testing.T, bob *node, slow, quick net.Conn, settle func()) *Flow {
		write(t, slow, text("slow", ""))
		d, _ := bob.next()
		flow := d.Flow
		big := parse(t, text("big", pad(100<<10)))
		sent := 0
		for {
			err := flow.Send(big)
			settle()
			if err != nil {
				require.ErrorIs(t, err, ErrQueueFull)
				break
			}
			sent++
			require.Less(t, sent, 10000)
		}
		require.GreaterOrEqual(t, sent, DefaultQueueBytes/(100<<10))
		require.EqualValues(t, 1, bob.Stats().QueueFull)
		for i := range 10 {
			id := fmt.Sprint(i)
			write(t, quick, text(id, ""))
			d, got := bob.next()
			require.Equal(t, id, got)
			answer := text(id, "answer")
			require.NoError(t, d.Flow.Send(parse(t, answer)))
			expect(t, quick, answer)
		}
		return flow
	}
	t.Run("real", func(t *testing.T) {
		bob := realNode(t)
		at := bob.listen(TCP, "127.0.0.1", 0).Addr()
		var c [2]net.Conn
		for i := range c {
			var err error
			c[i], err = net.Dial("tcp", at.String())
			require.NoError(t, err)
			defer c[i].Close()
		}
		flow := run(t, bob, c[0], c[1], func() {})
		// It reads after all: everything that was taken comes, whole and in order.
		require.NoError(t, flow.Close())
		got, err := io.ReadAll(c[0])
		require.NoError(t, err)
		one := text("big", pad(100<<10))
		require.Equal(t, strings.Repeat(one, len(got)/len(one)), string(got))
		require.ErrorIs(t, flow.Err(), ErrClosed)
	})
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		slow, quick := v.connect(at), v.connect(at)
		flow := run(t, bob, slow, quick, synctest.Wait)
		begin := time.Now()
		got := get(t, bob.failedAfter(time.Hour))
		require.Same(t, flow, got.flow)
		require.ErrorIs(t, got.err, ErrWriteTimeout)
		require.LessOrEqual(t, time.Since(begin), DefaultWriteTimeout)
		require.EqualValues(t, 1, bob.Stats().WriteTimeouts)
		require.NoError(t, slow.Close())
		require.NoError(t, quick.Close())
	})
}

// Messages of many senders come whole; those of one come in order.
func TestStreamOrder(t *testing.T) {
	for _, network := range []string{"real", "virtual"} {
		t.Run(network, func(t *testing.T) {
			run := func(t *testing.T, alice, bob *node, at netip.AddrPort) {
				f := alice.dial(TCP, at)
				const senders, each = 4, 50
				for s := range senders {
					go func() {
						for i := range each {
							for {
								err := f.Send(parse(t, text(fmt.Sprintf("%d %d", s, i), pad(i*20))))
								if !errors.Is(err, ErrQueueFull) {
									break
								}
								runtime.Gosched()
							}
						}
					}()
				}
				var next [senders]int
				for range senders * each {
					d, id := bob.next()
					require.NoError(t, d.Err)
					var s, i int
					_, err := fmt.Sscanf(id, "%d %d", &s, &i)
					require.NoError(t, err)
					require.Equal(t, next[s], i)
					next[s]++
				}
			}
			unbound := func(c *Config) { c.QueueSize, c.QueueBytes = 10000, 1<<30 }
			if network == "virtual" {
				bubble(t, func(t *testing.T, v *virtual) {
					_, bob, at := v.pair()
					run(t, v.node(v.alice, unbound), bob, at)
				})
				return
			}
			bob := realNode(t)
			run(t, realNode(t, unbound), bob, bob.listen(TCP, "127.0.0.1", 0).Addr())
		})
	}
}

// A peer that takes nothing for WriteTimeout loses its connection, on a
// descriptor too.
func TestStreamWriteTimeoutReal(t *testing.T) {
	bob := realNode(t, func(c *Config) { c.WriteTimeout = 50 * time.Millisecond })
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	slow, err := net.Dial("tcp", at.String())
	require.NoError(t, err)
	defer slow.Close()
	write(t, slow, text("1", ""))
	d, _ := bob.next()
	for d.Flow.Send(parse(t, text("2", pad(100<<10)))) == nil {
		runtime.Gosched()
	}
	f := get(t, bob.failed)
	require.ErrorIs(t, f.err, ErrWriteTimeout)
	require.Same(t, d.Flow, f.flow)
}

// The deadline of a queue that has gone out holds for nothing after it.
func TestStreamWriteTimeoutIsPerWrite(t *testing.T) {
	const timeout = 100 * time.Millisecond
	bob := realNode(t, func(c *Config) { c.WriteTimeout = timeout })
	c, err := net.Dial("tcp", bob.listen(TCP, "127.0.0.1", 0).Addr().String())
	require.NoError(t, err)
	defer c.Close()
	write(t, c, text("1", ""))
	d, _ := bob.next()
	s := d.Flow.stream
	queued := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.writing != nil
	}
	for !queued() { // the socket is full, and the writer has begun
		require.NoError(t, d.Flow.Send(parse(t, text("2", pad(100<<10)))))
	}
	go io.Copy(io.Discard, c)
	require.Eventually(t, func() bool { return !queued() }, 10*time.Second, time.Millisecond)
	for begin := time.Now(); time.Since(begin) < 2*timeout; {
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		runtime.Gosched()
	}
	require.NoError(t, d.Flow.Err())
}

// Both bounds of the queue hold, and one message of any size may wait alone.
func TestStreamQueueBounds(t *testing.T) {
	for _, row := range []struct{ size, octets, body, want int }{
		{4, 1 << 30, 10, 4},
		{1000, 5000, 1000, 4},
		{1000, 5000, 10000, 1},
	} {
		bubble(t, func(t *testing.T, v *virtual) {
			_, bob, at := v.pair(func(c *Config) { c.QueueSize, c.QueueBytes = row.size, row.octets })
			c := v.connect(at)
			write(t, c, text("1", ""))
			d, _ := bob.next()
			s := d.Flow.stream
			for len(s.queue) == 0 { // until the writer is stuck in the socket
				require.NoError(t, d.Flow.Send(parse(t, text("2", pad(200<<10)))))
				synctest.Wait()
			}
			s.mu.Lock()
			s.account(-s.octets)
			s.queue, s.octets = nil, 0
			s.mu.Unlock()
			sent := 0
			for ; d.Flow.Send(parse(t, text("3", pad(row.body)))) == nil; sent++ {
			}
			require.Equal(t, row.want, sent)
			require.NoError(t, c.Close())
		})
	}
}
