package nta

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// X07: the ACK for 300-699 belongs to the transaction: branch, Request-URI, Route,
// From, Call-ID and CSeq of the INVITE, To of the response.
func TestRuleX07AckOfRefusal(t *testing.T) {
	for _, status := range []int{300, 401, 486, 503, 603} {
		bubble(t, simnet.Config{}, func(w *world) {
			p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
			o, err := a.Send(w.request("INVITE", "sip:bob@example.com",
				sip.Route.Text("<sip:192.0.2.9;lr>, <sip:far.example.com;lr>"), sip.Require.Set("timer")), SendConfig{})
			require.NoError(t, err)
			invite := p.recv()
			p.reply(invite, status, sip.To.Text("Bob <sip:bob@example.com>;tag=mine"))
			ack := p.recv()
			require.Equal(t, "ACK sip:bob@example.com SIP/2.0", ack.first())
			for _, h := range []string{"Call-ID", "From", "Route", "Via"} {
				require.Equal(t, values(invite.m, h), values(ack.m, h), h)
			}
			require.Equal(t, []string{"Bob <sip:bob@example.com>;tag=mine"}, values(ack.m, "To"))
			require.Equal(t, sip.Sequence{Seq: 7, Method: "ACK"}, ack.req().CSeq())
			require.False(t, sip.Require.Has(ack.m))
			_, err = o.Final(w.ctx())
			require.Error(t, err)
		})
	}
}

// X09, D11: every request has a branch of its own and every dialog a tag, none
// twice, all of them unguessable.
func TestRuleX09BranchAndTag(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		seen := map[string]bool{}
		for i := range 200 {
			_, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9", sip.CallID.Text(fmt.Sprint("c", i))), SendConfig{})
			require.NoError(t, err)
			got := p.recv()
			branch := got.req().Branch()
			require.True(t, strings.HasPrefix(branch, "z9hG4bK"))
			require.GreaterOrEqual(t, len(branch)-7, 16, "128 bits")
			require.False(t, seen[branch])
			seen[branch] = true
			p.reply(got, 200)
			tag := a.NewTag()
			require.GreaterOrEqual(t, len(tag), 11, "64 bits")
			require.False(t, seen[tag])
			seen[tag] = true
		}
	})
}

// X11: a response to a non-INVITE whose transaction is over goes nowhere.
func TestRuleX11LateResponse(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		hop := sip.MustParseURI("sip:192.0.2.8")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				_, err := s.Send(in.Request(), SendConfig{NextHop: &hop, Respond: func(s *Step, _ *Outgoing, resp sip.Response, err error) {
					if err == nil {
						require.NoError(t, s.Relay(in, resp))
					}
				}})
				require.NoError(t, err)
				return true
			}
		})
		up.send(here, up.incoming("MESSAGE", "z9hG4bK1"))
		got := down.recv()
		w.sleep(33 * sec)
		down.reply(got, 200)
		up.skip() // a 100 at Timer E
		w.sleep(sec)
		up.quiet()
		require.Empty(t, times(up.all(), "SIP/2.0 408"), "no 408 for a non-INVITE (RFC 4320 4.2)")
		require.EqualValues(t, 1, a.Stats().StrayResponses)
	})
}

// X12: how slow one peer was changes no timer of the next transaction.
func TestRuleX12NoEstimateIsCarriedOver(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		for i := range 3 {
			w.sleep(offGrid)
			start := w.at()
			p.skip()
			_, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
			require.NoError(w.t, err)
			w.sleep(4 * sec)
			got := p.all()[p.next:]
			onTime(w.t, g, start, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}, times(got, "OPTIONS"))
			p.reply(got[i%len(got)], 200)
			w.sleep(10 * sec)
		}
	})
}

// X14: moments are taken from the monotonic clock, so that a step of the wall clock
// moves no timer; TestWheelStopsWhatIsDueAlready shows the rest.
func TestRuleX14MonotonicClock(t *testing.T) {
	a, err := New(Config{})
	require.NoError(t, err)
	defer a.Close()
	require.Contains(t, a.shards[0].clock.start.String(), " m=")
	a.Step("x", func(s *Step) { require.Contains(t, s.Now().String(), " m=") })
}

// Timer C of a forwarded INVITE: a CANCEL after 185 s without a new 101-199, 487 at
// the end; an INVITE of our own may ring for ever.
func TestRuleTimerC(t *testing.T) {
	for _, forwarded := range []bool{true, false} {
		bubble(t, simnet.Config{}, func(w *world) {
			p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
			var set []msg.Setter
			if forwarded {
				set = append(set, sip.Via.Text("SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKup"))
			}
			o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", set...), SendConfig{})
			require.NoError(t, err)
			invite := p.recv()
			p.reply(invite, 180)
			w.sleep(180 * sec)
			p.reply(invite, 100) // does not start it anew (16.7)
			w.sleep(4900 * ms)
			p.quiet()
			p.reply(invite, 183) // does
			w.sleep(184900 * ms)
			p.quiet()
			w.sleep(200 * ms)
			if !forwarded {
				w.sleep(time.Hour)
				p.quiet("that is for its user to end")
				require.NoError(t, o.Cancel())
			}
			cancel := p.recv()
			require.Equal(t, "CANCEL", cancel.m.Method())
			p.reply(cancel, 200)
			p.reply(invite, 487)
			require.Equal(t, "ACK", p.recv().m.Method())
			resp, err := o.Final(w.ctx())
			require.Error(t, err)
			require.Equal(t, 487, resp.Status())
		})
	}
}

// A request that its user has forgotten ends by itself and is counted, and with
// Debug the log tells who had it.
func TestForgottenRequest(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		var log strings.Builder
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Debug = true
			c.Timers.Progress = -1
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.Serve = forgetful
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1"))
		require.Equal(t, 180, p.recv().resp().Status())
		w.sleep(DefaultAnswer - sec)
		p.quiet()
		w.sleep(2 * sec)
		final := p.recv()
		require.Equal(t, "SIP/2.0 500 Never Answered", final.first())
		p.send(here, p.ackOf(final.resp(), "z9hG4bK1"))
		p.send(here, p.incoming("INFO", "z9hG4bK2"))
		w.sleep(40 * sec)
		require.EqualValues(t, 2, a.Stats().Forgotten)
		require.Equal(t, 2, strings.Count(log.String(), "forgetful"))
		require.Contains(t, log.String(), "rules_test.go:")
	})
}

func forgetful(in *Incoming) {
	if in.Request().Method() == "INVITE" {
		in.Reply(180)
	}
}

// A stateless proxy: the same branch for a retransmission and for its CANCEL,
// another for another request; responses go where the next Via says (16.11).
func TestStatelessProxy(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		hop := sip.MustParseURI("sip:192.0.2.8")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Stateless = func(a *Agent, d *tport.Delivery) Verdict {
				if req, ok := sip.AsRequest(d.Msg); ok {
					a.Go(func(ctx context.Context) {
						require.NoError(t, a.SendStateless(ctx, req, SendConfig{NextHop: &hop}))
					})
					return Handled
				}
				if a.RelayStateless(d) != nil {
					return Continue
				}
				return Handled
			}
		})
		branch := func(text string) string {
			up.send(here, text)
			return down.recv().req().Branch()
		}
		invite := branch(up.incoming("INVITE", "z9hG4bK1"))
		require.Equal(t, invite, branch(up.incoming("INVITE", "z9hG4bK1")))
		require.Equal(t, invite, branch(edit(up.incoming("CANCEL", "z9hG4bK1"), "CSeq", "1 CANCEL")))
		require.NotEqual(t, invite, branch(up.incoming("INVITE", "z9hG4bK2")))
		old := branch(up.incoming("INVITE", "1")) // of RFC 2543
		require.Equal(t, old, branch(up.incoming("INVITE", "1")))
		require.NotEqual(t, old, branch(edit(up.incoming("INVITE", "1"), "CSeq", "2 INVITE")))
		got := down.all()[0]
		down.reply(got, 180)
		require.Equal(t, 180, up.recv().resp().Status())
		down.reply(got, 200, sip.Contact.Text("<sip:b@192.0.2.8>"))
		require.Equal(t, "z9hG4bK1", up.recv().resp().TopVia().Branch())
		// T06: not ours
		down.put(here, must(sip.NewResponse(got.req(), 200, sip.Via.Text("SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1"))).Message)
		up.quiet()
		require.Zero(t, a.Stats().ServerTransactions)
		require.EqualValues(t, 1, a.Stats().StrayResponses)
		require.EqualValues(t, 2, a.Stats().StatelessSent)
	})
}

// A Via of the user's own: it is what the peer sees, with our branch.
func TestViaOfTheUser(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{
			Via: sip.ViaParm{Host: "nat.example.com", Port: 7777, Params: ";rport;x=y"}, Branch: "z9hG4bKmine",
		})
		require.NoError(t, err)
		got := p.recv()
		require.Equal(t, []string{"SIP/2.0/UDP nat.example.com:7777;rport;x=y;branch=z9hG4bKmine"}, values(got.m, "Via"))
		p.reply(got, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
	})
}

// CANCEL and 200 cross at the callee, in both orders.
func TestCancelRacesAnswer(t *testing.T) {
	for _, cancelFirst := range []bool{true, false} {
		bubble(t, simnet.Config{}, func(w *world) {
			p := w.peer("peer", "192.0.2.9")
			answer := make(chan error, 1)
			w.agent("a", "192.0.2.1", func(c *Config) {
				c.Serve = func(in *Incoming) {
					in.Reply(180)
					if cancelFirst {
						<-in.Context().Done()
						require.ErrorIs(t, context.Cause(in.Context()), ErrCanceled)
					}
					answer <- in.Reply(200)
				}
			})
			p.send(here, p.incoming("INVITE", "z9hG4bK1"))
			require.Equal(t, 180, p.recv().resp().Status())
			cancel := edit(p.incoming("CANCEL", "z9hG4bK1", "Require: unheard-of"), "CSeq", "1 CANCEL") // U04
			if cancelFirst {
				p.send(here, cancel)
				require.Equal(t, 200, p.await("200 CANCEL").Status())
				final := p.await("487 INVITE")
				require.ErrorIs(t, <-answer, ErrTooLate)
				p.send(here, p.ackOf(final, "z9hG4bK1"))
			} else {
				require.NoError(t, <-answer)
				final := p.await("200 INVITE")
				p.send(here, cancel)
				require.Equal(t, final.ToTag(), p.await("200 CANCEL").ToTag())
				p.send(here, p.ackOf(final, "z9hG4bKack"))
				w.sleep(40 * sec)
				require.Empty(t, times(p.all(), "SIP/2.0 487"))
			}
		})
	}
}

// Replaces, Join and Target-Dialog find their dialog by exact tags, where 0 is
// also the null tag (RFC 3891 3, 3911 4, 4538 4).
func TestDialogsByName(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1")
		leg := func(local, remote string) *Leg {
			l, err := a.NewLeg(LegConfig{
				CallID: "x@y", Local: must(sip.ParseNameAddr("<sip:a@x>" + local)), Remote: must(sip.ParseNameAddr("<sip:b@x>" + remote)),
				Target: sip.MustParseURI("sip:b@192.0.2.9"),
			})
			require.NoError(t, err)
			return l
		}
		both, old := leg(";tag=us", ";tag=them"), leg(";tag=us", "")
		defer both.End()
		defer old.End()
		read := func(value string) (r sip.Replacement, j sip.Joining, d sip.Target) {
			req := w.request("INVITE", "sip:a@192.0.2.1", sip.Replaces.Text(value), sip.Join.Text(value),
				sip.TargetDialog.Text(strings.NewReplacer("to-tag", "remote-tag", "from-tag", "local-tag").Replace(value)))
			r, _, err := sip.Replaces.Get(req)
			require.NoError(t, err)
			j, _, err = sip.Join.Get(req)
			require.NoError(t, err)
			d, _, err = sip.TargetDialog.Get(req)
			require.NoError(t, err)
			return r, j, d
		}
		for value, want := range map[string]*Leg{
			"x@y;to-tag=us;from-tag=them":            both,
			"x@y;from-tag=them;to-tag=us;early-only": both,
			"x@y;to-tag=them;from-tag=us":            nil,
			"X@y;to-tag=us;from-tag=them":            nil,
			"x@y;to-tag=us;from-tag=other":           nil,
			"x@y;to-tag=us;from-tag=0":               old,
			"z@y;to-tag=us;from-tag=0":               nil,
		} {
			r, j, d := read(value)
			require.Same(t, want, a.Replaced(r), value)
			require.Same(t, want, a.Joined(j), value)
			if want != old || old == nil {
				require.Same(t, want, a.Targeted(d), value)
			}
		}
		require.Nil(t, a.Targeted(sip.Target{CallID: "x@y"}))
		// What a leg calls itself for its peer is what the peer finds.
		r := both.Replaces()
		require.Equal(t, "x@y;to-tag=them;from-tag=us", r.String())
		require.Equal(t, "them", both.Join().ToTag())
		require.Equal(t, "us", both.TargetDialog().LocalTag())
		require.Equal(t, "0", old.Replaces().ToTag())
		require.Nil(t, a.FindLeg("x@y", "them", "us"))
		require.Same(t, old, a.FindLeg("x@y", "us", ""))
	})
}

// A dialog is early until its 2xx, on both sides.
func TestLegEarly(t *testing.T) {
	bubble(t, simnet.Config{Link: simnet.Link{Delay: ms}}, func(w *world) {
		var bob *Leg
		w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				bob = must(in.Dialog(LegConfig{Contact: in.Agent().Contact("bob", "udp")}))
				early := func() (is bool) {
					in.Agent().Step(bob.CallID(), func(s *Step) { is = bob.Early(s) })
					return is
				}
				require.True(t, early())
				require.NoError(t, in.Reply(180))
				time.Sleep(sec)
				require.True(t, early())
				require.NoError(t, in.Reply(200))
				require.False(t, early())
			}
		})
		a := w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", sip.Contact.Text("<sip:alice@192.0.2.1>")), SendConfig{})
		require.NoError(t, err)
		var leg *Leg
		for {
			resp, err := o.Next(w.ctx())
			require.NoError(t, err)
			if resp.Status() == 100 {
				continue
			}
			if leg == nil {
				leg = must(o.Dialog(resp, LegConfig{}))
			}
			a.Step(leg.CallID(), func(s *Step) {
				require.True(t, leg.Early(s))
				if resp.Status() == 200 {
					leg.Refresh(s, resp)
					require.False(t, leg.Early(s))
					require.NoError(t, leg.Ack(s, resp))
				}
			})
			if resp.Status() == 200 {
				break
			}
		}
		leg.End()
		w.sleep(sec)
		bob.End()
	})
}
