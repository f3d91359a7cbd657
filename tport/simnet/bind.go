package simnet

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// Ephemeral ports, the range of Linux.
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// family is the suffix of a network name: none, 4 or 6.
type family uint8

const (
	familyAny family = 0
	family4   family = 4
	family6   family = 6
)

func (f family) has(a netip.Addr) bool {
	return f == familyAny || (f == family4) == a.Is4()
}

// parseNetwork splits a network name such as udp4. It knows udp and tcp.
func parseNetwork(network string) (proto, family, error) {
	var p proto
	switch {
	case len(network) >= 3 && network[:3] == "udp":
		p = protoUDP
	case len(network) >= 3 && network[:3] == "tcp":
		p = protoTCP
	default:
		return 0, 0, net.UnknownNetworkError(network)
	}
	switch network[3:] {
	case "":
		return p, familyAny, nil
	case "4":
		return p, family4, nil
	case "6":
		return p, family6, nil
	}
	return 0, 0, net.UnknownNetworkError(network)
}

func splitHostPort(address string) (string, uint16, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	if port == "" {
		return host, 0, nil
	}
	v, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", 0, &net.AddrError{Err: "the port must be a number from 0 to 65535", Addr: address}
	}
	return host, uint16(v), nil
}

// binding is the local end of a socket.
type binding struct {
	addr   netip.Addr // unspecified for a wildcard
	port   uint16
	v4, v6 bool // what a wildcard takes
}

func (b binding) addrPort() netip.AddrPort { return netip.AddrPortFrom(b.addr, b.port) }

func (b binding) wildcard() bool { return b.addr.IsUnspecified() }

func (b binding) dual() bool { return b.v4 && b.v6 }

func (b binding) takes(a netip.Addr) bool {
	if !b.wildcard() {
		return a == b.addr
	}
	return a.Is4() && b.v4 || a.Is6() && b.v6
}

func (b binding) overlaps(c binding) bool {
	switch {
	case b.wildcard() && c.wildcard():
		return b.v4 && c.v4 || b.v6 && c.v6
	case b.wildcard():
		return b.takes(c.addr)
	default:
		return c.takes(b.addr)
	}
}

// local reports whether a is an address of the host itself.
func (h *Host) local(a netip.Addr) bool {
	return a.IsLoopback() || slices.Contains(h.addrs, a)
}

// parseBinding reads the address of Listen and ListenPacket. An empty host, and
// :: without a family suffix, take both families, as in package net.
func (h *Host) parseBinding(fam family, address string) (binding, error) {
	host, port, err := splitHostPort(address)
	if err != nil {
		return binding{}, err
	}
	b := binding{port: port}
	if host != "" {
		addrs, err := h.lookup(host, fam)
		if err != nil {
			if _, perr := netip.ParseAddr(host); perr == nil {
				return binding{}, &net.AddrError{Err: "the address is not of the family the network asks for", Addr: host}
			}
			return binding{}, err
		}
		b.addr = addrs[0]
	} else if fam == family4 {
		b.addr = netip.IPv4Unspecified()
	} else {
		b.addr = netip.IPv6Unspecified()
	}
	if b.wildcard() {
		b.v4 = b.addr.Is4() || fam == familyAny
		b.v6 = b.addr.Is6()
	} else if !h.local(b.addr) {
		return binding{}, sysError("bind", syscall.EADDRNOTAVAIL)
	}
	return b, nil
}

// free reports whether b, with its port, may be bound.
func (h *Host) free(p proto, b binding) bool {
	if p == protoUDP {
		for _, s := range h.udp[b.port] {
			if s.bound.overlaps(b) {
				return false
			}
		}
		return true
	}
	for _, l := range h.tcp[b.port] {
		if l.bound.overlaps(b) {
			return false
		}
	}
	return h.dialled[b.port] == nil
}

// choosePort fills in the port of b: the one asked for if it is free, else the
// next ephemeral one. Ephemeral ports rise, so that a number is not soon reused.
func (h *Host) choosePort(p proto, b *binding) syscall.Errno {
	if b.port != 0 {
		if !h.free(p, *b) {
			return syscall.EADDRINUSE
		}
		return 0
	}
	last := &h.ephemeral[p]
	for range lastEphemeral - firstEphemeral + 1 {
		if *last < firstEphemeral || *last >= lastEphemeral {
			*last = firstEphemeral
		} else {
			*last++
		}
		b.port = *last
		if h.free(p, *b) {
			return 0
		}
	}
	return syscall.EADDRINUSE
}

// source chooses the address to reach dst from: dst itself or loopback for the
// host's own, else the address that shares the longest prefix with dst, the
// first of equals (RFC 6724 section 5, rule 8). It is invalid if the host has
// none of the family.
func (h *Host) source(dst netip.Addr) netip.Addr {
	if h.local(dst) {
		return dst
	}
	var best netip.Addr
	longest := -1
	for _, a := range h.addrs {
		if a.Is4() != dst.Is4() {
			continue
		}
		if l := commonPrefix(a, dst); l > longest {
			best, longest = a, l
		}
	}
	return best
}

func commonPrefix(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	for i := range x {
		if d := x[i] ^ y[i]; d != 0 {
			n := i * 8
			for d&0x80 == 0 {
				d <<= 1
				n++
			}
			return n
		}
	}
	return 128
}

// route returns the host that has address dst, seen from h.
func (h *Host) route(dst netip.Addr) *Host {
	if h.local(dst) {
		return h
	}
	if h.nat != nil {
		if inside := h.nat.hosts[dst]; inside != nil {
			return inside
		}
	}
	return h.net.byAddr[dst]
}
