package scan

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
	for {
		_, next, ok := NextParam(s, i)
		switch {
		case ok:
			i = next
		case next < 0:
			return i, false
		default:
			return i, true
		}
	}
}

// Unquote returns the text of s: without the quotes and with the quoted-pairs
// decoded if s is a quoted-string, else s itself. It allocates only if there is
// a backslash to take out.
func Unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	for i := range len(s) {
		if s[i] == '\\' {
			return unescape(s, i)
		}
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

// AppendQuoted appends s to dst as a quoted-string. The caller has made sure
// that s holds no CR and no LF, which no quoted-string can carry.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}
