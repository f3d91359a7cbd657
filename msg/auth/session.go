package auth

import (
	"slices"
	"strings"
	"time"
)

// space is a protection space: a realm, of servers or of proxies.
type space struct {
	proxy bool
	realm string
}

// session is the authentication session of RFC 7616 section 3.6.
type session struct {
	space
	username    string // as sent
	userHash    bool
	ha1         string // H(A1) without -sess
	alg         algorithm
	algName     string // as the challenge wrote it
	nonce       string
	opaque      string
	emptyOpaque bool
	qop         string
	extended    bool   // username goes as username*
	token       string // of the Bearer scheme; the fields of Digest are empty then
	auts        string // asks the server to synchronise (RFC 3310 section 3.4)
	nc          uint32 // of the last request with this nonce
	last        proof  // of that request; key and cnonce stay for a -sess algorithm
}

// attempt counts the answers to one request in one space.
type attempt struct {
	request uint64
	space   space
	tries   int
	seq     uint64    // CSeq of the request challenged last, 0 if there is none
	at      time.Time // when it was
}

// try counts an answer to a request in a space. If it must not be given, it
// forgets the space and returns false: a refusal that does not say stale means
// that the answer before it was wrong (RFC 3261 section 22.1).
func (c *Client) try(now attempt, stale bool) bool {
	i := slices.IndexFunc(c.attempts, func(a attempt) bool { return a.request == now.request && a.space == now.space })
	now.tries = 1
	if i < 0 {
		now.space.realm = strings.Clone(now.space.realm)
		if len(c.attempts) == maxAttempts {
			c.attempts = slices.Delete(c.attempts, 0, 1)
		}
		c.attempts = append(c.attempts, now)
		return true
	}
	a := &c.attempts[i]
	if a.seq != 0 && now.seq != a.seq+1 && now.at.Sub(a.at) >= abandoned {
		// Not the retry of what was challenged: that one ended without a
		// response, and this is a later request, such as the next refresh.
		now.space = a.space
		*a = now
		return true
	}
	if stale && (a.tries < c.cfg.MaxTries || c.cfg.MaxTries < 0) {
		now.space, now.tries = a.space, a.tries+1
		*a = now
		return true
	}
	c.attempts = slices.Delete(c.attempts, i, i+1)
	if i := c.session(now.space); i >= 0 {
		c.sessions = slices.Delete(c.sessions, i, i+1)
	}
	return false
}

func (c *Client) session(sp space) int {
	return slices.IndexFunc(c.sessions, func(s *session) bool { return s.space == sp })
}

// store replaces the session of a space. The nonce count starts anew with a new
// nonce and goes on with the same one, which servers give to several requests.
func (c *Client) store(s *session) {
	i := c.session(s.space)
	if i < 0 {
		if len(c.sessions) >= c.cfg.MaxRealms {
			c.sessions = slices.Delete(c.sessions, 0, 1)
		}
		c.sessions = append(c.sessions, s)
		return
	}
	if old := c.sessions[i]; old.nonce == s.nonce {
		s.nc = old.nc
		if old.alg.name == s.alg.name && old.ha1 == s.ha1 {
			s.last = old.last
		}
	}
	c.sessions[i] = s
}

// answer makes the credentials of one session (RFC 7616 section 3.4).
func (s *session) answer(cnonce, method, uri, body string) Credentials {
	if s.token != "" {
		return Credentials{Scheme: schemeBearer, Token: s.token} // RFC 8898 section 2.1.3
	}
	p := proof{alg: s.alg, nonce: s.nonce, qop: s.qop, uri: uri}
	switch {
	case s.qop == "": // no cnonce without qop: RFC 3261 section 22.4 item 8
	case s.alg.session && s.last.cnonce != "":
		p.cnonce = s.last.cnonce // cnonce-prime of the session key, RFC 7616 section 3.4.2
	default:
		p.cnonce = cnonce
	}
	if p.key = s.last.key; p.key == "" || !s.alg.session {
		p.key = s.alg.sessionKey(s.ha1, s.nonce, p.cnonce)
	}
	if s.qop != "" {
		s.nc++
		p.nc = s.nc
	}
	s.last = p
	var params Params
	if s.auts != "" {
		params = params.With("auts", s.auts)
	}
	return Credentials{
		Params: params, Extended: s.extended,
		Scheme: schemeDigest, Username: s.username, UserHash: s.userHash, Realm: s.realm, Nonce: s.nonce, URI: uri,
		Response: p.response(method, body), Algorithm: s.algName, CNonce: p.cnonce, NC: p.nc, QOP: s.qop,
		Opaque: s.opaque, emptyOpaque: s.emptyOpaque,
	}
}

// informed finds the session that info is about: the one whose cnonce it
// repeats, else the only one.
func (c *Client) informed(proxy bool, info Info) (found *session) {
	for _, s := range c.sessions {
		switch {
		case s.proxy != proxy || s.token != "":
		case info.CNonce != "":
			if s.last.cnonce == info.CNonce {
				return s
			}
		case found != nil:
			return nil
		default:
			found = s
		}
	}
	return found
}

// proves checks rspauth against the last request of s, if info has one for it.
func proves(s *session, info Info, body string) bool {
	if info.RSPAuth == "" || info.NC != s.last.nc {
		return true
	}
	p := s.last
	p.qop = info.QOP
	return strings.EqualFold(info.RSPAuth, p.response("", body))
}
