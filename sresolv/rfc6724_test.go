package sresolv

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fromSources dials nowhere, from the address that is noted for a destination.
func fromSources(src map[string]string) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil || network != "udp" {
			return nil, errors.New("not a datagram")
		}
		s, ok := src[host]
		if !ok {
			return nil, errors.New("network is unreachable")
		}
		return fixed{local: net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(s), 1))}, nil
	}
}

type fixed struct {
	net.Conn
	local net.Addr
}

func (f fixed) LocalAddr() net.Addr { return f.local }
func (f fixed) Close() error        { return nil }

// TestRFC6724 has the examples of section 10.2, for the rules that are used
// here, and a few of Go's own resolver.
func TestRFC6724(t *testing.T) {
	for _, c := range []struct {
		name     string
		src      map[string]string
		in, want []string
	}{
		{"scope of source and destination match", map[string]string{"2001:db8:1::1": "2001:db8:1::2", "198.51.100.121": "169.254.13.78"},
			[]string{"198.51.100.121", "2001:db8:1::1"}, []string{"2001:db8:1::1", "198.51.100.121"}},
		{"IPv4 where IPv6 has only a link-local source", map[string]string{"2001:db8:1::1": "fe80::1", "198.51.100.121": "198.51.100.117"},
			[]string{"2001:db8:1::1", "198.51.100.121"}, []string{"198.51.100.121", "2001:db8:1::1"}},
		{"higher precedence", map[string]string{"2001:db8:1::1": "2001:db8:1::2", "10.1.2.3": "10.1.2.4"},
			[]string{"10.1.2.3", "2001:db8:1::1"}, []string{"2001:db8:1::1", "10.1.2.3"}},
		{"smaller scope", map[string]string{"2001:db8:1::1": "2001:db8:1::2", "fe80::1": "fe80::2"},
			[]string{"2001:db8:1::1", "fe80::1"}, []string{"fe80::1", "2001:db8:1::1"}},
		{"matching label: 6to4", map[string]string{"2002:c633:6401::1": "2002:c633:6401::2", "2001:db8:1::1": "2002:c633:6401::2"},
			[]string{"2001:db8:1::1", "2002:c633:6401::1"}, []string{"2002:c633:6401::1", "2001:db8:1::1"}},
		{"no source comes last", map[string]string{"192.0.2.1": "192.0.2.9"},
			[]string{"2001:db8::1", "192.0.2.1"}, []string{"192.0.2.1", "2001:db8::1"}},
		{"longest prefix, IPv6", map[string]string{"2001:db8:1::1": "2001:db8:2::9", "2001:db8:2::1": "2001:db8:2::9"},
			[]string{"2001:db8:1::1", "2001:db8:2::1"}, []string{"2001:db8:2::1", "2001:db8:1::1"}},
		{"unique local last", map[string]string{"fd00::1": "2001:db8::9", "2001:db8::1": "2001:db8::9"},
			[]string{"fd00::1", "2001:db8::1"}, []string{"2001:db8::1", "fd00::1"}},
		{"loopback", map[string]string{"::1": "::1", "127.0.0.1": "127.0.0.1"},
			[]string{"127.0.0.1", "::1"}, []string{"::1", "127.0.0.1"}},
		{"IPv4 keeps the order of the server", nil,
			[]string{"192.0.2.9", "10.0.0.1", "127.0.0.1"}, []string{"192.0.2.9", "10.0.0.1", "127.0.0.1"}},
		{"nothing reachable", nil, []string{"192.0.2.1", "2001:db8::1"}, []string{"192.0.2.1", "2001:db8::1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New(Config{Dial: fromSources(c.src)})
			defer r.Close()
			var addrs []netip.Addr
			for _, a := range c.in {
				addrs = append(addrs, netip.MustParseAddr(a))
			}
			if known := r.knownSources(addrs); c.src != nil || strings.Contains(c.name, "nothing") {
				require.Nil(t, known)
			}
			sortAddrs(addrs, r.findSources(t.Context(), addrs))
			require.NotNil(t, r.knownSources(addrs), "they are remembered")
			var got []string
			for _, a := range addrs {
				got = append(got, a.String())
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestScope(t *testing.T) {
	for s, want := range map[string]int{
		"127.0.0.1": 2, "169.254.1.1": 2, "10.0.0.1": 14, "192.0.2.1": 14, "::1": 2, "fe80::1": 2, "fec0::1": 5, "fd00::1": 14,
		"2001:db8::1": 14, "ff02::1": 2, "ff05::1": 5, "ff0e::1": 14,
	} {
		require.Equal(t, want, scope(netip.MustParseAddr(s)), s)
	}
}
