package sip_test

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func hexOf(s string) string { return hex.EncodeToString([]byte(s)) }

// within fails the test if f takes longer than linear work takes on a slow
// machine with other things to do.
func within(t *testing.T, f func()) {
	t.Helper()
	start := time.Now()
	f()
	require.Less(t, time.Since(start), time.Second)
}
