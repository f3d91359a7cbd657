package soa

import (
	"slices"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// indexSame returns the index of the codec that is the same as c: best one
// with the same parameters, else the first; -1 if there is none.
func indexSame(codecs []sdp.Codec, c sdp.Codec) int {
	first := -1
	for i, o := range codecs {
		if !o.Same(c) {
			continue
		}
		if o.FMTP == c.FMTP {
			return i
		}
		if first < 0 {
			first = i
		}
	}
	return first
}

// pair joins the codecs of an offer with those of the template, each at most
// once: first those whose parameters are equal, so that two configurations of
// one codec meet their likes. The result has, for each offered codec, the
// index of the template's, or -1.
func pair(offered, own []sdp.Codec) []int {
	match := make([]int, len(offered))
	used := make([]bool, len(own))
	for i := range match {
		match[i] = -1
	}
	for _, exact := range []bool{true, false} {
		for i, o := range offered {
			if match[i] >= 0 {
				continue
			}
			for j, c := range own {
				if !used[j] && c.Same(o) && (!exact || c.FMTP == o.FMTP) {
					match[i], used[j] = j, true
					break
				}
			}
		}
	}
	return match
}

func (s *Session) auxiliary(c sdp.Codec) bool {
	if s.cfg.Auxiliary == nil {
		return strings.EqualFold(c.Name, "telephone-event") || strings.EqualFold(c.Name, "CN")
	}
	return slices.ContainsFunc(s.cfg.Auxiliary, func(name string) bool { return strings.EqualFold(name, c.Name) })
}

// isMain reports whether any of the codecs can carry the stream by itself.
func (s *Session) isMain(codecs []sdp.Codec) bool {
	return slices.ContainsFunc(codecs, func(c sdp.Codec) bool { return !s.auxiliary(c) })
}

// choice is the formats of an accepted m= line.
type choice struct {
	codecs  []sdp.Codec // for RTP
	source  []int       // for each codec, the index in the template, to find its other attributes
	formats []string    // for other protocols
}

// choose picks the formats of the answer from an offered and a template
// section. It returns false if none is in common.
func (s *Session) choose(sl *slot, offered, own *sdp.Media, dir sdp.Direction) (choice, bool) {
	if !offered.IsRTP() {
		var c choice
		for _, f := range offered.Formats {
			if slices.ContainsFunc(own.Formats, func(o string) bool { return strings.EqualFold(o, f) }) {
				c.formats = append(c.formats, f)
			}
		}
		if len(c.formats) == 0 && s.cfg.Mismatch {
			c.formats = slices.Clone(own.Formats)
		}
		return c, len(c.formats) > 0
	}
	theirs, ours := offered.Codecs(), own.Codecs()
	match := pair(theirs, ours)
	var c choice
	add := func(i int) {
		codec := theirs[i] // the payload type of the offer (RFC 3264 section 6.1)
		if fmtp := ours[match[i]].FMTP; fmtp != "" {
			codec.FMTP = fmtp
		}
		c.codecs, c.source = append(c.codecs, codec), append(c.source, match[i])
	}
	if s.cfg.Sort == SortLocal || s.cfg.Sort == SortDefault && dir == sdp.RecvOnly {
		for j := range ours {
			if i := slices.Index(match, j); i >= 0 {
				add(i)
			}
		}
	} else {
		for i := range theirs {
			if match[i] >= 0 {
				add(i)
			}
		}
	}
	if !s.isMain(c.codecs) && s.isMain(ours) {
		c = choice{} // telephone-event alone carries no speech
	}
	if len(c.codecs) == 0 {
		if !s.cfg.Mismatch {
			return c, false
		}
		s.extend(sl, &c, theirs, ours)
		return c, len(c.codecs) > 0
	}
	switch s.cfg.Select {
	case SelectSingle:
		s.single(&c)
	case SelectAll:
		s.extend(sl, &c, theirs, ours)
	}
	return c, true
}

// single leaves the first codec and the auxiliary ones. If there are only
// auxiliary ones, all stay.
func (s *Session) single(c *choice) {
	found, n := false, 0
	for i, codec := range c.codecs {
		if !s.auxiliary(codec) {
			if found {
				continue
			}
			found = true
		}
		c.codecs[n], c.source[n] = codec, c.source[i]
		n++
	}
	c.codecs, c.source = c.codecs[:n], c.source[:n]
}

// extend adds the template's codecs that are not chosen yet, under payload
// types that the offer does not use.
func (s *Session) extend(sl *slot, c *choice, theirs, ours []sdp.Codec) {
	for j, codec := range ours {
		if slices.Contains(c.source, j) {
			continue
		}
		taken := append(slices.Clone(theirs), c.codecs...)
		if n := sl.number([]sdp.Codec{codec}, taken); len(n) == 1 {
			c.codecs, c.source = append(c.codecs, n[0]), append(c.source, j)
		}
	}
}

// put writes the chosen formats, and what goes with them, into a section that
// was copied from the template's.
func (c choice) put(m, own *sdp.Media) {
	if c.codecs == nil {
		m.Formats = slices.Clone(c.formats)
		return
	}
	m.Attributes = renumber(own.Attributes, own.Codecs(), c.codecs, c.source)
	m.SetCodecs(c.codecs)
}
