package nta

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// X08: what makes two requests one transaction (17.2.3).
func TestServerMatch(t *testing.T) {
	base := (&peer{addr: mustAddr("192.0.2.9:5060")}).incoming("OPTIONS", "z9hG4bK1")
	for name, c := range map[string]struct {
		first, second string
		same          bool
	}{
		"the very same":             {base, base, true},
		"another branch":            {base, edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK2", "CSeq", "2 OPTIONS"), false},
		"branch differs in case":    {base, edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bk1", "CSeq", "2 OPTIONS"), false},
		"another sent-by host":      {base, edit(base, "Via", "SIP/2.0/UDP 192.0.2.8:5060;rport;branch=z9hG4bK1", "CSeq", "2 OPTIONS"), false},
		"another sent-by port":      {base, edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5061;rport;branch=z9hG4bK1", "CSeq", "2 OPTIONS"), false},
		"sent-by host without case": {edit(base, "Via", "SIP/2.0/UDP Host.example:5060;rport;branch=z9hG4bK1"), edit(base, "Via", "SIP/2.0/UDP hoST.example:5060;rport;branch=z9hG4bK1"), true},
		"another method":            {base, strings.ReplaceAll(edit(base, "CSeq", "2 OPTIONS"), "OPTIONS", "MESSAGE"), false},

		"2543: the very same":  {edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060"), edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060"), true},
		"2543: another number": {edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060"), edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060", "CSeq", "2 OPTIONS"), false},
		"2543: branch without cookie says nothing": {edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=1"),
			edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=1", "CSeq", "2 OPTIONS"), false},
		"2543: another From tag": {edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060"),
			edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060", "From", "<sip:peer@example.com>;tag=other"), false},
		"2543: another Request-URI": {edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060"),
			strings.Replace(edit(base, "Via", "SIP/2.0/UDP 192.0.2.9:5060", "CSeq", "2 OPTIONS"), "sip:bob@", "sip:carol@", 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				var served notes
				p := w.peer("peer", "192.0.2.9")
				a := w.agent("a", "192.0.2.1", func(c *Config) {
					c.Serve = func(in *Incoming) { served.add(""); in.Reply(200) }
				})
				p.send(here, c.first)
				p.recv()
				p.send(here, c.second)
				p.recv()
				if c.same {
					require.Len(t, served.all(), 1)
					require.EqualValues(t, 1, a.Stats().Retransmissions)
				} else {
					require.Len(t, served.all(), 2)
				}
			})
		})
	}
}

// RFC 2543: the ACK of a peer without branches finds its INVITE.
func TestServerMatchAck2543(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(486) } })
		p.send(here, edit(p.incoming("INVITE", ""), "Via", "SIP/2.0/UDP 192.0.2.9"))
		tag := p.recv().resp().ToTag()
		p.send(here, edit(p.incoming("ACK", ""), "Via", "SIP/2.0/UDP 192.0.2.9", "To", "<sip:bob@example.com>;tag="+tag))
		w.sleep(10 * sec)
		p.quiet("the response is not repeated any more")
		require.Zero(t, a.Stats().StrayAcks)
	})
}

// D03: a peer of RFC 2543 has no tag, and a dialog all the same.
func TestDialogWithoutRemoteTag(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Receive = accept(func(in *Incoming) { in.Reply(200) }) })
		p.send(here, edit(p.incoming("INVITE", "z9hG4bK1"), "From", "<sip:peer@example.com>"))
		to := "<sip:bob@example.com>;tag=" + p.recv().resp().ToTag()
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "From", "<sip:peer@example.com>", "To", to))
		p.send(here, edit(p.incoming("BYE", "z9hG4bK3"), "From", "<sip:peer@example.com>", "To", to, "CSeq", "2 BYE"))
		require.Equal(t, "BYE", p.recv().resp().CSeq().Method)
	})
}

// Receive order: what is refused before any state exists, and what is dropped.
func TestRefusedWithoutState(t *testing.T) {
	base := (&peer{addr: mustAddr("192.0.2.9:5060")}).incoming("OPTIONS", "z9hG4bK1")
	for name, c := range map[string]struct {
		text string
		want string // first line; "": nothing
	}{
		"two From":              {base + "From: <sip:x@y>;tag=2\n", "SIP/2.0 400 "},
		"no Call-ID":            {strings.Replace(base, "Call-ID: incoming@example.com\n", "", 1), "SIP/2.0 400 "},
		"CSeq of another":       {edit(base, "CSeq", "1 INVITE"), "SIP/2.0 400 "},
		"CSeq beyond 32 bits":   {edit(base, "CSeq", "4294967296 OPTIONS"), "SIP/2.0 400 "},
		"body cut short":        {base + "Content-Length: 10\n\nabc", "SIP/2.0 400 "},
		"version":               {strings.Replace(base, "SIP/2.0\n", "SIP/7.0\n", 1), "SIP/2.0 505 "},
		"To tag of nothing":     {edit(base, "To", "<sip:bob@example.com>;tag=none"), "SIP/2.0 481 "},
		"no Via":                {strings.Replace(base, "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\n", "", 1), ""},
		"ACK for nothing":       {strings.ReplaceAll(base, "OPTIONS", "ACK"), ""},
		"ACK with two From":     {strings.ReplaceAll(base, "OPTIONS", "ACK") + "From: <sip:x@y>;tag=2\n", ""},
		"ACK of another CSeq":   {edit(strings.ReplaceAll(base, "OPTIONS", "ACK"), "CSeq", "1 INVITE"), ""},
		"ACK of an unknown tag": {edit(strings.ReplaceAll(base, "OPTIONS", "ACK"), "To", "<sip:bob@example.com>;tag=none"), ""},
		"noise":                 {"hello", ""},
		"stray response":        {"SIP/2.0 200 OK\n" + strings.SplitN(base, "\n", 2)[1], ""},
		"bad response":          {"SIP/2.0 200 OK\n" + strings.SplitN(base, "\n", 2)[1] + "From: <sip:x@y>;tag=2\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				p := w.peer("peer", "192.0.2.9")
				p.loose = true
				a := w.agent("a", "192.0.2.1", func(c *Config) {
					c.Server = "Test"
					c.Serve = func(*Incoming) { t.Error("served") }
				})
				p.send(here, c.text)
				w.sleep(ms)
				require.Zero(t, a.Stats().ServerTransactions)
				if c.want == "" {
					p.quiet()
					return
				}
				got := p.recv()
				require.True(t, strings.HasPrefix(got.first(), c.want), got.first())
				require.Equal(t, []string{"Test"}, values(got.m, "Server"))
				require.NotEmpty(t, got.resp().ToTag())
				// U07: the same request gets the same tag, although nothing is kept.
				p.send(here, c.text)
				require.Equal(t, got.resp().ToTag(), p.recv().resp().ToTag())
				require.EqualValues(t, 2, a.Stats().StatelessSent)
			})
		})
	}
}

// U03: the same request by two ways is merged: 482 (8.2.2.2).
func TestMerged(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		require.Equal(t, 200, p.recv().resp().Status())
		p.send(here, p.incoming("OPTIONS", "z9hG4bK2"))
		require.Equal(t, 482, p.recv().resp().Status())
		require.EqualValues(t, 1, a.Stats().Merged)
		p.send(here, edit(p.incoming("OPTIONS", "z9hG4bK3"), "CSeq", "2 OPTIONS"))
		require.Equal(t, 200, p.recv().resp().Status(), "another CSeq is another request")
		w.sleep(33 * sec)
		p.send(here, p.incoming("OPTIONS", "z9hG4bK4"))
		require.Equal(t, 200, p.recv().resp().Status(), "the transaction is over")
	})
}

// A forwarded request may come back by another way: 16.3 is the forwarder's to check.
func TestForwardedIsNotMerged(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				in.Watch(s, Watch{Forward: true})
				s.After(sec, func(s *Step) { s.Reply(in, 404) })
				return true
			}
		})
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		p.send(here, p.incoming("OPTIONS", "z9hG4bK2"))
		require.Equal(t, 404, p.recv().resp().Status())
		require.Equal(t, 404, p.recv().resp().Status())
	})
}

// X13: above a bound requests are answered 503 without state; what exists goes on.
func TestTooManyServerTransactions(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.MaxServerTransactions, c.MaxServerTransactionsPerSource = 3, -1
			c.Serve = func(in *Incoming) { in.Reply(200) }
		})
		send := func(i int) sip.Response {
			p.send(here, edit(p.incoming("OPTIONS", fmt.Sprintf("z9hG4bK%d", i)), "CSeq", fmt.Sprintf("%d OPTIONS", i)))
			return p.recv().resp()
		}
		for i := range 3 {
			require.Equal(t, 200, send(i).Status())
		}
		full := send(3)
		require.Equal(t, 503, full.Status())
		require.True(t, sip.RetryAfter.Has(full))
		require.Equal(t, 200, send(2).Status(), "a retransmission is no new transaction")
		require.Equal(t, 3, a.Stats().Transactions)
		w.sleep(33 * sec)
		require.Equal(t, 200, send(4).Status())
	})
}

// X13: nor may one source take all the room.
func TestTooManyServerTransactionsOfOneSource(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		one, other := w.peer("one", "192.0.2.9"), w.peer("other", "192.0.2.8")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.MaxServerTransactions = 4
			c.Serve = func(in *Incoming) { in.Reply(200) }
		})
		send := func(p *peer, i int) int {
			p.send(here, edit(p.incoming("OPTIONS", fmt.Sprintf("z9hG4bK%d", i)), "CSeq", fmt.Sprintf("%d OPTIONS", i)))
			return p.recv().resp().Status()
		}
		require.Equal(t, 200, send(one, 1))
		require.Equal(t, 200, send(one, 2))
		require.Equal(t, 503, send(one, 3), "half is its share")
		require.Equal(t, 200, send(other, 4))
		w.sleep(33 * sec)
		require.Equal(t, 200, send(one, 5))
	})
	a := mustAddr("[2001:db8:1:2:3:4:5:6]:1").Addr()
	require.Equal(t, "2001:db8:1:2::", sourceOf(a).String(), "an IPv6 source is a /64")
	require.Equal(t, "192.0.2.1", sourceOf(mustAddr("[::ffff:192.0.2.1]:1").Addr()).String())
}

func TestNobodyServes(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1")
		p.send(here, p.incoming("OPTIONS", "z9hG4bK1"))
		require.Equal(t, 501, p.recv().resp().Status())
	})
}

func TestStatelessHook(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var agent *Agent
		p := w.peer("peer", "192.0.2.9")
		agent = w.agent("a", "192.0.2.1", func(c *Config) {
			c.Stateless = func(_ *Agent, d *tport.Delivery) Verdict {
				switch d.Msg.Method() {
				case "OPTIONS":
					require.NoError(t, agent.ReplyStateless(d, 200))
					return Handled
				case "MESSAGE":
					return Drop
				}
				return Continue
			}
			c.Serve = func(in *Incoming) { in.Reply(202) }
		})
		p.send(here, edit(p.incoming("OPTIONS", "z"), "Via", "SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1"))
		got := p.recv()
		require.Equal(t, 200, got.resp().Status())
		require.Equal(t, "192.0.2.9", got.resp().TopVia().Received(), "Via is stamped before")
		p.send(here, p.incoming("MESSAGE", "z9hG4bK2"))
		p.quiet()
		require.Zero(t, agent.Stats().Transactions)
		p.send(here, edit(p.incoming("REFER", "z9hG4bK3")))
		require.Equal(t, 202, p.recv().resp().Status())
	})
}

func TestKeysDiffer(t *testing.T) {
	k := newKeyer()
	m, err := sip.Parse(wire((&peer{addr: mustAddr("192.0.2.9:5060")}).incoming("INVITE", "z9hG4bK1")))
	require.NoError(t, err)
	req := sip.Request{Message: m}
	seen := map[key]bool{}
	for _, got := range []key{
		k.server(req, req.TopVia(), "INVITE"), k.server(req, req.TopVia(), "CANCEL"),
		k.client("z9hG4bK1", "INVITE"), k.client("z9hG4bK1I", "NVITE"), k.client("z9hG4bK1", "CANCEL"),
		k.merge(req), k.forward(req), k.ack(req, "t"), k.ack(req, ""), newKeyer().merge(req),
	} {
		require.False(t, seen[got])
		seen[got] = true
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { k.server(req, req.TopVia(), "INVITE") }))
}
