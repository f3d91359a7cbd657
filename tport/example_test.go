package tport_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
)

const (
	request = "OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n"
	answer  = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"
)

// Two transports in one program: a server that answers each request on the flow
// it came in by, and a client that sends one over TCP.
func Example() {
	// The grammar; for SIP this is sip.Class().
	class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()})
	ctx := context.Background()

	server, err := tport.New(tport.Config{
		Class: class,
		Deliver: func(d *tport.Delivery) {
			if d.Err != nil {
				return // refused; an agent would answer 400
			}
			fmt.Println("server got", d.Msg.Method(), "over", d.Flow.Proto())
			m, err := msg.Parse(class, answer, msg.Limits{})
			if err == nil {
				err = d.Flow.Send(m)
			}
			if err != nil {
				log.Print(err)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown(ctx)
	at, err := server.Listen(ctx, tport.Name{Proto: tport.TCP, Host: "127.0.0.1"})
	if err != nil {
		log.Fatal(err)
	}

	answered := make(chan int)
	client, err := tport.New(tport.Config{
		Class:   class,
		Deliver: func(d *tport.Delivery) { answered <- d.Msg.Status() },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Shutdown(ctx)
	flow, err := client.Dial(ctx, tport.Name{Proto: tport.TCP, Host: "127.0.0.1", Port: at.Addr().Port()})
	if err != nil {
		log.Fatal(err)
	}
	m, err := msg.Parse(class, request, msg.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	if err := flow.Send(m); err != nil {
		log.Fatal(err)
	}
	fmt.Println("client got", <-answered)
	// Output:
	// server got OPTIONS over tcp
	// client got 200
}
