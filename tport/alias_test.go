package tport

import (
	"crypto/tls"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// mutual is a node at bob that asks for certificates, and one at alice that has
// one for the domains given.
func (v *virtual) mutual(domains ...string) (alice, bob *node, at netip.AddrPort) {
	ca := newAuthority(v.t, "authority")
	cert := ca.domain(domains...)
	alice = v.node(v.alice, trusting(ca, func(c *tls.Config) { c.Certificates = []tls.Certificate{cert} }))
	bob = v.node(v.bob, serving(ca.domain("bob.example.net"), func(c *tls.Config) {
		c.ClientCAs, c.ClientAuth = ca.pool(), tls.VerifyClientCertIfGiven
	}))
	return alice, bob, bob.listen(TLS, "198.51.100.1", 5061).Addr()
}

// A connection that the peer opened serves requests to the names that its
// certificate proves, at the address that it says, and to no others (RFC 5923).
func TestAlias(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.mutual("example.com", "example.org")
		f, err := alice.Dial(t.Context(), named("bob.example.net", at))
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		d, _ := bob.next()
		alias := named("example.com", netip.MustParseAddrPort("192.0.2.1:5061"))
		_, ok := bob.Ready(alias)
		require.False(t, ok, "an address alone proves nothing")

		require.NoError(t, d.Flow.Alias(alias))
		require.NoError(t, d.Flow.Alias(alias))
		got, ok := bob.Ready(alias)
		require.True(t, ok)
		require.Same(t, d.Flow, got)
		_, err = bob.Send(t.Context(), alias, parse(t, text("2", "")))
		require.NoError(t, err)
		back, id := alice.next()
		require.Equal(t, "2", id)
		require.Equal(t, f.Key(), back.Flow.Key())
		require.Zero(t, bob.Stats().Dialled)

		// The other name that it has proved needs an alias of its own; a third
		// can have none (section 9.3).
		other := alias
		other.ServerName = "example.org"
		_, ok = bob.Ready(other)
		require.False(t, ok)
		require.NoError(t, d.Flow.Alias(other))
		_, ok = bob.Ready(other)
		require.True(t, ok)
		for _, wrong := range []string{"example.net", "sub.example.com", "", "192.0.2.1"} {
			other.ServerName = wrong
			require.ErrorIs(t, d.Flow.Alias(other), ErrNotProved, wrong)
			_, ok = bob.Ready(other)
			require.False(t, ok, wrong)
		}
		other = alias
		other.Port = 0
		require.ErrorIs(t, d.Flow.Alias(other), ErrNoPort)
		other.Port, other.Host = 1, "example.com"
		require.ErrorIs(t, d.Flow.Alias(other), ErrNotNumeric)
		other.Proto = TCP
		require.ErrorIs(t, d.Flow.Alias(other), ErrNoTransport)

		// There is a limit, and the alias ends with the flow.
		other = alias
		for port := uint16(6000); port < 6000+namesShared-2; port++ {
			other.Port = port
			require.NoError(t, d.Flow.Alias(other))
		}
		other.Port = 7000
		require.ErrorIs(t, d.Flow.Alias(other), ErrAliases)
		require.NoError(t, f.Close())
		get(t, bob.failed)
		synctest.Wait()
		_, ok = bob.Ready(alias)
		require.False(t, ok)
		require.ErrorIs(t, d.Flow.Alias(alias), ErrGone)
	})
}

// The newest connection has the name: the peer opened it for a reason.
func TestAliasNewest(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob, at := v.mutual("example.com")
		alias := named("example.com", netip.MustParseAddrPort("192.0.2.1:5061"))
		name := named("bob.example.net", at)
		var flows []*Flow
		for range 3 {
			name.Fresh = true
			_, err := alice.Send(t.Context(), name, parse(t, text("1", "")))
			require.NoError(t, err)
			d, _ := bob.next()
			require.NoError(t, d.Flow.Alias(alias))
			got, ok := bob.Ready(alias)
			require.True(t, ok)
			require.Same(t, d.Flow, got)
			flows = append(flows, d.Flow)
		}
		require.NoError(t, flows[0].Close())
		<-flows[0].Done()
		synctest.Wait()
		got, ok := bob.Ready(alias)
		require.True(t, ok)
		require.Same(t, flows[2], got, "the end of an old one takes nothing along")
	})
}

// Who has proved nothing gets no alias: without a certificate, without TLS.
func TestAliasUnproved(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "authority")
		alice, bob, at := v.tlsPair(ca, ca.domain("bob.example.net"))
		plain := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		bob.listen(UDP, "198.51.100.1", 5060)
		alice.listen(UDP, "192.0.2.1", 5060)
		f, err := alice.Dial(t.Context(), named("bob.example.net", at))
		require.NoError(t, err)
		for want, f := range map[string]*Flow{TLS: f, TCP: alice.dial(TCP, plain), UDP: alice.dial(UDP, plain)} {
			require.NoError(t, f.Send(parse(t, text("1", ""))))
			d, _ := bob.next()
			name := Name{Proto: want, Host: "192.0.2.1", Port: 5061, ServerName: "example.com"}
			err := d.Flow.Alias(name)
			if want == UDP {
				require.ErrorIs(t, err, ErrNoTransport)
			} else {
				require.ErrorIs(t, err, ErrNotProved)
			}
			_, ok := bob.Ready(name)
			require.Equal(t, want == UDP, ok)
		}
	})
}
