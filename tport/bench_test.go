package tport

import (
	"testing"
)

// BenchmarkExchange is one request of 400 octets and its answer over loopback,
// one at a time: parse, deliver and write at both ends.
func BenchmarkExchange(b *testing.B) {
	ca := newAuthority(b, "bench")
	for _, proto := range []string{UDP, TCP, TLS, WS, WSS} {
		b.Run(proto, func(b *testing.B) {
			answer := parse(b, refusal)
			done := make(chan struct{}, 1)
			quiet := func(c *Config) { c.Trace, c.Failed = nil, nil }
			alice := realNode(b, quiet, trusting(ca), func(c *Config) { c.Deliver = func(*Delivery) { done <- struct{}{} } })
			bob := realNode(b, quiet, serving(ca.address("127.0.0.1")), func(c *Config) { c.Deliver = func(d *Delivery) { _ = d.Flow.Send(answer) } })
			alice.listen(UDP, "127.0.0.1", 0)
			f := alice.dial(proto, bob.listen(proto, "127.0.0.1", 0).Addr())
			m := parse(b, text("1", pad(300)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Send(m); err != nil {
					b.Fatal(err)
				}
				<-done
			}
		})
	}
}
