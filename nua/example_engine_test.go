package nua_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gosofia/sofia/nua"
)

// bridge is the media engine of the calls of a click-to-dial service, which has
// no media of its own: what one party offers is offered to the other, and the
// answer handed back (RFC 3725 section 4.1).
type bridge struct {
	offer  string              // to make, of the other party
	answer chan string         // of the second party, to the first
	offers func(remote string) // takes the offer of the first party
}

func (b *bridge) Offer(context.Context) (string, error) {
	if b.offer == "" {
		return "", errors.New("nothing to offer")
	}
	return b.offer, nil
}

func (b *bridge) Answer(ctx context.Context, remote string) (string, error) {
	if b.offers == nil {
		return "", errors.New("no changes")
	}
	b.offers(remote)
	select {
	case answer := <-b.answer: // an Engine may take its time
		return answer, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (b *bridge) SetAnswer(_ context.Context, remote string) error {
	b.answer <- remote
	return nil
}

func (b *bridge) Rollback()    {}
func (b *bridge) Activate()    {}
func (b *bridge) Close() error { return nil }

// Click to dial: call the first party without an offer, offer what it offers to
// the second, and give the first party the second's answer in the ACK.
func ExampleEngine() {
	ctx := context.Background()
	phone := func(media string) (*nua.UA, string) {
		ua, err := nua.New(nua.Config{
			Media:   media,
			Handler: nua.Handler{Invite: func(ctx context.Context, call *nua.Call) { _ = call.Answer(ctx) }},
		})
		if err != nil {
			log.Fatal(err)
		}
		if err := ua.Listen(ctx, "udp:127.0.0.1:0"); err != nil {
			log.Fatal(err)
		}
		return ua, ua.Agent().Contact("", "udp").URI.String()
	}
	alice, aliceURI := phone("m=audio 5004 RTP/AVP 0 8")
	defer alice.Close()
	bob, bobURI := phone("m=audio 5006 RTP/AVP 8")
	defer bob.Close()
	dialler, _ := phone("")
	defer dialler.Close()

	answer := make(chan string, 1)
	second := make(chan *nua.Call, 1)
	first, err := dialler.Invite(ctx, aliceURI, nua.CallConfig{Offerless: true, Engine: &bridge{
		answer: answer,
		offers: func(remote string) {
			call, err := dialler.Invite(ctx, bobURI, nua.CallConfig{Engine: &bridge{offer: remote, answer: answer}})
			if err != nil {
				log.Fatal(err)
			}
			second <- call
		},
	}})
	if err != nil {
		log.Fatal(err)
	}
	if err := first.Wait(ctx, nua.Ready); err != nil {
		log.Fatal(err)
	}
	other := <-second
	if err := other.Wait(ctx, nua.Ready); err != nil {
		log.Fatal(err)
	}
	fmt.Println(first.State(), other.State())
	fmt.Println("alice hears what bob chose:", first.LocalSDP() == other.RemoteSDP())
	fmt.Println(first.Bye(ctx), other.Bye(ctx))
	// Output:
	// ready ready
	// alice hears what bob chose: true
	// <nil> <nil>
}
