package nua_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nua"
)

// A phone: it registers, calls bob, talks for a minute, hangs up.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	ua, err := nua.New(nua.Config{
		Identity:  "sip:alice@lab.test",
		Registrar: "sip:lab.test",
		Proxy:     "sip:lab.test",
		Auth:      []auth.User{{Username: "alice", Password: os.Getenv("PASSWORD")}},
		Media:     "m=audio 5004 RTP/AVP 0 8",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer ua.Shutdown(context.Background()) // hangs up, unregisters, closes
	if err := ua.Listen(ctx, "udp:192.0.2.1:5060", "tcp:192.0.2.1:5060"); err != nil {
		log.Fatal(err)
	}
	if _, err := ua.Register(ctx, nua.RegisterConfig{}); err != nil {
		log.Fatal(err)
	}
	call, err := ua.Invite(ctx, "sip:bob@lab.test", nua.CallConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := call.Wait(ctx, nua.Ready); err != nil {
		log.Fatal(err) // a *sip.StatusError says what bob answered
	}
	time.Sleep(time.Minute)
	if err := call.Bye(ctx); err != nil {
		log.Print(err)
	}
}

// A callee that rings for two seconds and then answers.
func ExampleHandler() {
	handler := nua.Handler{
		Invite: func(ctx context.Context, call *nua.Call) {
			from, _ := call.Request().From()
			log.Printf("%s is calling", from.URI.User)
			_ = call.Ring()
			select {
			case <-time.After(2 * time.Second):
				_ = call.Answer(ctx)
			case <-ctx.Done(): // the caller gave up
			}
		},
		Message: func(_ context.Context, request *nua.Request) {
			log.Print(request.Body())
			_ = request.Reply(200)
		},
	}
	_ = nua.Config{Identity: "sip:bob@lab.test", Handler: handler}
}

// One goroutine serves every call of a user agent: all events go to one queue.
func ExampleQueue() {
	ctx := context.Background()
	queue := nua.NewQueue(0)
	ua, err := nua.New(nua.Config{Identity: "sip:bot@lab.test", Events: queue})
	if err != nil {
		log.Fatal(err)
	}
	defer ua.Close()
	for event, err := range queue.Events(ctx) {
		if err != nil {
			return
		}
		switch event := event.(type) {
		case nua.StateChanged:
			if event.State == nua.Received {
				_ = event.Call().Answer(ctx)
			}
		case nua.EventsLost:
			log.Printf("%s: %d events lost", event.Handle().ID(), event.N)
		}
	}
}

func ExampleCallState() {
	fmt.Println(nua.Calling, nua.Proceeding, nua.Completing, nua.Ready, nua.Terminated)
	// Output: calling proceeding completing ready terminated
}
