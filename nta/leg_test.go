package nta

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// D02, D04, D05: route set, Request-URI and CSeq of the requests of a dialog.
func TestRequestsOfADialog(t *testing.T) {
	target, _ := sip.ParseURI("sip:bob@192.0.2.9:5060")
	loose, _ := sip.ParseNameAddr("<sip:p1.example.com;lr>")
	strict, _ := sip.ParseNameAddr("<sip:p2.example.com;method=INVITE?Subject=x>")
	local, _ := sip.ParseNameAddr(`"Alice" <sip:alice@example.com>;tag=a`)
	remote, _ := sip.ParseNameAddr("<sip:bob@example.com>;tag=b")
	contact, _ := sip.ParseNameAddr("<sip:alice@192.0.2.1>")
	for name, c := range map[string]struct {
		routes []sip.NameAddr
		uri    string
		route  []string
	}{
		"no route":     {nil, "sip:bob@192.0.2.9:5060", nil},
		"loose router": {[]sip.NameAddr{loose, strict}, "sip:bob@192.0.2.9:5060", []string{"<sip:p1.example.com;lr>", "<sip:p2.example.com;method=INVITE?Subject=x>"}},
		"strict router swaps": {[]sip.NameAddr{strict, loose}, "sip:p2.example.com",
			[]string{"<sip:p1.example.com;lr>", "<sip:bob@192.0.2.9:5060>"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				a := w.agent("a", "192.0.2.1")
				l, err := a.NewLeg(LegConfig{
					CallID: "x@y", Local: local, Remote: remote, Target: target, RouteSet: c.routes, LocalSeq: 41, Contact: contact,
				})
				require.NoError(t, err)
				a.Step("x@y", func(s *Step) {
					req, err := l.NewRequest(s, "INVITE", sip.Subject.Set("hi"))
					require.NoError(t, err)
					require.Equal(t, c.uri, req.RequestURI())
					var route []string
					for r, err := range sip.Route.All(req) {
						require.NoError(t, err)
						route = append(route, r.String())
					}
					require.Equal(t, c.route, route)
					require.Equal(t, []string{`"Alice" <sip:alice@example.com>;tag=a`}, values(req.Message, "From"))
					require.Equal(t, []string{"<sip:bob@example.com>;tag=b"}, values(req.Message, "To"))
					require.Equal(t, []string{"<sip:alice@192.0.2.1>"}, values(req.Message, "Contact"))
					require.Equal(t, []string{"hi"}, values(req.Message, "Subject"))
					require.Equal(t, sip.Sequence{Seq: 42, Method: "INVITE"}, req.CSeq())
					hops, ok := req.MaxForwards()
					require.True(t, ok)
					require.Equal(t, 70, hops)
					ack, err := l.NewRequest(s, "ACK")
					require.NoError(t, err)
					require.EqualValues(t, 42, ack.CSeq().Seq, "not raised for ACK")
					require.False(t, sip.Contact.Has(ack))
					bye, err := l.NewRequest(s, "BYE")
					require.NoError(t, err)
					require.EqualValues(t, 43, bye.CSeq().Seq)
					require.EqualValues(t, 43, l.LocalSeq(s))
				})
				require.Equal(t, []string{"x@y", "a", "b"}, []string{l.CallID(), l.LocalTag(), l.RemoteTag()})
				require.False(t, l.Secure())
				a.Step("x@y", func(s *Step) {
					l.SetContact(s, must(sip.ParseNameAddr("<sip:alice@192.0.2.77>")))
					update, err := l.NewRequest(s, "UPDATE")
					require.NoError(t, err)
					require.Equal(t, []string{"<sip:alice@192.0.2.77>"}, values(update.Message, "Contact"))
				})
				_, err = a.NewLeg(LegConfig{CallID: "x@y", Local: local, Remote: remote, Target: target})
				require.ErrorIs(t, err, ErrNoLeg, "there is one already")
				require.Equal(t, 1, a.Stats().Legs)
				l.End()
				require.Zero(t, a.Stats().Legs)
				_, err = l.Send("BYE")
				require.ErrorIs(t, err, ErrNoLeg)
			})
		})
	}
}

// D02, D04: an INVITE with Record-Route, both sides: the UAS keeps the order,
// the UAC reverses it; the ACK and requests of both follow it.
func TestRouteSetOfBothSides(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		var leg *Leg
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				var err error
				leg, err = in.NewLeg(s, LegConfig{})
				require.NoError(t, err)
				require.NoError(t, s.Reply(in, 200, sip.Contact.Text("<sip:bob@192.0.2.1>")))
				return true
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1", "Record-Route: <sip:192.0.2.9;lr>\nRecord-Route: <sip:far.example.com;lr>\n"))
		ok := p.recv()
		require.Equal(t, []string{"<sip:192.0.2.9;lr>", "<sip:far.example.com;lr>"}, values(ok.m, "Record-Route"))
		synctest.Wait()
		o, err := leg.Send("BYE")
		require.NoError(t, err)
		bye := p.recv()
		require.Equal(t, "BYE sip:peer@192.0.2.9:5060 SIP/2.0", bye.first())
		require.Equal(t, []string{"<sip:192.0.2.9;lr>", "<sip:far.example.com;lr>"}, list(bye.m, sip.Route))
		require.Equal(t, ok.resp().ToTag(), bye.req().FromTag())
		require.Equal(t, "peer", bye.req().ToTag())
		p.reply(bye, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		leg.End()
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "To", "<sip:bob@example.com>;tag="+ok.resp().ToTag()))

		// The other way round: what the peer answers makes the route set, reversed.
		o, err = a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		p.reply(invite, 200, sip.Contact.Text("<sip:b@far.example.com>"),
			sip.RecordRoute.Text("<sip:p3.example.com;lr>, <sip:p2.example.com;lr>, <sip:192.0.2.9;lr>"))
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		leg, err = o.Dialog(resp, LegConfig{})
		require.NoError(t, err)
		a.Step(leg.CallID(), func(s *Step) { err = leg.Ack(s, resp) })
		require.NoError(t, err)
		ack := p.recv()
		require.Equal(t, "ACK sip:b@far.example.com SIP/2.0", ack.first())
		require.Equal(t, []string{"<sip:192.0.2.9;lr>", "<sip:p2.example.com;lr>", "<sip:p3.example.com;lr>"}, list(ack.m, sip.Route))
		require.Equal(t, sip.Sequence{Seq: 7, Method: "ACK"}, ack.req().CSeq())
		_, err = leg.Send("INFO")
		require.NoError(t, err)
		info := p.recv()
		require.Equal(t, sip.Sequence{Seq: 8, Method: "INFO"}, info.req().CSeq())
		p.reply(info, 200)
		leg.End()
	})
}

func list(m *msg.Message, h sip.AddrHeader) (all []string) {
	for a := range h.All(m) {
		all = append(all, a.String())
	}
	return all
}

// D06, D08: a lower CSeq gets 500, a gap does not matter; after the end 481.
func TestSequenceAndEndOfADialog(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var leg *Leg
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = accept(func(in *Incoming) {
				leg = in.Leg()
				in.Reply(200)
			})
		})
		req := p.dialog("seq")
		p.send(here, req("ACK", 1))
		for _, c := range []struct{ seq, status int }{{5, 200}, {4, 500}, {100, 200}, {6, 500}, {101, 200}} {
			p.send(here, req("MESSAGE", c.seq))
			require.Equal(t, c.status, p.recv().resp().Status(), "CSeq %d", c.seq)
		}
		p.send(here, edit(req("MESSAGE", 102), "From", "<sip:peer@example.com>;tag=other"))
		require.Equal(t, 481, p.recv().resp().Status(), "both tags count")
		synctest.Wait()
		leg.End()
		p.send(here, req("MESSAGE", 103))
		require.Equal(t, 481, p.recv().resp().Status())
	})
}

// D10: every 2xx of a forked INVITE is a dialog and gets its own ACK; the ACK
// is repeated for each retransmission, and does not come to the user.
func TestForkedInvite(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9",
			sip.From.Text("<sip:alice@example.com>;tag=alice"), proxyAuthorization.Text(`Digest realm="x"`)), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		answer := func(tag string) {
			p.reply(invite, 200, sip.To.Text("<sip:bob@example.com>;tag="+tag), sip.Contact.Text("<sip:"+tag+"@192.0.2.9>"))
		}
		branches := map[string]string{}
		for _, tag := range []string{"one", "two"} {
			answer(tag)
			resp, err := o.Next(w.ctx())
			require.NoError(t, err)
			require.Equal(t, tag, resp.ToTag())
			answer(tag)
			p.quiet("nothing is repeated before the user has acknowledged")
			leg, err := o.Dialog(resp, LegConfig{})
			require.NoError(t, err)
			defer leg.End()
			a.Step(leg.CallID(), func(s *Step) { err = leg.Ack(s, resp) })
			require.NoError(t, err)
			ack := p.recv()
			require.Equal(t, "ACK sip:"+tag+"@192.0.2.9 SIP/2.0", ack.first())
			require.Equal(t, tag, ack.req().ToTag())
			require.NotEqual(t, invite.req().Branch(), ack.req().Branch(), "a transaction of its own")
			require.Equal(t, []string{`Digest realm="x"`}, values(ack.m, "Proxy-Authorization"), "22.1")
			branches[tag] = ack.req().Branch()
		}
		for _, tag := range []string{"two", "one", "one"} {
			answer(tag)
			require.Equal(t, branches[tag], p.recv().req().Branch(), "the very same ACK")
		}
		_, err = o.Next(w.ctx())
		require.ErrorIs(t, err, ErrClosed, "retransmissions are not for the user")
		require.Equal(t, 32*sec, w.at())
	})
}

// D01, D02: an early dialog; its route set is fixed by the first 2xx.
func TestEarlyDialog(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		p.reply(invite, 100)
		trying, err := o.Next(w.ctx())
		require.NoError(t, err)
		_, err = o.Dialog(trying, LegConfig{})
		require.ErrorIs(t, err, ErrNoLeg)
		p.reply(invite, 183, sip.Contact.Text("<sip:early@192.0.2.9>"), sip.RecordRoute.Text("<sip:p1.example.com;lr>"))
		early, err := o.Next(w.ctx())
		require.NoError(t, err)
		leg, err := o.Dialog(early, LegConfig{})
		require.NoError(t, err)
		defer leg.End()
		p.reply(invite, 200, sip.Contact.Text("<sip:late@192.0.2.9>"), sip.RecordRoute.Text("<sip:p2.example.com;lr>"))
		final, err := o.Next(w.ctx())
		require.NoError(t, err)
		a.Step(leg.CallID(), func(s *Step) {
			require.Equal(t, "early", leg.Target(s).User)
			leg.Refresh(s, final)
			require.Equal(t, "late", leg.Target(s).User)
			require.Equal(t, "p2.example.com", leg.RouteSet(s)[0].URI.Host)
			// D07: later refreshes move the target, never the route set.
			again, err := sip.NewResponse(invite.req(), 200, sip.Contact.Text("<sip:moved@192.0.2.9>"), sip.RecordRoute.Text("<sip:p3.example.com;lr>"))
			require.NoError(t, err)
			leg.Refresh(s, again)
			require.Equal(t, "moved", leg.Target(s).User)
			require.Equal(t, "p2.example.com", leg.RouteSet(s)[0].URI.Host)
		})
	})
}

func TestTooManyLegs(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.MaxLegs = 1 })
		first, err := a.NewLeg(LegConfig{CallID: "1"})
		require.NoError(t, err)
		_, err = a.NewLeg(LegConfig{CallID: "2"})
		require.ErrorIs(t, err, ErrBusy)
		first.End()
		second, err := a.NewLeg(LegConfig{CallID: "2"})
		require.NoError(t, err)
		second.End()
	})
}

// D05: CSeq fits 31 bits; a dialog that has used them up sends nothing more.
func TestSequenceRunsOut(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1")
		l, err := a.NewLeg(LegConfig{
			CallID: "x", Local: must(sip.ParseNameAddr("<sip:a@b>;tag=1")), Remote: must(sip.ParseNameAddr("<sip:c@d>;tag=2")),
			Target: must(sip.ParseURI("sip:c@d")), LocalSeq: 1<<31 - 2,
		})
		require.NoError(t, err)
		a.Step("x", func(s *Step) {
			req, err := l.NewRequest(s, "INFO")
			require.NoError(t, err)
			require.EqualValues(t, 1<<31-1, req.CSeq().Seq)
			_, err = l.NewRequest(s, "INFO")
			require.ErrorIs(t, err, ErrNoLeg)
		})
		l.End()
	})
}

// A dialog without hooks is served by Config.Serve, and 501 without that.
func TestDialogWithoutHooks(t *testing.T) {
	for _, served := range []bool{true, false} {
		bubble(t, simnet.Config{}, func(w *world) {
			p := w.peer("peer", "192.0.2.9")
			w.agent("a", "192.0.2.1", func(c *Config) {
				c.Receive = accept(nil)
				if served {
					c.Serve = func(in *Incoming) {
						require.NotNil(t, in.Leg())
						in.Reply(202)
					}
				}
			})
			req := p.dialog("plain")
			p.send(here, req("ACK", 1))
			p.send(here, req("MESSAGE", 2))
			want := 501
			if served {
				want = 202
			}
			require.Equal(t, want, p.recv().resp().Status())
		})
	}
}

// The ACK is sent again although the connection that it went by has gone.
func TestAckOverANewConnection(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var acked notes
		b := w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(200, sip.Contact.Text("<sip:bob@192.0.2.9;transport=tcp>"))
				ack, err := in.Ack(w.ctx())
				require.NoError(t, err)
				acked.add(ack.Method())
			}
		})
		a := w.agent("a", "192.0.2.1")
		ha, hb := w.net.Hosts()[1], w.net.Hosts()[0]
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		w.net.Partition(ha, hb, true)
		require.NoError(t, o.Ack(resp)) // into a connection that dies with it
		ha.ResetConns()
		hb.ResetConns()
		w.net.Partition(ha, hb, false)
		w.sleep(10 * sec)
		require.Equal(t, []string{"ACK"}, acked.all())
		require.Zero(t, b.Stats().NoAck)
		require.GreaterOrEqual(t, a.Stats().AcksSent, uint64(2))
	})
}
