package sresolv

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDHCP: the example of RFC 3361 section 3.1, and what may come instead.
func TestDHCP(t *testing.T) {
	const com, net = "\x07example\x03com\x00", "\x07example\x03net\x00"
	v6 := netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		name    string
		parse   func([]byte) (DHCPServers, error)
		option  string
		domains string
		addrs   string
	}{
		{"120 domains", ParseDHCPv4, "\x00" + com + net, "example.com example.net", ""},
		{"120 case", ParseDHCPv4, "\x00\x07EXAMPLE\x03com\x00", "example.com", ""},
		{"120 compressed", ParseDHCPv4, "\x00" + com + "\x01b\xc0\x08" + "\x01c\xc0\x0d", "example.com b.com c.b.com", ""},
		{"120 addresses", ParseDHCPv4, "\x01\xc0\x00\x02\x01\xc0\x00\x02\x02", "", "192.0.2.1 192.0.2.2"},
		{"120 empty", ParseDHCPv4, "", "", ""},
		{"120 no domain", ParseDHCPv4, "\x00", "", ""},
		{"120 root only", ParseDHCPv4, "\x00\x00", "", ""},
		{"120 no address", ParseDHCPv4, "\x01", "", ""},
		{"120 half an address", ParseDHCPv4, "\x01\xc0\x00\x02\x01\xc0", "", ""},
		{"120 address 0", ParseDHCPv4, "\x01\x00\x00\x00\x00", "", ""},
		{"120 unknown encoding", ParseDHCPv4, "\x02" + com, "", ""},
		{"120 cut", ParseDHCPv4, "\x00\x07examp", "", ""},
		{"120 no end", ParseDHCPv4, "\x00\x03com", "", ""},
		{"120 pointer to itself", ParseDHCPv4, "\x00\xc0\x00", "", ""},
		{"120 pointer ahead", ParseDHCPv4, "\x00\xc0\x05" + com, "", ""},
		{"120 pointers go round", ParseDHCPv4, "\x00\x01a\xc0\x00", "", ""},
		{"120 half a pointer", ParseDHCPv4, "\x00" + com + "\xc0", "", ""},
		{"120 label of 64", ParseDHCPv4, "\x00\x40" + strings.Repeat("a", 64) + "\x00", "", ""},
		{"120 name too long", ParseDHCPv4, "\x00" + strings.Repeat("\x3f"+strings.Repeat("a", 63), 4) + "\x00", "", ""},
		{"120 dot in a label", ParseDHCPv4, "\x00\x03a.b\x00", "", ""},
		{"120 space in a label", ParseDHCPv4, "\x00\x03a b\x00", "", ""},
		{"21", ParseDHCPv6Domains, com + net, "example.com example.net", ""},
		{"21 compressed", ParseDHCPv6Domains, com + "\x01b\xc0\x08", "", ""},
		{"21 empty", ParseDHCPv6Domains, "", "", ""},
		{"22", ParseDHCPv6Addrs, string(v6.AsSlice()) + string(v6.Next().AsSlice()), "", "2001:db8::1 2001:db8::2"},
		{"22 cut", ParseDHCPv6Addrs, string(v6.AsSlice())[:15], "", ""},
		{"22 empty", ParseDHCPv6Addrs, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.parse([]byte(c.option))
			if c.domains+c.addrs == "" {
				require.ErrorIs(t, err, ErrBadOption)
				return
			}
			require.NoError(t, err)
			require.Equal(t, strings.Fields(c.domains), append([]string{}, got.Domains...))
			var addrs []string
			for _, a := range got.Addrs {
				addrs = append(addrs, a.String())
			}
			require.Equal(t, strings.Fields(c.addrs), append([]string{}, addrs...))
		})
	}
}
