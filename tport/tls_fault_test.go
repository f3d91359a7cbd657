//go:build unix

package tport

import (
	"context"
	"crypto/tls"
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

// T12 on TLS: a handshake has its time, at both ends.
func TestT12HandshakeTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		// A client that says nothing, and one that takes its time over a hello.
		start := time.Now()
		silent, slow := v.connect(at), v.connect(at)
		write(t, slow, "\x16\x03\x01\x02\x00")
		for range 9 {
			time.Sleep(time.Second)
			write(t, slow, "\x01")
		}
		synctest.Wait()
		require.Zero(t, bob.Stats().HandshakeFailures)
		one := make([]byte, 1)
		_, err := silent.Read(one)
		require.Error(t, err)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))
		_, err = slow.Read(one)
		require.Error(t, err)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))
		synctest.Wait()
		require.Equal(t, uint64(2), bob.Stats().HandshakeTimeouts)
		silent.Close()
		slow.Close()
		none(t, bob.opened)

		// Meanwhile nobody waits.
		held := v.connect(at)
		start = time.Now()
		alice.reachTLS("bob.example.com", at)
		require.Less(t, time.Since(start), time.Second)
		held.Close()

		// A server that says nothing.
		carol := v.node(v.alice, trusting(ca), func(c *Config) { c.HandshakeTimeout = 3 * time.Second })
		l, err := v.bob.Listen(context.Background(), "tcp", "198.51.100.1:5062")
		require.NoError(t, err)
		start = time.Now()
		_, err = carol.Dial(context.Background(), named("bob.example.com", netip.MustParseAddrPort("198.51.100.1:5062")))
		require.ErrorIs(t, err, ErrHandshakeTimeout)
		require.Equal(t, 3*time.Second, time.Since(start))
		l.Close()
	})
}

// Closing ends a handshake that is under way.
func TestTLSCloseInHandshake(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		c := v.connect(at)
		synctest.Wait()
		start := time.Now()
		require.NoError(t, bob.Close())
		require.Zero(t, time.Since(start))
		c.Close()
	})
}

// Garbage instead of a handshake ends that connection only.
func TestTLSGarbageFirst(t *testing.T) {
	for _, garbage := range []string{
		"GET / HTTP/1.1\r\n\r\n", text("1", ""), "\r\n\r\n", "\x80\x2e\x01\x00\x02", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
		"\x15\x03\x01\x00\x02\x02\x28",
	} {
		bubble(t, func(t *testing.T, v *virtual) {
			ca := newAuthority(t, "authority")
			alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
			c := v.connect(at)
			write(t, c, garbage)
			require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
			synctest.Wait()
			require.Equal(t, uint64(1), bob.Stats().HandshakeFailures)
			drop := get(t, bob.drops)
			require.True(t, errors.Is(drop.Err, ErrTLS) || errors.Is(drop.Err, ErrRefused), "%v", drop.Err)
			require.Equal(t, at, drop.To)
			none(t, bob.drops)
			none(t, bob.opened)
			none(t, bob.failed)
			c.Close()
			exchange(t, alice, bob, alice.reachTLS("bob.example.com", at), at)
		})
	}
}

// A hook of the user's that panics costs one connection.
func TestTLSHookPanics(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		rude := func(tls.ConnectionState) error { panic("rude") }
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"), func(c *tls.Config) {
			c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if hello.ServerName == "rude.example.com" {
					panic("rude")
				}
				return nil, nil
			}
		})
		_, err := alice.Dial(context.Background(), named("rude.example.com", at))
		require.Error(t, err)
		name := named("bob.example.com", at)
		name.TLS = &tls.Config{RootCAs: ca.pool(), VerifyConnection: rude}
		_, err = alice.Dial(context.Background(), name)
		require.ErrorIs(t, err, ErrTLS)
		synctest.Wait()
		require.Equal(t, uint64(1), alice.Stats().Panics)
		require.Equal(t, uint64(1), bob.Stats().Panics)
		exchange(t, alice, bob, alice.reachTLS("bob.example.com", at), at)
	})
}

// A server that does not speak TLS.
func TestTLSToPlainServer(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob := v.node(v.alice, trusting(ca)), v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		_, err := alice.Dial(context.Background(), named("bob.example.com", at))
		require.ErrorIs(t, err, ErrTLS)
		require.Equal(t, uint64(1), alice.Stats().HandshakeFailures)
	})
}

// Garbage in a connection that had been good: one event, and no message more.
func TestTLSGarbageLater(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		for _, garbage := range []string{
			"OPTIONS sip:bob SIP/2.0\r\n\r\n", "\x17\x03\x03\x00\x20" + pad(32), "\x17\x03\x03\xff\xff", "\x16\x03\x03\x00\x01\x00",
		} {
			raw := v.connect(at)
			c := tls.Client(raw, &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
			require.NoError(t, c.Handshake())
			f := get(t, bob.opened)
			write(t, c, text("good", ""))
			_, id := bob.next()
			require.Equal(t, "good", id)
			write(t, raw, garbage)
			end := get(t, bob.failed)
			require.Same(t, f, end.flow)
			require.ErrorIs(t, end.err, ErrTLS, "%q", garbage)
			synctest.Wait()
			none(t, bob.failed)
			none(t, bob.inbox)
			raw.Close()
		}
		exchange(t, alice, bob, alice.reachTLS("bob.example.com", at), at)
	})
}

// T12 on TLS: a record that does not end, or many that hold nothing, give no
// connection a longer life.
func TestT12SlowRecord(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		bob := v.node(v.bob, serving(ca.domain("bob.example.com")), func(c *Config) { c.Idle = 5 * time.Minute })
		at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
		raw := v.connect(at)
		c := tls.Client(raw, &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
		require.NoError(t, c.Handshake())
		write(t, c, text("good", ""))
		bob.next()
		time.Sleep(time.Minute)
		start := time.Now()
		write(t, raw, "\x17\x03\x03\x01\x00")
		for range 29 {
			time.Sleep(time.Second)
			write(t, raw, "x")
		}
		synctest.Wait()
		none(t, bob.failed)
		end := get(t, bob.failed)
		require.ErrorIs(t, end.err, ErrMessageTimeout)
		require.Equal(t, DefaultMessageTimeout, time.Since(start))
		raw.Close()

		// A message in small records is one message.
		raw = v.connect(at)
		c = tls.Client(raw, &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
		require.NoError(t, c.Handshake())
		start = time.Now()
		for _, part := range text("slow", pad(100))[:29] {
			write(t, c, string(part))
			time.Sleep(time.Second)
		}
		end = get(t, bob.failed)
		require.ErrorIs(t, end.err, ErrMessageTimeout)
		require.Equal(t, DefaultMessageTimeout, time.Since(start))
		raw.Close()
	})
}

// T13 on TLS: Send never waits. What the socket does not take is queued, in
// order, up to the bound; then the caller hears of it.
func TestT13SlowReader(t *testing.T) {
	ca := newAuthority(t, "authority")
	bob := realNode(t, serving(ca.domain("bob.example.com")))
	at := bob.listen(TLS, "127.0.0.1", 0).Addr()
	fd := bareConnect(t, at)
	defer syscall.Close(fd)
	c := tls.Client(newFDConn(fd), &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
	require.NoError(t, c.Handshake())
	f := get(t, bob.opened)
	taken := 0
	var err error
	for err == nil {
		if err = f.Send(parse(t, text(fmt.Sprint(taken), pad(30_000)))); err == nil {
			taken++
		}
	}
	require.ErrorIs(t, err, ErrQueueFull)
	require.Greater(t, taken, DefaultQueueSize/2)
	// Meanwhile others are served.
	carol := realNode(t, trusting(ca))
	exchange(t, carol, bob, carol.reachTLS("bob.example.com", at), at)
	for i := range taken {
		expect(t, c, text(fmt.Sprint(i), pad(30_000)))
	}
	require.NoError(t, f.Send(parse(t, text("again", ""))))
	expect(t, c, text("again", ""))
}

// Many senders on one flow: every message whole, each sender's in order.
func TestTLSManySenders(t *testing.T) {
	ca := newAuthority(t, "authority")
	bob, alice := realNode(t, serving(ca.domain("bob.example.com"))), realNode(t, trusting(ca), func(c *Config) { c.QueueSize = 4096 })
	at := bob.listen(TLS, "127.0.0.1", 0).Addr()
	f := alice.reachTLS("bob.example.com", at)
	const senders, each = 8, 100
	for i := range senders {
		go func() {
			for j := range each {
				_ = f.Send(parse(t, text(fmt.Sprintf("%d %d", i, j), pad(500*(j%5)))))
			}
		}()
	}
	var next [senders]int
	for range senders * each {
		_, id := bob.next()
		var i, j int
		_, err := fmt.Sscanf(id, "%d %d", &i, &j)
		require.NoError(t, err)
		require.Equal(t, next[i], j)
		next[i]++
	}
}

// newFDConn makes a net.Conn of a bare descriptor.
func newFDConn(fd int) net.Conn {
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	return &fdConn{fd: fd}
}

type fdConn struct {
	net.Conn
	fd int
}

func (c *fdConn) Read(b []byte) (int, error) {
	n, err := syscall.Read(c.fd, b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
func (c *fdConn) Write(b []byte) (int, error)      { return syscall.Write(c.fd, b) }
func (c *fdConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *fdConn) SetDeadline(time.Time) error      { return nil }
func (c *fdConn) SetWriteDeadline(time.Time) error { return nil }
