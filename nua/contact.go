package nua

import (
	"net"
	"net/netip"
	"strings"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// contactFor makes the Contact of a request outside a dialog: the socket that
// will carry it, as far as that is known before it is sent, else one that
// speaks the next hop's protocol, else any. Without a socket the peer could
// not reach us: ErrNotListening. For a SIPS request it is a SIPS URI, and any
// other socket will not do (RFC 3261 8.1.1.8).
func (u *UA) contactFor(identity sip.NameAddr, target sip.URI, route []sip.NameAddr) (sip.NameAddr, error) {
	next := nextHop(target, route)
	secure := target.IsSIPS() || next.IsSIPS()
	c, err := u.plainContact(identity.URI.User, next, secure)
	if secure {
		c = nta.Secure(c)
	}
	return c, err
}

func (u *UA) plainContact(user string, next sip.URI, secure bool) (sip.NameAddr, error) {
	if u.cfg.Contact != "" {
		return u.addr.contact, nil
	}
	proto := protoOf(next, secure)
	c := u.agent.Contact(user, proto)
	if c.URI.Host == "" && !secure {
		c = u.agent.Contact(user, "")
	}
	if c.URI.Host == "" {
		return c, ErrNotListening
	}
	hop, ok := numericHop(next, proto)
	if !ok {
		return c, nil
	}
	tp := u.agent.Transport()
	if flow, ok := tp.Ready(tport.Name{Proto: proto, Host: hop.Addr().String(), Port: hop.Port(), ServerName: hopName(next)}); ok {
		return u.agent.ContactOn(user, flow), nil
	}
	// A connection still to be made: the listener of the hop's family, at the
	// address from which the system would send.
	for _, p := range tp.Primaries() {
		local := p.Addr()
		if p.Proto() != proto || local.Addr().Is4() != hop.Addr().Is4() && !local.Addr().IsUnspecified() {
			continue
		}
		host := local.Addr()
		if host.IsUnspecified() {
			flow, ok := tp.Ready(tport.Name{Proto: tport.UDP, Host: hop.Addr().String(), Port: hop.Port()})
			if !ok || flow.Local().Addr().IsUnspecified() {
				break
			}
			host = flow.Local().Addr()
		}
		c.URI.Host, c.URI.Port = host.WithZone("").String(), local.Port()
		break
	}
	return c, nil
}

// protoOf is the protocol by which a URI is reached, as far as that is known
// without a look-up (RFC 3263 4.1).
func protoOf(u sip.URI, secure bool) string {
	proto := strings.ToLower(u.Transport())
	switch {
	case secure && (proto == "" || proto == tport.TCP):
		return tport.TLS
	case secure && proto == tport.WS:
		return tport.WSS
	case proto == "":
		return tport.UDP
	}
	return proto
}

// numericHop returns the address a URI names without a look-up.
func numericHop(u sip.URI, proto string) (netip.AddrPort, bool) {
	host := u.Host
	if maddr := u.Maddr(); maddr != "" {
		host = maddr
	}
	addr, err := netip.ParseAddr(trimBrackets(host))
	if err != nil {
		return netip.AddrPort{}, false
	}
	port := u.Port
	if port == 0 {
		port = defaultPort(proto)
	}
	return netip.AddrPortFrom(addr.Unmap(), port), true
}

// mediaAddress is what c= shows: Config.MediaAddress, or the host of our Contact.
// A WebSocket client has none there (RFC 7118 appendix B.1): the address of the
// flow stands in, or that of the host for the next hop, or any of the host.
func (u *UA) mediaAddress(contact sip.NameAddr, flow *tport.Flow, next sip.URI) string {
	if a := u.cfg.MediaAddress; a != "" {
		return a
	}
	host := trimBrackets(contact.URI.Host)
	if !strings.HasSuffix(host, ".invalid") {
		return host
	}
	if flow != nil && flow.Local().IsValid() {
		return flow.Local().Addr().WithZone("").String()
	}
	if hop, ok := numericHop(next, protoOf(next, next.IsSIPS())); ok {
		if a, err := u.agent.Transport().LocalAddr(hop); err == nil {
			return a.WithZone("").String()
		}
	}
	return anyAddress()
}

// anyAddress is an address of this host that others may reach, if it has one.
func anyAddress() string {
	addrs, _ := net.InterfaceAddrs()
	best := "127.0.0.1"
	for _, addr := range addrs {
		p, err := netip.ParsePrefix(addr.String())
		switch {
		case err != nil || !p.Addr().IsGlobalUnicast():
		case p.Addr().Is4():
			return p.Addr().String()
		default:
			best = p.Addr().String()
		}
	}
	return best
}

// nextHop is where a request goes first.
func nextHop(target sip.URI, route []sip.NameAddr) sip.URI {
	if len(route) > 0 {
		return route[0].URI
	}
	return target
}

// hopName is what sresolv calls the target: what a TLS peer must prove.
func hopName(u sip.URI) string {
	if a, err := netip.ParseAddr(trimBrackets(u.Host)); err == nil {
		return a.Unmap().String()
	}
	return u.Host
}

// defaultPort is the port of a protocol (RFC 3261 19.1.2, RFC 7118 5.5).
func defaultPort(proto string) uint16 {
	switch proto {
	case tport.TLS:
		return 5061
	case tport.WS:
		return 80
	case tport.WSS:
		return 443
	}
	return 5060
}

// contactOn makes the Contact for the peer at the other end of a flow.
func (u *UA) contactOn(user string, flow *tport.Flow) sip.NameAddr {
	if u.cfg.Contact != "" {
		return u.addr.contact
	}
	return u.agent.ContactOn(user, flow)
}
