package simnet

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

type dialState uint8

const (
	dialling dialState = iota
	dialled
	dialGivenUp
)

// A SYN is sent again after 1, 2, 4 … seconds, six times (RFC 6298, and the
// default of Linux): a dial without any answer fails after 127 seconds.
const synTries = 7

// DialContext opens a TCP connection, a *Conn, or a UDP socket connected to the
// address, a *PacketConn. The network is tcp or udp, with 4 or 6 after it or
// not. The host of the address is an address or the name of a host of the
// network; of a name's addresses those are tried in turn that the dialling host
// has the family of. It has the shape of net.Dialer.DialContext.
//
// Errors are *net.OpError. They wrap ECONNREFUSED (nobody listens),
// EHOSTUNREACH (no such host), ENETUNREACH (no own address of the family),
// ETIMEDOUT (no answer for 127 s), the error of ctx, net.ErrClosed or a
// *net.DNSError.
func (h *Host) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return h.dialFrom(ctx, netip.Addr{}, network, address)
}

// DialFrom returns a function like DialContext whose connections start from the
// given address of the host; EADDRNOTAVAIL is the error if it has no such
// address.
func (h *Host) DialFrom(local netip.Addr) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		return h.dialFrom(ctx, local, network, address)
	}
}

func (h *Host) dialFrom(ctx context.Context, local netip.Addr, network, address string) (net.Conn, error) {
	p, fam, err := parseNetwork(network)
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	remotes, err := h.remotes(p, fam, address)
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	var first error
	for _, remote := range remotes {
		var c net.Conn
		if err = ctx.Err(); err != nil {
			// Falls through to the error.
		} else if p == protoUDP {
			c, err = asConn(h.dialPacket(network, local, remote))
		} else {
			c, err = asConn(h.dialStream(ctx, network, local, remote))
		}
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = opError("dial", network, netAddr(p, netip.AddrPortFrom(plain(local), 0)), netAddr(p, remote), err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, first
}

// asConn keeps a nil pointer from becoming an interface that is not nil.
func asConn[C interface {
	comparable
	net.Conn
}](c C, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (h *Host) remotes(p proto, fam family, address string) ([]netip.AddrPort, error) {
	host, port, err := splitHostPort(address)
	if err != nil {
		return nil, err
	}
	if port == 0 {
		return nil, &net.AddrError{Err: "the port to dial is missing", Addr: address}
	}
	if host == "" {
		host = "localhost" // as package net does
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	addrs, err := h.lookup(host, fam)
	if err != nil {
		return nil, err
	}
	out := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		switch a {
		case netip.IPv4Unspecified():
			a = loopback4
		case netip.IPv6Unspecified():
			a = loopback6
		}
		out = append(out, netip.AddrPortFrom(a, port))
	}
	return out, nil
}

func (h *Host) dialStream(ctx context.Context, network string, local netip.Addr, remote netip.AddrPort) (*Conn, error) {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return nil, net.ErrClosed
	}
	local, err := h.sourceFor(local, remote.Addr())
	if err != nil {
		return nil, err
	}
	if errno := h.fails(FaultOpen); errno != 0 {
		return nil, sysError("socket", errno)
	}
	b := binding{addr: local}
	if errno := h.choosePort(protoTCP, &b); errno != 0 {
		return nil, sysError("connect", syscall.EADDRNOTAVAIL)
	}
	c := n.newConn(h, network, b.addrPort(), remote)
	h.dialled[b.port] = c
	if ctx.Done() != nil {
		stop := context.AfterFunc(ctx, func() {
			n.mu.Lock()
			defer n.unlock()
			c.readable.Broadcast()
		})
		defer stop()
	}
	c.sendSyn(0)
	for c.dial == dialling {
		switch {
		case c.closed:
			return nil, net.ErrClosed
		case c.broken != 0:
			return nil, sysError("connect", c.broken)
		case ctx.Err() != nil:
			c.dial = dialGivenUp
			c.shut()
			c.retire()
			return nil, ctx.Err()
		}
		n.wait(c.readable)
	}
	return c, nil
}

// sendSyn sends the SYN for the try-th time, and sees to the next.
func (c *Conn) sendSyn(try int) {
	if c.dial != dialling || c.broken != 0 || c.closed {
		return
	}
	if try == synTries {
		c.fail(syscall.ETIMEDOUT)
		return
	}
	n, h := c.host.net, c.host
	now := n.now()
	n.at(now+time.Second<<try, jobFunc(func(time.Duration) { c.sendSyn(try + 1) }))
	if c.peer != nil {
		return // the first one got through, the answer is late
	}
	way := h.passage(protoTCP, c.local, c.remote, now)
	c.way = &way
	dst := way.host
	if way.gate != nil { // a NAT that does not know what to do with it
		n.decided(n.sent(protoTCP, h, way.gate, c.local, c.remote, nil, "SYN", trip{}, false), Filtered)
		return
	}
	number := n.sent(protoTCP, h, dst, c.local, c.remote, nil, "SYN", trip{}, false)
	if dst == nil {
		n.decided(number, Unreachable)
		n.later(now+2*n.cfg.Link.Delay, func(time.Duration) { c.fail(syscall.EHOSTUNREACH) })
		return
	}
	p := n.path(h, dst)
	f := p.flow(flowKey{protoTCP, c.local, c.remote})
	f.n++
	due := p.transmit(0, now) + p.link.Delay + spread(p.link.Jitter, f.chance(drawJitter))
	switch {
	case p.blocked():
		n.decided(number, Cut)
	case p.link.Loss > 0 && f.chance(drawLoss) < p.link.Loss:
		n.decided(number, Lost)
	default:
		n.later(due, func(time.Duration) {
			switch {
			case p.blocked():
				n.decided(number, Cut)
			case c.dial != dialling || c.broken != 0:
				n.decided(number, Unreachable) // the dialler has given up meanwhile
			default:
				dst.syn(c, number)
			}
		})
	}
}

// later runs f at due, at once if that has come.
func (n *Network) later(due time.Duration, f func(now time.Duration)) {
	if now := n.now(); due <= now {
		f(now)
		return
	}
	n.at(due, jobFunc(f))
}
