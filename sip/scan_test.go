package sip

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// slowClass is Class without scanners: check reads everything.
func slowClass() *msg.Class {
	list := infos()
	for i := range list {
		list[i].Scan, list[i].Mandatory = nil, false
	}
	return msg.NewClass(msg.ClassConfig{Version: Version, Headers: list, Check: check})
}

var slow = slowClass()

// sameRead requires that the scanners make no difference.
func sameRead(t *testing.T, text string) {
	t.Helper()
	a, errA := msg.Parse(class, text, msg.Limits{})
	b, errB := msg.Parse(slow, text, msg.Limits{})
	require.Equal(t, a == nil, b == nil, "%q", text)
	if a == nil {
		return
	}
	if errA != nil || errB != nil {
		require.Equal(t, errB, errA, "%q", text)
		require.Equal(t, b.Errors(), a.Errors(), "%q", text)
	}
	for slot := range 16 {
		wantText, want := b.Marked(slot)
		gotText, got := a.Marked(slot)
		wantNumber, wantIs := b.MarkedNumber(slot)
		gotNumber, gotIs := a.MarkedNumber(slot)
		if wantText != gotText || want != got || wantIs != gotIs || wantIs && wantNumber != gotNumber {
			require.Fail(t, "marks differ", "slot %d: %q %d, not %q %d: %q", slot, gotText, gotNumber, wantText, wantNumber, text)
		}
	}
	for f := range a.Fields() {
		require.True(t, strings.Contains(f.Raw, f.Value))
	}
	require.Equal(t, b.String(), a.String())
}

func benchTexts(t testing.TB) map[string]string {
	texts := map[string]string{}
	files, err := filepath.Glob("testdata/bench/*.sip")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		texts[filepath.Base(f)] = string(b)
	}
	return texts
}

// TestScanned requires that ordinary messages are read by the scanners alone.
func TestScanned(t *testing.T) {
	texts := benchTexts(t)
	texts["compact"] = "OPTIONS sips:b@h.test:5061;transport=tls SIP/2.0\r\nv: SIP/2.0/TLS h.test;rport;branch=z9\r\n" +
		"f: Bob B <sip:+1;ext=2@h.test:65535;lr>;x=y;tag=1\r\nt: \"B\"<sips:h.test>;TAG=x\r\ni: a\r\nCSeq: 0 OPTIONS\r\nmax-forwards: 255\r\nl: 0\r\nx: 1\r\n\r\n"
	for name, text := range texts {
		scanned := false
		c := msg.NewClass(msg.ClassConfig{Version: Version, Headers: infos(), Target: scanTarget, Check: func(c msg.Check) {
			scanned = c.Scanned()
			check(c)
		}})
		_, err := msg.Parse(c, text, msg.Limits{})
		require.NoError(t, err, name)
		require.True(t, scanned, name)
		sameRead(t, text)
	}
}

// TestScannersTakeNothingElse puts single octets and short texts into every place
// of a message: the scanners must leave to check what they do not know.
func TestScannersTakeNothingElse(t *testing.T) {
	const text = "INVITE sip:bob:pw@h.test:5060;lr=on;x SIP/2.0\r\nVia: SIP/2.0/UDP h.test:5061;branch=z9;rport,SIP/2.0/TCP i\r\n" +
		"From: \"A\" <sip:a@h.test:5060>;tag=1;x=y\r\nTo: Bob <sip:h>;tag=2\r\nCall-ID: a@b\r\nCSeq: 7 INVITE\r\nMax-Forwards: 70\r\n" +
		"X: y\r\nContent-Length: 0\r\n\r\n"
	plain := strings.NewReplacer("bob:pw@", "bob@", ",SIP/2.0/TCP i", "").Replace(text)
	texts := benchTexts(t)
	for _, base := range []string{text, plain, texts["ok.sip"], texts["register.sip"]} {
		head := base[:strings.Index(base, "\r\n\r\n")+4]
		for i := range len(head) + 1 {
			sameRead(t, head[:i])
			for _, in := range []string{"\x00", " ", "\t", "\r", "\n", "\r\n", "\r\n ", "\"", "\\", "<", ">", ";", ",", ":", "=", "@", "%", "[", "?", "0", "\x7f", "\xff", "a"} {
				sameRead(t, head[:i]+in+head[i:])
				if i < len(head) {
					sameRead(t, head[:i]+in+head[i+1:])
				}
			}
		}
	}
	for _, line := range []string{
		"CSeq: 4294967295 INVITE", "CSeq: 4294967296 INVITE", "CSeq: 0000000007 INVITE", "CSeq: 7 BYE", "CSeq: 7 invite", "CSeq: 7 INVITE ",
		"Max-Forwards: 255", "Max-Forwards: 256", "Max-Forwards: 0070", "Max-Forwards: 00070", "Max-Forwards:", "Max-Forwards: 7x",
		"To: <sip:h>;tag", "To: <sip:h>;tag=", "To: <sip:h>;tag=\"x\"", "To: <sip:h>;tag;tag=x", "To: <sip:h>;tag=x;tag=y", "To: <sip:h>;x=tag;Tag=y",
		"To: <sip:h:0>", "To: <sip:h:65536>", "To: <sip:h:05060>", "To: <sip:h:005060>", "To: <sip:h:50600>", "To: <sip:h:>", "To: <sip:@h>", "To: <sip:u@>",
		"To: <sip:a;b@h>", "To: <sip:a;b>", "To: <sip:a;b=>", "To: <sip:a;=b>", "To: <sip:a?b=c>", "To: <SIP:h>", "To: <sIpS:h>", "To: <tel:+1>", "To: <sip:%41@h>",
		"To: sip:h;tag=1", "To: \"a\\\"b\" <sip:h>", "To: \"a\"  <sip:h>", "To: a\tb<sip:h>", "To: a\xc3\xa9 <sip:h>", "To: <sip:[::1]>",
		"Via: SIP/2.0/UDP h", "Via: SIP/2.0/UDP h:5060", "Via: SIP/2.0/UDP  h", "Via: SIP/2.0/ UDP h", "Via: sip/2.0/UDP h", "Via: SIP/2.0/UDP h;branch",
		"Via: SIP/2.0/UDP h;branch=;x", "Via: SIP/2.0/UDP h;branch=a;branch=b", "Via: SIP/2.0/UDP h;Branch=a", "Via: SIP/2.0/UDP h;branch=\"a\"", "Via: SIP/2.0/UDP h;x;branch=a",
		"Via: SIP/2.0/UDP [::1]:5060;branch=a", "Via: SIP/2.0/WSS h;branch=a", "Via: SIP/2.0/UDP h:5060 ;branch=a", "Call-ID: a,b", "Call-ID: <>", "Call-ID: a b",
		"Via: SIP/2.0/UDP h;branch=a\r\nVia: SIP/2.0/UDP i:1;branch=b", "To: <sip:h>\r\nTo: <sip:i>",
	} {
		name, _, _ := strings.Cut(line, ":")
		at := strings.Index(plain, "\r\n"+name+":") + 2
		end := at + strings.Index(plain[at:], "\r\n")
		sameRead(t, plain[:at]+line+plain[end:])
		sameRead(t, plain[:at]+plain[end+2:len(plain)-2]+line+"\r\n\r\n")
		sameRead(t, plain[:at]+line)
		sameRead(t, plain[:at]+line+"\r")
		sameRead(t, "\r\n"+plain[:at]+line+"\r\n")
	}
}

func FuzzScanners(f *testing.F) {
	for _, text := range benchTexts(f) {
		f.Add(text)
	}
	f.Fuzz(sameRead)
}
