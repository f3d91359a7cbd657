package tport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
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
