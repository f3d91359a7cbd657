package sdp_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

func TestAttributes(t *testing.T) {
	var a sdp.Attributes
	require.False(t, a.Has("x"))
	a.Del("x")
	a.Set("x", "1")
	a.Add("y", "")
	a.Add("x", "2")
	a.Add("X", "other case")
	a.Add("x", "3")
	v, ok := a.Get("x")
	require.True(t, ok)
	require.Equal(t, "1", v)
	require.Equal(t, []string{"1", "2", "3"}, slices.Collect(a.All("x")))
	for range a.All("x") {
		break
	}
	a.Set("x", "9")
	require.Equal(t, sdp.Attributes{{"x", "9"}, {"y", ""}, {"X", "other case"}}, a)
	a.Del("x")
	require.Equal(t, sdp.Attributes{{"y", ""}, {"X", "other case"}}, a)
}

func TestAllDoesNotAllocate(t *testing.T) {
	a := sdp.Attributes{{"x", "1"}, {"y", "2"}, {"x", "3"}}
	n := 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		for v := range a.All("x") {
			n += len(v)
		}
	}))
}

func TestDirection(t *testing.T) {
	for dir, want := range map[sdp.Direction]struct {
		name    string
		reverse sdp.Direction
		s, r    bool
	}{
		sdp.Inactive: {"inactive", sdp.Inactive, false, false},
		sdp.SendOnly: {"sendonly", sdp.RecvOnly, true, false},
		sdp.RecvOnly: {"recvonly", sdp.SendOnly, false, true},
		sdp.SendRecv: {"sendrecv", sdp.SendRecv, true, true},
	} {
		require.Equal(t, want.name, dir.String())
		require.Equal(t, want.reverse, dir.Reverse())
		require.Equal(t, want.s, dir.Sends())
		require.Equal(t, want.r, dir.Receives())
	}
}

func TestDirectionOfMedia(t *testing.T) {
	d, err := sdp.Parse(head + "c=IN IP4 a\r\nt=0 0\r\na=recvonly\r\nm=audio 9 RTP/AVP 0\r\na=x\r\na=inactive\r\na=sendrecv\r\nm=audio 9 RTP/AVP 0\r\n")
	require.NoError(t, err)
	require.Equal(t, sdp.Inactive, d.Direction(0), "the section's first")
	require.Equal(t, sdp.RecvOnly, d.Direction(1), "the session's")
	require.Equal(t, sdp.SendRecv, d.Media[1].Direction(nil), "the default")
	require.Equal(t, sdp.Inactive, d.Direction(2))
	require.Equal(t, sdp.Inactive, d.Direction(-1))
	d.Media[0].Attributes.SetDirection(sdp.SendOnly)
	require.Equal(t, sdp.Attributes{{"x", ""}, {"sendonly", ""}}, d.Media[0].Attributes)
	d.Media[1].Attributes.SetDirection(sdp.SendRecv)
	require.Equal(t, sdp.SendRecv, d.Direction(1))
}
