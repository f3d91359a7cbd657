package simnet_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// world is what a program needs of a network, real or virtual.
type world struct {
	listen func(ctx context.Context, network, address string) (net.Listener, error)
	packet func(ctx context.Context, network, address string) (net.PacketConn, error)
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
}

// stream is the part of *net.TCPConn that *simnet.Conn has too.
type stream interface {
	net.Conn
	CloseRead() error
	CloseWrite() error
	SetLinger(sec int) error
}

// script is a program that writes down what it sees.
type script struct {
	t   *testing.T
	w   world
	log []string
}

func (s *script) note(what string, args ...any) {
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = class(err)
		}
	}
	s.log = append(s.log, what+" "+fmt.Sprint(args...))
}

// class names an error by what programs look at.
func class(err error) string {
	if err == io.EOF {
		return "EOF, bare"
	}
	var parts []string
	var op *net.OpError
	if errors.As(err, &op) {
		parts = append(parts, "op "+op.Op)
		parts = append(parts, fmt.Sprintf("addrs %t %t", op.Source != nil, op.Addr != nil))
		parts = append(parts, fmt.Sprintf("timeout %t", op.Timeout()))
	}
	if sys := new(os.SyscallError); errors.As(err, &sys) {
		parts = append(parts, "in a syscall")
	}
	for name, target := range map[string]error{
		"ECONNREFUSED": syscall.ECONNREFUSED, "ECONNRESET": syscall.ECONNRESET, "EPIPE": syscall.EPIPE,
		"EADDRINUSE": syscall.EADDRINUSE, "EADDRNOTAVAIL": syscall.EADDRNOTAVAIL, "EMSGSIZE": syscall.EMSGSIZE,
		"EDESTADDRREQ": syscall.EDESTADDRREQ, "ENOTCONN": syscall.ENOTCONN, "EINVAL": syscall.EINVAL,
		"net.ErrClosed": net.ErrClosed, "deadline": os.ErrDeadlineExceeded, "cancelled": context.Canceled,
		"connected": net.ErrWriteToConnected,
	} {
		if errors.Is(err, target) {
			parts = append(parts, name)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func (s *script) pair() (a, b stream) {
	l, err := s.w.listen(background, "tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	defer l.Close()
	c, err := s.w.dial(background, "tcp", l.Addr().String())
	require.NoError(s.t, err)
	d, err := l.Accept()
	require.NoError(s.t, err)
	for _, c := range []net.Conn{c, d} {
		require.NoError(s.t, c.SetDeadline(time.Now().Add(10*time.Second)))
		s.t.Cleanup(func() { c.Close() })
	}
	return c.(stream), d.(stream)
}

func (s *script) read(c net.Conn) {
	b := make([]byte, 1000)
	n, err := c.Read(b)
	s.note("read", string(b[:n]), err)
}

// settle waits until what was sent to c has arrived: it writes through a second
// connection, which loopback keeps behind the first.
func (s *script) settle() {
	a, b := s.pair()
	_, err := a.Write([]byte("settled"))
	require.NoError(s.t, err)
	_, err = io.ReadFull(b, make([]byte, 7))
	require.NoError(s.t, err)
}

// TestLikeTheKernel runs the same programs on the loopback of this machine and on
// a Host, and compares all they see.
func TestLikeTheKernel(t *testing.T) {
	x := []byte("x")
	scripts := map[string]func(s *script){
		"close then read and write": func(s *script) {
			a, b := s.pair()
			s.note("close", b.Close(), b.Close())
			s.read(a)
			s.read(a)
			n, err := a.Write(x)
			s.note("first write", n, err)
			s.settle()
			_, err = a.Write(x)
			s.note("second write", err)
			s.read(a)
			_, err = b.Read(x)
			s.note("own read", err)
			_, err = b.Write(x)
			s.note("own write", err)
			s.note("own half", b.CloseRead(), b.CloseWrite(), b.SetLinger(0), b.SetDeadline(time.Time{}))
		},
		"close with data unread": func(s *script) {
			a, b := s.pair()
			_, err := a.Write([]byte("never read"))
			s.note("write", err)
			_, err = b.Write([]byte("sent before"))
			s.note("write", err)
			s.settle()
			s.note("close", b.Close())
			s.settle()
			s.read(a)
			s.read(a)
			_, err = a.Write(x)
			s.note("write", err)
		},
		"linger 0": func(s *script) {
			a, b := s.pair()
			s.note("linger", b.SetLinger(0), b.Close())
			s.read(a)
			_, err := a.Write(x)
			s.note("write", err)
			s.note("close", a.Close())
		},
		"half close": func(s *script) {
			a, b := s.pair()
			s.note("close write", a.CloseWrite(), a.CloseWrite())
			_, err := a.Write(x)
			s.note("write", err)
			s.read(b)
			_, err = b.Write([]byte("answer"))
			s.note("answer", err)
			s.read(a)
			s.note("close", b.Close())
			s.read(a)
			s.note("close", a.Close())
		},
		"close read": func(s *script) {
			a, _ := s.pair()
			s.note("close read", a.CloseRead())
			s.read(a)
			_, err := a.Write(x)
			s.note("write", err)
		},
		"nothing to read or write": func(s *script) {
			a, b := s.pair()
			n, err := a.Read(nil)
			s.note("empty read", n, err)
			n, err = a.Write(nil)
			s.note("empty write", n, err)
			s.note("deadline", a.SetDeadline(time.Unix(1, 0)))
			n, err = a.Write(nil)
			s.note("empty write after deadline", n, err)
			_, err = b.Write(x)
			s.note("write", err)
			s.settle()
			s.read(a)
			s.note("deadline", a.SetDeadline(time.Time{}))
			s.read(a)
		},
		"dial": func(s *script) {
			l, err := s.w.listen(background, "tcp", "127.0.0.1:0")
			s.note("listen", err)
			addr := l.Addr().String()
			_, err = s.w.listen(background, "tcp", addr)
			s.note("listen twice", err)
			s.note("close", l.Close(), l.Close())
			_, err = l.Accept()
			s.note("accept", err)
			c, err := s.w.dial(background, "tcp", addr)
			s.note("refused", c, err)
			ctx, cancel := context.WithCancel(background)
			cancel()
			c, err = s.w.dial(ctx, "udp", addr)
			s.note("cancelled", c, err)
		},
		"accept": func(s *script) {
			l, err := s.w.listen(background, "tcp", ":0")
			s.note("listen", err)
			d := l.(interface{ SetDeadline(time.Time) error })
			s.note("deadline", d.SetDeadline(time.Unix(1, 0)))
			_, err = l.Accept()
			s.note("accept", err)
			s.note("wildcard", l.Addr().(*net.TCPAddr).IP.String(), l.Close())
			s.note("deadline", d.SetDeadline(time.Unix(1, 0)))
		},
		"datagrams": func(s *script) {
			p, err := s.w.packet(background, "udp", "127.0.0.1:0")
			s.note("listen", err)
			addr := p.LocalAddr()
			_, err = s.w.packet(background, "udp", addr.String())
			s.note("listen twice", err)
			_, err = s.w.packet(background, "udp", "192.0.2.99:0")
			s.note("listen elsewhere", err)
			c, err := s.w.dial(background, "udp", addr.String())
			s.note("dial", err)
			n, err := c.Write(make([]byte, 65508))
			s.note("too large", n, err)
			n, err = c.Write([]byte("datagram"))
			s.note("write", n, err)
			n, from, err := p.ReadFrom(make([]byte, 4))
			s.note("short read", n, from.String() == c.LocalAddr().String(), err)
			_, err = c.(net.PacketConn).WriteTo(x, addr)
			s.note("write to on connected", err)
			_, err = p.(net.Conn).Write(x)
			s.note("write on unconnected", err)
			n, err = p.WriteTo(nil, c.LocalAddr())
			s.note("empty datagram", n, err)
			n, err = c.Read(make([]byte, 4))
			s.note("empty read", n, err)
			s.note("close", p.Close(), p.Close())
			_, err = c.Write(x)
			s.note("to nobody", err)
			_, err = c.Read(make([]byte, 4))
			s.note("refused", err)
			_, err = p.WriteTo(x, addr)
			s.note("after close", err)
			s.note("deadline", c.SetDeadline(time.Unix(1, 0)), p.SetDeadline(time.Unix(1, 0)))
			_, err = c.Read(make([]byte, 4))
			s.note("read after deadline", err)
			_, err = c.Write(x)
			s.note("write after deadline", err)
			s.note("close", c.Close())
		},
	}
	for name, f := range scripts {
		t.Run(name, func(t *testing.T) {
			var lc net.ListenConfig
			var d net.Dialer
			real := &script{t: t, w: world{lc.Listen, lc.ListenPacket, d.DialContext}}
			f(real)
			n := simnet.New(simnet.Config{})
			defer n.Close()
			h := n.MustHost("alice", "192.0.2.1")
			virtual := &script{t: t, w: world{h.Listen, h.ListenPacket, h.DialContext}}
			f(virtual)
			require.Equal(t, real.log, virtual.log)
			t.Log(strings.Join(real.log, "\n"))
		})
	}
}
