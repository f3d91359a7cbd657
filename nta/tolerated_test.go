package nta

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// What the tolerant reading takes of a peer is answered, and goes back to it as
// it wrote it: tags, Call-ID, Contact and routes that our own setters refuse.
func TestPeersThatAreTolerated(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		const from, callID = "J\xc3\xbcrgen <sip:p_x@my_host;a;a>;tag=a@b", "a@b@c"
		p := w.peer("peer", "192.0.2.9")
		var leg *Leg
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				var err error
				leg, err = in.NewLeg(s, LegConfig{})
				require.NoError(t, err)
				require.NoError(t, s.Reply(in, 200, sip.Contact.Text("<sip:bob@192.0.2.1>")))
				return true
			}
		})
		invite := edit(p.incoming("INVITE", "z9hG4bK1", "Record-Route: <sip:192.0.2.9;lr>;y=a/b\n"),
			"Via", "SIP/2.0/UDP my_host;branch=z9hG4bK@1;x=a/b;rport", "From", from, "Call-ID", callID,
			"Contact", "<sip:*31#@192.0.2.9:5060;x=y;x=y>")
		p.send(here, invite)
		ok := p.recv()
		require.Equal(t, 200, ok.resp().Status())
		require.Equal(t, []string{from}, values(ok.m, "From"))
		require.Equal(t, []string{callID}, values(ok.m, "Call-ID"))
		require.Equal(t, []string{"SIP/2.0/UDP my_host;branch=z9hG4bK@1;x=a/b;rport=5060;received=192.0.2.9"}, values(ok.m, "Via"))
		require.Equal(t, []string{"<sip:192.0.2.9;lr>;y=a/b"}, values(ok.m, "Record-Route"))
		synctest.Wait()
		o, err := leg.Send("BYE")
		require.NoError(t, err)
		bye := p.recv()
		require.Equal(t, "BYE sip:*31#@192.0.2.9:5060;x=y;x=y SIP/2.0", bye.first())
		require.Equal(t, "a@b", bye.req().ToTag())
		require.Contains(t, values(bye.m, "To")[0], ">;tag=a@b")
		require.Equal(t, []string{callID}, values(bye.m, "Call-ID"))
		require.Equal(t, []string{"<sip:192.0.2.9;lr>;y=a/b"}, list(bye.m, sip.Route))
		p.reply(bye, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		leg.End()
		p.send(here, edit(p.incoming("ACK", "z9hG4bK2"), "To", "<sip:bob@example.com>;tag="+ok.resp().ToTag(), "Call-ID", callID, "From", from))
	})
}

// Product names that could not be written are refused when the agent is made.
func TestProductNames(t *testing.T) {
	for _, bad := range []string{"Phone; 1", "Phone: x", "a\r\nEvil: x", "(", "a/b/c", "\xff"} {
		_, err := New(Config{Server: bad})
		require.Error(t, err, bad)
		_, err = New(Config{UserAgent: bad})
		require.Error(t, err, bad)
	}
}
