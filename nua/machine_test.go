package nua

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTransitions checks each row of the specification by name: where it
// starts, what it takes, where it leads, what it asks for.
func TestTransitions(t *testing.T) {
	for _, tt := range []struct {
		row      string
		from     CallState
		canceled bool
		in       input
		to       CallState
		do       effect
	}{
		{"C1", Init, false, inputInvite, Calling, sendInvite},
		{"C1 canceled", Init, false, inputCancel, Terminated, end},
		{"C1 bye", Init, false, inputBye, Terminated, end},
		{"C1 failed", Init, false, inputFailure, Terminated, end},
		{"C1a", Calling, false, inputChallenge, Authenticating, 0},
		{"C1a", Proceeding, false, inputChallenge, Authenticating, 0},
		{"C1a resend", Authenticating, false, inputAuthenticate, Calling, sendInvite},
		{"C1a cancel", Authenticating, false, inputCancel, Terminated, end},
		{"C1a bye", Authenticating, false, inputBye, Terminated, end},
		{"C1b", Calling, false, inputRetry, Calling, sendInvite},
		{"C1b", Proceeding, false, inputRetry, Calling, sendInvite},
		{"C2", Calling, false, inputProvisional, Proceeding, 0},
		{"C2", Calling, true, inputProvisional, Proceeding, 0},
		{"C3", Calling, false, inputSuccess, Completing, 0},
		{"C3", Proceeding, false, inputSuccess, Completing, 0},
		{"C4", Completing, false, inputAck, Ready, sendAck | activate},
		{"C5", Completing, false, inputMediaFailed, Terminating, sendAck | sendBye},
		{"C5 early", Proceeding, false, inputMediaFailed, Proceeding, sendCancel},
		{"C6", Calling, false, inputFailure, Terminated, end},
		{"C6", Proceeding, true, inputFailure, Terminated, end},
		{"C7", Calling, false, inputCancel, Calling, sendCancel},
		{"C7", Proceeding, false, inputCancel, Proceeding, sendCancel},
		{"C7 crossed", Calling, true, inputSuccess, Terminating, sendAck | sendBye},
		{"C7 crossed", Proceeding, true, inputSuccess, Terminating, sendAck | sendBye},
		{"C7 late", Completing, false, inputCancel, Terminating, sendAck | sendBye},
		{"C8", Calling, false, inputBye, Terminating, sendCancel},
		{"C8", Proceeding, true, inputBye, Terminating, sendCancel},
		{"C8 crossed", Terminating, true, inputSuccess, Terminating, sendAck | sendBye},
		{"C8 ended", Terminating, true, inputFailure, Terminated, end},
		{"C9", Completing, false, inputBye, Terminating, sendAck | sendBye},
		{"C9 peer", Completing, false, inputByeReceived, Terminated, sendAck | replyBye | end},
		{"C12", Terminating, false, inputByeFinal, Terminated, end},
		{"S1", Init, false, inputReceived, Received, 0},
		{"S2", Received, false, inputRing, Early, replyRinging},
		{"S2", Early, false, inputRing, Early, replyRinging},
		{"S3", Received, false, inputAnswer, Completed, replySuccess},
		{"S3", Early, false, inputAnswer, Completed, replySuccess},
		{"S4", Completed, false, inputAckReceived, Ready, activate},
		{"S4'", Completed, false, inputAckBad, Terminating, sendBye},
		{"S5", Completed, false, inputNoAck, Terminating, sendBye},
		{"S6", Received, false, inputReject, Terminated, replyFailure | end},
		{"S6", Early, false, inputReject, Terminated, replyFailure | end},
		{"S6 bye", Early, false, inputBye, Terminated, replyFailure | end},
		{"S7", Received, false, inputCanceled, Terminated, end},
		{"S7", Early, false, inputCanceled, Terminated, end},
		{"S8", Received, false, inputByeReceived, Terminated, replyBye | replyGone | end},
		{"S8", Early, false, inputByeReceived, Terminated, replyBye | replyGone | end},
		{"S9", Completed, false, inputByeReceived, Terminated, replyBye | end},
		{"S9 bye", Completed, false, inputBye, Completed, holdBye},
		{"S lost", Early, false, inputLost, Terminated, end},
		{"S2xx lost", Completed, false, inputLost, Terminating, sendBye},
		{"T1", Ready, false, inputByeReceived, Terminated, replyBye | end},
		{"T2", Ready, false, inputBye, Terminating, sendBye},
		{"T2 crossed", Terminating, false, inputByeReceived, Terminating, replyBye},
		{"T4", Ready, false, inputGraceful, Terminating, sendAck | sendBye},
		{"T5", Ready, false, inputFatal, Terminated, sendAck | end},
	} {
		t.Run(fmt.Sprint(tt.row, " from ", tt.from), func(t *testing.T) {
			m := machine{state: tt.from, canceled: tt.canceled}
			row, ok := m.step(tt.in)
			require.True(t, ok)
			require.Equal(t, tt.row, row.name)
			require.Equal(t, tt.to, m.state)
			require.Equal(t, tt.do, row.do)
		})
	}
}

// TestEveryRowIsReachable: a row that no sequence of inputs takes is dead.
func TestEveryRowIsReachable(t *testing.T) {
	seen := map[string]bool{}
	queue := []machine{{}}
	known := map[machine]bool{{}: true}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		for in := range inputCount {
			n := m
			row, ok := n.step(in)
			if !ok {
				require.Equal(t, m, n, "an input without a row changes nothing")
				continue
			}
			seen[row.name] = true
			if !known[n] {
				known[n] = true
				queue = append(queue, n)
			}
		}
	}
	for _, row := range transitions {
		require.True(t, seen[row.name], "row %s cannot be reached", row.name)
	}
}

// TestMachineProperties walks every reachable state and input.
func TestMachineProperties(t *testing.T) {
	known := map[machine]bool{{}: true}
	queue := []machine{{}}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		for in := range inputCount {
			n := m
			row, ok := n.step(in)
			if !ok {
				continue
			}
			require.NotEqual(t, Terminated, m.state, "nothing follows the end: %s", row.name)
			require.Equal(t, n.state == Terminated, row.do&end != 0, "only the last row releases: %s", row.name)
			if m.canceled {
				require.True(t, n.canceled, "giving up is for good: %s", row.name)
				require.NotEqual(t, Ready, n.state, "a call given up never gets ready: %s", row.name)
				require.NotEqual(t, Completing, n.state, row.name)
			}
			if row.do&sendBye != 0 {
				require.Equal(t, Terminating, n.state, row.name)
			}
			if !known[n] {
				known[n] = true
				queue = append(queue, n)
			}
		}
	}
	// Ready is left only towards the end.
	m := machine{state: Ready}
	for in := range inputCount {
		n := m
		if _, ok := n.step(in); ok {
			require.GreaterOrEqual(t, n.state, Terminating)
		}
	}
}

// TestRowsAreUnambiguous: no state and input has two rows.
func TestRowsAreUnambiguous(t *testing.T) {
	for state := Init; state <= Terminated; state++ {
		for in := range inputCount {
			for _, canceled := range []bool{false, true} {
				n := 0
				for _, row := range transitions {
					if row.in != in || row.canceled == onlyLive && canceled || row.canceled == onlyCanceled && !canceled {
						continue
					}
					for _, from := range row.from {
						if from == state {
							n++
						}
					}
				}
				require.LessOrEqual(t, n, 1, "%s, input %d", state, in)
			}
		}
	}
}

func TestCallStateNames(t *testing.T) {
	want := []string{"init", "authenticating", "calling", "proceeding", "completing", "received", "early", "completed", "ready", "terminating", "terminated"}
	for i, name := range want {
		require.Equal(t, name, CallState(i).String())
	}
	require.Equal(t, "unknown", CallState(99).String())
}
