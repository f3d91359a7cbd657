package msg

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// New makes a message of class c from nothing. One of the setters must be
// [RequestLine] or [StatusLine]. Fields stand in the order of the setters. Like
// Edit it does not ask whether mandatory headers are there; [Message.Err] does.
func New(c *Class, set ...Setter) (*Message, error) {
	empty := Message{class: c, members: DefaultListMembers}
	m, err := empty.edit(nil, set)
	if err == nil && m.flags&hasStart == 0 {
		return nil, &SyntaxError{Offset: -1, Err: ErrStartLine}
	}
	return m, err
}

// Edit returns a copy of m with the setters applied in order; m stays as it is.
// The copy shares the text of m. Edit makes two allocations, one more if the
// result has over 32 fields. It fails if a setter carries an error, names a
// header that the class does not know, adds to a header that may stand only
// once, or sets a Content-Length that is not the length of the body.
func (m *Message) Edit(set ...Setter) (*Message, error) {
	if len(m.tail) > maxTail {
		m = m.flat()
	}
	return m.edit(m, set)
}

// edit is Edit; was is m, or nil if nobody has checked m. It is an argument of
// its own to let New keep m on the stack.
func (m *Message) edit(was *Message, set []Setter) (*Message, error) {
	size := len(m.tail)
	for i := range set {
		size += set[i].size(m)
	}
	if len(m.text)+size >= noLimit {
		return nil, setterError("message", "too large")
	}
	e := editor{m: new(Message), base: uint32(len(m.text)), stale: m.flags&doubled != 0}
	e.m.take(m)
	// The fields are edited in place; beyond the inline ones they move to a slice.
	e.fields = e.m.inline[:min(int(m.n), inlineFields)]
	if len(m.more) > 0 {
		e.fields = append(append(make([]field, 0, int(m.n)+len(set)+2), e.fields...), m.more...)
		e.stale = e.stale || int(m.n) >= maxFirst
	}
	e.tail.Grow(size)
	e.tail.WriteString(m.tail)
	for i := range set {
		if err := e.apply(&set[i]); err != nil {
			return nil, err
		}
	}
	return e.finish(was)
}

// take copies m but for what finish makes anew.
func (c *Message) take(m *Message) {
	c.class, c.text, c.body, c.faults = m.class, m.text, m.body, m.faults
	c.start, c.word1, c.word2, c.word3 = m.start, m.word1, m.word2, m.word3
	c.members, c.status, c.flags = m.members, m.status, m.flags
	c.first = m.first
	n := min(int(m.n), inlineFields)
	copy(c.inline[:n], m.inline[:n])
}

// maxTail bounds what repeated edits carry along of text they have replaced.
const maxTail = 16 << 10

// flat returns m with a text that holds nothing but what is in use.
func (m *Message) flat() *Message {
	c := *m
	c.text, c.tail = m.String(), ""
	c.faults = m.faults
	at := uint32(0)
	move := func(s span) span { return span{s.lo - m.start.lo + at, s.hi - m.start.lo + at} }
	c.word1, c.word2, c.word3 = move(m.word1), move(m.word2), move(m.word3)
	if c.start = move(m.start); m.flags&hasStart != 0 {
		at = c.start.hi + 2
	}
	c.more = slices.Clone(m.more)
	for i := range int(c.n) {
		f := c.at(i)
		*f = f.moved(at - f.lo)
		at = f.hi()
	}
	c.body = c.text[len(c.text)-len(m.body):]
	c.check(nil, nil, false)
	return &c
}

type editor struct {
	m       *Message
	fields  []field
	tail    strings.Builder
	base    uint32   // where the tail begins
	touched uint32   // bits of the places whose headers changed, see Check.touched
	stale   bool     // m.first is to be made anew
	body    bool     // body or Content-Length was touched
	line    bool     // the start line was written and is to be checked
	source  *Message // of the last fields that were copied

	// valid is asked for each value that is written, nil for none; err is its
	// first error.
	valid func(string, Tolerance) error
	err   error
}

// at is the place in the whole text where the next octet of the tail goes.
func (e *editor) at() uint32 { return e.base + uint32(e.tail.Len()) }

func (e *editor) apply(s *Setter) error {
	e.valid = nil
	switch s.op {
	case opNone:
		return nil
	case opFail:
		return s.named(e.m)
	case opJoin:
		join := s.ref.(joined)
		for i := range join {
			if err := e.apply(&join[i]); err != nil {
				return err
			}
		}
		return nil
	case opBody:
		e.m.body = s.value.text
		return e.length()
	case opFramed:
		e.m.body = s.value.text
		return nil
	case opLength:
		if e.index(0, IDContentLength, "") >= 0 {
			return nil
		}
		return e.length()
	case opRequestLine, opStatusLine, opURI, opPhrase:
		return e.startLine(s)
	}
	id, name := s.target(e.m)
	kind := s.kind
	if id != 0 {
		if name = e.m.class.name(id); name == "" {
			return &SyntaxError{Offset: -1, Header: strconv.Itoa(int(id)), Err: ErrUnknownHeader}
		}
		kind = Kind(e.m.class.kinds[id] & kindMask)
	} else if !scan.IsToken(name) || len(name) > maxGap-2 {
		return setterError("header name", name)
	}
	if id == IDContentLength {
		e.body = true
	}
	if kind == Single && s.count != none {
		several := s.count == many && bytes.IndexByte(s.long, '\n') != len(s.long)-1
		if several || (s.op == opAdd || s.op == opPush) && e.index(0, id, name) >= 0 {
			return &SyntaxError{Offset: -1, Header: name, Err: ErrDouble}
		}
	}
	if !s.raw && !s.value.exact && s.count != none {
		if s.count != asText {
			e.valid = e.m.class.rule(id)
		} else if id != 0 {
			e.readText(id, kind, s.value.text)
		}
	}
	switch s.op {
	case opDefault:
		if e.index(0, id, name) < 0 {
			e.insert(len(e.fields), id, name, kind, s)
		}
	case opSet:
		e.set(id, name, kind, s)
	case opAdd:
		e.insert(e.behind(id, name), id, name, kind, s)
	case opPush:
		e.insert(e.front(id, name, kind), id, name, kind, s)
	case opPop:
		e.pop(id, name, kind)
	case opCopy:
		e.copy(id, name, s.ref.(*Message))
	}
	if e.err == nil && !s.raw && id != 0 {
		e.alone(id)
	}
	return e.err
}

// alone checks that a value which must stand alone does.
func (e *editor) alone(id ID) {
	info := &e.m.class.infos[e.m.class.byID[id]-1]
	if info.Alone == "" {
		return
	}
	n, there := 0, false
	for i := e.index(0, id, ""); i >= 0; i = e.index(i+1, id, "") {
		f := &e.fields[i]
		for v := e.str(span{f.val(), f.valEnd}); ; {
			comma := len(v)
			if info.Kind != Single {
				comma = scan.Comma(v, 0)
			}
			there = there || scan.Trim(v[:comma]) == info.Alone
			n++
			if comma == len(v) {
				break
			}
			v = v[comma+1:]
		}
	}
	if there && n > 1 {
		e.fail(info.Name, info.Alone, ErrTrailing)
	}
}

// named gives the error of s the name of its header.
func (s *Setter) named(m *Message) error {
	err := s.ref.(error)
	if e, ok := err.(*SyntaxError); ok && e.Header == "" && s.id != 0 {
		return &SyntaxError{Offset: e.Offset, Header: m.class.name(s.id), Err: e.Err}
	}
	return err
}

func (e *editor) startLine(s *Setter) error {
	m := e.m
	request := s.op == opRequestLine || s.op == opURI
	method, status := s.name, s.status
	switch s.op {
	case opURI, opPhrase:
		if m.flags&hasStart == 0 || request != m.IsRequest() {
			return &SyntaxError{Offset: -1, Err: ErrStartLine}
		}
		method, status = e.strIf(request, m.word1), m.status
	}
	e.touched |= 1
	m.flags &^= isRequest
	m.flags |= hasStart
	m.status = 0
	e.line = !s.raw
	lo := e.at()
	if request {
		m.flags |= isRequest
		m.word1 = e.write(method)
		e.tail.WriteByte(' ')
		m.word2 = e.write(s.value.text)
		e.tail.WriteByte(' ')
		m.word3 = e.write(m.class.version)
	} else {
		var b [4]byte
		m.status = status
		m.word1 = e.write(m.class.version)
		e.tail.WriteByte(' ')
		e.tail.Write(append(appendStatus(b[:0], status), ' '))
		m.word2 = e.write(s.value.text)
	}
	m.start = span{lo, e.at()}
	return nil
}

// length sets Content-Length to the length of the body.
func (e *editor) length() error {
	if e.m.class.name(IDContentLength) == "" {
		return &SyntaxError{Offset: -1, Header: "Content-Length", Err: ErrUnknownHeader}
	}
	e.body = true
	e.set(IDContentLength, "", Single, &Setter{count: one, value: composeNumber(uint64(len(e.m.body)))})
	return nil
}

func (e *editor) strIf(ok bool, s span) string {
	if !ok {
		return ""
	}
	return e.str(s)
}

func (e *editor) write(s string) span {
	lo := e.at()
	e.tail.WriteString(s)
	return span{lo, e.at()}
}

// index is Message.next on the fields as they stand now. Names in the tail are
// read from the builder.
func (e *editor) index(i int, id ID, name string) int {
	if i == 0 && id != 0 && !e.stale {
		if p := e.m.class.place(id) % places; p != 0 {
			return int(e.m.first[p]) - 1
		}
	}
	return e.search(i, id, name)
}

func (e *editor) search(i int, id ID, name string) int {
	if id != 0 {
		for ; i < len(e.fields); i++ {
			if e.fields[i].id == id {
				return i
			}
		}
		return -1
	}
	for ; i < len(e.fields); i++ {
		if f := &e.fields[i]; f.id == 0 && scan.EqualFold(e.str(span{f.lo, f.lo + uint32(f.nameLen)}), name) {
			return i
		}
	}
	return -1
}

func (e *editor) str(s span) string {
	if s.lo >= e.base {
		return e.tail.String()[s.lo-e.base : s.hi-e.base]
	}
	return e.m.text[s.lo:s.hi]
}

// put inserts a field at position at.
func (e *editor) put(at int, f field) {
	n := len(e.fields)
	e.fields = append(e.fields, field{})
	copy(e.fields[at+1:], e.fields[at:n])
	e.fields[at] = f
	if n+1 >= maxFirst {
		e.stale = true
	}
	m := e.m
	if !e.stale {
		m.shiftUp(at)
	}
	p := m.class.place(f.id)
	e.touched |= 1 << (p % places) &^ 1
	if p == 0 || e.stale {
		return
	}
	first := &m.first[p%places]
	e.stale = *first != 0 && p&kindCritical != 0 // doubled
	if *first == 0 || int(*first) > at {
		*first = uint8(at + 1)
	}
}

// drop removes the field at position at.
func (e *editor) drop(at int) {
	id := e.fields[at].id
	n := len(e.fields) - 1
	copy(e.fields[at:], e.fields[at+1:])
	e.fields[n] = field{}
	e.fields = e.fields[:n]
	m := e.m
	p := m.class.place(id) % places
	e.touched |= 1 << p &^ 1
	if e.stale {
		return
	}
	first := p != 0 && int(m.first[p]) == at+1
	m.shiftDown(at)
	if first {
		m.first[p] = uint8(e.search(at, id, "") + 1)
	}
}

// replace puts a field in the place of another of the same header.
func (e *editor) replace(at int, f field) {
	e.fields[at] = f
	e.touched |= 1 << (e.m.class.place(f.id) % places) &^ 1
}

// finish makes the message; was is as in edit.
func (e *editor) finish(was *Message) (*Message, error) {
	m := e.m
	m.tail = e.tail.String()
	if m.n = int32(len(e.fields)); cap(e.fields) != inlineFields { // they had to move
		n := copy(m.inline[:], e.fields)
		clear(m.inline[n:])
		if len(e.fields) > n {
			m.more = e.fields[n:]
		}
	}
	if m.short = 0; m.flags&fragment != 0 && m.body == "" {
		m.short = 2 // the empty line goes with a body
	}
	if e.stale {
		m.renote()
	}
	if e.line && m.class.line != nil {
		if err := m.class.line(m); err != nil {
			return nil, &SyntaxError{Offset: -1, Err: err}
		}
	}
	if e.body && (m.class.grammar.Body == nil || m.IsRequest() || m.body != "") { // the response to HEAD has none
		if i := m.next(0, IDContentLength, ""); i >= 0 {
			n, err := length(m.value(m.at(i)), noLimit)
			if err != nil || n != uint64(len(m.body)) {
				return nil, &SyntaxError{Offset: -1, Header: m.class.name(IDContentLength), Err: ErrLength}
			}
		}
	}
	if was == nil && e.source != nil && e.source.class == m.class {
		m.check(nil, e.source, true)
	} else {
		m.checkEdited(was, e.touched)
	}
	return m, nil
}
