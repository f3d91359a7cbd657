package tport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// groupSeat is where a primary has joined its multicast group. The system
// leaves the group when the socket is closed.
type groupSeat struct {
	mu     sync.Mutex
	conn   *net.UDPConn // nil without a group
	group  netip.Addr
	joined map[int]bool // by the number of the interface
}

// group returns the multicast group that the name asks for, the zero Addr for none.
func (n Name) group() netip.Addr {
	host := n.Maddr
	if host == "" && n.multicast() {
		host = n.Host
	}
	a, _ := netip.ParseAddr(strings.Trim(host, "[]"))
	return a.Unmap()
}

// multicast reports whether Host is a multicast group.
func (n Name) multicast() bool {
	a, err := n.addr()
	return err == nil && a.IsMulticast()
}

// checkGroup returns an error for a Maddr that cannot be joined.
func (n Name) checkGroup() error {
	if n.Maddr == "" {
		return nil
	}
	group := n.group()
	host, err := n.addr()
	if n.Proto != UDP || !group.IsMulticast() || err == nil && host.Is4() != group.Is4() || n.multicast() && host != group {
		return fmt.Errorf("%q: %w", n.Maddr, ErrNotMulticast)
	}
	return nil
}

// joinGroups joins the group of the name, if it has one. A socket bound to one
// address sees nothing that goes to a group, so another is opened beside it;
// answers leave by the first.
func (k *packet) joinGroups(ctx context.Context) error {
	group := k.name.group()
	if !group.IsValid() {
		return nil
	}
	first := (*k.sockets.Load())[0]
	system, ok := first.conn.(*udpConn)
	if !ok {
		return fmt.Errorf("the socket of Config.ListenPacket: %w", ErrNotMulticast)
	}
	if a := system.local; !a.IsUnspecified() && !a.IsMulticast() {
		conn, err := listenGroup(ctx, netip.AddrPortFrom(group, k.p.addr.Port()), k.name.Interface)
		if err != nil {
			return err
		}
		k.mu.Lock()
		k.group = newSocket(k, conn)
		system, _ = k.group.conn.(*udpConn)
		k.mu.Unlock()
	}
	k.groups.mu.Lock()
	k.groups.conn, k.groups.group, k.groups.joined = system.UDPConn, group, map[int]bool{}
	k.groups.mu.Unlock()
	return k.joinMore()
}

// joinMore joins the group on every interface that it should be joined on and
// is not yet. It is called again when interfaces have come.
func (k *packet) joinMore() error {
	g := &k.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conn == nil {
		return nil
	}
	interfaces, err := k.groupInterfaces()
	if err != nil {
		return err
	}
	present := map[int]bool{}
	var errs []error
	for _, i := range interfaces {
		if g.joined[i.Index] {
			present[i.Index] = true
			continue
		}
		if err := join(g.conn, g.group, &i); err != nil {
			errs = append(errs, fmt.Errorf("join %s on %s: %w", g.group, i.Name, err))
			continue
		}
		present[i.Index] = true
	}
	g.joined = present // those that have gone took their membership along
	if len(present) == 0 && k.name.Interface != "" {
		return errors.Join(errs...)
	}
	if len(present) == 0 {
		return errors.Join(append(errs, fmt.Errorf("%w on any interface", ErrNotMulticast))...)
	}
	return nil
}

func join(c *net.UDPConn, group netip.Addr, i *net.Interface) error {
	to := &net.UDPAddr{IP: group.WithZone("").AsSlice()}
	if group.Is4() {
		return ipv4.NewPacketConn(c).JoinGroup(i, to)
	}
	return ipv6.NewPacketConn(c).JoinGroup(i, to)
}

// groupInterfaces returns the interfaces to join on: the one that the name
// says, or that has the address bound to, else all that do multicast.
func (k *packet) groupInterfaces() ([]net.Interface, error) {
	name := k.name.Interface
	if name == "" {
		name = k.groups.group.Zone()
	}
	if name != "" {
		i, err := net.InterfaceByName(name)
		if err != nil {
			return nil, err
		}
		return []net.Interface{*i}, nil
	}
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	local := k.p.addr.Addr()
	var fit []net.Interface
	for _, i := range all {
		switch {
		case i.Flags&net.FlagUp == 0:
		case k.p.anywhere():
			if i.Flags&net.FlagMulticast != 0 {
				fit = append(fit, i)
			}
		case onInterface(&i, local):
			return []net.Interface{i}, nil
		}
	}
	return fit, nil
}

func onInterface(i *net.Interface, a netip.Addr) bool {
	addrs, _ := i.Addrs()
	for _, x := range addrs {
		if p, err := netip.ParsePrefix(x.String()); err == nil && p.Contains(a.WithZone("")) {
			return true // 127.0.0.2 is on lo as well
		}
	}
	return false
}
