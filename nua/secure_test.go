package nua

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// onlyTLS has an agent speak TLS with a certificate for its address, and nothing else.
func (l *lab) onlyTLS(ca *simnet.Authority, a *nta.Agent, addr string) {
	l.t.Helper()
	require.NoError(l.t, a.Transport().SetTLS(&tls.Config{
		RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Issue(addr)},
	}))
	for _, p := range a.Transport().Primaries() {
		require.NoError(l.t, p.Close())
	}
	_, err := a.Listen(l.t.Context(), tport.Name{Proto: tport.TLS, Host: addr, Port: 5061})
	require.NoError(l.t, err)
}

// A call to a SIPS URI, or by transport=tls, from the first message to the last.
func TestSIPSCall(t *testing.T) {
	for _, row := range []struct{ uri, contact, answered string }{
		{"sips:bob@10.0.0.2", "sips:alice@10.0.0.1:5061", "sips:bob@10.0.0.2:5061"},
		{"sips:bob@10.0.0.2:5061;transport=tcp", "sips:alice@10.0.0.1:5061", "sips:bob@10.0.0.2:5061"},
		{"sip:bob@10.0.0.2;transport=tls", "sip:alice@10.0.0.1:5061;transport=tls", "sip:bob@10.0.0.2:5061;transport=tls"},
	} {
		t.Run(row.uri, func(t *testing.T) {
			inLab(t, func(l *lab) {
				ctx, in := context.Background(), make(calls, 1)
				ca := simnet.NewAuthority("authority")
				alice := l.ua("alice", "10.0.0.1", Config{})
				bob := l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
				l.onlyTLS(ca, alice.Agent(), "10.0.0.1")
				l.onlyTLS(ca, bob.Agent(), "10.0.0.2")
				call, err := alice.Invite(ctx, row.uri, CallConfig{})
				require.NoError(t, err)
				theirs := <-in
				contact, _, err := sip.Contact.Get(theirs.Request())
				require.NoError(t, err)
				require.Equal(t, row.contact, contact.URI.String())
				require.NoError(t, theirs.Ring())
				require.NoError(t, theirs.Answer(ctx))
				require.NoError(t, theirs.Wait(ctx, Ready))
				require.NoError(t, call.Wait(ctx, Ready))
				require.NoError(t, call.Hold(ctx))
				require.NoError(t, theirs.Bye(ctx))
				require.NoError(t, call.Wait(ctx, Terminated))
				require.NoError(t, call.Err())
			})
		})
	}
}

// A phone without a certificate cannot listen: it is reached on the connection it
// has made, whose address it gives as its own, in requests and in responses.
func TestTLSWithoutListener(t *testing.T) {
	for _, scheme := range []string{"sip", "sips"} {
		inLab(t, func(l *lab) {
			ctx, in := context.Background(), make(calls, 1)
			ca := simnet.NewAuthority("authority")
			alice := l.ua("alice", "10.0.0.1", Config{})
			bob := l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
			require.NoError(t, alice.Agent().Transport().SetTLS(&tls.Config{RootCAs: ca.Pool()}))
			l.onlyTLS(ca, bob.Agent(), "10.0.0.2")
			call, err := alice.Invite(ctx, scheme+":bob@10.0.0.2;transport=tls", CallConfig{})
			require.NoError(t, err)
			theirs := <-in
			contact, _, err := sip.Contact.Get(theirs.Request())
			require.NoError(t, err)
			require.Equal(t, scheme, contact.URI.Scheme)
			require.Equal(t, "10.0.0.1", contact.URI.Host)
			require.GreaterOrEqual(t, contact.URI.Port, uint16(32768), "of the connection")
			require.NoError(t, theirs.Answer(ctx))
			require.NoError(t, theirs.Wait(ctx, Ready))
			require.NoError(t, call.Wait(ctx, Ready))
			require.NoError(t, theirs.Hold(ctx))
			theirs.step(func(s *nta.Step) { require.Equal(t, contact.URI.HostPort(), theirs.leg.Target(s).HostPort()) })
			require.NoError(t, call.Hold(ctx))
			require.NoError(t, theirs.Bye(ctx))
			require.NoError(t, call.Wait(ctx, Terminated))
			require.NoError(t, call.Err())
			require.EqualValues(t, 1, bob.Agent().Transport().Stats().Accepted)
			require.Zero(t, bob.Agent().Transport().Stats().Dialled)
		})
	}
}

// Its registration gives that address too, and a new one with a new connection.
func TestTLSRegisterWithoutListener(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx := context.Background()
		ca := simnet.NewAuthority("authority")
		reg := l.registrar("10.0.0.9")
		alice := l.ua("alice", "10.0.0.1", Config{
			Identity: "sips:alice@10.0.0.9", Auth: []auth.User{{Username: "alice", Password: "secret"}},
		})
		l.onlyTLS(ca, reg.Agent, "10.0.0.9")
		require.NoError(t, alice.Agent().Transport().SetTLS(&tls.Config{RootCAs: ca.Pool()}))
		r, err := alice.Register(ctx, RegisterConfig{})
		require.NoError(t, err)
		r.mu.Lock()
		key := r.view.key
		r.mu.Unlock()
		flow, ok := alice.Agent().Transport().Find(key)
		require.True(t, ok)
		require.Equal(t, "sips:alice@"+flow.Local().String(), r.Contact().URI.String())
		reg.mu.Lock()
		require.Contains(t, reg.bindings, r.Contact().URI.String())
		reg.mu.Unlock()
		require.NoError(t, flow.Close())
		require.Eventually(t, func() bool { return r.Contact().URI.HostPort() != flow.Local().String() }, time.Hour, time.Second)
		require.Equal(t, Registered, r.State())
		require.NoError(t, r.Unregister(ctx))
	})
}

// T10: a call to a SIPS URI fails where the peer has no TLS, or does not prove
// who it is.
func TestT10SIPSCallFails(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx, in := context.Background(), make(calls, 1)
		ca := simnet.NewAuthority("authority")
		alice := l.ua("alice", "10.0.0.1", Config{})
		bob := l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		require.NoError(t, alice.Agent().Transport().SetTLS(&tls.Config{
			RootCAs: ca.Pool(), Certificates: []tls.Certificate{ca.Issue("10.0.0.1")},
		}))
		require.NoError(t, alice.Listen(ctx, "tls:10.0.0.1"))
		call, err := alice.Invite(ctx, "sips:bob@10.0.0.2", CallConfig{})
		if err == nil {
			require.NoError(t, call.Wait(ctx, Terminated))
			err = call.Err()
		}
		require.Error(t, err)
		require.NoError(t, bob.Agent().Transport().SetTLS(&tls.Config{Certificates: []tls.Certificate{ca.Issue("bob.example.org")}}))
		require.NoError(t, bob.Listen(ctx, "tls:10.0.0.2"))
		call, err = alice.Invite(ctx, "sips:bob@10.0.0.2", CallConfig{})
		if err == nil {
			require.NoError(t, call.Wait(ctx, Terminated))
			err = call.Err()
		}
		require.ErrorIs(t, err, tport.ErrUntrusted)
		require.ErrorContains(t, err, "bob.example.org")
		require.ErrorContains(t, err, "10.0.0.2")
		require.Empty(t, in)
		require.Zero(t, bob.Agent().Transport().Stats().Received)
	})
}

func TestSIPSRegister(t *testing.T) {
	inLab(t, func(l *lab) {
		ctx := context.Background()
		ca := simnet.NewAuthority("authority")
		reg := l.registrar("10.0.0.9")
		alice := l.ua("alice", "10.0.0.1", Config{
			Identity: "sips:alice@10.0.0.9", Auth: []auth.User{{Username: "alice", Password: "secret"}},
		})
		l.onlyTLS(ca, reg.Agent, "10.0.0.9")
		l.onlyTLS(ca, alice.Agent(), "10.0.0.1")
		r, err := alice.Register(ctx, RegisterConfig{})
		require.NoError(t, err)
		require.Equal(t, "sips:alice@10.0.0.1:5061", r.Contact().URI.String())
		reg.mu.Lock()
		require.Contains(t, reg.bindings, "sips:alice@10.0.0.1:5061")
		for _, req := range reg.requests {
			require.Equal(t, "TLS", req.TopVia().Transport)
			require.Equal(t, "sips:10.0.0.9", req.RequestURI())
		}
		reg.mu.Unlock()
		require.NoError(t, r.Refresh(ctx))
		require.NoError(t, r.Unregister(ctx))
		require.EqualValues(t, 1, alice.Agent().Transport().Stats().Dialled)
	})
}
