package sresolv

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func collect(t *testing.T, w *Walk) (hops []string) {
	t.Helper()
	for {
		h, err := w.Next(t.Context())
		if err != nil {
			require.Equal(t, io.EOF, err)
			return hops
		}
		hops = append(hops, h.String())
	}
}

// TestBothFamilies: addresses keep their order, once each, mapped ones as IPv4.
func TestBothFamilies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Second, &n, "2001:db8::1", "192.0.2.1", "::ffff:192.0.2.1", "0.0.0.0", "192.0.2.2")})
		defer r.Close()
		w := r.Walk(Target{Host: "example.com", Transport: "tcp"})
		_, ok := w.Ready()
		require.False(t, ok)
		require.False(t, w.Exhausted())
		require.Zero(t, n.Load(), "Ready starts nothing")
		require.Equal(t, []string{"tcp:[2001:db8::1]:5060", "tcp:192.0.2.1:5060", "tcp:192.0.2.2:5060"}, collect(t, w))
		require.EqualValues(t, 1, n.Load())
		require.True(t, w.Exhausted())
	})
}

// TestReadyAfterAnswer: once the answer is there, the rest is ready (RFC 3263 4.3:
// the next hop is tried inside a step that cannot wait).
func TestReadyAfterAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Second, &n, "192.0.2.1", "192.0.2.2")})
		defer r.Close()
		w := r.Walk(Target{Host: "example.com", Transport: "udp"})
		h, err := w.Next(t.Context())
		require.NoError(t, err)
		require.Equal(t, "example.com", h.Name)
		h, ok := w.Ready()
		require.True(t, ok)
		require.Equal(t, "udp:192.0.2.2:5060", h.String())
		require.True(t, w.Exhausted())
	})
}

// TestContextBoundsTheWait: the look-up outlives the wait, and is not repeated.
func TestContextBoundsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(3*time.Second, &n, "192.0.2.1")})
		defer r.Close()
		w := r.Walk(Target{Host: "example.com"})
		start := time.Now()
		for i := range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := w.Next(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Duration(i+1)*time.Second, time.Since(start))
			require.False(t, w.Exhausted())
		}
		_, ok := w.Ready()
		require.False(t, ok)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		h, ok := w.Ready()
		require.True(t, ok, "the answer came while nobody waited")
		require.Equal(t, "udp:192.0.2.1:5060", h.String())
		require.EqualValues(t, 1, n.Load())
	})
}

// TestNumericCost: the common case of a call between known addresses costs one
// allocation, the Walk.
func TestNumericCost(t *testing.T) {
	r := New(Config{})
	defer r.Close()
	got := testing.AllocsPerRun(100, func() {
		w := r.Walk(Target{Scheme: "sip", Host: "192.0.2.1", Port: 5060})
		if _, ok := w.Ready(); !ok {
			t.Error("not ready")
		}
	})
	require.LessOrEqual(t, got, 2.0)
}
