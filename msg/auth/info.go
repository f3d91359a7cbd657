package auth

import (
	"github.com/gosofia/sofia/internal/scan"
)

// Info is the value of Authentication-Info or Proxy-Authentication-Info (RFC
// 3261 section 20.6, RFC 7616 section 3.5): what the server says after it took
// the credentials.
type Info struct {
	NextNonce string // to be used from now on
	QOP       string // "auth", "auth-int" or ""
	RSPAuth   string // proof that the server knows the secret too, in hex
	CNonce    string // of the request that is answered
	NC        uint32 // of the request that is answered; written if QOP is set
	Params    Params // parameters without a field
}

// InfoCodec reads and writes an [Info]. It is the codec of [AuthenticationInfo]
// and [ProxyAuthenticationInfo].
type InfoCodec struct{}

// Parse reads s, which is one value to its end.
//
//	ainfo = nextnonce / message-qop / response-auth / cnonce / nonce-count    (RFC 3261 section 25.1)
func (InfoCodec) Parse(s string) (v Info, rest string, err error) {
	l := pairs{s: s}
	var q pair
	for l.next(&q) {
		switch q.param {
		case paramNextNonce:
			v.NextNonce = q.value
		case paramQOP:
			if v.QOP = q.value; !scan.IsToken(q.value) {
				return Info{}, "", syntax("qop is not one token")
			}
		case paramRSPAuth:
			v.RSPAuth = q.value
		case paramCNonce:
			v.CNonce = q.value
		case paramNC:
			ok := false
			if v.NC, ok = parseNC(q.value); !ok {
				return Info{}, "", syntax("nc is not 8 hex digits")
			}
		default:
			v.Params = v.Params.add(&q)
		}
	}
	if l.err != nil {
		return Info{}, "", l.err
	}
	return v, "", nil
}

// Append writes v: nextnonce, rspauth and cnonce quoted, qop and nc not.
func (InfoCodec) Append(dst []byte, v Info) ([]byte, error) {
	w := writer{b: dst}
	if v.NextNonce != "" {
		w.quoted("nextnonce", v.NextNonce)
	}
	if v.QOP != "" {
		w.token("qop", v.QOP)
	}
	if v.RSPAuth != "" {
		w.quoted("rspauth", v.RSPAuth)
	}
	if v.CNonce != "" {
		w.quoted("cnonce", v.CNonce)
	}
	if v.QOP != "" || v.NC != 0 {
		w.name("nc")
		w.b = appendNC(w.b, v.NC)
	}
	w.params(v.Params, isInfoParam)
	if w.n == 0 {
		w.fail("Info is empty")
	}
	return w.b, w.err
}

func isInfoParam(name string) bool { return oneOf(name, "nextnonce", "qop", "rspauth", "cnonce", "nc") }
