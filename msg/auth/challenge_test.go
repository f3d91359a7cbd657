package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestChallengeParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Challenge
		rest string
	}{
		{`Digest realm="biloxi.com", qop="auth,auth-int", nonce="dcd98b", opaque="5ccc"`,
			Challenge{Scheme: "Digest", Realm: "biloxi.com", QOP: "auth,auth-int", Nonce: "dcd98b", Opaque: "5ccc"}, ""},
		{`DIGEST REALM = "a,b" ,` + "\t" + `Nonce="x" , STALE=TRUE, algorithm="sha-256", charset=UTF-8,userhash=true, domain="sip:a sip:b"`,
			Challenge{Scheme: "Digest", Realm: "a,b", Nonce: "x", Stale: true, Algorithm: "sha-256", Charset: "UTF-8", UserHash: true, Domain: "sip:a sip:b"}, ""},
		{`Digest realm="q\"u\\o", nonce="", opaque="", qop="", stale=maybe`,
			Challenge{Scheme: "Digest", Realm: `q"u\o`, emptyOpaque: true}, ""},
		{`Digest , realm=r,, nonce=n+/=, x-new="1 2", y=3,`,
			Challenge{Scheme: "Digest", Realm: "r", Nonce: "n+/=", Params: `x-new="1 2", y=3`}, ""},
		{`Digest realm="a", nonce="b", Digest realm="c", nonce="d"`, Challenge{Scheme: "Digest", Realm: "a", Nonce: "b"}, `, Digest realm="c", nonce="d"`},
		{`Digest realm="a", nonce="b", , Negotiate`, Challenge{Scheme: "Digest", Realm: "a", Nonce: "b"}, `, Negotiate`},
		{`Negotiate, Digest realm="a"`, Challenge{Scheme: "Negotiate"}, `, Digest realm="a"`},
		{`NTLM TlRMTVNTUAAB==, Basic realm="x"`, Challenge{Scheme: "NTLM", Token: "TlRMTVNTUAAB=="}, `, Basic realm="x"`},
		{`Basic realm="x"`, Challenge{Scheme: "Basic", Realm: "x"}, ""},
		{`Bearer realm="x", scope="a b", error=invalid_token`, Challenge{Scheme: "Bearer", Realm: "x", Params: `scope="a b", error=invalid_token`}, ""},
	} {
		got, rest, err := ChallengeCodec{}.Parse(c.in)
		require.NoError(t, err, c.in)
		require.Equal(t, c.want, got, c.in)
		require.Equal(t, c.rest, rest, c.in)
		roundTripChallenge(t, got)
	}
}

func TestChallengeRefused(t *testing.T) {
	for _, s := range []string{
		"", " ", ",", "Digest", "Digest ", `Digest realm="a"`, `Digest nonce="a"`, `Digest realm="a" nonce="b"`,
		`Digest realm="a", nonce="b`, `Digest realm="a", nonce="b", nonce="c"`, `Digest realm="a", nonce="b", Realm="c"`,
		`Digest realm="a", nonce=`, `Digest realm="a", nonce="b", =c`, `Digest realm="a", nonce="b"; c=d`, `Digest=realm`,
		`"Digest" realm="a", nonce="b"`, "Digest realm=\"a\\\x00\", nonce=\"b\"", "Digest realm=\"a\x01\", nonce=\"b\"",
		"Digest realm=\"a\rb\", nonce=\"b\"", `Digest realm="a", nonce="b", algorithm="M D5"`, `Digest realm="a", nonce="b", charset="a b"`,
		`Digest dG9rZW4=`,
	} {
		_, _, err := ChallengeCodec{}.Parse(s)
		require.ErrorIs(t, err, msg.ErrSyntax, "%q", s)
	}
}

// TestChallengeWritten: what must be quoted is, what must not is not (RFC 7616
// section 3.3).
func TestChallengeWritten(t *testing.T) {
	b, err := ChallengeCodec{}.Append([]byte("> "), Challenge{
		Scheme: "Digest", Realm: `a"b\`, Domain: "sip:a", Nonce: "n", Opaque: "o", Stale: true, Algorithm: "MD5",
		QOP: "auth,auth-int", Charset: "UTF-8", UserHash: true, Params: Params("").With("x", "y z"),
	})
	require.NoError(t, err)
	require.Equal(t, `> Digest realm="a\"b\\", domain="sip:a", nonce="n", opaque="o", stale=true, algorithm=MD5, `+
		`qop="auth,auth-int", charset=UTF-8, userhash=true, x="y z"`, string(b))
	for name, c := range map[string]Challenge{
		"no scheme":        {Realm: "a", Nonce: "b"},
		"scheme in case":   {Scheme: "digest", Realm: "a", Nonce: "b"},
		"scheme, two":      {Scheme: "Di gest", Realm: "a", Nonce: "b"},
		"line end":         {Scheme: "Digest", Realm: "a\r\nX: y", Nonce: "b"},
		"NUL":              {Scheme: "Digest", Realm: "a", Nonce: "b\x00"},
		"algorithm":        {Scheme: "Digest", Realm: "a", Nonce: "b", Algorithm: "MD5, x=y"},
		"charset":          {Scheme: "Digest", Realm: "a", Nonce: "b", Charset: "\n"},
		"field in Params":  {Scheme: "Digest", Realm: "a", Nonce: "b", Params: `Realm="x"`},
		"broken Params":    {Scheme: "Digest", Realm: "a", Nonce: "b", Params: `x="`},
		"token and realm":  {Scheme: "Bearer", Realm: "a", Token: "b"},
		"token of Digest":  {Scheme: "Digest", Token: "b"},
		"bad token":        {Scheme: "Bearer", Token: "b, Digest"},
		"nonce of another": {Scheme: "Bearer", Realm: "a", Nonce: "b"},
	} {
		_, err := ChallengeCodec{}.Append(nil, c)
		require.ErrorContains(t, err, msg.ErrValue.Error(), name)
	}
}

func TestOffers(t *testing.T) {
	for list, want := range map[string][2]bool{
		"": {}, "auth": {true, false}, "auth-int": {false, true}, "auth,auth-int": {true, true},
		" AUTH-INT , x , Auth ": {true, true}, "authx,int": {}, ",,auth": {true, false}, "auth auth-int": {},
	} {
		c := Challenge{QOP: list}
		require.Equal(t, want, [2]bool{c.Offers("auth"), c.Offers("auth-int")}, list)
	}
}

// TestHeaderFields: several challenges in a message, in fields of their own or
// in one, some of them broken.
func TestHeaderFields(t *testing.T) {
	m := response(t, "401",
		`WWW-Authenticate: Digest realm="a", nonce="1", algorithm=SHA-256,`, ` qop="auth"`,
		`WWW-Authenticate: Digest realm="a`,
		`www-authenticate: Negotiate, Digest realm="b",nonce="2"`)
	var realms []string
	bad := 0
	for c, err := range WWWAuthenticate.All(m) {
		if err != nil {
			var e *msg.SyntaxError
			require.ErrorAs(t, err, &e)
			bad++
			continue
		}
		realms = append(realms, c.Realm)
	}
	require.Equal(t, []string{"a", "", "b"}, realms)
	require.Equal(t, 1, bad)
	m, err := response(t, "407").Edit(ProxyAuthenticate.Set(Challenge{Scheme: "Digest", Realm: "a", Nonce: "1"}, Challenge{Scheme: "Digest", Realm: "b", Nonce: "2"}))
	require.NoError(t, err)
	n := 0
	for range m.Values("Proxy-Authenticate") {
		n++
	}
	require.Equal(t, 2, n, "one field each (RFC 3261 section 7.3.1)")
}

func roundTripChallenge(t testing.TB, c Challenge) {
	b, err := ChallengeCodec{}.Append(nil, c)
	require.NoError(t, err)
	again, rest, err := ChallengeCodec{}.Parse(string(b))
	require.NoError(t, err, "%q", b)
	require.Empty(t, rest)
	require.Equal(t, c, again)
}

func FuzzChallenge(f *testing.F) {
	for _, v := range corpus(f).Digest {
		b, err := ChallengeCodec{}.Append(nil, Challenge{Scheme: "Digest", Realm: v.Realm, Nonce: v.Nonce, Algorithm: v.Alg, QOP: v.QOP})
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add(`Digest realm="a", nonce="b", opaque="", stale=TRUE, x="1 2", Negotiate, NTLM abc==`)
	f.Fuzz(func(t *testing.T, s string) {
		for n := 0; ; n++ {
			c, rest, err := ChallengeCodec{}.Parse(s)
			if err != nil {
				if c != (Challenge{}) || rest != "" {
					t.Fatal("an error comes with a value")
				}
				return
			}
			roundTripChallenge(t, c)
			if rest == "" {
				return
			}
			if rest[0] != ',' || len(rest) >= len(s) {
				t.Fatalf("rest %q of %q", rest, s)
			}
			s = rest[1:]
		}
	})
}
