package msg

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Parse reads one message: a datagram, or what a [Framer] cut out of a stream.
// The message shares s. There are three results:
//
//   - (m, nil): a good message.
//   - (m, err): a message to refuse, because something that every layer needs
//     is missing, doubled or malformed, or a limit is exceeded. err is a
//     *[SyntaxError] whose Status fits the answer; m holds what could be read,
//     enough to make one.
//   - (nil, err): noise without a readable start line. There is nobody to
//     answer.
//
// CRLFs before the start line are skipped (RFC 3261 section 7.5), octets
// after the body that Content-Length announces are dropped, and without
// Content-Length the body goes to the end (section 18.3). Parse makes one
// allocation for a good message, two if it has more than 32 fields, and takes
// time linear in the length of s.
//
// Where the class has a body rule of its own, that one finds the body; for a
// response whose request is known use [Exchange.Parse].
func Parse(c *Class, s string, lim Limits) (*Message, error) { return parse(c, s, lim, Exchange{}) }

func parse(c *Class, s string, lim Limits, x Exchange) (*Message, error) {
	p := parser{s: s, lim: defaultLimits}
	if lim != (Limits{}) {
		p.lim = lim.resolved()
	}
	for strings.HasPrefix(s[p.pos:], "\r\n") {
		p.pos += 2
	}
	if p.pos == len(s) || len(s) >= noLimit {
		return nil, &SyntaxError{Offset: p.pos, Err: ErrNoStartLine}
	}
	m := new(Message)
	m.class, m.text, m.members = c, s, int32(p.lim.ListMembers)
	p.m = m
	if !p.startLine() {
		return nil, &SyntaxError{Offset: p.pos, Err: ErrNoStartLine}
	}
	p.headers()
	p.octets()
	if c.grammar.Body != nil {
		p.framed(x)
	} else {
		p.takeBody()
	}
	if !p.odd && p.done&c.needed == c.needed {
		m.run(Check{m: m, done: true})
	} else {
		m.check(nil, nil, false)
	}
	p.unframed()
	if m.bad() {
		return m, m.Err()
	}
	return m, nil
}

type parser struct {
	m     *Message
	s     string
	pos   int
	head  int // where the start line begins
	lim   Limits
	lines int
	bare  bool   // a line ended in LF without CR
	long  bool   // limits of octets must be looked at
	first int    // where the first field begins
	again uint32 // the places of headers that stand again, a bit each
	odd   bool   // a Scanner has left something to Check
	done  uint32 // the places of headers that were scanned, a bit each

	framing error // of Grammar.Body
}

//go:noinline
func (p *parser) fault(off int, header string, err error) {
	e := &SyntaxError{Offset: off, Header: header, Err: err}
	if len(p.m.faults) < 16 { // the first few tell enough
		p.m.faults = append(p.m.faults, e)
	}
}

// line returns the end of the line at p.pos without and with its line end. A
// bare LF ends a line, too: the octets check refuses the message, but what is
// in it can be told.
func (p *parser) line() (end, next int) {
	i := strings.IndexByte(p.s[p.pos:], '\n')
	if i < 0 {
		return len(p.s), len(p.s)
	}
	p.lines++
	next = p.pos + i + 1
	end = next - 1
	if end > p.pos && p.s[end-1] == '\r' {
		return end - 1, next
	}
	p.bare = true
	return end, next
}

// headers finds the header fields up to the empty line. It reads by itself what
// is usual: a name that the class knows, the colon and one space or none, a value
// in one line. All else is for field.
func (p *parser) headers() {
	m := p.m
	p.first = p.pos
	// In a short message nothing but the number of lines can be over a limit.
	p.long = len(p.s) > min(p.lim.Headers, p.lim.Header, maxGap)
	table, before := m.inline[:], 0 // the fields that plain may fill, and how many stand before them
	for n := 0; ; {
		end := len(table)
		if p.long {
			end = n
		} else if left := p.lim.Lines - p.lines; left < end-n {
			end = n + max(left, 0)
		}
		last := n
		n = p.plain(m, table[:end], n, before)
		p.lines += n - last
		m.n = int32(before + n)
		if before != 0 {
			m.more = table[:n]
		}
		if strings.HasPrefix(p.s[p.pos:], "\r\n") { // the end of the head
			p.lines++
			p.pos += 2
			return
		}
		if !p.field() {
			return
		}
		if m.n > inlineFields {
			table, before = m.more[:cap(m.more)], inlineFields
		}
		n = int(m.n) - before
	}
}

// plain reads fields into the places of table from n on, stops before the first
// that is unusual, and returns where it stopped.
func (p *parser) plain(m *Message, table []field, n, before int) int {
	c, s, lo := m.class, p.s, uint(p.pos)
	for uint(n) < uint(len(table)) && lo+18 <= uint(len(s)) {
		q := s[lo : lo+16]
		head, tail := load(q), uint64(0)
		if t := colons(head); t != 0 {
			head &= t&-t>>7 - 1
		} else {
			tail = load(q[8:])
			if t = colons(tail); t != 0 {
				tail &= t&-t>>7 - 1
			}
		}
		e := c.quick[quick(head, tail, c.seed)]
		size := uint(e.size)
		if e.head != head || e.tail != tail || size > 15 || q[size] != ':' { // NUL would pass for the end
			if uint16(head) == crlf {
				break
			}
			if e, size = c.unusual(s[lo:], head, tail); e == nil {
				break
			}
		}
		val := lo + size + 1
		if val+1 >= uint(len(s)) {
			break
		}
		if s[val] == ' ' {
			val++
		}
		if s[val] <= ' ' {
			break
		}
		f := &table[n]
		f.lo, f.nameLen, f.valOff, f.trail, f.id = uint32(lo), uint16(size), uint16(val-lo), 2, e.id
		at := &m.first[e.place%places]
		hi := uint(0)
		if e.scan != nil && *at == 0 {
			*at = uint8(min(before+n+1, beyond))
			p.done |= 1 << (e.place % places)
			hi = uint(e.scan(s, int(val), &m.marked))
			if hi <= val || !lineEnds(s, hi) {
				*at = 0
				p.odd = true
				break
			}
		} else {
			hi = lo + uint(strings.IndexByte(s[lo:], '\n')) - 1
			if !lineEnds(s, hi) || hi <= val || s[hi-1] <= ' ' {
				break
			}
			if *at == 0 {
				*at = uint8(min(before+n+1, beyond))
			} else if e.place != 0 {
				p.again |= 1 << (e.place % places)
				if e.place&kindCritical != 0 {
					m.flags |= doubled
				}
			}
		}
		f.valEnd = uint32(hi)
		n++
		lo = hi + 2
	}
	p.pos = int(lo)
	return n
}

// crlf is CR LF as two packed octets.
const crlf = '\r' | '\n'<<8

// lineEnds reports whether a line ends at i, and the next does not continue it.
func lineEnds(s string, i uint) bool {
	if i > uint(len(s)) || uint(len(s))-i < 4 {
		return false
	}
	q := s[i : i+4]
	w := uint32(q[0]) | uint32(q[1])<<8 | uint32(q[2])<<16 | uint32(q[3])<<24
	return uint16(w) == crlf && (uint8(w>>16) > ' ' || uint8(w>>16) == '\r')
}

// unusual finds a name at the start of line that is compact, long, written in
// another case, or not known to the class; head and tail are its key. It leaves
// names that are no tokens or longer than longName to field.
func (c *Class) unusual(line string, head, tail uint64) (e *entry, size uint) {
	n := strings.IndexByte(line[:min(len(line), longName)], ':')
	if n <= 0 {
		return nil, 0
	}
	if e = c.findKey(line[:n], head, tail); e == nil && scan.IsToken(line[:n]) {
		e = &unknown
	}
	return e, uint(n)
}

// longName is the length of names that plain does not read.
const longName = 48

// field reads the next field, whatever it looks like. It reports false at the end
// of the head.
func (p *parser) field() bool {
	m, s, lo := p.m, p.s, p.pos
	line := s[lo:]
	i := strings.IndexByte(line, '\n')
	if i < 0 { // cut short
		p.pos = len(s)
		p.fault(lo, "", ErrHeadEnd)
		return false
	}
	p.lines++
	next := lo + i + 1
	p.pos = next
	if i > 0 && line[i-1] == '\r' {
		i--
	} else {
		p.bare = true
	}
	if i == 0 {
		return false
	}
	if next < len(s) && (s[next] == ' ' || s[next] == '\t') {
		if m.class.grammar.NoFolds && m.IsRequest() { // RFC 9112 section 5.2
			p.fault(lo, "", ErrFold)
		}
		end := p.folds()
		if end < 0 {
			p.fault(lo, "", ErrHeadEnd)
			return false
		}
		i, next = end-lo, p.pos
	}
	if p.lines-1 > p.lim.Lines || p.long && next-p.first > p.lim.Headers {
		p.fault(lo, "", ErrHeadTooLarge)
		p.skipHead()
		return false
	}
	e, n, at := p.name(line, i)
	if e == nil {
		p.badField(lo, next, nil)
		return true
	}
	val := at + 1
	if val < i && line[val] == ' ' {
		val++
	}
	if val < i && scan.IsSpace(line[val]) {
		val = scan.Space(line[:i], val)
	}
	valEnd := i
	for valEnd > val && scan.IsSpace(line[valEnd-1]) {
		valEnd--
	}
	if p.long && (next-lo > p.lim.Header || val > maxGap || next-lo-valEnd > maxGap) { // the gaps are white space
		p.badField(lo, next, e)
		return true
	}
	if e.place != 0 {
		if m.first[e.place%places] != 0 {
			p.again |= 1 << (e.place % places)
		} else if e.scan != nil {
			p.odd = true
		}
		m.note(int(m.n), e.place)
	}
	f := p.room()
	f.lo, f.valEnd = uint32(lo), uint32(lo+valEnd)
	f.nameLen, f.valOff, f.trail, f.id = uint16(n), uint16(val), uint16(next-lo-valEnd), e.id
	return true
}

// name finds the name at the start of s, whose line ends at end, its length, and
// the colon. e is nil if there is none.
func (p *parser) name(s string, end int) (e *entry, n, at int) {
	s = s[:end]
	if at = strings.IndexByte(s, ':'); at <= 0 {
		return nil, 0, 0
	}
	name := s[:at]
	if !p.m.class.grammar.TightNames {
		for name != "" && (name[len(name)-1] == ' ' || name[len(name)-1] == '\t') {
			name = name[:len(name)-1]
		}
	}
	if e = p.m.class.find(name); e == nil && scan.IsToken(name) {
		e = &unknown
	}
	return e, len(name), at
}

// unknown is the entry of all headers that the class does not know.
var unknown = entry{kind: kindUnknown}

// room returns the place of the next field. Filling it there, octet counts and
// all, is much faster than copying a field that was put together elsewhere.
func (p *parser) room() *field {
	n := uint32(p.m.n)
	p.m.n++
	if n < inlineFields {
		return &p.m.inline[n]
	}
	return p.overflow()
}

// badField notes why the field between lo and next is left out. e is nil if it
// has no name.
func (p *parser) badField(lo, next int, e *entry) {
	switch {
	case e != nil:
		p.fault(lo, e.name, ErrHeaderTooLong)
	case next-lo > p.lim.Header:
		p.fault(lo, "", ErrHeaderTooLong)
	default:
		p.fault(lo, "", ErrFieldName)
	}
}

// folds goes over the lines that continue a field and returns where its text
// ends, -1 if the last line has no end.
func (p *parser) folds() (end int) {
	for p.pos < len(p.s) && (p.s[p.pos] == ' ' || p.s[p.pos] == '\t') {
		e, next := p.line()
		p.pos = next
		if next == e {
			return -1
		}
		end = e
	}
	return end
}

// overflow is room beyond the fields in the message.
func (p *parser) overflow() *field {
	m := p.m
	if m.more == nil {
		// One slice for all that is left, however many: at most one field a line.
		rest := p.s[p.pos:]
		if i := strings.Index(rest, "\r\n\r\n"); i >= 0 {
			rest = rest[:i+2]
		}
		m.more = make([]field, 0, min(strings.Count(rest, "\n"), max(0, p.lim.Lines-p.lines+1))+1)
	}
	m.more = append(m.more, field{})
	return &m.more[len(m.more)-1]
}

// skipHead goes to the end of an oversized head.
func (p *parser) skipHead() {
	if i := strings.Index(p.s[p.pos-2:], "\r\n\r\n"); i >= 0 {
		p.pos += i + 2
		return
	}
	p.pos = len(p.s)
}

// octets refuses what must stand nowhere in a head: LF without CR, CR without
// LF, and NUL but for the one place where the grammar has it, a quoted-pair
// (RFC 3261 section 25.1; RFC 4475 section 3.1.1.2).
func (p *parser) octets() {
	head := p.s[p.head:p.pos]
	if strings.IndexByte(head, 0) >= 0 {
		p.nul(head)
	}
	if !p.bare && strings.Count(head, "\r") == p.lines {
		return
	}
	for i := range len(head) {
		switch {
		case head[i] == '\n' && (i == 0 || head[i-1] != '\r'),
			head[i] == '\r' && (i+1 == len(head) || head[i+1] != '\n'):
			p.m.flags |= unclean
			p.fault(p.head+i, "", ErrLineEnd)
			return
		}
	}
}

func (p *parser) nul(head string) {
	escaped := false
	for i := range len(head) {
		switch {
		case head[i] == 0 && (!escaped || p.m.class.grammar.NoNUL):
			p.m.flags |= unclean
			p.fault(p.head+i, "", ErrControl)
			return
		case head[i] == '\\':
			escaped = !escaped
		default:
			escaped = false
		}
	}
}

// takeBody finds the body (RFC 3261 section 18.3).
func (p *parser) takeBody() {
	m := p.m
	rest := p.s[p.pos:]
	m.body = rest
	if first := m.next(0, IDContentLength, ""); first >= 0 {
		f := m.at(first)
		n, err := length(p.s[f.val():f.valEnd], uint64(len(rest)))
		if p.again>>(m.class.place(IDContentLength)%places)&1 != 0 {
			err = p.lengths(first+1, n, err)
		}
		if err != nil {
			p.fault(int(f.lo), m.class.name(IDContentLength), err)
		} else {
			m.body = rest[:n]
		}
	}
	if len(m.body) > p.lim.Body {
		p.fault(p.pos, "", ErrBodyTooLarge)
	}
}

// lengths refuses a Content-Length from field i on that is not n (RFC 4475
// section 3.3.9).
func (p *parser) lengths(i int, n uint64, err error) error {
	m := p.m
	for i = m.next(i, IDContentLength, ""); i >= 0 && err == nil; i = m.next(i+1, IDContentLength, "") {
		if again, err2 := length(m.value(m.at(i)), noLimit); err2 != nil || again != n {
			return ErrDouble
		}
	}
	return err
}

// length reads a Content-Length: digits only, no sign, no list, and not above limit.
func length(v string, limit uint64) (uint64, error) {
	n, fits, ok := scan.Uint(v, limit)
	if !ok || !fits {
		return 0, ErrLength
	}
	return n, nil
}
