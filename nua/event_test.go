package nua

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gosofia/sofia/soa"
	"github.com/stretchr/testify/require"
)

// TestEventOrder: what both ends see of a call, in order.
func TestEventOrder(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		alice := l.ua("alice", "10.0.0.1", Config{})
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		ctx := l.within(time.Minute)
		a, err := alice.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
		require.NoError(t, err)
		b := <-in
		require.NoError(t, b.Ring())
		l.settle()
		require.NoError(t, b.Answer(ctx))
		require.NoError(t, a.Wait(ctx, Ready))
		l.settle()
		require.NoError(t, b.Bye(ctx))
		require.NoError(t, a.Wait(ctx, Terminated))
		require.Equal(t, []string{
			"i_state calling", "r_invite", "i_state proceeding", "r_invite", "i_state completing",
			"i_state ready", "i_bye", "i_state terminated",
		}, l.names(a))
		require.Equal(t, []string{
			"i_state received", "i_state early", "i_state completed", "i_ack", "i_state ready",
			"i_state terminating", "i_state terminated",
		}, l.names(b))
	})
}

// TestStateEventsTellTheMedia: flags and texts of each description that moved.
func TestStateEventsTellTheMedia(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		a, b, ctx := l.pair(Config{}, Config{})
		l.settle()
		require.NoError(t, a.Bye(ctx))
		require.NoError(t, b.Wait(ctx, Terminated))
		flags := func(c *Call) map[CallState][4]bool {
			all := map[CallState][4]bool{}
			for ev, err := range c.Events(ctx) {
				require.NoError(t, err)
				if s, ok := ev.(StateChanged); ok {
					all[s.State] = [4]bool{s.OfferSent, s.OfferReceived, s.AnswerSent, s.AnswerReceived}
					if s.State == Ready {
						require.Equal(t, soa.SendRecv, s.Audio)
						require.NotEmpty(t, s.LocalSDP)
						require.NotEmpty(t, s.RemoteSDP)
					}
				}
			}
			return all
		}
		got := flags(a)
		require.Equal(t, [4]bool{true, false, false, false}, got[Calling])
		require.Equal(t, [4]bool{false, false, false, true}, got[Completing])
		require.Equal(t, [4]bool{}, got[Ready])
		got = flags(b)
		require.Equal(t, [4]bool{false, true, false, false}, got[Received])
		require.Equal(t, [4]bool{false, false, true, false}, got[Completed])
	})
}

// TestLostEvents: a call nobody reads keeps its bound, and its end.
func TestLostEvents(t *testing.T) {
	onStage(t, Config{EventBuffer: 3}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		for range 10 {
			s.peer.reply(inv, 180, "a")
		}
		s.settle()
		s.peer.reply(inv, 486, "a")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		ev, err := c.Next(s.ctx)
		require.NoError(s.t, err)
		lost, ok := ev.(EventsLost)
		require.True(s.t, ok)
		require.Greater(s.t, lost.N, 5)
		require.Same(s.t, c, lost.Handle())
		var last Event
		n := 0
		for ev, err := range c.Events(s.ctx) {
			require.NoError(s.t, err)
			last = ev
			n++
		}
		require.LessOrEqual(s.t, n, 4)
		require.Equal(s.t, Terminated, last.(StateChanged).State)
	})
}

// TestNoEventsKept: with -1 a call keeps its last event only.
func TestNoEventsKept(t *testing.T) {
	onStage(t, Config{EventBuffer: -1}, func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 486, "a")
		require.NoError(s.t, c.Wait(s.ctx, Terminated))
		require.Equal(s.t, []string{"i_state terminated"}, s.names(c))
	})
}

// TestOneQueueForManyCalls: one goroutine answers every call, without a handler.
func TestOneQueueForManyCalls(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		const calls = 50
		q := NewQueue(0)
		h := l.net.MustHost("bob", "10.0.0.2")
		bob, err := New(Config{Identity: "sip:bob@10.0.0.2", Events: q, Media: "m=audio 5004 RTP/AVP 0", Agent: agentOn(h)})
		require.NoError(t, err)
		l.uas = append(l.uas, bob)
		require.NoError(t, bob.Listen(l.within(time.Second), "udp:10.0.0.2:5060"))
		ended := 0
		served := make(chan struct{})
		go func() {
			defer close(served)
			for ev, err := range q.Events(context.Background()) {
				if err != nil {
					return
				}
				s, ok := ev.(StateChanged)
				if !ok {
					continue
				}
				switch s.State {
				case Received:
					_ = s.Call().Answer(context.Background())
				case Terminated:
					if ended++; ended == calls {
						return
					}
				}
			}
		}()
		alice := l.ua("alice", "10.0.0.1", Config{})
		ctx := l.within(time.Minute)
		var ready atomic.Int32
		done := make(chan error, calls)
		for range calls {
			go func() {
				c, err := alice.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
				if err == nil {
					err = c.Wait(ctx, Ready)
				}
				if err == nil {
					ready.Add(1)
					time.Sleep(time.Second)
					err = c.Bye(ctx)
				}
				done <- err
			}()
		}
		for range calls {
			require.NoError(t, <-done)
		}
		<-served
		require.EqualValues(t, calls, ready.Load())
	})
}

// TestSharedQueueOfOneCall: Call.Next reads its own events from a shared queue.
func TestSharedQueueOfOneCall(t *testing.T) {
	q := NewQueue(0)
	onStage(t, Config{}, func(s *stage) {
		a, inv := s.call(CallConfig{Events: q})
		b, _ := s.call(CallConfig{Events: q})
		s.peer.reply(inv, 486, "a")
		require.NoError(s.t, a.Wait(s.ctx, Terminated))
		require.Equal(s.t, []string{"i_state calling", "r_invite", "i_state terminated"}, s.names(a))
		ev, err := q.Next(s.ctx)
		require.NoError(s.t, err)
		require.Same(s.t, b, ev.Handle())
	})
}
