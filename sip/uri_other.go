package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Is reports whether u has the given scheme, compared without case.
func (u URI) Is(scheme string) bool { return scan.EqualFold(u.Scheme, scheme) }

// URN returns the parts of a URN (RFC 8141 section 2): "service" and "sos.fire"
// of urn:service:sos.fire, without what follows a "?" or "#". ok is false if u
// is no URN.
func (u URI) URN() (nid, nss string, ok bool) {
	if !u.Is("urn") {
		return "", "", false
	}
	nid, nss, ok = strings.Cut(u.Opaque, ":")
	if i := strings.IndexAny(nss, "?#"); i >= 0 {
		nss = nss[:i]
	}
	if !ok || nid == "" || nss == "" {
		return "", "", false
	}
	return nid, nss, true
}

// UUID returns the UUID of urn:uuid:… in lower case (RFC 9562 section 4); ok is
// false if u is no such URN, or malformed.
func (u URI) UUID() (uuid string, ok bool) {
	nid, nss, ok := u.URN()
	if !ok || !scan.EqualFold(nid, "uuid") || len(nss) != 36 {
		return "", false
	}
	for i := range len(nss) {
		if hyphen := i == 8 || i == 13 || i == 18 || i == 23; hyphen && nss[i] != '-' || !hyphen && !scan.IsHex(nss[i]) {
			return "", false
		}
	}
	return lower(nss), true
}

// Service returns the service of urn:service:… in lower case, such as "sos" or
// "sos.fire" (RFC 5031 section 3); ok is false if u is no such URN.
func (u URI) Service() (service string, ok bool) {
	nid, nss, ok := u.URN()
	if !ok || !scan.EqualFold(nid, "service") {
		return "", false
	}
	return lower(nss), true
}

// IMEI returns the identity of a device from urn:gsma:imei:…, without its
// parameters (RFC 7254 section 4); ok is false if u is no such URN.
func (u URI) IMEI() (imei string, ok bool) {
	nid, nss, ok := u.URN()
	if !ok || !scan.EqualFold(nid, "gsma") || !scan.HasPrefixFold(nss, "imei:") {
		return "", false
	}
	imei, _, _ = strings.Cut(nss[len("imei:"):], ";")
	return imei, imei != ""
}

// Mailbox returns the parts of an address in a URI of the schemes im, pres,
// mailto and xmpp, their escapes decoded (RFC 3859, RFC 3860, RFC 6068). ok is
// false if u is of another scheme, or holds no or several addresses.
func (u URI) Mailbox() (local, domain string, ok bool) {
	if !u.isMailbox() {
		return "", "", false
	}
	box, _, _ := strings.Cut(u.Opaque, "?")
	local, domain, ok = strings.Cut(box, "@")
	if !ok || local == "" || domain == "" || strings.IndexByte(domain, '@') >= 0 || strings.IndexByte(box, ',') >= 0 {
		return "", "", false
	}
	return Unescape(local), Unescape(domain), true
}

func (u URI) isMailbox() bool {
	return u.Is("im") || u.Is("pres") || u.Is("mailto") || u.Is("xmpp")
}

// ContentID returns the Content-ID that a cid: URI names, its escapes decoded
// (RFC 2392 section 2); ok is false if u is of another scheme.
func (u URI) ContentID() (id string, ok bool) {
	if !u.Is("cid") {
		return "", false
	}
	return Unescape(u.Opaque), true
}

// Authority returns the host, an IPv6 address without brackets, and the port of
// a URI with "//", such as those of HTTP; port is 0 if there is none. ok is
// false if u has no such part, or it is malformed.
func (u URI) Authority() (host string, port uint16, ok bool) {
	a, found := strings.CutPrefix(u.Opaque, "//")
	if u.IsSIP() || !found {
		return "", 0, false
	}
	if i := strings.IndexAny(a, "/?#;"); i >= 0 {
		a = a[:i]
	}
	if i := strings.LastIndexByte(a, '@'); i >= 0 {
		a = a[i+1:]
	}
	lo, hi, port, end, err := hostPort(a, 0, false)
	if err != nil || end != len(a) {
		return "", 0, false
	}
	return a[lo:hi], port, true
}

// sameOther compares URIs of one scheme other than sip, sips and tel.
func sameOther(u, v URI) bool {
	if u.Opaque == v.Opaque {
		return true
	}
	if a, x, ok := u.URN(); ok {
		b, y, ok := v.URN()
		if !ok || !scan.EqualFold(a, b) {
			return false
		}
		switch lower(a) {
		case "uuid", "service", "gsma": // RFC 9562 section 4, RFC 5031 section 3, RFC 7254 section 4.2
			return scan.EqualFold(x, y)
		}
		return normalEscapes(x) == normalEscapes(y)
	}
	if u.isMailbox() {
		a, query, _ := strings.Cut(u.Opaque, "?")
		b, query2, _ := strings.Cut(v.Opaque, "?")
		i, j := strings.LastIndexByte(a, '@'), strings.LastIndexByte(b, '@')
		if i < 0 || j < 0 {
			return false
		}
		return sameEscaped(a[:i], b[:j], false) && scan.EqualFold(a[i:], b[j:]) && query == query2
	}
	if a, p, ok := u.Authority(); ok {
		b, q, ok := v.Authority()
		return ok && sameHost(a, b) && p == q && normalEscapes(afterAuthority(u.Opaque)) == normalEscapes(afterAuthority(v.Opaque))
	}
	return normalEscapes(u.Opaque) == normalEscapes(v.Opaque)
}

// afterAuthority is the path and all that follows; an empty path is "/".
func afterAuthority(s string) string {
	s = s[2:]
	i := strings.IndexAny(s, "/?#;")
	if i < 0 {
		return "/"
	}
	if s[i] != '/' {
		return "/" + s[i:]
	}
	return s[i:]
}

// normalEscapes writes escapes in upper case and decodes those of unreserved
// characters (RFC 3986 section 6.2.2).
func normalEscapes(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+2 >= len(s) || !scan.IsHex(s[i+1]) || !scan.IsHex(s[i+2]) {
			b = append(b, s[i])
			continue
		}
		c := unhex(s[i+1])<<4 | unhex(s[i+2])
		if scan.IsAlpha(c) || scan.IsDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
		i += 2
	}
	return string(b)
}
