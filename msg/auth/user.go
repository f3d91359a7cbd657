package auth

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// User is who somebody is in a realm, and the secret that proves it. Printing
// and logging a User shows name and realm only.
type User struct {
	// Realm is the protection space the user belongs to. "" lets a [Client]
	// answer any realm: whoever can challenge it then gets a hash to guess the
	// password from, so name the realm where it is known.
	Realm string

	// Username is the name in the realm, in plain UTF-8.
	Username string

	// Password is the secret in plain text. Where it should not be kept, HA1
	// goes in its place.
	Password string

	// HA1 holds, by name of algorithm without -sess, the hash of
	// "username:realm:password" in hex. It goes before Password. If it is set
	// and Password is not, only the algorithms in it can be used.
	HA1 map[string]string

	// AKA answers challenges of Digest AKA (RFC 3310, RFC 4169), with the help of
	// a USIM or ISIM. A [Client] calls it once for every new nonce; it may block.
	// A User with AKA and neither Password nor HA1 answers no other challenges.
	AKA func(AKAChallenge) (AKAAnswer, error)
}

// key returns H(A1) without session for one algorithm; ok is false if User does
// not have it. It always hashes once, so that the time it takes does not tell
// how the secret is kept.
func (u User) key(a algorithm, realm string) (ha1 string, ok bool) {
	ha1 = a.ha1(u.Username, realm, u.Password)
	for name, h := range u.HA1 {
		if scan.EqualFold(name, a.base) {
			return strings.ToLower(h), len(h) == a.size
		}
	}
	return ha1, u.Password != "" || len(u.HA1) == 0 && u.AKA == nil
}

// String returns name and realm.
func (u User) String() string { return fmt.Sprintf("user %q in realm %q", u.Username, u.Realm) }

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (u User) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(u.String())) }

// LogValue implements [slog.LogValuer].
func (u User) LogValue() slog.Value {
	return slog.GroupValue(slog.String("username", u.Username), slog.String("realm", u.Realm))
}
