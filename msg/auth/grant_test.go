package auth

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// ask sends a request of c to v and returns the grant and the request.
func ask(t testing.TB, v *Verifier, c *Client, proxy bool, body string) (Grant, error) {
	t.Helper()
	set, err := c.Setters("MESSAGE", uri, body)
	require.NoError(t, err)
	return v.Grant(request(t, "MESSAGE", uri, body, set...), proxy)
}

// TestGrantInfo: the server proves that it knows the secret, and the client checks it
// (RFC 7616 section 3.5).
func TestGrantInfo(t *testing.T) {
	for _, alg := range []string{MD5, SHA256Sess, SHA512_256} {
		for _, qop := range []string{QOPAuth, QOPAuthInt} {
			for _, proxy := range []bool{false, true} {
				v := verifier(t, VerifierConfig{Algorithms: []string{alg}, QOP: []string{qop}})
				c := NewClient(ClientConfig{Users: []User{alice}})
				require.NoError(t, c.Respond(challenged(t, v, proxy, false)))
				for range 3 {
					g, err := ask(t, v, c, proxy, "x")
					require.NoError(t, err)
					require.Equal(t, "alice", g.Username)
					plain := response(t, "200")
					require.ErrorIs(t, c.Proof(plain), ErrUnproven)
					ok, err := plain.Edit(msg.Body("answer"), g.Info("answer"))
					require.NoError(t, err)
					require.NoError(t, c.Proof(reparse(t, ok)), "%s %s", alg, qop)
					changed, err := ok.Edit(msg.Body("changed"))
					require.NoError(t, err)
					if qop == QOPAuthInt {
						require.ErrorIs(t, c.Proof(changed), ErrFalseProof)
					} else {
						require.NoError(t, c.Proof(changed))
					}
					info, found, err := infoHeader(proxy).Get(ok)
					require.True(t, found && err == nil)
					require.Empty(t, info.NextNonce)
					info.RSPAuth = "0" + info.RSPAuth[1:]
					info.RSPAuth = info.RSPAuth[:5] + "z" + info.RSPAuth[6:]
					forged, err := ok.Edit(infoHeader(proxy).Set(info))
					require.NoError(t, err)
					require.ErrorIs(t, c.Proof(forged), ErrFalseProof)
					c.Done(ok)
				}
			}
		}
	}
}

// TestGrantNextNonce: a nonce is replaced before it is stale, at no cost for the
// client.
func TestGrantNextNonce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := verifier(t, VerifierConfig{NonceLife: time.Minute})
		c := NewClient(ClientConfig{Users: []User{alice}})
		require.NoError(t, c.Respond(challenged(t, v, false, false)))
		for i := range 20 {
			g, err := ask(t, v, c, false, "")
			require.NoError(t, err, "request %d", i)
			ok, err := response(t, "200").Edit(g.Info(""))
			require.NoError(t, err)
			info, _, err := AuthenticationInfo.Get(ok)
			require.NoError(t, err)
			require.Equal(t, i > 0, info.NextNonce != "", "from half of its life on")
			c.Done(reparse(t, ok))
			time.Sleep(31 * time.Second)
		}
	})
	v := verifier(t, VerifierConfig{OneNonce: true})
	c := NewClient(ClientConfig{Users: []User{alice}})
	require.NoError(t, c.Respond(challenged(t, v, false, false)))
	seen := map[string]bool{}
	for range 5 {
		g, err := ask(t, v, c, false, "")
		require.NoError(t, err)
		ok, err := response(t, "200").Edit(g.Info(""))
		require.NoError(t, err)
		info, _, err := AuthenticationInfo.Get(ok)
		require.NoError(t, err)
		require.False(t, seen[info.NextNonce])
		seen[info.NextNonce] = true
		c.Done(reparse(t, ok))
	}
}

// TestExtendedName: a name that is not ASCII goes as username* to who knows it
// (RFC 7616 section 3.4).
func TestExtendedName(t *testing.T) {
	const name = "Jäsøn Doe"
	lookup := func(n, realm string) (User, bool) { return User{Password: "secret"}, n == name }
	for _, utf8 := range []bool{false, true} {
		v := verifier(t, VerifierConfig{UTF8: utf8, Lookup: lookup})
		c := NewClient(ClientConfig{Users: []User{{Username: name, Password: "secret"}}})
		require.NoError(t, c.Respond(challenged(t, v, false, false)))
		set, err := c.Setters("INVITE", uri, "")
		require.NoError(t, err)
		req := request(t, "INVITE", uri, "", set...)
		raw, _ := Authorization.Raw(req)
		if utf8 {
			require.Contains(t, raw, "username*=UTF-8''J%C3%A4s%C3%B8n%20Doe")
		} else {
			require.Contains(t, raw, `username="Jäsøn Doe"`)
		}
		user, err := v.Verify(req, false)
		require.NoError(t, err)
		require.Equal(t, name, user)
	}
	_, err := CredentialsCodec{}.Append(nil, Credentials{Scheme: "Digest", Extended: true, UserHash: true})
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = CredentialsCodec{}.Append(nil, Credentials{Scheme: "Digest", Extended: true, Username: "\xff"})
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestBearer(t *testing.T) {
	good := map[string]string{"token-1": "alice"}
	cfg := BearerConfig{
		AuthzServer: "https://as.example.com/", Scope: "sip",
		Verify: func(token, realm string) (string, error) {
			if name, ok := good[token]; ok {
				return name, nil
			}
			return "", errors.New("expired")
		},
	}
	v := verifier(t, VerifierConfig{Bearer: &cfg})
	var asked []Challenge
	token := "token-1"
	c := NewClient(ClientConfig{Token: func(ch Challenge) (string, bool) {
		asked = append(asked, ch)
		return token, token != ""
	}})
	call := func(n int) *msg.Message {
		return challenged(t, v, false, false, fmt.Sprintf("Call-ID: %d", n), fmt.Sprintf("CSeq: %d INVITE", n))
	}
	require.NoError(t, c.Respond(call(1)))
	require.Equal(t, "example.com", asked[0].Realm)
	as, _ := asked[0].Params.Get("authz_server")
	require.Equal(t, cfg.AuthzServer, as)
	g, err := ask(t, v, c, false, "")
	require.NoError(t, err)
	require.Equal(t, "alice", g.Username)
	m, err := response(t, "200").Edit(g.Info(""))
	require.NoError(t, err)
	require.False(t, AuthenticationInfo.Has(m))

	delete(good, "token-1")
	_, err = ask(t, v, c, false, "")
	require.ErrorIs(t, err, ErrWrong)
	good["token-2"], token = "bob", "token-2"
	require.NoError(t, c.Respond(call(1)), "another token for the same request")
	g, err = ask(t, v, c, false, "")
	require.NoError(t, err)
	require.Equal(t, "bob", g.Username)
	require.ErrorIs(t, c.Respond(call(1)), ErrRefused, "the same token again")
	set, err := c.Setters("INVITE", uri, "")
	require.NoError(t, err)
	require.Empty(t, set, "the realm is forgotten")
	refused := response(t, "401", `WWW-Authenticate: Bearer realm="example.com", error="invalid_token"`, "Call-ID: 9", "CSeq: 9 INVITE")
	require.NoError(t, c.Respond(refused))
	require.ErrorIs(t, c.Respond(refused), ErrRefused)

	token = ""
	require.ErrorIs(t, c.Respond(call(2)), ErrNoCredentials)
	token = "no token"
	require.ErrorIs(t, c.Respond(call(3)), ErrNoCredentials)
	require.ErrorIs(t, c.RespondKnown(response(t, "401", `WWW-Authenticate: Bearer realm="made up"`)), ErrNoChallenge)
	require.ErrorIs(t, NewClient(ClientConfig{}).Respond(response(t, "401", `WWW-Authenticate: Bearer realm="x"`)), ErrNoChallenge)
	_, err = v.Verify(request(t, "INVITE", uri, "", Authorization.Text("Bearer")), false)
	require.ErrorIs(t, err, ErrMalformed)

	// Who has no token uses Digest, offered below.
	d := NewClient(ClientConfig{Users: []User{alice}})
	require.NoError(t, d.Respond(call(4)))
	g, err = ask(t, v, d, false, "")
	require.NoError(t, err)
	require.Equal(t, "alice", g.Username)
	for _, bad := range []BearerConfig{{}, {AuthzServer: "http://a", Verify: cfg.Verify}, {AuthzServer: "https://a"}, {AuthzServer: "https://a", Verify: cfg.Verify, Scope: "\n"}} {
		_, err := NewVerifier(VerifierConfig{Realm: "a", Lookup: v.cfg.Lookup, Bearer: &bad})
		require.Error(t, err)
	}
	require.NotContains(t, fmt.Sprintf("%+v %#v", g, g), "token")
}
