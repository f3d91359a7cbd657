package simnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Listener accepts TCP connections. It is safe for concurrent use.
type Listener struct {
	host    *Host
	network string
	bound   binding
	addr    net.Addr

	// Guarded by host.net.mu.
	ready   *sync.Cond
	waiting queue[*Conn]
	opening map[*Conn]struct{} // in the handshake
	closed  bool
	accept  deadline
}

var _ net.Listener = (*Listener)(nil)

// Listen opens a TCP listener. The network is tcp, tcp4 or tcp6; addresses are
// as in ListenPacket. It has the shape of net.ListenConfig.Listen. The result is
// a *Listener; the error is a *net.OpError that wraps EADDRINUSE,
// EADDRNOTAVAIL, net.ErrClosed or what the address lacks.
func (h *Host) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := h.listen(ctx, network, address)
	if err != nil {
		return nil, opError("listen", network, nil, literal(protoTCP, address), err)
	}
	return l, nil
}

func (h *Host) listen(ctx context.Context, network, address string) (*Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, fam, err := parseNetwork(network)
	if err != nil || p != protoTCP {
		return nil, net.UnknownNetworkError(network)
	}
	h.net.mu.Lock()
	defer h.net.unlock()
	if h.net.closed {
		return nil, net.ErrClosed
	}
	b, err := h.parseBinding(fam, address)
	if err != nil {
		return nil, err
	}
	if errno := h.fails(FaultOpen); errno != 0 {
		return nil, sysError("socket", errno)
	}
	if errno := h.choosePort(protoTCP, &b); errno != 0 {
		return nil, sysError("bind", errno)
	}
	l := &Listener{
		host: h, network: network, bound: b, addr: netAddr(protoTCP, b.addrPort()),
		ready: sync.NewCond(&h.net.mu), opening: make(map[*Conn]struct{}),
	}
	h.tcp[b.port] = append(h.tcp[b.port], l)
	return l, nil
}

// Accept waits for a connection, a *Conn. Errors inside a *net.OpError are
// net.ErrClosed and os.ErrDeadlineExceeded.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.next()
	if err != nil {
		return nil, opError("accept", l.network, nil, l.addr, err)
	}
	return c, nil
}

func (l *Listener) next() (*Conn, error) {
	n := l.host.net
	n.mu.Lock()
	defer n.unlock()
	for {
		switch {
		case l.closed:
			return nil, net.ErrClosed
		case l.accept.expired:
			return nil, os.ErrDeadlineExceeded
		case l.host.fails(FaultAccept) != 0:
			return nil, sysError("accept", l.host.faults[FaultAccept].last)
		case l.waiting.len() > 0:
			c := l.waiting.pop()
			c.listener = nil
			return c, nil
		}
		n.wait(l.ready)
	}
}

// Close stops listening and frees the port. Connections that wait for Accept are
// reset, accepted ones go on.
func (l *Listener) Close() error {
	l.host.net.mu.Lock()
	defer l.host.net.unlock()
	if l.closed {
		return opError("close", l.network, nil, l.addr, net.ErrClosed)
	}
	l.shut()
	return nil
}

func (l *Listener) shut() {
	l.closed = true
	l.accept.stop()
	l.ready.Broadcast()
	h := l.host
	left := slices.DeleteFunc(h.tcp[l.bound.port], func(o *Listener) bool { return o == l })
	if len(left) == 0 {
		delete(h.tcp, l.bound.port)
	} else {
		h.tcp[l.bound.port] = left
	}
	for l.waiting.len() > 0 {
		c := l.waiting.pop()
		c.listener = nil
		c.end(true)
	}
	for _, c := range h.sortedConns() {
		if _, ok := l.opening[c]; ok {
			c.listener = nil
			c.end(true)
		}
	}
	clear(l.opening)
}

// Addr returns the bound address, a *net.TCPAddr.
func (l *Listener) Addr() net.Addr { return l.addr }

// SetDeadline sets the deadline of Accept; the zero time is never. The error is
// net.ErrClosed.
func (l *Listener) SetDeadline(t time.Time) error {
	l.host.net.mu.Lock()
	defer l.host.net.unlock()
	if l.closed {
		return net.ErrClosed
	}
	l.accept.set(l.host.net, t, l.ready)
	return nil
}

// establish moves c, whose handshake is done, to those that wait for Accept.
func (l *Listener) establish(c *Conn) {
	if _, ok := l.opening[c]; !ok {
		return
	}
	delete(l.opening, c)
	l.waiting.push(c)
	l.ready.Signal()
}

// forget drops c, which broke before it was accepted. One that waits stays for
// Accept to return, as it does on Linux.
func (l *Listener) forget(c *Conn) { delete(l.opening, c) }

// listening returns the listener of the host for dst, the one bound to the
// address before a wildcard.
func (h *Host) listening(dst netip.AddrPort) *Listener {
	var found *Listener
	for _, l := range h.tcp[dst.Port()] {
		if l.bound.takes(dst.Addr()) && (found == nil || found.bound.wildcard()) {
			found = l
		}
	}
	return found
}

// syn takes the SYN of c, which has arrived at the host h.
func (h *Host) syn(c *Conn, number uint64) {
	n := h.net
	l := h.listening(c.way.to)
	switch {
	case c.peer != nil: // sent again, though the first one got through
		n.decided(number, Delivered)
	case l == nil:
		n.decided(number, Unreachable)
		back := n.path(h, c.host)
		t := back.segment(back.flow(flowKey{protoTCP, c.remote, c.local}), 0, n.now())
		n.later(t, func(time.Duration) {
			if !back.blocked() && c.dial == dialling {
				c.fail(syscall.ECONNREFUSED)
			}
		})
	case l.waiting.len()+len(l.opening) >= n.cfg.Backlog:
		n.decided(number, Overflow)
	default:
		n.decided(number, Delivered)
		s := n.newConn(h, l.network, c.way.to, c.way.from)
		s.dial = dialled
		s.listener = l
		l.opening[s] = struct{}{}
		n.join(c, s)
		s.out.send(segmentSynAck, nil)
	}
}
