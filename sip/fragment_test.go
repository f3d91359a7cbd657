package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// The examples of RFC 3420 section 3.1, with and without their last line end.
func TestFragment(t *testing.T) {
	for _, s := range []string{
		"INVITE sip:alice@atlanta.com SIP/2.0\r\n",
		"SIP/2.0 603 Declined\r\n",
		"REGISTER sip:atlanta.com SIP/2.0\r\nTo: sip:alice@atlanta.com\r\nContact: <sip:alicepc@atlanta.com>;q=0.9,\r\n         <sip:alicemobile@atlanta.com>;q=0.1\r\n",
		"SIP/2.0 400 Bad Request\r\nWarning: 399 atlanta.com Your Event header field was malformed\r\n",
		"From: Alice <sip:alice@atlanta.com>\r\nTo: Bob <sip:bob@biloxi.com>\r\nContact: <sip:alice@pc33.atlanta.com>\r\nDate: Thu, 21 Feb 2002 13:02:03 GMT\r\nCall-ID: a84b4c76e66710\r\nCseq: 314159 INVITE\r\n",
		"SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
		"Content-Type: text/plain\r\nContent-Length: 11\r\n\r\nHi There!\r\n",
		"SIP/2.0 200 OK\r\nContent-Length: 247\r\n", // of the message it is a part of
		"SIP/2.0 100 Trying\r\n\r\n",
		"", "\r\n", "\r\nbody",
		"Subject : sip SIP/2.0\r\n", // a field, not a request line
	} {
		for _, in := range []string{s, strings.TrimSuffix(s, "\r\n")} {
			if strings.Contains(s, "Content-Length") && strings.Contains(s, "\r\n\r\n") && in != s {
				continue
			}
			m, err := sip.ParseFragment(in)
			require.NoError(t, err, "%q", in)
			require.Equal(t, in, m.String())
			require.Equal(t, len(in), m.Len())
			require.True(t, m.IsFragment())
			require.Equal(t, strings.HasPrefix(in, "SIP/2.0") || strings.Contains(in, "a") && strings.HasPrefix(in, "INV") || strings.HasPrefix(in, "REG"), m.HasStartLine(), "%q", in)
		}
	}
	m, err := sip.ParseFragment("SIP/2.0 100 Trying")
	require.NoError(t, err)
	require.Equal(t, 100, m.Status())
	m, err = sip.ParseFragment("From: Alice <sip:alice@atlanta.com>;tag=1\r\nCSeq: 314159 INVITE")
	require.NoError(t, err)
	from, ok, err := sip.From.Get(m)
	require.True(t, ok && err == nil)
	require.Equal(t, "1", from.Tag())
	require.Empty(t, m.Method())
	require.Zero(t, m.Status())
	e, err := m.Edit(sip.Subject.Set("x"), sip.CSeq.Del())
	require.NoError(t, err)
	require.Equal(t, "From: Alice <sip:alice@atlanta.com>;tag=1\r\nSubject: x\r\n", e.String())
	for range 2000 { // through the point where an edited text is made anew
		e, err = e.Edit(sip.Subject.Set("something longer"))
		require.NoError(t, err)
	}
	require.Equal(t, "From: Alice <sip:alice@atlanta.com>;tag=1\r\nSubject: something longer\r\n", e.String())
}

// The examples of RFC 3420 section 3.2 and others that are none.
func TestFragmentRefused(t *testing.T) {
	for _, s := range []string{
		"INVITE", "INVITE sip:alice@atlanta.com SIP/1.09", "SIP/2.0", "404 Not Found",
		"INVITE sip:alice@atlanta.com SIP/2.0\r\nVia: SIP/2.0/UDP ;branch=z9hG4bK29342a\r\n",
		"INVITE sip:alice@atlanta.com SIP/2.0\r\nTo: <>;tag=39234\r\n",
		"To: sip:alice@atlanta.com\r\nFrom: sip:bob@biloxi.com;tag=1992312\r\nCall-ID: this is invalid\r\n",
		"MESSAGE sip:alice@atlanta.com SIP/2.0\r\nHi There!\r\n",
		"SIP/2.0 200 OK\nTo: sip:a@b\n", "To: sip:a@b\r\nTo: sip:a@b", "SIP/2.0 99 X",
		"Content-Length: 2\r\n\r\nabc",
	} {
		_, err := sip.ParseFragment(s)
		var e *msg.SyntaxError
		require.ErrorAs(t, err, &e, "%q", s)
	}
}

func TestNewFragment(t *testing.T) {
	m, err := sip.NewFragment(msg.StatusLine(180, "Ringing"))
	require.NoError(t, err)
	require.Equal(t, "SIP/2.0 180 Ringing\r\n", m.String())
	m, err = sip.NewFragment(sip.ContentType.Set(msg.MediaType{Type: "text", Subtype: "plain"}), msg.Body("hi"))
	require.NoError(t, err)
	require.Equal(t, "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi", m.String())
	_, err = sip.NewFragment(sip.CallID.Text("a b"))
	require.Error(t, err)
	_, err = sip.NewFragment(msg.StatusLine(99, ""))
	require.Error(t, err)
}

func FuzzFragment(f *testing.F) {
	f.Add("SIP/2.0 100 Trying")
	f.Add("INVITE sip:a@b SIP/2.0\r\nTo: sip:c@d\r\n\r\nbody")
	f.Add("From: a <sip:b@c>\r\n d\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := sip.ParseFragment(s)
		if err != nil {
			return
		}
		require.Equal(t, s, m.String())
		require.Equal(t, len(s), m.Len())
		e, err := m.Edit(sip.Subject.Set("x"))
		require.NoError(t, err)
		again, err := sip.ParseFragment(e.String())
		if err == nil { // an edit may have split a body from its length
			require.Equal(t, e.String(), again.String())
		}
	})
}
