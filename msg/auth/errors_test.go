package auth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestErrorText(t *testing.T) {
	require.Equal(t, `auth: respond: `+ErrNoChallenge.Error(), (&Error{Op: "respond", Err: ErrNoChallenge}).Error())
	e := &Error{Op: "verify", Realm: "a\r\nb" + strings.Repeat("x", 1000), Err: ErrWrong}
	require.NotContains(t, e.Error(), "\n")
	require.Less(t, len(e.Error()), 250)
	require.ErrorIs(t, e, ErrWrong)
}

func TestStaleErrors(t *testing.T) {
	for err, want := range map[error]bool{ErrStale: true, ErrReplay: true, ErrWrong: false, ErrUnknownNonce: false, ErrNoCredentials: false, ErrMalformed: false, nil: false} {
		require.Equal(t, want, Stale(err), "%v", err)
		if err != nil {
			require.Equal(t, want, Stale(&Error{Op: "verify", Err: err}))
		}
	}
}
