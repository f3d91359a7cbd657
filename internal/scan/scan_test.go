package scan_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/internal/scan"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestClasses(t *testing.T) {
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~"
	for i := range 256 {
		c := byte(i)
		require.Equal(t, strings.IndexByte(token, c) >= 0, scan.IsTokenChar(c), "%q", c)
		require.Equal(t, strings.IndexByte(token+"()<>:\\\"/[]?{}", c) >= 0, scan.IsWord(string([]byte{c})), "%q", c)
		require.Equal(t, strings.IndexByte(" \t\r\n", c) >= 0, scan.IsSpace(c), "%q", c)
		require.Equal(t, c >= '0' && c <= '9', scan.IsDigit(c))
		require.Equal(t, strings.IndexByte("0123456789abcdefABCDEF", c) >= 0, scan.IsHex(c))
		require.Equal(t, c < ' ' && c != '\t' || c == 0x7f, scan.HasControl(string([]byte{c})))
		lower := strings.ToLower(string(rune(c)))
		if c < 0x80 {
			require.Equal(t, lower[0], scan.Lower(c))
		} else {
			require.Equal(t, c, scan.Lower(c))
		}
	}
	require.False(t, scan.IsToken(""))
	require.True(t, scan.IsToken(token))
	require.False(t, scan.IsToken("a b"))
	require.False(t, scan.IsWord(""))
	require.False(t, scan.IsValue(""))
	require.True(t, scan.IsValue("[::1]@ü=/"))
	require.False(t, scan.IsValue("a;b"))
	require.False(t, scan.IsAlpha('1'))
}

func TestUint(t *testing.T) {
	for _, c := range []struct {
		in       string
		limit    uint64
		n        uint64
		fits, ok bool
	}{
		{"0", 0, 0, true, true}, {"1", 0, 0, false, true}, {"255", 255, 255, true, true}, {"256", 255, 255, false, true},
		{"00000000000000000000000000000007", 255, 7, true, true},
		{"18446744073709551615", math.MaxUint64, math.MaxUint64, true, true}, {"18446744073709551616", math.MaxUint64, math.MaxUint64, false, true},
		{"18446744073709551626", 255, 255, false, true}, {strings.Repeat("9", 1000), math.MaxUint64, math.MaxUint64, false, true},
		{"9", 5, 5, false, true}, {"90", 5, 5, false, true}, {"", 5, 0, false, false}, {"-1", 5, 0, false, false}, {"1 ", 5, 0, false, false},
		{"99999x", 5, 0, false, false}, {"4294967296", math.MaxUint32, math.MaxUint32, false, true},
	} {
		n, fits, ok := scan.Uint(c.in, c.limit)
		require.Equal(t, c.ok, ok, c.in)
		if ok {
			require.Equal(t, c.fits, fits, c.in)
			require.Equal(t, c.n, n, c.in)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]int{`""`: 2, `"a"b`: 3, `"\""`: 4, `"\\"x`: 4, `"`: -1, `"a`: -1, `"\"`: -1, `"\`: -1,
		"\"a\tb\r\n c\"": 9, "\"12345678\\\x00\\\x7f\"": 14, "\"\x00\"": -1, "\"12345678\x7f\"": -1, "\"1234567\x1f9\"": -1, "\"\\\r\n a\"": -1,
		"\"\xc3\xa9345678\xff\"": 11} {
		end, ok := scan.Quoted(in, 0)
		require.Equal(t, want >= 0, ok, in)
		if ok {
			require.Equal(t, want, end, in)
		} else {
			require.Equal(t, len(in), end)
		}
	}
	for in, want := range map[string]string{`""`: "", `"a"`: "a", `"\a\"\\"`: `a"\`, `a`: "a", `"`: `"`, ``: ``, `"a\"`: `a\`} {
		require.Equal(t, want, scan.Unquote(in), in)
	}
	for _, s := range []string{"", "a", `a"b\c`, "ü\t"} {
		require.Equal(t, s, scan.Unquote(string(scan.AppendQuoted(nil, s))))
	}
}

func TestComma(t *testing.T) {
	for in, want := range map[string]int{"": 0, "a": 1, ",": 0, "a,b": 1, `"a,b",c`: 5, `<a,b>,c`: 5, `"a,b`: 4, `<a,b`: 4, `"\",",x`: 5, `<"a>",",x`: 7} {
		require.Equal(t, want, scan.Comma(in, 0), in)
	}
}

func TestFold(t *testing.T) {
	require.True(t, scan.EqualFold("Via", "vIA"))
	require.False(t, scan.EqualFold("Via", "Viaa"))
	require.False(t, scan.EqualFold("@", "`"), "only letters fold")
	require.False(t, scan.EqualFold("\u212a", "k\x00\x00"))
	require.True(t, scan.HasPrefixFold("sip/2.0", "SIP/"))
	require.False(t, scan.HasPrefixFold("si", "SIP/"))
	require.Equal(t, "a b", scan.Trim(" \t\r\na b\r\n "))
	require.Empty(t, scan.Trim(" "))
	require.Equal(t, 2, scan.Space("  a", 0))
	require.Equal(t, 3, scan.Digits("123a", 0))
}

func TestNextParam(t *testing.T) {
	for in, next := range map[string]int{
		"": 0, "a": 0, " ": 0, ",": 0, ";a": 2, " ; a ": 4, ";a=b": 4, "; a = b ;c": 7, `;a="b;c"x`: 8, ";a=[::1]": 8,
		";": -1, "; ": -1, ";;a": -1, ";=": -1, ";a=": -1, ";a= ": -1, ";a=;": -1, `;a="b`: -1,
	} {
		_, got, ok := scan.NextParam(in, 0)
		require.Equal(t, next, got, "%q", in)
		require.Equal(t, next > 0, ok, "%q", in)
	}
	end, ok := scan.Params(";a;b=c ;d , e", 0)
	require.True(t, ok)
	require.Equal(t, 9, end)
	_, ok = scan.Params(";a;;b", 0)
	require.False(t, ok)
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{`;a="b\"c";d=e`, `"a,b" <c,d>, e`, "18446744073709551616", "\"\\", ";=", "  a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for i := range len(s) + 1 {
			if i < len(s) && s[i] == '"' {
				end, _ := scan.Quoted(s, i)
				require.True(t, end > i && end <= len(s))
			}
			p, next, ok := scan.NextParam(s, i)
			require.LessOrEqual(t, next, len(s))
			if ok {
				require.True(t, next > i && p.NameHi > p.NameLo && p.ValueHi >= p.ValueLo && p.ValueHi <= len(s))
			}
			require.True(t, scan.Comma(s, i) >= i && scan.Comma(s, i) <= len(s))
			if i > 40 {
				break
			}
		}
		n, fits, ok := scan.Uint(s, 1000)
		require.True(t, n <= 1000)
		require.True(t, ok || !fits)
		scan.Unquote(s)
	})
}

func TestIsText(t *testing.T) {
	plain := "sip:bob@example.com;a=\xc3\xa9\x80\xff!~"
	require.True(t, scan.IsText(plain))
	for i := range len(plain) {
		for c := range 256 {
			s := plain[:i] + string([]byte{byte(c)}) + plain[i+1:]
			require.Equal(t, c > ' ' && c != 0x7f, scan.IsText(s), "%q", s)
			require.Equal(t, c < ' ' && c != '\t' || c == 0x7f, scan.HasControl(s), "%q", s)
			require.Equal(t, c == '\r' || c == '\n' || c == 0, scan.HasLineOctet(s), "%q", s)
		}
	}
}
