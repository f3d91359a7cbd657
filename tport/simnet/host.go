package simnet

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Host is a machine on a Network, with one address or several and with ports of
// its own. Its methods have the shapes of net.ListenConfig, net.Dialer and
// net.Resolver, so that a program that takes these as functions runs on it. A
// Host is safe for concurrent use.
type Host struct {
	net  *Network
	name string
	nat  *NAT // that the host is behind; nil for none

	// Guarded by net.mu.
	addrs     []netip.Addr
	gate      *NAT // whose public addresses it has
	down      bool
	faults    [faultKinds]fault
	udp       map[uint16][]*PacketConn
	tcp       map[uint16][]*Listener
	dialled   map[uint16]*Conn // by ephemeral port
	conns     map[*Conn]struct{}
	ephemeral [2]uint16 // last one given out, by proto
}

// Host adds a host. The name may be used as a host name in addresses, in any
// case; it must be unused, and so must each address. IPv4-mapped addresses are
// taken as IPv4. Every host has the loopback addresses 127.0.0.1 and ::1
// besides. The error wraps ErrHost, or is net.ErrClosed.
func (n *Network) Host(name string, addrs ...netip.Addr) (*Host, error) {
	return n.addHost(name, nil, addrs)
}

func (n *Network) addHost(name string, nat *NAT, addrs []netip.Addr) (*Host, error) {
	n.mu.Lock()
	defer n.unlock()
	if n.closed {
		return nil, net.ErrClosed
	}
	key, err := n.freeName(name)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, fmt.Errorf("%w: %q has no address; give it at least one", ErrHost, name)
	}
	h := &Host{
		net: n, name: name, nat: nat,
		udp: make(map[uint16][]*PacketConn), tcp: make(map[uint16][]*Listener),
		dialled: make(map[uint16]*Conn), conns: make(map[*Conn]struct{}),
	}
	for _, a := range addrs {
		if err := h.addAddr(a); err != nil {
			return nil, err
		}
	}
	for _, a := range h.addrs {
		h.space(a)[a] = h
	}
	n.byName[key] = h
	n.hosts = append(n.hosts, h)
	return h, nil
}

// addAddr puts an address on the list of the host, if it may be there.
func (h *Host) addAddr(a netip.Addr) error {
	a = plain(a)
	switch {
	case !a.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
		return fmt.Errorf("%w: %q cannot have address %v; use a unicast address", ErrHost, h.name, a)
	case slices.Contains(h.addrs, a):
		return fmt.Errorf("%w: %q is given address %v twice", ErrHost, h.name, a)
	case h.space(a)[a] != nil:
		return fmt.Errorf("%w: address %v of %q already belongs to %q", ErrHost, a, h.name, h.space(a)[a].name)
	}
	h.addrs = append(h.addrs, a)
	return nil
}

// space returns who has which address where a is an address of the host.
func (h *Host) space(a netip.Addr) map[netip.Addr]*Host {
	if h.nat != nil && h.nat.translates(a) {
		return h.nat.hosts
	}
	return h.net.byAddr
}

// AddAddr gives the host a further address, as an interface that comes up does.
// The error wraps ErrHost.
func (h *Host) AddAddr(a netip.Addr) error {
	h.net.mu.Lock()
	defer h.net.unlock()
	if err := h.addAddr(a); err != nil {
		return err
	}
	a = plain(a)
	h.space(a)[a] = h
	return nil
}

// RemoveAddr takes an address from the host, as an interface that goes down
// does: packets to it meet nobody, sockets that are bound to it stay but can
// send nothing (EINVAL), and its connections stall without a word. The error
// wraps ErrHost if the host does not have the address.
func (h *Host) RemoveAddr(a netip.Addr) error {
	h.net.mu.Lock()
	defer h.net.unlock()
	a = plain(a)
	i := slices.Index(h.addrs, a)
	if i < 0 {
		return fmt.Errorf("%w: %q does not have address %v", ErrHost, h.name, a)
	}
	h.addrs = slices.Delete(slices.Clone(h.addrs), i, i+1)
	delete(h.space(a), a)
	return nil
}

// InterfaceAddrs returns the addresses of the host, loopback first, as
// *net.IPNet. It has the shape of net.InterfaceAddrs.
func (h *Host) InterfaceAddrs() ([]net.Addr, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	out := []net.Addr{prefix(loopback4, 8), prefix(loopback6, 128)}
	for _, a := range h.addrs {
		if a.Is4() {
			out = append(out, prefix(a, 24))
		} else {
			out = append(out, prefix(a, 64))
		}
	}
	return out, nil
}

func prefix(a netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, a.BitLen())}
}

// MustHost is Host for tests: addresses are text, and it panics on any error.
func (n *Network) MustHost(name string, addr ...string) *Host {
	h, err := n.Host(name, parseAddrs(addr)...)
	if err != nil {
		panic(err)
	}
	return h
}

func parseAddrs(texts []string) []netip.Addr {
	var addrs []netip.Addr
	for _, a := range texts {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs
}

// Hosts returns the hosts in the order they were added.
func (n *Network) Hosts() []*Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.hosts)
}

// Name returns the name the host was added with.
func (h *Host) Name() string { return h.name }

// String returns the name.
func (h *Host) String() string { return h.name }

// Addrs returns the addresses of the host, without loopback.
func (h *Host) Addrs() []netip.Addr {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return slices.Clone(h.addrs)
}

// Addr returns the first address of the host, the zero Addr if it has none any more.
func (h *Host) Addr() netip.Addr {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if len(h.addrs) == 0 {
		return netip.Addr{}
	}
	return h.addrs[0]
}

// Alias gives the host a further name, such as the domain it serves. The error
// wraps ErrHost.
func (h *Host) Alias(name string) error {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	key, err := n.freeName(name)
	if err != nil {
		return err
	}
	n.byName[key] = h
	return nil
}

func (n *Network) freeName(name string) (string, error) {
	key := nameKey(name)
	_, perr := netip.ParseAddr(name)
	switch {
	case key == "" || key == "localhost" || perr == nil || strings.ContainsAny(name, " \t\r\n[]%/"):
		return "", fmt.Errorf("%w: %q is no host name", ErrHost, name)
	case n.byName[key] != nil:
		return "", fmt.Errorf("%w: name %q is taken", ErrHost, name)
	}
	return key, nil
}

// nameKey is the form in which names are compared (RFC 4343).
func nameKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// plain strips what makes two forms of one address differ.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

func plainPort(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(plain(a.Addr()), a.Port())
}

// LookupNetIP returns the addresses of a host of this network by name, or the
// address itself where host is one. The network is ip, ip4 or ip6. It has the
// shape of net.Resolver.LookupNetIP and returns a *net.DNSError with IsNotFound
// for an unknown name. It never waits.
func (h *Host) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{Err: err.Error(), Name: host, IsTimeout: err == context.DeadlineExceeded}
	}
	var fam family
	switch network {
	case "ip":
	case "ip4":
		fam = family4
	case "ip6":
		fam = family6
	default:
		return nil, net.UnknownNetworkError(network)
	}
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	return h.lookup(host, fam)
}

func (h *Host) lookup(host string, fam family) ([]netip.Addr, error) {
	var all []netip.Addr
	if a, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{plain(a)}
	} else if key := nameKey(host); key == "localhost" {
		all = []netip.Addr{loopback4, loopback6}
	} else if other := h.net.byName[key]; other != nil {
		all = slices.Clone(other.addrs)
	}
	var out []netip.Addr
	for _, a := range all {
		if fam.has(a) {
			out = append(out, a)
		}
	}
	if len(out) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return out, nil
}

// Down takes the host off the network, or puts it back, as if its cable were
// pulled: what it sends and what is sent to it is lost, TCP stalls, and nothing
// is closed. Its loopback goes on working.
func (h *Host) Down(down bool) {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	h.down = down
	if !down {
		n.resume()
	}
}

// ResetConns resets every TCP connection of the host: at both ends calls that
// wait and later ones return ECONNRESET, at the far end once the RST has
// arrived. Listeners and UDP sockets stay.
func (h *Host) ResetConns() {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	for _, c := range h.sortedConns() {
		c.reset()
	}
}

// Crash ends the program on the host: its connections are reset as by
// ResetConns, and its listeners and UDP sockets are closed. The host itself
// stays and may listen and dial again, which is a restart. For a host that dies
// without a word call Down(true) first: its peers then learn of the crash when
// they send after Down(false).
func (h *Host) Crash() {
	n := h.net
	n.mu.Lock()
	defer n.unlock()
	h.closeSockets(func(c *Conn) { c.reset() })
}

// closeSockets closes what the host has open, connections by end.
func (h *Host) closeSockets(end func(*Conn)) {
	for _, c := range h.sortedConns() {
		end(c)
	}
	for _, ls := range h.tcp {
		for _, l := range slices.Clone(ls) {
			l.shut()
		}
	}
	for _, ss := range h.udp {
		for _, s := range slices.Clone(ss) {
			s.shut()
		}
	}
}

// sortedConns returns the connections of the host in order of birth.
func (h *Host) sortedConns() []*Conn {
	out := make([]*Conn, 0, len(h.conns))
	for c := range h.conns {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *Conn) int { return cmp.Compare(a.id, b.id) })
	return out
}

// resume sets going again what a partition or a host that was down had stalled.
func (n *Network) resume() {
	for _, h := range n.hosts {
		for _, c := range h.sortedConns() {
			c.out.resume()
		}
	}
}
