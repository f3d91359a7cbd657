package auth

import (
	"errors"
	"iter"
	"unicode/utf8"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// maxParams bounds the parameters of one header value.
const maxParams = 64

// Params are the parameters of a challenge or of credentials that have no field
// of their own, as they stand in the header: `a=b, c="d"`. Names compare
// without case. The zero value has none.
type Params string

// Get returns the value of the named parameter, without quotes and with
// quoted-pairs decoded.
func (p Params) Get(name string) (value string, ok bool) {
	for n, v := range p.All() {
		if scan.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// All yields names and values in order, the values as Get returns them.
func (p Params) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { p.all(yield) }
}

func (p Params) all(yield func(string, string) bool) {
	_, _ = scanPairs(string(p), 0, false, func(q pair) error {
		if !yield(q.name, q.value) {
			return errStop
		}
		return nil
	})
}

// With returns p with one more parameter, as token if value is one, else
// quoted.
func (p Params) With(name, value string) Params {
	return p.add(pair{name: name, value: value})
}

// add appends a parameter; what came unquoted without being a token, which is
// read but not right, gets its quotes.
func (p Params) add(q pair) Params {
	q.quoted = q.quoted || !scan.IsToken(q.value)
	b := make([]byte, 0, len(p)+len(q.name)+len(q.value)+6)
	b = append(b, p...)
	if p != "" {
		b = append(b, ", "...)
	}
	return Params(q.append(b))
}

// check returns an error unless p is written as [Params.With] writes it and has
// no name that reserved claims.
func (p Params) check(reserved func(name string) bool) error {
	if p == "" {
		return nil
	}
	var again Params
	_, err := scanPairs(string(p), 0, false, func(q pair) error {
		if reserved(q.name) {
			return unwritable("a parameter in Params has a field of its own")
		}
		again = again.add(q)
		return nil
	})
	if errors.Is(err, msg.ErrSyntax) || err == nil && again != p {
		return unwritable("malformed Params; make them with Params.With")
	}
	return err
}

// pair is one auth-param.
type pair struct {
	name, value string
	quoted      bool
}

func (q pair) append(dst []byte) []byte {
	dst = append(append(dst, q.name...), '=')
	if q.quoted {
		return scan.AppendQuoted(dst, q.value)
	}
	return append(dst, q.value...)
}

func (q pair) is(name string) bool { return scan.EqualFold(q.name, name) }

type stop struct{}

func (stop) Error() string { return "stopped" }

var errStop error = stop{}

// parseScheme reads what begins a challenge and credentials. i is where the
// parameters begin; it is len(s), or the position of a comma, if there are none.
//
//	challenge   = auth-scheme [ 1*SP ( token68 / #auth-param ) ]    (RFC 7235 section 2.1)
//	credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
func parseScheme(s string) (scheme, token string, i int, err error) {
	i = scan.Space(s, 0)
	j := scan.Token(s, i)
	if j == i {
		return "", "", i, syntax("no scheme")
	}
	scheme = s[i:j]
	if scan.EqualFold(scheme, schemeDigest) {
		scheme = schemeDigest
	}
	if i = scan.Space(s, j); i == len(s) || s[i] == ',' {
		return scheme, "", i, nil
	}
	if i == j {
		return "", "", i, syntax("no space after the scheme")
	}
	if j = token68(s, i); j > i {
		if k := scan.Space(s, j); k == len(s) || s[k] == ',' {
			return scheme, s[i:j], k, nil
		}
	}
	return scheme, "", i, nil
}

// token68 returns the end of the token68 at i.
//
//	token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="    (RFC 7235 section 2.1)
func token68(s string, i int) int {
	start := i
	for i < len(s) && isToken68(s[i]) {
		i++
	}
	if i > start {
		for i < len(s) && s[i] == '=' {
			i++
		}
	}
	return i
}

func isToken68(c byte) bool {
	switch c {
	case '-', '.', '_', '~', '+', '/':
		return true
	}
	return scan.IsAlpha(c) || scan.IsDigit(c)
}

// scanPairs reads parameters from i on and hands them to set. It returns what
// is left: "" at the end or, if list is true, the comma before the next
// challenge of a list. An error from set ends it.
//
//	#auth-param   with   auth-param = token BWS "=" BWS ( token / quoted-string )
//
// Empty members of the list are skipped (RFC 7230 section 7). A name that
// stands twice is an error: two readers might take one each.
func scanPairs(s string, i int, list bool, set func(pair) error) (rest string, err error) {
	var seen [maxParams]int // where the names so far stand
	var kinds uint64        // a bit for each first letter and length among them
	n, comma := 0, -1
	for {
		i = scan.Space(s, i)
		if i < len(s) && s[i] == ',' {
			comma, i = i, i+1
			continue
		}
		if i == len(s) {
			break
		}
		if n > 0 && comma < 0 {
			return "", syntax("no comma between parameters")
		}
		q, next, err := scanPair(s, i)
		if err != nil {
			if list && n > 0 && next < 0 { // token without "=": the next challenge
				return s[comma:], nil
			}
			return "", err
		}
		if n == maxParams {
			return "", syntax("too many parameters")
		}
		kind := uint64(1) << ((int(q.name[0]) + len(q.name)*5) & 31) // the same in upper and lower case
		if kinds&kind != 0 {
			for _, at := range seen[:n] {
				if q.is(s[at:scan.Token(s, at)]) {
					return "", syntax("a parameter stands twice")
				}
			}
		}
		kinds |= kind
		seen[n] = i
		n++
		if err := set(q); err != nil {
			return "", err
		}
		i, comma = next, -1
	}
	if n == 0 {
		return "", syntax("no parameters")
	}
	return "", nil
}

// scanPair reads one parameter. With an error, next is -1 if the name is not
// followed by "=", else 0.
func scanPair(s string, i int) (q pair, next int, err error) {
	j := scan.Token(s, i)
	if j == i {
		return q, 0, syntax("no parameter name")
	}
	q.name = s[i:j]
	if i = scan.Space(s, j); i == len(s) || s[i] != '=' {
		return q, -1, syntax("no value for a parameter")
	}
	if i = scan.Space(s, i+1); i < len(s) && s[i] == '"' {
		end, ok := scan.Quoted(s, i)
		if !ok {
			return q, 0, syntax("quoted string does not end")
		}
		q.value, q.quoted, next = scan.Unquote(s[i:end]), true, end
	} else {
		if next = scan.Value(s, i); next == i {
			return q, 0, syntax("no value for a parameter")
		}
		q.value = s[i:next]
	}
	if scan.HasControl(q.value) { // quoted-pairs included: no value may carry one onwards
		return q, 0, syntax("control octet in a parameter")
	}
	return q, next, nil
}

// writer renders a header value and remembers the first thing that cannot be
// written.
type writer struct {
	b   []byte
	n   int // parameters so far
	err error
}

func (w *writer) name(name string) {
	if w.n++; w.n > 1 {
		w.b = append(w.b, ", "...)
	}
	w.b = append(append(w.b, name...), '=')
}

func (w *writer) quoted(name, value string) {
	if scan.HasControl(value) {
		w.fail("control octet in " + name)
		return
	}
	w.name(name)
	w.b = scan.AppendQuoted(w.b, value)
}

func (w *writer) extended(name, value string) {
	if scan.HasControl(value) || !utf8.ValidString(value) {
		w.fail("control octet or no UTF-8 in " + name)
		return
	}
	w.name(name)
	w.b = encodeExtended(w.b, value)
}

func (w *writer) token(name, value string) {
	if !scan.IsToken(value) {
		w.fail(name + " is not a token")
		return
	}
	w.name(name)
	w.b = append(w.b, value...)
}

func (w *writer) flag(name string, on bool) {
	if on {
		w.token(name, flagTrue)
	}
}

// scheme writes the scheme and what is not a digest's; done tells that this is all.
func (w *writer) scheme(scheme, token string) (done bool) {
	switch {
	case !scan.IsToken(scheme):
		w.fail("scheme is not a token")
		return true
	case scheme != schemeDigest && scan.EqualFold(scheme, schemeDigest):
		w.fail(`scheme must be written "Digest"`)
		return true
	}
	w.b = append(w.b, scheme...)
	if token == "" {
		return false
	}
	if scheme == schemeDigest || token68(token, 0) != len(token) {
		w.fail("malformed token")
	}
	w.b = append(append(w.b, ' '), token...)
	return true
}

func (w *writer) params(p Params, reserved func(string) bool) {
	if p == "" {
		return
	}
	if err := p.check(reserved); err != nil && w.err == nil {
		w.err = err
	}
	if w.n++; w.n > 1 {
		w.b = append(w.b, ", "...)
	}
	w.b = append(w.b, p...)
}

func (w *writer) fail(what string) {
	if w.err == nil {
		w.err = unwritable(what)
	}
}
