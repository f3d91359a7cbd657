package tport

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRedact(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"nothing", "OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\nbody\r\n", "OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\nbody\r\n"},
		{"digest", "Authorization: Digest username=\"al, response=1\", response=\"abc\\\"d\" , rspauth=ff,nc=1\r\n",
			"Authorization: Digest username=\"al, response=1\", response=\"***\" , rspauth=\"***\",nc=1\r\n"},
		{"folded digest", "proxy-authorization : digest realm=\"r\",\r\n response = \"abc\"\r\nTo: <sip:a@b>\r\n",
			"proxy-authorization : digest realm=\"r\",\r\n response = \"***\"\r\nTo: <sip:a@b>\r\n"},
		{"aka", "Authorization: Digest auts=\"QUJD\", cnonce=\"x\"\r\n", "Authorization: Digest auts=\"***\", cnonce=\"x\"\r\n"},
		{"info", "Authentication-Info: nextnonce=\"n\", rspauth=\"abcd\"\r\n", "Authentication-Info: nextnonce=\"n\", rspauth=\"***\"\r\n"},
		{"bearer", "Authorization: Bearer abc.def\r\n ghi jkl\r\nX: y\r\n", "Authorization: Bearer ***\r\n ***\r\nX: y\r\n"},
		{"basic", "Authorization:\tBasic dTpw\r\n", "Authorization:\tBasic ***\r\n"},
		{"no scheme", "Authorization: dTpw\r\n", "Authorization: ***\r\n"},
		{"scheme by itself", "Authorization: Digest\r\n", "Authorization: ***\r\n"},
		{"cookies", "Cookie: a=b\r\nset-cookie: c=d; x\r\n", "Cookie: ***\r\nset-cookie: ***\r\n"},
		{"passwords", "INVITE sip:a:secret@h SIP/2.0\r\nFrom: \"x:y@z\" <SIPS:b:pw;x@h>;tag=1\r\nTo: <sip:c@h>, sip:d:e@f\r\n",
			"INVITE sip:a:***@h SIP/2.0\r\nFrom: \"x:y@z\" <SIPS:b:***@h>;tag=1\r\nTo: <sip:c@h>, sip:d:***@f\r\n"},
		{"port is no password", "Contact: <sip:h:5060>, <sip:a@h:5060>\r\n", "Contact: <sip:h:5060>, <sip:a@h:5060>\r\n"},
		{"folded password", "Contact:\r\n <sip:a:b@c>\r\n", "Contact:\r\n <sip:a:***@c>\r\n"},
		{"body", "\r\n\r\nA\r\n\r\nv=0\r\nk=clear:abc\r\na=crypto:1 AES inline:xyz|2^20 X\r\na=ice-pwd:abc\r\na=key-mgmt:mikey AAA\r\na=crypto:2\r\nAuthorization: Digest response=\"a\"\r\n",
			"\r\n\r\nA\r\n\r\nv=0\r\nk=***\r\na=crypto:1 AES inline:***\r\na=ice-pwd:***\r\na=key-mgmt:***\r\na=crypto:***\r\nAuthorization: Digest response=\"***\"\r\n"},
		{"fold before the value", "Authorization: Digest response=\r\n \"abc\", nc=1\r\nX: y\r\n", "Authorization: Digest response=\r\n \"***\", nc=1\r\nX: y\r\n"},
		{"fold before the equals sign", "Authorization: Digest response\r\n\t=\r\n abc, nc=1\r\n", "Authorization: Digest response\r\n\t=\r\n \"***\", nc=1\r\n"},
		{"fold in the value", "Authorization: Digest response=\"abc\r\n def\", nc=1\r\n", "Authorization: Digest response=\"***\"\r\n , nc=1\r\n"},
		{"fold before the scheme", "Authorization:\r\n Digest response=\"abc\"\r\n", "Authorization:\r\n Digest response=\"***\"\r\n"},
		{"tokens", "P-OSP-Auth-Token: abc;x\r\nx-api-key:d\r\nToken: e\r\n", "P-OSP-Auth-Token: ***\r\nx-api-key:***\r\nToken: e\r\n"},
		{"a message in a message", "A: b\r\n\r\nSIP/2.0 200 OK\r\nAuthorization: Digest response=\r\n \"a\"\r\nTo: <sip:a:b@c>\r\n", "A: b\r\n\r\nSIP/2.0 200 OK\r\nAuthorization: Digest response=\r\n \"***\"\r\nTo: <sip:a:***@c>\r\n"},
		{"headers of a URI", "Refer-To: <sip:a@b?Proxy-Authorization=Digest%20response%3Dabc&Subject=x>, <sip:c@d?x-token=e>\r\n", "Refer-To: <sip:a@b?Proxy-Authorization=***&Subject=x>, <sip:c@d?x-token=***>\r\n"},
		{"escaped URI", "Refer-To: <sip:a@b?Route=%3Csip%3Ac%3Asecret%40d%3Blr%3E&To=SIPS%3ae%3Af%40g&From=sip%3Ah%40i>\r\n", "Refer-To: <sip:a@b?Route=%3Csip%3Ac%3A***%40d%3Blr%3E&To=SIPS%3ae%3A***%40g&From=sip%3Ah%40i>\r\n"},
		{"cut in a quoted string", "Authorization: Digest response=\"abc", "Authorization: Digest response=\"***\""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, string(Redact(nil, []byte(c.in))))
			require.Equal(t, "x"+c.want, string(Redact([]byte("x"), []byte(c.in))))
		})
	}
}

// What Redact leaves needs no second pass, has the same lines, and took time
// linear in the length.
func FuzzRedact(f *testing.F) {
	f.Add([]byte("Authorization: Digest response=\"a\"\r\n sip:a:b@c\r\n\r\nk=x\r\n"))
	f.Add([]byte("sip:sip:sip:a:b@c\n\n\na=crypto:inline:inline:"))
	f.Add([]byte("Authorization: Digest response=\"a\r\n b\"\r\nX: sip:a@b?x-token=1&y=sip%3ac%3ad%40e\r\n\r\nCookie: a\r\n b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		once := Redact(nil, b)
		require.Equal(t, bytes.Count(b, []byte("\n")), bytes.Count(once, []byte("\n")))
		require.Equal(t, string(once), string(Redact(nil, once)))
		require.LessOrEqual(t, len(once), 6*len(b)+8)
	})
}

func TestRedactIsLinear(t *testing.T) {
	for _, piece := range []string{"sip:", "sip:a:", "\"", "a=", ",", "response=", " sip:a@", "\\", ":", "?", "&", "%40", "sip%3a", "\r\n "} {
		text := []byte("Authorization: Digest " + strings.Repeat(piece, (1<<20)/len(piece)))
		plain := []byte("To: " + strings.Repeat(piece, (1<<20)/len(piece)))
		start := time.Now()
		Redact(nil, text)
		Redact(nil, plain)
		require.Less(t, time.Since(start), 5*time.Second, piece)
	}
}
