package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// verifier makes one for example.com and alice, where cfg does not say otherwise.
func verifier(t testing.TB, cfg VerifierConfig) *Verifier {
	t.Helper()
	if cfg.Realm == "" {
		cfg.Realm = "example.com"
	}
	if cfg.Lookup == nil {
		cfg.Lookup = func(name, realm string) (User, bool) { return User{Password: "secret"}, name == "alice" }
	}
	v, err := NewVerifier(cfg)
	require.NoError(t, err)
	return v
}

// credentials has the client answer a challenge of v.
func credentials(t testing.TB, v *Verifier, c *Client, method, body string) Credentials {
	t.Helper()
	require.NoError(t, c.Respond(challenged(t, v, false, false, "Call-ID: "+v.dummy+fmt.Sprint(v.now()), "CSeq: 1 "+method)))
	www, _ := answers(t, c, method, body)
	return www[0]
}

func fresh(t testing.TB, v *Verifier) Credentials {
	t.Helper()
	return credentials(t, v, NewClient(ClientConfig{Users: []User{alice}}), "INVITE", "")
}

func verify(t testing.TB, v *Verifier, creds ...Credentials) error {
	t.Helper()
	user, err := v.Verify(request(t, "INVITE", uri, "", Authorization.Set(creds...)), false)
	if err == nil {
		require.Equal(t, "alice", user)
	} else {
		var e *Error
		require.ErrorAs(t, err, &e)
		require.Empty(t, user)
	}
	return err
}

// TestChallenge: one for each algorithm in order, with qop, never Basic (A01,
// A02, RFC 8760 sections 2.3 and 2.6).
func TestChallenge(t *testing.T) {
	v := verifier(t, VerifierConfig{QOP: []string{"auth", "auth-int"}, Algorithms: []string{SHA512_256, "sha-256-sess", "md5"}})
	for _, proxy := range []bool{false, true} {
		for _, stale := range []bool{false, true} {
			m := challenged(t, v, proxy, stale)
			var got []Challenge
			for c, err := range challengeHeader(proxy).All(m) {
				require.NoError(t, err)
				got = append(got, c)
			}
			require.False(t, challengeHeader(!proxy).Has(m))
			require.Len(t, got, 3)
			for i, alg := range []string{"SHA-512-256", "SHA-256-sess", "MD5"} {
				require.Equal(t, Challenge{Scheme: "Digest", Realm: "example.com", Nonce: got[0].Nonce, Algorithm: alg, QOP: "auth,auth-int", Stale: stale}, got[i])
			}
		}
	}
	require.Zero(t, v.used.len(), "nothing is kept (A06)")
	seen := map[string]bool{}
	for range 100 {
		c, _, err := WWWAuthenticate.Get(challenged(t, v, false, false))
		require.NoError(t, err)
		require.False(t, seen[c.Nonce])
		seen[c.Nonce] = true
	}
}

// TestVerify: client and verifier agree on every algorithm and qop, in both
// headers, and each answer is good once.
func TestVerify(t *testing.T) {
	for _, alg := range []string{MD5, MD5Sess, SHA256, SHA256Sess, SHA512_256, SHA512_256Sess} {
		for _, qop := range []string{"auth", "auth-int"} {
			for _, proxy := range []bool{false, true} {
				v := verifier(t, VerifierConfig{Algorithms: []string{alg}, QOP: []string{qop}})
				c := NewClient(ClientConfig{Users: []User{alice}})
				require.NoError(t, c.Respond(challenged(t, v, proxy, false)))
				for i, body := range []string{"", "v=0\r\n", "x"} {
					set, err := c.Setters("MESSAGE", uri, body)
					require.NoError(t, err)
					req := request(t, "MESSAGE", uri, body, set...)
					user, err := v.Verify(req, proxy)
					require.NoError(t, err, "%s %s request %d", alg, qop, i)
					require.Equal(t, "alice", user)
					_, err = v.Verify(req, proxy)
					require.ErrorIs(t, err, ErrReplay)
					_, err = v.Verify(req, !proxy)
					require.ErrorIs(t, err, ErrNoCredentials)
				}
				require.Equal(t, 1, v.used.len())
				set, err := c.Setters("MESSAGE", uri, "v=0\r\n")
				require.NoError(t, err)
				_, err = v.Verify(request(t, "MESSAGE", uri, "v=1\r\n", set...), proxy)
				if qop == "auth-int" {
					require.ErrorIs(t, err, ErrWrong, "the body is protected")
				} else {
					require.NoError(t, err)
				}
				_, err = v.Verify(request(t, "INVITE", uri, "v=0\r\n", set...), proxy)
				require.ErrorIs(t, err, ErrWrong, "the method is protected")
			}
		}
	}
}

// TestReasons: what is wrong with an answer, and what follows from it.
func TestReasons(t *testing.T) {
	v := verifier(t, VerifierConfig{})
	other := verifier(t, VerifierConfig{})
	for name, c := range map[string]struct {
		change func(*Credentials)
		want   error
	}{
		"right":            {func(c *Credentials) {}, nil},
		"response in case": {func(c *Credentials) { c.Response = strings.ToUpper(c.Response) }, nil},
		"other response":   {func(c *Credentials) { c.Response = strings.Repeat("0", 64) }, ErrWrong},
		"short response":   {func(c *Credentials) { c.Response = c.Response[:63] }, ErrWrong},
		"long response":    {func(c *Credentials) { c.Response += "0" }, ErrWrong},
		"no response":      {func(c *Credentials) { c.Response = "" }, ErrMalformed},
		"no user":          {func(c *Credentials) { c.Username = "" }, ErrMalformed},
		"other user":       {func(c *Credentials) { c.Username = "mallory" }, ErrWrong},
		"no uri":           {func(c *Credentials) { c.URI = "" }, ErrMalformed},
		"other uri":        {func(c *Credentials) { c.URI = "sip:x" }, ErrWrong},
		"no nonce":         {func(c *Credentials) { c.Nonce = "" }, ErrMalformed},
		"not challenged":   {func(c *Credentials) { c.Nonce, c.Response = "", "" }, ErrNoCredentials},
		"nonce of another": {func(c *Credentials) { c.Nonce, _ = other.nonce() }, ErrUnknownNonce},
		"another nonce":    {func(c *Credentials) { c.Nonce, _ = v.nonce() }, ErrWrong},
		"no nc":            {func(c *Credentials) { c.NC = 0 }, ErrMalformed},
		"other nc":         {func(c *Credentials) { c.NC = 2 }, ErrWrong},
		"no cnonce":        {func(c *Credentials) { c.CNonce = "" }, ErrMalformed},
		"other cnonce":     {func(c *Credentials) { c.CNonce = "x" }, ErrWrong},
		"unknown qop":      {func(c *Credentials) { c.QOP = "auth-conf" }, ErrWrong},
		"qop not offered":  {func(c *Credentials) { c.QOP = "auth-int" }, ErrWrong},
		"unknown alg":      {func(c *Credentials) { c.Algorithm = "SHA-3" }, ErrWrong},
		"alg not offered":  {func(c *Credentials) { c.Algorithm = "SHA-512-256" }, ErrWrong},
		"alg of another":   {func(c *Credentials) { c.Algorithm = "MD5" }, ErrWrong},
		"other realm":      {func(c *Credentials) { c.Realm = "example.org" }, ErrNoCredentials},
		"realm in case":    {func(c *Credentials) { c.Realm = "Example.com" }, ErrNoCredentials},
		"user hash":        {func(c *Credentials) { c.UserHash = true }, ErrWrong},
		"other scheme":     {func(c *Credentials) { *c = Credentials{Scheme: "Bearer", Token: "x"} }, ErrNoCredentials},
		"Basic":            {func(c *Credentials) { *c = Credentials{Scheme: "Basic", Token: "YWxpY2U6c2VjcmV0"} }, ErrNoCredentials},
	} {
		creds := fresh(t, v)
		c.change(&creds)
		err := verify(t, v, creds)
		require.ErrorIs(t, err, c.want, name)
		require.False(t, Stale(err), name)
	}
	_, err := v.Verify(request(t, "INVITE", uri, ""), false)
	require.ErrorIs(t, err, ErrNoCredentials)
	for _, text := range []string{`Digest username="alice" realm="example.com"`, `Digest username="alice", realm="example.com", nc=1`, "Digest", `"`} {
		_, err = v.Verify(request(t, "INVITE", uri, "", Authorization.Text(text)), false)
		require.ErrorIs(t, err, ErrMalformed, text)
	}
}

// TestSeveral: answers for other realms stand beside ours (RFC 3261 section
// 22.3); of those for ours a few are tried.
func TestSeveral(t *testing.T) {
	v := verifier(t, VerifierConfig{})
	foreign, wrong := fresh(t, v), fresh(t, v)
	foreign.Realm = "example.org"
	wrong.Response = strings.Repeat("0", 64)
	require.NoError(t, verify(t, v, foreign, wrong, wrong, wrong, fresh(t, v)))
	require.ErrorIs(t, verify(t, v, wrong, wrong, wrong, wrong, fresh(t, v)), ErrWrong, "the fifth is not looked at")
}

// TestStale: only for who knows the password and only for our nonces (A06, RFC
// 7616 section 3.3).
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := verifier(t, VerifierConfig{NonceLife: time.Minute})
		old, wrong := fresh(t, v), fresh(t, v)
		wrong.Response = strings.Repeat("0", 64)
		time.Sleep(time.Minute)
		require.NoError(t, verify(t, v, old), "until the end of its life")
		last := fresh(t, v)
		time.Sleep(time.Minute + 1)
		require.ErrorIs(t, verify(t, v, last), ErrStale)
		require.ErrorIs(t, verify(t, v, old), ErrStale)
		require.ErrorIs(t, verify(t, v, wrong), ErrWrong)
		require.True(t, Stale(verify(t, v, last)))
		require.NoError(t, verify(t, v, fresh(t, v)))
		require.Equal(t, 1, v.used.len(), "the old one made room")
	})
}

// TestClientSurvivesStale: old nonce, restart and full table cost one more
// round trip and nothing else.
func TestClientSurvivesStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		secret := []byte("0123456789abcdef")
		v := verifier(t, VerifierConfig{Secret: secret, MaxNonces: 3})
		c := NewClient(ClientConfig{Users: []User{alice}})
		n := 0
		call := func() (challenges int) {
			n++
			for {
				set, err := c.Setters("INVITE", uri, "")
				require.NoError(t, err)
				_, err = v.Verify(request(t, "INVITE", uri, "", set...), false)
				if err == nil {
					c.Done(response(t, "200", fmt.Sprintf("Call-ID: %d", n)))
					return challenges
				}
				challenges++
				require.NoError(t, c.Respond(challenged(t, v, false, Stale(err), fmt.Sprintf("Call-ID: %d", n))))
			}
		}
		require.Equal(t, 1, call())
		require.Equal(t, 0, call())
		time.Sleep(time.Hour)
		require.Equal(t, 1, call(), "the nonce is old")
		time.Sleep(time.Second)
		v = verifier(t, VerifierConfig{Secret: secret, MaxNonces: 3})
		require.Equal(t, 1, call(), "restart with the secret kept")
		v = verifier(t, VerifierConfig{MaxNonces: 3})
		require.Equal(t, 1, call(), "restart with another secret")
		for range 5 {
			require.NoError(t, verify(t, v, fresh(t, v)))
		}
		require.Equal(t, 1, call(), "pushed out of the table")
		require.Equal(t, 0, call())
	})
}

// TestRestartReplay: a kept secret does not make old answers good again.
func TestRestartReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := VerifierConfig{Secret: []byte("0123456789abcdef")}
		v := verifier(t, cfg)
		creds := fresh(t, v)
		require.NoError(t, verify(t, v, creds))
		time.Sleep(time.Nanosecond)
		require.ErrorIs(t, verify(t, verifier(t, cfg), creds), ErrStale)
	})
}

// TestClock: a nonce from another verifier with our secret whose clock is ahead.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := VerifierConfig{Secret: []byte("0123456789abcdef")}
		v := verifier(t, cfg)
		ahead := time.Duration(0)
		cfg.Now = func() time.Time { return time.Now().Add(ahead) }
		other := verifier(t, cfg)
		ahead = 5 * time.Second
		require.NoError(t, verify(t, v, fresh(t, other)))
		ahead += time.Second
		require.ErrorIs(t, verify(t, v, fresh(t, other)), ErrStale)
	})
}

// TestWithoutQOP: RFC 2069, each nonce once; or not at all.
func TestWithoutQOP(t *testing.T) {
	legacy := func(v *Verifier, alg string) Credentials {
		c := NewClient(ClientConfig{Users: []User{alice}})
		nonce, err := v.nonce()
		require.NoError(t, err)
		require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", nonce, alg))))
		return only(t, c)
	}
	v := verifier(t, VerifierConfig{})
	creds := legacy(v, "algorithm=MD5")
	require.NoError(t, verify(t, v, creds))
	require.ErrorIs(t, verify(t, v, creds), ErrReplay)
	require.NoError(t, verify(t, v, legacy(v, "x=y")), "no algorithm is MD5")
	require.ErrorIs(t, verify(t, verifier(t, VerifierConfig{RequireQOP: true}), creds), ErrWrong)
	v = verifier(t, VerifierConfig{Algorithms: []string{SHA256}})
	require.ErrorIs(t, verify(t, v, legacy(v, "x=y")), ErrWrong, "no downgrade to MD5")
	v = verifier(t, VerifierConfig{Algorithms: []string{MD5Sess}})
	c := fresh(t, v)
	c.QOP, c.NC = "", 0
	require.ErrorIs(t, verify(t, v, c), ErrWrong, "-sess needs qop")
}

// TestSessionFreshCNonce: a client that keeps the session key of the first
// request but changes its cnonce (RFC 7616 section 3.4.2).
func TestSessionFreshCNonce(t *testing.T) {
	v := verifier(t, VerifierConfig{Algorithms: []string{SHA256Sess}})
	creds := fresh(t, v)
	alg := must(t, SHA256Sess)
	key := alg.sessionKey(alg.ha1("alice", "example.com", "secret"), creds.Nonce, creds.CNonce)
	require.NoError(t, verify(t, v, creds))
	creds.CNonce, creds.NC = "another", 2
	creds.Response = proof{alg: alg, key: key, nonce: creds.Nonce, cnonce: "another", qop: "auth", uri: uri, nc: 2}.response("INVITE", "")
	require.NoError(t, verify(t, v, creds))
	creds.NC, creds.Response = 3, strings.Repeat("0", 64)
	require.ErrorIs(t, verify(t, v, creds), ErrWrong)
}

// TestUsers: passwords, hashes, hashed names, unknown users.
func TestUsers(t *testing.T) {
	sha := must(t, SHA256)
	asked := 0
	v := verifier(t, VerifierConfig{
		Algorithms: []string{SHA256},
		Lookup: func(name, realm string) (User, bool) {
			asked++
			require.Equal(t, "example.com", realm)
			return User{HA1: map[string]string{"sha-256": sha.ha1("alice", realm, "secret")}}, name == "alice"
		},
	})
	require.NoError(t, verify(t, v, fresh(t, v)))
	require.Equal(t, 1, asked)
	creds := fresh(t, v)
	creds.Nonce = strings.Repeat("A", 48)
	require.ErrorIs(t, verify(t, v, creds), ErrUnknownNonce)
	require.Equal(t, 1, asked, "a stranger does not get as far as the user base")

	v = verifier(t, VerifierConfig{Lookup: func(string, string) (User, bool) {
		return User{HA1: map[string]string{"MD5": must(t, MD5).ha1("alice", "example.com", "secret")}}, true
	}})
	require.ErrorIs(t, verify(t, v, fresh(t, v)), ErrWrong, "no hash for SHA-256")

	// An unknown user with the password nobody has, or with none at all.
	v = verifier(t, VerifierConfig{Lookup: func(string, string) (User, bool) { return User{Password: "secret"}, false }})
	require.ErrorIs(t, verify(t, v, fresh(t, v)), ErrWrong)
	c := NewClient(ClientConfig{Users: []User{{Username: "alice", Password: v.dummy}}})
	require.ErrorIs(t, verify(t, v, credentials(t, v, c, "INVITE", "")), ErrWrong, "known or not decides, not the dummy")

	v = verifier(t, VerifierConfig{LookupHash: func(alg, hash, realm string) (User, bool) {
		require.Equal(t, SHA256, alg)
		return User{Username: "alice", Password: "secret"}, hash == sha.hash("alice", realm)
	}})
	creds = fresh(t, v)
	require.True(t, creds.UserHash, "the challenge asks for it")
	require.NoError(t, verify(t, v, creds))
	creds.NC, creds.Username = 2, strings.Repeat("0", 64)
	require.ErrorIs(t, verify(t, v, creds), ErrWrong)
}

// TestCheckURI: RFC 7616 section 3.4.6, RFC 8760 section 2.6 item 6.
func TestCheckURI(t *testing.T) {
	v := verifier(t, VerifierConfig{})
	_, err := v.Verify(request(t, "INVITE", "sip:forwarded@example.com", "", Authorization.Set(fresh(t, v))), false)
	require.NoError(t, err)
	v = verifier(t, VerifierConfig{CheckURI: func(creds, req string) bool {
		require.Equal(t, uri, creds)
		return req == "sip:ok@example.com"
	}})
	_, err = v.Verify(request(t, "INVITE", "sip:forwarded@example.com", "", Authorization.Set(fresh(t, v))), false)
	require.ErrorIs(t, err, ErrMalformed)
	_, err = v.Verify(request(t, "INVITE", "sip:ok@example.com", "", Authorization.Set(fresh(t, v))), false)
	require.NoError(t, err)
	require.NoError(t, verify(t, v, fresh(t, v)), "the same needs no check")
}

func TestVerifierConfig(t *testing.T) {
	ok := VerifierConfig{Realm: "r", Lookup: func(string, string) (User, bool) { return User{}, false }}
	_, err := NewVerifier(ok)
	require.NoError(t, err)
	for name, change := range map[string]func(*VerifierConfig){
		"Realm":             func(c *VerifierConfig) { c.Realm = "" },
		"control":           func(c *VerifierConfig) { c.Realm = "a\r\nb" },
		"Lookup":            func(c *VerifierConfig) { c.Lookup = nil },
		"Secret":            func(c *VerifierConfig) { c.Secret = make([]byte, 15) },
		"empty Secret":      func(c *VerifierConfig) { c.Secret = []byte{} },
		"NonceLife":         func(c *VerifierConfig) { c.NonceLife = -1 },
		"MaxNonces":         func(c *VerifierConfig) { c.MaxNonces = -1 },
		"no algorithms":     func(c *VerifierConfig) { c.Algorithms = []string{} },
		"unknown":           func(c *VerifierConfig) { c.Algorithms = []string{"SHA-3"} },
		"unnamed":           func(c *VerifierConfig) { c.Algorithms = []string{""} },
		"twice":             func(c *VerifierConfig) { c.Algorithms = []string{"MD5", "md5"} },
		"no qop":            func(c *VerifierConfig) { c.QOP = []string{} },
		"unknown qop":       func(c *VerifierConfig) { c.QOP = []string{"auth-conf"} },
		"Rand at the start": func(c *VerifierConfig) { c.Rand = failing{errors.New("no entropy")} },
	} {
		cfg := ok
		change(&cfg)
		_, err := NewVerifier(cfg)
		var e *Error
		require.ErrorAs(t, err, &e, name)
	}
	ok.Rand = io.MultiReader(io.LimitReader(rand.Reader, 64+12), failing{errors.New("no entropy")})
	v, err := NewVerifier(ok)
	require.NoError(t, err)
	challenged(t, v, false, false)
	_, err = response(t, "401").Edit(v.Challenge(false, false))
	require.Error(t, err, "a challenge without a nonce is not sent")
}

// TestVerifierConcurrent: of many copies of one answer one is taken.
func TestVerifierConcurrent(t *testing.T) {
	v := verifier(t, VerifierConfig{})
	req := request(t, "INVITE", uri, "", Authorization.Set(fresh(t, v)))
	var wg sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 50 {
		wg.Go(func() {
			_, err := v.Verify(req, false)
			_ = v.Challenge(true, false)
			_ = v.String()
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				good++
			} else if !errors.Is(err, ErrReplay) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, good)
}

// FuzzVerify: nothing but the right answer gets in, whatever stands in the
// header.
func FuzzVerify(f *testing.F) {
	v := verifier(f, VerifierConfig{Lookup: func(string, string) (User, bool) { return User{Password: "unknown to the fuzzer"}, true }})
	nonce, err := v.nonce()
	require.NoError(f, err)
	for _, x := range corpus(f).Digest {
		c := Credentials{Scheme: "Digest", Username: x.User, Realm: "example.com", Nonce: nonce, URI: x.URI, Response: x.Response, Algorithm: x.Alg, QOP: x.QOP, CNonce: x.CNonce}
		c.NC, _ = parseNC(x.NC)
		b, err := CredentialsCodec{}.Append(nil, c)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Fuzz(func(t *testing.T, s string) {
		req, err := msg.New(class, msg.RequestLine("INVITE", uri), Authorization.Text(s))
		if err != nil {
			return
		}
		if user, err := v.Verify(req, false); err == nil || user != "" {
			t.Fatalf("let in with %q", s)
		}
		if v.used.len() != 0 {
			t.Fatal("state kept for a stranger")
		}
	})
}
