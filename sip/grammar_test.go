package sip_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// headerCases are values of one header: what the grammar has, and what it has
// not. Values of headers that stand in every message replace the one there.
type headerCases struct {
	name    string
	valid   []string
	invalid []string
}

// grammarCases go through RFC 3261 section 25.1 production by production, then
// through the extensions.
func grammarCases() []headerCases {
	const sp = " \t \r\n "
	return []headerCases{
		{
			"Accept",
			[]string{
				"", "*/*", "text/*", "application/sdp", "application/sdp;level=1, application/x-private, text/html", "text/html;q=0.3", "a/b;q=1.000;x", "a/b;x=\"y,z\";q=0",
				"a / b ; q = 0.5 , */*" + sp + ";q=0.1", "application/h.245;q=0.1, application/h.323", "a/b;ext=h.example", "a/b;x=[::1]",
			},
			[]string{"text", "text/", "/sdp", "a/b;", "a/b;q=", "a/b;q=2", "a/b;q=1.001", "a/b;q=0.1234", "a/b;q=.5", "a/b c/d", "*/b", "a/b,", ",a/b", "a/b,,c/d", "a/b;q=0.5;q=0.6", "a/b;x=\"y", "a/b;x=a/b", "a/\"b\"", "a/b;=c"},
		},
		{
			"Accept-Encoding",
			[]string{"", "gzip", "*", "gzip;q=1.0, identity; q=0.5, *;q=0", "compress,gzip"},
			[]string{"gzip;", "gz ip", "gzip;q=1.5", "gzip,", "\"gzip\"", "gzip;q", "@"},
		},
		{
			"Accept-Language",
			[]string{"", "*", "da", "da, en-gb;q=0.8, en;q=0.7", "zh-abcdefgh-abcdefgh", "en" + sp + ",da"},
			[]string{"abcdefghi", "en-", "-en", "en--gb", "e1", "en;q=x", "en gb", "en_gb", "en,"},
		},
		{
			"Alert-Info",
			[]string{"<http://www.example.com/sounds/moo.wav>", "<a:b>;x;y=z, <urn:alert:service:normal>;info=alert-group", "<http://h/a,b?c;d>" + sp + ";x = \"y\""},
			[]string{"", "http://h", "<http://h", "<>", "<http://h/ >", "<a:b>;", "<a:b> x", "<a:b>,", "x <a:b", "<a:b%zz>", "<a:b>;x=<y>"},
		},
		{"Allow", []string{"", "INVITE", "INVITE, ACK, OPTIONS,CANCEL , BYE", "X-a.b!%*_+`'~"}, []string{"INVITE ACK", "IN/VITE", "INVITE,", ",INVITE", "INVITE;x", "\"INVITE\"", "INVITE@"}},
		{
			"Authentication-Info",
			[]string{"nextnonce=\"47364c23432d2e131a5fb210812c\"", "qop=auth, rspauth=\"0123456789abcdef0123456789abcdef\", cnonce=\"x\" , nc = 00000001"},
			[]string{"", "nextnonce", "nextnonce=", "nextnonce=abc", "nc=1", "nc=0000000G", "qop=\"auth\"", "rspauth=\"XYZ\"", "nextnonce=\"a\" nc=00000001"},
		},
		{
			"Authorization",
			[]string{
				`Digest username="Alice", realm="atlanta.com", nonce="84a4cc6f3082121f32b42a2187831a9e", response="7587245234b3434cc3412213e5f113a5"`,
				`digest username = "a\"b" , realm="r",` + sp + `nonce="n",uri="sip:b@h;x=y,z",response="00000000000000000000000000000000",algorithm=MD5,cnonce="c",opaque="",qop=auth,nc=00000001,ext=1,e2="q"`,
				"NoOneKnowsThisScheme opaque-data=here", `X a=b, c="d"`, "Bearer abc.DEF-_~+/==",
			},
			[]string{
				"", "Digest", "Digest ", `Digest username`, `Digest username="a`, `Digest username=a,realm="r",nonce="n",uri="u",response="00000000000000000000000000000000"`,
				`Digest username="a" realm="b"`, `Digest username="a",realm="r",nonce="n",uri="u",response="0000000000000000000000000000000G"`,
				`Digest username="a",realm="r",nonce="n",uri="sip:u",response="00000000000000000000000000000000",nc=1`,
				`Digest username="a",realm="r",nonce="n",uri="sip:u",response="00000000000000000000000000000000",qop="auth"`,
				`Digest username="a",realm="r",nonce="n",uri="sip:u",response=00000000000000000000000000000000`, `Basic`, `=a`, `X a=b c=d`,
			},
		},
		{
			"Call-ID",
			[]string{"a84b4c76e66710", "a@b", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6@foo.bar.com", `w-.!%*_+` + "`'~()<>:\\\"/[]?{}@x"},
			[]string{"", "@", "a@", "@a", "a@b@c", "a b", "a,b", "a;b", "a=b", "ü", "a&b", "a#b", "a$b", "a^b"},
		},
		{"In-Reply-To", []string{"70710@saturn.bell-tel.com, 17320@saturn.bell-tel.com", "a"}, []string{"", "a,", "a b", "@", "a@b@c"}},
		{
			"Call-Info",
			[]string{"<http://wwww.example.com/alice/photo.jpg> ;purpose=icon, <http://www.example.com/alice/> ;purpose=info", "<a:b>;purpose=x-y;z"},
			[]string{"", "a:b", "<a:b>;purpose=", "<a:b>;purpose=\"icon\"", "<a:b>;purpose", "<a:b>;;x"},
		},
		{
			"Contact",
			[]string{
				"*", "<sip:a@h>", "sip:a@h", "\"Mr. Watson\" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600, \"Mr. Watson\" <mailto:watson@bell-telephone.com> ;q=0.1",
				"sips:bob@192.0.2.4;expires=60", "Al B <sip:a@h;lr?x=y>;x=\"a,b\"", "<tel:+1-2>;audio;methods=\"INVITE,BYE\"", "<sip:a@[2001:db8::1]:5060>;+sip.instance=\"<urn:uuid:1>\";reg-id=1",
				"\"\" <sip:h>", "A<sip:h>", "\"\\\"\\\\\" <sip:h>", "isbn:2983792873", "<http://h/a?b;c>", "\"\xc3\xbc\" <sip:h>", "sip:a@h ; q = 1", "<sip:h>;expires=0",
			},
			[]string{
				"", "<sip:a@h", "sip:a@h>", "\"A <sip:h>", "*, <sip:h>", "<*>", "<sip:h>;q=1.5", "<sip:h>;q=", "<sip:h>;expires=x", "<sip:h>;expires=-1", "<sip:h>;expires=4294967296", "< sip:h>", "<sip:h >", "sip:a@h?x=y",
				"A, B <sip:h>", "A@B <sip:h>", "<sip:h>;;x", "<sip:h>;", "<sip:h> <sip:i>", "<sip:h>,", "<sip:h>;x;X", "h", "<h>", "\xfc <sip:h>", "\"\xfc\" <sip:h>", "<sip:h>;reg-id=0", "<sip:h>;q=0.5;q=0.5", "<sip:a b@h>",
			},
		},
		{
			"Content-Disposition",
			[]string{"session", "render;handling=optional", "attachment; filename=smime.p7m; handling=required", "icon;x"},
			[]string{"", "a/b", "session;handling=", "session;handling=\"optional\"", "session,render", "session;"},
		},
		{"Content-Encoding", []string{"gzip", "tar, gzip"}, []string{"", "gzip;q=1", "gzip,", "g/z"}},
		{"Content-Language", []string{"fr", "en-us, de"}, []string{"", "*", "abcdefghi", "en-", "e1", "fr,"}},
		{
			"Content-Type",
			[]string{"application/sdp", "text/html; charset=ISO-8859-4", "multipart/mixed;boundary=\"a b\"", "application / sdp ; x = y", "message/sipfrag;version=2.0"},
			[]string{"", "sdp", "application/", "a/b;", "a/b;x", "a/b;x=", "a/b, c/d", "a/b;x=\"", "a/b c", "a/b;x=a:b"},
		},
		{"CSeq", []string{"0 OPTIONS", "4711 OPTIONS", "0009\tOPTIONS", "1" + sp + "OPTIONS"}, []string{"", "OPTIONS", "1", "1OPTIONS", "-1 OPTIONS", "4294967296 OPTIONS", "1 OPT IONS", "1.0 OPTIONS", "1 INVITE", "1 options", "0x1 OPTIONS", "1 OPTIONS;x"}},
		{
			"Date",
			[]string{"Sat, 13 Nov 2010 23:29:00 GMT", "Mon, 01 Jan 2001 00:00:00 GMT"},
			[]string{"", "Sat, 13 Nov 2010 23:29:00 EST", "Sat, 13 Nov 10 23:29:00 GMT", "13 Nov 2010 23:29:00 GMT", "Sat, 13 Nov 2010 24:29:00 GMT", "Sat, 3 Nov 2010 23:29:00 GMT", "Sat, 31 Feb 2010 23:29:00 GMT", "Saturday, 13-Nov-10 23:29:00 GMT", "Sat,13 Nov 2010 23:29:00 GMT", "Sat, 13 Nov 2010 23:29 GMT", "Sat, 13 Nov 2010 23:29:00", "Fri, 01 Jan 2010 16:00:00 +0000"},
		},
		{"Error-Info", []string{"<sip:not-in-service-recording@atlanta.com>", "<a:b>;x, <c:d>"}, []string{"", "a:b", "<a:b", "<a:b>;"}},
		{"Expires", []string{"0", "3600", "4294967295", "0005"}, []string{"", "-1", "x", "4294967296", "1.5", "1;x", "1, 2", "Thu, 01 Dec 1994 16:00:00 GMT", "0x10", "1 2"}},
		{
			"From",
			[]string{
				"<sip:a@h>", "sip:a@h;tag=1", "\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s", "sip:+12125551212@server.phone2net.com;tag=887s", "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
				"caller<sip:caller@example.com>;tag=323", "A " + sp + "B <sip:h> ; tag = x ; y=\"z\"", "<sips:h>;tag=a.b!c", "tel:+1;tag=1", "\"\\\x01\" <sip:h>;tag=1", "<sip:;;a;@h>;tag=x", "\"a\\\"b\" <sip:h>",
			},
			[]string{
				"", "a", "<sip:a@h", "sip:a@h>", "<sip:a@h>;tag", "<sip:a@h>;tag=", "<sip:a@h>;tag=\"x\"", "<sip:a@h>;tag=a;tag=b", "<sip:a@h>;tag=a b", "<sip:a@h>,<sip:b@h>", "\"x <sip:a@h>", "Bell, A <sip:a@h>", "A.B; <sip:a@h>",
				"<sip:a@h>;tag=a@b", "sip:a@h?b=c", "<>", "*", "<sip:>", "<sip:@h>", "<sip:a@>", "<sip:a@h:>", "<sip:a@h:99999>", "<sip:a@h:x>", "<sip:a%@h>", "<sip:a%4@h>", "<sip:a%zz@h>", "<sip:a@h;>", "<sip:a@h?>", "<sip:a@h?x>",
				"<sip:a@h?=x>", "<sip:a@h_i>", "<sip:a@-h>", "<sip:a@h->", "<sip:a@h..i>", "<sip:a@1.2.3>", "<sip:a@256.1.1.1>", "<sip:a@[::1>", "<sip:a@::1>", "<sip:a@[x]>", "<sip:a#b@h>", "<sip:a[b@h>", "<sip:a@h;x;x>", "<sip:a@h;ttl=256>", "<sip:a@h;maddr=_>", "\"\x01\" <sip:h>", "<sip:a@h>x",
				"<tel:>", "<tel:+>", "<tel:1>", "<tel:+1a>", "<tel:+1;>", "<http:>", "<:a>", "<1a:b>", "<a:b%z>", "<a:\\>", "\x01<sip:h>", "<a:^b>",
			},
		},
		{"Max-Forwards", []string{"0", "70", "255", "0068"}, []string{"", "256", "-1", "x", "1;x", "70 70", "1.0"}},
		{"MIME-Version", []string{"1.0", "10.12"}, []string{"", "1", "1.", ".0", "1.0.0", "a.b", "1 .0"}},
		{"Min-Expires", []string{"60"}, []string{"", "x", "-1", "4294967296", "60;x"}},
		{"Organization", []string{"", "Boxes by Bob", "\xc3\xbc, ;\"", "a" + sp + "b"}, []string{"\x01", "\xfc", "a\x7f", "\xc3"}},
		{"Priority", []string{"emergency", "urgent", "normal", "non-urgent", "x"}, []string{"", "a b", "a,b", "a;b", "\"a\""}},
		{
			"Proxy-Authenticate",
			[]string{
				`Digest realm="atlanta.com", domain="sip:ss1.carrier.com", qop="auth,auth-int", nonce="f84f1cec41e6cbe5aea9c8e88d359", opaque="", stale=FALSE, algorithm=MD5`,
				`Digest realm="r",nonce="n",algorithm=SHA-256,stale=true,charset=UTF-8,userhash=false,x=y`, `X a=b`, "Bearer authz_server=\"https://h\", scope=\"sip\"",
			},
			[]string{"", "Digest", `Digest realm=r, nonce="n"`, `Digest realm="r", nonce=n`, `Digest realm="r", nonce="n", qop=auth`, `Digest realm="r", nonce="n", stale=maybe`, `Digest realm="r" nonce="n"`, `Digest realm="r", nonce="n`, `Digest realm="r", nonce="n", algorithm="MD5"`, `Digest realm="r", nonce="n", Digest realm="s", nonce="m"`},
		},
		{"WWW-Authenticate", []string{`Digest realm="biloxi.com", qop="auth", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"`}, []string{`Digest realm="a", nonce="b", X c=d`, "X", "X =a", "X a=\"", "X a"}},
		{"Proxy-Require", []string{"foo", "a, b"}, []string{"", "a b", "a,", "a;b"}},
		{
			"Record-Route",
			[]string{"<sip:server10.biloxi.com;lr>", "<sip:bigbox3.site3.atlanta.com;lr>, <sip:h>;x=y", "P <sip:h;lr>", "\"P\" <sips:h:5061;lr>"},
			[]string{"", "sip:h;lr", "<sip:h", "<sip:h>;", "<sip:h> x", "<sip:h>,,<sip:i>", "h"},
		},
		{"Route", []string{"<sip:h;lr>", "<sip:a;lr> , <sip:b>"}, []string{"", "sip:h", "<sip:h>,", "<sip:h;lr", "lr"}},
		{"Reply-To", []string{"Bob <sip:bob@biloxi.com>", "sip:b@h;x", "<mailto:b@h>"}, []string{"", "b", "<sip:h", "<sip:h>;;", "<sip:h>,<sip:i>"}},
		{"Require", []string{"100rel", "100rel, timer"}, []string{"", "100 rel", "100rel,", "a=b"}},
		{
			"Retry-After",
			[]string{"18000;duration=3600", "120 (I'm in a meeting)", "5", "1(a(b)\\)c);x=y", "0 ( ) ; duration = 1", "10 (\xc3\xbc)"},
			[]string{"", "x", "-1", "5 (", "5 (a", "5 a)", "5;duration=x", "5;duration", "5 (a) (b)", "5;(a)", "4294967296", "Thu, 01 Dec 1994 16:00:00 GMT", "5 (\x01)", "5;"},
		},
		{"Server", []string{"HomeServer v2", "Apache/2.0 (x; y) z", "(a(b))", "a / b"}, []string{"", "a/", "/a", "(a", "a)", "a;b", "a,b", "a@b", "\x01"}},
		{"User-Agent", []string{"Softphone Beta1.5", "a/1.2.3 (c) d/4"}, []string{"", "a/b/c", "a:b", "\"a\"", "(a\\"}},
		{"Subject", []string{"", "Need more boxes", "\xe2\x82\xac", "a,b;c=\"d"}, []string{"\x00", "a\x02", "\xff", "\x80"}},
		{"Supported", []string{"", "100rel", "a , b,c"}, []string{"a b", "a,", ",", "a/b"}},
		{"Timestamp", []string{"54", "54.21", "54.", "54 1", "54.2 .5", "54 1.5"}, []string{"", ".5", "x", "54 x", "1.2.3", "-1", "54;x", "54,1"}},
		{"To", []string{"The Operator <sip:operator@cs.columbia.edu>;tag=287447", "sip:+12125551212@server.phone2net.com", "<urn:service:sos>", "isbn:2983792873"}, []string{"", "\"Mr. J. User <sip:h>", "<sip:h>;tag=\"a\"", "<sip:h>;tag=", "x <sip:h", "sip:h, sip:i"}},
		{"Unsupported", []string{"foo"}, []string{"", "a b", "a,"}},
		{
			"Via",
			[]string{
				"SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7", "SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207 ;branch=z9hG4bK77asjd", "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
				"SIP/2.0/TCP [2001:db8::1];received=2001:db8::2;rport=5060;branch=z9hG4bK1, SIP/2.0/TLS-SCTP h.;x=\"y\"", "SIP/2.0/UDP h;rport;alias;keep;oc;oc-algo=\"loss,rate\";branch=z9hG4bK1", "SIP/2.0/UNKNOWN 1-a.b" + sp + ":" + sp + "5060;branch=1",
				"SIP/2.0/UDP h;keep=30;oc=20;oc-validity=500;oc-seq=1282321615.782;branch=x", "sip/2.0/udp h;hidden;BRANCH=z9hG4bKx",
			},
			[]string{
				"", "SIP/2.0/UDP", "SIP/2.0 h", "SIP/2.0/UDPh", "SIP//UDP h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:65536", "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;x", "SIP/2.0/UDP h;branch=", "SIP/2.0/UDP h;branch=\"a\"", "SIP/2.0/UDP h;branch=a@b", "SIP/2.0/UDP h;branch",
				"SIP/2.0/UDP h;ttl=256", "SIP/2.0/UDP h;ttl=x", "SIP/2.0/UDP h;ttl", "SIP/2.0/UDP h;maddr=", "SIP/2.0/UDP h;maddr=a_b", "SIP/2.0/UDP h;received=h.example", "SIP/2.0/UDP h;received=[::1]", "SIP/2.0/UDP h;received=1.2.3", "SIP/2.0/UDP h;rport=65536", "SIP/2.0/UDP h;rport=x",
				"SIP/2.0/UDP u@h", "SIP/2.0/UDP <h>", "SIP/2.0/UDP h i", "SIP/2.0/UDP ::1", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h_i", "SIP/2.0/UDP 1.2.3", "SIP/2.0/UDP h,", ",SIP/2.0/UDP h", "SIP/2.0/UDP h;branch=a;branch=b", "SIP/2.0/UDP -h", "SIP/2.0/UDP h;x=<y>", "SIP/2.0/UDP h;branch=z9hG4bK", "SIP/2.0/UDP h;alias=1",
			},
		},
		{
			"Warning",
			[]string{"370 devnull \"Choose a bigger pipe\"", "307 isi.edu \"Session parameter 'foo' not understood\", 301 [::1]:5060 \"x\"", "399 h:5060 \"\"", "399 a~b \"\\\"\""},
			[]string{"", "99 a \"b\"", "1000 a \"b\"", "370 a b", "370 \"b\"", "370 a", "a b \"c\"", "370 a \"b", "370 a:x \"b\"", "370 a \"b\" c", "370a \"b\"", "370 a \"b\","},
		},
		{"X-Unknown", []string{"", "anything, \"at;all\xff", "a" + sp + "b"}, []string{"\x01", "a\x7fb"}},

		{"Allow-Events", []string{"presence", "presence.winfo, reg"}, []string{"", "a..b", ".a", "a.", "a,", "a;b"}},
		{"Event", []string{"presence", "presence.winfo;id=a1", "dialog;call-id=\"x@y\";include-session-description", "foo.a.b"}, []string{"", "a..b", ".a", "a.", "a b", "a;id=", "a;id=\"b\"", "a,b", "a;id=1;id=2"}},
		{"Subscription-State", []string{"active;expires=3600", "terminated;reason=timeout;retry-after=5", "pending", "x;y"}, []string{"", "active;expires=x", "active;expires", "terminated;reason=\"x\"", "active,pending", "active;"}},
		{"SIP-ETag", []string{"dx200xyz"}, []string{"", "\"a\"", "a b", "a,b", "*@"}},
		{"SIP-If-Match", []string{"dx200xyz"}, []string{"", "a;b", "a b"}},
		{"Suppress-If-Match", []string{"*", "abc"}, []string{"", "a b", "\"a\""}},
		{"RSeq", []string{"1", "988789", "4294967295"}, []string{"", "0", "x", "-1", "4294967296", "1 2", "1;x"}},
		{"RAck", []string{"776656 1 INVITE", "1" + sp + "2\tX"}, []string{"", "1 2", "1 INVITE", "1 2 INVITE x", "0 1 INVITE", "1 4294967296 INVITE", "x 1 INVITE", "1,2 INVITE"}},
		{"Refer-To", []string{"sip:a@h", "<sip:a@h;method=BYE?Replaces=1%40h%3Bto-tag%3Da>", "\"A\" <http://h/a>;x"}, []string{"", "a", "<sip:a@h", "sip:a@h?Replaces=x", "<sip:a@h>,<sip:b@h>", "<sip:a@h>;"}},
		{"Referred-By", []string{"<sip:r@h>;cid=\"2UWQFN309shb3@referrer.example\"", "sip:r@h"}, []string{"", "r", "<sip:r@h>;cid=\"x\"", "<sip:r@h>;cid=a@b", "<sip:r@h>;cid="}},
		{"Refer-Sub", []string{"true", "FALSE;x=y"}, []string{"", "yes", "true;", "1", "true,false"}},
		{"Refer-Events-At", []string{"<sips:vPT3izGmo8NTxaPADRZvEAY22BKx@example.com;gr>"}, []string{"", "sip:wsXa9mkHtPcGu8@example.com", "<sip:h"}},
		{"Replaces", []string{"425928@bobster.example.org;to-tag=7743;from-tag=6472", "a;from-tag=1;to-tag=2;early-only;x=y", "12adf2f34456gs5;to-tag=12345" + sp + ";from-tag=54321"}, []string{"", "a", "a;to-tag=1", "a;from-tag=1", "a;to-tag=1;from-tag=", "a@;to-tag=1;from-tag=2", "a;to-tag=1;to-tag=2;from-tag=3", "a;to-tag=\"1\";from-tag=2", "a b;to-tag=1;from-tag=2", "a;to-tag=1;from-tag=2;early-only=x", "a;to-tag=1;from-tag=2,b;to-tag=1;from-tag=2"}},
		{"Join", []string{"12adf2f34456gs5;to-tag=12345;from-tag=54321"}, []string{"", "a;to-tag=1", "a", "@a;to-tag=1;from-tag=2", "a;to-tag=1;from-tag=a@b"}},
		{"Target-Dialog", []string{"fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544", "a"}, []string{"", "a;local-tag=", "a;local-tag=\"x\"", "a,b", "a b"}},
		{"Session-Expires", []string{"4000", "1800;refresher=uac", "90 ; refresher = UAS ;x"}, []string{"", "x", "-1", "4294967296", "90;refresher=x", "90;refresher", "90;refresher=\"uac\"", "90,91", "90;", "90;refresher=uac;refresher=uas"}},
		{"Min-SE", []string{"60", "3600;lr"}, []string{"", "x", "60;", "-60", "60 61"}},
		{"Answer-Mode", []string{"Auto", "Manual;require", "x;y=z"}, []string{"", "Auto;require=1", "a b", "Auto;"}},
		{"Priv-Answer-Mode", []string{"Auto;require"}, []string{"", "\"Auto\""}},
		{"Session-ID", []string{"ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2", "0123456789abcdef0123456789abcdef"}, []string{"", "ab30", "AB30317F1A784DC48FF824D0D3715D86", "ab30317f1a784dc48ff824d0d3715d8g", "ab30317f1a784dc48ff824d0d3715d86;remote=x", "ab30317f-1a78-4dc4-8ff8-24d0d3715d86"}},
		{"Info-Package", []string{"foo", "infoX;a=b"}, []string{"", "a b", "a,b", "a;"}},
		{"Recv-Info", []string{"", "P, R", "foo;x=y, bar"}, []string{"a b", "a,", "a;"}},
		{"Security-Client", []string{"tls", "digest;d-alg=MD5;d-qop=auth;d-ver=\"0000000000000000000000000000a0b1\";q=0.2, ipsec-ike;q=0.1"}, []string{"", "tls;q=2", "tls;d-alg=\"x\"", "digest;d-ver=\"x\"", "tls,", "t/s"}},
		{"Security-Server", []string{"ipsec-ike;q=0.1, tls;q=0.2"}, []string{"", "tls;q=", "tls;q=0.2;q=0.3"}},
		{"Security-Verify", []string{"tls;q=0.2"}, []string{"", "tls tls"}},
		{"Identity", []string{"eyJ.eyJ.sig+/=;info=<https://biloxi.example.org/biloxi.cer>;alg=ES256;ppt=shaken", "..a-_b;info=<https://h/c>;ppt=\"div\""}, []string{"", "\"a\"b", "a;info=https://h", "a;info=<https://h", "a;info=<>", "a;info=<a:b>;alg=\"x\"", "a@;info=<a:b>", ";info=<a:b>"}},
		{"Privacy", []string{"id", "header;session;user;critical", "none"}, []string{"", "id;", ";id", "id user", "id,user", "\"id\""}},
		{"P-Asserted-Identity", []string{"\"Cullen Jennings\" <sip:fluffy@cisco.com>", "tel:+14085264000", "<sip:a@h>, <tel:+1>"}, []string{"", "a", "<sip:a@h>;x=y", "<sip:a@h>,", "<sip:a@h", "sip:a@h;x"}},
		{"P-Preferred-Identity", []string{"<sip:a@h>"}, []string{"", "<sip:a@h>;q=1"}},
		{"Remote-Party-ID", []string{"\"A\" <sip:a@h>;party=calling;screen=yes;privacy=off"}, []string{"", "a", "<sip:a@h>;;"}},
		{"Diversion", []string{"<sip:a@h>;reason=unconditional;counter=1;privacy=off;x=\"y\""}, []string{"", "a", "<sip:a@h>;reason="}},
		{"History-Info", []string{"<sip:UserA@ims.example.com?Reason=SIP%3Bcause%3D302>;index=1, <sip:b@h>;index=1.10.2;rc=1", "\"A\" <sip:h>;index=1;mp=1.1;x"}, []string{"", "<sip:h>", "<sip:h>;index=", "<sip:h>;index=1.", "<sip:h>;index=a", "<sip:h>;index=01", "sip:h;index=1", "<sip:h>;index=1;rc=x", "<sip:h>;index=1;index=2"}},
		{"Reason", []string{"SIP ;cause=200 ;text=\"Call completed elsewhere\"", "Q.850 ;cause=16 ;text=\"Terminated\", x", "SIP;cause=600"}, []string{"", "SIP;cause=x", "SIP;cause=", "SIP;text=abc", "SIP;cause", "S P", "SIP;", "SIP,"}},
		{"Accept-Contact", []string{"*;audio;require", "*;mobility=\"fixed\";explicit, *;methods=\"BYE\";class=\"business\";q=1.0", "*"}, []string{"", "a", "audio", "*audio", "*;", "* *", "*;require=1", "*;audio;audio", "<*>"}},
		{"Reject-Contact", []string{"*;actor=\"msg-taker\";video"}, []string{"", "x", "*;;"}},
		{"Request-Disposition", []string{"proxy", "no-fork, recurse", "QUEUE"}, []string{"", "x", "proxy;a", "no fork", "proxy,"}},
		{"Feature-Caps", []string{"*;+sip.foo", "*;+sip.pns=\"apns\";+sip.vapid=\"x\", *"}, []string{"", "+sip.foo", "*;sip.foo", "*;+sip.foo=bar", "*;+1", "*;+a;+A"}},
		{"Resource-Priority", []string{"dsn.flash", "wps.3, dsn.flash-override"}, []string{"", "dsn", "dsn.", ".flash", "a.b.c", "a.b;c", "a.b,"}},
		{"Accept-Resource-Priority", []string{"", "dsn.flash"}, []string{"dsn", "a.b.c"}},
		{"Geolocation", []string{"<cid:target123@atlanta.example.com>", "<sips:3sdefrhy2jj7@lis.atlanta.example.com>;x, <http://h/a>"}, []string{"", "cid:a@b", "<cid:a", "<>"}},
		{"Geolocation-Routing", []string{"yes", "no", "x"}, []string{"", "a b", "\"yes\""}},
		{"Geolocation-Error", []string{"100;code=\"Cannot Process Location\"", "1"}, []string{"", "1000", "x", "100;code=x", "100,200"}},
		{"Max-Breadth", []string{"60", "0"}, []string{"", "x", "-1", "4294967296", "1;x"}},
		{"Flow-Timer", []string{"126"}, []string{"", "x", "1.5"}},
		{"User-to-User", []string{"56a390f3d2b7310023a2;encoding=hex", "\"a b\";purpose=x;content=y, c"}, []string{"", "a b", "a;encoding=\"hex\"", "a;purpose=", "a,"}},
		{"Content-ID", []string{"<a@b.c>"}, []string{"", "a@b", "<a>", "<a@b", "<@b>", "<a@>", "<a b@c>"}},
		{"Path", []string{"<sip:P1.EXAMPLEHOME.COM;lr>,<sip:h>"}, []string{"", "sip:h", "<sip:h>,"}},
		{"Service-Route", []string{"<sip:P2.HOME.EXAMPLE.COM;lr>"}, []string{"", "sip:h;lr"}},
		{"P-Early-Media", []string{"", "sendrecv, supported"}, []string{"a b", "a;b", "a,"}},
		{"P-Media-Authorization", []string{"0020100100101706466f786c6973", "0a, FF"}, []string{"", "0g", "\"00\"", "00,"}},
		{"P-Associated-URI", []string{"", "<sip:a@h>, \"B\" <tel:+1>;x"}, []string{"sip:a@h", "<sip:a@h"}},
		{"P-Called-Party-ID", []string{"<sip:user1-business@example.com>;x"}, []string{"", "sip:a@h", "<sip:a@h>,<sip:b@h>"}},
		{"P-Visited-Network-ID", []string{"other.net, \"Visited network number 1\"", "\"a\";x=y"}, []string{"", "a b", "\"a", "a;"}},
		{"P-Access-Network-Info", []string{"3GPP-UTRAN-TDD; utran-cell-id-3gpp=C359A3913B20E", "IEEE-802.11;i-wlan-node-id=\"x\";np, x"}, []string{"", "a b", "a;x=", "a,"}},
		{"P-Charging-Vector", []string{"icid-value=1234bc9876e; icid-generated-at=192.0.6.8; orig-ioi=home1.net", "icid-value=\"a/b\""}, []string{"", "orig-ioi=a", "icid-value", "icid-value=", "icid-value=a;icid-generated-at=_", "icid-value=a,b"}},
		{"P-Charging-Function-Addresses", []string{"ccf=192.0.8.1; ecf=192.0.8.3, ccf-2=[2001:db8::1]", "ccf=a;ccf=b"}, []string{"", "=a", "ccf=", "ccf=a;", "ccf=a b"}},
		{"P-Served-User", []string{"<sip:user@example.com>; sescase=orig; regstate=reg", "sip:u@h;sescase=term"}, []string{"", "<sip:h>;sescase=x", "<sip:h>;regstate=yes", "h"}},
		{"P-Profile-Key", []string{"<sip:chatroom-!.*!@example.com>"}, []string{"", "x"}},
		{"P-User-Database", []string{"<aaa://host.example.com;transport=tcp>"}, []string{"", "aaa://h", "<aaa:"}},
		{"P-Refused-URI-List", []string{"sip:bob@h;members=\"cid:x\"", "<sip:a@h>"}, []string{"", "x", "<sip:h>;"}},
		{"P-Answer-State", []string{"Confirmed", "Unconfirmed;x=y"}, []string{"", "a b", "a,b"}},
		{"P-Asserted-Service", []string{"urn:urn-7:3gpp-service.exampletelephony.version1", "urn:urn-7:a, URN:urn-7:b.c"}, []string{"", "a", "urn:x:a", "urn:urn-7:", "urn:urn-7:a.", "urn:urn-7:a;b"}},
		{"P-Preferred-Service", []string{"urn:urn-7:a.b"}, []string{"", "urn:urn-7:a_b"}},
		{"P-Private-Network-Indication", []string{"example.com", "h;x=y"}, []string{"", "a_b", "a b"}},
		{"P-Charge-Info", []string{"<sip:1@h;npi=ISDN>", "tel:+1"}, []string{"", "x", "<sip:h>;x"}},
		{"Permission-Missing", []string{"sip:C@example.com", "<sip:a@h>;x"}, []string{"", "C"}},
		{"Trigger-Consent", []string{"sip:123@relay.example.com" + sp + ";target-uri=\"sip:friends@relay.example.com\""}, []string{"", "x", "sip:h;;"}},
		{"Policy-Contact", []string{"<sip:p@h>;non-cacheable;alt-uri=h"}, []string{"", "sip:p@h", "<x>"}},
		{"Policy-ID", []string{"sip:p@h;token=a, http://h/b"}, []string{"", "x", "sip:h;"}},
		{"Identity-Info", []string{"<https://atlanta.example.com/cert>;alg=rsa-sha1"}, []string{"", "https://h", "<https:>"}},
		{"MIME-Version", []string{"1.0"}, []string{"1.0;x"}},
	}
}

// around puts a header into a message that is otherwise right.
func around(name, value string) string {
	line := name + ": " + value
	if value == "" {
		line = name + ":"
	}
	switch name {
	case "Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards":
		var out []string
		for _, l := range strings.SplitAfter(options, "\r\n") {
			if strings.HasPrefix(l, name+":") {
				l = line + "\r\n"
			}
			out = append(out, l)
		}
		return strings.Join(out, "")
	}
	return strings.Replace(options, "Content-Length", line+"\r\nContent-Length", 1)
}

func TestGrammar(t *testing.T) {
	n := 0
	for _, h := range grammarCases() {
		for _, v := range h.valid {
			n++
			text := around(h.name, v)
			for reading, class := range []*msg.Class{sip.Class(), sip.Class().Reading(msg.Strict), sip.StrictClass()} {
				m, err := msg.Parse(class, text, msg.Limits{})
				require.NotNil(t, m)
				require.Equal(t, text, m.String())
				for e := range sip.Malformed(m) {
					err = e
				}
				if err != nil {
					t.Errorf("%s: %q, reading %d: %v", h.name, v, reading, err)
				}
			}
		}
		for _, v := range h.invalid {
			n++
			text := around(h.name, v)
			m, err := msg.Parse(sip.StrictClass(), text, msg.Limits{})
			require.NotNil(t, m)
			if err == nil {
				t.Errorf("%s: %q is taken", h.name, v)
			}
			// Reading alone leaves the message, but whoever decodes it learns.
			m, err = msg.Parse(sip.Class().Reading(msg.Strict), text, msg.Limits{})
			require.NotNil(t, m)
			for e := range sip.Malformed(m) {
				err = e
			}
			if err == nil {
				t.Errorf("%s: %q decodes", h.name, v)
			}
		}
	}
	require.Greater(t, n, 900)
}

// Every header that the class knows has a type and is in the table above.
func TestEveryHeaderIsTyped(t *testing.T) {
	listed := map[msg.ID]bool{}
	for _, h := range grammarCases() {
		listed[sip.Class().Lookup(h.name)] = true
	}
	for id := msg.ID(1); id < msg.FirstHTTP; id++ {
		info, ok := sip.Class().Info(id)
		if !ok {
			continue
		}
		text := fmt.Sprintf("%s: @\r\n", info.Name)
		m, _ := sip.Parse(strings.Replace(options, "Content-Length", text+"Content-Length", 1))
		require.NotNil(t, m)
		n := 0
		for range sip.Decode(m, id) {
			n++
		}
		require.Positive(t, n, info.Name)
		switch id {
		case msg.IDContentLength, msg.IDProxyAuthorization, msg.IDProxyAuthenticationInfo:
			continue // as their sisters, or the framing's
		}
		require.True(t, listed[id], "%s has no cases", info.Name)
	}
}
