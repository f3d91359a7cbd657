package tport

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// mount serves pages and SIP at /sip of one HTTP server at bob.
func (v *virtual) mount(n *node, name Name) (*WebSocketHandler, netip.AddrPort) {
	v.t.Helper()
	h, err := n.WebSocketHandler(name)
	require.NoError(v.t, err)
	mux := http.NewServeMux()
	mux.Handle("/sip", h)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page") })
	return h, v.httpServer(mux.ServeHTTP)
}

// SIP over WebSocket and pages share one HTTP server of the user's.
func TestWebSocketHandler(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob, func(c *Config) { c.MaxFlows = 1 })
		h, at := v.mount(bob, Name{Proto: WS, Ident: "web"})
		require.Equal(t, []*Primary{h.Primary()}, bob.Primaries())
		require.False(t, h.Primary().Addr().IsValid())

		alice := v.node(v.alice)
		name := nameOf(WS, at)
		_, err := alice.Dial(context.Background(), name)
		var e *HTTPError
		require.ErrorAs(t, err, &e)
		require.Equal(t, 200, e.Status, "a page, not SIP")
		name.Path = "/sip"
		f, err := alice.Dial(context.Background(), name)
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		d, id := bob.next()
		require.Equal(t, "1", id)
		require.Same(t, h.Primary(), d.Flow.Primary())
		require.Equal(t, "web", d.Flow.Primary().Ident())
		require.Equal(t, at, d.To)
		require.Nil(t, d.TLS)
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		alice.next()

		// The limits are the transport's, and closing is not the server's.
		d.Flow.Hold()
		name.Fresh = true
		other, err := alice.Dial(context.Background(), name)
		require.NoError(t, err)
		<-other.Done()
		require.EqualValues(t, 1, bob.Stats().Turned)
		require.NoError(t, h.Primary().Close())
		_, err = alice.Dial(context.Background(), name)
		require.ErrorAs(t, err, &e)
		require.Equal(t, 503, e.Status)
		require.NoError(t, f.Send(parse(t, text("2", ""))), "the flow lives on")
		bob.next()
		require.NoError(t, bob.Close())
		get(t, alice.closed)
		_, err = bob.WebSocketHandler(Name{Proto: WS})
		require.ErrorIs(t, err, ErrClosed)
		_, err = bob.WebSocketHandler(Name{Proto: TCP})
		require.ErrorIs(t, err, ErrNoTransport)
		_, err = bob.WebSocketHandler(Name{Proto: WS, Host: "example.com"})
		require.ErrorIs(t, err, ErrNotNumeric)
	})
}

// TLS is the server's; what the peer has proved comes with each message.
func TestWebSocketHandlerTLS(t *testing.T) {
	ca := newAuthority(t, "web")
	bob := realNode(t)
	h, err := bob.WebSocketHandler(Name{Proto: WSS, Host: "127.0.0.1", Port: 443})
	require.NoError(t, err)
	require.Equal(t, netip.MustParseAddrPort("127.0.0.1:443"), h.Primary().Addr())
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = true
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{ca.address("127.0.0.1")}, ClientCAs: ca.pool(), ClientAuth: tls.VerifyClientCertIfGiven,
	}
	server.StartTLS()
	defer server.Close()
	at := addrPortOf(server.Listener.Addr())
	mine := ca.issue(func(c *x509.Certificate) { c.URIs = uris(t, "sip:alice.example") })
	alice := realNode(t, trusting(ca, func(c *tls.Config) { c.Certificates = []tls.Certificate{mine} }))
	f := alice.dial(WSS, at)
	require.NoError(t, f.Send(parse(t, text("1", ""))))
	d, _ := bob.next()
	require.NotNil(t, d.TLS)
	require.Equal(t, []string{"alice.example"}, d.Identities)
	require.True(t, d.Flow.Secure())
	require.NoError(t, d.Flow.Send(parse(t, refusal)))
	alice.next()
	require.NoError(t, d.Flow.Close())
	get(t, alice.closed)

	// HTTP/2 has no upgrade; that is said, and nothing breaks.
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	require.Equal(t, 2, resp.ProtoMajor)
	require.Equal(t, http.StatusHTTPVersionNotSupported, resp.StatusCode)
	resp.Body.Close()
}

// A server whose ResponseWriter cannot be hijacked says so.
func TestWebSocketHandlerWithoutHijack(t *testing.T) {
	bob := realNode(t)
	h, err := bob.WebSocketHandler(Name{Proto: WS})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(upgradeRequest)))
	require.NoError(t, err)
	r.Header.Del("Origin")
	h.ServeHTTP(w, r)
	require.Equal(t, http.StatusNotImplemented, w.Code)
}

// Close while upgrades are under way leaves nothing.
func TestWebSocketHandlerClosing(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob, anyOrigin)
		_, at := v.mount(bob, Name{Proto: WS})
		var conns []net.Conn
		for range 20 {
			c := v.connect(at)
			conns = append(conns, c)
			go write(t, c, "GET /sip HTTP"+upgradeRequest[len("GET / HTTP"):])
		}
		go bob.Close()
		synctest.Wait()
		for _, c := range conns {
			c.Close()
		}
		synctest.Wait()
		require.Zero(t, bob.Stats().Flows)
	})
}
