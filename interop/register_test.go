//go:build linux

package interop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
)

// The library registers at kamailio, whose location table is the judge. The
// user dave belongs to these tests; nobody else registers him.

// eachRegistrar runs a test at both registrars over both transports.
func eachRegistrar(t *testing.T, f func(t *testing.T, r lab.Registrar, algorithm, transport string)) {
	for _, at := range []struct {
		algorithm string
		registrar lab.Registrar
	}{
		{"MD5", peers.RegistrarMD5()},
		{"SHA-256", peers.RegistrarSHA256()},
	} {
		for _, transport := range []string{"udp", "tcp"} {
			t.Run(at.algorithm+"/"+transport, func(t *testing.T) { f(t, at.registrar, at.algorithm, transport) })
		}
	}
}

func TestRegister(t *testing.T) {
	eachRegistrar(t, func(t *testing.T, r lab.Registrar, algorithm, transport string) {
		p := newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), transport), nil)
		require.Empty(t, r.Bindings(t, "dave"))

		// Register: a challenge, then the binding.
		reg, err := p.Register(within(t, patience), nua.RegisterConfig{Expires: 300 * time.Second})
		require.NoError(t, err)
		require.Equal(t, nua.Registered, reg.State())
		require.Equal(t, 300*time.Second, reg.Expires())
		require.NoError(t, reg.Err())
		require.Len(t, reg.Contacts(), 1)
		require.Equal(t, 2, p.tries(sent, "REGISTER"))
		all := p.all(sent, "REGISTER")
		credentials, ok, err := auth.Authorization.Get(all[len(all)-1].Message)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, algorithm, credentials.Algorithm)
		require.Equal(t, "lab.test", credentials.Realm)
		require.Equal(t, transport, all[0].proto)

		table := r.Bindings(t, "dave")
		require.Len(t, table, 1)
		first := table[0]
		address, err := sip.ParseURI(first.Address)
		require.NoError(t, err)
		require.True(t, address.Equal(reg.Contact().URI), "%s is not %s", address, reg.Contact().URI)
		require.Equal(t, p.addr.String(), address.HostPort())
		require.Equal(t, transport == "tcp", address.Transport() == "tcp", "peers must come back over the same transport")
		require.Equal(t, reg.ID(), first.CallID)
		require.Equal(t, transport+":"+r.Addr(t).String(), first.Socket)
		require.Equal(t, "sofia-go", first.UserAgent)
		require.InDelta(t, 300, first.Expires, 5)

		// Refresh: the same binding, a later request, no second one.
		require.NoError(t, reg.Refresh(within(t, patience)))
		table = r.Bindings(t, "dave")
		require.Len(t, table, 1)
		require.Equal(t, first.Address, table[0].Address)
		require.Equal(t, first.CallID, table[0].CallID)
		require.Greater(t, table[0].CSeq, first.CSeq)
		require.Equal(t, nua.Registered, reg.State())
		// The credentials go along at once (RFC 3261 22.2).
		require.Equal(t, 3, p.tries(sent, "REGISTER"), "a refresh needs no challenge")

		// Unregister: nothing is left.
		require.NoError(t, reg.Unregister(within(t, patience)))
		require.Equal(t, nua.Unregistered, reg.State())
		require.NoError(t, reg.Err())
		require.Empty(t, r.Bindings(t, "dave"))
		require.ErrorIs(t, reg.Refresh(t.Context()), nua.ErrClosed)
	})
}

// The end of the user agent removes the binding too.
func TestRegisterShutdown(t *testing.T) {
	r := peers.RegistrarMD5()
	p := newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), "udp"), nil)
	reg, err := p.Register(within(t, patience), nua.RegisterConfig{})
	require.NoError(t, err)
	require.Len(t, r.Bindings(t, "dave"), 1)
	require.NoError(t, p.Shutdown(within(t, patience)))
	require.Equal(t, nua.Unregistered, reg.State())
	require.Empty(t, r.Bindings(t, "dave"))
}

// A binding of few seconds is refreshed before it runs out, without anyone
// asking for it.
func TestRegisterKeeps(t *testing.T) {
	r := peers.RegistrarMD5()
	p := newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), "udp"), nil)
	reg, err := p.Register(within(t, patience), nua.RegisterConfig{Expires: 6 * time.Second})
	require.NoError(t, err)
	require.Equal(t, 6*time.Second, reg.Expires())
	began := r.Bindings(t, "dave")
	require.Len(t, began, 1)
	end := time.Now().Add(8 * time.Second)
	lab.Eventually(t, 12*time.Second, "life beyond the first six seconds", func() bool {
		require.Len(t, r.Bindings(t, "dave"), 1, "the binding must never be gone")
		return time.Now().After(end)
	})
	require.Greater(t, r.Bindings(t, "dave")[0].CSeq, began[0].CSeq)
	require.Equal(t, nua.Registered, reg.State())
}

// A registrar that restarts has forgotten everything and has closed its
// connections: the phone sees that and registers again, before any refresh is due.
func TestRegisterAfterRestart(t *testing.T) {
	r := peers.RegistrarSHA256() // the other one has the bindings of other peers
	p := newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), "tcp"), nil)
	reg, err := p.Register(within(t, patience), nua.RegisterConfig{})
	require.NoError(t, err)
	require.Len(t, r.Bindings(t, "dave"), 1)
	peers.Down(t, "kamailio-registrar-sha256")
	lab.Eventually(t, patience, "the lost connection is noticed", func() bool { return reg.State() == nua.Retrying })
	require.Error(t, reg.Err())
	require.Empty(t, r.Bindings(t, "dave")) // starts it again
	lab.Eventually(t, patience, "registered again", func() bool { return len(r.Bindings(t, "dave")) == 1 })
	lab.Eventually(t, patience, "the phone knows", func() bool { return reg.State() == nua.Registered })
	require.NoError(t, reg.Err())
	require.NoError(t, reg.Unregister(within(t, patience)))
	require.Empty(t, r.Bindings(t, "dave"))
}

// A wrong password ends after two REGISTERs with an error that says so.
func TestRegisterWrongPassword(t *testing.T) {
	eachRegistrar(t, func(t *testing.T, r lab.Registrar, algorithm, transport string) {
		p := newPhone(t, labUser("dave", "wrong", "lab.test", r.Addr(t), transport), nil)
		reg, err := p.Register(within(t, patience), nua.RegisterConfig{})
		require.Nil(t, reg)
		require.Equal(t, 401, refusal(t, err).Status())
		require.ErrorIs(t, err, auth.ErrRefused)
		require.ErrorContains(t, err, "check user name and password")
		require.Equal(t, 2, p.tries(sent, "REGISTER"))
		require.Equal(t, 2, p.tries(received, "401 REGISTER"))
		require.Empty(t, r.Bindings(t, "dave"))
	})
}

// Without a password for the realm the first challenge is the end.
func TestRegisterNoPassword(t *testing.T) {
	r := peers.RegistrarMD5()
	cfg := labUser("dave", "dave-secret", "lab.test", r.Addr(t), "udp")
	cfg.Auth[0].Realm = "elsewhere.test"
	p := newPhone(t, cfg, nil)
	_, err := p.Register(within(t, patience), nua.RegisterConfig{})
	require.Equal(t, 401, refusal(t, err).Status())
	require.ErrorIs(t, err, auth.ErrNoCredentials)
	require.Equal(t, 1, p.tries(sent, "REGISTER"))
}

// The ways in which the lab's registrar challenges, by the domain in From.
func TestRegisterChallenges(t *testing.T) {
	for _, tt := range []struct {
		domain  string
		tries   int
		expires time.Duration // granted
		why     string
	}{
		{"open.lab.test", 1, 60 * time.Second, "no challenge"},
		{"noqop.lab.test", 2, 60 * time.Second, "no qop: RFC 2069"},
		{"multi.lab.test", 2, 60 * time.Second, "an unknown algorithm, ours, another realm"},
		{"stale.lab.test", 3, 60 * time.Second, "the right credentials once answered with stale=true"},
		{"brief.lab.test", 3, 120 * time.Second, "423 first, then the challenge"},
	} {
		t.Run(tt.domain, func(t *testing.T) {
			r := peers.RegistrarMD5()
			p := newPhone(t, labUser("dave", "dave-secret", tt.domain, r.Addr(t), "udp"), nil)
			reg, err := p.Register(within(t, patience), nua.RegisterConfig{Expires: 60 * time.Second})
			require.NoError(t, err, tt.why)
			require.Equal(t, tt.tries, p.tries(sent, "REGISTER"), tt.why)
			require.Equal(t, tt.expires, reg.Expires())
			require.Len(t, r.Bindings(t, "dave"), 1)
			require.NoError(t, reg.Unregister(within(t, patience)))
			require.Empty(t, r.Bindings(t, "dave"))
		})
	}
	// Kamailio offers auth-int but cannot verify it: never more than two tries.
	t.Run("authint.lab.test", func(t *testing.T) {
		r := peers.RegistrarMD5()
		p := newPhone(t, labUser("dave", "dave-secret", "authint.lab.test", r.Addr(t), "udp"), nil)
		_, err := p.Register(within(t, patience), nua.RegisterConfig{})
		require.Error(t, err)
		require.GreaterOrEqual(t, refusal(t, err).Status(), 400)
		require.LessOrEqual(t, p.tries(sent, "REGISTER"), 2)
	})
}
