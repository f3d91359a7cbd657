package sresolv

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Type is the type of a resource record, as in the registry of the DNS.
type Type uint16

// The types whose content a [Record] holds in fields of their own.
const (
	TypeA     Type = 1
	TypeNS    Type = 2
	TypeCNAME Type = 5
	TypeSOA   Type = 6
	TypePTR   Type = 12
	TypeTXT   Type = 16
	TypeAAAA  Type = 28
	TypeSRV   Type = 33
	TypeNAPTR Type = 35
	TypeANY   Type = 255
)

// typeAddr asks Config.LookupNetIP. It is never on the wire.
const typeAddr Type = 0

// String returns the mnemonic of the type, or TYPE and its number (RFC 3597).
func (t Type) String() string {
	if s, ok := dns.TypeToString[uint16(t)]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// Record is one resource record. Names are in lower case, without the final
// dot, and in the presentation form of RFC 1035 section 5.1 if they hold
// unusual octets; the root is ".".
type Record struct {
	Name string        // the owner, which may be what an alias led to
	Type Type          // says which of the fields below are set
	TTL  time.Duration // as the answer had it, at least 1 s and at most a day

	Addr    netip.Addr    // A, AAAA
	Target  string        // CNAME, NS, PTR; SOA: the primary server
	SRV     SRV           // SRV
	NAPTR   NAPTR         // NAPTR
	Minimum time.Duration // SOA: how long to believe that a record is not there
	Text    string        // all other types: the content in presentation form
}

// SRV is the content of an SRV record (RFC 2782).
type SRV struct {
	Priority uint16 // lower comes first
	Weight   uint16 // share of the load among the same priority
	Port     uint16 // of the service on Target
	Target   string // ".": the service is decidedly not available
}

// NAPTR is the content of a NAPTR record (RFC 3403 section 4).
type NAPTR struct {
	Order       uint16 // lower comes first
	Preference  uint16 // lower comes first in the same order
	Flags       string // "s", "a", "u", "p" in any case, or "": not terminal
	Service     string // such as SIP+D2U, in any case
	Regexp      string // unescaped; "": there is a Replacement
	Replacement string // ".": none
}

// maxRecords bounds what is kept of one answer; more than 64 kB are not read.
const maxRecords = 1024

// The bounds of what an answer says about its own age (RFC 8767 section 4).
const (
	minTTL      = time.Second
	maxTTL      = 24 * time.Hour
	maxNegative = time.Minute
)

func clamp(seconds uint32) time.Duration {
	if seconds > 1<<31-1 { // RFC 2181 section 8: a negative number is zero
		seconds = 0
	}
	return min(max(time.Duration(seconds)*time.Second, minTTL), maxTTL)
}

// canonical writes a name as this package compares it.
func canonical(name string) string {
	if name == "" || name == "." {
		return "."
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// recordOf takes a record over. It reports false for what is of no use: another
// class, or an address that is none.
func recordOf(rr dns.RR) (Record, bool) {
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return Record{}, false
	}
	out := Record{Name: canonical(h.Name), Type: Type(h.Rrtype), TTL: clamp(h.Ttl)}
	ok := true
	switch rr := rr.(type) {
	case *dns.A:
		out.Addr, ok = netip.AddrFromSlice(rr.A)
		out.Addr = out.Addr.Unmap()
	case *dns.AAAA:
		out.Addr, ok = netip.AddrFromSlice(rr.AAAA)
	case *dns.CNAME:
		out.Target = canonical(rr.Target)
	case *dns.NS:
		out.Target = canonical(rr.Ns)
	case *dns.PTR:
		out.Target = canonical(rr.Ptr)
	case *dns.SOA:
		out.Target, out.Minimum = canonical(rr.Ns), time.Duration(rr.Minttl)*time.Second
	case *dns.SRV:
		out.SRV = SRV{rr.Priority, rr.Weight, rr.Port, canonical(rr.Target)}
	case *dns.NAPTR:
		out.NAPTR = NAPTR{
			rr.Order, rr.Preference, unescape(rr.Flags), unescape(rr.Service), unescape(rr.Regexp),
			canonical(rr.Replacement),
		}
	case *dns.OPT:
		return Record{}, false
	default:
		out.Text = strings.TrimPrefix(rr.String(), h.String())
	}
	return out, ok
}

// unescape undoes the escapes of a character-string (RFC 1035 section 5.1).
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		if i+2 < len(s) && isDigit(s[i]) && isDigit(s[i+1]) && isDigit(s[i+2]) {
			if n, err := strconv.ParseUint(s[i:i+3], 10, 8); err == nil {
				out = append(out, byte(n))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}

// sortRecords puts records into the order in which they are to be used: NAPTR
// by order and preference, SRV by priority, all others as they came.
func sortRecords(rs []Record) {
	slices.SortStableFunc(rs, func(a, b Record) int {
		switch {
		case a.Type != b.Type:
			return 0
		case a.Type == TypeNAPTR:
			return compareNAPTR(a.NAPTR, b.NAPTR)
		case a.Type == TypeSRV:
			return cmp.Compare(a.SRV.Priority, b.SRV.Priority)
		}
		return 0
	})
}

// compareNAPTR is the order of RFC 3403 section 4.1.
func compareNAPTR(a, b NAPTR) int {
	return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
}
