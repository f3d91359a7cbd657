package tport

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Unix socket carries messages as TCP does, under a name of the user's.
func TestOwnStreams(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sip.sock")
	local := Protocol{
		Name:   "unix-sip",
		Secure: true,
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			require.Equal(t, "unix-sip", network)
			return new(net.Dialer).DialContext(ctx, "unix", address)
		},
		Listen: func(ctx context.Context, network, address string) (net.Listener, error) {
			require.Equal(t, "unix-sip", network)
			return new(net.ListenConfig).Listen(ctx, "unix", address)
		},
	}
	with := func(c *Config) { c.Protocols = []Protocol{local} }
	alice, bob := realNode(t, with), realNode(t, with)
	name := Name{Proto: "unix-sip", Host: path}
	p, err := bob.Listen(context.Background(), name)
	require.NoError(t, err)
	require.Equal(t, "unix-sip", p.Proto())
	require.False(t, p.Addr().IsValid())
	f, err := alice.Dial(context.Background(), name)
	require.NoError(t, err)
	require.True(t, f.Reliable())
	require.True(t, f.Secure())
	require.Equal(t, "unix-sip", f.Proto())
	again, err := alice.Dial(context.Background(), name)
	require.NoError(t, err)
	require.Same(t, f, again)
	ready, ok := alice.Ready(name)
	require.True(t, ok)
	require.Same(t, f, ready)
	exchangeOwn(t, alice, bob, f)
	require.Equal(t, []string{"tcp", "tls", "ws", "wss", "unix-sip"}, alice.Dialable())

	other := name
	other.Host += "2"
	_, err = alice.Dial(context.Background(), other)
	require.Error(t, err, "another socket is another peer")
	_, err = alice.Dial(context.Background(), Name{Proto: "unix-sip"})
	require.ErrorIs(t, err, ErrNotNumeric)
	_, err = alice.Dial(context.Background(), Name{Proto: "sctp", Host: "192.0.2.1", Port: 5060})
	require.ErrorIs(t, err, ErrNoTransport)
}

func exchangeOwn(t *testing.T, alice, bob *node, f *Flow) {
	t.Helper()
	require.NoError(t, f.Send(parse(t, text("1", "hello"))))
	d, id := bob.next()
	require.NoError(t, d.Err)
	require.Equal(t, "1", id)
	require.Equal(t, f.Proto(), d.Flow.Proto())
	again, ok := bob.Find(d.Flow.Key())
	require.True(t, ok)
	require.NoError(t, again.Send(parse(t, text("2", ""))))
	back, id := alice.next()
	require.Equal(t, "2", id)
	require.Equal(t, f.Key(), back.Flow.Key())
}

// Packets of the user's, which lose nothing and say so.
func TestOwnPackets(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		tunnel := Protocol{Name: "tunnel", Reliable: true}
		with := func(listen func(context.Context, string, string) (net.PacketConn, error)) func(*Config) {
			return func(c *Config) {
				p := tunnel
				p.ListenPacket = func(ctx context.Context, network, address string) (net.PacketConn, error) {
					require.Equal(t, "tunnel", network)
					return listen(ctx, "udp", address)
				}
				c.Protocols = []Protocol{p}
			}
		}
		alice, bob := v.node(v.alice, with(v.alice.ListenPacket)), v.node(v.bob, with(v.bob.ListenPacket))
		alice.listen("tunnel", "192.0.2.1", 7000)
		alice.listen(UDP, "192.0.2.1", 5060)
		at := bob.listen("tunnel", "198.51.100.1", 7000).Addr()
		f := alice.dial("tunnel", at)
		require.True(t, f.Reliable())
		require.False(t, f.Secure())
		exchangeOwn(t, alice, bob, f)
		u, ok := alice.Ready(nameOf(UDP, netip.MustParseAddrPort("198.51.100.1:5060")))
		require.True(t, ok)
		require.False(t, u.Reliable())
		require.NotContains(t, alice.Dialable(), "tunnel", "it has no connections")
	})
}

// Sockets that were opened elsewhere.
func TestServe(t *testing.T) {
	ca := newAuthority(t, "both")
	for _, proto := range []string{TCP, TLS, WS, WSS} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		bob := realNode(t, serving(ca.address("127.0.0.1")))
		p, err := bob.Serve(l, Name{Proto: proto, Ident: "given"})
		require.NoError(t, err)
		require.Equal(t, addrPortOf(l.Addr()), p.Addr())
		require.Equal(t, "given", p.Ident())
		alice := realNode(t, trusting(ca))
		exchange(t, alice, bob, alice.dial(proto, p.Addr()), p.Addr())
		require.NoError(t, bob.Close())
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed, "it is closed with the transport")
		l, err = net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		_, err = bob.Serve(l, Name{Proto: proto})
		require.ErrorIs(t, err, ErrClosed)
		_, err = l.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
	}
	// A listener may bring TLS of its own.
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	outer := realNode(t)
	q, err := outer.Serve(tls.NewListener(inner, &tls.Config{Certificates: []tls.Certificate{ca.address("127.0.0.1")}}), Name{Proto: WS})
	require.NoError(t, err)
	f := realNode(t, trusting(ca)).dial(WSS, q.Addr())
	require.NoError(t, f.Send(parse(t, text("1", ""))))
	d, _ := outer.next()
	require.NotNil(t, d.TLS)
	require.True(t, d.TLS.HandshakeComplete)

	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	bob, alice := realNode(t), realNode(t)
	p, err := bob.ServePacket(c, Name{Proto: UDP})
	require.NoError(t, err)
	alice.listen(UDP, "127.0.0.1", 0)
	exchange(t, alice, bob, alice.dial(UDP, p.Addr()), p.Addr())

	// A socket of the wrong kind, or nothing to show.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = bob.Serve(l, Name{Proto: UDP})
	require.ErrorIs(t, err, ErrNoTransport)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = bob.Serve(l, Name{Proto: TLS})
	require.ErrorIs(t, err, ErrNoCertificate)
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	c, err = net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = bob.ServePacket(c, Name{Proto: TCP})
	require.ErrorIs(t, err, ErrNoTransport)
}

func TestOwnProtocolNames(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	listen := func(context.Context, string, string) (net.PacketConn, error) { return nil, net.ErrClosed }
	for _, c := range []struct {
		protocols []Protocol
		says      string
	}{
		{[]Protocol{{Name: "sctp", Dial: dial}}, ""},
		{[]Protocol{{Name: "tls-sctp", Dial: dial}, {Name: "sctp", Dial: dial}}, ""},
		{[]Protocol{{Dial: dial}}, "cannot be the name"},
		{[]Protocol{{Name: "SCTP", Dial: dial}}, "cannot be the name"},
		{[]Protocol{{Name: "a;b", Dial: dial}}, "cannot be the name"},
		{[]Protocol{{Name: "wss", Dial: dial}}, "cannot be the name"},
		{[]Protocol{{Name: "a", Dial: dial}, {Name: "a", Dial: dial}}, "twice"},
		{[]Protocol{{Name: "a", Dial: dial, ListenPacket: listen}}, "make two"},
	} {
		_, err := New(Config{Class: testClass(), Deliver: func(*Delivery) {}, Protocols: c.protocols})
		if c.says == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, c.says)
	}
	bob := realNode(t, func(c *Config) { c.Protocols = []Protocol{{Name: "sctp", Dial: dial}} })
	_, err := bob.Listen(context.Background(), Name{Proto: "sctp", Host: "127.0.0.1", Port: 5060})
	require.ErrorIs(t, err, ErrNoTransport)
	_, err = bob.Dial(context.Background(), Name{Proto: "sctp", Host: "127.0.0.1", Port: 5060})
	require.ErrorIs(t, err, net.ErrClosed)
	require.True(t, strings.Contains(err.Error(), "sctp"))
}
