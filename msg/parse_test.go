package msg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

const head = "GET x TEST/1.0\r\nKey: k\r\n"

func TestParse(t *testing.T) {
	text := "\r\n\r\nDO it:now TEST/1.0\r\n" +
		"h:a;x=1,\r\n b\r\n" +
		"KEY \t:  k \t\r\n" +
		"X-Odd!name:;;,,;\r\n" +
		"Note:\r\n\tfolded \t\r\n  twice\r\n" +
		"HOP: c\r\n" +
		"Empty:\r\n" +
		"Content-Length: 3\r\n\r\nab\x00cd"
	m := parse(t, text)
	require.True(t, m.IsRequest())
	require.Equal(t, "DO", m.Method())
	require.Equal(t, "it:now", m.RequestURI())
	require.Equal(t, "TEST/1.0", m.Version())
	require.Zero(t, m.Status())
	require.Empty(t, m.Phrase())
	require.Equal(t, "ab\x00", m.Body())
	require.Same(t, class, m.Class())
	require.Same(t, m, m.Msg())

	var names, values, raws []string
	for f := range m.Fields() {
		names, values, raws = append(names, f.Name), append(values, f.Value), append(raws, f.Raw)
		require.Equal(t, class.Lookup(f.Name), f.ID)
	}
	require.Equal(t, []string{"h", "KEY", "X-Odd!name", "Note", "HOP", "Empty", "Content-Length"}, names)
	require.Equal(t, []string{"a;x=1,\r\n b", "k", ";;,,;", "folded \t\r\n  twice", "c", "", "3"}, values)
	require.Equal(t, "KEY \t:  k \t", raws[1])
	require.Equal(t, "h:a;x=1,\r\n b", raws[0])

	var hops []string
	for v, err := range hop.All(m) {
		require.NoError(t, err)
		hops = append(hops, v.Value)
	}
	require.Equal(t, []string{"a", "b", "c"}, hops, "list, fold, repetition and compact form together")
	n, ok, err := note.Get(m)
	require.True(t, ok && err == nil)
	require.Equal(t, "folded twice", n, "a fold reads as one space")
	for v := range m.Values("x-odd!NAME") {
		require.Equal(t, ";;,,;", v)
	}
	i := 0
	for range m.Values("Hop") {
		i++
	}
	require.Equal(t, 2, i)

	want := strings.TrimPrefix(strings.TrimSuffix(text, "cd"), "\r\n\r\n")
	require.Equal(t, want, m.String())
	require.Equal(t, len(want), m.Len())
	require.Equal(t, want, parse(t, want).String())
}

func TestParseResponse(t *testing.T) {
	m := parse(t, "test/1.0 299 All  good \r\nKey: k\r\n\r\nrest is body")
	require.False(t, m.IsRequest())
	require.Equal(t, 299, m.Status())
	require.Equal(t, "All  good ", m.Phrase())
	require.Equal(t, "test/1.0", m.Version())
	require.Equal(t, "rest is body", m.Body(), "without Content-Length to the end")
	require.Empty(t, m.Method())
	require.Empty(t, m.RequestURI())
	require.Empty(t, parse(t, "TEST/1.0 100 \r\nKey: k\r\n\r\n").Phrase())
}

func TestNoise(t *testing.T) {
	for _, s := range []string{
		"", "\r\n\r\n", "x", "GET x TEST/1.0", "\r\nGET", " GET x TEST/1.0\r\n\r\n", "GET\r\n\r\n", "GET x\r\n\r\n",
		"GET x HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "TEST/1.0\r\n\r\n", "TEST/1.0 OK\r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\r\n", "\x00\x01\x00\x00", "G\x00T x TEST/1.0\r\n\r\n", "\n\n", "\r", "GET \r\n\r\n", " \r\n\r\n",
	} {
		m, err := msg.Parse(class, s, msg.Limits{})
		require.Nil(t, m, "%q", s)
		require.ErrorIs(t, err, msg.ErrNoStartLine, "%q", s)
	}
}

func TestRefusedButAnswerable(t *testing.T) {
	long := strings.Repeat("x", 9000)
	for _, c := range []struct {
		name, text string
		lim        msg.Limits
		want       error
		status     int
	}{
		{"version", "GET x TEST/7.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrVersion, 505},
		{"two spaces", "GET  x TEST/1.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"space in URI", "GET x y TEST/1.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"tab in URI", "GET x\ty TEST/1.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"space after", "GET x TEST/1.0 \r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"no URI", "GET TEST/1.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"folded start line", "GET x TEST/1.0\r\n Key: k\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"code 99", "TEST/1.0 099 x\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStatusCode, 400},
		{"code 700", "TEST/1.0 700 x\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStatusCode, 400},
		{"code wraps", "TEST/1.0 4294967496 x\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStatusCode, 400},
		{"code glued", "TEST/1.0 200OK\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLine, 400},
		{"no empty line", head, msg.Limits{}, msg.ErrHeadEnd, 400},
		{"cut in a line", head + "Note: a", msg.Limits{}, msg.ErrHeadEnd, 400},
		{"cut in a fold", head + "Note: a\r\n b", msg.Limits{}, msg.ErrHeadEnd, 400},
		{"bare LF", head + "Note: a\n\r\n", msg.Limits{}, msg.ErrLineEnd, 400},
		{"LF only", strings.ReplaceAll(head+"\r\n", "\r", ""), msg.Limits{}, msg.ErrLineEnd, 400},
		{"bare CR", head + "Note: a\rb\r\n\r\n", msg.Limits{}, msg.ErrLineEnd, 400},
		{"CR CR LF", head + "Note: a\r\r\n\r\n", msg.Limits{}, msg.ErrLineEnd, 400},
		{"CR before colon", head + "Note\r: a\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"NUL", head + "Note: a\x00b\r\n\r\n", msg.Limits{}, msg.ErrControl, 400},
		{"NUL after an escaped backslash", head + "Note: \"\\\\\x00\"\r\n\r\n", msg.Limits{}, msg.ErrControl, 400},
		{"no colon", head + "Note a\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"no name", head + ": a\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"vertical tab in name", head + "Content-Length\v: 0\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"fold in name", head + "Content-Length\r\n : 0\r\n\r\n", msg.Limits{}, msg.ErrFieldName, 400},
		{"missing", "GET x TEST/1.0\r\n\r\n", msg.Limits{}, msg.ErrMissing, 400},
		{"double", head + "KEY: k\r\n\r\n", msg.Limits{}, msg.ErrDouble, 400},
		{"two lengths", head + "l: 1\r\nContent-Length: 2\r\n\r\nabcd", msg.Limits{}, msg.ErrDouble, 400},
		{"length too large", head + "l: 5\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length sign", head + "l: +2\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length negative", head + "l: -2\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length list", head + "l: 2, 2\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length word", head + "l: two\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length empty", head + "l:\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length hex", head + "l: 0x2\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"length wraps", head + "l: 18446744073709551618\r\n\r\nabcd", msg.Limits{}, msg.ErrLength, 400},
		{"long start line", "GET " + long + " TEST/1.0\r\nKey: k\r\n\r\n", msg.Limits{}, msg.ErrStartLineTooLong, 414},
		{"long header", head + "Note: " + long + long + "\r\n\r\n", msg.Limits{}, msg.ErrHeaderTooLong, 400},
		{"long folded header", head + "Note: " + strings.Repeat("x\r\n ", 200) + "\r\n\r\n", msg.Limits{Header: 500}, msg.ErrHeaderTooLong, 400},
		{"large head", head + strings.Repeat("Peer: "+long+"\r\n", 9) + "\r\n", msg.Limits{}, msg.ErrHeadTooLarge, 513},
		{"many lines", head + strings.Repeat("Peer: a\r\n", 300) + "\r\n", msg.Limits{}, msg.ErrHeadTooLarge, 513},
		{"many folds", head + "Note: a" + strings.Repeat("\r\n b", 300) + "\r\n\r\n", msg.Limits{}, msg.ErrHeadTooLarge, 513},
		{"large body", head + "\r\n" + long, msg.Limits{Body: 8999}, msg.ErrBodyTooLarge, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := msg.Parse(class, c.text, c.lim)
			require.NotNil(t, m)
			require.ErrorIs(t, err, c.want)
			var e *msg.SyntaxError
			require.ErrorAs(t, err, &e)
			require.Equal(t, c.status, e.Status())
			require.Equal(t, err.Error(), m.Err().Error())
			require.NotEmpty(t, m.Errors())
			require.NotEmpty(t, m.Version())
			answer, err := msg.New(class, msg.StatusLine(400, "Bad"), key.Copy(m), hop.Copy(m), note.Copy(m), msg.Length())
			require.NoError(t, err)
			again, err := msg.Parse(class, answer.String(), msg.Limits{Header: -1})
			if key.Has(m) && c.name != "double" {
				require.NoError(t, err, "the answer must be well-formed: %q", answer.String())
			}
			require.Equal(t, answer.String(), again.String())
		})
	}
}

func TestTakenAnyway(t *testing.T) {
	for name, text := range map[string]string{
		"equal lengths":            head + "l: 2\r\nContent-Length: 02\r\n\r\nabcd",
		"folded length":            head + "Content-Length:\r\n 2\r\n\r\nabcd",
		"NUL in a quoted-pair":     head + "Note: \"\\\x00\"\r\nl: 2\r\n\r\nab",
		"doubled note":             head + "Note: a\r\nNote: b\r\nl: 2\r\n\r\nab",
		"line of spaces is a fold": head + "Note: a\r\n \r\nl: 2\r\n\r\nab",
	} {
		m := parse(t, text)
		require.Equal(t, "ab", m.Body(), name)
		require.True(t, strings.HasPrefix(text, m.String()), name)
	}
}

func TestLimitsOff(t *testing.T) {
	text := "GET " + strings.Repeat("x", 10000) + " TEST/1.0\r\nKey: k\r\nNote: " + strings.Repeat("y", 20000) + "\r\n" +
		strings.Repeat("Peer: a\r\n", 10000) + "\r\n"
	m, err := msg.Parse(class, text, msg.Limits{StartLine: -1, Header: -1, Headers: -1, Lines: -1, Body: -1, ListMembers: -1})
	require.NoError(t, err)
	require.Equal(t, text, m.String())
	n := 0
	for _, err := range peer.All(m) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 10000, n)
}

func TestParseAllocations(t *testing.T) {
	for fields, want := range map[int]float64{1: 1, 31: 1, 32: 1, 33: 2, 64: 2, 200: 2} {
		text := head + strings.Repeat("Peer: a\r\n", fields-1) + "\r\n"
		require.Equal(t, want, testing.AllocsPerRun(50, func() {
			if _, err := msg.Parse(class, text, msg.Limits{}); err != nil {
				t.Fatal(err)
			}
		}), "%d fields", fields)
	}
}

// Cutting a message anywhere gives noise, a refused message, or a message whose
// body ends early; never a panic, and never the whole message.
func TestParseCut(t *testing.T) {
	text := "GET x TEST/1.0\r\nKey: k\r\nh: a;b=\"c\\\"d\",\r\n e\r\nContent-Length: 4\r\n\r\nbody"
	for i := range len(text) {
		m, err := msg.Parse(class, text[:i], msg.Limits{})
		require.Error(t, err, "cut at %d", i)
		if m != nil {
			require.LessOrEqual(t, len(m.Body()), 4)
		}
	}
}
