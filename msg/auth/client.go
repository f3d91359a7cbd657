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
	picks, missing, err := c.pick(m, known)
	if err != nil {
		return err
	}
	if len(picks) == 0 {
		if missing != "" {
			return &Error{Op: "respond", Realm: missing, Err: ErrNoCredentials}
		}
		return &Error{Op: "respond", Err: ErrNoChallenge}
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

// pick is what one space is going to be answered with.
type pick struct {
	*session
	stale bool
}

// pick chooses among the challenges of m. missing is a realm that could be
// answered if there were a user for it.
func (c *Client) pick(m *msg.Message, known bool) (picks []pick, missing string, err error) {
	for _, proxy := range [...]bool{m.Status() == 407, m.Status() != 407} { // a forking proxy sends both (RFC 8760 section 2.5)
		n := 0
		for ch, err := range challengeHeader(proxy).All(m) {
			if n++; n > maxChallenges {
				break
			}
			if err != nil || ch.Scheme != schemeDigest || len(ch.Realm)+len(ch.Nonce)+len(ch.Opaque) > maxText {
				continue
			}
			sp := space{proxy, ch.Realm}
			if slices.ContainsFunc(picks, func(p pick) bool { return p.space == sp }) {
				continue // topmost wins
			}
			alg, ok := findAlgorithm(ch.Algorithm)
			if !ok || !c.allows(alg) {
				continue // RFC 7616 section 3.3: ignore, use a different one
			}
			qop, ok := c.qop(ch, alg)
			if !ok {
				continue
			}
			user, ok := c.user(sp, known)
			ha1, usable := user.key(alg, ch.Realm)
			if !ok || !usable {
				missing = ch.Realm
				continue
			}
			s := &session{
				space: space{proxy, strings.Clone(ch.Realm)}, username: user.Username, ha1: ha1,
				alg: alg, algName: strings.Clone(ch.Algorithm), qop: qop,
				nonce: strings.Clone(ch.Nonce), opaque: strings.Clone(ch.Opaque), emptyOpaque: ch.emptyOpaque,
			}
			if ch.UserHash { // RFC 7616 section 3.4.4
				s.username, s.userHash = alg.hash(user.Username, ch.Realm), true
			}
			picks = append(picks, pick{s, ch.Stale})
		}
	}
	return picks, missing, nil
}

func (c *Client) allows(a algorithm) bool {
	return c.algorithms == nil || slices.ContainsFunc(c.algorithms, func(b algorithm) bool { return a.name == b.name })
}

// qop chooses the quality of protection; unknown ones are ignored (RFC 7616
// section 3.3). Without any, that of RFC 2069 is used, which has no cnonce, and
// so cannot go with a -sess algorithm (RFC 3261 section 22.4 item 8).
func (c *Client) qop(ch Challenge, alg algorithm) (qop string, ok bool) {
	first, second := QOPAuth, QOPAuthInt
	if c.cfg.PreferIntegrity {
		first, second = second, first
	}
	switch {
	case ch.QOP == "":
		return "", !alg.session
	case ch.Offers(first):
		return first, true
	}
	return second, ch.Offers(second)
}

// user finds who to be in a space. Users that name the realm go before the
// others.
func (c *Client) user(sp space, known bool) (User, bool) {
	for _, u := range c.cfg.Users {
		if u.Realm != "" && u.Realm == sp.realm {
			return u, true
		}
	}
	known = known && !c.answered(sp)
	if c.cfg.Lookup != nil {
		if u, ok := c.cfg.Lookup(sp.realm); ok && (!known || u.Realm == sp.realm) {
			return u, true
		}
	}
	if known {
		return User{}, false
	}
	for _, u := range c.cfg.Users {
		if u.Realm == "" {
			return u, true
		}
	}
	return User{}, false
}

func (c *Client) answered(sp space) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session(sp) >= 0
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
			if s := c.informed(proxy, info); s != nil && proves(s, info, m.Body()) && info.NextNonce != s.nonce {
				s.nonce, s.nc = strings.Clone(info.NextNonce), 0
			}
		}
	}
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
