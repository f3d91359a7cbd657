package sdp

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// RTPMap is the value of an a=rtpmap attribute (RFC 8866 section 6.6).
type RTPMap struct {
	Payload  int    // payload type, 0 to 127
	Name     string // encoding name, such as PCMU; compared without regard to case
	Clock    int    // clock rate in Hz, never 0
	Channels int    // audio channels; 0 if not given, meaning one
}

// Codec is one RTP format of a media section: the payload type of the m= line
// with what a=rtpmap or the static table, and a=fmtp, say about it.
type Codec struct {
	Payload  int    // payload type, 0 to 127
	Name     string // encoding name; "" if nothing defines the payload type
	Clock    int    // clock rate in Hz; 0 only if Name is ""
	Channels int    // audio channels; 0 if not given, meaning one
	FMTP     string // parameters of a=fmtp, several lines joined by ";"; "" when absent
}

// Same reports whether c and o are the same encoding: name without regard to
// case, clock rate and number of channels. Payload type and parameters make no
// difference.
func (c Codec) Same(o Codec) bool {
	return c.Name != "" && c.Clock == o.Clock && max(c.Channels, 1) == max(o.Channels, 1) &&
		strings.EqualFold(c.Name, o.Name)
}

// StaticCodec returns the encoding that RFC 3551 section 6 assigns to a
// payload type, and whether there is one.
func StaticCodec(payload int) (Codec, bool) {
	c := Codec{Payload: payload, Clock: 8000}
	switch payload {
	case 0:
		c.Name = "PCMU"
	case 3:
		c.Name = "GSM"
	case 4:
		c.Name = "G723"
	case 5:
		c.Name = "DVI4"
	case 6:
		c.Name, c.Clock = "DVI4", 16000
	case 7:
		c.Name = "LPC"
	case 8:
		c.Name = "PCMA"
	case 9:
		c.Name = "G722" // 8000 by history, though it samples at 16000: RFC 3551 section 4.5.2
	case 10:
		c.Name, c.Clock, c.Channels = "L16", 44100, 2
	case 11:
		c.Name, c.Clock = "L16", 44100
	case 12:
		c.Name = "QCELP"
	case 13:
		c.Name = "CN"
	case 14:
		c.Name, c.Clock = "MPA", 90000
	case 15:
		c.Name = "G728"
	case 16:
		c.Name, c.Clock = "DVI4", 11025
	case 17:
		c.Name, c.Clock = "DVI4", 22050
	case 18:
		c.Name = "G729"
	case 25:
		c.Name, c.Clock = "CelB", 90000
	case 26:
		c.Name, c.Clock = "JPEG", 90000
	case 28:
		c.Name, c.Clock = "nv", 90000
	case 31:
		c.Name, c.Clock = "H261", 90000
	case 32:
		c.Name, c.Clock = "MPV", 90000
	case 33:
		c.Name, c.Clock = "MP2T", 90000
	case 34:
		c.Name, c.Clock = "H263", 90000
	default:
		return Codec{}, false
	}
	return c, true
}

// payload reads a payload type: 0 to 127, without leading zeros.
func payload(s string) (int, bool) {
	v, n := scanUint(s)
	if n == 0 || n != len(s) || v > 127 || n > 1 && s[0] == '0' {
		return 0, false
	}
	return int(v), true
}

// payloadValue splits the value of rtpmap and fmtp: payload type, space, rest.
func payloadValue(v string) (pt int, rest string, ok bool) {
	number, rest, found := strings.Cut(strings.TrimLeft(v, " "), " ")
	pt, ok = payload(number)
	return pt, strings.Trim(rest, " "), ok && found
}

// rtpmap-value = payload-type SP encoding-name "/" clock-rate [ "/"
// encoding-params ] (RFC 8866 section 6.6)
func parseRTPMap(v string) (r RTPMap, ok bool) {
	r.Payload, v, ok = payloadValue(v)
	if !ok {
		return r, false
	}
	if r.Name, v, ok = strings.Cut(v, "/"); !ok || !isToken(r.Name) {
		return r, false
	}
	clock, params, _ := strings.Cut(v, "/")
	n, digits := scanUint(clock)
	if digits != len(clock) || n == 0 || n > math.MaxInt32 {
		return r, false
	}
	r.Clock = int(n)
	if n, digits := scanUint(params); digits > 0 && digits == len(params) && n <= 255 {
		r.Channels = int(n)
	}
	return r, true
}

// RTPMaps returns the a=rtpmap attributes of the section that follow their
// grammar, in order. A clock rate of 0 or a payload type above 127 does not.
func (m *Media) RTPMaps() []RTPMap {
	var out []RTPMap
	for i := range m.Attributes {
		if m.Attributes[i].Name == "rtpmap" {
			if r, ok := parseRTPMap(m.Attributes[i].Value); ok {
				out = append(out, r)
			}
		}
	}
	return out
}

// Codecs returns the payload types of the m= line in order, each once, with
// their encodings. It returns nil if the section is not RTP. A format that is
// no payload type is left out; one that neither a=rtpmap nor the static table
// defines has an empty Name.
func (m *Media) Codecs() []Codec {
	if !m.IsRTP() {
		return nil
	}
	var (
		out  = make([]Codec, 0, len(m.Formats))
		slot [128]uint8 // index+1 into out
	)
	for _, f := range m.Formats {
		if pt, ok := payload(f); ok && slot[pt] == 0 {
			out = append(out, Codec{Payload: pt})
			slot[pt] = uint8(len(out))
		}
	}
	for i := range m.Attributes {
		a := &m.Attributes[i]
		switch a.Name {
		case "rtpmap":
			r, ok := parseRTPMap(a.Value)
			if !ok || slot[r.Payload] == 0 {
				continue
			}
			if c := &out[slot[r.Payload]-1]; c.Name == "" {
				c.Name, c.Clock, c.Channels = r.Name, r.Clock, r.Channels
			}
		case "fmtp":
			pt, params, ok := payloadValue(a.Value)
			if !ok || slot[pt] == 0 || params == "" {
				continue
			}
			if c := &out[slot[pt]-1]; c.FMTP == "" {
				c.FMTP = params
			} else {
				c.FMTP += ";" + params
			}
		}
	}
	for i := range out {
		if c := &out[i]; c.Name == "" {
			if s, ok := StaticCodec(c.Payload); ok {
				c.Name, c.Clock, c.Channels = s.Name, s.Clock, s.Channels
			}
		}
	}
	return out
}

// SetCodecs replaces the formats of the m= line, and all a=rtpmap and a=fmtp
// of the section, by the codecs. The new attributes come first in the section,
// an rtpmap for every codec with a name, as RFC 3264 section 6 asks.
func (m *Media) SetCodecs(codecs []Codec) {
	formats := make([]string, 0, len(codecs))
	attrs := make(Attributes, 0, len(m.Attributes)+2*len(codecs))
	for _, c := range codecs {
		pt := strconv.Itoa(c.Payload)
		formats = append(formats, pt)
		if c.Name != "" {
			v := pt + " " + c.Name + "/" + strconv.Itoa(c.Clock)
			if c.Channels > 1 {
				v += "/" + strconv.Itoa(c.Channels)
			}
			attrs.Add("rtpmap", v)
		}
		if c.FMTP != "" {
			attrs.Add("fmtp", pt+" "+c.FMTP)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(m.Attributes), func(a Attribute) bool {
		return a.Name == "rtpmap" || a.Name == "fmtp"
	})
	m.Formats, m.Attributes = formats, append(attrs, rest...)
}
