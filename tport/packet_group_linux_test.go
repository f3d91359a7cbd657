package tport

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/ipv4"
)

// What comes to a group that was joined is delivered once, and answered from an
// address of this host: a socket of the group alone, or maddr beside another.
func TestUDPMulticast(t *testing.T) {
	for name, row := range map[string]struct{ group, from, host, maddr string }{
		"group":            {"224.0.1.75", "127.0.0.1", "224.0.1.75", ""},
		"every address":    {"224.0.1.75", "127.0.0.1", "0.0.0.0", "224.0.1.75"},
		"both families":    {"224.0.1.75", "127.0.0.1", "*", "224.0.1.75"},
		"one address":      {"224.0.1.75", "127.0.0.1", "127.0.0.1", "224.0.1.75"},
		"v6 group":         {"ff05::5060", "", "ff05::5060", ""},
		"v6 every address": {"ff05::5060", "", "::", "ff05::5060"},
		"v6 one address":   {"ff05::5060", "", "", "ff05::5060"},
	} {
		t.Run(name, func(t *testing.T) {
			device := "lo"
			if row.from == "" { // loopback has no way to the groups of IPv6
				local := linkLocal(t)
				row.from, device = local.String(), local.Zone()
				if row.host == "" {
					row.host = row.from
				}
			}
			alice, bob := realNode(t), realNode(t, readers(4))
			ctx := context.Background()
			_, err := alice.Listen(ctx, Name{Proto: UDP, Host: row.from, Interface: device})
			if err != nil {
				t.Skip("binding to an interface takes Linux 5.7 or privileges: ", err)
			}
			p, err := bob.Listen(ctx, Name{Proto: UDP, Host: row.host, Maddr: row.maddr, Interface: device})
			require.NoError(t, err)
			group := netip.AddrPortFrom(netip.MustParseAddr(row.group), p.Addr().Port())
			f, err := alice.Dial(ctx, nameOf(UDP, group))
			require.NoError(t, err)
			if err := f.Send(parse(t, text("1", ""))); err != nil {
				t.Skip("no way to send to the group: ", err)
			}
			d, id := bob.next()
			require.Equal(t, "1", id)
			require.Equal(t, group, d.To)
			require.False(t, d.Flow.Local().Addr().IsMulticast())
			require.Equal(t, p.Addr().Port(), d.Flow.Local().Port())
			require.NoError(t, d.Flow.Send(parse(t, refusal)))
			back, _ := alice.next()
			require.Equal(t, netip.MustParseAddr(row.from), back.From.Addr())
			require.Equal(t, p.Addr().Port(), back.From.Port())
			// The answer to that comes to the address it came from, except where
			// nothing but the group is bound.
			if row.maddr != "" {
				require.NoError(t, back.Flow.Send(parse(t, text("2", ""))))
				_, id = bob.next()
				require.Equal(t, "2", id)
			}
			none(t, bob.inbox)
			require.NoError(t, p.Rebind(ctx))
			require.NoError(t, f.Send(parse(t, text("3", ""))))
			_, id = bob.next()
			require.Equal(t, "3", id)
		})
	}
}

// Two programs may join a group; a unicast primary beside one is what others are
// reached by.
func TestUDPMulticastShared(t *testing.T) {
	ctx := context.Background()
	bob, carol := realNode(t), realNode(t)
	p, err := bob.Listen(ctx, Name{Proto: UDP, Host: "224.0.1.75", Interface: "lo"})
	if err != nil {
		t.Skip("joining takes Linux 5.7 or privileges: ", err)
	}
	_, err = carol.Listen(ctx, Name{Proto: UDP, Host: "224.0.1.75", Port: p.Addr().Port(), Interface: "lo"})
	require.NoError(t, err)
	own := bob.listen(UDP, "127.0.0.1", 0)
	f := bob.dial(UDP, netip.MustParseAddrPort("127.0.0.1:5060"))
	require.Same(t, own, f.Primary())
	require.NoError(t, own.Close())
	f = bob.dial(UDP, p.Addr()) // it goes out by the socket of the group, if there is no other
	require.Same(t, p, f.Primary())
	require.False(t, f.Local().Addr().IsMulticast())
	require.NoError(t, f.Send(parse(t, text("1", ""))))
	for _, n := range []*node{bob, carol} {
		_, id := n.next()
		require.Equal(t, "1", id)
	}
}

func TestUDPMulticastRefused(t *testing.T) {
	n := realNode(t)
	for _, name := range []Name{
		{Proto: UDP, Host: "127.0.0.1", Maddr: "192.0.2.1"},
		{Proto: UDP, Host: "127.0.0.1", Maddr: "ff05::1"},
		{Proto: UDP, Host: "224.0.1.75", Maddr: "224.0.1.76"},
		{Proto: UDP, Host: "127.0.0.1", Maddr: "sip.mcast.net"},
		{Proto: TCP, Host: "127.0.0.1", Maddr: "224.0.1.75"},
	} {
		_, err := n.Listen(context.Background(), name)
		require.ErrorIs(t, err, ErrNotMulticast, name.Maddr)
	}
	_, err := n.Listen(context.Background(), Name{Proto: UDP, Host: "127.0.0.1", Maddr: "224.0.1.75", Interface: "none0"})
	require.Error(t, err)
	require.Empty(t, n.Primaries())
	bubble(t, func(t *testing.T, v *virtual) {
		_, err := v.node(v.alice).Listen(context.Background(), Name{Proto: UDP, Host: "192.0.2.1", Maddr: "224.0.1.75"})
		require.ErrorIs(t, err, ErrNotMulticast)
	})
}

// A socket bound to an interface works, for connections too.
func TestInterface(t *testing.T) {
	alice, bob := realNode(t), realNode(t)
	alice.listen(UDP, "127.0.0.1", 0)
	for _, proto := range []string{UDP, TCP} {
		p, err := bob.Listen(context.Background(), Name{Proto: proto, Host: "*", Interface: "lo"})
		if err != nil {
			t.Skip("binding to an interface takes Linux 5.7 or privileges: ", err)
		}
		at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.Addr().Port())
		exchange(t, alice, bob, alice.dial(proto, at), at)
	}
	_, err := bob.Listen(context.Background(), Name{Proto: TCP, Host: "*", Interface: "none0"})
	require.Error(t, err)
}

// Without a name of an interface a group is joined where the address is, or
// everywhere; interfaces that come are joined on too.
func TestUDPMulticastInterfaces(t *testing.T) {
	ctx := context.Background()
	alice, bob := realNode(t), realNode(t)
	if _, err := alice.Listen(ctx, Name{Proto: UDP, Host: "127.0.0.1", Interface: "lo"}); err != nil {
		t.Skip("binding to an interface takes Linux 5.7 or privileges: ", err)
	}
	p, err := bob.Listen(ctx, Name{Proto: UDP, Host: "127.0.0.1", Maddr: "224.0.1.75"})
	require.NoError(t, err)
	f := alice.dial(UDP, netip.AddrPortFrom(netip.MustParseAddr("224.0.1.75"), p.Addr().Port()))
	require.NoError(t, f.Send(parse(t, text("1", ""))))
	_, id := bob.next()
	require.Equal(t, "1", id)

	p, err = bob.Listen(ctx, Name{Proto: UDP, Host: "*", Maddr: "224.0.1.75"})
	if err != nil {
		require.ErrorIs(t, err, ErrNotMulticast) // no interface does multicast
		return
	}
	joined := len(p.packet.groups.joined)
	require.NotZero(t, joined)
	for i := range p.packet.groups.joined { // as if it had come just now
		require.NoError(t, ipv4.NewPacketConn(p.packet.groups.conn).LeaveGroup(
			&net.Interface{Index: i}, &net.UDPAddr{IP: net.IPv4(224, 0, 1, 75)}))
		delete(p.packet.groups.joined, i)
		break
	}
	bob.changed(nil, nil)
	require.Len(t, p.packet.groups.joined, joined)
}

// A group that cannot be joined again leaves the primary without a socket, not dead.
func TestUDPMulticastRebindFails(t *testing.T) {
	n := realNode(t)
	p, err := n.Listen(context.Background(), Name{Proto: UDP, Host: "127.0.0.1", Maddr: "224.0.1.75"})
	require.NoError(t, err)
	f := n.dial(UDP, p.Addr())
	p.packet.name.Maddr = "203.0.113.77" // as if the interface had gone
	require.Error(t, p.Rebind(t.Context()))
	require.NoError(t, p.Err())
	require.ErrorIs(t, f.Send(parse(t, text("1", ""))), ErrUnbound)
	p.packet.name.Maddr = "224.0.1.75"
	require.NoError(t, p.Rebind(t.Context()))
	require.NoError(t, f.Send(parse(t, text("2", ""))))
	_, id := n.next()
	require.Equal(t, "2", id)
}

func TestZoneNames(t *testing.T) {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip(err)
	}
	var names zoneNames
	for range 2 {
		require.Equal(t, "lo", names.name(lo.Index))
	}
	require.Equal(t, "99999", names.name(99999))
	for i := range 2 * maxZones {
		names.name(100000 + i)
	}
	require.LessOrEqual(t, len(names), maxZones)
	require.Equal(t, lo.Index, zoneIndex("lo"))
	require.Equal(t, 7, zoneIndex("7"))
	require.Zero(t, zoneIndex(""))
	require.Zero(t, zoneIndex("none0"))
}
