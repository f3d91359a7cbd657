//go:build linux

package interop

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// kamailio answers our pings: a double CRLF over TCP and TLS (RFC 5626 section
// 4.4.1), a ping over WebSocket, and the connection stays.
func TestKeepAlive(t *testing.T) {
	env := peers.Up(t, "kamailio-registrar")
	for proto, key := range map[string]string{
		"tcp": "REGISTRAR_UDP", "tls": "REGISTRAR_TLS", "ws": "REGISTRAR_WS", "wss": "REGISTRAR_WSS",
	} {
		t.Run(proto, func(t *testing.T) {
			require.NotEmpty(t, env[key], "the registrar does not listen there")
			failed := make(chan error, 1)
			transport, err := tport.New(tport.Config{
				Class:     sip.Class(),
				TLS:       labTLS(t, "server"),
				KeepAlive: &tport.KeepAlive{Interval: 200 * time.Millisecond, Timeout: 2 * time.Second},
				Deliver:   func(*tport.Delivery) {},
				Failed:    func(_ *tport.Flow, err error) { failed <- err },
			})
			require.NoError(t, err)
			defer transport.Close()
			at := env.AddrPort(t, key)
			name := tport.Name{Proto: proto, Host: at.Addr().String(), Port: at.Port()}
			if proto == "tls" || proto == "wss" {
				name.ServerName = "lab.test"
			}
			f, err := transport.Dial(within(t, patience), name)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return transport.Stats().Pongs >= 10 }, patience, 10*time.Millisecond)
			require.NoError(t, f.Err())
			require.Empty(t, failed)
			require.Zero(t, transport.Stats().NoPong)
		})
	}
}
