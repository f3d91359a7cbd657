package sresolv

import (
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport/simnet"
)

const nameServer = "192.0.2.53:53"

// world is a name server and a client of it on a virtual network, to be made
// inside a bubble.
type world struct {
	t      *testing.T
	net    *simnet.Network
	client *simnet.Host
	dns    *simnet.Host
	server *dnstest.Server
	*Resolver
}

// newWorld fills in what cfg leaves out so that the server is asked.
func newWorld(t *testing.T, cfg Config, zones ...string) *world {
	t.Helper()
	w := &world{t: t, net: simnet.New(simnet.Config{Seed: 1})}
	t.Cleanup(w.net.Close)
	w.client = w.net.MustHost("client", "192.0.2.1", "2001:db8:ffff::1")
	w.dns = w.net.MustHost("dns", "192.0.2.53")
	w.server = w.serve(w.dns, nameServer, zones...)
	if cfg.Servers == nil && cfg.ResolvConf == "" {
		cfg.Servers = []netip.AddrPort{netip.MustParseAddrPort(nameServer)}
	}
	if cfg.Hosts == "" {
		cfg.Hosts = "-"
	}
	if cfg.Transports == nil {
		cfg.Transports = []string{"udp", "tcp", "tls"}
	}
	if cfg.Open == nil {
		cfg.Open = func(name string) (fs.File, error) { return fstest.MapFS{}.Open(name) }
	}
	cfg.Dial = w.client.DialContext
	w.Resolver = New(cfg)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	return w
}

func (w *world) serve(h *simnet.Host, addr string, zones ...string) *dnstest.Server {
	w.t.Helper()
	s, err := dnstest.Start(dnstest.Config{Addr: addr, ListenPacket: h.ListenPacket, Listen: h.Listen}, zones...)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { require.NoError(w.t, s.Close()) })
	return s
}

// target reads the few URIs of these tests.
func target(uri string) Target {
	scheme, rest, _ := strings.Cut(uri, ":")
	parts := strings.Split(rest, ";")
	t := Target{Scheme: scheme, Host: parts[0]}
	if i := strings.LastIndexByte(t.Host, ':'); i > strings.LastIndexByte(t.Host, ']') {
		n, err := strconv.ParseUint(t.Host[i+1:], 10, 16)
		if err == nil {
			t.Host, t.Port = t.Host[:i], uint16(n)
		}
	}
	for _, p := range parts[1:] {
		name, value, _ := strings.Cut(p, "=")
		switch name {
		case "transport":
			t.Transport = value
		case "maddr":
			t.Maddr = value
		}
	}
	return t
}

// all walks to the end. The error is nil where that is io.EOF.
func (w *world) all(uri string) (hops []Hop, err error) {
	w.t.Helper()
	walk := w.Walk(target(uri))
	for {
		h, err := walk.Next(w.t.Context())
		if err == io.EOF {
			return hops, nil
		}
		if err != nil {
			return hops, err
		}
		hops = append(hops, h)
	}
}

// hops walks to the end, and lists the hops as text.
func (w *world) hops(uri string) []string {
	w.t.Helper()
	hops, err := w.all(uri)
	require.NoError(w.t, err)
	return texts(hops)
}

func texts(hops []Hop) (out []string) {
	for _, h := range hops {
		out = append(out, h.String())
	}
	return out
}

// fails walks to the end, which must be an error and come after no hop.
func (w *world) fails(uri string, want error) {
	w.t.Helper()
	hops, err := w.all(uri)
	require.ErrorIs(w.t, err, want)
	require.Empty(w.t, hops)
}

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return string(b)
}
