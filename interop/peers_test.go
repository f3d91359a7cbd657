//go:build linux

package interop

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
)

// The tests of this file need no code of the library: they prove that the
// peers work and that the harness notices when they do not.

func TestPeersSIPpPair(t *testing.T) {
	for _, transport := range []string{"udp", "tcp"} {
		t.Run(transport, func(t *testing.T) {
			uas := peers.StartSIPp(t, lab.SIPp{Side: lab.UAS, Scenario: "uas_basic", Transport: transport})
			peers.RunSIPp(t, lab.SIPp{Side: lab.UAC, Scenario: "uac_basic", Transport: transport, Target: uas.Addr})
			uas.Wait(t)
		})
	}
}

// A scenario whose peer answers something else must fail, with the messages.
func TestPeersSIPpNotices(t *testing.T) {
	uas := peers.StartSIPp(t, lab.SIPp{Side: lab.UAS, Scenario: "uas_486"})
	fake := &recorder{TB: t}
	run := peers.StartSIPp(t, lab.SIPp{Side: lab.UAC, Scenario: "uac_basic", Target: uas.Addr})
	fake.run(func() { run.Wait(fake) })
	require.True(t, fake.failed)
	require.Contains(t, fake.log, "486 Busy Here")
	require.Contains(t, fake.log, "uac_basic")
}

func TestPeersKamailioAnswersOptions(t *testing.T) {
	env := peers.Up(t, "kamailio-registrar")
	resp := exchange(t, env.AddrPort(t, "REGISTRAR_UDP"), "OPTIONS", "sip:"+env["LAB_DOMAIN"])
	require.Equal(t, "SIP/2.0 200 OK", resp.line)
	require.Equal(t, "1 OPTIONS", resp.Get("CSeq"))
	require.Contains(t, resp.Get("Via"), ";received=127.0.", "rport was asked for")
}

// SIPp registers, asks and removes; the location table follows.
func TestPeersKamailioLocationTable(t *testing.T) {
	env := peers.Up(t, "kamailio-registrar")
	require.Empty(t, peers.Bindings(t, "alice"))
	peers.RunSIPp(t, lab.SIPp{
		Side: lab.UAC, Scenario: "uac_register_keep", Target: env.AddrPort(t, "REGISTRAR_UDP"),
		Settings: []string{"LAB_SIPP_CONTACT=127.0.0.1:9"},
	})
	got := peers.Bindings(t, "alice")
	require.Len(t, got, 1)
	require.Contains(t, got[0].Address, "@127.0.0.1:9")
	require.InDelta(t, 60, got[0].Expires, 5)
	_, err := peers.RPC(t, "ul.rm", "location", "alice")
	require.NoError(t, err)
	require.Empty(t, peers.Bindings(t, "alice"))
}

func TestPeersBaresipAnswers(t *testing.T) {
	peers.Up(t, "kamailio-registrar")
	bare := peers.Baresip(t)
	lab.Eventually(t, 20*time.Second, "baresip registers as bob", func() bool {
		return len(peers.Bindings(t, "bob")) == 1
	})
	env := peers.Up(t, "baresip")
	peers.RunSIPp(t, lab.SIPp{
		Side: lab.UAC, Scenario: "uac_basic", Target: env.AddrPort(t, "BARESIP_UDP"),
		Settings: []string{"LAB_SIPP_CALLEE=bob"},
	})
	require.Equal(t, "incoming", bare.Wait(5*time.Second, "CALL_ESTABLISHED").Direction)
	bare.Wait(5*time.Second, "CALL_CLOSED")
}

func TestPeersBaresipDials(t *testing.T) {
	bare := peers.Baresip(t)
	uas := peers.StartSIPp(t, lab.SIPp{Side: lab.UAS, Scenario: "uas_basic"})
	bare.Do("dial", fmt.Sprintf("sip:service@%s", uas.Addr))
	bare.Wait(10*time.Second, "CALL_ESTABLISHED")
	bare.Do("hangup")
	uas.Wait(t)
}

// A service restarted with other settings behaves by them, and the default
// comes back afterwards.
func TestPeersBaresipRings(t *testing.T) {
	t.Run("manual", func(t *testing.T) {
		env := peers.UpWith(t, "baresip", "LAB_BARESIP_ANSWER=manual")
		peers.RunSIPp(t, lab.SIPp{
			Side: lab.UAC, Scenario: "uac_cancel", Target: env.AddrPort(t, "BARESIP_UDP"),
			Settings: []string{"LAB_SIPP_CALLEE=bob"},
		})
	})
	env := peers.Up(t, "baresip")
	peers.RunSIPp(t, lab.SIPp{
		Side: lab.UAC, Scenario: "uac_basic", Target: env.AddrPort(t, "BARESIP_UDP"),
		Settings: []string{"LAB_SIPP_CALLEE=bob"},
	})
}

func TestPeersLinphone(t *testing.T) {
	peers.Up(t, "kamailio-registrar")
	phone := peers.Linphone(t)
	lab.Eventually(t, 20*time.Second, "linphonec registers as carol", func() bool {
		return len(peers.Bindings(t, "carol")) == 1
	})
	phone.Do("status register")
	phone.Wait(10*time.Second, `registered, identity=`)
	env := peers.Up(t, "linphonec")
	peers.RunSIPp(t, lab.SIPp{
		Side: lab.UAC, Scenario: "uac_basic", Target: env.AddrPort(t, "LINPHONE_UDP"),
		Settings: []string{"LAB_SIPP_CALLEE=carol"},
	})
}

// A response is what a raw socket reads of one.
type response struct {
	line string
	textproto.MIMEHeader
}

// exchange sends one request from a plain UDP socket and returns the final
// response. It sends once: loopback loses nothing.
func exchange(t *testing.T, to netip.AddrPort, method, uri string) response {
	t.Helper()
	conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(peers.Addr(t)))
	require.NoError(t, err)
	defer conn.Close()
	local := conn.LocalAddr()
	request := strings.ReplaceAll(fmt.Sprintf(`%[1]s %[2]s SIP/2.0
Via: SIP/2.0/UDP %[3]s;branch=z9hG4bK-raw-1;rport
Max-Forwards: 70
From: <sip:raw@%[3]s>;tag=raw
To: <%[2]s>
Call-ID: raw-1@%[3]s
CSeq: 1 %[1]s
Contact: <sip:raw@%[3]s>
Content-Length: 0

`, method, uri, local), "\n", "\r\n")
	_, err = conn.WriteToUDPAddrPort([]byte(request), to)
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(5*time.Second)))
	buf := make([]byte, 65536)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		require.NoError(t, err, "no final response from %s", to)
		require.Equal(t, to, from)
		r := textproto.NewReader(bufio.NewReader(strings.NewReader(string(buf[:n]))))
		line, err := r.ReadLine()
		require.NoError(t, err)
		if strings.HasPrefix(line, "SIP/2.0 1") {
			continue
		}
		h, err := r.ReadMIMEHeader()
		require.NoError(t, err)
		return response{line, h}
	}
}

// A recorder is a testing.TB that remembers a failure instead of failing.
type recorder struct {
	testing.TB
	failed bool
	log    string
}

func (r *recorder) Helper()                           {}
func (r *recorder) Logf(format string, args ...any)   { r.log += fmt.Sprintf(format, args...) }
func (r *recorder) Errorf(format string, args ...any) { r.Logf(format, args...); r.failed = true }
func (r *recorder) Fatalf(format string, args ...any) { r.Errorf(format, args...); r.FailNow() }
func (r *recorder) FailNow()                          { r.failed = true; panic(stop{}) }
func (r *recorder) Failed() bool                      { return r.failed }

// stop ends a recorded test.
type stop struct{}

func (r *recorder) run(f func()) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(stop); !ok {
				panic(p)
			}
		}
	}()
	f()
}
