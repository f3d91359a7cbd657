package msg

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// startLine reads the start line; it reports false if it cannot be told from noise.
//
//	Request-Line = Method SP Request-URI SP SIP-Version CRLF
//	Status-Line  = SIP-Version SP Status-Code SP Reason-Phrase CRLF
func (p *parser) startLine() bool {
	m, lo := p.m, p.pos
	if p.scanLine() {
		return true
	}
	p.odd = true
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

// scanLine reads a start line with nothing unusual in it; it reports false for
// all others.
func (p *parser) scanLine() bool {
	m, s, lo, c := p.m, p.s, p.pos, p.m.class
	n := len(c.version)
	if len(s)-lo < n+9 {
		return false
	}
	line := s[lo:]
	if line[n] == ' ' && line[:n] == c.version { // SIP/2.0 200 OK
		d := load(line[n+1:])
		x, y, z := d&0xff-'0', d>>8&0xff-'0', d>>16&0xff-'0'
		if x-1 > 5 || y > 9 || z > 9 || d>>24&0xff != ' ' {
			return false
		}
		i := strings.IndexByte(line, '\n')
		if i < n+6 || line[i-1] != '\r' || i > p.lim.StartLine || scan.HasControl(line[n+5:i-1]) {
			return false
		}
		end := uint32(lo + i - 1)
		l := uint32(lo)
		m.start, m.word1, m.word2 = span{l, end}, span{l, l + uint32(n)}, span{l + uint32(n) + 5, end}
		m.status = uint16(x*100 + y*10 + z)
		m.flags |= hasStart
		p.head, p.pos = lo, lo+i+1
		p.lines++
		p.odd = c.target == nil
		return true
	}
	if c.target == nil {
		return false
	}
	i := scan.Token(s, lo)
	if i == lo || i+1 >= len(s) || s[i] != ' ' {
		return false
	}
	k := c.target(s, i+1, &m.marked)
	if k <= i+1 || len(s)-k < 10 || load(s[k:k+8]) != c.ending || s[k+8] != '\r' || s[k+9] != '\n' || k+8-lo > p.lim.StartLine {
		return false
	}
	m.flags |= isRequest | hasStart
	m.start = span{uint32(lo), uint32(k + 8)}
	m.word1 = span{uint32(lo), uint32(i)}
	m.word2 = span{uint32(i + 1), uint32(k)}
	m.word3 = span{uint32(k + 1), uint32(k + 8)}
	p.head, p.pos = lo, k+10
	p.lines++
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
