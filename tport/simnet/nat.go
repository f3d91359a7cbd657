package simnet

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// NATRule says how much of the far address a NAT looks at (RFC 4787 sections
// 4.1 and 5).
type NATRule uint8

const (
	// EndpointIndependent: nothing of it. One mapping serves all peers, or
	// anybody may send to it.
	EndpointIndependent NATRule = iota
	// AddressDependent: the IP address.
	AddressDependent
	// AddressAndPortDependent: address and port. As a mapping this is what was
	// called a symmetric NAT.
	AddressAndPortDependent
)

// remote returns the part of a far address that the rule looks at.
func (r NATRule) remote(a netip.AddrPort) netip.AddrPort {
	switch r {
	case EndpointIndependent:
		return netip.AddrPort{}
	case AddressDependent:
		return netip.AddrPortFrom(a.Addr(), 0)
	}
	return a
}

const (
	defaultUDPLifetime = 2 * time.Minute                  // RFC 4787 REQ-5
	defaultTCPLifetime = 2*time.Hour + 4*time.Minute      // RFC 5382 REQ-5
	firstNATPort       = 20001                            // of those that are given out in turn
	natPorts           = 1 << 16                          // 20001 to 65535
	natMappings        = natPorts - firstNATPort          // per protocol and public address
	forever            = time.Duration(1<<63 - 1 - 1<<40) // and no overflow near it
)

// NATConfig describes a [NAT]. The zero value is a good one: mapping and filter
// are independent of the endpoint, bindings last as long as the RFCs ask.
type NATConfig struct {
	// Mapping says when a host's socket keeps its public port: for all peers,
	// or anew for each address, or each address and port.
	Mapping NATRule
	// Filtering says whose packets come in through a mapping: anybody's, or
	// those of an address, or of an address and port that was sent to.
	Filtering NATRule
	// UDPLifetime is how long a mapping lasts after the last datagram that went
	// out: 0 is 2 minutes, negative for ever. Real ones often use 30 s.
	UDPLifetime time.Duration
	// TCPLifetime is how long a connection may be quiet before its packets are
	// thrown away in both directions, without a reset: 0 is 2 h 4 min, negative
	// for ever.
	TCPLifetime time.Duration
	// RefreshInbound has datagrams that come in keep a mapping alive, too.
	RefreshInbound bool
	// PreservePorts gives a socket the public port of the same number, if it is free.
	PreservePorts bool
	// Hairpin lets hosts behind the NAT reach each other at its public addresses.
	Hairpin bool
}

// NAT is a network address translator. Hosts made with its Host method have
// private addresses, which may be those of hosts behind another NAT: their
// packets to the outside leave from a public address and port, and only what
// the mappings and filters let through comes back in. Addresses of a family that
// the NAT has no public address of are not translated; they are global.
//
// The links of a host behind a NAT are its own, to each host outside; the NAT
// adds no delay and loses nothing else. Records show the packet as its sender
// addressed it. There are no ALGs, no ICMP errors from the NAT, and no NAT
// behind another. A NAT is safe for concurrent use.
type NAT struct {
	net   *Network
	host  *Host // has the public addresses, and no sockets
	cfg   NATConfig
	hosts map[netip.Addr]*Host // inside

	// Guarded by net.mu.
	out      map[natKey]*mapping
	in       map[natPublic]*mapping
	lastPort [2]uint16 // by proto
}

// natKey finds the mapping of a packet that goes out.
type natKey struct {
	proto  proto
	inside netip.AddrPort
	host   *Host
	remote netip.AddrPort // as far as Mapping looks
}

// natPublic finds the mapping of a packet that comes in.
type natPublic struct {
	proto proto
	addr  netip.AddrPort
}

// mapping is one mapping.
type mapping struct {
	key     natKey
	public  netip.AddrPort
	used    time.Duration
	life    time.Duration
	static  bool
	peers   map[netip.AddrPort]struct{} // who may send, as far as Filtering looks
	dropped bool
}

func (b *mapping) dead(now time.Duration) bool {
	return b.dropped || !b.static && now-b.used >= b.life
}

// NAT adds a translator with the given public addresses, one for each family it
// translates at least. Errors are those of [Network.Host].
func (n *Network) NAT(name string, cfg NATConfig, public ...netip.Addr) (*NAT, error) {
	h, err := n.Host(name, public...)
	if err != nil {
		return nil, err
	}
	if cfg.UDPLifetime == 0 {
		cfg.UDPLifetime = defaultUDPLifetime
	}
	if cfg.TCPLifetime == 0 {
		cfg.TCPLifetime = defaultTCPLifetime
	}
	t := &NAT{
		net: n, host: h, cfg: cfg, hosts: map[netip.Addr]*Host{},
		out: map[natKey]*mapping{}, in: map[natPublic]*mapping{},
	}
	n.mu.Lock()
	h.gate = t
	n.mu.Unlock()
	return t, nil
}

// MustNAT is NAT for tests: addresses are text, and it panics on any error.
func (n *Network) MustNAT(name string, cfg NATConfig, public ...string) *NAT {
	t, err := n.NAT(name, cfg, parseAddrs(public)...)
	if err != nil {
		panic(err)
	}
	return t
}

// Host adds a host behind the NAT; see [Network.Host]. Addresses of a family
// that the NAT translates must be unused behind this NAT only.
func (t *NAT) Host(name string, addrs ...netip.Addr) (*Host, error) {
	return t.net.addHost(name, t, addrs)
}

// MustHost is Host for tests: addresses are text, and it panics on any error.
func (t *NAT) MustHost(name string, addr ...string) *Host {
	h, err := t.Host(name, parseAddrs(addr)...)
	if err != nil {
		panic(err)
	}
	return h
}

// Outside returns the host with the public addresses: the end of links to what
// hosts inside send to each other through the NAT. Nothing can listen on it.
func (t *NAT) Outside() *Host { return t.host }

// translates reports whether addresses of the family of a are private inside.
func (t *NAT) translates(a netip.Addr) bool { return t.public(a).IsValid() }

func (t *NAT) public(like netip.Addr) netip.Addr {
	for _, a := range t.host.addrs {
		if a.Is4() == like.Is4() {
			return a
		}
	}
	return netip.Addr{}
}

// Forward opens a port to the outside, for ever: what comes to the port of any
// public address goes to the address of a host inside. The network is udp or
// tcp. The error wraps [ErrHost] if the port is taken or to belongs to no host inside.
func (t *NAT) Forward(network string, port uint16, to netip.AddrPort) error {
	p, _, err := parseNetwork(network)
	if err != nil {
		return err
	}
	t.net.mu.Lock()
	defer t.net.unlock()
	to = plainPort(to)
	h := t.hosts[to.Addr()]
	public := netip.AddrPortFrom(t.public(to.Addr()), port)
	switch {
	case h == nil:
		return fmt.Errorf("%w: %v is no address behind %q", ErrHost, to.Addr(), t.host.name)
	case t.in[natPublic{p, public}] != nil:
		return fmt.Errorf("%w: port %d of %q is taken", ErrHost, port, t.host.name)
	}
	b := &mapping{key: natKey{proto: p, inside: to, host: h}, public: public, life: forever, static: true}
	t.in[natPublic{p, public}] = b
	if t.cfg.Mapping == EndpointIndependent {
		t.out[b.key] = b
	}
	return nil
}

// Flush forgets all mappings but those of Forward, as a restart does: hosts
// inside get other ports from then on, and connections through the NAT are cut
// without a word.
func (t *NAT) Flush() {
	t.net.mu.Lock()
	defer t.net.unlock()
	for _, b := range t.in {
		if !b.static {
			t.drop(b)
		}
	}
}

// NATMapping is one mapping of a [NAT], as Mappings shows it.
type NATMapping struct {
	Network        string // udp or tcp
	Host           *Host
	Inside, Public netip.AddrPort
	// Expires is when it will be forgotten, in time since New; negative for never.
	Expires time.Duration
}

// Mappings returns the mappings that are alive, by network and public address.
func (t *NAT) Mappings() []NATMapping {
	t.net.mu.Lock()
	defer t.net.mu.Unlock()
	var out []NATMapping
	for _, b := range t.in {
		if b.dead(t.net.now()) {
			continue
		}
		m := NATMapping{b.key.proto.String(), b.key.host, b.key.inside, b.public, -1}
		if !b.static && b.life != forever {
			m.Expires = b.used + b.life
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b NATMapping) int {
		return cmp.Or(cmp.Compare(a.Network, b.Network), a.Public.Compare(b.Public))
	})
	return out
}

func (t *NAT) drop(b *mapping) {
	b.dropped = true
	if t.in[natPublic{b.key.proto, b.public}] == b {
		delete(t.in, natPublic{b.key.proto, b.public})
	}
	if t.out[b.key] == b {
		delete(t.out, b.key)
	}
}

func (t *NAT) life(p proto) time.Duration {
	life := t.cfg.UDPLifetime
	if p == protoTCP {
		life = t.cfg.TCPLifetime
	}
	if life < 0 {
		life = forever
	}
	return life
}

// leave returns the mapping by which a packet from inside goes out to a peer,
// making one if need be; nil if no port is left.
func (t *NAT) leave(p proto, h *Host, inside, to netip.AddrPort, now time.Duration) *mapping {
	rule := t.cfg.Mapping
	if p == protoTCP {
		// A connection has a mapping of its own, whose life is its own. Where
		// mappings are shared, so is the port.
		rule = AddressAndPortDependent
	}
	key := natKey{p, inside, h, rule.remote(to)}
	b := t.out[key]
	if b != nil && b.dead(now) {
		t.drop(b)
		b = nil
	}
	if b == nil {
		public, ok := t.port(p, inside, now)
		if !ok {
			return nil
		}
		b = &mapping{key: key, public: public, life: t.life(p), peers: map[netip.AddrPort]struct{}{}}
		t.out[key] = b
		t.in[natPublic{p, public}] = b
	}
	b.used = now
	if b.peers != nil && len(b.peers) < maxFlows {
		b.peers[t.cfg.Filtering.remote(to)] = struct{}{}
	}
	return b
}

// port chooses a free public port.
func (t *NAT) port(p proto, inside netip.AddrPort, now time.Duration) (netip.AddrPort, bool) {
	a := t.public(inside.Addr())
	free := func(port uint16) bool {
		b := t.in[natPublic{p, netip.AddrPortFrom(a, port)}]
		if b != nil && b.dead(now) {
			t.drop(b)
			b = nil
		}
		return b == nil
	}
	if t.cfg.PreservePorts && free(inside.Port()) {
		return netip.AddrPortFrom(a, inside.Port()), true
	}
	last := &t.lastPort[p]
	for range natMappings {
		if *last < firstNATPort || *last == natPorts-1 {
			*last = firstNATPort
		} else {
			*last++
		}
		if free(*last) {
			return netip.AddrPortFrom(a, *last), true
		}
	}
	return netip.AddrPort{}, false
}

// enter returns the mapping by which a packet from a peer comes in to a public
// address, nil if there is none or the filter does not let it through.
func (t *NAT) enter(p proto, from, public netip.AddrPort, now time.Duration) *mapping {
	b := t.in[natPublic{p, public}]
	if b == nil || b.dead(now) {
		return nil
	}
	if !b.static {
		if _, ok := b.peers[t.cfg.Filtering.remote(from)]; !ok {
			return nil
		}
		if t.cfg.RefreshInbound || p == protoTCP {
			b.used = now
		}
	}
	return b
}

// passage is how a packet gets from one host to another through what translates.
type passage struct {
	host     *Host          // where it arrives; nil for nowhere
	from, to netip.AddrPort // as the receiver sees them
	gate     *Host          // the NAT that let it not in, with host nil
	out, in  *mapping
}

// passage finds the way of a packet of h, making mappings as it goes.
func (h *Host) passage(p proto, from, to netip.AddrPort, now time.Duration) passage {
	w := passage{host: h.route(to.Addr()), from: from, to: to}
	if w.host == nil || w.host == h {
		return w
	}
	if h.nat != nil && w.host.nat != h.nat && h.nat.translates(from.Addr()) && h.nat.hosts[from.Addr()] == h {
		if w.host == h.nat.host && !h.nat.cfg.Hairpin {
			return passage{gate: w.host}
		}
		if w.out = h.nat.leave(p, h, from, to, now); w.out == nil {
			return passage{gate: h.nat.host}
		}
		w.from = w.out.public
	}
	if t := w.host.gate; t != nil {
		if w.in = t.enter(p, w.from, to, now); w.in == nil {
			return passage{gate: t.host}
		}
		w.host, w.to = w.in.key.host, w.in.key.inside
	}
	return w
}

// open reports whether a connection's mappings still hold, and notes that they
// were used.
func (w *passage) open(now time.Duration) bool {
	for _, b := range [...]*mapping{w.out, w.in} {
		if b == nil {
			continue
		}
		if b.dead(now) {
			b.dropped = true // what was quiet too long does not come back
			return false
		}
		b.used = now
	}
	return true
}
