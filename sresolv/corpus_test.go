package sresolv

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// place3 is [transport, address, port] of cases.json.
type place3 [3]any

func (p place3) String() string {
	return fmt.Sprintf("%s:%s", strings.ToLower(p[0].(string)), net.JoinHostPort(p[1].(string), strconv.Itoa(int(p[2].(float64)))))
}

// TestCorpus: the zone of odd cases of RFC 3263 and RFC 2782.
func TestCorpus(t *testing.T) {
	var cases struct {
		Queries []struct {
			URI, Rule  string
			Want       *[]place3
			Follow     []place3 `json:"may_follow"`
			Has        []place3 `json:"want_has"`
			Set        []string `json:"want_set"`
			Count      int      `json:"want_count"`
			Kind       string   `json:"want_kind"`
			MaxQueries int      `json:"max_queries"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(file(t, "cases.json")), &cases))
	require.Len(t, cases.Queries, 23)
	for _, c := range cases.Queries {
		t.Run(c.URI, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := Config{}
				if c.Count > DefaultMaxTargets {
					cfg.MaxTargets, cfg.MaxQueries = -1, -1
				}
				w := newWorld(t, cfg, file(t, "cases.zone"))
				hops, err := w.all(c.URI)
				got := texts(hops)
				if c.Want != nil {
					for _, p := range *c.Want {
						require.NotEmpty(t, got, "%v", err)
						require.Equal(t, p.String(), got[0])
						got = got[1:]
					}
					for _, g := range got {
						require.True(t, slices.ContainsFunc(c.Follow, func(p place3) bool { return p.String() == g }), "unexpected %s", g)
					}
					require.Equal(t, len(*c.Want) == 0, err != nil, "%v", err)
				}
				for _, p := range c.Has {
					require.Contains(t, got, p.String())
				}
				if c.Set != nil {
					var set []string
					for _, h := range hops {
						if h.Transport == "udp" {
							set = append(set, h.Addr.Addr().String())
						}
					}
					require.ElementsMatch(t, c.Set, set)
				}
				if c.Count > 0 {
					require.Len(t, hops, c.Count)
					require.True(t, slices.IsSortedFunc(hops, func(a, b Hop) int { return int(a.Priority) - int(b.Priority) }))
				}
				switch {
				case strings.HasPrefix(c.Kind, "TLS only or failure"):
					for _, h := range hops {
						require.Equal(t, "tls", h.Transport)
					}
				case strings.HasSuffix(c.Kind, "failure"):
					require.Error(t, err)
				}
				most := c.MaxQueries
				if most == 0 {
					most = DefaultMaxQueries
				}
				if c.Count == 0 {
					require.LessOrEqual(t, len(w.server.Queries()), most)
				}
				for _, h := range hops {
					require.Equal(t, target(c.URI).Host, bracketed(h.Name))
				}
			})
		})
	}
}

func bracketed(s string) string {
	if strings.Contains(s, ":") {
		return "[" + s + "]"
	}
	return s
}

// TestRFC3263Example: section 4.1, for a client that speaks TCP and UDP, and for
// one that speaks TLS too.
func TestRFC3263Example(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Transports: []string{"udp", "tcp"}}, file(t, "rfc3263.zone"))
		hops, err := w.all("sip:user.example.com")
		require.ErrorIs(t, err, ErrNotFound)
		require.Empty(t, hops)
		got := w.hops("sip:example.com")
		require.ElementsMatch(t, []string{"tcp:192.0.2.1:5060", "tcp:[2001:db8::1]:5060", "tcp:192.0.2.2:5060"}, got[:3])
		require.Equal(t, []string{"udp:192.0.2.2:5060"}, got[3:])
	})
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{}, file(t, "rfc3263.zone"))
		require.Equal(t, "tls:[2001:db8::1]:5061", w.hops("sip:example.com")[0])
		require.Equal(t, []string{"tls:[2001:db8::1]:5061", "tls:192.0.2.1:5061"}, w.hops("sips:example.com"))
	})
}
