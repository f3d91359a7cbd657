package msg

import (
	"iter"

	"github.com/gosofia/sofia/internal/scan"
)

// ReadsWith returns what [HeaderInfo].Reads wants, for a header of this codec.
func ReadsWith[T any, C Codec[T]](Header[T, C]) func(s string) (rest string, err error) {
	return func(s string) (string, error) {
		var c C
		_, rest, err := c.Parse(s)
		return rest, err
	}
}

// Codec reads and writes one value of a header. Implementations are zero-size
// types whose methods have value receivers, so that decoding does not allocate.
type Codec[T any] interface {
	// Parse reads the value at the start of s, which has no white space at its
	// ends and no folds inside. rest is "", or what follows from the comma that
	// separates the value from the next one.
	Parse(s string) (v T, rest string, err error)
	// Append appends v to dst in canonical form. It fails if v cannot be written
	// so that Parse reads the same value back.
	Append(dst []byte, v T) ([]byte, error)
}

// Header is a header of a class: the ID under which the class knows it, the
// type of its values and the codec that reads and writes them. Headers are
// constants:
//
//	const Expires = msg.Header[uint32, msg.SecondsCodec](msg.IDExpires)
//
// Values are decoded on every access and not kept, so readers share a message
// without locks. Decoding a value without folds and without quoted-pairs does
// not allocate.
type Header[T any, C Codec[T]] ID

// ID returns the header's ID.
func (h Header[T, C]) ID() ID { return ID(h) }

// Get decodes the first value; ok is false if the header is not there, or is a
// list without members. If the value is malformed, ok is true and err is a
// *[SyntaxError]. It also fails, with ErrTrailing or ErrDouble, if more follows
// the value of a header that has only one.
func (h Header[T, C]) Get(s Source) (v T, ok bool, err error) {
	return get[T, C](s.Msg(), ID(h), "", 0)
}

// All decodes the values in wire order, those of comma lists and repeated
// fields alike (RFC 3261 section 7.3.1). A malformed value is yielded as an
// error, after which decoding goes on behind the next comma. The sequence can
// be used many times. It does not allocate where Get does not.
func (h Header[T, C]) All(s Source) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { all[T, C](s.Msg(), ID(h), "", 0, yield) }
}

// Has reports whether the header is there, with a value or without one.
func (h Header[T, C]) Has(s Source) bool { return s.Msg().next(0, ID(h), "") >= 0 }

// Raw returns the value of the first field as it was written, without white
// space at its ends.
func (h Header[T, C]) Raw(s Source) (value string, ok bool) {
	return raw(s.Msg(), ID(h), "")
}

// Set replaces all values of the header by v, at the place of the first one, or
// behind the other fields if there was none. Without values it is Del.
func (h Header[T, C]) Set(v ...T) Setter { return render[T, C](opSet, ID(h), "", v) }

// Add appends values behind those that are there. Adding to a header that may
// stand only once is an error if it is there already.
func (h Header[T, C]) Add(v ...T) Setter { return render[T, C](opAdd, ID(h), "", v) }

// Default sets the header to v if it is not there when the setter is applied.
func (h Header[T, C]) Default(v T) Setter { return render[T, C](opDefault, ID(h), "", []T{v}) }

// Push puts a value in front of those that are there. If there is none, it goes
// behind the other fields, or to the top if the kind of the header is Prepend.
func (h Header[T, C]) Push(v T) Setter { return render[T, C](opPush, ID(h), "", []T{v}) }

// Pop removes the first value, be it a field of its own or the first member of
// a list. It does nothing if there is none.
func (h Header[T, C]) Pop() Setter { return Setter{op: opPop, id: ID(h)} }

// Text replaces the header by one field with the given value, of a list all of
// them, which is written as it is but for white space at the ends. Edit fails
// if a class that types the header could not read it, or its grammar does not
// have it. With [Setter.AsRead] any text without control octets is written.
func (h Header[T, C]) Text(s string) Setter { return text(ID(h), "", s) }

// Del removes all fields of the header.
func (h Header[T, C]) Del() Setter { return Setter{op: opSet, id: ID(h)} }

// Copy replaces the header by the fields that another message has of it, byte
// for byte; if that has none, it is Del.
func (h Header[T, C]) Copy(from Source) Setter {
	return Setter{op: opCopy, id: ID(h), ref: from.Msg()}
}

// Extension is a header that the class of a message need not know: it is
// matched by name. Its methods are those of [Header].
//
//	var XTrunk = msg.Extension[string, msg.TextCodec]{Name: "X-Trunk"}
type Extension[T any, C Codec[T]] struct {
	Name    string
	Compact string // one letter, obeyed if the class knows the header, see [Class.With]
	Kind    Kind   // how often it may stand; a class that knows the header has the last word
}

// Info describes the header for [Class.With].
func (e Extension[T, C]) Info() HeaderInfo {
	return HeaderInfo{Name: e.Name, Compact: e.Compact, Kind: e.Kind}
}

// Get is [Header.Get].
func (e Extension[T, C]) Get(s Source) (v T, ok bool, err error) {
	m := s.Msg()
	return get[T, C](m, m.class.lookup(e.Name), e.Name, e.Kind)
}

// All is [Header.All].
func (e Extension[T, C]) All(s Source) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) { all[T, C](s.Msg(), 0, e.Name, e.Kind, yield) }
}

// Has is [Header.Has].
func (e Extension[T, C]) Has(s Source) bool {
	m := s.Msg()
	return m.next(0, m.class.lookup(e.Name), e.Name) >= 0
}

// Raw is [Header.Raw].
func (e Extension[T, C]) Raw(s Source) (value string, ok bool) {
	m := s.Msg()
	return raw(m, m.class.lookup(e.Name), e.Name)
}

// Set is [Header.Set].
func (e Extension[T, C]) Set(v ...T) Setter { return e.kind(render[T, C](opSet, 0, e.Name, v)) }

// Add is [Header.Add].
func (e Extension[T, C]) Add(v ...T) Setter { return e.kind(render[T, C](opAdd, 0, e.Name, v)) }

// Default is [Header.Default].
func (e Extension[T, C]) Default(v T) Setter {
	return e.kind(render[T, C](opDefault, 0, e.Name, []T{v}))
}

// Push is [Header.Push].
func (e Extension[T, C]) Push(v T) Setter {
	return e.kind(render[T, C](opPush, 0, e.Name, []T{v}))
}

// Pop is [Header.Pop].
func (e Extension[T, C]) Pop() Setter { return Setter{op: opPop, name: e.Name, kind: e.Kind} }

// Text is [Header.Text].
func (e Extension[T, C]) Text(s string) Setter { return text(0, e.Name, s) }

// Del is [Header.Del].
func (e Extension[T, C]) Del() Setter { return Setter{op: opSet, name: e.Name} }

// Copy is [Header.Copy].
func (e Extension[T, C]) Copy(from Source) Setter {
	return Setter{op: opCopy, name: e.Name, ref: from.Msg()}
}

func (e Extension[T, C]) kind(s Setter) Setter {
	s.kind = e.Kind
	return s
}

func get[T any, C Codec[T]](m *Message, id ID, name string, kind Kind) (v T, ok bool, err error) {
	single := m.single(id, kind)
	for i := m.next(0, id, name); i >= 0; i = m.next(i+1, id, name) {
		f := m.at(i)
		s := unfold(m.value(f))
		if s == "" && !single { // a list without members, or an empty field among others
			if m.class.strict&EmptyMembers != 0 {
				if err := m.valid(id, "", ""); err != nil {
					return v, true, m.valueError(f, err)
				}
			}
			continue
		}
		if !single && s[0] == ',' {
			if s = m.member(s); s == "" {
				continue
			}
		}
		var c C
		v, rest, err := c.Parse(s)
		if err == nil && rest != "" && (single || rest[0] != ',') {
			err = ErrTrailing
		}
		if err == nil && m.class.strict != 0 {
			err = m.valid(id, s, rest)
		}
		if err == nil && single && m.again(i, id, name) {
			err = ErrDouble
		}
		if err != nil {
			var zero T
			return zero, true, m.valueError(f, err)
		}
		return v, true, nil
	}
	return v, false, nil
}

// again reports whether a header that takes one value stands once more behind
// field i. Whoever takes the first would not see what others see who take the
// last. Critical headers are left out: the message is refused because of them.
// So are lengths of the body, which are equal then (RFC 4475 section 3.3.9).
func (m *Message) again(i int, id ID, name string) bool {
	if id == IDContentLength || m.class.kind(id)&(kindCritical|kindUnknown) == kindCritical {
		return false
	}
	return m.next(i+1, id, name) >= 0
}

// member goes over the empty members of a list at the start of s, if the class
// forgives them.
func (m *Message) member(s string) string {
	if m.class.strict&EmptyMembers != 0 {
		return s
	}
	for s != "" && s[0] == ',' {
		s = s[scan.Space(s, 1):]
	}
	return s
}

func all[T any, C Codec[T]](m *Message, id ID, name string, kind Kind, yield func(T, error) bool) {
	var c C
	var zero T
	if id == 0 {
		id = m.class.lookup(name)
	}
	left := m.members
	single := m.single(id, kind)
	for i := m.next(0, id, name); i >= 0; i = m.next(i+1, id, name) {
		f := m.at(i)
		s := unfold(m.value(f))
		if !single && s != "" && s[0] == ',' {
			s = m.member(s)
		}
		if s == "" && !single && m.class.strict&EmptyMembers != 0 {
			if err := m.valid(id, "", ""); err != nil && !yield(zero, m.valueError(f, err)) {
				return
			}
			continue
		}
		for more := s != "" || single; more; {
			if left--; left < 0 {
				yield(zero, m.valueError(f, ErrTooManyMembers))
				return
			}
			var v T
			rest, err := s, ErrSyntax // what an empty member is, if it is one
			if single || s != "" && s[0] != ',' {
				v, rest, err = c.Parse(s)
			}
			if err == nil && rest != "" && (single || rest[0] != ',') {
				err = ErrTrailing
			}
			if err == nil && m.class.strict != 0 {
				err = m.valid(id, s, rest)
			}
			if err == nil && single && m.again(i, id, name) {
				err = ErrDouble
			}
			if err != nil {
				v, rest = zero, s[scan.Comma(s, 0):]
				err = m.valueError(f, err)
			}
			if !yield(v, err) {
				return
			}
			if more = rest != "" && !single; more {
				s = rest[scan.Space(rest, 1):]
				if s == "" || s[0] == ',' {
					s = m.member(s)
					more = s != "" || m.class.strict&EmptyMembers != 0
				}
			}
		}
		if single {
			return
		}
	}
}

// single reports whether the header takes one value: as the class has it, else
// as its Extension says.
func (m *Message) single(id ID, kind Kind) bool {
	if k := m.class.kind(id); k&kindUnknown == 0 {
		return k&kindMask == uint8(Single)
	}
	return kind == Single
}

func raw(m *Message, id ID, name string) (string, bool) {
	i := m.next(0, id, name)
	if i < 0 {
		return "", false
	}
	return m.value(m.at(i)), true
}

func (m *Message) valueError(f *field, err error) error {
	e := &SyntaxError{Offset: -1, Header: m.name(f), Err: err}
	if int(f.val()) < len(m.text) {
		e.Offset = int(f.val())
	}
	if n := m.class.name(f.id); n != "" {
		e.Header = n
	}
	return e
}
