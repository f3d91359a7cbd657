package scan

import (
	"math/bits"
	"strings"
)

// Param is one parameter found by NextParam, as positions in the scanned string.
type Param struct {
	NameLo, NameHi   int
	ValueLo, ValueHi int // of the value with its quotes; both 0 if there is no "="
	HasValue         bool
}

// NextParam reads the parameter whose ";" stands at i, after optional white
// space. next is the position after the parameter; ok is false if there is no
// ";" (next is then i) or the parameter is malformed (next is then -1).
//
//	SEMI generic-param
//	generic-param = token [ EQUAL gen-value ]
//	gen-value     = token / host / quoted-string
func NextParam(s string, i int) (p Param, next int, ok bool) {
	j := Space(s, i)
	if j >= len(s) || s[j] != ';' {
		return p, i, false
	}
	p.NameLo = Space(s, j+1)
	p.NameHi = Token(s, p.NameLo)
	if p.NameHi == p.NameLo {
		return p, -1, false
	}
	j = Space(s, p.NameHi)
	if j >= len(s) || s[j] != '=' {
		return p, p.NameHi, true
	}
	p.HasValue = true
	p.ValueLo = Space(s, j+1)
	if p.ValueLo < len(s) && s[p.ValueLo] == '"' {
		p.ValueHi, ok = Quoted(s, p.ValueLo)
	} else {
		p.ValueHi = Value(s, p.ValueLo)
		ok = p.ValueHi > p.ValueLo
	}
	if !ok {
		return p, -1, false
	}
	return p, p.ValueHi, true
}

// Params returns the end of the parameters that start at i, without white space
// after the last; ok is false if one is malformed.
func Params(s string, i int) (end int, ok bool) {
	end, _, _, ok = FindParam(s, i, "")
	return end, ok
}

// FindParam is Params that also looks for a parameter: lo and hi are where its
// value stands, with its quotes, the first time it has the given name. hi is 0
// if it is not there or has no value.
func FindParam(s string, i int, name string) (end, lo, hi int, ok bool) {
	wanted := len(name) // of a name that is not found yet
	for i < len(s) {
		end = i
		if s[i] != ';' {
			if i = Space(s, i); i == len(s) || s[i] != ';' {
				return end, lo, hi, true
			}
		}
		i++
		if i < len(s) && class[s[i]]&space != 0 {
			i = spaces(s, i)
		}
		nameLo := i
		n := 0
		if i+8 <= len(s) {
			n = letters(load(s, i))
		}
		if i += n; n == 0 {
			for i < len(s) && class[s[i]]&tchar != 0 {
				i++
			}
		}
		nameHi := i
		here := false
		if n := nameHi - nameLo; n == 0 {
			return end, lo, hi, false
		} else if n == wanted && EqualFold(s[nameLo:nameHi], name) {
			here, wanted = true, 0
		}
		if n == 0 {
			if i < len(s) && s[i] != '=' {
				if s[i] == ';' {
					continue
				}
				i = Space(s, i)
			}
			if i == len(s) || s[i] != '=' {
				i = nameHi
				continue
			}
		}
		i++
		if i < len(s) && class[s[i]]&space != 0 {
			i = spaces(s, i)
		}
		valueLo := i
		if i < len(s) && s[i] == '"' {
			if i, ok = PlainQuoted(s, valueLo); !ok {
				if i, ok = Quoted(s, valueLo); !ok {
					return end, lo, hi, false
				}
			}
		} else {
			i = Value(s, i)
			if i == valueLo {
				return end, lo, hi, false
			}
		}
		if here {
			lo, hi = valueLo, i
		}
	}
	return i, lo, hi, true
}

// letters returns how many letters w begins with, if "=" follows them in it, else 0.
func letters(w uint64) int {
	eq := w ^ '='*octets
	if eq = (eq - octets) &^ eq & high; eq == 0 {
		return 0
	}
	eq &= -eq
	lower := w | ' '*octets // a carry from what is not ASCII goes up, and that is found below it
	is := (lower + (0x80-'a')*octets) &^ (lower + (0x7f-'z')*octets)
	if (^is|w)&high&(eq>>7-1) != 0 {
		return 0
	}
	return bits.TrailingZeros64(eq) / 8
}

// Unquote returns the text of s: without the quotes and with the quoted-pairs
// decoded if s is a quoted-string, else s itself. It allocates only if there is
// a backslash to take out.
func Unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if i := strings.IndexByte(s, '\\'); i >= 0 {
		return unescape(s, i)
	}
	return s
}

func unescape(s string, i int) string {
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// AppendQuoted appends s to dst as a quoted-string, in which a control octet
// can only be the second half of a quoted-pair. The caller has made sure that s
// holds no CR and no LF, which no quoted-string can carry.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' && c != '\t' || c == 0x7f {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}
