// Package scan holds the recognisers that the message grammars share. Every
// function takes a string and a position, reports where the production ends,
// never allocates and never panics for a position within the string.
//
// White space means SP, HTAB and, where a value was not unfolded, CR and LF:
// once field boundaries are known, a CR LF inside a value can only be a fold
// (RFC 3261 section 7.3.1).
package scan

import "math/bits"

// Byte classes of RFC 3261 section 25.1.
const (
	tchar  = 1 << iota // token
	space              // SP HTAB CR LF
	digit              // DIGIT
	alpha              // ALPHA
	hexdig             // HEXDIG
	value              // unquoted parameter value, read tolerantly
	word               // word, the parts of a Call-ID
	ctl                // control octets but HTAB, and DEL
)

var class = table()

func table() (t [256]uint8) {
	set := func(chars string, bit uint8) {
		for i := range len(chars) {
			t[chars[i]] |= bit
		}
	}
	const (
		digits  = "0123456789"
		letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	)
	set(digits, tchar|digit|hexdig|word)
	set(letters, tchar|alpha|word)
	set("abcdefABCDEF", hexdig)
	set("-.!%*_+`'~", tchar|word) // token
	set("()<>:\\\"/[]?{}", word)  // word
	set(" \t\r\n", space)
	for c := range 256 {
		switch {
		case c < ' ' && c != '\t' || c == 0x7f:
			t[c] |= ctl
		case c > ' ' && c != '"' && c != ',' && c != ';' && c != '<' && c != '>':
			// gen-value is token, host or quoted-string; peers also leave
			// "/", "=", "@" and UTF-8 unquoted. None of these ends a value.
			t[c] |= value
		}
	}
	return t
}

// IsTokenChar reports whether c may stand in a token.
func IsTokenChar(c byte) bool { return class[c]&tchar != 0 }

// IsSpace reports whether c is SP, HTAB, CR or LF.
func IsSpace(c byte) bool { return class[c]&space != 0 }

// IsDigit reports whether c is a decimal digit.
func IsDigit(c byte) bool { return class[c]&digit != 0 }

// IsAlpha reports whether c is an ASCII letter.
func IsAlpha(c byte) bool { return class[c]&alpha != 0 }

// IsHex reports whether c is a hexadecimal digit.
func IsHex(c byte) bool { return class[c]&hexdig != 0 }

// Space returns the position of the first byte at or after i that is not white space.
func Space(s string, i int) int {
	if i < len(s) && class[s[i]]&space != 0 {
		return spaces(s, i+1)
	}
	return i
}

func spaces(s string, i int) int {
	for i < len(s) && class[s[i]]&space != 0 {
		i++
	}
	return i
}

// Token returns the end of the token at i; i itself if there is none.
func Token(s string, i int) int { return i + run(s[i:], tchar) }

// run returns how many octets of a class s begins with. Four at a time is
// worth it: most of the octets of a message pass through here.
func run(s string, bit uint8) int {
	i := 0
	for ; i < len(s)-3; i += 4 {
		if class[s[i]]&class[s[i+1]]&class[s[i+2]]&class[s[i+3]]&bit == 0 {
			break
		}
	}
	for i < len(s) && class[s[i]]&bit != 0 {
		i++
	}
	return i
}

// Digits returns the end of the run of decimal digits at i.
func Digits(s string, i int) int {
	t := s[i:]
	for k := range len(t) {
		if class[t[k]]&digit == 0 {
			return i + k
		}
	}
	return len(s)
}

// Value returns the end of the unquoted parameter value at i.
func Value(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := load(s, i)
		// "-" to ":" and "?" to "~" are in one look; the rest is left to the table.
		good := (w+(0x80-'-')*octets)&^(w+(0x7f-':')*octets) | (w+(0x80-'?')*octets)&^(w+(0x7f-'~')*octets)
		if bad := (^good | w) & high; bad != 0 {
			i += bits.TrailingZeros64(bad) / 8
			break
		}
	}
	for i < len(s) && class[s[i]]&value != 0 {
		i++
	}
	return i
}

// IsToken reports whether s is one token.
func IsToken(s string) bool { return s != "" && Token(s, 0) == len(s) }

// IsWord reports whether s is one word (RFC 3261 section 25.1).
func IsWord(s string) bool {
	for i := range len(s) {
		if class[s[i]]&word == 0 {
			return false
		}
	}
	return s != ""
}

// IsValue reports whether s can be written as a parameter value without quotes.
func IsValue(s string) bool { return s != "" && Value(s, 0) == len(s) }

// HasControl reports whether s holds CR, LF, NUL or another control octet
// (HTAB is none).
func HasControl(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if w := load(s, i); (below(w, ' ')|equal(w, 0x7f))&high != 0 {
			break // which may be HTAB
		}
	}
	for ; i < len(s); i++ {
		if class[s[i]]&ctl != 0 {
			return true
		}
	}
	return false
}

// Eight octets are looked at in one go where only few of the values matter.
const (
	octets = 0x0101010101010101 // times an octet: eight of them
	high   = 0x80 * octets
)

// load packs eight octets of s.
func load[T string | []byte](s T, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// below has a high bit set if an octet of w is below n, which is at most 0x80.
func below(w, n uint64) uint64 { return (w - n*octets) &^ w }

// equal has a high bit set if an octet of w is c.
func equal(w, c uint64) uint64 { return below(w^c*octets, 1) }

// IsText reports whether s holds neither white space nor control octets.
func IsText(s string) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if w := load(s, i); (below(w, ' '+1)|equal(w, 0x7f))&high != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if class[s[i]]&(ctl|space) != 0 {
			return false
		}
	}
	return true
}

// HasLineOctet reports whether s holds CR, LF or NUL.
func HasLineOctet[T string | []byte](s T) bool {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if w := load(s, i); (equal(w, '\r')|equal(w, '\n')|equal(w, 0))&high != 0 {
			return true
		}
	}
	for ; i < len(s); i++ {
		if s[i] == '\r' || s[i] == '\n' || s[i] == 0 {
			return true
		}
	}
	return false
}

// Quoted returns the position after the quoted-string that starts at i, where
// s[i] is the opening quote. It reports false if the string does not end, or
// holds a control octet that is not escaped.
//
//	quoted-string = SWS DQUOTE *(qdtext / quoted-pair) DQUOTE
//	qdtext        = LWS / %x21 / %x23-5B / %x5D-7E / UTF8-NONASCII
//	quoted-pair   = "\" (%x00-09 / %x0B-0C / %x0E-7F)
func Quoted(s string, i int) (int, bool) {
	for i++; ; i++ {
		for ; i+8 <= len(s); i += 8 {
			if w := load(s, i); (below(w, ' ')|equal(w, 0x7f)|equal(w, '"')|equal(w, '\\'))&high != 0 {
				break
			}
		}
		for i < len(s) && s[i] != '"' && s[i] != '\\' && class[s[i]]&ctl == 0 {
			i++
		}
		if i == len(s) {
			return i, false
		}
		switch s[i] {
		case '"':
			return i + 1, true
		case '\\':
			if i++; i == len(s) || s[i] == '\r' || s[i] == '\n' {
				return len(s), false
			}
		case '\r', '\n': // of a fold
		default:
			return len(s), false
		}
	}
}

// Trim returns s without white space at its ends.
func Trim(s string) string {
	for len(s) > 0 && class[s[0]]&space != 0 {
		s = s[1:]
	}
	for len(s) > 0 && class[s[len(s)-1]]&space != 0 {
		s = s[:len(s)-1]
	}
	return s
}

// EqualFold reports whether a and b are equal but for the case of ASCII letters.
func EqualFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if x := a[i] ^ b[i]; x != 0 && (x != 0x20 || class[a[i]]&alpha == 0) {
			return false
		}
	}
	return true
}

// HasPrefixFold reports whether s starts with prefix but for the case of ASCII letters.
func HasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && EqualFold(s[:len(prefix)], prefix)
}

// Lower returns the lower case of an ASCII letter and every other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// Uint reads s, which must be decimal digits only, as a number not above limit.
// It reads any number of digits without wrapping: fits is false if s is a number
// above limit, ok is false if s is no number.
func Uint(s string, limit uint64) (n uint64, fits, ok bool) {
	if s == "" {
		return 0, false, false
	}
	if len(s) > 18 { // may not fit into 64 bits
		return long(s, limit)
	}
	for i := range len(s) {
		d := uint64(s[i]) - '0'
		if d > 9 {
			return 0, false, false
		}
		n = n*10 + d
	}
	if n > limit {
		return limit, false, true
	}
	return n, true, true
}

func long(s string, limit uint64) (n uint64, fits, ok bool) {
	fits = true
	for i := range len(s) {
		if class[s[i]]&digit == 0 {
			return 0, false, false
		}
		d := uint64(s[i] - '0')
		if n > (limit-min(d, limit))/10 || d > limit {
			fits, n = false, limit
			continue
		}
		if fits {
			n = n*10 + d
		}
	}
	return n, fits, true
}

// Comma returns the position of the first comma at or after i that separates
// list members: one that stands neither in a quoted-string nor between "<" and
// ">". It returns len(s) if there is none.
func Comma(s string, i int) int {
	for i < len(s) {
		switch s[i] {
		case ',':
			return i
		case '"':
			i, _ = Quoted(s, i)
			continue
		case '<':
			for i < len(s) && s[i] != '>' {
				i++
			}
			continue
		}
		i++
	}
	return len(s)
}
