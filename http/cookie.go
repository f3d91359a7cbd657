package http

import (
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Cookies are the value of Cookie as it stands in the header: "a=b; c=d" (RFC
// 6265 section 4.2). Names compare with case.
type Cookies string

// Get returns the value of the first cookie of that name.
func (c Cookies) Get(name string) (value string, ok bool) {
	for n, v := range c.All() {
		if n == name {
			return v, true
		}
	}
	return "", false
}

// All yields names and values in order. Quotes belong to the value.
func (c Cookies) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { pairs(string(c), yield) }
}

// With returns c with one more cookie.
func (c Cookies) With(name, value string) Cookies {
	if c != "" {
		c += "; "
	}
	return c + Cookies(name+"="+value)
}

// pairs goes over name-value pairs that semicolons part. A pair without "=" has
// the value "".
func pairs(s string, yield func(string, string) bool) {
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		if name = scan.Trim(name); name != "" && !yield(name, scan.Trim(value)) {
			return
		}
	}
}

// CookiesCodec reads and writes [Cookies].
//
//	cookie-string = cookie-pair *( ";" SP cookie-pair )
type CookiesCodec struct{}

// Parse implements [msg.Codec]. It takes what servers take: any text.
func (CookiesCodec) Parse(s string) (Cookies, string, error) { return Cookies(s), "", nil }

// Append implements [msg.Codec].
func (CookiesCodec) Append(dst []byte, v Cookies) ([]byte, error) {
	for part := range strings.SplitSeq(string(v), ";") {
		name, value, ok := strings.Cut(strings.TrimPrefix(part, " "), "=")
		if !ok || !scan.IsToken(name) || !cookieValue(value) {
			return dst, msg.ErrValue
		}
	}
	return append(dst, v...), nil
}

// cookieValue = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
//
//	cookie-octet = %x21 / %x23-2B / %x2D-3A / %x3C-5B / %x5D-7E
func cookieValue(s string) bool {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == ',' || c == ';' || c == '\\' {
			return false
		}
	}
	return true
}

// CookieValue is the value of Set-Cookie (RFC 6265 section 4.1).
type CookieValue struct {
	Name       string     // compares with case
	Value      string     // with its quotes, if it has some
	Attributes Attributes // what follows
}

// Attributes are the attributes of a Set-Cookie as they stand in it, each with
// its semicolon: "; Path=/; Secure". Names compare without case; if one stands
// twice, the last one counts (RFC 6265 section 5.3).
type Attributes string

// Get returns the value of an attribute; one without "=" has the value "".
func (a Attributes) Get(name string) (value string, ok bool) {
	for n, v := range a.All() {
		if scan.EqualFold(n, name) {
			value, ok = v, true
		}
	}
	return value, ok
}

// All yields names and values in order.
func (a Attributes) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { pairs(string(a), yield) }
}

// With returns a with one more attribute; "" gives one without "=".
func (a Attributes) With(name, value string) Attributes {
	if value != "" {
		name += "=" + value
	}
	return a + "; " + Attributes(name)
}

// CookieCodec reads and writes a [CookieValue]. Commas do not part values: each
// Set-Cookie stands in a field of its own.
//
//	set-cookie-string = cookie-pair *( ";" SP cookie-av )
type CookieCodec struct{}

// Parse implements [msg.Codec], as RFC 6265 section 5.2 has user agents read it.
func (CookieCodec) Parse(s string) (CookieValue, string, error) {
	pair, _, _ := strings.Cut(s, ";")
	name, value, ok := strings.Cut(pair, "=")
	if name = scan.Trim(name); !ok || name == "" {
		return CookieValue{}, "", msg.ErrSyntax
	}
	return CookieValue{Name: name, Value: scan.Trim(value), Attributes: Attributes(s[len(pair):])}, "", nil
}

// Append implements [msg.Codec].
func (CookieCodec) Append(dst []byte, v CookieValue) ([]byte, error) {
	a := string(v.Attributes)
	if !scan.IsToken(v.Name) || !cookieValue(v.Value) || scan.HasControl(a) || a != scan.Trim(a) || a != "" && a[0] != ';' {
		return dst, msg.ErrValue
	}
	dst = append(append(dst, v.Name...), '=')
	return append(append(dst, v.Value...), a...), nil
}
