package msg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// hostile are inputs of 64 KiB that make a careless parser slow.
func hostile() map[string]string {
	in := map[string]string{}
	for _, s := range []string{"(", ")", ",", ";", "\"", "\\", "<", ">", "a,", "a;", ";a", ";a=", "\",", "\r\n ", " ", "\t", ":", "=", "%", "a;b=\"c\",", "[", "\r", "\n", "\x00", "\\\x00"} {
		in[s] = strings.Repeat(s, 64<<10/len(s))
	}
	return in
}

func TestParseIsLinear(t *testing.T) {
	off := msg.Limits{StartLine: -1, Header: -1, Headers: -1, Lines: -1, ListMembers: -1}
	for name, s := range hostile() {
		for _, lim := range []msg.Limits{{}, off} {
			within(t, func() {
				for _, text := range []string{
					s, s + "\r\n\r\n", "GET " + s + " TEST/1.0\r\n\r\n", "TEST/1.0 " + s + "\r\n\r\n", head + s, head + s + "\r\n\r\n",
					head + "Peer: " + s + "\r\n\r\n", head + "Note: \"" + s + "\r\n\r\n", head + "Retry-After: 1 " + s + "\r\n\r\n",
					head + "Content-Length: " + s + "\r\n\r\n", head + "Accept: " + s + "\r\n\r\n", head + "Warning: 399 a " + s + "\r\n\r\n",
				} {
					m, _ := msg.Parse(class, text, lim)
					if m == nil {
						continue
					}
					touch(m)
				}
			})
		}
		_ = name
	}
}

// touch reads all that can be read.
func touch(m *msg.Message) {
	for range peer.All(m) {
		continue
	}
	for range hop.All(m) {
		continue
	}
	for range msg.Accept.All(m) {
		continue
	}
	for range msg.Warning.All(m) {
		continue
	}
	for v, err := range peer.All(m) {
		if err == nil {
			v.Params.Get("zzz")
		}
	}
	_, _, _ = note.Get(m)
	_, _, _ = msg.RetryAfter.Get(m)
	for f := range m.Fields() {
		_ = f.Raw
	}
	for range m.Values("Note") {
		continue
	}
	_ = m.Errors()
	_ = m.String()
	if e, err := m.Edit(peer.Pop(), hop.Push(msg.Item{Value: "x"}), note.Copy(m), peer.Copy(m)); err == nil {
		_ = e.String()
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		head + "\r\n", one, two, "TEST/1.0 200 OK\r\nKey: k\r\nh:a;b=\"c\\\"d\",\r\n e\r\n\r\nx", "\r\n" + head + "Note: \"\\\x00\"\r\n\r\n",
		head + "l: 1\r\nContent-Length: 2\r\n\r\nabcd", "GET  x TEST/7.0 \r\nKEY:\r\n\tk\r\n\r\n", head + strings.Repeat("Peer: a, b\r\n", 40) + "\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := msg.Parse(class, s, msg.Limits{})
		require.Equal(t, m == nil || m.Err() != nil, err != nil)
		if m == nil {
			return
		}
		touch(m)
		if err != nil {
			return
		}
		out := m.String()
		require.Equal(t, len(out), m.Len())
		again, err := msg.Parse(class, out, msg.Limits{})
		require.NoError(t, err)
		same(t, m, again)
		require.Equal(t, out, again.String())

		edited, err := m.Edit(hop.Push(item("x")), note.Set("n"), peer.Pop(), msg.Body("b\x00"))
		require.NoError(t, err)
		again, err = msg.Parse(class, edited.String(), msg.Limits{Headers: -1, Lines: -1, Header: -1})
		require.NoError(t, err)
		same(t, edited, again)
		require.Equal(t, s[strings.Index(s, out):][:len(out)], out, "untouched text is not byte for byte")
	})
}

// FuzzText: whatever text an application passes, the message has the fields it
// asked for, or the setter refuses.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a", "a\r\nEvil: b", " ", "\x00", "a,b", ";x", "ü\x7f\t", "\r\n\r\nGET"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		base := parse(t, head+"\r\n")
		for _, set := range []msg.Setter{
			note.Text(s), note.Set(s), key.Set(s), hop.Push(msg.Item{Value: s}), hop.Add(msg.Item{Value: "a", Params: msg.Params(s)}),
			hop.Set(msg.Item{Value: "a", Params: msg.Params("").With("p", s)}), msg.Warning.Set(msg.WarningValue{Code: 399, Agent: "a", Text: s}),
			msg.FieldText("X", s), msg.FieldText(s, "x"), msg.RequestURI(s), msg.StatusLine(200, s), msg.RequestLine(s, "x"), msg.Body(s),
			msg.RetryAfter.Set(msg.Retry{Comment: s}),
		} {
			m, err := base.Edit(set)
			if err != nil {
				continue
			}
			again, err := msg.Parse(class, m.String(), msg.Limits{StartLine: -1, Header: -1, Headers: -1})
			require.NoError(t, err)
			n := 0
			for range again.Fields() {
				n++
			}
			require.LessOrEqual(t, n, 2)
			same(t, m, again)
		}
	})
}
