package tport

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
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
	SetWriteDeadline(time.Time) error
	Close() error
}

type packetReader interface {
	// read waits for a datagram; to is the zero Addr where it is not known.
	read(b []byte) (n int, from netip.AddrPort, to netip.Addr, err error)
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
		return addressedConn{conn, c}
	case *net.UDPConn:
		return newUDPConn(c, p)
	}
	return plainConn{conn, p.addr.Addr()}
}

// addressedConn is a socket with the methods of addressed.
type addressedConn struct {
	net.PacketConn
	addressed
}

func (c addressedConn) newReader() packetReader { return c }

func (c addressedConn) read(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	n, from, to, err := c.ReadFromTo(b)
	return n, unmap(from), to.Addr().Unmap(), err
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
	net.PacketConn
	local netip.Addr
}

func (c plainConn) newReader() packetReader { return c }

func (c plainConn) read(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	n, from, err := c.ReadFrom(b)
	return n, addrPortOf(from), c.local, err
}

func (plainConn) try([]byte, netip.Addr, netip.AddrPort) error { return errWouldBlock }

func (c plainConn) write(b []byte, _ netip.Addr, to netip.AddrPort) error {
	_, err := c.WriteTo(b, net.UDPAddrFromAddrPort(to))
	return err
}

// udpConn is a socket of the system. Bound to every address it asks for the
// destination of each datagram and says where each comes from (IP_PKTINFO,
// RFC 3542 section 6).
type udpConn struct {
	*net.UDPConn
	local    netip.Addr // what it is bound to
	wildcard bool       // the destination of each datagram is asked for
	trier    *trier     // nil where the system offers no way to write without waiting

	mu       sync.Mutex
	controls map[netip.Addr][]byte // control messages by source address
}

// maxControls bounds the control messages kept: one for each local address in use.
const maxControls = 256

func newUDPConn(c *net.UDPConn, p *Primary) *udpConn {
	u := &udpConn{UDPConn: c, local: p.addr.Addr(), trier: newTrier(c, p.addr.Addr().Is4())}
	if !u.local.IsUnspecified() {
		return u
	}
	// A socket of both families needs both: Linux reports the destination of
	// IPv4 datagrams on an IPv6 socket in the IPv6 form, others do not.
	err4 := ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst, true)
	err6 := ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst, true)
	u.wildcard = err4 == nil || err6 == nil
	if !u.wildcard {
		p.t.log.Warn("the system does not tell the destination of datagrams: bind to one address of a host with several",
			"addr", p.addr, "err", err4)
	}
	u.controls = map[netip.Addr][]byte{}
	return u
}

func (u *udpConn) newReader() packetReader {
	return &udpReader{conn: u, oob: make([]byte, 128)}
}

// udpReader is what one goroutine needs to read.
type udpReader struct {
	conn *udpConn
	oob  []byte
	cm4  ipv4.ControlMessage
	cm6  ipv6.ControlMessage
}

func (r *udpReader) read(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	u := r.conn
	if !u.wildcard {
		n, from, err := u.ReadFromUDPAddrPort(b)
		return n, unmap(from), u.local, err
	}
	n, oobn, _, from, err := u.ReadMsgUDPAddrPort(b, r.oob)
	if err != nil {
		return 0, netip.AddrPort{}, netip.Addr{}, err
	}
	return n, unmap(from), r.destination(r.oob[:oobn]), nil
}

// destination returns the local address that control messages tell, the zero
// Addr where they tell none.
func (r *udpReader) destination(oob []byte) netip.Addr {
	clear(r.cm4.Dst) // kept for its memory, not for what it holds
	clear(r.cm6.Dst)
	if !r.conn.local.Is4() && r.cm6.Parse(oob) == nil {
		if a, ok := netip.AddrFromSlice(r.cm6.Dst); ok && !a.IsUnspecified() {
			return a.Unmap()
		}
	}
	if r.cm4.Parse(oob) == nil {
		if a, ok := netip.AddrFromSlice(r.cm4.Dst); ok && !a.IsUnspecified() {
			return a
		}
	}
	return netip.Addr{}
}

func (u *udpConn) try(b []byte, from netip.Addr, to netip.AddrPort) error {
	// The zone of a link-local peer is a name here and a number to the system:
	// leave the rare look-up to the net package.
	if u.trier == nil || to.Addr().Zone() != "" {
		return errWouldBlock
	}
	return u.trier.try(b, u.control(from), to)
}

func (u *udpConn) write(b []byte, from netip.Addr, to netip.AddrPort) error {
	_, _, err := u.WriteMsgUDPAddrPort(b, u.control(from), to)
	return err
}

// control returns the control message that makes a datagram leave from an
// address, nil where the socket is bound to it anyway.
func (u *udpConn) control(from netip.Addr) []byte {
	if !u.wildcard || !from.IsValid() {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if oob, ok := u.controls[from]; ok {
		return oob
	}
	var oob []byte
	if from.Is4() { // also on a socket of both families
		oob = (&ipv4.ControlMessage{Src: from.AsSlice()}).Marshal()
	} else {
		oob = (&ipv6.ControlMessage{Src: from.AsSlice()}).Marshal()
	}
	if len(u.controls) >= maxControls {
		clear(u.controls)
	}
	u.controls[from] = oob
	return oob
}
