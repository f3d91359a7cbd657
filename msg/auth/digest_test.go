package auth

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestVectors runs the published and computed vectors through the hashes, the
// client and the verifier, over the text of the headers.
func TestVectors(t *testing.T) {
	for i, v := range corpus(t).Digest {
		t.Run(fmt.Sprintf("%02d %s %s %s", i, v.Alg, v.QOP, v.Method), func(t *testing.T) {
			alg, ok := findAlgorithm(v.Alg)
			require.True(t, ok)
			if v.HA1 != "" && !alg.session {
				require.Equal(t, v.HA1, alg.ha1(v.User, v.Realm, v.PW))
			}
			if v.UserHash != "" {
				require.Equal(t, v.UserHash, alg.hash(v.User, v.Realm))
			}

			// The client: challenge in, credentials out.
			ch := Challenge{Scheme: "Digest", Realm: v.Realm, Nonce: v.Nonce, Algorithm: v.Alg, QOP: v.QOP, Opaque: "o"}
			c := NewClient(ClientConfig{Users: []User{{Realm: v.Realm, Username: v.User, Password: v.PW}}})
			resp, err := response(t, "401").Edit(WWWAuthenticate.Set(ch))
			require.NoError(t, err)
			require.NoError(t, c.Respond(reparse(t, resp)))
			if nc, ok := parseNC(v.NC); ok {
				c.sessions[0].nc = nc - 1
			}
			creds := c.sessions[0].answer(v.CNonce, v.Method, v.URI, v.Body)
			require.Equal(t, v.Response, creds.Response)
			require.Equal(t, v.RSPAuth, c.sessions[0].last.response("", v.Body))

			// The verifier: the same credentials as a request carries them.
			req := request(t, v.Method, v.URI, v.Body, Authorization.Set(creds))
			got, ok, err := Authorization.Get(req)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, creds, got)
			ver := verifier(t, VerifierConfig{Realm: v.Realm, Algorithms: []string{v.Alg}, QOP: []string{QOPAuth, QOPAuthInt}})
			p := proof{alg: alg, nonce: got.Nonce, cnonce: got.CNonce, qop: got.QOP, uri: got.URI, nc: got.NC}
			_, good := ver.compare(p, alg.ha1(v.User, v.Realm, v.PW), got, req, got.CNonce)
			require.True(t, good)
			_, good = ver.compare(p, alg.ha1(v.User, v.Realm, v.PW+"x"), got, req, got.CNonce)
			require.False(t, good)

			// Both together, with a nonce of the verifier.
			users := map[string]User{v.User: {Password: v.PW}}
			ver = verifier(t, VerifierConfig{
				Realm: v.Realm, Algorithms: []string{v.Alg}, QOP: []string{QOPAuth, QOPAuthInt},
				Lookup: func(name, _ string) (User, bool) { u, ok := users[name]; return u, ok },
			})
			nonce, err := ver.nonce()
			require.NoError(t, err)
			ch.Nonce = nonce
			resp, err = response(t, "401").Edit(WWWAuthenticate.Set(ch))
			require.NoError(t, err)
			c.Forget()
			require.NoError(t, c.Respond(reparse(t, resp)))
			set, err := c.Setters(v.Method, v.URI, v.Body)
			require.NoError(t, err)
			user, err := ver.Verify(request(t, v.Method, v.URI, v.Body, set...), false)
			require.NoError(t, err)
			require.Equal(t, v.User, user)
		})
	}
}

func TestFindAlgorithm(t *testing.T) {
	for name, want := range map[string]string{
		"": "MD5", "md5": "MD5", "MD5-SESS": "MD5-sess", "sha-256": "SHA-256", "Sha-256-Sess": "SHA-256-sess",
		"sha-512-256": "SHA-512-256", "SHA-512-256-sess": "SHA-512-256-sess",
		"SHA-512": "", "SHA256": "", "MD5-": "", "-sess": "", "AKAv3-MD5": "", "AKAv1-": "", "AKAv1-AKAv1-MD5": "", "MD5 ": "", "akav1-md5": "AKAv1-MD5", "AKAv2-SHA-256-sess": "AKAv2-SHA-256-sess",
	} {
		a, ok := findAlgorithm(name)
		require.Equal(t, want, a.name, name)
		require.Equal(t, want != "", ok, name)
		if ok {
			require.Equal(t, strings.HasSuffix(want, "-sess"), a.session)
			require.Equal(t, strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(want, "-sess"), "AKAv1-"), "AKAv2-"), a.base)
			require.Len(t, a.hash("x"), a.size)
		}
	}
}

func TestNC(t *testing.T) {
	for _, nc := range []uint32{0, 1, 9, 10, 15, 16, 0xdeadbeef, math.MaxUint32} {
		s := string(appendNC(nil, nc))
		require.Equal(t, fmt.Sprintf("%08x", nc), s)
		got, ok := parseNC(strings.ToUpper(s))
		require.True(t, ok)
		require.Equal(t, nc, got)
	}
	for _, s := range []string{"", "1", "0000001", "000000001", "0000000g", "-0000001", "0x000001", "00 00001"} {
		_, ok := parseNC(s)
		require.False(t, ok, s)
	}
}
