package nta

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

const with100rel = "Supported: 100rel\n"

// prackOf is the PRACK for a reliable response to what incoming has sent.
func (p *peer) prackOf(resp sip.Response, branch string, seq int, more ...string) string {
	p.w.t.Helper()
	rseq, ok, err := sip.RSeq.Get(resp)
	require.NoError(p.w.t, err)
	require.True(p.w.t, ok, "no RSeq")
	text := p.incoming("PRACK", branch, append([]string{fmt.Sprintf("RAck: %d %s", rseq, resp.CSeq())}, more...)...)
	return edit(text, "To", "<sip:bob@example.com>;tag="+resp.ToTag(), "CSeq", fmt.Sprintf("%d PRACK", seq))
}

func (p *peer) ackOf(resp sip.Response, branch string) string {
	return edit(p.incoming("ACK", branch), "To", "<sip:bob@example.com>;tag="+resp.ToTag(), "CSeq", "1 ACK")
}

func sdpBody(kind string) msg.Setter { return sip.Payload("application/sdp", "v=0 "+kind+"\r\n") }

// K01: 100 is never reliable; others only if the peer knows 100rel.
func TestRuleK01OnlyWhenAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		method, header string
		status         int
		want           error
	}{
		"not supported": {"INVITE", "", 183, ErrNotReliable},
		"other option":  {"INVITE", "Supported: timer, replaces\n", 183, ErrNotReliable},
		"supported":     {"INVITE", "Supported: timer, 100REL\n", 183, nil},
		"required":      {"INVITE", "Require: 100rel\n", 183, nil},
		"100":           {"INVITE", with100rel, 100, ErrNotReliable},
		"final":         {"INVITE", with100rel, 200, ErrNotReliable},
		"other method":  {"OPTIONS", with100rel, 183, ErrNotAllowed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				p := w.peer("peer", "192.0.2.9")
				w.agent("a", "192.0.2.1", func(c2 *Config) {
					c2.Serve = func(in *Incoming) {
						r, err := in.ReplyReliable(c.status)
						require.ErrorIs(t, err, c.want)
						require.Equal(t, c.want == nil, r != nil)
						require.NoError(t, in.Reply(486))
					}
				})
				p.send(here, p.incoming(c.method, "z9hG4bK1", c.header))
				got := p.recv().resp()
				if c.want == nil {
					require.Equal(t, c.status, got.Status())
					require.True(t, IsReliable(got))
					got = p.recv().resp()
				}
				require.Equal(t, 486, got.Status())
				if c.method == "INVITE" {
					p.send(here, p.ackOf(got, "z9hG4bK1"))
				}
			})
		})
	}
}

// K01: an INVITE that requires 100rel gets every provisional response but 100
// reliably, without being asked to.
func TestRuleK01Required(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				require.NoError(t, in.Reply(100))
				require.NoError(t, in.Reply(180))
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1", "Require: 100rel\n"))
		require.False(t, IsReliable(p.recv().resp()))
		ringing := p.recv().resp()
		require.True(t, IsReliable(ringing))
		p.send(here, p.prackOf(ringing, "z9hG4bK2", 2, "Content-Type: application/sdp", "", "v=0"))
		require.Equal(t, 488, p.recv().resp().Status(), "an offer that nobody looks for")
		p.send(here, edit(p.incoming("CANCEL", "z9hG4bK1"), "CSeq", "1 CANCEL"))
		require.Equal(t, 200, p.recv().resp().Status())
		final := p.recv().resp()
		require.Equal(t, 487, final.Status())
		p.send(here, p.ackOf(final, "z9hG4bK1"))
	})
}

// K02: RSeq begins in 1 to 2^31-1 and grows by one; the next response waits for
// the PRACK of the one before; repeated from T1, doubling.
func TestRuleK02OneAfterTheOther(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		t := w.t
		p := w.peer("peer", "192.0.2.9")
		var waited notes
		a := w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Async()
				for _, status := range []int{183, 184, 185} {
					r, err := in.ReplyReliable(status)
					require.NoError(t, err)
					in.Agent().Go(func(ctx context.Context) {
						prack, err := r.Wait(ctx)
						require.NoError(t, err)
						rack, _, _ := sip.RAck.Get(prack.Request())
						require.Equal(t, r.RSeq(), rack.RSeq)
						require.ErrorIs(t, prack.Reply(200), ErrTooLate, "answered by itself")
						waited.add(fmt.Sprint(status))
					})
				}
				require.NoError(t, in.Reply(200)) // of bug 467: none of the three is lost
			}
		})
		w.sleep(offGrid)
		start := w.at()
		p.send(here, p.incoming("INVITE", "z9hG4bK1", with100rel))
		w.sleep(4 * sec)
		onTime(t, g, start, []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}, times(p.all(), "SIP/2.0 183"))
		require.Len(t, p.all(), 4, "no other before the PRACK")
		first := p.recv().resp()
		rseq, _, _ := sip.RSeq.Get(first)
		require.Positive(t, rseq)
		require.Less(t, rseq, uint32(1)<<31-1)
		p.skip()
		for i, status := range []int{183, 184, 185} {
			resp := first
			if i > 0 {
				resp = p.await(fmt.Sprint(status, " INVITE"))
			}
			now, _, _ := sip.RSeq.Get(resp)
			require.Equal(t, rseq+uint32(i), now)
			prack := p.prackOf(resp, fmt.Sprintf("z9hG4bKp%d", i), 2+i)
			p.send(here, prack)
			p.await("200 PRACK")
			p.send(here, prack)
		}
		p.send(here, p.ackOf(p.await("200 INVITE"), "z9hG4bKack"))
		w.sleep(40 * sec)
		require.Len(t, times(p.all(), "SIP/2.0 185"), 1)
		require.Equal(t, []string{"183", "184", "185"}, waited.all())
		require.Zero(t, a.Stats().NoPrack)
	})
}

// await takes messages until a response of this status and method comes.
func (p *peer) await(what string) sip.Response {
	p.w.t.Helper()
	for {
		got := p.recv().resp()
		if fmt.Sprint(got.Status(), " ", got.CSeq().Method) == what {
			return got
		}
	}
}

// K02: without a PRACK for 64*T1 the INVITE is answered 5xx, and what waited goes
// with it.
func TestRuleK02NoPrack(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		var ended notes
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Async()
				first, err := in.ReplyReliable(183)
				require.NoError(t, err)
				second, err := in.ReplyReliable(180)
				require.NoError(t, err)
				require.NoError(t, in.Reply(200))
				for _, r := range []*Reliable{first, second} {
					_, err := r.Wait(w.ctx())
					require.ErrorIs(t, err, ErrNoPrack)
					ended.add(w.at().String())
				}
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1", with100rel))
		w.sleep(33 * sec)
		require.Equal(t, []string{"32s", "32s"}, ended.all())
		require.Len(t, times(p.all(), "SIP/2.0 183"), 7, "0 0.5 1.5 3.5 7.5 15.5 31.5")
		require.Empty(t, times(p.all(), "SIP/2.0 180"))
		require.Empty(t, times(p.all(), "SIP/2.0 200"))
		p.send(here, p.ackOf(p.await("504 INVITE"), "z9hG4bK1"))
		require.EqualValues(t, 1, a.Stats().NoPrack)
	})
}

// K03: a PRACK that acknowledges nothing is answered 481, in a dialog and
// outside, and leaves what is on its way alone.
func TestRuleK03StrayPrack(t *testing.T) {
	for _, dialog := range []bool{false, true} {
		bubble(t, simnet.Config{}, func(w *world) {
			p := w.peer("peer", "192.0.2.9")
			var leg *Leg
			w.agent("a", "192.0.2.1", func(c *Config) {
				c.Serve = func(in *Incoming) {
					require.Equal(t, "INVITE", in.Request().Method(), "a PRACK is not for user code")
					if dialog {
						leg = must(in.Dialog(LegConfig{}))
					}
					_, err := in.ReplyReliable(183)
					require.NoError(t, err)
				}
			})
			p.send(here, p.incoming("INVITE", "z9hG4bK1", with100rel))
			resp := p.recv().resp()
			good := p.prackOf(resp, "z9hG4bK2", 2)
			rseq, _, _ := sip.RSeq.Get(resp)
			for i, rack := range []string{
				fmt.Sprintf("%d 1 INVITE", rseq+1), fmt.Sprintf("%d 2 INVITE", rseq), fmt.Sprintf("%d 1 UPDATE", rseq),
			} {
				p.send(here, edit(good, "Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKs%d", p.addr, i), "RAck", rack))
				p.await("481 PRACK")
			}
			p.send(here, edit(good, "Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKt", "To", "<sip:bob@example.com>;tag=other"))
			p.await("481 PRACK")
			p.send(here, good)
			p.await("200 PRACK")
			p.send(here, edit(good, "Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKu", "CSeq", "3 PRACK"))
			p.await("481 PRACK") // acknowledged already
			if dialog {
				p.send(here, edit(good, "Via", "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKv", "CSeq", "1 PRACK"))
				p.await("500 PRACK") // D06
				defer leg.End()
			}
			p.send(here, edit(p.incoming("CANCEL", "z9hG4bK1"), "CSeq", "1 CANCEL"))
			p.send(here, p.ackOf(p.await("487 INVITE"), "z9hG4bK1"))
		})
	}
}

// K05: a 2xx waits for the PRACK of a response with a body, and does not wait for
// one without. A CANCEL in the meantime still gets its 487.
func TestRuleK05HeldSuccess(t *testing.T) {
	call := func(t *testing.T, body bool, f func(w *world, p *peer, resp sip.Response)) {
		bubble(t, simnet.Config{}, func(w *world) {
			p := w.peer("peer", "192.0.2.9")
			w.agent("a", "192.0.2.1", func(c *Config) {
				c.Serve = func(in *Incoming) {
					var set []msg.Setter
					if body {
						set = append(set, sdpBody("answer"))
					}
					_, err := in.ReplyReliable(183, set...)
					require.NoError(t, err)
					require.NoError(t, in.Reply(200))
					require.ErrorIs(t, in.Reply(486), ErrTooLate)
					_, err = in.ReplyReliable(183)
					require.ErrorIs(t, err, ErrTooLate)
				}
			})
			p.send(here, p.incoming("INVITE", "z9hG4bK1", with100rel))
			f(w, p, p.recv().resp())
		})
	}
	t.Run("body", func(t *testing.T) {
		call(t, true, func(w *world, p *peer, resp sip.Response) {
			w.sleep(10 * sec)
			require.Empty(t, times(p.all(), "SIP/2.0 200"))
			p.send(here, p.prackOf(resp, "z9hG4bK2", 2))
			p.await("200 PRACK")
			p.send(here, p.ackOf(p.recv().resp(), "z9hG4bK3"))
			w.sleep(20 * sec)
			p.quiet()
		})
	})
	t.Run("no body", func(t *testing.T) {
		call(t, false, func(w *world, p *peer, resp sip.Response) {
			require.Equal(t, 200, p.recv().resp().Status())
			w.sleep(600 * ms)
			require.Len(t, times(p.all(), "SIP/2.0 183"), 1, "not repeated after the final response")
			p.send(here, p.prackOf(resp, "z9hG4bK2", 2))
			p.await("200 PRACK") // it is still good
			p.send(here, p.ackOf(p.all()[1].resp(), "z9hG4bK3"))
		})
	})
	t.Run("cancel", func(t *testing.T) {
		call(t, true, func(w *world, p *peer, resp sip.Response) {
			p.send(here, edit(p.incoming("CANCEL", "z9hG4bK1"), "CSeq", "1 CANCEL"))
			p.await("200 CANCEL")
			p.send(here, p.ackOf(p.await("487 INVITE"), "z9hG4bK1"))
			p.send(here, p.prackOf(resp, "z9hG4bK2", 2))
			w.sleep(10 * sec)
			require.Len(t, times(p.all(), "SIP/2.0 200 OK"), 2, "CANCEL and PRACK, and no INVITE")
			require.Len(t, times(p.all(), "SIP/2.0 183"), 1)
		})
	})
}

// An offer in PRACK is answered in its 200, by who waits for it.
func TestPrackWithOffer(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				_, err := s.ReplyReliable(in, 183, func(s *Step, prack *Incoming, err error) {
					require.NoError(t, err)
					require.NoError(t, s.Reply(prack, 200, sdpBody("answer")))
					require.NoError(t, s.Reply(in, 200))
				}, sdpBody("offer"))
				require.NoError(t, err)
				return true
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1", with100rel))
		p.send(here, p.prackOf(p.recv().resp(), "z9hG4bK2", 2, "Content-Type: application/sdp", "", "v=0"))
		require.Equal(t, "v=0 answer\r\n", p.await("200 PRACK").Body())
		p.send(here, p.ackOf(p.await("200 INVITE"), "z9hG4bK3"))
	})
}

// K04: a response that came again or before its time is neither acknowledged nor
// passed on; each early dialog counts for itself, and CSeq runs on in it.
func TestRuleK04OutOfOrder(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", sip.Supported.Add("100rel")), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		answer := func(tag string, rseq uint32) {
			p.reply(invite, 183, sip.To.Text("<sip:bob@example.com>;tag="+tag), sip.Contact.Text("<sip:"+tag+"@192.0.2.9>"),
				sip.Require.Add("100rel"), sip.RSeq.Set(rseq))
			w.sleep(ms)
		}
		for _, c := range []struct {
			tag  string
			rseq uint32
			seq  uint32 // of the PRACK; 0: none
		}{
			{"one", 100, 8}, {"one", 100, 0}, {"one", 102, 0}, {"two", 7, 8}, {"one", 101, 9},
			{"two", 100, 0}, {"two", 8, 9}, {"one", 100, 0}, {"one", 102, 10},
		} {
			answer(c.tag, c.rseq)
			ctx, cancel := context.WithTimeout(w.ctx(), ms)
			resp, err := o.Next(ctx)
			cancel()
			if c.seq == 0 {
				require.ErrorIs(t, err, context.DeadlineExceeded, "%v", c)
				continue
			}
			require.NoError(t, err)
			prack, err := o.Prack(resp, sip.Subject.Set("x"))
			require.NoError(t, err)
			got := p.recv()
			require.Equal(t, "PRACK sip:"+c.tag+"@192.0.2.9 SIP/2.0", got.first())
			require.Equal(t, c.tag, got.req().ToTag())
			require.Equal(t, sip.Sequence{Seq: c.seq, Method: "PRACK"}, got.req().CSeq())
			require.Equal(t, []string{fmt.Sprintf("%d 7 INVITE", c.rseq)}, values(got.m, "RAck"))
			p.reply(got, 200)
			_, err = prack.Final(w.ctx())
			require.NoError(t, err)
		}
		p.reply(invite, 180, sip.To.Text("<sip:bob@example.com>;tag=one"))
		resp, err := o.Next(w.ctx())
		require.NoError(t, err)
		_, err = o.Prack(resp)
		require.ErrorIs(t, err, ErrNotReliable)
		p.reply(invite, 200, sip.To.Text("<sip:bob@example.com>;tag=one"), sip.Contact.Text("<sip:one@192.0.2.9>"))
		resp, err = o.Next(w.ctx())
		require.NoError(t, err)
		leg := must(o.Dialog(resp, LegConfig{}))
		defer leg.End()
		a.Step(leg.CallID(), func(s *Step) {
			require.NoError(t, leg.Ack(s, resp))
			require.EqualValues(t, 10, leg.LocalSeq(s), "the dialog goes on where PRACK was")
		})
		require.EqualValues(t, 7, p.recv().req().CSeq().Seq)
	})
}

// PRACK over loss: two agents, a third of everything lost, all arrives in order.
func TestReliableUnderLoss(t *testing.T) {
	for seed := range uint64(20) {
		bubble(t, simnet.Config{Seed: seed, Link: simnet.Link{Loss: 0.33, Delay: 20 * ms}}, func(w *world) {
			w.agent("b", "192.0.2.9", func(c *Config) {
				c.Serve = func(in *Incoming) {
					in.Async()
					for status := 181; status <= 189; status++ {
						r, err := in.ReplyReliable(status)
						require.NoError(t, err)
						if _, err := r.Wait(w.ctx()); err != nil {
							return
						}
					}
					in.Reply(486)
				}
			})
			a := w.agent("a", "192.0.2.1")
			o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9", sip.Supported.Add("100rel")), SendConfig{})
			require.NoError(t, err)
			var seen []int
			for resp, err := range o.All(w.ctx()) {
				require.NoError(t, err)
				if resp.Status() == 100 {
					continue
				}
				seen = append(seen, resp.Status())
				if resp.Status() < 200 {
					_, err := o.Prack(resp)
					require.NoError(t, err)
				}
			}
			for i, status := range seen[:len(seen)-1] {
				require.Equal(t, 181+i, status)
			}
			require.Contains(t, []int{486, 504}, seen[len(seen)-1])
		})
	}
}
