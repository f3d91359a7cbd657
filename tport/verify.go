package tport

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Verification is the rule by which a TLS peer's certificate is compared with
// the name that was asked for. The chain of certificates is verified first,
// whatever the rule is.
type Verification uint8

const (
	// VerifyDefault is, in a [Name], Config.Verify; in a Config, the rule that
	// goes with the protocol: VerifySIP for "tls" and VerifyHTTPS for "wss" (RFC
	// 7118 section 9.1).
	VerifyDefault Verification = iota
	// VerifySIP compares whole domain names with the [Identities] of the
	// certificate; a wildcard stands for nothing (RFC 5922 sections 7.1 and 7.2).
	// The certificate must be for SIP domains (RFC 5924), or for servers, or for
	// any purpose, or not say what it is for.
	VerifySIP
	// VerifyHTTPS compares with the DNS names alone, of which the first label
	// may be a wildcard (RFC 9110 section 4.3.4, RFC 9525), of a certificate that
	// is for servers.
	VerifyHTTPS
)

// String returns "default", "sip" or "https".
func (v Verification) String() string {
	switch v {
	case VerifyDefault:
		return "default"
	case VerifySIP:
		return "sip"
	case VerifyHTTPS:
		return "https"
	}
	return "Verification(" + strconv.Itoa(int(v)) + ")"
}

// CertificateError tells why the certificate of a TLS peer was refused. It
// wraps [ErrUntrusted] and its cause.
type CertificateError struct {
	// Expected is the name the peer had to prove, empty for a client's certificate.
	Expected string
	// Names are the names that the certificate has, by the rule in force.
	Names []string
	// Subject is the distinguished name of the certificate's holder.
	Subject string
	// Err is the cause: [ErrWrongName], or what crypto/x509 said of the chain.
	Err error
}

// Error returns the cause, the names of the certificate and the name expected.
func (e *CertificateError) Error() string {
	names := "no usable name"
	if len(e.Names) > 0 {
		names = strings.Join(e.Names, ", ")
	}
	s := fmt.Sprintf("certificate of %q (%s)", e.Subject, names)
	if e.Expected != "" {
		s += fmt.Sprintf(" refused for %q", e.Expected)
	} else {
		s += " refused"
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns ErrUntrusted and the cause.
func (e *CertificateError) Unwrap() []error { return []error{ErrUntrusted, e.Err} }

// verdictKey is where a context holds the *verdict of its handshake.
type verdictKey struct{}

// verdict verifies the peer of one handshake.
type verdict struct {
	e        end
	user     *tls.Config // its configuration, before we changed it
	expected string
	insecure bool

	chains [][]*x509.Certificate
	proved string
}

// server verifies a server, also one with which a session is resumed: it may
// be asked for another name now (RFC 5922 section 7.3).
func (v *verdict) server(state tls.ConnectionState) error {
	rule := v.e.rule()
	leaf := state.PeerCertificates[0]
	chains, err := verifyChain(state.PeerCertificates, v.user.RootCAs, now(v.user), x509.ExtKeyUsageServerAuth, rule)
	if err == nil && !proves(leaf, v.expected, rule) {
		err = ErrWrongName
	}
	if err != nil {
		return &CertificateError{Expected: v.expected, Names: namesOf(leaf, v.expected, rule), Subject: leaf.Subject.String(), Err: err}
	}
	v.proved = nameKey(v.expected)
	return v.accept(state, chains)
}

// client verifies a client's certificate, if there is one: whether there must
// be is for package tls to see to. Which names are welcome is for those to say
// who get them with each message (RFC 5922 section 7.4).
func (v *verdict) client(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return v.accept(state, nil)
	}
	leaf := state.PeerCertificates[0]
	chains, err := verifyChain(state.PeerCertificates, v.user.ClientCAs, now(v.user), x509.ExtKeyUsageClientAuth, v.e.rule())
	if err != nil {
		return &CertificateError{Names: namesOf(leaf, "", v.e.rule()), Subject: leaf.Subject.String(), Err: err}
	}
	return v.accept(state, chains)
}

// accept asks the user's own hooks in the end, as package tls would.
func (v *verdict) accept(state tls.ConnectionState, chains [][]*x509.Certificate) error {
	v.chains = chains
	state.VerifiedChains = chains
	if hook := v.user.VerifyPeerCertificate; hook != nil && !state.DidResume && len(state.PeerCertificates) > 0 {
		raw := make([][]byte, len(state.PeerCertificates))
		for i, c := range state.PeerCertificates {
			raw[i] = c.Raw
		}
		if err := hook(raw, chains); err != nil {
			return err
		}
	}
	if hook := v.user.VerifyConnection; hook != nil {
		return hook(state)
	}
	return nil
}

// rule returns the rule for the names at the other end.
func (e end) rule() Verification {
	switch {
	case e.verify != VerifyDefault:
		return e.verify
	case e.t.cfg.Verify != VerifyDefault:
		return e.t.cfg.Verify
	case e.proto == WSS:
		return VerifyHTTPS
	}
	return VerifySIP
}

func now(c *tls.Config) time.Time {
	if c.Time != nil {
		return c.Time()
	}
	return time.Now()
}

// verifyChain returns the chains from a certificate to the roots (RFC 5280
// section 6) in which every certificate may be used for the purpose.
func verifyChain(certs []*x509.Certificate, roots *x509.CertPool, at time.Time, purpose x509.ExtKeyUsage, rule Verification) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, // usable looks at it
	})
	if err != nil {
		return nil, err
	}
	chains = slices.DeleteFunc(chains, func(chain []*x509.Certificate) bool {
		return slices.ContainsFunc(chain[:max(1, len(chain)-1)], func(c *x509.Certificate) bool {
			return !usable(c, purpose, rule)
		})
	})
	if len(chains) == 0 {
		return nil, ErrWrongUse
	}
	return chains, nil
}

// sipDomainUse is id-kp-sipDomain (RFC 5924 section 4.1).
var sipDomainUse = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 20}

// usable reports whether a certificate may be used for a purpose (RFC 5280
// section 4.2.1.12). RFC 5924 section 5 would refuse one that is for servers
// and does not name SIP, which is what the public authorities issue.
func usable(c *x509.Certificate, purpose x509.ExtKeyUsage, rule Verification) bool {
	if len(c.ExtKeyUsage) == 0 && len(c.UnknownExtKeyUsage) == 0 {
		return true
	}
	if rule == VerifySIP && slices.ContainsFunc(c.UnknownExtKeyUsage, sipDomainUse.Equal) {
		return true
	}
	return slices.Contains(c.ExtKeyUsage, purpose) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
}

// proves reports whether a certificate, whose chain is verified, has the name.
func proves(cert *x509.Certificate, name string, rule Verification) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		// An address is never a domain: it must stand in an iPAddress.
		return hasAddr(cert, a)
	}
	if rule == VerifyHTTPS {
		return cert.VerifyHostname(name) == nil
	}
	return slices.Contains(Identities(cert), nameKey(name))
}

func hasAddr(cert *x509.Certificate, a netip.Addr) bool {
	return slices.ContainsFunc(addrsOf(cert), func(b netip.Addr) bool { return a.Unmap().WithZone("") == b })
}

func addrsOf(cert *x509.Certificate) []netip.Addr {
	var addrs []netip.Addr
	for _, ip := range cert.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs
}

// namesOf returns the names of a certificate that were compared with a name.
func namesOf(cert *x509.Certificate, name string, rule Verification) []string {
	names := Identities(cert)
	if rule == VerifyHTTPS {
		names = slices.Clone(cert.DNSNames)
	}
	if _, err := netip.ParseAddr(name); err == nil {
		for _, a := range addrsOf(cert) {
			names = append(names, a.String())
		}
	}
	return names
}

// Identities returns the SIP domain identities of a certificate, in lower case
// and in the order in which they stand (RFC 5922 section 7.1): the hosts of the
// sip URIs without user part among its alternative names; its DNS names, if
// there is no such URI; its common name, if that is a domain name and it has no
// alternative names at all. It does not verify the certificate: what a peer has
// proved is in [Delivery.Identities] and [Flow.Identities].
func Identities(cert *x509.Certificate) []string {
	var names []string
	add := func(name string) {
		if key := nameKey(name); key != "" && !slices.Contains(names, key) {
			names = append(names, key)
		}
	}
	for _, u := range cert.URIs {
		add(sipDomain(u))
	}
	if len(names) > 0 {
		return names
	}
	for _, name := range cert.DNSNames {
		add(name)
	}
	if !hasAlternativeNames(cert) && isDomain(cert.Subject.CommonName) {
		add(cert.Subject.CommonName)
	}
	return names
}

// sipDomain returns the host of a sip URI without user part, "" for any other:
// also for a sips URI, which the RFC does not have.
func sipDomain(u *url.URL) string {
	if !strings.EqualFold(u.Scheme, "sip") || strings.Contains(u.String(), "@") {
		return ""
	}
	host := u.Opaque
	if host == "" {
		return "" // sip://host is no SIP URI
	}
	if i := strings.IndexAny(host, ";?"); i >= 0 {
		host = host[:i] // parameters are not compared
	}
	if strings.HasPrefix(host, "[") {
		host, _, _ = strings.Cut(host[1:], "]")
	} else {
		host, _, _ = strings.Cut(host, ":")
	}
	if _, err := netip.ParseAddr(host); err != nil && !isDomain(host) {
		return ""
	}
	return host
}

// subjectAltName is the extension with the alternative names (RFC 5280 section 4.2.1.6).
var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

func hasAlternativeNames(cert *x509.Certificate) bool {
	for i := range cert.Extensions {
		if cert.Extensions[i].Id.Equal(subjectAltName) {
			return true
		}
	}
	return false
}

// isDomain reports whether s is a whole domain name: neither an address nor a
// wildcard nor words.
func isDomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return s != ""
}

// nameKey is a domain name in the form in which names are compared: as octets,
// but for the case of ASCII letters (RFC 4343), and without the final dot.
// International names are in their ASCII form on both sides (RFC 5280 section 7.2).
func nameKey(s string) string {
	s = strings.TrimSuffix(s, ".")
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if c := b[j]; 'A' <= c && c <= 'Z' {
					b[j] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
