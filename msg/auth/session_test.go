package auth

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// TestNonceCount: from 1 for every new nonce, on and on for the same one.
func TestNonceCount(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	for i, step := range []struct {
		nonce string
		nc    uint32
	}{{"a", 1}, {"a", 2}, {"b", 1}, {"b", 2}, {"a", 1}} {
		m := response(t, "401", "Call-ID: "+fmt.Sprint(i), "CSeq: 1 INVITE", "WWW-Authenticate: "+digest("example.com", step.nonce, `qop="auth"`))
		require.NoError(t, c.Respond(m))
		require.Equal(t, step.nc, only(t, c).NC)
	}
	c.sessions[0].nc = math.MaxUint32
	www, _ := answers(t, c, "INVITE", "")
	require.Empty(t, www, "no wrap: the server has to make a new nonce")
}

func TestMaxRealms(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{{Username: "alice"}}, MaxRealms: 2})
	for i := range 100 {
		require.NoError(t, c.Respond(response(t, "401", "Call-ID: "+fmt.Sprint(i), "WWW-Authenticate: "+digest(fmt.Sprint(i), "n"))))
	}
	www, _ := answers(t, c, "INVITE", "")
	require.Len(t, www, 2)
	require.Equal(t, "98", www[0].Realm)
	require.Equal(t, "99", www[1].Realm)
	require.Len(t, c.attempts, maxAttempts)
}

// TestTries: when to stop (A04, RFC 3261 section 22.1).
func TestTries(t *testing.T) {
	stale := "stale=true"
	type step struct {
		nonce, more string
		err         error
	}
	for name, c := range map[string]struct {
		max   int
		steps []step
	}{
		"wrong password":      {0, []step{{"1", "", nil}, {"2", "", ErrRefused}}},
		"same nonce":          {0, []step{{"1", "", nil}, {"1", "", ErrRefused}}},
		"stale=false":         {0, []step{{"1", "", nil}, {"2", "stale=false", ErrRefused}}},
		"stale once":          {0, []step{{"1", "", nil}, {"2", stale, nil}, {"3", "", ErrRefused}}},
		"stale for ever":      {0, []step{{"1", stale, nil}, {"2", stale, nil}, {"3", stale, ErrRefused}}},
		"one try":             {1, []step{{"1", "", nil}, {"2", stale, ErrRefused}}},
		"three tries":         {3, []step{{"1", "", nil}, {"2", stale, nil}, {"3", stale, nil}, {"4", stale, ErrRefused}}},
		"no limit but stale":  {-1, []step{{"1", "", nil}, {"2", stale, nil}, {"3", stale, nil}, {"4", stale, nil}, {"5", "", ErrRefused}}},
		"afterwards it's new": {0, []step{{"1", "", nil}, {"2", "", ErrRefused}, {"3", "", nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			client := NewClient(ClientConfig{Users: []User{alice}, MaxTries: c.max})
			for i, s := range c.steps {
				client.Done(response(t, "100", "Call-ID: x", fmt.Sprintf("CSeq: %d INVITE", i))) // a proxy on the way
				err := client.Respond(response(t, "401", "Call-ID: x", fmt.Sprintf("CSeq: %d INVITE", i),
					"WWW-Authenticate: "+digest("example.com", s.nonce, strings.Split(`qop="auth",`+s.more, ",")[:1+min(1, len(s.more))]...)))
				require.ErrorIs(t, err, s.err)
				www, _ := answers(t, client, "INVITE", "")
				if s.err != nil {
					require.Empty(t, www, "what was refused is not sent again")
					continue
				}
				require.Equal(t, s.nonce, www[0].Nonce)
				require.EqualValues(t, 1, www[0].NC)
			}
		})
	}
}

// TestTriesPerRequest: requests that overlap do not use up each other's tries.
func TestTriesPerRequest(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	ch := "WWW-Authenticate: " + digest("example.com", "n", `qop="auth"`)
	for i := range 10 {
		require.NoError(t, c.Respond(response(t, "401", fmt.Sprintf("Call-ID: %d", i), "CSeq: 1 INVITE", ch)))
		require.NoError(t, c.Respond(response(t, "401", fmt.Sprintf("Call-ID: %d", i), "CSeq: 2 OPTIONS", ch)))
	}
	require.EqualValues(t, 1, only(t, c).NC)
	require.ErrorIs(t, c.Respond(response(t, "401", "Call-ID: 3", "CSeq: 2 INVITE", ch)), ErrRefused)
	// A proxy and a server of one request have their own tries.
	c = NewClient(ClientConfig{Users: []User{alice}})
	require.NoError(t, c.Respond(response(t, "407", "Call-ID: 1", "CSeq: 1 INVITE", "Proxy-Authenticate: "+digest("example.com", "p"))))
	require.NoError(t, c.Respond(response(t, "401", "Call-ID: 1", "CSeq: 2 INVITE", ch)))
	// A request that succeeded begins anew.
	c.Done(response(t, "200", "Call-ID: 1", "CSeq: 3 INVITE"))
	require.NoError(t, c.Respond(response(t, "401", "Call-ID: 1", "CSeq: 4 INVITE", "WWW-Authenticate: "+digest("example.com", "n2"))))
	require.ErrorIs(t, c.Respond(response(t, "200", ch)), ErrNoChallenge, "not a challenge")
}

// TestTriesAfterLoss: a request whose second try got no response does not spoil
// the next one with the same Call-ID; but a slow server gets no more tries.
func TestTriesAfterLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		challenge := func(seq int, nonce string) *msg.Message {
			return response(t, "401", "Call-ID: 1", fmt.Sprintf("CSeq: %d REGISTER", seq), "WWW-Authenticate: "+digest("example.com", nonce, `qop="auth"`))
		}
		c := NewClient(ClientConfig{Users: []User{alice}})
		require.NoError(t, c.Respond(challenge(1, "a")))
		time.Sleep(32 * time.Second) // the retry, CSeq 2, times out
		require.NoError(t, c.Respond(challenge(3, "b")), "the next refresh")
		time.Sleep(32 * time.Second)
		require.ErrorIs(t, c.Respond(challenge(4, "c")), ErrRefused, "its retry, however late")
		require.NoError(t, c.Respond(challenge(5, "d")))
		require.ErrorIs(t, c.Respond(challenge(7, "e")), ErrRefused, "requests that overlap do not buy tries")
	})
}

// TestSession: A1 of -sess keeps nonce and cnonce of the first request (A09).
func TestSession(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", "n1", `qop="auth"`, "algorithm=SHA-256-sess"))))
	a := only(t, c)
	alg := must(t, "SHA-256-sess")
	p := proof{alg: alg, key: alg.sessionKey(alg.ha1("alice", "example.com", "secret"), "n1", a.CNonce), nonce: "n1", cnonce: a.CNonce, qop: "auth", uri: uri, nc: 1}
	require.Equal(t, p.response("INVITE", ""), a.Response)
	b := only(t, c)
	p.nc = 2
	require.Equal(t, a.CNonce, b.CNonce)
	require.Equal(t, p.response("INVITE", ""), b.Response)
	c.Done(response(t, "200", `Authentication-Info: nextnonce="n2"`))
	b = only(t, c)
	p.nc, p.nonce = 1, "n2"
	require.Equal(t, p.response("INVITE", ""), b.Response, "the session outlives the nonce")
	require.NoError(t, c.Respond(response(t, "401", "Call-ID: 2", "WWW-Authenticate: "+digest("example.com", "n3", `qop="auth"`, "algorithm=SHA-256-sess"))))
	require.NotEqual(t, a.CNonce, only(t, c).CNonce, "a challenge begins a new session")
}

// TestNextNonce: taken, counted from 1, but not from who fails to prove the
// secret (RFC 7616 section 3.5).
func TestNextNonce(t *testing.T) {
	fresh := func() (*Client, Credentials) {
		c := NewClient(ClientConfig{Users: []User{alice}})
		require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", "n1", `qop="auth"`))))
		only(t, c)
		return c, only(t, c)
	}
	c, _ := fresh()
	c.Done(response(t, "200", `Authentication-Info: nextnonce="n2"`))
	b := only(t, c)
	require.Equal(t, "n2", b.Nonce)
	require.EqualValues(t, 1, b.NC)
	c.Done(response(t, "200", `Authentication-Info: nextnonce="n2"`))
	require.EqualValues(t, 2, only(t, c).NC, "the same nonce counts on")

	for name, f := range map[string]func(*Info){"right": func(*Info) {}, "wrong": func(i *Info) { i.RSPAuth = strings.Repeat("0", 32) }, "other": func(i *Info) { i.CNonce = "x" }} {
		c, a := fresh()
		info := Info{NextNonce: "n2", QOP: "auth", CNonce: a.CNonce, NC: a.NC, RSPAuth: c.sessions[0].last.response("", "")}
		f(&info)
		m, err := response(t, "200").Edit(AuthenticationInfo.Set(info))
		require.NoError(t, err)
		c.Done(m)
		require.Equal(t, name == "right", only(t, c).Nonce == "n2", name)
	}
	c, _ = fresh()
	for _, status := range []string{"183", "401", "407"} {
		c.Done(response(t, status, `Authentication-Info: nextnonce="n2"`))
	}
	c.Done(response(t, "200", `Proxy-Authentication-Info: nextnonce="n2"`))
	c.Done(response(t, "200", `Authentication-Info: nextnonce="`))
	c.Done(response(t, "200", `Authentication-Info: nextnonce="`+strings.Repeat("x", 4097)+`"`))
	require.Equal(t, "n1", only(t, c).Nonce)
	// Two realms, and nothing to tell which is meant.
	c = NewClient(ClientConfig{Users: []User{{Username: "alice"}}})
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("a", "n1"), "WWW-Authenticate: "+digest("b", "n1"))))
	c.Done(response(t, "200", `Authentication-Info: nextnonce="n2"`))
	www, _ := answers(t, c, "INVITE", "")
	require.Equal(t, []string{"n1", "n1"}, []string{www[0].Nonce, www[1].Nonce})
}
