package tport

import (
	"net"
	"net/netip"
	"time"
)

// packetConn is a datagram socket that knows the local address of every
// datagram, also when bound to many.
type packetConn interface {
	// newReader returns a reader for the use of one goroutine.
	newReader() packetReader
	// try writes without waiting, or returns errWouldBlock. Calls do not overlap.
	try(b []byte, from netip.Addr, to netip.AddrPort) error
	// write writes and may wait, until the write deadline. It does not overlap try.
	write(b []byte, from netip.Addr, to netip.AddrPort) error
	// told reports whether err may be about a datagram that was sent before.
	told(err error) bool
	// nextError returns, without waiting, what the network said of an earlier datagram.
	nextError() (networkError, bool)
	SetWriteDeadline(time.Time) error
	Close() error
}

type packetReader interface {
	// read waits for a datagram.
	read(b []byte) (incoming, error)
}

// incoming is a datagram that was read.
type incoming struct {
	n    int
	from netip.AddrPort
	to   netip.Addr // where it was sent to; the zero Addr where that is not known
	// local is the address of this host that it came to: to, unless that is a
	// group or everybody. The zero Addr where it is not known.
	local netip.Addr
}

// toMany reports whether the datagram was not sent to this host alone.
func (a *incoming) toMany() bool {
	return a.to.IsMulticast() || a.to == broadcast4 || a.local.IsValid() && a.local != a.to
}

var broadcast4 = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// cameTo fills in the addresses where the system tells but one.
func (a *incoming) cameTo(to netip.Addr) {
	a.to, a.local = to, netip.Addr{}
	if to.IsValid() && !to.IsMulticast() && to != broadcast4 && !to.IsUnspecified() {
		a.local = to
	}
}

// addressed is a socket that tells and takes the local address by itself, as
// that of package simnet does. Writing does not wait.
type addressed interface {
	ReadFromTo(b []byte) (n int, from, to netip.AddrPort, err error)
	WriteFromTo(b []byte, from netip.Addr, to netip.AddrPort) (int, error)
}

// telling is a socket that tells where nobody listens, as that of package
// simnet does.
type telling interface {
	OnUnreachable(func(to netip.AddrPort, err error))
}

// newPacketConn finds the best way to use conn.
func newPacketConn(conn net.PacketConn, p *Primary) packetConn {
	switch c := conn.(type) {
	case addressed:
		return addressedConn{PacketConn: conn, addressed: c}
	case *net.UDPConn:
		return newUDPConn(c, p)
	}
	return plainConn{PacketConn: conn, local: p.addr.Addr()}
}

// silent is a socket that tells nothing of earlier datagrams by itself.
type silent struct{}

func (silent) told(error) bool { return false }

func (silent) nextError() (networkError, bool) { return networkError{}, false }

// addressedConn is a socket with the methods of addressed.
type addressedConn struct {
	silent
	net.PacketConn
	addressed
}

func (c addressedConn) newReader() packetReader { return c }

func (c addressedConn) read(b []byte) (a incoming, err error) {
	var to netip.AddrPort
	a.n, a.from, to, err = c.ReadFromTo(b)
	a.from = unmap(a.from)
	a.cameTo(to.Addr().Unmap())
	return a, err
}

func (c addressedConn) try(b []byte, from netip.Addr, to netip.AddrPort) error {
	return c.write(b, from, to)
}

func (c addressedConn) write(b []byte, from netip.Addr, to netip.AddrPort) error {
	_, err := c.WriteFromTo(b, from, to)
	return err
}

// plainConn is any other net.PacketConn. Its writes may wait, so they are all
// queued, and it knows no local address but the one it is bound to.
type plainConn struct {
	silent
	net.PacketConn
	local netip.Addr
}

func (c plainConn) newReader() packetReader { return c }

func (c plainConn) read(b []byte) (a incoming, err error) {
	var from net.Addr
	a.n, from, err = c.ReadFrom(b)
	a.from = addrPortOf(from)
	a.cameTo(c.local)
	return a, err
}

func (plainConn) try([]byte, netip.Addr, netip.AddrPort) error { return errWouldBlock }

func (c plainConn) write(b []byte, _ netip.Addr, to netip.AddrPort) error {
	_, err := c.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}
