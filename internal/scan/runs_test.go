package scan_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/scan"
)

// Runs end at the same octet whether it is found eight at a time or one by one.
func TestRuns(t *testing.T) {
	for c := range 256 {
		one := string([]byte{byte(c)})
		for n := range 20 {
			for at := range n + 1 {
				s := strings.Repeat("a", at) + one + strings.Repeat("z", n-at)
				want := len(s)
				if !scan.IsValue(one) {
					want = at
				}
				require.Equal(t, want, scan.Value(s, 0), "%q", s)
				end := scan.Letters(s, 0)
				require.LessOrEqual(t, end, len(s))
				for i := range end {
					require.True(t, scan.IsAlpha(s[i]), "%q", s)
				}
				if end < len(s)/8*8 {
					require.False(t, scan.IsAlpha(s[end]), "%q", s)
				}
				for _, tail := range []string{"", "=x", "=x;next=value", ";next", " = x", "=\"x\""} {
					name := ";" + s + tail
					want, wantOK := oneByOne(name)
					got, ok := scan.Params(name, 0)
					require.Equal(t, wantOK, ok, "%q", name)
					require.Equal(t, want, got, "%q", name)
				}
			}
		}
	}
}

// oneByOne is scan.Params made of scan.NextParam.
func oneByOne(s string) (end int, ok bool) {
	for {
		_, next, more := scan.NextParam(s, end)
		if !more {
			return end, next >= 0
		}
		end = next
	}
}
