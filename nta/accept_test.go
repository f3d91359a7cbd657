package nta

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// Sofia's test_nta and test_nta_api, as far as no other test here shows it.

// Merging: one request by two ways is served once; with another method, another
// CSeq or a To tag it is another; peers of RFC 2543 alike.
func TestMergingByBranch(t *testing.T) {
	for name, c := range map[string]struct {
		first, second string // Via branches; "" is RFC 2543
		change        []string
		method        string
		want          int
	}{
		"two branches":          {"z9hG4bK1", "z9hG4bK2", nil, "MESSAGE", 482},
		"2543, two branches":    {"1", "2", nil, "MESSAGE", 482},
		"2543, no branch":       {"", "2", nil, "MESSAGE", 482},
		"the same branch":       {"z9hG4bK1", "z9hG4bK1", nil, "MESSAGE", 200},
		"another method":        {"z9hG4bK1", "z9hG4bK2", []string{"CSeq", "1 INFO"}, "INFO", 200},
		"another From tag":      {"z9hG4bK1", "z9hG4bK2", []string{"From", "<sip:p@x>;tag=q"}, "MESSAGE", 200},
		"another Call-ID":       {"z9hG4bK1", "z9hG4bK2", []string{"Call-ID", "other"}, "MESSAGE", 200},
		"a To tag, to no place": {"z9hG4bK1", "z9hG4bK2", []string{"To", "<sip:p@x>;tag=q"}, "MESSAGE", 481},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				p := w.peer("peer", "192.0.2.9")
				var served notes
				w.agent("a", "192.0.2.1", func(c *Config) {
					c.Serve = func(in *Incoming) { served.add("x"); in.Reply(200) }
				})
				via := func(branch string) string {
					if branch == "" {
						return "SIP/2.0/UDP 192.0.2.9"
					}
					return "SIP/2.0/UDP 192.0.2.9;branch=" + branch
				}
				p.send(here, edit(p.incoming("MESSAGE", "x"), "Via", via(c.first)))
				require.Equal(t, 200, p.recv().resp().Status())
				p.send(here, edit(p.incoming(c.method, "x"), append(c.change, "Via", via(c.second))...))
				require.Equal(t, c.want, p.recv().resp().Status())
				n := 1
				if c.want == 200 && c.first != c.second {
					n = 2
				}
				require.Len(t, served.all(), n)
			})
		})
	}
}

// INVITE, CANCEL and ACK of a peer of RFC 2543: no branch, no From tag.
func TestPeerOf2543(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(180) } })
		text := func(method string) string {
			return edit(p.incoming(method, "x"), "Via", "SIP/2.0/UDP 192.0.2.9", "From", "<sip:peer@example.com>", "CSeq", "1 "+method)
		}
		p.send(here, text("INVITE"))
		require.Equal(t, 180, p.recv().resp().Status())
		p.send(here, text("INVITE"))
		require.Equal(t, 180, p.recv().resp().Status())
		p.send(here, text("CANCEL"))
		p.await("200 CANCEL")
		final := p.await("487 INVITE")
		p.send(here, text("CANCEL"))
		p.await("200 CANCEL")
		p.send(here, edit(text("ACK"), "To", "<sip:bob@example.com>;tag="+final.ToTag()))
		w.sleep(10 * sec)
		require.Len(t, times(p.all(), "SIP/2.0 487"), 1)
		require.Zero(t, a.Stats().StrayAcks)
		require.EqualValues(t, 1, a.Stats().ServerTransactions-1, "the INVITE and its CANCEL")
	})
}

// A request that is larger than the agent takes is answered 413, on a stream too.
func TestTooLarge413(t *testing.T) {
	bubble(t, simnet.Config{Link: simnet.Link{MTU: -1}}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Transport.Limits.Body = 4000
			c.Serve = func(in *Incoming) { in.Reply(200) }
		})
		big := p.incoming("MESSAGE", "z9hG4bK1", "Content-Type: text/plain", "", strings.Repeat("x", 5000))
		p.loose = true
		p.send(here, big)
		require.Equal(t, "SIP/2.0 413", p.recv().first()[:11])
		p.send(here, p.incoming("MESSAGE", "z9hG4bK2", "Content-Type: text/plain", "", strings.Repeat("x", 2000)))
		require.Equal(t, 200, p.recv().resp().Status())
		require.EqualValues(t, 1, a.Stats().BadRequests)
	})
}

// Payloads of 2 kB and 512 kB choose TCP by themselves; a peer without TCP is
// still reached, by UDP, and so is one for which the size is not to matter.
func TestPayloadsChooseTheirTransport(t *testing.T) {
	for _, c := range []struct {
		size int
		mtu  int
		want string
	}{{100, 0, "udp"}, {2 << 10, 0, "tcp"}, {512 << 10, 0, "tcp"}, {2 << 10, -1, "udp"}} {
		bubble(t, simnet.Config{Link: simnet.Link{MTU: -1}}, func(w *world) {
			var got notes
			w.agent("b", "192.0.2.9", func(cfg *Config) {
				cfg.Serve = func(in *Incoming) {
					got.add(fmt.Sprint(in.Flow().Proto(), len(in.Request().Body())))
					in.Reply(200)
				}
			})
			a := w.agent("a", "192.0.2.1", func(cfg *Config) { cfg.MTU = c.mtu })
			o, err := a.Send(w.request("MESSAGE", "sip:bob@192.0.2.9", sip.Payload("text/plain", strings.Repeat("x", c.size))), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.NoError(t, err)
			require.Equal(t, []string{fmt.Sprint(c.want, c.size)}, got.all())
		})
	}
}

// A non-INVITE that nobody answers: an error that stands for 408 here, and no 408
// on the wire.
func TestNonInviteTimeout(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("MESSAGE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		_, err = o.Final(w.ctx())
		var failed *TransactionError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, 408, failed.Status())
		require.Equal(t, 32*sec, w.at().Truncate(sec))
		for _, got := range p.all() {
			require.Equal(t, "MESSAGE", got.m.Method())
		}
	})
}

// A proxy and a user agent on one port: what a leg or Reply answers is the user
// agent's, what is relayed is the proxy's, each by its own rules.
func TestProxyAndUserAgentOnOnePort(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		hop := sip.MustParseURI("sip:192.0.2.8")
		var agent *Agent
		var leg *Leg
		agent = w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				uri, _ := in.Request().URI()
				switch {
				case in.Ours(uri): // the user agent
					if in.Request().Method() == "INVITE" {
						leg = must(in.Dialog(LegConfig{}))
					}
					in.Reply(200)
				case in.Request().Method() == "ACK":
					agent.SendStateless(w.ctx(), in.Request(), SendConfig{NextHop: &hop})
				default: // the proxy
					o, err := agent.Send(in.Request(), SendConfig{NextHop: &hop})
					require.NoError(t, err)
					stop := context.AfterFunc(in.Context(), func() { o.Cancel() })
					defer stop()
					for resp, err := range o.All(w.ctx()) {
						require.NoError(t, err)
						if resp.Status() > 100 {
							in.Relay(resp)
						}
					}
				}
			}
		})
		other := func(text string) string { return strings.Replace(text, "sip:bob@192.0.2.1 ", "sip:bob@192.0.2.8 ", 1) }
		// 2xx: repeated by the user agent, not by the proxy; each ACK finds its way.
		up.send(here, up.incoming("INVITE", "z9hG4bKua"))
		ua := up.await("200 INVITE")
		up.send(here, edit(other(up.incoming("INVITE", "z9hG4bKpx")), "Call-ID", "proxied"))
		forwarded := down.recv()
		down.reply(forwarded, 200, sip.Contact.Text("<sip:b@192.0.2.8>"))
		px := up.await("200 INVITE")
		require.Equal(t, "peer", px.ToTag())
		w.sleep(1600 * ms)
		n := map[string]int{}
		for _, got := range up.all() {
			n[got.resp().ToTag()]++
		}
		require.Equal(t, map[string]int{ua.ToTag(): 3, "peer": 1}, n)
		up.send(here, up.ackOf(ua, "z9hG4bKa1"))
		up.send(here, edit(other(up.ackOf(px, "z9hG4bKa2")), "Call-ID", "proxied"))
		require.Equal(t, "ACK", down.recv().m.Method())
		// 482: for the user agent, not for the proxy.
		up.skip()
		for i, branch := range []string{"z9hG4bKm1", "z9hG4bKm2"} {
			up.send(here, edit(up.incoming("MESSAGE", branch), "Call-ID", "m"))
			require.Equal(t, []int{200, 482}[i], up.recv().resp().Status())
		}
		for _, branch := range []string{"z9hG4bKn1", "z9hG4bKn2"} {
			up.send(here, edit(other(up.incoming("INVITE", branch)), "Call-ID", "n"))
			invite := down.recv()
			require.Equal(t, "INVITE", invite.m.Method())
			down.reply(invite, 180)
			require.Equal(t, 180, up.await("180 INVITE").Status())
			up.send(here, edit(other(up.incoming("CANCEL", branch)), "Call-ID", "n", "CSeq", "1 CANCEL"))
			up.await("200 CANCEL")
			cancel := down.recv()
			require.Equal(t, "CANCEL", cancel.m.Method(), "the 487 is not the proxy's to make")
			down.reply(cancel, 200)
			down.reply(invite, 487)
			require.Equal(t, "ACK", down.recv().m.Method())
			up.send(here, edit(other(up.ackOf(up.await("487 INVITE"), branch)), "Call-ID", "n"))
		}
		w.sleep(40 * sec)
		leg.End()
		require.Zero(t, agent.Stats().NoAck)
	})
}

// A re-INVITE with 183, 184 and 185, each acknowledged in its order, then 200; BYE
// both ways (Sofia's bug 467).
func TestReinviteWithReliables(t *testing.T) {
	bubble(t, simnet.Config{Link: simnet.Link{Delay: 5 * ms}}, func(w *world) {
		var bob *Leg
		w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				if in.Request().Method() != "INVITE" {
					in.Reply(200)
					return
				}
				in.Async()
				if in.Leg() == nil {
					bob = must(in.Dialog(LegConfig{Contact: in.Agent().Contact("bob", "udp")}))
				}
				for _, status := range []int{183, 184, 185} {
					_, err := in.ReplyReliable(status)
					require.NoError(t, err)
				}
				require.NoError(t, in.Reply(200))
				_, err := in.Ack(w.ctx())
				require.NoError(t, err)
			}
		})
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		contact := a.Contact("alice", "udp")
		answers := func(o *Outgoing) (seen []int, final sip.Response) {
			for {
				resp, err := o.Next(w.ctx())
				require.NoError(t, err)
				if resp.Status() > 100 {
					seen = append(seen, resp.Status())
				}
				if IsReliable(resp) {
					_, err := o.Prack(resp)
					require.NoError(t, err)
				}
				if resp.Status() >= 200 {
					return seen, resp
				}
			}
		}
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", sip.Supported.Add("100rel"), sip.Contact.Set(contact)), SendConfig{})
		require.NoError(t, err)
		seen, final := answers(o)
		require.Equal(t, []int{183, 184, 185, 200}, seen)
		leg := must(o.Dialog(final, LegConfig{Contact: contact}))
		a.Step(leg.CallID(), func(s *Step) { require.NoError(t, leg.Ack(s, final)) })
		o, err = leg.Send("INVITE", sip.Supported.Add("100rel"))
		require.NoError(t, err)
		seen, final = answers(o)
		require.Equal(t, []int{183, 184, 185, 200}, seen)
		a.Step(leg.CallID(), func(s *Step) { require.NoError(t, leg.Ack(s, final)) })
		w.sleep(sec)
		for _, l := range []*Leg{leg, bob} {
			bye, err := l.Send("BYE")
			require.NoError(t, err)
			_, err = bye.Final(w.ctx())
			require.NoError(t, err)
		}
		leg.End()
		bob.End()
	})
}

// RFC 3665 3.4: the first proxy is dead, the second challenges; the ACK to the 407
// goes to the second, and the INVITE with credentials makes the call.
func TestProxyFailureRFC3665(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		dead, proxy := w.peer("ss1", "192.0.2.111"), w.peer("ss2", "192.0.2.222")
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.111", "192.0.2.222"), func(c *Config) {
			c.Serve = func(in *Incoming) { in.Reply(200) }
		})
		invite := func(seq uint32, set ...msg.Setter) *Outgoing {
			o, err := a.Send(w.request("INVITE", "sip:bob@biloxi.example.com", append([]msg.Setter{
				sip.CallID.Text("4Fde34wkd11wsGFDs3@atlanta.example.com"), sip.CSeq.Set(sip.Sequence{Seq: seq, Method: "INVITE"}),
				sip.Contact.Text("<sip:alice@192.0.2.1>")}, set...)...), SendConfig{})
			require.NoError(t, err)
			return o
		}
		o := invite(1)
		first := dead.recv()
		w.sleep(32*sec + 100*ms)
		require.Len(t, dead.all(), 7, "F1 to F7")
		f8 := proxy.recv()
		require.NotEqual(t, first.req().Branch(), f8.req().Branch())
		require.Equal(t, first.req().CSeq(), f8.req().CSeq())
		proxy.reply(f8, 407, sip.To.Text("<sip:bob@example.com>;tag=c"))
		f10 := proxy.recv()
		require.Equal(t, "ACK", f10.m.Method())
		require.Equal(t, f8.req().Branch(), f10.req().Branch())
		_, err := o.Final(w.ctx())
		require.Error(t, err)
		dead.skip()
		o = invite(2, proxyAuthorization.Text(`Digest realm="x"`))
		f11 := proxy.recv() // at once: the first proxy is known to be silent
		require.EqualValues(t, 2, f11.req().CSeq().Seq)
		dead.quiet()
		proxy.reply(f11, 100)
		proxy.reply(f11, 180)
		proxy.reply(f11, 200, sip.Contact.Text("<sip:bob@192.0.2.222>"), sip.RecordRoute.Text("<sip:192.0.2.222;lr>"))
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.NoError(t, o.Ack(resp))
		f18 := proxy.recv()
		require.Equal(t, "ACK", f18.m.Method())
		require.Equal(t, []string{`Digest realm="x"`}, values(f18.m, "Proxy-Authorization"))
	})
}
