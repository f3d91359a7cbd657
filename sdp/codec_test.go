package sdp_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

func section(t *testing.T, lines string) *sdp.Media {
	t.Helper()
	d, err := sdp.Parse(head + "c=IN IP4 a\r\nt=0 0\r\n" + lines)
	require.NoError(t, err)
	require.NotEmpty(t, d.Media)
	return &d.Media[0]
}

func TestCodecs(t *testing.T) {
	m := section(t, "m=audio 9 RTP/AVP 0 96 97 98 13 128 007 x 96 10\n"+
		"a=rtpmap:96 opus/48000/2\na=fmtp:96 a=1;b=2 \na=fmtp:96 c\n"+
		"a=rtpmap:97 broken\na=rtpmap:98 zero/0\na=rtpmap:13 own/16000\na=rtpmap:13 late/1\n"+
		"a=rtpmap:99 absent/8000\na=fmtp:0 \na=fmtp:x y\na=fmtp:97\na=rtpmap:\n")
	require.Equal(t, []sdp.Codec{
		{Payload: 0, Name: "PCMU", Clock: 8000},
		{Payload: 96, Name: "opus", Clock: 48000, Channels: 2, FMTP: "a=1;b=2;c"},
		{Payload: 97},
		{Payload: 98},
		{Payload: 13, Name: "own", Clock: 16000},
		{Payload: 10, Name: "L16", Clock: 44100, Channels: 2},
	}, m.Codecs())
	require.Equal(t, []sdp.RTPMap{
		{Payload: 96, Name: "opus", Clock: 48000, Channels: 2},
		{Payload: 13, Name: "own", Clock: 16000},
		{Payload: 13, Name: "late", Clock: 1},
		{Payload: 99, Name: "absent", Clock: 8000},
	}, m.RTPMaps())
	require.Nil(t, section(t, "m=image 9 udptl t38\n").Codecs())

	for _, v := range []string{"128 a/8000", "-1 a/8000", "096 a/8000", "96 a", "96 /8000", "96 a/", "96 a/8000x", "96 a/2147483648", "96a/8000", "96  "} {
		require.Empty(t, section(t, "m=audio 9 RTP/AVP 96\na=rtpmap:"+v+"\n").RTPMaps(), v)
	}
}

func TestSetCodecs(t *testing.T) {
	m := section(t, "m=audio 9 RTP/AVP 0 96\na=ptime:20\na=rtpmap:96 opus/48000/2\na=fmtp:96 x\na=sendonly\n")
	shared := slices.Clone(m.Attributes)
	alias := m.Attributes
	m.SetCodecs([]sdp.Codec{{Payload: 8, Name: "PCMA", Clock: 8000, Channels: 1}, {Payload: 97, Name: "L16", Clock: 8000, Channels: 2, FMTP: "y"}, {Payload: 98}})
	require.Equal(t, []string{"8", "97", "98"}, m.Formats)
	require.Equal(t, sdp.Attributes{{"rtpmap", "8 PCMA/8000"}, {"rtpmap", "97 L16/8000/2"}, {"fmtp", "97 y"}, {"ptime", "20"}, {"sendonly", ""}}, m.Attributes)
	require.Equal(t, shared, alias, "the old list is left alone")
}

func TestSame(t *testing.T) {
	c := sdp.Codec{Name: "opus", Clock: 48000, Channels: 2}
	require.True(t, c.Same(sdp.Codec{Payload: 9, Name: "OPUS", Clock: 48000, Channels: 2, FMTP: "x"}))
	require.False(t, c.Same(sdp.Codec{Name: "opus", Clock: 48000}))
	require.False(t, c.Same(sdp.Codec{Name: "opus", Clock: 8000, Channels: 2}))
	require.False(t, c.Same(sdp.Codec{Name: "opus2", Clock: 48000, Channels: 2}))
	require.True(t, sdp.Codec{Name: "a", Clock: 1}.Same(sdp.Codec{Name: "A", Clock: 1, Channels: 1}))
	require.False(t, sdp.Codec{}.Same(sdp.Codec{}), "what is not defined is like nothing")
}

// RFC 3551 section 6, tables 4 and 5.
func TestStaticCodec(t *testing.T) {
	assigned := []int{0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 26, 28, 31, 32, 33, 34}
	for pt := -1; pt <= 128; pt++ {
		c, ok := sdp.StaticCodec(pt)
		require.Equal(t, slices.Contains(assigned, pt), ok, pt)
		if ok {
			require.Equal(t, pt, c.Payload)
			require.NotEmpty(t, c.Name)
			require.Positive(t, c.Clock)
		}
	}
	g722, _ := sdp.StaticCodec(9)
	require.Equal(t, 8000, g722.Clock)
	h263, _ := sdp.StaticCodec(34)
	require.Equal(t, sdp.Codec{Payload: 34, Name: "H263", Clock: 90000}, h263)
}

func TestIsRTP(t *testing.T) {
	for proto, want := range map[string]bool{
		"RTP/AVP": true, "UDP/TLS/RTP/SAVPF": true, "TCP/RTP/AVP": true, "rtp/avp": true,
		"udptl": false, "UDP/BFCP": false, "SRTP/X": false, "": false,
	} {
		require.Equal(t, want, (&sdp.Media{Proto: proto}).IsRTP(), proto)
	}
}
