package tport_test

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
)

// SIP over WebSocket inside an HTTP server, and a client of it.
func ExampleTransport_WebSocketHandler() {
	class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()}) // that of package sip knows more
	answer, err := msg.Parse(class, "SIP/2.0 200 OK\r\n\r\n", msg.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := tport.New(tport.Config{
		Class:   class,
		Deliver: func(d *tport.Delivery) { _ = d.Flow.Send(answer) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	handler, err := server.WebSocketHandler(tport.Name{Proto: tport.WS})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/sip", handler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	web := &http.Server{Handler: mux}
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	defer func() { web.Close(); <-ended }()

	answers := make(chan *msg.Message, 1)
	client, err := tport.New(tport.Config{
		Class:   class,
		Deliver: func(d *tport.Delivery) { answers <- d.Msg },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	flow, err := client.Dial(context.Background(), tport.Name{
		Proto: tport.WS, Host: at.Addr().String(), Port: at.Port(), Path: "/sip",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := msg.Parse(class, "OPTIONS sip:example.com SIP/2.0\r\n\r\n", msg.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := flow.Send(m); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println((<-answers).Status())
	// Output: 200
}
