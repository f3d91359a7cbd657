package msg_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestGet(t *testing.T) {
	m := parse(t, head+"Hop:\r\nHop: ,\r\nHop: @\r\nPeer: a;q=0.5 , ,b;\"c, d;x=\"a,b\", e\r\nNote:\r\n\r\n")
	_, ok, err := hop.Get(m)
	require.True(t, ok)
	require.ErrorIs(t, err, msg.ErrSyntax)
	var e *msg.SyntaxError
	require.ErrorAs(t, err, &e)
	require.Equal(t, "Hop", e.Header)
	require.Equal(t, strings.Index(m.String(), "@"), e.Offset)

	v, ok, err := peer.Get(m)
	require.True(t, ok && err == nil)
	require.Equal(t, msg.Item{Value: "a", Params: ";q=0.5"}, v)
	require.Equal(t, 500, v.Q())
	s, ok, err := note.Get(m)
	require.True(t, ok && err == nil)
	require.Empty(t, s)
	_, ok, err = msg.Server.Get(m)
	require.False(t, ok)
	require.NoError(t, err)
	require.False(t, msg.Server.Has(m))
	require.True(t, note.Has(m))
	raw, ok := peer.Raw(m)
	require.True(t, ok)
	require.True(t, strings.HasPrefix(raw, "a;q=0.5 , ,b;\""))
	require.Equal(t, idPeer, peer.ID())
}

func TestAllGoesOnBehindErrors(t *testing.T) {
	m := parse(t, head+"Peer: a, ,\r\n b;=, c;x=\"a,b\", e\r\nPeer:\r\nPeer: f\r\n\r\n")
	var got []string
	for v, err := range peer.All(m) {
		if err != nil {
			require.ErrorIs(t, err, msg.ErrSyntax)
			got = append(got, "!")
			continue
		}
		got = append(got, v.Value)
	}
	require.Equal(t, []string{"a", "!", "c", "e", "f"}, got, "empty members are none")
	n := 0
	for range peer.All(m) {
		n++
		break
	}
	require.Equal(t, 1, n)
}

func TestSingleTakesOneValue(t *testing.T) {
	m := parse(t, "GET x TEST/1.0\r\nKey: a, b\r\n\r\n")
	_, ok, err := key.Get(m)
	require.True(t, ok)
	require.ErrorIs(t, err, msg.ErrTrailing)
	n := 0
	for _, err := range key.All(m) {
		require.ErrorIs(t, err, msg.ErrTrailing)
		n++
	}
	require.Equal(t, 1, n)
	m = parse(t, head+"Note: a\r\nNote: b\r\n\r\n")
	n = 0
	for v, err := range note.All(m) {
		require.ErrorIs(t, err, msg.ErrDouble, "neither counts")
		require.Empty(t, v)
		n++
	}
	require.Equal(t, 1, n)
	_, ok, err = note.Get(m)
	require.True(t, ok)
	require.ErrorIs(t, err, msg.ErrDouble)
}

func TestListMembersLimit(t *testing.T) {
	m, err := msg.Parse(class, head+"Peer: "+strings.Repeat("a,", 9)+"a\r\n\r\n", msg.Limits{ListMembers: 5})
	require.NoError(t, err)
	n := 0
	for _, err := range peer.All(m) {
		if n++; n > 5 {
			require.ErrorIs(t, err, msg.ErrTooManyMembers)
		} else {
			require.NoError(t, err)
		}
	}
	require.Equal(t, 6, n)
}

func TestDecodeAllocations(t *testing.T) {
	m := parse(t, head+"Hop: a;x=\"y z\", b\r\nHop: c\r\nX-Ext: a\r\n\r\n")
	ext := msg.Extension[string, msg.TokenCodec]{Name: "X-Ext"}
	require.Zero(t, testing.AllocsPerRun(50, func() {
		for v, err := range hop.All(m) {
			if err != nil || v.Params.Has("q") {
				t.Fatal(err)
			}
			for range v.Params.All() {
				continue
			}
		}
		_, _, _ = hop.Get(m)
		_, _, _ = ext.Get(m)
		for _, err := range ext.All(m) {
			if err != nil {
				t.Fatal(err)
			}
		}
		for range m.Values("hop") {
			continue
		}
	}))
}
