package msg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// TestScanner asks a class with scanners of its own: what they leave, and what
// does not stand in one line, is for the check.
func TestScanner(t *testing.T) {
	const idWord msg.ID = 70
	word := func(s string, at int, k *msg.Marks) int {
		i := at
		for i < len(s) && s[i] >= 'a' && s[i] <= 'z' {
			i++
		}
		if i == at {
			return 0
		}
		k.Mark(3, at, i)
		k.MarkNumber(4, uint32(i-at))
		return i
	}
	scanned, runs := false, 0
	c := msg.NewClass(msg.ClassConfig{
		Version: "TST/1.0",
		Headers: append(msg.Common(),
			msg.HeaderInfo{ID: idWord, Name: "Word", Compact: "w", Critical: true, Scan: word, Mandatory: true},
			msg.HeaderInfo{ID: 71, Name: "A-Name-Of-Twenty-Octet", Critical: true},
			msg.HeaderInfo{ID: 72, Name: "A-Name-Of-More-Than-Twenty-Four-Octets", Critical: true}),
		Target: word,
		Check: func(c msg.Check) {
			if runs++; runs == 1 { // not when Err asks for the reason
				scanned = c.Scanned()
			}
			if !c.Scanned() {
				_, marked := c.Message().Marked(3)
				require.False(t, marked, "no mark of a scanner is left to the check")
			}
		},
	})
	for text, want := range map[string]bool{
		"GO x TST/1.0\r\nWord: abc\r\nNote: y\r\n\r\n":            true,
		"GO x TST/1.0\r\nw: abc\r\nNote: y\r\n\r\n":               true,
		"GO x TST/1.0\r\nWORD:abc\r\nNote: y\r\n\r\n":             true,
		"TST/1.0 200 OK\r\nWord: abc\r\nNote: y\r\n\r\n":          true,
		"\r\nGO x TST/1.0\r\nWord: abc\r\nNote: y\r\n\r\n":        true,
		"GO x TST/1.0\r\nWord: ab3\r\nNote: y\r\n\r\n":            false,
		"GO x TST/1.0\r\nWord:  abc\r\nNote: y\r\n\r\n":           false,
		"GO x TST/1.0\r\nWord: abc \r\nNote: y\r\n\r\n":           false,
		"GO x TST/1.0\r\nWord: abc\r\n d\r\nNote: y\r\n\r\n":      false,
		"GO x TST/1.0\r\nWord: abc\nNote: y\r\n\r\n":              false,
		"GO x TST/1.0\r\nNote: y\r\nWord: abc\r\n\r\n":            false, // too near to the end
		"GO x TST/1.0\r\nNote: a long header field\r\n\r\n":       false,
		"GO X TST/1.0\r\nWord: abc\r\nNote: y\r\n\r\n":            false,
		"GO x tst/1.0\r\nWord: abc\r\nNote: y\r\n\r\n":            false,
		"TST/1.0 99 OK\r\nWord: abc\r\nNote: y\r\n\r\n":           false,
		"GO x TST/1.0\r\nWord\x00: abc\r\nNote: y\r\n\r\n":        false,
		"GO x TST/1.0\r\nWord: abc\r\nWord: a\r\nNote: y\r\n\r\n": true,
	} {
		runs = 0
		m, err := msg.Parse(c, text, msg.Limits{})
		require.NotNil(t, m, "%q", text)
		require.Equal(t, want, scanned, "%q", text)
		if !scanned {
			continue
		}
		s, ok := m.Marked(3)
		require.True(t, ok)
		require.Equal(t, "abc", s)
		n, ok := m.MarkedNumber(4)
		require.True(t, ok)
		require.Equal(t, uint32(3), n)
		require.Equal(t, strings.Count(text, "Word") > 1, err != nil)
		runs = 0
		e, err := m.Edit(msg.Body("x"))
		require.NoError(t, err)
		require.False(t, scanned, "an edit is for the check")
		require.Equal(t, "x", e.Body())
	}
	for name, id := range map[string]msg.ID{"A-Name-Of-Twenty-Octet": 71, "a-name-of-twenty-octet": 71, "A-Name-Of-Twenty-Octet ": 71,
		"A-Name-Of-More-Than-Twenty-Four-Octets": 72, "A-Name-Of-Twenty-OctetX": 0, "Max-Forwards": msg.IDMaxForwards, "MAX-forwards": msg.IDMaxForwards,
		"Content-Length": msg.IDContentLength, "W": idWord, "Q": 0, "Word-": 0} {
		m, err := msg.Parse(c, "GO x TST/1.0\r\n"+name+": 0\r\nX: a header to end with\r\n\r\n", msg.Limits{})
		require.NoError(t, err, name)
		for f := range m.Fields() {
			require.Equal(t, id, f.ID, name)
			require.Equal(t, strings.TrimSpace(name), f.Name)
			require.Equal(t, "0", f.Value)
			break
		}
	}
}

// TestManyHeaders makes a class of so many headers that not all are found with
// one look, and a message with more fields than a Message has places for.
func TestManyHeaders(t *testing.T) {
	cfg := msg.ClassConfig{Version: "TST/1.0"}
	var text strings.Builder
	text.WriteString("GO x TST/1.0\r\n")
	names := []string{}
	for i := range 1500 {
		name := "H" + strings.Repeat("x", i%9) + string([]byte{byte('a' + i%26), byte('a' + i/26%26), byte('a' + i/676)})
		cfg.Headers = append(cfg.Headers, msg.HeaderInfo{ID: msg.FirstSIP + msg.ID(i), Name: name})
		if i%10 == 0 {
			names = append(names, name)
			text.WriteString(name + ": value\r\n")
		}
	}
	c := msg.NewClass(cfg)
	m, err := msg.Parse(c, text.String()+"\r\n", msg.Limits{})
	require.NoError(t, err)
	i := 0
	for f := range m.Fields() {
		require.Equal(t, names[i], f.Name)
		require.Equal(t, msg.FirstSIP+msg.ID(10*i), f.ID)
		require.Equal(t, "value", f.Value)
		i++
	}
	require.Len(t, names, i)
}
