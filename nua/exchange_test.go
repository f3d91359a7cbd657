package nua

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExchangeRows(t *testing.T) {
	for _, tt := range []struct {
		row  string
		from CallState
		in   exchangeInput
		to   CallState
		do   exchangeEffect
	}{
		{"R1", Ready, exchangeSend, Calling, exchangeInvite},
		{"R2", Calling, exchangeProvisional, Proceeding, 0},
		{"R3", Proceeding, exchangeSuccess, Completing, 0},
		{"R4", Completing, exchangeAcked, Ready, exchangeAck | exchangeActivate},
		{"R5", Completing, exchangeBroken, Ready, exchangeAck | exchangeEnd},
		{"R6", Calling, exchangeFailure, Ready, exchangeRollback},
		{"R7", Calling, exchangeGlare, Ready, exchangeRollback | exchangeRetry},
		{"R8", Ready, exchangeReceived, Received, 0},
		{"R9", Received, exchangeAnswer, Completed, exchangeReply2xx},
		{"R10", Received, exchangeReject, Ready, exchangeReplyBad | exchangeRollback},
		{"R11", Received, exchangeCanceled, Ready, exchangeRollback},
		{"R12", Completed, exchangeAckReceived, Ready, exchangeActivate},
		{"R13", Completed, exchangeBroken, Ready, exchangeEnd},
		{"R14", Completed, exchangeReceived, Received, 0},
	} {
		t.Run(tt.row, func(t *testing.T) {
			e := exchange{state: tt.from}
			row, ok := e.step(tt.in)
			require.True(t, ok)
			require.Equal(t, tt.row, row.name)
			require.Equal(t, tt.to, e.state)
			require.Equal(t, tt.do, row.do)
		})
	}
	require.Len(t, exchangeTransitions, 14)
}

// TestExchangeIsOneAtATime: while one side's re-INVITE is open, the other's
// has no row, so it must be refused.
func TestExchangeIsOneAtATime(t *testing.T) {
	for _, state := range []CallState{Calling, Proceeding, Completing} {
		e := exchange{state: state}
		require.True(t, e.ours())
		_, ok := e.step(exchangeReceived)
		require.False(t, ok)
	}
	for _, state := range []CallState{Received, Completed} {
		e := exchange{state: state}
		_, ok := e.step(exchangeSend)
		require.False(t, ok)
		require.False(t, e.idle())
	}
}
