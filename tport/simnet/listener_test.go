package simnet_test

import (
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestBacklogIsBounded(t *testing.T) {
	inBubble(t, simnet.Config{Backlog: 2}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		p.dial("tcp", "bob:5060")
		p.dial("tcp", "bob:5060")
		third := make(chan time.Duration)
		go func() {
			third <- elapsed(func() { p.dial("tcp", "bob:5060") })
		}()
		time.Sleep(2500 * time.Millisecond)
		require.Equal(t, uint64(2), p.Stats().Overflow, "the SYNs of 0 s and 1 s")
		_, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, 3*time.Second, <-third)
	})
}

func TestListenerClose(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		accepted := p.dial("tcp", "bob:5060")
		b, err := l.Accept()
		require.NoError(t, err)
		waiting := p.dial("tcp", "bob:5060")
		l2 := p.listen(":5070")
		woken := make(chan error)
		go func() { _, err := l2.Accept(); woken <- err }()
		synctest.Wait()

		require.NoError(t, l.Close())
		require.NoError(t, l2.Close())
		require.ErrorIs(t, <-woken, net.ErrClosed)
		require.ErrorIs(t, l.Close(), net.ErrClosed)
		require.ErrorIs(t, l.SetDeadline(time.Time{}), net.ErrClosed)
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = waiting.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "nobody will ever accept it")
		write(t, accepted, "accepted ones go on")
		require.Equal(t, "accepted ones go on", read(t, b))
		_, err = p.alice.DialContext(background, "tcp", "bob:5060")
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		p.listen(":5060") // at once, though b is still open
	})
}

func TestCloseDuringHandshake(t *testing.T) {
	inBubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * time.Millisecond}}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		go func() {
			time.Sleep(15 * time.Millisecond) // the SYN-ACK is on its way
			l.Close()
		}()
		c, err := p.alice.DialContext(background, "tcp", "bob:5060")
		require.NoError(t, err)
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}

func TestPeerGoneBeforeAccept(t *testing.T) {
	inBubble(t, simnet.Config{}, func(t *testing.T, p pair) {
		l := p.listen(":5060")
		a := p.dial("tcp", "bob:5060")
		write(t, a, "parting words")
		require.NoError(t, a.Close())
		b, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, "parting words", read(t, b))

		a = p.dial("tcp", "bob:5060")
		require.NoError(t, a.(*simnet.Conn).SetLinger(0))
		require.NoError(t, a.Close())
		b, err = l.Accept()
		require.NoError(t, err)
		_, err = b.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
	})
}
