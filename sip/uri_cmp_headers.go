package sip

import (
	"slices"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// maxUnlike bounds the headers of two URIs that are compared each with each, once
// those that are written alike have been taken out.
const maxUnlike = 32

// sameHeaders compares the headers parts of two URIs, of which nothing is
// ignored (RFC 3261 section 19.1.4). Their order does not matter; values are
// compared as section 20 has it for the header, see sameField. URIs with more
// than 32 headers that are not written alike are different.
func sameHeaders(a, b string) bool {
	if a == b {
		return true
	}
	x, y := headerList(a), headerList(b)
	if len(x) != len(y) {
		return false
	}
	count := make(map[part]int, len(x))
	for _, h := range x {
		count[h]++
	}
	y = slices.DeleteFunc(y, func(h part) bool {
		count[h]--
		return count[h] >= 0
	})
	x = slices.DeleteFunc(x, func(h part) bool {
		n := count[h] // what is left of h, if above 0
		count[h] = n - 1
		return n <= 0
	})
	if len(x) > maxUnlike {
		return false
	}
	for _, h := range x {
		i := slices.IndexFunc(y, func(g part) bool { return g.name == h.name && sameField(h.name, h.value, g.value) })
		if i < 0 {
			return false
		}
		y = slices.Delete(y, i, i+1)
	}
	return true
}

// part is one header of a headers part, its escapes decoded.
type part struct {
	name  string // in lower case, not compact
	value string
}

func headerList(s string) (list []part) {
	allHeaders(s, func(name, value string) bool {
		if info, ok := class.Info(class.Lookup(name)); ok {
			name = info.Name
		}
		list = append(list, part{lower(name), value})
		return true
	})
	return list
}

// sameField compares two values of a header. Section 7.3.1 has field values
// compared without case, but for quoted strings and where the header says
// otherwise; addresses by their URIs and parameters (sections 20.10, 20.20 and
// 20.39). Text of headers that are not known, and malformed values, must be alike.
func sameField(name, a, b string) bool {
	if a == b {
		return true
	}
	id := class.Lookup(name)
	t, ok := types[id]
	if !ok || name == "body" {
		return false
	}
	x, ok1 := fieldValues(id, t, a)
	y, ok2 := fieldValues(id, t, b)
	if !ok1 || !ok2 || len(x) != len(y) {
		return false
	}
	for i := range x {
		if v, err := ParseNameAddr(x[i]); err == nil && isAddress(id) {
			w, err := ParseNameAddr(y[i])
			if err != nil || !sameAddr(v, w) {
				return false
			}
			continue
		}
		if !slices.Equal(normalValue(x[i], caseMatters(id)), normalValue(y[i], caseMatters(id))) {
			return false
		}
	}
	return true
}

// fieldValues parts a field at its commas, if the header has several values.
func fieldValues(id msg.ID, t typedHeader, s string) (list []string, ok bool) {
	info, _ := class.Info(id)
	for s = scan.Trim(s); s != ""; {
		rest, err := t.reads(s)
		if err != nil || rest != "" && (info.Kind == msg.Single || rest[0] != ',') {
			return nil, false
		}
		list = append(list, scan.Trim(s[:len(s)-len(rest)]))
		if rest == "" {
			break
		}
		s = rest[scan.Space(rest, 1):]
	}
	return list, true
}

func isAddress(id msg.ID) bool {
	switch id {
	case IDFrom, IDTo, IDContact, IDRoute, IDRecordRoute, IDPath, IDServiceRoute, IDReplyTo, IDReferTo, IDReferredBy,
		IDPAssertedIdentity, IDPPreferredIdentity, IDHistoryInfo, IDDiversion, IDAlertInfo, IDCallInfo, IDErrorInfo:
		return true
	}
	return false
}

// sameAddr compares addresses: URIs and parameters must match, extension
// parameters that only one has and display names count for nothing (sections
// 20.10 and 20.20).
func sameAddr(a, b NameAddr) bool {
	if !a.URI.Equal(b.URI) || a.Params.Has("tag") != b.Params.Has("tag") || a.Tag() != b.Tag() {
		return false
	}
	for name, v := range a.Params.All() {
		if w, ok := b.Params.Get(name); ok && !scan.EqualFold(v, w) {
			return false
		}
	}
	return true
}

// caseMatters lists the headers whose own sections, or those of their RFCs, say
// that case counts: identifiers, tags and methods.
func caseMatters(id msg.ID) bool {
	switch id {
	case IDCallID, IDInReplyTo, IDCSeq, IDRAck, IDReplaces, IDJoin, IDTargetDialog, IDEvent, IDAllowEvents, IDSIPETag, IDSIPIfMatch,
		IDSuppressIfMatch, IDIdentity, IDUserToUser, msg.IDAllow, msg.IDContentID, msg.IDAuthorization, msg.IDProxyAuthorization,
		msg.IDWWWAuthenticate, msg.IDProxyAuthenticate, msg.IDDate: // Date: section 20.17
		return true
	}
	return false
}

// normalValue takes a value apart into what stands before the first semicolon
// and its parameters in order, without white space around separators, and in
// lower case outside of quoted strings unless exact is set.
func normalValue(s string, exact bool) []string {
	list := []string{""}
	var b []byte
	flush := func() { list[len(list)-1], b = string(b), b[:0] }
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			end, ok := scan.Quoted(s, i)
			if !ok {
				end = len(s)
			}
			b = append(b, s[i:end]...)
			i = end - 1
		case c == ';':
			flush()
			list = append(list, "")
		case scan.IsSpace(c):
			next := scan.Space(s, i)
			if n := len(b); n > 0 && strings.IndexByte("=/,", b[n-1]) < 0 && next < len(s) && strings.IndexByte("=/,;", s[next]) < 0 {
				b = append(b, ' ')
			}
			i = next - 1
		case exact:
			b = append(b, c)
		default:
			b = append(b, scan.Lower(c))
		}
	}
	flush()
	slices.Sort(list[1:])
	return list
}
