package tport

import (
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Whatever goes wrong with a connection is one event for each who waits for it,
// within the time that its bound says, and leaves nothing behind.
func TestFaults(t *testing.T) {
	keep := KeepAlive{Interval: 30 * time.Second}
	for _, fault := range []struct {
		name string
		// cause makes it happen to the connection c of alice's, f at bob.
		cause  func(v *virtual, c net.Conn, f *Flow)
		want   error
		within time.Duration
	}{
		{"reset", func(v *virtual, c net.Conn, _ *Flow) {
			require.NoError(v.t, c.(interface{ SetLinger(int) error }).SetLinger(0))
			require.NoError(v.t, c.Close())
		}, syscall.ECONNRESET, 0},
		{"closed in a message", func(v *virtual, c net.Conn, _ *Flow) {
			write(v.t, c, text("2", "")[:30])
			require.NoError(v.t, c.Close())
		}, io.ErrUnexpectedEOF, 0},
		{"closed", func(v *virtual, c net.Conn, _ *Flow) {
			require.NoError(v.t, c.Close())
		}, io.EOF, 0},
		{"black hole, kept alive", func(v *virtual, _ net.Conn, f *Flow) {
			require.NoError(v.t, f.KeepAlive(keep))
			v.net.Partition(v.alice, v.bob, true)
		}, ErrNoPong, keep.Interval + DefaultPongTimeout},
		{"black hole, Flow-Timer", func(v *virtual, _ net.Conn, f *Flow) {
			require.NoError(v.t, f.KeepAlive(KeepAlive{Interval: -1, Silence: time.Minute}))
			v.net.Partition(v.alice, v.bob, true)
		}, ErrSilent, time.Minute},
		{"black hole, idle", func(v *virtual, _ net.Conn, _ *Flow) {
			v.net.Partition(v.alice, v.bob, true)
		}, ErrIdle, DefaultIdle},
		{"half-open: the peer has lost it", func(v *virtual, c net.Conn, f *Flow) {
			v.alice.Down(true)
			v.alice.Crash()
			v.alice.Down(false)

			require.NoError(v.t, f.Send(parse(v.t, text("2", ""))))
		}, syscall.ECONNRESET, time.Second},
		{"slow reader", func(v *virtual, _ net.Conn, f *Flow) {
			for f.Send(parse(v.t, text("2", pad(60000)))) == nil {
				synctest.Wait()
			}
		}, ErrWriteTimeout, DefaultWriteTimeout},
		{"slow sender", func(v *virtual, c net.Conn, _ *Flow) {
			go func() {
				for s := "MESSAGE "; ; s = "x" {
					if _, err := c.Write([]byte(s)); err != nil {
						return
					}
					<-time.After(time.Second)
				}
			}()
		}, ErrMessageTimeout, DefaultMessageTimeout},
		{"endless header", func(v *virtual, c net.Conn, _ *Flow) {
			go func() {
				for s := "MESSAGE sip:a@example.com SIP/2.0\r\n"; ; s = "X: " + pad(100) + "\r\n" {
					if _, err := c.Write([]byte(s)); err != nil {
						return
					}
				}
			}()
		}, errFraming, lingerTime},
		{"garbage", func(v *virtual, c net.Conn, _ *Flow) {
			write(v.t, c, strings.Repeat("\x16\x03\x01\x00garbage\r\n\r\n", 10))
		}, errFraming, lingerTime},
	} {
		t.Run(fault.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				_, bob, at := v.pair()
				c := v.connect(at)
				write(t, c, text("1", ""))
				d, _ := bob.next()
				watched := make(chan error, 2)
				release, err := d.Flow.Watch(func(err error) { watched <- err })
				require.NoError(t, err)
				if fault.want == ErrIdle {
					release()
				}
				begin := time.Now()
				fault.cause(v, c, d.Flow)
				got := get(t, bob.failedAfter(time.Hour))
				require.ErrorIs(t, got.err, fault.want)
				require.LessOrEqual(t, time.Since(begin), fault.within)
				require.Same(t, d.Flow, got.flow)
				require.Equal(t, got.err, get(t, bob.closed).err)
				<-d.Flow.Done()
				require.ErrorIs(t, d.Flow.Send(parse(t, text("3", ""))), ErrGone)
				c.Close()
				v.net.Partition(v.alice, v.bob, false)
				<-time.After(time.Hour)
				none(t, bob.failed)
				none(t, bob.closed)
				if fault.want != ErrIdle {
					require.Len(t, watched, 1)
					require.Equal(t, got.err, <-watched)
				}
				// Nobody else has noticed.
				c = v.connect(at)
				write(t, c, text("4", ""))
				bob.next()
				require.NoError(t, c.Close())
			})
		})
	}
}

// A flood of pings, from a peer that reads no answers, costs a bounded queue
// and in the end the flow.
func TestPingFlood(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		f := get(t, bob.opened)
		begin := time.Now()
		require.NoError(t, c.SetWriteDeadline(begin.Add(time.Hour)))
		for flood := []byte(strings.Repeat(ping, 250)); f.Err() == nil; {
			if _, err := c.Write(flood); err != nil {
				break
			}
			synctest.Wait()
			f.stream.mu.Lock()
			require.LessOrEqual(t, len(f.stream.queue), DefaultQueueSize)
			f.stream.mu.Unlock()
			<-time.After(250 * time.Millisecond) // 1,000 a second
		}
		require.ErrorIs(t, get(t, bob.failed).err, ErrWriteTimeout)
		require.LessOrEqual(t, time.Since(begin), 10*time.Minute)
		require.Greater(t, bob.Stats().Pings, uint64(50_000))
		require.NoError(t, c.Close())
	})
}
