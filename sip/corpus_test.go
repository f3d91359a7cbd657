package sip_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// corpus returns the texts of the files that match the pattern, by name.
func corpus(t testing.TB, pattern string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	require.NoError(t, err)
	require.NotEmpty(t, names, pattern)
	texts := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		base := filepath.Base(name)
		texts[strings.TrimSuffix(base, filepath.Ext(base))] = string(b)
	}
	return texts
}

// decode reads every header of m that this package types, and returns the first error.
func decode(m *msg.Message) error {
	var first error
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	for _, h := range []sip.AddrHeader{sip.From, sip.To, sip.Route, sip.RecordRoute, sip.ReferTo, sip.Path, sip.ServiceRoute, sip.ReplyTo, sip.ReferredBy} {
		for _, err := range h.All(m) {
			note(err)
		}
	}
	for _, h := range []sip.TokenHeader{sip.Allow, sip.Supported, sip.Require, sip.ProxyRequire, sip.Unsupported, sip.ContentEncoding, sip.ContentLanguage, sip.AllowEvents} {
		for _, err := range h.All(m) {
			note(err)
		}
	}
	for _, err := range sip.Via.All(m) {
		note(err)
	}
	for _, err := range sip.Contact.All(m) {
		note(err)
	}
	for _, err := range sip.Accept.All(m) {
		note(err)
	}
	for _, h := range []sip.ItemHeader{sip.AcceptLanguage, sip.AcceptEncoding, sip.ContentDisposition} {
		for _, err := range h.All(m) {
			note(err)
		}
	}
	for _, err := range sip.Warning.All(m) {
		note(err)
	}
	for _, err := range sip.WWWAuthenticate.All(m) {
		note(err)
	}
	for _, err := range sip.ProxyAuthorization.All(m) {
		note(err)
	}
	_, _, err := sip.CSeq.Get(m)
	note(err)
	_, _, err = sip.CallID.Get(m)
	note(err)
	_, _, err = sip.Date.Get(m)
	note(err)
	_, _, err = sip.RetryAfter.Get(m)
	note(err)
	_, _, err = sip.ContentType.Get(m)
	note(err)
	_, _, err = sip.Expires.Get(m)
	note(err)
	_, _, err = sip.MaxForwards.Get(m)
	note(err)
	_, _, err = sip.Timestamp.Get(m)
	note(err)
	return first
}

func TestBasicCallFlows(t *testing.T) {
	texts := corpus(t, "rfc3665/*.sip")
	require.Len(t, texts, 193)
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			m, err := sip.Parse(text)
			require.NoError(t, err)
			require.NoError(t, m.Err())
			require.NoError(t, decode(m))
			require.Equal(t, text, m.String(), "not re-emitted byte for byte")
			require.Equal(t, len(text), m.Len())
			if r, ok := sip.AsRequest(m); ok {
				u, err := r.URI()
				require.NoError(t, err)
				require.Equal(t, r.RequestURI(), u.String())
			}
			for a, err := range sip.Contact.All(m) {
				require.NoError(t, err)
				if a.Star() {
					continue
				}
				again, err := sip.ParseNameAddr(a.String())
				require.NoError(t, err)
				require.Equal(t, a, again)
			}
		})
	}
}

type verdict struct {
	Name, Verdict, Parser string
	UAS                   struct {
		Status []int
		UAC    string
	}
	Facts map[string]any
}

func verdicts(t *testing.T, file string) []verdict {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	var doc struct{ Messages []verdict }
	require.NoError(t, json.Unmarshal(b, &doc))
	require.NotEmpty(t, doc.Messages)
	return doc.Messages
}

// byUser names the messages that no transaction needs to refuse: the header
// that is wrong is looked at by who acts on it, and decoding it fails.
var byUser = map[string]string{
	"regbadct": "Contact with ? outside of brackets: the registrar decodes Contact",
}

// accepted names invalid messages that this layer takes on purpose.
var accepted = map[string]string{
	"baddate":                       "a bad Date alone never kills a request; decoding it fails",
	"badbranch":                     "the transaction layer decides what a bare cookie means",
	"via-received-param-with-delim": "RFC 5118 section 4.5 asks for it",
}

func TestTortureVerdicts(t *testing.T) {
	for _, set := range []string{"rfc4475", "rfc5118"} {
		texts := corpus(t, set+"/*.dat")
		for _, v := range verdicts(t, set+".json") {
			t.Run(v.Name, func(t *testing.T) {
				text, ok := texts[v.Name]
				require.True(t, ok)
				m, err := sip.Parse(text)
				switch {
				case v.Verdict == "valid":
					require.NoError(t, err)
					require.True(t, strings.HasPrefix(text, m.String()), "not re-emitted byte for byte")
				case byUser[v.Name] != "":
					require.NoError(t, err)
					require.Error(t, decode(m))
				case accepted[v.Name] != "":
					require.NoError(t, err)
				default:
					require.Error(t, err)
				}
				if err != nil {
					var e *msg.SyntaxError
					require.ErrorAs(t, err, &e)
					require.NotNil(t, m, "nobody could be answered")
					if r, ok := sip.AsRequest(m); ok {
						require.Contains(t, append(v.UAS.Status, 400), e.Status())
						resp, err := sip.NewResponse(r, e.Status())
						require.NoError(t, err)
						require.Equal(t, e.Status(), resp.Status())
					} else {
						require.NotEmpty(t, v.UAS.UAC, "a response must be dropped")
					}
				}
				facts(t, m, v.Facts)
			})
		}
	}
}

// facts checks what the corpus says a parser must be able to report.
func facts(t *testing.T, m *msg.Message, want map[string]any) {
	t.Helper()
	req, _ := sip.AsRequest(m)
	var resp sip.Response
	if req.IsZero() {
		resp, _ = sip.AsResponse(m)
		req = sip.Request{Message: m} // for the methods that both have
	}
	from, _ := req.From()
	to, _ := req.To()
	contact, _, _ := sip.Contact.Get(m)
	target, _ := sip.ParseURI(m.RequestURI())
	var vias []sip.ViaParm
	for v, err := range sip.Via.All(m) {
		if err == nil {
			vias = append(vias, v)
		}
	}
	list := func(f func(sip.ViaParm) any) (l []any) {
		for _, v := range vias {
			l = append(l, f(v))
		}
		return l
	}
	port := func(p uint16) any {
		if p == 0 {
			return nil
		}
		return float64(p)
	}
	user := func(u sip.URI) string { s, _ := u.UserInfo(); return s }
	for key, w := range want {
		switch key {
		case "method":
			require.Equal(t, w, m.Method(), key)
		case "request_uri":
			require.Equal(t, w, m.RequestURI(), key)
		case "request_uri_user":
			require.Equal(t, w, target.User, key)
		case "request_uri_password":
			require.Equal(t, w, target.Password, key)
		case "request_uri_user_decoded":
			require.Equal(t, w, user(target), key)
		case "request_uri_host":
			if w == "2001:db8::192.0.2.1" && m.Err() != nil {
				continue // three colons: refused
			}
			require.Equal(t, w, target.Host, key)
		case "request_uri_port":
			require.Equal(t, w, port(target.Port), key)
		case "scheme":
			require.Equal(t, w, strings.ToLower(target.Scheme), key)
		case "to_tag":
			require.Equal(t, w, req.ToTag(), key)
			require.Equal(t, w, to.Tag(), key)
		case "from_tag":
			if w == nil {
				w = ""
			}
			require.Equal(t, w, req.FromTag(), key)
			require.Equal(t, w, from.Tag(), key)
		case "to_uri":
			require.Equal(t, w, to.URI.String(), key)
		case "from_uri":
			require.Equal(t, w, from.URI.String(), key)
		case "to_port":
			require.Equal(t, w, port(to.URI.Port), key)
		case "to_user_decoded":
			require.Equal(t, w, user(to.URI), key)
		case "from_user_decoded":
			require.Equal(t, w, user(from.URI), key)
		case "to_scheme":
			require.Equal(t, w, to.URI.Scheme, key)
		case "from_scheme":
			require.Equal(t, w, from.URI.Scheme, key)
		case "contact_scheme":
			require.Equal(t, w, contact.URI.Scheme, key)
		case "from_display":
			if m.Err() == nil {
				require.Equal(t, w, strings.Join(strings.Fields(from.Display), " "), key)
			}
		case "to_display":
			require.Equal(t, w, to.Display, key)
		case "to_display_hex":
			require.Equal(t, w, hexOf(to.Display), key)
		case "contact_user_decoded":
			require.Equal(t, w, user(contact.URI), key)
		case "contact_host":
			require.Equal(t, w, contact.URI.Host, key)
		case "contact_uri":
			require.Equal(t, w, contact.URI.String(), key)
		case "contact_uri_params_decoded":
			for n, v := range w.(map[string]any) {
				got, ok := contact.URI.Param(n)
				require.True(t, ok, n)
				if v == nil {
					v = ""
				}
				require.Equal(t, v, got, n)
			}
		case "contact_header_params":
			for n := range w.(map[string]any) {
				require.True(t, contact.Params.Has(n), n)
			}
		case "contact_display":
			require.Equal(t, strings.ReplaceAll(w.(string), "\\", ""), contact.Display, key)
		case "contact_users_decoded_hex":
			i := 0
			for a, err := range sip.Contact.All(m) {
				require.NoError(t, err)
				require.Equal(t, w.([]any)[i], hexOf(user(a.URI)))
				i++
			}
		case "contact_count":
			if m.Err() == nil {
				n := 0
				for range sip.Contact.All(m) {
					n++
				}
				require.EqualValues(t, w, n, key)
			}
		case "contacts_equal":
			var l []sip.URI
			for a := range sip.Contact.All(m) {
				l = append(l, a.URI)
			}
			require.Equal(t, w, l[0].Equal(l[1]), key)
		case "call_id":
			require.Equal(t, w, req.CallID(), key)
		case "cseq":
			require.EqualValues(t, w, req.CSeq().Seq, key)
		case "cseq_method":
			require.Equal(t, w, req.CSeq().Method, key)
		case "max_forwards":
			if n, ok := req.MaxForwards(); w != nil {
				require.True(t, ok)
				require.EqualValues(t, w, n, key)
			} else {
				require.False(t, ok)
			}
		case "content_length":
			if n, ok, err := sip.ContentLength.Get(m); w != nil {
				require.True(t, ok && err == nil)
				require.EqualValues(t, w, n, key)
			} else {
				require.False(t, ok)
			}
		case "body_octets":
			require.Len(t, m.Body(), int(w.(float64)), key)
		case "via_count":
			require.Len(t, vias, int(w.(float64)), key)
		case "via_sent_by":
			require.Equal(t, w, list(func(v sip.ViaParm) any { return v.Host }), key)
		case "via_hosts":
			require.Equal(t, w, list(func(v sip.ViaParm) any { return v.Host }), key)
		case "via_ports":
			require.Equal(t, w, list(func(v sip.ViaParm) any { return port(v.Port) }), key)
		case "via_transport":
			require.Equal(t, w, list(func(v sip.ViaParm) any { return v.Transport }), key)
		case "via_branch":
			if w.([]any)[0] == nil {
				w = []any{""}
			}
			require.Equal(t, w, list(func(v sip.ViaParm) any { return v.Branch() }), key)
		case "via_received":
			require.Equal(t, w, vias[0].Received(), key)
		case "via_host", "via_top_sent_by":
			require.Equal(t, w, vias[0].Host, key)
			require.Equal(t, vias[0], req.TopVia())
		case "via_last_sent_by":
			require.Equal(t, w, vias[len(vias)-1].Host, key)
		case "via3_received":
			require.Equal(t, w, vias[2].Received(), key)
		case "via_rport_present":
			_, present, _ := vias[0].RPort()
			require.Equal(t, w, present, key)
		case "status":
			require.EqualValues(t, w, resp.Status(), key)
		case "reason":
			require.Equal(t, w, m.Phrase(), key)
		case "reason_hex":
			require.Equal(t, w, hexOf(m.Phrase()), key)
		case "version":
			require.Equal(t, w, m.Version(), key)
		case "subject":
			s, ok, err := sip.Subject.Get(m)
			require.True(t, ok && err == nil)
			require.Equal(t, w, s, key)
		case "unknown_headers":
			for n, v := range w.(map[string]any) {
				got, ok, err := msg.Extension[string, msg.TextCodec]{Name: n}.Get(m)
				require.True(t, ok && err == nil)
				require.Equal(t, v, got, n)
			}
		case "require_count":
			n := 0
			for _, err := range sip.Require.All(m) {
				require.NoError(t, err)
				n++
			}
			require.EqualValues(t, w, n, key)
		case "accept_count":
			n := 0
			for _, err := range sip.Accept.All(m) {
				require.NoError(t, err)
				n++
			}
			require.EqualValues(t, w, n, key)
		case "content_type":
			ct, _, err := sip.ContentType.Get(m)
			require.NoError(t, err)
			require.True(t, ct.Is(w.(string)))
		case "route_uri":
			r, ok, err := sip.Route.Get(m)
			require.True(t, ok && err == nil)
			require.Equal(t, w, r.URI.String(), key)
			require.True(t, r.URI.Loose())
		}
	}
}
