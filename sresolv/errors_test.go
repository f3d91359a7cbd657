package sresolv

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestErrorText: an error prints on one line, whatever the host, and says what
// to do.
func TestErrorText(t *testing.T) {
	r := New(Config{})
	defer r.Close()
	_, err := r.Walk(Target{Host: "a\r\nb" + strings.Repeat("x", 1000)}).Next(t.Context())
	require.NotContains(t, err.Error(), "\n")
	require.Less(t, len(err.Error()), 300)
	require.Contains(t, err.Error(), "sip or sips scheme")
}

func TestErrorTimeout(t *testing.T) {
	for err, want := range map[error]bool{
		ErrTimeout: true, ErrBusy: true, context.DeadlineExceeded: true,
		context.Canceled: false, ErrNotFound: false, ErrNoTransport: false, ErrClosed: false, ErrBadTarget: false,
	} {
		require.Equal(t, want, (&Error{Name: "example.com", Err: err}).Timeout(), "%v", err)
	}
}
