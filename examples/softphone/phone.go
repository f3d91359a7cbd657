package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

const (
	answerWait = 15 * time.Second // how long one command may wait for the peer
	quitWait   = 8 * time.Second  // how long the end may take
	maxText    = 64 << 10         // octets of one command line
)

// phone is a user agent with at most one call in hand: a second one that comes
// in is answered 486.
type phone struct {
	ua     *nua.UA
	out    *printer
	auto   bool
	events *nua.Queue // of every call and registration

	mu           sync.Mutex
	call         *nua.Call
	calls        int // made or received so far
	numbers      map[*nua.Call]int
	registration *nua.Registration
}

func newPhone(out *printer, auto bool) *phone {
	return &phone{out: out, auto: auto, events: nua.NewQueue(0), numbers: map[*nua.Call]int{}}
}

// run obeys stdin until it ends, or quit, or ctx ends.
func (p *phone) run(ctx context.Context, stdin io.Reader) int {
	var printing sync.WaitGroup
	printing.Go(p.printEvents)
	for _, primary := range p.ua.Agent().Transport().Primaries() {
		p.out.print(record{Event: "listening", URI: primary.Proto() + ":" + primary.Addr().String()})
	}
	done := make(chan struct{})
	defer close(done)
	lines := p.readLines(stdin, done)
	for reading := true; reading; {
		select {
		case line, more := <-lines:
			reading = more && p.obey(ctx, line)
		case <-ctx.Done():
			reading = false
		}
	}
	quit, cancel := context.WithTimeout(context.WithoutCancel(ctx), quitWait)
	defer cancel()
	err := p.ua.Shutdown(quit)
	p.events.Close()
	printing.Wait()
	if err != nil {
		p.out.fail(fmt.Errorf("quit: %w", err))
		return 1
	}
	p.out.print(record{Event: "bye"})
	return 0
}

// readLines reads on a goroutine of its own, because a terminal cannot be
// waited for together with a context. That goroutine ends with stdin, or at
// the first line after done. A line over maxText is skipped with an error.
func (p *phone) readLines(stdin io.Reader, done <-chan struct{}) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		in := bufio.NewReaderSize(stdin, maxText)
		long := false // inside a line that is being skipped
		for {
			b, err := in.ReadSlice('\n')
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
				if !long {
					p.out.fail(fmt.Errorf("standard input: a line of more than %d octets is skipped", maxText))
				}
				long = true
				continue
			case !long && len(b) > 0:
				select {
				case lines <- string(b):
				case <-done:
					return
				}
			}
			long = false
			if err != nil {
				if err != io.EOF {
					p.out.fail(fmt.Errorf("standard input: %w", err))
				}
				return
			}
		}
	}()
	return lines
}

// obey carries out one line and tells whether to go on. What goes wrong is one
// line of output.
func (p *phone) obey(ctx context.Context, line string) bool {
	if strings.TrimSpace(line) == "" {
		return true
	}
	c, err := parseCommand(line)
	if err != nil {
		p.out.fail(err)
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	switch c.verb {
	case "quit":
		return false
	case "help":
		for text := range strings.SplitSeq(helpText(), "\n") {
			p.out.print(record{Event: "help", Text: text})
		}
	case "status":
		p.status()
	case "register":
		err = p.register(ctx)
	case "unregister":
		err = p.unregister(ctx)
	case "message":
		var resp sip.Response
		resp, err = p.ua.SendMessage(ctx, c.uri, "text/plain", c.text)
		p.done("message", c.uri, resp, err)
	case "options":
		var resp sip.Response
		resp, err = p.ua.Options(ctx, c.uri)
		p.done("options", c.uri, resp, err)
	case "call":
		err = p.dial(c.uri)
	default:
		err = p.inCall(ctx, c)
	}
	if err != nil {
		p.failed(c.verb, err)
	}
	return true
}

// inCall carries out the commands that need a call.
func (p *phone) inCall(ctx context.Context, c command) error {
	p.mu.Lock()
	call := p.call
	p.mu.Unlock()
	if call == nil {
		return errors.New("there is no call")
	}
	switch c.verb {
	case "answer":
		return call.Answer(ctx)
	case "reject":
		return call.Reject(c.code)
	case "cancel":
		return call.Cancel()
	case "hold":
		return call.Hold(ctx)
	case "resume":
		return call.Resume(ctx)
	case "hangup":
		return call.Bye(ctx)
	}
	return fmt.Errorf("%s does nothing here", c.verb)
}

// dial starts a call and leaves it to its events.
func (p *phone) dial(uri string) error {
	n, err := p.invite(uri)
	if err == nil {
		p.out.print(record{Event: "calling", Call: n, URI: uri})
	}
	return err
}

// invite makes the call the one in hand before anyone sees an event of it:
// Invite does not wait, and printEvents waits for mu.
func (p *phone) invite(uri string) (number int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.call != nil {
		return 0, errors.New("there is a call already: hang up first")
	}
	if p.call, err = p.ua.Invite(context.Background(), uri, nua.CallConfig{}); err != nil {
		p.call = nil
		return 0, err
	}
	return p.number(p.call), nil
}

// incoming is the handler of calls.
func (p *phone) incoming(ctx context.Context, call *nua.Call) {
	n, first := p.take(call)
	if !first {
		_ = call.Reject(486)
		return
	}
	from, _ := call.Request().From()
	p.out.print(record{Event: "incoming", Call: n, From: from.URI.String()})
	var err error
	if p.auto {
		err = call.Answer(ctx)
	} else {
		err = call.Ring()
	}
	if err != nil && ctx.Err() == nil {
		p.failed("answer", err)
	}
}

// message is the handler of MESSAGE.
func (p *phone) message(_ context.Context, r *nua.Request) {
	p.out.print(record{Event: "message", From: r.From().URI.String(), Text: r.Body()})
	_ = r.Reply(200)
}

// number gives the call its number. The caller holds mu.
func (p *phone) number(call *nua.Call) int {
	if n, known := p.numbers[call]; known {
		return n
	}
	p.calls++
	p.numbers[call] = p.calls
	return p.calls
}

// take makes a call that came in the one in hand if there is none.
func (p *phone) take(call *nua.Call) (number int, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.numbers[call]; !known && call.State() == nua.Terminated {
		return 0, false // its last event has been printed, or it will be numbered then
	}
	if p.call == nil {
		p.call = call
	}
	return p.number(call), p.call == call
}

// called returns the number of the call an event is about, 0 for none. The
// last event of every call releases it.
func (p *phone) called(call *nua.Call) int {
	if call == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.number(call)
}

// release forgets a call that is over and returns its number.
func (p *phone) release(call *nua.Call) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.number(call)
	delete(p.numbers, call)
	if p.call == call {
		p.call = nil
	}
	return n
}

func (p *phone) register(ctx context.Context) error {
	p.mu.Lock()
	registration := p.registration
	p.mu.Unlock()
	if registration != nil {
		return registration.Refresh(ctx)
	}
	registration, err := p.ua.Register(ctx, nua.RegisterConfig{})
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.registration = registration
	p.mu.Unlock()
	return nil
}

func (p *phone) unregister(ctx context.Context) error {
	p.mu.Lock()
	registration := p.registration
	p.registration = nil
	p.mu.Unlock()
	if registration == nil {
		return errors.New("not registered")
	}
	return registration.Unregister(ctx)
}

func (p *phone) status() {
	p.mu.Lock()
	call, registration := p.call, p.registration
	p.mu.Unlock()
	r := record{Event: "status", Text: "not registered"}
	if registration != nil {
		r.Text = registration.State().String()
	}
	if call != nil {
		r.State = call.State().String()
	}
	p.out.print(r)
}

// done prints the good end of a request outside a call.
func (p *phone) done(what, uri string, resp sip.Response, err error) {
	if err == nil {
		p.out.print(record{Event: "ok", URI: uri, Status: resp.Status(), Phrase: resp.Phrase(), Text: what})
	}
}

// failed prints the bad end of a command.
func (p *phone) failed(verb string, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer in %v", answerWait)
	}
	r := record{Event: "error", Text: shorten(verb + ": " + err.Error())}
	describe(&r, err)
	p.out.print(r)
}

// describe adds to r what a refusal says.
func describe(r *record, err error) {
	refused, ok := errors.AsType[*sip.StatusError](err)
	if !ok {
		return
	}
	r.Status, r.Phrase = refused.Response.Status(), refused.Response.Phrase()
	var targets []string
	for _, target := range refused.Targets() {
		targets = append(targets, target.URI.String())
	}
	r.Targets = strings.Join(targets, ",")
}

// traceTo writes every message to w.
func traceTo(w io.Writer) *tport.Trace {
	var mu sync.Mutex
	show := func(word string, flow *tport.Flow, m *msg.Message) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(w, "%s %s %s/%s\n%s\n", time.Now().Format("15:04:05.000"), word, flow.Proto(), flow.Remote(), m)
	}
	return &tport.Trace{
		Received: func(d *tport.Delivery) { show("received from", d.Flow, d.Msg) },
		Sent:     func(flow *tport.Flow, m *msg.Message, _ int) { show("sent to", flow, m) },
	}
}
