package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

var alice = User{Realm: "example.com", Username: "alice", Password: "secret"}

const uri = "sip:Bob%20x@EXAMPLE.com;user=phone"

// digest is the value of a challenge header.
func digest(realm, nonce string, more ...string) string {
	return fmt.Sprintf(`Digest realm="%s", nonce="%s"%s`, realm, nonce, strings.Join(append([]string{""}, more...), ", "))
}

// answers returns the credentials that the client would send: for servers, for
// proxies.
func answers(t testing.TB, c *Client, method, body string) (www, proxy []Credentials) {
	t.Helper()
	set, err := c.Setters(method, uri, body)
	require.NoError(t, err)
	m := request(t, method, uri, body, set...)
	for v, err := range Authorization.All(m) {
		require.NoError(t, err)
		www = append(www, v)
	}
	for v, err := range ProxyAuthorization.All(m) {
		require.NoError(t, err)
		proxy = append(proxy, v)
	}
	return www, proxy
}

// only returns the one answer for servers.
func only(t testing.TB, c *Client) Credentials {
	t.Helper()
	www, proxy := answers(t, c, "INVITE", "")
	require.Len(t, www, 1)
	require.Empty(t, proxy)
	return www[0]
}

// TestAnswer: every parameter, as RFC 3261 section 22.4 and RFC 7616 section 3.4
// ask (A05).
func TestAnswer(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	set, err := c.Setters("INVITE", uri, "")
	require.NoError(t, err)
	require.Empty(t, set, "nothing before a challenge")
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", `n\"1`, `opaque=""`, `algorithm=sha-256`, `qop="auth-int, auth"`))))

	seen := map[string]bool{}
	for i := range uint32(3) {
		a := only(t, c)
		require.Equal(t, i+1, a.NC)
		require.Len(t, a.CNonce, 32)
		require.False(t, seen[a.CNonce], "cnonce is fresh")
		seen[a.CNonce] = true
		want := proof{alg: must(t, "SHA-256"), nonce: `n"1`, cnonce: a.CNonce, qop: "auth", uri: uri, nc: a.NC}
		want.key = want.alg.ha1("alice", "example.com", "secret")
		require.True(t, a == Credentials{
			Scheme: "Digest", Username: "alice", Realm: "example.com", Nonce: `n"1`, URI: uri, Response: want.response("INVITE", ""),
			Algorithm: "sha-256", CNonce: a.CNonce, QOP: "auth", NC: a.NC, emptyOpaque: true,
		})
	}
	for _, method := range []string{"ACK", "CANCEL"} {
		set, err := c.Setters(method, uri, "")
		require.NoError(t, err)
		require.Empty(t, set, "RFC 3261 section 22.1")
	}
	require.EqualValues(t, 4, only(t, c).NC, "ACK and CANCEL use no count up")
	c.Forget()
	set, err = c.Setters("INVITE", uri, "")
	require.NoError(t, err)
	require.Empty(t, set)
}

func must(t testing.TB, name string) algorithm {
	a, ok := findAlgorithm(name)
	require.True(t, ok)
	return a
}

// TestChoice: the topmost challenge that can be answered (A01, A02).
func TestChoice(t *testing.T) {
	sha := digest("example.com", "1", "algorithm=SHA-256", `qop="auth"`)
	md5 := digest("example.com", "2", "algorithm=MD5", `qop="auth"`)
	for name, c := range map[string]struct {
		cfg    ClientConfig
		fields []string
		nonce  string
		qop    string
		err    error
	}{
		"first":                      {ClientConfig{}, []string{sha, md5}, "1", "auth", nil},
		"order is the server's":      {ClientConfig{}, []string{md5, sha}, "2", "auth", nil},
		"unknown first":              {ClientConfig{}, []string{digest("example.com", "0", "algorithm=SHA-3"), sha}, "1", "auth", nil},
		"policy":                     {ClientConfig{Algorithms: []string{"sha-256"}}, []string{md5, sha}, "1", "auth", nil},
		"policy excludes all":        {ClientConfig{Algorithms: []string{"sha-256"}}, []string{md5}, "", "", ErrNoChallenge},
		"policy allows none":         {ClientConfig{Algorithms: []string{}}, []string{md5}, "", "", ErrNoChallenge},
		"broken first":               {ClientConfig{}, []string{`Digest realm="example.com`, md5}, "2", "auth", nil},
		"Basic first":                {ClientConfig{}, []string{`Basic realm="example.com"`, md5}, "2", "auth", nil},
		"Basic only":                 {ClientConfig{}, []string{`Basic realm="example.com"`}, "", "", ErrNoChallenge},
		"unknown only":               {ClientConfig{}, []string{digest("example.com", "0", "algorithm=AKAv1-MD5")}, "", "", ErrNoChallenge},
		"none":                       {ClientConfig{}, nil, "", "", ErrNoChallenge},
		"unknown qop":                {ClientConfig{}, []string{digest("example.com", "0", `qop="auth-conf"`), md5}, "2", "auth", nil},
		"qop in case":                {ClientConfig{}, []string{digest("example.com", "0", `qop="AUTH"`)}, "0", "auth", nil},
		"only auth-int":              {ClientConfig{}, []string{digest("example.com", "0", `qop="x,auth-int"`)}, "0", "auth-int", nil},
		"auth before auth-int":       {ClientConfig{}, []string{digest("example.com", "0", `qop="auth-int,auth"`)}, "0", "auth", nil},
		"integrity":                  {ClientConfig{PreferIntegrity: true}, []string{digest("example.com", "0", `qop="auth,auth-int"`)}, "0", "auth-int", nil},
		"integrity not offered":      {ClientConfig{PreferIntegrity: true}, []string{md5}, "2", "auth", nil},
		"RFC 2069":                   {ClientConfig{}, []string{digest("example.com", "0")}, "0", "", nil},
		"empty qop":                  {ClientConfig{}, []string{digest("example.com", "0", `qop=""`)}, "0", "", nil},
		"-sess without qop":          {ClientConfig{}, []string{digest("example.com", "0", "algorithm=MD5-sess"), md5}, "2", "auth", nil},
		"other realm":                {ClientConfig{}, []string{digest("example.org", "0"), md5}, "2", "auth", nil},
		"other realm only":           {ClientConfig{}, []string{digest("example.org", "0")}, "", "", ErrNoCredentials},
		"realm compares with case":   {ClientConfig{}, []string{digest("Example.com", "0")}, "", "", ErrNoCredentials},
		"hash for MD5 only":          {ClientConfig{Users: []User{{Realm: "example.com", HA1: map[string]string{"MD5": strings.Repeat("a", 32)}}}}, []string{sha, md5}, "2", "auth", nil},
		"hash for another":           {ClientConfig{Users: []User{{Realm: "example.com", HA1: map[string]string{"MD5": strings.Repeat("a", 32)}}}}, []string{sha}, "", "", ErrNoCredentials},
		"in one field":               {ClientConfig{}, []string{`Negotiate, ` + digest("example.com", "0", "algorithm=X") + ", " + md5}, "2", "auth", nil},
		"nonce too long":             {ClientConfig{}, []string{digest("example.com", strings.Repeat("x", 4096)), md5}, "2", "auth", nil},
		"any realm":                  {ClientConfig{Users: []User{{Username: "bob"}}}, []string{digest("example.org", "0")}, "0", "", nil},
		"named realm goes first":     {ClientConfig{Users: []User{{Username: "bob"}, alice}}, []string{md5}, "2", "auth", nil},
		"look-up":                    {ClientConfig{Lookup: lookup("example.org")}, []string{digest("example.org", "0")}, "0", "", nil},
		"look-up has none either":    {ClientConfig{Lookup: lookup("example.net")}, []string{digest("example.org", "0")}, "", "", ErrNoCredentials},
		"33rd challenge is not read": {ClientConfig{}, append(strings.Split(strings.Repeat(",Basic realm=x", 32)[1:], ","), md5), "", "", ErrNoChallenge},
	} {
		t.Run(name, func(t *testing.T) {
			if c.cfg.Users == nil {
				c.cfg.Users = []User{alice}
			}
			client := NewClient(c.cfg)
			var fields []string
			for _, f := range c.fields {
				fields = append(fields, "WWW-Authenticate: "+f)
			}
			err := client.Respond(response(t, "401", fields...))
			if c.err != nil {
				require.ErrorIs(t, err, c.err)
				var e *Error
				require.ErrorAs(t, err, &e)
				set, err := client.Setters("INVITE", uri, "")
				require.NoError(t, err)
				require.Empty(t, set)
				return
			}
			require.NoError(t, err)
			a := only(t, client)
			require.Equal(t, c.nonce, a.Nonce)
			require.Equal(t, c.qop, a.QOP)
			if c.qop == "" {
				require.Empty(t, a.CNonce, "RFC 3261 section 22.4 item 8")
				require.Zero(t, a.NC)
			}
			if name == "named realm goes first" {
				require.Equal(t, "alice", a.Username)
			}
		})
	}
}

func lookup(realm string) func(string) (User, bool) {
	return func(r string) (User, bool) { return User{Realm: realm, Username: "carol"}, r == realm }
}

// TestRealms: credentials for every realm, proxies and servers apart, in one
// request that replaces those of the try before it (A03, RFC 3261 section 22.3).
func TestRealms(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{{Username: "alice", Password: "secret"}}})
	require.NoError(t, c.Respond(response(t, "407", "Proxy-Authenticate: "+digest("p", "1", `qop="auth"`))))
	www, proxy := answers(t, c, "INVITE", "")
	require.Empty(t, www)
	require.Len(t, proxy, 1)
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("p", "2", `qop="auth"`),
		"WWW-Authenticate: "+digest("s", "3", `qop="auth"`), "Proxy-Authenticate: "+digest("q", "4"))), "a forking proxy collects")
	set, err := c.Setters("INVITE", uri, "")
	require.NoError(t, err)
	m := request(t, "INVITE", uri, "", Authorization.Set(www...), ProxyAuthorization.Set(proxy...))
	m, err = m.Edit(set...)
	require.NoError(t, err)
	var got []string
	for v := range Authorization.All(m) {
		got = append(got, "s "+v.Realm+" "+v.Nonce)
	}
	for v := range ProxyAuthorization.All(m) {
		got = append(got, "p "+v.Realm+" "+v.Nonce)
	}
	require.Equal(t, []string{"s p 2", "s s 3", "p p 1", "p q 4"}, got)
}

// TestIntegrity: auth-int covers the body, the empty one too (A09).
func TestIntegrity(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", "n1", `qop="auth-int"`))))
	for _, body := range []string{"", "v=0\r\n", "\x00\xff"} {
		www, _ := answers(t, c, "INVITE", body)
		a := www[0]
		p := proof{alg: must(t, ""), nonce: "n1", cnonce: a.CNonce, qop: "auth-int", uri: uri, nc: a.NC}
		p.key = p.alg.ha1("alice", "example.com", "secret")
		require.Equal(t, p.response("INVITE", body), a.Response)
		require.NotEqual(t, p.response("INVITE", body+"x"), a.Response)
	}
}

// TestUserHash: RFC 7616 section 3.4.4 (A10).
func TestUserHash(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{{Realm: "api@example.org", Username: "Jäsøn Doe", Password: "Secret, or not?"}}})
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("api@example.org", "n", `qop="auth"`, "algorithm=SHA-512-256", "userhash=true", "charset=UTF-8"))))
	a := only(t, c)
	require.True(t, a.UserHash)
	require.Equal(t, "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b", a.Username)
}

// TestRespondKnown: who began the dialog cannot make up a realm (A12).
func TestRespondKnown(t *testing.T) {
	any := NewClient(ClientConfig{Users: []User{{Username: "alice", Password: "secret"}}})
	require.ErrorIs(t, any.RespondKnown(response(t, "401", "WWW-Authenticate: "+digest("evil", "1"))), ErrNoCredentials)
	require.NoError(t, any.Respond(response(t, "401", "Call-ID: 1", "WWW-Authenticate: "+digest("home", "1"))))
	require.NoError(t, any.RespondKnown(response(t, "401", "Call-ID: 2", "WWW-Authenticate: "+digest("home", "2"))), "answered before")
	require.ErrorIs(t, any.RespondKnown(response(t, "407", "Call-ID: 3", "Proxy-Authenticate: "+digest("home", "2"))), ErrNoCredentials, "a proxy is another space")
	named := NewClient(ClientConfig{Users: []User{alice}, Lookup: lookup("example.org")})
	require.NoError(t, named.RespondKnown(response(t, "401", "WWW-Authenticate: "+digest("example.com", "1"))))
	require.NoError(t, named.RespondKnown(response(t, "401", "WWW-Authenticate: "+digest("example.org", "1"))))
	loose := NewClient(ClientConfig{Lookup: func(string) (User, bool) { return User{Username: "x"}, true }})
	require.ErrorIs(t, loose.RespondKnown(response(t, "401", "WWW-Authenticate: "+digest("evil", "1"))), ErrNoCredentials)
}

func TestClientRand(t *testing.T) {
	broken := errors.New("no entropy")
	c := NewClient(ClientConfig{Users: []User{alice}, Rand: io.MultiReader(io.LimitReader(rand.Reader, 16), failing{broken})})
	require.NoError(t, c.Respond(response(t, "401", "WWW-Authenticate: "+digest("example.com", "1", `qop="auth"`))))
	only(t, c)
	_, err := c.Setters("INVITE", uri, "")
	require.ErrorIs(t, err, broken)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestClientConcurrent: no nonce count is given twice.
func TestClientConcurrent(t *testing.T) {
	c := NewClient(ClientConfig{Users: []User{alice}})
	m := response(t, "401", "WWW-Authenticate: "+digest("example.com", "1", `qop="auth"`))
	require.NoError(t, c.Respond(m))
	var mu sync.Mutex
	seen := map[uint32]bool{}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				set, err := c.Setters("INVITE", uri, "")
				if err != nil {
					t.Error(err)
					return
				}
				r, err := msg.New(class, append(set, msg.RequestLine("INVITE", uri))...)
				if err != nil {
					t.Error(err)
					return
				}
				a, _, err := Authorization.Get(r)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				if seen[a.NC] {
					t.Errorf("nc %d twice", a.NC)
				}
				seen[a.NC] = true
				mu.Unlock()
				if i%10 == 0 {
					_ = c.Respond(response(t, "401", fmt.Sprintf("Call-ID: %d-%d", g, i), "WWW-Authenticate: "+digest("example.com", "1", `qop="auth"`)))
					c.Done(response(t, "200"))
					_ = c.String()
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, 400)
}
