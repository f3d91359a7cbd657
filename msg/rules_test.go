package msg_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

const (
	idWord msg.ID = msg.FirstSIP + 40 + iota
	idWords
	idFree
)

const (
	word  = msg.Header[string, msg.TokenCodec](idWord)
	words = msg.Header[string, msg.TokenCodec](idWords)
	free  = msg.Header[string, msg.TextCodec](idFree)
)

var errUpper = errors.New("write it in lower case")

// lower is a grammar narrower than what the codec reads.
func lower(v string, t msg.Tolerance) error {
	if t != msg.Tolerant && v != strings.ToLower(v) {
		return errUpper
	}
	return nil
}

// ruled is a class whose headers have rules: what is written keeps them, what
// came may break them. Its check counts how often it had to look.
func ruled(looked *int) *msg.Class {
	scan := func(s string, at int, k *msg.Marks) int {
		i := at
		for i < len(s) && s[i] >= 'a' && s[i] <= 'z' {
			i++
		}
		if i > at {
			k.Mark(2, at, i)
			k.MarkNumber(3, uint32(i-at))
			return i
		}
		return 0
	}
	return msg.NewClass(msg.ClassConfig{
		Version: "RUL/1.0",
		Headers: append(msg.Common(),
			msg.HeaderInfo{ID: idWord, Name: "Word", Critical: true, Valid: lower, Reads: msg.ReadsWith(word), Scan: scan},
			msg.HeaderInfo{ID: idWords, Name: "Words", Kind: msg.List, Valid: lower, Reads: msg.ReadsWith(words), Alone: "*"},
			msg.HeaderInfo{ID: idFree, Name: "Free"}),
		Check: func(c msg.Check) {
			c.Keep(0, 0, -1)
			if c.Keep(idWord, 2, 3) || c.Scan(idWord, 2, 3) {
				return
			}
			*looked++
			if i, v, ok := c.First(idWord); ok {
				c.Mark(2, i, 0, len(v))
			}
		},
		Start: func(m *msg.Message) error {
			if m.IsRequest() && m.RequestURI() == "never" {
				return msg.ErrStartLine
			}
			return nil
		},
	})
}

// What setters write keeps the rules of the class, whatever way it takes; what
// is said to be as read goes round them.
func TestSettersKeepRules(t *testing.T) {
	looked := 0
	c := ruled(&looked)
	require.Equal(t, "RUL/1.0", c.Version())
	m, err := msg.Parse(c, "GO x RUL/1.0\r\nWord: Upper\r\nWords: *\r\nContent-Length: 0\r\n\r\n", msg.Limits{})
	require.NoError(t, err)
	for name, s := range map[string]msg.Setter{
		"typed": word.Set("Abc"), "text": word.Text("Abc"), "text of two": word.Text("a, b"), "trailing": word.Text("a b"),
		"list": words.Set("a", "B"), "list text": words.Text("a, B"), "empty single": word.Text(""),
		"beside the star": words.Add("b"), "before the star": words.Push("b"), "list with star": words.Text("a, *"),
		"start line": msg.RequestURI("never"), "field": msg.FieldText("word", "Abc"), "field beside": msg.FieldText("Words", "b, *"),
	} {
		_, err := m.Edit(s)
		require.Error(t, err, name)
		var e *msg.SyntaxError
		require.ErrorAs(t, err, &e, name)
	}
	_, err = m.Edit(word.Set("Abc"))
	require.ErrorIs(t, err, errUpper)
	for name, s := range map[string]msg.Setter{
		"typed": word.Set("abc"), "text": word.Text("abc"), "as read": word.Text("Abc").AsRead(), "typed as read": word.Set("Abc").AsRead(),
		"list": words.Set("a", "b"), "list text": words.Text("a, b"), "star": words.Set("*"), "no list": words.Del(), "empty list": words.Text(""),
		"copied": word.Copy(m), "start as read": msg.RequestURI("never").AsRead(), "free": free.Set("what, ever"),
	} {
		_, err := m.Edit(s)
		require.NoError(t, err, name)
	}
}

// An edit looks only at what it touched: the marks of the rest are kept, in the
// copy too, and what a scanner takes needs no look.
func TestEditKeepsMarks(t *testing.T) {
	looked := 0
	c := ruled(&looked)
	m, err := msg.Parse(c, "GO x RUL/1.0\r\nFree: y\r\nWord: Upper\r\nContent-Length: 0\r\n\r\n", msg.Limits{})
	require.NoError(t, err)
	require.Equal(t, 1, looked)
	marked := func(m *msg.Message) string {
		s, ok := m.Marked(2)
		require.True(t, ok)
		return s
	}
	require.Equal(t, "Upper", marked(m))

	e, err := m.Edit(free.Set("z"), msg.FieldText("Other", "1"))
	require.NoError(t, err)
	require.Equal(t, "Upper", marked(e))
	require.Equal(t, 1, looked, "kept")
	e, err = e.Edit(word.Set("abcdef"))
	require.NoError(t, err)
	require.Equal(t, "abcdef", marked(e))
	n, ok := e.MarkedNumber(3)
	require.True(t, ok)
	require.EqualValues(t, 6, n)
	require.Equal(t, 1, looked, "scanned")
	e, err = e.Edit(word.Text("Again").AsRead())
	require.NoError(t, err)
	require.Equal(t, "Again", marked(e))
	require.Equal(t, 2, looked, "looked at")

	// A message made of fields of another one keeps what it copied.
	made, err := msg.New(c, msg.RequestLine("GO", "y"), free.Set("q"), word.Copy(m), msg.Length())
	require.NoError(t, err)
	require.Equal(t, "Upper", marked(made))
	made, err = msg.New(c, msg.RequestLine("GO", "y"), msg.Length())
	require.NoError(t, err)
	_, ok = made.Marked(2)
	require.False(t, ok)
}

// Headers of a list are pushed, copied and taken off whole.
func TestListSetters(t *testing.T) {
	looked := 0
	c := ruled(&looked)
	m, err := msg.New(c, msg.RequestLine("GO", "y"), words.Set("b"), words.Push("a"), words.Add("c"), msg.Length())
	require.NoError(t, err)
	var got []string
	for v, err := range words.All(m) {
		require.NoError(t, err)
		got = append(got, v)
	}
	require.Equal(t, []string{"a", "b", "c"}, got)
	other, err := msg.New(c, msg.RequestLine("GO", "y"), words.Set("z"), msg.Length())
	require.NoError(t, err)
	other, err = other.Edit(words.Copy(m), words.Pop())
	require.NoError(t, err)
	got = nil
	for v := range other.Values("Words") {
		got = append(got, v)
	}
	require.Equal(t, "b,c", strings.ReplaceAll(strings.Join(got, ","), " ", ""))
}

func TestParamsWithQ(t *testing.T) {
	for q, want := range map[int]string{0: ";q=0", 1: ";q=0.001", 500: ";q=0.5", 120: ";q=0.12", 1000: ";q=1", 1001: ";q=1001", -1: ";q=-1"} {
		require.Equal(t, want, string(msg.Params("").WithQ(q)), "%d", q)
	}
}

func TestToleranceHas(t *testing.T) {
	require.True(t, msg.Tolerant.Has(msg.JoinedChallenges))
	require.False(t, msg.Strict.Has(msg.JoinedChallenges))
	require.True(t, msg.Strict.Has(msg.Strict))
}
