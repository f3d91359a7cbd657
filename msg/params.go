package msg

import (
	"iter"
	"net/netip"

	"github.com/gosofia/sofia/internal/scan"
)

// Params are the parameters of a header value or URI as they stand in it, each
// with its semicolon: ";transport=tcp;lr". They are scanned when asked, so
// keeping them costs nothing. Names compare without case (RFC 3261 section
// 7.3.1); if a name stands twice, the first one counts. The zero value has no
// parameters.
type Params string

// Get returns the value of the named parameter, without quotes and with
// quoted-pairs decoded. A parameter without "=" has the value "". Percent
// escapes of URI parameters are left as they are.
func (p Params) Get(name string) (value string, ok bool) {
	s := string(p)
	for i := 0; ; {
		q, next, ok := scan.NextParam(s, i)
		if !ok {
			return "", false
		}
		if scan.EqualFold(s[q.NameLo:q.NameHi], name) {
			return scan.Unquote(s[q.ValueLo:q.ValueHi]), true
		}
		i = next
	}
}

// Has reports whether the named parameter is there, with or without a value.
func (p Params) Has(name string) bool {
	_, ok := p.Get(name)
	return ok
}

// All yields names and values in order, the values as Get returns them. It
// stops at a malformed parameter.
func (p Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { p.all(yield) }
}

func (p Params) all(yield func(string, string) bool) {
	s := string(p)
	for i := 0; ; {
		q, next, ok := scan.NextParam(s, i)
		if !ok || !yield(s[q.NameLo:q.NameHi], scan.Unquote(s[q.ValueLo:q.ValueHi])) {
			return
		}
		i = next
	}
}

// With returns p with the named parameter set to value, in its place if it was
// there, else at the end. A value that is no token is quoted; "" gives a
// parameter without "=". Values that no quoted-string can hold make the result
// one that no header accepts: the setter reports it.
func (p Params) With(name, value string) Params {
	b := make([]byte, 0, len(p)+len(name)+len(value)+4)
	lo, hi := p.find(name)
	b = append(b, p[:lo]...)
	b = append(append(b, ';'), name...)
	switch {
	case value == "":
	case plain(value):
		b = append(append(b, '='), value...)
	default:
		b = scan.AppendQuoted(append(b, '='), value)
	}
	return Params(append(b, p[hi:].without(name)...))
}

// plain reports whether value may stand without quotes: a token or a host, or
// the IPv6 address without brackets of a Via's received.
func plain(value string) bool {
	if scan.IsToken(value) {
		return true
	}
	if value[0] == '[' && value[len(value)-1] == ']' {
		value = value[1 : len(value)-1]
	}
	a, err := netip.ParseAddr(value)
	return err == nil && a.Zone() == ""
}

// Without returns p without any parameter of that name.
func (p Params) Without(name string) Params { return p.without(name) }

func (p Params) without(name string) Params {
	for {
		lo, hi := p.find(name)
		if lo == hi {
			return p
		}
		p = p[:lo] + p[hi:]
	}
}

// find returns the place of the named parameter with its semicolon, or the end
// of p twice.
func (p Params) find(name string) (lo, hi int) {
	s := string(p)
	for i := 0; ; {
		q, next, ok := scan.NextParam(s, i)
		if !ok {
			return len(s), len(s)
		}
		if scan.EqualFold(s[q.NameLo:q.NameHi], name) {
			return i, next
		}
		i = next
	}
}

// Valid reports whether p can be written: it is empty or a run of well-formed
// parameters, and holds no control octet.
func (p Params) Valid() bool {
	end, ok := scan.Params(string(p), 0)
	return ok && end == len(p) && !scan.HasControl(string(p))
}
