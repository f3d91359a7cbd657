package auth

import (
	"iter"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/gosofia/sofia/internal/scan"
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
	c := pairs{s: string(p)}
	var q pair
	for c.next(&q) {
		if !yield(q.name, q.value) {
			return
		}
	}
}

// With returns p with one more parameter, as token if value is one, else
// quoted.
func (p Params) With(name, value string) Params {
	return p.add(&pair{name: name, value: value})
}

// add appends a parameter; what came unquoted without being a token, which is
// read but not right, gets its quotes.
func (p Params) add(q *pair) Params {
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
	c := pairs{s: string(p)}
	var q pair
	for c.next(&q) {
		if reserved(q.name) {
			return unwritable("a parameter in Params has a field of its own")
		}
		again = again.add(&q)
	}
	if c.err != nil || again != p {
		return unwritable("malformed Params; make them with Params.With")
	}
	return nil
}

// parseScheme reads what begins a challenge and credentials. i is where the
// parameters begin; it is len(s), or the position of a comma, if there are none.
//
//	challenge   = auth-scheme [ 1*SP ( token68 / #auth-param ) ]    (RFC 7235 section 2.1)
//	credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
func parseScheme(s string) (scheme, token string, i int, err error) {
	if strings.HasPrefix(s, schemeDigest+" ") {
		// What follows a "=" other than "=", "," and white space is no end of a token68.
		i = len(schemeDigest) + 1
		if p, j := fieldAt(s, i); p != paramOther && j+1 < len(s) && (s[j+1] == '"' || scan.IsTokenChar(s[j+1])) {
			return schemeDigest, "", i, nil
		}
	}
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

// pairs reads parameters one after the other, from i on. Empty members of the
// list are skipped (RFC 7230 section 7). A name that stands twice is an error:
// two readers might take one each.
//
//	#auth-param   with   auth-param = token BWS "=" BWS ( token / quoted-string )
type pairs struct {
	s    string
	i    int
	list bool   // the comma before the next challenge may end them
	rest string // what is left then
	err  error
	n    int    // parameters so far
	seen uint32 // a bit for each name of a field among them

	others int
	at     [maxParams]uint32 // where the other names begin
}

// next reads a parameter into q. It returns false at the end, and after an error.
func (p *pairs) next(q *pair) bool {
	s, i, comma := p.s, p.i, -1
	if i+2 < len(s) && s[i] == ',' && s[i+1] == ' ' {
		i, comma = i+2, i
	}
	for i < len(s) && (s[i] == ',' || scan.IsSpace(s[i])) {
		if s[i] == ',' {
			comma = i
		}
		i++
	}
	if i == len(s) {
		if p.n == 0 {
			p.err = syntax("no parameters")
		}
		return false
	}
	if p.n > 0 && comma < 0 {
		p.err = syntax("no comma between parameters")
		return false
	}
	lo, hi := i, 0
	if q.param, hi = fieldAt(s, i); q.param != paramOther {
		i = hi + 1
	} else {
		if hi = scan.Token(s, lo); hi == lo {
			p.err = syntax("no parameter name")
			return false
		}
		q.param = paramOf(s[lo:hi])
		if i = scan.Space(s, hi); i == len(s) || s[i] != '=' {
			if p.list && p.n > 0 { // the next challenge
				p.rest = s[comma:]
				return false
			}
			p.err = syntax("no value for a parameter")
			return false
		}
		i++
	}
	q.name = s[lo:hi]
	if i < len(s) && scan.IsSpace(s[i]) {
		i = scan.Space(s, i)
	}
	ok := false
	if q.quoted = i < len(s) && s[i] == '"'; !q.quoted {
		p.i = scan.Value(s, i)
		if q.value = s[i:p.i]; q.value == "" {
			p.err = syntax("no value for a parameter")
			return false
		}
	} else if p.i, ok = scan.PlainQuoted(s, i); ok {
		q.value = s[i+1 : p.i-1]
	} else if p.err = p.decode(q, i); p.err != nil {
		return false
	}
	bit := uint32(1) << (q.param & 31)
	if p.n == maxParams {
		p.err = syntax("too many parameters")
		return false
	}
	if q.param == paramOther && !p.first(q.name, lo) || q.param != paramOther && p.seen&bit != 0 {
		p.err = syntax("a parameter stands twice")
		return false
	}
	p.seen |= bit
	p.n++
	return true
}

// decode reads the quoted-string at i.
func (p *pairs) decode(q *pair, i int) error {
	end, ok := scan.Quoted(p.s, i)
	if !ok {
		return syntax("quoted string does not end")
	}
	if q.value = scan.Unquote(p.s[i:end]); scan.HasControl(q.value) { // quoted-pairs included: no value may carry one onwards
		return syntax("control octet in a parameter")
	}
	p.i = end
	return nil
}

// first reports whether a name without a field, which stands at i, is new.
func (p *pairs) first(name string, i int) bool {
	for _, at := range p.at[:p.others] {
		if scan.EqualFold(name, p.s[at:scan.Token(p.s, int(at))]) {
			return false
		}
	}
	p.at[p.others] = uint32(i)
	p.others++
	return true
}

// pair is one auth-param.
type pair struct {
	name, value string
	param       param
	quoted      bool
}

func (q *pair) append(dst []byte) []byte {
	dst = append(append(dst, q.name...), '=')
	if q.quoted {
		return scan.AppendQuoted(dst, q.value)
	}
	return append(dst, q.value...)
}

// param tells the parameters that have a field somewhere from each other.
type param uint8

const (
	paramOther param = iota
	paramAlgorithm
	paramCharset
	paramCNonce
	paramDomain
	paramNC
	paramNextNonce
	paramNonce
	paramOpaque
	paramQOP
	paramRealm
	paramResponse
	paramRSPAuth
	paramStale
	paramURI
	paramUserHash
	paramUsername
	paramExtendedUsername
)

// fieldAt returns the parameter with a field whose name is at i, and where the
// "=" behind it stands. It does not see those that end close to the end of s,
// nor white space and long names: for them there is [paramOf].
func fieldAt(s string, i int) (p param, hi int) {
	if i+10 > len(s) {
		return paramOther, 0
	}
	const lower, octets, high = 0x2020202020202020, 0x0101010101010101, 0x8080808080808080
	w := scan.Word(s, i)
	n := 8
	if eq := w ^ '='*octets; (eq-octets)&^eq&high != 0 {
		n = bits.TrailingZeros64((eq-octets)&^eq&high) / 8
		w = w&(1<<(8*n)-1) | lower&(1<<(8*n)-1)
	} else {
		w |= lower
		if w == 'a'|'l'<<8|'g'<<16|'o'<<24|'r'<<32|'i'<<40|'t'<<48|'h'<<56 && s[i+8]|0x20 == 'm' {
			n = 9
		}
	}
	if s[i+n] != '=' {
		return paramOther, 0
	}
	switch w {
	case 'n' | 'c'<<8:
		p = paramNC
	case 'u' | 'r'<<8 | 'i'<<16:
		p = paramURI
	case 'q' | 'o'<<8 | 'p'<<16:
		p = paramQOP
	case 'r' | 'e'<<8 | 'a'<<16 | 'l'<<24 | 'm'<<32:
		p = paramRealm
	case 'n' | 'o'<<8 | 'n'<<16 | 'c'<<24 | 'e'<<32:
		p = paramNonce
	case 's' | 't'<<8 | 'a'<<16 | 'l'<<24 | 'e'<<32:
		p = paramStale
	case 'c' | 'n'<<8 | 'o'<<16 | 'n'<<24 | 'c'<<32 | 'e'<<40:
		p = paramCNonce
	case 'o' | 'p'<<8 | 'a'<<16 | 'q'<<24 | 'u'<<32 | 'e'<<40:
		p = paramOpaque
	case 'd' | 'o'<<8 | 'm'<<16 | 'a'<<24 | 'i'<<32 | 'n'<<40:
		p = paramDomain
	case 'c' | 'h'<<8 | 'a'<<16 | 'r'<<24 | 's'<<32 | 'e'<<40 | 't'<<48:
		p = paramCharset
	case 'r' | 's'<<8 | 'p'<<16 | 'a'<<24 | 'u'<<32 | 't'<<40 | 'h'<<48:
		p = paramRSPAuth
	case 'r' | 'e'<<8 | 's'<<16 | 'p'<<24 | 'o'<<32 | 'n'<<40 | 's'<<48 | 'e'<<56:
		p = paramResponse
	case 'u' | 's'<<8 | 'e'<<16 | 'r'<<24 | 'n'<<32 | 'a'<<40 | 'm'<<48 | 'e'<<56:
		p = paramUsername
	case 'u' | 's'<<8 | 'e'<<16 | 'r'<<24 | 'h'<<32 | 'a'<<40 | 's'<<48 | 'h'<<56:
		p = paramUserHash
	case 'a' | 'l'<<8 | 'g'<<16 | 'o'<<24 | 'r'<<32 | 'i'<<40 | 't'<<48 | 'h'<<56:
		if n == 9 {
			p = paramAlgorithm
		}
	}
	return p, i + n
}

// longestName is the length of the longest of their names.
const longestName = len("nextnonce")

// paramOf returns the parameter of that name, in whatever case.
func paramOf(name string) param {
	p := lowerParam(name)
	if p != paramOther || len(name) > longestName {
		return p
	}
	var lower [longestName]byte
	for i := range len(name) {
		lower[i] = scan.Lower(name[i])
	}
	return lowerParam(string(lower[:len(name)]))
}

func lowerParam(name string) param {
	switch name {
	case "algorithm":
		return paramAlgorithm
	case "charset":
		return paramCharset
	case "cnonce":
		return paramCNonce
	case "domain":
		return paramDomain
	case "nc":
		return paramNC
	case "nextnonce":
		return paramNextNonce
	case "nonce":
		return paramNonce
	case "opaque":
		return paramOpaque
	case "qop":
		return paramQOP
	case "realm":
		return paramRealm
	case "response":
		return paramResponse
	case "rspauth":
		return paramRSPAuth
	case "stale":
		return paramStale
	case "uri":
		return paramURI
	case "userhash":
		return paramUserHash
	case "username":
		return paramUsername
	case "username*":
		return paramExtendedUsername
	}
	return paramOther
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
