//go:build linux

package lab

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

func TestParseEnv(t *testing.T) {
	e := parseEnv("LAB_IP=127.0.7.1\nnoise\nREGISTRAR_UDP=127.0.7.1:5060\nTURN_USER=a=b\n")
	require.Equal(t, Env{"LAB_IP": "127.0.7.1", "REGISTRAR_UDP": "127.0.7.1:5060", "TURN_USER": "a=b"}, e)
	require.Equal(t, netip.MustParseAddrPort("127.0.7.1:5060"), e.AddrPort(t, "REGISTRAR_UDP"))
}

func TestHome(t *testing.T) {
	h, err := home()
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(h, "install.sh"))

	t.Chdir(t.TempDir())
	_, err = home()
	require.ErrorContains(t, err, "run the tests inside the repository")
}

func TestEnviron(t *testing.T) {
	t.Setenv("LAB_NET", "127.9.9")
	t.Setenv("LAB_IP2", "127.9.9.2")
	t.Setenv("LAB_SLOT", "3")
	t.Setenv("LAB_DEBUG", "2")
	l := New()
	l.dir, l.slot = "/nowhere", 40
	env := strings.Join(l.environ(), "\n") + "\n"
	require.NotContains(t, env, "127.9.9", "addresses must follow from the slot")
	require.NotContains(t, env, "LAB_SLOT=3\n")
	require.Contains(t, env, "LAB_DEBUG=2\n", "other settings pass through")
	require.Contains(t, env, "LAB_DIR=/nowhere\n")
	require.Contains(t, env, "LAB_SLOT=40\n")
}

// The guard stops and removes an instance when its pipe closes, and only then.
func TestGuard(t *testing.T) {
	for _, p := range []string{"bash", "ps", "awk"} {
		if !installed(p) {
			t.Skipf("%s is not installed", p)
		}
	}
	l := New()
	l.mu.Lock()
	l.open(t)
	l.mu.Unlock()
	dir := l.dir
	require.DirExists(t, dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "run", "x.pid"), nil, 0o644))
	require.Nil(t, l.guard.ProcessState, "the guard waits")
	l.Close()
	require.NoDirExists(t, dir)
	l.Close() // a second Close does nothing
}

func TestTail(t *testing.T) {
	f := filepath.Join(t.TempDir(), "log")
	require.Empty(t, tail(f, 10))
	require.NoError(t, os.WriteFile(f, []byte("0123456789abcdef"), 0o644))
	require.Equal(t, "cdef", tail(f, 4))
	require.Equal(t, "0123456789abcdef", tail(f, 100))
}

func TestSlotsDiffer(t *testing.T) {
	a, la, err := takeSlot()
	require.NoError(t, err)
	defer la.Close()
	b, lb, err := takeSlot()
	require.NoError(t, err)
	defer lb.Close()
	require.NotEqual(t, a, b)
}

func TestPorts(t *testing.T) {
	l := New()
	a, b := l.nextPort(t), l.nextPort(t)
	require.EqualValues(t, firstPort, a)
	require.EqualValues(t, a+2, b)
}

func TestBound(t *testing.T) {
	u, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	for _, c := range []struct {
		transport string
		addr      net.Addr
		close     func() error
	}{{"udp", u.LocalAddr(), u.Close}, {"tcp", l.Addr(), l.Close}} {
		at := netip.MustParseAddrPort(c.addr.String())
		ok, err := bound(c.transport, at)
		require.NoError(t, err)
		require.True(t, ok, c.transport)
		require.NoError(t, c.close())
		require.True(t, poll(time.Second, func() bool {
			ok, err := bound(c.transport, at)
			return err == nil && !ok
		}), "%s still bound after Close", c.transport)
	}
}
