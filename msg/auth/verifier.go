package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Defaults of [VerifierConfig], and fixed limits of the verifier.
const (
	DefaultNonceLife = 300 * time.Second
	DefaultMaxNonces = 16384

	minSecret      = 16              // octets
	maxCredentials = 4               // tried for the realm in one request
	skew           = 5 * time.Second // how far ahead the clock of another verifier with our secret may be
)

// VerifierConfig sets up a [Verifier]. It is read once, by [NewVerifier].
// Printing it shows the realm only.
type VerifierConfig struct {
	// Realm is the protection space. It should be globally unique, as a host
	// name is (RFC 3261 section 22.1), and is shown to users. It must be set.
	Realm string

	// Algorithms are offered and accepted, the preferred first, one challenge
	// each. nil: SHA-256, then MD5 for clients that know no other.
	Algorithms []string

	// QOP is what is offered and accepted: "auth", "auth-int". nil: auth.
	QOP []string

	// RequireQOP refuses the answers of RFC 2069, which have no nonce count.
	// By default they are accepted, each nonce once (RFC 3261 section 22.4).
	RequireQOP bool

	// Secret is the key of nonces, at least 16 octets. nil: a random one.
	// Verifiers that share it take each other's nonces, but do not know which
	// nonce counts the others have seen; after a restart nonces made before are
	// answered as stale.
	Secret []byte

	// NonceLife is how long a nonce can be used. 0: 300 s.
	NonceLife time.Duration

	// MaxNonces is how many nonces in use are remembered; when there are more,
	// the oldest becomes stale. 0: 16,384. About 150 octets each.
	MaxNonces int

	// Lookup finds the user of a name and a realm. Its User may leave out
	// Username and Realm. It may block, must be safe for concurrent use and
	// should take as long for an unknown name as for a known one. It must be
	// set. It is called only for requests with a nonce of this verifier.
	Lookup func(username, realm string) (User, bool)

	// LookupHash finds the user whose hashed name, made with the algorithm of
	// that name without -sess, is hash (RFC 7616 section 3.4.4); the User must
	// have its Username. nil: hashed names are neither asked for nor accepted.
	LookupHash func(algorithm, hash, realm string) (User, bool)

	// Bearer accepts access tokens too (RFC 8898), and offers it before Digest.
	// nil: it does not.
	Bearer *BearerConfig

	// UTF8 tells clients that user names are in UTF-8 (RFC 7616 section 4), which
	// lets them send names that are not ASCII as username*.
	UTF8 bool

	// OneNonce gives a new nonce with every answer that [Grant.Info] makes. By
	// default it does so from half of NonceLife on.
	OneNonce bool

	// CheckURI decides if credentials made for one URI are good for a request
	// with another Request-URI. nil: they are, as proxies in SIP change it (RFC
	// 8760 section 2.6 item 6). An HTTP server must compare (RFC 7616 section
	// 3.4.6). It is called only if the two differ.
	CheckURI func(credentials, request string) bool

	// Rand is the source of nonces and of the default Secret. nil: crypto/rand.
	Rand io.Reader

	// Now tells the time. nil: time.Now.
	Now func() time.Time
}

// String returns the realm.
func (c VerifierConfig) String() string { return fmt.Sprintf("verifier for realm %q", c.Realm) }

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (c VerifierConfig) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c VerifierConfig) LogValue() slog.Value { return slog.StringValue(c.String()) }

// Verifier makes challenges for one realm and checks the answers. It is safe
// for concurrent use. Make it with [NewVerifier].
type Verifier struct {
	cfg        VerifierConfig
	algorithms []algorithm
	start      time.Time // with its monotonic reading: a clock that is set does not age nonces
	dummy      string    // password of users who do not exist
	used       nonceTable
}

// NewVerifier makes a verifier. It fails, with an [*Error], if the configuration
// cannot work.
func NewVerifier(cfg VerifierConfig) (*Verifier, error) {
	v := &Verifier{cfg: cfg}
	c := &v.cfg
	if c.Algorithms == nil {
		c.Algorithms = []string{SHA256, MD5}
	}
	if c.QOP == nil {
		c.QOP = []string{QOPAuth}
	}
	c.QOP = slices.Clone(c.QOP)
	c.Secret = slices.Clone(c.Secret)
	if c.NonceLife == 0 {
		c.NonceLife = DefaultNonceLife
	}
	if c.MaxNonces == 0 {
		c.MaxNonces = DefaultMaxNonces
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := v.check(); err != nil {
		return nil, &Error{Op: "verifier", Realm: cfg.Realm, Err: err}
	}
	var b [64]byte
	if _, err := io.ReadFull(c.Rand, b[:]); err != nil {
		return nil, &Error{Op: "verifier", Realm: cfg.Realm, Err: err}
	}
	if c.Secret == nil {
		c.Secret = slices.Clone(b[:32])
	}
	v.dummy = hex.EncodeToString(b[32:])
	v.start = c.Now()
	v.used = nonceTable{
		max: c.MaxNonces, life: c.NonceLife, byID: make(map[nonceID]*usedNonce),
		floor: v.start.UnixNano() - 1, // what was made earlier may have been used: with a kept secret there is no telling
	}
	return v, nil
}

// check validates the configuration and fills in algorithms.
func (v *Verifier) check() error {
	c := &v.cfg
	switch {
	case c.Realm == "" || scan.HasControl(c.Realm):
		return errors.New("set VerifierConfig.Realm to a text without control characters")
	case c.Lookup == nil:
		return errors.New("set VerifierConfig.Lookup")
	case c.Secret != nil && len(c.Secret) < minSecret:
		return errors.New("VerifierConfig.Secret must have at least 16 octets")
	case c.NonceLife < 0 || c.MaxNonces < 0:
		return errors.New("VerifierConfig.NonceLife and MaxNonces cannot be turned off")
	case len(c.Algorithms) == 0 || len(c.QOP) == 0:
		return errors.New("VerifierConfig.Algorithms and QOP must name at least one each, or be nil")
	}
	if c.Bearer != nil {
		if err := c.Bearer.check(); err != nil {
			return err
		}
	}
	for _, name := range c.Algorithms {
		a, ok := findAlgorithm(name)
		if !ok || name == "" || a.aka != 0 {
			return fmt.Errorf("unknown algorithm %q in VerifierConfig.Algorithms", name)
		}
		if slices.ContainsFunc(v.algorithms, func(b algorithm) bool { return b.name == a.name }) {
			return fmt.Errorf("algorithm %q stands twice in VerifierConfig.Algorithms", name) // RFC 8760 section 2.3
		}
		v.algorithms = append(v.algorithms, a)
	}
	for _, q := range c.QOP {
		if q != QOPAuth && q != QOPAuthInt {
			return fmt.Errorf(`unknown qop %q in VerifierConfig.QOP; use "auth" and "auth-int"`, q)
		}
	}
	return nil
}

// now is the time in nanoseconds.
func (v *Verifier) now() int64 { return v.start.UnixNano() + int64(v.cfg.Now().Sub(v.start)) }

// Challenge returns the challenges for a 407 response, if proxy is true, or a
// 401: one for each algorithm in order of preference (RFC 8760 section 2.3), all
// with the same new nonce. stale tells the client that only its nonce was
// refused; see [Stale]. Nothing is kept. Using the setter fails if
// [VerifierConfig.Rand] did.
func (v *Verifier) Challenge(proxy, stale bool) msg.Setter {
	var list []Challenge
	if v.cfg.Bearer != nil {
		list = append(list, v.cfg.Bearer.challenge(v.cfg.Realm))
	}
	nonce, err := v.nonce()
	for _, a := range v.algorithms {
		c := Challenge{
			Scheme: schemeDigest, Realm: v.cfg.Realm, Nonce: nonce, Algorithm: a.name,
			QOP:   strings.Join(v.cfg.QOP, ","), // always: RFC 8760 section 2.6 item 8
			Stale: stale, UserHash: v.cfg.LookupHash != nil,
		}
		if v.cfg.UTF8 {
			c.Charset = "UTF-8"
		}
		if err != nil {
			c.Scheme = "" // cannot be written: the setter carries an error
		}
		list = append(list, c)
	}
	return challengeHeader(proxy).Set(list...)
}

func (v *Verifier) nonce() (string, error) {
	var id nonceID
	binary.BigEndian.PutUint64(id[:8], uint64(v.used.after(v.now())))
	if _, err := io.ReadFull(v.cfg.Rand, id[8:]); err != nil {
		return "", err
	}
	return makeNonce(v.cfg.Secret, v.cfg.Realm, id), nil
}

// Verify checks the credentials that a request carries for the realm: those in
// Proxy-Authorization if proxy is true, else in Authorization. It returns the
// name of the user, or an [*Error] with one of ErrNoCredentials, ErrMalformed,
// ErrUnknownNonce, ErrWrong, ErrStale and ErrReplay. A request that was
// verified once is a replay afterwards: verify when its transaction begins, not
// for retransmissions. The response is compared in constant time, and an
// unknown user costs as much as a wrong password.
func (v *Verifier) Verify(m msg.Source, proxy bool) (username string, err error) {
	g, err := v.Grant(m, proxy)
	return g.Username, err
}

// Grant is Verify with what the answer to the request needs, see [Grant.Info].
func (v *Verifier) Grant(m msg.Source, proxy bool) (Grant, error) {
	req := m.Msg()
	reason := ErrNoCredentials
	n := 0
	for c, err := range credentialsHeader(proxy).All(req) {
		if err != nil {
			reason = worst(reason, ErrMalformed)
			continue
		}
		if v.cfg.Bearer != nil && scan.EqualFold(c.Scheme, schemeBearer) {
			if n++; n > maxCredentials {
				break
			}
			name, err := v.cfg.Bearer.verify(c, v.cfg.Realm)
			if err == nil {
				return Grant{Username: name}, nil
			}
			reason = worst(reason, err)
			continue
		}
		if c.Scheme != schemeDigest || c.Realm != v.cfg.Realm { // RFC 3261 section 22.3: not ours to consume
			continue
		}
		if n++; n > maxCredentials {
			break
		}
		g, err := v.verify(c, req)
		if err == nil {
			g.proxy = proxy
			return g, nil
		}
		reason = worst(reason, err)
	}
	return Grant{}, &Error{Op: "verify", Realm: v.cfg.Realm, Err: reason}
}

// worst keeps the reason that says most when several credentials fail.
func worst(a, b error) error {
	order := [...]error{ErrNoCredentials, ErrMalformed, ErrUnknownNonce, ErrWrong, ErrReplay, ErrStale}
	if slices.Index(order[:], b) > slices.Index(order[:], a) {
		return b
	}
	return a
}

func (v *Verifier) verify(c Credentials, req *msg.Message) (Grant, error) {
	if c.Nonce == "" && c.Response == "" {
		return Grant{}, ErrNoCredentials // "not challenged yet", RFC 8760 section 2.7
	}
	if c.Username == "" || c.Nonce == "" || c.URI == "" || c.Response == "" ||
		c.QOP != "" && (c.CNonce == "" || c.NC == 0) { // RFC 7616 section 3.4
		return Grant{}, ErrMalformed
	}
	alg, ok := findAlgorithm(c.Algorithm)
	if !ok || !slices.ContainsFunc(v.algorithms, func(b algorithm) bool { return alg.name == b.name }) {
		return Grant{}, ErrWrong // not offered
	}
	switch {
	case c.QOP == "":
		if v.cfg.RequireQOP || alg.session { // RFC 3261 section 22.4 item 8
			return Grant{}, ErrWrong
		}
	case !slices.Contains(v.cfg.QOP, c.QOP):
		return Grant{}, ErrWrong
	}
	if c.URI != req.RequestURI() && v.cfg.CheckURI != nil && !v.cfg.CheckURI(c.URI, req.RequestURI()) {
		return Grant{}, ErrMalformed // RFC 7616 section 3.4.6: 400
	}
	id, ok := readNonce(v.cfg.Secret, v.cfg.Realm, c.Nonce)
	if !ok {
		return Grant{}, ErrUnknownNonce // before Lookup: a stranger costs one HMAC
	}
	user, known := v.lookup(c, alg)
	p := proof{alg: alg, nonce: c.Nonce, cnonce: c.CNonce, qop: c.QOP, uri: c.URI, nc: c.NC}
	ha1, usable := user.key(alg, v.cfg.Realm)
	key, good := v.compare(p, ha1, c, req, c.CNonce)
	if first, ok := v.used.first(id); ok && alg.session && !good && first != c.CNonce {
		key, good = v.compare(p, ha1, c, req, first) // cnonce-prime, RFC 7616 section 3.4.2
	}
	if !good || !known || !usable {
		return Grant{}, ErrWrong
	}
	now := v.now()
	if age := now - id.issued(); age > int64(v.cfg.NonceLife) || age < -int64(skew) {
		return Grant{}, ErrStale // only for who knows the password
	}
	if err := v.used.use(id, c.NC, c.QOP == "", c.CNonce, now); err != nil {
		return Grant{}, err
	}
	p.key = key
	p.nonce, p.cnonce, p.uri = strings.Clone(p.nonce), strings.Clone(p.cnonce), strings.Clone(p.uri)
	p.qop = strings.Clone(p.qop)
	old := v.cfg.OneNonce || now-id.issued() > int64(v.cfg.NonceLife/2)
	return Grant{Username: strings.Clone(user.Username), v: v, p: p, old: old}, nil
}

// compare tells if the response fits, with the key of the session made from cnonce.
func (v *Verifier) compare(p proof, ha1 string, c Credentials, req *msg.Message, cnonce string) (key string, good bool) {
	p.key = p.alg.sessionKey(ha1, c.Nonce, cnonce)
	want := p.response(req.Method(), req.Body())
	return p.key, subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) == 1
}

// lookup finds the user. Who does not exist gets a password nobody knows, so
// that the work that follows is the same.
func (v *Verifier) lookup(c Credentials, alg algorithm) (user User, known bool) {
	switch {
	case !c.UserHash:
		user, known = v.cfg.Lookup(c.Username, v.cfg.Realm)
		user.Username = c.Username
	case v.cfg.LookupHash != nil:
		user, known = v.cfg.LookupHash(alg.base, strings.ToLower(c.Username), v.cfg.Realm)
	}
	if !known {
		user = User{Username: c.Username, Password: v.dummy}
	}
	return user, known
}

// String returns the realm and how many nonces are remembered.
func (v *Verifier) String() string {
	return fmt.Sprintf("auth.Verifier for realm %q with %d nonces", v.cfg.Realm, v.used.len())
}

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (v *Verifier) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, v.String()) }

// LogValue implements [slog.LogValuer].
func (v *Verifier) LogValue() slog.Value { return slog.StringValue(v.String()) }
