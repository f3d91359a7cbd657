//go:build linux

package interop

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// The library calls, SIPp answers as the scenario says.

// callSIPp starts a scenario and has the phone call it.
func (p *phone) callSIPp(t *testing.T, scenario, transport string, cfg nua.CallConfig) (*nua.Call, *lab.SIPpRun) {
	t.Helper()
	uas := startUAS(t, scenario, transport)
	return p.call(t, sippURI(uas, transport), cfg), uas
}

func startUAS(t *testing.T, scenario, transport string) *lab.SIPpRun {
	t.Helper()
	return peers.StartSIPp(t, lab.SIPp{Side: lab.UAS, Scenario: scenario, Transport: transport})
}

func sippURI(uas *lab.SIPpRun, transport string) string {
	uri := "sip:service@" + uas.Addr.String()
	if transport == "tcp" {
		uri += ";transport=tcp"
	}
	return uri
}

// caller is a phone that calls as alice and knows her password.
func caller(t *testing.T) *phone {
	t.Helper()
	return newPhone(t, nua.Config{
		Identity: "sip:alice@lab.test",
		Auth:     []auth.User{{Realm: "lab.test", Username: "alice", Password: "alice-secret"}},
	}, nil)
}

func TestCallerBasic(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := caller(t)
		c, uas := p.callSIPp(t, "uas_basic", transport, nua.CallConfig{})
		reach(t, c, nua.Ready)
		require.Contains(t, c.RemoteSDP(), "o=sipp 4711")
		require.NoError(t, c.Bye(within(t, patience)))
		s := over(t, c)
		require.NoError(t, c.Err())
		require.Equal(t, hungUpByUs, s.states())
		require.Equal(t, 1, p.tries(sent, "INVITE"))
		for _, kind := range []string{"INVITE", "ACK", "BYE"} {
			for _, m := range p.all(sent, kind) {
				require.Equal(t, transport, m.proto, kind)
			}
		}
		uas.Wait(t)
	})
}

// The peer offers in its 200, the ACK carries our answer (RFC 3261 13.2.1).
func TestCallerOfferless(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := caller(t)
		c, uas := p.callSIPp(t, "uas_offerless", transport, nua.CallConfig{Offerless: true})
		reach(t, c, nua.Ready)
		require.NoError(t, c.Bye(within(t, patience)))
		s := over(t, c)
		require.NoError(t, c.Err())
		require.Equal(t, hungUpByUs, s.states())
		answer, ok := s.moved(func(e nua.StateChanged) bool { return e.AnswerSent })
		require.True(t, ok)
		require.Equal(t, nua.Ready, answer.State)
		require.Equal(t, soa.SendRecv, answer.Audio)
		require.Empty(t, p.all(sent, "INVITE")[0].Body())
		uas.Wait(t)
	})
}

// A refusal ends the call with the response in the error, and is acknowledged.
func TestCallerRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scenario, transport string
		status, retryAfter  int
	}{
		{"uas_486", "udp", 486, 5},
		{"uas_486", "tcp", 486, 5},
		{"uas_603", "udp", 603, 0},
		{"uas_503", "udp", 503, 3},
	} {
		t.Run(tt.scenario+"/"+tt.transport, func(t *testing.T) {
			t.Parallel()
			p := caller(t)
			c, uas := p.callSIPp(t, tt.scenario, tt.transport, nua.CallConfig{})
			s := over(t, c)
			uas.Wait(t)
			refused := refusal(t, c.Err())
			require.Equal(t, tt.status, refused.Status())
			after, _, err := sip.RetryAfter.Get(refused.Response)
			require.NoError(t, err)
			require.EqualValues(t, tt.retryAfter, after.Seconds)
			require.Equal(t, []nua.CallState{nua.Calling, nua.Terminated}, s.states())
			require.Equal(t, 1, p.tries(sent, "INVITE"))
			// The ACK of a refusal is part of its transaction (RFC 3261 17.1.1.3).
			require.Equal(t, p.all(sent, "INVITE")[0].branch(), p.all(sent, "ACK")[0].branch())
		})
	}
}

// Redirects are not followed: the error lists the targets, best first.
func TestCallerRedirected(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_302", "udp", nua.CallConfig{})
	over(t, c)
	uas.Wait(t)
	refused := refusal(t, c.Err())
	require.Equal(t, 302, refused.Status())
	var targets []string
	for _, target := range refused.Targets() {
		targets = append(targets, fmt.Sprintf("%s q=%d", target.URI, target.Q()))
	}
	require.Equal(t, []string{
		fmt.Sprintf("sip:other@%s q=700", uas.Addr),
		fmt.Sprintf("sip:third@%s q=300", uas.Addr),
	}, targets)
	require.Equal(t, 1, p.tries(sent, "INVITE"))
}

// One challenge, one more INVITE with credentials: same Call-ID and From tag,
// CSeq one higher (RFC 3261 8.1.3.5).
func TestCallerChallenged(t *testing.T) {
	t.Parallel()
	for _, scenario := range []string{"uas_401", "uas_407"} {
		t.Run(scenario, func(t *testing.T) {
			t.Parallel()
			p := caller(t)
			c, uas := p.callSIPp(t, scenario, "udp", nua.CallConfig{})
			reach(t, c, nua.Ready)
			require.NoError(t, c.Bye(within(t, patience)))
			over(t, c)
			require.NoError(t, c.Err())
			uas.Wait(t)
			require.Equal(t, 2, p.tries(sent, "INVITE"))
			all := p.all(sent, "INVITE")
			first, second := sip.Request{Message: all[0].Message}, sip.Request{Message: all[len(all)-1].Message}
			require.Equal(t, first.CallID(), second.CallID())
			require.Equal(t, first.FromTag(), second.FromTag())
			require.Equal(t, first.CSeq().Seq+1, second.CSeq().Seq)
			require.Empty(t, second.ToTag())
		})
	}
}

// A wrong password is refused after the second INVITE, and the error says so.
func TestCallerWrongPassword(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{
		Identity: "sip:alice@lab.test",
		Auth:     []auth.User{{Username: "alice", Password: "wrong"}},
	}, nil)
	c, uas := p.callSIPp(t, "uas_401", "udp", nua.CallConfig{})
	over(t, c)
	uas.Wait(t)
	require.Equal(t, 403, refusal(t, c.Err()).Status())
	require.Equal(t, 2, p.tries(sent, "INVITE"))
}

// The caller gives up while it rings, by Cancel and by the context of Invite.
func TestCallerCancels(t *testing.T) {
	giveUp := errors.New("nobody is home")
	check := func(t *testing.T, transport string, invite func(p *phone, to string) (c *nua.Call, cancel func())) *nua.Call {
		p := caller(t)
		uas := startUAS(t, "uas_cancel", transport)
		c, cancel := invite(p, sippURI(uas, transport))
		reach(t, c, nua.Proceeding)
		cancel()
		s := over(t, c)
		uas.Wait(t)
		require.ErrorIs(t, c.Err(), nua.ErrCanceled)
		require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Terminated}, s.states())
		// RFC 3261 9.1: the CANCEL has the INVITE's branch and number.
		in, out := p.all(sent, "INVITE")[0], p.all(sent, "CANCEL")[0]
		require.Equal(t, in.branch(), out.branch())
		require.Equal(t, in.cseq().Seq, out.cseq().Seq)
		require.Equal(t, 1, p.tries(received, "487 INVITE"))
		require.Zero(t, p.count(sent, "BYE"))
		return c
	}
	bothTransports(t, func(t *testing.T, transport string) {
		check(t, transport, func(p *phone, to string) (*nua.Call, func()) {
			c := p.call(t, to, nua.CallConfig{})
			return c, func() { require.NoError(t, c.Cancel()) }
		})
	})
	t.Run("context", func(t *testing.T) {
		t.Parallel()
		c := check(t, "udp", func(p *phone, to string) (*nua.Call, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			c, err := p.Invite(ctx, to, nua.CallConfig{})
			require.NoError(t, err)
			return c, func() { cancel(giveUp) }
		})
		require.ErrorIs(t, c.Err(), giveUp)
	})
}

// A 200 that crosses the CANCEL is acknowledged and ended with BYE; the call is
// never established (RFC 3261 9.1).
func TestCallerCancelGlare(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_cancel_glare", "udp", nua.CallConfig{})
	reach(t, c, nua.Proceeding)
	require.NoError(t, c.Cancel())
	s := over(t, c)
	uas.Wait(t)
	require.ErrorIs(t, c.Err(), nua.ErrCanceled)
	require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Terminating, nua.Terminated}, s.states())
	require.Equal(t, 1, p.tries(sent, "BYE"))
	require.True(t, p.all(sent, "ACK")[0].at.Before(p.all(sent, "BYE")[0].at))
}

// Every repeated 200 gets the same ACK again (RFC 3261 13.2.2.4).
func TestCallerRepeatsAck(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_drop_ack", "udp", nua.CallConfig{})
	reach(t, c, nua.Ready)
	lab.Eventually(t, patience, "three ACKs", func() bool { return p.count(sent, "ACK") == 3 })
	lapse(t, 200*time.Millisecond) // SIPp looks for the BYE 50 ms after the last ACK
	require.NoError(t, c.Bye(within(t, patience)))
	s := over(t, c)
	uas.Wait(t)
	require.NoError(t, c.Err())
	require.Equal(t, hungUpByUs, s.states())
	acks := p.all(sent, "ACK")
	require.Len(t, acks, 3)
	require.Equal(t, acks[0].Message.String(), acks[2].Message.String())
	require.NotEqual(t, p.all(sent, "INVITE")[0].branch(), acks[0].branch(), "the ACK of a 2xx is a transaction of its own")
}

// The BYE is repeated by timer E: after 500 ms and 1 s more (RFC 3261 17.1.2.2).
func TestCallerRepeatsBye(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_drop_bye", "udp", nua.CallConfig{})
	reach(t, c, nua.Ready)
	require.NoError(t, c.Bye(within(t, patience)))
	s := over(t, c)
	uas.Wait(t)
	require.NoError(t, c.Err())
	require.Equal(t, []nua.CallState{nua.Calling, nua.Completing, nua.Ready, nua.Terminating, nua.Terminated}, s.states())
	byes := p.all(sent, "BYE")
	require.Len(t, byes, 3)
	require.Equal(t, 1, p.tries(sent, "BYE"))
	requireApart(t, 500*time.Millisecond, byes[0], byes[1])
	requireApart(t, time.Second, byes[1], byes[2])
}

// The callee holds, resumes and hangs up.
func TestCallerHeld(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_hold", "udp", nua.CallConfig{})
	reach(t, c, nua.Ready)
	s := over(t, c)
	uas.Wait(t)
	require.NoError(t, c.Err())
	require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Completing, nua.Ready, nua.Terminated}, s.states())
	require.Equal(t, []soa.Active{soa.RecvOnly, soa.SendRecv}, s.changes())
	require.True(t, s.has("i_bye"))
	require.Equal(t, 1, p.tries(sent, "200 BYE"))
	bodies := p.all(sent, "200 INVITE")
	require.Contains(t, bodies[0].Body(), "a=recvonly")
}

// The caller holds and resumes.
func TestCallerHolds(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_reinvite", "udp", nua.CallConfig{})
	reach(t, c, nua.Ready)
	require.NoError(t, c.Hold(within(t, patience)))
	require.Contains(t, c.LocalSDP(), "a=sendonly")
	require.Contains(t, c.RemoteSDP(), "a=recvonly")
	require.NoError(t, c.Resume(within(t, patience)))
	require.NotContains(t, c.LocalSDP(), "a=sendonly")
	require.Equal(t, nua.Ready, c.State())
	require.NoError(t, c.Bye(within(t, patience)))
	s := over(t, c)
	uas.Wait(t)
	require.NoError(t, c.Err())
	require.Equal(t, hungUpByUs, s.states())
	require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv}, s.changes())
}

// The answer comes in an unreliable 183 and holds: the 200 repeats it.
func TestCallerEarlyMedia(t *testing.T) {
	t.Parallel()
	p := caller(t)
	c, uas := p.callSIPp(t, "uas_early_media", "udp", nua.CallConfig{})
	reach(t, c, nua.Proceeding)
	reach(t, c, nua.Ready)
	require.NoError(t, c.Bye(within(t, patience)))
	s := over(t, c)
	uas.Wait(t)
	require.NoError(t, c.Err())
	require.Equal(t, hungUpByUs, s.states())
	answer, ok := s.moved(func(e nua.StateChanged) bool { return e.AnswerReceived })
	require.True(t, ok)
	require.Equal(t, nua.Proceeding, answer.State, "half a second before the 200")
	require.Equal(t, 183, answer.Status)
	require.Contains(t, answer.RemoteSDP, "o=sipp 4711")
	require.Equal(t, 1, p.tries(sent, "INVITE"), "no re-INVITE: the answer did not change")
}

// lapse waits for a peer that gives no sign.
func lapse(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
