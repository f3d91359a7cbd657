package tport

import (
	"context"
	"errors"
	"net"
	"strconv"
)

// listening is the part of the stream protocols that binds and accepts.
type listening struct{}

func (listening) bind(ctx context.Context, p *Primary, name Name) error {
	address := net.JoinHostPort(bindHost(name), strconv.Itoa(int(name.Port)))
	l, err := p.t.cfg.Listen(ctx, name.network("tcp"), address)
	if err != nil {
		return err
	}
	p.listener, p.addr = l, addrPortOf(l.Addr())
	return nil
}

func (listening) serve(p *Primary) { p.t.spawn(p.accept) }

// accept is the goroutine of a listening socket.
func (p *Primary) accept() {
	var pause pause
	for {
		conn, err := p.listener.Accept()
		switch {
		case err == nil:
			pause.reset()
			p.t.spawn(func() { p.welcome(conn) })
		case errors.Is(err, net.ErrClosed) || p.Err() != nil:
			p.end(err)
			return
		default:
			// Out of descriptors, or the peer has gone again: neither ends the socket.
			p.t.count.readErrors.Add(1)
			p.t.log.Warn("accepting failed", "addr", p.addr, "err", err)
			pause.wait(p.done)
		}
	}
}

// welcome is the goroutine of an accepted connection.
func (p *Primary) welcome(conn net.Conn) {
	t := p.t
	s, err := p.admit(conn)
	if err != nil {
		t.count.turned.Add(1)
		t.log.Debug("connection turned away", "proto", p.proto, "from", conn.RemoteAddr(), "err", err)
		conn.Close()
		return
	}
	t.count.accepted.Add(1)
	s.serve()
}

func (p *Primary) admit(conn net.Conn) (*stream, error) {
	t := p.t
	proto, _ := protocolOf(p.proto)
	l, err := proto.(streamProtocol).upgrade(t.ctx, conn, end{
		t: t, proto: p.proto, class: p.class, tls: p.config(), verify: p.verify,
	})
	if err != nil {
		return nil, err
	}
	s := newStream(t, l, p.class, p, p.proto)
	return s, t.register(s)
}
