package sip

import (
	"iter"
	"math"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Feature is one feature parameter of Contact, Accept-Contact or Reject-Contact:
// a media feature tag with the values it may have (RFC 3840 section 9).
type Feature struct {
	Tag   string // as a predicate names it: "sip.audio", "sip.methods", "language"; compares without case
	Value string // without quotes: "TRUE" if none was written, "INVITE,BYE", "!fixed", "#>=4", "<text>"
}

// isBaseTag reports whether a feature parameter of the name needs no "+"
// (RFC 3840 section 9).
func isBaseTag(name string) bool {
	switch len(name) {
	case 4:
		return scan.EqualFold(name, "data") || scan.EqualFold(name, "text") || scan.EqualFold(name, "type")
	case 5:
		return scan.EqualFold(name, "audio") || scan.EqualFold(name, "class") || scan.EqualFold(name, "video") || scan.EqualFold(name, "actor")
	case 6:
		return scan.EqualFold(name, "duplex") || scan.EqualFold(name, "events")
	case 7:
		return scan.EqualFold(name, "control") || scan.EqualFold(name, "methods") || scan.EqualFold(name, "schemes") || scan.EqualFold(name, "isfocus")
	case 8:
		return scan.EqualFold(name, "automata") || scan.EqualFold(name, "mobility") || scan.EqualFold(name, "priority") || scan.EqualFold(name, "language")
	case 10:
		return scan.EqualFold(name, "extensions")
	case 11:
		return scan.EqualFold(name, "description") || scan.EqualFold(name, "application")
	}
	return false
}

// Features yields the feature parameters among those of a header value: the base
// tags and all whose names begin with "+" (RFC 3841 section 7.2.3).
func Features(p msg.Params) iter.Seq[Feature] {
	return func(yield func(Feature) bool) { features(p, yield) }
}

func features(p msg.Params, yield func(Feature) bool) {
	for name, value := range p.All() {
		tag := name
		switch {
		case name[0] == '+':
			tag = name[1:]
		case !isBaseTag(name):
			continue
		case !scan.EqualFold(name, "type") && !scan.EqualFold(name, "language"):
			tag = "sip." + name // RFC 3840 section 5
		}
		if value == "" {
			value = "TRUE" // RFC 3841 section 8
		}
		if tag != "" && !yield(Feature{tag, value}) {
			return
		}
	}
}

// Param returns the feature as a parameter of a header: ";audio",
// `;methods="INVITE,BYE"`.
func (f Feature) Param() msg.Params {
	name := f.Tag
	if bare, ok := strings.CutPrefix(name, "sip."); ok && isBaseTag(bare) {
		name = bare
	} else if !isBaseTag(name) {
		name = "+" + name
	}
	if f.Value == "TRUE" {
		return msg.Params(";" + name)
	}
	return msg.Params(scan.AppendQuoted([]byte(";"+name+"="), f.Value))
}

// Matches reports whether one value can satisfy both f and g, which must have
// the same tag (RFC 2533 section 5, RFC 3841 section 7.2.4): strings in "<" and
// ">" compare with case, tokens without, numbers as numbers.
func (f Feature) Matches(g Feature) bool {
	if !scan.EqualFold(f.Tag, g.Tag) {
		return false
	}
	if f.size()*g.size() > maxPairs {
		return f.set().meets(g.set())
	}
	for a := range f.terms() {
		for b := range g.terms() {
			if a.meets(b) {
				return true
			}
		}
	}
	return false
}

func (f Feature) terms() iter.Seq[term] {
	return func(yield func(term) bool) {
		if strings.HasPrefix(f.Value, "<") { // one string, which may hold commas
			yield(term{text: f.Value, kind: termString})
			return
		}
		for v := range strings.SplitSeq(f.Value, ",") {
			if !yield(newTerm(scan.Trim(v))) {
				return
			}
		}
	}
}

// term is one tag-value: a filter of a predicate.
type term struct {
	text   string
	kind   termKind
	not    bool
	lo, hi float64
}

type termKind uint8

const (
	termToken termKind = iota
	termString
	termNumber
)

// newTerm reads a tag-value (RFC 3840 section 9).
//
//	tag-value = ["!"] (token-nobang / boolean / numeric)
//	numeric   = "#" numeric-relation number;  numeric-relation = ">=" / "<=" / "=" / (number ":")
func newTerm(s string) (t term) {
	s, t.not = strings.CutPrefix(s, "!")
	t.text = s
	number, ok := strings.CutPrefix(s, "#")
	if !ok {
		return t
	}
	t.kind, t.lo, t.hi = termNumber, math.Inf(-1), math.Inf(1)
	switch {
	case strings.HasPrefix(number, ">="):
		t.lo = float(number[2:])
	case strings.HasPrefix(number, "<="):
		t.hi = float(number[2:])
	default:
		lo, hi, between := strings.Cut(strings.TrimPrefix(number, "="), ":")
		t.lo, t.hi = float(lo), float(lo)
		if between {
			t.hi = float(hi)
		}
	}
	return t
}

// float reads a number; what is none is equal to nothing.
func float(s string) float64 {
	for i := range len(s) {
		if c := s[i]; !scan.IsDigit(c) && c != '.' && c != '+' && c != '-' {
			return math.NaN() // "inf", "1e9", "0x1" are none here
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

// meets reports whether a value exists that satisfies both.
func (t term) meets(u term) bool {
	if t.kind != u.kind {
		return t.not || u.not
	}
	if t.kind == termNumber {
		return t.meetsNumber(u)
	}
	same := t.text == u.text || t.kind == termToken && scan.EqualFold(t.text, u.text)
	switch {
	case t.not && u.not:
		return true
	case t.not || u.not:
		return !same
	}
	return same
}

func (t term) meetsNumber(u term) bool {
	switch {
	case t.not && u.not: // outside of both intervals
		return !math.IsInf(t.lo, -1) && !math.IsInf(u.lo, -1) || !math.IsInf(t.hi, 1) && !math.IsInf(u.hi, 1) ||
			t.hi < u.lo || u.hi < t.lo
	case t.not:
		return u.lo < t.lo || u.hi > t.hi
	case u.not:
		return t.lo < u.lo || t.hi > u.hi
	}
	return t.lo <= u.hi && u.lo <= t.hi
}
