package http_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

// codec checks what a codec makes of texts: the value, then that value written
// and read again. A nil value is refused.
func codec[T any, C msg.Codec[T]](t *testing.T, cases map[string]any) {
	t.Helper()
	var c C
	for in, want := range cases {
		v, rest, err := c.Parse(in)
		if want == nil {
			require.Error(t, err, "%q gives %v", in, v)
			continue
		}
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, v, "%q", in)
		require.True(t, rest == "" || rest[0] == ',', "%q", in)
		b, err := c.Append(nil, v)
		require.NoError(t, err, "%q", in)
		again, rest, err := c.Parse(string(b))
		require.NoError(t, err, "%q", b)
		require.Empty(t, rest)
		require.Equal(t, v, again)
	}
}

// unwritable checks that values cannot be written.
func unwritable[T any, C msg.Codec[T]](t *testing.T, values ...T) {
	t.Helper()
	var c C
	for _, v := range values {
		b, err := c.Append(nil, v)
		require.ErrorIs(t, err, msg.ErrValue, "%v gives %q", v, b)
	}
}

func TestTime(t *testing.T) {
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	codec[time.Time, http.TimeCodec](t, map[string]any{
		"Sun, 06 Nov 1994 08:49:37 GMT": want, "Sunday, 06-Nov-94 08:49:37 GMT": want, "Sun Nov  6 08:49:37 1994": want,
		"Thu, 29 Feb 2024 00:00:00 GMT": time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
		"Thu, 31 Dec 1998 23:59:60 GMT": time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC),
		"":                              nil, "0": nil, "-1": nil, "Sun, 06 Nov 1994 08:49:37": nil, "Sun, 06 Nov 1994 08:49:37 UTC": nil,
		"Sun, 6 Nov 1994 08:49:37 GMT": nil, "Sun, 31 Feb 1994 08:49:37 GMT": nil, "Sun, 00 Nov 1994 08:49:37 GMT": nil,
		"Sun, 06 Nov 1994 24:49:37 GMT": nil, "Sun, 06 Nov 1994 08:60:37 GMT": nil, "Sun, 06 Nov 1994 08:49:61 GMT": nil,
		"Son, 06 Nov 1994 08:49:37 GMT": nil, "Sun, 06 Now 1994 08:49:37 GMT": nil, "Sun, 06 Nov 199a 08:49:37 GMT": nil,
		"Sunday, 06-Now-94 08:49:37 GMT": nil, "Sun Nov 6 08:49:37 1994": nil,
	})
	unwritable[time.Time, http.TimeCodec](t, time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	codec[http.Retry, http.RetryCodec](t, map[string]any{
		"120": http.Retry{Seconds: 120}, "Sun, 06 Nov 1994 08:49:37 GMT": http.Retry{Date: want},
		"": nil, "-1": nil, "1.5": nil, "4294967296": nil, "soon": nil,
	})
	unwritable[http.Retry, http.RetryCodec](t, http.Retry{Date: want, Seconds: 1})
	codec[http.WarningValue, http.WarningCodec](t, map[string]any{
		`110 - "stale"`:                        http.WarningValue{Code: 110, Agent: "-", Text: "stale"},
		`199 a:80 "a \"b\"" , 110 - "x"`:       http.WarningValue{Code: 199, Agent: "a:80", Text: `a "b"`},
		`112 - "x" "Sun Nov  6 08:49:37 1994"`: http.WarningValue{Code: 112, Agent: "-", Text: "x", Date: want},
		"":                                     nil, `11 - "x"`: nil, `011 - "x"`: nil, `110 "x"`: nil, `110 - x`: nil, `110 - "x`: nil, `110 - "x" "y"`: nil, `110 - "x" "y`: nil, `110 - "x" y`: nil,
	})
	unwritable[http.WarningValue, http.WarningCodec](t, http.WarningValue{Code: 99, Agent: "-"}, http.WarningValue{Code: 110}, http.WarningValue{Code: 110, Agent: "a", Text: "\n"})
}

func TestValues(t *testing.T) {
	codec[uint64, http.LengthCodec](t, map[string]any{
		"0": uint64(0), "9223372036854775807": uint64(1<<63 - 1), "9223372036854775808": nil, "": nil, "+1": nil, "1,1": nil, "1 ": nil, "0x1": nil,
	})
	unwritable[uint64, http.LengthCodec](t, 1<<63)
	codec[http.HostPort, http.HostCodec](t, map[string]any{
		"": http.HostPort{}, "a.example": http.HostPort{Host: "a.example"}, "a:80": http.HostPort{Host: "a", Port: 80}, "a:": http.HostPort{Host: "a"},
		"[::1]": http.HostPort{Host: "::1"}, "[2001:db8::1]:8080": http.HostPort{Host: "2001:db8::1", Port: 8080}, "192.0.2.1": http.HostPort{Host: "192.0.2.1"},
		"[::1": nil, "[]": nil, "[a]": nil, "::1": nil, "a:b": nil, "a:65536": nil, "a/b": nil, "a b": nil, "u@a": nil, "a,b": nil,
	})
	require.Equal(t, "[::1]:80", http.HostPort{Host: "::1", Port: 80}.String())
	unwritable[http.HostPort, http.HostCodec](t, http.HostPort{Host: "a b"}, http.HostPort{Host: "a\r\nX: y"}, http.HostPort{Host: "::1]"})
	codec[http.Directive, http.DirectiveCodec](t, map[string]any{
		"no-cache": http.Directive{Name: "no-cache"}, "max-age=60, x": http.Directive{Name: "max-age", Value: "60"},
		`private="Set-Cookie, X"`: http.Directive{Name: "private", Value: "Set-Cookie, X"},
		"":                        nil, "=a": nil, "a=": nil, `a="b`: nil, "a b": nil,
	})
	unwritable[http.Directive, http.DirectiveCodec](t, http.Directive{}, http.Directive{Name: "a", Value: "\n"})
	for v, want := range map[string]int64{"60": 60, "99999999999999999999": 1<<31 - 1, "": -1, "-1": -1, "1.5": -1} {
		n, ok := http.Directive{Name: "max-age", Value: v}.Seconds()
		require.Equal(t, want >= 0, ok, v)
		if ok {
			require.EqualValues(t, want, n)
		}
	}
	require.True(t, http.Directive{Name: "No-Cache"}.Is("no-cache"))
	codec[http.Protocol, http.ProtocolCodec](t, map[string]any{
		"websocket": http.Protocol{Name: "websocket"}, "HTTP/2.0, x": http.Protocol{Name: "HTTP", Version: "2.0"}, "": nil, "/1": nil, "a/": nil, "a/b/c": nil, "a b": nil,
	})
	unwritable[http.Protocol, http.ProtocolCodec](t, http.Protocol{}, http.Protocol{Name: "a", Version: "b/c"})
	codec[http.ViaValue, http.ViaCodec](t, map[string]any{
		"1.1 a":                      http.ViaValue{Protocol: "1.1", By: "a"},
		"HTTP/1.1 a:80 (x(y)\\)), z": http.ViaValue{Protocol: "HTTP/1.1", By: "a:80", Comment: "x(y)\\)"},
		"":                           nil, "1.1": nil, "1.1 ": nil, "/1 a": nil, "H/ a": nil, "1.1 a (": nil, "1.1 a b": nil,
	})
	unwritable[http.ViaValue, http.ViaCodec](t, http.ViaValue{Protocol: "1.1"}, http.ViaValue{Protocol: "a b", By: "c"}, http.ViaValue{Protocol: "1.1", By: "a", Comment: ")("})
}

func TestEntities(t *testing.T) {
	codec[http.EntityTag, http.EntityTagCodec](t, map[string]any{
		`"a"`: http.EntityTag{Tag: "a"}, `W/"a,b\", "c"`: http.EntityTag{Weak: true, Tag: `a,b\`}, `""`: http.EntityTag{}, `*`: http.EntityTag{Any: true},
		"": nil, `a`: nil, `"a`: nil, `w/"a"`: nil, `"a b"`: nil, `"a" b`: nil, "**": nil,
	})
	unwritable[http.EntityTag, http.EntityTagCodec](t, http.EntityTag{Tag: `"`}, http.EntityTag{Any: true, Tag: "a"}, http.EntityTag{Tag: "a b"})
	a, weak := http.EntityTag{Tag: "a"}, http.EntityTag{Tag: "a", Weak: true}
	require.Equal(t, `W/"a"`, weak.String())
	require.True(t, a.Strong(a) && a.EqualWeakly(weak) && weak.EqualWeakly(weak)) // RFC 9110 section 8.8.3.2
	require.False(t, a.Strong(weak) || weak.Strong(weak) || a.EqualWeakly(http.EntityTag{Tag: "b"}) || a.EqualWeakly(http.EntityTag{Any: true}))
	date := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	codec[http.Validator, http.ValidatorCodec](t, map[string]any{
		`W/"a"`: http.Validator{Tag: weak}, "Sun, 06 Nov 1994 08:49:37 GMT": http.Validator{Date: date}, "*": nil, "": nil,
	})
	unwritable[http.Validator, http.ValidatorCodec](t, http.Validator{Tag: a, Date: date})
	codec[http.RangeSet, http.RangeCodec](t, map[string]any{
		"bytes=0-499, -500": http.RangeSet{Unit: "bytes", Set: "0-499, -500"}, "": nil, "bytes": nil, "bytes=": nil, "=1": nil,
	})
	unwritable[http.RangeSet, http.RangeCodec](t, http.RangeSet{Unit: "bytes"}, http.RangeSet{Unit: "a b", Set: "c"})
	codec[http.RangeOf, http.ContentRangeCodec](t, map[string]any{
		"bytes 0-9/10": http.RangeOf{Unit: "bytes", Span: http.Span{Last: 9}, Size: 10}, "bytes 5-9/*": http.RangeOf{Unit: "bytes", Span: http.Span{First: 5, Last: 9}, Unknown: true},
		"bytes */10": http.RangeOf{Unit: "bytes", Size: 10, Unsatisfied: true}, "": nil, "bytes": nil, "bytes 1-0/5": nil, "bytes 0-9/9": nil, "bytes */*": nil,
		"bytes -9/10": nil, "bytes 0-9223372036854775808/*": nil, "bytes 0/5": nil,
	})
	unwritable[http.RangeOf, http.ContentRangeCodec](t, http.RangeOf{Unit: "bytes", Span: http.Span{Last: 5}, Size: 5}, http.RangeOf{Unit: "bytes", Unknown: true, Unsatisfied: true})
	for in, want := range map[string][]http.Span{
		"0-0": {{0, 0}}, "0-": {{0, 99}}, "-1": {{99, 99}}, "-1000": {{0, 99}}, "90-1000": {{90, 99}}, "5-9,, 200-300 ,1-1": {{5, 9}, {1, 1}},
	} {
		got, err := http.RangeSet{Unit: "Bytes", Set: in}.Resolve(100)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for in, want := range map[string]error{"100-": http.ErrRanges, "-0": http.ErrRanges, "5-4": msg.ErrSyntax, "-": msg.ErrSyntax, "a-b": msg.ErrSyntax, "": msg.ErrSyntax, "5": msg.ErrSyntax} {
		_, err := http.RangeSet{Unit: "bytes", Set: in}.Resolve(100)
		require.ErrorIs(t, err, want, in)
	}
	_, err := http.RangeSet{Unit: "bytes", Set: "0-"}.Resolve(0)
	require.ErrorIs(t, err, http.ErrRanges)
	_, err = http.RangeSet{Unit: "lines", Set: "0-"}.Resolve(5)
	require.ErrorIs(t, err, msg.ErrSyntax)
	many := make([]byte, 0, 300)
	for range 65 {
		many = append(many, "0-0,"...)
	}
	_, err = http.RangeSet{Unit: "bytes", Set: string(many)}.Resolve(5)
	require.ErrorIs(t, err, http.ErrRanges)
}

func TestCookies(t *testing.T) {
	c := http.Cookies("a=b; c=\"d\";e ; =f; a=g")
	var got []string
	for n, v := range c.All() {
		got = append(got, n+"="+v)
	}
	require.Equal(t, []string{"a=b", `c="d"`, "e=", "a=g"}, got)
	v, ok := c.Get("a")
	require.True(t, ok)
	require.Equal(t, "b", v)
	_, ok = c.Get("A")
	require.False(t, ok)
	codec[http.Cookies, http.CookiesCodec](t, map[string]any{"a=b": http.Cookies("a=b"), "a=b; c=": http.Cookies("").With("a", "b").With("c", "")})
	unwritable[http.Cookies, http.CookiesCodec](t, "a", "a=b;; c=d", "a=b c", "a=b\r\nX: y", "a,b=c")
	set := http.CookieValue{Name: "a", Value: "b", Attributes: http.Attributes("").With("Expires", "Sun, 06 Nov 1994 08:49:37 GMT").With("Secure", "").With("Path", "/x").With("path", "/y")}
	codec[http.CookieValue, http.CookieCodec](t, map[string]any{
		"a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT; Secure; Path=/x; path=/y": set,
		"a=": http.CookieValue{Name: "a"}, "": nil, "a": nil, "=b": nil, "; a=b": nil,
	})
	v, ok = set.Attributes.Get("PATH")
	require.True(t, ok)
	require.Equal(t, "/y", v, "the last counts")
	_, ok = set.Attributes.Get("HttpOnly")
	require.False(t, ok)
	unwritable[http.CookieValue, http.CookieCodec](t, http.CookieValue{}, http.CookieValue{Name: "a", Value: ";"}, http.CookieValue{Name: "a", Attributes: "x"}, http.CookieValue{Name: "a", Attributes: "; x\r\n"})
	m := parse(t, text("", "HTTP/1.1 200 OK", "Set-Cookie: a=b; Expires=Sun, 06 Nov 1994 08:49:37 GMT", "Set-Cookie: c=d", "Content-Length: 0"))
	var names []string
	for c, err := range http.SetCookie.All(m) {
		require.NoError(t, err)
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"a", "c"}, names)
	popped, err := m.Edit(http.SetCookie.Pop())
	require.NoError(t, err)
	require.Equal(t, text("", "HTTP/1.1 200 OK", "Set-Cookie: c=d", "Content-Length: 0"), popped.String(), "the comma in the date parts nothing")
}

func TestQuery(t *testing.T) {
	path, q := http.Target("/a/b?x=1+2&&y=%C3%BC&z&bad=%zz&x=3")
	require.Equal(t, "/a/b", path)
	var got []string
	for n, v := range q.All() {
		got = append(got, n+"="+v)
	}
	require.Equal(t, []string{"x=1 2", "y=ü", "z=", "bad=%zz", "x=3"}, got)
	v, ok := q.Get("x")
	require.True(t, ok)
	require.Equal(t, "1 2", v)
	_, ok = q.Get("q")
	require.False(t, ok)
	require.Equal(t, http.Query("a=b+c&%26=%3D"), http.Query("").With("a", "b c").With("&", "="))
}

func TestBuild(t *testing.T) {
	m, err := http.NewRequest("GET", "/x?y", "a.example:8080", http.UserAgent.Set("t"))
	require.NoError(t, err)
	require.Equal(t, "GET /x?y HTTP/1.1\r\nHost: a.example:8080\r\nUser-Agent: t\r\n\r\n", m.String())
	m, err = http.NewRequest("POST", "/", "a")
	require.NoError(t, err)
	require.Equal(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", m.String())
	m, err = http.NewRequest("PUT", "/", "a", http.Chunks([]string{"hello, ", "", "world"}, http.Field{Name: "X-Sum", Value: "1"}))
	require.NoError(t, err)
	require.Equal(t, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n7\r\nhello, \r\n5\r\nworld\r\n0\r\nX-Sum: 1\r\n\r\n", m.String())
	m = parse(t, m.String())
	s, err := http.Content(m)
	require.NoError(t, err)
	require.Equal(t, "hello, world", s)
	for n, v := range http.Trailers(m) {
		require.Equal(t, "X-Sum 1", n+" "+v)
	}
	m, err = http.NewResponse(200, http.Payload("text/plain;charset=utf-8", "hi"))
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 200 OK\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Length: 2\r\n\r\nhi", m.String())
	m, err = http.NewResponse(404)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", m.String())
	m, err = http.NewResponse(200, http.ContentLength.Set(5000000000)) // to HEAD
	require.NoError(t, err)
	require.Contains(t, m.String(), "Content-Length: 5000000000\r\n\r\n")
	m, err = http.NewResponse(204)
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 204 No Content\r\n\r\n", m.String())
	_, err = http.NewResponse(304, http.ContentLength.Set(7))
	require.NoError(t, err)
	for name, f := range map[string]func() (*msg.Message, error){
		"target":          func() (*msg.Message, error) { return http.NewRequest("GET", "x", "a") },
		"injected target": func() (*msg.Message, error) { return http.NewRequest("GET", "/ HTTP/1.1\r\nX: y", "a") },
		"method":          func() (*msg.Message, error) { return http.NewRequest("GE T", "/", "a") },
		"host":            func() (*msg.Message, error) { return http.NewRequest("GET", "/", "a b") },
		"no host":         func() (*msg.Message, error) { return http.NewRequest("GET", "/", "") },
		"length": func() (*msg.Message, error) {
			return http.NewRequest("POST", "/", "a", msg.Body("x"), http.ContentLength.Set(2))
		},
		"unframed": func() (*msg.Message, error) { return http.NewRequest("POST", "/", "a", msg.Framed("x")) },
		"two framings": func() (*msg.Message, error) {
			return http.NewRequest("POST", "/", "a", http.Chunks([]string{"x"}), msg.Body("x"))
		},
		"bad chunks": func() (*msg.Message, error) {
			return http.NewRequest("POST", "/", "a", http.Chunks([]string{"x"}), msg.Framed("1\r\nxy\r\n0\r\n\r\n"))
		},
		"bad type": func() (*msg.Message, error) { return http.NewRequest("POST", "/", "a", http.Payload("text", "x")) },
		"forbidden": func() (*msg.Message, error) {
			return http.NewRequest("POST", "/", "a", http.Chunks(nil, http.Field{Name: "content-length", Value: "1"}))
		},
		"injected trailer": func() (*msg.Message, error) {
			return http.NewRequest("POST", "/", "a", http.Chunks(nil, http.Field{Name: "x", Value: "1\r\ny: z"}))
		},
		"body of 204":   func() (*msg.Message, error) { return http.NewResponse(204, msg.Body("x")) },
		"length of 204": func() (*msg.Message, error) { return http.NewResponse(204, http.ContentLength.Set(0)) },
		"status":        func() (*msg.Message, error) { return http.NewResponse(600) },
	} {
		m, err := f()
		require.Error(t, err, name)
		require.Nil(t, m, name)
	}
	require.Equal(t, "Request Header Fields Too Large", http.StatusText(431))
	require.Empty(t, http.StatusText(299))
}

func TestContent(t *testing.T) {
	m := parse(t, text("5;x\r\nhello\r\n0\r\nA: b \r\nC:\r\n\r\n", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
	s, err := http.Content(m)
	require.NoError(t, err)
	require.Equal(t, "hello", s)
	var got []string
	for n, v := range http.Trailers(m) {
		got = append(got, n+"="+v)
	}
	require.Equal(t, []string{"A=b", "C="}, got)
	require.Len(t, slices.Collect(func(yield func(string) bool) {
		for n := range http.Trailers(m) {
			if !yield(n) {
				return
			}
			return
		}
	}), 1)
	s, err = http.Content(parse(t, text("all", "HTTP/1.1 200 OK")))
	require.NoError(t, err)
	require.Equal(t, "all", s)
	bad, _ := http.Parse(text("5\r\nhel", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"))
	_, err = http.Content(bad)
	require.ErrorIs(t, err, http.ErrChunk)
	for range http.Trailers(bad) {
		t.Fatal("no trailers in a malformed body")
	}
}
