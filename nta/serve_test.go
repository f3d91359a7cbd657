package nta

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

const here = "192.0.2.1:5060"

// dialog sets a dialog up between a peer and an agent whose INVITEs are served
// by serve, and returns what a request of it looks like.
func (p *peer) dialog(callID string) func(method string, seq int) string {
	p.w.t.Helper()
	p.send(here, edit(p.incoming("INVITE", "z9hG4bKi"+callID), "Call-ID", callID))
	got := p.recv()
	require.Equal(p.w.t, 200, got.resp().Status())
	to := "<sip:bob@example.com>;tag=" + got.resp().ToTag()
	return func(method string, seq int) string {
		return edit(p.incoming(method, fmt.Sprintf("z9hG4bK%s-%d-%s", method, seq, callID)),
			"Call-ID", callID, "To", to, "CSeq", fmt.Sprintf("%d %s", seq, method))
	}
}

// accept answers an INVITE with 200 and makes its dialog.
func accept(serve func(*Incoming)) func(*Step, *Incoming) bool {
	return func(s *Step, in *Incoming) bool {
		if in.Request().Method() != "INVITE" {
			return false
		}
		if _, err := in.NewLeg(s, LegConfig{Serve: serve}); err != nil {
			panic(err)
		}
		s.Reply(in, 200)
		return true
	}
}

func TestBlockedHandlerDelaysNoOtherDialogNorItsCancel(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var cause error
		var at time.Duration
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				if in.Request().CallID() != "slow" {
					in.Reply(200)
					return
				}
				ctx := in.Context()
				time.Sleep(10 * sec)
				cause, at = context.Cause(ctx), w.at()
			}
		})
		p.send(here, edit(p.incoming("INVITE", "z9hG4bKslow"), "Call-ID", "slow"))
		w.sleep(sec)
		p.skip()
		p.send(here, edit(p.incoming("MESSAGE", "z9hG4bKquick"), "Call-ID", "quick"))
		got := p.recv()
		require.Equal(t, sec, got.at, "another dialog is not delayed")
		require.Equal(t, "MESSAGE", got.resp().CSeq().Method)

		p.send(here, edit(p.incoming("CANCEL", "z9hG4bKslow"), "Call-ID", "slow"))
		cancel, invite := p.recv(), p.recv()
		require.Equal(t, "SIP/2.0 200 OK", cancel.first())
		require.Equal(t, "CANCEL", cancel.resp().CSeq().Method)
		require.Equal(t, 487, invite.resp().Status())
		require.Equal(t, sec, invite.at, "nor is its own CANCEL")
		require.Equal(t, cancel.resp().ToTag(), invite.resp().ToTag(), "9.2")
		p.send(here, edit(p.incoming("ACK", "z9hG4bKslow"), "Call-ID", "slow", "To", "<sip:bob@example.com>;tag="+invite.resp().ToTag()))
		w.sleep(20 * sec)
		require.ErrorIs(t, cause, ErrCanceled)
		require.Equal(t, 10*sec, at)
	})
}

func TestMessagesOfADialogAreServedInOrder(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		const n = 1000
		var served []int
		var running atomic.Int32
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.QueueSize = n
			c.Receive = accept(func(in *Incoming) {
				require.EqualValues(t, 1, running.Add(1), "one at a time")
				defer running.Add(-1)
				seq := int(in.Request().CSeq().Seq)
				if seq%100 == 0 {
					time.Sleep(ms)
				}
				served = append(served, seq)
				in.Reply(200)
			})
		})
		req := p.dialog("ordered")
		p.send(here, req("ACK", 1))
		for i := range n {
			p.send(here, req("MESSAGE", i+2))
		}
		w.sleep(sec)
		require.Len(t, served, n)
		for i, seq := range served {
			require.Equal(t, i+2, seq)
		}
		require.Zero(t, a.Stats().Goroutines, "a goroutine lives only while there is work")
		require.Len(t, times(p.all(), "SIP/2.0 200"), n+1)
	})
}

func TestHandlerGetsItsAckWhileAByeWaits(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var log notes
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				if in.Request().Method() == "BYE" {
					log.add("BYE")
					in.Reply(200)
					return
				}
				_, err := in.Dialog(LegConfig{})
				require.NoError(t, err)
				require.NoError(t, in.Reply(200))
				ack, err := in.Ack(w.ctx())
				require.NoError(t, err)
				log.add("ACK " + ack.Body())
				time.Sleep(3 * sec)
				log.add("done")
			}
		})
		req := p.dialog("ack")
		p.send(here, req("BYE", 2))
		w.sleep(200 * ms)
		require.Empty(t, log.all(), "the BYE waits for the INVITE's handler")
		p.send(here, edit(req("ACK", 1)+"Content-Type: text/plain\n\nhello"))
		w.sleep(sec)
		require.Equal(t, []string{"ACK hello"}, log.all())
		w.sleep(5 * sec)
		require.Equal(t, []string{"ACK hello", "done", "BYE"}, log.all())
	})
}

func TestAsyncLetsTheNextStart(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var started notes
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = accept(func(in *Incoming) {
				started.add(strconv.Itoa(int(in.Request().CSeq().Seq)))
				if in.Request().CSeq().Seq != 3 {
					in.Async()
					in.Async()
				}
				time.Sleep(10 * sec)
				in.Reply(200)
			})
		})
		req := p.dialog("async")
		p.send(here, req("ACK", 1))
		for seq := 2; seq <= 5; seq++ {
			p.send(here, req("MESSAGE", seq))
			w.sleep(sec)
		}
		require.Equal(t, []string{"2", "3"}, started.all(), "3 does not let go")
		w.sleep(8 * sec)
		require.Equal(t, []string{"2", "3", "4", "5"}, started.all())
		w.sleep(10 * sec)
		require.Zero(t, a.Stats().Goroutines)
		p.send(here, req("MESSAGE", 6))
		w.sleep(20 * sec)
		require.Equal(t, []string{"2", "3", "4", "5", "6"}, started.all(), "the queue works on after Async")
	})
}

// What let go of the queue does not come back to it.
func TestOneAtATimeAfterAsync(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var log notes
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = accept(func(in *Incoming) {
				seq := strconv.Itoa(int(in.Request().CSeq().Seq))
				log.add("start " + seq)
				if seq == "2" {
					in.Async()
					time.Sleep(sec)
				} else {
					time.Sleep(5 * sec)
				}
				log.add("end " + seq)
				in.Reply(200)
			})
		})
		req := p.dialog("async")
		p.send(here, req("ACK", 1))
		for seq := 2; seq <= 4; seq++ {
			p.send(here, req("MESSAGE", seq))
			w.sleep(ms)
		}
		w.sleep(20 * sec)
		require.Equal(t, []string{"start 2", "start 3", "end 2", "end 3", "start 4", "end 4"}, log.all())
	})
}

func TestFullQueue(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = accept(func(in *Incoming) {
				time.Sleep(500 * ms)
				in.Reply(200)
			})
		})
		req := p.dialog("full")
		p.send(here, req("ACK", 1))
		for i := range 1 + DefaultQueueSize + 1 {
			p.send(here, req("MESSAGE", 2+i))
			synctest.Wait()
		}
		got := p.recv()
		require.Equal(t, 503, got.resp().Status())
		require.True(t, sip.RetryAfter.Has(got.resp()))
		require.EqualValues(t, 2+DefaultQueueSize+1, got.resp().CSeq().Seq, "the one too many")
		require.EqualValues(t, 1, a.Stats().Refused)
		w.sleep(40 * sec)
		require.Len(t, times(p.all(), "SIP/2.0 200"), 1+1+DefaultQueueSize)
	})
}

func TestPanicInUserCode(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = accept(func(in *Incoming) {
				if in.Request().CSeq().Seq == 2 {
					panic("oops")
				}
				in.Reply(200)
			})
		})
		req := p.dialog("panic")
		p.send(here, req("ACK", 1))
		p.send(here, req("MESSAGE", 2))
		require.Equal(t, 500, p.recv().resp().Status())
		p.send(here, req("MESSAGE", 3))
		require.Equal(t, 200, p.recv().resp().Status(), "the dialog's queue goes on")
		require.EqualValues(t, 1, a.Stats().Panics)
		a.count.panics.Store(0)
	})
}

func TestContextEndsWhenTheRequestIsAnsweredAndServed(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var during error
		var ctx context.Context
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				ctx = in.Context()
				in.Reply(200)
				during = ctx.Err()
			}
		})
		p.send(here, p.incoming("MESSAGE", "z9hG4bK1"))
		p.recv()
		synctest.Wait()
		require.NoError(t, during, "the handler still works")
		require.ErrorIs(t, ctx.Err(), context.Canceled)
	})
}

func TestServeOfManyDialogsAtOnce(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var n atomic.Int32
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				n.Add(1)
				time.Sleep(10 * sec)
				in.Reply(200)
			}
		})
		for i := range 200 {
			p.send(here, edit(p.incoming("OPTIONS", "z9hG4bK"+strconv.Itoa(i)), "Call-ID", strconv.Itoa(i)))
		}
		w.sleep(ms)
		require.EqualValues(t, 200, n.Load())
		require.Equal(t, 200, a.Stats().Goroutines)
		w.sleep(10 * sec)
		require.Zero(t, a.Stats().Goroutines)
	})
}
