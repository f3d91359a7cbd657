package tport

import (
	"context"
	"net/netip"
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
	switch {
	case closed:
		return nil, ErrClosed
	case len(fit) == 0:
		return nil, ErrNoTransport
	}
	p := fit[0]
	local := p.addr
	if len(fit) > 1 || p.addr.Addr().IsUnspecified() {
		source, err := t.routeTo(remote)
		if err != nil {
			return nil, err
		}
		p = bestFor(fit, source)
		local = p.addr
		if local.Addr().IsUnspecified() {
			local = netip.AddrPortFrom(source, local.Port())
		}
	}
	return &Flow{key: Key{Proto: name.Proto, Local: local, Remote: remote}, primary: p}, nil
}

// bestFor returns the primary that is bound to source, else the first that is
// bound to every address, else the first.
func bestFor(fit []*Primary, source netip.Addr) *Primary {
	var wild *Primary
	for _, p := range fit {
		if p.addr.Addr() == source {
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

// routeTo asks the system which address it would send to remote from: it
// connects a socket that nothing is ever sent on.
func (t *Transport) routeTo(remote netip.AddrPort) (netip.Addr, error) {
	now := t.now()
	t.mu.Lock()
	r, ok := t.routes[remote.Addr()]
	t.mu.Unlock()
	if ok && now < r.expires {
		return r.local, nil
	}
	network := "udp4"
	if !remote.Addr().Is4() {
		network = "udp6"
	}
	ctx, cancel := context.WithTimeout(t.ctx, routeTimeout)
	defer cancel()
	conn, err := t.dialFrom(ctx, network, netip.Addr{}, remote.String())
	if err != nil {
		return netip.Addr{}, err
	}
	local := addrPortOf(conn.LocalAddr()).Addr()
	conn.Close()
	t.mu.Lock()
	if len(t.routes) >= maxRoutes {
		clear(t.routes)
	}
	t.routes[remote.Addr()] = route{local, now + routeLife}
	t.mu.Unlock()
	return local, nil
}
