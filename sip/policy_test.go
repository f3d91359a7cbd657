package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func TestPolicy(t *testing.T) {
	for header, c := range map[string]struct {
		bad    string
		policy sip.Policy
	}{
		"Contact": {"<sip:h", sip.RefuseUA}, "Require": {"a b", sip.RefuseRegistrar}, "Record-Route": {"x", sip.RefuseUA}, "Content-Type": {"x", sip.RefuseUA},
		"Route": {"x", sip.RefuseProxy}, "Max-Breadth": {"x", sip.RefuseProxy}, "Proxy-Require": {"a;b", sip.RefuseProxy}, "Path": {"x", sip.RefuseRegistrar},
		"RSeq": {"x", sip.Refuse100rel}, "RAck": {"1", sip.Refuse100rel}, "Event": {"a b", sip.RefuseEvents}, "Subscription-State": {"=", sip.RefuseEvents}, "Allow-Events": {"a b", sip.RefuseEvents},
		"Session-Expires": {"x", sip.RefuseTimer}, "Min-SE": {"-1", sip.RefuseTimer}, "SIP-ETag": {"a b", sip.RefusePublish}, "SIP-If-Match": {"\"a\"", sip.RefusePublish},
		"Refer-To": {"x", sip.RefuseTransfer}, "Replaces": {"a", sip.RefuseTransfer}, "Privacy": {"a b", sip.RefusePrivacy}, "P-Asserted-Identity": {"x", sip.RefusePrivacy},
		"Accept-Contact": {"x", sip.RefusePreferences}, "Security-Verify": {"=", sip.RefuseSecurity}, "Identity": {"@", sip.RefuseSecurity}, "Authorization": {"Digest", sip.RefuseAuth}, "Date": {"today", sip.RefuseOther},
	} {
		text := around(header, c.bad)
		_, err := sip.Parse(text)
		require.NoError(t, err, "%s: the default leaves it to who decodes it", header)
		m, err := msg.Parse(sip.ClassWith(c.policy), text, msg.Limits{})
		require.NotNil(t, m)
		var e *msg.SyntaxError
		require.ErrorAs(t, err, &e, header)
		require.Equal(t, header, e.Header)
		require.Equal(t, 400, e.Status())
		require.Equal(t, strings.Index(text, header+":"), e.Offset)
		other := sip.RefuseOther
		if c.policy == other {
			other = sip.RefuseTimer
		}
		_, err = msg.Parse(sip.ClassWith(other), text, msg.Limits{})
		require.NoError(t, err, "%s: not named", header)
	}
	_, err := msg.Parse(sip.ClassWith(0), around("Date", "today"), msg.Limits{})
	require.NoError(t, err)
	_, err = msg.Parse(sip.ClassWith(sip.RefuseProxy), around("Via", "SIP/2.0/UDP h;branch=1, @"), msg.Limits{})
	require.Error(t, err, "all of Via")
	require.NotEmpty(t, sip.RefuseAll.String())
}

func TestPolicyMissing(t *testing.T) {
	for _, c := range []struct {
		method, line string
		policy       sip.Policy
		status       int
	}{
		{"PRACK", "", sip.Refuse100rel, 400}, {"SUBSCRIBE", "", sip.RefuseEvents, 489}, {"NOTIFY", "Event: a", sip.RefuseEvents, 400}, {"NOTIFY", "Subscription-State: active", sip.RefuseEvents, 489},
		{"PUBLISH", "", sip.RefusePublish, 489}, {"REFER", "", sip.RefuseTransfer, 400}, {"SUBSCRIBE", "Event: a", sip.RefuseEvents, 0}, {"REFER", "r: sip:h", sip.RefuseTransfer, 0}, {"INVITE", "", sip.RefuseAll, 0},
	} {
		text := strings.ReplaceAll(options, "OPTIONS", c.method)
		if c.line != "" {
			text = strings.Replace(text, "Content-Length", c.line+"\r\nContent-Length", 1)
		}
		m, err := msg.Parse(sip.ClassWith(c.policy), text, msg.Limits{})
		require.NoError(t, err, "only on request")
		require.NotNil(t, m)
		m, err = msg.Parse(sip.ClassWith(c.policy|sip.RefuseMissing), text, msg.Limits{})
		if c.status == 0 {
			require.NoError(t, err, c.method)
			continue
		}
		require.ErrorIs(t, err, msg.ErrMissing, c.method)
		var e *msg.SyntaxError
		require.ErrorAs(t, err, &e)
		require.Equal(t, c.status, e.Status(), c.method)
		if c.status == 489 {
			require.ErrorIs(t, err, sip.ErrNoEvent)
			require.NotEmpty(t, sip.ErrNoEvent.Error())
		}
		resp, err := sip.NewResponse(sip.Request{Message: m}, e.Status())
		require.NoError(t, err)
		require.Equal(t, c.status, resp.Status())
	}
}

func TestStrictMessages(t *testing.T) {
	strict := func(text string) error {
		m, err := msg.Parse(sip.StrictClass(), text, msg.Limits{})
		require.NotNil(t, m)
		return err
	}
	for _, line := range []string{"SIP/2.0 200 ", "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe %41 &c;", "sip/2.0 180 R\ti", "SIP/2.0 200 \x80"} {
		require.NoError(t, strict(line+strings.TrimPrefix(options, "OPTIONS sip:bob@h SIP/2.0")), line)
	}
	for _, line := range []string{"SIP/2.0 200 a\"b", "SIP/2.0 200 %", "SIP/2.0 200 %4", "SIP/2.0 200 a>b", "SIP/2.0 200 \x01", "SIP/2.0 200 #"} {
		require.Error(t, strict(line+strings.TrimPrefix(options, "OPTIONS sip:bob@h SIP/2.0")), line)
	}
	for _, uri := range []string{"sip:h;transport=udp", "sips:a:b@h.:5061;lr", "tel:+1", "urn:service:sos", "http://[::1]:80/a?b", "soap.beep://192.0.2.103:3002", "nobodyKnowsThisScheme:totallyopaquecontent", "mailto:a@h"} {
		require.NoError(t, strict(strings.Replace(options, "sip:bob@h", uri, 1)), uri)
	}
	for _, uri := range []string{"sip:h_", "sip:a#b@h", "sip:h;ttl=999", "sip:h;a;a", "tel:1", "a:b^c", "a:b%zz", "a:[b]", "sip:h?x=y", "<sip:h>", "sip:h;maddr=_"} {
		require.Error(t, strict(strings.Replace(options, "sip:bob@h", uri, 1)), uri)
	}
	for _, twice := range []string{"Expires: 1", "Subject: a", "Date: Sat, 13 Nov 2010 23:29:00 GMT", "Session-ID: 0123456789abcdef0123456789abcdef", "Event: a", "User-Agent: a", "MIME-Version: 1.0"} {
		require.Error(t, strict(strings.Replace(options, "Content-Length", twice+"\r\n"+twice+"\r\nContent-Length", 1)), twice)
	}
	m, err := msg.Parse(sip.StrictClass().With(msg.Extension[string, msg.TokenCodec]{Name: "X-A"}), around("X-A", "a"), msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, msg.Strict, m.Class().Tolerance(), "With keeps the reading")
	m, err = m.Edit(sip.Subject.Set("a"))
	require.NoError(t, err)
	require.NoError(t, m.Err())
}
