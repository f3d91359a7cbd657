package sresolv_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport/simnet"
)

// A resolver and its name server on a virtual network. The user's own program
// leaves Servers, Dial and Hosts as they are.
func ExampleResolver_Hops() {
	n := simnet.New(simnet.Config{Seed: 1})
	defer n.Close()
	client, host := n.MustHost("client", "192.0.2.1"), n.MustHost("dns", "192.0.2.53")
	s, err := dnstest.Start(dnstest.Config{Addr: "192.0.2.53:53", ListenPacket: host.ListenPacket, Listen: host.Listen}, `
$ORIGIN example.com.
@          300 IN SOA   ns host 1 3600 600 86400 30
@          300 IN NAPTR 10 10 "s" "SIPS+D2T" "" _sips._tcp
@          300 IN NAPTR 20 10 "s" "SIP+D2U"  "" _sip._udp
_sips._tcp 300 IN SRV   0 0 5061 a
_sip._udp  300 IN SRV   0 0 5060 a
_sip._udp  300 IN SRV   1 0 5070 a
a          300 IN A     192.0.2.7
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()

	r := sresolv.New(sresolv.Config{Servers: []netip.AddrPort{s.Addr()}, Dial: client.DialContext, Hosts: "-"})
	defer r.Close()
	for hop, err := range r.Hops(context.Background(), sresolv.Target{Scheme: "sip", Host: "example.com"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hop, hop.Priority, hop.Target) // no TLS: Config.Transports has udp and tcp
	}
	// Output:
	// udp:192.0.2.7:5060 0 a.example.com
	// udp:192.0.2.7:5070 1 a.example.com
}

// A number looked up in a private tree.
func ExampleResolver_LookupENUM() {
	r := sresolv.New(sresolv.Config{
		ENUMSuffix: "e164.example.com",
		LookupNAPTR: func(_ context.Context, name string) ([]sresolv.NAPTR, error) { // nil: the name servers
			fmt.Println(name)
			return []sresolv.NAPTR{{Flags: "u", Service: "E2U+sip", Regexp: `!^\+1(.*)$!sip:\1@example.com!`}}, nil
		},
	})
	defer r.Close()
	list, err := r.LookupENUM(context.Background(), "+1 (212) 555-0101", "sip")
	fmt.Println(list[0].URI, err)
	// Output:
	// 1.0.1.0.5.5.5.2.1.2.1.e164.example.com
	// sip:2125550101@example.com <nil>
}

func Example() {
	r := sresolv.New(sresolv.Config{
		Transports: []string{"udp", "tcp", "tls"},
		LookupNetIP: func(context.Context, string, string) ([]netip.Addr, error) { // nil: the system's resolver
			return []netip.Addr{netip.MustParseAddr("2001:db8::5"), netip.MustParseAddr("192.0.2.5")}, nil
		},
	})
	defer r.Close()

	for hop, err := range r.Hops(context.Background(), sresolv.Target{Scheme: "sips", Host: "example.com"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(hop, hop.Name)
	}
	// Output:
	// tls:[2001:db8::5]:5061 example.com
	// tls:192.0.2.5:5061 example.com
}

func ExampleWalk_Ready() {
	r := sresolv.New(sresolv.Config{})
	defer r.Close()

	w := r.Walk(sresolv.Target{Host: "[2001:db8::1]", Port: 5080})
	hop, ok := w.Ready() // never blocks, and needs no DNS here
	fmt.Println(hop, ok)
	// Output: udp:[2001:db8::1]:5080 true
}
