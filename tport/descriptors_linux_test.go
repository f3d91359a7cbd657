package tport

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fewEnv makes this program the server of TestFullDescriptorTable.
const fewEnv = "SOFIA_FEW_DESCRIPTORS"

// A program whose descriptors are used up serves every newcomer, at the cost of
// those who have been idle for longest.
func TestFullDescriptorTable(t *testing.T) {
	server := exec.Command(os.Args[0], "-test.run=^TestFewDescriptors$", "-test.v")
	server.Env = append(os.Environ(), fewEnv+"=60")
	in, err := server.StdinPipe()
	require.NoError(t, err)
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	defer server.Process.Kill()
	lines := bufio.NewScanner(out)
	value := func(name string) string {
		for lines.Scan() {
			if v, ok := strings.CutPrefix(lines.Text(), name+"="); ok {
				return v
			}
		}
		require.FailNow(t, "the server has ended")
		return ""
	}
	at := value("at")
	var peers []net.Conn
	for i := range 200 {
		c, err := net.Dial("tcp", at)
		require.NoError(t, err)
		defer c.Close()
		peers = append(peers, c)
		require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
		m := text(fmt.Sprint(i), "")
		write(t, c, m)
		expect(t, c, m)
	}
	// The last ones are still there, the first are not.
	write(t, peers[199], text("again", ""))
	expect(t, peers[199], text("again", ""))
	_, err = peers[0].Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, in.Close())
	var accepted, shed, full int
	_, err = fmt.Sscan(value("stats"), &accepted, &shed, &full)
	require.NoError(t, err)
	require.Equal(t, 200, accepted)
	require.Greater(t, shed, 140)
	require.Greater(t, full, 100)
	require.NoError(t, server.Wait())
}

// TestFewDescriptors is the server of TestFullDescriptorTable.
func TestFewDescriptors(t *testing.T) {
	if os.Getenv(fewEnv) == "" {
		t.Skip("a part of TestFullDescriptorTable")
	}
	bob := realNode(t, func(c *Config) {
		c.Trace, c.Failed = nil, nil
		c.Deliver = func(d *Delivery) { _ = d.Flow.Send(d.Msg) }
	})
	at := bob.listen(TCP, "127.0.0.1", 0).Addr()
	few := syscall.Rlimit{Cur: 60, Max: 60}
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
	fmt.Printf("at=%s\n", at)
	_, _ = io.Copy(io.Discard, os.Stdin)
	s := bob.Stats()
	fmt.Printf("stats=%d %d %d\n", s.Accepted, s.Shed, s.NoDescriptors)
}
