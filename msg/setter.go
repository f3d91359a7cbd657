package msg

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

type op uint8

const (
	opNone op = iota
	opSet
	opAdd
	opPush
	opPop
	opCopy
	opBody
	opFramed
	opRequestLine
	opStatusLine
	opURI
	opPhrase
	opDefault
	opLength
	opJoin
	opFail
)

// Setter is one change to a message, for [Message.Edit] and [New]. It is made by
// the methods of [Header] and [Extension] and by the functions of this package
// and package sip. The value is rendered and checked when the Setter is made;
// if that fails, the Setter carries the error and Edit returns it. The zero
// Setter changes nothing. Setters may be used several times.
type Setter struct {
	op     op
	kind   Kind // of an Extension
	count  count
	raw    bool // the grammar of the class is not asked
	id     ID
	status uint16
	name   string   // header name, or method
	value  Composed // the only value; its text is also Request-URI, phrase or body
	long   []byte   // values, each followed by LF
	ref    any      // *Message to copy from, joined, the error of opFail, or the codec of values
}

// Checker is what the codec of a header may be, too: it knows the grammar of the
// headers that it is the codec of. [Setter.Err] asks it.
type Checker interface {
	// Check returns an error unless the value, as it was written, is as the grammar
	// of the header with the given ID has it.
	Check(id ID, value string) error
}

// count says how many values a Setter has, and where.
type count uint8

const (
	none   count = iota
	one          // in value
	asText       // in value, and no codec has written it
	many         // at least one, in long
)

type joined []Setter

// Err returns the error that Edit would return for s as far as it is known
// before there is a message: that the codec cannot write a value or, if it is a
// [Checker], that the grammar of the header does not have it.
func (s Setter) Err() error {
	switch s.op {
	case opFail:
		return s.ref.(error)
	case opJoin:
		for _, j := range s.ref.(joined) {
			if err := j.Err(); err != nil {
				return err
			}
		}
	}
	c, ok := s.ref.(Checker)
	if !ok || s.raw {
		return nil
	}
	check := func(v string) error {
		if err := c.Check(s.id, v); err != nil {
			return &SyntaxError{Offset: -1, Header: s.name, Err: notWritten(v, err)}
		}
		return nil
	}
	switch s.count {
	case one:
		return check(s.value.String())
	case many:
		for v := range bytes.Lines(s.long) {
			if err := check(string(v[:len(v)-1])); err != nil {
				return err
			}
		}
	}
	return nil
}

// notWritten is the error for a value that the grammar does not have.
func notWritten(value string, err error) error {
	return fmt.Errorf("%q: %w: %w", value, ErrValue, err)
}

// fail makes s a Setter that makes Edit fail.
func (s *Setter) fail(err error) { s.op, s.ref = opFail, err }

// AsRead returns s without the question whether what it writes is as the grammar
// has it: for values that came from a peer, which the tolerant reading has taken
// and which must go on as they are, such as a tag of a dialog. What could not be
// read back is refused as ever.
func (s Setter) AsRead() Setter {
	s.raw = true
	if s.op == opJoin {
		join := slices.Clone(s.ref.(joined))
		for i := range join {
			join[i] = join[i].AsRead()
		}
		s.ref = join
	}
	return s
}

// Join makes one Setter of several, which are applied in order.
func Join(s ...Setter) Setter { return Setter{op: opJoin, ref: joined(s)} }

// Fail returns a Setter that makes Edit fail with err. It is for functions that
// return Setters and find out that they cannot.
func Fail(err error) Setter {
	if err == nil {
		return Setter{}
	}
	return Setter{op: opFail, ref: err}
}

// Body replaces the body, which may hold any octets, and sets Content-Length.
// The type of the body is for the caller to set.
func Body(s string) Setter { return Setter{op: opBody, value: Composed{text: s}} }

// Length adds Content-Length if it is not there.
func Length() Setter { return Setter{op: opLength} }

// RequestLine makes the message a request with the given method and
// Request-URI. The URI is written as it is.
func RequestLine(method, uri string) Setter {
	s := Setter{op: opRequestLine, name: method, value: Composed{text: uri}}
	if !scan.IsToken(method) {
		s.fail(setterError("method", method))
	}
	if uri == "" || scan.HasControl(uri) || hasSpace(uri) {
		s.fail(setterError("Request-URI", uri))
	}
	return s
}

// StatusLine makes the message a response with the given status code, 100 to
// 699, and reason phrase, which may be empty.
func StatusLine(code int, phrase string) Setter {
	s := Setter{op: opStatusLine, status: uint16(code), value: Composed{text: phrase}}
	if code < 100 || code > 699 {
		s.fail(&SyntaxError{Offset: -1, Err: ErrStatusCode})
	}
	if scan.HasControl(phrase) || phrase != scan.Trim(phrase) {
		s.fail(setterError("reason phrase", phrase))
	}
	return s
}

// RequestURI replaces the Request-URI of a request. The URI is written as it is.
func RequestURI(uri string) Setter {
	s := RequestLine("X", uri)
	if s.op == opRequestLine {
		s.op, s.name = opURI, ""
	}
	return s
}

// Phrase replaces the reason phrase of a response.
func Phrase(phrase string) Setter {
	s := StatusLine(100, phrase)
	if s.op == opStatusLine {
		s.op = opPhrase
	}
	return s
}

// FieldText replaces all fields of the named header by one with the given
// value, as [Header.Text] does. It is for headers that only their name
// describes, as in a URI with headers; programs that know the header use
// [Header.Set].
func FieldText(name, value string) Setter { return text(0, name, value) }

func setterError(what, value string) error {
	return &SyntaxError{Offset: -1, Err: fmt.Errorf("%s %q: %w", what, value, ErrValue)}
}

func hasSpace(s string) bool {
	for i := range len(s) {
		if scan.IsSpace(s[i]) {
			return true
		}
	}
	return false
}

func text(id ID, name, value string) Setter {
	s := Setter{op: opSet, id: id, name: name, count: asText}
	value = strings.Trim(value, " \t")
	if scan.HasControl(value) {
		s.fail(setterError("value", value))
		return s
	}
	s.value.text, s.value.size = value, inText
	return s
}

// hasLineOctet reports whether s holds an octet that would end the field or the
// text where it is read: header injection stops here (RFC 3261 section 25.1).
func hasLineOctet(s string) bool { return scan.HasLineOctet(s) }

func render[T any, C Codec[T]](op op, id ID, name string, values []T) Setter {
	if len(values) == 0 && op != opSet {
		return Setter{}
	}
	s := Setter{op: op, id: id, name: name}
	if len(values) == 0 {
		return s
	}
	var c C
	s.ref = c
	if len(values) == 1 {
		if c, ok := any(c).(Composer[T]); ok {
			var err error
			s.count = one
			if s.value, err = c.Compose(values[0]); err != nil {
				s.fail(&SyntaxError{Offset: -1, Header: name, Err: err})
			} else if !s.value.exact && s.value.broken() {
				s.fail(setterError("value", s.value.String()))
			}
			return s
		}
	}
	s.count = many
	s.long = make([]byte, 0, 88*len(values))
	for _, v := range values {
		at := len(s.long)
		var err error
		s.long, err = c.Append(s.long, v)
		if err != nil {
			s.fail(&SyntaxError{Offset: -1, Header: name, Err: err})
			return s
		}
		if scan.HasLineOctet(s.long[at:]) {
			s.fail(setterError("value", string(s.long[at:])))
			return s
		}
		s.long = append(s.long, '\n')
	}
	return s
}

var lf = []byte{'\n'}

// size is an upper bound of what the Setter adds to the tail of m.
func (s *Setter) size(m *Message) int {
	switch s.op {
	case opNone, opFail, opFramed:
		return 0
	case opJoin:
		n := 0
		join := s.ref.(joined)
		for i := range join {
			n += join[i].size(m)
		}
		return n
	case opBody, opLength:
		return len("Content-Length: \r\n") + 20
	case opRequestLine, opStatusLine, opURI, opPhrase:
		return len(s.name) + len(s.value.text) + len(m.class.version) + len(m.Method()) + 8
	case opCopy:
		n := 0
		from := s.ref.(*Message)
		id, name := s.target(from)
		for i := from.next(0, id, name); i >= 0; i = from.next(i+1, id, name) {
			f := from.at(i)
			n += int(f.hi()-f.lo) + 4
		}
		return n
	case opPop:
		id, name := s.target(m)
		if i := m.next(0, id, name); i >= 0 {
			f := m.at(i)
			return int(f.hi()-f.lo) + 4
		}
		// What another Setter adds may be popped, but not seen from here: the
		// builder grows then.
		return 0
	}
	name := len(s.name)
	if name == 0 {
		name = len(m.class.name(s.id))
	}
	switch s.count {
	case none:
		return 0
	case one, asText:
		return s.value.len() + name + 4
	}
	return len(s.long) + bytes.Count(s.long, lf)*(name+4)
}

// target returns how the Setter's header is found in m.
func (s *Setter) target(m *Message) (ID, string) {
	if s.id != 0 {
		return s.id, ""
	}
	return m.class.lookup(s.name), s.name
}

func appendStatus(dst []byte, code uint16) []byte {
	return strconv.AppendUint(dst, uint64(code), 10)
}
