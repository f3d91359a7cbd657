package tport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestTCPExchange(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		alice, bob := realNode(t), realNode(t)
		at := bob.listen(TCP, host, 0).Addr()
		f := alice.dial(TCP, at)
		exchange(t, alice, bob, f, at)
		require.True(t, f.Reliable())
		require.NotZero(t, f.Key().Serial)
		require.Nil(t, f.Primary())
		require.Same(t, f, alice.dial(TCP, at), "an open connection is used again")
		ready, ok := alice.Ready(nameOf(TCP, at))
		require.True(t, ok)
		require.Same(t, f, ready)
		// An accepted connection is found by its key, and not by its address.
		accepted := get(t, bob.opened)
		found, ok := bob.Find(accepted.Key())
		require.True(t, ok)
		require.Same(t, accepted, found)
		_, ok = bob.Ready(nameOf(TCP, accepted.Remote()))
		require.False(t, ok)
	})
}

// A connection to one of several addresses has that address at our end.
func TestTCPMultiHomed(t *testing.T) {
	alice, bob := realNode(t), realNode(t)
	p := bob.listen(TCP, "0.0.0.0", 0)
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), p.Addr().Port())
	exchange(t, alice, bob, alice.dial(TCP, at), at)
}

// traffic is a stream of messages and keep-alives, and the ids in it.
func traffic() (string, []string) {
	return "\r\n\r\n" + text("1", "") + "\r\n" + text("2", "a\r\n\r\nbody") + text("3", pad(300)) + "\r\n\r\n" + text("4", "end"),
		[]string{"1", "2", "3", "4"}
}

// However the stream is cut, the same messages come in the same order, and
// each ping has its answer. Both ways to read are cut: without a descriptor in
// virtual time, where every piece is read alone, and by descriptor.
func TestStreamCutAtEveryByte(t *testing.T) {
	stream, ids := traffic()
	check := func(t *testing.T, bob *node, c net.Conn) {
		for _, want := range ids {
			d, id := bob.next()
			require.NoError(t, d.Err)
			require.Equal(t, want, id)
		}
		expect(t, c, pong+pong)
		none(t, bob.inbox)
	}
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		for cut := range len(stream) + 1 {
			c := v.connect(at)
			write(t, c, stream[:cut])
			synctest.Wait()
			write(t, c, stream[cut:])
			check(t, bob, c)
			require.NoError(t, c.Close())
		}
		c := v.connect(at)
		for i := range len(stream) {
			write(t, c, stream[i:i+1])
			synctest.Wait()
		}
		check(t, bob, c)
		require.NoError(t, c.Close())
		require.EqualValues(t, 2*(len(stream)+2), bob.Stats().Pings)
	})
	bob := realNode(t)
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	for cut := range len(stream) {
		c, err := net.Dial("tcp", at.String())
		require.NoError(t, err)
		write(t, c, stream[:cut])
		runtime.Gosched()
		write(t, c, stream[cut:])
		check(t, bob, c)
		require.NoError(t, c.Close())
	}
}

// What breaks the framing is delivered as far as it can be answered; the
// answer arrives, and then the end.
func TestStreamRefused(t *testing.T) {
	for _, row := range []struct {
		name, head string
		want       error
	}{
		{"announces 4 GB", "Content-Length: 4294967295\r\n\r\n", msg.ErrBodyTooLarge},
		{"announces more than a number holds", "Content-Length: 99999999999999999999999\r\n\r\n", nil},
		{"announces less than nothing", "Content-Length: -1\r\n\r\n", msg.ErrLength},
		{"two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", nil},
		{"no length", "\r\n", msg.ErrNoLength},
		{"never ends its head", strings.Repeat("X: "+pad(1000)+"\r\n", 80), msg.ErrHeadTooLarge},
		{"never ends a header", "X: " + pad(70<<10), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			bob := realNode(t, func(c *Config) {
				deliver := c.Deliver
				c.Deliver = func(d *Delivery) {
					if m, err := msg.Parse(testClass(), refusal, msg.Limits{}); err == nil {
						_ = d.Flow.Send(m)
					}
					deliver(d)
				}
			})
			at := bob.listen(TCP, "127.0.0.1", 0).Addr()
			c, err := net.Dial("tcp", at.String())
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			write(t, c, "MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: 1\r\n"+row.head)
			write(t, c, text("after", "")) // never read as a message
			d, id := bob.next()
			runtime.ReadMemStats(&after)
			require.Equal(t, "1", id)
			require.True(t, d.Fatal)
			require.Error(t, d.Err)
			if row.want != nil {
				require.ErrorIs(t, d.Err, row.want)
			}
			_, ok := errors.AsType[*msg.SyntaxError](d.Err)
			require.True(t, ok, "%T", d.Err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "no memory for what was only announced")
			got, err := io.ReadAll(c)
			require.NoError(t, err, "the answer must not be lost to a reset")
			require.Equal(t, refusal, string(got))
			require.NoError(t, c.Close()) // or we would linger
			require.ErrorIs(t, get(t, bob.failed).err, errFraming)
			none(t, bob.inbox)
			require.EqualValues(t, 1, bob.Stats().FramingErrors)
		})
	}
}

// A stream that is no message at all is closed unanswered.
func TestStreamNoise(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 client hello\r\n\r\n"+text("after", ""))
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, c.Close())
		require.Equal(t, TCP, get(t, bob.drops).Proto)
		require.EqualValues(t, 1, bob.Stats().Noise)
		none(t, bob.inbox)
	})
}

// One deadline holds for a whole message, however slowly octets trickle.
func TestStreamMessageTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", ""))
		bob.next()
		<-time.After(time.Minute) // between messages there is no hurry
		begin := time.Now()
		for s := "MESSAGE sip:bob@example.com SIP/2.0\r\nX: "; ; s = "x" {
			if _, err := c.Write([]byte(s)); err != nil {
				break
			}
			<-time.After(time.Second)
			if time.Since(begin) > time.Minute {
				break
			}
		}
		f := get(t, bob.failed)
		require.ErrorIs(t, f.err, ErrMessageTimeout)
		require.Less(t, time.Since(begin), DefaultMessageTimeout+3*time.Second)
		require.EqualValues(t, 1, bob.Stats().MessageTimeouts)
		require.NoError(t, c.Close())
	})
}

// The deadline is that of the message under way, not of the first.
func TestStreamMessageTimeoutIsPerMessage(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		m := text("1", "body")
		write(t, c, m[:10])
		for range 5 { // each piece ends one message and begins the next
			<-time.After(20 * time.Second)
			write(t, c, m[10:]+m[:10])
			bob.next()
		}
		none(t, bob.failed)
		<-time.After(DefaultMessageTimeout + time.Second)
		require.ErrorIs(t, get(t, bob.failed).err, ErrMessageTimeout)
		require.NoError(t, c.Close())
	})
}

func TestStreamIdle(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		<-time.After(2 * DefaultIdle) // its time begins with the connection
		f := alice.dial(TCP, at)
		accepted := get(t, bob.opened)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		bob.next()
		// What is sent puts it off, and so does what comes.
		<-time.After(DefaultIdle - time.Minute)
		require.NoError(t, accepted.Send(parse(t, text("2", ""))))
		alice.next()
		<-time.After(DefaultIdle - time.Minute)
		none(t, alice.failed)
		none(t, bob.failed)
		// A hold suspends it; after the release it begins anew.
		f.Hold()
		accepted.Hold()
		<-time.After(3 * DefaultIdle)
		accepted.Hold()
		accepted.Release()
		<-time.After(3 * DefaultIdle)
		none(t, alice.failed)
		none(t, bob.failed)
		begin := time.Now()
		accepted.Release()
		got := get(t, bob.failedAfter(DefaultIdle+time.Minute))
		require.Equal(t, DefaultIdle, time.Since(begin))
		require.ErrorIs(t, got.err, ErrIdle)
		require.Same(t, accepted, got.flow)
		require.ErrorIs(t, accepted.Err(), ErrIdle)
		<-accepted.Done()
		require.EqualValues(t, 1, bob.Stats().IdleClosed)
		// The other end sees it, hold or not, and connects again when it must.
		require.ErrorIs(t, get(t, alice.failed).err, io.EOF)
		require.Error(t, f.Send(parse(t, text("3", ""))))
		require.NotSame(t, f, alice.dial(TCP, at))
	})
}

// failedAfter is n.failed for a wait of some length in virtual time.
func (n *node) failedAfter(d time.Duration) <-chan failure {
	n.t.Helper()
	select {
	case f := <-n.failed:
		n.failed <- f
	case <-time.After(d):
	}
	return n.failed
}

// Negative values switch the deadlines off.
func TestStreamForEver(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair(func(c *Config) { c.Idle, c.MessageTimeout, c.WriteTimeout = -1, -1, -1 })
		c := v.connect(at)
		m := text("1", "")
		write(t, c, m[:10])
		<-time.After(24 * time.Hour)
		write(t, c, m[10:])
		bob.next()
		<-time.After(24 * time.Hour)
		write(t, c, m)
		d, _ := bob.next()
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		expect(t, c, refusal)
		require.NoError(t, c.Close())
	})
}

// A peer that does not read costs its own flow only: Send never waits, the
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

// A reset, a close in the middle of a message, and a close in order each end
// the flow with its reason, told once.
func TestStreamEnds(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", "")[:20])
		require.NoError(t, c.Close())
		require.ErrorIs(t, get(t, bob.failed).err, io.ErrUnexpectedEOF)

		f := alice.dial(TCP, at)
		key := f.Key()
		v.bob.ResetConns()
		got := get(t, alice.failed)
		require.ErrorIs(t, got.err, syscall.ECONNRESET)
		require.Same(t, f, got.flow)
		require.Equal(t, got.err, get(t, alice.closed).err)
		e, ok := errors.AsType[*Error](got.err)
		require.True(t, ok)
		require.Equal(t, key, e.Key)
		<-f.Done()
		require.ErrorIs(t, f.Err(), syscall.ECONNRESET)
		_, ok = alice.Find(key)
		require.False(t, ok)
		none(t, alice.failed)
		require.NoError(t, f.Close())
	})
}

// What a flow was given before Close still arrives; nothing is taken after.
func TestStreamCloseFlushes(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		f := alice.dial(TCP, at)
		for i := range 10 {
			require.NoError(t, f.Send(parse(t, text(fmt.Sprint(i), pad(3000)))))
		}
		require.NoError(t, f.Close())
		require.ErrorIs(t, f.Send(parse(t, text("late", ""))), ErrClosed)
		for i := range 10 {
			_, id := bob.next()
			require.Equal(t, fmt.Sprint(i), id)
		}
		require.ErrorIs(t, get(t, alice.failed).err, ErrClosed)
		require.ErrorIs(t, get(t, bob.failed).err, io.EOF)
	})
}

// A peer that takes nothing cannot hold up the end for long.
func TestStreamCloseIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", ""))
		d, _ := bob.next()
		for d.Flow.Send(parse(t, text("2", pad(60000)))) == nil {
			synctest.Wait()
		}
		begin := time.Now()
		require.NoError(t, bob.Shutdown(context.Background()))
		require.Equal(t, flushTime, time.Since(begin))
		require.NoError(t, c.Close())
	})
}

// A message that the class refuses but the framer can cut leaves the stream open.
func TestStreamRefusedByClass(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common(), Check: func(c msg.Check) {
			if _, _, ok := c.First(msg.IDDate); !ok {
				c.Fail(msg.IDDate, msg.ErrMissing)
			}
		}})
		_, bob, _ := v.pair()
		p, err := bob.Listen(t.Context(), Name{Proto: TCP, Host: "198.51.100.1", Port: 5070, Class: class})
		require.NoError(t, err)
		c := v.connect(p.Addr())
		write(t, c, text("1", "")+strings.Replace(text("2", ""), "\r\n", "\r\nDate: now\r\n", 1))
		d, id := bob.next()
		require.Equal(t, "1", id)
		require.ErrorIs(t, d.Err, msg.ErrMissing)
		require.False(t, d.Fatal)
		d, id = bob.next()
		require.Equal(t, "2", id)
		require.NoError(t, d.Err)
		require.NoError(t, c.Close())
	})
}

// The deadlines hold on a descriptor too.
func TestStreamDeadlinesReal(t *testing.T) {
	for _, row := range []struct {
		sent   string
		change func(*Config)
		want   error
	}{
		{text("1", "")[:10], func(c *Config) { c.MessageTimeout = 20 * time.Millisecond }, ErrMessageTimeout},
		{text("1", ""), func(c *Config) { c.Idle = 20 * time.Millisecond }, ErrIdle},
		{"", func(c *Config) { c.Idle = 20 * time.Millisecond }, ErrIdle},
	} {
		bob := realNode(t, row.change)
		bob.settle = 5 * time.Millisecond
		c, err := net.Dial("tcp", bob.listen(TCP, "127.0.0.1", 0).Addr().String())
		require.NoError(t, err)
		write(t, c, row.sent)
		require.ErrorIs(t, get(t, bob.failed).err, row.want)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Empty(t, got)
		require.NoError(t, c.Close())
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

// A peer that closes its half and then takes nothing is waited for only so long.
func TestStreamHalfClose(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", ""))
		d, _ := bob.next()
		for d.Flow.Send(parse(t, text("2", pad(60000)))) == nil {
			synctest.Wait()
		}
		begin := time.Now()
		require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
		f := get(t, bob.failedAfter(time.Minute))
		require.ErrorIs(t, f.err, io.EOF)
		require.Equal(t, flushTime, time.Since(begin))
		require.NoError(t, c.Close())
	})
}
