package sip

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosofia/sofia/msg"
)

// StrictClass returns a class that forgives nothing: it reads with msg.Strict,
// and every malformed value of a header that this package types refuses the
// message. It is for test tools and for borders that let nothing doubtful pass;
// the RFC's own rule is to ignore a malformed header that is not needed
// (RFC 3261 sections 8.2 and 16.3), as [Class] does. To forgive nothing to those
// who look, but refuse no more messages than Class, use
// Class().Reading(msg.Strict).
func StrictClass() *msg.Class { return strictClass }

var strictClass = ClassWith(RefuseAll).Reading(msg.Strict)

// checkStrict refuses what the class does not forgive in the start line, in the
// headers that every message needs, and in those it does not know.
func checkStrict(c msg.Check, t msg.Tolerance) {
	m := c.Message()
	if m.IsRequest() {
		if !uri(m.RequestURI(), t) {
			c.Fail(0, ErrURI)
		}
	} else if phrase := m.Phrase(); !isPhrase(phrase, t) || phrase == "" && !spaced(m) {
		c.Fail(0, msg.ErrStartLine)
	}
	for _, id := range []msg.ID{IDVia, IDFrom, IDTo, IDCallID, IDCSeq, msg.IDMaxForwards} {
		checkValues(c, m, id)
	}
	checkStar(c, m)
	var seen [msg.FirstHTTP / 64]uint64
	class := m.Class()
	for f := range m.Fields() {
		if f.ID == 0 || f.ID >= msg.FirstHTTP {
			if !isExtension(f.Value) {
				c.Fail(0, msg.ErrControl)
			}
			continue
		}
		if info, ok := class.Info(f.ID); !ok || info.Kind != msg.Single || info.Critical || f.ID == msg.IDContentLength {
			continue
		}
		if w, b := &seen[f.ID/64], uint64(1)<<(f.ID%64); *w&b != 0 {
			c.Fail(f.ID, msg.ErrDouble)
		} else {
			*w |= b
		}
	}
}

// checkStart is checkStrict for a start line that was composed.
func checkStart(m *msg.Message) error {
	if !m.IsRequest() {
		if !isPhrase(m.Phrase(), msg.Strict) {
			return fmt.Errorf("reason phrase %q: escape what is no letter, digit or mark: %w", m.Phrase(), msg.ErrValue)
		}
		return nil
	}
	target := m.RequestURI()
	if plainURI(target) == len(target) {
		return nil
	}
	var u URI
	if u.parse(target) != nil || u.Headers != "" || !uri(target, msg.Strict) {
		return fmt.Errorf("Request-URI %q: %w: %w", target, msg.ErrValue, ErrURI)
	}
	return nil
}

// checkStar refuses a Contact that has other values beside "*".
//
//	Contact = ("Contact" / "m" ) HCOLON ( STAR / (contact-param *(COMMA contact-param)))
func checkStar(c msg.Check, m *msg.Message) {
	n, star := 0, false
	for a, err := range Contact.All(m) {
		if err != nil { // refused for that
			return
		}
		n++
		star = star || a.Star()
	}
	if star && n > 1 {
		c.Fail(IDContact, msg.ErrTrailing)
	}
}

// checkValues refuses the message if a value of the header is malformed.
func checkValues(c msg.Check, m *msg.Message, id msg.ID) {
	for _, err := range Decode(m, id) {
		if err == nil {
			continue
		}
		var e *msg.SyntaxError
		if errors.As(err, &e) {
			err = e.Err
		}
		c.Fail(id, err)
		return
	}
}

// spaced reports whether a SP follows the status code of a response without a
// reason phrase.
//
//	Status-Line = SIP-Version SP Status-Code SP Reason-Phrase CRLF
func spaced(m *msg.Message) bool {
	line, _, _ := strings.Cut(m.String(), "\r\n")
	return strings.HasSuffix(line, " ")
}

// isPhrase checks a reason phrase.
//
//	Reason-Phrase = *(reserved / unreserved / escaped / UTF8-NONASCII / UTF8-CONT / SP / HTAB)
func isPhrase(s string, t msg.Tolerance) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x80 || c == ' ' || c == '\t':
		case c == '%' && !t.Has(msg.TextOctets):
			if !all(s[i:min(i+3, len(s))], 0) {
				return false
			}
		case c < ' ' || c == 0x7f:
			return false
		case uriClass[c]&(reserved|inPassword) == 0 && !t.Has(msg.TextOctets):
			return false
		}
	}
	return true
}

// isExtension checks the value of a header that the class does not know.
//
//	header-value = *(TEXT-UTF8char / UTF8-CONT / LWS)
func isExtension(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' && c != '\r' && c != '\n' || c == 0x7f {
			return false
		}
	}
	return true
}
