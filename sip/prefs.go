package sip

import (
	"slices"

	"github.com/gosofia/sofia/internal/scan"
)

// CallerPreferences are what a caller wants of the contacts that a request may
// go to (RFC 3841 section 7.2).
type CallerPreferences struct {
	Accept   []Preference // what is wanted
	Reject   []Preference // what is not
	implicit bool
}

// PreferencesOf returns the preferences of a request: those of Accept-Contact
// and Reject-Contact; without either, the implicit ones, that the contact takes
// the method and the event package (section 7.2.2). Malformed values are left out.
func PreferencesOf(r Request) (p CallerPreferences) {
	for v, err := range AcceptContact.All(r) {
		if err == nil {
			p.Accept = append(p.Accept, v)
		}
	}
	for v, err := range RejectContact.All(r) {
		if err == nil {
			p.Reject = append(p.Reject, v)
		}
	}
	if AcceptContact.Has(r) || RejectContact.Has(r) {
		return p
	}
	p.implicit = true
	want := Feature{"sip.methods", r.Method()}.Param() + ";require"
	if e, ok, err := Event.Get(r); ok && err == nil && r.Method() == MethodSubscribe {
		want += Feature{"sip.events", e.Value}.Param()
	}
	p.Accept = []Preference{{want}}
	return p
}

// Ranked is a contact with its place among others.
type Ranked struct {
	Contact NameAddr // as it was given
	Q       int      // what the callee prefers, in thousandths
	Score   float64  // what the caller prefers, Qa of RFC 3841 section 7.2.4: 0 to 1
	scores  int
}

// Rank returns the contacts that a request may go to, best first: by the q of
// the callee, then by how well they are what the caller wants, then as they were
// (RFC 3841 section 7.2.4). Contacts that are rejected, or are not what is
// required, are left out; ones that state no features stay, with a score of 1.
// If implicit preferences leave nothing, all contacts stay.
func (p CallerPreferences) Rank(contacts []NameAddr) []Ranked {
	list := make([]Ranked, 0, len(contacts))
	for _, c := range contacts {
		r := Ranked{Contact: c, Q: c.Q(), Score: 1}
		if !c.HasFeatures() || p.accepts(&r) {
			list = append(list, r)
		}
	}
	if len(list) == 0 && p.implicit {
		for _, c := range contacts {
			list = append(list, Ranked{Contact: c, Q: c.Q(), Score: 1})
		}
	}
	slices.SortStableFunc(list, func(a, b Ranked) int {
		switch {
		case a.Q != b.Q:
			return b.Q - a.Q
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	return list
}

// accepts reports whether a contact with features stays, and gives it its score.
func (p CallerPreferences) accepts(r *Ranked) bool {
	for _, reject := range p.Reject {
		if n, found, match := r.compare(reject); n > 0 && found == n && match {
			return false // it says itself that it is what is not wanted
		}
	}
	sum := 0.0
	for _, accept := range p.Accept {
		n, found, match := r.compare(accept)
		if !match {
			if accept.Require() {
				return false
			}
			continue // out of the matching set
		}
		score := 1.0
		if n > 0 {
			score = float64(found) / float64(n)
		}
		if found < n && accept.Explicit() {
			if accept.Require() {
				return false
			}
			score = 0
		}
		sum += score
		r.scores++
	}
	r.Score = 0
	if r.scores > 0 {
		r.Score = sum / float64(r.scores)
	} else if len(p.Accept) == 0 {
		r.Score = 1
	}
	return true
}

// compare matches the contact with a predicate: n is its number of terms, found
// how many of them the contact has anything to say about. A tag that only one
// side has does not hinder a match (RFC 2533 section 5).
func (r *Ranked) compare(p Preference) (n, found int, match bool) {
	match = true
	for want := range Features(p.Params) {
		n++
		for have := range Features(r.Contact.Params) {
			if scan.EqualFold(have.Tag, want.Tag) {
				found++
				match = match && have.Matches(want)
				break
			}
		}
	}
	return n, found, match
}

// HasFeatures reports whether a Contact states any feature (RFC 3840); one that
// states none is not subject to caller preferences.
func (a NameAddr) HasFeatures() bool {
	for range Features(a.Params) {
		return true
	}
	return false
}

// Feature returns the values that a Contact states for a feature tag such as
// "sip.methods"; ok is false if it states none.
func (a NameAddr) Feature(tag string) (f Feature, ok bool) {
	for f := range Features(a.Params) {
		if scan.EqualFold(f.Tag, tag) {
			return f, true
		}
	}
	return Feature{}, false
}
