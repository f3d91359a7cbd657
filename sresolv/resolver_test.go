package sresolv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

type lookupFunc = func(ctx context.Context, network, host string) ([]netip.Addr, error)

func forbidden(t *testing.T) lookupFunc {
	return func(_ context.Context, _, host string) ([]netip.Addr, error) {
		t.Errorf("asked DNS for %q", host)
		return nil, errors.New("forbidden")
	}
}

// after answers each look-up after d and counts them.
func after(d time.Duration, n *atomic.Int32, addrs ...string) lookupFunc {
	return func(ctx context.Context, _, _ string) ([]netip.Addr, error) {
		n.Add(1)
		select {
		case <-time.After(d):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

// TestShared: walks for one name share one look-up and one goroutine.
func TestShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Second, &n, "192.0.2.1", "192.0.2.2"), MaxPending: 1})
		defer r.Close()
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				w := r.Walk(Target{Host: "example.com", Port: uint16(i + 1)})
				got := collect(t, w)
				require.Equal(t, []string{fmt.Sprintf("udp:192.0.2.1:%d", i+1), fmt.Sprintf("udp:192.0.2.2:%d", i+1)}, got)
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, n.Load())
		collect(t, r.Walk(Target{Host: "example.com", Transport: "udp"}))
		require.EqualValues(t, 2, n.Load(), "a later walk asks anew")
	})
}

// TestMaxPending: one name too many gets ErrBusy at once, and may try again.
func TestMaxPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Second, &n, "192.0.2.1"), MaxPending: 2})
		defer r.Close()
		expired, cancel := context.WithCancel(t.Context())
		cancel()
		for _, host := range []string{"a.example", "b.example"} {
			_, err := r.Walk(Target{Host: host}).Next(expired)
			require.ErrorIs(t, err, context.Canceled)
		}
		w := r.Walk(Target{Host: "c.example", Transport: "udp"})
		start := time.Now()
		_, err := w.Next(t.Context())
		require.ErrorIs(t, err, ErrBusy)
		require.Zero(t, time.Since(start))
		require.False(t, w.Exhausted())
		require.Equal(t, Stats{LookUps: 2, Refused: 1, Pending: 2}, r.Stats())
		_, ok := r.Walk(Target{Host: "192.0.2.7"}).Ready()
		require.True(t, ok, "numeric targets need no look-up")
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"udp:192.0.2.1:5060"}, collect(t, w))
		require.EqualValues(t, 3, n.Load())
		require.Equal(t, Stats{LookUps: 3, Refused: 1}, r.Stats())
	})
}

func TestMaxTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var addrs []string
		for i := range 200 {
			addrs = append(addrs, fmt.Sprintf("192.0.2.%d", i))
		}
		for limit, want := range map[int]int{0: 64, 3: 3, -1: 200} {
			var n atomic.Int32
			r := New(Config{LookupNetIP: after(0, &n, addrs...), MaxTargets: limit})
			require.Len(t, collect(t, r.Walk(Target{Host: "example.com", Transport: "udp"})), want)
			r.Close()
		}
	})
}

// TestLookupErrors: exactly one completion, with an error that says what to do.
func TestLookupErrors(t *testing.T) {
	refused := errors.New("connection refused")
	for _, c := range []struct {
		name string
		err  error
		want error
		wait time.Duration
	}{
		{"no such name", &net.DNSError{Err: "no such host", Name: "example.com", IsNotFound: true}, ErrNotFound, 0},
		{"no addresses", nil, ErrNotFound, 0},
		{"server silent", &net.DNSError{Err: "i/o timeout", IsTimeout: true}, ErrTimeout, 0},
		{"server refuses", refused, refused, 0},
		{"never", nil, ErrTimeout, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := New(Config{LookupNetIP: func(ctx context.Context, network, host string) ([]netip.Addr, error) {
					require.Equal(t, "ip", network)
					require.Equal(t, "example.com", host)
					if c.name == "never" {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return nil, c.err
				}})
				defer r.Close()
				w := r.Walk(Target{Host: "Example.com"})
				start := time.Now()
				_, err := w.Next(t.Context())
				require.ErrorIs(t, err, c.want)
				require.Equal(t, c.wait, time.Since(start))
				var e *Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, "example.com", e.Name)
				require.Equal(t, c.want == ErrTimeout, e.Timeout())
				require.True(t, w.Exhausted())
				_, again := w.Next(t.Context())
				require.Equal(t, err, again)
			})
		})
	}
}

// TestClose: pending look-ups end, their goroutines too; waiting walks are told.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Hour, &n, "192.0.2.1"), Timeout: -1})
		w := r.Walk(Target{Host: "example.com"})
		got := make(chan error, 1)
		go func() {
			_, err := w.Next(t.Context())
			got <- err
		}()
		synctest.Wait()
		require.NoError(t, r.Close())
		require.NoError(t, r.Close())
		require.ErrorIs(t, <-got, ErrClosed)
		_, err := r.Walk(Target{Host: "example.com"}).Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		require.Equal(t, []string{"udp:192.0.2.1:5060"}, collect(t, r.Walk(Target{Host: "192.0.2.1"})))
	})
}

func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Config{Network: "ip6", LookupNetIP: func(_ context.Context, network, _ string) ([]netip.Addr, error) {
			require.Equal(t, "ip6", network)
			return []netip.Addr{netip.MustParseAddr("2001:db8::1")}, nil
		}})
		defer r.Close()
		require.Equal(t, []string{"udp:[2001:db8::1]:5060"}, collect(t, r.Walk(Target{Host: "example.com", Transport: "udp"})))
	})
}

func TestHops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		r := New(Config{LookupNetIP: after(time.Second, &n, "192.0.2.1", "192.0.2.2")})
		defer r.Close()
		var got []string
		for h, err := range r.Hops(t.Context(), Target{Host: "example.com", Transport: "udp"}) {
			require.NoError(t, err)
			got = append(got, h.String())
		}
		require.Equal(t, []string{"udp:192.0.2.1:5060", "udp:192.0.2.2:5060"}, got)
		for range r.Hops(t.Context(), Target{Host: "example.com", Transport: "udp"}) {
			break
		}
		var errs []error
		for _, err := range r.Hops(t.Context(), Target{Host: "example.com", Transport: "sctp"}) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], ErrNoTransport)
	})
}
