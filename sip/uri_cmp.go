package sip

import (
	"net/netip"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Equal reports whether u and v are equivalent: for SIP and SIPS URIs by the
// rules of RFC 3261 section 19.1.4, for tel URIs by those of RFC 3966 section 4,
// for URNs, mail addresses and URIs with a host by those of their schemes, for
// others if they are written alike but for escapes. Equivalence is not transitive, because
// a parameter that only one of two URIs has is mostly ignored.
func (u URI) Equal(v URI) bool {
	if !scan.EqualFold(u.Scheme, v.Scheme) {
		return false
	}
	switch {
	case u.IsSIP():
	case u.Scheme == schemeTel:
		return sameTel(u, v)
	default:
		return sameOther(u, v)
	}
	return sameEscaped(u.User, v.User, false) && sameEscaped(u.Password, v.Password, false) &&
		u.hasPassword() == v.hasPassword() && sameHost(u.Host, v.Host) && u.Port == v.Port &&
		sameParams(string(u.Params), string(v.Params)) && sameHeaders(u.Headers, v.Headers)
}

// sameEscaped compares text with escapes: a character is equal to its escape
// unless it is reserved (RFC 3261 section 19.1.4).
func sameEscaped(a, b string, fold bool) bool {
	if a == b {
		return true
	}
	for a != "" && b != "" {
		var x, y uint16
		x, a = nextChar(a)
		y, b = nextChar(b)
		if x != y && (!fold || x >= 0x100 || y >= 0x100 || scan.Lower(byte(x)) != scan.Lower(byte(y))) {
			return false
		}
	}
	return a == b
}

// nextChar takes one character off s; escapes of reserved ones are distinct
// from the characters.
func nextChar(s string) (c uint16, rest string) {
	if s[0] != '%' || len(s) < 3 || !scan.IsHex(s[1]) || !scan.IsHex(s[2]) {
		return uint16(s[0]), s[1:]
	}
	b := unhex(s[1])<<4 | unhex(s[2])
	if uriClass[b]&reserved != 0 || b == '%' {
		return 0x100 | uint16(b), s[3:]
	}
	return uint16(b), s[3:]
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	default:
		return scan.Lower(c) - 'a' + 10
	}
}

func sameHost(a, b string) bool {
	if scan.EqualFold(a, b) {
		return true
	}
	if strings.IndexByte(a, ':') < 0 || strings.IndexByte(b, ':') < 0 {
		return false
	}
	x, err1 := netip.ParseAddr(a) // IPv6 has many spellings (RFC 5954 section 4)
	y, err2 := netip.ParseAddr(b)
	return err1 == nil && err2 == nil && x == y
}

func sameNumber(a, b string) bool {
	return scan.EqualFold(stripSeparators(a), stripSeparators(b))
}

// sameParams compares URI parameters. A parameter in both must have equal
// values; one in either only is ignored, unless it is user, ttl, method, maddr
// or transport. The rules do not name transport beside the
// others, but say that a URI without it does not match one with the default
// value, and the examples count it.
func sameParams(a, b string) bool {
	if a == b {
		return true
	}
	x, y := paramMap(a), paramMap(b)
	match := func(x, y map[string]string) bool {
		for name, v := range x {
			w, both := y[name]
			if both && !scan.EqualFold(v, w) || !both && decides(name) {
				return false
			}
		}
		return true
	}
	return match(x, y) && match(y, x)
}

func decides(name string) bool {
	return name == "user" || name == "ttl" || name == "method" || name == "maddr" || name == "transport"
}

// paramMap holds parameters by lower-case name; the first of a name counts.
func paramMap(s string) map[string]string {
	m := map[string]string{}
	for s != "" {
		var n, v string
		n, v, s = cutParam(s)
		n = strings.ToLower(normal(n))
		if _, ok := m[n]; !ok {
			m[n] = normal(v)
		}
	}
	return m
}

// normal decodes the escapes that make no difference.
func normal(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b []byte
	for s != "" {
		var c uint16
		c, s = nextChar(s)
		if c < 0x100 {
			b = append(b, byte(c))
			continue
		}
		b = append(b, '%', "0123456789abcdef"[c>>4&15], "0123456789abcdef"[c&15])
	}
	return string(b)
}

// Unescape returns s with every percent escape decoded, once. Malformed ones
// stay as they are.
func Unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && scan.IsHex(s[i+1]) && scan.IsHex(s[i+2]) {
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Escape returns s with every character escaped but the unreserved ones of
// RFC 3261 section 25.1 and those in keep.
func Escape(s, keep string) string {
	const unreserved = "-_.!~*'()"
	plain := func(c byte) bool {
		return scan.IsAlpha(c) || scan.IsDigit(c) ||
			strings.IndexByte(unreserved, c) >= 0 || strings.IndexByte(keep, c) >= 0
	}
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := append(make([]byte, 0, len(s)+8), s[:i]...)
	for ; i < len(s); i++ {
		if plain(s[i]) {
			b = append(b, s[i])
			continue
		}
		b = append(b, '%', "0123456789ABCDEF"[s[i]>>4], "0123456789ABCDEF"[s[i]&15])
	}
	return string(b)
}

// EscapeUser returns s as it stands in the user part of a URI.
func EscapeUser(s string) string { return Escape(s, "&=+$,;?/") }
