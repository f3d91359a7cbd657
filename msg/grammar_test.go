package msg_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// dotted ends a body at the first ".", however it arrives.
type dotted struct{}

func (dotted) Scan(b []byte) (int, bool, error) {
	for i, c := range b {
		switch c {
		case '.':
			return i + 1, true, nil
		case '!':
			return i, false, msg.ErrSyntax
		}
	}
	return len(b), false, nil
}

var modes = msg.Extension[string, msg.TextCodec]{Name: "Mode"}

// framing is a class whose header Mode says how the body ends.
var framing = msg.NewClass(msg.ClassConfig{
	Version: "TEST/1.0",
	Headers: []msg.HeaderInfo{{ID: msg.IDContentLength, Name: "Content-Length", Critical: true}},
	Grammar: msg.Grammar{
		Reads:      func(v string) bool { return v == "TEST/1.1" },
		TightNames: true, NoFolds: true, NoNUL: true,
		Body: func(m *msg.Message, x msg.Exchange) (msg.Framing, error) {
			if m.Doubled() {
				return msg.Framing{}, msg.ErrDouble
			}
			if x.Method == "BARE" {
				return msg.Framing{}, nil
			}
			mode, _, _ := modes.Get(m)
			switch mode {
			case "dot":
				return msg.Framing{Coding: dotted{}}, nil
			case "end":
				return msg.Framing{ToEnd: true}, nil
			case "tunnel":
				return msg.Framing{Tunnel: true}, nil
			case "bad":
				return msg.Framing{}, &msg.SyntaxError{Offset: 3, Header: "Mode", Err: msg.ErrRange}
			case "huge":
				return msg.Framing{Length: 1 << 40}, nil
			}
			n, _, err := msg.ContentLength.Get(m)
			return msg.Framing{Length: uint64(n)}, err
		},
	},
})

func TestGrammarParse(t *testing.T) {
	for in, c := range map[string]struct {
		body string
		err  error
	}{
		"GET x TEST/1.0\r\nMode: dot\r\n\r\nab.cd":                           {"ab.", nil},
		"GET x TEST/1.1\r\n\r\nab":                                           {"", nil},
		"GET x TEST/1.2\r\n\r\nab":                                           {"", msg.ErrVersion},
		"GET x TEST/1.0\r\nMode: dot\r\n\r\nab":                              {"ab", msg.ErrCut},
		"GET x TEST/1.0\r\nMode: dot\r\n\r\nab!":                             {"ab", msg.ErrSyntax},
		"GET x TEST/1.0\r\nMode: end\r\n\r\nab":                              {"ab", nil},
		"GET x TEST/1.0\r\nMode: tunnel\r\n\r\nab":                           {"", nil},
		"GET x TEST/1.0\r\nMode: bad\r\n\r\nab":                              {"", msg.ErrRange},
		"GET x TEST/1.0\r\nMode: huge\r\n\r\nab":                             {"ab", msg.ErrBodyTooLarge},
		"GET x TEST/1.0\r\nContent-Length: 1\r\n\r\nab":                      {"a", nil},
		"GET x TEST/1.0\r\nContent-Length: 3\r\n\r\nab":                      {"ab", msg.ErrLength},
		"GET x TEST/1.0\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nab": {"", msg.ErrDouble},
		"GET x TEST/1.0\r\nA : b\r\n\r\n":                                    {"", msg.ErrFieldName},
		"GET x TEST/1.0\r\nA: b\r\n c\r\n\r\n":                               {"", msg.ErrFold},
		"TEST/1.0 200 OK\r\nA: b\r\n c\r\n\r\n":                              {"", nil},
		"GET x TEST/1.0\r\nA: \"\\\x00\"\r\n\r\n":                            {"", msg.ErrControl},
	} {
		m, err := msg.Parse(framing, in, msg.Limits{})
		require.ErrorIs(t, err, c.err, "%q", in)
		require.Equal(t, c.body, m.Body(), "%q", in)
		require.Equal(t, err, m.Err())
		if err == nil {
			require.Empty(t, m.Errors())
		} else {
			require.Len(t, m.Errors(), 1, "told once")
		}
	}
	m, err := msg.Exchange{Method: "BARE"}.Parse(framing, "TEST/1.0 200 OK\r\nContent-Length: 9\r\n\r\n", msg.Limits{})
	require.NoError(t, err)
	require.Empty(t, m.Body())
	_, err = msg.Parse(framing, "GET x TEST/1.0\r\nMode: end\r\n\r\n123456", msg.Limits{Body: 5})
	require.ErrorIs(t, err, msg.ErrBodyTooLarge)
	e, err := m.Edit(msg.Framed("raw"))
	require.NoError(t, err)
	require.Equal(t, "raw", e.Body())
}

// A class with more headers keeps the grammar.
func TestGrammarWith(t *testing.T) {
	c := framing.With(modes)
	m, err := msg.Parse(c, "GET x TEST/1.1\r\nMode: dot\r\n\r\nab.cd", msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, "ab.", m.Body())
}

func TestGrammarFramer(t *testing.T) {
	get := func(mode, body string) string { return "GET x TEST/1.0\r\nMode: " + mode + "\r\n\r\n" + body }
	for name, c := range map[string]struct {
		in   string
		want []string
		rest string
		err  error
	}{
		"coding":  {get("dot", "ab.") + "\r\n\r\n" + get("dot", "."), []string{get("dot", "ab."), get("dot", ".")}, "", io.EOF},
		"to end":  {get("dot", ".") + get("end", "all"), []string{get("dot", "."), get("end", "all")}, "", io.EOF},
		"tunnel":  {get("tunnel", "rest"), []string{get("tunnel", "")}, "rest", msg.ErrTunnel},
		"refused": {get("dot", ".") + get("bad", ""), []string{get("dot", ".")}, "", msg.ErrRange},
		"broken":  {get("dot", "ab!"), nil, "", msg.ErrSyntax},
		"cut":     {get("dot", "ab"), nil, "", msg.ErrCut},
		"huge":    {get("huge", "ab"), nil, "", msg.ErrBodyTooLarge},
		"noise":   {"noise\r\n\r\n", nil, "", msg.ErrNoStartLine},
		"control": {get("dot", ".") + "GET x TEST/1.0\r\nA: \x00\r\n\r\n", []string{get("dot", ".")}, "", msg.ErrControl},
	} {
		for n := 1; n <= len(c.in); n++ {
			f := msg.NewFramer(framing, msg.Limits{})
			var got []string
			var rest string
			var err error
			for i := 0; i < len(c.in) && err == nil; i += n {
				if err = f.Feed([]byte(c.in[i:min(i+n, len(c.in))])); err != nil {
					break
				}
				for err == nil {
					var fr msg.Frame
					if fr, err = f.Next(); err == nil {
						got = append(got, fr.Text)
					}
				}
				switch err {
				case msg.ErrIncomplete:
					err = nil
				case msg.ErrTunnel:
					rest = string(f.Rest()) + c.in[min(i+n, len(c.in)):]
				}
			}
			if f.End(); err == nil {
				for err == nil {
					var fr msg.Frame
					if fr, err = f.Next(); err == nil {
						got = append(got, fr.Text)
					}
				}
			}
			require.Equal(t, c.want, got, "%s by %d", name, n)
			require.Equal(t, c.rest, rest, name)
			require.ErrorIs(t, err, c.err, name)
			require.Zero(t, f.Buffered(), name)
		}
	}
}

// A Framer of a class without a body rule ends a stream, too.
func TestFramerEnd(t *testing.T) {
	f := msg.NewFramer(class, msg.Limits{})
	f.End()
	_, err := f.Next()
	require.ErrorIs(t, err, io.EOF)
	f = msg.NewFramer(class, msg.Limits{})
	require.NoError(t, f.Feed([]byte(head)))
	f.End()
	fr, err := f.Next()
	require.ErrorIs(t, err, msg.ErrCut)
	require.Equal(t, head, fr.Text)
}
