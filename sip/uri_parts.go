package sip

import "github.com/gosofia/sofia/internal/scan"

// Header returns the value of a header of the headers part, its escapes decoded;
// ok is false if it is not there. Names compare without case.
func (u URI) Header(name string) (value string, ok bool) {
	for s := u.Headers; s != ""; {
		var h string
		h, s = cutBefore(s, '&')
		if s != "" {
			s = s[1:]
		}
		n, v := h, ""
		for i := range len(h) {
			if h[i] == '=' {
				n, v = h[:i], h[i+1:]
				break
			}
		}
		if scan.EqualFold(Unescape(n), name) {
			return Unescape(v), true
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
