package tport_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// Two proxies that prove their domains to each other (RFC 5922). The certificates
// come from an authority for tests; elsewhere they are loaded with
// tls.LoadX509KeyPair.
func Example_tls() {
	class := msg.NewClass(msg.ClassConfig{Version: "SIP/2.0", Headers: msg.Common()})
	authority := simnet.NewAuthority("example authority")
	ctx := context.Background()

	got := make(chan []string)
	server, err := tport.New(tport.Config{
		Class:   class,
		Deliver: func(d *tport.Delivery) { got <- d.Identities },
		TLS: &tls.Config{
			Certificates: []tls.Certificate{authority.Issue("sip:example.net")},
			ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: authority.Pool(),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Shutdown(ctx)
	at, err := server.Listen(ctx, tport.Name{Proto: tport.TLS, Host: "127.0.0.1"})
	if err != nil {
		log.Fatal(err)
	}

	client, err := tport.New(tport.Config{
		Class:   class,
		Deliver: func(*tport.Delivery) {},
		TLS: &tls.Config{
			Certificates: []tls.Certificate{authority.Issue("sip:example.com")},
			RootCAs:      authority.Pool(),
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Shutdown(ctx)

	// The domain is that of the URI, the address what was found for it.
	to := tport.Name{Proto: tport.TLS, Host: "127.0.0.1", Port: at.Addr().Port(), ServerName: "example.net"}
	m, err := msg.Parse(class, request, msg.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Send(ctx, to, m); err != nil {
		log.Fatal(err)
	}
	fmt.Println("asked by", <-got)

	to.ServerName = "example.org"
	_, err = client.Dial(ctx, to)
	if refused, ok := errors.AsType[*tport.CertificateError](err); ok {
		fmt.Println("expected", refused.Expected, "but it is", refused.Names)
	}
	// Output:
	// asked by [example.com]
	// expected example.org but it is [example.net]
}
