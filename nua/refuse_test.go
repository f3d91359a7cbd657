package nua

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestRefusals: what a user agent server must refuse, and with which headers
// (RFC 3261 8.2, 11, 13.3, 15.1.2, 21).
func TestRefusals(t *testing.T) {
	require := func(t *testing.T, resp sip.Response, header, want string) {
		t.Helper()
		for f := range resp.Fields() {
			if strings.EqualFold(f.Name, header) {
				require.Contains(t, f.Value, want)
				return
			}
		}
		require.Fail(t, "missing header", header)
	}
	for _, tt := range []struct {
		name   string
		method string
		uri    string
		set    []msg.Setter
		status int
		check  func(t *testing.T, resp sip.Response)
	}{
		{"method not allowed", "SUBSCRIBE", "", nil, 405, func(t *testing.T, r sip.Response) { require(t, r, "Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS") }},
		{"message without handler", "MESSAGE", "", []msg.Setter{sip.Payload("text/plain", "hi")}, 405, nil},
		{"unknown method", "FROBNICATE", "", nil, 501, nil},
		{"foreign scheme", "INVITE", "tel:+1234", nil, 416, nil},
		{"extension", "INVITE", "", []msg.Setter{payload(), sip.Require.Text("foo, bar")}, 420, func(t *testing.T, r sip.Response) { require(t, r, "Unsupported", "foo, bar") }},
		{"reliable provisional responses", "INVITE", "", []msg.Setter{payload(), sip.Require.Text("100rel")}, 420, func(t *testing.T, r sip.Response) { require(t, r, "Unsupported", "100rel") }},
		{"known extension", "OPTIONS", "", []msg.Setter{sip.Require.Text("x-own")}, 200, nil},
		{"bye without dialog", "BYE", "", nil, 481, nil},
		{"info without dialog", "INFO", "", nil, 405, nil},
		{"body of another type", "INVITE", "", []msg.Setter{sip.Payload("text/plain", "hi")}, 415, func(t *testing.T, r sip.Response) { require(t, r, "Accept", "application/sdp") }},
		{"coded body", "INVITE", "", []msg.Setter{payload(), sip.ContentEncoding.Text("gzip")}, 415, func(t *testing.T, r sip.Response) { require(t, r, "Accept-Encoding", "identity") }},
		{"no use for our answer", "INVITE", "", []msg.Setter{payload(), sip.Accept.Text("text/plain")}, 406, nil},
		{"bad description", "INVITE", "", []msg.Setter{sip.Payload("application/sdp", "nonsense")}, 400, nil},
		{"nothing in common", "INVITE", "", []msg.Setter{sip.Payload("application/sdp", strings.Replace(peerSDP, "audio", "video", 1))}, 488, func(t *testing.T, r sip.Response) { require(t, r, "Warning", "304") }},
		{"optional body of another type", "INVITE", "", []msg.Setter{sip.Payload("text/plain", "hi"), sip.ContentDisposition.Text("render;handling=optional")}, 200, nil},
		{"no Contact", "INVITE", "", []msg.Setter{payload(), sip.Contact.Del()}, 400, nil},
		{"unmatched CANCEL", "CANCEL", "", nil, 481, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, Config{
				Supported: []string{"x-own"},
				Handler:   Handler{Invite: func(ctx context.Context, c *Call) { _ = c.Answer(ctx) }},
			}, func(s *stage) {
				d := &dialog{
					r: s.peer, to: uaAddr, callID: "a@b", local: "<sip:peer@10.0.0.9>;tag=1",
					peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1", seq: 1,
				}
				if tt.uri != "" {
					d.target = tt.uri
				}
				d.requestSeq(tt.method, 1, "z9hG4bKrefuse", tt.set...)
				resp := s.peer.response(0, tt.method)
				if resp.Status() != tt.status {
					s.t.Fatalf("%d %s, want %d", resp.Status(), resp.Phrase(), tt.status)
				}
				if tt.check != nil {
					tt.check(s.t, resp)
				}
				if tt.status != 481 || tt.method == "BYE" {
					require(s.t, resp, "Allow", "INVITE")
					require(s.t, resp, "Server", "sofia-go")
				}
			})
		})
	}
}

// TestOptions: as an INVITE would be answered, with what the UA can (RFC 3261 11.2).
func TestOptions(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		alice := l.ua("alice", "10.0.0.1", Config{})
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		l.ua("mute", "10.0.0.3", Config{})
		ctx := l.within(time.Minute)
		resp, err := alice.Options(ctx, "sip:bob@10.0.0.2")
		require.NoError(t, err)
		for _, header := range []string{"Allow", "Accept", "Accept-Encoding", "Accept-Language", "Supported"} {
			found := false
			for range resp.Values(header) {
				found = true
			}
			require.True(t, found, header)
		}
		text, ok := sessionBody(resp)
		require.True(t, ok)
		require.Contains(t, text, "m=audio 0 ")
		_, err = alice.Options(ctx, "sip:mute@10.0.0.3")
		var refused *sip.StatusError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 480, refused.Status())
	})
}

// TestOptionsDoNotAmplify: who forges the source of a datagram gets little more
// than half as much again sent there.
func TestOptionsDoNotAmplify(t *testing.T) {
	const attributes = "a=sendrecv\r\na=ptime:20\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=maxptime:40\r\n"
	onStage(t, Config{
		Handler: Handler{Invite: func(context.Context, *Call) {}},
		Media:   strings.Repeat("m=audio 5004 RTP/AVP 0 8 101\r\n"+attributes, 4) + "m=video 5006 RTP/AVP 31 34\r\n",
	}, func(s *stage) {
		d := &dialog{r: s.peer, to: uaAddr, callID: "small", local: "<sip:peer@10.0.0.9>;tag=1", peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1"}
		d.request("OPTIONS")
		small := s.peer.response(200, "OPTIONS")
		require.Empty(s.t, small.Body())
		require.True(s.t, sip.Accept.Has(small))
		d.callID = "large"
		d.request("OPTIONS", sip.Subject.Text(strings.Repeat("x", 900)))
		large := s.peer.response(200, "OPTIONS")
		require.Contains(s.t, large.Body(), "m=video")
		require.Greater(s.t, large.Len(), smallAnswer)
	})
}

func TestMessageBothWays(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		got := make(chan string, 4)
		cfg := Config{Handler: Handler{
			Message: func(_ context.Context, r *Request) {
				got <- fmt.Sprint(r.Method(), " ", r.From().URI.User, " ", r.Body(), " ", r.Call() != nil)
				switch r.Body() {
				case "no":
					_ = r.Reply(403)
					require.ErrorIs(t, r.Reply(200), ErrAnswered)
				case "nothing":
				default:
					_ = r.Reply(202)
				}
			},
		}}
		a, b, ctx := l.pair(cfg, cfg)
		alice := a.ua
		resp, err := alice.SendMessage(ctx, "sip:bob@10.0.0.2", "text/plain", "hi")
		require.NoError(t, err)
		require.Equal(t, 202, resp.Status())
		require.Equal(t, "MESSAGE alice hi false", <-got)
		_, err = alice.SendMessage(ctx, "sip:bob@10.0.0.2", "text/plain", "no")
		require.ErrorIs(t, err, sip.Status(403))
		<-got
		_, err = alice.SendMessage(ctx, "sip:bob@10.0.0.2", "text/plain", "nothing")
		require.ErrorIs(t, err, sip.Status(500), "a handler that does not answer is answered for")
		<-got
		// Inside the call, from the callee.
		resp, err = b.SendMessage(ctx, "text/plain", "inside")
		require.NoError(t, err)
		require.Equal(t, 202, resp.Status())
		require.Equal(t, "MESSAGE bob inside true", <-got)
		_, err = a.SendRequest(ctx, "OPTIONS")
		require.NoError(t, err)
		_, err = a.SendRequest(ctx, "BYE")
		require.ErrorIs(t, err, ErrWrongState)
		require.Equal(t, Ready, a.State())
		require.NoError(t, a.Bye(ctx))
		_, err = a.SendMessage(ctx, "text/plain", "late")
		require.ErrorIs(t, err, ErrClosed)
	})
}

// TestCodedMessage: a body in a coding nobody reads is refused (RFC 3261 8.2.3).
func TestCodedMessage(t *testing.T) {
	for coding, want := range map[string]int{"gzip": 415, "identity": 200, "deflate": 200, "deflate, gzip": 415} {
		onStage(t, Config{
			ContentCodings: []string{"deflate"},
			Handler:        Handler{Message: func(_ context.Context, r *Request) { _ = r.Reply(200) }},
		}, func(s *stage) {
			d := &dialog{r: s.peer, to: uaAddr, callID: "a@b", local: "<sip:peer@10.0.0.9>;tag=1", peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1"}
			d.request("MESSAGE", sip.Payload("text/plain", "x"), sip.ContentEncoding.Text(coding))
			resp := s.peer.response(want, "MESSAGE")
			if want == 415 {
				accept, _ := sip.AcceptEncoding.Raw(resp)
				require.Equal(s.t, "identity, deflate", accept)
			}
			d.callID = "c@d"
			d.request("MESSAGE", sip.Payload("text/plain", "x"), sip.ContentEncoding.Text(coding), sip.ContentDisposition.Text("render;handling=optional"))
			s.peer.response(200, "MESSAGE")
		})
	}
}

// TestRequestOrder: requests in a call leave one after the other.
func TestRequestOrder(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, _ := s.established(CallConfig{})
		errs := make(chan error, 3)
		for range 3 {
			go func() { _, err := c.SendRequest(s.ctx, "INFO"); errs <- err }()
		}
		var last uint32
		for range 3 {
			req := s.peer.request("INFO")
			require.Greater(s.t, req.CSeq().Seq, last)
			last = req.CSeq().Seq
			s.settle()
			s.peer.reply(req, 200, "")
			require.NoError(s.t, <-errs)
		}
	})
}

// TestChallengeFromTheCaller: a challenge inside a call the peer began is not
// answered (A12); the BYE still ends the call.
func TestChallengeFromTheCaller(t *testing.T) {
	onStage(t, Config{Auth: alice}, func(s *stage) {
		c, _ := s.taken()
		done := make(chan error)
		go func() { _, err := c.SendRequest(s.ctx, "INFO"); done <- err }()
		s.challenge(s.peer.request("INFO"))
		require.ErrorIs(s.t, <-done, ErrForeignDialog)
		go func() { done <- c.Bye(s.ctx) }()
		s.challenge(s.peer.request("BYE"))
		require.NoError(s.t, <-done)
		s.peer.silent(time.Minute, "BYE")
	})
}

// TestTooManyCalls: 503 with Retry-After, and ErrBusy for our own.
func TestTooManyCalls(t *testing.T) {
	onStage(t, Config{MaxCalls: 1}, func(s *stage) {
		_, _, _ = s.incoming(payload())
		s.peer.seq = 100
		d := &dialog{r: s.peer, to: uaAddr, callID: "second", local: "<sip:peer@10.0.0.9>;tag=2", peer: "<sip:alice@10.0.0.1>", target: "sip:alice@10.0.0.1"}
		d.request("INVITE", payload())
		require.True(s.t, sip.RetryAfter.Has(s.peer.response(503, "INVITE")))
		_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{})
		require.ErrorIs(s.t, err, ErrBusy)
		require.Equal(s.t, Stats{CallsReceived: 1, CallsRefused: 2, Calls: 1}, s.ua.Stats())
	})
}

// TestHeadersOnAll: Allow, Supported, User-Agent, Contact where due, Max-Forwards.
func TestHeadersOnAll(t *testing.T) {
	onStage(t, Config{Identity: `"Alice A." <sip:alice@lab.test>`}, func(s *stage) {
		_, inv := s.call(CallConfig{}, sip.Subject.Text("hello"))
		for _, header := range []string{"Allow", "Supported", "User-Agent", "Contact", "Max-Forwards", "Subject", "Accept"} {
			found := false
			for range inv.Values(header) {
				found = true
			}
			require.True(s.t, found, header)
		}
		from, err := inv.From()
		require.NoError(s.t, err)
		require.Equal(s.t, "Alice A.", from.Display)
		require.NotEmpty(s.t, from.Tag())
		require.Empty(s.t, inv.ToTag())
		contact, _, _ := sip.Contact.Get(inv)
		require.Equal(s.t, "sip:alice@10.0.0.1:5060", contact.URI.String())
	})
}

// TestOutboundProxy: the first Route of what leaves outside a dialog.
func TestOutboundProxy(t *testing.T) {
	onStage(t, Config{Proxy: "sip:10.0.0.9"}, func(s *stage) {
		c, err := s.ua.Invite(s.ctx, "sip:bob@far.test", CallConfig{})
		require.NoError(s.t, err)
		inv := s.peer.request("INVITE")
		require.Equal(s.t, "sip:bob@far.test", inv.RequestURI())
		route, _, err := sip.Route.Get(inv)
		require.NoError(s.t, err)
		require.Equal(s.t, "sip:10.0.0.9;lr", route.URI.String())
		s.peer.reply(inv, 200, "p1", payload())
		ack := s.peer.request("ACK")
		require.False(s.t, sip.Route.Has(ack), "in the dialog its own route set counts")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
	})
}
