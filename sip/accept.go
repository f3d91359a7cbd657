package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// MediaQ returns how much the sender of m wants bodies of a type, in
// thousandths: the q of the most specific range of Accept that the type is in, 0
// if it is in none. Without Accept it is 1000 for application/sdp and 0 for
// others; an empty Accept takes nothing (RFC 3261 section 20.1). Malformed
// ranges are left out.
func MediaQ(m msg.Source, t msg.MediaType) int {
	if !Accept.Has(m) {
		if t.Is("application/sdp") {
			return 1000
		}
		return 0
	}
	q, best := 0, 0
	for r, err := range Accept.All(m) {
		if err != nil {
			continue
		}
		if s := specificity(r, t); s > best {
			q, best = r.Q(), s
		}
	}
	return q
}

// specificity tells how exactly a media range names a type: 1 for "*/*", 2 for
// "text/*", 3 for "text/html", more with parameters; 0 if not at all.
func specificity(r, t msg.MediaType) int {
	switch {
	case r.Type == "*" && r.Subtype == "*":
		return 1
	case !scan.EqualFold(r.Type, t.Type):
		return 0
	case r.Subtype == "*":
		return 2
	case !scan.EqualFold(r.Subtype, t.Subtype):
		return 0
	}
	n := 3
	for name, value := range r.Params.All() {
		if scan.EqualFold(name, "q") {
			break // what follows are parameters of Accept
		}
		if v, ok := t.Params.Get(name); !ok || !scan.EqualFold(v, value) {
			return 0
		}
		n++
	}
	return n
}

// EncodingQ returns how much the sender of m wants a content coding, in
// thousandths: the q that Accept-Encoding gives it by name or by "*". Without
// the header only identity is wanted, and identity is, unless it is refused by
// name or by "*" (RFC 3261 section 20.2).
func EncodingQ(m msg.Source, coding string) int {
	q, found := 0, false
	for c, err := range AcceptEncoding.All(m) {
		switch {
		case err != nil:
		case scan.EqualFold(c.Value, coding):
			return c.Q()
		case c.Value == "*" && !found:
			q, found = c.Q(), true
		}
	}
	if !found && scan.EqualFold(coding, "identity") {
		return 1000
	}
	return q
}

// LanguageQ returns how much the sender of m wants a language, in thousandths:
// the q of the longest range of Accept-Language that the tag is in; "en" is the
// range of "en-gb", and "*" of all that no other range has (RFC 3261 section 20.3,
// RFC 4647 section 3.3.1). Without the header it is 1000.
func LanguageQ(m msg.Source, tag string) int {
	if !AcceptLanguage.Has(m) {
		return 1000
	}
	q, best := 0, 0
	for l, err := range AcceptLanguage.All(m) {
		if err != nil {
			continue
		}
		n := len(l.Value) + 1
		switch {
		case l.Value == "*":
			n = 1
		case !scan.HasPrefixFold(tag, l.Value) || len(tag) > len(l.Value) && tag[len(l.Value)] != '-':
			continue
		}
		if n > best {
			q, best = l.Q(), n
		}
	}
	return q
}
