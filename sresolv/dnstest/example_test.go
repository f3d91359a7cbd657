package dnstest_test

import (
	"context"
	"fmt"
	"net"

	"github.com/gosofia/sofia/sresolv/dnstest"
	"github.com/gosofia/sofia/tport/simnet"
)

// A name server on a virtual network, and Go's own resolver as its client. The
// first answer is forged by somebody who cannot guess the id.
func Example() {
	n := simnet.New(simnet.Config{Seed: 1})
	defer n.Close()
	client, host := n.MustHost("client", "192.0.2.1"), n.MustHost("dns", "192.0.2.53")

	s, err := dnstest.Start(dnstest.Config{Addr: "192.0.2.53:53", ListenPacket: host.ListenPacket, Listen: host.Listen}, `
$ORIGIN example.com.
@         300 IN SOA   ns host 1 3600 600 86400 30
_sip._udp 300 IN SRV   0 0 5080 a
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.Script(dnstest.Rule{Answer: "_sip._udp.example.com. 9 IN SRV 0 0 666 evil.test.", Lie: dnstest.WrongID, Then: true})

	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return client.DialContext(ctx, network, s.Addr().String())
	}}
	_, list, err := r.LookupSRV(context.Background(), "", "", "_sip._udp.example.com.")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list[0].Target, list[0].Port, s.Asked())
	// Output: a.example.com. 5080 [SRV _sip._udp.example.com]
}
