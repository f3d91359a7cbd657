package nua

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCallBothWays(t *testing.T) {
	inLab(t, func(l *lab) {
		t := l.t
		in := make(calls, 1)
		alice := l.ua("alice", "10.0.0.1", Config{})
		l.ua("bob", "10.0.0.2", Config{Handler: in.handler()})
		ctx := l.within(30 * time.Second)
		call, err := alice.Invite(ctx, "sip:bob@10.0.0.2", CallConfig{})
		require.NoError(t, err)
		theirs := <-in
		require.NoError(t, theirs.Ring())
		require.NoError(t, theirs.Answer(ctx))
		require.NoError(t, theirs.Wait(ctx, Ready))
		require.NoError(t, call.Wait(ctx, Ready))
		require.NoError(t, call.Bye(ctx))
		require.NoError(t, theirs.Wait(ctx, Terminated))
		require.Equal(t, []CallState{Calling, Proceeding, Completing, Ready, Terminating, Terminated}, l.states(call))
		require.Equal(t, []CallState{Received, Early, Completed, Ready, Terminated}, l.states(theirs))
		require.NoError(t, call.Err())
		require.NoError(t, theirs.Err())
		_, err = call.Next(ctx)
		require.ErrorIs(t, err, ErrClosed)
	})
}
