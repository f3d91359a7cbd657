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

// What the smaller rules refuse.
func TestGrammarCorners(t *testing.T) {
	for header, values := range map[string][]string{
		"Authorization": {`Digest username="a",realm="r",nonce="n",uri="a b",response=""`, `Digest username="a",realm="r",nonce="n",uri="",response=""`, "Bearer a=b=c", "Bearer \xfc"},
		"WWW-Authenticate": {
			`Digest realm="a",nonce="b",qop="auth,"`, `Digest realm="a",nonce="b",qop="@"`, `Digest realm="a",nonce="b",qop="auth auth-int"`,
		},
		"Contact":      {`<sip:h>;+sip.instance="x"`, `<sip:h>;+sip.instance="<>"`, `<sip:h>;+sip.instance="<a b>"`, `<sip:h>;x="\`, "<sip:h>;x=\"\xe0\xa0\"", "<sip:h>;x=\"\xf0\x90\x80\"", "<sip:h>;x=\"\xfe\"", "<sip:h>;x=[::1", "<sip:h>;x=[y]"},
		"Retry-After":  {"5 (\\", "5 (a\\\xff)", "5 (\xff)"},
		"User-Agent":   {"a (b) c/", "a(b", "(a)b@"},
		"Feature-Caps": {"*;+"},
		"To":           {"<tel:+1;phone-context=_>", "<tel:1;phone-context=+x>", "<tel:+1;ext=x>", "<tel:+1;ext=->", "<tel:+1;a.b=c>", "<tel:+1;a=b;a=c>", "<tel:+->", "<sip:a@1.2.3.>", "<sip:a@1.2.3.4.5>", "<sip:a@1.2.3.1234>"},
		"Privacy":      {"id;;user"},
		"Session-ID":   {"ab30317f1a784dc48ff824d0d3715d86;"},
	} {
		for _, v := range values {
			_, err := msg.Parse(sip.StrictClass(), around(header, v), msg.Limits{})
			require.Error(t, err, "%s: %q", header, v)
		}
	}
	for header, values := range map[string][]string{
		"Contact":    {"<sip:h>;x=\"\xe0\xa0\x80\xf0\x90\x80\x80\xf8\x80\x80\x80\x80\xfc\x80\x80\x80\x80\x80\"", "<sip:h>;x=[2001:db8::1]", "<sip:h>;x=\"\\\t\""},
		"User-Agent": {"a(b)c", "(a) (b\\)) c"},
		"To":         {"<tel:1-2;phone-context=+1.(2)>", "<tel:1;phone-context=example.com;x=%20>", "<sip:a@001.2.3.4>", "<sip:a@a.b-c.d1>"},
	} {
		for _, v := range values {
			_, err := msg.Parse(sip.StrictClass(), around(header, v), msg.Limits{})
			require.NoError(t, err, "%s: %q", header, v)
		}
	}
	require.Equal(t, "a.b", sip.ResourceValue{Namespace: "a", Priority: "b"}.String())
}
