package nua

import (
	"strings"
	"testing"

	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

func parse(t *testing.T, uri string) sip.URI {
	t.Helper()
	u, err := sip.ParseURI(uri)
	require.NoError(t, err)
	return u
}

// FuzzParseListen: what is read as a name reads the same when written again.
func FuzzParseListen(f *testing.F) {
	for _, s := range []string{"udp:127.0.0.1:5060", "tcp:[::1]:0", "udp:*:1", "udp:host", "tcp:[::]", "x", ":", "udp:[", "udp:::1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := parseListen(s)
		if err != nil {
			return
		}
		require.NotEmpty(t, name.Proto)
		again, err := parseListen(name.String())
		require.NoError(t, err)
		if name.Host == "" {
			name.Host = "*"
		}
		require.Equal(t, name, again)
	})
}

// FuzzDeclined: whatever the offer, the answer refuses as many streams.
func FuzzDeclined(f *testing.F) {
	f.Add(peerSDP)
	f.Add(peerSDP + "m=video 6002/2 RTP/SAVPF 31 32\r\na=x\r\n")
	f.Add("v=0")
	f.Fuzz(func(t *testing.T, offer string) {
		answer, ok := declined(offer, "10.0.0.1")
		if !ok {
			return
		}
		o, err := sdp.Parse(offer)
		require.NoError(t, err)
		a, err := sdp.Parse(answer)
		require.NoError(t, err, answer)
		require.Len(t, a.Media, len(o.Media))
		for i := range a.Media {
			require.Zero(t, a.Media[i].Port)
			require.Equal(t, o.Media[i].Type, a.Media[i].Type)
		}
	})
}

// FuzzQuote: a quoted warning text stays in its header.
func FuzzQuote(f *testing.F) {
	f.Add(`plain`)
	f.Add("a\"b\\c\r\nX: y")
	f.Fuzz(func(t *testing.T, s string) {
		q := quote(s)
		require.NotContains(t, q, "\r")
		require.NotContains(t, q, "\n")
		inner := strings.NewReplacer(`\\`, "", `\"`, "").Replace(q[1 : len(q)-1])
		require.NotContains(t, inner, `"`)
	})
}
