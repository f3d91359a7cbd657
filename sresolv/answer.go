package sresolv

import (
	"strings"
	"time"

	"github.com/miekg/dns"
)

// maxLinks is how many aliases lead to one answer at most.
const maxLinks = 8

// answer is what became of a question.
type answer struct {
	records []Record
	name    string // what the aliases lead to
	err     error  // why there are no records; nil if there are some
	ttl     time.Duration
	queries int // asked of name servers
}

// reading is what one message says about one question.
type reading struct {
	records []Record
	name    string        // where the aliases of the message end
	links   int           // how many they were
	ttl     time.Duration // of all records used
	absent  bool          // no such name
	known   time.Duration // how long absence may be believed; 0: it is not said
	loop    bool
}

// read takes from a message what answers the question, and nothing else: the
// records of the name asked for, or of what its aliases lead to. Additional
// records and those of other names are never used, so that no server can say
// anything about a name that it was not asked for.
func read(m *dns.Msg, name string, t Type) reading {
	r := reading{name: name, ttl: maxTTL, absent: m.Rcode == dns.RcodeNameError}
	var all []Record
	for _, rr := range m.Answer {
		if rec, ok := recordOf(rr); ok {
			if all = append(all, rec); len(all) == maxRecords {
				break
			}
		}
	}
	for {
		var alias string
		for _, rec := range all {
			if rec.Name != r.name {
				continue
			}
			if t == TypeANY || rec.Type == t {
				r.records = append(r.records, rec)
				r.ttl = min(r.ttl, rec.TTL)
			} else if rec.Type == TypeCNAME && alias == "" {
				alias = rec.Target
				r.ttl = min(r.ttl, rec.TTL)
			}
		}
		if len(r.records) > 0 || alias == "" {
			break
		}
		if r.name = alias; r.links == maxLinks {
			r.loop = true
			return r
		}
		r.links++
	}
	if len(r.records) > 0 {
		r.absent = false
		return r
	}
	for _, rr := range m.Ns { // RFC 2308 section 5
		if soa, ok := rr.(*dns.SOA); ok && within(r.name, canonical(soa.Hdr.Name)) {
			r.known = max(min(clamp(soa.Minttl), clamp(soa.Hdr.Ttl), maxNegative, r.ttl), minTTL)
		}
	}
	return r
}

// within reports whether a name is the domain or below it.
func within(name, domain string) bool {
	return domain == "." || name == domain || strings.HasSuffix(name, "."+domain)
}

// lame reports whether a server that does not recurse points elsewhere: its
// answer says nothing about the name (Go's own resolver holds it so too).
func lame(m *dns.Msg) bool {
	if m.Rcode != dns.RcodeSuccess || m.Authoritative || m.RecursionAvailable || len(m.Answer) > 0 {
		return false
	}
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return false
		}
	}
	return true
}

// matches reports whether a message answers the question sent with id (RFC 5452
// section 9.1). The question must come back, in whatever case.
func matches(m *dns.Msg, id uint16, q dns.Question) bool {
	return m.Id == id && m.Response && m.Opcode == dns.OpcodeQuery && len(m.Question) == 1 &&
		m.Question[0].Qtype == q.Qtype && m.Question[0].Qclass == q.Qclass &&
		strings.EqualFold(m.Question[0].Name, q.Name)
}
