package tport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func TestWSSExchange(t *testing.T) {
	ca := newAuthority(t, "web")
	onRealNet(t, func(t *testing.T, host string) {
		bob := realNode(t, serving(ca.address(host)))
		alice := realNode(t, trusting(ca))
		at := bob.listen(WSS, host, 0).Addr()
		f := alice.dial(WSS, at)
		exchange(t, alice, bob, f, at)
		require.Equal(t, WSS, f.Proto())
		require.True(t, f.Reliable())
		require.Equal(t, host, f.Key().Name)
	})
}

// A WebSocket server proves its name as a web server does, not as a SIP domain
// (RFC 7118 section 9.1), and only HTTP/1.1 is offered below.
func TestWSSIsWeb(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "web")
		wild := ca.issue(func(c *x509.Certificate) { c.DNSNames = []string{"*.example.com"} })
		bob := v.node(v.bob, serving(wild, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }))
		at := bob.listen(WSS, "198.51.100.1", 443).Addr()
		alice := v.node(v.alice, trusting(ca, func(c *tls.Config) { c.NextProtos = []string{"h2"} }))
		name := nameOf(WSS, at)
		name.ServerName = "sip.example.com"
		f, err := alice.Dial(context.Background(), name)
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		d, id := bob.next()
		require.Equal(t, "1", id)
		require.Equal(t, "http/1.1", d.TLS.NegotiatedProtocol)
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		alice.next()

		name.ServerName = "sip.example.net"
		_, err = alice.Dial(context.Background(), name)
		require.ErrorIs(t, err, ErrUntrusted)
	})
}

// However the octets under TLS are cut, the messages come; and programs made
// with other libraries talk to us, both ways round.
func TestWSSWithOthers(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "web")
		bob := v.node(v.bob, anyOrigin, serving(ca.address("198.51.100.1")))
		at := bob.listen(WSS, "198.51.100.1", 443).Addr()
		c := tls.Client(v.connect(at), &tls.Config{RootCAs: ca.pool(), ServerName: "198.51.100.1"})
		// All in one record, with more behind the request than is read at once.
		write(t, c, upgradeRequest+masked(0x81, text("1", pad(6000)))+masked(0x81, text("2", ""))+masked(0x89, "x"))
		readSwitch(t, c)
		for _, want := range []string{"1", "2"} {
			d, id := bob.next()
			require.NoError(t, d.Err)
			require.Equal(t, want, id)
			require.NotNil(t, d.TLS)
		}
		expect(t, c, wsFrame(0x8a, "", "x"))
		for _, octet := range []byte(masked(0x81, text("3", ""))) {
			write(t, c, string([]byte{octet}))
		}
		_, id := bob.next()
		require.Equal(t, "3", id)
		_ = c.Close()
		get(t, bob.closed)

		transport := &http.Transport{DialContext: v.alice.DialContext, TLSClientConfig: &tls.Config{RootCAs: ca.pool()}}
		ws, _, err := websocket.Dial(context.Background(), "wss://"+at.String()+"/", &websocket.DialOptions{
			HTTPClient: &http.Client{Transport: transport}, Subprotocols: []string{"sip"},
		})
		require.NoError(t, err)
		exchangeWithCoder(t, bob, ws)
		transport.CloseIdleConnections()
	})
}
