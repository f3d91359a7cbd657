package nua_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
)

// callCase is one call and what its two users saw. Its fields are guarded by
// weather.mu until all users are gone.
type callCase struct {
	plan   plan
	calls  [2]*nua.Call // by caller and callee
	invite error        // of Invite
	ops    []operation
	ready  [2]chan struct{}    // closed when a side has done what it wanted
	sent   []string            // bodies of MESSAGE that were answered 200
	last   [2]nua.StateChanged // the last event of each side
	extra  int                 // further calls that one INVITE made
}

// operation is a method that was called, and what it returned.
type operation struct {
	side side
	name string
	err  error
}

func (w *weather) context() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), patience)
}

// did notes the result of a method.
func (w *weather) did(c *callCase, s side, name string, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.ops = append(c.ops, operation{s, name, err})
	return err
}

// gate returns the channel that tells that a side is through.
func (w *weather) gate(c *callCase, s side) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.ready[0] == nil {
		c.ready = [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	}
	return c.ready[s-1]
}

// caller is the user who calls.
func (w *weather) caller(c *callCase) {
	p := c.plan
	from := 0
	if p.reverse {
		from = 1
	}
	time.Sleep(p.start)
	ctx, cancel := w.context()
	defer cancel()
	watch := ctx
	if p.kind == abandoned {
		var stop context.CancelFunc
		watch, stop = context.WithTimeout(ctx, p.giveUp)
		defer stop()
	}
	cfg := nua.CallConfig{From: fmt.Sprintf("sip:from%d@%s", p.n, address(from)), Offerless: p.offerless}
	if p.kind == impatient {
		cfg.InviteTimeout = 5 * time.Second
	}
	call, err := w.uas[from].Invite(watch, fmt.Sprintf("sip:to%d@%s", p.n, address(1-from)), cfg)
	w.mu.Lock()
	c.calls[0], c.invite = call, err
	w.mu.Unlock()
	if err != nil {
		return
	}
	switch p.kind {
	case given:
		w.users.Go(func() {
			time.Sleep(p.giveUp)
			if err := w.did(c, calling, "Cancel", call.Cancel()); errors.Is(err, nua.ErrWrongState) {
				ctx, cancel := w.context()
				defer cancel()
				w.did(c, calling, "Bye", call.Bye(ctx))
			}
		})
	case hungUp:
		w.users.Go(func() {
			time.Sleep(p.giveUp)
			ctx, cancel := w.context()
			defer cancel()
			w.did(c, calling, "Bye", call.Bye(ctx))
		})
	}
	w.converse(ctx, c, call, calling)
	w.drain(ctx, c, call, calling)
}

// callee is the user who is called.
func (w *weather) callee(call *nua.Call) {
	w.users.Add(1)
	defer w.users.Done()
	uri, _ := call.Request().URI()
	n, err := strconv.Atoi(strings.TrimPrefix(uri.User, "to"))
	if err != nil || n >= len(w.cases) {
		w.fault("INVITE for %q", uri.User)
		return
	}
	c := w.cases[n]
	w.mu.Lock()
	if c.calls[1] != nil {
		c.extra++
		w.mu.Unlock()
		return
	}
	c.calls[1] = call
	w.mu.Unlock()
	p := c.plan
	ctx, cancel := w.context()
	defer cancel()

	time.Sleep(p.ring)
	if p.progress && p.kind != refused {
		w.did(c, called, "Progress", call.Progress(ctx))
	} else {
		w.did(c, called, "Ring", call.Ring())
	}
	time.Sleep(p.answer)
	switch p.kind {
	case refused:
		var set []msg.Setter
		if p.status == 302 {
			set = append(set, sip.Contact.Text("<sip:elsewhere@10.0.0.9>"))
		}
		w.did(c, called, "Reject", call.Reject(p.status, set...))
	case declined:
		w.did(c, called, "Bye", call.Bye(ctx))
	case ignored, impatient:
	default:
		if w.did(c, called, "Answer", call.Answer(ctx)) == nil {
			w.converse(ctx, c, call, called)
		}
	}
	w.drain(ctx, c, call, called)
}

// converse is what either user does once the call is up, until it has ended.
func (w *weather) converse(ctx context.Context, c *callCase, call *nua.Call, s side) {
	p := c.plan
	defer func() { <-call.Done() }()
	if call.Wait(ctx, nua.Ready) != nil {
		return
	}
	if p.kind == collided {
		w.collide(ctx, c, call, s)
		return
	}
	for i := range p.messages[s-1] {
		w.send(ctx, c, call, s, i)
	}
	if p.holds(s) {
		w.hold(ctx, c, call, s)
	}
	// The other side may still be at it; only then is the call hung up.
	close(w.gate(c, s))
	select {
	case <-w.gate(c, both-s):
	case <-call.Done():
		return
	}
	if p.ends(s) {
		time.Sleep(p.length)
		w.did(c, s, "Bye", call.Bye(ctx))
	}
}

func (w *weather) send(ctx context.Context, c *callCase, call *nua.Call, s side, i int) {
	body := fmt.Sprintf("call %d %v %d", c.plan.n, s, i)
	_, err := call.SendMessage(ctx, "text/plain", body)
	if w.did(c, s, "SendMessage", err) == nil {
		w.mu.Lock()
		c.sent = append(c.sent, body)
		w.mu.Unlock()
	}
}

func (w *weather) hold(ctx context.Context, c *callCase, call *nua.Call, s side) {
	alone := c.plan.holder == s
	if w.did(c, s, "Hold", call.Hold(ctx)) != nil {
		return
	}
	if alone {
		w.direction(c, s, call, "a=sendonly", "a=recvonly")
	}
	time.Sleep(c.plan.length / 2)
	if w.did(c, s, "Resume", call.Resume(ctx)) == nil && alone {
		w.direction(c, s, call, "", "")
	}
}

// direction compares the media direction with what it must be.
func (w *weather) direction(c *callCase, s side, call *nua.Call, local, remote string) {
	for text, want := range map[string]string{call.LocalSDP(): local, call.RemoteSDP(): remote} {
		for _, a := range [...]string{"a=sendonly", "a=recvonly", "a=inactive"} {
			if strings.Contains(text, a+"\r\n") != (a == want) {
				w.fault("%v: %v: want direction %q in:\n%s", c.plan, s, want, text)
			}
		}
	}
}

// collide has one side hang up while the other changes the session.
func (w *weather) collide(ctx context.Context, c *callCase, call *nua.Call, s side) {
	if c.plan.ends(s) {
		time.Sleep(time.Second + c.plan.lag)
		w.did(c, s, "Bye", call.Bye(ctx))
		return
	}
	time.Sleep(time.Second)
	w.users.Go(func() {
		ctx, cancel := w.context()
		defer cancel()
		w.send(ctx, c, call, s, 9)
	})
	w.did(c, s, "Hold", call.Hold(ctx))
}

// drain reads the events of a call that has ended. The last one is there, even
// though nobody read until now.
func (w *weather) drain(ctx context.Context, c *callCase, call *nua.Call, s side) {
	<-call.Done()
	var last nua.Event
	for ev, err := range call.Events(ctx) {
		if err != nil {
			w.fault("%v: %v: events: %v", c.plan, s, err)
		}
		last = ev
	}
	changed, ok := last.(nua.StateChanged)
	if !ok || changed.State != nua.Terminated {
		w.fault("%v: %v: last event is %v", c.plan, s, last)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	c.last[s-1] = changed
}
