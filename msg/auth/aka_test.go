package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sim answers challenges as a USIM would: RES is made of RAND.
func sim(ch AKAChallenge) AKAAnswer {
	return AKAAnswer{RES: ch.RAND[:8], IK: []byte(strings.Repeat("i", 16)), CK: []byte(strings.Repeat("c", 16))}
}

func akaChallenge(n byte) AKAChallenge {
	ch := AKAChallenge{Realm: "ims.example", Data: []byte("data")}
	for i := range ch.RAND {
		ch.RAND[i], ch.AUTN[i] = n+byte(i), n^byte(i)
	}
	return ch
}

func akaResponse(t testing.TB, call string, ch AKAChallenge, algorithms ...string) *Challenge {
	t.Helper()
	return &Challenge{Scheme: "Digest", Realm: ch.Realm, Nonce: AKANonce(ch), Algorithm: algorithms[0], QOP: "auth,auth-int"}
}

func TestAKA(t *testing.T) {
	for _, alg := range []string{AKAv1MD5, "akav1-md5", AKAv2MD5, "AKAv1-SHA-256", "AKAv2-SHA-256", "AKAv2-SHA-512-256"} {
		ch := akaChallenge(7)
		calls := 0
		user := User{Username: "alice@ims.example", AKA: func(got AKAChallenge) (AKAAnswer, error) {
			calls++
			require.Equal(t, ch, got)
			return sim(got), nil
		}}
		c := NewClient(ClientConfig{Users: []User{user}})
		m, err := response(t, "401", "Call-ID: 1", "CSeq: 1 REGISTER").Edit(WWWAuthenticate.Set(*akaResponse(t, "1", ch, alg)))
		require.NoError(t, err)
		require.NoError(t, c.Respond(m))
		password, ok := AKAPassword(alg, sim(ch))
		require.True(t, ok)
		for nc := uint32(1); nc < 3; nc++ {
			got, _ := answers(t, c, "REGISTER", "")
			require.Len(t, got, 1)
			require.Equal(t, nc, got[0].NC)
			require.True(t, got[0].Matches(User{Username: "alice@ims.example", Password: password}, "REGISTER", ""), alg)
			require.False(t, got[0].Matches(User{Username: "alice@ims.example", Password: password + "x"}, "REGISTER", ""))
			require.False(t, got[0].Matches(User{Username: "bob@ims.example", Password: password}, "REGISTER", ""))
			require.False(t, got[0].Matches(User{Username: "alice@ims.example", Password: password}, "INVITE", ""))
		}
		m2, err := m.Edit()
		require.NoError(t, err)
		require.ErrorIs(t, c.Respond(m2), ErrRefused)
		require.Equal(t, 1, calls, "one run of the USIM for one nonce")
	}
}

// TestAKASynchronise: RFC 3310 section 3.4.
func TestAKASynchronise(t *testing.T) {
	first := true
	auts := []byte("0123456789abcd")
	c := NewClient(ClientConfig{Users: []User{{Username: "a", AKA: func(ch AKAChallenge) (AKAAnswer, error) {
		if first {
			first = false
			return AKAAnswer{AUTS: auts}, ErrSynchronise
		}
		return sim(ch), nil
	}}}})
	m, err := response(t, "401", "Call-ID: 1", "CSeq: 1 REGISTER").Edit(WWWAuthenticate.Set(*akaResponse(t, "1", akaChallenge(1), AKAv1MD5)))
	require.NoError(t, err)
	require.NoError(t, c.Respond(m))
	got, _ := answers(t, c, "REGISTER", "")
	v, ok := got[0].Params.Get("auts")
	require.True(t, ok)
	require.Equal(t, base64.StdEncoding.EncodeToString(auts), v)
	require.True(t, got[0].Matches(User{Username: "a"}, "REGISTER", ""), "an empty password")

	m, err = response(t, "401", "Call-ID: 1", "CSeq: 2 REGISTER").Edit(WWWAuthenticate.Set(*akaResponse(t, "1", akaChallenge(2), AKAv1MD5)))
	require.NoError(t, err)
	require.NoError(t, c.Respond(m), "the challenge that was asked for is no refusal")
	got, _ = answers(t, c, "REGISTER", "")
	require.Empty(t, got[0].Params)
	password, _ := AKAPassword(AKAv1MD5, sim(akaChallenge(2)))
	require.True(t, got[0].Matches(User{Username: "a", Password: password}, "REGISTER", ""))
	m, err = response(t, "401", "Call-ID: 1", "CSeq: 3 REGISTER").Edit(WWWAuthenticate.Set(*akaResponse(t, "1", akaChallenge(3), AKAv1MD5)))
	require.NoError(t, err)
	require.ErrorIs(t, c.Respond(m), ErrRefused)
}

// TestAKAChoice: AKAv2 goes before AKAv1 wherever it stands (RFC 4169 section
// 4.1), and without a USIM other challenges are answered.
func TestAKAChoice(t *testing.T) {
	ch := akaChallenge(1)
	v1, v2, md5 := *akaResponse(t, "1", ch, AKAv1MD5), *akaResponse(t, "1", ch, AKAv2MD5), *akaResponse(t, "1", ch, MD5)
	m, err := response(t, "401").Edit(WWWAuthenticate.Set(v1, v2, md5))
	require.NoError(t, err)
	mac := errors.New("MAC failure")
	fail := false
	user := User{Username: "a", Password: "p", AKA: func(ch AKAChallenge) (AKAAnswer, error) {
		if fail {
			return AKAAnswer{}, mac
		}
		return sim(ch), nil
	}}
	c := NewClient(ClientConfig{Users: []User{user}})
	require.NoError(t, c.Respond(m))
	require.Equal(t, AKAv2MD5, only(t, c).Algorithm)
	c = NewClient(ClientConfig{Users: []User{user}, Algorithms: []string{AKAv1MD5}})
	require.NoError(t, c.Respond(m))
	require.Equal(t, AKAv1MD5, only(t, c).Algorithm)
	c = NewClient(ClientConfig{Users: []User{{Username: "a", Password: "p"}}})
	require.NoError(t, c.Respond(m))
	require.Equal(t, MD5, only(t, c).Algorithm)

	fail = true
	only2, err := response(t, "401").Edit(WWWAuthenticate.Set(v2))
	require.NoError(t, err)
	c = NewClient(ClientConfig{Users: []User{user}})
	err = c.Respond(only2)
	require.ErrorIs(t, err, ErrNoCredentials)
	require.ErrorIs(t, err, mac, "the network is not ours")
	bad := v2
	bad.Nonce = "c2hvcnQ="
	short, err := response(t, "401").Edit(WWWAuthenticate.Set(bad))
	require.NoError(t, err)
	require.ErrorIs(t, c.Respond(short), ErrNoChallenge)
	c = NewClient(ClientConfig{Users: []User{{Username: "a", AKA: user.AKA}}})
	plain, err := response(t, "401").Edit(WWWAuthenticate.Set(md5))
	require.NoError(t, err)
	require.ErrorIs(t, c.Respond(plain), ErrNoCredentials, "no password")
	_, ok := AKAPassword(MD5, AKAAnswer{})
	require.False(t, ok)
	_, err = NewVerifier(VerifierConfig{Realm: "a", Algorithms: []string{AKAv1MD5}, Lookup: func(string, string) (User, bool) { return User{}, false }})
	require.Error(t, err)
	require.NotContains(t, fmt.Sprintf("%v %+v %x", sim(ch), sim(ch), sim(ch)), "iiii")
	require.False(t, Credentials{Scheme: "Bearer"}.Matches(User{}, "x", ""))
}

// The password of AKAv2 against the definition, computed another way.
func TestAKAv2Password(t *testing.T) {
	got, ok := AKAPassword(AKAv2MD5, AKAAnswer{RES: []byte("res"), IK: []byte("ik"), CK: []byte("ck")})
	require.True(t, ok)
	require.Equal(t, "2T/BEhjdAJGorntWjgD0dQ==", got)
}
