package soa

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// SetUser gives the session the user's template: the media it wants, in order
// of preference, with ports, codecs, directions and further attributes. Only
// the m= lines are needed. Of the session part, s=, i=, u=, e=, p=, c=, b=, k=
// and attributes are used, and o= if its ID is not 0 and no offer or answer was
// made yet. t= is used in offers.
//
// A stream of the template with port 0 is one that the user refuses. SetUser
// changes nothing by itself: the next Offer or Answer follows the template,
// and streams that were refused earlier are asked for again. The description
// is copied. An error matches [ErrBadUser].
func (s *Session) SetUser(d *sdp.Description) error {
	if err := s.check("SetUser"); err != nil {
		return err
	}
	if d == nil {
		return &Error{Op: "SetUser", Err: ErrNoUser}
	}
	if err := checkUser(d); err != nil {
		return &Error{Op: "SetUser", Err: cause{ErrBadUser, err}}
	}
	s.user = d.Clone()
	s.gen++
	return nil
}

// SetUserText is SetUser for a template in text form. Lines v=, o=, s= and t=
// may be missing: "m=audio 5004 RTP/AVP 0 8" is enough.
func (s *Session) SetUserText(text string) error {
	if err := s.check("SetUserText"); err != nil {
		return err
	}
	d, err := parseUser(text)
	if err == nil {
		err = checkUser(d)
	}
	if err != nil {
		return &Error{Op: "SetUserText", Err: cause{ErrBadUser, err}}
	}
	s.user = d
	s.gen++
	return nil
}

// parseUser reads a template, with the lines that a description must have
// added where they are missing.
func parseUser(text string) (*sdp.Description, error) {
	prefix, lines := "", 0
	head, _, _ := strings.Cut("\n"+text, "\nm=")
	if !strings.HasPrefix(text, "v=") {
		prefix, lines = "v=0\n", 1
	}
	if !strings.Contains(head, "\no=") {
		if prefix == "" {
			_, text, _ = strings.Cut(text, "\n")
			prefix, lines = "v=0\n", 0
		}
		prefix += "o=- 0 0 IN IP4 0.0.0.0\n"
		lines++
	}
	p := sdp.Parser{Tolerance: sdp.DefaultTolerance | sdp.TolerateConnection}
	d, err := p.Parse(prefix + text)
	var e *sdp.SyntaxError
	if errors.As(err, &e) {
		e.Line = max(1, e.Line-lines)
	}
	return d, err
}

// checkUser refuses a template from which no valid offer can be made.
func checkUser(d *sdp.Description) error {
	if _, err := d.AppendText(nil); err != nil {
		return err
	}
	if o := d.Origin; o.ID >= 1<<63 || o.Version >= 1<<62-1 {
		return errors.New("o= must fit in 63 bits, its version be less than 2^62-1 (RFC 3264 section 5)")
	}
	for i := range d.Media {
		m := &d.Media[i]
		if m.Malformed != "" {
			return fmt.Errorf("m= section %d is malformed", i+1)
		}
		for _, name := range []string{"ptime", "maxptime"} {
			if v, ok := m.Attributes.Get(name); ok {
				if ms, err := strconv.ParseFloat(v, 64); err != nil || !(ms > 0) {
					return fmt.Errorf("m= section %d: %s must be greater than 0 (RFC 3264 section 5.1)", i+1, name)
				}
			}
		}
		if !m.IsRTP() || m.Port == 0 {
			continue
		}
		codecs := m.Codecs()
		if len(codecs) != len(m.Formats) {
			return fmt.Errorf("m= section %d: each format must be a payload type, 0 to 127, named once", i+1)
		}
		for _, c := range codecs {
			if c.Name == "" {
				return fmt.Errorf("m= section %d: payload type %d needs an a=rtpmap line", i+1, c.Payload)
			}
		}
	}
	return nil
}

// SetAddress changes Config.Address, for an application that learns its
// address late or moves to another network. It takes effect with the next
// offer or answer.
func (s *Session) SetAddress(address string) { s.cfg.Address = address }
