package sip_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
)

// Features with many values match as those of their values one by one do.
func TestManyTerms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	values := []string{
		"a", "A", "b", "C", "!a", "!b", "!A", "", "!", "#=1", "#1", "#>=4", "#<=2", "#1:3", "#5:4", "#x", "#1:x", "#x:1", "#>=x", "!#=1", "!#>=4", "!#<=2", "!#1:3", "!#x", "!#x:1", "!#1:x",
		"#=7", "#=-3", "#2:9", "!#-5:5",
	}
	pick := func() []string {
		few := values[r.IntN(len(values)):]
		few = few[:1+r.IntN(min(3, len(few)))]
		list := make([]string, 40)
		for i := range list {
			list[i] = few[r.IntN(len(few))]
		}
		return list
	}
	matched := 0
	for range 3000 {
		a, b := pick(), pick()
		want := false
		for _, x := range a {
			for _, y := range b {
				want = want || (sip.Feature{Tag: "sip.x", Value: x}).Matches(sip.Feature{Tag: "sip.x", Value: y})
			}
		}
		f, g := sip.Feature{Tag: "sip.x", Value: strings.Join(a, ",")}, sip.Feature{Tag: "SIP.X", Value: strings.Join(b, ",")}
		require.Equal(t, want, f.Matches(g), "%s with %s", f.Value, g.Value)
		require.Equal(t, want, g.Matches(f), "%s with %s", f.Value, g.Value)
		if want {
			matched++
		}
	}
	require.Greater(t, matched, 100)
	require.Less(t, matched, 2900)

	// The last of many counts, and many take no more time than few.
	many := strings.Repeat("x,", 200000)
	require.True(t, sip.Feature{Tag: "a", Value: many + "z"}.Matches(sip.Feature{Tag: "a", Value: strings.Repeat("y,", 200000) + "Z"}))
	require.False(t, sip.Feature{Tag: "a", Value: many + "z"}.Matches(sip.Feature{Tag: "a", Value: strings.Repeat("#2,", 200000) + "#3"}))
	require.True(t, sip.Feature{Tag: "a", Value: "<x>"}.Matches(sip.Feature{Tag: "a", Value: many + "!x"}))
	require.False(t, sip.Feature{Tag: "a", Value: "<x>"}.Matches(sip.Feature{Tag: "a", Value: many + "x"}))
}
