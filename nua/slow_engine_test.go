package nua

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// The engine takes 3 s over the answer. Meanwhile the call must take what the
// peer sends: a retransmitted INVITE, a CANCEL, a BYE.

func onSlowStage(t *testing.T, f func(s *stage, e *slowEngine)) {
	t.Helper()
	e := newSlowEngine(3 * time.Second)
	onStage(t, Config{NewEngine: func(*Call) (Engine, error) { return e, nil }}, func(s *stage) { f(s, e) })
}

func TestSlowEngineRetransmittedInvite(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, _, req := s.incoming(payload())
		done := make(chan error)
		go func() { done <- c.Answer(s.ctx) }()
		synctest.Wait()
		s.peer.response(100, "INVITE") // at 200 ms
		s.peer.sendTo(req.Message, uaAddr)
		s.peer.response(100, "INVITE") // at once, not after the engine
		require.Equal(s.t, Received, c.State())
		require.NoError(s.t, <-done)
		s.peer.response(200, "INVITE")
		require.Equal(s.t, []string{"answer"}, e.calls(), "one answer for one INVITE")
	})
}

func TestSlowEngineCancel(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, d, req := s.incoming(payload())
		done := make(chan error)
		go func() { done <- c.Answer(s.ctx) }()
		synctest.Wait()
		begin := time.Now()
		d.requestSeq("CANCEL", req.CSeq().Seq, req.TopVia().Branch())
		s.peer.response(200, "CANCEL")
		s.peer.response(487, "INVITE")
		require.ErrorIs(s.t, <-done, ErrCanceled)
		require.Less(s.t, time.Since(begin), time.Second)
		s.ended(c, "S7")
		synctest.Wait()
		require.True(s.t, e.closed(), "the engine's work was ended and it is released")
		s.peer.silent(5*time.Second, "BYE")
	})
}

func TestSlowEngineBye(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, d, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring())
		d.learn(s.peer.response(180, "INVITE"))
		done := make(chan error)
		go func() { done <- c.Answer(s.ctx) }()
		synctest.Wait()
		begin := time.Now()
		d.request("BYE")
		s.peer.response(200, "BYE")
		s.peer.response(487, "INVITE")
		require.ErrorIs(s.t, <-done, ErrCanceled)
		require.Less(s.t, time.Since(begin), time.Second)
		s.ended(c, "S8")
		synctest.Wait()
		require.True(s.t, e.closed())
	})
}

// TestSlowEngineCaller: the 2xx is acknowledged at once although the engine
// works on its answer; a BYE in that time ends the call.
func TestSlowEngineCaller(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, inv := s.call(CallConfig{})
		begin := time.Now()
		s.peer.reply(inv, 200, "p1", payload())
		s.peer.request("ACK")
		require.Less(s.t, time.Since(begin), time.Second)
		require.Equal(s.t, Completing, c.State())
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		require.GreaterOrEqual(s.t, time.Since(begin), 3*time.Second)
		synctest.Wait()
		require.Equal(s.t, []string{"offer", "set answer", "activate"}, e.calls())
	})
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 200, "p1", payload())
		s.peer.request("ACK")
		s.peer.from(inv, "p1").request("BYE")
		s.peer.response(200, "BYE")
		s.ended(c, "C9 peer")
		synctest.Wait()
		require.True(s.t, e.closed())
		require.NotContains(s.t, e.calls(), "activate")
	})
}

// TestSlowEngineOfferless: the answer goes into the ACK, so the ACK waits.
func TestSlowEngineOfferless(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, inv := s.call(CallConfig{Offerless: true})
		require.Empty(s.t, inv.Body())
		s.peer.reply(inv, 200, "p1", payload())
		s.peer.silent(2900*time.Millisecond, "ACK")
		s.peer.reply(inv, 200, "p1", payload()) // retransmitted meanwhile
		ack := s.peer.request("ACK")
		answer, ok := sessionBody(ack)
		require.True(s.t, ok)
		require.Equal(s.t, c.LocalSDP(), answer)
		require.Equal(s.t, peerSDP, c.RemoteSDP())
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		synctest.Wait()
		require.Equal(s.t, []string{"answer", "activate"}, e.calls())
	})
}

// TestSlowEngineAckWithAnswer: a BYE asked for while the engine works on the
// answer in the ACK does not wait for the engine.
func TestSlowEngineAckWithAnswer(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, d, _ := s.answered()
		d.request("ACK", payload())
		time.Sleep(time.Second) // of the bubble's clock
		begin := time.Now()
		go c.Bye(s.ctx)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		require.Less(s.t, time.Since(begin), time.Second)
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
	})
}

// TestSlowReinvite: a re-INVITE that the engine is still at is refused to the
// second one, cancelled by CANCEL, and ended by BYE.
func TestSlowReinvite(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, d := s.taken()
		first := d.request("INVITE", payload())
		synctest.Wait()
		d.request("INVITE", payload())
		later := s.peer.response(500, "INVITE")
		require.True(s.t, sip.RetryAfter.Has(later), "I04")
		d.requestSeq("CANCEL", first.CSeq().Seq, first.TopVia().Branch())
		s.peer.response(487, "INVITE")
		require.Equal(s.t, Ready, c.State())
		time.Sleep(10 * time.Second)
		require.Contains(s.t, e.calls(), "rollback")
		// The call can still be changed.
		d.request("INVITE", payload())
		s.peer.response(200, "INVITE")
		d.request("ACK")
		// And an open re-INVITE is ended by BYE with 487.
		d.request("INVITE", payload())
		synctest.Wait()
		d.request("BYE")
		s.peer.response(487, "INVITE")
		s.ended(c, "T1")
		require.NoError(s.t, c.Err())
	})
}
