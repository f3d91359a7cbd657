//go:build linux

package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// Calls with baresip, which answers at once and sends a sine tone. These tests
// share the one baresip of the slot and are not parallel.

// viaTransport is the end of a SIP URI that asks for a transport.
func viaTransport(transport string) string {
	if transport == "udp" {
		return ""
	}
	return ";transport=" + transport
}

// alice is a phone registered as alice at the registrar, through which it
// also calls.
func alice(t *testing.T, transport string, m manner) (*phone, *nua.Registration) {
	t.Helper()
	r := peers.RegistrarMD5()
	p := newPhone(t, labUser("alice", "alice-secret", "lab.test", r.Addr(t), transport), m)
	reg, err := p.Register(within(t, patience), nua.RegisterConfig{})
	require.NoError(t, err)
	require.Len(t, r.Bindings(t, "alice"), 1)
	return p, reg
}

// registered waits until another user agent is in the location table.
func registered(t *testing.T, user string) {
	t.Helper()
	lab.Eventually(t, patience, user+" is registered", func() bool { return len(peers.Bindings(t, user)) == 1 })
}

func TestCallBaresip(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			env := peers.Up(t, "kamailio-registrar", "baresip")
			bare := peers.Baresip(t)
			p := newPhone(t, nua.Config{Identity: "sip:caller@elsewhere.test"}, nil)
			c := p.call(t, "sip:bob@"+env["BARESIP_UDP"]+viaTransport(transport), nua.CallConfig{})
			reach(t, c, nua.Ready)
			require.Equal(t, "incoming", bare.Wait(5*time.Second, "CALL_ESTABLISHED").Direction)
			p.hears(t)

			require.NoError(t, c.Hold(within(t, patience)))
			require.Contains(t, c.LocalSDP(), "a=sendonly")
			require.NoError(t, c.Resume(within(t, patience)))
			p.hears(t)

			require.NoError(t, c.Bye(within(t, patience)))
			bare.Wait(5*time.Second, "CALL_CLOSED")
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, hungUpByUs, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
			require.Equal(t, 1, p.count(received, "200 BYE"))
			require.Equal(t, transport, p.all(sent, "INVITE")[0].proto)
		})
	}
}

// The other side hangs up.
func TestCallBaresipHangsUp(t *testing.T) {
	env := peers.Up(t, "kamailio-registrar", "baresip")
	bare := peers.Baresip(t)
	p := newPhone(t, nua.Config{Identity: "sip:caller@elsewhere.test"}, nil)
	c := p.call(t, "sip:bob@"+env["BARESIP_UDP"], nua.CallConfig{})
	reach(t, c, nua.Ready)
	bare.Wait(5*time.Second, "CALL_ESTABLISHED")
	bare.Do("hangup")
	s := over(t, c)
	require.NoError(t, c.Err())
	require.True(t, s.has("i_bye"))
	require.Equal(t, nua.Terminated, s.states()[len(s.states())-1])
	require.NotContains(t, s.states(), nua.Terminating)
	require.Equal(t, 1, p.tries(sent, "200 BYE"))
}

// A callee that rings until we give up.
func TestCallBaresipCanceled(t *testing.T) {
	peers.Up(t, "kamailio-registrar")
	env := peers.UpWith(t, "baresip", "LAB_BARESIP_ANSWER=manual")
	bare := peers.Baresip(t)
	p := newPhone(t, nua.Config{Identity: "sip:caller@elsewhere.test"}, nil)
	c := p.call(t, "sip:bob@"+env["BARESIP_UDP"], nua.CallConfig{})
	reach(t, c, nua.Proceeding)
	bare.Wait(5*time.Second, "CALL_INCOMING")
	require.NoError(t, c.Cancel())
	bare.Wait(5*time.Second, "CALL_CLOSED")
	s := over(t, c)
	require.ErrorIs(t, c.Err(), nua.ErrCanceled)
	require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Terminated}, s.states())
}

// Through the registrar: the INVITE is challenged with 407, the dialog goes
// along its Record-Route.
func TestCallBaresipThroughKamailio(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			peers.Up(t, "kamailio-registrar", "baresip")
			registered(t, "bob")
			bare := peers.Baresip(t)
			p, _ := alice(t, transport, nil)
			c := p.call(t, "sip:bob@lab.test", nua.CallConfig{})
			reach(t, c, nua.Ready)
			require.Equal(t, c.ID(), bare.Wait(5*time.Second, "CALL_ESTABLISHED").ID)
			p.hears(t)
			require.NoError(t, c.Hold(within(t, patience)))
			require.NoError(t, c.Resume(within(t, patience)))
			require.NoError(t, c.Bye(within(t, patience)))
			bare.Wait(5*time.Second, "CALL_CLOSED")
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, hungUpByUs, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())

			require.Equal(t, 1, p.tries(received, "407 INVITE"))
			require.Equal(t, 4, p.tries(sent, "INVITE"), "challenged, called, held, resumed")
			registrar := peers.RegistrarMD5().Addr(t)
			for _, kind := range []string{"ACK", "BYE"} {
				for _, m := range p.all(sent, kind) {
					require.Equal(t, registrar, m.peer, "a %s that leaves the route", kind)
				}
			}
			bye := p.all(sent, "BYE")[0]
			require.True(t, sip.Route.Has(bye.Message))
			require.Contains(t, bye.RequestURI(), "sip:bob-0x", "the Contact of baresip")
		})
	}
}

// baresip calls without a proxy in between.
func TestBaresipCalls(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			peers.UpWith(t, "baresip", "LAB_BARESIP_OUTBOUND=none", "LAB_BARESIP_REGINT=0")
			bare := peers.Baresip(t)
			p := newPhone(t, nua.Config{}, answering)
			bare.Do("dial", fmt.Sprintf("sip:phone@%s%s", p.addr, viaTransport(transport)))
			c := p.incoming(t)
			bare.Wait(10*time.Second, "CALL_ESTABLISHED")
			reach(t, c, nua.Ready)
			require.False(t, sip.RecordRoute.Has(c.Request()))
			require.Equal(t, transport, p.all(received, "INVITE")[0].proto)
			from, err := c.Request().From()
			require.NoError(t, err)
			require.Equal(t, "bob", from.URI.User)
			p.hears(t)

			// Its re-INVITEs.
			bare.Do("hold")
			lab.Eventually(t, patience, "held", func() bool { return p.tries(sent, "200 INVITE") == 2 })
			bare.Do("resume")
			lab.Eventually(t, patience, "resumed", func() bool { return p.tries(received, "ACK") == 3 })
			bare.Do("hangup")
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, answeredAndEnded, s.states())
			require.Equal(t, []soa.Active{soa.RecvOnly, soa.SendRecv}, s.changes())
		})
	}
}

// baresip calls alice at the registrar, which finds our binding.
func TestBaresipCallsThroughKamailio(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			peers.Up(t, "kamailio-registrar", "baresip")
			registered(t, "bob")
			bare := peers.Baresip(t)
			p, reg := alice(t, transport, answering)
			bare.Do("dial", "sip:alice@lab.test")
			c := p.incoming(t)
			bare.Wait(10*time.Second, "CALL_ESTABLISHED")
			reach(t, c, nua.Ready)
			require.True(t, sip.RecordRoute.Has(c.Request()))
			require.Equal(t, transport, p.all(received, "INVITE")[0].proto)
			uri, err := c.Request().URI()
			require.NoError(t, err)
			require.True(t, uri.Equal(reg.Contact().URI), "called at %s, registered %s", uri, reg.Contact().URI)
			p.hears(t)
			// We hold: our re-INVITE goes back along the route.
			require.NoError(t, c.Hold(within(t, patience)))
			require.NoError(t, c.Resume(within(t, patience)))
			require.Equal(t, peers.RegistrarMD5().Addr(t), p.all(sent, "INVITE")[0].peer)
			require.NoError(t, c.Bye(within(t, patience)))
			bare.Wait(5*time.Second, "CALL_CLOSED")
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, []nua.CallState{nua.Received, nua.Early, nua.Completed, nua.Ready, nua.Terminating, nua.Terminated}, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
		})
	}
}
