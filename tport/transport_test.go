package tport

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestNewRefusesBadConfig(t *testing.T) {
	deliver := func(*Delivery) {}
	for want, cfg := range map[string]Config{
		"Class":     {Deliver: deliver},
		"Deliver":   {Class: testClass()},
		"QueueSize": {Class: testClass(), Deliver: deliver, QueueSize: -1},
		"Readers":   {Class: testClass(), Deliver: deliver, Readers: -1},
	} {
		_, err := New(cfg)
		require.ErrorContains(t, err, want)
	}
	tr, err := New(Config{Class: testClass(), Deliver: deliver})
	require.NoError(t, err)
	require.Equal(t, DefaultIdle, tr.cfg.Idle)
	require.NotNil(t, tr.cfg.Dial)
	require.NoError(t, tr.Close())
	require.NoError(t, tr.Close())
	require.NoError(t, tr.Shutdown(t.Context()))
}

// Shutdown lets out what is queued, and leaves nothing behind.
func TestShutdownFlushes(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(TCP, at)
		for i := range 20 {
			require.NoError(t, f.Send(parse(t, text(fmt.Sprint(i), pad(2000)))))
		}
		require.NoError(t, alice.Shutdown(t.Context()))
		require.ErrorIs(t, f.Send(parse(t, text("late", ""))), ErrClosed)
		for i := range 20 {
			_, id := bob.next()
			require.Equal(t, fmt.Sprint(i), id)
		}
		require.ErrorIs(t, get(t, alice.failed).err, ErrClosed)
		require.NoError(t, bob.Shutdown(t.Context()))
		_, err := v.alice.DialContext(t.Context(), "tcp", at.String())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
}

// When its context ends, Shutdown no longer waits for peers.
func TestShutdownContext(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c := v.connect(at)
		write(t, c, text("1", ""))
		d, _ := bob.next()
		for d.Flow.Send(parse(t, text("2", pad(60000)))) == nil {
			synctest.Wait()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(t, bob.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(begin))
		require.NoError(t, c.Close())
	})
}

// Close waits for the callback that is running, and none runs after it.
func TestCloseWaitsForCallbacks(t *testing.T) {
	for _, proto := range []string{UDP, TCP} {
		bubble(t, func(t *testing.T, v *virtual) {
			var closed, late bool
			entered := make(chan struct{}, 10)
			alice, bob, at := v.pair(func(c *Config) {
				c.Deliver = func(*Delivery) {
					late = late || closed
					entered <- struct{}{}
					<-time.After(time.Minute) // against the rules
					late = late || closed
				}
			})
			alice.listen(UDP, "192.0.2.1", 5060)
			f := alice.dial(proto, at)
			for range 5 {
				require.NoError(t, f.Send(parse(t, text("1", ""))))
			}
			<-entered
			begin := time.Now()
			require.NoError(t, bob.Close())
			closed = true
			require.Equal(t, time.Minute, time.Since(begin))
			<-time.After(time.Hour)
			require.False(t, late)
			require.Empty(t, entered, "nothing more was read")
		})
	}
}

// failing is a listener that cannot accept for a while.
type failing struct {
	net.Listener
	left int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

// Errors of accepting neither end the primary nor spin; its Close keeps what
// was accepted.
func TestAcceptErrors(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob, func(c *Config) {
			c.Listen = func(ctx context.Context, network, address string) (net.Listener, error) {
				l, err := v.bob.Listen(ctx, network, address)
				return &failing{l, 10}, err
			}
		})
		begin := time.Now()
		p := bob.listen(TCP, "198.51.100.1", 5060)
		c := v.connect(p.Addr())
		write(t, c, text("1", ""))
		d, _ := bob.next()
		require.Greater(t, time.Since(begin), 2*time.Second)
		require.EqualValues(t, 10, bob.Stats().ReadErrors)
		require.Same(t, p, d.Flow.Primary())
		require.NoError(t, p.Close())
		require.ErrorIs(t, p.Err(), ErrClosed)
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		expect(t, c, refusal)
		require.NoError(t, c.Close())
	})
}

// Every step is traced and counted; a panic in a func costs nothing else.
func TestTraceAndStats(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var steps []string
		note := func(s string, f *Flow) { steps = append(steps, s+" "+f.Proto()) }
		alice := v.node(v.alice, func(c *Config) {
			c.Trace = &Trace{
				Received:   func(d *Delivery) { note("received", d.Flow) },
				Sent:       func(f *Flow, m *msg.Message, size int) { note(fmt.Sprint("sent ", size == m.Len()), f) },
				FlowOpened: func(f *Flow, accepted bool) { note(fmt.Sprint("opened ", accepted), f); panic("opened") },
				FlowClosed: func(f *Flow, err error) { note(fmt.Sprint("closed ", errors.Is(err, io.EOF)), f); panic("closed") },
			}
			c.Failed = func(*Flow, error) { panic("failed") }
		})
		bob := v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		f := alice.dial(TCP, at)
		synctest.Wait()
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		d, _ := bob.next()
		require.NoError(t, d.Flow.Send(parse(t, text("2", ""))))
		alice.next()
		require.NoError(t, d.Flow.Close())
		<-f.Done()
		synctest.Wait()
		require.Equal(t, []string{"opened false tcp", "sent true tcp", "received tcp", "closed true tcp"}, steps)
		require.Equal(t, Stats{Received: 1, Sent: 1, Dialled: 1, Panics: 3}, alice.Stats())
		require.Equal(t, Stats{Received: 1, Sent: 1, Accepted: 1, Primaries: 1}, bob.Stats())
	})
}

// The log tells an operator what matters, and nothing of what messages hold.
func TestLogger(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var log bytes.Buffer
		_, bob, at := v.pair(func(c *Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Deliver = func(*Delivery) { panic("at the edge") }
		})
		c := v.connect(at)
		write(t, c, text("1", "secret"))
		synctest.Wait()
		require.NoError(t, c.Close())
		synctest.Wait()
		require.NoError(t, bob.Close())
		for _, want := range []string{"listening", "flow opened", "flow closed", "panic recovered", "at the edge", at.String()} {
			require.Contains(t, log.String(), want)
		}
		require.NotContains(t, log.String(), "secret")
	})
}

func TestErrorText(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		_, err := alice.Dial(t.Context(), Name{Proto: UDP, Host: "198.51.100.1", Port: 5060})
		require.EqualError(t, err, "tport: dial udp: "+ErrNoTransport.Error())
		f := alice.dial(TCP, at)
		require.NoError(t, f.Close())
		<-f.Done()
		err = f.Send(parse(t, text("1", "")))
		require.True(t, strings.HasPrefix(err.Error(), "tport: send tcp from 192.0.2.1:"), err.Error())
		require.True(t, strings.HasSuffix(err.Error(), " to 198.51.100.1:5060: flow is gone: "+ErrClosed.Error()), err.Error())
		require.Same(t, err, wrap("read", Key{}, fmt.Errorf("wrapped: %w", err)))
		require.NoError(t, wrap("read", Key{}, nil))
	})
}
