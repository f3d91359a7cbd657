//go:build linux

package interop

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/tport"
)

// The library is a WebSocket client of kamailio (RFC 7118), in clear and over
// TLS, and a WebSocket server for curl.

// webUser is the configuration of one of the lab's users over WebSocket.
func webUser(t *testing.T, user, proto string) nua.Config {
	t.Helper()
	env := peers.Up(t, "kamailio-registrar")
	at := env.AddrPort(t, "REGISTRAR_"+strings.ToUpper(proto))
	cfg := labUser(user, user+"-secret", "lab.test", at, proto)
	pem, err := os.ReadFile(filepath.Join(env["LAB_CERTS"], "ca.pem"))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(pem))
	cfg.Agent.Transport.TLS = &tls.Config{RootCAs: pool}
	return cfg
}

func eachWebSocket(t *testing.T, f func(t *testing.T, proto string)) {
	for _, proto := range []string{"ws", "wss"} {
		t.Run(proto, func(t *testing.T) { f(t, proto) })
	}
}

// A phone registers over a WebSocket, is found there, and unregisters.
func TestWebSocketRegister(t *testing.T) {
	eachWebSocket(t, func(t *testing.T, proto string) {
		r := peers.RegistrarMD5()
		p := newPhone(t, webUser(t, "dave", proto), nil)
		reg, err := p.Register(within(t, patience), nua.RegisterConfig{Expires: 300 * time.Second})
		require.NoError(t, err)
		require.Equal(t, nua.Registered, reg.State())
		require.Equal(t, 2, p.tries(sent, "REGISTER"))
		for _, m := range p.all(sent, "REGISTER") {
			require.Equal(t, proto, m.proto)
			require.Contains(t, m.Message.String(), "\r\nVia: SIP/2.0/"+strings.ToUpper(proto)+" ")
		}
		contact := reg.Contact().URI
		require.True(t, strings.HasSuffix(contact.Host, ".invalid"), contact.Host)
		require.Equal(t, "ws", contact.Transport())
		table := r.Bindings(t, "dave")
		require.Len(t, table, 1)
		require.Contains(t, table[0].Address, contact.Host)
		at := peers.Up(t, "kamailio-registrar").AddrPort(t, "REGISTRAR_"+strings.ToUpper(proto))
		require.True(t, strings.HasSuffix(table[0].Socket, ":"+at.String()), table[0].Socket)
		require.NoError(t, reg.Refresh(within(t, patience)))
		require.Len(t, r.Bindings(t, "dave"), 1)
		require.NoError(t, reg.Unregister(within(t, patience)))
		require.Empty(t, r.Bindings(t, "dave"))
		require.EqualValues(t, 1, p.Agent().Transport().Stats().Dialled, "all on one connection")
	})
}

// One WebSocket phone calls another through kamailio; each of them hangs up once.
func TestWebSocketCall(t *testing.T) {
	eachWebSocket(t, func(t *testing.T, proto string) {
		dave := newPhone(t, webUser(t, "dave", proto), answering)
		reg, err := dave.Register(within(t, patience), nua.RegisterConfig{})
		require.NoError(t, err)
		alice := newPhone(t, webUser(t, "alice", proto), nil)
		callBothWays(t, alice, dave, nil)
		require.Contains(t, alice.all(sent, "INVITE")[0].Message.Body(), "\r\nc=IN IP4 127.0.")
		require.Contains(t, dave.all(sent, "200 INVITE")[0].Message.Body(), "\r\nc=IN IP4 127.0.")
		for _, p := range []*phone{dave, alice} {
			require.EqualValues(t, 1, p.Agent().Transport().Stats().Dialled)
		}
		require.NoError(t, reg.Unregister(within(t, patience)))
	})
}

// curl sees the upgrade and each refusal.
func TestWebSocketCurl(t *testing.T) {
	peers.Require(t, "curl")
	agent, err := nta.New(nta.Config{})
	require.NoError(t, err)
	t.Cleanup(func() { agent.Close() })
	p, err := agent.Listen(t.Context(), tport.Name{Proto: "ws", Host: "127.0.0.1", Path: "/sip"})
	require.NoError(t, err)
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: sip"}
	without := func(i int, more ...string) []string {
		return append(append(append([]string(nil), upgrade[:i]...), upgrade[i+1:]...), more...)
	}
	for _, c := range []struct {
		name, path, method string
		headers            []string
		status             string
	}{
		{"upgrade", "/sip", "GET", upgrade, "101"},
		{"plain", "/sip", "GET", nil, "426"},
		{"other path", "/", "GET", upgrade, "404"},
		{"POST", "/sip", "POST", upgrade, "405"},
		{"old version", "/sip", "GET", without(2, "Sec-WebSocket-Version: 8"), "426"},
		{"no key", "/sip", "GET", without(3), "400"},
		{"no subprotocol", "/sip", "GET", without(4), "400"},
		{"other subprotocol", "/sip", "GET", without(4, "Sec-WebSocket-Protocol: xmpp"), "400"},
		{"foreign page", "/sip", "GET", append(without(0), "Connection: Upgrade", "Origin: https://evil.example"), "403"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, curl(t, p.Addr(), c.path, c.method, c.headers), "HTTP/1.1 "+c.status+" ")
		})
	}
	head := curl(t, p.Addr(), "/sip", "GET", upgrade)
	require.Contains(t, head, "Sec-Websocket-Protocol: sip\r\n")
	require.Contains(t, head, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n")
}

// curl returns the head of the response.
func curl(t *testing.T, at netip.AddrPort, path, method string, headers []string) string {
	t.Helper()
	args := []string{"--silent", "--include", "--http1.1", "--max-time", "1", "--request", method}
	for _, h := range headers {
		args = append(args, "--header", h)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(within(t, patience), "curl", append(args, "http://"+at.String()+path)...)
	cmd.Stdout = &out
	_ = cmd.Run() // after a 101 it waits until its time is up
	return out.String()
}
