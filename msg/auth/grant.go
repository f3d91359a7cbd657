package auth

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Grant is what [Verifier.Grant] found out about a request. Printing it shows
// the user only.
type Grant struct {
	Username string // who sent the request

	v     *Verifier // nil for a token
	p     proof
	old   bool // the nonce is to be replaced
	proxy bool
}

// Info returns the Authentication-Info (or Proxy-Authentication-Info) for the
// answer to the request, whose body is given: the proof that the server knows
// the secret too, rspauth, and a new nonce when the old one will soon be stale
// (RFC 7616 section 3.5). It changes nothing where there is nothing to say: for
// a token, or an answer of RFC 2069 with a young nonce.
func (g Grant) Info(body string) msg.Setter {
	if g.v == nil {
		return msg.Setter{}
	}
	var info Info
	if g.p.qop != "" {
		info = Info{QOP: g.p.qop, RSPAuth: g.p.response("", body), CNonce: g.p.cnonce, NC: g.p.nc}
	}
	if g.old {
		nonce, err := g.v.nonce()
		if err != nil {
			return msg.Fail(&Error{Op: "verify", Realm: g.v.cfg.Realm, Err: err})
		}
		info.NextNonce = nonce
	}
	if info == (Info{}) {
		return msg.Setter{}
	}
	return infoHeader(g.proxy).Set(info)
}

// String returns the user.
func (g Grant) String() string { return fmt.Sprintf("granted to %q", g.Username) }

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(g.String())) }

// BearerConfig is how a [Verifier] takes access tokens (RFC 8898).
type BearerConfig struct {
	// AuthzServer is the https URI of the authorization server that clients get
	// their tokens from. It must be set.
	AuthzServer string
	// Scope is the least scope of a token, space-separated. "": none is named.
	Scope string
	// Verify checks a token and returns whose it is. It may block and must be
	// safe for concurrent use. It must be set.
	Verify func(token, realm string) (username string, err error)
}

func (b *BearerConfig) check() error {
	switch {
	case !scan.HasPrefixFold(b.AuthzServer, "https://") || strings.ContainsAny(b.AuthzServer, `"\ `) || scan.HasControl(b.AuthzServer):
		return errors.New("set BearerConfig.AuthzServer to an https URI")
	case scan.HasControl(b.Scope):
		return errors.New("BearerConfig.Scope holds control characters")
	case b.Verify == nil:
		return errors.New("set BearerConfig.Verify")
	}
	return nil
}

// challenge makes the challenge of RFC 8898 section 4.
func (b *BearerConfig) challenge(realm string) Challenge {
	p := Params("").With("authz_server", b.AuthzServer)
	if b.Scope != "" {
		p = p.add(&pair{name: "scope", value: b.Scope, quoted: true})
	}
	return Challenge{Scheme: schemeBearer, Realm: realm, Params: p}
}

func (b *BearerConfig) verify(c Credentials, realm string) (string, error) {
	if c.Token == "" {
		return "", ErrMalformed
	}
	name, err := b.Verify(c.Token, realm)
	if err != nil {
		return "", ErrWrong
	}
	return name, nil
}
