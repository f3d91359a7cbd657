package simnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// ErrHost is wrapped by the errors of Network.Host and Host.Alias: the name or
// an address cannot be used, or is taken.
var ErrHost = errors.New("simnet: unusable host")

// opError gives err the form the net package gives it, so that programs that
// look at *net.OpError, errors.Is and Timeout see what they would see outside.
func opError(op, network string, src, dst net.Addr, err error) error {
	return &net.OpError{Op: op, Net: network, Source: src, Addr: dst, Err: err}
}

func sysError(call string, e syscall.Errno) error { return os.NewSyscallError(call, e) }

// netAddr returns a as the address type of proto, or nil if a is not valid.
func netAddr(p proto, a netip.AddrPort) net.Addr {
	switch {
	case !a.IsValid():
		return nil
	case p == protoTCP:
		return net.TCPAddrFromAddrPort(a)
	default:
		return net.UDPAddrFromAddrPort(a)
	}
}

// literal returns address as a net.Addr if it has no name to look up, else nil.
func literal(p proto, address string) net.Addr {
	a, _ := netip.ParseAddrPort(address)
	return netAddr(p, a)
}
