package http_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

// composer puts a text into a header, and tells whether it came back.
type composer struct {
	name string
	set  func(s string) msg.Setter
	same func(m *msg.Message, s string) (bool, error)
}

// every makes composers that put a text into each text and each number of a
// value that is right otherwise.
func every[T any, C msg.Codec[T]](t *testing.T, h msg.Header[T, C], right string) (list []composer) {
	info, ok := http.Class().Info(h.ID())
	require.True(t, ok)
	var c C
	base, _, err := c.Parse(right)
	require.NoError(t, err, info.Name)
	add := func(part string, put func(v reflect.Value, s string)) {
		with := func(s string) T {
			again, _, _ := c.Parse(right) // slices of its own
			put(reflect.ValueOf(&again).Elem(), s)
			return again
		}
		list = append(list, composer{info.Name + " " + part, func(s string) msg.Setter { return h.Set(with(s)) }, func(m *msg.Message, s string) (bool, error) {
			v, ok, err := h.Get(m)
			want := with(s)
			return ok && (reflect.DeepEqual(v, want) || fmt.Sprintf("%q", fmt.Sprint(v)) == fmt.Sprintf("%q", fmt.Sprint(want))), err
		}})
	}
	var walk func(part string, v reflect.Value, at func(reflect.Value) reflect.Value)
	walk = func(part string, v reflect.Value, at func(reflect.Value) reflect.Value) {
		if _, ok := v.Interface().(msg.Params); ok {
			add(part+" with x", func(v reflect.Value, s string) { at(v).SetString(string(msg.Params(at(v).String()).With("x", s))) })
			add(part+" of x", func(v reflect.Value, s string) { at(v).SetString(at(v).String() + ";x=" + s) })
		}
		switch v.Kind() {
		case reflect.String:
			add(part, func(v reflect.Value, s string) { at(v).SetString(s) })
		case reflect.Int, reflect.Int64, reflect.Uint16, reflect.Uint32, reflect.Uint64:
			add(part, func(v reflect.Value, s string) {
				if n, err := strconv.ParseInt(s, 10, 64); err == nil && at(v).CanInt() {
					at(v).SetInt(n)
				} else if err == nil {
					at(v).SetUint(uint64(n) & (1<<(at(v).Type().Bits()-1)<<1 - 1))
				}
			})
		case reflect.Slice:
			if v.Len() > 0 {
				walk(part+"[0]", v.Index(0), func(v reflect.Value) reflect.Value { return at(v).Index(0) })
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(strings.TrimSpace(part+" "+f.Name), v.Field(i), func(v reflect.Value) reflect.Value { return at(v).Field(i) })
				}
			}
		}
	}
	walk("", reflect.ValueOf(&base).Elem(), func(v reflect.Value) reflect.Value { return v })
	return list
}

func composers(t *testing.T) []composer {
	return slices.Concat(
		every(t, http.Host, "h.example:80"), every(t, http.TransferEncoding, "gzip;x=y"), every(t, http.Connection, "close"),
		every(t, http.KeepAlive, "timeout=5"), every(t, http.Upgrade, "websocket/13"), every(t, http.TE, "trailers;q=0.5"), every(t, http.Trailer, "X-A"),
		every(t, http.Via, "HTTP/1.1 a.example (c)"), every(t, http.MaxForwards, "1"), every(t, http.RetryAfter, "1"), every(t, http.Age, "1"),
		every(t, http.ETag, "W/\"a\""), every(t, http.IfMatch, "\"a\""), every(t, http.IfRange, "\"a\""), every(t, http.Range, "bytes=0-1,-5"),
		every(t, http.ContentRange, "bytes 0-1/2"), every(t, http.AcceptRanges, "bytes"), every(t, http.CacheControl, "max-age=1"), every(t, http.Pragma, "no-cache"),
		every(t, http.Vary, "Accept"), every(t, http.Warning, "110 a.example \"x\""), every(t, http.Expect, "100-continue"), every(t, http.From, "a@b"),
		every(t, http.Location, "/a"), every(t, http.Origin, "http://a"), every(t, http.Server, "a/1"), every(t, http.Allow, "GET"),
		every(t, http.Accept, "text/html;q=0.5"), every(t, http.AcceptCharset, "utf-8"), every(t, http.AcceptEncoding, "gzip;q=1"), every(t, http.AcceptLanguage, "de;q=1"),
		every(t, http.ContentType, "text/html;charset=utf-8"), every(t, http.ContentEncoding, "gzip"), every(t, http.ContentLanguage, "de"),
		every(t, http.ContentDisposition, "attachment;filename=\"a b\""), every(t, http.ContentLocation, "/a"), every(t, http.Cookie, "a=b; c=d"),
		every(t, http.SetCookie, "a=b; Path=/; Max-Age=5"), every(t, http.SecWebSocketKey, "a=="), every(t, http.SecWebSocketProtocol, "sip"),
		every(t, http.SecWebSocketExtensions, "x;y=z"), every(t, http.WWWAuthenticate, "Digest realm=\"a\", nonce=\"b\", qop=\"auth\""),
		every(t, http.Authorization, "Digest username=\"u\", realm=\"a\", nonce=\"b\", uri=\"/\", response=\"00\", qop=auth, nc=00000001, cnonce=\"x\""),
		every(t, http.AuthenticationInfo, "nextnonce=\"a\""),
	)
}

func hostile() []string {
	return []string{
		"", "a", "A-b.c", " ", " a", "a ", "a b", "\t", "a\tb", "\r", "\n", "\r\n", "a\r", "a\nb", "a\rb", "a\r\nEvil: x", "a\r\n b", "\r\n\r\nGET / HTTP/1.1",
		"\x00", "a\x00b", "\x01", "a\x1fb", "\x7f", "\v", "\f", "\x1b[2J", "\"", "a\"b", "\"a\"", "\"a\" b", "\\", "a\\", "\\\"", "a\"\r\nEvil: x",
		",", "a,b", ", ", ";", "a;b", ";a", ";a=b", ";a=\"b", "a;b=c", "a; b=c", "=", "a=b", "a=\"b\"", "<", ">", "(", ")", "(a)", "a)(b", "((", "@", ":", "a:b", "//", "/", "a/b", "?", "&", "%", "%4", "%41", "%zz", "#",
		"|", "^", "`", "{a}", "[a]", "[::1]", "::1", "*", "*/*", "~", "'", "$", "+", "!", "é", "€", "\xff", "\xc3(", "\u0085", "\u00a0", "\u2028", "\u3000a", "\ufeff",
		"0", "-1", "1", "99", "100", "199", "255", "256", "300", "399", "400", "599", "600", "999", "1000", "65535", "65536", "2147483648", "4294967295", "4294967296", "9223372036854775807", "-9223372036854775808",
		"HTTP/1.1", "Digest", "chunked", "close", "text/html", "Secure", "a=b; HttpOnly", "W/\"a\"", strings.Repeat("a", 5000), strings.Repeat("\"", 300), strings.Repeat("\\", 301),
	}
}

// written is a message that was composed: it is read as it was meant, off a
// stream too, and nothing followed it.
func written(t *testing.T, at string, m *msg.Message, same func(m *msg.Message) (bool, error)) {
	wire, err := m.AppendText(nil)
	require.NoError(t, err)
	lim := msg.Limits{Header: 1 << 16, StartLine: 1 << 16}
	back, err := msg.Parse(http.Class(), string(wire), lim)
	require.NoError(t, err, "%s: %.300q", at, wire)
	require.Equal(t, fields(m), fields(back), "%s broke out: %.300q", at, wire)
	require.Equal(t, m.Body(), back.Body(), "%s: %.300q", at, wire)
	if same != nil {
		ok, err := same(back)
		require.NoError(t, err, "%s: %.300q", at, wire)
		require.True(t, ok, "%s came back as another value: %.300q", at, wire)
	}
	f := msg.NewFramer(http.Class(), lim)
	require.NoError(t, f.Feed(append(slices.Clone(wire), wire...)))
	for range 2 {
		frame, err := f.Next()
		require.NoError(t, err, "%s: %.300q", at, wire)
		require.Equal(t, string(wire), frame.Text, at)
	}
	require.Zero(t, f.Buffered(), at)
}

func fields(m *msg.Message) (names []string) {
	for f := range m.Fields() {
		names = append(names, f.Name)
	}
	return names
}

// TestJudgeComposing: what was composed without an error is read back as the
// same value, and nothing else of the message has changed.
func TestJudgeComposing(t *testing.T) {
	n, refused := 0, 0
	for _, c := range composers(t) {
		before := n
		for _, s := range hostile() {
			set := []msg.Setter{c.set(s)}
			if strings.HasPrefix(c.name, "Trailer ") || strings.HasPrefix(c.name, "TE ") {
				set = append(set, http.Connection.Set("TE"))
			}
			m, err := http.NewRequest("GET", "/", "h.example", set...)
			if err != nil {
				refused++
				continue
			}
			n++
			written(t, fmt.Sprintf("%s %.80q", c.name, s), m, func(m *msg.Message) (bool, error) { return c.same(m, s) })
		}
		if n == before && !strings.HasPrefix(c.name, "Transfer-Encoding ") { // which requests of GET without body lack
			t.Errorf("%s composes nothing", c.name)
		}
	}
	t.Logf("written and read back %d, refused %d", n, refused)
}

func TestJudgeBuilding(t *testing.T) {
	n, refused := 0, 0
	ok := http.NewResponse
	for name, build := range map[string]func(s string) (*msg.Message, error){
		"method":       func(s string) (*msg.Message, error) { return http.NewRequest(s, "/", "h") },
		"target":       func(s string) (*msg.Message, error) { return http.NewRequest("GET", s, "h") },
		"path":         func(s string) (*msg.Message, error) { return http.NewRequest("GET", "/"+s, "h") },
		"host":         func(s string) (*msg.Message, error) { return http.NewRequest("GET", "/", s) },
		"phrase":       func(s string) (*msg.Message, error) { return ok(200, msg.Phrase(s)) },
		"status":       func(s string) (*msg.Message, error) { n, _ := strconv.Atoi(s); return ok(n, msg.Phrase(s)) },
		"field":        func(s string) (*msg.Message, error) { return ok(200, msg.FieldText(s, s)) },
		"extension":    func(s string) (*msg.Message, error) { return ok(200, msg.FieldText("X-"+s, s)) },
		"payload type": func(s string) (*msg.Message, error) { return ok(200, http.Payload("text/plain;x="+s, s)) },
		"payload":      func(s string) (*msg.Message, error) { return http.NewRequest("POST", "/", "h", http.Payload("a/b", s)) },
		"length":       func(s string) (*msg.Message, error) { return ok(200, msg.Body("1"), http.ContentLength.Text(s)) },
		"chunks": func(s string) (*msg.Message, error) {
			return ok(200, http.Chunks([]string{s, "", s + "\r\n0\r\n\r\n"}))
		},
		"trailer": func(s string) (*msg.Message, error) {
			return ok(200, http.Chunks([]string{"x"}, http.Field{Name: "X-A", Value: s}))
		},
		"trailer's name": func(s string) (*msg.Message, error) {
			return ok(200, http.Chunks([]string{"x"}, http.Field{Name: s, Value: "x"}))
		},
		"cookie":        func(s string) (*msg.Message, error) { return ok(200, http.Cookie.Set(http.Cookies("").With("a", s))) },
		"cookie's name": func(s string) (*msg.Message, error) { return ok(200, http.Cookie.Set(http.Cookies("").With(s, "a"))) },
	} {
		before := n
		for _, s := range hostile() {
			m, err := build(s)
			if err != nil {
				refused++
				continue
			}
			n++
			at := fmt.Sprintf("%s %.80q", name, s)
			written(t, at, m, nil)
			if name == "chunks" {
				body, err := http.Content(m)
				require.NoError(t, err)
				require.Equal(t, s+s+"\r\n0\r\n\r\n", body, at)
			}
			if name == "trailer" {
				wire := m.String()
				require.Equal(t, 1, strings.Count(wire, "X-A: "), at)
			}
		}
		if n == before {
			t.Errorf("%s builds nothing", name)
		}
	}
	t.Logf("built and read back %d, refused %d", n, refused)
}
