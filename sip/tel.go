package sip

import (
	"slices"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// TelToSIP returns the SIP URI of a telephone number at a host: the number with
// all its parameters becomes the user part, with user=phone (RFC 3261 section
// 19.1.6). So that equivalent numbers give equal URIs, letters become lower case
// and parameters are put in order: isub, ext, postd and phone-context first, then
// the others by name. The error wraps ErrURI if tel is no tel URI, or ErrHost.
func TelToSIP(tel URI, host string) (URI, error) {
	if tel.Scheme != schemeTel || !validTel(tel.Opaque) {
		return URI{}, ErrURI
	}
	if !validHost(host) {
		return URI{}, ErrHost
	}
	params := strings.FieldsFunc(lower(string(tel.Params)), func(r rune) bool { return r == ';' })
	slices.SortStableFunc(params, func(a, b string) int {
		if d := telOrder(a) - telOrder(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	number := lower(tel.Opaque)
	for _, p := range params {
		number += ";" + p
	}
	return URI{Scheme: schemeSIP, User: escapeOther(number, inUser), Host: host, Params: ";user=phone"}, nil
}

func telOrder(param string) int {
	name, _, _ := strings.Cut(param, "=")
	if i := slices.Index([]string{"isub", "ext", "postd", "phone-context"}, name); i >= 0 {
		return i - 4
	}
	return 0
}

// escapeOther escapes what may not stand in a part of a URI and leaves the
// escapes that are there.
func escapeOther(s string, class uint8) string {
	var b []byte
	for i := range len(s) {
		if c := s[i]; c != '%' && (uriClass[c]&class == 0 || c == '#') {
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// Tel returns the telephone number in the user part of a SIP URI as a tel URI;
// ok is false if u does not say user=phone, or the user part is no number.
// A tel URI is returned as it is.
func (u URI) Tel() (tel URI, ok bool) {
	if u.Scheme == schemeTel {
		return u, true
	}
	if !u.IsSIP() || !u.IsPhone() {
		return URI{}, false
	}
	number, params := u.User, ""
	if i := strings.IndexByte(number, ';'); i >= 0 {
		number, params = number[:i], number[i:]
	}
	tel = URI{Scheme: schemeTel, Opaque: Unescape(number), Params: msg.Params(strings.ReplaceAll(strings.ReplaceAll(
		strings.ReplaceAll(strings.ReplaceAll(params, "%5B", "["), "%5D", "]"), "%3A", ":"), "%3a", ":"))}
	if !tel.valid() {
		return URI{}, false
	}
	return tel, true
}

// Number returns the number of a tel URI, or of a SIP URI with user=phone,
// without visual separators; ok is false if u is neither. A global number begins
// with "+" (RFC 3966 section 3).
func (u URI) Number() (number string, ok bool) {
	tel, ok := u.Tel()
	if !ok {
		return "", false
	}
	return stripSeparators(tel.Opaque), true
}

// stripSeparators takes out the visual separators.
func stripSeparators(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.()", r) {
			return -1
		}
		return r
	}, s)
}

// sameTel compares tel URIs (RFC 3966 section 4): a parameter of one must be in
// the other; phone-context is compared as a number if it is one, and so is ext.
func sameTel(u, v URI) bool {
	if !sameNumber(u.Opaque, v.Opaque) {
		return false
	}
	a, b := paramMap(string(u.Params)), paramMap(string(v.Params))
	if len(a) != len(b) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok {
			return false
		}
		if name == "ext" || name == "phone-context" && strings.HasPrefix(x, "+") {
			x, y = stripSeparators(x), stripSeparators(y)
		}
		if !scan.EqualFold(x, y) {
			return false
		}
	}
	return true
}
