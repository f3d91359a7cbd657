package sip

import (
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// TTL returns the ttl parameter, 0 to 255; ok is false if there is no such number.
func (u URI) TTL() (ttl uint8, ok bool) {
	v, _ := u.Param("ttl")
	n, fits, ok := scan.Uint(v, 255)
	return uint8(n), ok && fits
}

// Method returns the method parameter, with which a URI says what request to
// make of it; "" if there is none (RFC 3261 section 19.1.1).
func (u URI) Method() string {
	v, _ := u.Param("method")
	return v
}

// IsPhone reports whether the user part is a telephone number: the user
// parameter says phone (RFC 3261 section 19.1.1), or u is a tel URI.
func (u URI) IsPhone() bool {
	v, _ := u.Param("user")
	return u.Scheme == schemeTel || scan.EqualFold(v, "phone")
}

// Comp returns the comp parameter in lower case, "" if there is none
// (RFC 3486 section 4).
func (u URI) Comp() string {
	v, _ := u.Param("comp")
	return lower(v)
}

// OB reports whether the ob parameter is there: the Contact asks for requests
// over the flow it came by (RFC 5626 section 5.4).
func (u URI) OB() bool {
	_, ok := u.Param("ob")
	return ok
}

// GR returns the gr parameter; ok tells that it is there: that u is a GRUU, with
// an empty value a temporary one (RFC 5627 section 5.3).
func (u URI) GR() (value string, ok bool) { return u.Param("gr") }

// Cause returns the cause parameter of a retargeted URI, such as 302
// (RFC 4458 section 2); ok is false if there is no such number.
func (u URI) Cause() (cause int, ok bool) {
	v, _ := u.Param("cause")
	n, fits, ok := scan.Uint(v, 999)
	return int(n), ok && fits
}

// Target returns the target parameter, its escapes decoded, "" if there is none
// (RFC 4458 section 2).
func (u URI) Target() string {
	v, _ := u.Param("target")
	return v
}

// Push returns the parameters with which a Contact asks to be woken up by a push
// service (RFC 8599 section 4): provider, PRID and param. They are "" if not there.
func (u URI) Push() (provider, prid, param string) {
	provider, _ = u.Param("pn-provider")
	prid, _ = u.Param("pn-prid")
	param, _ = u.Param("pn-param")
	return provider, prid, param
}

// AllParams yields the names and values of the URI parameters in order, their
// escapes decoded.
func (u URI) AllParams() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for s := string(u.Params); s != ""; {
			var n, v string
			n, v, s = cutParam(s)
			if !yield(Unescape(n), Unescape(v)) {
				return
			}
		}
	}
}

// AllHeaders yields the names and values of the headers part in order, their
// escapes decoded. The name "body" stands for the body.
func (u URI) AllHeaders() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { allHeaders(u.Headers, yield) }
}

func allHeaders(s string, yield func(string, string) bool) {
	for s != "" {
		var h string
		h, s = cutBefore(s, '&')
		s = strings.TrimPrefix(s, "&")
		name, value, _ := strings.Cut(h, "=")
		if !yield(Unescape(name), Unescape(value)) {
			return
		}
	}
}

// Header returns the value of a header of the headers part, its escapes decoded;
// ok is false if it is not there. Names compare without case.
func (u URI) Header(name string) (value string, ok bool) {
	for n, v := range u.AllHeaders() {
		if scan.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// WithHeader returns u with one more header in its headers part, escaped. The
// name "body" stands for the body (RFC 3261 section 19.1.1).
func (u URI) WithHeader(name, value string) URI {
	h := Escape(name, "[]/?:+$") + "=" + Escape(value, "[]/?:+$")
	if u.Headers != "" {
		h = u.Headers + "&" + h
	}
	u.Headers = h
	return u
}

// WithHeadersOf returns u with the named headers of a message in its headers
// part, each field as it stands there. It is the way back from
// [RequestFrom]; use WithHeader("body", …) for the body.
func (u URI) WithHeadersOf(m msg.Source, names ...string) URI {
	for _, name := range names {
		for v := range m.Msg().Values(name) {
			u = u.WithHeader(name, v)
		}
	}
	return u
}

// RequestFrom makes the request that a URI with a method and headers asks for
// (RFC 3261 section 19.1.5): method is that of the method parameter, INVITE if
// there is none, the Request-URI is u without that parameter and without headers,
// and the headers are those that u may set, see [URI.HeaderSetters], and To. set is
// applied after them and has the last word.
func RequestFrom(u URI, set ...msg.Setter) (Request, error) {
	method := u.Method()
	if method == "" {
		method = MethodInvite
	}
	headers := u.HeaderSetters()
	if text, ok := u.Header("To"); ok { // section 19.1.4 has it in a REGISTER
		if to, err := ParseNameAddr(text); err == nil && to.Tag() == "" {
			headers = append(headers, To.Set(to))
		}
	}
	u = u.WithoutParam("method")
	u.Headers = ""
	return NewRequest(method, u, append(headers, set...)...)
}

// AOR returns the address-of-record that u means as a SIP URI: without password,
// parameters and headers, the host in lower case, and no more escapes than it
// needs (RFC 3261 section 10.3). It is the key of a location service: AORs of
// equivalent addresses are equal as strings. Other URIs are returned without
// parameters.
func (u URI) AOR() URI {
	u.Params, u.Headers, u.Password, u.colon = "", "", "", false
	if u.IsSIP() {
		u.User = EscapeUser(Unescape(u.User))
		u.Host = lower(u.Host)
	}
	return u
}

// Like is a looser comparison than [URI.Equal], for finding out whether two URIs
// mean the same resource: user and host must be equal, and the port, where none
// is the default one of the scheme. Parameters, headers and passwords are not
// looked at. Telephone numbers, as user part or in tel URIs, are compared digit
// by digit.
func (u URI) Like(v URI) bool {
	if !scan.EqualFold(u.Scheme, v.Scheme) {
		return false
	}
	switch {
	case u.Scheme == schemeTel:
		a, _ := u.Param("phone-context")
		b, _ := v.Param("phone-context")
		return sameNumber(u.Opaque, v.Opaque) && sameNumber(a, b)
	case !u.IsSIP():
		return sameOther(u, v)
	}
	if !sameHost(u.Host, v.Host) || u.portOr() != v.portOr() {
		return false
	}
	if u.IsPhone() && v.IsPhone() {
		a, _, _ := strings.Cut(Unescape(u.User), ";")
		b, _, _ := strings.Cut(Unescape(v.User), ";")
		return sameNumber(a, b)
	}
	return sameEscaped(u.User, v.User, false)
}

func (u URI) portOr() uint16 {
	switch {
	case u.Port != 0:
		return u.Port
	case u.IsSIPS() || u.Transport() == "tls":
		return 5061
	}
	return 5060
}
