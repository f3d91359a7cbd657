package nta

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// A small stateful forwarder, made of what nta offers: every 2xx is passed on
// and not repeated by us, a 100 never, and the ACK goes through as a request.
func TestForwardedInvite(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		hop, err := sip.ParseURI("sip:192.0.2.8")
		require.NoError(t, err)
		var acks notes
		var agent *Agent
		agent = w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				if in.Request().Method() != "INVITE" {
					return false
				}
				in.Watch(s, Watch{Forward: true})
				require.NoError(t, s.Reply(in, 100))
				_, err := s.Send(in.Request(), SendConfig{
					NextHop: &hop,
					Respond: func(s *Step, _ *Outgoing, resp sip.Response, err error) {
						require.NoError(t, err)
						if resp.Status() == 100 {
							require.ErrorIs(t, s.Relay(in, resp), ErrNotAllowed)
							return
						}
						require.NoError(t, s.Relay(in, resp))
					},
				})
				require.NoError(t, err)
				return true
			}
			c.Serve = func(in *Incoming) {
				require.ErrorIs(t, in.Reply(200), ErrNoReply)
				require.NoError(t, agent.SendStateless(w.ctx(), in.Request(), SendConfig{NextHop: &hop}))
				acks.add(in.Request().Branch())
			}
		})
		up.send(here, up.incoming("INVITE", "z9hG4bK1"))
		require.Equal(t, 100, up.recv().resp().Status())
		invite := down.recv()
		require.Len(t, values(invite.m, "Via"), 2)
		down.reply(invite, 100)
		down.reply(invite, 180)
		got := up.recv()
		require.Equal(t, 180, got.resp().Status())
		require.Len(t, values(got.m, "Via"), 1)
		require.Equal(t, "z9hG4bK1", got.resp().TopVia().Branch())
		w.sleep(90 * sec)
		up.quiet("a forwarder does not repeat provisional responses")

		down.reply(invite, 200, sip.Contact.Text("<sip:b@192.0.2.8>"))
		require.Equal(t, 200, up.recv().resp().Status())
		w.sleep(10 * sec)
		up.quiet("nor 2xx")
		for range 2 { // but passes on every one it gets
			down.reply(invite, 200, sip.Contact.Text("<sip:b@192.0.2.8>"))
			require.Equal(t, 200, up.recv().resp().Status())
		}
		down.reply(invite, 200, sip.To.Text("<sip:bob@example.com>;tag=fork"), sip.Contact.Text("<sip:b@192.0.2.8>"))
		require.Equal(t, "fork", up.recv().resp().ToTag())

		for _, tag := range []string{"peer", "fork"} {
			up.send(here, edit(up.incoming("ACK", "z9hG4bK"+tag), "To", "<sip:bob@example.com>;tag="+tag))
			ack := down.recv()
			require.Equal(t, "ACK", ack.m.Method())
			require.Len(t, values(ack.m, "Via"), 2)
			require.Equal(t, tag, ack.req().ToTag())
		}
		require.Equal(t, []string{"z9hG4bKpeer", "z9hG4bKfork"}, acks.all())
		down.quiet()
		require.Zero(t, agent.Stats().NoAck, "the ACK is not awaited here")
	})
}

// A forwarded refusal is repeated hop by hop, and its ACK ends here.
func TestForwardedRefusal(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		hop, err := sip.ParseURI("sip:192.0.2.8")
		require.NoError(t, err)
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				_, err := s.Send(in.Request(), SendConfig{
					NextHop: &hop,
					Respond: func(s *Step, _ *Outgoing, resp sip.Response, _ error) { s.Relay(in, resp) },
				})
				return err == nil
			}
			c.Serve = func(*Incoming) { t.Error("served") }
		})
		up.send(here, up.incoming("INVITE", "z9hG4bK1"))
		down.reply(down.recv(), 486)
		require.Equal(t, "ACK", down.recv().m.Method(), "acknowledged by the hop that got it")
		require.Equal(t, 486, up.recv().resp().Status())
		w.sleep(500 * ms)
		require.Equal(t, 486, up.recv().resp().Status(), "repeated by the hop that sent it")
		up.send(here, edit(up.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag=peer"))
		w.sleep(10 * sec)
		up.quiet()
		down.quiet()
	})
}

// What no dialog here has is offered to the engine that forwards.
func TestUnmatched(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var got notes
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Unmatched = func(s *Step, in *Incoming) bool {
				method := in.Request().Method()
				got.add(method)
				if method == "MESSAGE" {
					return false
				}
				if method != "ACK" {
					require.NoError(t, s.Reply(in, 202))
				}
				return true
			}
		})
		to := "<sip:bob@example.com>;tag=elsewhere"
		p.send(here, edit(p.incoming("BYE", "z9hG4bK1"), "To", to))
		require.Equal(t, 202, p.recv().resp().Status())
		p.send(here, edit(p.incoming("MESSAGE", "z9hG4bK2"), "To", to))
		require.Equal(t, 481, p.recv().resp().Status())
		p.send(here, edit(p.incoming("CANCEL", "z9hG4bK3"), "To", to))
		require.Equal(t, 202, p.recv().resp().Status())
		p.send(here, edit(p.incoming("ACK", "z9hG4bK4"), "To", to))
		synctest.Wait()
		require.Equal(t, []string{"BYE", "MESSAGE", "CANCEL", "ACK"}, got.all())
		require.Zero(t, a.Stats().StrayAcks)
	})
}
