package soa_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gosofia/sofia/soa"
)

// Two sessions agree on audio; then one puts the other on hold.
func Example() {
	ctx := context.Background()
	alice := soa.New(soa.Config{Address: "192.0.2.1"})
	bob := soa.New(soa.Config{Address: "198.51.100.2"})
	if err := alice.SetUserText("m=audio 5004 RTP/AVP 0 8\r\n"); err != nil {
		fmt.Println(err)
	}
	if err := bob.SetUserText("m=audio 6004 RTP/AVP 8 3\r\n"); err != nil {
		fmt.Println(err)
	}
	exchange := func() error {
		offer, err := alice.Offer(ctx)
		if err != nil {
			return err
		}
		answer, err := bob.Answer(ctx, offer)
		if err != nil {
			alice.Rollback()
			return err
		}
		if err := alice.SetAnswer(ctx, answer); err != nil {
			return err
		}
		alice.Activate()
		bob.Activate()
		return nil
	}
	fmt.Println(exchange(), alice.ActiveAudio(), bob.ActiveAudio(), alice.Active()[0].Codecs[0].Name)
	alice.Hold("*")
	fmt.Println(exchange(), alice.ActiveAudio(), bob.ActiveAudio())
	// Output:
	// <nil> sendrecv sendrecv PCMA
	// <nil> sendonly recvonly
}

// The error of a refused offer has what a SIP response needs.
func ExampleError() {
	s := soa.New(soa.Config{Address: "192.0.2.1"})
	if err := s.SetUserText("m=audio 5004 RTP/AVP 0\r\n"); err != nil {
		fmt.Println(err)
	}
	_, err := s.Answer(context.Background(), "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 9 RTP/AVP 3\r\n")
	var e *soa.Error
	if errors.As(err, &e) {
		fmt.Println(e.Status(), e.WarnCode(), e.Warning())
	}
	// Output:
	// 488 305 Incompatible media format
}
