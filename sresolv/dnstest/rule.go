package dnstest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Query is one question that came.
type Query struct {
	Name    string // as it came, with the final dot
	Type    string // its mnemonic, such as "NAPTR"
	Network string // "udp" or "tcp"
	ID      uint16
	From    netip.AddrPort
	EDNS    bool // it had an OPT record
	At      time.Time
}

// Lie is how an answer is false. Lies add up.
type Lie uint

// The lies that a server, or somebody who pretends to be it, may tell.
const (
	WrongID       Lie = 1 << iota // the id of another question
	WrongQuestion                 // the question section names something else
	NoQuestion                    // there is no question section
	WrongSource                   // it comes from another port; UDP only
	NotResponse                   // it is marked as a query
)

// Rule is one line of the script: which questions it is for, and what happens
// to their answers. Empty fields match everything and change nothing.
type Rule struct {
	Name    string // of the question; case and final dot do not matter
	Type    string // of the question, such as "SRV"
	Network string // "udp" or "tcp"
	EDNS    bool   // only questions with an OPT record
	Times   int    // how often the rule applies; 0: always

	Delay    time.Duration       // before the answer
	Drop     bool                // there is no answer; over TCP the connection is closed
	Rcode    string              // the answer is only this, such as "SERVFAIL"; without OPT
	Truncate bool                // the answer is cut short; UDP only
	Answer   string              // zone text in place of the true answer
	Extra    string              // zone text for the additional section
	Mangle   func([]byte) []byte // changes the octets of the answer

	Lie  Lie  // the answer is false in these ways
	Then bool // the true answer follows the false one; UDP only
}

func (r *Rule) matches(q Query) bool {
	return (r.Name == "" || strings.EqualFold(dns.Fqdn(r.Name), q.Name)) &&
		(r.Type == "" || strings.EqualFold(r.Type, q.Type)) &&
		(r.Network == "" || r.Network == q.Network) && (!r.EDNS || q.EDNS)
}

// change makes of a true answer what the rule wants.
func (r *Rule) change(m *dns.Msg) error {
	if r.Rcode != "" {
		m.Rcode = dns.StringToRcode[r.Rcode]
		m.Answer, m.Ns, m.Extra = nil, nil, nil
	}
	if r.Answer != "" {
		rrs, err := parseRecords(r.Answer)
		if err != nil {
			return err
		}
		m.Rcode, m.Answer, m.Ns = dns.RcodeSuccess, rrs, nil
	}
	if r.Extra != "" {
		rrs, err := parseRecords(r.Extra)
		if err != nil {
			return err
		}
		m.Extra = append(m.Extra, rrs...)
	}
	if r.Truncate {
		m.Truncated = true
		m.Answer, m.Ns = nil, nil
	}
	if r.Lie&WrongID != 0 {
		m.Id++
	}
	if r.Lie&WrongQuestion != 0 {
		m.Question = []dns.Question{{Name: "other.example.", Qtype: m.Question[0].Qtype, Qclass: dns.ClassINET}}
	}
	if r.Lie&NoQuestion != 0 {
		m.Question = nil
	}
	if r.Lie&NotResponse != 0 {
		m.Response = false
	}
	return nil
}
