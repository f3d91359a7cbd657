package sdp

// Recognisers of the generic sub-rules of RFC 8866 section 9. Each returns
// what it consumed and the rest, and never fails: an empty first result means
// that nothing matched.

const (
	tokenChar   = 1 << iota // token-char
	visibleChar             // VCHAR or 0x80 to 0xFF, the characters of non-ws-string
)

// chars classes every byte.
var chars = makeChars()

func makeChars() (t [256]uint8) {
	for c := 0x21; c < 0x100; c++ {
		if c != 0x7f {
			t[c] |= visibleChar
		}
	}
	for c := '0'; c <= '9'; c++ {
		t[c] |= tokenChar
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c] |= tokenChar
		t[c-0x20] |= tokenChar
	}
	for _, c := range "!#$%&'*+-.^_`{|}~" {
		t[c] |= tokenChar
	}
	return t
}

func scan(s string, class uint8) (match, rest string) {
	i := 0
	for i < len(s) && chars[s[i]]&class != 0 {
		i++
	}
	return s[:i], s[i:]
}

// token = 1*(token-char)
func scanToken(s string) (token, rest string) { return scan(s, tokenChar) }

// non-ws-string = 1*(VCHAR/%x80-FF)
func scanVisible(s string) (word, rest string) { return scan(s, visibleChar) }

// 1*DIGIT, of at most 64 bits; n counts the digits, 0 if there is none or the
// value does not fit.
func scanUint(s string) (v uint64, n int) {
	for n < len(s) {
		c := s[n] - '0'
		if c > 9 {
			break
		}
		if v > (1<<64-1)/10 || v == (1<<64-1)/10 && c > 5 {
			return 0, 0
		}
		v = v*10 + uint64(c)
		n++
	}
	return v, n
}

func isToken(s string) bool {
	_, rest := scanToken(s)
	return s != "" && rest == ""
}

func isVisible(s string) bool {
	_, rest := scanVisible(s)
	return s != "" && rest == ""
}

// byte-string without its lower bound: no NUL, CR or LF.
func isText(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == 0 || s[i] == '\r' || s[i] == '\n' {
			return false
		}
	}
	return true
}
