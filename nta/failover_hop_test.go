package nta

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

const oneThenTwo = "_sip._udp SRV 0 0 5060 one\n_sip._udp SRV 1 0 5060 two\none A 192.0.2.9\ntwo A 192.0.2.8\n"

// L06, 9.1, 17.1.1.3: CANCEL, and the ACK to what is no 2xx, go where their
// INVITE went: by the same flow, with its branch. The hop before gets neither.
func TestFailoverCancelFollowsItsInvite(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		n := w.named(oneThenTwo)
		one, two := w.peer("one", "192.0.2.9"), w.peer("two", "192.0.2.8")
		o, err := n.client.Send(n.request("INVITE", "sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		first := one.recv()
		one.reply(first, 180) // it rings, and then has had enough
		one.reply(first, 503)
		ack := one.recv()
		require.Equal(t, "ACK", ack.req().Method())
		require.Equal(t, first.req().Branch(), ack.req().Branch())

		invite := two.recv()
		require.NotEqual(t, first.req().Branch(), invite.req().Branch())
		require.NoError(t, o.Cancel())
		w.sleep(ms)
		two.quiet("no CANCEL before this hop has answered, whatever the one before did")
		two.reply(invite, 180)
		cancel := two.recv()
		require.Equal(t, "CANCEL", cancel.req().Method())
		require.Equal(t, invite.req().TopVia(), cancel.req().TopVia())
		require.Equal(t, invite.from, cancel.from)
		two.reply(cancel, 200)
		two.reply(invite, 487)
		ack = two.recv()
		require.Equal(t, "ACK", ack.req().Method())
		require.Equal(t, invite.req().TopVia(), ack.req().TopVia())
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 487, resp.Status())
		one.quiet("it was left")
	})
}

// 9.1: a CANCEL between two hops ends the request; it follows nothing, and
// nothing more is sent.
func TestFailoverCancelBetweenHops(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		n := w.named("_sip._udp SRV 0 0 5060 one\n_sip._tcp SRV 0 0 5060 two\none A 192.0.2.9\n" +
			"@ NAPTR 0 0 \"s\" \"SIP+D2U\" \"\" _sip._udp\n@ NAPTR 1 0 \"s\" \"SIP+D2T\" \"\" _sip._tcp\ntwo A 192.0.2.8\n")
		one, two := w.peer("one", "192.0.2.9"), w.net.MustHost("two", "192.0.2.8")
		two.Down(true) // the connection takes its time
		o, err := n.client.Send(n.request("INVITE", "sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		invite := one.recv()
		one.reply(invite, 180)
		one.reply(invite, 503)
		require.Equal(t, "ACK", one.recv().req().Method())
		w.sleep(sec)
		require.Equal(t, tport.UDP, o.Flow().Proto(), "the last it went out by")
		require.NoError(t, o.Cancel())
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 487, statusOf(resp, err))
		require.Less(t, w.at(), 2*sec)
		one.quiet()
	})
}

func statusOf(resp sip.Response, err error) int {
	if failure, ok := err.(*TransactionError); ok {
		return failure.Status()
	}
	return resp.Status()
}

// 13.2.2.4: the ACK to a 2xx is resolved anew by the dialog's own target, and
// goes on to the next hop as any request does.
func TestFailoverAckToA2xx(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		n := w.named(oneThenTwo + "_sip._tcp.pbx SRV 0 0 5060 dead\n_sip._tcp.pbx SRV 1 0 5060 three\ndead A 192.0.2.6\nthree A 192.0.2.7\n")
		n.dead("192.0.2.6")
		n.dead("192.0.2.9")
		two := w.peer("two", "192.0.2.8")
		n.server("192.0.2.7", 200)
		o, err := n.client.Send(n.request("INVITE", "sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		invite := two.recv()
		two.reply(invite, 200, sip.Contact.Text("<sip:bob@pbx.example.com;transport=tcp>"))
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.NoError(t, o.Ack(resp))
		w.sleep(ms)
		require.Equal(t, []string{"tcp:192.0.2.7:5060 ACK"}, n.got.all())
		require.Equal(t, []string{"udp:192.0.2.9:5060 send", "tcp:192.0.2.6:5060 dial"}, n.failed.all())
		two.reply(invite, 200, sip.Contact.Text("<sip:bob@pbx.example.com;transport=tcp>"))
		w.sleep(ms)
		require.EqualValues(t, 2, n.client.Stats().AcksSent, "the same again")
		two.quiet()
	})
}

// L09, T05: a response whose connection has gone, and whose source takes none,
// goes to what the name in sent-by resolves to (18.2.2, RFC 3263 section 5).
func TestFailoverOfAResponse(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		n := w.named("_sip._tcp.phone SRV 0 0 5070 dead\n_sip._tcp.phone SRV 1 0 5070 two\ndead A 192.0.2.6\ntwo A 192.0.2.8\n",
			func(c *Config) {
				c.Receive = func(s *Step, in *Incoming) bool {
					s.After(2*sec, func(s *Step) { s.Reply(in, 200) })
					return true
				}
			})
		n.dead("192.0.2.6")
		peerHost, backup := w.net.MustHost("peer", "192.0.2.9"), w.net.MustHost("two", "192.0.2.8")
		l, err := backup.Listen(w.ctx(), "tcp", "192.0.2.8:5070")
		require.NoError(t, err)
		defer l.Close()
		c, err := peerHost.DialContext(w.ctx(), "tcp", here)
		require.NoError(t, err)
		p := &peer{w: w, addr: mustAddr("192.0.2.9:5070")}
		_, err = c.Write([]byte(wire(edit(p.incoming("OPTIONS", "z"), "Via", "SIP/2.0/TCP phone.example.com;branch=z9hG4bK1"))))
		require.NoError(t, err)
		w.sleep(sec)
		c.Close()
		fresh, err := l.Accept()
		require.NoError(t, err)
		defer fresh.Close()
		buf := make([]byte, 4096)
		size, err := fresh.Read(buf)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(buf[:size]), "SIP/2.0 200 OK\r\n"))
	})
}

// large is a request that is too large for UDP.
func (n *named) large(uri string) sip.Request {
	return n.request("MESSAGE", uri, sip.Payload("text/plain", strings.Repeat("x", 1050)))
}

// T01, 18.1.1: what is too large goes over TCP; refused there, or not heard of
// for 4 s, it goes back to UDP. Each time the Via names the transport. A hop that
// takes neither is left for the next, where TCP has its turn again.
func TestFailoverLarge(t *testing.T) {
	for name, c := range map[string]struct {
		open   bool // something listens on TCP, and answers no SYN
		silent bool // nothing answers on UDP, either
		took   [2]int
		failed []string
	}{
		"refused":              {},
		"silent":               {open: true, took: [2]int{4, 5}},
		"refused, then silent": {silent: true, took: [2]int{32, 33}, failed: []string{"udp:192.0.2.9:5060 wait"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{Backlog: 1}, func(w *world) {
				n := w.named(oneThenTwo)
				one := w.peer("one", "192.0.2.9")
				host := w.net.Hosts()[len(w.net.Hosts())-1]
				if c.open {
					l, err := host.Listen(w.ctx(), "tcp", "192.0.2.9:5060")
					require.NoError(t, err)
					defer l.Close()
					full, err := w.net.MustHost("other", "192.0.2.77").DialContext(w.ctx(), "tcp", "192.0.2.9:5060")
					require.NoError(t, err)
					defer full.Close()
				}
				n.server("192.0.2.8", 200)
				o, err := n.client.Send(n.large("sip:bob@example.com"), SendConfig{})
				require.NoError(t, err)
				got := one.recv()
				require.Equal(t, "UDP", got.req().TopVia().Transport)
				require.Empty(t, n.got.all())
				if !c.silent {
					one.reply(got, 200)
				}
				_, err = o.Final(w.ctx())
				require.NoError(t, err)
				require.GreaterOrEqual(t, int(w.at()/sec), c.took[0])
				require.LessOrEqual(t, int(w.at()/sec), c.took[1])
				require.Equal(t, c.failed, n.failed.all())
				s := n.client.Stats()
				require.EqualValues(t, 1, s.BackToUDP)
				if c.silent {
					require.Equal(t, []string{"tcp:192.0.2.8:5060 MESSAGE"}, n.got.all())
					require.EqualValues(t, 2, s.LargeRequests)
				} else {
					require.EqualValues(t, 1, s.LargeRequests)
				}
			})
		})
	}
}

// 18.1.1: where a router asks for smaller packets later, the request goes over
// TCP, as a new transaction; a small one waits, as the news cannot be of it.
func TestFailoverTooLargeLater(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		n := w.named(oneThenTwo, func(c *Config) { c.MTU = -1 })
		one := w.peer("one", "192.0.2.9")
		host := w.net.Hosts()[len(w.net.Hosts())-1]
		l, err := host.Listen(w.ctx(), "tcp", "192.0.2.9:5060")
		require.NoError(t, err)
		defer l.Close()
		o, err := n.client.Send(n.large("sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		lost := one.recv()
		small, err := n.client.Send(n.request("OPTIONS", "sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		waits := one.recv()
		flow := o.Flow()
		n.client.flowFailed(flow, &tport.Error{Op: "send", Key: flow.Key(), Err: tport.ErrTooLarge})
		c, err := l.Accept()
		require.NoError(t, err)
		defer c.Close()
		buf := make([]byte, 8192)
		size, err := c.Read(buf)
		require.NoError(t, err)
		m, err := sip.Parse(string(buf[:size]))
		require.NoError(t, err)
		again := sip.Request{Message: m}
		require.Equal(t, "TCP", again.TopVia().Transport)
		require.NotEqual(t, lost.req().Branch(), again.Branch())
		resp, err := sip.NewResponse(again, 200)
		require.NoError(t, err)
		_, err = io.WriteString(c, resp.String())
		require.NoError(t, err)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		one.reply(waits, 200)
		_, err = small.Final(w.ctx())
		require.NoError(t, err)
		s := n.client.Stats()
		require.EqualValues(t, 1, s.LargeRequests)
		require.Zero(t, s.FailedHops)
	})
}
