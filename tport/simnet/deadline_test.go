package simnet_test

import (
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	var ne net.Error
	require.ErrorAs(t, err, &ne)
	require.True(t, ne.Timeout())
}

func TestDeadlines(t *testing.T) {
	type deadliner interface{ SetDeadline(time.Time) error }
	inBubble(t, simnet.Config{StreamBuffer: 10}, func(t *testing.T, p pair) {
		s := p.udp(p.alice, ":5060")
		l := p.listen(":7")
		a, _ := p.connect()
		write(t, a, "0123456789") // fills the buffer
		waits := []struct {
			name string
			d    deadliner
			wait func() error
		}{
			{"datagram read", s, func() error { _, _, err := s.ReadFrom(make([]byte, 1)); return err }},
			{"accept", l, func() error { _, err := l.Accept(); return err }},
			{"stream read", a, func() error { _, err := a.Read(make([]byte, 1)); return err }},
			{"stream write", a, func() error { _, err := a.Write([]byte("x")); return err }},
		}
		for _, w := range waits {
			// It comes to pass.
			require.NoError(t, w.d.SetDeadline(time.Now().Add(time.Minute)), w.name)
			require.Equal(t, time.Minute, elapsed(func() { requireTimeout(t, w.wait()) }), w.name)
			requireTimeout(t, w.wait())
			// It is in the past and wakes who waits.
			require.NoError(t, w.d.SetDeadline(time.Time{}), w.name)
			woken := make(chan error)
			go func() { woken <- w.wait() }()
			synctest.Wait()
			require.NoError(t, w.d.SetDeadline(time.Unix(1, 0)), w.name)
			requireTimeout(t, <-woken)
			// It moves while one waits.
			require.NoError(t, w.d.SetDeadline(time.Now().Add(time.Second)), w.name)
			go func() { woken <- w.wait() }()
			synctest.Wait()
			require.NoError(t, w.d.SetDeadline(time.Now().Add(time.Hour)), w.name)
			require.Equal(t, time.Hour, elapsed(func() { requireTimeout(t, <-woken) }), w.name)
			require.NoError(t, w.d.SetDeadline(time.Time{}), w.name)
		}
		require.NoError(t, s.SetWriteDeadline(time.Unix(1, 0)))
		_, err := s.WriteTo([]byte("x"), s.LocalAddr())
		require.Error(t, err)
		requireTimeout(t, err)
		require.NoError(t, s.SetWriteDeadline(time.Time{}))
		// A deadline that has passed hides data, as in package net.
		require.NoError(t, s.SetReadDeadline(time.Unix(1, 0)))
		c := p.dial("udp", "127.0.0.1:5060")
		write(t, c, "x")
		_, err = s.Read(make([]byte, 1))
		requireTimeout(t, err)
		require.NoError(t, s.SetReadDeadline(time.Time{}))
		require.Equal(t, "x", read(t, s))
	})
}
