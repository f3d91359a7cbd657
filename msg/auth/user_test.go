package auth

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUserKey(t *testing.T) {
	md5, _ := findAlgorithm("md5")
	sha, _ := findAlgorithm("sha-256-sess")
	plain := User{Username: "bob", Password: "zanzibar"}
	ha1, ok := plain.key(md5, "biloxi.com")
	require.True(t, ok)
	require.Equal(t, "12af60467a33e8518da5c68bbff12b11", ha1)

	hashed := User{Username: "bob", HA1: map[string]string{"Md5": "12AF60467A33E8518DA5C68BBFF12B11"}}
	ha1, ok = hashed.key(md5, "biloxi.com")
	require.True(t, ok)
	require.Equal(t, "12af60467a33e8518da5c68bbff12b11", ha1)
	_, ok = hashed.key(sha, "biloxi.com")
	require.False(t, ok, "no hash for this algorithm")

	hashed.Password = "zanzibar"
	_, ok = hashed.key(sha, "biloxi.com")
	require.True(t, ok, "the password stands in")

	_, ok = User{HA1: map[string]string{"MD5": "12af"}}.key(md5, "r")
	require.False(t, ok, "cut short")
	_, ok = User{Username: "anonymous"}.key(md5, "r")
	require.True(t, ok, "the empty password is one (RFC 3261 section 22.1)")
}

// TestNoSecrets: whatever is printed or logged, no secret shows.
func TestNoSecrets(t *testing.T) {
	const secret = "hunter2"
	u := User{Realm: "r", Username: "bob", Password: secret, HA1: map[string]string{"MD5": secret}}
	creds := Credentials{Scheme: "Digest", Username: "bob", Realm: "r", Response: secret, CNonce: secret, Nonce: "n"}
	c := NewClient(ClientConfig{Users: []User{u}})
	require.NoError(t, NewClient(ClientConfig{Users: []User{{Username: "b", Password: secret}}}).Respond(response(t, "401", `WWW-Authenticate: Digest realm="r", nonce="n"`)))
	cfg := VerifierConfig{Realm: "r", Secret: []byte(secret + secret + secret), Lookup: func(string, string) (User, bool) { return u, true }}
	v := verifier(t, cfg)
	for _, x := range []any{u, &u, []User{u}, map[string]User{"a": u}, struct{ U User }{u}, creds, &creds, c, ClientConfig{Users: []User{u}}, cfg, &cfg, v} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
			out := fmt.Sprintf(verb, x)
			require.NotContains(t, out, secret, "%T %s", x, verb)
			require.NotContains(t, out, fmt.Sprintf("%x", secret), "%T %s", x, verb)
			require.NotContains(t, out, fmt.Sprint([]byte(secret))[1:20], "%T %s", x, verb)
		}
		for _, h := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			switch x.(type) {
			case []User, map[string]User, struct{ U User }, ClientConfig: // slog's JSON marshals these as the user's own types
				continue
			}
			var b bytes.Buffer
			slog.New(h(&b)).Info("x", "value", x)
			require.NotEmpty(t, b.String())
			require.NotContains(t, b.String(), secret)
		}
	}
	require.Equal(t, `user "bob" in realm "r"`, u.String())
	require.Equal(t, `Digest credentials of user "bob" in realm "r"`, creds.String())
}
