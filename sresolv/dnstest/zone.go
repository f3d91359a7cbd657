package dnstest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// store is the content of all zones.
type store struct {
	names map[string][]dns.RR // in lower case, with the final dot
	zones []*dns.SOA          // the longest name first
}

func parseRecords(text string) ([]dns.RR, error) {
	p := dns.NewZoneParser(strings.NewReader(text), ".", "zone")
	var out []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		out = append(out, rr)
	}
	if err := p.Err(); err != nil {
		return nil, fmt.Errorf("dnstest: %w", err)
	}
	return out, nil
}

func (s *store) add(text string) error {
	records, err := parseRecords(text)
	if err != nil {
		return err
	}
	for _, rr := range records {
		name := strings.ToLower(rr.Header().Name)
		s.names[name] = append(s.names[name], rr)
		for _, i := range dns.Split(name) { // what is above exists, if only empty
			if _, ok := s.names[name[i:]]; !ok {
				s.names[name[i:]] = nil
			}
		}
		if soa, ok := rr.(*dns.SOA); ok {
			s.zones = append(s.zones, soa)
		}
	}
	slices.SortStableFunc(s.zones, func(a, b *dns.SOA) int { return len(b.Hdr.Name) - len(a.Hdr.Name) })
	return nil
}

func (s *store) zone(name string) *dns.SOA {
	for _, z := range s.zones {
		if dns.IsSubDomain(strings.ToLower(z.Hdr.Name), name) {
			return z
		}
	}
	return nil
}

// find returns the records of a name, those of a wildcard under the name.
func (s *store) find(name string) (rrs []dns.RR, ok bool) {
	if rrs, ok := s.names[name]; ok {
		return rrs, true
	}
	for _, i := range dns.Split(name)[1:] { // RFC 4592: the closest name that exists
		if _, ok := s.names[name[i:]]; !ok {
			continue
		}
		wild, ok := s.names["*."+name[i:]]
		for _, rr := range wild {
			rr = dns.Copy(rr)
			rr.Header().Name = name
			rrs = append(rrs, rr)
		}
		return rrs, ok
	}
	return nil, false
}

// answer fills in a reply as a server that recurses does.
func (s *store) answer(m *dns.Msg, q dns.Question) {
	name := strings.ToLower(q.Name)
	if s.zone(name) == nil {
		m.Rcode = dns.RcodeRefused
		return
	}
	m.RecursionAvailable = true
	for seen := []string{}; ; {
		rrs, ok := s.find(name)
		var alias string
		found := false
		for _, rr := range rrs {
			switch t := rr.Header().Rrtype; {
			case t == q.Qtype || q.Qtype == dns.TypeANY:
				m.Answer = append(m.Answer, rr)
				found = true
			case t == dns.TypeCNAME:
				m.Answer = append(m.Answer, rr)
				alias = strings.ToLower(rr.(*dns.CNAME).Target)
			}
		}
		if found {
			return
		}
		if alias == "" {
			if !ok {
				m.Rcode = dns.RcodeNameError
			}
			if soa := s.zone(name); soa != nil {
				m.Ns = append(m.Ns, soa)
			}
			return
		}
		seen = append(seen, name)
		if name = alias; slices.Contains(seen, name) || s.zone(name) == nil {
			return // round, or somebody else's
		}
	}
}
