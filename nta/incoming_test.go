package nta

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// U06, U07: what a response copies and what it adds.
func TestResponse(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(i *Incoming) { in = i } })
		request := edit(p.incoming("INVITE", "z9hG4bK1", "Timestamp: 54\nRecord-Route: <sip:p1.example.com;lr>\n"),
			"To", `"Bob B." <sip:bob@example.com;x=1>;y=2`)
		p.send(here, request)
		synctest.Wait()
		require.NoError(t, in.Reply(100))
		require.NoError(t, in.Reply(180))
		require.NoError(t, in.Reply(183, sip.Subject.Set("x")))
		require.NoError(t, in.Reply(404))
		require.ErrorIs(t, in.Reply(200), ErrTooLate)
		require.Error(t, in.Reply(99))
		got := []arrival{p.recv(), p.recv(), p.recv(), p.recv()}
		require.Equal(t, []string{`"Bob B." <sip:bob@example.com;x=1>;y=2`}, values(got[0].m, "To"), "no tag in 100")
		require.Equal(t, []string{"54"}, values(got[0].m, "Timestamp"))
		for _, g := range got {
			for _, h := range []string{"Via", "From", "Call-ID", "CSeq"} {
				require.Equal(t, values(in.Request().Message, h), values(g.m, h), h)
			}
			if g.resp().Status() > 100 {
				require.Equal(t, []string{`"Bob B." <sip:bob@example.com;x=1>;y=2;tag=` + in.Tag()}, values(g.m, "To"), "D11: the same tag")
			}
		}
		require.Len(t, in.Tag(), 16, "64 bits")
		require.Equal(t, []string{"<sip:p1.example.com;lr>"}, values(got[1].m, "Record-Route"))
		require.Equal(t, []string{"x"}, values(got[2].m, "Subject"))
		p.send(here, edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+in.Tag()))
	})
}

func TestFoldedToGetsItsTag(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		p.send(here, edit(p.incoming("OPTIONS", "z9hG4bK1"), "To", "\n <sip:bob@example.com>\n  ;x=y"))
		got := p.recv()
		require.Len(t, got.resp().ToTag(), 16)
		to, err := got.resp().To()
		require.NoError(t, err)
		require.True(t, to.Params.Has("x"))
	})
}

// A setter that cannot be written is told, and nothing is sent.
func TestReplyWithABadSetter(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(i *Incoming) { in = i } })
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		synctest.Wait()
		require.Error(t, in.Reply(200, sip.Subject.Text("a\r\nInjected: yes")))
		p.quiet()
		require.NoError(t, in.Reply(200), "the transaction is unharmed")
	})
}

// The hooks of an engine: ACK and end, each once.
func TestWatch(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var got notes
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				id := in.Request().CallID()
				in.Watch(s, Watch{
					Ack: func(_ *Step, ack sip.Request) { got.add(id + " ack " + ack.Branch()) },
					End: func(_ *Step, err error) {
						if err != nil {
							id += " " + err.Error()
						}
						got.add(id + " end")
					},
				})
				if id != "unanswered" {
					s.Reply(in, 200, sip.Contact.Text("<sip:bob@192.0.2.1>"))
				}
				return true
			}
		})
		for i, id := range []string{"acked", "lost"} {
			p.send(here, edit(p.incoming("INVITE", "z9hG4bK"+id), "Call-ID", id))
			to := "<sip:bob@example.com>;tag=" + p.recv().resp().ToTag()
			for range 2 * (1 - i) {
				p.send(here, edit(p.incoming("ACK", "z9hG4bKack"), "Call-ID", id, "To", to))
			}
		}
		p.send(here, edit(p.incoming("MESSAGE", "z9hG4bKm"), "Call-ID", "message"))
		p.send(here, edit(p.incoming("OPTIONS", "z9hG4bKo"), "Call-ID", "unanswered"))
		require.ElementsMatch(t, []string{"acked ack z9hG4bKack", "acked end", "message end"}, got.all())
		w.sleep(70 * sec)
		require.ElementsMatch(t, []string{
			"acked ack z9hG4bKack", "acked end", "message end",
			"lost " + ErrNoAck.Error() + " end", "unanswered " + ErrTimeout.Error() + " end",
		}, got.all())
	})
}

func TestAckErrors(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(i *Incoming) { in = i } })
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		synctest.Wait()
		_, err := in.Ack(w.ctx())
		require.ErrorIs(t, err, ErrNotInvite)
		require.NoError(t, in.Reply(200))

		p.send(here, edit(p.incoming("INVITE", "z9hG4bK2"), "CSeq", "2 INVITE"))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(w.ctx(), sec)
		defer cancel()
		_, err = in.Ack(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, in.Reply(486))
		_, err = in.Ack(w.ctx())
		require.ErrorIs(t, err, ErrTooLate, "the ACK of a refusal is not the user's")
	})
}

// The context is made late, and still tells what has happened.
func TestContextMadeLate(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(i *Incoming) { in = i } })
		p.send(here, p.incoming("INVITE", "z9hG4bK1"))
		p.send(here, p.incoming("CANCEL", "z9hG4bK1"))
		synctest.Wait()
		require.ErrorIs(t, context.Cause(in.Context()), ErrCanceled)
		p.send(here, edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+in.Tag()))
	})
}
