package auth

import (
	"fmt"
	"log/slog"
	"net/url"
	"unicode/utf8"

	"github.com/gosofia/sofia/internal/scan"
)

// Credentials is one value of Authorization or Proxy-Authorization (RFC 3261
// sections 20.7 and 20.28, RFC 7616 section 3.4). Strings are without quotes
// and decoded. Printing and logging it shows scheme, user name and realm only.
type Credentials struct {
	Scheme    string // "Digest", or what else came; the fields below are of Digest
	Username  string // in UTF-8, also if it came as username*; its hash if UserHash is set
	Realm     string
	Nonce     string
	URI       string // digest-uri-value
	Response  string // in hex
	Algorithm string // as it came; "" means MD5
	CNonce    string
	Opaque    string
	QOP       string // "auth", "auth-int" or "" (RFC 2069)
	NC        uint32 // nonce count; written if QOP is set
	UserHash  bool   // Username is H(username:realm) (RFC 7616 section 3.4.4)
	Extended  bool   // Username goes or came as username*, in the notation of RFC 8187
	Token     string // token68 of another scheme; a secret
	Params    Params // parameters without a field

	emptyOpaque bool // opaque="" came
}

// String returns scheme, user name and realm.
func (c Credentials) String() string {
	return fmt.Sprintf("%s credentials of user %q in realm %q", c.Scheme, c.Username, c.Realm)
}

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue implements [slog.LogValuer].
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("scheme", c.Scheme), slog.String("username", c.Username), slog.String("realm", c.Realm))
}

// CredentialsCodec reads and writes [Credentials]. It is the codec of
// [Authorization] and [ProxyAuthorization].
type CredentialsCodec struct{}

// Parse reads the first credentials of s. rest is empty, or begins with the
// comma before the next. nc must have 8 hex digits; a quoted qop, algorithm or
// nc is read though only the unquoted form is right. Which parameters must be
// there, [Verifier.Verify] decides.
//
//	dig-resp = username / realm / nonce / digest-uri / dresponse / algorithm /
//	           cnonce / opaque / message-qop / nonce-count / auth-param           (RFC 3261 section 25.1)
func (CredentialsCodec) Parse(s string) (c Credentials, rest string, err error) {
	scheme, token, i, err := parseScheme(s)
	if err != nil {
		return Credentials{}, "", err
	}
	c.Scheme, c.Token = scheme, token
	if scheme != schemeDigest && (token != "" || i == len(s) || s[i] == ',') {
		return c, s[i:], nil
	}
	if token != "" {
		return Credentials{}, "", syntax("no parameters")
	}
	names := 0
	l := pairs{s: s, i: i, list: true}
	var q pair
	for l.next(&q) {
		if scheme != schemeDigest {
			c.Params = c.Params.add(&q)
			continue
		}
		switch q.param {
		case paramUsername:
			c.Username = q.value
			names++
		case paramExtendedUsername:
			c.Username, err = decodeExtended(q.value)
			names, c.Extended = names+1, true
		case paramRealm:
			c.Realm = q.value
		case paramNonce:
			c.Nonce = q.value
		case paramURI:
			c.URI = q.value
		case paramResponse:
			c.Response = q.value
		case paramCNonce:
			c.CNonce = q.value
		case paramOpaque:
			c.Opaque, c.emptyOpaque = q.value, q.value == ""
		case paramAlgorithm:
			if c.Algorithm = q.value; !scan.IsToken(q.value) {
				err = syntax("algorithm is not a token")
			}
		case paramQOP:
			if c.QOP = q.value; !scan.IsToken(q.value) {
				err = syntax("qop is not one token")
			}
		case paramNC:
			ok := false
			if c.NC, ok = parseNC(q.value); !ok {
				err = syntax("nc is not 8 hex digits")
			}
		case paramUserHash:
			c.UserHash = scan.EqualFold(q.value, flagTrue)
		default:
			c.Params = c.Params.add(&q)
		}
		if err != nil {
			return Credentials{}, "", err
		}
	}
	if l.err != nil {
		return Credentials{}, "", l.err
	}
	if names > 1 || c.Extended && c.UserHash { // RFC 7616 section 3.4
		return Credentials{}, "", syntax("two user names, or an extended one that is hashed")
	}
	return c, l.rest, nil
}

// Append writes c as RFC 7616 section 3.4 asks: username, realm, nonce, uri,
// response, cnonce and opaque quoted, algorithm, qop and nc not.
func (CredentialsCodec) Append(dst []byte, c Credentials) ([]byte, error) {
	w := writer{b: dst}
	if w.scheme(c.Scheme, c.Token) {
		if c != (Credentials{Scheme: c.Scheme, Token: c.Token}) {
			w.fail("credentials have either a token or parameters")
		}
		return w.b, w.err
	}
	if c.Scheme != schemeDigest {
		if c != (Credentials{Scheme: c.Scheme, Params: c.Params}) {
			w.fail("only Digest credentials have the parameters of these; use Params")
		}
		if c.Params != "" {
			w.b = append(w.b, ' ')
		}
		w.params(c.Params, func(string) bool { return false })
		return w.b, w.err
	}
	w.b = append(w.b, ' ')
	if c.Extended {
		w.extended("username*", c.Username)
	} else {
		w.quoted("username", c.Username)
	}
	if c.Extended && c.UserHash { // RFC 7616 section 3.4
		w.fail("a hashed user name cannot be extended")
	}
	w.quoted("realm", c.Realm)
	w.quoted("nonce", c.Nonce)
	if c.URI != "" {
		w.quoted("uri", c.URI)
	}
	w.quoted("response", c.Response)
	if c.Algorithm != "" {
		w.token("algorithm", c.Algorithm)
	}
	if c.CNonce != "" {
		w.quoted("cnonce", c.CNonce)
	}
	if c.Opaque != "" || c.emptyOpaque {
		w.quoted("opaque", c.Opaque)
	}
	if c.QOP != "" {
		w.token("qop", c.QOP)
	}
	if c.QOP != "" || c.NC != 0 {
		w.name("nc")
		w.b = appendNC(w.b, c.NC)
	}
	w.flag("userhash", c.UserHash)
	w.params(c.Params, isCredentialsParam)
	return w.b, w.err
}

func isCredentialsParam(name string) bool {
	return oneOf(name, "username", "username*", "realm", "nonce", "uri", "response",
		"algorithm", "cnonce", "opaque", "qop", "nc", "userhash")
}

// encodeExtended writes ext-value, as decodeExtended reads it.
func encodeExtended(dst []byte, s string) []byte {
	const digits = "0123456789ABCDEF"
	dst = append(dst, "UTF-8''"...)
	for i := range len(s) {
		if c := s[i]; scan.IsTokenChar(c) && c != '*' && c != '\'' && c != '%' { // attr-char
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

// decodeExtended reads ext-value of RFC 8187 section 3.2.1 in UTF-8, the one
// charset of RFC 7616 section 4.
//
//	ext-value = charset "'" [ language ] "'" value-chars
func decodeExtended(s string) (string, error) {
	const charset = "UTF-8'"
	if !scan.HasPrefixFold(s, charset) {
		return "", syntax("extended user name is not in UTF-8")
	}
	for s = s[len(charset):]; s != "" && s[0] != '\''; s = s[1:] {
		if !scan.IsAlpha(s[0]) && !scan.IsDigit(s[0]) && s[0] != '-' {
			return "", syntax("malformed language in extended user name")
		}
	}
	if s == "" {
		return "", syntax("malformed extended user name")
	}
	name, err := url.PathUnescape(s[1:])
	if err != nil || !utf8.ValidString(name) || scan.HasControl(name) {
		return "", syntax("malformed extended user name")
	}
	return name, nil
}
