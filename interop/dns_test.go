//go:build linux

package interop

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/sresolv"
)

// labZone is what zone.lab.test.in says of each name: the hops as "transport:port:last octet",
// or the error. Hops of one rank may come in any order and are
// separated by a space, ranks by a comma.
var labZone = []struct {
	name string
	want string
	err  error
}{
	{"@", "tls:5061:1,tcp:5060:1,udp:5060:1", nil},
	{"udp", "udp:5060:1", nil},
	{"tcp", "tcp:5060:1", nil},
	{"tls", "tls:5061:1", nil},
	{"wss", "", sresolv.ErrNoTransport},
	{"srv", "udp:5070:1 udp:5070:2 udp:5070:3,udp:5070:9,tcp:5070:1 tcp:5070:2 tcp:5070:3,tcp:5070:9", nil},
	{"zero", "udp:5070:1 udp:5070:2", nil},
	{"zeros", "udp:5070:1 udp:5070:2 udp:5070:3", nil},
	{"failover", "udp:9:9,udp:5060:1,tcp:9:9,tcp:5060:1", nil},
	{"failover-srv", "udp:9:9,udp:5060:1,tcp:9:9,tcp:5060:1", nil},
	{"allbroken", "udp:9:9,tcp:9:9", nil},
	{"dangling", "udp:5060:1", nil},
	{"badnaptr", "udp:5060:1", nil},
	{"nosip", "", sresolv.ErrNoService},
	{"a-only", "udp:5060:1,tcp:5060:1", nil},
	{"aaaa-only", "udp:5060:::1,tcp:5060:::1", nil},
	{"dualstack", "udp:5060:::1,udp:5060:1,tcp:5060:::1,tcp:5060:1", nil},
	{"multi-a", "udp:5060:1 udp:5060:2 udp:5060:9,tcp:5060:1 tcp:5060:2 tcp:5060:9", nil},
	{"nodata", "", sresolv.ErrNotFound},
	{"naptr-a", "udp:5060:1", nil},
	{"naptr-sctp", "udp:5060:1", nil},
	{"naptr-pref", "tls:5061:1,tcp:5060:1,udp:5060:1", nil},
	{"naptr-case", "udp:5060:1", nil},
	{"naptr-other", "udp:5060:1", nil},
	{"naptr-far", "udp:5060:1", nil},
	{"cname", "udp:5060:1,tcp:5060:1", nil},
	{"cname-naptr", "udp:5060:1", nil},
	{"cname-srv", "udp:5060:1", nil},
	{"cname-target", "udp:5060:1", nil},
	{"c1", "udp:5060:1,tcp:5060:1", nil},
	{"loop1", "", errAny},
	{"cname-out", "", errAny},
	{"cname-dangling", "", sresolv.ErrNotFound},
	{"ttl0", "udp:5060:1,tcp:5060:1", nil},
	{"ttl2", "udp:5060:1", nil},
	{"any.wild", "udp:5060:1", nil},
	{"noqop", "udp:5060:1,tcp:5060:1", nil},
	{"h2", "udp:5060:2,tcp:5060:2", nil},
	{"dead", "udp:5060:9,tcp:5060:9", nil},
	{"absent", "", sresolv.ErrNotFound},
}

// errAny stands for an error that depends on the server: nsd and knot show an
// alias that goes round or leads away, dnsmasq hides it.
var errAny = errors.New("any error")

var dnsServers = []struct{ service, key string }{{"dns", "DNS"}, {"knot", "KNOT"}, {"dnsmasq", "DNSMASQ"}}

// labResolver asks one of the lab's name servers.
func labResolver(t *testing.T, service, key string, cfg sresolv.Config) (*sresolv.Resolver, lab.Env) {
	t.Helper()
	env := peers.Up(t, "dns", service)
	cfg.Servers = []netip.AddrPort{env.AddrPort(t, key)}
	cfg.Hosts = "-"
	r := sresolv.New(cfg)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r, env
}

// short writes a hop as labZone does.
func short(env lab.Env, transport string, addr netip.AddrPort) string {
	net := strings.TrimSuffix(env["LAB_IP"], "1")
	return fmt.Sprintf("%s:%d:%s", transport, addr.Port(), strings.TrimPrefix(addr.Addr().String(), net))
}

// TestDNSZone: every name of the lab's zone resolves as its comments say, by
// three name servers.
func TestDNSZone(t *testing.T) {
	for _, s := range dnsServers {
		t.Run(s.service, func(t *testing.T) {
			for _, c := range labZone {
				t.Run(c.name, func(t *testing.T) {
					cfg := sresolv.Config{Transports: []string{"udp", "tcp", "tls"}, Network: "ip4"}
					if strings.Contains(c.want, "::") {
						cfg.Network = ""
					}
					r, env := labResolver(t, s.service, s.key, cfg)
					var got []string
					var last error
					for hop, err := range r.Hops(t.Context(), sresolv.Target{Host: domainName(c.name)}) {
						if last = err; err == nil {
							got = append(got, short(env, hop.Transport, hop.Addr))
						}
					}
					switch {
					case c.err == errAny:
						require.Error(t, last)
					default:
						require.ErrorIs(t, last, c.err)
					}
					for _, rank := range strings.Split(c.want, ",") {
						want := strings.Fields(rank)
						require.GreaterOrEqual(t, len(got), len(want), "%v", got)
						require.ElementsMatch(t, want, got[:len(want)])
						got = got[len(want):]
					}
					require.Empty(t, got)
				})
			}
		})
	}
}

func domainName(name string) string {
	if name == "@" {
		return "lab.test"
	}
	return name + ".lab.test"
}

// TestDNSBig: sixty servers do not fit into a datagram; they come by TCP.
func TestDNSBig(t *testing.T) {
	for _, s := range dnsServers {
		t.Run(s.service, func(t *testing.T) {
			r, _ := labResolver(t, s.service, s.key, sresolv.Config{Network: "ip4", MaxQueries: -1})
			last := -1
			n := 0
			for hop, err := range r.Hops(t.Context(), sresolv.Target{Host: "big.lab.test"}) {
				require.NoError(t, err)
				require.Greater(t, int(hop.Priority), last)
				last = int(hop.Priority)
				n++
			}
			require.Equal(t, 1, n, "all have one address and port, which is given once")
			rs, err := r.Lookup(t.Context(), "_sip._udp.big.lab.test", sresolv.TypeSRV)
			require.NoError(t, err)
			require.Len(t, rs, 60)
			require.NotZero(t, r.Stats().Truncated)
		})
	}
}

// TestDNSWeights: in 4,000 draws the first server of weights 60, 30 and 10 is
// each as often as its weight says, within 3 percentage points.
func TestDNSWeights(t *testing.T) {
	r, env := labResolver(t, "knot", "KNOT", sresolv.Config{Network: "ip4"})
	const draws = 4000
	first := map[string]int{}
	for range draws {
		h, err := r.Walk(sresolv.Target{Host: "srv.lab.test", Transport: "udp"}).Next(t.Context())
		require.NoError(t, err)
		first[short(env, h.Transport, h.Addr)]++
	}
	for hop, want := range map[string]float64{"udp:5070:1": 60, "udp:5070:2": 30, "udp:5070:3": 10} {
		require.InDelta(t, want, float64(first[hop])*100/draws, 3, "%v", first)
	}
}

// TestDNSENUM: telephone numbers by a real server.
func TestDNSENUM(t *testing.T) {
	for _, s := range dnsServers[:2] {
		r, _ := labResolver(t, s.service, s.key, sresolv.Config{})
		for number, want := range map[string]string{
			"+12125550101": "sip:alice@lab.test", "+12125550102": "sip:ext-5550102@lab.test;user=phone", "+12125550103": "sip:carol@lab.test",
			"+12125550104": "sip:bob@lab.test", "+12125550105": "sip:bob@lab.test", "+12125550106": "sip:dave@lab.test",
			"+12125550107": "sip:alice@lab.test", "+12125550108": "", "+12125550109": "", "+12125550299": "sip:+12125550299@lab.test",
			"+12025332600": "sip:user@example.com",
		} {
			list, err := r.LookupENUM(t.Context(), number, "sip")
			if want == "" {
				require.ErrorIs(t, err, sresolv.ErrNotFound, number)
				continue
			}
			require.NoError(t, err, number)
			require.Equal(t, want, list[0].URI, number)
		}
	}
}

// sofiaDiffers lists the names for which Sofia-SIP's sip-dig (1.12.11) prints
// other hops than ours, and why.
var sofiaDiffers = map[string]string{
	"@":          "it stops after the first NAPTR record; the others are where to go when that fails (RFC 3263 4.3)",
	"failover":   "likewise",
	"allbroken":  "likewise",
	"nosip":      "it asks for addresses although the SRV target is \".\" (RFC 2782)",
	"wss":        "it does not know SIPS+D2W and asks for addresses; the domain has said that it has nothing else",
	"badnaptr":   "it ends when the first NAPTR record leads to no SRV record",
	"naptr-sctp": "likewise",
}

// TestDNSAgreesWithSofia: our sip-dig and Sofia's print the same hops for every
// name of the zone, but for what is listed.
func TestDNSAgreesWithSofia(t *testing.T) {
	peers.Require(t, "sip-dig")
	env := peers.Up(t, "dns")
	ours := filepath.Join(t.TempDir(), "sip-dig")
	out, err := exec.Command("go", "build", "-o", ours, "../examples/sip-dig").CombinedOutput()
	require.NoError(t, err, "%s", out)
	dig := func(program, name string) []string {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, program, "sip:"+domainName(name))
		cmd.Env = append(cmd.Environ(), "SRESOLV_CONF="+env["SRESOLV_CONF"])
		out, err := cmd.Output()
		var exit *exec.ExitError
		require.True(t, err == nil || errors.As(err, &exit), "%v", err)
		var hops []string
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			require.Len(t, f, 5, line)
			hops = append(hops, strings.Join(f[2:], " "))
		}
		slices.Sort(hops)
		return hops
	}
	for _, c := range labZone {
		t.Run(c.name, func(t *testing.T) {
			mine, theirs := dig(ours, c.name), dig("sip-dig", c.name)
			if why, ok := sofiaDiffers[c.name]; ok {
				require.NotEqual(t, theirs, mine, "they agree now; was: %s", why)
				return
			}
			require.Equal(t, theirs, mine)
		})
	}
}
