package http_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

// frames feeds a stream in pieces of n octets and returns what the framer makes
// of it: the texts, and the error that ended it.
func frames(stream string, n int, eof bool, expect ...string) (texts []string, rest string, err error) {
	f := msg.NewFramer(http.Class(), http.DefaultLimits())
	for _, method := range expect {
		f.Expect(msg.Exchange{Method: method})
	}
	drain := func() bool {
		for {
			fr, e := f.Next()
			if e == msg.ErrIncomplete {
				return true
			}
			if e == msg.ErrTunnel {
				rest, err = string(f.Rest()), e
				return false
			}
			if e != nil {
				err = e
				return false
			}
			if _, bad := fr.Exchange.Parse(http.Class(), fr.Text, http.DefaultLimits()); bad != nil {
				texts = append(texts, "refused: "+fr.Text)
				continue
			}
			texts = append(texts, fr.Text)
		}
	}
	for i := 0; i < len(stream); i += n {
		if f.Feed([]byte(stream[i:min(i+n, len(stream))])) != nil || !drain() {
			if err == msg.ErrTunnel {
				rest += stream[min(i+n, len(stream)):]
			}
			return texts, rest, err
		}
	}
	if eof {
		f.End()
		drain()
	}
	return texts, rest, err
}

func TestStream(t *testing.T) {
	get := text("", "GET / HTTP/1.1", "Host: a")
	post := text("abc", "POST / HTTP/1.1", "Host: a", "Content-Length: 3")
	chunks := text("3;x=\"y\"\r\nab\n\r\n00b\r\nhello world\r\n0\r\nX: y\r\n\r\n", "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked")
	noHost := text("", "GET / HTTP/1.1", "X: y")
	head := text("", "HTTP/1.1 200 OK", "Content-Length: 5")
	full := text("abcde", "HTTP/1.1 200 OK", "Content-Length: 5")
	early := text("", "HTTP/1.1 103 Early Hints", "Link: <x>")
	toEnd := text("all\r\nof it", "HTTP/1.0 200 OK")
	upgrade := text("", "HTTP/1.1 101 Switching Protocols", "Upgrade: x")
	for name, c := range map[string]struct {
		in     string
		expect []string
		want   []string
		rest   string
		err    error // nil: io.EOF
	}{
		"requests":           {get + "\r\n\r\n" + post + chunks + "\r\n" + get, nil, []string{get, post, chunks, get}, "", nil},
		"refused, but whole": {noHost + get, nil, []string{"refused: " + noHost, get}, "", nil},
		"responses":          {early + head + full + early + early + full, []string{"HEAD", "GET", "POST"}, []string{early, head, full, early, early, full}, "", nil},
		"to the end":         {full + toEnd, []string{"GET", "GET"}, []string{full, toEnd}, "", nil},
		"chunked response":   {strings.Replace(chunks, "POST / HTTP/1.1", "HTTP/1.1 200 OK", 1) + full, []string{"GET", "GET"}, []string{strings.Replace(chunks, "POST / HTTP/1.1", "HTTP/1.1 200 OK", 1), full}, "", nil},
		"no expectation":     {full + full, nil, []string{full, full}, "", nil},
		"upgrade":            {upgrade + "\x00\x01GET", []string{"GET"}, []string{upgrade}, "\x00\x01GET", msg.ErrTunnel},
		"tunnel":             {head + "secret", []string{"CONNECT"}, []string{head}, "secret", msg.ErrTunnel},
		"refused tunnel":     {text("abcde", "HTTP/1.1 403 Forbidden", "Content-Length: 5") + full, []string{"CONNECT", "GET"}, []string{text("abcde", "HTTP/1.1 403 Forbidden", "Content-Length: 5"), full}, "", nil},
		"cut head":           {get + "GET / HTTP/1.1\r\nHo", nil, []string{get}, "", msg.ErrCut},
		"cut body":           {post[:len(post)-1], nil, nil, "", msg.ErrCut},
		"cut chunks":         {chunks[:len(chunks)-1], nil, nil, "", msg.ErrCut},
		"noise":              {"hello\r\nworld\r\n\r\n", nil, nil, "", msg.ErrNoStartLine},
		"two framings":       {get + text("0\r\n\r\n", "POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked") + get, nil, []string{get}, "", http.ErrFraming},
		"hidden coding":      {get + text("0\r\n\r\n", "POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Transfer-Encoding : chunked") + get, nil, []string{get}, "", msg.ErrFieldName},
		"folded coding":      {get + text("", "POST / HTTP/1.1", "Host: a", "Content-Length: 5", "X: y", " Transfer-Encoding: chunked") + get, nil, []string{get}, "", msg.ErrFold},
		"two lengths":        {get + text("abc", "POST / HTTP/1.1", "Host: a", "Content-Length: 5", "Content-Length: 3") + get, nil, []string{get}, "", msg.ErrDouble},
		"huge length":        {get + text("abc", "POST / HTTP/1.1", "Host: a", "Content-Length: 9999999999") + get, nil, []string{get}, "", msg.ErrBodyTooLarge},
		"bad chunk":          {get + text("3\r\nabcd\r\n0\r\n\r\n", "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + get, nil, []string{get}, "", http.ErrChunk},
		"bare LF":            {get + "GET / HTTP/1.1\nHost: a\n\n" + get, nil, []string{get}, "", msg.ErrLineEnd},
		"other version":      {get + text("", "PRI * HTTP/2.0", "X: y") + get, nil, []string{get}, "", msg.ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			if c.err == nil {
				c.err = io.EOF
			}
			for n := 1; n <= len(c.in); n++ { // any cut gives the same
				texts, rest, err := frames(c.in, n, true, c.expect...)
				require.Equal(t, c.want, texts, "pieces of %d", n)
				require.Equal(t, c.rest, rest)
				require.ErrorIs(t, err, c.err)
			}
		})
	}
}

// TestStreamLimits: an endless body ends the stream, whatever frames it.
func TestStreamLimits(t *testing.T) {
	lim := msg.Limits{Body: 100}
	for _, c := range []struct{ head, piece string }{
		{text("", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked"), "1\r\nx\r\n"},
		{text("", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "0\r\n", "X: y\r\n"},
		{text("", "HTTP/1.1 200 OK"), "x"},
	} {
		f := msg.NewFramer(http.Class(), lim)
		require.NoError(t, f.Feed([]byte(c.head)))
		_, err := f.Next()
		for n := 0; err == msg.ErrIncomplete; n++ {
			require.Less(t, n, 1000)
			require.NoError(t, f.Feed([]byte(c.piece)))
			_, err = f.Next()
		}
		require.ErrorIs(t, err, msg.ErrBodyTooLarge)
		require.Equal(t, 413, http.Status(err))
		require.Zero(t, f.Buffered(), "nothing is kept")
	}
}

// TestRest: a server that upgrades takes the octets behind the request.
func TestRest(t *testing.T) {
	f := msg.NewFramer(http.Class(), msg.Limits{})
	require.NoError(t, f.Feed([]byte(text("\x81\x05hello", "GET / HTTP/1.1", "Host: a", "Upgrade: websocket"))))
	_, err := f.Next()
	require.NoError(t, err)
	require.Equal(t, "\x81\x05hello", string(f.Rest()))
	_, err = f.Next()
	require.ErrorIs(t, err, msg.ErrTunnel)
	require.ErrorIs(t, f.Feed([]byte("x")), msg.ErrTunnel)
}
