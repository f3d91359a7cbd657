package sip

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Conditions of URIs and addresses, for errors.Is.
var (
	// ErrURI means that a URI breaks its grammar (RFC 3261 section 25.1).
	ErrURI = errors.New("malformed URI")
	// ErrHost means that the host of a URI or Via is no host name, IPv4 address
	// or IPv6 address in brackets.
	ErrHost = errors.New("malformed host; write a name, an IPv4 address or an IPv6 address in brackets")
	// ErrPort means that a port is not within 1 to 65535.
	ErrPort = errors.New("port is not within 1 to 65535")
	// ErrBrackets means that a URI with a comma, a question mark or a semicolon
	// stands in a header without "<" and ">" (RFC 3261 section 20).
	ErrBrackets = errors.New("malformed address; write the URI between < and >, and the name before it in quotes")
)

// URI is a SIP, SIPS or tel URI (RFC 3261 section 19.1, RFC 3966), or one of
// another scheme kept as text. Its parts are as written: percent escapes are
// decoded by the methods that say so. The zero value is no URI. URIs compare
// with [URI.Equal], not with ==.
type URI struct {
	Scheme   string     // lower case: "sip", "sips", "tel"; other schemes as written
	User     string     // user part of sip and sips, escaped
	Password string     // escaped; RFC 3261 advises against it
	Host     string     // name or address; an IPv6 address without brackets
	Port     uint16     // 0 if there is none
	Params   msg.Params // ";transport=tcp;lr"; read them with Param, which decodes escapes
	Headers  string     // what follows "?", as written
	Opaque   string     // number of a tel URI; all after the colon of other schemes

	colon bool // the password is there, but empty: "sip:a:@h"
}

const (
	schemeSIP  = "sip"
	schemeSIPS = "sips"
	schemeTel  = "tel"
	anyURI     = "*"
)

// Classes of characters that stand unescaped in the parts of a URI.
const (
	inUser = 1 << iota
	inPassword
	inParam
	inHeader
	inHost
	inTel
	reserved // RFC 2396 section 2.2: an escape of these is not the same as the character
)

var uriClass = func() (t [256]uint8) {
	set := func(chars string, bits uint8) {
		for i := range len(chars) {
			t[chars[i]] |= bits
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	set(alnum, inUser|inPassword|inParam|inHeader|inHost)
	set("-_.!~*'()", inUser|inPassword|inParam|inHeader) // unreserved
	set("&=+$,;?/", inUser)
	set("#", inUser) // not in the grammar, but dialled every day
	set("&=+$,", inPassword)
	set("[]/:&+$", inParam)
	set("[]/?:+$", inHeader)
	set("-._", inHost) // "_" is not in the grammar, but in many names
	set("0123456789ABCDEFabcdef*#-.()+", inTel)
	set(";/?:@&=+$,", reserved)
	return t
}()

// uriSpan returns the end of the run at i of characters of a class and of
// escapes; ok is false if an escape is malformed.
func uriSpan(s string, i int, class uint8) (end int, ok bool) {
	if i += uriRun(s[i:], class); i < len(s) && s[i] == '%' {
		return uriEscapes(s, i, class)
	}
	return i, true
}

// uriRun returns how many octets of a class s begins with.
func uriRun(s string, class uint8) int {
	i := 0
	for i < len(s)-3 { // the same loop unrolled
		if uriClass[s[i]]&class == 0 {
			return i
		}
		if uriClass[s[i+1]]&class == 0 {
			return i + 1
		}
		if uriClass[s[i+2]]&class == 0 {
			return i + 2
		}
		if uriClass[s[i+3]]&class == 0 {
			return i + 3
		}
		i += 4
	}
	for i < len(s) && uriClass[s[i]]&class != 0 {
		i++
	}
	return i
}

// uriEscapes is uriSpan from the first escape on.
func uriEscapes(s string, i int, class uint8) (end int, ok bool) {
	for i < len(s) {
		switch {
		case uriClass[s[i]]&class != 0:
			i++
		case s[i] == '%':
			if i+2 >= len(s) || !scan.IsHex(s[i+1]) || !scan.IsHex(s[i+2]) {
				return i, false
			}
			i += 3
		default:
			return i, true
		}
	}
	return i, true
}

func all(s string, class uint8) bool {
	end, ok := uriSpan(s, 0, class)
	return ok && end == len(s)
}

// ParseURI reads a URI, which must be all of s. Schemes other than sip, sips
// and tel are kept in Opaque, and so is "*", which stands for any URI and has no
// scheme; no address and no request line may have it. The error wraps ErrURI, ErrHost or ErrPort.
func ParseURI(s string) (URI, error) {
	var u URI
	if s == anyURI {
		return URI{Opaque: s}, nil
	}
	if err := u.parse(s); err != nil {
		return URI{}, fmt.Errorf("sip: URI %q: %w", s, err)
	}
	return u, nil
}

// MustParseURI is ParseURI for URIs that are known to be right, such as
// constants of a program. It panics on others.
func MustParseURI(s string) URI {
	u, err := ParseURI(s)
	if err != nil {
		panic(err)
	}
	return u
}

// plain reads what follows "sip:", which is at i, as long as there is nothing
// unusual in it: no escape, password or headers. It returns where it ends, or not
// ok, and then u must be cleared and read by parse. What stands behind the end is
// for the caller to judge; it is no part of a URI. If it is "@", what was read is
// not the host.
func (u *URI) plain(s string, i int) (end int, ok bool) {
	end = i + uriRun(s[i:], inHost)
	if end < len(s) && s[end] != ':' && s[end] != ';' && s[end] != '>' { // so far it was the user
		end += uriRun(s[end:], inUser)
		if end == i || end == len(s) || s[end] != '@' {
			return 0, false
		}
		u.User = s[i:end]
		i = end + 1
		end = i + uriRun(s[i:], inHost)
	}
	if end == i {
		return 0, false
	}
	u.Host = s[i:end]
	if end < len(s) && s[end] == ':' {
		n := uint(0)
		lo := end + 1
		for end = lo; end < len(s) && end < lo+5; end++ {
			d := uint(s[end]) - '0'
			if d > 9 {
				break
			}
			n = n*10 + d
		}
		if n == 0 || n > 1<<16-1 {
			return 0, false
		}
		u.Port = uint16(n)
	}
	if end < len(s) && s[end] == ';' {
		lo := end
		if end, ok = uriParams(s, lo); !ok {
			return 0, false
		}
		u.Params = msg.Params(s[lo:end])
	}
	return end, true
}

// isSIP reports whether s begins with "sip:".
func isSIP(s string) bool {
	return len(s) > 4 && s[3] == ':' && s[0]|0x20 == 's' && s[1]|0x20 == 'i' && s[2]|0x20 == 'p'
}

// parse fills u, which must be zero, without making an error text. After an
// error u is of no use.
//
//	SIP-URI = "sip:" [ userinfo ] hostport uri-parameters [ headers ]
func (u *URI) parse(s string) error {
	var rest string
	if isSIP(s) {
		rest = s[4:]
		if end, ok := u.plain(s, 4); ok && end == len(s) {
			u.Scheme = schemeSIP
			return nil
		}
		*u = URI{Scheme: schemeSIP}
	} else {
		colon := 0
		for colon < len(s) && (scan.IsAlpha(s[colon]) || colon > 0 && (scan.IsDigit(s[colon]) ||
			s[colon] == '+' || s[colon] == '-' || s[colon] == '.')) {
			colon++
		}
		if colon == 0 || colon+1 >= len(s) || s[colon] != ':' {
			return ErrURI
		}
		rest = s[colon+1:]
		switch {
		case scan.EqualFold(s[:colon], schemeSIPS):
			u.Scheme = schemeSIPS
		case scan.EqualFold(s[:colon], schemeTel):
			return u.parseTel(rest)
		default:
			u.Scheme, u.Opaque = s[:colon], rest
			if !opaque(rest) {
				return ErrURI
			}
			return nil
		}
	}
	return u.parseSIP(rest)
}

// parseSIP reads what follows the colon of a SIP or SIPS URI.
func (u *URI) parseSIP(rest string) error {
	// An "@" stands unescaped nowhere but behind the userinfo.
	if at := strings.IndexByte(rest, '@'); at >= 0 {
		info := rest[:at]
		rest = rest[at+1:]
		i, ok := uriSpan(info, 0, inUser)
		if i < at {
			if !ok || info[i] != ':' || !all(info[i+1:], inPassword) {
				return ErrURI
			}
			u.Password = info[i+1:]
			u.colon = i+1 == at
		}
		if i == 0 {
			return ErrURI
		}
		u.User = info[:i]
	}
	lo, hi, port, i, err := hostPort(rest, 0, false)
	if err != nil {
		return err
	}
	u.Host, u.Port = rest[lo:hi], port
	if i < len(rest) && rest[i] == ';' {
		end, ok := uriParams(rest, i)
		if !ok {
			return ErrURI
		}
		u.Params, i = msg.Params(rest[i:end]), end
	}
	if i < len(rest) {
		if rest[i] != '?' || !validHeaders(rest[i+1:]) {
			return ErrURI
		}
		u.Headers = rest[i+1:]
	}
	return nil
}

// parseTel reads what follows "tel:" (RFC 3966 section 3).
func (u *URI) parseTel(s string) error {
	number, params := s, ""
	if i := strings.IndexByte(s, ';'); i >= 0 {
		number, params = s[:i], s[i:]
	}
	u.Scheme, u.Opaque, u.Params = schemeTel, number, msg.Params(params)
	if !validTel(number) || !validParams(params) {
		return ErrURI
	}
	return nil
}

func validTel(s string) bool {
	for i := range len(s) {
		if uriClass[s[i]]&inTel == 0 || s[i] == '+' && i > 0 {
			return false
		}
	}
	return s != "" && s != "+"
}

func opaque(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == '"' || c == '<' || c == '>' || c >= 0x7f {
			return false
		}
	}
	return s != ""
}

// validParams reports whether s is a run of ";name" and ";name=value".
func validParams(s string) bool {
	end, ok := uriParams(s, 0)
	return ok && end == len(s)
}

// uriParams returns the end of the parameters at i.
//
//	uri-parameters = *( ";" pname [ "=" pvalue ] )
func uriParams(s string, i int) (end int, ok bool) {
	for i < len(s) && s[i] == ';' {
		lo := i + 1
		i = lo + uriRun(s[lo:], inParam)
		if i < len(s) && s[i] == '%' {
			if i, ok = uriEscapes(s, i, inParam); !ok {
				return i, false
			}
		}
		if i == lo {
			return i, false
		}
		if i == len(s) || s[i] != '=' {
			continue
		}
		lo = i + 1
		i = lo + uriRun(s[lo:], inParam)
		if i < len(s) && s[i] == '%' {
			if i, ok = uriEscapes(s, i, inParam); !ok {
				return i, false
			}
		}
		if i == lo {
			return i, false
		}
	}
	return i, true
}

// validHeaders checks what follows the "?".
//
//	headers = "?" header *( "&" header );  header = hname "=" hvalue
func validHeaders(s string) bool {
	for i := 0; ; i++ {
		end, ok := uriSpan(s, i, inHeader)
		if !ok || end == i || end == len(s) || s[end] != '=' {
			return false
		}
		if i, ok = uriSpan(s, end+1, inHeader); !ok {
			return false
		}
		if i == len(s) {
			return true
		}
		if s[i] != '&' {
			return false
		}
	}
}

// hostPort reads the host at i, which stands from lo to hi, with an optional
// port. White space around the colon is taken only where the grammar has it, in
// the sent-by of Via.
//
//	hostport = host [ ":" port ]
func hostPort(s string, i int, space bool) (lo, hi int, port uint16, end int, err error) {
	lo = i
	if i < len(s) && s[i] == '[' { // IPv6reference
		n := strings.IndexByte(s[i:], ']')
		if n < 0 {
			return 0, 0, 0, 0, ErrHost
		}
		lo, hi = i+1, i+n
		if i = hi + 1; !validIPv6(s[lo:hi]) {
			return 0, 0, 0, 0, ErrHost
		}
	} else {
		i += uriRun(s[i:], inHost)
		if hi = i; hi == lo {
			return 0, 0, 0, 0, ErrHost
		}
	}
	j := i
	if space {
		j = scan.Space(s, i)
	}
	if j == len(s) || s[j] != ':' {
		return lo, hi, 0, i, nil
	}
	j++
	if space {
		j = scan.Space(s, j)
	}
	n := uint(0)
	for end = j; end < len(s); end++ {
		d := uint(s[end]) - '0'
		if d > 9 {
			break
		}
		n = min(n*10+d, 1<<16) // zeros in front may go on
	}
	if end == j || n == 0 || n > 1<<16-1 {
		return 0, 0, 0, 0, ErrPort
	}
	return lo, hi, uint16(n), end, nil
}

func validIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

func validHost(s string) bool {
	if strings.IndexByte(s, ':') >= 0 {
		return validIPv6(s)
	}
	for i := range len(s) {
		if uriClass[s[i]]&inHost == 0 {
			return false
		}
	}
	return s != ""
}
