package simnet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"strings"
	"time"
)

// Authority issues certificates for tests of TLS. Make it inside the bubble: its
// certificates are good for ten years from the time of its clock, which begins
// in the year 2000. It is safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Lifetime of what an Authority issues.
const certificateLife = 10 * 365 * 24 * time.Hour

// NewAuthority returns an authority with a key of its own. It panics if the
// system has no random octets.
func NewAuthority(name string) *Authority {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a := &Authority{}
	a.cert, a.key = a.sign(template)
	return a
}

// Pool returns the authority as the one that a client or server trusts, for
// RootCAs and ClientCAs of tls.Config.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Certificate returns the certificate of the authority itself.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// Issue returns a certificate for servers and clients with the given subject
// alternative names: an IP address, a URI (with a colon in it), or else a DNS
// name. The first one is the common name, too. It panics if there is none.
func (a *Authority) Issue(names ...string) tls.Certificate {
	if len(names) == 0 {
		panic("simnet: a certificate needs a name")
	}
	return a.IssueFrom(&x509.Certificate{Subject: pkix.Name{CommonName: names[0]}}, names...)
}

// IssueFrom is Issue with a template, whose fields are kept: for certificates
// that are out of date, without names, for another use. Names are added to those
// of the template.
func (a *Authority) IssueFrom(template *x509.Certificate, names ...string) tls.Certificate {
	t := *template
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else if u, err := url.Parse(name); err == nil && strings.Contains(name, ":") {
			t.URIs = append(t.URIs, u)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	if t.KeyUsage == 0 {
		t.KeyUsage = x509.KeyUsageDigitalSignature
	}
	if t.ExtKeyUsage == nil && t.UnknownExtKeyUsage == nil {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	cert, key := a.sign(&t)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

// sign makes a key and a certificate for it; by itself where a has none yet.
func (a *Authority) sign(t *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err == nil && t.SerialNumber == nil {
		t.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Now().Add(-time.Hour)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = time.Now().Add(certificateLife)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = t, key
	}
	var raw []byte
	if err == nil {
		raw, err = x509.CreateCertificate(rand.Reader, t, parent, &key.PublicKey, signer)
	}
	var cert *x509.Certificate
	if err == nil {
		cert, err = x509.ParseCertificate(raw)
	}
	if err != nil {
		panic(fmt.Sprintf("simnet: no certificate: %v", err))
	}
	return cert, key
}
