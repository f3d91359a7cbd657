package sresolv

import (
	"testing"

	"github.com/gosofia/sofia/sresolv/dnstest"
)

// BenchmarkWalk: a numeric target, and a domain with NAPTR and SRV records in
// the cache, to the first hop.
func BenchmarkWalk(b *testing.B) {
	s, err := dnstest.Start(dnstest.Config{}, sipZone)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	cfg := Config{Hosts: "-", Transports: []string{"udp", "tcp", "tls"}}
	cfg.Servers = append(cfg.Servers, s.Addr())
	r := New(cfg)
	defer r.Close()
	for name, uri := range map[string]string{"numeric": "sip:192.0.2.1", "cached": "sip:example.com"} {
		t := target(uri)
		if _, err := r.Walk(t).Next(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := r.Walk(t).Ready(); !ok {
					b.Fatal("not ready")
				}
			}
		})
	}
}
