package tport

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// listening is the part of the stream protocols that binds and accepts.
type listening struct{}

func (listening) bind(ctx context.Context, p *Primary, name Name) error {
	address := net.JoinHostPort(bindHost(name), strconv.Itoa(int(name.Port)))
	return p.bindListener(func() (net.Listener, error) {
		listen := p.t.cfg.Listen
		if name.Interface != "" {
			if !p.t.system {
				return nil, ErrNoInterface
			}
			listen = interfaceListener(name.Interface)
		}
		return listen(ctx, name.network("tcp"), address)
	})
}

// bindListener opens the socket, unless one was given.
func (p *Primary) bindListener(open func() (net.Listener, error)) (err error) {
	if p.listener == nil {
		if p.listener, err = open(); err != nil {
			return err
		}
	}
	p.addr = addrPortOf(p.listener.Addr())
	return nil
}

func (listening) serve(p *Primary) { p.t.spawn(p.accept) }

// accept is the goroutine of a listening socket. It waits for nothing but the
// next connection.
func (p *Primary) accept() {
	t := p.t
	var pause pause
	for {
		conn, err := p.listener.Accept()
		switch {
		case err == nil:
			pause.reset()
			p.welcome(conn)
		case errors.Is(err, net.ErrClosed) || p.Err() != nil:
			p.end(err)
			return
		default:
			// Out of descriptors, or the peer has gone again: neither ends the socket.
			t.count.readErrors.Add(1)
			t.log.Warn("accepting failed", "addr", p.addr, "err", err)
			t.spareDescriptor(err)
			pause.wait(p.done)
		}
	}
}

// spareDescriptor closes the longest idle connection, which it returns, if err
// says that there is no descriptor for another one.
func (t *Transport) spareDescriptor(err error) *stream {
	if !errors.Is(err, syscall.EMFILE) && !errors.Is(err, syscall.ENFILE) {
		return nil
	}
	t.count.noDescriptors.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.longestIdle()
	t.shed(s)
	return s
}

// welcome takes an accepted connection.
func (p *Primary) welcome(conn net.Conn) {
	t := p.t
	t.mark(conn)
	proto, _ := t.protocolOf(p.proto)
	upgrade := proto.(streamProtocol)
	if _, ok := upgrade.(immediate); ok {
		s, err := p.admit(t.ctx, upgrade, conn)
		if err != nil {
			p.turnAway(conn, err)
			return
		}
		t.spawn(s.serve)
		return
	}
	ctx, h, err := t.beginHandshake(conn)
	if err != nil {
		p.turnAway(conn, err)
		return
	}
	t.spawn(func() { p.shake(ctx, h, upgrade, conn) })
}

// shake is the goroutine of an accepted connection that does not carry messages
// at once; it becomes that of the stream.
func (p *Primary) shake(ctx context.Context, h *halfOpen, upgrade streamProtocol, conn net.Conn) {
	t := p.t
	s, err := p.admit(ctx, upgrade, conn)
	t.endHandshake(h)
	if err != nil {
		p.turnAway(conn, err)
		return
	}
	s.serve()
}

// admit makes a stream of a connection and takes it into the books.
func (p *Primary) admit(ctx context.Context, upgrade streamProtocol, conn net.Conn) (*stream, error) {
	t := p.t
	l, err := t.upgrade(ctx, upgrade, conn, end{
		t: t, proto: p.proto, class: p.class, tls: p.config(), verify: p.verify, name: p.name,
	})
	if err != nil {
		return nil, err
	}
	s := newStream(t, l, p.class, p, p.proto)
	if err := t.register(s); err != nil {
		return nil, err
	}
	t.count.accepted.Add(1)
	return s, nil
}

func (p *Primary) turnAway(conn net.Conn, err error) {
	t := p.t
	if !errors.Is(err, ErrClosed) {
		t.count.turned.Add(1)
	}
	t.log.Debug("connection turned away", "proto", p.proto, "from", conn.RemoteAddr(), "err", err)
	if t.cfg.Trace.Dropped != nil {
		d := Drop{Proto: p.proto, From: addrPortOf(conn.RemoteAddr()), To: addrPortOf(conn.LocalAddr()), Err: err}
		t.guard(func() { t.cfg.Trace.Dropped(d) })
	}
	_ = conn.Close()
}
