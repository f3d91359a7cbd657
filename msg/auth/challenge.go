package auth

import (
	"github.com/gosofia/sofia/internal/scan"
)

// Challenge is one value of WWW-Authenticate or Proxy-Authenticate (RFC 3261
// sections 20.44 and 20.27, RFC 7616 section 3.3). Strings are without quotes
// and decoded.
type Challenge struct {
	Scheme    string // "Digest", or what else came; the fields below but Realm are of Digest
	Realm     string // protection space, to be shown to users
	Domain    string // space-separated URIs
	Nonce     string
	Opaque    string // to be returned unchanged
	Algorithm string // as it came; "" means MD5
	QOP       string // list as it came: "auth,auth-int"; "" if there is none (RFC 2069)
	Charset   string // "UTF-8" or ""
	Stale     bool   // only the nonce was refused
	UserHash  bool   // the user name may be sent hashed (RFC 7616 section 3.4.4)
	Token     string // token68 of another scheme
	Params    Params // parameters without a field

	emptyOpaque bool // opaque="" came, and goes back
}

// Offers reports whether qop is in the list that the challenge offers.
func (c Challenge) Offers(qop string) bool {
	for i := 0; i < len(c.QOP); {
		end := scan.Comma(c.QOP, i)
		if scan.EqualFold(scan.Trim(c.QOP[i:end]), qop) {
			return true
		}
		i = end + 1
	}
	return false
}

// ChallengeCodec reads and writes a [Challenge]. It is the codec of
// [WWWAuthenticate] and [ProxyAuthenticate].
type ChallengeCodec struct{}

// Parse reads the first challenge of s. rest is empty, or begins with the comma
// before the next challenge, as HTTP allows. A challenge of the Digest scheme
// must have realm and nonce.
//
//	digest-cln = realm / domain / nonce / opaque / stale / algorithm / qop-options / auth-param    (RFC 3261 section 25.1)
func (ChallengeCodec) Parse(s string) (c Challenge, rest string, err error) {
	scheme, token, i, err := parseScheme(s)
	if err != nil {
		return Challenge{}, "", err
	}
	c.Scheme, c.Token = scheme, token
	if scheme != schemeDigest && (token != "" || i == len(s) || s[i] == ',') {
		return c, s[i:], nil
	}
	if token != "" {
		return Challenge{}, "", syntax("no parameters")
	}
	l := pairs{s: s, i: i, list: true}
	var q pair
	for l.next(&q) {
		if scheme != schemeDigest && q.param != paramRealm {
			c.Params = c.Params.add(&q)
			continue
		}
		switch q.param {
		case paramRealm:
			c.Realm = q.value
		case paramNonce:
			c.Nonce = q.value
		case paramDomain:
			c.Domain = q.value
		case paramOpaque:
			c.Opaque, c.emptyOpaque = q.value, q.value == ""
		case paramStale:
			c.Stale = scan.EqualFold(q.value, flagTrue)
		case paramAlgorithm:
			if c.Algorithm = q.value; !scan.IsToken(q.value) {
				return Challenge{}, "", syntax("algorithm is not a token")
			}
		case paramQOP:
			c.QOP = q.value
		case paramCharset:
			if c.Charset = q.value; !scan.IsToken(q.value) {
				return Challenge{}, "", syntax("charset is not a token")
			}
		case paramUserHash:
			c.UserHash = scan.EqualFold(q.value, flagTrue)
		default:
			c.Params = c.Params.add(&q)
		}
	}
	if l.err != nil {
		return Challenge{}, "", l.err
	}
	if scheme == schemeDigest && l.seen&(1<<paramRealm|1<<paramNonce) != 1<<paramRealm|1<<paramNonce {
		return Challenge{}, "", syntax("no realm or no nonce")
	}
	return c, l.rest, nil
}

// Append writes c as RFC 7616 section 3.3 asks: realm, domain, nonce, opaque
// and qop quoted, the others not.
func (ChallengeCodec) Append(dst []byte, c Challenge) ([]byte, error) {
	w := writer{b: dst}
	if w.scheme(c.Scheme, c.Token) {
		if c != (Challenge{Scheme: c.Scheme, Token: c.Token}) {
			w.fail("a challenge has either a token or parameters")
		}
		return w.b, w.err
	}
	if c.Scheme != schemeDigest {
		if c != (Challenge{Scheme: c.Scheme, Realm: c.Realm, Params: c.Params}) {
			w.fail("only a Digest challenge has the parameters of one; use Params")
		}
		if c.Realm != "" || c.Params != "" {
			w.b = append(w.b, ' ')
		}
		if c.Realm != "" {
			w.quoted("realm", c.Realm)
		}
		w.params(c.Params, func(name string) bool { return scan.EqualFold(name, "realm") })
		return w.b, w.err
	}
	w.b = append(w.b, ' ')
	w.quoted("realm", c.Realm)
	if c.Domain != "" {
		w.quoted("domain", c.Domain)
	}
	w.quoted("nonce", c.Nonce)
	if c.Opaque != "" || c.emptyOpaque {
		w.quoted("opaque", c.Opaque)
	}
	w.flag("stale", c.Stale)
	if c.Algorithm != "" {
		w.token("algorithm", c.Algorithm)
	}
	if c.QOP != "" {
		w.quoted("qop", c.QOP)
	}
	if c.Charset != "" {
		w.token("charset", c.Charset)
	}
	w.flag("userhash", c.UserHash)
	w.params(c.Params, isChallengeParam)
	return w.b, w.err
}

func isChallengeParam(name string) bool {
	return oneOf(name, "realm", "domain", "nonce", "opaque", "stale", "algorithm", "qop", "charset", "userhash")
}

func oneOf(name string, names ...string) bool {
	for _, n := range names {
		if scan.EqualFold(name, n) {
			return true
		}
	}
	return false
}
