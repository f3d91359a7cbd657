//go:build linux

package interop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// Calls with linphonec, which rings for a second and answers. These tests
// share the one linphonec of the slot and are not parallel.

// hearsLinphone has linphonec play a file, as it has no sound card, and waits
// for the audio.
func (p *phone) hearsLinphone(t *testing.T, other *lab.Linphone) {
	t.Helper()
	other.Do("play /usr/share/sounds/linphone/hello8000.wav") // of the Debian package
	p.hears(t)
}

// A linphonec that is not registered: no proxy, no GRUU, a Contact of its own.
func TestCallLinphone(t *testing.T) {
	env := peers.UpWith(t, "linphonec", "LAB_LINPHONE_REGISTER=0")
	other := peers.Linphone(t)
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			p := newPhone(t, nua.Config{Identity: "sip:caller@elsewhere.test"}, nil)
			c := p.call(t, "sip:carol@"+env["LINPHONE_UDP"]+viaTransport(transport), nua.CallConfig{})
			reach(t, c, nua.Ready)
			p.hearsLinphone(t, other)
			require.Equal(t, transport, p.all(sent, "INVITE")[0].proto)
			require.NoError(t, c.Hold(within(t, patience)))
			require.NoError(t, c.Resume(within(t, patience)))
			require.NoError(t, c.Bye(within(t, patience)))
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, hungUpByUs, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
			require.Equal(t, 1, p.tries(received, "200 BYE"))
			require.Equal(t, 3, p.tries(sent, "INVITE"))
		})
	}
}

// The other side hangs up.
func TestCallLinphoneHangsUp(t *testing.T) {
	env := peers.UpWith(t, "linphonec", "LAB_LINPHONE_REGISTER=0")
	other := peers.Linphone(t)
	p := newPhone(t, nua.Config{Identity: "sip:caller@elsewhere.test"}, nil)
	c := p.call(t, "sip:carol@"+env["LINPHONE_UDP"], nua.CallConfig{})
	reach(t, c, nua.Ready)
	p.hearsLinphone(t, other)
	other.Do("terminate")
	s := over(t, c)
	require.NoError(t, c.Err())
	require.True(t, s.has("i_bye"))
	require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Completing, nua.Ready, nua.Terminated}, s.states())
}

// Through the registrar; the Contact of carol is her public GRUU, which only
// the registrar can resolve.
func TestCallLinphoneThroughKamailio(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			peers.Up(t, "kamailio-registrar", "linphonec")
			registered(t, "carol")
			other := peers.Linphone(t)
			p, _ := alice(t, transport, nil)
			c := p.call(t, "sip:carol@lab.test", nua.CallConfig{})
			reach(t, c, nua.Ready)
			p.hearsLinphone(t, other)
			require.NoError(t, c.Hold(within(t, patience)))
			require.NoError(t, c.Resume(within(t, patience)))
			require.NoError(t, c.Bye(within(t, patience)))
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, hungUpByUs, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
			require.Equal(t, 1, p.tries(received, "407 INVITE"))
			require.Equal(t, 1, p.tries(received, "200 BYE"))
			for _, kind := range []string{"ACK", "BYE"} {
				for _, m := range p.all(sent, kind) {
					require.Equal(t, peers.RegistrarMD5().Addr(t), m.peer, "a %s that leaves the route", kind)
				}
			}
		})
	}
}

// linphonec calls alice at the registrar and hangs up.
func TestLinphoneCallsThroughKamailio(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			peers.Up(t, "kamailio-registrar", "linphonec")
			registered(t, "carol")
			other := peers.Linphone(t)
			p, _ := alice(t, transport, answering)
			other.Do("call sip:alice@lab.test")
			c := p.incoming(t)
			reach(t, c, nua.Ready)
			other.Wait(10*time.Second, `Call \d+ with .*alice@lab\.test.* connected`)
			p.hearsLinphone(t, other)
			from, err := c.Request().From()
			require.NoError(t, err)
			require.Equal(t, "carol", from.URI.User)
			require.True(t, sip.RecordRoute.Has(c.Request()))
			require.NoError(t, c.Hold(within(t, patience)))
			require.NoError(t, c.Resume(within(t, patience)))
			other.Do("terminate")
			s := over(t, c)
			require.NoError(t, c.Err())
			require.Equal(t, answeredAndEnded, s.states())
			require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
			require.True(t, s.has("i_bye"))
			lab.Eventually(t, patience, "one 200 to the BYE", func() bool { return p.tries(sent, "200 BYE") == 1 })
		})
	}
}
