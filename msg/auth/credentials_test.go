package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// TestHeaderForms: the forms of the corpus that must and must not be read.
func TestHeaderForms(t *testing.T) {
	for _, f := range corpus(t).Forms {
		c, rest, err := CredentialsCodec{}.Parse(f.Line)
		if !f.OK {
			require.ErrorIs(t, err, msg.ErrSyntax, "%s: %s", f.Line, f.Why)
			continue
		}
		require.NoError(t, err, "%s: %s", f.Line, f.Why)
		require.Empty(t, rest)
		roundTripCredentials(t, c)
	}
}

func TestCredentialsParse(t *testing.T) {
	for in, want := range map[string]Credentials{
		`Digest username="bob", realm="biloxi.com", nonce="dcd9", uri="sip:bob@biloxi.com", qop=auth, nc=0000000A, cnonce="0a4f", response="6629", opaque="5ccc", algorithm=md5`: {
			Scheme: "Digest", Username: "bob", Realm: "biloxi.com", Nonce: "dcd9", URI: "sip:bob@biloxi.com", QOP: "auth", NC: 10,
			CNonce: "0a4f", Response: "6629", Opaque: "5ccc", Algorithm: "md5"},
		`digest username="b\"o\\b" , realm = "a,b;c=d", algorithm="SHA-256", qop="auth-int", nc="00000001", opaque="", userhash=TRUE, auts="x"`: {
			Scheme: "Digest", Username: `b"o\b`, Realm: "a,b;c=d", Algorithm: "SHA-256", QOP: "auth-int", NC: 1, emptyOpaque: true, UserHash: true, Params: `auts="x"`},
		`Digest username*=utf-8'en'J%C3%A4s%C3%B8n%20Doe, realm="a"`:  {Scheme: "Digest", Username: "Jäsøn Doe", Realm: "a", Extended: true},
		`Digest username="", realm="", nonce="", uri="", response=""`: {Scheme: "Digest"},
		`Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==`:                          {Scheme: "Basic", Token: "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		`Bearer a.b-c_d~e+f/g`:                                        {Scheme: "Bearer", Token: "a.b-c_d~e+f/g"},
		`X-Own a=b, c="d e"`:                                          {Scheme: "X-Own", Params: `a=b, c="d e"`},
	} {
		c, rest, err := CredentialsCodec{}.Parse(in)
		require.NoError(t, err, in)
		require.Empty(t, rest)
		require.True(t, want == c, "%s: %#v", in, struct{ Credentials }{c})
		roundTripCredentials(t, c)
	}
}

func TestCredentialsRefused(t *testing.T) {
	for _, s := range []string{
		`Digest username="a", username*=UTF-8''a`, `Digest username*=UTF-8''a, userhash=true`, `Digest username*="a"`,
		`Digest username*=ISO-8859-1''a`, `Digest username*=UTF-8'a`, `Digest username*=UTF-8'e n'a`, `Digest username*=UTF-8''%ff`,
		`Digest username*=UTF-8''%0d%0a`, `Digest username*=UTF-8''%4`, `Digest username="a", qop="auth,auth-int"`,
		`Digest nc=1`, `Digest nc=000000001`, `Digest nc=xyzxyzxy`, `Digest username="a", algorithm="a b"`,
	} {
		_, _, err := CredentialsCodec{}.Parse(s)
		require.ErrorIs(t, err, msg.ErrSyntax, "%q", s)
	}
}

// TestCredentialsWritten: what must be quoted is, what must not is not (RFC 7616
// section 3.4).
func TestCredentialsWritten(t *testing.T) {
	b, err := CredentialsCodec{}.Append(nil, Credentials{
		Scheme: "Digest", Username: `b"o\b`, Realm: "ü", Nonce: "n", URI: "sip:a", Response: "r", Algorithm: "MD5",
		CNonce: "c", Opaque: "o", QOP: "auth", NC: 255, UserHash: true, Params: Params("").With("auts", "a="),
	})
	require.NoError(t, err)
	require.Equal(t, `Digest username="b\"o\\b", realm="ü", nonce="n", uri="sip:a", response="r", algorithm=MD5, cnonce="c", `+
		`opaque="o", qop=auth, nc=000000ff, userhash=true, auts="a="`, string(b))
	for name, c := range map[string]Credentials{
		"no scheme":     {Username: "a"},
		"line end":      {Scheme: "Digest", Username: "a\r\nVia: x"},
		"uri":           {Scheme: "Digest", URI: "sip:a\nb"},
		"qop":           {Scheme: "Digest", QOP: "auth, x=y"},
		"algorithm":     {Scheme: "Digest", Algorithm: `"`},
		"Params":        {Scheme: "Digest", Params: "NC=00000001"},
		"token, params": {Scheme: "Bearer", Token: "a", Params: "b=c"},
		"bad token":     {Scheme: "Basic", Token: "a b"},
		"other fields":  {Scheme: "Bearer", Username: "a"},
	} {
		_, err := CredentialsCodec{}.Append(nil, c)
		require.ErrorContains(t, err, msg.ErrValue.Error(), name)
	}
}

func roundTripCredentials(t testing.TB, c Credentials) {
	b, err := CredentialsCodec{}.Append(nil, c)
	require.NoError(t, err)
	again, rest, err := CredentialsCodec{}.Parse(string(b))
	require.NoError(t, err, "%q", b)
	require.Empty(t, rest)
	require.True(t, c == again, "%q", b)
}

func FuzzCredentials(f *testing.F) {
	v := corpus(f)
	for _, x := range v.Forms {
		f.Add(x.Line)
	}
	for _, x := range v.Digest {
		c := Credentials{Scheme: "Digest", Username: x.User, Realm: x.Realm, Nonce: x.Nonce, URI: x.URI, Response: x.Response, Algorithm: x.Alg, QOP: x.QOP, CNonce: x.CNonce}
		c.NC, _ = parseNC(x.NC)
		b, err := CredentialsCodec{}.Append(nil, c)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add("Bearer a.b==, Digest nc=00000001,uri=sip:a")
	f.Fuzz(func(t *testing.T, s string) {
		c, rest, err := CredentialsCodec{}.Parse(s)
		if err != nil {
			if c != (Credentials{}) || rest != "" {
				t.Fatal("an error comes with a value")
			}
			return
		}
		if rest != "" && (rest[0] != ',' || len(rest) >= len(s)) {
			t.Fatalf("rest %q of %q", rest, s)
		}
		roundTripCredentials(t, c)
	})
}
