package msg_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func item(s string) msg.Item { return msg.Item{Value: s} }

func TestEdit(t *testing.T) {
	const text = "GET x TEST/1.0\r\nhop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\nContent-Length: 2\r\n\r\nhi"
	base := parse(t, text)
	other := parse(t, "GET x TEST/1.0\r\nKey: other\r\nH:q\r\nPEER : r,\r\n s\r\nx-y: w\r\n\r\n")
	for _, c := range []struct {
		name string
		set  msg.Setter
		want string // what replaces the header lines; "" for no change
	}{
		{"nothing", msg.Setter{}, "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"push", hop.Push(item("n")), "Hop: n\r\nhop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"add", hop.Add(item("n"), item("m")), "hop:  a,b;x=\"1,2\" , c\r\nHop: n\r\nHop: m\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"set", hop.Set(item("n"), item("m")), "Hop: n\r\nHop: m\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"set none", hop.Set(), "X-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"pop", hop.Pop(), "hop: b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"pop twice", msg.Join(hop.Pop(), hop.Pop()), "hop: c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"pop all", msg.Join(hop.Pop(), hop.Pop(), hop.Pop(), hop.Pop()), "X-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"push and pop", msg.Join(hop.Push(item("n")), hop.Pop()), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"pop single", peer.Pop(), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nKey: k\r\n"},
		{"text", peer.Text(" a , \"b "), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: a , \"b\r\nKey: k\r\n"},
		{"unknown", msg.FieldText("x-y", "v"), "hop:  a,b;x=\"1,2\" , c\r\nx-y: v\r\nPeer: p\r\nKey: k\r\n"},
		{"default there", peer.Default(item("n")), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"copy", msg.Join(peer.Copy(other), hop.Copy(other), key.Copy(other)), "H:q\r\nX-Y:z\r\nPEER : r,\r\n s\r\nKey: other\r\n"},
		{"copy what is not there", peer.Copy(base), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"copy nothing", msg.Join(note.Text("n"), note.Copy(base)), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: p\r\nKey: k\r\n"},
		{"empty text", peer.Text(""), "hop:  a,b;x=\"1,2\" , c\r\nX-Y:z\r\nPeer: \r\nKey: k\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := base.Edit(c.set)
			require.NoError(t, err)
			want := "GET x TEST/1.0\r\n" + c.want + "Content-Length: 2\r\n\r\nhi"
			require.Equal(t, want, m.String())
			require.Equal(t, len(want), m.Len())
			require.Equal(t, text, base.String(), "the original changed")
			again, err := m.Edit(c.set)
			require.NoError(t, err)
			_, err = again.Edit(peer.Del(), hop.Del())
			require.NoError(t, err)
			same(t, m, parse(t, want))
		})
	}
}

// same requires that two messages have the same fields and body.
func same(t testing.TB, a, b *msg.Message) {
	t.Helper()
	list := func(m *msg.Message) (l []msg.Field) {
		for f := range m.Fields() {
			l = append(l, f)
		}
		return l
	}
	require.Equal(t, list(a), list(b))
	require.Equal(t, a.Body(), b.Body())
	require.Equal(t, a.IsRequest(), b.IsRequest())
	require.Equal(t, a.Method(), b.Method())
	require.Equal(t, a.RequestURI(), b.RequestURI())
	require.Equal(t, a.Status(), b.Status())
	require.Equal(t, a.Phrase(), b.Phrase())
}

func TestEditWhereNothingIs(t *testing.T) {
	base := parse(t, head+"\r\n")
	m, err := base.Edit(note.Set("n"), hop.Push(item("h")), peer.Push(item("p")), hop.Pop(), peer.Add(item("q")))
	require.NoError(t, err)
	require.Equal(t, head+"Note: n\r\nPeer: p\r\nPeer: q\r\n\r\n", m.String())
	m, err = base.Edit(hop.Push(item("h")))
	require.NoError(t, err)
	require.Equal(t, "GET x TEST/1.0\r\nHop: h\r\nKey: k\r\n\r\n", m.String(), "a Prepend header goes to the top")
	m, err = base.Edit(hop.Pop(), hop.Del(), hop.Set())
	require.NoError(t, err)
	require.Equal(t, base.String(), m.String())
}

func TestEditBody(t *testing.T) {
	m, err := parse(t, head+"\r\n").Edit(msg.Body("a\x00b\r\n"))
	require.NoError(t, err)
	require.Equal(t, head+"Content-Length: 5\r\n\r\na\x00b\r\n", m.String())
	m, err = m.Edit(msg.Body(""), msg.Length())
	require.NoError(t, err)
	require.Equal(t, head+"Content-Length: 0\r\n\r\n", m.String())
	m, err = parse(t, head+"\r\nabc").Edit(msg.Length())
	require.NoError(t, err)
	require.Equal(t, head+"Content-Length: 3\r\n\r\nabc", m.String())
	for _, s := range []msg.Setter{msg.ContentLength.Set(4), msg.ContentLength.Text("3, 3"), msg.ContentLength.Text("+3")} {
		_, err = m.Edit(s)
		require.ErrorIs(t, err, msg.ErrLength)
	}
	_, err = m.Edit(msg.ContentLength.Set(4), msg.Body("four"))
	require.NoError(t, err)
}

func TestEditStartLine(t *testing.T) {
	m := parse(t, head+"\r\n")
	m2, err := m.Edit(msg.RequestURI("y:z"))
	require.NoError(t, err)
	require.Equal(t, "GET y:z TEST/1.0\r\nKey: k\r\n\r\n", m2.String())
	m2, err = m2.Edit(msg.RequestLine("PUT", "z"), msg.RequestURI("a"))
	require.NoError(t, err)
	require.Equal(t, "PUT a TEST/1.0\r\nKey: k\r\n\r\n", m2.String())
	m2, err = m2.Edit(msg.StatusLine(404, "Not here"))
	require.NoError(t, err)
	require.Equal(t, "TEST/1.0 404 Not here\r\nKey: k\r\n\r\n", m2.String())
	m2, err = m2.Edit(msg.Phrase(""))
	require.NoError(t, err)
	require.Equal(t, "TEST/1.0 404 \r\nKey: k\r\n\r\n", m2.String())
	same(t, m2, parse(t, m2.String()))
	_, err = m2.Edit(msg.RequestURI("x"))
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, err = m.Edit(msg.Phrase("x"))
	require.ErrorIs(t, err, msg.ErrStartLine)
}

func TestNew(t *testing.T) {
	m, err := msg.New(class, msg.StatusLine(200, "OK"), key.Set("k"), msg.Body("b"))
	require.NoError(t, err)
	require.Equal(t, "TEST/1.0 200 OK\r\nKey: k\r\nContent-Length: 1\r\n\r\nb", m.String())
	require.NoError(t, m.Err())
	m, err = msg.New(class, msg.RequestLine("GET", "x"))
	require.NoError(t, err)
	require.ErrorIs(t, m.Err(), msg.ErrMissing)
	_, err = msg.New(class, key.Set("k"))
	require.ErrorIs(t, err, msg.ErrStartLine)
	_, err = new(msg.Message).AppendText(nil)
	require.ErrorIs(t, err, msg.ErrStartLine)
}

func TestSetterErrors(t *testing.T) {
	m := parse(t, head+"\r\n")
	mine := errors.New("mine")
	for name, c := range map[string]struct {
		set  msg.Setter
		want error
	}{
		"CR LF in text":     {note.Text("a\r\nEvil: b"), msg.ErrValue},
		"LF in text":        {note.Set("a\nb"), msg.ErrValue},
		"CR in text":        {note.Set("a\rb"), msg.ErrValue},
		"NUL in text":       {note.Text("a\x00b"), msg.ErrValue},
		"space around text": {note.Set(" a"), msg.ErrValue},
		"LF in parameter":   {hop.Push(msg.Item{Value: "a", Params: ";x=\"\n\""}), msg.ErrValue},
		"parameter":         {hop.Push(msg.Item{Value: "a", Params: "x=y"}), msg.ErrValue},
		"quote in param":    {hop.Push(msg.Item{Value: "a", Params: msg.Params("").With("x", "a\r\nb")}), msg.ErrValue},
		"token":             {key.Set("a b"), msg.ErrValue},
		"empty token":       {key.Set(""), msg.ErrValue},
		"method":            {msg.RequestLine("A B", "x"), msg.ErrValue},
		"method LF":         {msg.RequestLine("A\n", "x"), msg.ErrValue},
		"URI":               {msg.RequestURI("a b"), msg.ErrValue},
		"URI LF":            {msg.RequestURI("a\r\nb"), msg.ErrValue},
		"no URI":            {msg.RequestLine("A", ""), msg.ErrValue},
		"phrase":            {msg.Phrase("a\r\nb"), msg.ErrValue},
		"code":              {msg.StatusLine(99, ""), msg.ErrStatusCode},
		"code too large":    {msg.StatusLine(700, ""), msg.ErrStatusCode},
		"code wraps":        {msg.StatusLine(65736, ""), msg.ErrStatusCode},
		"header name":       {msg.FieldText("a\r\nb", "x"), msg.ErrValue},
		"no header name":    {msg.FieldText("", "x"), msg.ErrValue},
		"two of one":        {note.Set("a", "b"), msg.ErrDouble},
		"one more":          {key.Add("b"), msg.ErrDouble},
		"one in front":      {key.Push("b"), msg.ErrDouble},
		"other class":       {msg.Header[string, msg.TextCodec](500).Set("x"), msg.ErrUnknownHeader},
		"own":               {msg.Fail(mine), mine},
		"joined":            {msg.Join(note.Set("a"), msg.Join(msg.Fail(mine))), mine},
	} {
		_, err := m.Edit(note.Set("x"), c.set)
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, head+"\r\n", m.String())
		if name != "other class" && !strings.HasPrefix(name, "one") && name != "two of one" && !strings.Contains(name, "header name") {
			require.ErrorIs(t, c.set.Err(), c.want, name)
		}
	}
	require.NoError(t, note.Set("x").Err())
	require.NoError(t, msg.Join(note.Set("x")).Err())
}

// Edits that follow each other must not keep what they replaced for ever.
func TestEditsDoNotPileUp(t *testing.T) {
	m := parse(t, head+"h:a\r\nContent-Length: 4\r\n\r\nbody")
	long := strings.Repeat("n", 1000)
	var err error
	for range 200 {
		m, err = m.Edit(note.Set(long), hop.Push(item("x")), hop.Pop(), msg.RequestURI("y"))
		require.NoError(t, err)
	}
	require.Equal(t, "GET y TEST/1.0\r\nKey: k\r\nh:a\r\nContent-Length: 4\r\nNote: "+long+"\r\n\r\nbody", m.String())
	same(t, m, parse(t, m.String()))
	s, ok := m.Marked(3)
	require.True(t, ok)
	require.Equal(t, "k", s)
	require.Less(t, testing.AllocsPerRun(5, func() { _, _ = m.Edit(note.Del()) }), 6.0)
}

func TestEditBeyondInlineFields(t *testing.T) {
	for _, n := range []int{29, 30, 31, 32, 33, 40} {
		text := head + strings.Repeat("Peer: p\r\n", n-1) + "\r\n"
		m := parse(t, text)
		up, err := m.Edit(hop.Push(item("a")), hop.Push(item("b")), note.Set("n"))
		require.NoError(t, err)
		want := "GET x TEST/1.0\r\nHop: b\r\nHop: a\r\nKey: k\r\n" + strings.Repeat("Peer: p\r\n", n-1) + "Note: n\r\n\r\n"
		require.Equal(t, want, up.String())
		same(t, up, parse(t, want))
		down, err := up.Edit(hop.Pop(), hop.Pop(), note.Del())
		require.NoError(t, err)
		require.Equal(t, text, down.String())
		require.Equal(t, want, up.String())
		require.Equal(t, text, m.String())
	}
}

func TestEditAllocations(t *testing.T) {
	m := parse(t, head+"Hop: a\r\nHop: b\r\n\r\n")
	push, set := hop.Push(item("n")), note.Set("n")
	require.Equal(t, 2.0, testing.AllocsPerRun(50, func() {
		if _, err := m.Edit(push, hop.Pop(), set, hop.Del()); err != nil {
			t.Fatal(err)
		}
	}))
}

// TestEditTable edits at random, around the number of fields from which on places
// are no longer kept up to date one by one, and looks for what a parse finds.
func TestEditTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	limits := msg.Limits{Lines: 2000}
	for _, n := range []int{0, 1, 30, 31, 32, 33, 110, 117, 118, 119, 120, 121, 130, 250, 260} {
		base, _ := msg.Parse(class, "GET x TEST/1.0\r\nHop: a\r\nKey: k\r\n"+strings.Repeat("X-Y: z\r\n", n)+"Peer: p\r\nContent-Length: 0\r\n\r\n", limits)
		for range 60 {
			set := make([]msg.Setter, 1+r.IntN(8))
			for i := range set {
				set[i] = []msg.Setter{
					hop.Push(item("n")), hop.Add(item("m"), item("o")), hop.Pop(), hop.Del(), hop.Copy(base), hop.Set(item("s")),
					key.Del(), key.Copy(base), key.Set("l"), key.Pop(), key.Default("d"),
					note.Text("n"), peer.Text("q"), peer.Del(), msg.FieldText("X-Y", "v"), msg.Body("b"), msg.Length(),
				}[r.IntN(17)]
			}
			m, err := base.Edit(set...)
			require.NoError(t, err)
			again, _ := msg.Parse(m.Class(), m.String(), limits) // without Key it is refused
			same(t, m, again)
			for _, name := range []string{"Hop", "Key", "Peer", "Note", "Content-Length"} {
				require.Equal(t, slices.Collect(again.Values(name)), slices.Collect(m.Values(name)), "%d %s", n, name)
			}
			raw, ok := key.Raw(m)
			want, there := key.Raw(again)
			require.Equal(t, want, raw)
			require.Equal(t, there, ok)
			raw, _ = hop.Raw(m)
			want, _ = hop.Raw(again)
			require.Equal(t, want, raw)
			if m, err = m.Edit(hop.Pop(), hop.Push(item("again"))); err == nil && r.IntN(2) == 0 {
				base = m
			}
		}
	}
}
