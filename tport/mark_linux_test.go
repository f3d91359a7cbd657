package tport

import (
	"context"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is sent is marked as the config says: datagrams and connections, dialled
// and accepted, of both families. So are the buffers what was asked for.
func TestSocketOptions(t *testing.T) {
	options := func(c *Config) {
		c.DSCP, c.MulticastTTL, c.ReceiveBuffer, c.SendBuffer = 40, 7, 100_000, 50_000
	}
	get := func(c syscall.Conn, level, option int) (v int) {
		require.NoError(t, on(c, func(fd int) (err error) {
			v, err = syscall.GetsockoptInt(fd, level, option)
			return err
		}))
		return v
	}
	onRealNet(t, func(t *testing.T, host string) {
		alice, bob := realNode(t, options), realNode(t, options)
		level, class, ttl := syscall.IPPROTO_IP, syscall.IP_TOS, syscall.IP_MULTICAST_TTL
		if netip.MustParseAddr(host).Is6() {
			level, class, ttl = syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, syscall.IPV6_MULTICAST_HOPS
		}
		for _, s := range *alice.listen(UDP, host, 0).packet.sockets.Load() {
			c := s.conn.(*udpConn)
			require.Equal(t, 40<<2, get(c, level, class))
			require.Equal(t, 7, get(c, level, ttl))
			require.Equal(t, 2*100_000, get(c, syscall.SOL_SOCKET, syscall.SO_RCVBUF)) // as Linux counts
			require.Equal(t, 2*50_000, get(c, syscall.SOL_SOCKET, syscall.SO_SNDBUF))
		}
		f := alice.dial(TCP, bob.listen(TCP, host, 0).Addr())
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		d, _ := bob.next()
		for _, f := range []*Flow{f, d.Flow} {
			require.Equal(t, 40<<2, get(f.stream.conn.(syscall.Conn), level, class))
		}
	})
	// A socket of both families marks both.
	n := realNode(t, options)
	p, err := n.Listen(context.Background(), Name{Proto: UDP})
	require.NoError(t, err)
	c := (*p.packet.sockets.Load())[0].conn.(*udpConn)
	require.Equal(t, 40<<2, get(c, syscall.IPPROTO_IP, syscall.IP_TOS))
	require.Equal(t, 40<<2, get(c, syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS))

	for _, bad := range []func(*Config){
		func(c *Config) { c.DSCP = 64 }, func(c *Config) { c.DSCP = -1 },
		func(c *Config) { c.MulticastTTL = 256 }, func(c *Config) { c.Readers = -1 },
	} {
		cfg := Config{Class: testClass(), Deliver: func(*Delivery) {}}
		bad(&cfg)
		_, err := New(cfg)
		require.Error(t, err)
	}
}
