package http

import (
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// after returns what follows a value that ends at i: nothing, or a comma.
func after(s string, i int) (rest string, err error) {
	i = scan.Space(s, i)
	if i < len(s) && s[i] != ',' {
		return "", msg.ErrSyntax
	}
	return s[i:], nil
}

// LengthCodec reads and writes Content-Length: a number of 63 bits.
type LengthCodec struct{}

// Parse implements [msg.Codec].
func (LengthCodec) Parse(s string) (uint64, string, error) {
	n, fits, ok := scan.Uint(s, 1<<63-1)
	switch {
	case !ok:
		return 0, "", msg.ErrSyntax
	case !fits:
		return 0, "", msg.ErrRange
	}
	return n, "", nil
}

// Append implements [msg.Codec].
func (LengthCodec) Append(dst []byte, v uint64) ([]byte, error) {
	if v > 1<<63-1 {
		return dst, msg.ErrValue
	}
	return strconv.AppendUint(dst, v, 10), nil
}

// HostPort is the value of Host (RFC 9110 section 7.2), and the target of CONNECT.
type HostPort struct {
	Host string // a name or an address as written, an IPv6 one without brackets; may be empty
	Port uint16 // 0 if there is none
}

// String returns h as it stands in a header.
func (h HostPort) String() string {
	b, _ := HostCodec{}.Append(nil, h)
	return string(b)
}

// HostCodec reads and writes a [HostPort].
//
//	Host = uri-host [ ":" port ]
type HostCodec struct{}

// Parse implements [msg.Codec].
func (HostCodec) Parse(s string) (HostPort, string, error) {
	var h HostPort
	i := 0
	if s != "" && s[0] == '[' { // IP-literal, RFC 3986 section 3.2.2
		if i = strings.IndexByte(s, ']'); i < 0 || !literal(s[1:i]) {
			return HostPort{}, "", msg.ErrSyntax
		}
		h.Host, i = s[1:i], i+1
	} else {
		for i < len(s) && hostChar(s[i]) {
			i++
		}
		h.Host = s[:i]
	}
	if i < len(s) && s[i] == ':' {
		end := scan.Digits(s, i+1)
		n, fits, ok := scan.Uint(s[i+1:end], 65535)
		if end > i+1 && (!ok || !fits) { // "host:" has no port
			return HostPort{}, "", msg.ErrRange
		}
		h.Port, i = uint16(n), end
	}
	if i != len(s) {
		return HostPort{}, "", msg.ErrSyntax
	}
	return h, "", nil
}

// Append implements [msg.Codec].
func (HostCodec) Append(dst []byte, v HostPort) ([]byte, error) {
	if strings.IndexByte(v.Host, ':') >= 0 {
		if !literal(v.Host) {
			return dst, msg.ErrValue
		}
		dst = append(append(append(dst, '['), v.Host...), ']')
	} else {
		for i := range len(v.Host) {
			if !hostChar(v.Host[i]) {
				return dst, msg.ErrValue
			}
		}
		dst = append(dst, v.Host...)
	}
	if v.Port != 0 {
		dst = strconv.AppendUint(append(dst, ':'), uint64(v.Port), 10)
	}
	return dst, nil
}

// hostChar reports whether c may stand in reg-name (RFC 3986 section 3.2.2).
func hostChar(c byte) bool {
	return scan.IsAlpha(c) || scan.IsDigit(c) || strings.IndexByte("-._~%!$&'()*+,;=", c) >= 0 && c != ','
}

func literal(s string) bool {
	for i := range len(s) {
		if !scan.IsHex(s[i]) && !scan.IsAlpha(s[i]) && strings.IndexByte(":.-_~%", s[i]) < 0 {
			return false
		}
	}
	return strings.IndexByte(s, ':') >= 0
}

// Directive is a value of Cache-Control, Pragma or Keep-Alive: a name, maybe
// with a value.
type Directive struct {
	Name  string // compares without case
	Value string // without quotes; "" if there is none
}

// Is reports whether d has the given name.
func (d Directive) Is(name string) bool { return scan.EqualFold(d.Name, name) }

// Seconds returns the value as a number of seconds, such as that of max-age. A
// larger number than fits counts as the largest (RFC 9111 section 1.2.2).
func (d Directive) Seconds() (n uint32, ok bool) {
	v, _, ok := scan.Uint(d.Value, 1<<31-1)
	return uint32(v), ok
}

// DirectiveCodec reads and writes a [Directive].
//
//	cache-directive = token [ "=" ( token / quoted-string ) ]
type DirectiveCodec struct{}

// Parse implements [msg.Codec].
func (DirectiveCodec) Parse(s string) (Directive, string, error) {
	i := scan.Token(s, 0)
	if i == 0 {
		return Directive{}, "", msg.ErrSyntax
	}
	d := Directive{Name: s[:i]}
	if i < len(s) && s[i] == '=' {
		lo := i + 1
		if lo < len(s) && s[lo] == '"' {
			end, ok := scan.Quoted(s, lo)
			if !ok {
				return Directive{}, "", msg.ErrSyntax
			}
			i = end
		} else if i = scan.Value(s, lo); i == lo {
			return Directive{}, "", msg.ErrSyntax
		}
		d.Value = scan.Unquote(s[lo:i])
	}
	rest, err := after(s, i)
	if err != nil {
		return Directive{}, "", err
	}
	return d, rest, nil
}

// Append implements [msg.Codec].
func (DirectiveCodec) Append(dst []byte, v Directive) ([]byte, error) {
	if !scan.IsToken(v.Name) || scan.HasControl(v.Value) {
		return dst, msg.ErrValue
	}
	dst = append(dst, v.Name...)
	switch {
	case v.Value == "":
		return dst, nil
	case scan.IsToken(v.Value):
		return append(append(dst, '='), v.Value...), nil
	}
	return scan.AppendQuoted(append(dst, '='), v.Value), nil
}

// Protocol is a value of Upgrade (RFC 9110 section 7.8).
type Protocol struct {
	Name    string // compares without case
	Version string // "" if there is none
}

// ProtocolCodec reads and writes a [Protocol].
//
//	protocol = protocol-name [ "/" protocol-version ]
type ProtocolCodec struct{}

// Parse implements [msg.Codec].
func (ProtocolCodec) Parse(s string) (Protocol, string, error) {
	i := scan.Token(s, 0)
	p := Protocol{Name: s[:i]}
	if i < len(s) && s[i] == '/' {
		end := scan.Token(s, i+1)
		if p.Version = s[i+1 : end]; p.Version == "" {
			return Protocol{}, "", msg.ErrSyntax
		}
		i = end
	}
	rest, err := after(s, i)
	if err != nil || p.Name == "" {
		return Protocol{}, "", msg.ErrSyntax
	}
	return p, rest, nil
}

// Append implements [msg.Codec].
func (ProtocolCodec) Append(dst []byte, v Protocol) ([]byte, error) {
	if !scan.IsToken(v.Name) || v.Version != "" && !scan.IsToken(v.Version) {
		return dst, msg.ErrValue
	}
	if dst = append(dst, v.Name...); v.Version != "" {
		dst = append(append(dst, '/'), v.Version...)
	}
	return dst, nil
}

// ViaValue is a value of Via (RFC 9110 section 7.6.3).
type ViaValue struct {
	Protocol string // "1.1", or with its name "HTTP/1.1"
	By       string // host, maybe with port, or a pseudonym
	Comment  string // without its parentheses, as written; "" if there is none
}

// ViaCodec reads and writes a [ViaValue].
//
//	Via = received-protocol RWS received-by [ RWS comment ]
type ViaCodec struct{}

// Parse implements [msg.Codec].
func (ViaCodec) Parse(s string) (ViaValue, string, error) {
	p, j, ok := protocolEnd(s)
	lo := scan.Space(s, j)
	hi := scan.Value(s, lo)
	if !ok || lo == j || hi == lo {
		return ViaValue{}, "", msg.ErrSyntax
	}
	v := ViaValue{Protocol: p, By: s[lo:hi]}
	if i := scan.Space(s, hi); i > hi && i < len(s) && s[i] == '(' {
		end := comment(s, i)
		if end < 0 {
			return ViaValue{}, "", msg.ErrSyntax
		}
		v.Comment, hi = s[i+1:end-1], end
	}
	rest, err := after(s, hi)
	if err != nil {
		return ViaValue{}, "", err
	}
	return v, rest, nil
}

// protocolEnd reads received-protocol = [ protocol-name "/" ] protocol-version.
func protocolEnd(s string) (p string, i int, ok bool) {
	if i = scan.Token(s, 0); i > 0 && i < len(s) && s[i] == '/' {
		end := scan.Token(s, i+1)
		return s[:end], end, end > i+1
	}
	return s[:i], i, i > 0
}

// comment returns the end of the comment at i, -1 if it does not end. Nesting
// is counted, not recursed into.
func comment(s string, i int) int {
	depth := 0
	for ; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// Append implements [msg.Codec].
func (ViaCodec) Append(dst []byte, v ViaValue) ([]byte, error) {
	if _, end, ok := protocolEnd(v.Protocol); !ok || end != len(v.Protocol) || !scan.IsValue(v.By) {
		return dst, msg.ErrValue
	}
	dst = append(append(append(dst, v.Protocol...), ' '), v.By...)
	if v.Comment != "" {
		in := "(" + v.Comment + ")"
		if comment(in, 0) != len(in) || scan.HasControl(in) {
			return dst, msg.ErrValue
		}
		dst = append(append(dst, ' '), in...)
	}
	return dst, nil
}
