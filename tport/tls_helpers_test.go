package tport

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// authority signs certificates that are good for the time of the test, virtual
// or not.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	root := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{t: t}
	a.cert, a.key = a.sign(root, nil)
	return a
}

// under makes an authority that this one has signed.
func (a *authority) under(name string, change func(*x509.Certificate)) *authority {
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(c)
	}
	b := &authority{t: a.t}
	b.cert, b.key = a.sign(c, a)
	return b
}

func (a *authority) sign(c *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(a.t, err)
	if c.NotBefore.IsZero() {
		c.NotBefore = time.Now().Add(-time.Hour)
	}
	if c.NotAfter.IsZero() {
		c.NotAfter = time.Now().Add(30 * 24 * time.Hour)
	}
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	require.NoError(a.t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return cert, key
}

// pool is a pool of this authority alone.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate. Unless change says otherwise it may be used for
// anything and names nobody.
func (a *authority) issue(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	c := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}
	if change != nil {
		change(c)
	}
	cert, key := a.sign(c, a)
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}
}

// domain makes a certificate for SIP domains, by DNS name.
func (a *authority) domain(names ...string) tls.Certificate {
	return a.issue(func(c *x509.Certificate) {
		c.Subject.CommonName, c.DNSNames = "host of "+names[0], names
	})
}

// address makes a certificate for IP addresses.
func (a *authority) address(addrs ...string) tls.Certificate {
	return a.issue(func(c *x509.Certificate) {
		c.Subject.CommonName = "host"
		for _, s := range addrs {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(s))
		}
	})
}

func uris(t testing.TB, texts ...string) []*url.URL {
	t.Helper()
	var all []*url.URL
	for _, s := range texts {
		u, err := url.Parse(s)
		require.NoError(t, err)
		all = append(all, u)
	}
	return all
}

// serving sets the certificate to listen with.
func serving(c tls.Certificate, change ...func(*tls.Config)) func(*Config) {
	return func(cfg *Config) {
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{c}}
		for _, f := range change {
			f(cfg.TLS)
		}
	}
}

// trusting sets the authority that peers must come from.
func trusting(a *authority, change ...func(*tls.Config)) func(*Config) {
	return func(cfg *Config) {
		cfg.TLS = &tls.Config{RootCAs: a.pool()}
		for _, f := range change {
			f(cfg.TLS)
		}
	}
}

// named is the name of a TLS peer.
func named(server string, at netip.AddrPort) Name {
	n := nameOf(TLS, at)
	n.ServerName = server
	return n
}

// tlsPair is a node that listens with TLS at bob, and one at alice that trusts
// the authority.
func (v *virtual) tlsPair(a *authority, c tls.Certificate, change ...func(*tls.Config)) (alice, bob *node, at netip.AddrPort) {
	alice = v.node(v.alice, trusting(a))
	bob = v.node(v.bob, serving(c, change...))
	return alice, bob, bob.listen(TLS, "198.51.100.1", 5061).Addr()
}
