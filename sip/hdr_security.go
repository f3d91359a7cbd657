package sip

import (
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of the security agreement (RFC 3329) and of caller identity
// (RFC 8224).
const (
	// SecurityClient lists what the client offers (RFC 3329 section 2.2): a comma
	// list, may repeat. Errors: msg.ErrSyntax.
	SecurityClient = msg.Header[Mechanism, ItemCodec[Mechanism]](IDSecurityClient)
	// SecurityServer lists what the server has, see [PickMechanism].
	SecurityServer = msg.Header[Mechanism, ItemCodec[Mechanism]](IDSecurityServer)
	// SecurityVerify repeats the list of the server, see [SameMechanisms].
	SecurityVerify = msg.Header[Mechanism, ItemCodec[Mechanism]](IDSecurityVerify)
	// Identity is a signature over who is calling (RFC 8224 section 4). Compact
	// form "y"; it may repeat, one value a field. Errors: msg.ErrSyntax.
	Identity = msg.Header[Signature, SignatureCodec](IDIdentity)
	// IdentityInfo tells where the certificate of an RFC 4474 Identity is;
	// retired by RFC 8224. Compact form "n", stands once.
	IdentityInfo = LinkHeader(IDIdentityInfo)
)

// Mechanism is a value of Security-Client, Security-Server and Security-Verify.
//
//	sec-mechanism = mechanism-name *( SEMI mech-parameters )
type Mechanism struct {
	Value  string // "digest", "tls", "ipsec-ike", "ipsec-3gpp", …; compares without case
	Params msg.Params
}

// Q returns the preference in thousandths, 0 to 1000; 1000 if there is none or
// it is malformed.
func (m Mechanism) Q() int { return m.Params.Q() }

// Equal reports whether m and n are the same mechanism with the same parameters
// in any order; names and values compare without case but for quoted ones.
func (m Mechanism) Equal(n Mechanism) bool {
	return scan.EqualFold(m.Value, n.Value) && coversParams(m.Params, n.Params) && coversParams(n.Params, m.Params)
}

func coversParams(p, q msg.Params) bool {
	for name, v := range p.All() {
		if w, ok := q.Get(name); !ok || !scan.EqualFold(v, w) {
			return false
		}
	}
	return true
}

// SameMechanisms reports whether two lists hold the same mechanisms in the same
// order: whether the Security-Verify of a request repeats the Security-Server
// that was sent (RFC 3329 section 2.3.1). If not, somebody on the way changed
// the list, and the request is answered with 494. A malformed value is never the same.
func SameMechanisms(a, b iter.Seq2[Mechanism, error]) bool {
	next, stop := iter.Pull2(b)
	defer stop()
	for m, err := range a {
		n, err2, ok := next()
		if !ok || err != nil || err2 != nil || !m.Equal(n) {
			return false
		}
	}
	_, _, more := next()
	return !more
}

// PickMechanism returns the mechanism of the server's list with the highest
// preference whose name is also in that of the client, the first one if several
// have it (RFC 3329 section 2.3.1). ok is false if there is none.
func PickMechanism(server, client iter.Seq2[Mechanism, error]) (best Mechanism, ok bool) {
	for s, err := range server {
		if err != nil || ok && s.Q() <= best.Q() {
			continue
		}
		for c, err := range client {
			if err == nil && scan.EqualFold(s.Value, c.Value) {
				best, ok = s, true
				break
			}
		}
	}
	return best, ok
}

// Signature is a value of Identity.
type Signature struct {
	Value  string     // the PASSporT (RFC 8225), full or compact ("..signature"); base64 text of RFC 4474 peers
	Info   string     // URI of the certificate, without "<" and ">"; "" if there is none (RFC 4474)
	Params msg.Params // what follows info: alg, ppt and others
}

// Algorithm returns the alg parameter, "ES256" if there is none (RFC 8224
// section 4).
func (s Signature) Algorithm() string {
	if v, ok := s.Params.Get("alg"); ok {
		return v
	}
	return "ES256"
}

// Type returns the ppt parameter, the PASSporT type: "shaken", "div", "rcd", …
// It is "" if there is none.
func (s Signature) Type() string {
	v, _ := s.Params.Get("ppt")
	return v
}

// SignatureCodec reads and writes a [Signature]. It also reads the quoted
// signature of RFC 4474, which has no info parameter.
//
//	Identity = signed-identity-digest SEMI ident-info *( SEMI ident-info-params )
//	ident-info = "info" EQUAL LAQUOT absoluteURI RAQUOT
type SignatureCodec struct{}

// Parse implements [msg.Codec]. White space within the signature, which long
// ones get where they are folded, is dropped.
func (SignatureCodec) Parse(s string) (v Signature, rest string, err error) {
	i, inQuotes := 0, s != "" && s[0] == '"'
	if inQuotes {
		i = 1
	}
	lo, spaced := i, false
	for end := i; ; {
		if end = signatureEnd(s, end); end > i {
			i = end
		}
		next := scan.Space(s, end)
		if next == end || next == len(s) || !isSignature(s[next]) {
			break
		}
		spaced, end = true, next
	}
	v.Value = s[lo:i]
	if spaced {
		v.Value = strings.Join(strings.Fields(v.Value), "")
	}
	if inQuotes {
		if i = scan.Space(s, i); i == len(s) || s[i] != '"' {
			return Signature{}, "", msg.ErrSyntax
		}
		i++
	}
	if v.Value == "" {
		return Signature{}, "", msg.ErrSyntax
	}
	// info comes first; its value is no generic-param.
	if j := infoParam(s, i); j > 0 {
		end := strings.IndexByte(s[j:], '>')
		if end < 0 || !opaque(s[j:j+end]) {
			return Signature{}, "", msg.ErrSyntax
		}
		v.Info, i = s[j:j+end], j+end+1
	}
	if v.Params, rest, err = tail(s, i); err != nil {
		return Signature{}, "", err
	}
	return v, rest, nil
}

// signatureClass has the characters of base64, of base64url, and ".".
var signatureClass = func() (t [256]bool) {
	for _, c := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/+=._-" {
		t[c] = true
	}
	return t
}()

func isSignature(c byte) bool { return signatureClass[c] }

// signatureEnd returns the end of the run of such characters at i.
func signatureEnd(s string, i int) int {
	for ; i < len(s)-3; i += 4 {
		if !signatureClass[s[i]] || !signatureClass[s[i+1]] || !signatureClass[s[i+2]] || !signatureClass[s[i+3]] {
			break
		}
	}
	for i < len(s) && signatureClass[s[i]] {
		i++
	}
	return i
}

func signature(s string) bool { return s != "" && signatureEnd(s, 0) == len(s) }

// infoParam returns where the URI of ";info=<" begins, 0 if that is not at i.
func infoParam(s string, i int) int {
	i = scan.Space(s, i)
	if i == len(s) || s[i] != ';' {
		return 0
	}
	lo := scan.Space(s, i+1)
	i = scan.Token(s, lo)
	if !scan.EqualFold(s[lo:i], "info") {
		return 0
	}
	i = scan.Space(s, i)
	if i == len(s) || s[i] != '=' {
		return 0
	}
	i = scan.Space(s, i+1)
	if i == len(s) || s[i] != '<' {
		return 0
	}
	return i + 1
}

// Append implements [msg.Codec].
func (SignatureCodec) Append(dst []byte, v Signature) ([]byte, error) {
	if !signature(v.Value) || !v.Params.Valid() || v.Info != "" && !opaque(v.Info) {
		return dst, msg.ErrValue
	}
	if v.Info == "" { // RFC 4474 section 9
		dst = append(append(append(dst, '"'), v.Value...), '"')
	} else {
		dst = append(append(append(append(dst, v.Value...), ";info=<"...), v.Info...), '>')
	}
	return append(dst, v.Params...), nil
}
