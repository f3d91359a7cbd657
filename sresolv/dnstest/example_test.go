package dnstest_test

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport/simnet"
)

// A resolver and a name server on a virtual network, and somebody who forges an
// answer but cannot guess the id.
func Example() {
	n := simnet.New(simnet.Config{Seed: 1})
	defer n.Close()
	client, host := n.MustHost("client", "192.0.2.1"), n.MustHost("dns", "192.0.2.53")

	s, err := dnstest.Start(dnstest.Config{Addr: "192.0.2.53:53", ListenPacket: host.ListenPacket, Listen: host.Listen}, `
$ORIGIN example.com.
@         300 IN SOA   ns host 1 3600 600 86400 30
@         300 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp
_sip._udp 300 IN SRV   0 0 5080 a
a         300 IN A     192.0.2.7
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.Script(dnstest.Rule{Type: "A", Answer: "a.example.com. 9 IN A 203.0.113.66", Lie: dnstest.WrongID, Then: true})

	r := sresolv.New(sresolv.Config{
		Servers: []netip.AddrPort{s.Addr()}, Dial: client.DialContext, Network: "ip4", Hosts: "-", ServerTimeout: time.Second,
	})
	defer r.Close()
	for hop, err := range r.Hops(context.Background(), sresolv.Target{Host: "example.com"}) {
		fmt.Println(hop, err)
	}
	fmt.Println(s.Asked())
	// Output:
	// udp:192.0.2.7:5080 <nil>
	// [NAPTR example.com SRV _sip._udp.example.com A a.example.com]
}
