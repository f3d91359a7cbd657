package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func TestParseURI(t *testing.T) {
	for in, want := range map[string]sip.URI{
		"sip:example.com":                    {Scheme: "sip", Host: "example.com"},
		"SIP:Example.COM":                    {Scheme: "sip", Host: "Example.COM"},
		"sips:a@h:5061":                      {Scheme: "sips", User: "a", Host: "h", Port: 5061},
		"sip:a:b@h;lr;x=y?A=b&c=":            {Scheme: "sip", User: "a", Password: "b", Host: "h", Params: ";lr;x=y", Headers: "A=b&c="},
		"sip:[2001:db8::1]:5070;maddr=[::1]": {Scheme: "sip", Host: "2001:db8::1", Port: 5070, Params: ";maddr=[::1]"},
		"sip:u@[::ffff:192.0.2.1]":           {Scheme: "sip", User: "u", Host: "::ffff:192.0.2.1"},
		"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com": {
			Scheme: "sip", User: "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
			Password: "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)", Host: "example.com",
		},
		"sip:*#31#123@h":                      {Scheme: "sip", User: "*#31#123", Host: "h"},
		"sip:%00@h?a=%0D":                     {Scheme: "sip", User: "%00", Host: "h", Headers: "a=%0D"},
		"sip:h?a=b":                           {Scheme: "sip", Host: "h", Headers: "a=b"},
		"sip:my_host.example.":                {Scheme: "sip", Host: "my_host.example."},
		"tel:+1-201-555-0123;phone-context=x": {Scheme: "tel", Opaque: "+1-201-555-0123", Params: ";phone-context=x"},
		"TEL:911":                             {Scheme: "tel", Opaque: "911"},
		"urn:service:sos":                     {Scheme: "urn", Opaque: "service:sos"},
		"soap.beep://192.0.2.103:3002":        {Scheme: "soap.beep", Opaque: "//192.0.2.103:3002"},
		"im:a@b":                              {Scheme: "im", Opaque: "a@b"},
	} {
		u, err := sip.ParseURI(in)
		require.NoError(t, err, in)
		require.Equal(t, want, u, in)
		scheme, rest, _ := strings.Cut(in, ":")
		if u.IsSIP() || u.Scheme == "tel" {
			scheme = strings.ToLower(scheme)
		}
		require.Equal(t, scheme+":"+rest, u.String())
		text, err := u.AppendText(nil)
		require.NoError(t, err)
		require.Equal(t, u.String(), string(text))
		var again sip.URI
		require.NoError(t, again.UnmarshalText(text))
		require.Equal(t, u, again)
	}
}

func TestParseURIRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"": sip.ErrURI, "sip": sip.ErrURI, "sip:": sip.ErrURI, ":a": sip.ErrURI, "1a:b": sip.ErrURI, " sip:h": sip.ErrURI, "sip:h ": sip.ErrURI,
		"<sip:h>": sip.ErrURI, "sip:@h": sip.ErrURI, "sip::p@h": sip.ErrURI, "sip:a@": sip.ErrHost, "sip:a@b@c": sip.ErrURI, "sip:a b@h": sip.ErrURI,
		"sip:a%@h": sip.ErrURI, "sip:a%4@h": sip.ErrURI, "sip:a%zz@h": sip.ErrURI, "sip:a\x00@h": sip.ErrURI, "sip:a\"@h": sip.ErrURI, "sip:a<@h": sip.ErrURI,
		"sip:h:": sip.ErrPort, "sip:h:0": sip.ErrPort, "sip:h:65536": sip.ErrPort, "sip:h:-1": sip.ErrPort, "sip:h:4294972356": sip.ErrPort, "sip:h:5o60": sip.ErrURI,
		"sip:[::1": sip.ErrHost, "sip:[]": sip.ErrHost, "sip:[::1%eth0]": sip.ErrHost, "sip:[192.0.2.1]": sip.ErrHost, "sip:2001:db8::1": sip.ErrPort, "sip:[2001:db8:::192.0.2.1]": sip.ErrHost,
		"sip:h;": sip.ErrURI, "sip:h;;a": sip.ErrURI, "sip:h;=a": sip.ErrURI, "sip:h;a=": sip.ErrURI, "sip:h;a=b=c": sip.ErrURI, "sip:h;a b": sip.ErrURI,
		"sip:h?": sip.ErrURI, "sip:h?a": sip.ErrURI, "sip:h?=a": sip.ErrURI, "sip:h?a=b&": sip.ErrURI, "sip:h?a=<b>": sip.ErrURI, "sip:h%41": sip.ErrURI, "sip:h/x": sip.ErrURI,
		"tel:": sip.ErrURI, "tel:+": sip.ErrURI, "tel:1+2": sip.ErrURI, "tel:x y": sip.ErrURI, "tel:1;": sip.ErrURI, "tel:hello": sip.ErrURI,
		"http:a b": sip.ErrURI, "http:\"": sip.ErrURI, "http:ü": sip.ErrURI,
	} {
		u, err := sip.ParseURI(in)
		require.ErrorIs(t, err, want, "%q", in)
		require.True(t, u.IsZero())
	}
	require.Panics(t, func() { sip.MustParseURI("x") })
}

// The examples of RFC 3261 section 19.1.4 and what the rules there say.
func TestURIEqual(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com", "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com", true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent", "sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=tcp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@h", "sips:a@h", false},
		{"sip:a@h", "sip:h", false},
		{"sip:a:p@h", "sip:a:P@h", false},
		{"sip:a@h", "sip:a:p@h", false},
		{"sip:a@h;user=phone", "sip:a@h", false},
		{"sip:a@h", "sip:a@h;ttl=1", false},
		{"sip:a@h;method=INVITE", "sip:a@h", false},
		{"sip:a@h", "sip:a@h;maddr=192.0.2.1", false},
		{"sip:a@h;maddr=192.0.2.1", "sip:a@h;maddr=192.0.2.1", true},
		{"sip:a%3Bb@h", "sip:a;b@h", false},
		{"sip:a%3bb@h", "sip:a%3Bb@h", true},
		{"sip:a%20b@h", "sip:a%20b@h", true},
		{"sip:a%00@h", "sip:a%00%00@h", false},
		{"sip:[2001:DB8:0::1]", "sip:[2001:db8::1]", true},
		{"sip:[2001:db8::1]", "sip:[2001:db8::2]", false},
		{"sip:a@h?a=b&a=b", "sip:a@h?a=b", false},
		{"sip:a@h?A=b", "sip:a@h?a=b", true},
		{"sip:a@h;%6Cr", "sip:a@h;lr=on", false},
		{"tel:+1-201-555-0123", "tel:+1(201)5550123", true},
		{"tel:+12015550123", "tel:+12015550124", false},
		{"tel:123;phone-context=a", "tel:123", false},
		{"tel:123;phone-context=A;x=1", "tel:123;x=1;phone-context=a", true},
		{"urn:service:sos", "urn:service:sos", true},
		{"urn:service:sos", "URN:Service:SOS", true},
		{"urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", true},
		{"urn:gsma:imei:90420156-025763-0", "urn:GSMA:IMEI:90420156-025763-0", true},
		{"urn:isbn:a%2fb", "urn:ISBN:a%2Fb", true},
		{"urn:isbn:a", "urn:isbn:A", false},
		{"urn:isbn:a", "urn:issn:a", false},
		{"urn:a", "urn:b", false},
		{"http://H.example/a%7eb", "HTTP://h.example/a~b", true},
		{"http://h.example", "http://h.example/", true},
		{"http://h.example?a", "http://h.example/?a", true},
		{"http://h.example/A", "http://h.example/a", false},
		{"http://h.example:80/a", "http://h.example/a", false},
		{"http://[2001:db8::1]/a", "http://[2001:DB8:0::1]/a", true},
		{"http://a,b", "http://a,c", false},
		{"mailto:Bob@Example.com", "mailto:Bob@example.COM", true},
		{"mailto:Bob@example.com", "mailto:bob@example.com", false},
		{"pres:b%6fb@h", "pres:bob@H", true},
		{"im:bob@h?a", "im:bob@h?b", false},
		{"im:bob", "im:Bob", false},
		{"cid:a%40b", "cid:a%40b", true},
		{"cid:a", "cid:A", false},
		{"tel:+12015550123;ext=1-2", "tel:+12015550123;ext=12", true},
		{"tel:5550123;phone-context=+1-201", "tel:5550123;phone-context=+1201", true},
		{"tel:5550123;phone-context=+1201", "tel:5550123;phone-context=example.com", false},
		{"tel:+12015550123;a=1;b=2", "tel:+12015550123;b=2;A=1", true},
		{"tel:+12015550123;a=1", "tel:+12015550123;b=1", false},
		{"tel:12015550123", "tel:+12015550123", false},
	} {
		a, b := sip.MustParseURI(c.a), sip.MustParseURI(c.b)
		require.Equal(t, c.equal, a.Equal(b), "%s %s", a, b)
		require.Equal(t, c.equal, b.Equal(a), "%s %s", b, a)
		require.True(t, a.Equal(a))
		require.True(t, b.Equal(b))
	}
}

func TestURIParams(t *testing.T) {
	u := sip.MustParseURI("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31;a(b)=c;Transport=TCP;maddr=[2001:db8::1]")
	require.True(t, u.Loose())
	v, ok := u.Param("name")
	require.True(t, ok)
	require.Equal(t, "value%41", v, "decoded once")
	require.Equal(t, "tcp", u.Transport())
	require.Equal(t, "2001:db8::1", u.Maddr())
	user, _ := u.UserInfo()
	require.Equal(t, "caller", user)
	_, ok = u.Param("x")
	require.False(t, ok)

	u = sip.MustParseURI("sip:h;a=1;LR;b").WithoutParam("lr").WithParam("a", "2;3").WithParam("ob", "")
	require.Equal(t, "sip:h;b;a=2%3B3;ob", u.String())
	v, _ = u.Param("a")
	require.Equal(t, "2;3", v)
	require.Equal(t, "[::1]:5", sip.URI{Host: "::1", Port: 5}.HostPort())
	require.Equal(t, "h", sip.URI{Host: "h"}.HostPort())
}

func TestURIRefusesToWrite(t *testing.T) {
	for name, u := range map[string]sip.URI{
		"zero":     {},
		"no host":  {Scheme: "sip"},
		"host":     {Scheme: "sip", Host: "a b"},
		"host LF":  {Scheme: "sip", Host: "a\r\nb"},
		"IPv6":     {Scheme: "sip", Host: "::zz"},
		"user":     {Scheme: "sip", User: "a@b", Host: "h"},
		"user LF":  {Scheme: "sip", User: "a\n", Host: "h"},
		"bracket":  {Scheme: "sip", User: "a>", Host: "h"},
		"password": {Scheme: "sip", Password: "x", Host: "h"},
		"params":   {Scheme: "sip", Host: "h", Params: "lr"},
		"params 2": {Scheme: "sip", Host: "h", Params: ";a=\"b\""},
		"headers":  {Scheme: "sip", Host: "h", Headers: "a"},
		"opaque":   {Scheme: "sip", Host: "h", Opaque: "x"},
		"tel":      {Scheme: "tel", Opaque: "x"},
		"tel host": {Scheme: "tel", Opaque: "1", Host: "h"},
		"other":    {Scheme: "urn", Opaque: "a b"},
		"scheme":   {Scheme: "s ip", Opaque: "a"},
		"case":     {Scheme: "SIP", Opaque: "a"},
	} {
		_, err := u.AppendText(nil)
		require.ErrorIs(t, err, msg.ErrValue, name)
		_, err = sip.NewRequest("OPTIONS", u)
		require.ErrorIs(t, err, msg.ErrValue, name)
		require.ErrorIs(t, sip.RequestURI(u).Err(), msg.ErrValue, name)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", "a b": "a%20b", "ü": "%C3%BC", "a@b;c": "a%40b;c", "\x00": "%00", "%41": "%2541"} {
		require.Equal(t, want, sip.EscapeUser(in))
		require.Equal(t, in, sip.Unescape(want))
		if in != "" {
			_, err := sip.ParseURI("sip:" + want + "@h")
			require.NoError(t, err)
		}
	}
	require.Equal(t, "%", sip.Unescape("%"))
	require.Equal(t, "%zz%4", sip.Unescape("%zz%4"))
}

func TestURIIsLinear(t *testing.T) {
	for _, s := range []string{";", ";a", ";a=b", "?", "&", "a=b&", "%41", "@", ":", "[", "]", ";a=b;c=%41"} {
		within(t, func() {
			long := strings.Repeat(s, 64<<10/len(s))
			for _, in := range []string{long, "sip:" + long, "sip:" + long + "@h", "sip:h" + long, "sip:h?" + long + "=", "tel:1" + long, "sip:h?a=" + long} {
				if u, err := sip.ParseURI(in); err == nil {
					u.Param("zzz")
					v := u.WithParam("zzz", "1")
					u.Equal(v)
					v.Headers += "&z=1"
					u.Equal(v)
				}
			}
		})
	}
}

func FuzzURI(f *testing.F) {
	for _, s := range []string{"sip:a:b@h:5060;lr;x=y?A=b&c=d", "sips:[::1]:1;a=[b]", "tel:+1-2;a=b", "urn:a:b", "sip:%61@h;%6Cr", "sip:a;b?c@h", "SIP:h", "*"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, s, o string) {
		u, err := sip.ParseURI(s)
		if err != nil {
			require.True(t, u.IsZero())
			return
		}
		text, err := u.AppendText(nil)
		require.NoError(t, err)
		again, err := sip.ParseURI(string(text))
		require.NoError(t, err)
		require.Equal(t, u, again)
		require.True(t, u.Equal(again))
		u.UserInfo()
		v := u.WithParam("p", o)
		if u.IsSIP() {
			w, err := sip.ParseURI(v.String())
			require.NoError(t, err)
			got, ok := w.Param("p")
			require.True(t, ok)
			require.Equal(t, o, got)
		}
		if w, err := sip.ParseURI(o); err == nil {
			require.Equal(t, u.Equal(w), w.Equal(u))
		}
	})
}
