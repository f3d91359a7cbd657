package sresolv

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

// TestTrace: each exchange is told once, with what became of it.
func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var all []Exchange
		w := newWorld(t, Config{Trace: Trace{Exchange: func(e Exchange) {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, e)
		}}}, hostileZone)
		w.server.Script(
			dnstest.Rule{Times: 1, Drop: true},
			dnstest.Rule{Times: 1, Truncate: true, Delay: time.Second},
		)
		_, err := w.Lookup(t.Context(), "a.h.test", TypeA)
		require.NoError(t, err)
		_, err = w.Lookup(t.Context(), "none.h.test", TypeA)
		require.ErrorIs(t, err, ErrNotFound)
		require.Len(t, all, 4)
		require.True(t, errors.Is(all[0].Err, context.DeadlineExceeded), "%v", all[0].Err)
		require.Equal(t, 2*time.Second, all[0].Took)
		require.True(t, all[0].EDNS)
		want := Exchange{Server: w.cfg.Servers[0], Network: "udp", Name: "a.h.test.", Type: TypeA, Took: time.Second, Cut: true}
		require.Equal(t, want, all[1])
		want.Network, want.Took, want.Cut, want.Records = "tcp", 0, false, 1
		require.Equal(t, want, all[2])
		require.Equal(t, 3, all[3].Rcode)
	})
}
