package msg

import (
	"encoding/binary"
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// inlineFields is how many header fields fit into a Message without a second slice.
const inlineFields = 32

// marks is how many places a class can mark in a message.
const marks = 16

// places is how many headers of a class, less one, are found without a search.
const places = 32

// span is a piece of a message: offsets below len(text) point into text, the
// others into tail. No span crosses the border.
type span struct{ lo, hi uint32 }

// field is one header field. It holds no pointer, so a table of them costs the
// garbage collector nothing.
type field struct {
	lo, valEnd uint32 // where the field begins and its value ends
	nameLen    uint16
	valOff     uint16 // from the start of the field to its value
	trail      uint16 // from the end of the value to that of the field, behind the final line end
	id         ID
}

// maxGap is how far name and white space may go on either side of a value.
const maxGap = 1<<16 - 1

func (f *field) all() span   { return span{f.lo, f.hi()} }
func (f *field) hi() uint32  { return f.valEnd + uint32(f.trail) }
func (f *field) val() uint32 { return f.lo + uint32(f.valOff) }

// moved returns the field at another place of the text.
func (f *field) moved(d uint32) field {
	g := *f
	g.lo, g.valEnd = f.lo+d, f.valEnd+d
	return g
}

type flags uint8

const (
	isRequest flags = 1 << iota
	refused         // by Class.Check
	unclean         // a line end or control octet that must not be copied into another message
	hasStart        // a start line is there
	doubled         // a critical header stands twice
	fragment        // parts of a message may be missing
)

// Message is one message of a [Class]: start line, header fields in wire order,
// body. It is immutable and safe for concurrent use; [Message.Edit] makes a
// changed copy. All strings it returns share its text, so whoever keeps one of
// them keeps the whole text; clone what outlives the message.
type Message struct {
	class *Class
	text  string // what was parsed
	tail  string // what edits added
	body  string
	more  []field // the fields beyond the inline ones

	faults []*SyntaxError // found by Parse itself, most weighty first

	start        span // start line without line end
	word1, word2 span // method and Request-URI, or version and phrase
	word3        span // version of a request
	n            int32
	members      int32 // Limits.ListMembers
	status       uint16
	flags        flags
	short        uint8         // octets of line ends that a fragment lacks at its end
	first        [places]uint8 // by Class.place: index of the first field plus 1, 0 if there is none
	marked       Marks
	inline       [inlineFields]field
}

// Source is what holds a message: *Message itself, and the types of upper
// layers that wrap one.
type Source interface {
	// Msg returns the message; it must not be nil.
	Msg() *Message
}

// Msg returns m, so that a Message is a [Source].
func (m *Message) Msg() *Message { return m }

// Class returns the class that m was parsed or made with.
func (m *Message) Class() *Class { return m.class }

// IsRequest reports whether m is a request, not a response.
func (m *Message) IsRequest() bool { return m.flags&isRequest != 0 }

// Method returns the method of a request as it was written (methods compare
// with case), "" for a response.
func (m *Message) Method() string {
	if !m.IsRequest() {
		return ""
	}
	return m.str(m.word1)
}

// RequestURI returns the Request-URI as it was written, "" for a response.
func (m *Message) RequestURI() string {
	if !m.IsRequest() {
		return ""
	}
	return m.str(m.word2)
}

// Status returns the status code of a response, 100 to 699. It is 0 for a
// request, and for a response whose code is out of range, which Err refuses.
func (m *Message) Status() int { return int(m.status) }

// Phrase returns the reason phrase of a response, "" for a request.
func (m *Message) Phrase() string {
	if m.IsRequest() {
		return ""
	}
	return m.str(m.word2)
}

// Version returns the protocol version as it was written, such as "SIP/2.0".
func (m *Message) Version() string {
	if m.IsRequest() {
		return m.str(m.word3)
	}
	return m.str(m.word1)
}

// Body returns the body, which may hold any octet.
func (m *Message) Body() string { return m.body }

// Field is one header field of a message.
type Field struct {
	ID    ID     // 0 if the class does not know the name
	Name  string // as written: long or compact, in any case
	Value string // without white space at the ends; folds inside are kept
	Raw   string // the whole field as written, without the final line end
}

// Fields yields the header fields in wire order, those the class does not know
// included.
func (m *Message) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) { m.fields(yield) }
}

func (m *Message) fields(yield func(Field) bool) {
	for i := range int(m.n) {
		f := m.at(i)
		raw := m.str(f.all())
		text := raw[:f.valEnd-f.lo]
		g := Field{ID: f.id, Name: text[:f.nameLen], Value: text[f.valOff:], Raw: text}
		if f.trail != 2 || raw[len(raw)-2] != '\r' || g.Value == "" {
			g.Raw = rawField(raw, len(text))
		}
		if !yield(g) {
			return
		}
	}
}

// rawField returns a field without its line end, which stands behind the end of
// the value.
func rawField(raw string, end int) string {
	n := len(raw) - 1 // the final LF
	if n > 0 && raw[n-1] == '\r' {
		n--
	}
	if n > 0 && (raw[n-1] == '\r' || raw[n-1] == '\n') {
		n = max(len(strings.TrimRight(raw, "\r\n")), end)
	}
	return raw[:n]
}

// Values yields the values of all fields with the given long or compact name in
// wire order, one per field: comma lists are not taken apart. Folds are
// replaced by one space.
func (m *Message) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) { m.values(name, yield) }
}

func (m *Message) values(name string, yield func(string) bool) {
	for i := m.next(0, m.class.lookup(name), name); i >= 0; i = m.next(i+1, m.class.lookup(name), name) {
		if !yield(unfold(m.value(m.at(i)))) {
			return
		}
	}
}

// Len returns the number of octets AppendText will write.
func (m *Message) Len() int {
	n := int(m.start.hi-m.start.lo) + 4 + len(m.body) - int(m.short)
	if m.flags&hasStart == 0 {
		n -= 2
	}
	for i := range int(m.n) {
		f := m.at(i)
		n += int(f.hi() - f.lo)
	}
	return n
}

// AppendText appends the message as it goes on the wire. What was parsed and
// not edited is written byte for byte. It does not allocate if dst has room
// for [Message.Len] octets. It fails with ErrStartLine for a message without a
// start line, unless it is a fragment, see [ParseFragment].
func (m *Message) AppendText(dst []byte) ([]byte, error) {
	if m.flags&hasStart == 0 {
		if m.flags&fragment == 0 {
			return dst, &SyntaxError{Offset: -1, Err: ErrStartLine}
		}
	} else {
		dst = append(dst, m.str(m.start)...)
		dst = append(dst, "\r\n"...)
	}
	dst, run := m.appendRuns(dst, span{}, m.inline[:min(int(m.n), inlineFields)])
	if len(m.more) > 0 {
		dst, run = m.appendRuns(dst, run, m.more)
	}
	dst = append(dst, m.str(run)...)
	dst = append(dst, "\r\n"...)
	dst = append(dst, m.body...)
	return dst[:len(dst)-int(m.short)], nil
}

// appendRuns appends fields; those that follow each other in the same string go
// in one piece. run is what is not appended yet.
func (m *Message) appendRuns(dst []byte, run span, fields []field) ([]byte, span) {
	border := uint32(len(m.text))
	lo, hi := run.lo, run.hi
	for i := range fields {
		f := &fields[i]
		if f.lo != hi || hi == border {
			dst = append(dst, m.str(span{lo, hi})...)
			lo = f.lo
		}
		hi = f.valEnd + uint32(f.trail)
	}
	return dst, span{lo, hi}
}

// String returns the message as it goes on the wire.
func (m *Message) String() string {
	b, _ := m.AppendText(make([]byte, 0, m.Len()))
	return string(b)
}

// Err returns the first reason to refuse the message as a *[SyntaxError], nil
// if there is none.
func (m *Message) Err() error {
	if e := m.Errors(); len(e) > 0 {
		return e[0]
	}
	return nil
}

// Errors returns all reasons to refuse the message, the weightiest first, each
// a *[SyntaxError]. Headers that no layer needs are not looked at: their errors
// show when they are decoded.
func (m *Message) Errors() []error {
	if len(m.faults) == 0 && m.flags&refused == 0 {
		return nil
	}
	all := make([]error, 0, len(m.faults)+1)
	for _, f := range m.faults {
		all = append(all, f)
	}
	if m.flags&refused != 0 {
		again := *m // a check marks places; never in a published message
		again.check(&all, nil, false)
	}
	return all
}

// bad is Err() != nil without making the error.
func (m *Message) bad() bool { return len(m.faults) > 0 || m.flags&refused != 0 }

func (m *Message) at(i int) *field {
	if i < inlineFields {
		return &m.inline[i]
	}
	return &m.more[i-inlineFields]
}

func (m *Message) str(s span) string {
	if n := uint32(len(m.text)); s.lo >= n {
		return m.tail[s.lo-n : s.hi-n]
	}
	return m.text[s.lo:s.hi]
}

func (m *Message) value(f *field) string { return m.str(span{f.val(), f.valEnd}) }

func (m *Message) name(f *field) string {
	return m.str(span{f.lo, f.lo + uint32(f.nameLen)})
}

// next returns the index of the first field from i on that is the given header:
// by id if the class knows it, else by name. It returns -1 if there is none.
func (m *Message) next(i int, id ID, name string) int {
	if i == 0 && id != 0 {
		if p := m.class.place(id); p != 0 {
			if f := int(m.first[p%places]); f != beyond {
				return f - 1
			}
		}
	}
	return m.search(i, id, name)
}

func (m *Message) search(i int, id ID, name string) int {
	if id == 0 {
		return m.named(i, name)
	}
	for table := m.inline[:min(int(m.n), inlineFields)]; i < len(table); i++ {
		if table[i].id == id {
			return i
		}
	}
	for ; i < int(m.n); i++ {
		if m.more[i-inlineFields].id == id {
			return i
		}
	}
	return -1
}

// named is next for headers that the class does not know.
func (m *Message) named(i int, name string) int {
	for ; i < int(m.n); i++ {
		if f := m.at(i); f.id == 0 && scan.EqualFold(m.name(f), name) {
			return i
		}
	}
	return -1
}

// beyond stands in Message.first for an index that does not fit.
const beyond = 255

// note enters field i, of the header that has place p, into the table of first
// fields.
func (m *Message) note(i int, p uint8) {
	if at := &m.first[p%places]; *at == 0 {
		*at = uint8(min(i+1, beyond))
	} else if p&kindCritical != 0 {
		m.flags |= doubled
	}
}

// maxFirst is how many fields a message may have for shiftUp and shiftDown to
// work: their places then fit into seven bits.
const maxFirst = 120

// shiftUp makes room for a field at position at in the table of first fields:
// those from there on go one up. Eight at a time: an octet plus 0x80 less the
// bound keeps its high bit if it is not below the bound.
func (m *Message) shiftUp(at int) {
	bound := uint64(at+1) * octets
	for i := 0; i < places; i += 8 {
		w := binary.LittleEndian.Uint64(m.first[i:])
		binary.LittleEndian.PutUint64(m.first[i:], w+((w|high)-bound)&high>>7)
	}
}

// shiftDown takes the field at position at out of it; if it was a first one the
// table must be told which is now.
func (m *Message) shiftDown(at int) {
	bound := uint64(at+2) * octets
	for i := 0; i < places; i += 8 {
		w := binary.LittleEndian.Uint64(m.first[i:])
		binary.LittleEndian.PutUint64(m.first[i:], w-((w|high)-bound)&high>>7)
	}
}

// renote makes the table of first fields anew.
func (m *Message) renote() {
	m.first = [places]uint8{}
	m.flags &^= doubled
	list := m.class.places
	for i, table := 0, m.inline[:min(int(m.n), inlineFields)]; ; table = m.more {
		for k := range table {
			if id := table[k].id; int(id) < len(list) && list[id] != 0 {
				m.note(i, list[id])
			}
			i++
		}
		if i >= int(m.n) {
			return
		}
	}
}

// unfold replaces every fold with one space (RFC 3261 section 7.3.1). It
// allocates only if there is one.
//
//	LWS = [*WSP CRLF] 1*WSP
func unfold(s string) string {
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\r' && s[i] != '\n' {
			b = append(b, s[i])
			continue
		}
		for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
			b = b[:len(b)-1]
		}
		i = scan.Space(s, i) - 1
		b = append(b, ' ')
	}
	return string(b)
}
