package tport

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestName(t *testing.T) {
	for _, row := range []struct {
		name          Name
		text, network string
	}{
		{Name{Proto: "udp", Host: "192.0.2.1", Port: 5060}, "udp:192.0.2.1:5060", "udp4"},
		{Name{Proto: "tcp", Host: "2001:db8::1", Port: 5060}, "tcp:[2001:db8::1]:5060", "udp6"},
		{Name{Proto: "udp", Host: "::ffff:192.0.2.1"}, "udp:[::ffff:192.0.2.1]:0", "udp4"},
		{Name{Proto: "udp", Port: 5060, Ident: "inside"}, "udp:*:5060;ident=inside", "udp"},
		{Name{Proto: "udp", Host: "*", Port: 5060}, "udp:*:5060", "udp"},
		{Name{Proto: "udp", Host: "0.0.0.0"}, "udp:0.0.0.0:0", "udp4"},
		{Name{Proto: "udp", Host: "::"}, "udp:[::]:0", "udp6"},
	} {
		require.Equal(t, row.text, row.name.String())
		require.Equal(t, row.network, row.name.network("udp"))
	}
}

func TestKey(t *testing.T) {
	a, b := netip.MustParseAddrPort("192.0.2.1:5060"), netip.MustParseAddrPort("[2001:db8::1]:5062")
	k := Key{Proto: TCP, Local: a, Remote: b, Serial: 1}
	require.Equal(t, "tcp:192.0.2.1:5060>[2001:db8::1]:5062", k.String())
	require.Equal(t, k.String(), (&Flow{key: k}).String())
	m := map[Key]bool{k: true}
	k.Serial++
	require.False(t, m[k])
}

type textAddr string

func (textAddr) Network() string  { return "tcp" }
func (a textAddr) String() string { return string(a) }

func TestAddrPortOf(t *testing.T) {
	want := netip.MustParseAddrPort("192.0.2.1:5060")
	mapped := net.ParseIP("192.0.2.1") // 16 octets
	require.Equal(t, want, addrPortOf(&net.UDPAddr{IP: mapped, Port: 5060}))
	require.Equal(t, want, addrPortOf(&net.TCPAddr{IP: mapped, Port: 5060}))
	require.Equal(t, want, addrPortOf(textAddr("[::ffff:192.0.2.1]:5060")))
	require.Zero(t, addrPortOf(textAddr("pipe")))
	require.Zero(t, addrPortOf(nil))
}
