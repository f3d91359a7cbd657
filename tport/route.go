package tport

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

const (
	// routeLife is how long the answer of the system about a route is used again.
	routeLife = 10 * time.Second
	// maxRoutes bounds the answers kept.
	maxRoutes = 1024
	// routeTimeout bounds the question, which no packet leaves for.
	routeTimeout = time.Second
)

// route is the local address that the system sends to a peer from.
type route struct {
	local   netip.Addr
	mtu     int // 0 for not known
	expires time.Duration
}

// datagramFlow returns a UDP flow to remote.
func (t *Transport) datagramFlow(name Name, remote netip.AddrPort) (*Flow, error) {
	var fit []*Primary
	class := name.Class
	if class == nil {
		class = t.cfg.Class
	}
	t.mu.Lock()
	closed := t.closed
	for _, p := range t.primaries {
		if p.serves(name, class, remote.Addr()) {
			fit = append(fit, p)
		}
	}
	t.mu.Unlock()
	if slices.ContainsFunc(fit, func(p *Primary) bool { return !p.addr.Addr().IsMulticast() }) {
		fit = slices.DeleteFunc(fit, func(p *Primary) bool { return p.addr.Addr().IsMulticast() })
	}
	switch {
	case closed:
		return nil, ErrClosed
	case len(fit) == 0:
		return nil, ErrNoTransport
	}
	p := fit[0]
	local := p.addr
	if name.Proto == UDP && (len(fit) > 1 || p.anywhere()) {
		r, err := t.routeTo(remote)
		if err != nil {
			return nil, err
		}
		p = bestFor(fit, r.local)
		local = p.addr
		if p.anywhere() {
			local = netip.AddrPortFrom(r.local, local.Port())
		}
	}
	return &Flow{key: Key{Proto: name.Proto, Local: local, Remote: remote}, primary: p}, nil
}

// bestFor returns the primary that is bound to source, else the first that is
// bound to every address, else the first.
func bestFor(fit []*Primary, source netip.Addr) *Primary {
	var wild *Primary
	for _, p := range fit {
		if p.addr.Addr() == source || p.addr.Addr() == source.WithZone("") {
			return p
		}
		if wild == nil && p.addr.Addr().IsUnspecified() {
			wild = p
		}
	}
	if wild != nil {
		return wild
	}
	return fit[0]
}

// LocalAddr returns the address of this host that the system sends to remote
// from, without sending anything. The error is that of the system, such as
// "network is unreachable".
func (t *Transport) LocalAddr(remote netip.AddrPort) (netip.Addr, error) {
	r, err := t.routeTo(remote)
	return r.local, wrap("dial", Key{Proto: UDP, Remote: remote}, err)
}

// routeTo asks the system which address it would send to remote from: it
// connects a socket that nothing is ever sent on.
func (t *Transport) routeTo(remote netip.AddrPort) (route, error) {
	now := t.now()
	t.mu.Lock()
	r, ok := t.routes[remote.Addr()]
	t.mu.Unlock()
	if ok && now < r.expires {
		return r, nil
	}
	network := "udp4"
	if !remote.Addr().Is4() {
		network = "udp6"
	}
	ctx, cancel := context.WithTimeout(t.ctx, routeTimeout)
	defer cancel()
	conn, err := t.dialFrom(ctx, network, netip.Addr{}, remote.String())
	if err != nil {
		return route{}, err
	}
	r = route{local: addrPortOf(conn.LocalAddr()).Addr(), mtu: mtuOf(conn), expires: now + routeLife}
	conn.Close()
	t.mu.Lock()
	if len(t.routes) >= maxRoutes {
		clear(t.routes)
	}
	t.routes[remote.Addr()] = r
	t.mu.Unlock()
	return r, nil
}

// forgetRoute has the system asked anew the next time.
func (t *Transport) forgetRoute(remote netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.routes, remote)
}

// forgetRoutes forgets them all: the network has changed.
func (t *Transport) forgetRoutes() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.routes)
}

// MTU returns the size in octets of the largest IP packet that, as far as the
// system knows, takes the way to the peer unbroken, 0 where it does not know. It
// is that of the interface until a router on the way has complained, so it may be
// too large, never too small. RFC 3261 section 18.1.1 has a request go over TCP
// that comes within 200 octets of it. The answer is kept for some seconds.
func (f *Flow) MTU() int {
	r, err := f.transport().routeTo(f.key.Remote)
	if err != nil {
		return 0
	}
	return r.mtu
}
