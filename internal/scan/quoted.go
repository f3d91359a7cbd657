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

// Letters returns the end of the run of letters at i, or earlier: it looks at
// eight octets at a time, and at fewer not at all.
func Letters(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		w := load(s, i)
		lower := w | ' '*octets // a carry from what is not ASCII goes up, and that is found below it
		if not := (^((lower + (0x80-'a')*octets) &^ (lower + (0x7f-'z')*octets)) | w) & high; not != 0 {
			return i + bits.TrailingZeros64(not)/8
		}
	}
	return i
}
