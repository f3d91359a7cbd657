package nta

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// TestStress makes calls and requests over bad networks: each has one result,
// each call that was answered gets its ACK and its BYE, user code sees every
// request once, and when all is over nothing is left (the bubble checks that).
func TestStress(t *testing.T) {
	for seed := range uint64(4) {
		for _, proto := range []string{"udp", "tcp"} {
			t.Run(fmt.Sprintf("%s-%d", proto, seed), func(t *testing.T) {
				bubble(t, simnet.Config{
					Seed: seed,
					Link: simnet.Link{
						Delay: 20 * ms, Jitter: 30 * ms, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1, ReorderDelay: 100 * ms,
					},
				}, func(w *world) { stress(w, proto) })
			})
		}
	}
}

func stress(w *world, proto string) {
	const calls, requests = 60, 120
	var served sync.Map // branch → times
	var answered, acked, byes, lost atomic.Int32
	seen := func(in *Incoming) {
		n, _ := served.LoadOrStore(in.Request().Branch(), new(atomic.Int32))
		require.EqualValues(w.t, 1, n.(*atomic.Int32).Add(1), "served twice")
	}
	// A lost segment holds up everything behind it: a stream needs a long queue.
	patient := func(c *Config) { c.Transport.QueueSize = 1024 }
	w.agent("b", "192.0.2.9", patient, func(c *Config) {
		c.Serve = func(in *Incoming) {
			seen(in)
			seq := in.Request().CSeq()
			time.Sleep(time.Duration(seq.Seq%7) * 100 * ms)
			switch seq.Method {
			case "INVITE":
				in.Reply(180)
				switch {
				case seq.Seq%5 == 0: // the caller cancels
					<-in.Context().Done()
					return
				case seq.Seq%3 == 0:
					in.Reply(486)
					return
				}
				leg, err := in.Dialog(LegConfig{})
				require.NoError(w.t, err)
				in.Async()
				if in.Reply(200, sip.Contact.Text("<sip:bob@192.0.2.9;transport="+proto+">")) != nil {
					return
				}
				answered.Add(1)
				if _, err := in.Ack(w.ctx()); err == nil {
					acked.Add(1)
				} else {
					lost.Add(1)
					leg.End()
				}
			case "BYE":
				byes.Add(1)
				in.Leg().End()
				in.Reply(200)
			default:
				in.Reply(int(200 + seq.Seq%3*100))
			}
		}
	})
	a := w.agent("a", "192.0.2.1", patient)
	var wait sync.WaitGroup
	result := func(o *Outgoing) int {
		resp, err := o.Final(w.ctx())
		var refused *sip.StatusError
		switch {
		case err == nil, errors.As(err, &refused):
			return resp.Status()
		case errors.Is(err, ErrTimeout), errors.Is(err, ErrCanceled):
			return 408 // possible at a loss of ten percent
		}
		require.NoError(w.t, err)
		return 0
	}
	var timeouts atomic.Int32
	for i := range requests {
		wait.Go(func() {
			time.Sleep(time.Duration(i) * 17 * ms)
			o, err := a.Send(w.request("MESSAGE", "sip:bob@192.0.2.9;transport="+proto,
				sip.CallID.Text(fmt.Sprintf("m%d", i)), sip.CSeq.Set(sip.Sequence{Seq: uint32(i + 1), Method: "MESSAGE"})), SendConfig{})
			require.NoError(w.t, err)
			if got := result(o); got == 408 {
				timeouts.Add(1)
			} else {
				require.Equal(w.t, 200+(i+1)%3*100, got)
			}
		})
	}
	for i := range calls {
		wait.Go(func() {
			time.Sleep(time.Duration(i) * 31 * ms)
			seq := uint32(i + 1)
			o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9;transport="+proto,
				sip.CallID.Text(fmt.Sprintf("c%d", i)), sip.CSeq.Set(sip.Sequence{Seq: seq, Method: "INVITE"}),
				sip.Contact.Text("<sip:alice@192.0.2.1;transport="+proto+">")), SendConfig{})
			require.NoError(w.t, err)
			if seq%5 == 0 {
				resp, err := o.Next(w.ctx())
				if err != nil {
					return
				}
				require.Less(w.t, resp.Status(), 200)
				require.NoError(w.t, o.Cancel())
				got := result(o)
				require.Contains(w.t, []int{487, 408}, got)
				return
			}
			resp, err := o.Final(w.ctx())
			if seq%3 == 0 || err != nil {
				return
			}
			leg, err := o.Dialog(resp, LegConfig{})
			require.NoError(w.t, err)
			a.Step(leg.CallID(), func(s *Step) { err = leg.Ack(s, resp) })
			require.NoError(w.t, err)
			time.Sleep(sec)
			bye, err := leg.Send("BYE")
			require.NoError(w.t, err)
			result(bye)
			leg.End()
		})
	}
	wait.Wait()
	time.Sleep(2 * 64 * DefaultT1)
	require.LessOrEqual(w.t, timeouts.Load(), int32(2), "at ten percent of loss eleven tries are enough")
	require.Equal(w.t, answered.Load(), acked.Load()+lost.Load())
	require.Zero(w.t, lost.Load(), "every answered call is acknowledged")
	require.GreaterOrEqual(w.t, byes.Load(), acked.Load()-2)
	require.Positive(w.t, acked.Load())
	for _, agent := range w.agents {
		s := agent.Stats()
		if proto == "udp" {
			require.Positive(w.t, s.Resent)
			require.Positive(w.t, s.Retransmissions)
		}
	}
}

// TestCallsAgainstCancels lets answers and CANCELs race: whoever wins, both
// sides agree and nothing is left.
func TestCallsAgainstCancels(t *testing.T) {
	bubble(t, simnet.Config{Seed: 5, Link: simnet.Link{Delay: 10 * ms, Jitter: 20 * ms}}, func(w *world) {
		var won, canceled atomic.Int32
		w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(180)
				time.Sleep(50 * ms)
				if in.Reply(200, sip.Contact.Text("<sip:bob@192.0.2.9>")) != nil {
					require.ErrorIs(t, context.Cause(in.Context()), ErrCanceled)
					canceled.Add(1)
					return
				}
				_, err := in.Ack(w.ctx())
				require.NoError(t, err)
				won.Add(1)
			}
		})
		a := w.agent("a", "192.0.2.1")
		var wait sync.WaitGroup
		var ok, refused atomic.Int32
		for i := range 200 {
			wait.Go(func() {
				o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", sip.CallID.Text(fmt.Sprint(i))), SendConfig{})
				require.NoError(t, err)
				time.Sleep(time.Duration(i) * ms)
				o.Cancel()
				resp, err := o.Final(w.ctx())
				if err == nil {
					ok.Add(1)
					require.NoError(t, o.Ack(resp))
					return
				}
				require.Equal(t, 487, resp.Status())
				refused.Add(1)
			})
		}
		wait.Wait()
		time.Sleep(70 * sec)
		require.Equal(t, ok.Load(), won.Load())
		require.Equal(t, refused.Load(), canceled.Load())
		require.Positive(t, ok.Load())
		require.Positive(t, refused.Load())
	})
}
