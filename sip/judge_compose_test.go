package sip_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
)

// composer puts a text into a message and tells whether it came back.
type composer struct {
	name string
	set  func(s string) []msg.Setter
	// back returns the error of who reads the value again, and whether it is the
	// one that was given.
	back func(m *msg.Message, s string) (same bool, err error)
}

// composed is a composer for a value of a header.
func composed[T any, C msg.Codec[T]](part string, h msg.Header[T, C], with func(s string) T) composer {
	info, _ := sip.Class().Info(h.ID())
	return composer{
		info.Name + " " + part,
		func(s string) []msg.Setter { return []msg.Setter{h.Set(with(s))} },
		func(m *msg.Message, s string) (bool, error) {
			v, ok, err := h.Get(m)
			want := with(s)
			same := reflect.DeepEqual(v, want) || reflect.DeepEqual(parts(v), parts(want))
			return ok && same, err
		},
	}
}

// parts is flatten without the parameters that stand in a field of their own
// when they are read.
func parts(v any) map[string]string {
	have := flatten(v)
	switch v := v.(type) {
	case sip.ViaParm:
		if v.Protocol == "" { // is written as that
			v.Protocol = sip.Version
			have["protocol"] = sip.Version
		}
		have["text"] = fmt.Sprintf("%#v", v)
		return have
	case auth.Challenge, auth.Credentials, auth.Info:
		delete(have, "params")
		return have
	}
	have["text"] = fmt.Sprintf("%#v", v)
	return have
}

// uriPart is a composer for a part of the URI in a Contact.
func uriPart(part string, with func(u sip.URI, s string) sip.URI) composer {
	c := composed("URI "+part, sip.Contact, func(s string) sip.NameAddr {
		return sip.NameAddr{URI: with(sip.MustParseURI("sip:a@b.example"), s)}
	})
	return c
}

// composedText is a composer whose text comes back through get.
func composedText(name string, set func(s string) []msg.Setter, get func(m *msg.Message) (string, error)) composer {
	return composer{name, set, func(m *msg.Message, s string) (bool, error) {
		v, err := get(m)
		return v == s, err
	}}
}

// trimmed is c for a text whose white space at the ends does not count.
func (c composer) trimmed() composer {
	return composer{c.name, c.set, func(m *msg.Message, s string) (bool, error) {
		return c.back(m, strings.Trim(s, " \t"))
	}}
}

func one(s msg.Setter) []msg.Setter { return []msg.Setter{s} }

func composers() []composer {
	addr := func(u string) sip.NameAddr { return sip.NameAddr{URI: sip.MustParseURI(u)} }
	contact := func(m *msg.Message) (sip.NameAddr, error) {
		v, _, err := sip.Contact.Get(m)
		return v, err
	}
	via := func() sip.ViaParm { return sip.ViaParm{Protocol: "SIP/2.0", Transport: "UDP", Host: "a.example"} }
	params := func(s string) msg.Params { return msg.Params("").With("x", s) }
	all := []composer{
		// Addresses.
		composed("display", sip.From, func(s string) sip.NameAddr { a := addr("sip:a@b.example"); a.Display = s; return a }),
		composed("display", sip.Contact, func(s string) sip.NameAddr { a := addr("sip:a@b.example"); a.Display = s; return a }),
		composed("display", sip.Route, func(s string) sip.NameAddr { a := addr("sip:b.example;lr"); a.Display = s; return a }),
		composed("tag", sip.To, func(s string) sip.NameAddr { return addr("sip:a@b.example").WithTag(s) }),
		composed("params", sip.To, func(s string) sip.NameAddr { a := addr("sip:a@b.example"); a.Params = msg.Params(s); return a }),
		composed("params", sip.Contact, func(s string) sip.NameAddr { a := addr("sip:a@b.example"); a.Params = msg.Params(";x=" + s); return a }),
		composed("parameter", sip.Contact, func(s string) sip.NameAddr { a := addr("sip:a@b.example"); a.Params = params(s); return a }),
		composed("instance", sip.Contact, func(s string) sip.NameAddr { return addr("sip:a@b.example").WithInstance(s, 1) }),
		uriPart("scheme", func(u sip.URI, s string) sip.URI { u.Scheme = s; return u }),
		uriPart("user", func(u sip.URI, s string) sip.URI { u.User = s; return u }),
		uriPart("password", func(u sip.URI, s string) sip.URI { u.Password = s; return u }),
		uriPart("host", func(u sip.URI, s string) sip.URI { u.Host = s; return u }),
		uriPart("params", func(u sip.URI, s string) sip.URI { u.Params = msg.Params(s); return u }),
		uriPart("parameter text", func(u sip.URI, s string) sip.URI { u.Params = msg.Params(";x=" + s); return u }),
		uriPart("parameter", func(u sip.URI, s string) sip.URI { return u.WithParam("x", s) }),
		uriPart("parameter name", func(u sip.URI, s string) sip.URI { return u.WithParam(s, "x") }),
		uriPart("headers", func(u sip.URI, s string) sip.URI { u.Headers = s; return u }),
		uriPart("header", func(u sip.URI, s string) sip.URI { return u.WithHeader("x", s) }),
		uriPart("header name", func(u sip.URI, s string) sip.URI { return u.WithHeader(s, "x") }),
		uriPart("opaque", func(_ sip.URI, s string) sip.URI { return sip.URI{Scheme: "x", Opaque: s} }),
		uriPart("number", func(_ sip.URI, s string) sip.URI { return sip.URI{Scheme: "tel", Opaque: s} }),
		composedText("escaped user", func(s string) []msg.Setter {
			return one(sip.Contact.Set(sip.NameAddr{URI: sip.URI{Scheme: "sip", User: sip.EscapeUser(s), Host: "b.example"}}))
		}, func(m *msg.Message) (string, error) {
			a, err := contact(m)
			user, _ := a.URI.UserInfo()
			return user, err
		}),
		composedText("escaped parameter", func(s string) []msg.Setter {
			return one(sip.Contact.Set(sip.NameAddr{URI: sip.MustParseURI("sip:a@b.example").WithParam("x", s)}))
		}, func(m *msg.Message) (string, error) {
			a, err := contact(m)
			v, _ := a.URI.Param("x")
			return v, err
		}),
		composedText("escaped header", func(s string) []msg.Setter {
			return one(sip.Contact.Set(sip.NameAddr{URI: sip.MustParseURI("sip:a@b.example").WithHeader("x", s)}))
		}, func(m *msg.Message) (string, error) {
			a, err := contact(m)
			v, _ := a.URI.Header("x")
			return v, err
		}),
		composedText("Contact parameter, decoded", func(s string) []msg.Setter {
			a := addr("sip:a@b.example")
			a.Params = params(s)
			return one(sip.Contact.Set(a))
		}, func(m *msg.Message) (string, error) {
			a, err := contact(m)
			v, _ := a.Params.Get("x")
			return v, err
		}),
		// Via, CSeq, Call-ID.
		composed("protocol", sip.Via, func(s string) sip.ViaParm { v := via(); v.Protocol = "SIP/" + s; return v }),
		composed("transport", sip.Via, func(s string) sip.ViaParm { v := via(); v.Transport = s; return v }),
		composed("host", sip.Via, func(s string) sip.ViaParm { v := via(); v.Host = s; return v }),
		composed("params", sip.Via, func(s string) sip.ViaParm { v := via(); v.Params = msg.Params(s); return v }),
		composed("branch", sip.Via, func(s string) sip.ViaParm { v := via(); v.Params = msg.Params(";branch=" + s); return v }),
		composed("parameter", sip.Via, func(s string) sip.ViaParm { v := via(); v.Params = params(s); return v }),
		composed("", sip.CallID, func(s string) string { return s }),
		composed("", sip.InReplyTo, func(s string) string { return s }),
		composedText("method", func(s string) []msg.Setter {
			return []msg.Setter{msg.RequestLine(s, "sip:a@b.example"), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: s})}
		}, func(m *msg.Message) (string, error) {
			v, _, err := sip.CSeq.Get(m)
			if v.Method != m.Method() {
				return "other: " + v.Method, err
			}
			return v.Method, err
		}),
		composedText("Request-URI", func(s string) []msg.Setter { return one(msg.RequestURI("sip:" + s)) },
			func(m *msg.Message) (string, error) { return m.RequestURI()[4:], nil }),
		composedText("Request-Line", func(s string) []msg.Setter { return one(msg.RequestLine("INVITE", s)) },
			func(m *msg.Message) (string, error) { return m.RequestURI(), nil }),
		composedText("phrase", func(s string) []msg.Setter { return one(msg.StatusLine(200, s)) },
			func(m *msg.Message) (string, error) { return m.Phrase(), nil }),
		composedText("phrase, edited", func(s string) []msg.Setter { return []msg.Setter{msg.StatusLine(200, ""), msg.Phrase(s)} },
			func(m *msg.Message) (string, error) { return m.Phrase(), nil }),
		// Text and tokens.
		composed("", sip.Subject, func(s string) string { return s }),
		composed("", sip.Organization, func(s string) string { return s }),
		composed("", sip.Server, func(s string) string { return s }),
		composed("", sip.UserAgent, func(s string) string { return s }),
		composed("", sip.Priority, func(s string) string { return s }),
		composed("", sip.Supported, func(s string) string { return s }),
		composed("", sip.Require, func(s string) string { return s }),
		composed("", sip.Allow, func(s string) string { return s }),
		composed("", sip.ContentEncoding, func(s string) string { return s }),
		composed("", sip.ContentLanguage, func(s string) string { return s }),
		composed("", sip.MIMEVersion, func(s string) string { return s }),
		composed("", sip.SIPETag, func(s string) string { return s }),
		composed("", sip.PMediaAuthorization, func(s string) string { return s }),
		composed("", sip.ContentID, func(s string) string { return s }),
		// Values with parameters.
		composed("type", sip.ContentType, func(s string) msg.MediaType { return msg.MediaType{Type: s, Subtype: "x"} }),
		composed("subtype", sip.ContentType, func(s string) msg.MediaType { return msg.MediaType{Type: "x", Subtype: s} }),
		composed("parameter", sip.ContentType, func(s string) msg.MediaType {
			return msg.MediaType{Type: "x", Subtype: "y", Params: params("a" + s)}
		}),
		composed("params", sip.Accept, func(s string) msg.MediaType { return msg.MediaType{Type: "x", Subtype: "y", Params: msg.Params(s)} }),
		composed("", sip.AcceptEncoding, func(s string) msg.Item { return msg.Item{Value: s} }),
		composed("", sip.AcceptLanguage, func(s string) msg.Item { return msg.Item{Value: s} }),
		composed("", sip.ContentDisposition, func(s string) msg.Item { return msg.Item{Value: s, Params: params("b" + s)} }),
		composed("agent", sip.Warning, func(s string) msg.WarningValue { return msg.WarningValue{Code: 399, Agent: s, Text: "x"} }),
		composed("text", sip.Warning, func(s string) msg.WarningValue { return msg.WarningValue{Code: 399, Agent: "x", Text: s} }),
		composed("comment", sip.RetryAfter, func(s string) msg.Retry { return msg.Retry{Seconds: 1, Comment: s} }),
		composed("params", sip.RetryAfter, func(s string) msg.Retry { return msg.Retry{Seconds: 1, Params: msg.Params(s)} }),
		composed("time", sip.Timestamp, func(s string) sip.Stamp { return sip.Stamp{Time: s} }),
		composed("delay", sip.Timestamp, func(s string) sip.Stamp { return sip.Stamp{Time: "1", Delay: s} }),
		composed("URI", sip.AlertInfo, func(s string) sip.Link { return sip.Link{URI: sip.URI{Scheme: "http", Opaque: s}} }),
		composed("parameter", sip.CallInfo, func(s string) sip.Link {
			return sip.Link{URI: sip.MustParseURI("http://a.example/"), Params: params(s)}
		}),
		composed("params", sip.ErrorInfo, func(s string) sip.Link {
			return sip.Link{URI: sip.MustParseURI("http://a.example/"), Params: msg.Params(s)}
		}),
		// Extensions.
		composed("", sip.Event, func(s string) sip.EventType { return sip.EventType{Value: s} }),
		composed("params", sip.Event, func(s string) sip.EventType { return sip.EventType{Value: "x", Params: msg.Params(s)} }),
		composed("", sip.SubscriptionState, func(s string) sip.Substate { return sip.Substate{Value: s} }),
		composed("Call-ID", sip.Replaces, func(s string) sip.Replacement {
			return sip.Replacement{CallID: s, Params: ";to-tag=a;from-tag=b"}
		}),
		composed("tag", sip.Replaces, func(s string) sip.Replacement {
			return sip.Replacement{CallID: "x", Params: msg.Params(";to-tag=" + s + ";from-tag=b")}
		}),
		composed("protocol", sip.Reason, func(s string) sip.ReasonValue { return sip.NewReason(s, 1, "") }),
		composed("text", sip.Reason, func(s string) sip.ReasonValue { return sip.NewReason("SIP", 200, s) }),
		composed("", sip.Privacy, func(s string) sip.Privacies { return sip.Privacies(s) }),
		composed("", sip.RAck, func(s string) sip.Ack { return sip.Ack{RSeq: 1, Seq: 1, Method: s} }),
		composed("params", sip.SessionExpires, func(s string) sip.Interval { return sip.Interval{Seconds: 90, Params: msg.Params(s)} }),
		composed("namespace", sip.ResourcePriority, func(s string) sip.ResourceValue { return sip.ResourceValue{Namespace: s, Priority: "x"} }),
		composed("priority", sip.ResourcePriority, func(s string) sip.ResourceValue { return sip.ResourceValue{Namespace: "x", Priority: s} }),
		composed("", sip.SessionID, func(s string) sip.SessionIDValue { return sip.SessionIDValue{Local: s} }),
		composed("", sip.Identity, func(s string) sip.Signature { return sip.Signature{Value: s, Info: "https://a.example/"} }),
		composed("info", sip.Identity, func(s string) sip.Signature { return sip.Signature{Value: "a.b.c", Info: s} }),
		composed("", sip.UserToUser, func(s string) sip.UserData { return sip.UserData{Value: s} }),
		composed("", sip.PVisitedNetworkID, func(s string) msg.Item { return msg.Item{Value: s} }),
		composed("params", sip.PChargingVector, func(s string) sip.Charging { return sip.Charging{Params: msg.Params(s)} }),
		composed("parameter", sip.AcceptContact, func(s string) sip.Preference { return sip.Preference{Params: params(s)} }),
		composed("", sip.SecurityClient, func(s string) sip.Mechanism { return sip.Mechanism{Value: s} }),
		// Authentication.
		composed("realm", sip.WWWAuthenticate, func(s string) auth.Challenge { return auth.Challenge{Scheme: "Digest", Realm: s, Nonce: "n"} }),
		composed("nonce", sip.WWWAuthenticate, func(s string) auth.Challenge { return auth.Challenge{Scheme: "Digest", Realm: "r", Nonce: s} }),
		composed("opaque", sip.ProxyAuthenticate, func(s string) auth.Challenge {
			return auth.Challenge{Scheme: "Digest", Realm: "r", Nonce: "n", Opaque: s}
		}),
		composed("domain", sip.ProxyAuthenticate, func(s string) auth.Challenge {
			return auth.Challenge{Scheme: "Digest", Realm: "r", Nonce: "n", Domain: s}
		}),
		composed("qop", sip.ProxyAuthenticate, func(s string) auth.Challenge {
			return auth.Challenge{Scheme: "Digest", Realm: "r", Nonce: "n", QOP: s}
		}),
		composed("algorithm", sip.ProxyAuthenticate, func(s string) auth.Challenge {
			return auth.Challenge{Scheme: "Digest", Realm: "r", Nonce: "n", Algorithm: s}
		}),
		composed("token", sip.ProxyAuthenticate, func(s string) auth.Challenge { return auth.Challenge{Scheme: "X", Token: s} }),
		composed("scheme", sip.ProxyAuthenticate, func(s string) auth.Challenge {
			return auth.Challenge{Scheme: s, Params: auth.Params("").With("a", "b")}
		}),
	}
	cred := func(f func(c *auth.Credentials, s string)) func(s string) auth.Credentials {
		return func(s string) auth.Credentials {
			c := auth.Credentials{Scheme: "Digest", Username: "u", Realm: "r", Nonce: "n", URI: "sip:a@b.example", Response: strings.Repeat("0", 32)}
			f(&c, s)
			return c
		}
	}
	all = append(all,
		composed("username", sip.Authorization, cred(func(c *auth.Credentials, s string) { c.Username = s })),
		composed("username*", sip.Authorization, cred(func(c *auth.Credentials, s string) { c.Username, c.Extended = s, true })),
		composed("realm", sip.Authorization, cred(func(c *auth.Credentials, s string) { c.Realm = s })),
		composed("nonce", sip.Authorization, cred(func(c *auth.Credentials, s string) { c.Nonce = s })),
		composed("uri", sip.Authorization, cred(func(c *auth.Credentials, s string) { c.URI = s })),
		composed("response", sip.ProxyAuthorization, cred(func(c *auth.Credentials, s string) { c.Response = s })),
		composed("cnonce", sip.ProxyAuthorization, cred(func(c *auth.Credentials, s string) { c.CNonce, c.QOP, c.NC = s, "auth", 1 })),
		composed("qop", sip.ProxyAuthorization, cred(func(c *auth.Credentials, s string) { c.CNonce, c.QOP, c.NC = "x", s, 1 })),
		composed("algorithm", sip.ProxyAuthorization, cred(func(c *auth.Credentials, s string) { c.Algorithm = s })),
		composed("opaque", sip.ProxyAuthorization, cred(func(c *auth.Credentials, s string) { c.Opaque = s })),
		composed("token", sip.Authorization, func(s string) auth.Credentials { return auth.Credentials{Scheme: "Bearer", Token: s} }),
		composed("nextnonce", sip.AuthenticationInfo, func(s string) auth.Info { return auth.Info{NextNonce: s} }),
		composed("rspauth", sip.AuthenticationInfo, func(s string) auth.Info { return auth.Info{NextNonce: "x", RSPAuth: s} }),
		composed("cnonce", sip.AuthenticationInfo, func(s string) auth.Info { return auth.Info{NextNonce: "x", CNonce: s} }),
		// As it is.
		composedText("Subject, text", func(s string) []msg.Setter { return one(sip.Subject.Text(s)) }, func(m *msg.Message) (string, error) {
			v, _ := sip.Subject.Raw(m)
			return v, nil
		}).trimmed(),
		composedText("field", func(s string) []msg.Setter { return one(msg.FieldText("X-Foo", s)) }, func(m *msg.Message) (string, error) {
			for f := range m.Fields() {
				if f.Name == "X-Foo" {
					return f.Value, nil
				}
			}
			return "", nil
		}).trimmed(),
		composedText("field name", func(s string) []msg.Setter { return one(msg.FieldText("N-"+s, "evil")) }, func(m *msg.Message) (string, error) {
			for f := range m.Fields() {
				if f.Value == "evil" {
					return f.Name[2:], nil
				}
			}
			return "", nil
		}),
		composedText("extension", func(s string) []msg.Setter {
			return one(msg.Extension[string, msg.TextCodec]{Name: "X-Foo"}.Set(s))
		}, func(m *msg.Message) (string, error) {
			v, _, err := msg.Extension[string, msg.TextCodec]{Name: "X-Foo"}.Get(m)
			return v, err
		}),
		composedText("extension of tokens", func(s string) []msg.Setter {
			return one(msg.Extension[string, msg.TokenCodec]{Name: "X-Foo", Kind: msg.List}.Set("a", s))
		}, func(m *msg.Message) (string, error) {
			last := ""
			for v, err := range (msg.Extension[string, msg.TokenCodec]{Name: "X-Foo", Kind: msg.List}).All(m) {
				if err != nil {
					return "", err
				}
				last = v
			}
			return last, nil
		}),
		composedText("body", func(s string) []msg.Setter { return one(msg.Body(s)) }, func(m *msg.Message) (string, error) { return m.Body(), nil }),
		composedText("payload", func(s string) []msg.Setter { return one(sip.Payload("text/plain", s)) }, func(m *msg.Message) (string, error) { return m.Body(), nil }),
		composedText("payload type", func(s string) []msg.Setter { return one(sip.Payload(s, "x")) }, func(m *msg.Message) (string, error) {
			v, _ := sip.ContentType.Raw(m)
			return v, nil
		}),
	)
	return all
}

// hostile are texts that must not break out of where they are put.
func hostile() []string {
	return []string{
		"", "a", "A-b.c", " ", " a", "a ", "a b", "\t", "a\tb", "\r", "\n", "\r\n", "a\r", "a\nb", "a\rb", "\n\r", "a\r\nEvil: x", "a\r\n b", "\r\n\r\nBYE sip:x SIP/2.0",
		"\x00", "a\x00b", "\x01", "a\x1fb", "\x7f", "\v", "\f", "\"", "a\"b", "\"a\"", "\"a\" b", "\\", "a\\", "\\\"", "a\\\"b", "\\\\", "\\\r\n", "a\"\r\nEvil: x",
		",", "a,b", ", ", ";", "a;b", ";a", ";a=b", ";a=\"b", ";a=\"b\"", ";a=b;a=c", ";=", ";a=", "a;b=c", "<", ">", "<a>", "><", "a>b", "<sip:a@b>", "(", ")", "(a)", "a)(b", "a(b", "((", "a\\)",
		"@", "a@b", "a@b@c", ":", "a:b", "//", "/", "a/b", "=", "a=b", "?", "a?b=c", "&", "a&b", "%", "%4", "%41", "%zz", "%00", "%0d%0aEvil: x", "#", "a#b", "|", "^", "`", "{a}", "[a]", "[::1]", "::1", "*", "**", "~", "'", "$", "+", "!",
		"é", "€uro", "\xff", "\xc3", "\xc3(", "\u0085", "\u00a0", "\u2028", "\U0001f600",
		"0", "-1", "1.2.3.4", "4294967296", "sip:a@b", "sip:a@b;x=y?z=w", "SIP/2.0", "INVITE sip:a@b SIP/2.0", "Digest", "realm=\"x\"", "auth,auth-int", strings.Repeat("a", 5000), strings.Repeat("\"", 300), strings.Repeat("\\", 301), strings.Repeat("a ", 100) + "a",
		"http://a.example/%20", "00000000000000000000000000000000", "a.b.c", "en-gb", "1.0", "id;critical",
		" a ", "\u3000a", "a\u00a0", "\u2003", "\ufeffa", "a\x00", "\x00\x00", "\x1b[2J", "\b", "%c3%a9", "a%", "%%", "%-1", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "\xc0\x80", "a\u0301", "\u202ea",
		"a,\r\n b", "\"a\r\n b\"", "(\r\n)", "<\r\n>", "a;b=\"c\r\nd\"", "q=0.5", ";q=2", ";expires=-1", ";tag=a;tag=b", "sip:a@b>;x=<", "<sip:a@b", "a <sip:b", "\\\"", "a\\\"b\\",
	}
}

// composing counts what became of what was composed.
type composing struct {
	t                     *testing.T
	base                  sip.Request
	written, refused, bad int
}

// composeBase is the request that values are composed into.
func composeBase(t testing.TB) sip.Request {
	base, err := sip.NewRequest(sip.MethodInvite, sip.MustParseURI("sip:b@b.example"),
		sip.Via.Set(sip.ViaParm{Transport: "UDP", Host: "a.example", Params: ";branch=z9hG4bK1"}),
		sip.From.Set(sip.NameAddr{URI: sip.MustParseURI("sip:a@a.example"), Params: ";tag=1"}),
		sip.To.Set(sip.NameAddr{URI: sip.MustParseURI("sip:b@b.example")}),
		sip.CallID.Set("1"), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: sip.MethodInvite}))
	require.NoError(t, err)
	require.NoError(t, base.Err())
	return base
}

// try composes s: what was written parses back to the same value in every
// reading, and nothing else of the message has changed; or there is an error.
func (j *composing) try(c composer, s string) {
	m, err := j.base.Message.Edit(c.set(s)...)
	if err == nil {
		err = m.Err() // of start lines, which are text, and of a CSeq of another method
	}
	if err != nil {
		j.refused++
		return
	}
	j.written++
	fail := func(format string, args ...any) {
		j.bad++
		j.t.Errorf("%s %.80q: %s", c.name, s, fmt.Sprintf(format, args...))
	}
	wire, err := m.AppendText(nil)
	require.NoError(j.t, err)
	body := strings.HasPrefix(c.name, "body") || strings.HasPrefix(c.name, "payload")
	for _, r := range readings() {
		back, err := msg.Parse(r.class, string(wire), msg.Limits{Header: 1 << 16})
		if err == nil {
			err = messageError(back)
		}
		if err != nil {
			fail("%s: written, but refused: %v: %.300q", r.name, err, wire)
			return
		}
		if !body && back.Body() != "" || count(back) > count(j.base.Message)+1 {
			fail("%s: broke out: %q", r.name, wire)
			return
		}
		same, err := c.back(back, s)
		if err != nil || !same {
			fail("%s: came back as another value: %v: %.300q", r.name, err, wire)
			return
		}
	}
}

// TestJudgeComposing gives every hostile text to every setter.
func TestJudgeComposing(t *testing.T) {
	j := composing{t: t, base: composeBase(t)}
	for _, c := range composers() {
		for _, s := range hostile() {
			j.try(c, s)
		}
	}
	t.Logf("%-9s %-9s written and read back %d/%d, refused %d", "composing", "", j.written-j.bad, j.written, j.refused)
}

// count is the number of header fields.
func count(m *msg.Message) (n int) {
	for range m.Fields() {
		n++
	}
	return n
}
