package msg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestComposed(t *testing.T) {
	for _, n := range []int{0, 1, 85, 86, 87, 254, 255, 256, 1000} {
		s := strings.Repeat("v", n)
		b := []byte(s)
		c := msg.Compose(b, false)
		clear(b) // it is the caller's again
		require.Equal(t, s, c.String())
		require.Equal(t, s, msg.ComposeText(s, true).String())
	}
	require.Empty(t, msg.Composed{}.String())

	for v, want := range map[string]string{"": "", "a b": "a b", " a": "", "a\n": "", "a\x00": "", strings.Repeat("x", 300): strings.Repeat("x", 300)} {
		c, err := msg.TextCodec{}.Compose(v)
		require.Equal(t, want, c.String())
		require.Equal(t, want == v, err == nil)
	}
	_, err := msg.TokenCodec{}.Compose("a b")
	require.ErrorIs(t, err, msg.ErrValue)
	n, err := msg.SecondsCodec{}.Compose(1<<32 - 1)
	require.NoError(t, err)
	require.Equal(t, "4294967295", n.String())
	n, err = msg.HopsCodec{}.Compose(0)
	require.NoError(t, err)
	require.Equal(t, "0", n.String())
}

// rude composes what would end the field.
type rude struct{ msg.TextCodec }

func (rude) Compose(v string) (msg.Composed, error) { return msg.Compose([]byte(v), false), nil }

func TestComposerInjects(t *testing.T) {
	h := msg.Extension[string, rude]{Name: "X-Rude"}
	base := parse(t, "GET x TEST/1.0\r\nKey: k\r\n\r\n")
	for _, v := range []string{"a\r\nKey: l", "a\n", "\x00", "a\rb", strings.Repeat("long", 40) + "\n"} {
		_, err := base.Edit(h.Set(v))
		require.ErrorIs(t, err, msg.ErrValue, v)
		require.ErrorIs(t, h.Set(v).Err(), msg.ErrValue, v)
	}
	m, err := base.Edit(h.Set(strings.Repeat("long", 40)))
	require.NoError(t, err)
	v, ok := h.Raw(m)
	require.True(t, ok)
	require.Len(t, v, 160)
}
