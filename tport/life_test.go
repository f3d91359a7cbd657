package tport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// onEveryStream runs f for each protocol that has connections: from the queue to
// the end they all live alike.
func onEveryStream(t *testing.T, change func(*Config), f func(t *testing.T, v *virtual, p *streamPair)) {
	for _, proto := range []string{TCP, TLS, WS, WSS} {
		t.Run(proto, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				ca := newAuthority(t, "authority")
				cert := ca.address("198.51.100.1")
				p := &streamPair{alice: v.node(v.alice, trusting(ca)), bob: v.node(v.bob, serving(cert), change)}
				p.at = p.bob.listen(proto, "198.51.100.1", 5060).Addr()
				p.here = p.alice.dial(proto, p.at)
				p.there = get(t, p.bob.opened)
				f(t, v, p)
			})
		})
	}
}

// streamPair is a connection and the nodes at its ends. The changes are bob's.
type streamPair struct {
	alice, bob  *node
	at          netip.AddrPort
	here, there *Flow
}

func same(*Config) {}

// T07: what comes on a connection is answered on it, and it is used again.
func TestT07ConnectionIsReused(t *testing.T) {
	onEveryStream(t, same, func(t *testing.T, v *virtual, p *streamPair) {
		for i := range 5 {
			id := fmt.Sprint(i)
			f, err := p.alice.Send(t.Context(), nameOf(p.here.Proto(), p.at), parse(t, text(id, pad(i*1000))))
			require.NoError(t, err)
			require.Same(t, p.here, f)
			d, got := p.bob.next()
			require.Equal(t, id, got)
			require.Same(t, p.there, d.Flow)
			require.NoError(t, d.Flow.Send(parse(t, text("answer "+id, ""))))
			d, got = p.alice.next()
			require.Equal(t, "answer "+id, got)
			require.Same(t, p.here, d.Flow)
		}
		require.EqualValues(t, 1, p.alice.Stats().Dialled)
		require.Zero(t, p.bob.Stats().Dialled)
	})
}

// T12: a connection that nobody uses or holds is closed, and its peer sees that.
func TestT12Idle(t *testing.T) {
	onEveryStream(t, func(c *Config) { c.Idle = time.Minute }, func(t *testing.T, v *virtual, p *streamPair) {
		p.there.Hold()
		<-time.After(5 * time.Minute)
		none(t, p.bob.failed)
		begin := time.Now()
		p.there.Release()
		require.ErrorIs(t, get(t, p.bob.failedAfter(time.Hour)).err, ErrIdle)
		require.Equal(t, time.Minute, time.Since(begin))
		var said *WebSocketError
		if err := get(t, p.alice.failed).err; !errors.As(err, &said) {
			require.ErrorIs(t, err, io.EOF)
		}
	})
}

// T13: a peer that does not read has what was queued for it refused beyond the
// bound, and loses its connection; others are served as ever.
func TestT13SlowReaderOfAny(t *testing.T) {
	onEveryStream(t, same, func(t *testing.T, v *virtual, p *streamPair) {
		stuck := make(chan struct{})
		p.alice.cfg.Deliver = func(*Delivery) { <-stuck } // it reads no more
		quick := v.node(v.net.MustHost("carol", "203.0.113.1"), func(c *Config) { c.TLS = p.alice.cfg.TLS })
		other := quick.dial(p.here.Proto(), p.at)
		get(t, p.bob.opened)
		big, sent := parse(t, text("big", pad(100<<10))), 0
		begin := time.Now()
		for {
			err := p.there.Send(big)
			synctest.Wait()
			if err != nil {
				require.ErrorIs(t, err, ErrQueueFull)
				break
			}
			sent++
			require.Less(t, sent, 1000)
		}
		require.GreaterOrEqual(t, sent, 10)
		for i := range 10 {
			id := fmt.Sprint(i)
			require.NoError(t, other.Send(parse(t, text(id, ""))))
			_, got := p.bob.next()
			require.Equal(t, id, got)
		}
		require.Zero(t, time.Since(begin))
		got := get(t, p.bob.failedAfter(time.Hour))
		require.Same(t, p.there, got.flow)
		require.ErrorIs(t, got.err, ErrWriteTimeout)
		require.LessOrEqual(t, time.Since(begin), DefaultWriteTimeout)
		close(stuck)
		require.NoError(t, other.Err())
	})
}

// A keep-alive keeps every stream, and finds each dead in time.
func TestKeepAliveOfAny(t *testing.T) {
	onEveryStream(t, same, func(t *testing.T, v *virtual, p *streamPair) {
		p.here.Hold()
		p.there.Hold()
		require.NoError(t, p.here.KeepAlive(KeepAlive{Interval: 20 * time.Second}))
		require.NoError(t, p.there.KeepAlive(KeepAlive{Interval: 50 * time.Second, Silence: time.Minute}))
		<-time.After(2 * time.Hour)
		none(t, p.alice.failed)
		none(t, p.bob.failed)
		require.Greater(t, p.alice.Stats().Pongs, uint64(2*3600/20))
		v.net.Partition(v.alice, v.bob, true)
		begin := time.Now()
		require.ErrorIs(t, get(t, p.alice.failedAfter(time.Hour)).err, ErrNoPong)
		require.LessOrEqual(t, time.Since(begin), 20*time.Second+DefaultPongTimeout)
		get(t, p.bob.failedAfter(time.Hour))
		require.LessOrEqual(t, time.Since(begin), time.Minute+DefaultPongTimeout)
		v.net.Partition(v.alice, v.bob, false)
	})
}

// What was sent before Close or Shutdown arrives, by every protocol.
func TestCloseFlushesAny(t *testing.T) {
	for _, whole := range []bool{true, false} {
		onEveryStream(t, same, func(t *testing.T, v *virtual, p *streamPair) {
			for i := range 20 {
				require.NoError(t, p.here.Send(parse(t, text(fmt.Sprint(i), pad(5000)))))
			}
			if whole {
				require.NoError(t, p.alice.Shutdown(context.Background()))
			} else {
				require.NoError(t, p.here.Close())
			}
			require.ErrorIs(t, p.here.Send(parse(t, text("late", ""))), ErrGone)
			for i := range 20 {
				_, id := p.bob.next()
				require.Equal(t, fmt.Sprint(i), id)
			}
			require.ErrorIs(t, get(t, p.alice.failed).err, ErrClosed)
			get(t, p.bob.failed)
		})
	}
}
