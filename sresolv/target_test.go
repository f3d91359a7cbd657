package sresolv

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var all = []string{"udp", "tcp", "tls", "ws", "wss"}

// TestNumeric: what needs no DNS is ready at once (RFC 3263 sections 4 to 4.2).
func TestNumeric(t *testing.T) {
	for _, c := range []struct {
		name   string
		target Target
		speak  []string
		want   string // Hop.String()
		tls    string // Hop.Name
		err    error
	}{
		{"v4 default", Target{Host: "192.0.2.1"}, all, "udp:192.0.2.1:5060", "192.0.2.1", nil},
		{"v4 port", Target{Scheme: "sip", Host: "192.0.2.1", Port: 5080}, all, "udp:192.0.2.1:5080", "192.0.2.1", nil},
		{"v4 tcp", Target{Scheme: "SIP", Host: "192.0.2.1", Transport: "TCP"}, all, "tcp:192.0.2.1:5060", "192.0.2.1", nil},
		{"v4 tls", Target{Scheme: "sip", Host: "192.0.2.1", Transport: "tls"}, all, "tls:192.0.2.1:5061", "192.0.2.1", nil},
		{"v6 reference", Target{Host: "[2001:DB8::1]"}, all, "udp:[2001:db8::1]:5060", "2001:db8::1", nil},
		{"v6 bare", Target{Host: "2001:db8::1", Port: 7}, all, "udp:[2001:db8::1]:7", "2001:db8::1", nil},
		{"v6 mapped", Target{Host: "[::ffff:192.0.2.1]"}, all, "udp:192.0.2.1:5060", "192.0.2.1", nil},
		{"sips", Target{Scheme: "sips", Host: "192.0.2.1"}, all, "tls:192.0.2.1:5061", "192.0.2.1", nil},
		{"sips port", Target{Scheme: "SIPS", Host: "192.0.2.1", Port: 5060}, all, "tls:192.0.2.1:5060", "192.0.2.1", nil},
		{"sips tcp is tls", Target{Scheme: "sips", Host: "192.0.2.1", Transport: "tcp"}, all, "tls:192.0.2.1:5061", "192.0.2.1", nil},
		{"sips ws is wss", Target{Scheme: "sips", Host: "192.0.2.1", Transport: "ws"}, all, "wss:192.0.2.1:443", "192.0.2.1", nil},
		{"ws", Target{Host: "192.0.2.1", Transport: "ws"}, all, "ws:192.0.2.1:80", "192.0.2.1", nil},
		{"wss", Target{Host: "192.0.2.1", Transport: "wss"}, all, "wss:192.0.2.1:443", "192.0.2.1", nil},
		{"sips never udp", Target{Scheme: "sips", Host: "192.0.2.1", Transport: "udp"}, all, "", "", ErrNoTransport},
		{"sips never sctp", Target{Scheme: "sips", Host: "192.0.2.1", Transport: "sctp"}, append([]string{"sctp"}, all...), "", "", ErrNoTransport},
		{"sips with plain only", Target{Scheme: "sips", Host: "192.0.2.1"}, []string{"udp", "tcp"}, "", "", ErrNoTransport},
		{"sips tcp with plain only", Target{Scheme: "sips", Host: "192.0.2.1", Transport: "tcp"}, []string{"udp", "tcp"}, "", "", ErrNoTransport},
		{"unsupported", Target{Host: "192.0.2.1", Transport: "sctp"}, all, "", "", ErrNoTransport},
		{"given but not spoken", Target{Host: "192.0.2.1", Transport: "udp"}, []string{"tcp"}, "", "", ErrNoTransport},
		{"no udp spoken", Target{Host: "192.0.2.1"}, []string{"tcp", "tls"}, "tcp:192.0.2.1:5060", "192.0.2.1", nil},
		{"nothing spoken", Target{Host: "192.0.2.1"}, []string{}, "", "", ErrNoTransport},
		{"maddr first", Target{Host: "example.com", Maddr: "192.0.2.9"}, all, "udp:192.0.2.9:5060", "example.com", nil},
		{"maddr v6", Target{Host: "192.0.2.1", Port: 9, Maddr: "[2001:db8::9]"}, all, "udp:[2001:db8::9]:9", "192.0.2.1", nil},
		{"maddr only", Target{Maddr: "192.0.2.9"}, all, "udp:192.0.2.9:5060", "192.0.2.9", nil},
		{"name for tls", Target{Scheme: "sips", Host: "Example.COM.", Maddr: "192.0.2.9"}, all, "tls:192.0.2.9:5061", "example.com", nil},
		{"multicast", Target{Host: "sip.mcast.net", Maddr: "224.0.1.75"}, all, "udp:224.0.1.75:5060", "sip.mcast.net", nil},
		{"empty", Target{}, all, "", "", ErrBadTarget},
		{"scheme", Target{Scheme: "tel", Host: "192.0.2.1"}, all, "", "", ErrBadTarget},
		{"any address v4", Target{Host: "0.0.0.0"}, all, "", "", ErrBadTarget},
		{"any address v6", Target{Host: "[::]"}, all, "", "", ErrBadTarget},
		{"any address mapped", Target{Host: "[::ffff:0.0.0.0]"}, all, "", "", ErrBadTarget},
		{"short v4", Target{Host: "127.1"}, all, "", "", ErrBadTarget},
		{"decimal v4", Target{Host: "2130706433"}, all, "", "", ErrBadTarget},
		{"v4 out of range", Target{Host: "192.0.2.256"}, all, "", "", ErrBadTarget},
		{"v4 in brackets", Target{Host: "[192.0.2.1]"}, all, "", "", ErrBadTarget},
		{"half bracket", Target{Host: "[2001:db8::1"}, all, "", "", ErrBadTarget},
		{"bad maddr", Target{Host: "192.0.2.1", Maddr: "a b"}, all, "", "", ErrBadTarget},
		{"bad host good maddr", Target{Host: "a b", Maddr: "192.0.2.1"}, all, "", "", ErrBadTarget},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := New(Config{Transports: c.speak, LookupNetIP: forbidden(t)})
			defer r.Close()
			w := r.Walk(c.target)
			h, ok := w.Ready()
			if c.err != nil {
				require.False(t, ok)
				require.True(t, w.Exhausted())
				_, err := w.Next(t.Context())
				require.ErrorIs(t, err, c.err)
				var e *Error
				require.ErrorAs(t, err, &e)
				_, again := w.Next(t.Context())
				require.Equal(t, err, again, "the error is final")
				return
			}
			require.True(t, ok)
			require.Equal(t, c.want, h.String())
			require.Equal(t, c.tls, h.Name)
			_, ok = w.Ready()
			require.False(t, ok)
			require.True(t, w.Exhausted())
		})
	}
}

// TestPlanName: a name is asked for in lower case with the port and transport
// that need no NAPTR or SRV.
func TestPlanName(t *testing.T) {
	r := New(Config{Transports: all})
	defer r.Close()
	p, err := r.plan(Target{Scheme: "sips", Host: "SIP.Example.com.", Maddr: "Other.example.com"})
	require.NoError(t, err)
	require.Equal(t, plan{name: "sip.example.com", query: "other.example.com", secure: true}, p)
}

func TestParseHostNames(t *testing.T) {
	label := strings.Repeat("a", 63)
	for s, want := range map[string]bool{
		"example.com": true, "example.com.": true, "localhost": true, "a": true, "x-1.example": true,
		"1.2.3.4.example": true, "_sip._udp.example.com": true, "3com.example": true, label + ".example": true,
		strings.Repeat(label+".", 3) + strings.Repeat("a", 61):       true,
		strings.Repeat(label+".", 3) + strings.Repeat("a", 61) + ".": true,
		strings.Repeat(label+".", 3) + strings.Repeat("a", 62):       false,
		label + "a.example": false, "": false, ".": false, "..": false, "a..b": false, ".a": false, "-a.example": false,
		"a-.example": false, "a b": false, "a\x00b": false, "a\r\nb": false, "a/b": false, "a:b": false, "é.example": false,
		"[]": false, "[example.com]": false, "1.2.3": false, "example.1": false, "example.1.": false,
	} {
		_, name, ok := parseHost(s)
		require.Equal(t, want, ok, "%q", s)
		if ok {
			require.Equal(t, s, name)
		}
	}
}

// FuzzTarget: whatever a peer puts into a URI, a hop keeps the promises of RFC
// 3263 section 4.1 and an error is of our kind.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"example.com", "[2001:db8::1]", "192.0.2.1", "127.1", "a..b", "fe80::1%eth0", ""} {
		f.Add("sip", s, uint16(0), "", "")
		f.Add("sips", "example.com", uint16(5061), "tcp", s)
		f.Add("", s, uint16(1), "udp", "224.0.1.75")
	}
	r := New(Config{Transports: all})
	f.Cleanup(func() { r.Close() })
	f.Fuzz(func(t *testing.T, scheme, host string, port uint16, transport, maddr string) {
		p, err := r.plan(Target{scheme, host, port, transport, maddr})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrBadTarget) && !errors.Is(err, ErrNoTransport) {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if p.transport == "" && (p.addr.IsValid() || port != 0) || p.transport != "" && !slices.Contains(all, p.transport) || p.port != port {
			t.Fatalf("bad plan %+v", p)
		}
		if strings.EqualFold(scheme, "sips") && p.transport != "" && p.transport != "tls" && p.transport != "wss" {
			t.Fatalf("sips on %s", p.transport)
		}
		if p.addr.IsValid() == (p.query != "") || p.name == "" {
			t.Fatalf("neither or both of address and name: %+v", p)
		}
		if _, err := netip.ParseAddr(p.query); err == nil {
			t.Fatalf("numeric host %q goes to DNS", p.query)
		}
		again, err := r.plan(Target{scheme, p.name, port, transport, maddr})
		if err != nil || again.name != p.name {
			t.Fatalf("name %q does not read back: %+v, %v", p.name, again, err)
		}
	})
}
