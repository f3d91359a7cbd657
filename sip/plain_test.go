package sip

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every URI must be read alike with and without the short cut, and within an
// address as alone.
func TestPlainURI(t *testing.T) {
	parts := []string{"", "a", "bob@", "b:c@", "b%41@", "@", "h.test", "[2001:db8::1]", ":5060", ":0", ":65535", ":65536", ":000080", ":", ";lr", ";a=b", ";x=%41", ";", "?a=b", "?", " ", ">", "<", "\""}
	for _, a := range parts {
		for _, b := range parts {
			for _, c := range parts {
				for _, d := range parts {
					s := "sip:" + a + b + c + d
					if s == "sip:" {
						continue
					}
					var short, long URI
					err := short.parse(s)
					long.Scheme = schemeSIP
					slow := long.parseSIP(s[4:])
					require.Equal(t, slow, err, "%q", s)
					if err == nil {
						require.Equal(t, long, short, "%q", s)
					}
					if strings.ContainsAny(s, ">\"<") {
						continue
					}
					var in NameAddr
					_, _, _, err = in.parse("<"+s+">;tag=x", "tag")
					require.Equal(t, slow, err, "%q", s)
					if err == nil {
						require.Equal(t, long, in.URI, "%q", s)
						require.Equal(t, "x", in.Tag())
					}
				}
			}
		}
	}
}
