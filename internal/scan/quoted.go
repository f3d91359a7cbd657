package scan

import "math/bits"

// PlainQuoted is [Quoted] for a string that is the same when decoded and holds
// nothing that a reader must look at: it reports false, too, if there is a
// backslash, a control octet, HTAB or an octet that is not ASCII in it.
func PlainQuoted(s string, i int) (end int, ok bool) {
	for i++; i+8 <= len(s); i += 8 {
		w := load(s, i)
		// A borrow or carry reaches only octets above one that is found.
		m := (w - ' '*octets) | (w ^ '"'*octets - octets) | (w ^ '\\'*octets - octets) | (w + octets) | w
		if m &= high; m != 0 {
			i += bits.TrailingZeros64(m) / 8
			return i + 1, s[i] == '"'
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' {
			return i + 1, true
		} else if c < ' ' || c == '\\' || c >= 0x7f {
			break
		}
	}
	return i, false
}

// Word packs eight octets of s, which must have them, from i on: the first one
// into the lowest bits.
func Word(s string, i int) uint64 { return load(s, i) }
