package tport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificateRow is a certificate and what it proves.
type certificateRow struct {
	name       string
	change     func(*x509.Certificate)
	identities []string
	proves     []string // by VerifySIP
	not        []string
}

func certificateRows(t *testing.T) []certificateRow {
	return []certificateRow{
		{
			name: "5922-7.1 a sip URI without user part",
			change: func(c *x509.Certificate) {
				c.Subject.CommonName, c.URIs = "cn.example.com", uris(t, "sip:example.com")
			},
			identities: []string{"example.com"},
			proves:     []string{"example.com", "EXAMPLE.com", "example.com."},
			not:        []string{"cn.example.com", "sip.example.com", "com", "example.com.invalid", "xample.com"},
		},
		{
			name: "5922-7.1 the scheme in any case, several URIs",
			change: func(c *x509.Certificate) {
				c.URIs = uris(t, "SIP:one.example.com", "sip:Two.Example.com")
			},
			identities: []string{"one.example.com", "two.example.com"},
			proves:     []string{"one.example.com", "two.example.com"},
			not:        []string{"three.example.com"},
		},
		{
			name: "5922-7.1 a sip URI with user part is a user, the DNS name counts",
			change: func(c *x509.Certificate) {
				c.URIs, c.DNSNames = uris(t, "sip:alice@example.com"), []string{"dns.example.com"}
			},
			identities: []string{"dns.example.com"},
			proves:     []string{"dns.example.com"},
			not:        []string{"example.com", "alice@example.com"},
		},
		{
			name:       "5922-7.1 a user part alone proves nothing",
			change:     func(c *x509.Certificate) { c.URIs = uris(t, "sip:alice@example.com") },
			identities: nil,
			not:        []string{"example.com", "alice"},
		},
		{
			name: "5922-7.1 other schemes are no SIP domains",
			change: func(c *x509.Certificate) {
				c.URIs = uris(t, "sips:s.example.com", "https://h.example.com", "im:alice@i.example.com", "xmpp:x.example.com", "sip://a.example.com")
			},
			identities: nil,
			not:        []string{"s.example.com", "h.example.com", "i.example.com", "x.example.com", "a.example.com"},
		},
		{
			name: "5922-7.1 DNS names only without sip URI",
			change: func(c *x509.Certificate) {
				c.URIs, c.DNSNames = uris(t, "sip:example.com"), []string{"dns.example.com"}
			},
			identities: []string{"example.com"},
			proves:     []string{"example.com"},
			not:        []string{"dns.example.com"},
		},
		{
			name: "5922-7.1 DNS names beside URIs of other schemes",
			change: func(c *x509.Certificate) {
				c.URIs, c.DNSNames = uris(t, "https://h.example.com"), []string{"a.example.com", "b.example.com"}
			},
			identities: []string{"a.example.com", "b.example.com"},
			proves:     []string{"a.example.com", "b.example.com"},
			not:        []string{"h.example.com"},
		},
		{
			name:       "5922-7.1 the common name without any alternative name",
			change:     func(c *x509.Certificate) { c.Subject.CommonName = "cn.example.com" },
			identities: []string{"cn.example.com"},
			proves:     []string{"cn.example.com", "CN.example.COM"},
			not:        []string{"example.com"},
		},
		{
			name: "5922-7.1 no common name beside an alternative name of any kind",
			change: func(c *x509.Certificate) {
				c.Subject.CommonName, c.EmailAddresses = "cn.example.com", []string{"root@example.com"}
			},
			identities: nil,
			not:        []string{"cn.example.com", "example.com"},
		},
		{
			name: "5922-7.1 no common name beside an address",
			change: func(c *x509.Certificate) {
				c.Subject.CommonName, c.IPAddresses = "cn.example.com", []net.IP{net.ParseIP("192.0.2.1")}
			},
			proves: []string{"192.0.2.1"},
			not:    []string{"cn.example.com"},
		},
		{
			name:   "5922-7.1 a common name that is no domain name",
			change: func(c *x509.Certificate) { c.Subject.CommonName = "Example Inc" },
			not:    []string{"example inc", "example"},
		},
		{
			name:   "5922-7.1 a wildcard in the common name is no domain name",
			change: func(c *x509.Certificate) { c.Subject.CommonName = "*.example.com" },
			not:    []string{"a.example.com", "example.com"},
		},
		{
			name:       "5922-7.2 a wildcard matches nothing but itself",
			change:     func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} },
			identities: []string{"*.example.com"},
			not:        []string{"a.example.com", "example.com", "a.b.example.com"},
		},
		{
			name:       "5922-7.2 neither scheme nor port nor parameters are compared",
			change:     func(c *x509.Certificate) { c.URIs = uris(t, "sip:example.com:5061;transport=tls?a=b") },
			identities: []string{"example.com"},
			proves:     []string{"example.com"},
		},
		{
			name: "an address needs an iPAddress",
			change: func(c *x509.Certificate) {
				c.IPAddresses = []net.IP{net.ParseIP("192.0.2.1"), net.ParseIP("2001:db8::1")}
			},
			proves: []string{"192.0.2.1", "2001:db8::1", "2001:DB8:0::1", "::ffff:192.0.2.1"},
			not:    []string{"192.0.2.2", "2001:db8::2"},
		},
		{
			name: "an address is not proved by a text that looks like it",
			change: func(c *x509.Certificate) {
				c.Subject.CommonName, c.DNSNames, c.URIs = "192.0.2.1", []string{"192.0.2.1"}, uris(t, "sip:192.0.2.1", "sip:[2001:db8::1]")
			},
			identities: []string{"192.0.2.1", "2001:db8::1"},
			not:        []string{"192.0.2.1", "2001:db8::1"},
		},
		{
			name:   "an address in the common name",
			change: func(c *x509.Certificate) { c.Subject.CommonName = "192.0.2.1" },
			not:    []string{"192.0.2.1"},
		},
		{
			name:   "no name at all",
			change: func(*x509.Certificate) {},
			not:    []string{"example.com", ""},
		},
	}
}

// What RFC 5922 sections 7.1 and 7.2 say of each certificate.
func TestIdentities(t *testing.T) {
	ca := newAuthority(t, "authority")
	for _, row := range certificateRows(t) {
		t.Run(row.name, func(t *testing.T) {
			cert := ca.issue(row.change).Leaf
			require.Equal(t, row.identities, Identities(cert))
			for _, name := range row.proves {
				require.True(t, proves(cert, name, VerifySIP), name)
			}
			for _, name := range row.not {
				require.False(t, proves(cert, name, VerifySIP), name)
			}
		})
	}
}

// W04: each right certificate gives a flow and its identities, each wrong one an
// error with the names of the certificate and the one expected.
func TestW04Certificates(t *testing.T) {
	ca := newAuthority(t, "authority")
	for _, row := range certificateRows(t) {
		t.Run(row.name, func(t *testing.T) {
			cert := ca.issue(row.change)
			alice, bob := realNode(t, trusting(ca)), realNode(t, serving(cert))
			at := bob.listen(TLS, "127.0.0.1", 0).Addr()
			for _, name := range row.proves {
				f, err := alice.Dial(context.Background(), named(name, at))
				require.NoError(t, err, name)
				require.NotEmpty(t, f.Key().Name)
				require.Equal(t, row.identities, f.Identities())
				require.NotEmpty(t, f.TLS().VerifiedChains)
			}
			for _, name := range row.not {
				if name == "" {
					continue
				}
				_, err := alice.Dial(context.Background(), named(name, at))
				bad := requireUntrusted(t, err)
				require.ErrorIs(t, err, ErrWrongName)
				require.Equal(t, name, bad.Expected)
				require.Contains(t, err.Error(), name)
				for _, id := range row.identities {
					require.Contains(t, bad.Names, id)
					require.Contains(t, err.Error(), id)
				}
			}
		})
	}
}

// requireUntrusted asks for the whole chain of errors of a refused certificate.
func requireUntrusted(t testing.TB, err error) *CertificateError {
	t.Helper()
	require.ErrorIs(t, err, ErrUntrusted)
	var bad *CertificateError
	require.ErrorAs(t, err, &bad)
	var e *Error
	require.ErrorAs(t, err, &e)
	return bad
}

func TestVerifyHTTPS(t *testing.T) {
	ca := newAuthority(t, "authority")
	for _, row := range []struct {
		name     string
		change   func(*x509.Certificate)
		expected string
		ok       bool
	}{
		{"wildcard", func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} }, "a.example.com", true},
		{"wildcard of two labels", func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} }, "a.b.example.com", false},
		{"dns name", func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }, "EXAMPLE.com", true},
		{"no common name", func(c *x509.Certificate) { c.Subject.CommonName = "example.com" }, "example.com", false},
		{"no sip uri", func(c *x509.Certificate) { c.URIs = uris(t, "sip:example.com") }, "example.com", false},
		{"dns name beside sip uri", func(c *x509.Certificate) {
			c.URIs, c.DNSNames = uris(t, "sip:other.example.com"), []string{"example.com"}
		}, "example.com", true},
		{"address", func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.ParseIP("127.0.0.1")} }, "127.0.0.1", true},
		{"sip use alone", func(c *x509.Certificate) {
			c.DNSNames, c.UnknownExtKeyUsage = []string{"example.com"}, []asn1.ObjectIdentifier{sipDomainUse}
		}, "example.com", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			alice, bob := realNode(t, trusting(ca)), realNode(t, serving(ca.issue(row.change)))
			name := named(row.expected, bob.listen(TLS, "127.0.0.1", 0).Addr())
			name.Verify = VerifyHTTPS
			_, err := alice.Dial(context.Background(), name)
			if row.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, row.expected, requireUntrusted(t, err).Expected)
		})
	}
}

// The chain: RFC 5280 section 6, and what a certificate is for by RFC 5924.
func TestCertificateChains(t *testing.T) {
	ca := newAuthority(t, "authority")
	name := func(c *x509.Certificate) { c.DNSNames = []string{"example.com"} }
	use := func(uses ...x509.ExtKeyUsage) func(*x509.Certificate) {
		return func(c *x509.Certificate) { name(c); c.ExtKeyUsage = uses }
	}
	sipUse := func(c *x509.Certificate) { name(c); c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{sipDomainUse} }
	middle := ca.under("middle", nil)
	withMiddle := middle.issue(name)
	alone := withMiddle
	alone.Certificate = alone.Certificate[:1]
	mail := ca.under("mail", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} })
	sips := ca.under("sip", func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{sipDomainUse} })
	narrow := ca.under("narrow", func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.org"}, true
	})
	self := newAuthority(t, "self")

	for _, row := range []struct {
		name string
		cert tls.Certificate
		want any // an error to look for: a sentinel, or a type by pointer; nil is good
	}{
		{"no word of its use", ca.issue(name), nil},
		{"5924-5 for SIP domains", ca.issue(sipUse), nil},
		{"5924-5 for anything", ca.issue(use(x509.ExtKeyUsageAny)), nil},
		{"for servers", ca.issue(use(x509.ExtKeyUsageServerAuth)), nil},
		{"5924-5 for clients alone", ca.issue(use(x509.ExtKeyUsageClientAuth)), ErrWrongUse},
		{"5924-5 for mail alone", ca.issue(use(x509.ExtKeyUsageEmailProtection)), ErrWrongUse},
		{"through an authority between", withMiddle, nil},
		{"through an authority nobody has shown", alone, new(x509.UnknownAuthorityError)},
		{"through an authority for mail", mail.issue(name), ErrWrongUse},
		{"through an authority for SIP", sips.issue(sipUse), nil},
		{"of an authority for other names", narrow.issue(name), new(x509.CertificateInvalidError)},
		{"of an unknown authority", self.issue(name), new(x509.UnknownAuthorityError)},
		{"expired", ca.issue(func(c *x509.Certificate) {
			name(c)
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), new(x509.CertificateInvalidError)},
		{"not yet valid", ca.issue(func(c *x509.Certificate) { name(c); c.NotBefore = time.Now().Add(time.Hour) }), new(x509.CertificateInvalidError)},
	} {
		t.Run(row.name, func(t *testing.T) {
			alice, bob := realNode(t, trusting(ca)), realNode(t, serving(row.cert))
			f, err := alice.Dial(context.Background(), named("example.com", bob.listen(TLS, "127.0.0.1", 0).Addr()))
			if row.want == nil {
				require.NoError(t, err)
				require.Equal(t, []string{"example.com"}, f.Identities())
				return
			}
			bad := requireUntrusted(t, err)
			require.Equal(t, "example.com", bad.Expected)
			require.Equal(t, []string{"example.com"}, bad.Names)
			if sentinel, ok := row.want.(error); ok && sentinel == ErrWrongUse {
				require.ErrorIs(t, err, sentinel)
			} else {
				require.ErrorAs(t, err, row.want)
			}
			require.Equal(t, uint64(1), alice.Stats().Untrusted)
			// The server hears of it, by an alert.
			require.Eventually(t, func() bool { return bob.Stats().HandshakeFailures+uint64(len(bob.closed)) > 0 }, 10*time.Second, time.Millisecond)
		})
	}
}

func TestIsDomain(t *testing.T) {
	for s, want := range map[string]bool{
		"example.com": true, "example.com.": true, "a": true, "xn--bcher-kva.example": true, "_sip.example.com": true,
		"": false, ".": false, "a..b": false, ".a": false, "*.a": false, "a b": false, "-a": false, "a-": false,
		"192.0.2.1": false, "::1": false, "bücher.example": false, fmt.Sprintf("%064d.a", 0): false,
	} {
		require.Equal(t, want, isDomain(s), s)
	}
}

func TestVerificationString(t *testing.T) {
	require.Equal(t, "default sip https Verification(7)", fmt.Sprint(VerifyDefault, VerifySIP, VerifyHTTPS, Verification(7)))
}

// Whatever a URI in a certificate says, its domain is never that of a user, and
// holds nothing but a host.
func FuzzSIPDomain(f *testing.F) {
	for _, row := range []string{
		"sip:example.com", "SIP:example.com:5061;transport=tls?a=b", "sip:alice@example.com", "sips:example.com",
		"sip:[2001:db8::1]:5061", "sip://example.com", "sip:", "sip:;a", "sip:%40a", "sip:[::1", "sip:a?b@c",
	} {
		f.Add(row)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, err := url.Parse(s)
		if err != nil {
			return
		}
		host := sipDomain(u)
		if host != "" && (!strings.EqualFold(u.Scheme, "sip") || strings.Contains(s, "@")) {
			t.Fatalf("%q is the domain %q", s, host)
		}
		if strings.ContainsAny(host, "@;?[]") {
			t.Fatalf("%q has the host %q", s, host)
		}
	})
}

// Where a record ends does not depend on how its octets come.
func FuzzRecords(f *testing.F) {
	f.Add([]byte("\x17\x03\x03\x00\x02ab\x17\x03\x03\x00\x00\x16\x03\x01\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		whole, cut := &socket{}, &socket{}
		whole.follow(b)
		for rest := b; len(rest) > 0; {
			n := min(len(rest), int(step)+1)
			cut.follow(rest[:n])
			rest = rest[n:]
		}
		if whole.left != cut.left || whole.heads != cut.heads || whole.size != cut.size || whole.ended != cut.ended {
			t.Fatalf("%+v is not %+v", whole, cut)
		}
		if whole.left < 0 || whole.left > 0xffff || whole.heads >= recordHead {
			t.Fatalf("%+v", whole)
		}
	})
}
