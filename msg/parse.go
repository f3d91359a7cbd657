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
	m.check(nil, nil, false)
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
	bare  bool // a line ended in LF without CR

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

// startLine reads the start line; it reports false if it cannot be told from noise.
//
//	Request-Line = Method SP Request-URI SP SIP-Version CRLF
//	Status-Line  = SIP-Version SP Status-Code SP Reason-Phrase CRLF
func (p *parser) startLine() bool {
	m, lo := p.m, p.pos
	end, next := p.line()
	if next == end { // no line end at all
		return false
	}
	p.head = lo
	line := p.s[lo:end]
	m.start = span{uint32(lo), uint32(end)}
	m.flags |= hasStart
	ok := false
	switch {
	case p.plainRequest(line, lo):
		ok = true
	case scan.HasPrefixFold(line, m.class.protocol):
		ok = p.statusLine(line, lo)
	default:
		ok = p.requestLine(line, lo)
	}
	if !ok {
		return false
	}
	if len(line) > p.lim.StartLine {
		p.fault(lo, "", ErrStartLineTooLong)
	}
	if v := m.Version(); v != m.class.version && !scan.EqualFold(v, m.class.version) && !m.class.grammar.reads(v) { // RFC 3261 section 7.1
		p.m.faults = append([]*SyntaxError{{Offset: lo, Err: ErrVersion}}, p.m.faults...)
	}
	p.pos = next
	return true
}

// plainRequest reads a request line with nothing unusual in it; it reports false
// for all others, and for status lines.
func (p *parser) plainRequest(line string, lo int) bool {
	m := p.m
	k := len(line) - len(m.class.version) - 1 // where the second space stands
	if k < 0 || line[k] != ' ' || line[k+1:] != m.class.version {
		return false
	}
	i := scan.Token(line, 0)
	if i == 0 || i >= k-1 || line[i] != ' ' || !scan.IsText(line[i+1:k]) {
		return false
	}
	m.flags |= isRequest
	m.word1 = span{uint32(lo), uint32(lo + i)}
	m.word2 = span{uint32(lo + i + 1), uint32(lo + k)}
	m.word3 = span{uint32(lo + k + 1), uint32(lo + len(line))}
	return true
}

func (p *parser) requestLine(line string, lo int) bool {
	m := p.m
	at := func(i, j int) span { return span{uint32(lo + i), uint32(lo + j)} }
	i := scan.Token(line, 0)
	if i == 0 || i == len(line) || line[i] != ' ' {
		return false
	}
	end := len(line)
	for line[end-1] == ' ' || line[end-1] == '\t' { // RFC 4475 section 3.1.2.10
		end--
	}
	k := strings.LastIndexByte(line[:end], ' ')
	if k < i || !scan.HasPrefixFold(line[k+1:end], m.class.protocol) {
		return false
	}
	m.flags |= isRequest
	m.word1 = at(0, i)
	m.word3 = at(k+1, end)
	uri := ""
	if k > i {
		uri = line[i+1 : k]
	}
	m.word2 = at(min(i+1, k), k)
	// Exactly one SP between the elements, none in the URI (section 7.1).
	if end != len(line) || uri == "" || strings.IndexByte(uri, ' ') >= 0 || scan.HasControl(uri) || strings.IndexByte(uri, '\t') >= 0 {
		p.fault(lo, "", ErrStartLine)
	}
	return true
}

func (p *parser) statusLine(line string, lo int) bool {
	m := p.m
	at := func(i, j int) span { return span{uint32(lo + i), uint32(lo + j)} }
	i := strings.IndexByte(line, ' ')
	if i < 0 {
		return false
	}
	m.word1 = at(0, i)
	j := scan.Digits(line, i+1)
	if j == i+1 {
		return false
	}
	m.word2 = at(len(line), len(line))
	switch {
	case j < len(line) && line[j] == ' ':
		m.word2 = at(j+1, len(line))
		if scan.HasControl(line[j+1:]) {
			p.fault(lo, "", ErrStartLine)
		}
	case j < len(line):
		p.fault(lo, "", ErrStartLine)
	}
	// A phrase that is missing together with its space is read as an empty one.
	code, fits, _ := scan.Uint(line[i+1:j], 699)
	if !fits || code < 100 || j-i != 4 {
		p.fault(lo, "", ErrStatusCode)
		return true
	}
	m.status = uint16(code)
	return true
}

// headers finds the header fields up to the empty line.
//
//	header-name HCOLON header-value CRLF
//	HCOLON = *( SP / HTAB ) ":" SWS
func (p *parser) headers() {
	m, s, first := p.m, p.s, p.pos
	// In a short message nothing but the number of lines can be over a limit.
	long := len(s) > min(p.lim.Headers, p.lim.Header, maxGap)
	for {
		lo := p.pos
		line := s[lo:]
		i := strings.IndexByte(line, '\n')
		if i < 0 { // cut short
			p.pos = len(s)
			p.fault(lo, "", ErrHeadEnd)
			return
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
			return
		}
		if next < len(s) && (s[next] == ' ' || s[next] == '\t') {
			if m.class.grammar.NoFolds && m.IsRequest() { // RFC 9112 section 5.2
				p.fault(lo, "", ErrFold)
			}
			end := p.folds()
			if end < 0 {
				p.fault(lo, "", ErrHeadEnd)
				return
			}
			i, next = end-lo, p.pos
		}
		if p.lines-1 > p.lim.Lines || long && next-first > p.lim.Headers {
			p.fault(lo, "", ErrHeadTooLarge)
			p.skipHead()
			return
		}
		e, n, at := p.name(line, i)
		if e == nil {
			p.badField(lo, next, nil)
			continue
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
		if long && (next-lo > p.lim.Header || val > maxGap || next-lo-valEnd > maxGap) { // the gaps are white space
			p.badField(lo, next, e)
			continue
		}
		if e.place != 0 {
			m.note(int(m.n), e.place)
		}
		f := p.room()
		f.lo, f.valEnd = uint32(lo), uint32(lo+valEnd)
		f.nameLen, f.valOff, f.trail, f.id = uint16(n), uint16(val), uint16(next-lo-valEnd), e.id
	}
}

// name finds the name at the start of s, whose line ends at end, its length, and
// the colon. e is nil if there is none. Most names are looked up in the sixteen
// octets where they end.
func (p *parser) name(s string, end int) (e *entry, n, at int) {
	if len(s) >= 16 {
		head, tail := load(s), load(s[8:])
		if at = colon(head); at < 8 {
			head, tail = head&(1<<(8*at&63)-1), 0
		} else {
			n = colon(tail)
			at, tail = 8+n, tail&(1<<(8*n&63)-1)
		}
		if at > 0 && at < 16 && at < end {
			if e = p.m.class.findKey(s[:at], head, tail); e != nil {
				return e, at, at
			}
		}
	}
	s = s[:end]
	if at = strings.IndexByte(s, ':'); at <= 0 {
		return nil, 0, 0
	}
	name := s[:at]
	if !p.m.class.grammar.TightNames {
		name = strings.TrimRight(name, " \t")
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
	first := m.next(0, IDContentLength, "")
	if first >= 0 {
		f := m.at(first)
		n, err := length(m.value(f), uint64(len(rest)))
		for i := m.next(first+1, IDContentLength, ""); i >= 0 && err == nil; i = m.next(i+1, IDContentLength, "") {
			if again, err2 := length(m.value(m.at(i)), uint64(len(rest))); err2 != nil || again != n {
				err = ErrDouble // two unequal ones (RFC 4475 section 3.3.9)
			}
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

// length reads a Content-Length: digits only, no sign, no list, and not above limit.
func length(v string, limit uint64) (uint64, error) {
	n, fits, ok := scan.Uint(v, limit)
	if !ok || !fits {
		return 0, ErrLength
	}
	return n, nil
}
