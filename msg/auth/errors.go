package auth

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/gosofia/sofia/msg"
)

// Conditions to test for with errors.Is. What Client and Verifier return wraps
// them in an [*Error].
var (
	// ErrNoCredentials means, from [Client.Respond], that no user is configured
	// for any realm that challenged; from [Verifier.Verify], that the request
	// carries no digest credentials for the realm: challenge it.
	ErrNoCredentials = errors.New("no credentials for the realm; configure a User for it")

	// ErrRefused means that the peer refused credentials again that are no
	// older than its own challenge, or that [ClientConfig.MaxTries] is used
	// up. Trying again would not help (RFC 3261 section 22.1).
	ErrRefused = errors.New("credentials refused; check user name and password")

	// ErrNoChallenge means that a response has no challenge that can be
	// answered: none at all, none of the Digest scheme, or none with an
	// algorithm and qop that are known and allowed.
	ErrNoChallenge = errors.New("no challenge that can be answered; the server must offer Digest with a known algorithm")

	// ErrMalformed means that credentials for the realm lack a parameter or
	// break the grammar: answer 400 (RFC 7616 section 3.4).
	ErrMalformed = errors.New("malformed credentials; answer 400")

	// ErrUnknownNonce means that the nonce is none of the verifier's: challenge
	// again, not as stale.
	ErrUnknownNonce = errors.New("nonce was not made by this verifier; challenge again")

	// ErrWrong means that the user is unknown or the response does not fit:
	// challenge again, not as stale, or answer 403.
	ErrWrong = errors.New("unknown user or wrong password")

	// ErrStale means that the response fits but its nonce is too old: challenge
	// again as stale.
	ErrStale = errors.New("nonce is too old; challenge again with stale=true")

	// ErrUnproven means that a response holds no proof that the server knows the
	// secret: none at all, or not for the last request.
	ErrUnproven = errors.New("server did not prove that it knows the secret")

	// ErrFalseProof means that the proof in a response is wrong: whoever sent it
	// does not know the secret, or the body was changed.
	ErrFalseProof = errors.New("proof of the server is wrong; do not trust the response")

	// ErrReplay means that the response fits but its nonce count was used
	// before: challenge again as stale, so that an honest client goes on with
	// a new nonce.
	ErrReplay = errors.New("nonce count was used before; challenge again with stale=true")
)

// Stale reports whether err, from [Verifier.Verify], calls for a challenge
// with stale=true: the user proved to know the password, only the nonce is
// spent.
func Stale(err error) bool { return errors.Is(err, ErrStale) || errors.Is(err, ErrReplay) }

// Error says for which realm authentication failed, and why. It never holds a
// secret.
type Error struct {
	Op    string // "respond", "setters", "proof", "verifier" or "verify"
	Realm string // "" if no one realm is concerned
	Err   error  // one of the conditions of this package, or what lies below
}

// Error returns operation, realm and reason.
func (e *Error) Error() string {
	if e.Realm == "" {
		return "auth: " + e.Op + ": " + e.Err.Error()
	}
	realm := e.Realm
	if len(realm) > 80 {
		realm = realm[:80] + "…"
	}
	return "auth: " + e.Op + ": realm " + strconv.Quote(realm) + ": " + e.Err.Error()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// syntax returns a grammar error; why says what is wrong and holds no value
// from the header.
func syntax(why string) error { return fmt.Errorf("%w: %s", msg.ErrSyntax, why) }

// unwritable returns the error of a value that no header can carry.
func unwritable(what string) error {
	return fmt.Errorf("%w: %s", msg.ErrValue, what)
}
