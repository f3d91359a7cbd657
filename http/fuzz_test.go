package http_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

func seeds(f *testing.F) {
	f.Add(sample(f))
	f.Add(text("3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", "POST /?q=1 HTTP/1.1", "Host: a:80", "Transfer-Encoding: chunked", "Trailer: X"))
	f.Add(text("abc", "PUT http://a/ HTTP/1.0", "Content-Length: 3", `If-Match: "a", W/"b"`, "Cookie: a=b; c"))
	f.Add(text("", "CONNECT a:443 HTTP/1.1", "Host: [::1]:443", "Via: 1.1 a (c), HTTP/2 b", "Range: bytes=0-1,-5"))
	f.Add(text("all", "HTTP/1.1 416 X", "Content-Range: bytes */5", "Warning: 110 - \"stale\" \"Tue, 11 Aug 2026 10:27:15 GMT\"", "X: a", " b"))
	f.Add(text("", "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket, a/1", "Retry-After: Tuesday, 11-Aug-26 10:27:15 GMT"))
}

// FuzzMessage: what is taken is written byte for byte, has one reading, and
// decoding ends.
func FuzzMessage(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		m, err := http.Parse(s)
		if m == nil || err != nil {
			return
		}
		_ = decodeAll(m)
		out := m.String()
		require.True(t, strings.Contains(s, out) || m.Class() == nil, "%q gives %q", s, out)
		again, err := http.Parse(out)
		require.NoError(t, err)
		require.Equal(t, out, again.String())
		require.Equal(t, m.Body(), again.Body())
		content, err := http.Content(m)
		require.NoError(t, err, "a chunked body that is taken can be decoded")
		require.LessOrEqual(t, len(content), len(m.Body()))
		for range http.Trailers(m) {
		}
	})
}

// FuzzStream: the frames do not depend on how the octets arrive, and each is a
// whole message that ends where its text ends.
func FuzzStream(f *testing.F) {
	f.Add(sample(f)+sample(f), 7)
	f.Add(text("3\r\nabc\r\n0\r\n\r\n", "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")+"\r\nGET / HTTP/1.0\r\n\r\n", 1)
	f.Add(text("", "HTTP/1.1 100 Continue")+text("abc", "HTTP/1.1 200 OK"), 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > len(s) {
			n = 1
		}
		whole, rest, err := frames(s, max(1, len(s)), true, "GET", "HEAD")
		texts, rest2, err2 := frames(s, n, true, "GET", "HEAD")
		require.Equal(t, whole, texts)
		require.Equal(t, rest, rest2)
		require.Equal(t, err, err2)
		for _, frame := range whole {
			if strings.HasPrefix(frame, "refused: ") {
				continue
			}
			m, err := msg.Exchange{Method: "HEAD"}.Parse(http.Class(), frame, http.DefaultLimits())
			if err == nil && m.IsRequest() {
				require.Equal(t, frame, m.String())
			}
		}
	})
}
