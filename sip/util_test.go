package sip_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

// within fails the test if f takes far longer than linear work does, even on a
// slow machine with the race detector; quadratic work takes minutes here.
func within(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	require.Less(t, time.Since(start), 10*time.Second)
}
