package nua

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// Call is one call, made by [UA.Invite] or given to [Handler].Invite. It goes
// through the states of [CallState]; what the protocol asks for (ACK,
// retransmissions, credentials, answers to BYE and CANCEL) happens whether or
// not anyone reads its events.
//
// Its methods are safe for concurrent use. A context given to a method bounds
// that wait only; what was begun goes on and is told by events. The one
// exception is the context of [UA.Invite].
type Call struct {
	ua       *UA
	id       string // Call-ID
	incoming bool
	opt      callOptions
	auth     *auth.Client
	events   *source

	// What follows is guarded by the shard of id.

	m         machine
	depth     int // of rows being performed
	invite    sip.Request
	leg       *nta.Leg // the confirmed or (callee) early dialog
	failure   error    // why the call ends, nil when it ends well
	timer     *nta.Timer
	unwatch   func() bool // stops watching the context of Invite
	endInvite context.CancelCauseFunc
	byes      []*pending
	caller    caller
	callee    callee
	media     media
	change    changes
	lane      lane

	// What any goroutine may read.

	mu   sync.Mutex // a leaf
	view callView
}

// callOptions is CallConfig with the defaults filled in.
type callOptions struct {
	offerless, manualAuth, manualAck, manualReinvite bool
	inviteTimeout                                    time.Duration
	engine                                           Engine
	media                                            string
}

// callView is what the getters show.
type callView struct {
	state         CallState
	seen          uint16 // bits of the states the call was in
	err           error
	request       sip.Request
	local, remote string
	engine        Engine
	changed       chan struct{} // closed at the next change; nil when nobody waits
	done          chan struct{} // closed at the end; nil when nobody asked
}

// pending is an operation some goroutine waits for.
type pending struct {
	done chan struct{}
	err  error
	resp sip.Response
}

func newPending() *pending { return &pending{done: make(chan struct{})} }

// finish ends the wait, once; it may be called inside a step.
func (p *pending) finish(err error) { p.finishWith(sip.Response{}, err) }

// finishWith is finish with a response as the result. What comes after the end
// of the wait is dropped: whoever waited may be reading the result by now.
func (p *pending) finishWith(resp sip.Response, err error) {
	if p == nil {
		return
	}
	select {
	case <-p.done:
	default:
		p.resp, p.err = resp, err
		close(p.done)
	}
}

// wait returns the result, or ctx's error when that ends first.
func (p *pending) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	default:
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newCall(u *UA, id string, incoming bool, q *Queue) *Call {
	c := &Call{ua: u, id: id, incoming: incoming, change: changes{re: newExchange()}}
	shared := true
	if q == nil {
		q = u.cfg.Events
	}
	if q == nil {
		q, shared = NewQueue(u.cfg.EventBuffer), false
	}
	c.events = q.attach(c, shared)
	return c
}

// step runs f in the call's shard.
func (c *Call) step(f func(*nta.Step)) { c.ua.agent.Step(c.id, f) }

func (c *Call) handle() *source { return c.events }

// ID returns the Call-ID.
func (c *Call) ID() string { return c.id }

// Incoming reports whether the peer began the call.
func (c *Call) Incoming() bool { return c.incoming }

// State returns the state of the call.
func (c *Call) State() CallState {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.state
}

// Err returns why the call failed or was given up: ErrCanceled, ErrTimeout, a
// *sip.StatusError, a *nta.TransactionError, or an *Error about the media. It
// is nil while the call lives and when it ended with BYE.
func (c *Call) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.err
}

// Done returns a channel that is closed when the call is terminated. It is
// made at the first call; a call nobody asks keeps no channel.
func (c *Call) Done() <-chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.view.state == Terminated {
		close(done)
		return done
	}
	if c.view.done == nil {
		c.view.done = done
	}
	return c.view.done
}

// Request returns the INVITE that began the call: the one received, or the one
// sent last (credentials change it).
func (c *Call) Request() sip.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.request
}

// LocalSDP returns the session description sent last, empty before the first.
func (c *Call) LocalSDP() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.local
}

// RemoteSDP returns the session description received last, empty before the first.
func (c *Call) RemoteSDP() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.remote
}

// Engine returns the media engine, nil before its first use. The call makes
// calls to it; treat it as read only.
func (c *Call) Engine() Engine {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view.engine
}

// Wait returns nil once the call is in the given state or has passed it on the
// way to being established. When the call ends without, it returns what
// [Call.Err] says, or [ErrClosed] if the call ended well. When ctx ends first
// it returns its cause.
func (c *Call) Wait(ctx context.Context, want CallState) error {
	for {
		c.mu.Lock()
		now := c.view.state
		switch {
		case now == want, now < Terminating && (now > want && want != Authenticating || c.view.seen&(1<<want) != 0),
			now == Terminated && want == Terminating:
			c.mu.Unlock()
			return nil
		case now == Terminated || now == Terminating && want != Terminated:
			err := c.view.err
			c.mu.Unlock()
			if err == nil {
				err = ErrClosed
			}
			return err
		}
		if c.view.changed == nil {
			c.view.changed = make(chan struct{})
		}
		changed := c.view.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Next returns the call's next event, waiting for one until ctx ends. Several
// goroutines may share the events; each goes to one. After the last event
// (StateChanged with Terminated) it returns [ErrClosed].
func (c *Call) Next(ctx context.Context) (Event, error) {
	return c.events.q.next(ctx, c.events)
}

// Events returns the call's events in order until the last one or until ctx
// ends, whose error is then yielded. It is single-use.
func (c *Call) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { pull(ctx, c.Next, yield) }
}

// base is the handle part of an event of this call.
func (c *Call) base() eventBase { return eventBase{c} }
