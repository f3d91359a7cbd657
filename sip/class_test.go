package sip_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

const options = "OPTIONS sip:bob@h SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP a:5060;branch=z9hG4bK1\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: <sip:a@a>;tag=f1\r\n" +
	"To: <sip:bob@h>\r\n" +
	"Call-ID: c1\r\n" +
	"CSeq: 7 OPTIONS\r\n" +
	"Content-Length: 0\r\n\r\n"

// with returns options with one line replaced, or dropped if to is "".
func with(t testing.TB, name, to string) string {
	t.Helper()
	lines := strings.SplitAfter(options, "\r\n")
	for i, l := range lines {
		if strings.HasPrefix(l, name) {
			lines[i] = ""
			if to != "" {
				lines[i] = to + "\r\n"
			}
			return strings.Join(lines, "")
		}
	}
	t.Fatal(name)
	return ""
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		line, to string
		want     error
	}{
		{"Via", "", msg.ErrMissing},
		{"From", "", msg.ErrMissing},
		{"To", "", msg.ErrMissing},
		{"Call-ID", "", msg.ErrMissing},
		{"CSeq", "", msg.ErrMissing},
		{"Via", "Via:", msg.ErrSyntax},
		{"Via", "Via: , SIP/2.0/UDP a", msg.ErrSyntax},
		{"Via", "Via: SIP/2.0/UDP a;;,;,,", msg.ErrSyntax},
		{"Via", "Via: SIP/2.0/UDP a:99999", sip.ErrPort},
		{"Via", "Via: SIP/2.0/UDP ::1", sip.ErrHost},
		{"From", "From:", msg.ErrSyntax},
		{"From", "From: x", sip.ErrURI},
		{"From", "From: Bell, Alexander <sip:a@a>", sip.ErrURI},
		{"From", "From: <sip:a@a>;tag=1, <sip:b@b>;tag=2", msg.ErrTrailing},
		{"From", "From: <sip:a@a>;tag=1\r\nf: <sip:a@a>;tag=1", msg.ErrDouble},
		{"To", "To: \"Mr. J. User <sip:bob@h>", msg.ErrSyntax},
		{"To", "To: < sip:bob@h >", sip.ErrURI},
		{"To", "To: <sip:bob@h>\r\nt: <sip:eve@h>", msg.ErrDouble},
		{"To", "To: <sip:bob@h>\r\nTO\t: <sip:eve@h>", msg.ErrDouble},
		{"To", "To\v: <sip:bob@h>", msg.ErrFieldName},
		{"Call-ID", "Call-ID:", msg.ErrSyntax},
		{"Call-ID", "Call-ID: a b", msg.ErrSyntax},
		{"Call-ID", "Call-ID: a, b", msg.ErrSyntax},
		{"Call-ID", "Call-ID: a\r\ni: a", msg.ErrDouble},
		{"CSeq", "CSeq: 7", msg.ErrSyntax},
		{"CSeq", "CSeq: 7 OPTIONS x", msg.ErrTrailing},
		{"CSeq", "CSeq: 7 INVITE", sip.ErrMethod},
		{"CSeq", "CSeq: 7 options", sip.ErrMethod},
		{"CSeq", "CSeq: 4294967296 OPTIONS", msg.ErrRange},
		{"CSeq", "CSeq: -1 OPTIONS", msg.ErrSyntax},
		{"CSeq", "CSeq: 7 OPTIONS\r\nCSeq: 8 OPTIONS", msg.ErrDouble},
		{"Max-Forwards", "Max-Forwards: 256", msg.ErrRange},
		{"Max-Forwards", "Max-Forwards: -1", msg.ErrSyntax},
		{"Max-Forwards", "Max-Forwards: 70, 70", msg.ErrSyntax},
		{"Max-Forwards", "Max-Forwards: 70\r\nMax-Forwards: 70", msg.ErrDouble},
		{"Content-Length", "Content-Length: 1", msg.ErrLength},
		{"Content-Length", "Content-Length: 0\r\nl: 1", msg.ErrDouble},
		{"OPTIONS", "OPTIONS <sip:bob@h> SIP/2.0", sip.ErrURI},
		{"OPTIONS", "OPTIONS sip:bob@h;; SIP/2.0", sip.ErrURI},
		{"OPTIONS", "OPTIONS sip:bob@h?Route=x SIP/2.0", sip.ErrURI},
		{"OPTIONS", "OPTIONS sip:bob@2001:db8::1 SIP/2.0", sip.ErrPort},
		{"OPTIONS", "OPTIONS * SIP/2.0", sip.ErrURI},
		{"OPTIONS", "OPTIONS sip:bob@h SIP/3.0", msg.ErrVersion},
	} {
		m, err := sip.Parse(with(t, c.line, c.to))
		name := c.line + " -> " + c.to
		require.NotNil(t, m, name)
		found := false
		for _, e := range m.Errors() {
			var s *msg.SyntaxError
			require.ErrorAs(t, e, &s)
			found = found || matches(e, c.want)
		}
		require.True(t, found, "%s: %v", name, err)
		req, ok := sip.AsRequest(m)
		require.True(t, ok)
		for status := range []int{100, 200, 400} { // must not panic, whatever is missing
			resp, err := sip.NewResponse(req, []int{100, 200, 400}[status], sip.Server.Set("x"))
			require.NoError(t, err)
			_ = resp.TopVia()
			_ = resp.ToTag()
			_, _ = resp.From()
			_ = (&sip.StatusError{Response: resp}).Error()
		}
		_, _, _, _, _ = req.TopVia(), req.CSeq(), req.CallID(), req.FromTag(), req.Branch()
		_, _ = req.URI()
		_, _ = req.MaxForwards()
		_, _ = req.To()
	}
	_, err := sip.Parse(options)
	require.NoError(t, err)
}

func matches(err, want error) bool {
	s, ok := err.(*msg.SyntaxError)
	return ok && s.Err == want
}

func TestAccepted(t *testing.T) {
	for _, c := range [][2]string{
		{"Max-Forwards", ""},
		{"Content-Length", ""},
		{"Max-Forwards", "Max-Forwards: 0"},
		{"Content-Length", "Content-Length: 0\r\nl: 00"},
		{"Via", "v: SIP / 2.0 / UDP a : 5060 ;branch=z9hG4bK1,\r\n SIP/2.0/TCP b"},
		{"From", "f:\r\n A B\r\n <sip:a@a>\r\n ;tag=f1"},
		{"To", "t:sip:bob@h"},
		{"Call-ID", "I  : c1"},
		{"CSeq", "cseq: 07\r\n\tOPTIONS"},
		{"OPTIONS", "OPTIONS nobody:knows-this SIP/2.0"},
		{"OPTIONS", "OPTIONS tel:+123 sip/2.0"},
		{"Call-ID", "Call-ID: c1\r\nDate: nonsense\r\nContact: <nonsense\r\nExpires: 99999999999\r\nAllow: ,,\r\nX y\x21: z"},
	} {
		text := with(t, c[0], c[1])
		if strings.Contains(text, "X y") {
			text = strings.ReplaceAll(text, "X y\x21", "Xy\x21")
		}
		m, err := sip.Parse(text)
		require.NoError(t, err, c[1])
		require.Equal(t, text, m.String())
		req, _ := sip.AsRequest(m)
		require.Equal(t, "c1", req.CallID())
		require.Equal(t, sip.Sequence{Seq: 7, Method: "OPTIONS"}, req.CSeq())
		require.Equal(t, "z9hG4bK1", req.Branch())
		require.Equal(t, "f1", req.FromTag())
		require.Empty(t, req.ToTag())
		v := req.TopVia()
		require.Equal(t, sip.ViaParm{Protocol: "SIP/2.0", Transport: "UDP", Host: "a", Port: 5060, Params: ";branch=z9hG4bK1"}, v)
	}
}

func TestAccessorsReadWhatHeadersRead(t *testing.T) {
	for _, set := range []string{"rfc3665/*.sip", "rfc4475/*.dat", "rfc5118/*.dat", "bench/*.sip"} {
		for name, text := range corpus(t, set) {
			m, _ := sip.Parse(text)
			if m == nil {
				continue
			}
			req := sip.Request{Message: m}
			resp := sip.Response{Message: m}
			via, _, _ := sip.Via.Get(m)
			require.Equal(t, via, req.TopVia(), name)
			require.Equal(t, via, resp.TopVia(), name)
			require.Equal(t, via.Branch(), req.Branch(), name)
			require.Equal(t, via.Branch(), resp.Branch(), name)
			id, _, _ := sip.CallID.Get(m)
			require.Equal(t, id, req.CallID(), name)
			require.Equal(t, id, resp.CallID(), name)
			seq, _, _ := sip.CSeq.Get(m)
			require.Equal(t, seq, req.CSeq(), name)
			require.Equal(t, seq, resp.CSeq(), name)
			from, _, _ := sip.From.Get(m)
			require.Equal(t, from.Tag(), req.FromTag(), name)
			require.Equal(t, from.Tag(), resp.FromTag(), name)
			to, _, _ := sip.To.Get(m)
			require.Equal(t, to.Tag(), req.ToTag(), name)
			require.Equal(t, to.Tag(), resp.ToTag(), name)
			hops, ok, err := sip.MaxForwards.Get(m)
			n, marked := req.MaxForwards()
			require.Equal(t, ok && err == nil, marked, name)
			require.EqualValues(t, hops, n, name)
		}
	}
}

func TestClassNames(t *testing.T) {
	for short, long := range map[string]string{
		"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length", "c": "Content-Type", "e": "Content-Encoding",
		"k": "Supported", "s": "Subject", "o": "Event", "u": "Allow-Events", "r": "Refer-To", "b": "Referred-By", "x": "Session-Expires",
		"a": "Accept-Contact", "j": "Reject-Contact", "d": "Request-Disposition",
	} {
		id := sip.Class().Lookup(short)
		require.NotZero(t, id, short)
		require.Equal(t, id, sip.Class().Lookup(long))
		require.Equal(t, id, sip.Class().Lookup(strings.ToUpper(long)))
		info, _ := sip.Class().Info(id)
		require.Equal(t, long, info.Name)
	}
}

func FuzzParse(f *testing.F) {
	for _, set := range []string{"rfc3665/*.sip", "rfc4475/*.dat", "rfc5118/*.dat"} {
		for _, text := range corpus(f, set) {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := sip.Parse(s)
		require.Equal(t, m == nil || m.Err() != nil, err != nil)
		if m == nil {
			return
		}
		_ = decode(m)
		req := sip.Request{Message: m}
		via, _, _ := sip.Via.Get(m)
		require.Equal(t, via, req.TopVia())
		id, _, _ := sip.CallID.Get(m)
		require.Equal(t, id, req.CallID())
		to, _, _ := sip.To.Get(m)
		require.Equal(t, to.Tag(), req.ToTag())
		if req, ok := sip.AsRequest(m); ok {
			for _, status := range []int{100, 200, 400} {
				resp, err := sip.NewResponse(req, status, sip.Server.Set("s"))
				require.NoError(t, err)
				again, perr := msg.Parse(sip.Class(), resp.String(), msg.Limits{Headers: -1, Lines: -1, Header: -1})
				require.NotNil(t, again)
				if err == nil && m.Err() == nil {
					require.NoError(t, perr, "%q", resp.String())
				}
			}
		}
		if err != nil {
			return
		}
		out := m.String()
		again, err := sip.Parse(out)
		require.NoError(t, err)
		require.Equal(t, out, again.String())
		// What a header reads, it can write, and reads again.
		for a, err := range sip.Contact.All(m) {
			if err != nil {
				continue
			}
			if m2, err := m.Edit(sip.Contact.Set(a)); err == nil {
				m3, err := msg.Parse(sip.Class(), m2.String(), msg.Limits{Headers: -1, Lines: -1, Header: -1})
				require.NoError(t, err)
				b, ok, err := sip.Contact.Get(m3)
				require.True(t, ok && err == nil)
				require.Equal(t, a, b)
			}
		}
		m2, err := m.Edit(sip.Via.Push(sip.ViaParm{Transport: "UDP", Host: "x"}), sip.Via.Pop(), sip.Via.Pop(), sip.Route.Pop())
		require.NoError(t, err)
		_ = m2.String()
	})
}
