package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The grammar of URIs, as the strict reading wants it.

// host = hostname / IPv4address / IPv6reference
func host(g gram, i int) int {
	if g.at(i, '[') {
		end := strings.IndexByte(g.s[i:], ']')
		if end < 0 || !validIPv6(g.s[i+1:i+end]) {
			return fail
		}
		return i + end + 1
	}
	end := i
	for end < len(g.s) && uriClass[g.s[end]]&inHost != 0 {
		end++
	}
	if end == i || !g.t.Has(msg.HostNames) && !isHostName(g.s[i:end]) && !isIPv4(g.s[i:end]) {
		return fail
	}
	return end
}

// isHostName reports whether s is a host name.
//
//	hostname    = *( domainlabel "." ) toplabel [ "." ]
//	domainlabel = alphanum / alphanum *( alphanum / "-" ) alphanum
//	toplabel    = ALPHA / ALPHA *( alphanum / "-" ) alphanum
func isHostName(s string) bool {
	last := byte('.') // the octet before
	top := false      // the label begins with a letter
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '.' || c == '-':
			if last == '.' || last == '-' && c == '.' {
				return false
			}
		case scan.IsAlpha(c):
			top = top || last == '.'
		case !scan.IsDigit(c):
			return false
		case last == '.':
			top = false
		}
		last = c
	}
	return top && last != '-'
}

// isIPv4 reports whether s is an IPv4 address.
//
//	IPv4address = 1*3DIGIT "." 1*3DIGIT "." 1*3DIGIT "." 1*3DIGIT
func isIPv4(s string) bool {
	for part := range 4 {
		end := scan.Digits(s, 0)
		if _, fits, ok := scan.Uint(s[:end], 255); !ok || !fits || end > 3 {
			return false
		}
		s = s[end:]
		if part == 3 {
			return s == ""
		}
		if s == "" || s[0] != '.' {
			return false
		}
		s = s[1:]
	}
	return false
}

// hostColonPort = host [ ":" port ]
func hostColonPort(g gram, i int) int {
	if i = host(g, i); i == fail || !g.at(i, ':') {
		return i
	}
	return digits(g, i+1)
}

// uri checks a whole URI.
//
//	addr-spec = SIP-URI / SIPS-URI / absoluteURI
func uri(s string, t msg.Tolerance) bool {
	var u URI
	if u.parse(s) != nil {
		return false
	}
	g := gram{s, t}
	switch {
	case u.IsSIP():
		return g.sipURI(&u)
	case u.Scheme == schemeTel:
		return g.telURI(&u)
	}
	return g.absoluteURI(u.Opaque)
}

func (g gram) sipURI(u *URI) bool {
	if !g.t.Has(msg.URICharacters) && strings.IndexByte(u.User, '#') >= 0 {
		return false
	}
	if strings.IndexByte(u.Host, ':') < 0 {
		h := gram{u.Host, g.t}
		if host(h, 0) != len(u.Host) {
			return false
		}
	}
	return g.uriParams(string(u.Params), true)
}

// uriParams checks URI parameters: none may stand twice (RFC 3261 section
// 19.1.1), and those of SIP must have the values that are theirs.
func (g gram) uriParams(s string, sip bool) bool {
	var seen map[string]struct{}
	var names [8]string
	for n := 0; s != ""; n++ {
		var name, value string
		name, value, s = cutParam(s)
		if !g.t.Has(msg.DoubledParameters) {
			key := strings.ToLower(Unescape(name))
			for _, other := range names[:min(n, len(names))] {
				if key == other {
					return false
				}
			}
			if n < len(names) {
				names[n] = key
			} else {
				if seen == nil {
					seen = map[string]struct{}{}
				}
				if _, ok := seen[key]; ok {
					return false
				}
				seen[key] = struct{}{}
			}
		}
		if !sip || value == "" || g.t.Has(msg.ParameterValues) {
			continue
		}
		v := gram{value, g.t}
		var r rule
		switch strings.ToLower(name) {
		case "transport", "user", "method":
			r = token
		case "ttl":
			r = ttl
		case "maddr":
			r = host
		default:
			continue
		}
		if r(v, 0) != len(value) {
			return false
		}
	}
	return true
}

// telURI checks RFC 3966 section 3.
//
//	global-number-digits = "+" *phonedigit DIGIT *phonedigit
//	local-number-digits  = *phonedigit-hex (HEXDIG / "*" / "#") *phonedigit-hex
func (g gram) telURI(u *URI) bool {
	number, global := strings.CutPrefix(u.Opaque, "+")
	digit := false
	for i := range len(number) {
		switch c := number[i]; {
		case scan.IsDigit(c):
			digit = true
		case strings.IndexByte("-.()", c) >= 0:
		case !global && (scan.IsHex(c) || c == '*' || c == '#'):
			digit = true
		default:
			return false
		}
	}
	context, ok := u.Param("phone-context")
	if !digit || !global && !ok && !g.t.Has(msg.MissingParameters) {
		return false // section 5.1.5: local numbers have a context
	}
	if rest, global := strings.CutPrefix(context, "+"); ok && !g.t.Has(msg.ParameterValues) &&
		!(global && phoneDigits(rest)) && !isHostName(context) {
		return false
	}
	if ext, ok := u.Param("ext"); ok && !phoneDigits(ext) && !g.t.Has(msg.ParameterValues) {
		return false
	}
	for s := string(u.Params); s != ""; { // pname = 1*( alphanum / "-" )
		var name string
		name, _, s = cutParam(s)
		for i := range len(name) {
			if c := name[i]; !scan.IsAlpha(c) && !scan.IsDigit(c) && c != '-' && !g.t.Has(msg.URICharacters) {
				return false
			}
		}
	}
	return g.uriParams(string(u.Params), false)
}

// phoneDigits reports whether s is a run of digits and visual separators with at
// least one digit.
func phoneDigits(s string) bool {
	digit := false
	for i := range len(s) {
		switch {
		case scan.IsDigit(s[i]):
			digit = true
		case strings.IndexByte("-.()", s[i]) < 0:
			return false
		}
	}
	return digit
}

// absoluteURI checks what follows the scheme.
//
//	absoluteURI = scheme ":" ( hier-part / opaque-part )
//	uric        = reserved / unreserved / escaped
func (g gram) absoluteURI(s string) bool {
	if g.t.Has(msg.URICharacters) {
		return true
	}
	authority := strings.HasPrefix(s, "//")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%':
			if i+2 >= len(s) || !scan.IsHex(s[i+1]) || !scan.IsHex(s[i+2]) {
				return false
			}
			i += 2
		case c == '/' && i > 1 || c == '?':
			authority = false
		case c == '[' || c == ']':
			if !authority {
				return false
			}
		case uriClass[c]&reserved == 0 && (uriClass[c]&inUser == 0 || c == '#'):
			return false
		}
	}
	return s != ""
}

// addrSpec reads a URI without brackets, which ends at white space, "," or ";"
// and holds no "?" (RFC 3261 section 20, RFC 8217).
func addrSpec(g gram, i int) int {
	end := i
	for end < len(g.s) && !scan.IsSpace(g.s[end]) && g.s[end] != ',' && g.s[end] != ';' {
		if g.s[end] == '?' {
			return fail
		}
		end++
	}
	if !uri(g.s[i:end], g.t) {
		return fail
	}
	return end
}

// brackets reads a URI between "<" and ">".
func brackets(g gram, i int) int {
	if !g.at(i, '<') {
		if g.t.Has(msg.MissingBrackets) {
			return addrSpec(g, i)
		}
		return fail
	}
	end := strings.IndexByte(g.s[i:], '>')
	if end < 0 || !uri(g.s[i+1:i+end], g.t) {
		return fail
	}
	return i + end + 1
}

// nameAddr = [ display-name ] LAQUOT addr-spec RAQUOT
//
//	display-name = *(token LWS) / quoted-string
func nameAddr(g gram, i int) int {
	switch {
	case g.at(i, '"'):
		if i = quoted(g, i); i == fail {
			return fail
		}
		i = g.sws(i)
	case g.t.Has(msg.DisplayNames):
		if n := strings.IndexByte(g.s[i:], '<'); n > 0 {
			i += n
		}
	default: // white space before "<" may be missing (RFC 4475 section 3.1.1.6)
		for end := i; ; end = g.sws(end) {
			next := token(g, end)
			if g.at(end, '<') {
				i = end
				break
			}
			if next == fail {
				break
			}
			end = next
		}
	}
	return brackets(g, i)
}

// address = name-addr / addr-spec
func address(g gram, i int) int {
	if end := nameAddr(g, i); end != fail {
		return end
	}
	return addrSpec(g, i)
}
