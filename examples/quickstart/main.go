// Quickstart runs the main job of the library in one process, on loopback and
// on embedded defaults: a small registrar-proxy written on nta and two phones
// written on nua. Both register with a digest (one first with a wrong password,
// to show what that looks like), one calls the other through the proxy, they
// exchange a MESSAGE, hold, resume and hang up, and both unregister. The SIP
// ladder is printed as it happens, one arrow a message, and a line of totals
// ends it.
//
//	go run ./examples/quickstart                 # over UDP
//	go run ./examples/quickstart -transport tcp
//	go run ./examples/quickstart -v              # with the messages whole
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

const domain = "quickstart.test"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its surroundings handed in; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	transport := flags.String("transport", "udp", "udp or tcp")
	verbose := flags.Bool("v", false, "print the messages whole")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *transport != "udp" && *transport != "tcp" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "quickstart: -transport is udp or tcp, and nothing stands behind the flags")
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Second)
	defer cancel()
	start := time.Now()
	l := newLadder(stdout, *verbose, "alice", "proxy", "bob")
	if err := show(ctx, l, *transport); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	messages, requests := l.totals()
	fmt.Fprintf(stdout, "done: 2 registrations, 1 call, %d messages (%d requests) over %s in %.2f s\n",
		messages, requests, *transport, time.Since(start).Seconds())
	return 0
}

// show is the story that the ladder tells.
func show(ctx context.Context, l *ladder, transport string) (err error) {
	passwords := map[string]string{"alice": "wonderland", "bob": "builder"}
	proxy, stop, err := startSite(ctx, l, transport, passwords)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(context.WithoutCancel(ctx))) }()
	l.title()

	l.say("alice tries a wrong password")
	intruder, err := startPhone(ctx, l, "alice", "guess", transport, proxy, nua.Handler{})
	if err != nil {
		return err
	}
	_, err = intruder.Register(ctx, nua.RegisterConfig{})
	if err == nil {
		return errors.New("the wrong password was accepted")
	}
	l.say("refused, as it should be: %v", err)
	if err := intruder.Shutdown(ctx); err != nil {
		return err
	}

	bobCalls := make(chan *nua.Call, 1)
	heard := make(chan string, 1)
	bob, err := startPhone(ctx, l, "bob", passwords["bob"], transport, proxy, nua.Handler{
		Invite: func(ctx context.Context, call *nua.Call) {
			if call.Ring() == nil && call.Answer(ctx) == nil {
				bobCalls <- call
			}
		},
		Message: func(ctx context.Context, r *nua.Request) {
			if r.Reply(200) == nil {
				heard <- r.Message().Body()
			}
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bob.Shutdown(context.WithoutCancel(ctx))) }()
	alice, err := startPhone(ctx, l, "alice", passwords["alice"], transport, proxy, nua.Handler{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alice.Shutdown(context.WithoutCancel(ctx))) }()

	l.say("both register")
	aliceThere, err := alice.Register(ctx, nua.RegisterConfig{})
	if err != nil {
		return fmt.Errorf("alice registers: %w", err)
	}
	bobThere, err := bob.Register(ctx, nua.RegisterConfig{})
	if err != nil {
		return fmt.Errorf("bob registers: %w", err)
	}

	l.say("alice calls bob")
	call, err := alice.Invite(ctx, "sip:bob@"+domain, nua.CallConfig{})
	if err != nil {
		return err
	}
	if err := call.Wait(ctx, nua.Ready); err != nil {
		return fmt.Errorf("alice calls bob: %w", err)
	}
	var answered *nua.Call
	select {
	case answered = <-bobCalls:
	case <-ctx.Done():
		return ctx.Err()
	}
	l.say("a MESSAGE beside the call")
	if _, err := alice.SendMessage(ctx, "sip:bob@"+domain, "text/plain", "Can you hear me?"); err != nil {
		return fmt.Errorf("alice writes: %w", err)
	}
	l.say("bob reads: %q", <-heard)

	l.say("alice holds, and resumes")
	if err := call.Hold(ctx); err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	if err := call.Resume(ctx); err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	l.say("bob hangs up")
	if err := answered.Bye(ctx); err != nil {
		return fmt.Errorf("bye: %w", err)
	}
	if err := call.Wait(ctx, nua.Terminated); err != nil {
		return err
	}
	l.say("both unregister")
	return errors.Join(aliceThere.Unregister(ctx), bobThere.Unregister(ctx))
}

// startSite starts the registrar-proxy and returns its address as a URI.
func startSite(ctx context.Context, l *ladder, transport string, passwords map[string]string) (string, func(context.Context) error, error) {
	s, err := newSite(domain, passwords)
	if err != nil {
		return "", nil, err
	}
	s.agent, err = nta.New(nta.Config{Transport: tport.Config{Trace: l.trace("proxy")}, Serve: s.serve})
	if err != nil {
		return "", nil, err
	}
	primary, err := s.agent.Listen(ctx, tport.Name{Proto: transport, Host: "127.0.0.1"})
	if err != nil {
		return "", nil, errors.Join(err, s.agent.Close())
	}
	l.learn(primary.Addr(), l.column("proxy"))
	s.route = sip.NameAddr{URI: address(primary.Addr(), transport)}
	s.route.URI.Params = s.route.URI.Params.With("lr", "")
	return address(primary.Addr(), transport).String(), s.agent.Shutdown, nil
}

func address(addr netip.AddrPort, transport string) sip.URI {
	uri := sip.URI{Scheme: "sip", Host: addr.Addr().String(), Port: addr.Port()}
	if transport != "udp" {
		uri.Params = uri.Params.With("transport", transport)
	}
	return uri
}

// startPhone starts one user agent on a port of its own.
func startPhone(ctx context.Context, l *ladder, user, password, transport, proxy string, handler nua.Handler) (*nua.UA, error) {
	phone, err := nua.New(nua.Config{
		Identity:  "sip:" + user + "@" + domain,
		Registrar: "sip:" + domain,
		Proxy:     proxy,
		Auth:      []auth.User{{Realm: domain, Username: user, Password: password}},
		Handler:   handler,
		Agent:     nta.Config{Transport: tport.Config{Trace: l.trace(user)}},
	})
	if err != nil {
		return nil, err
	}
	if err := phone.Listen(ctx, transport+":127.0.0.1:0"); err != nil {
		return nil, errors.Join(err, phone.Close())
	}
	for _, primary := range phone.Agent().Transport().Primaries() {
		l.learn(primary.Addr(), l.column(user))
	}
	return phone, nil
}
