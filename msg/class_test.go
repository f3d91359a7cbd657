package msg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/msg"
)

func TestMain(m *testing.M) { leak.Main(m) }

const (
	idHop msg.ID = msg.FirstSIP + iota
	idPeer
	idKey
	idNote
)

const (
	hop  = msg.Header[msg.Item, msg.ItemCodec](idHop)
	peer = msg.Header[msg.Item, msg.ItemCodec](idPeer)
	key  = msg.Header[string, msg.TokenCodec](idKey)
	note = msg.Header[string, msg.TextCodec](idNote)
)

// class is a small protocol: every message needs a Key.
var class = msg.NewClass(msg.ClassConfig{
	Version: "TEST/1.0",
	Headers: append(compact(msg.Common()),
		msg.HeaderInfo{ID: idHop, Name: "Hop", Compact: "h", Kind: msg.Prepend},
		msg.HeaderInfo{ID: idPeer, Name: "Peer", Compact: "p", Kind: msg.Append},
		msg.HeaderInfo{ID: idKey, Name: "Key", Critical: true},
		msg.HeaderInfo{ID: idNote, Name: "Note"},
	),
	Check: func(c msg.Check) {
		i, v, ok := c.First(idKey)
		if !ok {
			c.Fail(idKey, msg.ErrMissing)
			return
		}
		c.Mark(3, i, 0, len(v))
		c.MarkNumber(4, uint32(len(v)))
	},
})

func compact(list []msg.HeaderInfo) []msg.HeaderInfo {
	for i := range list {
		if list[i].ID == msg.IDContentLength {
			list[i].Compact = "l"
		}
	}
	return list
}

func parse(t testing.TB, s string) *msg.Message {
	t.Helper()
	m, err := msg.Parse(class, s, msg.Limits{})
	require.NoError(t, err)
	return m
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]msg.ID{
		"Hop": idHop, "hop": idHop, "HOP": idHop, "h": idHop, "H": idHop,
		"Content-Length": msg.IDContentLength, "content-lengtH": msg.IDContentLength, "L": msg.IDContentLength,
		"Content_Length": 0, "Content-Lengt": 0, "x": 0, "": 0, "\xff": 0, "@": 0, "Hop ": 0,
	} {
		require.Equal(t, want, class.Lookup(name), "%q", name)
	}
	info, ok := class.Info(idHop)
	require.True(t, ok)
	require.Equal(t, "Hop", info.Name)
	_, ok = class.Info(0)
	require.False(t, ok)
	_, ok = class.Info(60000)
	require.False(t, ok)
	for _, h := range msg.Common() {
		require.Equal(t, h.ID, class.Lookup(h.Name))
	}
}

func TestWith(t *testing.T) {
	trunk := msg.Extension[string, msg.TokenCodec]{Name: "X-Trunk", Compact: "y", Kind: msg.List}
	known := class.With(trunk, msg.Extension[string, msg.TextCodec]{Name: "Note"})
	require.Zero(t, class.Lookup("X-Trunk"), "the class changed")
	require.Equal(t, msg.FirstOwn, known.Lookup("x-trunk"))
	require.Equal(t, idNote, known.Lookup("Note"))
	for _, c := range []*msg.Class{class, known} {
		m, err := msg.Parse(c, "GET x TEST/1.0\r\nKey: 1\r\nx-trunk: a, b\r\nX-TRUNK: c\r\n\r\n", msg.Limits{})
		require.NoError(t, err)
		var got []string
		for v, err := range trunk.All(m) {
			require.NoError(t, err)
			got = append(got, v)
		}
		require.Equal(t, []string{"a", "b", "c"}, got)
		m, err = m.Edit(trunk.Pop(), trunk.Add("d", "e"))
		require.NoError(t, err)
		require.Equal(t, "GET x TEST/1.0\r\nKey: 1\r\nx-trunk: b\r\nX-TRUNK: c\r\nX-Trunk: d, e\r\n\r\n", m.String())
		m, err = m.Edit(trunk.Del())
		require.NoError(t, err)
		require.False(t, trunk.Has(m))
		m, err = m.Edit(trunk.Default("q"), trunk.Default("r"))
		require.NoError(t, err)
		v, ok := trunk.Raw(m)
		require.True(t, ok)
		require.Equal(t, "q", v)
	}
	m, err := msg.Parse(known, "GET x TEST/1.0\r\nKey: 1\r\nY: a\r\n\r\n", msg.Limits{})
	require.NoError(t, err)
	require.True(t, trunk.Has(m), "compact form of an own header")
}

func TestWrongClasses(t *testing.T) {
	for name, cfg := range map[string]msg.ClassConfig{
		"version": {Version: "SIP"},
		"no ID":   {Version: "A/1", Headers: []msg.HeaderInfo{{Name: "A"}}},
		"no name": {Version: "A/1", Headers: []msg.HeaderInfo{{ID: 1, Name: "A B"}}},
		"ID":      {Version: "A/1", Headers: []msg.HeaderInfo{{ID: 1, Name: "A"}, {ID: 1, Name: "B"}}},
		"twice":   {Version: "A/1", Headers: []msg.HeaderInfo{{ID: 1, Name: "A"}, {ID: 2, Name: "a"}}},
		"compact": {Version: "A/1", Headers: []msg.HeaderInfo{{ID: 1, Name: "Aa", Compact: "x"}, {ID: 2, Name: "Bb", Compact: "X"}}},
	} {
		require.Panics(t, func() { msg.NewClass(cfg) }, name)
	}
}

func TestMarks(t *testing.T) {
	m := parse(t, "GET x TEST/1.0\r\nKey: abc\r\n\r\n")
	s, ok := m.Marked(3)
	require.True(t, ok)
	require.Equal(t, "abc", s)
	n, ok := m.MarkedNumber(4)
	require.True(t, ok)
	require.EqualValues(t, 3, n)
	_, ok = m.Marked(4)
	require.False(t, ok)
	_, ok = m.MarkedNumber(3)
	require.False(t, ok)
	_, ok = m.Marked(0)
	require.False(t, ok)
	m, err := m.Edit(key.Set("other"))
	require.NoError(t, err)
	s, _ = m.Marked(3)
	require.Equal(t, "other", s)
}
