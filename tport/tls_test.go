package tport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// reach dials and asks for no error.
func (n *node) reachTLS(server string, at netip.AddrPort) *Flow {
	n.t.Helper()
	f, err := n.Dial(context.Background(), named(server, at))
	require.NoError(n.t, err)
	return f
}

func TestTLSExchange(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		ca := newAuthority(t, "authority")
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			limit := func(c *tls.Config) { c.MaxVersion = version }
			bob, alice := realNode(t, serving(ca.domain("bob.example.com"), limit)), realNode(t, trusting(ca))
			at := bob.listen(TLS, host, 0).Addr()
			f := alice.reachTLS("bob.example.com", at)
			exchange(t, alice, bob, f, at)
			require.True(t, f.Reliable())
			require.Equal(t, "bob.example.com", f.Key().Name)
			require.Equal(t, version, f.TLS().Version)
			require.Equal(t, "bob.example.com", get(t, bob.opened).TLS().ServerName, "SNI")
			require.Same(t, f, alice.reachTLS("BOB.example.com.", at), "an open connection is used again")

			// Larger than a record, and several in one.
			long := pad(100_000)
			require.NoError(t, f.Send(parse(t, text("long", long))))
			for range 20 {
				require.NoError(t, f.Send(parse(t, text("short", ""))))
			}
			d, id := bob.next()
			require.Equal(t, "long", id)
			require.Equal(t, long, d.Msg.Body())
			for range 20 {
				_, id = bob.next()
				require.Equal(t, "short", id)
			}
		}
	})
}

// An address is never sent as a server name, and is proved by an iPAddress.
func TestTLSNumericHost(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		ca := newAuthority(t, "authority")
		bob, alice := realNode(t, serving(ca.address(host))), realNode(t, trusting(ca))
		at := bob.listen(TLS, host, 0).Addr()
		f := alice.reachTLS("", at)
		exchange(t, alice, bob, f, at)
		require.Equal(t, host, f.Key().Name)
		require.Empty(t, get(t, bob.opened).TLS().ServerName)
		same, err := alice.Dial(context.Background(), named(host, at))
		require.NoError(t, err)
		require.NotNil(t, same)

		carol := realNode(t, serving(ca.domain("carol.example.com")))
		_, err = alice.Dial(context.Background(), named("", carol.listen(TLS, host, 0).Addr()))
		require.Equal(t, host, requireUntrusted(t, err).Expected)
	})
}

func TestTLSVirtual(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		exchange(t, alice, bob, alice.reachTLS("bob.example.com", at), at)
	})
}

// T11 on TLS: messages and keep-alives in order over any cut of the stream.
func TestT11TLSCutAtEveryOctet(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		cut := &cutConn{Conn: v.connect(at)}
		c := tls.Client(cut, &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
		require.NoError(t, c.Handshake())
		cut.on = true
		stream, ids := traffic()
		write(t, c, stream)
		synctest.Wait()
		for _, id := range ids {
			_, got := bob.next()
			require.Equal(t, id, got)
		}
		none(t, bob.inbox)
		c.Close()
	})
}

// cutConn writes octet by octet, each read by itself.
type cutConn struct {
	net.Conn
	on bool
}

func (c *cutConn) Write(b []byte) (int, error) {
	if !c.on {
		return c.Conn.Write(b)
	}
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
		synctest.Wait()
	}
	return len(b), nil
}

// W05: a shared connection is asked for each new name whether its peer proves
// it; a name that it does not prove gets a connection of its own.
func TestW05NewNameOnSharedConnection(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		one, two := ca.domain("a.example.com", "b.example.com"), ca.domain("c.example.com")
		two.Leaf = nil
		alice, _, at := v.tlsPair(ca, one, func(c *tls.Config) { c.Certificates = append(c.Certificates, two) })

		f := alice.reachTLS("a.example.com", at)
		require.Same(t, f, alice.reachTLS("b.example.com", at), "the certificate proves both")
		ready, ok := alice.Ready(named("b.example.com", at))
		require.True(t, ok)
		require.Same(t, f, ready)

		other := alice.reachTLS("c.example.com", at)
		require.NotEqual(t, f.Key(), other.Key())
		require.Equal(t, []string{"c.example.com"}, other.Identities())
		_, err := alice.Dial(context.Background(), named("d.example.com", at))
		require.Equal(t, "d.example.com", requireUntrusted(t, err).Expected)
		_, ok = alice.Ready(named("d.example.com", at))
		require.False(t, ok)
		require.Equal(t, uint64(2), alice.Stats().Dialled)

		// Another rule, another configuration or another port shares nothing.
		for _, change := range []func(*Name){
			func(n *Name) { n.Verify = VerifyHTTPS },
			func(n *Name) { n.TLS = &tls.Config{RootCAs: ca.pool()} },
			func(n *Name) { n.ServerName, n.Port = "a.example.com", 5062 },
		} {
			n := named("b.example.com", at)
			change(&n)
			_, ok = alice.Ready(n)
			require.False(t, ok)
		}
		// What has ended is not shared.
		require.NoError(t, f.Close())
		<-f.Done()
		_, ok = alice.Ready(named("b.example.com", at))
		require.False(t, ok)
		require.NoError(t, other.Close())
		<-other.Done()
	})
}

// W05: what holds for the handshake holds for the name that comes later: the
// time, and hooks of the user's.
func TestW05NotSharedBlindly(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		cert := ca.issue(func(c *x509.Certificate) {
			c.DNSNames, c.NotAfter = []string{"a.example.com", "b.example.com"}, time.Now().Add(10*time.Minute)
		})
		alice, bob, at := v.tlsPair(ca, cert)
		f := alice.reachTLS("a.example.com", at)
		time.Sleep(11 * time.Minute)
		require.NoError(t, f.Err())
		_, ok := alice.Ready(named("b.example.com", at))
		require.False(t, ok, "the certificate has expired")
		_, ok = alice.Ready(named("a.example.com", at))
		require.True(t, ok, "what was proved stays")

		require.NoError(t, bob.SetTLS(&tls.Config{Certificates: []tls.Certificate{ca.domain("a.example.com", "b.example.com")}}))
		hooked := named("a.example.com", at)
		var asked []string
		hooked.TLS = &tls.Config{RootCAs: ca.pool(), VerifyConnection: func(s tls.ConnectionState) error {
			require.NotEmpty(t, s.VerifiedChains)
			asked = append(asked, s.ServerName)
			return nil
		}}
		_, err := alice.Dial(context.Background(), hooked)
		require.NoError(t, err)
		hooked.ServerName = "b.example.com"
		_, err = alice.Dial(context.Background(), hooked)
		require.NoError(t, err)
		require.Equal(t, []string{"a.example.com", "b.example.com"}, asked)
	})
}

// W06: TLS 1.2 at least and no renegotiation, whatever the user's configuration says.
func TestW06Versions(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		old := func(c *tls.Config) { c.MinVersion, c.Renegotiation = tls.VersionTLS10, tls.RenegotiateFreelyAsClient }
		alice := v.node(v.alice, trusting(ca, old))
		bob := v.node(v.bob, serving(ca.domain("bob.example.com"), old, func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				return &tls.Config{MinVersion: tls.VersionTLS10, Certificates: c.Certificates}, nil
			}
		}))
		at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
		c := tls.Client(v.connect(at), &tls.Config{
			RootCAs: ca.pool(), ServerName: "bob.example.com", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
		})
		require.ErrorContains(t, c.Handshake(), "protocol version")
		c.Close()

		l, err := v.bob.Listen(context.Background(), "tcp", "198.51.100.1:5062")
		require.NoError(t, err)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			_ = tls.Server(conn, &tls.Config{
				Certificates: []tls.Certificate{ca.domain("bob.example.com")}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
			}).Handshake()
		}()
		_, err = alice.Dial(context.Background(), named("bob.example.com", netip.MustParseAddrPort("198.51.100.1:5062")))
		require.Error(t, err)
		l.Close()

		require.Equal(t, tls.RenegotiateNever, alice.tls.Load().user.Renegotiation)
		for _, err := range []error{
			alice.SetTLS(&tls.Config{MaxVersion: tls.VersionTLS11}),
			bob.Primaries()[0].SetTLS(&tls.Config{MaxVersion: tls.VersionTLS11}),
		} {
			require.ErrorContains(t, err, "MaxVersion")
		}
		name := named("bob.example.com", at)
		name.TLS = &tls.Config{MaxVersion: tls.VersionTLS11}
		_, err = alice.Dial(context.Background(), name)
		require.ErrorContains(t, err, "MaxVersion")
		_, err = New(Config{Class: testClass(), Deliver: func(*Delivery) {}, TLS: &tls.Config{MaxVersion: tls.VersionTLS11}})
		require.ErrorContains(t, err, "MaxVersion")
	})
}

// W07: the server asks for a certificate if it is told to; who the client is
// goes with each message.
func TestW07ClientCertificates(t *testing.T) {
	authorities := func(t *testing.T) (ca, foreign *authority) {
		return newAuthority(t, "authority"), newAuthority(t, "foreign")
	}
	const (
		noCertificate = iota
		good
		wrong
		forMail
	)
	for _, row := range []struct {
		auth       tls.ClientAuthType
		shows      int
		ok         bool
		identities []string
	}{
		{tls.NoClientCert, good, true, nil},
		{tls.RequestClientCert, good, true, nil}, // asked for, not verified
		{tls.RequireAnyClientCert, wrong, true, nil},
		{tls.RequireAnyClientCert, noCertificate, false, nil},
		{tls.VerifyClientCertIfGiven, noCertificate, true, nil},
		{tls.VerifyClientCertIfGiven, good, true, []string{"alice.example.com"}},
		{tls.VerifyClientCertIfGiven, wrong, false, nil},
		{tls.RequireAndVerifyClientCert, noCertificate, false, nil},
		{tls.RequireAndVerifyClientCert, good, true, []string{"alice.example.com"}},
		{tls.RequireAndVerifyClientCert, wrong, false, nil},
		{tls.RequireAndVerifyClientCert, forMail, false, nil},
	} {
		t.Run(row.auth.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				ca, foreign := authorities(t)
				bob := v.node(v.bob, serving(ca.domain("bob.example.com"), func(c *tls.Config) {
					c.ClientAuth, c.ClientCAs = row.auth, ca.pool()
				}))
				alice := v.node(v.alice, trusting(ca, func(c *tls.Config) {
					cert := ca.issue(func(c *x509.Certificate) {
						c.URIs, c.DNSNames = uris(t, "sip:alice.example.com"), []string{"host.example.com"}
						if row.shows == forMail {
							c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
						}
					})
					if row.shows == wrong {
						cert = foreign.domain("alice.example.com")
					}
					if row.shows != noCertificate {
						c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
					}
				}))
				at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
				f := alice.reachTLS("bob.example.com", at) // with TLS 1.3 a client's part is over first
				if !row.ok {
					end := get(t, alice.failed)
					require.Same(t, f, end.flow)
					require.ErrorIs(t, end.err, ErrRefused)
					synctest.Wait()
					require.Equal(t, uint64(1), bob.Stats().HandshakeFailures)
					none(t, bob.opened)
					return
				}
				exchange(t, alice, bob, f, at)
				accepted := get(t, bob.opened)
				require.Empty(t, accepted.Key().Name, "an accepting end has asked for no name")
				require.Equal(t, row.identities, accepted.Identities())
				require.Equal(t, row.identities != nil, accepted.TLS().VerifiedChains != nil)
				require.NoError(t, f.Send(parse(t, text("1", ""))))
				d, _ := bob.next()
				require.Equal(t, row.identities, d.Identities)
				require.Same(t, accepted.TLS(), d.TLS)
			})
		})
	}
}

// With TLS 1.2 a client hears at once that its certificate is refused.
func TestW07RefusedInHandshake(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"), func(c *tls.Config) {
			c.ClientAuth, c.MaxVersion = tls.RequireAndVerifyClientCert, tls.VersionTLS12
		})
		_, err := alice.Dial(context.Background(), named("bob.example.com", at))
		require.ErrorIs(t, err, ErrRefused)
		synctest.Wait()
		require.Equal(t, uint64(1), bob.Stats().HandshakeFailures)
		require.Equal(t, uint64(1), alice.Stats().HandshakeFailures)
		require.Equal(t, uint64(1), alice.Stats().DialFailures)
	})
}

// A session is resumed, and its peer verified again for the name asked for.
func TestTLSResumption(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		bubble(t, func(t *testing.T, v *virtual) {
			ca := newAuthority(t, "authority")
			alice := v.node(v.alice, trusting(ca, func(c *tls.Config) {
				mine := ca.domain("alice.example.com")
				c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &mine, nil }
			}))
			bob := v.node(v.bob, serving(ca.domain("bob.example.com"), func(c *tls.Config) {
				c.MaxVersion, c.ClientAuth, c.ClientCAs = version, tls.RequireAndVerifyClientCert, ca.pool()
			}))
			at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
			for i := range 3 {
				f := alice.reachTLS("bob.example.com", at)
				require.Equal(t, i > 0, f.TLS().DidResume)
				exchange(t, alice, bob, f, at)
				accepted := get(t, bob.opened)
				require.Equal(t, i > 0, accepted.TLS().DidResume)
				require.Equal(t, []string{"alice.example.com"}, accepted.Identities())
				require.Equal(t, []string{"bob.example.com"}, f.Identities())
				require.NoError(t, f.Close())
				<-f.Done()
			}
			// Authorities that are gone take their sessions with them.
			require.NoError(t, bob.SetTLS(&tls.Config{
				Certificates: []tls.Certificate{ca.domain("bob.example.com")}, ClientAuth: tls.RequireAndVerifyClientCert,
				ClientCAs: newAuthority(t, "new").pool(), MaxVersion: version,
			}))
			f, err := alice.Dial(context.Background(), named("bob.example.com", at))
			if err == nil {
				<-f.Done()
				err = f.Err()
			}
			require.ErrorIs(t, err, ErrRefused)
			synctest.Wait()
			require.Equal(t, uint64(1), bob.Stats().Untrusted)
		})
	}
}

// wideCache gives one session for every name, which no cache should.
type wideCache struct{ state *tls.ClientSessionState }

func (c *wideCache) Get(string) (*tls.ClientSessionState, bool) { return c.state, c.state != nil }
func (c *wideCache) Put(_ string, s *tls.ClientSessionState)    { c.state = s }

// W05: a resumed session is no way round the comparison of names.
func TestW05ResumedForAnotherName(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		cache := &wideCache{}
		alice := v.node(v.alice, trusting(ca, func(c *tls.Config) { c.ClientSessionCache = cache }))
		bob := v.node(v.bob, serving(ca.domain("bob.example.com")))
		at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
		f := alice.reachTLS("bob.example.com", at)
		exchange(t, alice, bob, f, at)
		require.NotNil(t, cache.state)
		_, err := alice.Dial(context.Background(), named("carol.example.com", at))
		require.Equal(t, "carol.example.com", requireUntrusted(t, err).Expected)
	})
}

// New certificates and authorities come into force without an end to any connection.
func TestTLSReplacedWhileRunning(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		old, young := newAuthority(t, "old"), newAuthority(t, "young")
		alice, bob, at := v.tlsPair(old, old.domain("bob.example.com"))
		first := alice.reachTLS("bob.example.com", at)
		exchange(t, alice, bob, first, at)

		require.NoError(t, bob.SetTLS(&tls.Config{Certificates: []tls.Certificate{young.domain("bob.example.com", "new.example.com")}}))
		require.NoError(t, first.Send(parse(t, text("still", ""))))
		_, id := bob.next()
		require.Equal(t, "still", id)
		_, err := alice.Dial(context.Background(), named("new.example.com", at))
		requireUntrusted(t, err)
		require.ErrorAs(t, err, new(x509.UnknownAuthorityError))

		require.NoError(t, alice.SetTLS(&tls.Config{RootCAs: young.pool()}))
		second := alice.reachTLS("new.example.com", at)
		exchange(t, alice, bob, second, at)
		require.NotEqual(t, first.Key(), second.Key())
		require.Same(t, first, alice.reachTLS("bob.example.com", at), "open connections are used further")

		// A primary with a configuration of its own.
		p := bob.Primaries()[0]
		require.NoError(t, p.SetTLS(&tls.Config{Certificates: []tls.Certificate{young.domain("third.example.com")}}))
		require.Equal(t, []string{"third.example.com"}, alice.reachTLS("third.example.com", at).Identities())
		require.ErrorIs(t, p.SetTLS(&tls.Config{}), ErrNoCertificate)
		require.ErrorIs(t, p.SetTLS(nil), ErrNoCertificate)
		require.NoError(t, bob.SetTLS(nil), "nobody needs it now")
		require.NoError(t, alice.SetTLS(nil))
		require.NoError(t, first.Err())
		none(t, alice.failed)
	})
}

// Configurations for each name: at the accepting end by the name that a client
// asks for or by the primary, at the connecting end by Name.TLS.
func TestTLSConfigurationsByName(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca, other := newAuthority(t, "authority"), newAuthority(t, "other")
		strictHost := &tls.Config{
			Certificates: []tls.Certificate{other.domain("strict.example.com")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: other.pool(),
		}
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"), func(c *tls.Config) {
			c.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				switch hello.ServerName {
				case "strict.example.com":
					return strictHost, nil
				case "none.example.com":
					return nil, errors.New("nobody of this name")
				}
				return nil, nil
			}
		})
		own := &tls.Config{RootCAs: other.pool(), Certificates: []tls.Certificate{other.domain("alice.example.com")}}
		strictName := named("strict.example.com", at)
		strictName.TLS = own
		for i := range 2 {
			f, err := alice.Dial(context.Background(), strictName)
			require.NoError(t, err)
			exchange(t, alice, bob, f, at)
			require.Equal(t, []string{"alice.example.com"}, get(t, bob.opened).Identities())
			require.Equal(t, i > 0, f.TLS().DidResume)
			require.NoError(t, f.Close())
			<-f.Done()
		}
		f := alice.reachTLS("bob.example.com", at)
		exchange(t, alice, bob, f, at)
		require.Nil(t, get(t, bob.opened).Identities())
		_, err := alice.Dial(context.Background(), named("none.example.com", at))
		require.ErrorIs(t, err, ErrRefused)

		// A primary of its own configuration, on a transport without any.
		carol := v.node(v.bob)
		_, err = carol.Listen(context.Background(), Name{Proto: TLS, Host: "198.51.100.2", Port: 5061})
		require.ErrorIs(t, err, ErrNoCertificate)
		_, err = carol.Listen(context.Background(), Name{Proto: TLS, Host: "198.51.100.2", Port: 5061, TLS: &tls.Config{}})
		require.ErrorIs(t, err, ErrNoCertificate)
		p, err := carol.Listen(context.Background(), Name{Proto: TLS, Host: "198.51.100.2", Port: 5061, TLS: strictHost})
		require.NoError(t, err)
		strictName = named("strict.example.com", p.Addr())
		strictName.TLS = own
		f, err = alice.Dial(context.Background(), strictName)
		require.NoError(t, err)
		exchange(t, alice, carol, f, p.Addr())
	})
}

// Verification is off only where the user says so; then it is logged once, and
// nobody has proved anything.
func TestTLSInsecure(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		var log bytes.Buffer
		alice := v.node(v.alice, trusting(ca, func(c *tls.Config) { c.InsecureSkipVerify = true }), func(c *Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		bob := v.node(v.bob, serving(ca.domain("bob.example.com")))
		at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
		for range 2 {
			f := alice.reachTLS("carol.example.com", at)
			exchange(t, alice, bob, f, at)
			require.Empty(t, f.Key().Name)
			require.Nil(t, f.Identities())
			require.NoError(t, f.Close())
			<-f.Done()
		}
		require.Equal(t, 1, strings.Count(log.String(), "NOT VERIFIED"), log.String())
		// Nothing is shared where nothing is proved.
		alice.reachTLS("carol.example.com", at)
		_, ok := alice.Ready(named("bob.example.com", at))
		require.False(t, ok)
	})
}

// close_notify goes out behind everything else, and is understood.
func TestTLSCloseNotify(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		_, bob, at := v.tlsPair(ca, ca.domain("bob.example.com"))
		dial := func() *tls.Conn {
			c := tls.Client(v.connect(at), &tls.Config{RootCAs: ca.pool(), ServerName: "bob.example.com"})
			require.NoError(t, c.Handshake())
			return c
		}
		c := dial()
		f := get(t, bob.opened)
		require.NoError(t, f.Send(parse(t, text("last", ""))))
		require.NoError(t, f.Close())
		all, err := io.ReadAll(c) // an end without close_notify would be an error
		require.NoError(t, err)
		require.Equal(t, text("last", ""), string(all))
		require.ErrorIs(t, get(t, bob.failed).err, ErrClosed)
		c.Close()

		c = dial()
		require.NoError(t, c.CloseWrite())
		require.ErrorIs(t, get(t, bob.failed).err, io.EOF)
		_, err = io.ReadAll(c)
		require.NoError(t, err)
		c.Close()

		// In the middle of a message it is no good end.
		c = dial()
		write(t, c, text("half", pad(100))[:60])
		synctest.Wait()
		require.NoError(t, c.CloseWrite())
		require.ErrorIs(t, get(t, bob.failed).err, io.ErrUnexpectedEOF)
		c.Close()
	})
}
