package tport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
)

// Whoever needs a flow, for a registration say, watches it: the flow is then not
// closed as idle, and its end is told at once. The keep-alive finds out when the
// peer is no longer there.
func ExampleFlow_Watch() {
	// A peer that takes connections, and never answers.
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer peer.Close()

	transport, err := tport.New(tport.Config{
		Class:   msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()}),
		Deliver: func(*tport.Delivery) {},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	at := peer.Addr().(*net.TCPAddr).AddrPort()
	flow, err := transport.Dial(context.Background(), tport.Name{Proto: tport.TCP, Host: at.Addr().String(), Port: at.Port()})
	if err != nil {
		log.Fatal(err)
	}

	ended := make(chan error)
	release, err := flow.Watch(func(err error) { ended <- err })
	if err != nil {
		log.Fatal(err) // it has ended already
	}
	defer release()
	// The Flow-Timer of the registrar would go here.
	err = flow.KeepAlive(tport.KeepAlive{Interval: 100 * time.Millisecond, Timeout: 100 * time.Millisecond})
	if err != nil {
		log.Fatal(err)
	}
	if errors.Is(<-ended, tport.ErrNoPong) {
		fmt.Println("register again over another flow")
	}
	// Output: register again over another flow
}

// Over UDP the probe is whatever the peer answers: mostly a STUN binding request,
// as RFC 5626 section 4.4.2 asks for. The answers do not reach Deliver or Demux.
func ExampleFlow_KeepAlive() {
	echo, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer echo.Close()
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := echo.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = echo.WriteTo(b[:n], from)
		}
	}()

	transport, err := tport.New(tport.Config{
		Class:   msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()}),
		Deliver: func(*tport.Delivery) {},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer transport.Close()
	ctx := context.Background()
	if _, err := transport.Listen(ctx, tport.Name{Proto: tport.UDP, Host: "127.0.0.1"}); err != nil {
		log.Fatal(err)
	}
	at := echo.LocalAddr().(*net.UDPAddr).AddrPort()
	flow, err := transport.Dial(ctx, tport.Name{Proto: tport.UDP, Host: at.Addr().String(), Port: at.Port()})
	if err != nil {
		log.Fatal(err)
	}

	answered := make(chan struct{}, 100)
	err = flow.KeepAlive(tport.KeepAlive{
		Interval: 100 * time.Millisecond, // 29 s is what one would choose
		Probe:    func() []byte { return []byte("are you there?") },
		Match: func(probe, b []byte) (bool, error) {
			answer := bytes.Equal(probe, b)
			if answer {
				answered <- struct{}{}
			}
			return answer, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-answered
	fmt.Println("the way is open")
	// Output: the way is open
}
