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
	Transport string         // lower case: udp, tcp, tls, sctp, tls-sctp, ws, wss, or one of the caller's own
	Addr      netip.AddrPort // never an IPv4-mapped IPv6 address
	Name      string         // host of the target, lower case, without brackets or final dot: the identity a TLS server must prove (RFC 5922 section 7.3)

	Target   string // the name whose address this is, aliases followed; "" for a numeric target
	Priority uint16 // of the SRV record that led here; 0 if none did
	Weight   uint16 // likewise
}

// String returns the hop as "transport:address:port".
func (h Hop) String() string { return h.Transport + ":" + h.Addr.String() }

// plan is a target after RFC 3263 section 4.1, as far as it needs no DNS.
type plan struct {
	name      string     // for Hop.Name
	query     string     // name to look up; "" when addr is set
	addr      netip.Addr // numeric target
	port      uint16     // 0: by the transport, or SRV
	transport string     // "": by NAPTR or SRV records
	secure    bool
}

func (r *Resolver) plan(t Target) (plan, error) {
	var p plan
	switch strings.ToLower(t.Scheme) {
	case "sip", "":
	case "sips":
		p.secure = true
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
	p.port, p.addr = t.Port, addr
	given := strings.ToLower(t.Transport)
	if given == "" && (addr.IsValid() || p.port != 0) {
		given = r.usual(p.secure)
	}
	if p.transport, ok = r.transport(p.secure, given); !ok {
		return p, &Error{Name: p.name, Err: ErrNoTransport}
	}
	return p, p.lookFor(name)
}

// planResponse is the plan of RFC 3263 section 5.
func planResponse(transport, host string, port uint16) (plan, error) {
	p := plan{transport: strings.ToLower(transport), port: port}
	addr, name, ok := parseHost(host)
	if !ok {
		return p, &Error{Name: host, Err: ErrBadTarget}
	}
	if transport == "" {
		return p, &Error{Name: host, Err: ErrNoTransport}
	}
	p.name, p.addr = strings.TrimSuffix(name, "."), addr
	return p, p.lookFor(name)
}

// lookFor sets what is to be looked up, if anything is.
func (p *plan) lookFor(name string) error {
	if p.addr.IsValid() {
		return nil
	}
	p.query = name
	if within(strings.TrimSuffix(name, "."), "invalid") { // nobody is asked: RFC 6761 section 6.4
		return &Error{Name: p.name, Err: ErrNotFound}
	}
	return nil
}

// transport reports whether a transport can be used, and what it is called
// below sips. For none given it reports whether there is any.
func (r *Resolver) transport(secure bool, given string) (string, bool) {
	if given == "" {
		return "", slices.ContainsFunc(r.cfg.Transports, func(t string) bool { return !secure || isSecure(t) })
	}
	if secure {
		switch given { // RFC 3261 section 26.2.2, RFC 7118 section 5: TLS below the transport named
		case "tcp":
			given = "tls"
		case "ws":
			given = "wss"
		}
		if !isSecure(given) { // sips never goes on a plain transport
			return "", false
		}
	}
	return given, slices.Contains(r.cfg.Transports, given)
}

// candidates lists the transports to choose from, in the order of the caller.
func (r *Resolver) candidates(secure bool) []string {
	var out []string
	for _, t := range r.cfg.Transports {
		if (!secure || isSecure(t)) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// usual is the transport to use where the DNS does not choose one: UDP for sip
// and TLS for sips (RFC 3263 section 4.1). A caller without it uses what it
// likes best. It is "" if there is none.
func (r *Resolver) usual(secure bool) string {
	want := "udp"
	if secure {
		want = "tls"
	}
	if slices.Contains(r.cfg.Transports, want) {
		return want
	}
	for _, t := range r.cfg.Transports {
		if !secure || isSecure(t) {
			return t
		}
	}
	return ""
}

// fallback lists the transports for a name of which only addresses are known:
// the usual one, and TCP where UDP has failed.
func (r *Resolver) fallback(p *plan) []string {
	if p.transport != "" {
		return []string{p.transport}
	}
	out := []string{r.usual(p.secure)}
	if out[0] == "udp" && slices.Contains(r.cfg.Transports, "tcp") {
		out = append(out, "tcp")
	}
	return out
}

func isSecure(transport string) bool {
	return transport == "tls" || transport == "wss" || transport == "tls-sctp"
}

func defaultPort(transport string) uint16 {
	switch transport {
	case "tls", "tls-sctp":
		return 5061 // RFC 3261 section 19.1.2
	case "ws":
		return 80 // RFC 7118 section 5.2
	case "wss":
		return 443
	}
	return 5060
}

// srvPrefix returns the service and protocol of SRV names (RFC 3263 section 4.1,
// RFC 4168 section 11, RFC 7118 section 8); "" if there are none.
func srvPrefix(transport string) string {
	switch transport {
	case "udp":
		return "_sip._udp."
	case "tcp":
		return "_sip._tcp."
	case "tls":
		return "_sips._tcp."
	case "sctp":
		return "_sip._sctp."
	case "tls-sctp":
		return "_sips._sctp."
	case "ws":
		return "_sip._ws."
	case "wss":
		return "_sips._ws."
	}
	return ""
}

// service returns the transport of the service field of a NAPTR record, and
// whether it is one of SIP at all, which may be of an unknown transport.
func service(field string) (transport string, sip bool) {
	switch field = strings.ToLower(field); field {
	case "sip+d2u":
		return "udp", true
	case "sip+d2t":
		return "tcp", true
	case "sips+d2t":
		return "tls", true
	case "sip+d2s":
		return "sctp", true
	case "sips+d2s":
		return "tls-sctp", true
	case "sip+d2w":
		return "ws", true
	case "sips+d2w":
		return "wss", true
	}
	return "", strings.HasPrefix(field, "sip+d") || strings.HasPrefix(field, "sips+d")
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
	if a, ok := parseNumeric(s); ok {
		return numeric(a)
	}
	s = strings.ToLower(s)
	rest := strings.TrimSuffix(s, ".")
	if len(rest) > maxName {
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

// parseNumeric reads an address, and makes no error of what cannot be one.
func parseNumeric(s string) (netip.Addr, bool) {
	if s == "" || !isDigit(s[len(s)-1]) && !strings.Contains(s, ":") {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}

func numeric(a netip.Addr) (netip.Addr, string, bool) {
	a = a.Unmap()
	return a, a.String(), !a.IsUnspecified() // "any address" is no destination
}

// maxName is the length of a name in text (RFC 1035 section 2.3.4).
const maxName = 253

// validName reports whether s, in lower case and without final dot, is made of
// labels that can be asked for.
func validName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for {
		label, rest, dot := strings.Cut(s, ".")
		if !validLabel(label) {
			return false
		}
		if s = rest; !dot {
			return true
		}
	}
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
