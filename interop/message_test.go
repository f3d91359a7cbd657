//go:build linux

package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
)

// MESSAGE (RFC 3428) through the registrar.

// From one phone of the library to another, with a challenge in between.
func TestMessageThroughKamailio(t *testing.T) {
	eachRegistrar(t, func(t *testing.T, r lab.Registrar, _, transport string) {
		to := newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), transport), nil)
		_, err := to.Register(within(t, patience), nua.RegisterConfig{})
		require.NoError(t, err)
		from := newPhone(t, labUser("alice", "alice-secret", "lab.test", r.Addr(t), transport), nil)

		const text = "Grüße aus dem Labor\r\n— two lines"
		resp, err := from.SendMessage(within(t, patience), "sip:dave@lab.test", "text/plain;charset=UTF-8", text)
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
		got := to.message(t)
		require.Equal(t, text, got.Body())
		require.Equal(t, "sip:alice@lab.test", got.From().URI.String())
		kind, _, err := sip.ContentType.Get(got.Message())
		require.NoError(t, err)
		require.Equal(t, "text", kind.Type)
		require.Equal(t, 2, from.tries(sent, "MESSAGE"), "challenged, then accepted")
		require.Equal(t, 1, to.tries(received, "MESSAGE"))
		require.Equal(t, transport, to.all(received, "MESSAGE")[0].proto)

		// The way back.
		_, err = to.SendMessage(within(t, patience), "sip:alice@lab.test", "text/plain", "pong")
		require.Equal(t, 480, refusal(t, err).Status(), "alice is not registered")
		_, err = from.Register(within(t, patience), nua.RegisterConfig{})
		require.NoError(t, err)
		_, err = to.SendMessage(within(t, patience), "sip:alice@lab.test", "text/plain", "pong")
		require.NoError(t, err)
		require.Equal(t, "pong", from.message(t).Body())
	})
}

// Refusals and a wrong password.
func TestMessageRefused(t *testing.T) {
	r := peers.RegistrarMD5()
	p := newPhone(t, labUser("alice", "alice-secret", "lab.test", r.Addr(t), "udp"), nil)
	_, err := p.SendMessage(within(t, patience), "sip:nobody@lab.test", "text/plain", "hello")
	require.Equal(t, 404, refusal(t, err).Status())
	_, err = p.SendMessage(within(t, patience), "sip:code486@lab.test", "text/plain", "hello")
	require.Equal(t, 486, refusal(t, err).Status())

	wrong := newPhone(t, labUser("alice", "wrong", "lab.test", r.Addr(t), "udp"), nil)
	_, err = wrong.SendMessage(within(t, patience), "sip:dave@lab.test", "text/plain", "hello")
	require.Equal(t, 407, refusal(t, err).Status())
	require.ErrorContains(t, err, "check user name and password")
	require.Equal(t, 2, wrong.tries(sent, "MESSAGE"))
}

// baresip takes a MESSAGE; it has no command that sends one.
func TestMessageBaresip(t *testing.T) {
	peers.Up(t, "kamailio-registrar", "baresip")
	registered(t, "bob")
	p, _ := alice(t, "udp", nil)
	resp, err := p.SendMessage(within(t, patience), "sip:bob@lab.test", "text/plain", "hello bob")
	require.NoError(t, err)
	require.Equal(t, 200, resp.Status())
	require.Equal(t, 2, p.tries(sent, "MESSAGE"), "challenged, then accepted")
}

// linphonec takes a MESSAGE and sends one.
func TestMessageLinphone(t *testing.T) {
	peers.Up(t, "kamailio-registrar", "linphonec")
	registered(t, "carol")
	other := peers.Linphone(t)
	p, _ := alice(t, "udp", nil)
	resp, err := p.SendMessage(within(t, patience), "sip:carol@lab.test", "text/plain", "hello carol")
	require.NoError(t, err)
	require.Equal(t, 200, resp.Status())
	other.Wait(10*time.Second, "hello carol")
	other.Do("chat sip:alice@lab.test hello alice")
	for { // the first is its receipt for ours (RFC 5438), which nobody asked for
		r := p.message(t)
		require.Equal(t, "carol", r.From().URI.User)
		if kind, _, err := sip.ContentType.Get(r.Message()); err == nil && kind.Type == "text" {
			require.Equal(t, "hello alice", strings.TrimSpace(r.Body()))
			break
		}
	}
}
