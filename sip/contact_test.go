package sip_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

func TestWithQ(t *testing.T) {
	a, err := sip.ParseNameAddr("<sip:h>;Q=0.3;x")
	require.NoError(t, err)
	for q := range 1001 {
		b := a.WithQ(q)
		require.Equal(t, q, b.Q())
		if q%83 == 0 {
			m, err := sip.NewFragment(sip.Contact.Set(b))
			require.NoError(t, err, b.String())
			back, _, err := sip.Contact.Get(m)
			require.NoError(t, err)
			require.Equal(t, q, back.Q())
		}
	}
	for q, want := range map[int]string{0: "<sip:h>;q=0;x", 5: "<sip:h>;q=0.005;x", 50: "<sip:h>;q=0.05;x", 700: "<sip:h>;q=0.7;x", 1000: "<sip:h>;q=1;x"} {
		require.Equal(t, want, a.WithQ(q).String())
	}
	for _, q := range []int{-1, -1000, 1001, 2000, 12345, math.MaxInt, math.MinInt} {
		_, err := sip.NewFragment(sip.Contact.Set(a.WithQ(q)))
		require.ErrorIs(t, err, msg.ErrValue, "%d", q)
	}
	m, err := sip.NewFragment(sip.Accept.Set(msg.MediaType{Type: "a", Subtype: "b", Params: msg.Params("").WithQ(250)}))
	require.NoError(t, err)
	require.Equal(t, "Accept: a/b;q=0.25\r\n", m.String())
}

func TestWithExpires(t *testing.T) {
	a := sip.NameAddr{URI: sip.MustParseURI("sip:h")}
	for d, want := range map[time.Duration]uint32{
		0: 0, time.Nanosecond: 1, time.Second: 1, 1500 * time.Millisecond: 2, time.Hour: 3600, (1<<32 - 1) * time.Second: 1<<32 - 1,
	} {
		m, err := sip.NewFragment(sip.Contact.Set(a.WithExpires(7 * time.Second).WithExpires(d)))
		require.NoError(t, err, d)
		back, _, err := sip.Contact.Get(m)
		require.NoError(t, err)
		seconds, ok := back.Expires()
		require.True(t, ok)
		require.Equal(t, want, seconds, d)
	}
	for _, d := range []time.Duration{-1, -time.Second, math.MinInt64, 1 << 32 * time.Second, (1<<32-1)*time.Second + 1, math.MaxInt64} {
		_, err := sip.NewFragment(sip.Contact.Set(a.WithExpires(d)))
		require.ErrorIs(t, err, msg.ErrValue, d)
	}
}
