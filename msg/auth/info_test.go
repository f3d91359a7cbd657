package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestInfo(t *testing.T) {
	for in, want := range map[string]Info{
		`nextnonce="47364c23432d2e131a5fb210812c"`:                                   {NextNonce: "47364c23432d2e131a5fb210812c"},
		`qop=auth, rspauth="6629", cnonce="0a4f113b", nc=00000001, nextnonce="a\"b"`: {QOP: "auth", RSPAuth: "6629", CNonce: "0a4f113b", NC: 1, NextNonce: `a"b`},
		`QOP="auth-int",x=y`: {QOP: "auth-int", Params: "x=y"},
		`nc=00000002`:        {NC: 2},
	} {
		v, rest, err := InfoCodec{}.Parse(in)
		require.NoError(t, err, in)
		require.Empty(t, rest)
		require.Equal(t, want, v)
		roundTripInfo(t, v)
	}
	for _, s := range []string{"", ",", "nextnonce", `nextnonce="a`, "nc=1", `qop="a,b"`, `qop=auth qop=auth`, `nextnonce="a", nextnonce="b"`} {
		_, _, err := InfoCodec{}.Parse(s)
		require.ErrorIs(t, err, msg.ErrSyntax, s)
	}
	for _, v := range []Info{{}, {QOP: "a b"}, {NextNonce: "\r\n"}, {NextNonce: "a", Params: "nc=00000001"}} {
		_, err := InfoCodec{}.Append(nil, v)
		require.ErrorIs(t, err, msg.ErrValue)
	}
}

func roundTripInfo(t testing.TB, v Info) {
	b, err := InfoCodec{}.Append(nil, v)
	require.NoError(t, err)
	again, rest, err := InfoCodec{}.Parse(string(b))
	require.NoError(t, err, "%q", b)
	require.Empty(t, rest)
	require.Equal(t, v, again)
}

func FuzzInfo(f *testing.F) {
	f.Add(`nextnonce="47364c23432d2e131a5fb210812c"`)
	f.Add(`qop=auth, rspauth="6629", cnonce="0a4f113b", nc=00000001, x="y z"`)
	f.Fuzz(func(t *testing.T, s string) {
		v, _, err := InfoCodec{}.Parse(s)
		if err != nil || v == (Info{}) { // only empty values: nothing to write
			return
		}
		roundTripInfo(t, v)
	})
}
