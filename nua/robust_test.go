package nua

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestIdleHandlesHoldNoGoroutine: calls that are up and registrations that
// are in place cost no goroutine.
func TestIdleHandlesHoldNoGoroutine(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		in := make(calls, 1)
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler(), EventBuffer: 4})
		ctx := l.within(time.Hour)
		up := func(n int) {
			for range n {
				c, err := u.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
				require.NoError(t, err)
				require.NoError(t, (<-in).Answer(ctx))
				require.NoError(t, c.Wait(ctx, Ready))
				_, err = u.Register(ctx, RegisterConfig{})
				require.NoError(t, err)
			}
			time.Sleep(time.Minute) // transactions are over
			synctest.Wait()
		}
		up(2)
		before := runtime.NumGoroutine()
		up(50)
		require.LessOrEqual(t, runtime.NumGoroutine(), before+5)
	})
}

// TestCallToOneself: both ends of a call in one agent share a Call-ID.
func TestCallToOneself(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		alice := l.ua("alice", "10.0.0.1", Config{Handler: in.handler()})
		ctx := l.within(time.Minute)
		a, err := alice.Invite(ctx, "sip:alice@10.0.0.1", CallConfig{})
		require.NoError(t, err)
		b := <-in
		require.NoError(t, b.Answer(ctx))
		require.NoError(t, a.Wait(ctx, Ready))
		require.NoError(t, b.Wait(ctx, Ready))
		require.NoError(t, a.Hold(ctx))
		require.NoError(t, b.Bye(ctx))
		require.NoError(t, a.Wait(ctx, Terminated))
	})
}

// TestPanics: neither a handler nor an engine ends the process.
func TestPanics(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	onStage(t, Config{Logger: quiet, Handler: Handler{Invite: func(context.Context, *Call) { panic("handler") }}}, func(s *stage) {
		s.peer.invite(uaAddr, payload())
		s.peer.response(500, "INVITE")
	})
	onStage(t, Config{Logger: quiet, NewEngine: func(*Call) (Engine, error) { return panicking{}, nil }}, func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.Error(s.t, c.Answer(s.ctx))
		s.peer.response(500, "INVITE")
	})
	onStage(t, Config{NewEngine: func(*Call) (Engine, error) { return nil, errors.New("no microphone") }}, func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.ErrorContains(s.t, c.Answer(s.ctx), "no microphone")
		s.peer.response(500, "INVITE")
		_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{})
		require.ErrorContains(s.t, err, "no microphone")
	})
}

type panicking struct{ *slowEngine }

func (panicking) Answer(context.Context, string) (string, error) { panic("engine") }
func (panicking) Close() error                                   { panic("close") }

// TestAnswerGoesOn: the context of Answer bounds the wait, not the answer.
func TestAnswerGoesOn(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, d, _ := s.incoming(payload())
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		require.ErrorIs(s.t, c.Answer(ctx), context.DeadlineExceeded)
		d.learn(s.peer.response(200, "INVITE"))
		d.request("ACK")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
	})
}

// TestAnswerTwice at once: one wins.
func TestAnswerTwice(t *testing.T) {
	onSlowStage(t, func(s *stage, e *slowEngine) {
		c, _, _ := s.incoming(payload())
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- c.Answer(s.ctx) }()
		}
		failed := 0
		for range 3 {
			if err := <-errs; err != nil {
				require.ErrorIs(s.t, err, ErrWrongState)
				failed++
			}
		}
		require.Equal(s.t, 2, failed)
	})
}

// TestMethodsInTheWrongState never do harm and say so.
func TestMethodsInTheWrongState(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		for name, err := range map[string]error{
			"ring": c.Ring(), "answer": c.Answer(s.ctx), "reject": c.Reject(486), "progress": c.Progress(s.ctx),
			"ack": c.Ack(s.ctx), "accept": c.AcceptReinvite(s.ctx), "refuse": c.RejectReinvite(488),
		} {
			require.ErrorIs(s.t, err, ErrWrongState, name)
		}
		require.ErrorIs(s.t, c.Hold(s.ctx), ErrNotReady)
		_, err := c.SendRequest(s.ctx, "INFO")
		require.ErrorIs(s.t, err, ErrNotReady)
		require.Equal(s.t, Calling, c.State())
		s.peer.reply(inv, 486, "a")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		require.ErrorIs(s.t, c.Hold(s.ctx), sip.Status(486))
		_, err = c.SendRequest(s.ctx, "INFO")
		require.ErrorIs(s.t, err, sip.Status(486))
		require.NoError(s.t, c.Cancel())
		require.NoError(s.t, c.Bye(s.ctx))
	})
}

// TestEngineWithoutHold says so, and the call can still be changed.
func TestEngineWithoutHold(t *testing.T) {
	onStage(t, Config{NewEngine: func(*Call) (Engine, error) { return plainEngine{newSlowEngine(0)}, nil }}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		require.ErrorIs(s.t, c.Hold(s.ctx), ErrNoHold)
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		s.peer.reply(s.peer.request("INVITE"), 200, "", payload())
		require.NoError(s.t, <-done)
	})
}

// plainEngine hides Hold.
type plainEngine struct{ e *slowEngine }

func (p plainEngine) Offer(ctx context.Context) (string, error) { return p.e.Offer(ctx) }
func (p plainEngine) Answer(ctx context.Context, s string) (string, error) {
	return p.e.Answer(ctx, s)
}
func (p plainEngine) SetAnswer(ctx context.Context, s string) error { return p.e.SetAnswer(ctx, s) }
func (p plainEngine) Rollback()                                     { p.e.Rollback() }
func (p plainEngine) Activate()                                     { p.e.Activate() }
func (p plainEngine) Close() error                                  { return p.e.Close() }

// TestCallEndsWhileChanging: who waits for a change hears of the end, and the
// INVITE on its way is cancelled.
func TestCallEndsWhileChanging(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d := s.established(CallConfig{})
		done := make(chan error, 2)
		go func() { done <- c.Hold(s.ctx) }()
		inv := s.peer.request("INVITE")
		s.peer.reply(inv, 180, "")
		go func() { done <- c.Resume(s.ctx) }() // waits behind it
		s.settle()
		d.request("BYE")
		require.ErrorIs(s.t, <-done, ErrClosed)
		require.ErrorIs(s.t, <-done, ErrClosed)
		s.peer.request("CANCEL")
		s.ended(c, "T1")
		s.peer.reply(inv, 200, "", payload()) // crossed: still acknowledged
		s.peer.request("ACK")
		d.request("OPTIONS")
		s.peer.response(481, "OPTIONS")
	})
}

// TestReinviteTimeout: a re-INVITE that rings for ever is cancelled and leaves
// the call as it was.
func TestReinviteTimeout(t *testing.T) {
	onStage(t, Config{InviteTimeout: 20 * time.Second}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		inv := s.peer.request("INVITE")
		s.peer.reply(inv, 180, "")
		s.peer.reply(s.peer.request("CANCEL"), 200, "")
		s.peer.reply(inv, 487, "")
		err := <-done
		require.ErrorIs(s.t, err, ErrTimeout)
		require.ErrorIs(s.t, err, sip.Status(487))
		require.Equal(s.t, Ready, c.State())
	})
}

// TestReinviteChallenged is answered in a call of ours, with the same offer.
func TestReinviteChallenged(t *testing.T) {
	onStage(t, Config{Auth: alice}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		inv := s.peer.request("INVITE")
		s.challenge(inv)
		again := s.peer.request("INVITE")
		require.Equal(s.t, inv.Body(), again.Body())
		require.Equal(s.t, inv.CSeq().Seq+1, again.CSeq().Seq)
		s.peer.reply(again, 200, "", payload())
		require.NoError(s.t, <-done)
	})
	onStage(t, Config{Auth: alice}, func(s *stage) { // and not in one of the peer's
		c, _ := s.taken()
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		s.challenge(s.peer.request("INVITE"))
		require.ErrorIs(s.t, <-done, ErrForeignDialog)
		require.Equal(s.t, Ready, c.State())
	})
}

// TestCredentialsRefusedTwice: the call ends with a clear error after two tries.
func TestCredentialsRefusedTwice(t *testing.T) {
	onStage(t, Config{Auth: []auth.User{{Username: "alice", Password: "wrong"}}}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		tries := 0
		for c.State() != Terminated {
			s.challenge(inv)
			s.settle()
			if c.State() == Terminated {
				break
			}
			tries++
			require.LessOrEqual(s.t, tries, 2)
			inv = s.peer.request("INVITE")
		}
		require.ErrorIs(s.t, c.Err(), sip.Status(401))
		require.True(s.t, strings.Contains(c.Err().Error(), "refused"), c.Err())
	})
}

// TestMergedInvite: the same INVITE by two ways makes one call (U03).
func TestMergedInvite(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		_, d, req := s.incoming(payload())
		d.requestSeq("INVITE", req.CSeq().Seq, "z9hG4bKanotherway", payload())
		s.peer.response(482, "INVITE")
		require.Empty(s.t, s.in)
	})
}

// TestUserHeaders: the user's setters win over the library's.
func TestUserHeaders(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, d, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring(sip.Subject.Text("soon")))
		require.True(s.t, sip.Subject.Has(s.peer.response(180, "INVITE")))
		require.NoError(s.t, c.Answer(s.ctx, sip.Server.Text("mine")))
		ok := s.peer.response(200, "INVITE")
		server, _ := sip.Server.Raw(ok)
		require.Equal(s.t, "mine", server)
		d.learn(ok)
		d.request("ACK")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		go c.Bye(s.ctx, sip.Reason.Text("Q.850;cause=16"))
		reason, _ := sip.Reason.Raw(s.peer.request("BYE"))
		require.Equal(s.t, "Q.850;cause=16", reason)
	})
}

// TestEngineLost: an engine that never returns does not hold a call, or a
// change of it, for ever.
func TestEngineLost(t *testing.T) {
	lost := func(f func(s *stage, e *slowEngine)) {
		e := newSlowEngine(0)
		cfg := Config{
			NewEngine:     func(*Call) (Engine, error) { return e, nil },
			AnswerTimeout: 40 * time.Second, InviteTimeout: 40 * time.Second,
		}
		onStage(t, cfg, func(s *stage) { f(s, e) })
	}
	lost(func(s *stage, e *slowEngine) { // the answer in an ACK
		c, d, _ := s.answered()
		e.delay = time.Hour
		d.request("ACK", payload())
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "S4'")
		require.ErrorIs(s.t, c.Err(), ErrTimeout)
	})
	lost(func(s *stage, e *slowEngine) { // the answer in a 2xx
		c, inv := s.call(CallConfig{})
		e.delay = time.Hour
		s.peer.reply(inv, 200, "a", payload())
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "C7 late")
		require.ErrorIs(s.t, c.Err(), ErrTimeout)
	})
	lost(func(s *stage, e *slowEngine) { // the answer to our re-INVITE
		c, _ := s.established(CallConfig{})
		done := make(chan error)
		go func() { done <- c.Reinvite(s.ctx) }()
		inv := s.peer.request("INVITE")
		e.delay = time.Hour
		s.peer.reply(inv, 200, "", payload())
		require.ErrorIs(s.t, <-done, ErrTimeout)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "T4")
	})
	lost(func(s *stage, e *slowEngine) { // the peer's offer in a re-INVITE
		c, d := s.taken()
		e.delay = time.Hour
		d.request("INVITE", payload())
		s.peer.response(500, "INVITE")
		require.Equal(s.t, Ready, c.State())
		go c.Bye(s.ctx)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "T2")
	})
	lost(func(s *stage, e *slowEngine) { // the answer to our offer in the peer's re-INVITE
		c, d := s.taken()
		d.request("INVITE")
		s.peer.response(200, "INVITE")
		e.delay = time.Hour
		d.request("ACK", payload())
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "T4")
		require.ErrorIs(s.t, c.Err(), ErrTimeout)
	})
}

// TestNothingIsLeft: a call that has ended leaves no dialog and no transaction
// behind, whatever became of it.
func TestNothingIsLeft(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{}) // with forks
		for _, tag := range []string{"a", "b", "c"} {
			s.peer.reply(inv, 180, tag)
		}
		s.peer.reply(inv, 200, "b", payload())
		s.peer.request("ACK")
		s.peer.reply(inv, 200, "a", payload())
		s.peer.reply(s.peer.request("BYE"), 200, "")
		go c.Bye(s.ctx)
		s.peer.reply(s.peer.request("BYE"), 200, "")
		c, inv = s.call(CallConfig{}) // refused
		s.peer.reply(inv, 180, "a")
		s.peer.reply(inv, 486, "a")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		c, d, _ := s.incoming(payload()) // ended early
		require.NoError(s.t, c.Ring())
		d.learn(s.peer.response(180, "INVITE"))
		d.request("BYE")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		time.Sleep(3 * time.Minute)
		stats := s.ua.Agent().Stats()
		require.Zero(s.t, stats.Legs)
		require.Zero(s.t, stats.Transactions)
		require.Zero(s.t, stats.Timers)
		require.Zero(s.t, stats.Goroutines)
		require.Empty(s.t, s.ua.usages)
	})
}
