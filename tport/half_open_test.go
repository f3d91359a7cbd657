package tport

import (
	"context"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// mute makes connections to a TLS port that say nothing.
func mute(t *testing.T, n int, dial func(context.Context, string, string) (net.Conn, error), to string) []net.Conn {
	t.Helper()
	var all []net.Conn
	for range n {
		c, err := dial(t.Context(), "tcp", to)
		require.NoError(t, err)
		all = append(all, c)
	}
	synctest.Wait()
	return all
}

func hangUp(all ...[]net.Conn) {
	for _, cs := range all {
		for _, c := range cs {
			c.Close()
		}
	}
}

// Those who do not end their handshake are given up in time, and hold up
// nobody meanwhile: not the accepting, not another's handshake.
func TestHalfOpenTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		slow := mute(t, 50, v.alice.DialContext, at.String())
		require.Equal(t, 50, bob.Stats().HalfOpen)
		require.Zero(t, bob.Stats().Flows)
		begin := time.Now()
		f, err := alice.Dial(t.Context(), named("example.com", at))
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		bob.next()
		require.Zero(t, time.Since(begin))
		<-time.After(DefaultHandshakeTimeout)
		synctest.Wait()
		s := bob.Stats()
		require.Zero(t, s.HalfOpen)
		require.Equal(t, 1, s.Flows)
		require.EqualValues(t, 50, s.HandshakeTimeouts)
		require.EqualValues(t, 50, s.Turned)
		hangUp(slow)
	})
}

// Where there is no place for another handshake the oldest goes, so that those
// who are quick get through; and one source cannot push out the others.
func TestHalfOpenShed(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		bob.cfg.MaxHandshakes = 10
		carol := v.net.MustHost("carol", "203.0.113.1")
		patient := mute(t, 2, carol.DialContext, at.String())
		slow := mute(t, 100, v.alice.DialContext, at.String())
		require.Equal(t, 10, bob.Stats().HalfOpen)
		require.EqualValues(t, 92, bob.Stats().HalfOpenShed)
		require.False(t, gone(t, patient[0]), "whoever has half the places pushes out himself")
		require.True(t, gone(t, slow[0]))
		require.False(t, gone(t, slow[99]))
		f, err := alice.Dial(t.Context(), named("example.com", at))
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		bob.next()
		require.False(t, gone(t, patient[1]))
		hangUp(patient, slow)
	})
}

// Connections that are half open count for their source.
func TestHalfOpenPerSource(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		bob.cfg.MaxFlowsPerSource = 3
		slow := mute(t, 20, v.alice.DialContext, at.String())
		require.Equal(t, 3, bob.Stats().HalfOpen)
		hangUp(slow)
		synctest.Wait()
		require.Zero(t, bob.Stats().HalfOpen)
	})
}

// With no place at all for handshakes none is begun.
func TestHalfOpenNone(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		bob.cfg.MaxHandshakes = 0
		c := mute(t, 1, v.alice.DialContext, at.String())
		require.True(t, gone(t, c[0]))
		require.EqualValues(t, 1, bob.Stats().Turned)
		hangUp(c)
	})
}

// Close ends handshakes at once.
func TestHalfOpenClosed(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("example.com"))
		slow := mute(t, 20, v.alice.DialContext, at.String())
		begin := time.Now()
		require.NoError(t, bob.Close())
		require.Zero(t, time.Since(begin))
		require.Zero(t, bob.Stats().Turned)
		require.Zero(t, bob.Stats().HandshakeTimeouts)
		hangUp(slow)
	})
}
