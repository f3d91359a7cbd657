package sip

import "github.com/gosofia/sofia/msg"

// FragmentType is the media type of [ParseFragment] and [NewFragment] (RFC 3420).
const FragmentType = "message/sipfrag;version=2.0"

// ParseFragment reads a body of type message/sipfrag: part of a SIP message, of
// which start line, any headers and the body may be missing. What is there must
// be valid; see [msg.ParseFragment].
func ParseFragment(s string) (*msg.Message, error) {
	return msg.ParseFragment(class, s, msg.Limits{})
}

// NewFragment makes a body of type message/sipfrag of what the setters give. The
// NOTIFY of a REFER carries one with a [msg.StatusLine] (RFC 3515 section
// 2.4.5):
//
//	frag, err := sip.NewFragment(msg.StatusLine(180, "Ringing"))
//	set := sip.Payload(sip.FragmentType, frag.String())
func NewFragment(set ...msg.Setter) (*msg.Message, error) {
	m, err := msg.NewFragment(class, set...)
	if err == nil {
		err = m.Err()
	}
	if err != nil {
		return nil, err
	}
	return m, nil
}
