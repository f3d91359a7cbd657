package sip

import (
	"math"
	"slices"
	"strings"
)

// maxPairs is how many pairs of values are compared one by one. Features with
// more values are compared as sets, so that the time grows with the values and
// not with their square.
const maxPairs = 1024

// size is the number of terms.
func (f Feature) size() int {
	if strings.HasPrefix(f.Value, "<") {
		return 1
	}
	return strings.Count(f.Value, ",") + 1
}

// termSet is what terms say together.
type termSet struct {
	kinds   [termNumber + 1]bool // there is a term of the kind
	not     [termNumber + 1]bool // there is a negated one
	is, no  map[string]bool      // tokens in lower case, and negated ones
	numbers []term               // intervals whose limits are numbers
	in, out bounds               // of numbers, and of negated ones
}

// bounds are the extremes of intervals, and whether one is bounded at all.
type bounds struct {
	minLo, maxLo, minHi, maxHi float64
	fromBelow, fromAbove       bool
}

func newBounds() bounds {
	inf := math.Inf(1)
	return bounds{minLo: inf, maxLo: -inf, minHi: inf, maxHi: -inf}
}

// add takes an interval in. Limits that are no numbers are like nothing: each
// comparison with one is false.
func (b *bounds) add(t term) {
	if !math.IsNaN(t.lo) {
		b.minLo, b.maxLo = min(b.minLo, t.lo), max(b.maxLo, t.lo)
	}
	if !math.IsNaN(t.hi) {
		b.minHi, b.maxHi = min(b.minHi, t.hi), max(b.maxHi, t.hi)
	}
	b.fromBelow = b.fromBelow || !math.IsInf(t.lo, -1)
	b.fromAbove = b.fromAbove || !math.IsInf(t.hi, 1)
}

func (f Feature) set() termSet {
	s := termSet{is: map[string]bool{}, no: map[string]bool{}, in: newBounds(), out: newBounds()}
	for t := range f.terms() {
		s.kinds[t.kind] = true
		s.not[t.kind] = s.not[t.kind] || t.not
		switch {
		case t.kind == termToken && t.not:
			s.no[lower(t.text)] = true
		case t.kind == termToken:
			s.is[lower(t.text)] = true
		case t.kind == termNumber && t.not:
			s.out.add(t)
		case t.kind == termNumber:
			s.in.add(t)
			if !math.IsNaN(t.lo) && !math.IsNaN(t.hi) {
				s.numbers = append(s.numbers, t)
			}
		}
	}
	return s
}

// meets reports whether a term of s meets one of u, as term.meets has it.
func (s termSet) meets(u termSet) bool {
	return s.meetsOther(u) || u.meetsOther(s) || s.meetsTokens(u) || s.meetsNumbers(u)
}

// meetsOther is about terms of different kinds: what is not this may be anything
// of another kind.
func (s termSet) meetsOther(u termSet) bool {
	for k, not := range s.not {
		for l, there := range u.kinds {
			if not && there && k != l {
				return true
			}
		}
	}
	return false
}

func (s termSet) meetsTokens(u termSet) bool {
	if len(s.no) > 0 && len(u.no) > 0 || differ(s.no, u.is) || differ(u.no, s.is) {
		return true
	}
	for v := range s.is {
		if u.is[v] {
			return true
		}
	}
	return false
}

// differ reports whether a member of a is another than one of b.
func differ(a, b map[string]bool) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	for v := range a {
		if len(a) > 1 || len(b) > 1 || !b[v] {
			return true
		}
	}
	return false
}

func (s termSet) meetsNumbers(u termSet) bool {
	switch {
	case s.not[termNumber] && u.not[termNumber] && (s.out.fromBelow && u.out.fromBelow || s.out.fromAbove && u.out.fromAbove ||
		s.out.minHi < u.out.maxLo || u.out.minHi < s.out.maxLo):
		return true
	case u.in.minLo < s.out.maxLo && s.not[termNumber], u.in.maxHi > s.out.minHi && s.not[termNumber],
		s.in.minLo < u.out.maxLo && u.not[termNumber], s.in.maxHi > u.out.minHi && u.not[termNumber]:
		return true
	}
	if len(s.numbers) == 0 || len(u.numbers) == 0 {
		return false
	}
	slices.SortFunc(u.numbers, func(a, b term) int {
		switch {
		case a.lo < b.lo:
			return -1
		case a.lo > b.lo:
			return 1
		}
		return 0
	})
	highest := make([]float64, len(u.numbers)) // of those that begin no later
	for i, t := range u.numbers {
		highest[i] = t.hi
		if i > 0 {
			highest[i] = max(t.hi, highest[i-1])
		}
	}
	for _, t := range s.numbers {
		n, _ := slices.BinarySearchFunc(u.numbers, t.hi, func(v term, hi float64) int {
			if v.lo <= hi {
				return -1
			}
			return 1
		})
		if n > 0 && highest[n-1] >= t.lo {
			return true
		}
	}
	return false
}
