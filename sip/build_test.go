package sip_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func lines(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

func TestNewRequest(t *testing.T) {
	u := sip.MustParseURI("sip:bob@h;transport=tcp")
	req, err := sip.NewRequest(sip.MethodMessage, u,
		sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "a", Params: ";branch=z9hG4bK1"}),
		sip.From.Set(sip.NameAddr{Display: "Al", URI: sip.MustParseURI("sip:a@a")}.WithTag("f")),
		sip.To.Set(sip.NameAddr{URI: u}), sip.CallID.Set("c"), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "MESSAGE"}),
		sip.Allow.Set("INVITE", "ACK"), sip.Contact.Set(sip.Star()), sip.Payload("text/plain", "hi"))
	require.NoError(t, err)
	require.NoError(t, req.Err())
	require.Equal(t, `MESSAGE sip:bob@h;transport=tcp SIP/2.0
Via: SIP/2.0/UDP a;branch=z9hG4bK1
From: "Al" <sip:a@a>;tag=f
To: <sip:bob@h;transport=tcp>
Call-ID: c
CSeq: 1 MESSAGE
Allow: INVITE, ACK
Contact: *
Content-Type: text/plain
Content-Length: 2
Max-Forwards: 70

hi`, lines(req.String()))
	n, ok := req.MaxForwards()
	require.True(t, ok)
	require.Equal(t, 70, n)
	m, err := sip.Parse(req.String())
	require.NoError(t, err)
	require.Equal(t, req.String(), m.String())

	bare, err := sip.NewRequest("OPTIONS", u, sip.MaxForwards.Set(3))
	require.NoError(t, err)
	require.ErrorIs(t, bare.Err(), msg.ErrMissing)
	require.Equal(t, "OPTIONS sip:bob@h;transport=tcp SIP/2.0\nMax-Forwards: 3\nContent-Length: 0\n\n", lines(bare.String()))
	again, err := bare.Edit(sip.RequestURI(sip.MustParseURI("sips:x")))
	require.NoError(t, err)
	require.Equal(t, "sips:x", again.RequestURI())
	_, err = bare.Edit(msg.StatusLine(200, "OK"))
	require.ErrorIs(t, err, msg.ErrStartLine)

	_, err = sip.NewRequest("A B", u)
	require.ErrorIs(t, err, msg.ErrValue)
	_, err = sip.NewRequest("OPTIONS", u, msg.StatusLine(200, "OK"))
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, err = sip.NewRequest("OPTIONS", u, sip.Payload("text", "x"))
	require.ErrorIs(t, err, msg.ErrSyntax)
	_, err = sip.NewRequest("OPTIONS", u, sip.Subject.Set("a\r\nEvil: b"))
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestNewResponse(t *testing.T) {
	m, err := sip.Parse("INVITE sip:b@h SIP/2.0\r\nv:SIP/2.0/UDP a;branch=z9hG4bK1 ,\r\n SIP/2.0/TCP b\r\nRECORD-route: <sip:p;lr>\r\nVIA: SIP/2.0/UDP c\r\n" +
		"f: \"A\" <sip:a@a>;tag=f\r\nt: <sip:b@h>\r\ni: c\r\nCSeq:  9   INVITE\r\nTimestamp: 5\r\nRecord-Route: <sip:q;lr>\r\n\r\n")
	require.NoError(t, err)
	req, ok := sip.AsRequest(m)
	require.True(t, ok)
	const common = "f: \"A\" <sip:a@a>;tag=f\nt: <sip:b@h>\ni: c\nCSeq:  9   INVITE\n"
	const vias = "v:SIP/2.0/UDP a;branch=z9hG4bK1 ,\n SIP/2.0/TCP b\nVIA: SIP/2.0/UDP c\n"
	const routes = "RECORD-route: <sip:p;lr>\nRecord-Route: <sip:q;lr>\n"
	for status, want := range map[int]string{
		100: "SIP/2.0 100 Trying\n" + vias + common + "Timestamp: 5\nContent-Length: 0\n\n",
		180: "SIP/2.0 180 Ringing\n" + vias + routes + common + "Content-Length: 0\n\n",
		200: "SIP/2.0 200 OK\n" + vias + routes + common + "Content-Length: 0\n\n",
		486: "SIP/2.0 486 Busy Here\n" + vias + common + "Content-Length: 0\n\n",
	} {
		r, err := sip.NewResponse(req, status)
		require.NoError(t, err)
		require.NoError(t, r.Err())
		require.Equal(t, want, lines(r.String()))
	}
	to, err := req.To()
	require.NoError(t, err)
	r, err := sip.NewResponse(req, 299, sip.Phrase("Fine"), sip.To.Set(to.WithTag("t")), sip.Payload("a/b", "body"))
	require.NoError(t, err)
	require.Equal(t, "t", r.ToTag())
	require.Equal(t, "Fine", r.Phrase())
	require.Equal(t, "body", r.Body())
	require.Equal(t, sip.Sequence{Seq: 9, Method: "INVITE"}, r.CSeq())
	_, err = r.Edit(msg.RequestLine("A", "sip:b"))
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, err = sip.NewResponse(req, 99)
	require.ErrorIs(t, err, msg.ErrStatusCode)
	_, err = sip.NewResponse(sip.Request{}, 200)
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, err = sip.NewResponse(req, 200, msg.RequestLine("A", "sip:b"))
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, ok = sip.AsResponse(m)
	require.False(t, ok)
	_, ok = sip.AsRequest(nil)
	require.False(t, ok)
	_, ok = sip.AsRequest(r.Message)
	require.False(t, ok)
	require.True(t, sip.Response{}.IsZero() && sip.Request{}.IsZero() && !r.IsZero() && !req.IsZero())
}

// A 400 to a message with bare line ends must not carry them on.
func TestResponseIsCleanWhateverCame(t *testing.T) {
	for _, text := range []string{
		strings.ReplaceAll(options, "\r\n", "\n"),
		strings.Replace(options, "<sip:a@a>", "\"a\rb\x00c\" <sip:a@a>", 1),
		strings.Replace(options, "Call-ID: c1", "Call-ID: c1\r\n x\n y", 1),
	} {
		m, err := sip.Parse(text)
		require.Error(t, err)
		req, ok := sip.AsRequest(m)
		require.True(t, ok)
		r, err := sip.NewResponse(req, 400)
		require.NoError(t, err)
		out := strings.ReplaceAll(r.String(), "\r\n", "|")
		require.False(t, strings.ContainsAny(out, "\r\n\x00"), "%q", out)
		require.Equal(t, "z9hG4bK1", r.Branch())
	}
}

func TestHeaderSetters(t *testing.T) {
	u := sip.MustParseURI("sip:b@h?Subject=a%20b&X-Y=1&Route=%3Csip:evil%3E&From=sip:x%40y&Via=x&body=hello&Evil=a%0D%0AInjected:%20b&Priority=urgent")
	set := u.HeaderSetters()
	target := u
	target.Headers = ""
	_, err := sip.NewRequest("INVITE", target, set...)
	require.ErrorIs(t, err, msg.ErrValue, "an escaped CR LF must not become one")
	u.Headers = strings.Replace(u.Headers, "Evil=a%0D%0AInjected:%20b&", "", 1)
	req, err := sip.NewRequest("INVITE", target, u.HeaderSetters()...)
	require.NoError(t, err)
	require.Equal(t, "INVITE sip:b@h SIP/2.0\nSubject: a b\nX-Y: 1\nContent-Length: 5\nPriority: urgent\nMax-Forwards: 70\n\nhello", lines(req.String()))
	for _, bad := range []string{"Priority=", "Expires=x", "Reason=%3B", "Replaces=a%3Bb%3D%22"} {
		_, err = sip.NewRequest("INVITE", target, sip.MustParseURI("sip:b@h?"+bad).HeaderSetters()...)
		require.ErrorIs(t, err, msg.ErrValue, bad)
	}
}

func TestStatusError(t *testing.T) {
	m, err := sip.Parse("SIP/2.0 302 Moved\r\nVia: SIP/2.0/UDP a\r\nFrom: <sip:a@a>\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n" +
		"Contact: <sip:1@h>;q=0.5, <sip:2@h>, <sip:bad\r\nContact: <sip:3@h>;q=0.7,<sip:4@h>;q=1.0 ,<sip:5@h>;q=0.5\r\n\r\n")
	require.NoError(t, err)
	resp, ok := sip.AsResponse(m)
	require.True(t, ok)
	var e error = &sip.StatusError{Response: resp}
	require.Equal(t, "sip: INVITE answered with 302 Moved", e.Error())
	require.ErrorIs(t, e, sip.Status(302))
	require.NotErrorIs(t, e, sip.Status(301))
	require.ErrorIs(t, e, &sip.StatusError{Response: resp})
	require.NotErrorIs(t, e, errors.New("x"))
	require.Equal(t, "302 Moved Temporarily", sip.Status(302).Error())
	var se *sip.StatusError
	require.ErrorAs(t, e, &se)
	require.Equal(t, 302, se.Status())
	var users []string
	for _, a := range se.Targets() {
		users = append(users, a.URI.User)
	}
	require.Equal(t, []string{"2", "4", "3", "1", "5"}, users)
}

func TestStatusText(t *testing.T) {
	for code, want := range map[int]string{
		100: "Trying", 180: "Ringing", 200: "OK", 299: "OK", 404: "Not Found", 499: "Bad Request", 699: "Busy Everywhere", 99: "", 700: "", 0: "", -1: "",
		111: "Session Progress", 399: "Multiple Choices", 599: "Server Internal Error",
	} {
		require.Equal(t, want, sip.StatusText(code), code)
	}
}

type dry struct{}

func (dry) Read([]byte) (int, error) { return 0, errors.New("dry") }

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		for _, s := range []string{sip.NewTag(nil), sip.NewBranch(nil), sip.NewCallID(nil), sip.NewTag(dry{}), sip.NewBranch(dry{})} {
			require.False(t, seen[s])
			seen[s] = true
			require.NoError(t, sip.CallID.Set(s).Err())
		}
	}
	r := func() *strings.Reader { return strings.NewReader(strings.Repeat("x", 64)) }
	require.Equal(t, sip.NewTag(r()), sip.NewTag(r()), "the given source is used")
	require.Len(t, sip.NewTag(nil), 16)
	require.Len(t, sip.NewCallID(nil), 32)
	require.Len(t, sip.NewBranch(nil), 39)
	require.True(t, strings.HasPrefix(sip.NewBranch(nil), sip.MagicCookie))
}

func TestProxyEdit(t *testing.T) {
	text := corpus(t, "bench/invite.sip")["invite"]
	m, err := sip.Parse(text)
	require.NoError(t, err)
	out, err := m.Edit(sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "192.0.2.1", Params: ";branch=z9hG4bKp"}),
		sip.Route.Pop(), sip.MaxForwards.Set(68), sip.RecordRoute.Push(sip.NameAddr{URI: sip.MustParseURI("sip:p;lr")}))
	require.NoError(t, err)
	want := strings.Replace(text, "Via:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKp\r\nVia:", 1)
	want = strings.Replace(want, "Route: <sip:proxy2.example.com;lr>\r\n", "", 1)
	want = strings.Replace(want, "Max-Forwards: 69", "Max-Forwards: 68", 1)
	want = strings.Replace(want, "Record-Route:", "Record-Route: <sip:p;lr>\r\nRecord-Route:", 1)
	require.Equal(t, want, out.String(), "all else stays byte for byte")
	require.Equal(t, "z9hG4bKp", sip.Request{Message: out}.Branch())
}
