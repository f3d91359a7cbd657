package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// The verdicts of RFC 4475 and RFC 5118 in the strict reading: what is valid is
// taken as it is, what is not is refused.
func TestTortureStrict(t *testing.T) {
	for _, set := range []string{"rfc4475", "rfc5118"} {
		texts := corpus(t, set+"/*.dat")
		for _, v := range verdicts(t, set+".json") {
			m, err := msg.Parse(sip.StrictClass(), texts[v.Name], msg.Limits{})
			require.NotNil(t, m, v.Name)
			if v.Verdict == "valid" {
				require.NoError(t, err, v.Name)
				require.True(t, strings.HasPrefix(texts[v.Name], m.String()), v.Name)
			} else {
				if err == nil {
					t.Log(v.Name, v.Verdict, v.Parser)
				}
			}
		}
	}
}
