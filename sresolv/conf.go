package sresolv

import (
	"bufio"
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How much of a resolv.conf is used.
const (
	maxServers = 6
	maxSearch  = 6
)

// conf is what resolv.conf says, or the Config in its place.
type conf struct {
	servers  []netip.AddrPort
	search   []string
	ndots    int
	timeout  time.Duration
	attempts int
	rotate   bool
	noEDNS   bool
}

// local is asked when nothing is configured, as by other resolvers.
var local = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)

// parseConf reads a resolv.conf and tolerates everything: what it does not know
// it leaves out. Besides the usual lines there is "port", which is the port of
// all servers that have none of their own.
func parseConf(b []byte) conf {
	c := conf{ndots: 1, timeout: DefaultServerTimeout, attempts: DefaultAttempts}
	port := uint16(53)
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		line := lines.Text()
		if i := strings.IndexAny(line, "#;"); i >= 0 && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
		}
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch strings.ToLower(f[0]) {
		case "nameserver":
			if a, ok := parseServer(f[1]); ok && len(c.servers) < maxServers {
				c.servers = append(c.servers, a)
			}
		case "domain":
			c.search = searchList(f[1:2])
		case "search":
			c.search = searchList(f[1:])
		case "port":
			if n, err := strconv.ParseUint(f[1], 10, 16); err == nil && n > 0 {
				port = uint16(n)
			}
		case "options":
			c.options(f[1:])
		}
	}
	if len(c.servers) == 0 {
		c.servers = []netip.AddrPort{local}
	}
	for i, s := range c.servers {
		if s.Port() == 0 {
			c.servers[i] = netip.AddrPortFrom(s.Addr(), port)
		}
	}
	return c
}

// parseServer leaves the port 0 if there is none.
func parseServer(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.AddrPortFrom(a.Unmap(), 0), true
	}
	a, err := netip.ParseAddrPort(s)
	return a, err == nil && a.Port() > 0
}

func searchList(names []string) []string {
	var out []string
	for _, n := range names {
		if n = canonical(n); n != "." && validName(n) && len(out) < maxSearch {
			out = append(out, n)
		}
	}
	return out
}

func (c *conf) options(list []string) {
	for _, o := range list {
		name, value, _ := strings.Cut(strings.ToLower(o), ":")
		n, err := strconv.Atoi(value)
		good := err == nil && n >= 0
		switch {
		case name == "ndots" && good:
			c.ndots = min(n, 15)
		case name == "timeout" && good:
			c.timeout = min(max(time.Duration(n)*time.Second, time.Second), 30*time.Second)
		case name == "attempts" && good:
			c.attempts = min(max(n, 1), 5)
		case name == "rotate":
			c.rotate = true
		case name == "no-edns0":
			c.noEDNS = true
		case name == "edns0":
			c.noEDNS = false
		}
	}
}

// overlay puts what the Config says over what the file says.
func (c *Config) overlay(f conf) conf {
	if c.Servers != nil {
		f.servers = c.Servers
	}
	if c.Search != nil {
		f.search = searchList(c.Search)
	}
	if c.Ndots > 0 {
		f.ndots = c.Ndots
	}
	if c.ServerTimeout > 0 {
		f.timeout = c.ServerTimeout
	}
	if c.Attempts > 0 {
		f.attempts = c.Attempts
	}
	f.rotate = f.rotate || c.Rotate
	f.noEDNS = f.noEDNS || c.NoEDNS
	return f
}

// candidates lists the names that a name may stand for, in the order to try.
// Only a short name is searched for, and not as it is first: what it finds
// must not depend on what somebody registers at the root (RFC 1535).
func (c *conf) candidates(name string) []string {
	if strings.HasSuffix(name, ".") {
		return []string{strings.TrimSuffix(name, ".")}
	}
	if strings.Count(name, ".") >= c.ndots {
		return []string{name}
	}
	var out []string
	for _, domain := range c.search {
		if n := name + "." + domain; len(n) <= maxName && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return append(out, name)
}

// hosts is what a hosts file says.
type hosts map[string][]netip.Addr

func parseHosts(b []byte) hosts {
	h := make(hosts)
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		line, _, _ := strings.Cut(lines.Text(), "#")
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil || a.Zone() != "" {
			continue
		}
		for _, n := range f[1:] {
			n = canonical(n)
			h[n] = append(h[n], a.Unmap())
		}
	}
	return h
}

// has reports whether the addresses of a name are known without the DNS.
func (h hosts) has(name string) bool { return h[name] != nil || within(name, "localhost") }

// lookup answers a question for addresses. A name in the file has no addresses
// but those of the file, in either family. RFC 6761 section 6.3: "localhost" is
// this host and nobody is asked.
func (h hosts) lookup(q question) (answer, bool) {
	if q.typ != TypeA && q.typ != TypeAAAA || !h.has(q.name) {
		return answer{}, false
	}
	addrs, ok := h[q.name]
	if !ok {
		addrs = []netip.Addr{netip.IPv6Loopback(), local.Addr()}
	}
	a := answer{name: q.name}
	for _, addr := range addrs {
		if addr.Is4() == (q.typ == TypeA) {
			a.records = append(a.records, Record{Name: q.name, Type: q.typ, TTL: minTTL, Addr: addr})
		}
	}
	if len(a.records) == 0 {
		a.err = ErrNoData
	}
	return a, true
}
