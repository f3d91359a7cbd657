package msg

import (
	"bytes"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

func (e *editor) set(id ID, name string, kind Kind, s *Setter) {
	at := e.index(0, id, name)
	if at < 0 {
		e.insert(len(e.fields), id, name, kind, s)
		return
	}
	if e.stale || e.m.class.place(id)&kindCritical == 0 { // else it stands once
		for i := e.index(at+1, id, name); i >= 0; i = e.index(i, id, name) {
			e.drop(i)
		}
	}
	if s.count == none {
		e.drop(at)
		return
	}
	f, rest := e.field(id, name, kind, s, s.long)
	e.replace(at, f)
	e.insertRest(at+1, id, name, kind, s, rest)
}

// behind is where Add puts a field: after the last of its header, else last.
func (e *editor) behind(id ID, name string) int {
	at := len(e.fields)
	for i := e.index(0, id, name); i >= 0; i = e.index(i+1, id, name) {
		at = i + 1
	}
	return at
}

// front is where Push puts a field: before the first of its header, else to the
// top behind headers of the same kind with a lower ID, so that Via stays first.
func (e *editor) front(id ID, name string, kind Kind) int {
	if i := e.index(0, id, name); i >= 0 {
		return i
	}
	if kind != Prepend {
		return len(e.fields)
	}
	at := 0
	for at < len(e.fields) && e.fields[at].id < id && Kind(e.m.class.kind(e.fields[at].id)&kindMask) == Prepend {
		at++
	}
	return at
}

// insert writes the values of s as fields and puts them at position at.
func (e *editor) insert(at int, id ID, name string, kind Kind, s *Setter) {
	if s.count == none {
		return
	}
	f, rest := e.field(id, name, kind, s, s.long)
	e.put(at, f)
	e.insertRest(at+1, id, name, kind, s, rest)
}

func (e *editor) insertRest(at int, id ID, name string, kind Kind, s *Setter, values []byte) {
	for len(values) > 0 {
		var f field
		f, values = e.field(id, name, kind, s, values)
		e.put(at, f)
		at++
	}
}

// field writes the first of the values of s that are left as a field, of a list
// all of them, and returns the others.
func (e *editor) field(id ID, name string, kind Kind, s *Setter, values []byte) (field, []byte) {
	if name == "" {
		name = e.m.class.name(id)
	}
	f := e.begin(id, name)
	if s.count != many {
		at := e.tail.Len()
		if v := &s.value; v.size == inText {
			e.tail.WriteString(v.text)
		} else {
			e.tail.Write(v.short[:v.size])
		}
		if e.valid != nil {
			e.ask(name, at)
		}
		e.end(&f)
		return f, nil
	}
	for more := true; more; {
		end, at := bytes.IndexByte(values, '\n'), e.tail.Len()
		e.tail.Write(values[:end])
		if e.valid != nil {
			e.ask(name, at)
		}
		values = values[end+1:]
		if more = kind == List && len(values) > 0; more {
			e.tail.WriteString(", ")
		}
	}
	e.end(&f)
	return f, values
}

// readText checks what [Header.Text] writes, which may be several values.
func (e *editor) readText(id ID, kind Kind, value string) {
	info := &e.m.class.infos[e.m.class.byID[id]-1]
	s := value
	if info.Reads == nil || s == "" && kind != Single {
		if info.Valid != nil && info.Reads != nil {
			e.fail(info.Name, s, info.Valid(s, Strict))
		}
		return
	}
	for {
		rest, err := info.Reads(s)
		if err == nil && rest != "" && (kind == Single || rest[0] != ',' || isAuth(id)) {
			err = ErrTrailing
		}
		if err == nil && info.Valid != nil {
			err = info.Valid(scan.Trim(s[:len(s)-len(rest)]), Strict)
		}
		if err != nil {
			e.fail(info.Name, value, err)
			return
		}
		if rest == "" {
			return
		}
		s = rest[scan.Space(rest, 1):]
	}
}

// fail notes the first value that cannot be written.
func (e *editor) fail(name, value string, err error) {
	if err != nil && e.err == nil {
		e.err = &SyntaxError{Offset: -1, Header: name, Err: notWritten(value, err)}
	}
}

// ask checks the value that stands in the tail from at on.
func (e *editor) ask(name string, at int) {
	value := e.tail.String()[at:]
	e.fail(name, value, e.valid(value, Strict))
}

// begin starts a field in the tail, end ends it; the value is written in between.
func (e *editor) begin(id ID, name string) field {
	f := field{id: id, lo: e.at(), nameLen: uint16(len(name)), valOff: uint16(len(name) + 2)}
	e.tail.WriteString(name)
	e.tail.WriteString(": ")
	return f
}

func (e *editor) end(f *field) {
	f.valEnd, f.trail = e.at(), 2
	e.tail.WriteString("\r\n")
}

// pop removes the first value of a header.
func (e *editor) pop(id ID, name string, kind Kind) {
	for at := e.index(0, id, name); at >= 0; at = e.index(at, id, name) {
		f := e.fields[at]
		v := e.str(span{f.val(), f.valEnd})
		comma := len(v)
		if kind != Single && !isAuth(id) && strings.IndexByte(v, ',') >= 0 && !e.m.class.whole(id) {
			comma = scan.Comma(v, 0)
		}
		if comma == len(v) {
			e.drop(at)
			if v == "" && e.index(at, id, name) >= 0 {
				continue // an empty field has no value to remove
			}
			return
		}
		rest := v[scan.Space(v, comma+1):]
		name := e.str(span{f.lo, f.lo + uint32(f.nameLen)})
		g := e.begin(id, name)
		e.tail.WriteString(rest)
		e.end(&g)
		e.replace(at, g)
		return
	}
}

// isAuth reports whether the commas in the header with the given ID do not
// separate values (RFC 3261 section 7.3.1).
func isAuth(id ID) bool { return id >= IDWWWAuthenticate && id <= IDProxyAuthenticationInfo }

// copy replaces a header by the fields of another message.
func (e *editor) copy(id ID, name string, from *Message) {
	e.source = from
	at := e.index(0, id, name)
	if at < 0 {
		at = len(e.fields)
	}
	for i := e.index(at, id, name); i >= 0; i = e.index(at, id, name) {
		e.drop(i)
	}
	fromID := id
	if from.class != e.m.class {
		fromID = from.class.lookup(name)
	}
	for i := from.next(0, fromID, name); i >= 0; i = from.next(i+1, fromID, name) {
		f := *from.at(i)
		if from.flags&unclean != 0 {
			e.insert(at, id, from.name(&f), Append, &Setter{count: one, value: ComposeText(clean(from.value(&f)), false)})
			at++
			continue
		}
		lo := e.at()
		e.tail.WriteString(from.str(f.all()))
		f.id = id
		e.put(at, f.moved(lo-f.lo))
		at++
	}
}

// clean returns a value of a refused message so that it can stand in its answer.
func clean(v string) string {
	b := []byte(unfold(v))
	for i, c := range b {
		if c == '\r' || c == '\n' || c == 0 {
			b[i] = ' '
		}
	}
	return string(b)
}
