package nua

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestJudge is the table of RFC 5057 5.1, as far as calls go.
func TestJudge(t *testing.T) {
	for status, want := range map[int]verdict{
		400: harmless, 401: harmless, 403: harmless, 404: fatal, 405: harmless, 407: harmless, 408: fatal,
		410: fatal, 416: fatal, 480: fatal, 481: fatal, 482: fatal, 483: graceful, 484: fatal, 485: fatal,
		486: harmless, 487: harmless, 488: harmless, 491: harmless, 500: harmless, 501: harmless,
		502: fatal, 503: harmless, 504: harmless, 600: harmless, 603: harmless, 604: fatal, 606: harmless,
	} {
		require.Equal(t, want, judge("INFO", status), "%d", status)
	}
	require.Equal(t, fatal, judge("INVITE", 405))
	require.Equal(t, harmless, judge("REFER", 484))
}

// TestRequestsThatCannotBeBuilt: a header that cannot be written is an error of
// the method, and nothing else happens.
func TestRequestsThatCannotBeBuilt(t *testing.T) {
	bad := sip.Subject.Text("two\r\nlines: x")
	onStage(t, Config{}, func(s *stage) {
		_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{}, bad)
		require.Error(s.t, err)
		_, err = s.ua.SendMessage(s.ctx, peerURI, "text/plain", "x", bad)
		require.Error(s.t, err)
		_, err = s.ua.Register(s.ctx, RegisterConfig{Identity: "sip:a@10.0.0.9"}, bad)
		require.Error(s.t, err)
		s.peer.silent(time.Minute, "INVITE")

		c, _ := s.established(CallConfig{})
		_, err = c.SendRequest(s.ctx, "INFO", bad)
		require.Error(s.t, err)
		require.Error(s.t, c.Reinvite(s.ctx, bad))
		require.Equal(s.t, Ready, c.State())
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }() // and the next one works
		s.peer.reply(s.peer.request("INVITE"), 200, "", payload())
		require.NoError(s.t, <-done)
		require.NoError(s.t, c.Bye(s.ctx, bad), "the call ends all the same")
		require.Equal(s.t, Terminated, c.State())
	})
	onStage(t, Config{}, func(s *stage) {
		for _, to := range []string{"", "bob", "sip:", "<sip:bob@x"} {
			_, err := s.ua.Invite(s.ctx, to, CallConfig{})
			require.Error(s.t, err, to)
		}
		_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{From: "::"})
		require.Error(s.t, err)
		_, err = s.ua.Invite(s.ctx, peerURI, CallConfig{Proxy: "::"})
		require.Error(s.t, err)
		_, err = s.ua.Request(s.ctx, "INVITE", peerURI)
		require.ErrorIs(s.t, err, ErrWrongState)
	})
}

// TestEarlyByeOfTheCallee: against the rules, answered, and the INVITE goes on.
func TestEarlyByeOfTheCallee(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "a")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		d := s.peer.from(inv, "a")
		d.request("BYE")
		s.peer.response(200, "BYE")
		require.Equal(s.t, Proceeding, c.State())
		d.request("INVITE", payload())
		s.peer.response(481, "INVITE")
		s.peer.reply(inv, 486, "a")
		s.ended(c, "C6")
	})
}

// TestByeThatRequires an extension is refused, not obeyed.
func TestByeThatRequires(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.taken()
		d.request("BYE", sip.Require.Text("foo"))
		s.peer.response(420, "BYE")
		require.Equal(s.t, Ready, c.State())
		d.requestSeq("BYE", 1, "z9hG4bKold") // out of order
		s.peer.response(500, "BYE")
		require.Equal(s.t, Ready, c.State())
	})
}

// TestEarlyAnswerWhileTheEngineWorks: the 2xx waits for the answer given before it.
func TestEarlyAnswerWhileTheEngineWorks(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 183, "a", payload())
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		s.peer.reply(inv, 200, "a", payload())
		s.peer.request("ACK")
		require.Equal(s.t, Completing, c.State())
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		synctest.Wait()
		require.Equal(s.t, []string{"offer", "set answer", "activate"}, e.calls())
	})
	onSlowStage(t, func(s *stage, e *slowEngine) { // and it is a bad one
		c, inv := s.call(CallConfig{})
		e.err = context.DeadlineExceeded
		s.peer.reply(inv, 183, "a", payload())
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		s.peer.reply(inv, 200, "a", payload())
		s.peer.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "C5")
	})
}

// TestInviteBeforeTheAck: the peer's re-INVITE that comes before its ACK is not
// taken as a change (I04, RFC 5407 3.1.4).
func TestInviteBeforeTheAck(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d, _ := s.answered(payload())
		d.request("INVITE", payload())
		s.peer.response(491, "INVITE")
		d.requestSeq("ACK", 1, "z9hG4bKack")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
	})
	onStage(t, Config{}, func(s *stage) { // nor before our own final response
		c, d, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring())
		d.learn(s.peer.response(180, "INVITE"))
		d.request("INVITE", payload())
		require.True(s.t, sip.RetryAfter.Has(s.peer.response(500, "INVITE")))
		require.Equal(s.t, Early, c.State())
	})
}

// TestAuthIncoming answers in a call the peer began, for realms named only.
func TestAuthIncoming(t *testing.T) {
	for realm, answered := range map[string]bool{"lab": true, "other": false, "": false} {
		onStage(t, Config{AuthIncoming: true, Auth: []auth.User{{Realm: realm, Username: "alice", Password: "secret"}}}, func(s *stage) {
			c, _ := s.taken()
			done := make(chan error)
			go func() { _, err := c.SendRequest(s.ctx, "INFO"); done <- err }()
			s.challenge(s.peer.request("INFO"))
			if !answered {
				require.ErrorIs(s.t, <-done, auth.ErrNoCredentials)
				return
			}
			again := s.peer.request("INFO")
			require.True(s.t, auth.Authorization.Has(again))
			s.peer.reply(again, 200, "")
			require.NoError(s.t, <-done)
		})
	}
}

// TestAllowAddsMethods: Handler.Other gets what Config.Allow names.
func TestAllowAddsMethods(t *testing.T) {
	got := make(chan *Request, 2)
	onStage(t, Config{
		Allow:   []string{"X-OWN", "PUBLISH", "INVITE"},
		Handler: Handler{Other: func(_ context.Context, r *Request) { got <- r; _ = r.Reply(204) }},
	}, func(s *stage) {
		d := &dialog{r: s.peer, to: uaAddr, callID: "a@b", local: "<sip:peer@10.0.0.9>;tag=1", peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1"}
		d.request("X-OWN", sip.Payload("text/plain", "body"))
		resp := s.peer.response(204, "X-OWN")
		allow, _ := sip.Allow.Raw(resp)
		require.Equal(s.t, "INVITE, ACK, BYE, CANCEL, OPTIONS, X-OWN, PUBLISH", allow)
		r := <-got
		require.Equal(s.t, "body", r.Body())
		require.Equal(s.t, "a@b", r.Message().CallID())
		require.Nil(s.t, r.Call())
		require.NotNil(s.t, r.Incoming())
	})
	onStage(t, Config{Allow: []string{"X-OWN"}}, func(s *stage) { // nobody looks after it
		d := &dialog{r: s.peer, to: uaAddr, callID: "a@b", local: "<sip:peer@10.0.0.9>;tag=1", peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1"}
		d.request("X-OWN")
		s.peer.response(501, "X-OWN")
	})
}

// TestGetters of an established call.
func TestGetters(t *testing.T) {
	e := newSlowEngine(0)
	onStage(t, Config{}, func(s *stage) {
		c, err := s.ua.Invite(s.ctx, peerURI, CallConfig{Engine: e}, []msg.Setter{sip.Subject.Text("x")}...)
		require.NoError(s.t, err)
		require.Same(s.t, e, c.Engine())
		require.False(s.t, c.Incoming())
		require.Equal(s.t, c.ID(), c.Request().CallID())
		done := c.Done()
		require.Equal(s.t, done, c.Done())
		s.peer.reply(s.peer.request("INVITE"), 486, "a")
		<-done
		require.NotNil(s.t, c.Done())
		require.True(s.t, sip.Subject.Has(c.Request()))
	})
}
