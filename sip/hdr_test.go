package sip_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// value returns the first value of a header in a message that has it so.
func value[T any, C msg.Codec[T]](t testing.TB, h msg.Header[T, C], text string) T {
	t.Helper()
	info, ok := sip.Class().Info(h.ID())
	require.True(t, ok)
	m, err := sip.Parse(around(info.Name, text))
	require.NoError(t, err)
	v, ok, err := h.Get(m)
	require.NoError(t, err, text)
	require.True(t, ok)
	return v
}

// written returns the value that a setter writes, and checks that it reads back.
func written[T comparable, C msg.Codec[T]](t testing.TB, h msg.Header[T, C], v T) string {
	t.Helper()
	m, err := sip.Parse(options)
	require.NoError(t, err)
	m, err = m.Edit(h.Set(v))
	require.NoError(t, err)
	again, ok, err := h.Get(m)
	require.True(t, ok && err == nil)
	require.Equal(t, v, again)
	raw, _ := h.Raw(m)
	return raw
}

func TestEventValues(t *testing.T) {
	e := value(t, sip.Event, "presence.winfo;id=a1;x")
	require.Equal(t, "presence", e.Package())
	require.Equal(t, "winfo", e.Templates())
	require.Equal(t, "a1", e.ID())
	require.True(t, e.Matches(sip.EventType{Value: "presence.winfo", Params: ";y;id=a1"}))
	require.False(t, e.Matches(sip.EventType{Value: "presence.winfo"}))
	require.False(t, e.Matches(sip.EventType{Value: "Presence.winfo", Params: ";id=a1"}), "types compare with case")
	require.Empty(t, value(t, sip.Event, "dialog").Templates())

	s := value(t, sip.SubscriptionState, "Terminated;reason=timeout;retry-after=7;expires=0")
	require.True(t, s.Is("terminated"))
	require.Equal(t, "timeout", s.Reason())
	n, ok := s.RetryAfter()
	require.True(t, ok && n == 7)
	n, ok = s.Expires()
	require.True(t, ok && n == 0)
	s = value(t, sip.SubscriptionState, "active;expires=x")
	_, ok = s.Expires()
	require.False(t, ok, "no number is no number, not 0")
	_, ok = s.RetryAfter()
	require.False(t, ok)
	require.Empty(t, s.Reason())
	require.Equal(t, "active;expires=60", written(t, sip.SubscriptionState, sip.Substate{Value: "active", Params: ";expires=60"}))
	require.Equal(t, "dx200xyz", value(t, sip.SIPIfMatch, "dx200xyz"))
}

func TestReliableValues(t *testing.T) {
	require.Equal(t, uint32(4294967295), value(t, sip.RSeq, "4294967295"))
	a := value(t, sip.RAck, "776656 \t 1 INVITE")
	require.Equal(t, sip.Ack{RSeq: 776656, Seq: 1, Method: "INVITE"}, a)
	require.Equal(t, "776656 1 INVITE", a.String())
	require.Equal(t, "776656 1 INVITE", written(t, sip.RAck, a))
	require.Equal(t, "1", written(t, sip.RSeq, 1))
	for _, bad := range []sip.Ack{{}, {RSeq: 1}, {RSeq: 1, Seq: 1 << 31, Method: "A"}, {RSeq: 0, Seq: 1, Method: "A"}, {RSeq: 1, Seq: 1, Method: "A B"}} {
		require.ErrorIs(t, sip.RAck.Set(bad).Err(), msg.ErrValue, "%v", bad)
	}
	require.ErrorIs(t, sip.RSeq.Set(0).Err(), msg.ErrValue)
}

func TestDialogValues(t *testing.T) {
	r := value(t, sip.Replaces, "425928@bobster.example.org ;to-tag=7743;from-tag=6472;early-only")
	require.Equal(t, "425928@bobster.example.org", r.CallID)
	require.Equal(t, "7743", r.ToTag())
	require.Equal(t, "6472", r.FromTag())
	require.True(t, r.EarlyOnly())
	require.Equal(t, "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only", written(t, sip.Replaces, r))
	require.Equal(t, "425928@bobster.example.org;to-tag=7743;from-tag=6472;early-only", r.String())
	require.False(t, value(t, sip.Replaces, "a;to-tag=1;from-tag=2").EarlyOnly())
	j := value(t, sip.Join, "a;from-tag=1;to-tag=2")
	require.Equal(t, "2 1", j.ToTag()+" "+j.FromTag())
	d := value(t, sip.TargetDialog, "fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544")
	require.Equal(t, "kkaz- 6544", d.LocalTag()+" "+d.RemoteTag())
	require.Equal(t, "fa77as7dad8-sd98ajzz@host.example.com", d.CallID)
	for _, bad := range []sip.Replacement{{}, {CallID: "a"}, {CallID: "a", Params: ";to-tag=1"}, {CallID: "a b", Params: ";to-tag=1;from-tag=2"}, {CallID: "a;b", Params: ";to-tag=1;from-tag=2"}, {CallID: "a", Params: ";to-tag=1;from-tag=2,x"}} {
		require.ErrorIs(t, sip.Replaces.Set(bad).Err(), msg.ErrValue, "%v", bad)
	}
	require.ErrorIs(t, sip.TargetDialog.Set(sip.Target{CallID: "a\r\nb"}).Err(), msg.ErrValue)

	sub := value(t, sip.ReferSub, "FALSE;x=y")
	require.Equal(t, sip.Subscribing{Params: ";x=y"}, sub)
	require.Equal(t, "false", written(t, sip.ReferSub, sip.Subscribing{}))
	require.Equal(t, "true", written(t, sip.ReferSub, sip.Subscribing{Value: true}))
	require.ErrorIs(t, sip.ReferSub.Set(sip.Subscribing{Params: "x"}).Err(), msg.ErrValue)
	by := value(t, sip.ReferredBy, "<sip:r@h>;cid=\"2UWQFN309shb3@referrer.example\"")
	require.Equal(t, "2UWQFN309shb3@referrer.example", by.CID())
}

func TestSessionValues(t *testing.T) {
	i := value(t, sip.SessionExpires, "1800 ; refresher = UAC ; x")
	require.Equal(t, uint32(1800), i.Seconds)
	require.Equal(t, "uac", i.Refresher())
	require.Equal(t, "uas", i.WithRefresher("uas").Refresher())
	require.Empty(t, value(t, sip.SessionExpires, "90;refresher=x").Refresher())
	require.Equal(t, "90;refresher=uas", written(t, sip.SessionExpires, sip.Interval{Seconds: 90}.WithRefresher("uas")))
	require.Equal(t, "90", written(t, sip.MinSE, sip.Interval{Seconds: 90}))
	require.ErrorIs(t, sip.MinSE.Set(sip.Interval{Params: ";"}).Err(), msg.ErrValue)
	m := value(t, sip.AnswerMode, "auto;require")
	require.True(t, m.Auto() && m.Require())
	m = value(t, sip.PrivAnswerMode, "Manual")
	require.False(t, m.Auto() || m.Require())
	s := value(t, sip.SessionID, "AB30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2")
	require.Equal(t, "ab30317f1a784dc48ff824d0d3715d86", s.Local)
	require.Equal(t, "47755a9de7794ba387653f2099600ef2", s.Remote())
	require.Empty(t, sip.SessionIDValue{Params: ";remote=x"}.Remote())
	require.Len(t, sip.NilSession, 32)
	require.Equal(t, sip.NilSession, written(t, sip.SessionID, sip.SessionIDValue{Local: sip.NilSession}))
	for _, bad := range []string{"", "x", "AB30317f1a784dc48ff824d0d3715d86"} {
		require.ErrorIs(t, sip.SessionID.Set(sip.SessionIDValue{Local: bad}).Err(), msg.ErrValue)
	}
}

func TestSecurityValues(t *testing.T) {
	parse := func(name, v string) *msg.Message {
		m, err := sip.Parse(around(name, v))
		require.NoError(t, err)
		return m
	}
	server := parse("Security-Server", "ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=MD5")
	for v, want := range map[string]bool{
		"ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=MD5":     true,
		"IPSEC-IKE ; Q=0.1,TLS;q=0.2,digest;d-alg=md5;q=0.2":     true,
		"tls;q=0.2, ipsec-ike;q=0.1, digest;q=0.2;d-alg=MD5":     false,
		"ipsec-ike;q=0.1, tls;q=0.2":                             false,
		"ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=MD5, x":  false,
		"ipsec-ike;q=0.1, tls;q=0.3, digest;q=0.2;d-alg=MD5":     false,
		"ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2":               false,
		"ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=MD5;x":   false,
		"ipsec-ike;q=0.1, tls;;q=0.2, digest;q=0.2;d-alg=MD5":    false,
		"ipsec-man;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=MD5":     false,
		"ipsec-ike;q=0.1, tls;q=0.2, digest;q=0.2;d-alg=SHA-256": false,
	} {
		verify := parse("Security-Verify", v)
		require.Equal(t, want, sip.SameMechanisms(sip.SecurityServer.All(server), sip.SecurityVerify.All(verify)), v)
		require.Equal(t, want, sip.SameMechanisms(sip.SecurityVerify.All(verify), sip.SecurityServer.All(server)), v)
	}
	pick := func(client string) string {
		m, ok := sip.PickMechanism(sip.SecurityServer.All(server), sip.SecurityClient.All(parse("Security-Client", client)))
		require.Equal(t, ok, m.Value != "")
		return m.Value
	}
	require.Equal(t, "tls", pick("digest, TLS"))
	require.Equal(t, "ipsec-ike", pick("ipsec-ike"))
	require.Empty(t, pick("ipsec-3gpp"))

	s := value(t, sip.Identity, "eyJ.eyJ.sig_-; info=<https://biloxi.example.org/biloxi.cer> ;alg=ES384;ppt=\"shaken\"")
	require.Equal(t, "eyJ.eyJ.sig_-", s.Value)
	require.Equal(t, "https://biloxi.example.org/biloxi.cer", s.Info)
	require.Equal(t, "ES384 shaken", s.Algorithm()+" "+s.Type())
	require.Equal(t, "..x;info=<https://h/c>;ppt=div", written(t, sip.Identity, sip.Signature{Value: "..x", Info: "https://h/c", Params: ";ppt=div"}))
	require.Equal(t, "ES256", sip.Signature{}.Algorithm())
	old := value(t, sip.Identity, "\"abc\r\n def==\"")
	require.Equal(t, sip.Signature{Value: "abcdef=="}, old)
	require.Equal(t, "\"abcdef==\"", written(t, sip.Identity, old))
	for _, bad := range []sip.Signature{{}, {Value: "a\"b"}, {Value: "a", Info: "a>b"}, {Value: "a", Params: "x"}} {
		require.ErrorIs(t, sip.Identity.Set(bad).Err(), msg.ErrValue)
	}
	m, err := sip.Parse(options)
	require.NoError(t, err)
	m, err = m.Edit(sip.Identity.Add(sip.Signature{Value: "a", Info: "a:b"}, sip.Signature{Value: "b", Info: "a:b"}))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(m.String(), "Identity:"), "one value a field")
}

func TestPrivacyValues(t *testing.T) {
	p := value(t, sip.Privacy, "Header ; session,id")
	require.Equal(t, sip.Privacies("Header;session;id"), p)
	require.True(t, p.Has(sip.PrivacyHeader) && p.Has(sip.PrivacyID))
	require.False(t, p.Has(sip.PrivacyNone))
	require.Equal(t, "id;critical", written(t, sip.Privacy, "id;critical"))
	for _, bad := range []sip.Privacies{"", "a b", "a;", "a,b"} {
		require.ErrorIs(t, sip.Privacy.Set(bad).Err(), msg.ErrValue)
	}
	h := value(t, sip.HistoryInfo, "<sip:UserA@ims.example.com?Reason=SIP%3Bcause%3D302%3Btext%3D%22Moved%22&x=y>;index=1.2;mp=1")
	require.Equal(t, "1.2", h.HistoryIndex())
	kind, index := h.HistoryTarget()
	require.Equal(t, "mp 1", kind+" "+index)
	r, ok := h.HistoryReason()
	require.True(t, ok)
	cause, ok := r.Cause()
	require.True(t, ok && cause == 302 && r.Text() == "Moved" && r.Is("sip"))
	h = value(t, sip.HistoryInfo, "<sip:h>")
	_, ok = h.HistoryReason()
	require.False(t, ok)
	kind, _ = h.HistoryTarget()
	require.Empty(t, kind)

	q := value(t, sip.Reason, "Q.850 ;cause=16 ;text=\"Terminated\"")
	cause, ok = q.Cause()
	require.True(t, ok && cause == 16 && q.Is("q.850"))
	_, ok = sip.ReasonValue{Params: ";cause=99999999999"}.Cause()
	require.False(t, ok)
	require.Equal(t, `SIP;cause=200;text="Call completed elsewhere"`, written(t, sip.Reason, sip.NewReason("SIP", 200, "Call completed elsewhere")))
	require.Equal(t, `Q.850;cause=16`, written(t, sip.Reason, sip.NewReason("Q.850", 16, "")))
	require.ErrorIs(t, sip.Reason.Set(sip.NewReason("SIP", 200, "a\r\nb")).Err(), msg.ErrValue)
	d := value(t, sip.Diversion, "<sip:a@h>;reason=user-busy;counter=2")
	v, _ := d.Params.Get("counter")
	require.Equal(t, "2", v)
}

func TestLinkValues(t *testing.T) {
	l := value(t, sip.CallInfo, "<http://h/a,b?c;d> ; purpose=icon")
	require.Equal(t, "http://h/a,b?c;d", l.URI.String())
	require.Equal(t, "icon", l.Purpose())
	v, ok := l.Param("purpose")
	require.True(t, ok && v == "icon")
	require.Equal(t, "<urn:alert:service:normal>", written(t, sip.AlertInfo, sip.Link{URI: sip.MustParseURI("urn:alert:service:normal")}))
	require.Equal(t, "<a:b>;x", sip.Link{URI: sip.MustParseURI("a:b"), Params: ";x"}.String())
	require.ErrorIs(t, sip.ErrorInfo.Set(sip.Link{}).Err(), msg.ErrValue)
	m, err := sip.Parse(around("Alert-Info", "\"x\" <a:b>"))
	require.NoError(t, err)
	_, _, err = sip.AlertInfo.Get(m)
	require.ErrorIs(t, err, msg.ErrSyntax, "no display name")
	g := value(t, sip.Geolocation, "<cid:target123@atlanta.example.com>")
	id, ok := g.URI.ContentID()
	require.True(t, ok)
	require.Equal(t, "target123@atlanta.example.com", id)
}

func TestExtraValues(t *testing.T) {
	r := value(t, sip.ResourcePriority, "DSN.flash")
	require.True(t, r.Equal(sip.ResourceValue{Namespace: "dsn", Priority: "Flash"}))
	require.Equal(t, "dsn.flash", written(t, sip.ResourcePriority, sip.ResourceValue{Namespace: "dsn", Priority: "flash"}))
	for _, bad := range []sip.ResourceValue{{}, {Namespace: "a"}, {Namespace: "a.b", Priority: "c"}, {Namespace: "a", Priority: "b c"}} {
		require.ErrorIs(t, sip.ResourcePriority.Set(bad).Err(), msg.ErrValue)
	}
	e := value(t, sip.GeolocationError, "100;code=\"Cannot Process Location\"")
	require.Equal(t, 100, e.Code)
	require.Equal(t, "Cannot Process Location", e.Text())
	require.ErrorIs(t, sip.GeolocationError.Set(sip.LocationError{Code: 1000}).Err(), msg.ErrValue)
	require.Equal(t, "7", written(t, sip.GeolocationError, sip.LocationError{Code: 7}))
	u := value(t, sip.UserToUser, "\"a;b\";encoding=text;purpose=x")
	require.Equal(t, "a;b text x", u.Value+" "+u.Encoding()+" "+u.Purpose())
	u = value(t, sip.UserToUser, "56a3")
	require.Equal(t, "56a3 hex isdn-uui", u.Value+" "+u.Encoding()+" "+u.Purpose())
	require.Equal(t, `"a b"`, written(t, sip.UserToUser, sip.UserData{Value: "a b"}))
	require.ErrorIs(t, sip.UserToUser.Set(sip.UserData{Value: "a\nb"}).Err(), msg.ErrValue)
	require.Equal(t, "a@b", value(t, sip.ContentID, "<a@b>"))

	c := value(t, sip.PChargingVector, "icid-value = \"a/b\"; orig-ioi=home1.net")
	require.Equal(t, "a/b", c.ICID())
	v, ok := c.Param("orig-ioi")
	require.True(t, ok && v == "home1.net")
	require.Equal(t, "icid-value=1;orig-ioi=h", written(t, sip.PChargingVector, sip.Charging{Params: ";icid-value=1;orig-ioi=h"}))
	for _, bad := range []msg.Params{"", ";", "a=b", ";a,b"} {
		require.ErrorIs(t, sip.PChargingVector.Set(sip.Charging{Params: bad}).Err(), msg.ErrValue)
	}
	var ecf []string
	m, err := sip.Parse(around("P-Charging-Function-Addresses", "ccf=192.0.8.1; ecf=a, ecf=\"b\""))
	require.NoError(t, err)
	for f, err := range sip.PChargingFunctionAddresses.All(m) {
		require.NoError(t, err)
		v, _ := f.Param("ecf")
		ecf = append(ecf, v)
	}
	require.Equal(t, []string{"a", "b"}, ecf)
	require.Equal(t, "urn", value(t, sip.PAssertedService, "urn:urn-7:a , urn:urn-7:b").Scheme)
	require.ErrorIs(t, sip.PPreferredService.Set(sip.MustParseURI("http://h/a,b")).Err(), msg.ErrValue)
	require.ErrorIs(t, sip.PPreferredService.Set(sip.URI{}).Err(), msg.ErrValue)
	token := value(t, sip.PMediaAuthorization, "00ff, 01")
	b, err := sip.HexBytes(token)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 255}, b)
	_, err = sip.HexBytes("0")
	require.ErrorIs(t, err, msg.ErrSyntax)
	for _, bad := range []string{"", "0g"} {
		require.ErrorIs(t, sip.PMediaAuthorization.Set(bad).Err(), msg.ErrValue)
	}
	f := value(t, sip.FeatureCaps, "*;+sip.pns=\"apns\"")
	v, ok = f.Params.Get("+SIP.pns")
	require.True(t, ok && v == "apns")
	require.ErrorIs(t, sip.FeatureCaps.Set(sip.Preference{Params: "x"}).Err(), msg.ErrValue)
	require.Equal(t, "*;audio", written(t, sip.AcceptContact, sip.Preference{Params: ";audio"}))
	require.Equal(t, "Visited network number 1", value(t, sip.PVisitedNetworkID, "\"Visited network number 1\"").Value)
}

func TestViaExtensions(t *testing.T) {
	v := value(t, sip.Via, "SIP/2.0/TCP h;alias;keep=30;oc=20;oc-validity=1000;oc-seq=1282321615.782;oc-algo=\"loss, rate\";comp=SigComp;sigcomp-id=\"<urn:x>\";received-realm=\"a.b\";branch=z9hG4bK1")
	require.True(t, v.Alias())
	n, present := v.Keep()
	require.True(t, present && n == 30)
	require.Equal(t, "sigcomp <urn:x> a.b", v.Comp()+" "+v.SigCompID()+" "+v.ReceivedRealm())
	o, ok := v.Overload()
	require.True(t, ok && o.HasLoad && o.Load == 20 && o.Validity == 1000)
	require.True(t, o.Has("RATE") && o.Has("loss") && !o.Has("x"))
	require.True(t, o.Newer(sip.Overload{Sequence: "1282321615.781"}))
	require.True(t, o.Newer(sip.Overload{Sequence: "1282321615.7"}))
	require.False(t, o.Newer(o))
	require.True(t, o.Newer(sip.Overload{}))
	require.False(t, sip.Overload{}.Newer(o))
	v = value(t, sip.Via, "SIP/2.0/UDP h;keep;oc;branch=z9hG4bK1")
	require.False(t, v.Alias())
	n, present = v.Keep()
	require.True(t, present && n == 0)
	o, ok = v.Overload()
	require.True(t, ok && !o.HasLoad && o.Validity == 500)
	_, ok = sip.ViaParm{}.Overload()
	require.False(t, ok)
}

func TestContactValues(t *testing.T) {
	a := value(t, sip.Contact, `<sip:a@h;gr=x>;+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";reg-id=2;pub-gruu="sip:a@h;gr=y";temp-gruu="sip:t@h;gr";audio;methods="INVITE,BYE"`)
	require.Equal(t, "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", a.Instance())
	id, ok := a.RegID()
	require.True(t, ok && id == 2)
	require.Equal(t, "sip:a@h;gr=y sip:t@h;gr", a.PubGRUU()+" "+a.TempGRUU())
	require.True(t, a.HasFeatures())
	f, ok := a.Feature("SIP.methods")
	require.True(t, ok && f.Value == "INVITE,BYE")
	_, ok = a.Feature("sip.video")
	require.False(t, ok)
	b := sip.NameAddr{URI: sip.MustParseURI("sip:b@h")}.WithInstance("urn:uuid:1", 1).WithFeatures(sip.Feature{Tag: "sip.audio", Value: "TRUE"}, sip.Feature{Tag: "sip.foo", Value: "<x>"}, sip.Feature{Tag: "type", Value: "a"})
	require.Equal(t, `<sip:b@h>;+sip.instance="<urn:uuid:1>";reg-id=1;audio;+sip.foo="<x>";type="a"`, written(t, sip.Contact, b))
	require.Equal(t, b.Params, b.WithFeatures(sip.Feature{Tag: "type", Value: "a"}).Params)
	for _, p := range []msg.Params{";reg-id=0", ";reg-id=2147483648", ";reg-id", ""} {
		_, ok = sip.NameAddr{Params: p}.RegID()
		require.False(t, ok, p)
	}
}

func TestAccept(t *testing.T) {
	parse := func(name, v string) *msg.Message {
		m, err := sip.Parse(around(name, v))
		require.NoError(t, err)
		return m
	}
	none, err := sip.Parse(options)
	require.NoError(t, err)
	media := func(m *msg.Message, typ string) int {
		mt, err := msg.ParseMediaType(typ)
		require.NoError(t, err)
		return sip.MediaQ(m, mt)
	}
	require.Equal(t, 1000, media(none, "application/sdp"))
	require.Equal(t, 0, media(none, "text/plain"))
	m := parse("Accept", "text/*;q=0.3, text/html;q=0.7, text/html;level=1, */*;q=0.5, @")
	for typ, want := range map[string]int{"text/plain": 300, "TEXT/html": 700, "text/html;level=1": 1000, "text/html;level=2": 700, "image/png": 500} {
		require.Equal(t, want, media(m, typ), typ)
	}
	require.Equal(t, 0, media(parse("Accept", ""), "application/sdp"))
	require.Equal(t, 1000, sip.EncodingQ(none, "identity"))
	require.Equal(t, 0, sip.EncodingQ(none, "gzip"))
	m = parse("Accept-Encoding", "*;q=0.1, GZIP;q=0.8, identity;q=0")
	require.Equal(t, []int{800, 0, 100}, []int{sip.EncodingQ(m, "gzip"), sip.EncodingQ(m, "identity"), sip.EncodingQ(m, "x")})
	require.Equal(t, 1000, sip.LanguageQ(none, "fi"))
	m = parse("Accept-Language", "da, en-GB;q=0.8, en;q=0.7, *;q=0.1")
	for tag, want := range map[string]int{"da": 1000, "en": 700, "en-gb": 800, "en-gb-x": 800, "en-us": 700, "english": 100, "fi": 100} {
		require.Equal(t, want, sip.LanguageQ(m, tag), tag)
	}
	require.Equal(t, 0, sip.LanguageQ(parse("Accept-Language", "da"), "fi"))
}

func TestConstants(t *testing.T) {
	require.Len(t, sip.Methods(), 14)
	require.True(t, sip.IsMethod("PRACK"))
	require.False(t, sip.IsMethod("prack"))
	for _, list := range [][]string{sip.OptionTags(), sip.EventPackages(), sip.Methods()} {
		for i, v := range list {
			require.Equal(t, i, slices.Index(list, v), v)
		}
	}
	require.Equal(t, "Busy Here", sip.StatusText(sip.StatusBusyHere))
	require.Equal(t, "Push Notification Service Not Supported", sip.StatusText(555))
	require.Equal(t, 4, sip.Status(486).Class())
	require.True(t, sip.Status(200).IsFinal() && sip.Status(200).IsSuccess())
	require.False(t, sip.Status(180).IsFinal() || sip.Status(300).IsSuccess() || sip.Status(700).IsFinal())
	for code := 100; code < 700; code++ {
		require.NotEmpty(t, sip.StatusText(code))
	}
}
