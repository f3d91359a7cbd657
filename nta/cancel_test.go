package nta

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// C01, C02: CANCEL is held until a provisional response, and says what the
// INVITE said.
func TestCancelIsHeldAndBuiltFromTheInvite(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@example.com",
			sip.Route.Text("<sip:192.0.2.9;lr>, <sip:far.example.com;lr>"),
			sip.Require.Set("100rel")), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		require.NoError(t, o.Cancel(sip.Reason.Text(`SIP;cause=200;text="Call completed elsewhere"`)))
		require.NoError(t, o.Cancel(), "twice is once")
		w.sleep(300 * ms)
		p.quiet("no CANCEL before a provisional response")
		p.reply(invite, 100)
		cancel := p.recv()
		require.Equal(t, "CANCEL sip:bob@example.com SIP/2.0", cancel.first())
		for _, h := range []string{"Call-ID", "From", "To", "Route"} {
			require.Equal(t, values(invite.m, h), values(cancel.m, h), h)
		}
		require.Equal(t, sip.Sequence{Seq: 7, Method: "CANCEL"}, cancel.req().CSeq())
		require.Equal(t, invite.req().TopVia(), cancel.req().TopVia())
		require.Equal(t, 1, len(values(cancel.m, "Via")))
		require.False(t, sip.Require.Has(cancel.m))
		require.True(t, sip.Reason.Has(cancel.m))
		p.reply(cancel, 200)
		p.reply(invite, 487)
		require.Equal(t, "ACK", p.recv().m.Method())
		resp, err := o.Final(w.ctx())
		require.Equal(t, 487, resp.Status())
		require.Error(t, err)
		require.ErrorIs(t, o.Cancel(), ErrTooLate)
		p.quiet()
	})
}

// C04: without a final response the INVITE is over 64*T1 after the CANCEL.
func TestCancelWithoutAnswer(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		p.reply(p.recv(), 180)
		w.sleep(100 * sec)
		require.NoError(t, o.Cancel())
		start := w.at()
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrCanceled)
		require.Equal(t, start+32*sec, w.at())
	})
}

// A request that nobody ever answered is given up at Timer B, as cancelled.
func TestCancelOfWhatNobodyAnswers(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		require.NoError(t, o.Cancel())
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrCanceled)
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, 487, failure.Status())
		require.Empty(t, times(p.all(), "CANCEL"))
	})
}

// A request that has not left fails at once.
func TestCancelWhileResolving(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		host := w.net.MustHost("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1")
		w.net.SetLink(host, w.net.Hosts()[1], simnet.Link{Delay: sec})
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		require.NoError(t, o.Cancel())
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrCanceled)
		require.Zero(t, w.at())
	})
}

// C04: a 2xx that crossed the CANCEL goes to the user as any other.
func TestCancelCrosses2xx(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		p.reply(invite, 180)
		w.sleep(sec)
		require.NoError(t, o.Cancel())
		cancel := p.recv()
		p.reply(invite, 200, sip.Contact.Text("<sip:peer@192.0.2.9>"))
		p.reply(cancel, 481)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.NoError(t, o.Ack(resp))
		require.Equal(t, "ACK", p.recv().m.Method())
	})
}

func TestOnlyInviteIsCancelled(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		require.ErrorIs(t, o.Cancel(), ErrNotInvite)
		p.reply(p.recv(), 200)
	})
}

// C03: 481 for what matches nothing; 200 without effect after the final answer.
func TestIncomingCancel(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var order notes
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				in.Watch(s, Watch{
					Cancel: func(_ *Step, cancel sip.Request) { order.add(cancel.Method()) },
					End: func(_ *Step, err error) {
						require.NoError(t, err)
						order.add("end")
					},
				})
				if in.Request().CallID() == "busy" {
					s.Reply(in, 486)
				}
				return true
			}
		})
		p.send(here, p.incoming("CANCEL", "z9hG4bKnone"))
		require.Equal(t, 481, p.recv().resp().Status())
		require.Zero(t, a.Stats().Transactions, "no state for what matches nothing")

		invite := p.incoming("INVITE", "z9hG4bK1")
		p.send(here, invite)
		p.send(here, edit(p.incoming("CANCEL", "z9hG4bK1"), "Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK1;rport"))
		require.Equal(t, 481, p.recv().resp().Status(), "another sent-by cancels nothing")
		p.send(here, p.incoming("CANCEL", "z9hG4bK1"))
		require.Equal(t, "CANCEL", p.recv().resp().CSeq().Method)
		final := p.recv()
		require.Equal(t, 487, final.resp().Status())
		require.Equal(t, []string{"CANCEL", "end"}, order.all(), "each once, in this order")
		p.send(here, p.incoming("CANCEL", "z9hG4bK1"))
		require.Equal(t, 200, p.recv().resp().Status(), "a retransmission gets the same")
		p.send(here, edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+final.resp().ToTag()))

		p.send(here, edit(p.incoming("INVITE", "z9hG4bK2"), "Call-ID", "busy"))
		busy := p.recv()
		p.send(here, edit(p.incoming("CANCEL", "z9hG4bK2"), "Call-ID", "busy"))
		late := p.recv()
		require.Equal(t, 200, late.resp().Status())
		require.Equal(t, busy.resp().ToTag(), late.resp().ToTag())
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "Call-ID", "busy", "To", "<sip:bob@example.com>;tag="+busy.resp().ToTag()))
		w.sleep(sec)
		require.Equal(t, []string{"CANCEL", "end", "end"}, order.all(), "no Cancel after the answer")
		p.quiet()
		require.EqualValues(t, 1, a.Stats().Canceled)
	})
}

// A CANCEL that crossed our 2xx has no effect but its own 200 (9.2).
func TestIncomingCancelAfter2xx(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, i *Incoming) bool {
				in = i
				in.Watch(s, Watch{Cancel: func(*Step, sip.Request) { t.Error("cancelled") }})
				s.Reply(in, 200, sip.Contact.Text("<sip:bob@192.0.2.1>"))
				return true
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1"))
		ok := p.recv()
		p.send(here, p.incoming("CANCEL", "z9hG4bK1"))
		require.Equal(t, "CANCEL", p.recv().resp().CSeq().Method)
		p.quiet()
		require.NoError(t, in.Context().Err())
		require.Zero(t, a.Stats().Canceled)
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "To", "<sip:bob@example.com>;tag="+ok.resp().ToTag()))
		w.sleep(sec)
		p.quiet()
	})
}

// A forwarded INVITE is not ours to end: the 487 comes from further down.
func TestIncomingCancelOfForwarded(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var got notes
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, i *Incoming) bool {
				in = i
				in.Watch(s, Watch{Forward: true, Cancel: func(*Step, sip.Request) { got.add("cancel") }})
				return true
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1"))
		p.send(here, p.incoming("CANCEL", "z9hG4bK1"))
		require.Equal(t, "CANCEL", p.recv().resp().CSeq().Method)
		require.Equal(t, []string{"cancel"}, got.all())
		w.sleep(150 * ms)
		p.quiet()
		require.NoError(t, in.Reply(487))
		final := p.recv()
		p.send(here, edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+final.resp().ToTag()))
	})
}

func values(m *msg.Message, name string) (all []string) {
	for v := range m.Values(name) {
		all = append(all, strings.TrimSpace(v))
	}
	return all
}
