package nta

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// selfSigned is a certificate for names, and the pool that trusts it.
func selfSigned(t *testing.T, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// bare makes an agent that listens on nothing.
func (w *world) bare(name, addr string, change ...func(*Config)) *Agent {
	w.t.Helper()
	host := w.net.MustHost(name, addr)
	cfg := Config{
		Transport: tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext, DialFrom: host.DialFrom},
		Resolver: sresolv.New(sresolv.Config{
			Transports: []string{"udp", "tcp", "tls", "ws", "wss"}, LookupNetIP: host.LookupNetIP,
		}),
	}
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(cfg)
	require.NoError(w.t, err)
	w.agents = append(w.agents, a)
	return a
}

// must-list W02: Via says WS or WSS, the URI says transport=ws for both, and a
// client has a host that nobody can look up. RFC 7118 section 8.
func TestW02WebSocketClient(t *testing.T) {
	for proto, uri := range map[string]string{"ws": "sip:proxy.example.com;transport=ws", "wss": "sips:proxy.example.com;transport=ws"} {
		t.Run(proto, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				t := w.t
				cert, trusted := selfSigned(t, "proxy.example.com")
				seen := make(chan *Incoming, 10)
				server := w.bare("proxy.example.com", "192.0.2.10", func(c *Config) {
					c.Transport.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
					c.Serve = func(in *Incoming) { seen <- in; in.Reply(200) }
				})
				port := map[string]uint16{"ws": 80, "wss": 443}[proto]
				_, err := server.Listen(t.Context(), tport.Name{Proto: proto, Host: "192.0.2.10", Port: port})
				require.NoError(t, err)
				client := w.bare("client", "192.0.2.1", func(c *Config) {
					c.Transport.TLS = &tls.Config{RootCAs: trusted}
				})
				to, err := sip.ParseURI(uri)
				require.NoError(t, err)
				contact := client.Contact("alice", proto)
				send := func(method string) {
					t.Helper()
					aor := sip.NameAddr{URI: sip.URI{Scheme: to.Scheme, User: "alice", Host: "example.com"}}
					req, err := sip.NewRequest(method, to, sip.From.Set(aor.WithTag(client.NewTag())), sip.To.Set(aor),
						sip.CallID.Text(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: method}), sip.Contact.Set(contact))
					require.NoError(t, err)
					o, err := client.Send(req, SendConfig{})
					require.NoError(t, err)
					resp, err := o.Final(t.Context())
					require.NoError(t, err)
					require.Equal(t, 200, resp.Status())
				}
				send("REGISTER")
				in := <-seen
				via := in.Request().TopVia()
				require.Equal(t, strings.ToUpper(proto), via.Transport)
				require.True(t, strings.HasSuffix(via.Host, ".invalid"), via.Host)
				require.Zero(t, via.Port)
				require.NotContains(t, string(via.Params), "rport")
				c, _, err := sip.Contact.Get(in.Request())
				require.NoError(t, err)
				require.Equal(t, via.Host, c.URI.Host)
				require.Equal(t, "ws", c.URI.Transport())
				require.Equal(t, "sip:alice@"+via.Host+";transport=ws", c.URI.String())
				require.Equal(t, c.URI, client.ContactOn("alice", mustFlow(t, client)).URI)
				require.True(t, client.here(c.URI, nil))
				// The same connection, and the same host.
				send("OPTIONS")
				again := <-seen
				require.Equal(t, in.Flow().Key(), again.Flow().Key())
				require.Equal(t, via.Host, again.Request().TopVia().Host)
				// Also where a server has recorded itself with transport=ws, which
				// stands for both.
				to, err = sip.ParseURI("sip:proxy.example.com:" + strconv.Itoa(int(port)) + ";transport=ws")
				require.NoError(t, err)
				send("MESSAGE")
				again = <-seen
				require.Equal(t, in.Flow().Key(), again.Flow().Key())
			})
		})
	}
}

// mustFlow is the one connection of an agent.
func mustFlow(t *testing.T, a *Agent) *tport.Flow {
	t.Helper()
	var f *tport.Flow
	for _, proto := range []string{"ws", "wss"} {
		port := map[string]uint16{"ws": 80, "wss": 443}[proto]
		if g, ok := a.tp.Ready(tport.Name{Proto: proto, Host: "192.0.2.10", Port: port, ServerName: "proxy.example.com"}); ok {
			f = g
		}
	}
	require.NotNil(t, f)
	return f
}

// A call from a WebSocket client: what the other side sends in the dialog goes
// back on the connection, since the Contact leads nowhere.
func TestWebSocketCall(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		t := w.t
		legs := make(chan *Leg, 10)
		server := w.bare("server", "192.0.2.10", func(c *Config) {
			c.Serve = func(in *Incoming) {
				leg, err := in.Dialog(LegConfig{})
				require.NoError(t, err)
				in.Async()
				require.NoError(t, in.Reply(200, sip.Contact.Set(in.Agent().ContactOn("bob", in.Flow()))))
				_, err = in.Ack(in.Context())
				require.NoError(t, err)
				legs <- leg
			}
		})
		_, err := server.Listen(t.Context(), tport.Name{Proto: "ws", Host: "192.0.2.10", Port: 8080})
		require.NoError(t, err)
		ended := make(chan string, 10)
		client := w.bare("client", "192.0.2.1")
		to, err := sip.ParseURI("sip:bob@192.0.2.10:8080;transport=ws")
		require.NoError(t, err)
		call := func() *Leg {
			from := client.Contact("alice", "ws")
			req, err := sip.NewRequest("INVITE", to, sip.From.Set(from.WithTag(client.NewTag())), sip.To.Set(sip.NameAddr{URI: to}),
				sip.CallID.Text(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "INVITE"}), sip.Contact.Set(from))
			require.NoError(t, err)
			o, err := client.Send(req, SendConfig{})
			require.NoError(t, err)
			resp, err := o.Final(t.Context())
			require.NoError(t, err)
			contact, _, err := sip.Contact.Get(resp)
			require.NoError(t, err)
			require.Equal(t, "sip:bob@192.0.2.10:8080;transport=ws", contact.URI.String())
			leg, err := o.Dialog(resp, LegConfig{Serve: func(in *Incoming) {
				ended <- in.Request().Method()
				in.Reply(200)
			}})
			require.NoError(t, err)
			client.Step(leg.CallID(), func(s *Step) { require.NoError(t, leg.Ack(s, resp)) })
			return leg
		}
		mine := call()
		theirs := <-legs
		bye, err := theirs.Send("BYE")
		require.NoError(t, err)
		resp, err := bye.Final(t.Context())
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
		require.Equal(t, "BYE", <-ended)
		via := sip.Request{Message: resp.Msg()}.TopVia()
		require.Equal(t, "192.0.2.10", via.Host)
		require.Equal(t, uint16(8080), via.Port)
		theirs.End()
		mine.End()

		// Without the connection there is no way, and nobody is asked for one.
		mine, theirs = call(), <-legs
		f, ok := client.tp.Ready(tport.Name{Proto: "ws", Host: "192.0.2.10", Port: 8080, ServerName: "192.0.2.10"})
		require.True(t, ok)
		require.NoError(t, f.Close())
		synctest.Wait()
		start := time.Now()
		bye, err = theirs.Send("BYE")
		require.NoError(t, err)
		_, err = bye.Final(t.Context())
		require.ErrorIs(t, err, sresolv.ErrNotFound)
		require.Zero(t, time.Since(start))
		theirs.End()
		mine.End()
	})
}

// A transport of the user's own carries transactions: an OPTIONS over a Unix
// socket, where there are no IP addresses at all.
func TestOwnTransport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sip.sock")
	own := []tport.Protocol{{
		Name: "local",
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
		Listen: func(ctx context.Context, _, _ string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "unix", path)
		},
	}}
	seen := make(chan *Incoming, 1)
	server, err := New(Config{
		Transport: tport.Config{Protocols: own}, Aliases: []string{"server.example"},
		Serve: func(in *Incoming) { seen <- in; in.Reply(200) },
	})
	require.NoError(t, err)
	defer server.Close()
	_, err = server.Listen(t.Context(), tport.Name{Proto: "local", Host: path})
	require.NoError(t, err)
	client, err := New(Config{Transport: tport.Config{Protocols: own}, Aliases: []string{"client.example"}})
	require.NoError(t, err)
	defer client.Close()
	to, err := sip.ParseURI("sip:bob@192.0.2.7;transport=local")
	require.NoError(t, err)
	req, err := sip.NewRequest("OPTIONS", to, sip.From.Set(sip.NameAddr{URI: to}.WithTag("1")), sip.To.Set(sip.NameAddr{URI: to}),
		sip.CallID.Text(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	o, err := client.Send(req, SendConfig{})
	require.NoError(t, err)
	resp, err := o.Final(ctx)
	require.NoError(t, err)
	require.Equal(t, 200, resp.Status())
	via := (<-seen).Request().TopVia()
	require.Equal(t, "LOCAL", via.Transport)
	require.Equal(t, "client.example", via.Host)
	require.NotContains(t, string(via.Params), "received")
}

// Whether a transaction repeats itself is the transport's word, not its name's.
func TestOwnReliablePackets(t *testing.T) {
	for _, reliable := range []bool{true, false} {
		bubble(t, simnet.Config{}, func(w *world) {
			t := w.t
			p := w.peer("peer", "192.0.2.9")
			client := w.bare("client", "192.0.2.1", func(c *Config) {
				listen := c.Transport.ListenPacket
				c.Transport.Protocols = []tport.Protocol{{
					Name: "tunnel", Reliable: reliable,
					ListenPacket: func(ctx context.Context, _, address string) (net.PacketConn, error) {
						return listen(ctx, "udp4", address)
					},
				}}
				c.Resolver = sresolv.New(sresolv.Config{Transports: []string{"tunnel"}})
			})
			_, err := client.Listen(t.Context(), tport.Name{Proto: "tunnel", Host: "192.0.2.1", Port: 5060})
			require.NoError(t, err)
			to, err := sip.ParseURI("sip:192.0.2.9;transport=tunnel")
			require.NoError(t, err)
			req, err := sip.NewRequest("OPTIONS", to, sip.From.Set(sip.NameAddr{URI: to}.WithTag("1")), sip.To.Set(sip.NameAddr{URI: to}),
				sip.CallID.Text(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}),
				sip.Subject.Text(strings.Repeat("x", 1000)))
			require.NoError(t, err)
			o, err := client.Send(req, SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(t.Context())
			var failed *TransactionError
			require.ErrorAs(t, err, &failed)
			require.ErrorIs(t, err, ErrTimeout)
			got := p.all()
			if reliable {
				require.Len(t, got, 1)
			} else {
				require.Greater(t, len(got), 5)
			}
			require.Greater(t, len(got[0].text), DefaultMTU)
			require.Contains(t, got[0].text, "SIP/2.0/TUNNEL 192.0.2.1", "of any size: it goes nowhere else")
		})
	}
}

// The messages of RFC 7118 section 8, as they stand there: a browser registers,
// and gets the BYE of another on the connection.
func TestRFC7118Examples(t *testing.T) {
	const register = `REGISTER sip:proxy.example.com SIP/2.0
Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKasudf
From: sip:alice@example.com;tag=65bnmj.34asd
To: sip:alice@example.com
Call-ID: aiuy7k9njasd
CSeq: 1 REGISTER
Max-Forwards: 70
Supported: path, outbound, gruu
Contact: <sip:alice@df7jal23ls0d.invalid;transport=ws>
  ;reg-id=1
  ;+sip.instance="<urn:uuid:f81-7dec-14a06cf1>"

`
	const bye = `BYE sip:alice@example.com;gr=urn:uuid:f81-7dec-14a06cf1;ob SIP/2.0
Via: SIP/2.0/UDP 203.0.113.22;branch=z9hG4bKbiuiansd001
Route: <sip:proxy.example.com;transport=udp;lr>,
  <sip:h7kjh12s@proxy.example.com:443;transport=ws;lr>
From: sip:bob@example.com;tag=bmqkjhsd
To: sip:alice@example.com;tag=asdyka899
Call-ID: asidkj3ss
CSeq: 1201 BYE
Max-Forwards: 70

`
	text := func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }
	bubble(t, simnet.Config{}, func(w *world) {
		t := w.t
		cert, trusted := selfSigned(t, "proxy.example.com")
		seen := make(chan *Incoming, 10)
		server := w.bare("proxy.example.com", "192.0.2.10", func(c *Config) {
			c.Transport.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
			c.Serve = func(in *Incoming) { seen <- in; in.Reply(200) }
		})
		_, err := server.Listen(t.Context(), tport.Name{Proto: "wss", Host: "192.0.2.10", Port: 443})
		require.NoError(t, err)
		host := w.net.MustHost("browser", "192.0.2.1")
		got := make(chan *tport.Delivery, 10)
		browser, err := tport.New(tport.Config{
			Class: sip.Class(), Dial: host.DialContext, TLS: &tls.Config{RootCAs: trusted},
			Deliver: func(d *tport.Delivery) { got <- d },
		})
		require.NoError(t, err)
		f, err := browser.Dial(t.Context(), tport.Name{Proto: "wss", Host: "192.0.2.10", Port: 443, ServerName: "proxy.example.com"})
		require.NoError(t, err)
		m, err := sip.Parse(text(register))
		require.NoError(t, err, "F3")
		require.NoError(t, f.Send(m))
		in := <-seen
		require.Equal(t, text(register), in.Request().String(), "nothing is added: section 5.3")
		answer := <-got
		require.NoError(t, answer.Err)
		resp, ok := sip.AsResponse(answer.Msg)
		require.True(t, ok)
		require.Equal(t, 200, resp.Status(), "F4")
		require.Equal(t, "SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKasudf", resp.TopVia().String())

		// F9: the proxy hands on what Bob sent, on the flow of the registration.
		m, err = sip.Parse(text(bye))
		require.NoError(t, err, "F8")
		o, err := server.Send(sip.Request{Message: m}, SendConfig{Flow: in.Flow()})
		require.NoError(t, err)
		d := <-got
		require.NoError(t, d.Err)
		req := sip.Request{Message: d.Msg}
		require.Equal(t, "SIP/2.0/WSS 192.0.2.10:443", strings.Split(req.TopVia().String(), ";")[0])
		reply, err := sip.NewResponse(req, 200)
		require.NoError(t, err)
		require.NoError(t, f.Send(reply.Message), "F10")
		final, err := o.Final(t.Context())
		require.NoError(t, err)
		require.Equal(t, 200, final.Status(), "F11")
		require.NoError(t, browser.Close())
	})
}
