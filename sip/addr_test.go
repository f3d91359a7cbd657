package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func TestParseNameAddr(t *testing.T) {
	for in, want := range map[string]sip.NameAddr{
		`<sip:h>`: {URI: sip.URI{Scheme: "sip", Host: "h"}},
		`sip:h`:   {URI: sip.URI{Scheme: "sip", Host: "h"}},
		`"A \"q\" \\ b" <sip:u@h;lr?a=b> ; tag = x`: {
			Display: `A "q" \ b`, URI: sip.URI{Scheme: "sip", User: "u", Host: "h", Params: ";lr", Headers: "a=b"}, Params: "; tag = x",
		},
		`"" <sip:h>`:              {URI: sip.URI{Scheme: "sip", Host: "h"}},
		`Al Bell-X <sip:h>;a`:     {Display: "Al Bell-X", URI: sip.URI{Scheme: "sip", Host: "h"}, Params: ";a"},
		`caller<sip:h>;tag=323`:   {Display: "caller", URI: sip.URI{Scheme: "sip", Host: "h"}, Params: ";tag=323"},
		`Jürgen <sip:h>`:          {Display: "Jürgen", URI: sip.URI{Scheme: "sip", Host: "h"}},
		`sip:u@h;tag=x;y="a,b>c"`: {URI: sip.URI{Scheme: "sip", User: "u", Host: "h"}, Params: `;tag=x;y="a,b>c"`},
		`sip:a;b@h`:               {}, // P11: the semicolon needs brackets
		`tel:+1-2;a=b`:            {URI: sip.URI{Scheme: "tel", Opaque: "+1-2"}, Params: ";a=b"},
		`<tel:+1-2;a=b>`:          {URI: sip.URI{Scheme: "tel", Opaque: "+1-2", Params: ";a=b"}},
		`isbn:2983792873`:         {URI: sip.URI{Scheme: "isbn", Opaque: "2983792873"}},
		`<sip:h> ;expires=5;q=0.7;+sip.instance="<urn:uuid:1>"`: {
			URI: sip.URI{Scheme: "sip", Host: "h"}, Params: `;expires=5;q=0.7;+sip.instance="<urn:uuid:1>"`,
		},
		`<sip:[::1]:5>;received=[::2]`: {URI: sip.URI{Scheme: "sip", Host: "::1", Port: 5}, Params: ";received=[::2]"},
	} {
		a, err := sip.ParseNameAddr(in)
		if want == (sip.NameAddr{}) {
			require.Error(t, err, in)
			continue
		}
		require.NoError(t, err, in)
		require.Equal(t, want, a, in)
		text, err := a.AppendText(nil)
		require.NoError(t, err)
		require.Equal(t, a.String(), string(text))
		again, err := sip.ParseNameAddr(string(text))
		require.NoError(t, err)
		require.Equal(t, a, again)
	}
}

func TestParseNameAddrRefuses(t *testing.T) {
	for in, want := range map[string]error{
		"": msg.ErrSyntax, "<": msg.ErrSyntax, "<sip:h": msg.ErrSyntax, `"A <sip:h>`: msg.ErrSyntax, `"A" sip:h`: msg.ErrSyntax, `"A"`: msg.ErrSyntax,
		"<>": sip.ErrURI, "< sip:h>": sip.ErrURI, "<sip:h >": sip.ErrURI, "Bell, A <sip:h>": sip.ErrURI, "A;B <sip:h>": sip.ErrURI, "A": sip.ErrURI,
		"sip:h?a=b": sip.ErrBrackets, "sip:h>": sip.ErrBrackets, `sip:h"`: sip.ErrBrackets, "A: <sip:h>": sip.ErrURI,
		"<sip:h>;": msg.ErrSyntax, "<sip:h>;;a": msg.ErrSyntax, "<sip:h> a": msg.ErrSyntax, "<sip:h>a": msg.ErrSyntax, `<sip:h>;a="`: msg.ErrSyntax,
		"<sip:h>;tag=": msg.ErrSyntax, "<sip:h>, <sip:i>": msg.ErrTrailing, "*": sip.ErrURI, "<sip:h>;=a": msg.ErrSyntax, "<*>": sip.ErrURI,
	} {
		a, err := sip.ParseNameAddr(in)
		require.ErrorIs(t, err, want, "%q", in)
		require.Equal(t, sip.NameAddr{}, a)
	}
}

func TestNameAddrParams(t *testing.T) {
	a, err := sip.ParseNameAddr("<sip:h>;tag=a;expires=3600;q=0.5")
	require.NoError(t, err)
	require.Equal(t, "a", a.Tag())
	require.Equal(t, 500, a.Q())
	n, ok := a.Expires()
	require.True(t, ok)
	require.EqualValues(t, 3600, n)
	require.Equal(t, "<sip:h>;tag=b;expires=3600;q=0.5", a.WithTag("b").String())
	require.Equal(t, "<sip:h>;expires=3600;q=0.5", a.WithTag("").String())
	for _, bad := range []string{"4294967296", "280297596632815000000000000", "-1", "x", "1.5", "\"\""} {
		a.Params = msg.Params(";expires=" + bad)
		_, ok := a.Expires()
		require.False(t, ok, "%s must mean the default, not 0", bad)
	}
	a.Params = ""
	_, ok = a.Expires()
	require.False(t, ok)
	require.True(t, sip.Star().Star())
	require.False(t, a.Star())
	require.Equal(t, "*", sip.Star().String())
}

func TestNameAddrRefusesToWrite(t *testing.T) {
	u := sip.MustParseURI("sip:h")
	for name, a := range map[string]sip.NameAddr{
		"zero":       {},
		"display":    {Display: "a\r\nEvil: x", URI: u},
		"NUL":        {Display: "a\x00", URI: u},
		"params":     {URI: u, Params: "tag=a"},
		"injection":  {URI: u, Params: msg.Params("").With("tag", "a\r\nEvil: x")},
		"comma":      {URI: u, Params: ";tag=a,<sip:evil>"},
		"angle":      {URI: u, Params: ";tag=a>"},
		"URI":        {URI: sip.URI{Scheme: "sip", Host: "h", User: "a>,<sip:evil"}},
		"URI params": {URI: sip.URI{Scheme: "sip", Host: "h", Params: ";a>"}},
	} {
		_, err := a.AppendText(nil)
		require.ErrorIs(t, err, msg.ErrValue, name)
		require.ErrorIs(t, sip.From.Set(a).Err(), msg.ErrValue, name)
		if name != "zero" {
			require.ErrorIs(t, sip.Contact.Add(a).Err(), msg.ErrValue, name)
		}
	}
	require.NoError(t, sip.Contact.Set(sip.Star()).Err())
}

func TestVia(t *testing.T) {
	for in, want := range map[string]sip.ViaParm{
		"SIP/2.0/UDP h": {Protocol: "SIP/2.0", Transport: "UDP", Host: "h"},
		"SIP / 2.0 /\tudp  h : 5060 ; branch = z9hG4bK1 ;x": {
			Protocol: "SIP/2.0", Transport: "udp", Host: "h", Port: 5060, Params: "; branch = z9hG4bK1 ;x",
		},
		"SIP/2.0/UNKNOWN [2001:db8::9:1]:6050;received=[2001:db8::9:255];ttl=16": {
			Protocol: "SIP/2.0", Transport: "UNKNOWN", Host: "2001:db8::9:1", Port: 6050, Params: ";received=[2001:db8::9:255];ttl=16",
		},
		"sip/2.0/tls-sctp 192.0.2.1;rport": {Protocol: "sip/2.0", Transport: "tls-sctp", Host: "192.0.2.1", Params: ";rport"},
		"HTTP/1.1/TCP h":                   {Protocol: "HTTP/1.1", Transport: "TCP", Host: "h"},
	} {
		v, rest, err := sip.ViaCodec{}.Parse(in)
		require.NoError(t, err, in)
		require.Empty(t, rest)
		require.Equal(t, want, v)
		text, err := sip.ViaCodec{}.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, v.String(), string(text))
		again, _, err := sip.ViaCodec{}.Parse(string(text))
		require.NoError(t, err)
		require.Equal(t, v, again)
	}
	for _, in := range []string{
		"", "SIP", "SIP/2.0", "SIP/2.0/", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0/UDPh", "/2.0/UDP h", "SIP//UDP h", "SIP/2.0/UDP h:", "SIP/2.0/UDP h:0",
		"SIP/2.0/UDP h:65536", "SIP/2.0/UDP h;", "SIP/2.0/UDP h;;,;,,", "SIP/2.0/UDP h i", "SIP/2.0/UDP [::1", "SIP/2.0/UDP [x]", "SIP/2.0/UDP ::1", "SIP/2.0/UDP h;branch=",
		"SIP/2.0/UDP u@h", "SIP/2.0/UDP <h>", "SIP 2.0 UDP h", "SIP/2.0/UDP, h", "SIP/2.0/UDP h;received=\"",
	} {
		v, _, err := sip.ViaCodec{}.Parse(in)
		require.Error(t, err, "%q", in)
		require.Zero(t, v)
	}
	_, rest, err := sip.ViaCodec{}.Parse("SIP/2.0/UDP h;a=\"x,y\" , SIP/2.0/TCP i")
	require.NoError(t, err)
	require.Equal(t, ", SIP/2.0/TCP i", rest)
}

func TestViaParams(t *testing.T) {
	v := sip.ViaParm{Params: ";branch=z9hG4bK1;received=[::1];rport=5061;maddr=[::2];ttl=255"}
	require.Equal(t, "z9hG4bK1", v.Branch())
	require.Equal(t, "::1", v.Received())
	require.Equal(t, "::2", v.Maddr())
	ttl, ok := v.TTL()
	require.True(t, ok)
	require.EqualValues(t, 255, ttl)
	for p, want := range map[msg.Params][3]any{
		";rport=5061": {uint16(5061), true, true}, ";rport": {uint16(0), true, false}, "": {uint16(0), false, false},
		";rport=0": {uint16(0), true, false}, ";rport=65536": {uint16(0), true, false}, ";rport=-1": {uint16(0), true, false},
	} {
		port, present, hasValue := sip.ViaParm{Params: p}.RPort()
		require.Equal(t, want, [3]any{port, present, hasValue}, p)
	}
	_, ok = sip.ViaParm{Params: ";ttl=256"}.TTL()
	require.False(t, ok)
	_, ok = sip.ViaParm{}.TTL()
	require.False(t, ok)
	require.Equal(t, ";received=2001:db8::1", string(msg.Params("").With("received", "2001:db8::1")), "sent without brackets")
}

func TestViaRefusesToWrite(t *testing.T) {
	for _, v := range []sip.ViaParm{
		{}, {Transport: "UDP"}, {Transport: "U P", Host: "h"}, {Transport: "UDP", Host: "h\r\n"}, {Transport: "UDP", Host: "h i"},
		{Transport: "UDP", Host: "h", Params: "x"}, {Transport: "UDP", Host: "h", Params: ";a,b"}, {Protocol: "SIP", Transport: "UDP", Host: "h"},
		{Protocol: "SIP/2/0", Transport: "UDP", Host: "h"}, {Transport: "UDP", Host: "::x"},
	} {
		require.ErrorIs(t, sip.Via.Push(v).Err(), msg.ErrValue, "%v", v)
	}
}

func TestValues(t *testing.T) {
	for in, want := range map[string]sip.Sequence{
		"1 A": {1, "A"}, "0009\t INVITE": {9, "INVITE"}, "4294967295 X": {1<<32 - 1, "X"}, "36 !odd.%41": {36, "!odd.%41"},
	} {
		v, rest, err := sip.SequenceCodec{}.Parse(in)
		require.NoError(t, err, in)
		require.Empty(t, rest)
		require.Equal(t, want, v)
	}
	for in, want := range map[string]error{
		"4294967296 A": msg.ErrRange, "36893488147419103232 A": msg.ErrRange, "": msg.ErrSyntax, "1": msg.ErrSyntax, "A": msg.ErrSyntax,
		"1A": msg.ErrSyntax, "-1 A": msg.ErrSyntax, "1  ": msg.ErrSyntax, "1.0 A": msg.ErrSyntax,
	} {
		_, _, err := sip.SequenceCodec{}.Parse(in)
		require.ErrorIs(t, err, want, "%q", in)
	}
	require.ErrorIs(t, sip.CSeq.Set(sip.Sequence{Seq: 1 << 31, Method: "A"}).Err(), msg.ErrValue)
	require.ErrorIs(t, sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "A B"}).Err(), msg.ErrValue)
	require.NoError(t, sip.CSeq.Set(sip.Sequence{Seq: 1<<31 - 1, Method: "A"}).Err())
	require.Equal(t, "7 BYE", sip.Sequence{Seq: 7, Method: "BYE"}.String())

	for _, ok := range []string{"a", "a@b", `intmeth.word%ZK-!.*_+'@word` + "`~)(><:\\/\"][?}{"} {
		require.NoError(t, sip.CallID.Set(ok).Err(), ok)
	}
	for _, bad := range []string{"", "@", "a@", "@a", "a@b@c", "a b", "a,b", "a\r\nb", "ü"} {
		require.ErrorIs(t, sip.CallID.Set(bad).Err(), msg.ErrValue, bad)
	}
	for _, bad := range []string{"", "a b", ",", "\x7f"} {
		_, _, err := sip.CallIDCodec{}.Parse(bad)
		require.Error(t, err, bad)
	}

	for in, want := range map[string]sip.Stamp{"54": {Time: "54"}, "54.21 0.5": {Time: "54.21", Delay: "0.5"}, "1. .5": {Time: "1.", Delay: ".5"}} {
		v, _, err := sip.StampCodec{}.Parse(in)
		require.NoError(t, err, in)
		require.Equal(t, want, v)
		out, err := sip.StampCodec{}.Append(nil, v)
		require.NoError(t, err)
		require.Equal(t, in, string(out))
	}
	for _, bad := range []string{"", ".5", "x", "1 x", "1.2.3", "-1"} {
		_, _, err := sip.StampCodec{}.Parse(bad)
		require.Error(t, err, bad)
	}
	_, err := sip.StampCodec{}.Append(nil, sip.Stamp{Time: "1x"})
	require.ErrorIs(t, err, msg.ErrValue)
}

func TestAddrIsLinear(t *testing.T) {
	for _, s := range []string{"(", ",", ";", "\"", "\\", "<", ">", "a ", ";a", ";a=b", "\" ", "\\\"", "%41", "@", ":", "/", "a/", "[", "=", "<sip:h>,", "?", "&"} {
		long := strings.Repeat(s, 64<<10/len(s))
		within(t, func() {
			for _, in := range []string{long, "\"" + long, "<" + long, "<sip:" + long + ">", "<sip:h>" + long, "sip:h" + long, "<sip:h>;a=\"" + long} {
				a, _, err := sip.AddrCodec{}.Parse(in)
				if err == nil {
					a.Tag()
					_ = a.WithTag("x")
				}
				for _, h := range []string{"SIP/2.0/UDP ", "SIP/2.0/UDP h", "SIP/", ""} {
					_, _, _ = sip.ViaCodec{}.Parse(h + in)
				}
				_, _, _ = sip.CallIDCodec{}.Parse(in)
				_, _, _ = sip.SequenceCodec{}.Parse(in)
				_, _, _ = sip.StampCodec{}.Parse(in)
			}
		})
	}
}

func FuzzAddr(f *testing.F) {
	for _, s := range []string{
		`"A \"q\"" <sip:u@h;lr?a=b> ; tag = x`, "Al <sip:h>;a", "sip:u@h;tag=x", "*", "tel:+1;a", "<sip:[::1]>", "a<b:c>", "SIP/2.0/UDP h:5;branch=a",
		"SIP / 2.0 / UDP [::1] : 5 ;a, b", "1 A", "a@b", "54.2 1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		roundTrip(t, sip.AddrCodec{}, s)
		roundTrip(t, sip.ContactCodec{}, s)
		roundTrip(t, sip.ViaCodec{}, s)
		roundTrip(t, sip.SequenceCodec{}, s)
		roundTrip(t, sip.CallIDCodec{}, s)
		roundTrip(t, sip.StampCodec{}, s)
		roundTrip(t, msg.ItemCodec{}, s)
		roundTrip(t, msg.MediaTypeCodec{}, s)
		roundTrip(t, msg.WarningCodec{}, s)
		roundTrip(t, msg.RetryCodec{}, s)
	})
}

// roundTrip: what is read can be written if it holds no control octets, and is
// then read as the same value; what cannot be read is the zero value.
func roundTrip[T comparable](t *testing.T, c msg.Codec[T], s string) {
	var zero T
	v, rest, err := c.Parse(s)
	if err != nil {
		require.Equal(t, zero, v, "%T", c)
		return
	}
	require.True(t, rest == "" || rest[0] == ',', "%T %q", c, rest)
	require.True(t, strings.HasSuffix(s, rest))
	out, err := c.Append(nil, v)
	if err != nil {
		require.ErrorIs(t, err, msg.ErrValue)
		return
	}
	require.False(t, strings.ContainsAny(string(out), "\r\n\x00"), "%T %q", c, out)
	again, rest, err := c.Parse(string(out))
	require.NoError(t, err, "%T %q", c, out)
	require.Empty(t, rest, "%T %q", c, out)
	require.Equal(t, v, again, "%T %q", c, out)
}
