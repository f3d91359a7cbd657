package tport

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// udpConn is a socket of the system. Bound to every address it asks for the
// destination of each datagram and says where each comes from (IP_PKTINFO,
// RFC 3542 section 6).
type udpConn struct {
	*net.UDPConn
	local    netip.Addr // what it is bound to
	wildcard bool       // the destination of each datagram is asked for
	trier    *trier     // nil where the system offers no way to write without waiting
	errors   bool       // the system keeps what the network says of datagrams

	mu       sync.Mutex
	controls map[netip.Addr][]byte // control messages by source address
}

const (
	// maxControls bounds the control messages kept: one for each local address in use.
	maxControls = 256
	// maxZones bounds the interfaces remembered, by name or by number.
	maxZones = 64
	// zoneLife is how long an interface is taken to keep its name.
	zoneLife = 10 * time.Second
)

func newUDPConn(c *net.UDPConn, p *Primary) *udpConn {
	u := &udpConn{UDPConn: c, local: addrPortOf(c.LocalAddr()).Addr()}
	u.errors = tellErrors(c, u.local.Is4()) == nil
	u.trier = newTrier(c, u.local.Is4())
	if err := u.options(p); err != nil {
		p.t.log.Warn("the system refuses an option of a UDP socket", "addr", p.addr, "err", err)
	}
	if !u.local.IsUnspecified() && !u.local.IsMulticast() {
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

// options sets what the config asks of a socket. What the system refuses costs
// quality, never the socket.
func (u *udpConn) options(p *Primary) error {
	cfg := &p.t.cfg
	var errs []error
	if cfg.ReceiveBuffer > 0 {
		errs = append(errs, setReceiveBuffer(u.UDPConn, cfg.ReceiveBuffer))
	}
	if cfg.SendBuffer > 0 {
		errs = append(errs, u.SetWriteBuffer(cfg.SendBuffer))
	}
	if v4 := ipv4.NewPacketConn(u.UDPConn); p.dual || u.local.Is4() {
		if cfg.DSCP > 0 {
			errs = append(errs, v4.SetTOS(cfg.DSCP<<2))
		}
		if cfg.MulticastTTL > 0 {
			errs = append(errs, v4.SetMulticastTTL(cfg.MulticastTTL))
		}
	}
	if v6 := ipv6.NewPacketConn(u.UDPConn); !u.local.Is4() {
		if cfg.DSCP > 0 {
			errs = append(errs, v6.SetTrafficClass(cfg.DSCP<<2))
		}
		if cfg.MulticastTTL > 0 {
			errs = append(errs, v6.SetMulticastHopLimit(cfg.MulticastTTL))
		}
	}
	errs = append(errs, joinedOnly(u.UDPConn, !u.local.Is4()))
	if device := p.packet.name.Interface; device != "" {
		i, err := net.InterfaceByName(device)
		if err == nil && u.local.Is4() {
			err = ipv4.NewPacketConn(u.UDPConn).SetMulticastInterface(i)
		} else if err == nil {
			err = ipv6.NewPacketConn(u.UDPConn).SetMulticastInterface(i)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (u *udpConn) newReader() packetReader {
	return &udpReader{conn: u, oob: make([]byte, 128)}
}

// udpReader is what one goroutine needs to read.
type udpReader struct {
	conn  *udpConn
	oob   []byte
	info  packetInfo
	names zoneNames
}

func (r *udpReader) read(b []byte) (a incoming, err error) {
	u := r.conn
	if !u.wildcard {
		a.n, a.from, err = u.ReadFromUDPAddrPort(b)
		a.from = unmap(a.from)
		a.to, a.local = u.local, u.local
		if u.local.IsUnspecified() {
			a.local = netip.Addr{}
		}
		return a, err
	}
	var oobn int
	a.n, oobn, _, a.from, err = u.ReadMsgUDPAddrPort(b, r.oob)
	if err != nil {
		return a, err
	}
	a.from = unmap(a.from)
	r.info.parse(r.oob[:oobn], &a, &r.names)
	return a, nil
}

// localZone gives a link-local address that was sent to the zone it is in: that
// of the peer, which is on the same link, or that of the interface.
func (a *incoming) localZone(index int, names *zoneNames) {
	if !a.local.Is6() || !a.local.IsLinkLocalUnicast() {
		return
	}
	zone := a.from.Addr().Zone()
	if zone == "" {
		zone = names.name(index)
	}
	a.local = a.local.WithZone(zone)
	if a.to.IsLinkLocalUnicast() {
		a.to = a.to.WithZone(zone)
	}
}

// zoneNames are the names of interfaces by number, for one goroutine.
type zoneNames map[int]zoneName

type zoneName struct {
	name string
	at   time.Time
}

func (z *zoneNames) name(index int) string {
	now := time.Now()
	if n, ok := (*z)[index]; ok && now.Sub(n.at) < zoneLife {
		return n.name
	}
	name := strconv.Itoa(index)
	if i, err := net.InterfaceByIndex(index); err == nil {
		name = i.Name
	}
	if *z == nil || len(*z) >= maxZones {
		*z = zoneNames{}
	}
	(*z)[index] = zoneName{name, now}
	return name
}

// zoneIndex returns the number of the interface that a zone names, 0 for none.
func zoneIndex(zone string) int {
	if zone == "" {
		return 0
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return i.Index
	}
	n, _ := strconv.Atoi(zone)
	return n
}

func (u *udpConn) try(b []byte, from netip.Addr, to netip.AddrPort) error {
	if u.trier == nil {
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
		oob = (&ipv6.ControlMessage{Src: from.AsSlice(), IfIndex: zoneIndex(from.Zone())}).Marshal()
	}
	if len(u.controls) >= maxControls {
		clear(u.controls)
	}
	u.controls[from] = oob
	return oob
}

// forgetControls has the control messages made anew: interfaces have changed.
func (u *udpConn) forgetControls() {
	u.mu.Lock()
	defer u.mu.Unlock()
	clear(u.controls)
}

func (u *udpConn) told(err error) bool { return u.errors && toldLater(err) }

func (u *udpConn) nextError() (networkError, bool) {
	if !u.errors {
		return networkError{}, false
	}
	return queuedError(u.UDPConn)
}
