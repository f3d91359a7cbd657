package msg

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// ParseFragment reads a part of a message, the body of type message/sipfrag (RFC
// 3420): a start line, header fields and a body, of which any may be missing.
// If a body is there, the empty line is there too.
//
//	sipfrag = [ start-line ] *message-header [ CRLF [ message-body ] ]
//
// The result is a Message that [Message.AppendText] writes byte for byte as it
// came; it has no Method, Status and Version if it has no start line. Headers
// that are missing are not missed; what is there is checked when it is decoded.
// A last line without line end is read, as many senders write it. The error, a
// *[SyntaxError], is the first thing that breaks the grammar of lines; the
// Message then holds what could be read.
func ParseFragment(c *Class, s string, lim Limits) (*Message, error) {
	return parseFragment(c, s, lim.resolved(), true)
}

// parseFragment reads a fragment, with a start line if start is true and it has
// one. Without, it is the part of a multipart.
func parseFragment(c *Class, s string, lim Limits, start bool) (*Message, error) {
	if len(s) >= noLimit-4 {
		return nil, &SyntaxError{Offset: 0, Err: ErrBodyTooLarge}
	}
	text := s
	short := 0
	if !hasHeadEnd(s) {
		if s != "" && !strings.HasSuffix(s, "\n") {
			text, short = text+"\r\n", 2
		}
		text, short = text+"\r\n", short+2
	}
	m := &Message{class: c, text: text, members: int32(lim.ListMembers), flags: fragment, short: uint8(short)}
	p := parser{s: text, lim: lim, m: m}
	if start && !isField(text) && !p.startLine() {
		*m = Message{class: c, text: text, members: m.members, flags: fragment, short: m.short}
		p = parser{s: text, lim: lim, m: m}
	}
	p.headers()
	p.octets()
	if m.body = text[p.pos:]; len(m.body) > lim.Body {
		p.fault(p.pos, "", ErrBodyTooLarge)
	}
	if i := m.next(0, IDContentLength, ""); start && i >= 0 && m.body != "" { // without body it tells of the whole message
		if n, err := length(m.value(m.at(i)), noLimit); err != nil || n != uint64(len(m.body)) {
			p.fault(int(m.at(i).lo), m.class.name(IDContentLength), ErrLength)
		}
	}
	m.check(nil, nil, false)
	if n := m.Len(); n < 0 { // the field without line end could not be read
		m.short -= uint8(-n)
	}
	return m, m.Err()
}

// hasHeadEnd reports whether s has the empty line that ends a head.
func hasHeadEnd(s string) bool {
	return strings.HasPrefix(s, "\r\n") || strings.HasPrefix(s, "\n") || strings.Contains(s, "\n\r\n") || strings.Contains(s, "\n\n")
}

// isField reports whether s begins with a header field, not a start line.
func isField(s string) bool {
	i := scan.Space(s, scan.Token(s, 0))
	return i < len(s) && s[i] == ':'
}

// NewFragment makes a fragment of class c from nothing, of what the setters
// give. [Body] adds a Content-Length; [Framed] does not.
func NewFragment(c *Class, set ...Setter) (*Message, error) {
	empty := Message{class: c, members: DefaultListMembers, flags: fragment}
	return empty.edit(nil, set)
}

// IsFragment reports whether m was made by [ParseFragment] or [NewFragment], or
// is an edited copy of such a message.
func (m *Message) IsFragment() bool { return m.flags&fragment != 0 }

// HasStartLine reports whether m has a start line, as all messages but
// fragments do.
func (m *Message) HasStartLine() bool { return m.flags&hasStart != 0 }
