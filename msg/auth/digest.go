package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"

	"github.com/gosofia/sofia/internal/scan"
)

// Names of the digest algorithms (RFC 7616 section 3.3, RFC 8760 section 2.7).
// They compare without case.
const (
	MD5            = "MD5"
	MD5Sess        = "MD5-sess"
	SHA256         = "SHA-256"
	SHA256Sess     = "SHA-256-sess"
	SHA512_256     = "SHA-512-256"
	SHA512_256Sess = "SHA-512-256-sess"
	AKAv1MD5       = "AKAv1-MD5" // RFC 3310
	AKAv2MD5       = "AKAv2-MD5" // RFC 4169
)

// The qualities of protection (RFC 7616 section 3.3).
const (
	QOPAuth    = "auth"     // the request line is protected
	QOPAuthInt = "auth-int" // the body too
)

// The schemes that are spoken here, and the value of flags.
const (
	schemeDigest = "Digest"
	schemeBearer = "Bearer"
	flagTrue     = "true"
)

// algorithm is one digest algorithm. The zero value is none.
type algorithm struct {
	name    string // canonical
	base    string // without -sess
	session bool
	aka     int                      // version of Digest AKA; 0: none
	sum     func(text []byte) string // in lower-case hex
	size    int                      // of the hex text
}

// findAlgorithm returns the algorithm of that name, in any case. No name is MD5
// (RFC 7616 section 3.3).
func findAlgorithm(name string) (algorithm, bool) {
	if name == "" {
		name = MD5
	}
	if n := len("AKAv1-"); len(name) > n && scan.EqualFold(name[:n-2], "AKAv") && (name[n-2] == '1' || name[n-2] == '2') && name[n-1] == '-' {
		a, ok := findAlgorithm(name[n:])
		if !ok || a.aka != 0 {
			return algorithm{}, false
		}
		a.aka = int(name[n-2] - '0')
		a.name = "AKAv" + name[n-2:n] + a.name
		return a, true
	}
	for _, a := range [...]algorithm{
		{name: MD5, base: MD5, sum: sumMD5, size: 2 * md5.Size},
		{name: SHA256, base: SHA256, sum: sumSHA256, size: 2 * sha256.Size},
		{name: SHA512_256, base: SHA512_256, sum: sumSHA512_256, size: 2 * sha512.Size256},
	} {
		if scan.EqualFold(name, a.name) {
			return a, true
		}
		if scan.EqualFold(name, a.name+"-sess") {
			a.name, a.session = a.name+"-sess", true
			return a, true
		}
	}
	return algorithm{}, false
}

func sumMD5(b []byte) string {
	s := md5.Sum(b)
	return hex.EncodeToString(s[:])
}

func sumSHA256(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

// SHA-512/256 of FIPS 180-4, which is not SHA-512 cut short.
func sumSHA512_256(b []byte) string {
	s := sha512.Sum512_256(b)
	return hex.EncodeToString(s[:])
}

// hash is H(concat(parts, ":")) of RFC 7616 section 3.3.
func (a algorithm) hash(parts ...string) string {
	n := len(parts)
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	for i, p := range parts {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, p...)
	}
	return a.sum(b)
}

// ha1 is H(A1) without session (RFC 7616 section 3.4.2).
func (a algorithm) ha1(username, realm, password string) string {
	return a.hash(username, realm, password)
}

// sessionKey makes H(A1) of a -sess algorithm from the one without (RFC 7616
// section 3.4.2); other algorithms have none, and ha1 stays.
func (a algorithm) sessionKey(ha1, nonce, cnonce string) string {
	if !a.session {
		return ha1
	}
	return a.hash(ha1, nonce, cnonce)
}

// proof is what both sides hash, but for method and body.
type proof struct {
	alg                     algorithm
	key                     string // H(A1)
	nonce, cnonce, qop, uri string
	nc                      uint32
}

// response is request-digest of RFC 7616 section 3.4.1, without qop that of
// RFC 2069 section 2.1.2. With the method "" it is rspauth (RFC 7616 section
// 3.5).
func (p proof) response(method, body string) string {
	ha2 := ""
	if p.qop == QOPAuthInt {
		ha2 = p.alg.hash(method, p.uri, p.alg.hash(body)) // the empty body too: RFC 8760 section 2.6
	} else {
		ha2 = p.alg.hash(method, p.uri)
	}
	if p.qop == "" {
		return p.alg.hash(p.key, p.nonce, ha2)
	}
	var nc [8]byte
	return p.alg.hash(p.key, p.nonce, string(appendNC(nc[:0], p.nc)), p.cnonce, p.qop, ha2)
}

// appendNC writes nc-value = 8LHEX.
func appendNC(dst []byte, nc uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[nc>>shift&15])
	}
	return dst
}

// parseNC reads nc-value: exactly 8 hex digits.
func parseNC(s string) (nc uint32, ok bool) {
	if len(s) != 8 {
		return 0, false
	}
	for i := range len(s) {
		c := scan.Lower(s[i])
		if !scan.IsHex(c) {
			return 0, false
		}
		if c > '9' {
			c -= 'a' - '9' - 1
		}
		nc = nc<<4 | uint32(c-'0')
	}
	return nc, true
}
