package auth

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Defaults and fixed limits of the client.
const (
	DefaultMaxTries  = 2
	DefaultMaxRealms = 8

	maxChallenges = 32   // read in one response
	maxText       = 4096 // octets of realm, nonce and opaque together
	maxAttempts   = 64   // requests whose tries are counted at the same time

	abandoned = 10 * time.Second // after which a request that skips a CSeq is another one
)

// ClientConfig sets up a [Client]. It is read once, by [NewClient].
type ClientConfig struct {
	// Users are looked at in order; the first whose realm fits is taken.
	Users []User

	// Lookup is asked for realms that no one of Users names. It may block and
	// must be safe for concurrent use.
	Lookup func(realm string) (User, bool)

	// Token is asked for the access token that answers a challenge of the Bearer
	// scheme (RFC 8898), which names the authorization server in the parameter
	// authz_server, and the scope. It is called for each such challenge, again
	// when a token is refused, and returns false if it has none, or none newer. It
	// decides which authorization servers and realms it trusts, and must not give
	// a token that others could read to a request that goes out unprotected. It
	// may block and must be safe for concurrent use. nil: Bearer is not answered.
	Token func(Challenge) (token string, ok bool)

	// Algorithms restricts the algorithms that are answered. nil: all known
	// ones. Leaving out MD5 guards against a downgrade by somebody on the path
	// (RFC 8760 section 3).
	Algorithms []string

	// PreferIntegrity takes auth-int where the server offers auth too. By
	// default auth goes first, because bodies are changed on the way by many
	// middle boxes.
	PreferIntegrity bool

	// MaxTries is how often one request is answered for one realm. 0: 2;
	// negative: no limit while the server says stale=true.
	MaxTries int

	// MaxRealms is how many realms are remembered; the oldest goes. 0: 8.
	MaxRealms int

	// Rand is the source of cnonces. nil: crypto/rand.
	Rand io.Reader
}

// Client answers challenges and remembers them for later requests. It is safe
// for concurrent use. Make it with [NewClient].
//
// It counts tries per request, and takes for one request what has the same
// Call-ID and CSeq method (in HTTP, what follows one another): give it requests
// of one dialog that do not overlap, or of different ones that may.
type Client struct {
	cfg        ClientConfig
	algorithms []algorithm // allowed; nil: all
	seed       maphash.Seed

	mu       sync.Mutex // never held in user code
	sessions []*session // oldest first
	attempts []attempt  // oldest first
}

// NewClient makes a client.
func NewClient(cfg ClientConfig) *Client {
	c := &Client{cfg: cfg, seed: maphash.MakeSeed()}
	c.cfg.Users = slices.Clone(cfg.Users)
	if cfg.MaxTries == 0 {
		c.cfg.MaxTries = DefaultMaxTries
	}
	if cfg.MaxRealms <= 0 {
		c.cfg.MaxRealms = DefaultMaxRealms
	}
	if cfg.Rand == nil {
		c.cfg.Rand = rand.Reader
	}
	if cfg.Algorithms != nil {
		c.algorithms = []algorithm{}
	}
	for _, name := range cfg.Algorithms {
		if a, ok := findAlgorithm(name); ok {
			c.algorithms = append(c.algorithms, a)
		}
	}
	return c
}

// Respond takes the challenges of a 401 or 407 response. For every realm with
// a user it takes the topmost challenge it can answer (RFC 8760 section 2.4);
// others are ignored. nil means that the request is worth sending again with
// [Client.Setters]. Else the error is an [*Error]: ErrNoChallenge,
// ErrNoCredentials, or ErrRefused, after which the realm is forgotten.
func (c *Client) Respond(resp msg.Source) error { return c.respond(resp, false) }

// RespondKnown is Respond for realms that a User names, be it one of Users or
// from Lookup, or that this client has answered before, and no others: a peer cannot make up a realm to get a hash of
// the password. Use it in a dialog that the peer began.
func (c *Client) RespondKnown(resp msg.Source) error { return c.respond(resp, true) }

func (c *Client) respond(resp msg.Source, known bool) error {
	m := resp.Msg()
	if s := m.Status(); s != 401 && s != 407 {
		return &Error{Op: "respond", Err: ErrNoChallenge}
	}
	picks, reason := c.pick(m, known)
	if len(picks) == 0 {
		return reason
	}
	request, seq := c.request(m)
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	answered := 0
	for _, p := range picks {
		if c.try(attempt{request: request, space: p.space, seq: seq, at: now}, p.stale) {
			c.store(p.session)
			answered++
		}
	}
	if answered == 0 {
		return &Error{Op: "respond", Realm: picks[0].realm, Err: ErrRefused}
	}
	return nil
}

// request names the request that a response answers: retries keep Call-ID and
// method, and raise CSeq by one (RFC 3261 section 22.2).
func (c *Client) request(m *msg.Message) (key uint64, seq uint64) {
	var h maphash.Hash
	h.SetSeed(c.seed)
	for v := range m.Values("Call-ID") {
		_, _ = h.WriteString(v)
		break
	}
	_ = h.WriteByte(0)
	for v := range m.Values("CSeq") {
		seq, _, _ = scan.Uint(v[:scan.Digits(v, 0)], math.MaxUint32)
		_, _ = h.WriteString(v[strings.LastIndexAny(v, " \t")+1:])
		break
	}
	return h.Sum64(), seq
}

// Setters returns what adds credentials for every remembered realm to a request:
// they replace Authorization and Proxy-Authorization fields of an earlier try.
// method, uri and body are those of the request as it is sent; uri is the
// Request-URI, octet for octet. Each call uses up one nonce count, so call it
// once for each request sent, retransmissions aside. There are none before the
// first challenge, and none for ACK and CANCEL (RFC 3261 section 22.1). The
// error, an [*Error], is that of [ClientConfig.Rand].
func (c *Client) Setters(method, uri, body string) ([]msg.Setter, error) {
	if method == "ACK" || method == "CANCEL" {
		return nil, nil
	}
	if !c.challenged() {
		return nil, nil
	}
	var cnonce [16]byte
	if _, err := io.ReadFull(c.cfg.Rand, cnonce[:]); err != nil {
		return nil, &Error{Op: "setters", Err: fmt.Errorf("no cnonce: %w", err)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var creds [2][]Credentials // for servers, for proxies
	for _, s := range c.sessions {
		if s.nc == math.MaxUint32 {
			continue // the nonce is used up: the server has to challenge again
		}
		v := s.answer(hex.EncodeToString(cnonce[:]), method, uri, body)
		cnonce[len(cnonce)-1]++ // another one for each realm
		kind := &creds[0]
		if s.proxy {
			kind = &creds[1]
		}
		*kind = append(*kind, v)
	}
	var set []msg.Setter
	for i, v := range creds {
		if len(v) > 0 {
			set = append(set, credentialsHeader(i == 1).Set(v...))
		}
	}
	return set, nil
}

func (c *Client) challenged() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sessions) > 0
}

// Done takes a final response that is neither 401 nor 407: the request is over,
// so that the next one has its own tries, and a nextnonce is used from now on
// (RFC 7616 section 3.5), unless the response claims to prove the secret and
// fails. Provisional responses, 401 and 407 are ignored.
func (c *Client) Done(resp msg.Source) {
	m := resp.Msg()
	if s := m.Status(); s < 200 || s == 401 || s == 407 {
		return
	}
	request, _ := c.request(m)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts = slices.DeleteFunc(c.attempts, func(a attempt) bool { return a.request == request })
	for _, proxy := range [...]bool{false, true} {
		for info, err := range infoHeader(proxy).All(m) {
			if err != nil || info.NextNonce == "" || len(info.NextNonce) > maxText {
				continue
			}
			if s := c.informed(proxy, info); s != nil && s.alg.aka == 0 && proves(s, info, m.Body()) && info.NextNonce != s.nonce {
				s.nonce, s.nc = strings.Clone(info.NextNonce), 0
			}
		}
	}
}

// Proof checks the rspauth of a response, by which the server proves that it
// knows the secret too (RFC 7616 section 3.5). Call it before the next request
// is sent to the same realm. It returns nil if one is there and right, ErrUnproven
// if none is there for the last request, and ErrFalseProof if one is wrong, each
// in an [*Error].
func (c *Client) Proof(resp msg.Source) error {
	m := resp.Msg()
	c.mu.Lock()
	defer c.mu.Unlock()
	reason := ErrUnproven
	for _, proxy := range [...]bool{false, true} {
		for info, err := range infoHeader(proxy).All(m) {
			if err != nil || info.RSPAuth == "" {
				continue
			}
			s := c.informed(proxy, info)
			if s == nil || s.last.qop == "" || info.NC != s.last.nc || info.CNonce != s.last.cnonce || info.QOP != s.last.qop {
				continue
			}
			if !proves(s, info, m.Body()) {
				return &Error{Op: "proof", Realm: s.realm, Err: ErrFalseProof}
			}
			reason = nil
		}
	}
	if reason != nil {
		return &Error{Op: "proof", Err: reason}
	}
	return nil
}

// Forget drops all nonces and counts: for another server, or other users behind
// Lookup. Credentials must not go to a server that a redirection names unless it
// challenges with a realm of its own.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions, c.attempts = nil, nil
}

// String returns how many realms are remembered.
func (c *Client) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("auth.Client with %d realms", len(c.sessions))
}

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
