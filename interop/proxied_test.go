//go:build linux

package interop

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// Calls between two phones of the library, with kamailio between them.

// aliceAndDave are two phones at a registrar; dave is registered.
func aliceAndDave(t *testing.T, r lab.Registrar, transport string, m manner) (alice, dave *phone) {
	t.Helper()
	dave = newPhone(t, labUser("dave", "dave-secret", "lab.test", r.Addr(t), transport), m)
	_, err := dave.Register(within(t, patience), nua.RegisterConfig{})
	require.NoError(t, err)
	require.Len(t, r.Bindings(t, "dave"), 1)
	return newPhone(t, labUser("alice", "alice-secret", "lab.test", r.Addr(t), transport), nil), dave
}

func TestProxiedCall(t *testing.T) {
	eachRegistrar(t, func(t *testing.T, r lab.Registrar, algorithm, transport string) {
		alice, dave := aliceAndDave(t, r, transport, answering)
		out := alice.call(t, "sip:dave@lab.test", nua.CallConfig{})
		in := dave.incoming(t)
		reach(t, out, nua.Ready)
		reach(t, in, nua.Ready)
		require.Equal(t, out.ID(), in.ID())

		// Each side holds the other, and the other sees it.
		require.NoError(t, out.Hold(within(t, patience)))
		require.NoError(t, out.Resume(within(t, patience)))
		require.NoError(t, in.Hold(within(t, patience)))
		require.NoError(t, in.Resume(within(t, patience)))
		// The called side hangs up.
		require.NoError(t, in.Bye(within(t, patience)))

		calling, called := over(t, out), over(t, in)
		require.NoError(t, out.Err())
		require.NoError(t, in.Err())
		require.Equal(t, []nua.CallState{nua.Calling, nua.Proceeding, nua.Completing, nua.Ready, nua.Terminated}, calling.states())
		require.Equal(t, []nua.CallState{nua.Received, nua.Early, nua.Completed, nua.Ready, nua.Terminating, nua.Terminated}, called.states())
		require.Equal(t, []soa.Active{soa.SendOnly, soa.SendRecv, soa.RecvOnly, soa.SendRecv}, calling.changes())
		require.Equal(t, []soa.Active{soa.RecvOnly, soa.SendRecv, soa.SendOnly, soa.SendRecv}, called.changes())

		all := alice.all(sent, "INVITE")
		credentials, ok, err := sip.ProxyAuthorization.Get(all[1].Message)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, algorithm, credentials.Algorithm)
		for _, p := range []*phone{alice, dave} {
			for _, m := range p.all(sent, "INVITE") {
				require.Equal(t, r.Addr(t), m.peer, "the route leads through the registrar")
				require.Equal(t, transport, m.proto)
			}
		}
	})
}

func TestProxiedCallEndsEarly(t *testing.T) {
	cancel := func(calling, _ *nua.Call) error { return calling.Cancel() }
	refuse := func(_, called *nua.Call) error { return called.Reject(486) }
	for _, tt := range []struct {
		name, transport string
		end             func(calling, called *nua.Call) error
		check           func(t *testing.T, calling, called error)
	}{
		{"canceled", "udp", cancel, bothCanceled},
		{"canceled", "tcp", cancel, bothCanceled},
		{"refused", "udp", refuse, callerRefused},
		{"refused", "tcp", refuse, callerRefused},
	} {
		t.Run(tt.name+"/"+tt.transport, func(t *testing.T) {
			alice, dave := aliceAndDave(t, peers.RegistrarMD5(), tt.transport, ringing)
			out := alice.call(t, "sip:dave@lab.test", nua.CallConfig{})
			in := dave.incoming(t)
			reach(t, out, nua.Proceeding)
			require.NoError(t, tt.end(out, in))
			calling, called := over(t, out), over(t, in)
			tt.check(t, out.Err(), in.Err())
			require.Equal(t, nua.Terminated, calling.states()[len(calling.states())-1])
			require.NotContains(t, calling.states(), nua.Ready)
			require.Equal(t, []nua.CallState{nua.Received, nua.Early, nua.Terminated}, called.states())
		})
	}
}

func bothCanceled(t *testing.T, calling, called error) {
	t.Helper()
	require.ErrorIs(t, calling, nua.ErrCanceled)
	require.ErrorIs(t, called, nua.ErrCanceled)
}

func callerRefused(t *testing.T, calling, _ error) {
	t.Helper()
	require.Equal(t, 486, refusal(t, calling).Status())
}
