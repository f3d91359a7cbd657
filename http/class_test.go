package http_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/http"
	"github.com/gosofia/sofia/msg"
)

func TestParseResponse(t *testing.T) {
	s := sample(t)
	m := parse(t, s)
	require.Equal(t, s, m.String())
	require.Equal(t, 200, m.Status())
	require.Equal(t, "OK", m.Phrase())
	n, ok, err := http.ContentLength.Get(m)
	require.NoError(t, err)
	require.True(t, ok)
	require.EqualValues(t, 201, n)
	require.Len(t, m.Body(), 201)
	c, _, err := http.SetCookie.Get(m)
	require.NoError(t, err)
	require.Equal(t, "session", c.Name)
	v, ok := c.Attributes.Get("samesite")
	require.True(t, ok)
	require.Equal(t, "Lax", v)
	var names []string
	for d, err := range http.CacheControl.All(m) {
		require.NoError(t, err)
		names = append(names, d.Name)
	}
	require.Equal(t, []string{"private", "max-age", "must-revalidate"}, names)
}

// TestRefused: what two readers could take for different messages, and what is
// no message at all.
func TestRefused(t *testing.T) {
	get := "GET / HTTP/1.1"
	for name, c := range map[string]struct {
		in     string
		want   error
		status int
	}{
		"length and chunks":         {text("0\r\n\r\n", get, "Host: a", "Content-Length: 5", "Transfer-Encoding: chunked"), http.ErrFraming, 400},
		"chunks and length":         {text("0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked", "Content-Length: 0"), http.ErrFraming, 400},
		"two lengths":               {text("abc", get, "Host: a", "Content-Length: 3", "Content-Length: 0"), msg.ErrDouble, 400},
		"two equal lengths":         {text("abc", get, "Host: a", "Content-Length: 3", "Content-Length: 3"), msg.ErrDouble, 400},
		"list of lengths":           {text("abc", get, "Host: a", "Content-Length: 3, 3"), msg.ErrLength, 400},
		"signed length":             {text("abc", get, "Host: a", "Content-Length: +3"), msg.ErrLength, 400},
		"hex length":                {text("abc", get, "Host: a", "Content-Length: 0x3"), msg.ErrLength, 400},
		"empty length":              {text("abc", get, "Host: a", "Content-Length:"), msg.ErrLength, 400},
		"wrapping length":           {text("abc", get, "Host: a", "Content-Length: 18446744073709551619"), msg.ErrLength, 400},
		"length over limit":         {text("abc", get, "Host: a", "Content-Length: 1048577"), msg.ErrBodyTooLarge, 413},
		"length over text":          {text("abc", get, "Host: a", "Content-Length: 4"), msg.ErrLength, 400},
		"unknown coding":            {text("", get, "Host: a", "Transfer-Encoding: gzip, chunked"), http.ErrCoding, 501},
		"coding behind chunks":      {text("", get, "Host: a", "Transfer-Encoding: chunked, gzip"), http.ErrFraming, 400},
		"chunked twice":             {text("0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked, chunked"), http.ErrFraming, 400},
		"chunked in two fields":     {text("0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), http.ErrFraming, 400},
		"coding in quotes":          {text("", get, "Host: a", `Transfer-Encoding: "chunked"`), http.ErrFraming, 400},
		"coding with parameter":     {text("", get, "Host: a", "Transfer-Encoding: chunked;q=1"), http.ErrFraming, 400},
		"empty coding":              {text("", get, "Host: a", "Transfer-Encoding:"), http.ErrFraming, 400},
		"coding with vertical tab":  {text("", get, "Host: a", "Transfer-Encoding: \vchunked"), http.ErrFraming, 400},
		"coding in HTTP/1.0":        {text("0\r\n\r\n", "POST / HTTP/1.0", "Transfer-Encoding: chunked"), http.ErrFraming, 400},
		"space before colon":        {text("", get, "Host: a", "Transfer-Encoding : chunked"), msg.ErrFieldName, 400},
		"tab before colon":          {text("", get, "Host: a", "X-Unknown\t: chunked"), msg.ErrFieldName, 400},
		"line without colon":        {text("", get, "Host: a", "X"), msg.ErrFieldName, 400},
		"space before first field":  {text("", get, " Host: a", "Host: a"), msg.ErrFieldName, 400},
		"fold in request":           {text("", get, "Host: a", "X: a", " b"), msg.ErrFold, 400},
		"bare LF":                   {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", msg.ErrLineEnd, 400},
		"bare CR":                   {text("", get, "Host: a", "X: a\rb"), msg.ErrLineEnd, 400},
		"NUL":                       {text("", get, "Host: a", "X: \x00"), msg.ErrControl, 400},
		"quoted NUL":                {text("", get, "Host: a", "X: \"\\\x00\""), msg.ErrControl, 400},
		"no Host":                   {text("", get), msg.ErrMissing, 400},
		"two Hosts":                 {text("", get, "Host: a", "Host: a"), msg.ErrDouble, 400},
		"two hosts":                 {text("", get, "Host: a, b"), msg.ErrSyntax, 400},
		"bad port":                  {text("", get, "Host: a:65536"), msg.ErrSyntax, 400},
		"user in host":              {text("", get, "Host: u@a"), msg.ErrSyntax, 400},
		"version 2":                 {text("", "GET / HTTP/2.0", "Host: a"), msg.ErrVersion, 505},
		"version in lower case":     {text("", "GET / http/1.1", "Host: a"), msg.ErrVersion, 505},
		"version of two digits":     {text("", "GET / HTTP/1.10", "Host: a"), msg.ErrVersion, 505},
		"two spaces":                {text("", "GET  / HTTP/1.1", "Host: a"), msg.ErrStartLine, 400},
		"space in target":           {text("", "GET /a b HTTP/1.1", "Host: a"), msg.ErrStartLine, 400},
		"relative target":           {text("", "GET a/b HTTP/1.1", "Host: a"), http.ErrTarget, 400},
		"fragment":                  {text("", "GET /a#b HTTP/1.1", "Host: a"), http.ErrTarget, 400},
		"star for GET":              {text("", "GET * HTTP/1.1", "Host: a"), http.ErrTarget, 400},
		"CONNECT to path":           {text("", "CONNECT / HTTP/1.1", "Host: a"), http.ErrTarget, 400},
		"CONNECT without port":      {text("", "CONNECT a HTTP/1.1", "Host: a"), http.ErrTarget, 400},
		"status 600":                {text("", "HTTP/1.1 600 X", "Content-Length: 0"), msg.ErrStatusCode, 400},
		"status 99":                 {text("", "HTTP/1.1 099 X", "Content-Length: 0"), msg.ErrStatusCode, 400},
		"status 20":                 {text("", "HTTP/1.1 20 X", "Content-Length: 0"), msg.ErrStatusCode, 400},
		"response framed twice":     {text("0\r\n\r\n", "HTTP/1.1 200 OK", "Content-Length: 5", "Transfer-Encoding: chunked"), http.ErrFraming, 400},
		"response, unknown coding":  {text("x", "HTTP/1.1 200 OK", "Transfer-Encoding: gzip"), http.ErrCoding, 501},
		"head cut":                  {"GET / HTTP/1.1\r\nHost: a\r\n", msg.ErrHeadEnd, 400},
		"header too long":           {text("", get, "Host: a", "X: "+strings.Repeat("a", 16<<10)), msg.ErrHeaderTooLong, 431},
		"too many headers":          {text("", append([]string{get, "Host: a"}, repeat("X: a", 256)...)...), msg.ErrHeadTooLarge, 431},
		"target too long":           {text("", "GET /"+strings.Repeat("a", 8<<10)+" HTTP/1.1", "Host: a"), msg.ErrStartLineTooLong, 414},
		"chunked body cut":          {text("5\r\nhel", get, "Host: a", "Transfer-Encoding: chunked"), msg.ErrCut, 400},
		"chunk size with plus":      {text("+5\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size with 0x":        {text("0x5\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size negative":       {text("-1\r\n\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size empty":          {text("\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size wraps":          {text("10000000000000005\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size with space":     {text("5 \r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk size with LF":        {text("5\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk extension with LF":   {text("5;a\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk extension with CR":   {text("5;a\rb\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk too long":            {text("5\r\nhello!\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk ends in LF":          {text("5\r\nhello\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"trailer without colon":     {text("0\r\nX\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"trailer folded":            {text("0\r\nX: a\r\n b\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"trailer with space":        {text("0\r\nX : a\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"last chunk, then bare LF":  {text("0\r\n\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"chunk line of four KiB":    {text("5;"+strings.Repeat("a", 4<<10)+"\r\nhello\r\n0\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
		"leading zeros without end": {text(strings.Repeat("0", 5<<10)+"\r\n\r\n", get, "Host: a", "Transfer-Encoding: chunked"), http.ErrChunk, 400},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := http.Parse(c.in)
			require.ErrorIs(t, err, c.want)
			require.NotNil(t, m, "a refused message can be answered")
			require.Equal(t, c.status, http.Status(err))
			require.Equal(t, err, m.Err())
		})
	}
	for _, s := range []string{"", "\r\n", "hello\r\n\r\n", "GET /\r\n\r\n", "INVITE sip:a SIP/2.0\r\n\r\n", "HTTP/1.1\r\n\r\n"} {
		m, err := http.Parse(s)
		require.ErrorIs(t, err, msg.ErrNoStartLine, s)
		require.Nil(t, m)
	}
	require.Equal(t, 400, http.Status(errors.New("x")))
}

func repeat(s string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

func TestTaken(t *testing.T) {
	for in, body := range map[string]string{
		text("rest", "GET / HTTP/1.1", "Host:"):                                                           "",
		text("rest", "GET / HTTP/1.0"):                                                                    "",
		text("", "GET http://a/b?c HTTP/1.9", "host: a:80"):                                               "",
		text("", "OPTIONS * HTTP/1.1", "Host: [2001:db8::1]:8080"):                                        "",
		text("", "CONNECT a.example:443 HTTP/1.1", "Host: a.example"):                                     "",
		text("abcd", "POST /x HTTP/1.1", "Host: a", "Content-Length: 003"):                                "abc",
		text("all of it", "HTTP/1.1 200 OK"):                                                              "all of it",
		text("all of it", "HTTP/1.0 200"):                                                                 "all of it",
		text("xx", "HTTP/1.1 204 No Content", "Content-Length: 2"):                                        "",
		text("xx", "HTTP/1.1 304 Not Modified", "Content-Length: 2"):                                      "",
		text("xx", "HTTP/1.1 103 Early Hints", "Link: <x>"):                                               "",
		text("xx", "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"):                              "",
		text("", "HTTP/1.1 200 OK", "X: a", " b", "Content-Length: 0"):                                    "",
		text("A\r\n0123456789\r\n0\r\n\r\nxx", "HTTP/1.1 200 OK", "Transfer-Encoding: Chunked"):           "A\r\n0123456789\r\n0\r\n\r\n",
		text("00;a=\"b;c\" ; d\r\n\r\nGET", "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: ,chunked,"): "00;a=\"b;c\" ; d\r\n\r\n",
	} {
		m := parse(t, in)
		require.Equal(t, body, m.Body(), "%q", in)
		again := parse(t, m.String())
		require.Equal(t, m.String(), again.String())
	}
	m := parse(t, text("", "HTTP/1.1 200 OK", "X: a", " b", "Content-Length: 0"))
	for v := range m.Values("X") {
		require.Equal(t, "a b", v, "a fold in a response is a space")
	}
	in := text("abc", "HTTP/1.1 200 OK", "Content-Length: 9999999999")
	m, err := msg.Exchange{Method: "HEAD"}.Parse(http.Class(), in, http.DefaultLimits())
	require.NoError(t, err)
	require.Empty(t, m.Body())
	m, err = msg.Exchange{Method: "CONNECT"}.Parse(http.Class(), in, http.DefaultLimits())
	require.NoError(t, err)
	require.Empty(t, m.Body())
}

func TestEditKeepsFraming(t *testing.T) {
	m := parse(t, text("3\r\nabc\r\n0\r\n\r\n", "HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "X: y"))
	e, err := m.Edit(http.Server.Set("a"))
	require.NoError(t, err)
	require.NoError(t, e.Err())
	require.Equal(t, m.Body(), e.Body())
	e, err = m.Edit(msg.Body("abc")) // adds a length beside the chunks
	require.NoError(t, err)
	require.ErrorIs(t, e.Err(), http.ErrFraming)
	e, err = m.Edit(http.Payload("text/plain", "abc"))
	require.NoError(t, err)
	require.NoError(t, e.Err())
	require.Equal(t, "HTTP/1.1 200 OK\r\nX: y\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc", e.String())
}

// TestLinear: hostile texts take no longer than their length allows, at once and
// octet by octet. The bound is far above what they take, and far below what
// anything but a linear parser would.
func TestLinear(t *testing.T) {
	start := time.Now()
	for _, c := range []string{"(", ",", ";", "\"", "\\", "<", "\r\n ", " ", "0", "1\r\na\r\n", "1;a\r\na\r\n"} {
		for _, h := range []string{"Transfer-Encoding: ", "Cache-Control: ", "Set-Cookie: a=", "Via: ", "Range: bytes=", "Host: "} {
			s := strings.Repeat(c, (15<<10)/len(c))
			m, _ := http.Parse(text(s, "HTTP/1.1 200 OK", h+s, "Transfer-Encoding: chunked"))
			if m != nil {
				_ = decodeAll(m)
			}
		}
		body := strings.Repeat(c, (64<<10)/len(c))
		_, _, _ = frames(text(body, "POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"), 1, true)
		_, _, _ = frames(text(body, "HTTP/1.1 200 OK"), 1, true)
		m := parse(t, text(body, "HTTP/1.1 200 OK"))
		_, err := http.Content(m)
		require.NoError(t, err)
	}
	require.Less(t, time.Since(start), 5*time.Second)
}
