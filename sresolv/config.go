package sresolv

import (
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	DefaultMaxPending    = 256
	DefaultMaxTargets    = 64
	DefaultMaxQueries    = 32
	DefaultTimeout       = 10 * time.Second
	DefaultServerTimeout = 2 * time.Second
	DefaultAttempts      = 2
	DefaultCacheSize     = 4096
	DefaultENUMSuffix    = "e164.arpa"
)

// Config sets up a [Resolver]. The zero value is useful: it asks the name
// servers of /etc/resolv.conf, after /etc/hosts. It is read once, by [New], and
// the functions in it must be safe for concurrent use.
type Config struct {
	// LookupNetIP looks up the addresses of a name; network is "ip", "ip4" or
	// "ip6". It has the shape of [net.Resolver.LookupNetIP]. It must return soon
	// after its context ended. The order of the addresses is kept.
	//
	// With LookupNetIP, LookupSRV or LookupNAPTR set the resolver asks no name
	// server itself: what has no function is not found. So the resolver of the
	// operating system is had by the methods of net.DefaultResolver here; it
	// knows no NAPTR records. It is the default where there is no resolv.conf
	// and could be none (Windows).
	LookupNetIP func(ctx context.Context, network, host string) ([]netip.Addr, error)

	// LookupSRV looks up SRV records; it is called with empty service and proto
	// and the whole name. It has the shape of [net.Resolver.LookupSRV]. See
	// LookupNetIP.
	LookupSRV func(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)

	// LookupNAPTR looks up NAPTR records. An error that is not a
	// [net.DNSError] with IsNotFound counts as a failure of the look-up. See
	// LookupNetIP.
	LookupNAPTR func(ctx context.Context, name string) ([]NAPTR, error)

	// Transports are what the caller speaks, the preferred first, in lower
	// case: udp, tcp, tls, sctp, tls-sctp, ws, wss, or a name of the caller's
	// own, for which there are no SRV records. nil: udp, tcp.
	Transports []string

	// Network restricts the address families: "ip4" or "ip6". "": both.
	Network string

	// Servers are the name servers to ask, in this order. nil: those of
	// ResolvConf.
	Servers []netip.AddrPort

	// Search is the list of domains to try a name with fewer than Ndots dots
	// in, before the name itself. nil: that of ResolvConf if Servers is nil.
	// A name with more dots, or a final one, is looked up as it is.
	Search []string

	// Ndots says which names are short. 0: that of ResolvConf, or 1.
	Ndots int

	// Rotate spreads questions over all servers. ResolvConf may say so too.
	Rotate bool

	// ServerTimeout is how long one server has for one answer. 0: that of
	// ResolvConf, or 2 s.
	ServerTimeout time.Duration

	// Attempts is how often each server is asked. 0: that of ResolvConf, or 2.
	Attempts int

	// NoEDNS keeps the OPT record (RFC 6891) out of questions. Without it a
	// server that cannot bear one is asked again without.
	NoEDNS bool

	// ResolvConf and Hosts are the paths of files that are read when their time
	// of modification changes, which is looked at once a second at most. "":
	// /etc/resolv.conf and /etc/hosts; "-": none.
	ResolvConf, Hosts string

	// Open opens these files. nil: [os.Open].
	Open func(name string) (fs.File, error)

	// Dial connects to a name server, and finds out which address of this host
	// is used towards a destination (RFC 6724), for which a "udp" connection is
	// made and closed. It has the shape of [net.Dialer.DialContext]. It is
	// called for each question, so that each has a port of its own. nil: a
	// net.Dialer, with a random port drawn from Rand.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Rand is the source of the ids and ports of questions and of the choice
	// among SRV records. nil: [crypto/rand.Reader].
	Rand io.Reader

	// Trace is told of each question to a name server.
	Trace Trace

	// ENUMSuffix is the domain of [Resolver.LookupENUM]. "": e164.arpa.
	ENUMSuffix string

	// MaxPending is how many questions are on their way at once. 0: 256;
	// negative: no limit.
	MaxPending int

	// MaxTargets is how many hops one walk gives at most. 0: 64; negative: no
	// limit.
	MaxTargets int

	// MaxQueries is how many questions one walk may ask the name servers, the
	// links of aliases included, repetitions not. 0: 32; negative: no limit.
	MaxQueries int

	// CacheSize is how many answers are kept. 0: 4096; negative: none.
	CacheSize int

	// Timeout bounds one look-up, whatever the number of servers. 0: 10 s;
	// negative: no limit.
	Timeout time.Duration
}

// resolve fills in the defaults.
func (c Config) resolve() Config {
	if c.Transports == nil {
		c.Transports = []string{"udp", "tcp"}
	}
	c.Transports = slices.Clone(c.Transports)
	for i, t := range c.Transports {
		c.Transports[i] = strings.ToLower(t)
	}
	c.Servers = slices.Clone(c.Servers)
	c.Search = slices.Clone(c.Search)
	if c.Network == "" {
		c.Network = "ip"
	}
	c.MaxPending = limit(c.MaxPending, DefaultMaxPending)
	c.MaxTargets = limit(c.MaxTargets, DefaultMaxTargets)
	c.MaxQueries = limit(c.MaxQueries, DefaultMaxQueries)
	c.CacheSize = limit(c.CacheSize, DefaultCacheSize)
	c.Timeout = limit(c.Timeout, DefaultTimeout)
	if c.ENUMSuffix == "" {
		c.ENUMSuffix = DefaultENUMSuffix
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Open == nil {
		c.Open = func(name string) (fs.File, error) { return os.Open(name) }
	}
	if c.ResolvConf == "" {
		c.ResolvConf = "/etc/resolv.conf"
		if c.Servers == nil && !c.own() && runtime.GOOS == "windows" {
			c.LookupNetIP, c.LookupSRV = net.DefaultResolver.LookupNetIP, net.DefaultResolver.LookupSRV
		}
	}
	if c.Hosts == "" {
		c.Hosts = "/etc/hosts"
	}
	if c.Dial == nil {
		c.Dial = dialer{c.Rand}.dial
	}
	return c
}

// own reports whether functions of the user's take the place of name servers.
func (c *Config) own() bool {
	return c.LookupNetIP != nil || c.LookupSRV != nil || c.LookupNAPTR != nil
}

// lacks reports whether nobody can be asked for a type.
func (c *Config) lacks(t Type) bool {
	switch t {
	case typeAddr:
		return c.LookupNetIP == nil
	case TypeSRV:
		return c.own() && c.LookupSRV == nil
	case TypeNAPTR:
		return c.own() && c.LookupNAPTR == nil
	}
	return c.own()
}

// limit applies the rule "zero is the default, negative is off"; off is -1.
func limit[T int | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return -1
	}
	return v
}
