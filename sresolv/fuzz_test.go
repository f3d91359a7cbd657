package sresolv

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func unpack(b []byte) *dns.Msg {
	m := new(dns.Msg)
	_ = m.Unpack(b)
	return m
}

// message packs an answer made of zone text.
func message(tb testing.TB, name string, t Type, zone string) []byte {
	tb.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), uint16(t))
	m.Response = true
	p := dns.NewZoneParser(strings.NewReader(zone), ".", "")
	p.SetDefaultTTL(60)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		m.Answer = append(m.Answer, rr)
	}
	if err := p.Err(); err != nil {
		tb.Fatal(err)
	}
	b, err := m.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// messages are answers of each kind.
func messages(tb testing.TB) map[Type][]byte {
	return map[Type][]byte{
		TypeA:     message(tb, "x.test", TypeA, "x.test. CNAME y.test.\ny.test. A 192.0.2.1\ny.test. A 192.0.2.2\n"),
		TypeAAAA:  message(tb, "x.test", TypeAAAA, "x.test. AAAA 2001:db8::1\n"),
		TypeSRV:   message(tb, "_sip._udp.x.test", TypeSRV, "_sip._udp.x.test. SRV 1 2 5060 a.x.test.\n_sip._udp.x.test. SRV 1 0 5060 .\n"),
		TypeNAPTR: message(tb, "x.test", TypeNAPTR, `x.test. NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.x.test.`+"\n"+`x.test. NAPTR 1 2 "u" "E2U+sip" "!^(.*)$!sip:\\1@x!i" .`+"\n"),
		TypeSOA:   message(tb, "x.test", TypeSOA, "x.test. SOA ns.x.test. h.x.test. 1 2 3 4 5\n"),
		TypeANY:   message(tb, "x.test", TypeANY, "x.test. TXT \"a\\\"b\" \"\\200\"\nx.test. PTR p.x.test.\nx.test. NS ns.x.test.\n"),
	}
}

// check holds what read says against the promises of this package.
func check(t *testing.T, b []byte, typ Type) {
	m := new(dns.Msg)
	if m.Unpack(b) != nil || len(m.Question) != 1 {
		return
	}
	r := read(m, canonical(m.Question[0].Name), typ)
	if len(r.records) > maxRecords || r.links > maxLinks {
		t.Fatalf("too much: %d records, %d links", len(r.records), r.links)
	}
	if r.ttl < minTTL || r.ttl > maxTTL || r.known > maxNegative {
		t.Fatalf("time to live %v, of absence %v", r.ttl, r.known)
	}
	for _, rec := range r.records {
		if rec.Name != r.name || typ != TypeANY && rec.Type != typ {
			t.Fatalf("%+v is no answer for %s %v", rec, r.name, typ)
		}
		if (rec.Type == TypeA || rec.Type == TypeAAAA) && !rec.Addr.IsValid() {
			t.Fatalf("bad address in %+v", rec)
		}
	}
	_ = lame(m)
}

// FuzzAnswer: whatever a name server sends, what is taken from it keeps its
// bounds and is about the name asked for.
func FuzzAnswer(f *testing.F) {
	for typ, b := range messages(f) {
		f.Add(b, uint16(typ))
	}
	f.Fuzz(func(t *testing.T, b []byte, typ uint16) { check(t, b, Type(typ)) })
}

// TestMangled: each octet changed in every bit, and each truncation.
func TestMangled(t *testing.T) {
	for typ, b := range messages(t) {
		for i := range b {
			check(t, b[:i], typ)
			for bit := range 8 {
				c := append([]byte(nil), b...)
				c[i] ^= 1 << bit
				check(t, c, typ)
			}
		}
	}
}

// FuzzConf: no file can do harm, and no more of it is used than is said.
func FuzzConf(f *testing.F) {
	f.Add([]byte("nameserver 192.0.2.1\nsearch a.test b.test\noptions ndots:2 timeout:1 attempts:3 rotate edns0\n"))
	f.Add([]byte("nameserver\nport 0\noptions ndots:-1 timeout:99999999999999999999\n192.0.2.1 a b #c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := parseConf(b)
		if len(c.servers) == 0 || len(c.servers) > maxServers || len(c.search) > maxSearch || c.attempts < 1 || c.timeout <= 0 || c.ndots < 0 {
			t.Fatalf("%+v", c)
		}
		for _, n := range c.candidates("host") {
			if !validName(n) {
				t.Fatalf("candidate %q", n)
			}
		}
		parseHosts(b)
	})
}

// FuzzENUM: a record makes a clean URI of a number, or nothing.
func FuzzENUM(f *testing.F) {
	for _, s := range []string{
		"!^.*$!sip:a@b!", `!^\+1(.*)$!sip:\1@b!i`, "/(a*)*b/x:y/", `!(((((((((9)))))))))!x:\9\1!`, "!x!y", `!^.*$!sip:a\!b@c!`, `!.{255}!a:b!`,
	} {
		f.Add(s, "+12125550101")
	}
	f.Fuzz(func(t *testing.T, expr, number string) {
		aus, name, ok := enumName(number, "e164.arpa")
		if !ok {
			return
		}
		if !validName(name) {
			t.Fatalf("%q gives the name %q", number, name)
		}
		if uri, ok := rewrite(expr, aus); ok && (len(uri) > maxENUMURI || strings.ContainsAny(uri, "\r\n\x00 <>\"") || !strings.Contains(uri, ":")) {
			t.Fatalf("%q makes %q", expr, uri)
		}
		enumServices(expr, nil)
	})
}

// FuzzDHCP: an option gives names and addresses that can be used, or an error.
func FuzzDHCP(f *testing.F) {
	f.Add([]byte("\x00\x07example\x03com\x00\x07example\x03net\x00"))
	f.Add([]byte("\x00\x01a\x07example\x03com\x00\x01b\xc0\x02"))
	f.Add([]byte{1, 192, 0, 2, 1})
	f.Add([]byte{0, 0xc0, 0, 0xc0, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (DHCPServers, error){ParseDHCPv4, ParseDHCPv6Domains, ParseDHCPv6Addrs} {
			s, err := parse(b)
			if (err == nil) != (len(s.Domains)+len(s.Addrs) > 0) {
				t.Fatalf("%+v, %v", s, err)
			}
			for _, n := range s.Domains {
				if !validName(n) {
					t.Fatalf("name %q", n)
				}
			}
		}
	})
}
