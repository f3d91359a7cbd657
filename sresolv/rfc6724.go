package sresolv

import (
	"context"
	"math/bits"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// sourceTTL is how long the source of a destination is taken to be the same, and
// maxSources how many are remembered.
const (
	sourceTTL  = 30 * time.Second
	maxSources = 1024
)

// sourced is a source that was found.
type sourced struct {
	addr  netip.Addr // invalid: there is none
	until time.Time
}

// unordered reports whether there is nothing to choose: between IPv4 addresses
// the order of the server stands.
func (r *Resolver) unordered(addrs []netip.Addr) bool {
	return r.cfg.own() || len(addrs) < 2 || !slices.ContainsFunc(addrs, netip.Addr.Is6)
}

// knownSources returns the source of each destination if all are remembered,
// else nil.
func (r *Resolver) knownSources(addrs []netip.Addr) map[netip.Addr]netip.Addr {
	out := make(map[netip.Addr]netip.Addr)
	if r.unordered(addrs) {
		return out
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range addrs {
		s, ok := r.sources[a]
		if !ok || !now.Before(s.until) {
			return nil
		}
		out[a] = s.addr
	}
	return out
}

// findSources finds the source of each destination. Nothing is sent: a datagram
// socket is connected and closed.
func (r *Resolver) findSources(ctx context.Context, addrs []netip.Addr) map[netip.Addr]netip.Addr {
	if out := r.knownSources(addrs); out != nil {
		return out
	}
	out := make(map[netip.Addr]netip.Addr, len(addrs))
	for _, a := range addrs {
		out[a] = r.source(ctx, a)
	}
	until := time.Now().Add(sourceTTL)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.sources)+len(out) > maxSources {
		clear(r.sources)
	}
	for a, s := range out {
		if len(r.sources) < maxSources {
			r.sources[a] = sourced{s, until}
		}
	}
	return out
}

// sortAddrs puts the addresses of one name into the order of RFC 6724 section 6.
// The rules that need more than the addresses of source and destination (3, 4,
// 7) are left out, as in other programs.
func sortAddrs(addrs []netip.Addr, sources map[netip.Addr]netip.Addr) {
	if len(sources) == 0 {
		return
	}
	type pair struct {
		dst, src   netip.Addr
		dp, sp     policy
		dsco, ssco int
	}
	list := make([]pair, len(addrs))
	for i, a := range addrs {
		p := pair{dst: a, src: sources[a], dp: policyOf(a), dsco: scope(a)}
		if p.src.IsValid() {
			p.sp, p.ssco = policyOf(p.src), scope(p.src)
		}
		list[i] = p
	}
	first := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b pair) int {
		if c := first(a.src.IsValid(), b.src.IsValid()); c != 0 || !a.src.IsValid() {
			return c // rule 1
		}
		if c := first(a.dsco == a.ssco, b.dsco == b.ssco); c != 0 {
			return c // rule 2
		}
		if c := first(a.dp.label == a.sp.label, b.dp.label == b.sp.label); c != 0 {
			return c // rule 5
		}
		if a.dp.precedence != b.dp.precedence {
			return b.dp.precedence - a.dp.precedence // rule 6
		}
		if a.dsco != b.dsco {
			return a.dsco - b.dsco // rule 8
		}
		if a.dst.Is6() && b.dst.Is6() {
			return common(b.src, b.dst) - common(a.src, a.dst) // rule 9
		}
		return 0 // rule 10
	})
	for i := range list {
		addrs[i] = list[i].dst
	}
}

// source finds the address of this host that is used towards dst.
func (r *Resolver) source(ctx context.Context, dst netip.Addr) netip.Addr {
	c, err := r.cfg.Dial(ctx, "udp", net.JoinHostPort(dst.String(), strconv.Itoa(5060)))
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	a, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	return a.AddrPort().Addr().Unmap().WithZone("")
}

// policy is a line of the table of RFC 6724 section 2.1.
type policy struct {
	prefix            netip.Prefix
	precedence, label int
}

func prefix(a [16]byte, n int) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom16(a), n) }

// policyOf finds the longest prefix that matches.
func policyOf(a netip.Addr) policy {
	table := [...]policy{
		{prefix([16]byte{15: 1}, 128), 50, 0},             // ::1
		{prefix([16]byte{10: 0xff, 11: 0xff}, 96), 35, 4}, // ::ffff:0:0
		{prefix([16]byte{}, 96), 1, 3},                    // ::
		{prefix([16]byte{0x20, 0x01}, 32), 5, 5},          // 2001::
		{prefix([16]byte{0x20, 0x02}, 16), 30, 2},         // 2002::
		{prefix([16]byte{0x3f, 0xfe}, 16), 1, 12},         // 3ffe::
		{prefix([16]byte{0xfe, 0xc0}, 10), 1, 11},         // fec0::
		{prefix([16]byte{0xfc}, 7), 3, 13},                // fc00::
		{prefix([16]byte{}, 0), 40, 1},                    // all others
	}
	if a.Is4() {
		return table[1]
	}
	a = a.WithZone("")
	for _, p := range table[:] {
		if p.prefix.Contains(a) && p.prefix != table[1].prefix {
			return p
		}
	}
	return table[len(table)-1]
}

// scope is that of RFC 6724 section 3.1, by the numbers of multicast scopes.
func scope(a netip.Addr) int {
	switch {
	case a.IsLoopback(), a.IsLinkLocalUnicast():
		return 2
	case a.IsMulticast() && a.Is6():
		b := a.As16()
		return int(b[1] & 15)
	case a.Is6() && netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0xc0}), 10).Contains(a.WithZone("")):
		return 5
	}
	return 14
}

// common is CommonPrefixLen of RFC 6724 section 2.2, at most 64.
func common(a, b netip.Addr) int {
	x, y := a.As16(), b.As16()
	n := 0
	for i := range 8 {
		z := bits.LeadingZeros8(x[i] ^ y[i])
		if n += z; z < 8 {
			break
		}
	}
	return n
}
