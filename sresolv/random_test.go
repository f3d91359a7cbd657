package sresolv

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

// randomZone makes a zone in which few names lead to each other in any way.
func randomZone(chance *rand.Rand) string {
	names := []string{"x", "a", "b", "c", "_sip._udp.x", "_sip._tcp.x", "_sips._tcp.x", "_sip._udp.a", "_sips._tcp.b"}
	any := func(list ...string) string { return list[chance.IntN(len(list))] }
	var s strings.Builder
	s.WriteString("$ORIGIN r.test.\n$TTL 60\n@ SOA ns host 1 3600 600 86400 30\n")
	for range 3 + chance.IntN(40) {
		owner := any(names...)
		switch n := chance.IntN(100); chance.IntN(6) {
		case 0:
			fmt.Fprintf(&s, "%s CNAME %s\n", owner, any(names...))
		case 1:
			fmt.Fprintf(&s, "%s A 192.0.2.%d\n", owner, n)
		case 2:
			fmt.Fprintf(&s, "%s AAAA 2001:db8::%d\n", owner, n)
		case 3, 4:
			fmt.Fprintf(&s, "%s SRV %d %d %d %s\n", owner, chance.IntN(3), n, chance.IntN(3)*5060, any(append(names, ".")...))
		case 5:
			fmt.Fprintf(&s, "%s NAPTR %d %d %q %q \"\" %s\n", owner, chance.IntN(3), n, any("s", "a", "S", "u", ""),
				any("SIP+D2U", "SIP+D2T", "SIPS+D2T", "sip+d2u", "SIP+D2W", "E2U+sip"), any(append(names, ".")...))
		}
	}
	return s.String()
}

// TestRandomZones: whatever a zone says and a server does, a walk ends within its
// bounds, gives each hop once, and never a plain one for sips.
func TestRandomZones(t *testing.T) {
	for seed := range uint64(400) {
		synctest.Test(t, func(t *testing.T) {
			chance := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, Config{Rand: newSeeded(seed)}, randomZone(chance))
			switch chance.IntN(4) {
			case 0:
				w.server.Script(dnstest.Rule{Type: []string{"A", "AAAA", "SRV", "NAPTR"}[chance.IntN(4)], Drop: true})
			case 1:
				w.server.Script(dnstest.Rule{Type: []string{"A", "AAAA", "SRV", "NAPTR"}[chance.IntN(4)], Rcode: "SERVFAIL"})
			}
			for _, scheme := range []string{"sip", "sips"} {
				w.server.Reset()
				start := time.Now()
				walk := w.Walk(Target{Scheme: scheme, Host: "x.r.test"})
				seen := map[string]bool{}
				for {
					h, err := walk.Next(t.Context())
					if err != nil {
						require.True(t, err == io.EOF == (len(seen) > 0), "%v after %d hops", err, len(seen))
						break
					}
					require.False(t, seen[h.String()], "%v twice", h)
					seen[h.String()] = true
					require.NotZero(t, h.Addr.Port())
					require.Equal(t, "x.r.test", h.Name)
					require.True(t, scheme == "sip" || h.Transport == "tls", "%v", h)
				}
				require.LessOrEqual(t, len(seen), DefaultMaxTargets)
				require.LessOrEqual(t, time.Since(start), 2*DefaultTimeout+time.Second)
				require.True(t, walk.Exhausted())
				asked := map[string]bool{}
				for _, q := range w.server.Asked() {
					asked[q] = true
				}
				require.LessOrEqual(t, len(asked), DefaultMaxQueries)
			}
		})
	}
}

// TestReadyCallsNobody: Ready dials nothing, even to put the two families of a
// name from the cache into order; what that needs, Next has found out.
func TestReadyCallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, sipZone)
		var dialled atomic.Int32
		w.cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			dialled.Add(1)
			return w.client.DialContext(ctx, network, address)
		}
		want := w.hops("sip:dual.example.com:5060")
		n := dialled.Load()
		require.Equal(t, want, ready(w.Walk(target("sip:dual.example.com:5060"))))
		require.Equal(t, n, dialled.Load())
		time.Sleep(sourceTTL)
		walk := w.Walk(target("sip:dual.example.com:5060"))
		require.Empty(t, ready(walk), "by now this host may have other addresses")
		require.Equal(t, n, dialled.Load())
		require.Equal(t, want, collect(t, walk))
		require.Equal(t, n+2, dialled.Load())
	})
}
