// Sip-dig finds out where a SIP request would go (RFC 3263), and prints each
// hop in the order to try them:
//
//	sip-dig [flags] [@server[:port]] uri …
//
//	sip-dig sip:example.com             by the name servers of this host
//	sip-dig @192.0.2.53 -4 example.com  by this one, IPv4 only
//	sip-dig -tls -tcp sip:example.com   for a client that speaks these, TLS first
//	sip-dig tel:+12125550101            ENUM (RFC 6116), and each sip URI found
//
// A line has the preference, which counts the groups of equal rank, the share of
// the load inside the group, and transport, port and address. Without flags for
// transports these are udp, tcp, tls, sctp and tls-sctp. The environment variable
// SRESOLV_CONF names a file to use in place of /etc/resolv.conf; a line "port"
// in it sets the port of the servers. Exit status 1 means that a URI led
// nowhere, 2 that the command line is wrong.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Getenv("SRESOLV_CONF"), os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// known are the transports with SRV records, in the order asked without flags;
// those over WebSocket only if asked for.
var known = [...]string{"udp", "tcp", "tls", "sctp", "tls-sctp", "ws", "wss"}

// run is the program; it returns the exit status.
func run(ctx context.Context, args []string, conf string, stdout, stderr io.Writer) int {
	cfg := sresolv.Config{ResolvConf: conf, MaxTargets: -1, MaxQueries: 256}
	flags := flag.NewFlagSet("sip-dig", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: sip-dig [flags] [@server[:port]] uri …")
		flags.PrintDefaults()
	}
	add := func(transport string) {
		if !slices.Contains(cfg.Transports, transport) {
			cfg.Transports = append(cfg.Transports, transport)
		}
	}
	for _, t := range known {
		flags.BoolFunc(t, "look for "+t+"; may stand with others, the preferred first", func(string) error { add(t); return nil })
	}
	flags.Func("p", "look for the `transport`, as above", func(s string) error {
		if !slices.Contains(known[:], s) {
			return fmt.Errorf("use one of %s", strings.Join(known[:], " "))
		}
		add(s)
		return nil
	})
	ip4 := flags.Bool("4", false, "IPv4 only")
	ip6 := flags.Bool("6", false, "IPv6 only")
	noSCTP := flags.Bool("no-sctp", false, "leave SCTP out")
	verbose := flags.Bool("v", false, "show each question to a name server, on standard error")
	enum := flags.String("enum", sresolv.DefaultENUMSuffix, "`domain` of telephone numbers")
	uris, err := parse(flags, &cfg, args)
	if err != nil {
		return 2
	}
	switch {
	case len(uris) == 0:
		flags.Usage()
		return 2
	case *ip4 != *ip6:
		cfg.Network = "ip4"
		if *ip6 {
			cfg.Network = "ip6"
		}
	}
	if cfg.Transports == nil {
		cfg.Transports = known[:5]
	}
	if *noSCTP {
		cfg.Transports = slices.DeleteFunc(slices.Clone(cfg.Transports), func(t string) bool { return strings.Contains(t, "sctp") })
	}
	cfg.ENUMSuffix = *enum
	if *verbose {
		var mu sync.Mutex
		cfg.Trace.Exchange = func(e sresolv.Exchange) {
			mu.Lock()
			defer mu.Unlock()
			if e.Err != nil {
				fmt.Fprintf(stderr, "%v %s %s %v: %v\n", e.Server, e.Network, e.Name, e.Type, e.Err)
				return
			}
			fmt.Fprintf(stderr, "%v %s %s %v: %s, %d records\n", e.Server, e.Network, e.Name, e.Type, rcode(e.Rcode), e.Records)
		}
	}
	r := sresolv.New(cfg)
	defer r.Close()
	status := 0
	for _, uri := range uris {
		if len(uris) > 1 {
			fmt.Fprintln(stdout, uri)
		}
		if err := dig(ctx, r, stdout, uri); err != nil {
			fmt.Fprintf(stderr, "sip-dig: %s: %v\n", uri, err)
			status = 1
		}
	}
	return status
}

// rcode is the mnemonic of a response code.
func rcode(n int) string {
	if names := [...]string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}; n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("RCODE%d", n)
}

// parse reads flags and what stands between them.
func parse(flags *flag.FlagSet, cfg *sresolv.Config, args []string) (uris []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) == 0 {
			break
		}
		server, ok := strings.CutPrefix(args[0], "@")
		if !ok {
			uris, args = append(uris, args[0]), args[1:]
			continue
		}
		at, err := netip.ParseAddrPort(server)
		if addr, e := netip.ParseAddr(server); e == nil {
			at, err = netip.AddrPortFrom(addr, 53), nil
		}
		if err != nil {
			fmt.Fprintf(flags.Output(), "sip-dig: %s is no address of a name server\n", args[0])
			return nil, err
		}
		cfg.Servers, args = append(cfg.Servers, at), args[1:]
	}
	return uris, nil
}

// dig prints the hops of one URI.
func dig(ctx context.Context, r *sresolv.Resolver, out io.Writer, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if number, ok := strings.CutPrefix(text, "tel:"); ok {
		return digNumber(ctx, r, out, number)
	}
	if !strings.Contains(text, ":") || !strings.HasPrefix(strings.ToLower(text), "sip") {
		text = "sip:" + text
	}
	uri, err := sip.ParseURI(text)
	if err != nil {
		return err
	}
	var group []sresolv.Hop
	rank := 0
	for hop, err := range r.Hops(ctx, sresolv.Target{
		Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port, Transport: uri.Transport(), Maddr: uri.Maddr(),
	}) {
		if err != nil {
			return err
		}
		if len(group) > 0 && (group[0].Transport != hop.Transport || group[0].Priority != hop.Priority) {
			rank++
			print(out, rank, group)
			group = nil
		}
		group = append(group, hop)
	}
	print(out, rank+1, group)
	return nil
}

// print writes hops of one rank. Each server has its share by weight, and each
// of its addresses an equal part of that.
func print(out io.Writer, rank int, group []sresolv.Hop) {
	type server struct {
		name string
		port uint16
	}
	weights, addrs, sum := map[server]float64{}, map[server]float64{}, 0.0
	for _, h := range group {
		s := server{h.Target, h.Addr.Port()}
		if addrs[s]++; addrs[s] == 1 {
			weights[s] = float64(h.Weight)
			sum += weights[s]
		}
	}
	for _, h := range group {
		s := server{h.Target, h.Addr.Port()}
		share := 1 / float64(len(weights))
		if sum > 0 {
			share = weights[s] / sum
		}
		fmt.Fprintf(out, "\t%d %.3f %s %d %s\n", rank, share/addrs[s], h.Transport, h.Addr.Port(), h.Addr.Addr())
	}
}

// digNumber prints what a telephone number leads to.
func digNumber(ctx context.Context, r *sresolv.Resolver, out io.Writer, number string) error {
	list, err := r.LookupENUM(ctx, number)
	if err != nil {
		return err
	}
	for _, e := range list {
		fmt.Fprintf(out, "%d %d %s %s\n", e.Order, e.Preference, strings.Join(e.Services, "+"), e.URI)
		if e.Has("sip") && strings.HasPrefix(e.URI, "sip") {
			if err := dig(ctx, r, out, e.URI); err != nil {
				fmt.Fprintf(out, "\t%v\n", err)
			}
		}
	}
	return nil
}
