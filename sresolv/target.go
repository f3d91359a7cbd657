package sresolv

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Target is what a URI says about where to go. The zero value of each field
// means that the URI does not say.
type Target struct {
	Scheme    string // "sip" (also the zero value) or "sips"; any case
	Host      string // domain name, IPv4 address, IPv6 reference "[…]" or bare IPv6 address
	Port      uint16 // 0: by the transport, 5060 or 5061 (80 or 443 for WebSocket)
	Transport string // transport parameter, any case; "": chosen by RFC 3263 section 4.1
	Maddr     string // maddr parameter: goes before Host
}

// Hop is one place to try: send with Transport to Addr.
type Hop struct {
	Transport string         // lower case: udp, tcp, tls, ws, wss
	Addr      netip.AddrPort // never an IPv4-mapped IPv6 address
	Name      string         // host of the target, lower case, without brackets or final dot: the identity a TLS server must prove (RFC 5922 section 7.3)
}

// String returns the hop as "transport:address:port".
func (h Hop) String() string { return h.Transport + ":" + h.Addr.String() }

// plan is a target after RFC 3263 section 4.1: all but the addresses.
type plan struct {
	name      string     // for Hop.Name
	query     string     // name to look up; "" when addr is set
	addr      netip.Addr // numeric target
	transport string
	port      uint16
}

func (r *Resolver) plan(t Target) (plan, error) {
	var p plan
	var secure bool
	switch strings.ToLower(t.Scheme) {
	case "sip", "":
	case "sips":
		secure = true
	default:
		return p, &Error{Name: t.Scheme + ":" + t.Host, Err: ErrBadTarget}
	}
	host := t.Host
	if host == "" {
		host = t.Maddr
	}
	addr, name, ok := parseHost(host)
	if !ok {
		return p, &Error{Name: host, Err: ErrBadTarget}
	}
	p.name = strings.TrimSuffix(name, ".")
	if t.Maddr != "" { // RFC 3263 section 4: TARGET is maddr if present
		if addr, name, ok = parseHost(t.Maddr); !ok {
			return p, &Error{Name: t.Maddr, Err: ErrBadTarget}
		}
	}
	if p.transport, ok = r.transport(secure, strings.ToLower(t.Transport)); !ok {
		return p, &Error{Name: p.name, Err: ErrNoTransport}
	}
	p.port = t.Port
	if p.port == 0 {
		p.port = defaultPort(p.transport)
	}
	if p.addr = addr; !addr.IsValid() {
		p.query = name
		if n := strings.TrimSuffix(name, "."); strings.HasSuffix(n, ".invalid") || n == "invalid" {
			return p, &Error{Name: p.name, Err: ErrNotFound} // nobody is asked: RFC 6761 section 6.4
		}
	}
	return p, nil
}

// transport chooses by RFC 3263 section 4.1, as far as it needs no DNS.
func (r *Resolver) transport(secure bool, given string) (string, bool) {
	switch {
	case given != "" && secure:
		switch given { // RFC 3261 section 26.2.2, RFC 7118 section 5: TLS below the transport named
		case "tcp":
			given = "tls"
		case "ws":
			given = "wss"
		case "tls", "wss":
		default: // sips never goes on a plain transport
			return "", false
		}
	case given != "":
	case secure:
		given = "tls"
	case slices.Contains(r.transports, "udp"):
		given = "udp"
	case len(r.transports) > 0: // UDP is a SHOULD; a caller without UDP uses what it likes best
		given = r.transports[0]
	}
	return given, slices.Contains(r.transports, given)
}

func defaultPort(transport string) uint16 {
	switch transport {
	case "tls":
		return 5061 // RFC 3261 section 19.1.2
	case "ws":
		return 80 // RFC 7118 section 5.2
	case "wss":
		return 443
	}
	return 5060
}

// parseHost reads host of RFC 3261 section 25.1. For a numeric host addr is
// valid and name is its text; for a name it is in lower case.
//
//	host      = hostname / IPv4address / IPv6reference
//	hostname  = *( domainlabel "." ) toplabel [ "." ]
func parseHost(s string) (addr netip.Addr, name string, ok bool) {
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		a, err := netip.ParseAddr(s[1 : len(s)-1])
		if err != nil || !a.Is6() {
			return addr, "", false
		}
		return numeric(a)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return numeric(a)
	}
	s = strings.ToLower(s)
	rest := strings.TrimSuffix(s, ".")
	if len(rest) > 253 { // RFC 1035 section 2.3.4
		return addr, "", false
	}
	for {
		label, more, dot := strings.Cut(rest, ".")
		if !validLabel(label) {
			return addr, "", false
		}
		if rest = more; !dot {
			// toplabel begins with a letter: "127.1" or "1.2.3.400" is no name,
			// and a system resolver must not get the chance to take it for an address.
			return addr, s, !isDigit(label[0])
		}
	}
}

func numeric(a netip.Addr) (netip.Addr, string, bool) {
	a = a.Unmap()
	return a, a.String(), !a.IsUnspecified() // "any address" is no destination
}

// validLabel also takes the underscore, which private names do use.
func validLabel(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !isDigit(c) && !('a' <= c && c <= 'z') && c != '_' && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// quote keeps errors readable and harmless for a host of any length and octets.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}
