package sresolv

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
)

// ErrBadOption means that a DHCP option is not what RFC 3361 or RFC 3319 say.
var ErrBadOption = errors.New("not a DHCP option of SIP servers; check the configuration of the DHCP server")

// DHCPServers is what a DHCP server says about outbound proxies, the preferred
// first. A domain is to be used as the host of a sip URI without port, so that
// RFC 3263 section 4.1 applies to each; the next is tried when one has failed.
type DHCPServers struct {
	Domains []string     // in lower case, without final dot
	Addrs   []netip.Addr // to be used on the default ports
}

// ParseDHCPv4 decodes the content of option 120 (RFC 3361), which holds domains
// or IPv4 addresses, never both. Where an option came in parts they are to be
// joined first (RFC 3396). The error is an [*Error] with ErrBadOption.
func ParseDHCPv4(option []byte) (DHCPServers, error) {
	if len(option) == 0 {
		return DHCPServers{}, badOption("120")
	}
	switch enc, b := option[0], option[1:]; enc {
	case 0:
		names, ok := dhcpNames(b, true)
		if !ok {
			return DHCPServers{}, badOption("120")
		}
		return DHCPServers{Domains: names}, nil
	case 1:
		addrs, ok := dhcpAddrs(b, 4)
		if !ok {
			return DHCPServers{}, badOption("120")
		}
		return DHCPServers{Addrs: addrs}, nil
	}
	return DHCPServers{}, badOption("120")
}

// ParseDHCPv6Domains decodes the content of OPTION_SIP_SERVER_D, 21 (RFC 3319
// section 3.1). The error is an [*Error] with ErrBadOption.
func ParseDHCPv6Domains(option []byte) (DHCPServers, error) {
	names, ok := dhcpNames(option, false) // RFC 8415 section 10: never compressed
	if !ok {
		return DHCPServers{}, badOption("21")
	}
	return DHCPServers{Domains: names}, nil
}

// ParseDHCPv6Addrs decodes the content of OPTION_SIP_SERVER_A, 22 (RFC 3319
// section 3.2). The error is an [*Error] with ErrBadOption.
func ParseDHCPv6Addrs(option []byte) (DHCPServers, error) {
	addrs, ok := dhcpAddrs(option, 16)
	if !ok {
		return DHCPServers{}, badOption("22")
	}
	return DHCPServers{Addrs: addrs}, nil
}

func badOption(code string) error { return &Error{Name: "DHCP option " + code, Err: ErrBadOption} }

func dhcpAddrs(b []byte, size int) (out []netip.Addr, ok bool) {
	if len(b) == 0 || len(b)%size != 0 {
		return nil, false
	}
	for ; len(b) > 0; b = b[size:] {
		if a, ok := netip.AddrFromSlice(b[:size]); ok && !a.IsUnspecified() {
			out = append(out, a)
		}
	}
	return out, len(out) > 0
}

// dhcpNames reads a list of names in the encoding of RFC 1035 section 3.1, with
// the pointers of section 4.1.4 if they may be there.
func dhcpNames(b []byte, compressed bool) (out []string, ok bool) {
	for at := 0; at < len(b); {
		name, next, ok := dhcpName(b, at, compressed)
		if !ok || !validName(name) {
			return nil, false
		}
		out = append(out, name)
		at = next
		if len(out) > DefaultMaxTargets {
			return nil, false
		}
	}
	return out, len(out) > 0
}

// dhcpName reads the name at an offset and says where the next begins. A pointer
// leads strictly backwards, so that it cannot go round.
func dhcpName(b []byte, at int, compressed bool) (name string, next int, ok bool) {
	var s strings.Builder
	limit := at // pointers must lead before this
	for {
		if at >= len(b) {
			return "", 0, false
		}
		n := int(b[at])
		switch {
		case n == 0:
			if next == 0 {
				next = at + 1
			}
			return strings.ToLower(s.String()), next, true
		case n < 64:
			if at+1+n > len(b) || s.Len()+1+n > 255 {
				return "", 0, false
			}
			if s.Len() > 0 {
				s.WriteByte('.')
			}
			label := b[at+1 : at+1+n]
			if bytes.IndexByte(label, '.') >= 0 { // it would read as two
				return "", 0, false
			}
			s.Write(label)
			at += 1 + n
		case n >= 192 && compressed && at+1 < len(b):
			to := (n&63)<<8 | int(b[at+1])
			if to >= limit {
				return "", 0, false
			}
			if next == 0 {
				next = at + 2
			}
			at, limit = to, to
		default:
			return "", 0, false
		}
	}
}
