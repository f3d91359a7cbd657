package sresolv

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// How long a server that failed is asked after the others: one that refuses
// datagrams, and one that is silent or says that it cannot answer.
const (
	avoidRefused = 60 * time.Second
	avoidFailed  = 10 * time.Second
)

// server is what is known of a name server.
type server struct {
	noEDNS bool      // it does not bear an OPT record
	edns   bool      // it has answered a question with one
	avoid  time.Time // asked after the others until then
}

// setting returns the configuration as it is now. Answers of other servers than
// those that are asked now are forgotten.
func (r *Resolver) setting() conf {
	c := r.cfg.overlay(r.conf.get())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(c.servers, r.asked) {
		r.asked = c.servers
		r.cache.clear()
		clear(r.servers)
	}
	return c
}

// resolve answers a question from the hosts file or by the name servers, and
// follows aliases over as many messages as it takes.
func (r *Resolver) resolve(ctx context.Context, q question) answer {
	if a, ok := r.hosts.get().lookup(q); ok {
		return a
	}
	c := r.setting()
	out := answer{name: q.name, ttl: maxTTL}
	for links := 0; ; {
		m, err := r.exchange(ctx, &c, question{out.name, q.typ}, &out.queries)
		if err != nil {
			return answer{err: err, queries: out.queries}
		}
		got := read(m, out.name, q.typ)
		links += got.links
		out.ttl = min(out.ttl, got.ttl)
		switch {
		case got.loop || links > maxLinks:
			out.err, out.ttl = ErrAlias, maxNegative
		case len(got.records) > 0:
			out.records, out.name = got.records, got.name
			sortRecords(out.records)
		case got.name != out.name && !got.absent && validName(got.name): // the rest of the chain is elsewhere
			out.name = got.name
			continue
		default:
			out.err, out.ttl = ErrNoData, min(out.ttl, got.known)
			if got.absent {
				out.err = ErrNotFound
			}
		}
		return out
	}
}

// exchange asks the servers in turn until one answers.
func (r *Resolver) exchange(ctx context.Context, c *conf, q question, queries *int) (*dns.Msg, error) {
	if r.cfg.MaxQueries >= 0 && *queries >= r.cfg.MaxQueries {
		return nil, ErrTooManyQueries
	}
	*queries++
	var last error
	for round := range c.attempts {
		for _, addr := range r.order(c) {
			m, err := r.askServer(ctx, c, addr, q, round)
			if err == nil {
				return m, nil
			}
			if ctx.Err() != nil {
				return nil, reason(ctx, err)
			}
			last = err
		}
	}
	if errors.Is(last, context.DeadlineExceeded) {
		return nil, ErrTimeout
	}
	if errors.Is(last, errTooLong) {
		return nil, ErrBadTarget
	}
	return nil, ErrServers
}

// order lists the servers, those that work first.
func (r *Resolver) order(c *conf) []netip.AddrPort {
	out := slices.Clone(c.servers)
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.rotate && len(out) > 1 {
		n := int(r.turn % uint64(len(out)))
		r.turn++
		out = append(out[n:], out[:n]...)
	}
	slices.SortStableFunc(out, func(a, b netip.AddrPort) int {
		x, y := now.Before(r.servers[a].avoid), now.Before(r.servers[b].avoid)
		switch {
		case x == y:
			return 0
		case x:
			return 1
		}
		return -1
	})
	return out
}

// askServer asks one server, with EDNS0 unless it is known to fail, and once
// more without if it fails now.
func (r *Resolver) askServer(ctx context.Context, c *conf, addr netip.AddrPort, q question, round int) (*dns.Msg, error) {
	r.mu.Lock()
	known := r.servers[addr]
	r.mu.Unlock()
	ask := &query{
		r: r, server: addr,
		Question: dns.Question{Name: dns.Fqdn(q.name), Qtype: uint16(q.typ), Qclass: dns.ClassINET},
		// Some answer nothing at all to what they do not know, so a second try
		// goes without, unless EDNS0 has worked before.
		edns: !c.noEDNS && !known.noEDNS && (round == 0 || known.edns),
	}
	m, err := ask.ask(ctx, c.timeout)
	if err == nil && ask.edns && unknowing(m) {
		ask.edns = false
		if m, err = ask.ask(ctx, c.timeout); err == nil {
			known.noEDNS = m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError
		}
	}
	wait := time.Duration(0)
	switch {
	case err != nil && !errors.Is(err, context.DeadlineExceeded):
		wait = avoidRefused
	case err != nil:
		wait = avoidFailed
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError, lame(m):
		// It may know other names, so it stays where it is in the list.
		r.count(func(s *Stats) { s.Failures++ })
		return nil, ErrServers
	default:
		known.edns = known.edns || ask.edns && m.IsEdns0() != nil
	}
	known.avoid = time.Time{}
	if wait > 0 && ctx.Err() == nil {
		known.avoid = time.Now().Add(wait)
		r.count(func(s *Stats) { s.Failures++ })
	}
	r.mu.Lock()
	r.servers[addr] = known
	r.mu.Unlock()
	return m, err
}

// unknowing reports whether a server may have failed for the OPT record
// (RFC 6891 section 7).
func unknowing(m *dns.Msg) bool {
	switch m.Rcode {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
		return true
	case dns.RcodeServerFailure:
		return m.IsEdns0() == nil
	}
	return false
}
