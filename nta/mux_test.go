package nta

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// Legs without a dialog: URI and method, the URI, the method, everything; own
// addresses are one host, and ports that are listened on are all the same. U05.
func TestMux(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		var mux Mux
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = mux.Serve
			c.Aliases = []string{"a.example.com"}
		})
		says := func(word string) func(*Incoming) {
			return func(in *Incoming) { in.Reply(200, sip.Phrase(word)) }
		}
		mux.Handle("MESSAGE", sip.MustParseURI("sip:bob@a.example.com"), says("bob's messages"))
		mux.Handle("", sip.MustParseURI("sip:carol@192.0.2.1"), says("carol"))
		mux.Handle("SUBSCRIBE", sip.MustParseURI("sip:192.0.2.1:5060"), says("subscriptions here"))
		mux.Handle("PUBLISH", sip.URI{}, says("publications anywhere"))
		mux.Handle("INFO", sip.MustParseURI("sip:dave@else.example.com"), says("dave"))
		for i, c := range []struct{ method, uri, want string }{
			{"MESSAGE", "sip:bob@192.0.2.1", "200 bob's messages"},
			{"MESSAGE", "sip:bob@192.0.2.1:5060;transport=tcp", "200 bob's messages"},
			{"MESSAGE", "sip:bob@A.EXAMPLE.COM", "200 bob's messages"},
			{"MESSAGE", "sip:bob@192.0.2.1:5999", "404 Not Found"}, // a foreign port
			{"MESSAGE", "sips:bob@a.example.com", "404 Not Found"},
			{"INFO", "sip:bob@192.0.2.1", "405 Method Not Allowed"},
			{"MESSAGE", "sip:carol@a.example.com", "200 carol"},
			{"WEIRD", "sip:carol@a.example.com", "200 carol"},
			{"SUBSCRIBE", "sip:eve@a.example.com", "200 subscriptions here"},
			{"SUBSCRIBE", "sip:a.example.com", "200 subscriptions here"},
			{"PUBLISH", "sip:bob@192.0.2.1", "200 publications anywhere"},
			{"PUBLISH", "tel:+1234", "200 publications anywhere"},
			{"INFO", "sip:dave@else.example.com", "200 dave"},
			{"INFO", "sip:nobody@else.example.com", "404 Not Found"},
			{"WEIRD", "sip:nobody@else.example.com", "501 Not Implemented"},
		} {
			req := edit(p.incoming(c.method, "z9hG4bK"+string(rune('a'+i))), "CSeq", string(rune('1'+i/9))+string(rune('0'+i%9))+" "+c.method)
			p.send(here, strings.Replace(req, "sip:bob@192.0.2.1 ", c.uri+" ", 1))
			got := p.recv()
			require.Equal(t, "SIP/2.0 "+c.want, got.first(), "%v", c)
			if got.resp().Status() == 405 {
				require.Equal(t, []string{"MESSAGE, PUBLISH, SUBSCRIBE"}, values(got.m, "Allow"))
			}
		}
		mux.Handle("", sip.MustParseURI("sip:carol@192.0.2.1"), nil)
		p.send(here, strings.Replace(edit(p.incoming("MESSAGE", "z9hG4bKz"), "CSeq", "99 MESSAGE"), "sip:bob@", "sip:carol@", 1))
		require.Equal(t, 405, p.recv().resp().Status(), "the host without a user takes what others do not")
		p.send(here, edit(p.incoming("ACK", "z9hG4bKy"), "To", "<sip:b@x>;tag=1"))
		p.quiet()
	})
}
