package nta

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
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

// proxy is a record-routing proxy on the blocking floor: Config.Serve and
// nothing else.
func (w *world) proxy(name, addr, target string) *Agent {
	var a *Agent
	route := "<sip:" + addr + ";lr>"
	a = w.agent(name, addr, func(c *Config) {
		c.Serve = func(in *Incoming) {
			set := []msg.Setter{}
			if sip.Route.Has(in.Request()) {
				set = append(set, sip.Route.Pop())
			}
			if in.Request().ToTag() == "" {
				uri, err := sip.ParseURI(target)
				require.NoError(w.t, err)
				set = append(set, sip.RecordRoute.Push(must(sip.ParseNameAddr(route))), sip.RequestURI(uri))
			}
			out, err := in.Request().Edit(set...)
			require.NoError(w.t, err)
			if out.Method() == "ACK" {
				require.NoError(w.t, a.SendStateless(w.ctx(), out, SendConfig{}))
				return
			}
			branch, err := a.Send(out, SendConfig{})
			require.NoError(w.t, err)
			stop := context.AfterFunc(in.Context(), func() { branch.Cancel() })
			defer stop()
			for resp, err := range branch.All(w.ctx()) {
				require.NoError(w.t, err)
				if resp.Status() > 100 {
					require.NoError(w.t, in.Relay(resp))
				}
			}
		}
	})
	return a
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A call through a proxy on the blocking floor: INVITE, ACK, requests of both
// sides, and all that again when the proxy has forgotten everything.
func TestProxyOnTheBlockingFloor(t *testing.T) {
	for _, forgets := range []bool{false, true} {
		bubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * ms}}, func(w *world) {
			var bob *Leg
			var served notes
			proxy := w.proxy("proxy", "192.0.2.5", "sip:bob@192.0.2.9")
			w.agent("bob", "192.0.2.9", func(c *Config) {
				c.Serve = func(in *Incoming) {
					served.add(in.Request().Method())
					if in.Request().Method() == "INVITE" {
						var err error
						bob, err = in.Dialog(LegConfig{Contact: must(sip.ParseNameAddr("<sip:bob@192.0.2.9>"))})
						require.NoError(t, err)
						in.Async()
						require.NoError(t, in.Reply(180))
						require.NoError(t, in.Reply(200))
						_, err = in.Ack(w.ctx())
						require.NoError(t, err)
						return
					}
					require.NoError(t, in.Reply(200))
				}
			})
			var heard notes
			a := w.agent("alice", "192.0.2.1")
			o, err := a.Send(w.request("INVITE", "sip:bob@example.com", sip.Route.Text("<sip:192.0.2.5;lr>"),
				sip.Contact.Text("<sip:alice@192.0.2.1>")), SendConfig{})
			require.NoError(t, err)
			resp, err := o.Final(w.ctx())
			require.NoError(t, err)
			alice, err := o.Dialog(resp, LegConfig{Serve: func(in *Incoming) {
				heard.add(in.Request().Method())
				require.NoError(t, in.Reply(200))
			}})
			require.NoError(t, err)
			if forgets {
				w.sleep(0)
				for _, sh := range proxy.shards {
					sh.run(func(s *Step) {
						for _, tx := range sh.servers {
							tx.over(s, nil)
						}
					})
				}
			}
			a.Step(alice.CallID(), func(s *Step) { err = alice.Ack(s, resp) })
			require.NoError(t, err)
			w.sleep(10 * sec)
			require.Equal(t, []string{"INVITE"}, served.all())
			require.Zero(t, w.agents[1].Stats().NoAck)
			for _, side := range []*Leg{alice, bob} {
				o, err = side.Send("INFO")
				require.NoError(t, err)
				_, err = o.Final(w.ctx())
				require.NoError(t, err)
			}
			require.Equal(t, []string{"INVITE", "INFO"}, served.all())
			require.Equal(t, []string{"INFO"}, heard.all())
			w.sleep(40 * sec)
			alice.End()
			bob.End()
		})
	}
}

// A CANCEL goes through it too, and the 487 comes back.
func TestCancelThroughProxy(t *testing.T) {
	bubble(t, simnet.Config{Link: simnet.Link{Delay: 10 * ms}}, func(w *world) {
		var cause error
		w.proxy("proxy", "192.0.2.5", "sip:bob@192.0.2.9")
		w.agent("bob", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(180)
				<-in.Context().Done()
				cause = context.Cause(in.Context())
			}
		})
		a := w.agent("alice", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@example.com", sip.Route.Text("<sip:192.0.2.5;lr>")), SendConfig{})
		require.NoError(t, err)
		resp, err := o.Next(w.ctx())
		require.NoError(t, err)
		require.Equal(t, 180, resp.Status())
		require.NoError(t, o.Cancel())
		resp, _ = o.Final(w.ctx())
		require.Equal(t, 487, resp.Status())
		w.sleep(sec)
		require.ErrorIs(t, cause, ErrCanceled)
		require.Equal(t, 80*ms, w.at()-sec, "there and back, twice, by two hops")
	})
}
