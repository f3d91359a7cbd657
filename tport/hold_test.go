package tport

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Everybody who watches a flow is told once when and why it died, after Failed;
// those who have released are not.
func TestWatch(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		f := alice.dial(TCP, at)
		accepted := get(t, bob.opened)
		_, err := f.Watch(nil)
		require.Error(t, err)
		told := make(chan error, 10)
		var releases []func()
		for range 3 {
			release, err := f.Watch(func(err error) {
				require.NotEmpty(t, alice.failed, "Failed comes first")
				told <- err
			})
			require.NoError(t, err)
			releases = append(releases, release)
		}
		require.Equal(t, 1, alice.Stats().Held)
		releases[0]()
		releases[0]()
		require.Equal(t, 1, alice.Stats().Held)
		// It holds: nothing ends the flow until the peer does.
		<-time.After(3 * DefaultIdle)
		require.ErrorIs(t, get(t, bob.failed).err, ErrIdle) // the far end is not held
		synctest.Wait()
		require.Len(t, told, 2)
		for range 2 {
			err := <-told
			require.ErrorIs(t, err, io.EOF)
			e, ok := errors.AsType[*Error](err)
			require.True(t, ok)
			require.Equal(t, f.Key(), e.Key)
		}
		require.ErrorIs(t, accepted.Err(), ErrIdle)
		require.Zero(t, alice.Stats().Held)
		releases[1]() // later than late
		require.Zero(t, alice.Stats().Held)
		_, err = f.Watch(func(error) { t.Error("told of what was known") })
		require.ErrorIs(t, err, ErrGone)
		f.Hold()
		f.Release()
		require.Zero(t, alice.Stats().Held)
	})
}

// A flow that is watched may be closed and looked at from the callback, and a
// panic in one callback costs no other.
func TestWatchCallback(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		f := alice.dial(TCP, at)
		var told atomic.Int32
		for range 2 {
			_, err := f.Watch(func(error) {
				told.Add(1)
				require.NoError(t, f.Close())
				require.Error(t, f.Err())
				_, ok := alice.Find(f.Key())
				require.False(t, ok)
				panic("in a callback")
			})
			require.NoError(t, err)
		}
		v.bob.ResetConns()
		require.ErrorIs(t, get(t, alice.failed).err, syscall.ECONNRESET)
		synctest.Wait()
		require.EqualValues(t, 2, told.Load())
		require.EqualValues(t, 2, alice.Stats().Panics)
	})
}

// A watch is released when it is no longer wanted: the flow is idle again.
func TestWatchRelease(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		release, err := get(t, bob.opened).Watch(func(error) { t.Error("told after release") })
		require.NoError(t, err)
		<-time.After(2 * DefaultIdle)
		none(t, bob.failed)
		begin := time.Now()
		release()
		require.ErrorIs(t, get(t, bob.failedAfter(time.Hour)).err, ErrIdle)
		require.Equal(t, DefaultIdle, time.Since(begin))
		require.NoError(t, c.Close())
	})
}

// UDP flows are watched too: they end with their primary, or with the transport.
func TestWatchUDP(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		p := alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, at)
		told := make(chan error, 10)
		watch := func() func() {
			release, err := f.Watch(func(err error) { told <- err })
			require.NoError(t, err)
			return release
		}
		watch()()
		require.Zero(t, alice.Stats().Kept)
		watch()
		watch()
		require.Equal(t, 1, alice.Stats().Kept)
		require.NoError(t, p.Close())
		require.ErrorIs(t, get(t, told), ErrClosed)
		require.ErrorIs(t, get(t, told), ErrClosed)
		require.Zero(t, alice.Stats().Kept)
		_, err := f.Watch(func(error) {})
		require.ErrorIs(t, err, ErrGone)
		require.ErrorIs(t, f.Send(parse(t, text("1", ""))), ErrGone)

		alice.listen(UDP, "192.0.2.1", 5062)
		f = alice.dial(UDP, at)
		watch()
		require.NoError(t, alice.Close())
		require.Len(t, told, 1, "none runs after Close")
		require.ErrorIs(t, <-told, ErrClosed)
		_, err = f.Watch(func(error) {})
		require.ErrorIs(t, err, ErrGone)
	})
}

// A flow cannot be watched without end.
func TestWatchBound(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		for _, f := range []*Flow{alice.dial(TCP, at), alice.dial(UDP, at)} {
			for range maxWatches {
				_, err := f.Watch(func(error) {})
				require.NoError(t, err)
			}
			_, err := f.Watch(func(error) {})
			require.ErrorIs(t, err, ErrWatches)
		}
	})
}
