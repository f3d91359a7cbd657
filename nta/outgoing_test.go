package nta

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// A context bounds the wait, not the transaction.
func TestNextIsBoundByItsContext(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(w.ctx(), sec)
		defer cancel()
		_, err = o.Final(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		p.reply(p.recv(), 200)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
	})
}

// Several may read; each response goes to one, the end to all.
func TestSeveralReaders(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		var got notes
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				for resp, err := range o.All(w.ctx()) {
					require.NoError(t, err)
					got.add(resp.Phrase())
				}
			})
		}
		invite := p.recv()
		for _, status := range []int{100, 180, 183, 404} {
			p.reply(invite, status)
			synctest.Wait()
		}
		wait.Wait()
		require.Equal(t, []string{"Trying", "Ringing", "Session Progress", "Not Found"}, got.all())
	})
}

// Nobody reads: the oldest provisional responses go, the final one stays.
func TestUnreadResponses(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		for range 100 {
			p.reply(invite, 180)
		}
		p.reply(invite, 480)
		w.sleep(ms)
		require.LessOrEqual(t, len(o.items), DefaultQueueSize)
		require.EqualValues(t, 101-DefaultQueueSize, a.Stats().DroppedResponses)
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 480, resp.Status())
	})
}

// Close makes the result nobody's; the protocol goes on.
func TestCloseOfOutgoing(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{
			Respond: func(*Step, *Outgoing, sip.Response, error) { t.Error("told") },
		})
		require.NoError(t, err)
		invite := p.recv()
		require.NoError(t, o.Cancel())
		require.NoError(t, o.Close())
		_, err = o.Next(w.ctx())
		require.ErrorIs(t, err, ErrClosed)
		p.reply(invite, 180)
		require.Equal(t, "CANCEL", p.recv().m.Method())
		p.reply(invite, 487)
		require.Equal(t, "ACK", p.recv().m.Method())
	})
}

// The hook gets every response in order, inside the step, and one end.
func TestRespondHook(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		var got notes
		send := func(method string) {
			_, err := a.Send(w.request(method, "sip:bob@192.0.2.9"), SendConfig{
				Respond: func(s *Step, o *Outgoing, resp sip.Response, err error) {
					require.NotNil(t, o.FlowStep(s), "also with the last response")
					if err != nil {
						got.add(err.(*TransactionError).Err.Error())
						return
					}
					got.add(resp.Phrase())
				},
			})
			require.NoError(t, err)
		}
		send("OPTIONS")
		options := p.recv()
		p.reply(options, 100)
		p.reply(options, 200)
		p.reply(options, 200)
		require.Equal(t, []string{"Trying", "OK"}, got.all())
		send("INVITE")
		w.sleep(40 * sec)
		require.Equal(t, []string{"Trying", "OK", ErrTimeout.Error()}, got.all())
	})
}

func TestUserAgentAndServer(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.UserAgent, c.Server = "Phone/1", "Box/2"
			c.Serve = func(in *Incoming) { in.Reply(486) }
		})
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		got := p.recv()
		require.Equal(t, []string{"Phone/1"}, values(got.m, "User-Agent"))
		p.reply(got, 180)
		require.NoError(t, o.Cancel())
		require.Equal(t, []string{"Phone/1"}, values(p.recv().m, "User-Agent"))
		p.reply(got, 487)
		p.recv()
		o, err = a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9", sip.UserAgent.Text("Mine")), SendConfig{})
		require.NoError(t, err)
		got = p.recv()
		require.Equal(t, []string{"Mine"}, values(got.m, "User-Agent"))
		p.reply(got, 200)
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		require.Equal(t, []string{"Box/2"}, values(p.recv().m, "Server"))
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
	})
}

// The trace sees each transaction start and end once, and what is repeated.
func TestTrace(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var got notes
		var mu sync.Mutex
		repeated := 0
		trace := func(c *Config) {
			c.Serve = func(in *Incoming) { in.Reply(200) }
			c.Trace = &Trace{
				Started: func(m *msg.Message, server bool) { got.add("started " + m.Method()) },
				Retransmitted: func(m *msg.Message) {
					mu.Lock()
					defer mu.Unlock()
					repeated++
				},
				Ended: func(callID, method string, server bool, err error) {
					if err != nil {
						method += " " + err.(*TransactionError).Err.Error()
					}
					got.add("ended " + method)
				},
				Dropped: func(_ *tport.Delivery, reason string) { got.add("dropped: " + reason) },
			}
		}
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", trace)
		_, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		w.sleep(40 * sec)
		require.Equal(t, 10, repeated)
		p.send(here, p.incoming("MESSAGE", "z9hG4bK1"))
		synctest.Wait()
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "To", "<sip:bob@example.com>;tag=x"))
		require.Equal(t, []string{
			"started OPTIONS", "ended OPTIONS " + ErrTimeout.Error(),
			"started MESSAGE", "ended MESSAGE", "dropped: ACK for nothing",
		}, got.all())
	})
}
