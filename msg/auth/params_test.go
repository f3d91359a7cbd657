package auth

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestParams(t *testing.T) {
	p := Params("").With("a", "b").With("C", `d "e" \`).With("empty", "")
	require.Equal(t, Params(`a=b, C="d \"e\" \\", empty=""`), p)
	for name, want := range map[string]string{"A": "b", "c": `d "e" \`, "empty": ""} {
		v, ok := p.Get(name)
		require.True(t, ok)
		require.Equal(t, want, v)
	}
	_, ok := p.Get("d")
	require.False(t, ok)
	var names []string
	for n := range p.All() {
		if names = append(names, n); len(names) == 2 {
			break
		}
	}
	require.Equal(t, []string{"a", "C"}, names)
	require.NoError(t, p.check(isInfoParam))
	for _, bad := range []Params{"a", ";a=b", "a=b,c=d", " a=b", "a=b,", "a=", "a=b c=d", "a=b, a=c", "qop=x", "a=\"\x00\"", "a=b\r\nX: y"} {
		require.ErrorContains(t, bad.check(isInfoParam), "", "%q", bad)
		_, err := InfoCodec{}.Append(nil, Info{NextNonce: "n", Params: bad})
		require.Error(t, err, "%q", bad)
	}
}

// TestParamLimits: neither many parameters nor long ones cost more than linear
// time, and 64 is the end.
func TestParamLimits(t *testing.T) {
	list := func(n int) string {
		var b strings.Builder
		b.WriteString(`Digest realm="r", nonce="n"`)
		for i := range n - 2 {
			fmt.Fprintf(&b, ", p%d=v", i)
		}
		return b.String()
	}
	_, _, err := ChallengeCodec{}.Parse(list(64))
	require.NoError(t, err)
	_, _, err = ChallengeCodec{}.Parse(list(65))
	require.ErrorIs(t, err, msg.ErrSyntax)
	for _, c := range []string{"(", ",", ";", `"`, `\`, " ", "=", "a=b,", `a="`, "Digest "} {
		s := "Digest " + strings.Repeat(c, 64<<10/len(c))
		_, _, _ = ChallengeCodec{}.Parse(s)
		_, _, _ = CredentialsCodec{}.Parse(s)
		_, _, _ = InfoCodec{}.Parse(s)
	}
}

// TestErrorsCarryNoValue: what was in the header does not get into a log by way
// of the error.
func TestErrorsCarryNoValue(t *testing.T) {
	const secret = "hunter2"
	for _, s := range []string{
		`Digest username="` + secret + `"  realm="r"`, `Digest response="` + secret, `Digest nc=` + secret,
		`Digest qop="` + secret + `,x"`, `Digest ` + secret, secret + `=`, `Digest a=` + secret + `, a=` + secret,
		"Digest username=\"" + secret + "\x00\"", `Digest username*=` + secret, `Digest algorithm="` + secret + ` x"`,
	} {
		_, _, err := CredentialsCodec{}.Parse(s)
		require.ErrorIs(t, err, msg.ErrSyntax, s)
		require.NotContains(t, err.Error(), secret)
	}
}

// However a name is written, it is the same parameter.
func TestFieldNames(t *testing.T) {
	names := []string{"algorithm", "charset", "cnonce", "domain", "nc", "nextnonce", "nonce", "opaque", "qop", "realm",
		"response", "rspauth", "stale", "uri", "userhash", "username", "username*"}
	for k, name := range names {
		want := param(k + 1)
		upper := strings.ToUpper(name)
		mixed := upper[:1] + name[1:]
		for _, s := range []string{name, upper, mixed} {
			require.Equal(t, want, paramOf(s))
			p, end := fieldAt(s+`="0123456789"`, 0)
			if name == "nextnonce" || name == "username*" {
				require.Equal(t, paramOther, p)
				continue
			}
			require.Equal(t, want, p, s)
			require.Equal(t, len(s), end)
		}
		for i := range len(name) {
			wrong := name[:i] + string([]byte{name[i] ^ 1}) + name[i+1:]
			require.Equal(t, paramOther, paramOf(wrong))
			p, _ := fieldAt(wrong+`="0123456789"`, 0)
			require.Equal(t, paramOther, p, wrong)
			p, _ = fieldAt(name[:i]+name[i+1:]+`="0123456789"`, 0)
			require.Equal(t, paramOf(name[:i]+name[i+1:]), p)
		}
	}
	for _, s := range []string{"", "nc", "nc=1", "realm = \"abcdefgh\"", "algorithmX=abcdefgh", "usernames=abcdefgh", "=abcdefghijk", "\x12ealm=abcdefgh"} {
		p, _ := fieldAt(s, 0)
		require.Equal(t, paramOther, p, s)
	}
}
