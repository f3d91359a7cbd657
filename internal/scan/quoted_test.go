package scan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/scan"
)

// PlainQuoted agrees with Quoted wherever it says yes, and it says yes where
// there is nothing to decode.
func TestPlainQuoted(t *testing.T) {
	for c := range 256 {
		for n := range 20 {
			for at := range n + 1 {
				for _, tail := range []string{"", ", next=\"parameter\""} {
					text := strings.Repeat("a", at) + string([]byte{byte(c)}) + strings.Repeat("b", n-at)
					s := "x\"" + text + "\"" + tail
					end, ok := scan.PlainQuoted(s, 1)
					plain := c >= ' ' && c < 0x7f && c != '"' && c != '\\'
					require.Equal(t, plain || c == '"', ok, "%q", s)
					if !ok {
						continue
					}
					want, good := scan.Quoted(s, 1)
					require.True(t, good)
					require.Equal(t, want, end, "%q", s)
					require.Equal(t, s[2:end-1], scan.Unquote(s[1:end]))
				}
			}
		}
	}
	for _, s := range []string{`"`, `"a`, `"abcdefg`, `"abcdefgh`, `"abcdefghi`, "\"abcdefgh\x80\""} {
		_, ok := scan.PlainQuoted(s, 0)
		require.False(t, ok, s)
	}
}

func TestWord(t *testing.T) {
	require.Equal(t, uint64(0x6968676665646362), scan.Word("abcdefghi", 1))
}
