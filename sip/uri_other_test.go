package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func TestOtherURIs(t *testing.T) {
	uri := sip.MustParseURI
	nid, nss, ok := uri("URN:Service:sos.Fire?+x#y").URN()
	require.True(t, ok)
	require.Equal(t, "Service sos.Fire", nid+" "+nss)
	s, ok := uri("URN:Service:sos.Fire").Service()
	require.True(t, ok && s == "sos.fire")
	id, ok := uri("urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6").UUID()
	require.True(t, ok && id == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
	imei, ok := uri("urn:gsma:imei:90420156-025763-0;vers=0").IMEI()
	require.True(t, ok && imei == "90420156-025763-0")
	for _, bad := range []string{"urn:x", "urn::x", "urn:x:", "sip:h", "urn:uuid:x", "urn:uuid:f81d4fae+7dec-11d0-a765-00a0c91e6bf6", "urn:uuid:g81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:gsma:meid:1", "urn:gsma:imei:;x"} {
		u := uri(bad)
		_, ok := u.UUID()
		require.False(t, ok, bad)
		_, ok = u.Service()
		require.False(t, ok, bad)
		_, ok = u.IMEI()
		require.False(t, ok, bad)
	}
	for in, want := range map[string]string{"mailto:a%20b@h?subject=x": "a b@h", "im:bob@h": "bob@h", "pres:b@h": "b@h", "xmpp:a@h": "a@h"} {
		local, domain, ok := uri(in).Mailbox()
		require.True(t, ok, in)
		require.Equal(t, want, local+"@"+domain)
	}
	for _, bad := range []string{"mailto:a", "mailto:@h", "mailto:a@", "mailto:a@b@c", "mailto:a@h,b@h", "sip:a@h"} {
		_, _, ok := uri(bad).Mailbox()
		require.False(t, ok, bad)
	}
	for in, want := range map[string]struct {
		host string
		port uint16
	}{"http://h/p?q": {"h", 0}, "https://u:p@[2001:db8::1]:8443": {"2001:db8::1", 8443}, "ws://h:80;x": {"h", 80}} {
		host, port, ok := uri(in).Authority()
		require.True(t, ok, in)
		require.Equal(t, want.host, host)
		require.Equal(t, want.port, port)
	}
	for _, bad := range []string{"http:h", "http:///x", "http://h:x", "sip:h"} {
		_, _, ok := uri(bad).Authority()
		require.False(t, ok, bad)
	}
	_, ok = uri("http:x").ContentID()
	require.False(t, ok)
	require.True(t, uri("HTTP://h").Is("http"))

	star := uri("*")
	require.Equal(t, "*", star.String())
	require.False(t, star.IsZero())
	text, err := star.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "*", string(text))
	require.ErrorIs(t, sip.RequestURI(star).Err(), msg.ErrValue, "no message may have it where a URI stands")
	require.ErrorIs(t, sip.To.Set(sip.NameAddr{URI: star}).Err(), msg.ErrValue)
	_, err = sip.NewRequest("OPTIONS", star)
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestURIAccessors(t *testing.T) {
	u := sip.MustParseURI("sip:%61:b@H.example:5070;transport=TCP;ttl=15;method=INFO;user=phone;comp=SigComp;ob;gr=x;cause=302;target=sip%3aa%40b;pn-provider=apns;pn-prid=1%3a;pn-param=p?Subject=a%20b&body=x%0d%0ay")
	ttl, ok := u.TTL()
	require.True(t, ok && ttl == 15)
	require.Equal(t, "INFO sigcomp sip:a@b", u.Method()+" "+u.Comp()+" "+u.Target())
	require.True(t, u.IsPhone() && u.OB())
	gr, ok := u.GR()
	require.True(t, ok && gr == "x")
	cause, ok := u.Cause()
	require.True(t, ok && cause == 302)
	provider, prid, param := u.Push()
	require.Equal(t, "apns 1: p", provider+" "+prid+" "+param)
	var names []string
	for n := range u.AllParams() {
		names = append(names, n)
	}
	require.Len(t, names, 12)
	for range u.AllParams() {
		break
	}
	h, ok := u.Header("subject")
	require.True(t, ok && h == "a b")
	_, ok = u.Header("x")
	require.False(t, ok)
	require.Equal(t, "sip:a@h.example:5070", u.AOR().String())
	require.Equal(t, "sip:a%3Ab%23@h", sip.MustParseURI("sip:a%3ab%23@H;x?y=z").AOR().String())
	require.Equal(t, "tel:+1", sip.MustParseURI("tel:+1;x=y").AOR().String())
	_, ok = sip.MustParseURI("sip:h;ttl=256").TTL()
	require.False(t, ok)
	_, ok = sip.MustParseURI("sip:h").Cause()
	require.False(t, ok)
}

func TestURILike(t *testing.T) {
	for _, c := range []struct {
		a, b string
		like bool
	}{
		{"sip:a@h", "sip:a@H:5060;transport=tcp?x=y", true}, {"sips:a@h", "sips:a@h:5061", true}, {"sip:a@h;transport=tls", "sip:a@h:5061", true}, {"sip:a@h", "sip:a@h:5061", false},
		{"sip:a@h", "sips:a@h", false}, {"sip:a@h", "sip:b@h", false}, {"sip:%61@h", "sip:a:p@h", true}, {"sip:a@h", "sip:a@i", false}, {"sip:a@h", "sip:h", false},
		{"sip:+1-201-555-0123@h;user=phone", "sip:+12015550123;x=y@h;user=phone", true}, {"sip:+1-2@h", "sip:+12@h", false}, {"tel:+1-2;a=b", "tel:+12", true}, {"tel:12;phone-context=+1-2", "tel:12;phone-context=+12", true},
		{"tel:12;phone-context=a", "tel:12;phone-context=b", false}, {"urn:service:sos", "urn:service:SOS", true}, {"sip:a@[2001:db8::1]", "sip:a@[2001:db8:0::1]:5060", true},
	} {
		a, b := sip.MustParseURI(c.a), sip.MustParseURI(c.b)
		require.Equal(t, c.like, a.Like(b), "%s %s", a, b)
		require.Equal(t, c.like, b.Like(a), "%s %s", b, a)
		require.True(t, a.Like(a))
	}
}

// RFC 3261 section 19.1.6.
func TestTelephone(t *testing.T) {
	for in, want := range map[string]string{
		"tel:+358-555-1234567;postd=pp22":           "sip:+358-555-1234567;postd=pp22@foo.com;user=phone",
		"tel:+358-555-1234567;POSTD=PP22":           "sip:+358-555-1234567;postd=pp22@foo.com;user=phone",
		"tel:+358-555-1234567;postd=pp22;isub=1411": "sip:+358-555-1234567;isub=1411;postd=pp22@foo.com;user=phone",
		"tel:+358-555-1234567;isub=1411;postd=pp22": "sip:+358-555-1234567;isub=1411;postd=pp22@foo.com;user=phone",
		"tel:1234;z=1;a=2;phone-context=+358-555":   "sip:1234;phone-context=+358-555;a=2;z=1@foo.com;user=phone",
		"tel:*31#;phone-context=[a]:b":              "sip:*31%23;phone-context=%5Ba%5D%3Ab@foo.com;user=phone",
	} {
		tel := sip.MustParseURI(in)
		u, err := sip.TelToSIP(tel, "foo.com")
		require.NoError(t, err)
		require.Equal(t, want, u.String(), in)
		_, err = u.AppendText(nil)
		require.NoError(t, err)
		back, ok := u.Tel()
		require.True(t, ok, want)
		require.True(t, tel.Equal(back), "%s %s", tel, back)
		again, err := sip.ParseURI(u.String())
		require.NoError(t, err)
		require.Equal(t, u, again)
	}
	_, err := sip.TelToSIP(sip.MustParseURI("sip:h"), "h")
	require.ErrorIs(t, err, sip.ErrURI)
	_, err = sip.TelToSIP(sip.MustParseURI("tel:+1"), "h\r\n")
	require.ErrorIs(t, err, sip.ErrHost)
	for in, want := range map[string]string{"sip:+1-(201)@h;user=phone": "+1201", "tel:+1-2;x=y": "+12", "sip:%2B1@h;user=phone": "+1"} {
		n, ok := sip.MustParseURI(in).Number()
		require.True(t, ok, in)
		require.Equal(t, want, n)
	}
	for _, bad := range []string{"sip:+1@h", "sip:bob@h;user=phone", "sip:h;user=phone", "http:h"} {
		_, ok := sip.MustParseURI(bad).Number()
		require.False(t, ok, bad)
	}
}

// RFC 3261 section 19.1.5, and back.
func TestRequestFrom(t *testing.T) {
	u := sip.MustParseURI("sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com&subject=project%20x&priority=urgent&from=sip:evil%40h&via=x&body=a%0D%0Ab%00&content-length=7")
	r, err := sip.RequestFrom(u, sip.Priority.Set("normal"))
	require.NoError(t, err)
	require.Equal(t, "REGISTER", r.Method())
	require.Equal(t, "sip:biloxi.com;transport=tcp", r.RequestURI())
	to, err := r.To()
	require.NoError(t, err)
	require.Equal(t, "sip:bob@biloxi.com", to.URI.String())
	subject, _ := sip.Subject.Raw(r)
	require.Equal(t, "project x", subject)
	require.Equal(t, "a\r\nb\x00", r.Body())
	p, _, _ := sip.Priority.Get(r)
	require.Equal(t, "normal", p, "the caller has the last word")
	require.False(t, sip.From.Has(r) || sip.Via.Has(r))
	r, err = sip.RequestFrom(sip.MustParseURI("sip:h?to=%3csip:a%40h%3e%3btag%3dx"))
	require.NoError(t, err)
	require.Equal(t, "INVITE", r.Method())
	require.False(t, sip.To.Has(r), "no tag: that would be another dialog")
	_, err = sip.RequestFrom(sip.MustParseURI("sip:h?subject=a%0d%0aEvil:%20x"))
	require.ErrorIs(t, err, msg.ErrValue, "nothing gets in by an escape")

	m, err := sip.Parse(around("Subject", "a; b?&=<\"\xc3\xbc\r\n  c"))
	require.NoError(t, err)
	u = sip.MustParseURI("sip:h").WithHeadersOf(m, "Subject", "Call-ID", "None").WithHeader("body", "x\r\n")
	_, err = u.AppendText(nil)
	require.NoError(t, err)
	again, err := sip.ParseURI(u.String())
	require.NoError(t, err)
	require.Equal(t, u, again)
	s, ok := again.Header("subject")
	require.True(t, ok)
	require.Equal(t, "a; b?&=<\"\xc3\xbc c", s)
	s, _ = again.Header("body")
	require.Equal(t, "x\r\n", s)
}
