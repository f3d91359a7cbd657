package sresolv_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/gosofia/sofia/sresolv"
)

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
