package msg

import (
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// Multipart is a body of several parts (RFC 2046 section 5.1; RFC 5621 for its
// use in SIP). It is immutable and safe for concurrent use; With, Insert and
// Remove make changed copies. What was read and not changed is written byte for
// byte, preamble, epilogue and odd line ends included.
type Multipart struct {
	typ      MediaType
	boundary string
	head     string // before the first boundary: the preamble with its line end
	tail     string // behind the "--" of the last: the epilogue with its line end
	parts    []*Part
	raw      string // as it came; "" if it was made or edited
	edited   bool
}

// Multipart reads the body of a message as a multipart. Without a Content-Type
// the boundary is taken from the first line that looks like one. It fails with
// ErrNotMultipart if the body is of another type, and as [ParseMultipart] does.
func (m *Message) Multipart(lim Limits) (*Multipart, error) {
	t, ok, err := ContentType.Get(m)
	switch {
	case err != nil:
		return nil, err
	case ok && !scan.EqualFold(t.Type, "multipart"):
		return nil, &SyntaxError{Offset: -1, Header: "Content-Type", Err: ErrNotMultipart}
	}
	return ParseMultipart(t, m.body, lim)
}

// ParseMultipart reads a multipart of the given type; if that is zero or has no
// boundary, the first line that looks like one is taken for it. Multiparts
// within it are read when [Part.Multipart] is asked.
//
// The error is a *[SyntaxError]: ErrBoundary, ErrTooManyParts, ErrTooDeep, or
// ErrCut if the last boundary is missing. Then the Multipart holds what could be
// read, if it is not nil. Parts that are malformed have their error in
// Msg().Err(). Time is linear in the length of body.
func ParseMultipart(t MediaType, body string, lim Limits) (*Multipart, error) {
	return parseMultipart(t, body, 1, lim.resolved())
}

func parseMultipart(t MediaType, body string, depth int, lim Limits) (*Multipart, error) {
	fail := func(off int, err error) error { return &SyntaxError{Offset: off, Err: err} }
	if depth > lim.Levels {
		return nil, fail(0, ErrTooDeep)
	}
	b, ok := t.Params.Get("boundary")
	if !ok {
		b = guess(body)
		if t.Type == "" {
			t = MediaType{Type: "multipart", Subtype: "mixed"}
		}
		t.Params = t.Params.With("boundary", b)
	}
	if !validBoundary(b) {
		return nil, fail(0, ErrBoundary)
	}
	m := &Multipart{typ: t, boundary: b, raw: body}
	plain := ""
	if scan.EqualFold(t.Subtype, "digest") {
		plain = "message/rfc822"
	}
	at, next, last := delimiter(body, 0, b)
	if at < 0 {
		return nil, fail(len(body), ErrCut)
	}
	m.head = body[:at]
	for !last {
		if len(m.parts) == lim.Parts {
			return m, fail(next, ErrTooManyParts)
		}
		from := next
		at, next, last = delimiter(body, from, b)
		cut := at < 0
		if cut {
			at, next, last = len(body), len(body), true
		}
		end := at
		if !cut { // the line end in front belongs to the boundary
			end = max(from, end-1)
			if end > from && body[end-1] == '\r' {
				end--
			}
		}
		p, err := parsePart(body[from:end], plain, depth, lim)
		if p == nil {
			return m, err
		}
		m.parts = append(m.parts, p)
		if cut {
			return m, fail(len(body), ErrCut)
		}
	}
	m.tail = body[next:]
	return m, nil
}

// delimiter finds the next boundary line from i on: where it begins, what
// follows it, and whether it is the last; at is -1 if there is none. The tail of
// the last one begins behind its "--".
//
//	delimiter = CRLF "--" boundary;  close-delimiter = delimiter "--"    (RFC 2046 section 5.1.1)
//
// The rest of the line must be white space, so that a boundary that begins like
// this one is another one.
func delimiter(s string, i int, boundary string) (at, next int, last bool) {
	mark := "--" + boundary
	for {
		n := strings.Index(s[i:], mark)
		if n < 0 {
			return -1, 0, false
		}
		at = i + n
		i = at + len(mark)
		if at > 0 && s[at-1] != '\n' { // only at the start of a line (RFC 4475 section 3.1.1.11)
			continue
		}
		j := i
		last = strings.HasPrefix(s[j:], "--")
		if last {
			j += 2
		}
		end := j
		for end < len(s) && (s[end] == ' ' || s[end] == '\t') { // transport-padding
			end++
		}
		switch rest := s[end:]; {
		case strings.HasPrefix(rest, "\r\n"):
			end += 2
		case strings.HasPrefix(rest, "\n"):
			end++
		case rest != "" || !last:
			continue
		}
		if last {
			return at, j, true
		}
		return at, end, false
	}
}

// guess returns the boundary of a body that does not tell it: the first line
// that begins with "--".
func guess(s string) string {
	for line := range strings.Lines(s) {
		if strings.HasPrefix(line, "--") && len(line) > 3 {
			return strings.TrimRight(line[2:], " \t\r\n")
		}
	}
	return ""
}

// validBoundary reports whether s can be a boundary. Any characters that a line
// can hold are read.
//
//	boundary = 0*69<bchars> bcharsnospace
func validBoundary(s string) bool {
	return s != "" && len(s) <= 70 && !scan.HasControl(s) && s[len(s)-1] != ' '
}

// Type returns the media type with its boundary, for Content-Type.
func (m *Multipart) Type() MediaType { return m.typ }

// Boundary returns the boundary.
func (m *Multipart) Boundary() string { return m.boundary }

// Preamble returns the text before the first boundary, without its last line
// end. It is not meant to be shown.
func (m *Multipart) Preamble() string {
	return strings.TrimSuffix(strings.TrimSuffix(m.head, "\n"), "\r")
}

// Epilogue returns the text behind the last boundary. It is not meant to be shown.
func (m *Multipart) Epilogue() string {
	s := strings.TrimLeft(m.tail, " \t")
	return strings.TrimPrefix(strings.TrimPrefix(s, "\r"), "\n")
}

// Len returns how many parts there are.
func (m *Multipart) Len() int { return len(m.parts) }

// Part returns part i, counted from 0.
func (m *Multipart) Part(i int) *Part { return m.parts[i] }

// Parts yields the parts in order with their index.
func (m *Multipart) Parts() iter.Seq2[int, *Part] { return slices.All(m.parts) }

// Walk yields all parts in order, those within multiparts behind the part that
// holds them, with the number of multiparts around them, from 1 on. A part whose
// own multipart cannot be read is yielded alone.
func (m *Multipart) Walk() iter.Seq2[int, *Part] {
	return func(yield func(int, *Part) bool) { m.walk(1, yield) }
}

func (m *Multipart) walk(depth int, yield func(int, *Part) bool) bool {
	for _, p := range m.parts {
		if !yield(depth, p) {
			return false
		}
		if in, err := p.Multipart(); err == nil && !in.walk(depth+1, yield) {
			return false
		}
	}
	return true
}

// ByID returns the part that a reference names: a cid: URL (RFC 2392), or a
// Content-ID with or without "<" and ">". Parts within multiparts are found too.
func (m *Multipart) ByID(ref string) (*Part, bool) {
	ref = cid(ref)
	for _, p := range m.Walk() {
		if id, ok, err := ContentID.Get(p); ok && err == nil && id == ref {
			return p, true
		}
	}
	return nil, false
}

// Find returns the first part of the given media type, such as
// "application/sdp"; in a multipart/alternative the last one, which its sender
// likes best (RFC 2046 section 5.1.4). Parts within multiparts are found too.
func (m *Multipart) Find(mediaType string) (*Part, bool) {
	list := m.parts
	if scan.EqualFold(m.typ.Subtype, "alternative") {
		list = slices.Clone(list)
		slices.Reverse(list)
	}
	for _, p := range list {
		if p.Type().Is(mediaType) {
			return p, true
		}
		if in, err := p.Multipart(); err == nil {
			if q, ok := in.Find(mediaType); ok {
				return q, true
			}
		}
	}
	return nil, false
}

// Root returns the part that a multipart/related is about: the one its start
// parameter names, else the first (RFC 2387 section 3.2). It is nil if there are
// no parts.
func (m *Multipart) Root() *Part {
	if start, ok := m.typ.Params.Get("start"); ok {
		start = cid(start)
		for _, p := range m.parts {
			if p.ID() == start {
				return p
			}
		}
	}
	if len(m.parts) == 0 {
		return nil
	}
	return m.parts[0]
}

// NewMultipart makes a multipart of the given subtype, such as "mixed". Its
// boundary stands in none of the parts, and is the same for the same parts.
func NewMultipart(subtype string, parts ...*Part) (*Multipart, error) {
	if !scan.IsToken(subtype) {
		return nil, setterError("subtype", subtype)
	}
	m := &Multipart{typ: MediaType{Type: "multipart", Subtype: subtype}, edited: true}
	return m.change(slices.Clone(parts))
}

// With returns a copy of m with part i replaced. Like Insert and Remove it fails
// where there is no such part.
func (m *Multipart) With(i int, p *Part) (*Multipart, error) {
	if i < 0 || i >= len(m.parts) {
		return nil, noPart(i)
	}
	parts := slices.Clone(m.parts)
	parts[i] = p
	return m.change(parts)
}

// Insert returns a copy of m with parts put in front of part i; Len() is behind
// the last.
func (m *Multipart) Insert(i int, p ...*Part) (*Multipart, error) {
	if i < 0 || i > len(m.parts) {
		return nil, noPart(i)
	}
	return m.change(slices.Insert(slices.Clone(m.parts), i, p...))
}

// Remove returns a copy of m without part i.
func (m *Multipart) Remove(i int) (*Multipart, error) {
	if i < 0 || i >= len(m.parts) {
		return nil, noPart(i)
	}
	return m.change(slices.Delete(slices.Clone(m.parts), i, i+1))
}

func noPart(i int) error { return setterError("part", strconv.Itoa(i)) }

// change returns m with other parts, and with another boundary if the one it has
// stands in one of them.
func (m *Multipart) change(parts []*Part) (*Multipart, error) {
	if len(parts) == 0 { // RFC 2046 section 5.1.1: one at least
		return nil, &SyntaxError{Offset: -1, Err: ErrValue}
	}
	c := *m
	c.parts, c.raw, c.edited = parts, "", true
	texts := []string{c.head, c.tail}
	used := c.boundary == ""
	for i, p := range parts {
		if p == nil {
			return nil, noPart(i)
		}
		s := p.String()
		texts = append(texts, s)
		used = used || strings.Contains(s, "--"+c.boundary)
	}
	if used {
		c.boundary = newBoundary(texts)
	}
	if used || !scan.IsToken(c.boundary) { // which may have come without the quotes it needs
		c.typ.Params = c.typ.Params.With("boundary", c.boundary)
	}
	return &c, nil
}

// newBoundary returns a boundary that stands in none of the texts. All that it
// makes have the same length, so that none begins another one.
func newBoundary(texts []string) string {
	const prefix, digits = "boundary-", 10
	taken := map[string]bool{}
	for _, s := range texts {
		for i := strings.Index(s, prefix); i >= 0; {
			i += len(prefix)
			if len(s)-i >= digits {
				taken[s[i:i+digits]] = true
			}
			n := strings.Index(s[i:], prefix)
			if n < 0 {
				break
			}
			i += n
		}
	}
	for n := 1; ; n++ {
		name := strconv.Itoa(n)
		name = strings.Repeat("0", digits-len(name)) + name
		if !taken[name] {
			return prefix + name
		}
	}
}

// AppendText appends the multipart as a body.
func (m *Multipart) AppendText(dst []byte) ([]byte, error) {
	if !m.edited {
		return append(dst, m.raw...), nil
	}
	dst = append(dst, m.head...)
	for _, p := range m.parts {
		dst = append(append(append(dst, "--"...), m.boundary...), "\r\n"...)
		var err error
		if dst, err = p.AppendText(dst); err != nil {
			return dst, err
		}
		dst = append(dst, "\r\n"...)
	}
	dst = append(append(append(dst, "--"...), m.boundary...), "--"...)
	if m.tail == "" {
		return append(dst, "\r\n"...), nil
	}
	return append(dst, m.tail...), nil
}

// String returns the multipart as AppendText writes it.
func (m *Multipart) String() string {
	b, _ := m.AppendText(nil)
	return string(b)
}

// Set returns the setters that make m the body of a message: Content-Type,
// MIME-Version and body.
func (m *Multipart) Set() Setter {
	return Join(MIMEVersion.Default("1.0"), ContentType.Set(m.typ), Body(m.String()))
}

// Nest returns m as a part of another multipart.
func (m *Multipart) Nest(set ...Setter) (*Part, error) {
	return NewPart(m.typ.String(), m.String(), set...)
}
