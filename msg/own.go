package msg

import (
	"bytes"

	"github.com/gosofia/sofia/internal/own"
	"github.com/gosofia/sofia/internal/scan"
)

// ReplaceFirst replaces the value of the first field of a header in m itself,
// not in a copy. It is for the stack, between Parse and the first who gets the
// message: RFC 3261 section 18.2.1 has the top Via of nearly every request changed.
// The value must be as it may be written for a reader, see [Setter.AsRead]. Name
// and line end are written anew. It makes one allocation, and reports false,
// with m as it was, for what only [Message.Edit] can do: m was refused or edited
// before, the header is not there, the field has several values, or must stand
// alone.
func (m *Message) ReplaceFirst(_ own.Sole, id ID, value []byte) bool {
	i := m.next(0, id, "")
	if id == 0 || i < 0 || m.tail != "" || m.bad() || m.flags&(doubled|fragment) != 0 || m.class.crowded {
		return false
	}
	name := m.class.name(id)
	size := len(name) + len(value) + 4
	f := m.at(i)
	if id == IDContentLength || bytes.IndexByte(value, ',') >= 0 || scan.HasLineOctet(value) || len(m.text)+size >= noLimit {
		return false
	}
	for _, c := range []byte(m.value(f)) {
		if c == ',' {
			return false
		}
	}
	var room [192]byte
	b := append(append(append(room[:0], name...), ": "...), value...)
	b = append(b, "\r\n"...)
	m.tail = string(b)
	f.lo = uint32(len(m.text))
	f.nameLen, f.valOff, f.trail = uint16(len(name)), uint16(len(name)+2), 2
	f.valEnd = f.lo + uint32(size-2)
	m.run(Check{m: m, was: m, touched: 1 << (m.class.place(id) % places) &^ 1})
	return true
}
