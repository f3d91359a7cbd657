package nua

import (
	"context"
	"testing"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestForkedAnswers: every extra 2xx gets ACK and then BYE (RFC 3261 13.2.2.4),
// the first makes the call.
func TestForkedAnswers(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "a")
		s.peer.reply(inv, 180, "b")
		s.peer.reply(inv, 200, "b", payload())
		require.Equal(s.t, "b", s.peer.request("ACK").ToTag())
		s.peer.reply(inv, 200, "a", payload())
		require.Equal(s.t, "a", s.peer.request("ACK").ToTag())
		bye := s.peer.request("BYE")
		require.Equal(s.t, "a", bye.ToTag())
		s.peer.reply(bye, 200, "")
		s.peer.reply(inv, 200, "a", payload()) // retransmitted: ACK again, no second BYE
		require.Equal(s.t, "a", s.peer.request("ACK").ToTag())
		s.peer.silent(time.Second, "BYE")
		require.Equal(s.t, Ready, c.State())
		s.peer.from(inv, "b").request("BYE")
		s.peer.response(200, "BYE")
		s.ended(c, "T1")
	})
}

// TestForkAfterTheEnd: an extra 2xx is ended even when the call is over.
func TestForkAfterTheEnd(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 200, "b", payload())
		s.peer.request("ACK")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		go c.Bye(s.ctx)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "C12")
		s.peer.reply(inv, 200, "late", payload())
		require.Equal(s.t, "late", s.peer.request("ACK").ToTag())
		require.Equal(s.t, "late", s.peer.request("BYE").ToTag())
	})
}

// TestForkAfterCancel: both 2xx that crossed the CANCEL are ended.
func TestForkAfterCancel(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "a")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		require.NoError(s.t, c.Cancel())
		s.peer.request("CANCEL")
		for _, tag := range []string{"a", "b"} {
			s.peer.reply(inv, 200, tag, payload())
			require.Equal(s.t, tag, s.peer.request("ACK").ToTag())
			bye := s.peer.request("BYE")
			require.Equal(s.t, tag, bye.ToTag())
			s.peer.reply(bye, 200, "")
		}
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	})
}

// TestEarlyAnswerOfAnotherBranch: the branch that wins is not the one whose
// early answer was taken; a re-INVITE puts the session right.
func TestEarlyAnswerOfAnotherBranch(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 183, "a", payload())
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		s.settle()
		require.Equal(s.t, peerSDP, c.RemoteSDP())
		s.peer.reply(inv, 200, "b", payload())
		s.peer.request("ACK")
		again := s.peer.request("INVITE")
		require.Equal(s.t, "b", again.ToTag())
		s.peer.reply(again, 200, "", payload())
		s.peer.request("ACK")
		require.Equal(s.t, Ready, c.State())
	})
}

// TestEarlyAnswerOfTheSameBranch holds; what the 2xx repeats is not processed.
func TestEarlyAnswerOfTheSameBranch(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 183, "a", payload())
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		s.peer.reply(inv, 200, "a", payload())
		s.peer.request("ACK")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		s.peer.silent(10*time.Second, "INVITE")
	})
}

func TestInviteTimeout(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		begin := time.Now()
		s.peer.reply(inv, 180, "a")
		cancel := s.peer.request("CANCEL")
		require.InDelta(s.t, 120, time.Since(begin).Seconds(), 0.2)
		s.peer.reply(cancel, 200, "a")
		s.peer.reply(inv, 487, "a")
		require.ErrorIs(s.t, c.Wait(s.ctx, Ready), ErrTimeout)
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
	})
}

// TestInviteExpires: the Expires of our own INVITE bounds it (RFC 3261 13.2.1).
func TestInviteExpires(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		_, inv := s.call(CallConfig{}, sip.Expires.Set(20))
		begin := time.Now()
		s.peer.reply(inv, 180, "a")
		s.peer.request("CANCEL")
		require.InDelta(s.t, 20, time.Since(begin).Seconds(), 0.2)
	})
}

// TestCancelWithoutAnswer: a peer that never answers the cancelled INVITE does
// not hold the call for ever (C04).
func TestCancelWithoutAnswer(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "a")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		require.NoError(s.t, c.Cancel())
		s.peer.reply(s.peer.request("CANCEL"), 200, "a")
		begin := time.Now()
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		require.InDelta(s.t, 32, time.Since(begin).Seconds(), 0.5)
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	})
}

func TestInviteNobodyThere(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, err := s.ua.Invite(s.ctx, "sip:nobody@10.0.0.200", CallConfig{})
		if err == nil {
			err = c.Wait(s.ctx, Ready)
		}
		var failed *nta.TransactionError
		require.ErrorAs(s.t, err, &failed)
	})
}

func TestAnswerTimeout(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _, _ := s.incoming(payload())
		begin := time.Now()
		s.peer.response(480, "INVITE")
		require.InDelta(s.t, 180, time.Since(begin).Seconds(), 0.2)
		s.ended(c, "S6")
		require.ErrorIs(s.t, c.Err(), ErrTimeout)
	})
	onStage(t, Config{}, func(s *stage) { // the caller's Expires: 487 (I09)
		c, _, _ := s.incoming(payload(), sip.Expires.Set(10))
		begin := time.Now()
		s.peer.response(487, "INVITE")
		require.InDelta(s.t, 10, time.Since(begin).Seconds(), 0.2)
		s.ended(c, "S6")
	})
}

// TestProvisionalEveryMinute: a call that rings long is kept alive (RFC 3261 13.3.1.1).
func TestProvisionalEveryMinute(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring())
		s.peer.response(180, "INVITE")
		begin := time.Now()
		s.peer.response(180, "INVITE")
		require.InDelta(s.t, 60, time.Since(begin).Seconds(), 0.2)
	})
}

// TestContextAfterReady: the context of Invite has no say over a call that is up.
func TestContextAfterReady(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		ctx, cancel := context.WithCancel(s.ctx)
		c, err := s.ua.Invite(ctx, peerURI, CallConfig{})
		require.NoError(s.t, err)
		s.peer.reply(s.peer.request("INVITE"), 200, "a", payload())
		s.peer.request("ACK")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		cancel()
		s.peer.silent(time.Minute, "BYE")
		require.Equal(s.t, Ready, c.State())
		require.ErrorIs(s.t, c.Cancel(), ErrWrongState)
		_, err = s.ua.Invite(ctx, peerURI, CallConfig{})
		require.ErrorIs(s.t, err, ErrCanceled, "not even sent")
	})
}

// TestContextBoundsTheWaitOnly: the BYE goes on when nobody waits any more.
func TestContextBoundsTheWaitOnly(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.taken()
		ctx, cancel := context.WithTimeout(s.ctx, 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(s.t, c.Bye(ctx), context.DeadlineExceeded)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		require.NoError(s.t, c.Bye(s.ctx), "a call that has ended is no error")
		select {
		case <-c.Done():
		default:
			require.Fail(s.t, "Done is not closed")
		}
	})
}

// TestHandlerContext ends with the call, with the reason as its cause.
func TestHandlerContext(t *testing.T) {
	causes := make(chan error, 1)
	onStage(t, Config{Handler: Handler{Invite: func(ctx context.Context, c *Call) {
		<-ctx.Done()
		causes <- context.Cause(ctx)
	}}}, func(s *stage) {
		d, req := s.peer.invite(uaAddr, payload())
		s.peer.response(100, "INVITE")
		d.requestSeq("CANCEL", req.CSeq().Seq, req.TopVia().Branch())
		s.peer.response(487, "INVITE")
		s.settle()
		require.ErrorIs(s.t, <-causes, ErrCanceled)
	})
}
