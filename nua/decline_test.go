package nua

import (
	"testing"

	"github.com/gosofia/sofia/sdp"
	"github.com/stretchr/testify/require"
)

func TestDeclined(t *testing.T) {
	text, ok := declined(peerSDP+"m=video 6002 RTP/AVP 31\r\n", "2001:db8::1")
	require.True(t, ok)
	d, err := sdp.Parse(text)
	require.NoError(t, err)
	require.Len(t, d.Media, 2)
	for _, m := range d.Media {
		require.Zero(t, m.Port)
	}
	require.Equal(t, "IP6", d.Origin.AddrType)
	require.Equal(t, "31", d.Media[1].Formats[0])
	_, ok = declined("nonsense", "10.0.0.1")
	require.False(t, ok)
}

// TestOfferlessCanceled: the ACK that gives the call up still answers the
// peer's offer, with every stream refused.
func TestOfferlessCanceled(t *testing.T) {
	onStage(t, Config{}, func(s *stage) {
		c, inv := s.call(CallConfig{Offerless: true})
		s.peer.reply(inv, 180, "a")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		require.NoError(s.t, c.Cancel())
		s.peer.request("CANCEL")
		for _, tag := range []string{"a", "b"} { // the second by endExtra
			s.peer.reply(inv, 200, tag, payload())
			body, ok := sessionBody(s.peer.request("ACK"))
			require.True(s.t, ok)
			require.Contains(s.t, body, "m=audio 0 RTP/AVP 0")
			s.peer.reply(s.peer.request("BYE"), 200, "")
		}
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	})
}
