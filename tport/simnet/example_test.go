package simnet_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
)

// Two hosts on a link of 20 ms, in real time. Inside a test, run the same in
// synctest.Test and it takes no time at all.
func Example() {
	n := simnet.New(simnet.Config{Seed: 1, Link: simnet.Link{Delay: 20 * time.Millisecond}})
	defer n.Close()
	alice := n.MustHost("alice", "192.0.2.1")
	bob := n.MustHost("bob", "192.0.2.2")
	ctx := context.Background()

	server, err := bob.ListenPacket(ctx, "udp", ":5060")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := alice.DialContext(ctx, "udp", "bob:5060")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(client, "OPTIONS sip:bob SIP/2.0\r\n\r\n")
	b := make([]byte, 1500)
	size, from, err := server.ReadFrom(b)
	fmt.Printf("%q from %v, %v\n", b[:size], from, err)
	// Output: "OPTIONS sip:bob SIP/2.0\r\n\r\n" from 192.0.2.1:32768, <nil>
}

// A test of a client that gives up after 32 seconds, which it does at once on
// the clock of the bubble.
func ExampleNetwork_Partition() {
	test := func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(simnet.Config{})
			defer n.Close()
			defer n.Report(t)
			alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
			n.Partition(alice, bob, true)

			c, err := alice.DialContext(t.Context(), "udp", "bob:5060")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.SetReadDeadline(time.Now().Add(32 * time.Second)); err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(c, "INVITE sip:bob SIP/2.0\r\n\r\n")
			if _, err := c.Read(make([]byte, 1500)); err == nil {
				t.Error("somebody answered")
			}
		})
	}
	_ = test
}

// Intercept loses one datagram by what it says, and the ladder shows it.
func ExampleNetwork_Intercept() {
	n := simnet.New(simnet.Config{})
	defer n.Close()
	alice, bob := n.MustHost("alice", "192.0.2.1"), n.MustHost("bob", "192.0.2.2")
	lost := false
	n.Intercept(func(d simnet.Datagram) simnet.Verdict {
		if !lost && bytes.HasPrefix(d.Payload, []byte("ACK ")) {
			lost = true
			return simnet.Verdict{Drop: true}
		}
		return simnet.Verdict{}
	})
	if _, err := bob.ListenPacket(context.Background(), "udp", ":5060"); err != nil {
		fmt.Println(err)
	}
	c, err := alice.DialContext(context.Background(), "udp", "bob:5060")
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		fmt.Fprint(c, "ACK sip:bob SIP/2.0\r\n\r\n")
	}
	for _, r := range n.Records() {
		fmt.Println(r.FromHost, "to", r.ToHost, r.Fate, r.First)
	}
	// Output:
	// alice to bob filtered ACK sip:bob SIP/2.0
	// alice to bob delivered ACK sip:bob SIP/2.0
}

// A Host stands in for net.Dialer and net.ListenConfig wherever a program takes
// functions of these shapes.
func ExampleHost() {
	type config struct {
		Dial   func(ctx context.Context, network, address string) (net.Conn, error)
		Listen func(ctx context.Context, network, address string) (net.Listener, error)
	}
	outside := config{new(net.Dialer).DialContext, new(net.ListenConfig).Listen}
	n := simnet.New(simnet.Config{})
	defer n.Close()
	h := n.MustHost("proxy", "192.0.2.10", "2001:db8::10")
	inTests := config{h.DialContext, h.Listen}
	_, _ = outside, inTests

	_, err := inTests.Dial(context.Background(), "tcp", "192.0.2.10:5060")
	fmt.Fprintln(os.Stdout, err)
	// Output: dial tcp 192.0.2.10:5060: connect: connection refused
}

// A phone behind a NAT is reachable where its packets seem to come from, while
// the binding lasts. (Outside a test; inside a synctest bubble it takes no time.)
func ExampleNetwork_NAT() {
	ctx := context.Background()
	n := simnet.New(simnet.Config{})
	defer n.Close()
	nat := n.MustNAT("router", simnet.NATConfig{UDPLifetime: 30 * time.Millisecond}, "203.0.113.1")
	phone := nat.MustHost("phone", "192.168.0.2")
	server := n.MustHost("server", "198.51.100.1")

	p, _ := phone.ListenPacket(ctx, "udp", ":5060")
	s, _ := server.ListenPacket(ctx, "udp", ":5060")
	p.WriteTo([]byte("register"), net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.1:5060")))
	b := make([]byte, 100)
	k, from, _ := s.ReadFrom(b)
	fmt.Println(string(b[:k]), "from", from)
	s.WriteTo([]byte("ok"), from)
	k, _, _ = p.ReadFrom(b)
	fmt.Println(string(b[:k]))

	time.Sleep(40 * time.Millisecond)
	fmt.Println(len(nat.Mappings()), "bindings left")
	// Output:
	// register from 203.0.113.1:20001
	// ok
	// 0 bindings left
}
