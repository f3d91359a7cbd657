package auth

import (
	"errors"
	"slices"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// pick is what one space is going to be answered with.
type pick struct {
	*session
	stale bool // the answer before it need not have been wrong
}

// Reasons why a challenge is not answered.
var (
	errSkip = errors.New("challenge of another kind")
	errKeep = errors.New("token refused")
)

// pick chooses among the challenges of m, the topmost that can be answered for
// each realm (RFC 8760 section 2.4). If there is none, reason says why.
func (c *Client) pick(m *msg.Message, known bool) (picks []pick, reason error) {
	reason = &Error{Op: "respond", Err: ErrNoChallenge}
	for _, proxy := range [...]bool{m.Status() == 407, m.Status() != 407} { // a forking proxy sends both (RFC 8760 section 2.5)
		n := 0
		for ch, err := range challengeHeader(proxy).All(m) {
			if n++; n > maxChallenges {
				break
			}
			sp := space{proxy, ch.Realm}
			if err != nil || len(ch.Realm)+len(ch.Nonce)+len(ch.Opaque) > maxText ||
				slices.ContainsFunc(picks, func(p pick) bool { return p.space == sp }) {
				continue
			}
			var p pick
			switch {
			case ch.Scheme == schemeDigest:
				p, err = c.digest(m, ch, sp, known)
			case scan.EqualFold(ch.Scheme, schemeBearer):
				p, err = c.bearer(ch, sp, known)
			default:
				err = errSkip
			}
			switch {
			case err == nil:
				picks = append(picks, p)
			case err == errKeep:
				c.forget(sp)
				reason = &Error{Op: "respond", Realm: ch.Realm, Err: ErrRefused}
			case err != errSkip:
				reason = &Error{Op: "respond", Realm: ch.Realm, Err: err}
			}
		}
	}
	return picks, reason
}

// digest answers a challenge of the Digest scheme.
func (c *Client) digest(m *msg.Message, ch Challenge, sp space, known bool) (pick, error) {
	alg, ok := findAlgorithm(ch.Algorithm)
	if !ok || !c.allows(alg) {
		return pick{}, errSkip // RFC 7616 section 3.3: ignore, use a different one
	}
	if alg.aka == 1 && offersAKAv2(m, sp) && c.allows(algorithm{name: AKAv2MD5}) {
		return pick{}, errSkip // RFC 4169 section 4.1: AKAv2 must be chosen
	}
	qop, ok := c.qop(ch, alg)
	if !ok {
		return pick{}, errSkip
	}
	user, ok := c.user(sp, known)
	switch {
	case !ok:
		return pick{}, ErrNoCredentials
	case alg.aka != 0 && user.AKA == nil:
		return pick{}, errSkip
	}
	s := &session{
		space: space{sp.proxy, strings.Clone(ch.Realm)}, username: user.Username,
		alg: alg, algName: strings.Clone(ch.Algorithm), qop: qop,
		nonce: strings.Clone(ch.Nonce), opaque: strings.Clone(ch.Opaque), emptyOpaque: ch.emptyOpaque,
	}
	stale := ch.Stale
	if alg.aka != 0 {
		synchronising, err := c.aka(s, user)
		if err != nil {
			return pick{}, err
		}
		stale = stale || synchronising
	} else if s.ha1, ok = user.key(alg, ch.Realm); !ok {
		return pick{}, ErrNoCredentials
	}
	switch {
	case ch.UserHash: // RFC 7616 section 3.4.4
		s.username, s.userHash = alg.hash(user.Username, ch.Realm), true
	case scan.EqualFold(ch.Charset, "UTF-8"): // who says so knows RFC 7616
		s.extended = !ascii(user.Username)
	}
	return pick{s, stale}, nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// bearer answers a challenge of the Bearer scheme (RFC 8898 section 2.1).
func (c *Client) bearer(ch Challenge, sp space, known bool) (pick, error) {
	if c.cfg.Token == nil || known && !c.answered(sp) {
		return pick{}, errSkip
	}
	token, ok := c.cfg.Token(ch)
	if !ok || token == "" || token68(token, 0) != len(token) {
		return pick{}, ErrNoCredentials
	}
	old := c.tokenOf(sp)
	if e, _ := ch.Params.Get("error"); old == token && e != "" { // RFC 6750 section 3.1: refused already
		return pick{}, errKeep
	}
	s := &session{space: space{sp.proxy, strings.Clone(ch.Realm)}, token: strings.Clone(token)}
	return pick{s, old != "" && old != token}, nil
}

func (c *Client) forget(sp space) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.session(sp); i >= 0 {
		c.sessions = slices.Delete(c.sessions, i, i+1)
	}
}

func (c *Client) tokenOf(sp space) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.session(sp); i >= 0 {
		return c.sessions[i].token
	}
	return ""
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
