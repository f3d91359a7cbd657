package tport

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// canShare says that the system spreads the peers over the sockets that share
// an address, each peer always to the same one.
const canShare = true

// Options that package syscall does not name on every architecture.
const (
	ipMTU            = 14 // IP_MTU
	ipv6MTU          = 24 // IPV6_MTU
	ipMulticastAll   = 49 // IP_MULTICAST_ALL
	ipv6MulticastAll = 29 // IPV6_MULTICAST_ALL
	soRcvBufForce    = 33 // SO_RCVBUFFORCE
	originICMP       = 2  // SO_EE_ORIGIN_ICMP
	originICMP6      = 3  // SO_EE_ORIGIN_ICMP6
)

// reusePortOption is SO_REUSEPORT.
func reusePortOption() int {
	if strings.HasPrefix(runtime.GOARCH, "mips") {
		return 0x200
	}
	return 15
}

// on runs f with the descriptor of a socket.
func on(c syscall.Conn, f func(fd int) error) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// sharePort lets other sockets of the same user join one that is bound.
func sharePort(c *net.UDPConn) error {
	return on(c, func(fd int) error {
		return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, reusePortOption(), 1)
	})
}

// control returns what to do with a fresh socket before it is bound, nil for nothing.
func control(device string, share bool) func(network, address string, c syscall.RawConn) error {
	if device == "" && !share {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var errs []error
		err := c.Control(func(fd uintptr) {
			if device != "" { // without privileges since Linux 5.7
				errs = append(errs, os.NewSyscallError("SO_BINDTODEVICE", syscall.BindToDevice(int(fd), device)))
			}
			if share {
				errs = append(errs, syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, reusePortOption(), 1))
			}
		})
		return errors.Join(append(errs, err)...)
	}
}

// setReceiveBuffer asks for a receive buffer, beyond the limit of the system
// where that is allowed to us.
func setReceiveBuffer(c *net.UDPConn, octets int) error {
	if on(c, func(fd int) error {
		return syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soRcvBufForce, octets)
	}) == nil {
		return nil
	}
	return c.SetReadBuffer(octets)
}

// joinedOnly keeps datagrams to groups that some other program has joined away
// from a socket bound to every address.
func joinedOnly(c *net.UDPConn, is6 bool) error {
	return on(c, func(fd int) error {
		if is6 { // since Linux 4.20; without it there is more to refuse
			_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, ipv6MulticastAll, 0)
		}
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipMulticastAll, 0)
	})
}

// tellErrors asks the system to keep what the network says of datagrams.
func tellErrors(c *net.UDPConn, is4 bool) error {
	return on(c, func(fd int) error {
		if !is4 {
			if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_RECVERR, 1); err != nil {
				return err
			}
		}
		return syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, syscall.IP_RECVERR, 1)
	})
}

// toldLater reports whether an error may come from the network. Some of these
// the system finds by itself, too, but then it does so each time.
func toldLater(err error) bool {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return false
	}
	switch errno {
	case syscall.ECONNREFUSED, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.ENOPROTOOPT,
		syscall.EMSGSIZE, syscall.EPROTO, syscall.EACCES, syscall.EOPNOTSUPP, syscall.EHOSTDOWN, syscall.ENONET:
		return true
	}
	return false
}

// queuedError takes the next error out of the socket's queue (ip(7), IP_RECVERR).
func queuedError(c *net.UDPConn) (e networkError, ok bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return e, false
	}
	var room [512]byte
	_ = raw.Control(func(fd uintptr) {
		var n int
		var to syscall.Sockaddr
		_, n, _, to, err = syscall.Recvmsg(int(fd), nil, room[:], syscall.MSG_ERRQUEUE|syscall.MSG_DONTWAIT)
		if err != nil {
			return
		}
		ok = true
		e.to = unmap(addrPortOfSockaddr(to))
		e.extended(room[:n])
	})
	return e, ok
}

func addrPortOfSockaddr(sa syscall.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *syscall.SockaddrInet6:
		a := netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			if i, err := net.InterfaceByIndex(int(sa.ZoneId)); err == nil {
				a = a.WithZone(i.Name)
			}
		}
		return netip.AddrPortFrom(a, uint16(sa.Port))
	}
	return netip.AddrPort{}
}

// extended reads a struct sock_extended_err: errno, origin, type, code, a pad,
// and the MTU. Errors that say nothing about the peer leave e.err nil: RFC 3261
// section 18.4 names those that count.
func (e *networkError) extended(oob []byte) {
	for {
		level, kind, b, rest, ok := nextControl(oob)
		if !ok {
			return
		}
		oob = rest
		v4 := level == syscall.IPPROTO_IP && kind == syscall.IP_RECVERR
		v6 := level == syscall.IPPROTO_IPV6 && kind == syscall.IPV6_RECVERR
		if !v4 && !v6 || len(b) < 16 {
			continue
		}
		errno := syscall.Errno(binary.NativeEndian.Uint32(b))
		origin, icmp, code := b[4], b[5], b[6]
		e.own = origin != originICMP && origin != originICMP6
		switch {
		case errno == syscall.EMSGSIZE: // fragmentation needed (RFC 792), too big (RFC 4443 section 3.2)
			e.mtu = int(binary.NativeEndian.Uint32(b[8:]))
			e.err = ErrTooLarge
		case origin == originICMP && icmp == 3 && code <= 3, // net, host, protocol, port unreachable (RFC 792)
			origin == originICMP6 && icmp == 1 && (code == 0 || code == 3 || code == 4): // route, address, port (RFC 4443 3.1)
			e.err = errno
		}
	}
}

// nextControl takes the first control message off oob (cmsg(3)).
func nextControl(oob []byte) (level, kind int, data, rest []byte, ok bool) {
	const word = syscall.SizeofCmsghdr - 8 // struct cmsghdr: a size_t, two ints
	head := syscall.CmsgLen(0)
	if len(oob) < head {
		return 0, 0, nil, nil, false
	}
	var n int
	if word == 8 {
		n = int(binary.NativeEndian.Uint64(oob))
	} else {
		n = int(binary.NativeEndian.Uint32(oob))
	}
	if n < head || n > len(oob) {
		return 0, 0, nil, nil, false
	}
	level = int(int32(binary.NativeEndian.Uint32(oob[word:])))
	kind = int(int32(binary.NativeEndian.Uint32(oob[word+4:])))
	return level, kind, oob[head:n], oob[min(syscall.CmsgSpace(n-head), len(oob)):], true
}

// packetInfo reads where a datagram was sent to.
type packetInfo struct{}

func (packetInfo) parse(oob []byte, a *incoming, names *zoneNames) {
	var known bool // by the form of IPv4, which tells more
	var index int
	for {
		level, kind, data, rest, ok := nextControl(oob)
		if !ok {
			break
		}
		oob = rest
		switch {
		case level == syscall.IPPROTO_IP && kind == syscall.IP_PKTINFO && len(data) >= 12:
			// struct in_pktinfo: interface, local address, destination in the header.
			a.local = netip.AddrFrom4([4]byte(data[4:8]))
			a.to = netip.AddrFrom4([4]byte(data[8:12]))
			known = true
		case level == syscall.IPPROTO_IPV6 && kind == syscall.IPV6_PKTINFO && len(data) >= 20 && !known:
			// struct in6_pktinfo: destination, interface.
			a.cameTo(netip.AddrFrom16([16]byte(data[:16])).Unmap())
			index = int(binary.NativeEndian.Uint32(data[16:]))
		}
	}
	if a.local.IsUnspecified() {
		a.local = netip.Addr{}
	}
	a.localZone(index, names)
}

// mtuOf returns what the system knows of the path that a connected socket takes.
func mtuOf(c net.Conn) (mtu int) {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return 0
	}
	level, option := syscall.IPPROTO_IP, ipMTU
	if !addrPortOf(c.RemoteAddr()).Addr().Is4() {
		level, option = syscall.IPPROTO_IPV6, ipv6MTU
	}
	_ = on(u, func(fd int) (err error) {
		mtu, err = syscall.GetsockoptInt(fd, level, option)
		return err
	})
	return mtu
}

// listener returns what opens the sockets of the primary.
func (k *packet) listener(share bool) packetListener {
	device := k.name.Interface
	if !k.name.multicast() {
		return (&net.ListenConfig{Control: control(device, share)}).ListenPacket
	}
	return func(ctx context.Context, _, address string) (net.PacketConn, error) {
		group, err := netip.ParseAddrPort(address)
		if err != nil {
			return nil, err
		}
		return listenGroup(ctx, group, device)
	}
}

// listenGroup opens a socket bound to a group, which takes nothing else. Other
// programs may do the same: everybody gets each datagram. (Package net would
// bind to every address.)
func listenGroup(_ context.Context, group netip.AddrPort, device string) (net.PacketConn, error) {
	family := syscall.AF_INET6
	if group.Addr().Is4() {
		family = syscall.AF_INET
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), "udp:"+group.String())
	defer file.Close() // the connection has a copy
	var sa syscall.Sockaddr
	if group.Addr().Is4() {
		sa = &syscall.SockaddrInet4{Addr: group.Addr().As4(), Port: int(group.Port())}
	} else {
		zone := uint32(zoneIndex(group.Addr().Zone()))
		if device != "" {
			zone = uint32(zoneIndex(device))
		}
		sa = &syscall.SockaddrInet6{Addr: group.Addr().As16(), Port: int(group.Port()), ZoneId: zone}
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1); err != nil {
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, sa); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	return net.FilePacketConn(file)
}

// interfaceListener listens for connections on one interface.
func interfaceListener(device string) func(ctx context.Context, network, address string) (net.Listener, error) {
	return (&net.ListenConfig{Control: control(device, false)}).Listen
}
