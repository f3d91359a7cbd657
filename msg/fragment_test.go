package msg_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestFragment(t *testing.T) {
	for _, in := range []string{
		"", "\r\n", "\r\nbody", "GET x TEST/1.0", "GET x TEST/1.0\r\n", "GET x TEST/1.0\r\n\r\n", "TEST/1.0 200 OK\r\nKey: k",
		"Key: k\r\n", "Key: k\r\nNote: a\r\n b", "Key: k\r\n\r\nbody\r\n\r\n", "GET : a field TEST/1.0", "Content-Length: 9",
	} {
		m, err := msg.ParseFragment(class, in, msg.Limits{})
		require.NoError(t, err, "%q", in)
		require.Equal(t, in, m.String(), "%q", in)
		require.Equal(t, len(in), m.Len(), "%q", in)
		require.True(t, m.IsFragment())
		e, err := m.Edit(note.Set("n"))
		require.NoError(t, err)
		require.True(t, e.IsFragment())
		require.Equal(t, m.HasStartLine(), e.HasStartLine())
		again, err := msg.ParseFragment(class, e.String(), msg.Limits{})
		require.NoError(t, err, "%q", e.String())
		require.Equal(t, m.Body(), again.Body())
		v, ok, err := note.Get(again)
		require.True(t, ok && err == nil)
		require.Equal(t, "n", v)
	}
	for in, want := range map[string]error{
		"noise": msg.ErrFieldName, "Key: a\nNote: b": msg.ErrLineEnd, "Key: \x00": msg.ErrControl, "GET x TEST/2.0": msg.ErrVersion,
		"Content-Length: 1\r\n\r\nab": msg.ErrLength,
	} {
		m, err := msg.ParseFragment(class, in, msg.Limits{})
		require.ErrorIs(t, err, want, "%q", in)
		require.NotNil(t, m)
		require.LessOrEqual(t, len(m.String()), len(in)+2, "%q", in)
	}
	_, err := msg.ParseFragment(class, "\r\nabc", msg.Limits{Body: 2})
	require.ErrorIs(t, err, msg.ErrBodyTooLarge)
	require.False(t, parse(t, head+"\r\n").IsFragment())
	m, err := msg.NewFragment(class)
	require.NoError(t, err)
	require.Empty(t, m.String())
	m, err = msg.NewFragment(class, msg.StatusLine(200, ""), msg.Body("x"))
	require.NoError(t, err)
	require.Equal(t, "TEST/1.0 200 \r\nContent-Length: 1\r\n\r\nx", m.String())
	var zero msg.Message
	_, err = zero.AppendText(nil)
	require.ErrorIs(t, err, msg.ErrStartLine)
}
