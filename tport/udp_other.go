//go:build !linux

package tport

import (
	"context"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// canShare: here the system does not spread the peers over sockets that share
// an address.
const canShare = false

func sharePort(*net.UDPConn) error { return ErrNoInterface }

func setReceiveBuffer(c *net.UDPConn, octets int) error { return c.SetReadBuffer(octets) }

func joinedOnly(*net.UDPConn, bool) error { return nil }

// tellErrors: here the system does not keep what the network says.
func tellErrors(*net.UDPConn, bool) error { return ErrNoTransport }

func toldLater(error) bool { return false }

func queuedError(*net.UDPConn) (networkError, bool) { return networkError{}, false }

func mtuOf(net.Conn) int { return 0 }

// packetInfo reads where a datagram was sent to.
type packetInfo struct {
	cm4 ipv4.ControlMessage
	cm6 ipv6.ControlMessage
}

func (p *packetInfo) parse(oob []byte, a *incoming, names *zoneNames) {
	clear(p.cm4.Dst) // kept for its memory, not for what it holds
	clear(p.cm6.Dst)
	if p.cm6.Parse(oob) == nil {
		if to, ok := netip.AddrFromSlice(p.cm6.Dst); ok && !to.IsUnspecified() {
			a.cameTo(to.Unmap())
			a.localZone(p.cm6.IfIndex, names)
			return
		}
	}
	if p.cm4.Parse(oob) == nil {
		if to, ok := netip.AddrFromSlice(p.cm4.Dst); ok && !to.IsUnspecified() {
			a.cameTo(to.Unmap())
		}
	}
}

// listener returns what opens the sockets of the primary.
func (k *packet) listener(bool) packetListener {
	if k.name.Interface != "" && !k.name.multicast() {
		return func(context.Context, string, string) (net.PacketConn, error) { return nil, ErrNoInterface }
	}
	return new(net.ListenConfig).ListenPacket
}

// listenGroup opens a socket for the datagrams to a group.
func listenGroup(ctx context.Context, group netip.AddrPort, _ string) (net.PacketConn, error) {
	return new(net.ListenConfig).ListenPacket(ctx, "udp", group.String())
}

// interfaceListener: here no socket can be bound to an interface by name.
func interfaceListener(string) func(context.Context, string, string) (net.Listener, error) {
	return func(context.Context, string, string) (net.Listener, error) { return nil, ErrNoInterface }
}
