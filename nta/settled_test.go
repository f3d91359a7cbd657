package nta

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStepUnderWayIsNotSettled: a step may end the last transaction and then
// ask for a goroutine. Shutdown must not take the agent for idle in between,
// or what the step asked for would be lost.
func TestStepUnderWayIsNotSettled(t *testing.T) {
	a, err := New(Config{})
	require.NoError(t, err)
	release := make(chan struct{})
	settled := make(chan bool, 1)
	a.Step("call", func(s *Step) {
		go func() { settled <- a.settledAll() }()
		for range 10000 { // it gets as far as it can
			runtime.Gosched()
		}
		s.Go(func(context.Context) { <-release })
	})
	require.False(t, <-settled)
	close(release)
	require.NoError(t, a.Shutdown(context.Background()))
}
