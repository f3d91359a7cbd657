// Softphone is a phone for the command line, for people and for scripts. It
// reads commands from standard input, one a line (type help), and writes what
// happens to standard output, one event a line.
//
//	softphone -identity sip:alice@lab.test -password alice-secret \
//	    -registrar sip:127.0.0.1:5060 -proxy sip:127.0.0.1:5060 -listen udp:127.0.0.1:5062
//
// With -json each event is one JSON object. With -auto-answer calls are
// answered at once. The end of standard input, SIGINT and SIGTERM quit: calls are
// ended and the registration is removed first. There is no sound: the session description it
// offers is that of a phone that neither sends nor plays media, unless -media
// gives another.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, tport.Config{}))
}

// options are the flags.
type options struct {
	identity, user, password, realm string
	registrar, proxy                string
	listen                          []string
	media                           string
	expires                         time.Duration
	json, autoAnswer, verbose       bool
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	var o options
	var listen string
	f := flag.NewFlagSet("softphone", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.identity, "identity", "", "who we are: sip:alice@lab.test (needed)")
	f.StringVar(&o.user, "user", "", "user name for authentication (default: the user of the identity)")
	f.StringVar(&o.password, "password", os.Getenv("SOFTPHONE_PASSWORD"), "password; better given as SOFTPHONE_PASSWORD")
	f.StringVar(&o.realm, "realm", "", "the one realm the password is for (default: any)")
	f.StringVar(&o.registrar, "registrar", "", "where to register: sip:lab.test (default: the domain of the identity)")
	f.StringVar(&o.proxy, "proxy", "", "outbound proxy: sip:127.0.0.1:5060")
	f.StringVar(&listen, "listen", "udp:0.0.0.0:0,tcp:0.0.0.0:0", "addresses to listen on, with commas between")
	f.StringVar(&o.media, "media", "", `media lines to offer: "m=audio 5004 RTP/AVP 0 8"; \n separates lines`)
	f.DurationVar(&o.expires, "expires", time.Hour, "life of the registration to ask for")
	f.BoolVar(&o.json, "json", false, "write events as JSON lines")
	f.BoolVar(&o.autoAnswer, "auto-answer", false, "answer calls at once")
	f.BoolVar(&o.verbose, "v", false, "write the messages to standard error")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	fail := func(text string) (options, error) {
		fmt.Fprintln(stderr, "softphone:", text)
		return o, errors.New(text)
	}
	if f.NArg() > 0 {
		return fail(fmt.Sprintf("what is %q? commands go to standard input", f.Arg(0)))
	}
	if o.identity == "" {
		return fail("-identity is missing: say who you are, as in -identity sip:alice@lab.test")
	}
	address, err := sip.ParseNameAddr(o.identity)
	if err != nil {
		return fail(fmt.Sprintf("-identity %q is no SIP address: %v", o.identity, err))
	}
	if o.user == "" {
		o.user = address.URI.User
	}
	o.listen = strings.FieldsFunc(listen, func(c rune) bool { return c == ',' || c == ' ' })
	o.media = strings.ReplaceAll(o.media, `\n`, "\r\n")
	return o, nil
}

// run is main with its surroundings handed in; it returns the exit status.
// transport is the network to use: the zero value is the machine's own.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, transport tport.Config) int {
	o, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	if o.verbose {
		transport.Trace = traceTo(stderr)
	}
	p := newPhone(&printer{w: stdout, json: o.json}, o.autoAnswer)
	p.ua, err = nua.New(nua.Config{
		Identity:  o.identity,
		Registrar: o.registrar,
		Proxy:     o.proxy,
		Auth:      []auth.User{{Realm: o.realm, Username: o.user, Password: o.password}},
		Media:     o.media,
		Expires:   o.expires,
		Agent:     nta.Config{Transport: transport},
		Handler:   nua.Handler{Invite: p.incoming, Message: p.message},
		Events:    p.events,
	})
	if err != nil {
		fmt.Fprintln(stderr, "softphone:", err)
		return 2
	}
	if err := p.ua.Listen(ctx, o.listen...); err != nil {
		fmt.Fprintln(stderr, "softphone:", err)
		_ = p.ua.Close()
		return 1
	}
	return p.run(ctx, stdin)
}
