package nta_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// listen makes an agent on a free UDP port of the loopback interface.
func listen(cfg nta.Config) *nta.Agent {
	agent, err := nta.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	if _, err = agent.Listen(context.Background(), tport.Name{Proto: "udp", Host: "127.0.0.1"}); err != nil {
		log.Fatal(err)
	}
	return agent
}

// A server that answers OPTIONS, and a client that asks it.
func Example() {
	ctx := context.Background()
	server := listen(nta.Config{Serve: func(in *nta.Incoming) {
		_ = in.Reply(200, sip.Allow.Set("OPTIONS"))
	}})
	defer server.Close()
	client := listen(nta.Config{})
	defer client.Close()

	to := server.Contact("bob", "udp")
	req, err := sip.NewRequest("OPTIONS", to.URI,
		sip.From.Set(client.Contact("alice", "udp").WithTag(client.NewTag())),
		sip.To.Set(to),
		sip.CallID.Set(client.NewCallID()),
		sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}))
	if err != nil {
		log.Fatal(err)
	}
	out, err := client.Send(req, nta.SendConfig{})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := out.Final(ctx)
	if err != nil {
		log.Fatal(err)
	}
	allow, _ := sip.Allow.Raw(resp)
	fmt.Println(resp.Status(), resp.Phrase(), allow)
	// Output: 200 OK OPTIONS
}

// A call on the blocking floor, both sides: the dialog, the answer, its ACK,
// and the BYE.
func Example_call() {
	ctx := context.Background()
	acknowledged := make(chan struct{})
	callee := listen(nta.Config{Serve: func(in *nta.Incoming) {
		switch in.Request().Method() {
		case "INVITE":
			self := in.Agent().ContactOn("bob", in.Flow())
			if _, err := in.Dialog(nta.LegConfig{Contact: self}); err != nil {
				return
			}
			in.Async() // from here on a BYE need not wait for us
			_ = in.Reply(200)
			if _, err := in.Ack(ctx); err == nil {
				fmt.Println("callee: acknowledged")
			}
			close(acknowledged)
		case "BYE":
			in.Leg().End()
			_ = in.Reply(200)
		}
	}})
	defer callee.Close()
	caller := listen(nta.Config{})
	defer caller.Close()

	to := callee.Contact("bob", "udp")
	self := caller.Contact("alice", "udp")
	req, err := sip.NewRequest("INVITE", to.URI,
		sip.From.Set(self.WithTag(caller.NewTag())), sip.To.Set(to),
		sip.CallID.Set(caller.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "INVITE"}),
		sip.Contact.Set(self))
	if err != nil {
		log.Fatal(err)
	}
	out, err := caller.Send(req, nta.SendConfig{})
	if err != nil {
		log.Fatal(err)
	}
	resp, err := out.Final(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("caller:", resp.Status())
	leg, err := out.Dialog(resp, nta.LegConfig{Contact: self})
	if err != nil {
		log.Fatal(err)
	}
	if err := out.Ack(resp); err != nil {
		log.Fatal(err)
	}
	<-acknowledged
	bye, err := leg.Send("BYE")
	if err != nil {
		log.Fatal(err)
	}
	if resp, err = bye.Final(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("bye:", resp.Status())
	leg.End()
	// Output:
	// caller: 200
	// callee: acknowledged
	// bye: 200
}

// A redirect server keeps nothing: it answers on the goroutine that reads, the
// same request each time with the same tag (RFC 3261 section 8.3).
func ExampleConfig_stateless() {
	ctx := context.Background()
	moved := sip.NameAddr{URI: sip.MustParseURI("sip:bob@192.0.2.4")}
	moved.Params = moved.Params.With("q", "0.7")
	var server *nta.Agent // set before it listens, so that the hook sees it
	server, err := nta.New(nta.Config{Stateless: func(_ *nta.Agent, d *tport.Delivery) nta.Verdict {
		switch req, isRequest := sip.AsRequest(d.Msg); {
		case !isRequest || req.Method() == sip.MethodAck: // an ACK ends here
			return nta.Drop
		case req.Method() == sip.MethodInvite:
			_ = server.ReplyStateless(d, 302, sip.Contact.Set(moved))
		default:
			_ = server.ReplyStateless(d, 405, sip.Allow.Set(sip.MethodInvite, sip.MethodAck))
		}
		return nta.Handled
	}})
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if _, err = server.Listen(ctx, tport.Name{Proto: "udp", Host: "127.0.0.1"}); err != nil {
		log.Fatal(err)
	}
	client := listen(nta.Config{})
	defer client.Close()

	to := server.Contact("bob", "udp")
	req, err := sip.NewRequest(sip.MethodInvite, to.URI,
		sip.From.Set(client.Contact("alice", "udp").WithTag(client.NewTag())), sip.To.Set(to),
		sip.CallID.Set(client.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: sip.MethodInvite}))
	if err != nil {
		log.Fatal(err)
	}
	out, err := client.Send(req, nta.SendConfig{})
	if err != nil {
		log.Fatal(err)
	}
	resp, _ := out.Final(ctx) // the error is a *sip.StatusError
	contact, _ := sip.Contact.Raw(resp)
	fmt.Println(resp.Status(), contact, server.Stats().Transactions)
	// Output: 302 <sip:bob@192.0.2.4>;q=0.7 0
}
