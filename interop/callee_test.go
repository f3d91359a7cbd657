//go:build linux

package interop

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// SIPp calls, the library answers: 180 at once, 200 after half a second.

// bothTransports runs a test over UDP and over TCP, in parallel with others.
func bothTransports(t *testing.T, f func(t *testing.T, transport string)) {
	t.Parallel()
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			t.Parallel()
			f(t, transport)
		})
	}
}

// sippCalls runs a scenario in which SIPp calls the phone.
func (p *phone) sippCalls(t *testing.T, scenario, transport string) {
	t.Helper()
	peers.RunSIPp(t, lab.SIPp{Side: lab.UAC, Scenario: scenario, Transport: transport, Target: p.addr})
}

// noMoreCalls fails t if a call came in beyond those taken.
func (p *phone) noMoreCalls(t *testing.T) {
	t.Helper()
	select {
	case c := <-p.in:
		require.FailNow(t, "one call too many", "Call-ID %s", c.ID())
	default:
	}
}

func TestCalleeBasic(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := newPhone(t, nua.Config{}, answering)
		p.sippCalls(t, "uac_basic", transport)
		c := p.incoming(t)
		s := over(t, c)
		require.NoError(t, c.Err())
		require.Equal(t, answeredAndEnded, s.states())
		require.True(t, s.has("i_ack"))
		require.True(t, s.has("i_bye"))
		require.Equal(t, 1, p.tries(sent, "180 INVITE"))
		require.Equal(t, 1, p.tries(sent, "200 BYE"))
		for _, m := range p.all(sent, "200 INVITE") {
			require.Equal(t, transport, m.proto)
		}
		p.noMoreCalls(t)
	})
}

// The 200 carries an offer, the ACK the answer (RFC 3261 13.2.1).
func TestCalleeOfferless(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := newPhone(t, nua.Config{}, answering)
		p.sippCalls(t, "uac_offerless", transport)
		c := p.incoming(t)
		s := over(t, c)
		require.NoError(t, c.Err())
		require.Equal(t, answeredAndEnded, s.states())
		offer, ok := s.moved(func(e nua.StateChanged) bool { return e.OfferSent })
		require.True(t, ok)
		require.Equal(t, nua.Completed, offer.State, "an offer must not travel in an unreliable 180")
		answer, ok := s.moved(func(e nua.StateChanged) bool { return e.AnswerReceived })
		require.True(t, ok)
		require.Equal(t, nua.Ready, answer.State)
		require.Equal(t, soa.SendRecv, answer.Audio)
		require.Contains(t, c.RemoteSDP(), "o=sipp 4711")
	})
}

// Two re-INVITEs of the peer; each answer is a new version of the session
// (RFC 3264 8) and mirrors the direction (6.1).
func TestCalleeHold(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{}, answering)
	p.sippCalls(t, "uac_hold", "udp")
	c := p.incoming(t)
	s := over(t, c)
	require.NoError(t, c.Err())
	require.Equal(t, answeredAndEnded, s.states())
	require.Equal(t, []soa.Active{soa.RecvOnly, soa.SendRecv}, s.changes())

	var versions []uint64
	branches := map[string]bool{}
	for _, m := range p.all(sent, "200 INVITE") {
		if branches[m.branch()] {
			continue
		}
		branches[m.branch()] = true
		d, err := sdp.Parse(m.Body())
		require.NoError(t, err)
		versions = append(versions, d.Origin.Version)
	}
	require.Len(t, versions, 3)
	require.Equal(t, []uint64{versions[0], versions[0] + 1, versions[0] + 2}, versions)
}

// The 200 is repeated until its ACK comes, at 500 ms and 1.5 s (RFC 3261 13.3.1.4).
func TestCalleeRepeats200(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{}, answering)
	p.sippCalls(t, "uac_drop_ack", "udp")
	c := p.incoming(t)
	s := over(t, c)
	require.NoError(t, c.Err())
	require.Equal(t, answeredAndEnded, s.states())
	all := p.all(sent, "200 INVITE")
	require.Len(t, all, 3, "none after the ACK")
	requireApart(t, 500*time.Millisecond, all[0], all[1])
	requireApart(t, time.Second, all[1], all[2])
	require.Equal(t, all[0].String(), all[2].String())
}

func TestCalleeMessage(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := newPhone(t, nua.Config{}, nil)
		p.sippCalls(t, "uac_message", transport)
		r := p.message(t)
		require.Equal(t, "Hello from the lab", strings.TrimSpace(r.Body()))
		require.Equal(t, "sipp", r.From().URI.User)
		require.Nil(t, r.Call())
	})
}

// OPTIONS is answered as an INVITE would be, with what the phone can do (RFC
// 3261 11.2).
func TestCalleeOptions(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := newPhone(t, nua.Config{}, ringing)
		p.sippCalls(t, "uac_options", transport)
		all := p.all(sent, "200 OPTIONS")
		require.Len(t, all, 1)
		allow, _ := sip.Allow.Raw(all[0].Message)
		for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE"} {
			require.Contains(t, allow, method)
		}
		accept, _ := sip.Accept.Raw(all[0].Message)
		require.Contains(t, accept, "application/sdp")
		require.True(t, sip.Supported.Has(all[0].Message))
		d, err := sdp.Parse(all[0].Body())
		require.NoError(t, err)
		require.Len(t, d.Media, 1)
		require.NotEmpty(t, all[0].cseq().Method)
		to, _, err := sip.To.Get(all[0].Message)
		require.NoError(t, err)
		require.NotEmpty(t, to.Tag())
		p.noMoreCalls(t)
	})
}

// A dialog survives five seconds of silence.
func TestCalleeLateBye(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{}, answering)
	p.sippCalls(t, "uac_late_bye", "udp")
	c := p.incoming(t)
	s := over(t, c)
	require.NoError(t, c.Err())
	require.Equal(t, answeredAndEnded, s.states())
	require.Equal(t, 1, p.count(sent, "200 INVITE"))
	ack, bye := p.all(received, "ACK"), p.all(received, "BYE")
	require.GreaterOrEqual(t, bye[0].at.Sub(ack[0].at), 5*time.Second)
}

func TestCalleeStrayBye(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{}, answering)
	p.sippCalls(t, "uac_bye_stray", "udp")
	require.Equal(t, 1, p.tries(sent, "481 BYE"))
	p.noMoreCalls(t)
}

// A copy of the INVITE is the same transaction: the 180 again, no second call
// (RFC 3261 17.2.1).
func TestCalleeDuplicateInvite(t *testing.T) {
	t.Parallel()
	p := newPhone(t, nua.Config{}, answering)
	p.sippCalls(t, "uac_dup_invite", "udp")
	c := p.incoming(t)
	s := over(t, c)
	require.NoError(t, c.Err())
	require.Equal(t, answeredAndEnded, s.states())
	p.noMoreCalls(t)
	require.Equal(t, 2, p.count(received, "INVITE"))
	require.Equal(t, 2, p.count(sent, "180 INVITE"))
	require.Equal(t, 1, p.tries(sent, "180 INVITE"))
	require.Zero(t, p.count(sent, "482 INVITE"))
}

// The caller gives up; nobody had answered.
func TestCalleeCanceled(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		p := newPhone(t, nua.Config{}, ringing)
		p.sippCalls(t, "uac_cancel", transport)
		c := p.incoming(t)
		s := over(t, c)
		require.ErrorIs(t, c.Err(), nua.ErrCanceled)
		require.Equal(t, []nua.CallState{nua.Received, nua.Early, nua.Terminated}, s.states())
		require.True(t, s.has("i_cancel"))
		require.Equal(t, 1, p.tries(sent, "200 CANCEL"))
		require.Equal(t, 1, p.tries(sent, "487 INVITE"))
		require.ErrorIs(t, c.Answer(t.Context()), nua.ErrCanceled)
		p.noMoreCalls(t)
	})
}
