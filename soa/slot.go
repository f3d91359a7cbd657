package soa

import (
	"slices"
	"strconv"

	"github.com/gosofia/sofia/sdp"
)

// slot is what a session remembers about one m= line position.
type slot struct {
	user    int  // index into the template's media, -1 for none
	refused bool // by the peer, or because it answered with nothing that we know
	// meanings holds each payload type that an offer or answer of either side
	// gave a meaning on this m= line: "the mapping ... MUST NOT change for the
	// duration of a session" (RFC 3264 section 8.3.2).
	meanings []sdp.Codec
}

// maxMeanings bounds slot.meanings, which a peer fills.
const maxMeanings = 512

func (sl slot) clone() slot {
	sl.meanings = slices.Clone(sl.meanings)
	return sl
}

// learn records the payload types of a media section.
func (sl *slot) learn(codecs []sdp.Codec) {
	for _, c := range codecs {
		if c.Name == "" || len(sl.meanings) >= maxMeanings {
			continue
		}
		known := func(m sdp.Codec) bool { return m.Payload == c.Payload && m.Same(c) }
		if !slices.ContainsFunc(sl.meanings, known) {
			sl.meanings = append(sl.meanings, c)
		}
	}
}

// free reports whether the payload type may stand for the codec: it never
// stood for another.
func (sl *slot) free(pt int, c sdp.Codec) bool {
	if static, ok := sdp.StaticCodec(pt); ok && !static.Same(c) {
		return false
	}
	return !slices.ContainsFunc(sl.meanings, func(m sdp.Codec) bool { return m.Payload == pt && !m.Same(c) })
}

// number gives each codec a payload type that keeps every earlier meaning:
// the one it had before, else its own, else a fresh dynamic one. taken are
// payload types already used on the line. A codec for which no number is left
// is dropped.
func (sl *slot) number(codecs, taken []sdp.Codec) []sdp.Codec {
	var used [128]bool
	for _, c := range taken {
		used[c.Payload] = true
	}
	out := make([]sdp.Codec, 0, len(codecs))
	for _, c := range codecs {
		pt := sl.choose(c, &used)
		if pt < 0 {
			continue
		}
		used[pt] = true
		c.Payload = pt
		out = append(out, c)
	}
	return out
}

func (sl *slot) choose(c sdp.Codec, used *[128]bool) int {
	ok := func(pt int) bool { return !used[pt] && sl.free(pt, c) }
	had := -1
	for _, m := range sl.meanings {
		if !m.Same(c) || !ok(m.Payload) {
			continue
		}
		if m.Payload == c.Payload {
			return m.Payload
		}
		if had < 0 || m.FMTP == c.FMTP {
			had = m.Payload
		}
	}
	if had >= 0 {
		return had
	}
	if ok(c.Payload) {
		return c.Payload
	}
	// Dynamic payload types, and then those that RFC 5761 section 4 leaves
	// free where RTP and RTCP share a port.
	for _, r := range [][2]int{{96, 127}, {35, 63}} {
		for pt := r[0]; pt <= r[1]; pt++ {
			if ok(pt) {
				return pt
			}
		}
	}
	return -1
}

// renumber moves the attributes of the template that name payload types in
// front, such as rtcp-fb, to the numbers in use; those of codecs not in use go.
func renumber(attrs sdp.Attributes, from, to []sdp.Codec, source []int) sdp.Attributes {
	out := attrs[:0:0]
	for _, a := range attrs {
		if a.Name != "rtcp-fb" {
			out = append(out, a)
			continue
		}
		number, rest := cutSpace(a.Value)
		if number == "*" {
			out = append(out, a)
			continue
		}
		pt, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		for i, c := range to {
			if j := source[i]; j >= 0 && from[j].Payload == pt {
				out = append(out, sdp.Attribute{Name: a.Name, Value: strconv.Itoa(c.Payload) + rest})
			}
		}
	}
	return out
}

func cutSpace(v string) (word, rest string) {
	for i := range v {
		if v[i] == ' ' {
			return v[:i], v[i:]
		}
	}
	return v, ""
}
