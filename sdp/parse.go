package sdp

import (
	"errors"
	"fmt"
	"strings"
)

// parsed is a Description together with room for what nearly every
// description has, so that they are one allocation.
type parsed struct {
	Description
	session Connection
	times   [1]Time
	formats [8]string
	conns   [1]Connection
	bands   [1]Bandwidth
	media   [1]Media
	emails  [1]string
	phones  [1]string
}

// parser is the state of one parse. Attributes, formats, connections and
// bandwidths of all sections are cut from shared slices, each piece with its
// capacity closed, so that appending to one never writes into the next.
type parser struct {
	Parser
	out    *parsed
	media  *Media // section being read, nil in the session
	number int    // of the line
	line   string // text of the line, without its end
	rest   string // text of the lines after it
	fields int    // entries counted against MaxFields
	seen   uint32 // type letters seen in the section, bit 0 for a
	last   uint8  // rank of the section's latest field
	failed *SyntaxError

	attrs   []Attribute
	formats []string
	conns   []Connection
	bands   []Bandwidth
	// starts of the current section's piece
	attr0, conn0, band0 int
}

// Ranks give the order of the fields in a section (RFC 8866 section 9, rules
// session-description and media-description); 0 means not in that section.
// t=, r= and z= come in groups and share a rank.
var (
	sessionRank = [256]uint8{'v': 1, 'o': 2, 's': 3, 'i': 4, 'u': 5, 'e': 6, 'p': 7, 'c': 8, 'b': 9, 't': 10, 'r': 10, 'z': 10, 'k': 11, 'a': 12, 'm': 13}
	mediaRank   = [256]uint8{'m': 13, 'i': 14, 'c': 15, 'b': 16, 'k': 17, 'a': 18}
)

const (
	onceSession = 1<<('v'-'a') | 1<<('o'-'a') | 1<<('s'-'a') | 1<<('i'-'a') | 1<<('u'-'a') | 1<<('c'-'a') | 1<<('k'-'a')
	onceMedia   = 1<<('i'-'a') | 1<<('k'-'a')
)

var (
	errByte     = errors.New("NUL, or CR without LF")
	errEmpty    = errors.New("value is empty")
	errRange    = errors.New("number is missing or out of range")
	errTrailing = errors.New("text after the last element")
)

// session-description = version-field origin-field session-name-field
// [information-field] [uri-field] *email-field *phone-field
// [connection-field] *bandwidth-field 1*time-description [key-field]
// *attribute-field *media-description (RFC 8866 section 9)
func parse(cfg Parser, s string) (*Description, error) {
	p := parser{Parser: cfg, out: new(parsed)}
	if len(s) > p.MaxBytes {
		return nil, &SyntaxError{1, 1, "session-description", fmt.Errorf("%w: %d bytes, more than MaxBytes", ErrLimit, len(s))}
	}
	// All lines but v=, o=, s= and t= may be attributes; few others are likely.
	lines := max(strings.Count(s, "\n")-4, 0)
	p.attrs = make([]Attribute, 0, min(lines, p.MaxAttributes, 256))
	p.formats, p.conns, p.bands = p.out.formats[:0], p.out.conns[:0], p.out.bands[:0]
	returns := strings.Count(s, "\r")
	nul := strings.IndexByte(s, 0) >= 0

	p.rest = s
	for p.rest != "" && p.failed == nil {
		p.number++
		if i := strings.IndexByte(p.rest, '\n'); i < 0 {
			p.line, p.rest = p.rest, ""
		} else {
			p.line, p.rest = p.rest[:i], p.rest[i+1:]
		}
		if n := len(p.line); n > 0 && p.line[n-1] == '\r' {
			p.line = p.line[:n-1]
			returns--
		}
		if p.line == "" && strings.Trim(p.rest, "\r\n") == "" {
			break // empty lines at the end: a body followed by CRLF is common
		}
		p.field()
	}
	if p.failed == nil && (nul || returns > strings.Count(p.rest, "\r")) {
		p.badByte(s)
	}
	if p.failed == nil {
		p.end()
	}
	if p.failed != nil {
		return nil, p.failed
	}
	return &p.out.Description, nil
}

// badByte reports the first NUL, or CR that is no part of a line's end.
func (p *parser) badByte(s string) {
	p.number = 0
	for line := range strings.Lines(s) {
		p.number++
		p.line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if i := strings.IndexAny(p.line, "\x00\r"); i >= 0 {
			p.fail(p.line[i:], "byte-string", errByte)
			return
		}
	}
}

// fail records the first error. rest is the end of the line from the offending
// byte on.
func (p *parser) fail(rest, rule string, err error) {
	if p.failed == nil {
		p.failed = &SyntaxError{p.number, len(p.line) - len(rest) + 1, rule, err}
	}
}

func (p *parser) tolerates(t Tolerance) bool { return p.Tolerance&t != 0 }

// field reads one line: a type letter, "=" and the value.
func (p *parser) field() {
	s := p.line
	if len(s) > p.MaxLine {
		p.fail(s, "line", fmt.Errorf("%w: %d bytes, more than MaxLine", ErrLimit, len(s)))
		return
	}
	if len(s) < 2 || s[1] != '=' {
		p.fail(s, "line", errors.New(`not a letter and "="`))
		return
	}
	ranks, once, rule := &sessionRank, uint32(onceSession), "session-description"
	if p.media != nil {
		ranks, once, rule = &mediaRank, onceMedia, "media-description"
	}
	if sessionRank[s[0]] == 0 {
		// Unknown type letters refuse the whole description (RFC 8866 section 5).
		p.fail(s, rule, fmt.Errorf("unknown type letter %q", s[0]))
		return
	}
	rank := ranks[s[0]]
	switch bit := uint32(1) << (s[0] - 'a'); {
	case p.number == 1 && s[0] != 'v':
		p.fail(s, "version-field", errors.New("the first line must be v="))
		return
	case rank == 0:
		p.fail(s, rule, fmt.Errorf("%c= is not allowed in a media section", s[0]))
		return
	case rank < p.last && s[0] != 'm' && !p.tolerates(TolerateOrder):
		p.fail(s, rule, fmt.Errorf("%c= out of order", s[0]))
		return
	case p.seen&once&bit != 0:
		p.fail(s, rule, fmt.Errorf("second %c=", s[0]))
		return
	default:
		p.seen |= bit
		p.last = rank
	}
	p.value(s[0], s[2:])
}

// end closes the last section and checks what must be there.
func (p *parser) end() {
	p.closeSection()
	d := &p.out.Description
	p.line = ""
	if p.number == 0 {
		p.number = 1
	}
	if p.media == nil {
		p.required() // with media, done at the first m=
	}
	if p.failed != nil || d.Connection != nil || p.tolerates(TolerateConnection) {
		return
	}
	for i := range d.Media {
		// c= in the session or in every media section (RFC 8866 section 5.7); a
		// refused stream has no use for one.
		if m := &d.Media[i]; m.Port != 0 && len(m.Connections) == 0 {
			p.fail("", "connection-field", fmt.Errorf("neither the session nor m= section %d has a c= line", i+1))
			return
		}
	}
}

// required checks for the fields that every session has.
func (p *parser) required() {
	for _, c := range "vost" {
		if p.seen&(1<<(c-'a')) != 0 || (c == 's' || c == 't') && p.tolerates(TolerateMissing) {
			continue
		}
		p.fail(p.line, "session-description", fmt.Errorf("%c= is missing before this line", c))
		return
	}
}

// closeSection hands the finished section its attributes, connections and
// bandwidths.
func (p *parser) closeSection() {
	attrs := p.attrs[p.attr0:len(p.attrs):len(p.attrs)]
	bands := p.bands[p.band0:len(p.bands):len(p.bands)]
	conns := p.conns[p.conn0:len(p.conns):len(p.conns)]
	p.attr0, p.band0, p.conn0 = len(p.attrs), len(p.bands), len(p.conns)
	if p.media == nil {
		p.out.Attributes, p.out.Bandwidths = piece(attrs), piece(bands)
		return
	}
	p.media.Attributes, p.media.Bandwidths, p.media.Connections = piece(attrs), piece(bands), piece(conns)
}

// piece returns nil for an empty slice, so that it does not keep its array.
func piece[S ~[]E, E any](s S) S {
	if len(s) == 0 {
		return nil
	}
	return s
}

// count counts an entry against MaxFields.
func (p *parser) count(rest string) bool {
	if p.fields++; p.fields > p.MaxFields {
		p.fail(rest, "session-description", fmt.Errorf("%w: more entries of e=, p=, c=, b=, t=, r= and z= than MaxFields", ErrLimit))
		return false
	}
	return true
}
