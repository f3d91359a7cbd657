package nua

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
	"github.com/stretchr/testify/require"
)

// pair makes an established call between two user agents.
func (l *lab) pair(a, b Config) (*Call, *Call, context.Context) {
	l.t.Helper()
	in := make(calls, 1)
	b.Handler.Invite = in.handler().Invite
	alice := l.ua("alice", "10.0.0.1", a)
	l.ua("bob", "10.0.0.2", b)
	ctx := l.within(10 * time.Minute)
	call, err := alice.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
	require.NoError(l.t, err)
	theirs := <-in
	require.NoError(l.t, theirs.Answer(ctx))
	require.NoError(l.t, theirs.Wait(ctx, Ready))
	require.NoError(l.t, call.Wait(ctx, Ready))
	return call, theirs, ctx
}

// lastState reads what is unread and returns the newest state event.
func (l *lab) lastState(c *Call) StateChanged {
	l.t.Helper()
	l.settle()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var last StateChanged
	for {
		ev, err := c.Next(ctx)
		if err != nil {
			return last
		}
		if s, ok := ev.(StateChanged); ok {
			last = s
		}
	}
}

func TestHoldBothWays(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		a, b, ctx := l.pair(Config{}, Config{})
		for _, x := range []struct {
			who, other *Call
		}{{a, b}, {b, a}} {
			require.NoError(t, x.who.Hold(ctx))
			require.Contains(t, x.who.LocalSDP(), "a=sendonly")
			require.Equal(t, soa.SendOnly, l.lastState(x.who).Audio)
			require.Equal(t, soa.RecvOnly, l.lastState(x.other).Audio)
			require.NoError(t, x.who.Resume(ctx))
			require.Equal(t, soa.SendRecv, l.lastState(x.who).Audio)
			require.Equal(t, soa.SendRecv, l.lastState(x.other).Audio)
		}
		require.Equal(t, Ready, a.State())
		require.Equal(t, Ready, b.State())
		require.NoError(t, a.Bye(ctx))
	})
}

func TestReinviteStates(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		a, b, ctx := l.pair(Config{}, Config{})
		l.lastState(a)
		l.lastState(b)
		require.NoError(t, a.Reinvite(ctx))
		l.settle()
		read := func(c *Call) (states []string) {
			done, cancel := context.WithCancel(context.Background())
			cancel()
			for {
				ev, err := c.Next(done)
				if err != nil {
					return
				}
				if s, ok := ev.(StateChanged); ok {
					require.True(t, s.Reinvite)
					states = append(states, s.Transition+" "+s.State.String())
				}
			}
		}
		require.Equal(t, []string{"R1 calling", "R3 completing", "R4 ready"}, read(a)[:3])
		require.Equal(t, []string{"R8 received", "R9 completed", "R12 ready"}, read(b))
	})
}

func TestOfferlessReinvite(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		a, b, ctx := l.pair(Config{}, Config{})
		before := b.LocalSDP()
		require.NoError(t, a.ReinviteOfferless(ctx))
		l.settle()
		require.NotEmpty(t, b.LocalSDP())
		require.NotEqual(t, before, b.LocalSDP(), "a full offer, with a new version")
		require.Equal(t, b.LocalSDP(), a.RemoteSDP())
		require.Equal(t, a.LocalSDP(), b.RemoteSDP())
		require.NoError(t, b.Hold(ctx), "the session can be changed again")
	})
}

// TestGlare: both sides ask at once; each gets 491, waits as long as its role
// says, and both changes are made in the end (I04, I05).
func TestGlare(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		a, b, ctx := l.pair(Config{}, Config{})
		done := make(chan error, 2)
		begin := time.Now()
		go func() { done <- a.Hold(ctx) }()
		go func() { done <- b.Reinvite(ctx) }()
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		require.Less(t, time.Since(begin), 10*time.Second)
		l.settle()
		retried, audio := 0, soa.Inactive
		for ev := range onlyUnread(a) {
			switch ev := ev.(type) {
			case InviteResult:
				if ev.Response.Status() == 491 {
					require.Equal(t, 100, ev.Status, "the library goes on by itself")
					retried++
				}
			case StateChanged:
				audio = ev.Audio
			}
		}
		require.NotZero(t, retried, "the two did cross")
		require.Equal(t, soa.SendOnly, audio)
		require.Equal(t, Ready, a.State())
		require.Equal(t, Ready, b.State())
	})
}

func onlyUnread(c *Call) func(func(Event) bool) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return func(yield func(Event) bool) {
		for {
			ev, err := c.Next(ctx)
			if err != nil || !yield(ev) {
				return
			}
		}
	}
}

// TestGlareOwnerWaits: after a 491 the owner of the Call-ID waits 2.1 to 4 s,
// and gives up after 64*T1 (I05).
func TestGlareOwnerWaits(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		inv := s.peer.request("INVITE")
		first := time.Now()
		for time.Since(first) < maxGlare {
			s.peer.reply(inv, 491, "")
			s.peer.request("ACK")
			begin := time.Now()
			inv = s.peer.request("INVITE")
			wait := time.Since(begin)
			require.GreaterOrEqual(s.t, wait, 2080*time.Millisecond)
			require.LessOrEqual(s.t, wait, 4100*time.Millisecond)
		}
		s.peer.reply(inv, 491, "")
		var refused *sip.StatusError
		require.ErrorAs(s.t, <-done, &refused)
		require.Equal(s.t, Ready, c.State())
	})
	onStage(t, Config{}, func(s *stage) { // the other side: 0 to 2 s
		c, _ := s.taken()
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		s.peer.reply(s.peer.request("INVITE"), 491, "")
		s.peer.request("ACK")
		begin := time.Now()
		inv := s.peer.request("INVITE")
		require.LessOrEqual(s.t, time.Since(begin), 2100*time.Millisecond)
		s.peer.reply(inv, 200, "", payload())
		require.NoError(s.t, <-done)
	})
}

// TestGlareRefusesThePeer: while our re-INVITE is open, the peer's gets 491;
// during the wait after our own 491 it is taken.
func TestGlareRefusesThePeer(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		inv := s.peer.request("INVITE")
		d.request("INVITE", payload())
		s.peer.response(491, "INVITE")
		s.peer.reply(inv, 491, "")
		s.peer.request("ACK")
		d.request("INVITE", payload())
		s.peer.response(200, "INVITE")
		d.request("ACK")
		s.peer.reply(s.peer.request("INVITE"), 200, "", payload())
		require.NoError(s.t, <-done)
	})
}

// TestReinviteRefused: the session stays as it was (I06, O07).
func TestReinviteRefused(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		before := c.LocalSDP()
		done := make(chan error)
		go func() { done <- c.Hold(s.ctx) }()
		inv := s.peer.request("INVITE")
		require.Contains(s.t, inv.Body(), "sendonly")
		s.peer.reply(inv, 488, "")
		var refused *sip.StatusError
		require.ErrorAs(s.t, <-done, &refused)
		require.Equal(s.t, 488, refused.Status())
		require.Equal(s.t, Ready, c.State())
		go func() { done <- c.Reinvite(s.ctx) }()
		inv = s.peer.request("INVITE")
		require.NotContains(s.t, inv.Body(), "sendonly", "the hold was undone with its offer")
		require.Equal(s.t, direction(before), direction(inv.Body()))
		s.peer.reply(inv, 200, "", payload())
		require.NoError(s.t, <-done)
	})
}

func direction(sdp string) string {
	for _, d := range []string{"sendonly", "recvonly", "inactive"} {
		if strings.Contains(sdp, "a="+d) {
			return d
		}
	}
	return "sendrecv"
}

// TestReinviteThatEndsTheCall: 481 and 408 (RFC 5057).
func TestReinviteThatEndsTheCall(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		go c.Reinvite(s.ctx)
		s.peer.reply(s.peer.request("INVITE"), 481, "")
		s.ended(c, "T5")
	})
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		begin := time.Now()
		require.Error(s.t, c.Reinvite(s.ctx)) // nobody answers
		require.InDelta(s.t, 32, time.Since(begin).Seconds(), 0.1)
		s.ended(c, "T5")
	})
}

// TestReinviteBroken: a 2xx whose answer cannot be used ends the call by BYE.
func TestReinviteBroken(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		s.peer.reply(s.peer.request("INVITE"), 200, "", sip.Payload("application/sdp", "garbage"))
		s.peer.request("ACK")
		require.Error(s.t, <-done)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "T4")
	})
}

// TestReinvitePeerIgnoresOffer is tolerated: the session stays (sofia-map 2.7).
func TestReinvitePeerIgnoresOffer(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		s.peer.reply(s.peer.request("INVITE"), 200, "")
		s.peer.request("ACK")
		require.ErrorIs(s.t, <-done, ErrNoAnswer)
		require.Equal(s.t, Ready, c.State())
		go func() { done <- c.Reinvite(s.ctx) }()
		s.peer.reply(s.peer.request("INVITE"), 200, "", payload())
		require.NoError(s.t, <-done)
	})
}

// TestPeerReinviteUnusable: 488 with Warning, and the call goes on.
func TestPeerReinviteUnusable(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.taken()
		d.request("INVITE", sip.Payload("application/sdp", strings.Replace(peerSDP, "RTP/AVP 0\r\na=rtpmap:0 PCMU/8000", "RTP/AVP 97\r\na=rtpmap:97 nothing/8000", 1)))
		resp := s.peer.response(488, "INVITE")
		require.True(s.t, sip.Warning.Has(resp))
		require.Equal(s.t, Ready, c.State())
		d.request("INVITE", payload())
		s.peer.response(200, "INVITE")
	})
}

// TestPeerReinviteWithoutAck ends the call after 64*T1 (R13).
func TestPeerReinviteWithoutAck(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.taken()
		d.request("INVITE", payload())
		s.peer.response(200, "INVITE")
		begin := time.Now()
		bye := s.peer.request("BYE")
		require.InDelta(s.t, 32, time.Since(begin).Seconds(), 0.2)
		s.peer.reply(bye, 200, "")
		s.ended(c, "T4")
		require.ErrorIs(s.t, c.Err(), ErrNoAck)
	})
}

func TestManualReinvite(t *testing.T) {
	onStage(t, Config{ManualReinvite: true, AnswerTimeout: 30 * time.Second}, func(s *stage) {
		c, d := s.taken()
		received := func() ReinviteReceived {
			for ev, err := range c.Events(s.ctx) {
				require.NoError(s.t, err)
				if r, ok := ev.(ReinviteReceived); ok {
					return r
				}
			}
			panic("no event")
		}
		d.request("INVITE", payload())
		require.Equal(s.t, peerSDP, received().RemoteSDP)
		require.NoError(s.t, c.AcceptReinvite(s.ctx))
		s.peer.response(200, "INVITE")
		d.request("ACK")

		d.request("INVITE", payload())
		received()
		require.NoError(s.t, c.RejectReinvite(488))
		s.peer.response(488, "INVITE")
		require.ErrorIs(s.t, c.RejectReinvite(488), ErrWrongState)
		require.ErrorIs(s.t, c.AcceptReinvite(s.ctx), ErrWrongState)

		begin := time.Now()
		d.request("INVITE", payload()) // nobody looks after it
		resp := s.peer.response(500, "INVITE")
		require.True(s.t, sip.RetryAfter.Has(resp))
		require.InDelta(s.t, 30, time.Since(begin).Seconds(), 0.2)
		require.Equal(s.t, Ready, c.State())
	})
}

// TestTargetRefresh: what the peer's re-INVITE and our 2xx say is where later
// requests go.
func TestTargetRefresh(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.taken()
		d.request("INVITE", payload(), sip.Contact.Text("<sip:moved@10.0.0.9:5060>"))
		s.peer.response(200, "INVITE")
		d.request("ACK")
		s.settle()
		go c.Bye(s.ctx)
		require.Equal(s.t, "sip:moved@10.0.0.9:5060", s.peer.request("BYE").RequestURI())
	})
}

func TestReinviteQueueIsBounded(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		errs := make(chan error, 20)
		for range maxChanges + 2 {
			go func() { errs <- c.Reinvite(s.ctx) }()
			synctest.Wait()
		}
		require.ErrorIs(s.t, <-errs, ErrBusy)
		for range maxChanges + 1 { // one after the other
			s.peer.reply(s.peer.request("INVITE"), 200, "", payload())
			require.NoError(s.t, <-errs)
		}
	})
}
