package auth

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// ErrSynchronise is what [User].AKA returns when the sequence number in AUTN is
// out of range: the AUTS of the [AKAAnswer] then asks the server to synchronise
// (RFC 3310 section 3.4).
var ErrSynchronise = errors.New("AKA sequence number out of range; synchronise with AUTS")

// AKAChallenge is what a server asks with Digest AKA.
type AKAChallenge struct {
	Realm string   // of the challenge
	RAND  [16]byte // random challenge
	AUTN  [16]byte // authentication token of the network
	Data  []byte   // what the server added
}

// AKAAnswer is what the USIM or ISIM computes.
type AKAAnswer struct {
	RES  []byte // response
	IK   []byte // integrity key, 16 octets; used by AKAv2
	CK   []byte // cipher key, 16 octets; used by AKAv2
	AUTS []byte // 14 octets, with ErrSynchronise
}

// Format implements [fmt.Formatter]: no verb prints a key.
func (AKAAnswer) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("AKA answer")) }

// AKANonce returns the nonce of a Digest AKA challenge (RFC 3310 section 3.2).
func AKANonce(c AKAChallenge) string {
	b := append(append(append([]byte{}, c.RAND[:]...), c.AUTN[:]...), c.Data...)
	return base64.StdEncoding.EncodeToString(b)
}

// parseAKANonce reads a nonce of Digest AKA.
//
//	aka-nonce-value = <base64 encoding of RAND, AUTN, and server specific data>
func parseAKANonce(realm, nonce string) (c AKAChallenge, ok bool) {
	b, err := base64.StdEncoding.DecodeString(nonce)
	if err != nil {
		b, err = base64.RawStdEncoding.DecodeString(nonce)
	}
	if err != nil || len(b) < 32 || strings.ContainsAny(nonce, "\r\n") {
		return c, false
	}
	c.Realm, c.Data = realm, b[32:]
	copy(c.RAND[:], b)
	copy(c.AUTN[:], b[16:])
	return c, true
}

// AKAPassword returns the password that Digest AKA computes its response with:
// for AKAv1 the RES (RFC 3310 section 3.3), for AKAv2 what RFC 4169 section 3
// derives from it and the keys. A server gives its expected response, XRES, for
// RES and puts the result into a [User] for [Credentials.Matches]. ok is false
// if algorithm is none of Digest AKA.
func AKAPassword(algorithm string, a AKAAnswer) (password string, ok bool) {
	alg, ok := findAlgorithm(algorithm)
	switch {
	case !ok || alg.aka == 0:
		return "", false
	case alg.aka == 1:
		return string(a.RES), true
	}
	f := map[string]func() hash.Hash{MD5: md5.New, SHA256: sha256.New, SHA512_256: sha512.New512_256}[alg.base]
	h := hmac.New(f, append(append(append([]byte{}, a.RES...), a.IK...), a.CK...))
	h.Write([]byte("http-digest-akav2-password"))
	return base64.StdEncoding.EncodeToString(h.Sum(nil)), true
}

// aka has the user answer the challenge of s, unless it did for the same nonce.
// synchronising tells that the last answer asked for it, so that another
// challenge is what was wanted.
func (c *Client) aka(s *session, user User) (synchronising bool, err error) {
	c.mu.Lock()
	if i := c.session(s.space); i >= 0 {
		old := c.sessions[i]
		synchronising = old.auts != ""
		if old.nonce == s.nonce && old.alg.name == s.alg.name && !synchronising {
			s.ha1 = old.ha1
		}
	}
	c.mu.Unlock()
	if s.ha1 != "" {
		return false, nil
	}
	ch, ok := parseAKANonce(s.realm, s.nonce)
	if !ok {
		return false, errSkip
	}
	a, err := user.AKA(ch) // no lock held
	switch {
	case errors.Is(err, ErrSynchronise) && len(a.AUTS) > 0 && !synchronising:
		s.auts = base64.StdEncoding.EncodeToString(a.AUTS)
		s.ha1 = s.alg.ha1(user.Username, s.realm, "") // RFC 3310 section 3.4
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrNoCredentials, err)
	}
	password, _ := AKAPassword(s.alg.name, a)
	s.ha1 = s.alg.ha1(user.Username, s.realm, password)
	return synchronising, nil
}

// offersAKAv2 reports whether m challenges the space with AKAv2, too.
func offersAKAv2(m *msg.Message, sp space) bool {
	n := 0
	for ch, err := range challengeHeader(sp.proxy).All(m) {
		if n++; n > maxChallenges {
			break
		}
		if alg, ok := findAlgorithm(ch.Algorithm); err == nil && ok && alg.aka == 2 && ch.Scheme == schemeDigest && ch.Realm == sp.realm {
			return true
		}
	}
	return false
}

// Matches reports whether c is the answer of a user to a request with the given
// method and body: whether the response fits, compared in constant time. It
// looks at nothing else: that the nonce is good and new, and that c.URI is that
// of the request, the caller has to know. It is for servers whose nonces are
// not a [Verifier]'s, such as those of Digest AKA, whose User has the password
// of [AKAPassword], or none if c has the parameter auts.
func (c Credentials) Matches(u User, method, body string) bool {
	alg, ok := findAlgorithm(c.Algorithm)
	if !ok || c.Scheme != schemeDigest {
		return false
	}
	ha1, usable := u.key(alg, c.Realm)
	name := u.Username
	if c.UserHash {
		name = alg.hash(u.Username, c.Realm)
	}
	p := proof{alg: alg, key: alg.sessionKey(ha1, c.Nonce, c.CNonce), nonce: c.Nonce, cnonce: c.CNonce, qop: c.QOP, uri: c.URI, nc: c.NC}
	same := subtle.ConstantTimeCompare([]byte(p.response(method, body)), []byte(strings.ToLower(c.Response))) == 1
	return same && usable && (name == c.Username || c.UserHash && scan.EqualFold(name, c.Username))
}
