package sip

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/msg"
)

// IsZero reports whether u is the zero value.
func (u URI) IsZero() bool { return u == URI{} }

// IsSIP reports whether u is a SIP or SIPS URI: one whose host has a meaning.
func (u URI) IsSIP() bool { return u.Scheme == schemeSIP || u.Scheme == schemeSIPS }

// IsSIPS reports whether u is a SIPS URI.
func (u URI) IsSIPS() bool { return u.Scheme == schemeSIPS }

// UserInfo returns user and password with their escapes decoded, each once.
// The result may hold any octet, NUL included.
func (u URI) UserInfo() (user, password string) {
	return Unescape(u.User), Unescape(u.Password)
}

// Param returns the value of a URI parameter with its escapes decoded; the
// value of one without "=" is "". Names compare without case.
func (u URI) Param(name string) (value string, ok bool) {
	for s := string(u.Params); s != ""; {
		var n, v string
		n, v, s = cutParam(s)
		if sameEscaped(n, name, true) {
			return Unescape(v), true
		}
	}
	return "", false
}

// cutParam takes the first of ";a=b;c" off s.
func cutParam(s string) (name, value, rest string) {
	s = strings.TrimPrefix(s, ";")
	s, rest = cutBefore(s, ';')
	name, value = s, ""
	if i := strings.IndexByte(s, '='); i >= 0 {
		name, value = s[:i], s[i+1:]
	}
	return name, value, rest
}

func cutBefore(s string, c byte) (before, rest string) {
	if i := strings.IndexByte(s, c); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// WithParam returns u with the parameter set to value, escaped as needed; ""
// gives a parameter without "=".
func (u URI) WithParam(name, value string) URI {
	u = u.WithoutParam(name)
	p := string(u.Params) + ";" + Escape(name, "[]/:&+$")
	if value != "" {
		p += "=" + Escape(value, "[]/:&+$")
	}
	u.Params = msg.Params(p)
	return u
}

// WithoutParam returns u without the parameter.
func (u URI) WithoutParam(name string) URI {
	kept := make([]byte, 0, len(u.Params))
	for s := string(u.Params); s != ""; {
		whole := s
		var n string
		n, _, s = cutParam(s)
		if !sameEscaped(n, name, true) {
			kept = append(kept, whole[:len(whole)-len(s)]...)
		}
	}
	u.Params = msg.Params(kept)
	return u
}

// Transport returns the transport parameter in lower case, "" if there is none.
func (u URI) Transport() string {
	v, _ := u.Param("transport")
	return strings.ToLower(v)
}

// Maddr returns the maddr parameter, an IPv6 address without its brackets; ""
// if there is none.
func (u URI) Maddr() string {
	v, _ := u.Param("maddr")
	return unbracket(v)
}

// Loose reports whether the lr parameter is there (RFC 3261 section 16.12).
func (u URI) Loose() bool {
	_, ok := u.Param("lr")
	return ok
}

// HostPort returns host and port as they stand in a URI or Via: "[2001:db8::1]:5070".
func (u URI) HostPort() string { return string(appendHostPort(nil, u.Host, u.Port)) }

func unbracket(s string) string {
	if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
		return s[1 : len(s)-1]
	}
	return s
}

func appendHostPort(dst []byte, host string, port uint16) []byte {
	if strings.IndexByte(host, ':') >= 0 {
		dst = append(append(append(dst, '['), host...), ']')
	} else {
		dst = append(dst, host...)
	}
	if port != 0 {
		dst = strconv.AppendUint(append(dst, ':'), uint64(port), 10)
	}
	return dst
}

// AppendText appends u as it stands in a message. It fails with an error that
// wraps msg.ErrValue if a part holds what cannot stand there unescaped, so that
// nothing read back differs from u.
func (u URI) AppendText(dst []byte) ([]byte, error) {
	if u == (URI{Opaque: anyURI}) {
		return u.append(dst), nil
	}
	return u.appendValid(dst)
}

// appendValid is AppendText for where "*" may not stand.
func (u URI) appendValid(dst []byte) ([]byte, error) {
	if !u.valid() {
		return dst, fmt.Errorf("sip: URI of scheme %q, host %q: %w", u.Scheme, u.Host, msg.ErrValue)
	}
	return u.append(dst), nil
}

// MarshalText implements [encoding.TextMarshaler].
func (u URI) MarshalText() ([]byte, error) { return u.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (u *URI) UnmarshalText(text []byte) (err error) {
	*u, err = ParseURI(string(text))
	return err
}

// String returns u as text, unchecked.
func (u URI) String() string { return string(u.append(nil)) }

func (u URI) append(dst []byte) []byte {
	if u == (URI{Opaque: anyURI}) {
		return append(dst, u.Opaque...)
	}
	dst = append(append(dst, u.Scheme...), ':')
	if !u.IsSIP() {
		return append(append(dst, u.Opaque...), u.Params...)
	}
	if u.User != "" {
		dst = append(dst, u.User...)
		if u.hasPassword() {
			dst = append(append(dst, ':'), u.Password...)
		}
		dst = append(dst, '@')
	}
	dst = append(appendHostPort(dst, u.Host, u.Port), u.Params...)
	if u.Headers != "" {
		dst = append(append(dst, '?'), u.Headers...)
	}
	return dst
}

// hasPassword tells an empty password from none: they differ (RFC 3261 section
// 19.1.4).
func (u URI) hasPassword() bool { return u.Password != "" || u.colon }

func (u URI) valid() bool {
	switch {
	case u.IsSIP():
		return u.Opaque == "" && (u.User != "" || u.Password == "") &&
			all(u.User, inUser) && all(u.Password, inPassword) && validHost(u.Host) &&
			validParams(string(u.Params)) && (u.Headers == "" || validHeaders(u.Headers))
	case u.User != "" || u.Password != "" || u.Host != "" || u.Port != 0 || u.Headers != "":
		return false
	case u.Scheme == schemeTel:
		return validTel(u.Opaque) && validParams(string(u.Params))
	}
	var v URI
	return v.parse(u.Scheme+":"+u.Opaque) == nil && v == u
}
