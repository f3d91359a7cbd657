package soa

import (
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// holds is what Hold was told: which media types are on hold, and whether so
// far as not to send either.
type holds struct {
	all   sdp.Direction // what is left of streams that names does not hold
	names map[string]sdp.Direction
}

func parseHold(media string) holds {
	h := holds{all: sdp.SendRecv}
	for item := range strings.SplitSeq(media, ",") {
		name, mode, _ := strings.Cut(strings.TrimSpace(item), "=")
		left := sdp.SendOnly
		if strings.EqualFold(strings.TrimSpace(mode), "inactive") {
			left = sdp.Inactive
		}
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "":
		case "*":
			h.all &= left
		case "#":
			h.all = sdp.Inactive
		default:
			if h.names == nil {
				h.names = make(map[string]sdp.Direction)
			}
			h.names[name] = left
		}
	}
	return h
}

// apply returns what hold leaves of the direction that the template wants: a
// sendrecv stream becomes sendonly, a recvonly one inactive (RFC 3264 section
// 8.4).
func (h holds) apply(mediaType string, dir sdp.Direction) sdp.Direction {
	if left, ok := h.names[strings.ToLower(mediaType)]; ok {
		return dir & left
	}
	return dir & h.all
}

// Hold says which media the user puts on hold, from the next offer or answer
// on: a list, separated by commas, of media types such as "audio", or "*" for
// all. The peer is then asked not to send. "audio=inactive" for one type and
// "#" for all also stop our own sending. "" resumes everything. What one side
// holds stays on hold when the other resumes.
func (s *Session) Hold(media string) { s.hold = parseHold(media) }
