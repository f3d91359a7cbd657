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

// PacketConn is a UDP socket. Like *net.UDPConn it is both a net.PacketConn and,
// when DialContext made it, a net.Conn. It is safe for concurrent use: each
// datagram goes to one reader.
type PacketConn struct {
	host    *Host
	network string // as asked for
	bound   binding
	remote  netip.AddrPort // valid if connected
	laddr   net.Addr
	raddr   net.Addr

	// Guarded by host.net.mu.
	readable *sync.Cond
	queue    queue[received]
	octets   int
	limit    int
	pending  syscall.Errno // of a connected socket
	hook     func(netip.AddrPort, error)
	closed   bool
	read     deadline
	write    deadline
}

type received struct {
	data     []byte
	from, to netip.AddrPort
}

var (
	_ net.PacketConn = (*PacketConn)(nil)
	_ net.Conn       = (*PacketConn)(nil)
)

// ListenPacket opens a UDP socket. The network is udp, udp4 or udp6; the host of
// the address is empty or an unspecified address for all addresses of the host,
// else one of its addresses or names; port 0 gives an ephemeral port. It has the
// shape of net.ListenConfig.ListenPacket. The result is a *PacketConn; the error
// is a *net.OpError that wraps EADDRINUSE, EADDRNOTAVAIL, net.ErrClosed or what
// the address lacks.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	s, err := h.listenPacket(ctx, network, address)
	if err != nil {
		return nil, opError("listen", network, nil, literal(protoUDP, address), err)
	}
	return s, nil
}

func (h *Host) listenPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, fam, err := parseNetwork(network)
	if err != nil || p != protoUDP {
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
	return h.openPacket(network, b, netip.AddrPort{})
}

// dialPacket opens a socket connected to remote.
func (h *Host) dialPacket(network string, local netip.Addr, remote netip.AddrPort) (*PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.unlock()
	if h.net.closed {
		return nil, net.ErrClosed
	}
	local, err := h.sourceFor(local, remote.Addr())
	if err != nil {
		return nil, err
	}
	if errno := h.fails(FaultOpen); errno != 0 {
		return nil, sysError("socket", errno)
	}
	return h.openPacket(network, binding{addr: local}, remote)
}

func (h *Host) openPacket(network string, b binding, remote netip.AddrPort) (*PacketConn, error) {
	if errno := h.choosePort(protoUDP, &b); errno != 0 {
		return nil, sysError("bind", errno)
	}
	s := &PacketConn{
		host: h, network: network, bound: b, remote: remote,
		laddr: netAddr(protoUDP, b.addrPort()), raddr: netAddr(protoUDP, remote),
		readable: sync.NewCond(&h.net.mu), limit: h.net.cfg.PacketBuffer,
	}
	h.udp[b.port] = append(h.udp[b.port], s)
	return s, nil
}

// sourceFor returns the address to send to dst from, given the one asked for.
func (h *Host) sourceFor(local, dst netip.Addr) (netip.Addr, error) {
	local = plain(local)
	switch {
	case !local.IsValid() || local.IsUnspecified():
		if a := h.source(dst); a.IsValid() {
			return a, nil
		}
		return netip.Addr{}, sysError("connect", syscall.ENETUNREACH)
	case !h.local(local):
		return netip.Addr{}, sysError("bind", syscall.EADDRNOTAVAIL)
	case local.Is4() != dst.Is4():
		return netip.Addr{}, sysError("connect", syscall.EAFNOSUPPORT)
	case local.IsLoopback() && !h.local(dst):
		return netip.Addr{}, sysError("connect", syscall.EINVAL)
	}
	return local, nil
}

// ReadFromTo reads a datagram into b, and tells who sent it and to which of the
// host's addresses, which matters on a wildcard socket of a multi-homed host.
// Both addresses are never IPv4-mapped. What does not fit into b is lost. Errors
// are those of net.UDPConn: os.ErrDeadlineExceeded, net.ErrClosed, and on a
// connected socket ECONNREFUSED or EHOSTUNREACH, each inside a *net.OpError.
func (s *PacketConn) ReadFromTo(b []byte) (n int, from, to netip.AddrPort, err error) {
	d, err := s.next()
	if err != nil {
		return 0, netip.AddrPort{}, netip.AddrPort{}, opError("read", s.network, s.laddr, s.raddr, err)
	}
	return copy(b, d.data), d.from, d.to, nil
}

func (s *PacketConn) next() (received, error) {
	n := s.host.net
	n.mu.Lock()
	defer n.unlock()
	for {
		switch {
		case s.closed:
			return received{}, net.ErrClosed
		case s.read.expired:
			return received{}, os.ErrDeadlineExceeded
		case s.pending != 0:
			errno := s.pending
			s.pending = 0
			return received{}, sysError("recvfrom", errno)
		case s.queue.len() > 0:
			d := s.queue.pop()
			s.octets -= len(d.data)
			return d, nil
		}
		n.wait(s.readable)
	}
}

// ReadFrom reads a datagram; see ReadFromTo. The address is a *net.UDPAddr.
func (s *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, _, err := s.ReadFromTo(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromUDPAddrPort reads a datagram; see ReadFromTo. As with *net.UDPConn,
// IPv4 senders show as IPv4-mapped addresses where the socket takes both
// families: programs must call Unmap, and find out here that they do not.
func (s *PacketConn) ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	n, from, _, err = s.ReadFromTo(b)
	if err == nil && s.bound.dual() && from.Addr().Is4() {
		from = netip.AddrPortFrom(netip.AddrFrom16(from.Addr().As16()), from.Port())
	}
	return n, from, err
}

// Read reads a datagram; see ReadFromTo.
func (s *PacketConn) Read(b []byte) (int, error) {
	n, _, _, err := s.ReadFromTo(b)
	return n, err
}

// WriteFromTo sends b as one datagram to to, from the given address of the host,
// the zero Addr leaving the choice to the host. The socket must be bound to that
// address or to a wildcard. It never waits: what the network does not carry is
// lost. Errors, inside a *net.OpError, are EMSGSIZE (see Link.MTU), ENETUNREACH
// (the host has no address of that family), EADDRNOTAVAIL, net.ErrWriteToConnected,
// os.ErrDeadlineExceeded and net.ErrClosed.
func (s *PacketConn) WriteFromTo(b []byte, from netip.Addr, to netip.AddrPort) (int, error) {
	if s.remote.IsValid() {
		return 0, opError("write", s.network, s.laddr, s.raddr, net.ErrWriteToConnected)
	}
	if err := s.writeTo(b, from, plainPort(to)); err != nil {
		return 0, opError("write", s.network, s.laddr, netAddr(protoUDP, to), err)
	}
	return len(b), nil
}

func (s *PacketConn) writeTo(b []byte, from netip.Addr, to netip.AddrPort) error {
	n := s.host.net
	n.mu.Lock()
	defer n.unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case s.write.expired:
		return os.ErrDeadlineExceeded
	case s.pending != 0:
		errno := s.pending
		s.pending = 0
		return sysError("sendto", errno)
	case s.host.fails(FaultSend) != 0:
		return sysError("sendto", s.host.faults[FaultSend].last)
	case !to.IsValid() || to.Port() == 0 || to.Addr().IsUnspecified():
		return sysError("sendto", syscall.EINVAL)
	case s.bound.wildcard() && !s.bound.takes(to.Addr()):
		return sysError("sendto", syscall.EAFNOSUPPORT)
	}
	from = plain(from)
	if !s.bound.wildcard() {
		if from.IsValid() && from != s.bound.addr {
			return sysError("sendto", syscall.EADDRNOTAVAIL)
		}
		if from = s.bound.addr; !s.host.local(from) {
			return sysError("sendto", syscall.EINVAL)
		}
	}
	from, err := s.host.sourceFor(from, to.Addr())
	if err != nil {
		return err
	}
	return s.send(b, netip.AddrPortFrom(from, s.bound.port), to)
}

// WriteTo sends b as one datagram; see WriteFromTo. The address must be a
// *net.UDPAddr.
func (s *PacketConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	u, ok := addr.(*net.UDPAddr)
	if !ok || u == nil {
		return 0, opError("write", s.network, s.laddr, addr, syscall.EINVAL)
	}
	return s.WriteFromTo(b, netip.Addr{}, u.AddrPort())
}

// WriteToUDPAddrPort sends b as one datagram; see WriteFromTo.
func (s *PacketConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.WriteFromTo(b, netip.Addr{}, to)
}

// Write sends b as one datagram to the address the socket is connected to; see
// WriteFromTo. It returns ECONNREFUSED or EHOSTUNREACH once if an earlier
// datagram met nobody, and EDESTADDRREQ if the socket is not connected.
func (s *PacketConn) Write(b []byte) (int, error) {
	err := sysError("write", syscall.EDESTADDRREQ)
	if s.remote.IsValid() {
		err = s.writeTo(b, netip.Addr{}, s.remote)
	}
	if err != nil {
		return 0, opError("write", s.network, s.laddr, s.raddr, err)
	}
	return len(b), nil
}

// OnUnreachable has f called for each destination that turned out to have no
// listener (ECONNREFUSED) or no host (EHOSTUNREACH), also on a socket that is not
// connected, as IP_RECVERR gives on Linux. It is called on a goroutine of the
// network, without a lock held, and should not wait. nil ends it.
func (s *PacketConn) OnUnreachable(f func(to netip.AddrPort, err error)) {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	s.hook = f
}

// SetReadBuffer bounds the octets that wait for a reader. It never fails on an
// open socket.
func (s *PacketConn) SetReadBuffer(octets int) error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	if s.closed {
		return s.setError()
	}
	s.limit = max(octets, 0)
	return nil
}

// Close closes the socket and frees its port. Calls that wait return
// net.ErrClosed; datagrams it has sent still travel.
func (s *PacketConn) Close() error {
	s.host.net.mu.Lock()
	defer s.host.net.unlock()
	if s.closed {
		return opError("close", s.network, s.laddr, s.raddr, net.ErrClosed)
	}
	s.shut()
	return nil
}

func (s *PacketConn) shut() {
	s.closed = true
	s.queue, s.octets, s.hook = queue[received]{}, 0, nil
	s.read.stop()
	s.write.stop()
	s.readable.Broadcast()
	h := s.host
	left := slices.DeleteFunc(h.udp[s.bound.port], func(o *PacketConn) bool { return o == s })
	if len(left) == 0 {
		delete(h.udp, s.bound.port)
	} else {
		h.udp[s.bound.port] = left
	}
}

// LocalAddr returns the bound address as a *net.UDPAddr, unspecified for a
// wildcard.
func (s *PacketConn) LocalAddr() net.Addr { return s.laddr }

// RemoteAddr returns the address the socket is connected to as a *net.UDPAddr,
// or nil.
func (s *PacketConn) RemoteAddr() net.Addr { return s.raddr }

// SetDeadline sets both deadlines; see net.Conn. A write never waits, so its
// deadline matters only once it has passed.
func (s *PacketConn) SetDeadline(t time.Time) error { return s.setDeadline(t, true, true) }

// SetReadDeadline sets the deadline of reads; see net.Conn.
func (s *PacketConn) SetReadDeadline(t time.Time) error { return s.setDeadline(t, true, false) }

// SetWriteDeadline sets the deadline of writes; see net.Conn.
func (s *PacketConn) SetWriteDeadline(t time.Time) error { return s.setDeadline(t, false, true) }

func (s *PacketConn) setDeadline(t time.Time, read, write bool) error {
	n := s.host.net
	n.mu.Lock()
	defer n.unlock()
	if s.closed {
		return s.setError()
	}
	if read {
		s.read.set(n, t, s.readable)
	}
	if write {
		s.write.set(n, t, s.readable)
	}
	return nil
}

func (s *PacketConn) setError() error {
	return opError("set", s.network, nil, s.laddr, net.ErrClosed)
}
