package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// gram checks one header value, unfolded, against the grammar of RFC 3261
// section 25 and its extensions, as far as t does not forgive. The codecs read
// more than the grammar has; this is what a class asks that forgives less than
// they do, see [msg.Class.Reading].
type gram struct {
	s string
	t msg.Tolerance
}

// rule recognises a production at i and returns its end, fail if it is not there.
type rule func(g gram, i int) int

const fail = -1

// valid makes of a rule what [msg.HeaderInfo] wants.
func valid(r rule) func(string, msg.Tolerance) error {
	return func(s string, t msg.Tolerance) error {
		g := gram{s, t}
		if r(g, 0) != len(s) {
			return msg.ErrSyntax
		}
		return nil
	}
}

func (g gram) at(i int, c byte) bool { return i < len(g.s) && g.s[i] == c }

// sws skips optional white space.
func (g gram) sws(i int) int { return scan.Space(g.s, i) }

// sep reads a separator with white space around it: SEMI, EQUAL, SLASH, COMMA, COLON.
func (g gram) sep(i int, c byte) int {
	if i = g.sws(i); !g.at(i, c) {
		return fail
	}
	return g.sws(i + 1)
}

func token(g gram, i int) int {
	if end := scan.Token(g.s, i); end > i {
		return end
	}
	return fail
}

func digits(g gram, i int) int {
	if end := scan.Digits(g.s, i); end > i {
		return end
	}
	return fail
}

// number is digits up to limit.
func number(limit uint64) rule {
	return func(g gram, i int) int {
		end := scan.Digits(g.s, i)
		if _, fits, ok := scan.Uint(g.s[i:end], limit); !ok || !fits {
			return fail
		}
		return end
	}
}

var delta = number(1<<32 - 1)

// ttl is a time to live.
//
//	ttl = 1*3DIGIT ; 0 to 255
func ttl(g gram, i int) int {
	end := number(255)(g, i)
	if end-i > 3 {
		return fail
	}
	return end
}

// words reads one of the given tokens, compared without case.
func words(list ...string) rule {
	return func(g gram, i int) int {
		end := scan.Token(g.s, i)
		for _, w := range list {
			if scan.EqualFold(g.s[i:end], w) {
				return end
			}
		}
		return fail
	}
}

// quoted reads a quoted-string.
//
//	qdtext      = LWS / %x21 / %x23-5B / %x5D-7E / UTF8-NONASCII
//	quoted-pair = "\" (%x00-09 / %x0B-0C / %x0E-7F)
func quoted(g gram, i int) int {
	if !g.at(i, '"') {
		return fail
	}
	for i++; i < len(g.s); {
		switch c := g.s[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i+1 == len(g.s) || g.s[i+1] >= 0x80 || g.s[i+1] == '\r' || g.s[i+1] == '\n' {
				return fail
			}
			i += 2
		default:
			if i = g.text(i); i == fail {
				return fail
			}
		}
	}
	return fail
}

// quotedRule reads a quoted-string whose text between the quotes is inner.
func quotedRule(inner rule) rule {
	return func(g gram, i int) int {
		end := quoted(g, i)
		if end == fail {
			return fail
		}
		in := gram{g.s[i+1 : end-1], g.t}
		if inner(in, 0) != len(in.s) {
			return fail
		}
		return end
	}
}

// text reads one character of free text: white space, a visible one, or one of
// UTF-8 outside of ASCII.
//
//	UTF8-NONASCII = %xC0-DF 1UTF8-CONT / %xE0-EF 2UTF8-CONT / … / %xFC-FD 5UTF8-CONT
func (g gram) text(i int) int {
	c := g.s[i]
	if c < 0x80 {
		if c < ' ' && c != '\t' || c == 0x7f {
			return fail
		}
		return i + 1
	}
	if g.t.Has(msg.TextOctets) {
		return i + 1
	}
	n := 0
	switch {
	case c < 0xc0 || c > 0xfd:
		return fail
	case c < 0xe0:
		n = 1
	case c < 0xf0:
		n = 2
	case c < 0xf8:
		n = 3
	case c < 0xfc:
		n = 4
	default:
		n = 5
	}
	for i++; n > 0; n-- {
		if i == len(g.s) || g.s[i]&0xc0 != 0x80 {
			return fail
		}
		i++
	}
	return i
}

// freeText is all of the value.
//
//	[TEXT-UTF8-TRIM]
func freeText(g gram, i int) int {
	for i < len(g.s) {
		if i = g.text(i); i == fail {
			return fail
		}
	}
	return i
}

// comment reads a comment, nested ones counted.
//
//	comment = LPAREN *(ctext / quoted-pair / comment) RPAREN
func comment(g gram, i int) int {
	depth := 0
	for i < len(g.s) {
		switch c := g.s[i]; {
		case c == '(':
			depth++
			i++
		case c == ')':
			i++
			if depth--; depth == 0 {
				return i
			}
		case depth == 0:
			return fail
		case c == '\\':
			if i+1 == len(g.s) || g.s[i+1] >= 0x80 {
				return fail
			}
			i += 2
		default:
			if i = g.text(i); i == fail {
				return fail
			}
		}
	}
	return fail
}

// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
func qvalue(g gram, i int) int {
	if !g.at(i, '0') && !g.at(i, '1') {
		return fail
	}
	one := g.s[i] == '1'
	if i++; !g.at(i, '.') {
		return i
	}
	i++
	for n := 0; n < 3 && i < len(g.s) && scan.IsDigit(g.s[i]) && (!one || g.s[i] == '0'); n++ {
		i++
	}
	return i
}

// genValue = token / host / quoted-string
func genValue(g gram, i int) int {
	if g.at(i, '"') {
		return quoted(g, i)
	}
	if g.t.Has(msg.UnquotedValues) {
		if end := scan.Value(g.s, i); end > i {
			return end
		}
		return fail
	}
	if g.at(i, '[') {
		return host(g, i)
	}
	return token(g, i) // each host name and IPv4 address is one
}

func tokenOrQuoted(g gram, i int) int {
	if g.at(i, '"') {
		return quoted(g, i)
	}
	return token(g, i)
}

// par says what the grammar wants of a parameter.
type par struct {
	name  string
	value rule // nil: it has no value
	bare  bool // the value may be missing
}

// params reads parameters up to the end of the value. Those of own are checked,
// the others are generic-param. None may stand twice (RFC 3261 section 7.3.1).
//
//	*( SEMI generic-param );  generic-param = token [ EQUAL gen-value ]
func params(own ...par) rule { return paramList(own, false, genValue, true) }

// paramList is params with another rule for the values of generic parameters,
// which are optional if bare is set.
func paramList(own []par, twice bool, value rule, bare bool) rule {
	return func(g gram, i int) int {
		var seen map[string]struct{}
		var names [8]string
		n := 0
		for {
			next := g.sep(i, ';')
			if next == fail {
				return i
			}
			end := token(g, next)
			if end == fail {
				return fail
			}
			name := g.s[next:end]
			for _, other := range names[:min(n, len(names))] {
				if scan.EqualFold(name, other) && !twice && !g.t.Has(msg.DoubledParameters) {
					return fail
				}
			}
			if n < len(names) {
				names[n] = name
			} else if !twice && !g.t.Has(msg.DoubledParameters) {
				if seen == nil {
					seen = map[string]struct{}{}
				}
				key := strings.ToLower(name)
				if _, ok := seen[key]; ok {
					return fail
				}
				seen[key] = struct{}{}
			}
			n++
			if i = g.param(name, end, own, value, bare); i == fail {
				return fail
			}
		}
	}
}

// param reads what follows the name of a parameter.
func (g gram) param(name string, i int, own []par, value rule, bare bool) int {
	eq := g.sep(i, '=')
	for _, p := range own {
		if !scan.EqualFold(p.name, name) || g.t.Has(msg.ParameterValues) {
			continue
		}
		switch {
		case eq == fail && (p.value == nil || p.bare):
			return i
		case eq == fail || p.value == nil:
			return fail
		}
		return p.value(g, eq)
	}
	if eq == fail {
		if !bare && !g.t.Has(msg.ParameterValues) {
			return fail
		}
		return i
	}
	return value(g, eq)
}

// seq reads rules one after the other.
func seq(rules ...rule) rule {
	return func(g gram, i int) int {
		for _, r := range rules {
			if i = r(g, i); i == fail {
				return fail
			}
		}
		return i
	}
}

// either reads the first rule that fits.
func either(rules ...rule) rule {
	return func(g gram, i int) int {
		for _, r := range rules {
			if end := r(g, i); end != fail {
				return end
			}
		}
		return fail
	}
}

// slash is SLASH.
func slash(g gram, i int) int { return g.sep(i, '/') }

// lws is white space that must be there.
func lws(g gram, i int) int {
	if end := g.sws(i); end > i {
		return end
	}
	return fail
}

// char reads one octet.
func char(c byte) rule {
	return func(g gram, i int) int {
		if g.at(i, c) {
			return i + 1
		}
		return fail
	}
}

// orEmpty also takes a value that is empty: a list header without any.
func orEmpty(r rule) rule {
	return func(g gram, i int) int {
		if len(g.s) == 0 {
			return 0
		}
		return r(g, i)
	}
}

// hexLower reads LHEX of one of the given lengths, of any if there is none.
func hexLower(lengths ...int) rule {
	return func(g gram, i int) int {
		end := i
		for end < len(g.s) && (scan.IsDigit(g.s[end]) || 'a' <= g.s[end] && g.s[end] <= 'f') {
			end++
		}
		if len(lengths) == 0 {
			return end
		}
		for _, n := range lengths {
			if end-i == n {
				return end
			}
		}
		return fail
	}
}
