package sip_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// leniencies has for each flag values that only it lets pass.
var leniencies = []struct {
	flag   msg.Tolerance
	header string
	values []string
}{
	{msg.EmptyMembers, "Require", []string{"", ",", "a,,b", ",a", "a ,"}},
	{msg.EmptyMembers, "Route", []string{"<sip:h>,,<sip:i>", "<sip:h>,"}},
	{msg.JoinedChallenges, "WWW-Authenticate", []string{`Digest realm="a", nonce="b", X c=d`}},
	{msg.UnquotedValues, "Contact", []string{"<sip:h>;x=a/b", "<sip:h>;x=a@b", "<sip:h>;x=\xc3\xbc", "<sip:h>;x=a:b"}},
	{msg.UnquotedValues, "Content-Disposition", []string{"session;filename=a/b"}},
	{msg.UnquotedValues, "Proxy-Authenticate", []string{`X a=b/c`}},
	{msg.ParameterValues, "Contact", []string{"<sip:h>;q=1.5", "<sip:h>;expires=x", "<sip:h>;reg-id=0", "<sip:h>;q"}},
	{msg.ParameterValues, "Via", []string{"SIP/2.0/UDP h;ttl=300", "SIP/2.0/UDP h;rport=x", "SIP/2.0/UDP h;branch=z9hG4bK"}},
	{msg.ParameterValues, "From", []string{"<sip:h>;tag=\"a\"", "<sip:a@h;ttl=256>;tag=a"}},
	{msg.ParameterValues, "P-Asserted-Identity", []string{"<sip:h>;x=y"}},
	{msg.ParameterValues, "Content-Type", []string{"a/b;x"}},
	{msg.DoubledParameters, "Contact", []string{"<sip:h>;x;X=1", "<sip:h;x;x>", "<sip:h>;a;b;c;d;e;f;g;h;i;j;i"}},
	{msg.DoubledParameters, "To", []string{"<sip:h;a;b;c;d;e;f;g;h;i;j;i>"}},
	{msg.MissingBrackets, "Route", []string{"sip:h;lr"}},
	{msg.MissingBrackets, "Call-Info", []string{"http://h;purpose=icon"}},
	{msg.DisplayNames, "Contact", []string{"J\xc3\xbcrgen <sip:h>"}},
	{msg.HostNames, "To", []string{"<sip:a@h_i>", "<sip:a@-h>", "<sip:a@1.2.3>", "<sip:a@300.1.1.1>"}},
	{msg.URICharacters, "To", []string{"<sip:*31#@h>", "<a:b^c>", "<a:b%z>"}},
	{msg.CallIDs, "Call-ID", []string{"a@b@c", "a=b", "\xc3\xbc"}},
	{msg.CallIDs, "Replaces", []string{"a@b@c;to-tag=1;from-tag=2"}},
	{msg.TextOctets, "Subject", []string{"\xfc", "a\x80"}},
	{msg.TextOctets, "Server", []string{"a;b", "Vendor: x/1"}},
	{msg.TextOctets, "Contact", []string{"\"\xfc\" <sip:h>"}},
	{msg.Separators, "Privacy", []string{"id,user"}},
	{msg.UnknownValues, "Request-Disposition", []string{"x"}},
	{msg.UnknownValues, "Accept-Language", []string{"es-419"}},
	{msg.UnknownValues, "Session-ID", []string{"AB30317F1A784DC48FF824D0D3715D86"}},
	{msg.UnknownValues, "Feature-Caps", []string{"*;sip.foo"}},
	{msg.UnknownValues, "P-Asserted-Service", []string{"urn:x:y"}},
	{msg.MissingParameters, "History-Info", []string{"<sip:h>"}},
	{msg.MissingParameters, "To", []string{"<tel:911>"}},
}

func TestLeniencies(t *testing.T) {
	read := func(tolerance msg.Tolerance, text string) error {
		m, err := msg.Parse(sip.Class().Reading(tolerance), text, msg.Limits{})
		require.NotNil(t, m)
		for e := range sip.Malformed(m) {
			err = e
		}
		return err
	}
	var tested msg.Tolerance
	for _, l := range leniencies {
		tested |= l.flag
		for _, v := range l.values {
			text := around(l.header, v)
			require.NoError(t, read(msg.Tolerant, text), "%s: %q", l.header, v)
			require.NoError(t, read(l.flag, text), "%s: %q with flag %#x alone", l.header, v, l.flag)
			require.Error(t, read(msg.Tolerant&^l.flag, text), "%s: %q without flag %#x", l.header, v, l.flag)
			require.Error(t, read(msg.Strict, text), "%s: %q", l.header, v)
		}
	}
	require.Equal(t, msg.Tolerant, tested, "a leniency without a test")
}

// What no leniency relaxes: framing, doubles, control octets, ranges.
func TestNoLeniency(t *testing.T) {
	for _, text := range []string{
		around("CSeq", "4294967296 OPTIONS"), around("Max-Forwards", "256"), around("Max-Forwards", "-1"), around("Expires", "4294967296"), around("Expires", "-1"),
		around("Session-Expires", "4294967296"), around("RSeq", "0"), around("RSeq", "4294967296"), around("Max-Breadth", "-1"), around("Via", "SIP/2.0/UDP h:65536"),
		around("To", "<sip:h>\r\nTo: <sip:h>"), around("Call-ID", "a\r\ni: a"), around("CSeq", "1 OPTIONS\r\nCSeq: 1 OPTIONS"), around("Content-Type", "a/b\r\nc: a/b"),
		around("Subject", "a\x00b"), around("Subject", "a\nb"), around("Subject", "a\rb"), around("Subject", "a\x01b"), around("Organization", "\x7f"), around("Content-Length", "1"),
		around("Expires", "1\r\nExpires: 2"), around("Subject", "a\r\ns: b"), around("Referred-By", "<sip:h>\r\nb: <sip:i>"),
	} {
		for _, tolerance := range []msg.Tolerance{msg.Tolerant, msg.Strict} {
			m, err := msg.Parse(sip.Class().Reading(tolerance), text, msg.Limits{})
			require.NotNil(t, m)
			for e := range sip.Malformed(m) {
				err = e
			}
			require.Error(t, err, "%q", text)
		}
	}
}
