package sip_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

// builder makes a whole message with a text in it.
type builder struct {
	name  string
	build func(s string) (*msg.Message, error)
	// same reports whether what was read back has the text that was given; nil
	// where the message says it all.
	same func(m *msg.Message, s string) bool
}

func asMessage[T interface{ Msg() *msg.Message }](v T, err error) (*msg.Message, error) {
	if err != nil {
		return nil, err
	}
	return v.Msg(), nil
}

// mandatory are the headers of a request, but for its method.
func mandatory(method string, set ...msg.Setter) []msg.Setter {
	return append([]msg.Setter{
		sip.Via.Set(sip.ViaParm{Transport: "UDP", Host: "a.example", Params: ";branch=z9hG4bK1"}),
		sip.From.Set(sip.NameAddr{URI: sip.MustParseURI("sip:a@a.example"), Params: ";tag=1"}),
		sip.To.Set(sip.NameAddr{URI: sip.MustParseURI("sip:b@b.example")}),
		sip.CallID.Set("1"), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: method}),
	}, set...)
}

func builders(t *testing.T) []builder {
	b := sip.MustParseURI("sip:b@b.example")
	request := func(u sip.URI, set ...msg.Setter) (*msg.Message, error) {
		return asMessage(sip.NewRequest(sip.MethodInvite, u, mandatory(sip.MethodInvite, set...)...))
	}
	base := composeBase(t)
	response := func(set ...msg.Setter) (*msg.Message, error) { return asMessage(sip.NewResponse(base, 486, set...)) }
	uri := func(name string, f func(s string) sip.URI) builder {
		return builder{"Request-URI " + name, func(s string) (*msg.Message, error) { return request(f(s)) }, func(m *msg.Message, s string) bool {
			u, err := sip.ParseURI(m.RequestURI())
			return err == nil && u.Equal(f(s)) && u.String() == f(s).String()
		}}
	}
	targeted := func(name string, f func(s string) (sip.URI, error)) builder {
		return builder{name, func(s string) (*msg.Message, error) {
			u, err := f(s)
			if err != nil {
				return nil, err
			}
			return request(u)
		}, nil}
	}
	list := []builder{
		{"method", func(s string) (*msg.Message, error) { return asMessage(sip.NewRequest(s, b, mandatory(s)...)) },
			func(m *msg.Message, s string) bool { return m.Method() == s }},
		uri("scheme", func(s string) sip.URI { return sip.URI{Scheme: s, User: "a", Host: "b.example"} }),
		uri("user", func(s string) sip.URI { return sip.URI{Scheme: "sip", User: s, Host: "b.example"} }),
		uri("escaped user", func(s string) sip.URI { return sip.URI{Scheme: "sips", User: sip.EscapeUser(s), Host: "b.example"} }),
		uri("password", func(s string) sip.URI { return sip.URI{Scheme: "sip", User: "a", Password: s, Host: "b.example"} }),
		uri("host", func(s string) sip.URI { return sip.URI{Scheme: "sip", User: "a", Host: s} }),
		uri("params", func(s string) sip.URI { return sip.URI{Scheme: "sip", Host: "h.example", Params: msg.Params(s)} }),
		uri("transport", func(s string) sip.URI { return sip.MustParseURI("sip:b.example").WithParam("transport", s) }),
		uri("maddr", func(s string) sip.URI { return sip.MustParseURI("sip:b.example").WithParam("maddr", s) }),
		uri("ttl", func(s string) sip.URI { return sip.MustParseURI("sip:b.example").WithParam("ttl", s) }),
		uri("method", func(s string) sip.URI { return sip.MustParseURI("sip:b.example").WithParam("method", s) }),
		uri("parameter", func(s string) sip.URI { return sip.MustParseURI("sip:b.example;x=y").WithParam(s, s) }),
		uri("without parameter", func(s string) sip.URI { return sip.MustParseURI("sip:b.example;a;b=c").WithoutParam(s) }),
		uri("headers", func(s string) sip.URI { return sip.URI{Scheme: "sip", Host: "h.example", Headers: s} }),
		uri("opaque", func(s string) sip.URI { return sip.URI{Scheme: "urn", Opaque: s} }),
		uri("number", func(s string) sip.URI { return sip.URI{Scheme: "tel", Opaque: s} }),
		uri("tel params", func(s string) sip.URI { return sip.URI{Scheme: "tel", Opaque: "+1", Params: msg.Params(s)} }),
		uri("AOR", func(s string) sip.URI { return sip.URI{Scheme: "sip", User: s, Host: "B.example"}.AOR() }),
		targeted("parsed", sip.ParseURI),
		targeted("parsed user", func(s string) (sip.URI, error) { return sip.ParseURI("sip:" + s + "@b.example") }),
		targeted("tel at", func(s string) (sip.URI, error) { return sip.TelToSIP(sip.MustParseURI("tel:+1"), s) }),
		targeted("tel", func(s string) (sip.URI, error) {
			return sip.TelToSIP(sip.URI{Scheme: "tel", Opaque: "+1", Params: msg.Params(";ext=" + s)}, "b.example")
		}),
		targeted("tel of user", func(s string) (sip.URI, error) {
			u, ok := sip.URI{Scheme: "sip", User: s, Host: "b.example", Params: ";user=phone"}.Tel()
			if !ok {
				return u, errors.New("none")
			}
			return u, nil
		}),
		{"RequestURI", func(s string) (*msg.Message, error) { return request(b, msg.RequestURI(s)) }, func(m *msg.Message, s string) bool { return m.RequestURI() == s }},
		{"sip.RequestURI", func(s string) (*msg.Message, error) {
			return request(b, sip.RequestURI(sip.URI{Scheme: "sip", User: s, Host: "h.example"}))
		}, nil},
		{"RequestFrom header", func(s string) (*msg.Message, error) {
			return asMessage(sip.RequestFrom(b.WithHeader("Subject", s), mandatory(sip.MethodInvite)...))
		}, func(m *msg.Message, s string) bool {
			v, _, err := sip.Subject.Get(m)
			return err == nil && v == strings.Trim(s, " \t")
		}},
		{"RequestFrom header name", func(s string) (*msg.Message, error) {
			return asMessage(sip.RequestFrom(b.WithHeader(s, "x"), mandatory(sip.MethodInvite)...))
		}, nil},
		{"RequestFrom To", func(s string) (*msg.Message, error) {
			return asMessage(sip.RequestFrom(b.WithHeader("To", s), mandatory(sip.MethodInvite)...))
		}, nil},
		{"RequestFrom method", func(s string) (*msg.Message, error) {
			u := b.WithParam("method", s)
			method := u.Method()
			if method == "" {
				method = sip.MethodInvite
			}
			return asMessage(sip.RequestFrom(u, mandatory(method)...))
		}, nil},
		{"phrase", func(s string) (*msg.Message, error) { return response(sip.Phrase(s)) }, func(m *msg.Message, s string) bool { return m.Phrase() == s }},
		{"status line", func(s string) (*msg.Message, error) { return response(msg.StatusLine(len(s), s)) },
			func(m *msg.Message, s string) bool { return m.Status() == len(s) && m.Phrase() == s }},
		{"To tag", func(s string) (*msg.Message, error) {
			to, _ := base.To()
			return response(sip.To.Set(to.WithTag(s)))
		}, func(m *msg.Message, s string) bool {
			to, _, err := sip.To.Get(m)
			return err == nil && to.Tag() == s
		}},
		{"fields", func(s string) (*msg.Message, error) { return response(msg.FieldText("X-"+s, s)) }, nil},
		{"field", func(s string) (*msg.Message, error) { return response(msg.FieldText(s, "1")) }, nil},
		{"known field", func(s string) (*msg.Message, error) { return response(msg.FieldText("Expires", s)) }, nil},
		{"compact field", func(s string) (*msg.Message, error) { return response(msg.FieldText("m", s)) }, nil},
		{"known extension", func(s string) (*msg.Message, error) {
			return response(msg.Extension[string, msg.TextCodec]{Name: "retry-after"}.Set(s))
		}, nil},
		{"features", func(s string) (*msg.Message, error) {
			a := sip.NameAddr{URI: b}.WithFeatures(sip.Feature{Tag: "sip.x", Value: s}, sip.Feature{Tag: s, Value: "TRUE"}, sip.Feature{Tag: "language", Value: s})
			return request(b, sip.Contact.Set(a))
		}, nil},
		{"feature caps", func(s string) (*msg.Message, error) {
			return request(b, sip.FeatureCaps.Set(sip.Preference{Params: sip.Feature{Tag: "sip.x", Value: s}.Param()}))
		}, nil},
		{"refresher", func(s string) (*msg.Message, error) {
			return request(b, sip.SessionExpires.Set(sip.Interval{Seconds: 90}.WithRefresher(s)))
		}, nil},
		{"reason", func(s string) (*msg.Message, error) {
			return request(b, sip.Reason.Set(sip.NewReason("SIP", len(s), s), sip.NewReason("Q.850", -len(s), s)))
		}, nil},
		{"payload", func(s string) (*msg.Message, error) { return request(b, sip.Payload("text/plain;x="+s, s)) },
			func(m *msg.Message, s string) bool { return m.Body() == s }},
		{"body, then another", func(s string) (*msg.Message, error) { return request(b, msg.Body(s+s), msg.Body(s)) },
			func(m *msg.Message, s string) bool { return m.Body() == s }},
		{"length", func(s string) (*msg.Message, error) { return request(b, msg.Body(s), sip.ContentLength.Set(1)) },
			func(m *msg.Message, s string) bool { return m.Body() == s }},
		{"length as text", func(s string) (*msg.Message, error) { return request(b, msg.Body("1"), sip.ContentLength.Text(s)) },
			func(m *msg.Message, s string) bool { return m.Body() == "1" }},
		{"length as field", func(s string) (*msg.Message, error) { return request(b, msg.Body("1"), msg.FieldText("l", s)) },
			func(m *msg.Message, s string) bool { return m.Body() == "1" }},
		{"text of a list", func(s string) (*msg.Message, error) { return request(b, sip.Route.Text("<sip:h.example;lr>, "+s)) }, nil},
		{"text of tokens", func(s string) (*msg.Message, error) { return request(b, sip.Supported.Text("a, "+s)) }, nil},
		{"text of a challenge", func(s string) (*msg.Message, error) { return request(b, sip.WWWAuthenticate.Text(s)) }, nil},
		{"star and", func(s string) (*msg.Message, error) {
			return request(b, sip.Contact.Set(sip.Star()), sip.Contact.Add(sip.NameAddr{URI: sip.URI{Scheme: "sip", Host: s}}))
		}, nil},
		{"fragment", func(s string) (*msg.Message, error) {
			f, err := sip.NewFragment(msg.StatusLine(180, s), sip.Subject.Set(s))
			if err != nil {
				return nil, err
			}
			return request(b, sip.Payload(sip.FragmentType, f.String()))
		}, func(m *msg.Message, s string) bool {
			f, err := sip.ParseFragment(m.Body())
			if err != nil || f.Phrase() != s {
				return false
			}
			v, _, err := sip.Subject.Get(f)
			return err == nil && v == s
		}},
		{"multipart", func(s string) (*msg.Message, error) {
			mp, err := multipart(s)
			if err != nil {
				return nil, err
			}
			return request(b, mp.Set())
		}, func(m *msg.Message, s string) bool {
			mp, err := m.Multipart(msg.Limits{})
			return err == nil && mp.Len() == 2 && mp.Part(0).Body() == s && mp.Part(1).Body() == "--"+s+"\r\n--boundary-0000000001--\r\n"
		}},
		{"multipart subtype", func(s string) (*msg.Message, error) {
			p, err := msg.NewPart("text/plain", "x")
			if err != nil {
				return nil, err
			}
			mp, err := msg.NewMultipart(s, p)
			if err != nil {
				return nil, err
			}
			return request(b, mp.Set())
		}, func(m *msg.Message, s string) bool {
			mp, err := m.Multipart(msg.Limits{})
			return err == nil && mp.Type().Subtype == s && mp.Len() == 1
		}},
		{"part", func(s string) (*msg.Message, error) {
			p, err := msg.NewPart("text/plain;x="+s, "x", msg.ContentID.Set(s), msg.ContentDescription.Set(s), msg.FieldText("Content-"+s, s))
			if err != nil {
				return nil, err
			}
			mp, err := msg.NewMultipart("mixed", p)
			if err != nil {
				return nil, err
			}
			return request(b, mp.Set())
		}, func(m *msg.Message, s string) bool {
			mp, err := m.Multipart(msg.Limits{})
			return err == nil && mp.Len() == 1 && mp.Part(0).Body() == "x" && mp.Part(0).ID() == s
		}},
		{"credentials", func(s string) (*msg.Message, error) { return digest(request, b, s, "realm") }, nil},
		{"credentials of a realm", func(s string) (*msg.Message, error) { return digest(request, b, "alice", s) }, nil},
		{"challenge", func(s string) (*msg.Message, error) {
			v, err := auth.NewVerifier(auth.VerifierConfig{Realm: s, Lookup: func(string, string) (auth.User, bool) { return auth.User{}, false }})
			if err != nil {
				return nil, err
			}
			return response(v.Challenge(true, false))
		}, nil},
	}
	for _, name := range []string{"Expires", "Replaces", "Reason", "Event", "Refer-To", "Call-Info", "Date", "Accept-Contact", "Authorization", "Via", "Content-Length"} {
		list = append(list, builder{"RequestFrom " + name, func(s string) (*msg.Message, error) {
			return asMessage(sip.RequestFrom(b.WithHeader(name, s), mandatory(sip.MethodInvite)...))
		}, nil})
	}
	return list
}

// right are texts that builders take which take nothing of hostile.
func right() []string {
	return []string{"1", "sips", "+1-800", "uac", "Digest realm=\"a\", nonce=\"b\"", "a;to-tag=1;from-tag=2", "Sat, 13 Nov 2010 23:29:00 GMT", "*;audio"}
}

// digest answers a challenge of a realm as a user.
func digest(request func(sip.URI, ...msg.Setter) (*msg.Message, error), u sip.URI, user, realm string) (*msg.Message, error) {
	req, err := request(u)
	if err != nil {
		return nil, err
	}
	v, err := auth.NewVerifier(auth.VerifierConfig{Realm: realm, UTF8: true, Lookup: func(string, string) (auth.User, bool) { return auth.User{}, false }})
	if err != nil {
		return nil, err
	}
	resp, err := sip.NewResponse(sip.Request{Message: req}, 401, v.Challenge(false, false))
	if err != nil {
		return nil, err
	}
	c := auth.NewClient(auth.ClientConfig{Users: []auth.User{{Username: user, Password: "x"}}})
	if err := c.Respond(resp.Message); err != nil {
		return nil, err
	}
	set, err := c.Setters(req.Method(), req.RequestURI(), "")
	if err != nil {
		return nil, err
	}
	return req.Edit(set...)
}

// multipart has s in one part, and in another what ends multiparts.
func multipart(s string) (*msg.Multipart, error) {
	p, err := msg.NewPart("application/octet-stream", s)
	if err != nil {
		return nil, err
	}
	q, err := msg.NewPart("text/plain", "--"+s+"\r\n--boundary-0000000001--\r\n", msg.ContentDescription.Set("x"))
	if err != nil {
		return nil, err
	}
	return msg.NewMultipart("mixed", p, q)
}

// TestJudgeBuilding gives every hostile text to every builder: it fails, or its
// message, and what answers it, is taken by every reading as it was meant.
func TestJudgeBuilding(t *testing.T) {
	built, refused := 0, 0
	for _, b := range builders(t) {
		before := built
		for _, s := range append(hostile(), right()...) {
			m, err := b.build(s)
			if err == nil {
				err = m.Err()
			}
			if err != nil {
				refused++
				continue
			}
			built++
			wire, err := m.AppendText(nil)
			require.NoError(t, err)
			require.Equal(t, m.Len(), len(wire))
			at := fmt.Sprintf("%s %.80q: %.400q", b.name, s, wire)
			for _, r := range readings() {
				back, err := msg.Parse(r.class, string(wire), msg.Limits{Header: 1 << 16, StartLine: 1 << 16})
				if err != nil {
					t.Errorf("%s: %v: %s", r.name, err, at)
					break
				}
				if err := messageError(back); err != nil {
					t.Errorf("%s: %v: %s", r.name, err, at)
					break
				}
				require.Equal(t, count(m), count(back), at)
				require.Equal(t, m.Body(), back.Body(), at)
				n, ok, err := sip.ContentLength.Get(back)
				require.True(t, ok && err == nil && int(n) == len(m.Body()), at)
				if b.same != nil && !b.same(back, s) {
					t.Errorf("%s: came back as another value: %s", r.name, at)
					break
				}
			}
			framed(t, string(wire), at)
			if req, ok := sip.AsRequest(m); ok {
				resp, err := sip.NewResponse(req, 480)
				require.NoError(t, err, at)
				require.NoError(t, resp.Err(), at)
			}
		}
		if built == before && b.name != "star and" {
			t.Errorf("%s builds nothing", b.name)
		}
	}
	t.Logf("%-9s %-9s built and read back %d, refused %d", "composing", "messages", built, refused)
}

// framed reads the message off a stream, twice.
func framed(t *testing.T, wire, at string) {
	f := msg.NewFramer(sip.Class(), msg.Limits{Header: 1 << 16, StartLine: 1 << 16})
	require.NoError(t, f.Feed([]byte(wire+wire)), at)
	for range 2 {
		frame, err := f.Next()
		require.NoError(t, err, at)
		require.Equal(t, wire, frame.Text, at)
	}
	require.Zero(t, f.Buffered(), at)
}
