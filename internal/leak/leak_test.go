package leak

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func TestWaitFindsALeak(t *testing.T) {
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		<-stop
		close(done)
	}()
	left := wait(10 * time.Millisecond)
	require.Len(t, left, 1)
	require.Contains(t, left[0], "TestWaitFindsALeak")
	close(stop)
	<-done
	require.Empty(t, wait(patience))
}
