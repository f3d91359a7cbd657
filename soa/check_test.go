package soa_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sdp"
)

// checkAnswer checks the rules of RFC 3264 that hold between any offer and its
// answer: O01 same m= lines, O03 directions, O04 a format in common or port 0,
// O05 t= copied.
func checkAnswer(t testing.TB, offerText, answerText string, mismatch bool) {
	t.Helper()
	offer, err := sdp.Parser{MaxBytes: -1, MaxLine: -1}.Parse(offerText)
	require.NoError(t, err)
	answer, err := sdp.Parser{Tolerance: sdp.Strict, MaxBytes: -1, MaxLine: -1}.Parse(answerText)
	require.NoError(t, err, "the answer is strict SDP: %q", answerText)
	require.Less(t, answer.Origin.ID, uint64(1)<<63)
	require.Less(t, answer.Origin.Version, uint64(1)<<63)
	times := offer.Times
	if len(times) == 0 {
		times = []sdp.Time{{}}
	}
	require.Len(t, answer.Times, len(times))
	for i := range times {
		require.True(t, times[i].Equal(answer.Times[i]), "t= is copied")
	}
	require.Len(t, answer.Media, len(offer.Media))
	for i := range offer.Media {
		o, a := &offer.Media[i], &answer.Media[i]
		require.True(t, strings.EqualFold(o.Type, a.Type))
		require.True(t, strings.EqualFold(o.Proto, a.Proto))
		require.NotEmpty(t, a.Formats)
		if o.Port == 0 {
			require.Zero(t, a.Port)
		}
		if a.Port == 0 {
			continue
		}
		od, ad := o.Direction(offer), a.Direction(answer)
		conn, _ := o.Connection(offer)
		if conn.IsMulticast() {
			require.Equal(t, od, ad)
			require.Equal(t, o.Port, a.Port)
		} else {
			require.Zero(t, ad&^od.Reverse(), "%v answered %v", od, ad)
			if conn.IsUnspecified() {
				require.False(t, ad.Sends())
			}
		}
		if mismatch {
			continue
		}
		common := false
		if o.IsRTP() {
			offered := map[int]sdp.Codec{}
			for _, c := range o.Codecs() {
				offered[c.Payload] = c
			}
			for _, c := range a.Codecs() {
				require.NotEmpty(t, c.Name)
				if x, ok := offered[c.Payload]; ok {
					require.True(t, x.Same(c), "payload type %d keeps the offer's meaning", c.Payload)
					common = true
				}
			}
		} else {
			for _, f := range a.Formats {
				for _, x := range o.Formats {
					common = common || strings.EqualFold(f, x)
				}
			}
		}
		require.True(t, common, "a format in common: %q", answerText)
	}
}
