//go:build linux

package interop

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// options is a request that Wireshark takes for one.
const options = "OPTIONS sip:bob@example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
	"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\n" +
	"Call-ID: capture@example.com\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

// tshark returns the fields of the packets of a capture, one line for each.
func tshark(t *testing.T, capture []byte, args ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "capture.pcapng")
	require.NoError(t, os.WriteFile(file, capture, 0o600))
	cmd := exec.CommandContext(t.Context(), "tshark", append([]string{"-n", "-r", file,
		"-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

// What a PCAP writes Wireshark reads: real messages over UDP and TCP with their
// addresses, and what was inside TLS and WebSocket.
func TestCaptureIsReadByWireshark(t *testing.T) {
	peers.Require(t, "tshark")
	var out bytes.Buffer
	capture, err := tport.NewPCAP(&out, tport.PCAPConfig{})
	require.NoError(t, err)
	trace := capture.Trace()
	pair := func(network, host string) {
		got := make(chan *tport.Delivery, 1)
		server, err := tport.New(tport.Config{Class: sip.Class(), Deliver: func(d *tport.Delivery) { got <- d }})
		require.NoError(t, err)
		defer server.Close()
		p, err := server.Listen(t.Context(), tport.Name{Proto: network, Host: host})
		require.NoError(t, err)
		client, err := tport.New(tport.Config{Class: sip.Class(), Deliver: func(*tport.Delivery) {}, Trace: trace})
		require.NoError(t, err)
		defer client.Close()
		if network == "udp" {
			_, err = client.Listen(t.Context(), tport.Name{Proto: network, Host: host})
			require.NoError(t, err)
		}
		m, err := msg.Parse(sip.Class(), options, msg.Limits{})
		require.NoError(t, err)
		_, err = client.Send(t.Context(), tport.Name{Proto: network, Host: host, Port: p.Addr().Port()}, m)
		require.NoError(t, err)
		<-got
	}
	pair("udp", "127.0.0.1")
	pair("udp", "::1")
	pair("tcp", "127.0.0.1")
	pair("tcp", "::1")
	for _, proto := range []string{"tls", "ws", "wss"} {
		for _, host := range []string{"192.0.2.1", "2001:db8::1"} {
			at := netip.AddrPortFrom(netip.MustParseAddr(host), 5061)
			trace.Octets(&tport.Octets{At: time.Now(), Key: tport.Key{Proto: proto, Local: at, Remote: at}, Text: []byte(options)})
		}
	}
	// A message that takes several segments of TCP is put together again.
	at := netip.MustParseAddrPort("192.0.2.1:5060")
	long := strings.Replace(options, "Content-Length: 0\r\n\r\n", "Content-Length: 100000\r\n\r\n"+strings.Repeat("x", 100000), 1)
	trace.Octets(&tport.Octets{At: time.Now(), Key: tport.Key{Proto: "tcp", Local: at, Remote: at}, Text: []byte(long)})
	require.NoError(t, capture.Close(t.Context()))

	fields := tshark(t, out.Bytes(), "-Y", "sip", "-T", "fields", "-E", "separator=|",
		"-e", "ip.dst", "-e", "ipv6.dst", "-e", "exported_pdu.ipv4_src", "-e", "exported_pdu.ipv6_src", "-e", "sip.Method", "-e", "sip.Call-ID")
	const what = "|OPTIONS|capture@example.com"
	const inside4, inside6 = "192.0.2.1||192.0.2.1|" + what, "|2001:db8::1||2001:db8::1" + what
	require.Equal(t, []string{
		"127.0.0.1|||" + what, "|::1||" + what, "127.0.0.1|||" + what, "|::1||" + what,
		inside4, inside6, inside4, inside6, inside4, inside6,
		"192.0.2.1|||" + what,
	}, fields)
	bad := tshark(t, out.Bytes(), "-Y", "udp.checksum.status==0 || tcp.checksum.status==0 || ip.checksum.status==0 || _ws.malformed || tcp.analysis.flags")
	require.Equal(t, []string{""}, bad)
}

// collector is a kamailio that takes HEP and prints what it understood.
const collector = `#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_text.so"
loadmodule "sipcapture.so"
modparam("sipcapture", "db_url", "text://DIR/db")
modparam("sipcapture", "capture_on", 1)
modparam("sipcapture", "hep_capture_on", 1)
request_route {
	xlog("L_ALERT", "CAPTURED $si|$sp|$rm|$ci\n");
	drop;
}
`

// What a HEP sends kamailio's sipcapture understands. (It does not take HEP
// over TCP; the octets are the same.)
func TestHEPToKamailio(t *testing.T) {
	peers.Require(t, "kamailio")
	for _, c := range []struct{ host, local, remote, want string }{
		{"127.0.0.1", "192.0.2.1:5060", "198.51.100.1:5061", "CAPTURED 192.0.2.1|5060|OPTIONS|capture@example.com"},
		{"[::1]", "[2001:db8::1]:5060", "[2001:db8::2]:5061", "CAPTURED 2001:db8::1|5060|OPTIONS|capture@example.com"},
	} {
		t.Run(c.host, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "db"), 0o700))
			file := filepath.Join(dir, "collector.cfg")
			require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(collector, "DIR", dir)), 0o600))
			probe, err := net.ListenPacket("udp", c.host+":0")
			require.NoError(t, err)
			at := probe.LocalAddr().String()
			require.NoError(t, probe.Close())

			cmd := exec.CommandContext(t.Context(), "kamailio", "-f", file, "-DD", "-E", "-m", "16", "-Y", dir, "-l", "udp:"+at)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
			cmd.WaitDelay = patience
			stderr, err := cmd.StderrPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			lines := make(chan string, 1024)
			go func() {
				defer close(lines)
				for in := bufio.NewScanner(stderr); in.Scan(); {
					lines <- in.Text()
				}
			}()
			defer func() {
				_ = cmd.Cancel()
				for range lines {
				}
				_ = cmd.Wait()
			}()

			hep, err := tport.NewHEP(tport.HEPConfig{Network: "udp", Address: at, ID: 2001, Key: "key", Node: "edge"})
			require.NoError(t, err)
			defer hep.Close(context.Background())
			o := &tport.Octets{At: time.Now(), Out: true, Text: []byte(options), Key: tport.Key{
				Proto: "udp", Local: netip.MustParseAddrPort(c.local), Remote: netip.MustParseAddrPort(c.remote)}}
			again := time.NewTicker(100 * time.Millisecond) // until it listens
			defer again.Stop()
			var said []string
			for deadline := time.After(patience); ; {
				select {
				case <-again.C:
					hep.Trace().Octets(o)
				case line, ok := <-lines:
					if !ok {
						require.Fail(t, "kamailio ended", strings.Join(said, "\n"))
					}
					said = append(said, line)
					if strings.HasSuffix(strings.TrimSpace(line), c.want) {
						return
					}
				case <-deadline:
					require.Fail(t, "nothing captured", strings.Join(said, "\n"))
				}
			}
		})
	}
}
