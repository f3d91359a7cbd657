package nta

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// What the state runs and the models have found, each as a test of its own.

// A hook that is told of the end of the agent and sends anew leaves nothing.
func TestNothingBeginsInAHookAtTheEnd(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1")
		for i := range 20 {
			req := w.request("MESSAGE", "sip:bob@192.0.2.9", sip.CallID.Text("same"), sip.CSeq.Set(sip.Sequence{Seq: uint32(i + 1), Method: "MESSAGE"}))
			var again func(s *Step, o *Outgoing, resp sip.Response, err error)
			again = func(s *Step, _ *Outgoing, _ sip.Response, _ error) {
				_, err := s.Send(req, SendConfig{Respond: again})
				require.ErrorIs(t, err, ErrClosed)
				_, err = s.NewLeg(LegConfig{CallID: "same"})
				require.ErrorIs(t, err, ErrClosed)
			}
			_, err := a.Send(req, SendConfig{Respond: again})
			require.NoError(t, err)
		}
		w.sleep(100 * ms)
		require.NoError(t, a.Close())
		s := a.Stats()
		require.Zero(t, s.Transactions)
		require.Zero(t, s.Unfinished)
	})
}

// The timers of an engine end with the agent.
func TestTimersOfTheUserEndWithTheAgent(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1")
		var timers []*Timer
		a.Step("call", func(s *Step) {
			for _, d := range []time.Duration{ms, sec, time.Hour, 1000 * time.Hour} {
				timers = append(timers, s.After(d, func(*Step) { t.Error("after the end") }))
			}
		})
		require.Equal(t, 4, a.Stats().Timers)
		require.NoError(t, a.Close())
		require.Zero(t, a.Stats().Timers)
		a.Step("call", func(s *Step) {
			for _, timer := range timers {
				require.False(t, timer.Stop(s))
			}
		})
		require.Zero(t, a.Stats().Timers)
	})
}

// RFC 3261 9.1: what one hop has said provisionally does not let a CANCEL go to
// the next before that has said something, too.
func TestCancelWaitsForEachHop(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		first, second := w.peer("one", "192.0.2.9"), w.peer("two", "192.0.2.8")
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8"))
		o, err := a.Send(w.request("INVITE", "sip:bob@many.example.com"), SendConfig{})
		require.NoError(t, err)
		invite := first.recv()
		first.reply(invite, 180)
		first.reply(invite, 503)
		invite = second.recv()
		require.NoError(t, o.Cancel())
		w.sleep(300 * ms)
		second.quiet("no CANCEL before a provisional response of this hop")
		second.reply(invite, 100)
		cancel := second.recv()
		require.Equal(t, "CANCEL", cancel.m.Method())
		second.reply(cancel, 200)
		second.reply(invite, 487)
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 487, resp.Status())
	})
}

// A hop that is silent after another has said 180 and 503 is given up for the
// next: it has said nothing.
func TestSilentHopAfterOneThatAnswered(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		first := w.peer("one", "192.0.2.9")
		w.peer("two", "192.0.2.8")
		third := w.peer("three", "192.0.2.7")
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8", "192.0.2.7"))
		o, err := a.Send(w.request("OPTIONS", "sip:bob@many.example.com"), SendConfig{})
		require.NoError(t, err)
		options := first.recv()
		first.reply(options, 100)
		first.reply(options, 503)
		w.sleep(33 * sec)
		third.reply(third.recv(), 200)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
	})
}

// After Shutdown has begun, an INVITE that has its 2xx reports no further ones.
func TestNoFurther2xxAfterShutdown(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		release := make(chan struct{})
		a.Go(func(context.Context) { <-release }) // Shutdown has to wait
		results := 0
		_, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{
			Respond: func(_ *Step, _ *Outgoing, resp sip.Response, err error) {
				require.NoError(t, err)
				results++
			},
		})
		require.NoError(t, err)
		invite := p.recv()
		tagged := func(tag string) {
			to, err := invite.req().To()
			require.NoError(t, err)
			p.reply(invite, 200, sip.To.Set(to.WithTag(tag)))
			w.sleep(ms)
		}
		tagged("one")
		done := make(chan error, 1)
		go func() { done <- a.Shutdown(context.Background()) }()
		w.sleep(ms)
		tagged("two")
		require.Equal(t, 1, results)
		close(release)
		require.NoError(t, <-done)
		require.Equal(t, 1, results)
	})
}

// SendStateless does not wait for an agent that is being closed.
func TestSendStatelessAtTheEnd(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9"))
		a.mu.Lock()
		a.closed = true // Close has begun, and has not come to the shards
		a.mu.Unlock()
		err := a.SendStateless(context.Background(), w.request("OPTIONS", "sip:bob@many.example.com"), SendConfig{})
		require.ErrorIs(t, err, ErrClosed)
		require.NoError(t, a.Close())
	})
}

// A 2xx of our own is repeated until its ACK comes (RFC 3261 13.3.1.4) although
// a provisional response from further down was passed on before.
func TestOwn2xxAfterRelayed1xx(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				down, err := in.Request().Edit(sip.Via.Push(sip.ViaParm{Protocol: "SIP/2.0", Transport: "UDP", Host: "192.0.2.1", Params: ";branch=z9hG4bKx"}))
				require.NoError(t, err)
				ringing, err := sip.NewResponse(down, 180)
				require.NoError(t, err)
				require.NoError(t, in.Relay(ringing))
				require.NoError(t, in.Reply(200, sip.Contact.Text("<sip:bob@192.0.2.1>")))
				_, err = in.Ack(w.ctx())
				require.ErrorIs(t, err, ErrNoAck)
			}
		})
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		w.sleep(40 * sec)
		require.Len(t, times(p.all(), "SIP/2.0 200"), 11)
	})
}
