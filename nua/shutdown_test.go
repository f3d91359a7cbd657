package nua

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestShutdownEndsEveryUsage: an established call gets BYE, one being made
// CANCEL, one that rings 480, the registration is removed; then all is closed.
func TestShutdownEndsEveryUsage(t *testing.T) {
	onStage(t, Config{Auth: alice, Registrar: "sip:10.0.0.7", Identity: "sip:alice@lab.test"}, func(s *stage) {
		r := s.registrar("10.0.0.7")
		reg, err := s.ua.Register(s.ctx, RegisterConfig{})
		require.NoError(s.t, err)
		require.Equal(s.t, 1, r.bound())
		up, _ := s.established(CallConfig{})
		making, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "m")
		require.NoError(s.t, making.Wait(s.ctx, Proceeding))
		ringing, _, _ := s.incoming(payload())

		done := make(chan error)
		begin := time.Now()
		go func() { done <- s.ua.Shutdown(s.ctx) }()
		seen := map[string]bool{}
		for !seen["BYE"] || !seen["CANCEL"] || !seen["480"] {
			m := s.peer.next(time.Minute)
			if req, ok := sip.AsRequest(m); ok {
				seen[req.Method()] = true
				switch req.Method() {
				case "BYE":
					s.peer.reply(req, 200, "")
				case "CANCEL":
					s.peer.reply(req, 200, "m")
					s.peer.reply(inv, 487, "m")
				}
			} else if m.Status() == 480 {
				seen["480"] = true
				resp, _ := sip.AsResponse(m)
				d := &dialog{r: s.peer, to: uaAddr, callID: resp.CallID(), local: "<sip:peer@10.0.0.9:5060>;tag=raw1", target: "sip:them@10.0.0.1:5060"}
				d.learn(resp)
				d.requestSeq("ACK", 1, resp.TopVia().Branch())
			}
		}
		require.NoError(s.t, <-done)
		require.Less(s.t, time.Since(begin), 5*time.Second)
		require.Zero(s.t, r.bound())
		require.Equal(s.t, Unregistered, reg.State())
		for _, c := range []*Call{up, making, ringing} {
			require.Equal(s.t, Terminated, c.State())
		}
		require.NoError(s.t, up.Err())
		require.ErrorIs(s.t, making.Err(), ErrClosed)

		_, err = s.ua.Invite(s.ctx, peerURI, CallConfig{})
		require.ErrorIs(s.t, err, ErrClosed)
		_, err = s.ua.Register(s.ctx, RegisterConfig{})
		require.ErrorIs(s.t, err, ErrClosed)
		_, err = s.ua.Options(s.ctx, peerURI)
		require.ErrorIs(s.t, err, ErrClosed)
		require.NoError(s.t, s.ua.Shutdown(s.ctx), "again is no error")
	})
}

// TestShutdownGivesUp: a peer that does not answer cannot hold it beyond ctx;
// handles still get their last event.
func TestShutdownGivesUp(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		bye := make(chan error)
		ctx, cancel := context.WithTimeout(s.ctx, 3*time.Second)
		defer cancel()
		begin := time.Now()
		require.ErrorIs(s.t, s.ua.Shutdown(ctx), context.DeadlineExceeded)
		require.InDelta(s.t, 3, time.Since(begin).Seconds(), 0.1)
		require.Equal(s.t, Terminated, c.State())
		go func() { bye <- c.Bye(s.ctx) }()
		require.NoError(s.t, <-bye)
		all := s.names(c)
		require.Equal(s.t, "i_state terminated", all[len(all)-1])
	})
}

// TestShutdownWhileTheEngineWorks: an engine's call is ended, and Close follows.
func TestShutdownWhileTheEngineWorks(t *testing.T) {
	e := newSlowEngine(time.Hour)
	onStage(t, Config{NewEngine: func(*Call) (Engine, error) { return e, nil }}, func(s *stage) {
		c, _, _ := s.incoming(payload())
		done := make(chan error)
		go func() { done <- c.Answer(s.ctx) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		_ = s.ua.Shutdown(ctx)
		require.ErrorIs(s.t, <-done, ErrClosed)
		require.True(s.t, e.closed())
	})
}

func TestCloseAtOnce(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		begin := time.Now()
		require.NoError(s.t, s.ua.Close())
		require.Less(s.t, time.Since(begin), time.Second)
		require.Equal(s.t, Terminated, c.State())
		require.ErrorIs(s.t, c.Err(), ErrClosed)
		s.peer.silent(time.Second, "BYE")
	})
}

// TestCompletedCallWaitsForItsAck: BYE of the callee is held, also by Shutdown.
func TestShutdownBeforeTheAck(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d, _ := s.answered(payload())
		done := make(chan error)
		go func() { done <- s.ua.Shutdown(s.ctx) }()
		s.peer.silent(time.Second, "BYE")
		d.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		require.NoError(s.t, <-done)
		require.Equal(s.t, Terminated, c.State())
	})
}
