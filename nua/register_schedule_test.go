package nua

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRefreshAfter(t *testing.T) {
	for _, tt := range []struct {
		granted time.Duration
		low     time.Duration
		high    time.Duration
	}{
		{0, shortestRefresh, shortestRefresh},
		{time.Second, shortestRefresh, shortestRefresh},
		{2 * time.Second, time.Second, 1500 * time.Millisecond},
		{4 * time.Second, 2 * time.Second, 3 * time.Second},
		{10 * time.Second, 5 * time.Second, 7500 * time.Millisecond},
		{60 * time.Second, 15 * time.Second, 45 * time.Second},
		{90 * time.Second, 22500 * time.Millisecond, 67500 * time.Millisecond},
		{91 * time.Second, 31 * time.Second, 61 * time.Second},
		{299 * time.Second, 239 * time.Second, 269 * time.Second},
		{300 * time.Second, 75 * time.Second, 225 * time.Second},
		{3600 * time.Second, 900 * time.Second, 2700 * time.Second},
	} {
		for _, random := range []float64{0, 0.25, 0.5, 0.999999} {
			got := refreshAfter(tt.granted, random)
			require.GreaterOrEqual(t, got, tt.low, "%v", tt.granted)
			require.LessOrEqual(t, got, tt.high, "%v", tt.granted)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	before := time.Duration(0)
	for failures := 1; failures < 20; failures++ {
		got := retryAfter(failures, 0, 0.999)
		require.GreaterOrEqual(t, got, before)
		require.LessOrEqual(t, got, lastRetry)
		before = got
	}
	require.Equal(t, time.Second, retryAfter(1, 0, 0))
	require.Equal(t, 100*time.Second, retryAfter(1, 100*time.Second, 0))
	require.Equal(t, lastRetry, retryAfter(1, 1000*time.Hour, 0), "a registrar cannot silence us for ever")
}

func TestGlareAfter(t *testing.T) {
	for _, random := range []float64{0, 0.3, 0.7, 0.9999999} {
		owner, other := glareAfter(true, random), glareAfter(false, random)
		require.GreaterOrEqual(t, owner, 2100*time.Millisecond)
		require.LessOrEqual(t, owner, 4*time.Second)
		require.Zero(t, owner%(10*time.Millisecond))
		require.GreaterOrEqual(t, other, time.Duration(0))
		require.LessOrEqual(t, other, 2*time.Second)
		require.Zero(t, other%(10*time.Millisecond))
	}
}
