package nua

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// offerer says whose offer is open (RFC 3264 4).
type offerer uint8

const (
	nobody offerer = iota
	ours
	theirs
)

// moves tells which descriptions moved since the last state event.
type moves struct{ offerSent, offerReceived, answerSent, answerReceived bool }

func (m moves) any() bool { return m != moves{} }

// media is a call's offer/answer: what the engine said, and the calls to it
// that wait. It is guarded by the shard; the engine itself is only touched by
// the one goroutine that drains the queue.
type media struct {
	queue   []work
	running bool
	cancel  context.CancelFunc // of the call that runs
	closed  bool

	address string // for c= of the built-in engine
	open    offerer
	asked   bool // the engine is at an offer of ours
	round   int  // counts offers; a result of an older round is dropped
	local   string
	remote  string
	moved   moves
	audio   soa.Active

	answeredBy string // To tag of the branch whose answer holds
	answerErr  error
	settled    bool // the exchange of the INVITE is complete
	stale      bool // another branch than answeredBy won
}

// work is one call to the engine. done runs in a step afterwards, even if the
// call has moved on: it looks at the state first.
type work struct {
	run  func(ctx context.Context, e Engine) (string, error)
	done func(s *nta.Step, text string, err error)
}

// audible is what soa.Session can tell beyond Engine.
type audible interface{ ActiveAudio() soa.Active }

// do queues a call to the engine. The built-in engine is quick and runs on the
// goroutine that stepped; any other gets a goroutine while it has work.
func (m *media) do(c *Call, s *nta.Step, w work) {
	if m.closed {
		return
	}
	m.queue = append(m.queue, w)
	if m.running {
		return
	}
	m.running = true
	if c.builtin() {
		s.Defer(func() { c.drain(context.Background()) })
	} else {
		s.Go(c.drain)
	}
}

// builtin reports whether the engine is a soa.Session of the library's making.
func (c *Call) builtin() bool { return c.opt.engine == nil && c.ua.cfg.NewEngine == nil }

// drain runs the engine's calls until none is left.
func (c *Call) drain(parent context.Context) {
	var (
		w       work
		more    bool
		text    string
		err     error
		ctx     context.Context
		address string
		audio   soa.Active
		ran     bool
	)
	c.mu.Lock()
	engine := c.view.engine
	c.mu.Unlock()
	for {
		more = false
		c.step(func(s *nta.Step) {
			m := &c.media
			if m.cancel != nil {
				m.cancel()
				m.cancel = nil
			}
			if ran {
				m.audio = audio
				if w.done != nil {
					w.done(s, text, err)
				}
			}
			if len(m.queue) == 0 {
				m.queue, m.running = nil, false
				return
			}
			w, more = m.queue[0], true
			m.queue = m.queue[1:]
			address = m.address
			ctx, m.cancel = context.WithCancel(parent)
		})
		if !more {
			return
		}
		text, err, ran = "", nil, true
		if engine == nil {
			if engine, err = c.makeEngine(address); err != nil {
				engine = nil
				err = &engineError{err}
				continue
			}
			c.mu.Lock()
			c.view.engine = engine
			c.mu.Unlock()
		}
		text, err = c.guard(w, ctx, engine)
		if a, ok := engine.(audible); ok {
			audio = a.ActiveAudio()
		}
	}
}

// guard keeps a panic in an engine from ending the process: descriptions come
// from the network.
func (c *Call) guard(w work, ctx context.Context, e Engine) (text string, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.ua.log.Error("nua: panic in the media engine", "call", c.id, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = &engineError{fmt.Errorf("panic: %v", r)}
		}
	}()
	return w.run(ctx, e)
}

func (c *Call) makeEngine(address string) (Engine, error) {
	switch {
	case c.opt.engine != nil:
		return c.opt.engine, nil
	case c.ua.cfg.NewEngine != nil:
		e, err := c.ua.cfg.NewEngine(c)
		if err == nil && e == nil {
			err = errors.New("NewEngine returned no engine")
		}
		return e, err
	}
	e := soa.New(soa.Config{Address: address, Rand: c.ua.cfg.Agent.Rand})
	if err := e.SetUserText(c.opt.media); err != nil {
		return nil, err
	}
	return e, nil
}

// engineError is a failure of the engine itself; the peer is not to blame.
type engineError struct{ err error }

func (e *engineError) Error() string { return "media engine: " + e.err.Error() }
func (e *engineError) Unwrap() error { return e.err }
func (e *engineError) Status() int   { return 500 }

// offer asks for an offer to be sent.
func (m *media) offer(c *Call, s *nta.Step, done func(*nta.Step, error)) {
	m.offerAfter(c, s, nil, done)
}

// offerAfter asks for an offer after something was changed in the engine.
func (m *media) offerAfter(c *Call, s *nta.Step, change func(Engine) error, done func(*nta.Step, error)) {
	m.round++
	round := m.round
	m.asked = true
	m.do(c, s, work{
		run: func(ctx context.Context, e Engine) (string, error) {
			if change != nil {
				if err := change(e); err != nil {
					return "", err
				}
			}
			return e.Offer(ctx)
		},
		done: func(s *nta.Step, text string, err error) {
			if round == m.round {
				m.asked = false
				if err == nil {
					m.open, m.local, m.moved.offerSent = ours, text, true
				}
			}
			done(s, err)
		},
	})
}

// answer gives the peer's offer to the engine and gets the answer to be sent.
// That the offer moved is for the caller to note.
func (m *media) answer(c *Call, s *nta.Step, offer string, done func(*nta.Step, error)) {
	m.open, m.remote = theirs, offer
	m.round++
	round := m.round
	m.do(c, s, work{
		run: func(ctx context.Context, e Engine) (string, error) { return e.Answer(ctx, offer) },
		done: func(s *nta.Step, text string, err error) {
			if err == nil && round == m.round {
				m.open, m.local, m.moved.answerSent = nobody, text, true
			}
			done(s, err)
		},
	})
}

// setAnswer gives the engine the answer to our offer; tag is the branch it came
// from. That the answer moved is for the caller to note.
func (m *media) setAnswer(c *Call, s *nta.Step, answer, tag string, done func(*nta.Step, error)) {
	m.open, m.remote = nobody, answer
	m.answeredBy = tag
	m.do(c, s, work{
		run: func(ctx context.Context, e Engine) (string, error) { return "", e.SetAnswer(ctx, answer) },
		done: func(s *nta.Step, _ string, err error) {
			m.answerErr = err
			done(s, err)
		},
	})
}

// noteFinal notes what the 2xx to our INVITE brought, before the state event.
func (m *media) noteFinal(text string, offerless bool) {
	switch {
	case offerless:
		m.remote, m.moved.offerReceived = text, true
	case m.open == ours:
		m.remote, m.moved.answerReceived = text, true
	}
}

// afterAnswer waits until an answer given earlier is processed.
func (m *media) afterAnswer(c *Call, s *nta.Step, done func(*nta.Step, error)) {
	if !m.running {
		done(s, m.answerErr)
		return
	}
	m.do(c, s, work{
		run:  func(context.Context, Engine) (string, error) { return "", nil },
		done: func(s *nta.Step, _ string, _ error) { done(s, m.answerErr) },
	})
}

// rollback drops the open offer, whosever it is and even if the engine is
// still at it, and undoes a change made for it.
func (m *media) rollback(c *Call, s *nta.Step, undo func(Engine)) {
	open := m.open != nobody || m.asked
	m.open, m.asked = nobody, false
	m.round++
	if !open && undo == nil {
		return
	}
	m.do(c, s, work{run: func(_ context.Context, e Engine) (string, error) {
		if open {
			e.Rollback()
		}
		if undo != nil {
			undo(e)
		}
		return "", nil
	}})
}

// activate tells the engine that the exchange holds.
func (m *media) activate(c *Call, s *nta.Step) {
	m.do(c, s, work{run: func(_ context.Context, e Engine) (string, error) {
		e.Activate()
		return "", nil
	}})
}

// interrupt ends the engine's call that runs and drops those that wait.
func (m *media) interrupt(s *nta.Step) {
	m.queue = nil
	if f := m.cancel; f != nil {
		s.Defer(f)
	}
}

// close releases the engine after its last call.
func (m *media) close(c *Call, s *nta.Step) {
	if m.closed {
		return
	}
	m.queue = nil
	c.mu.Lock()
	made := c.view.engine != nil
	c.mu.Unlock()
	if made || m.running || c.opt.engine != nil {
		m.do(c, s, work{run: func(_ context.Context, e Engine) (string, error) {
			if err := e.Close(); err != nil {
				c.ua.log.Warn("nua: engine not closed", "call", c.id, "err", err) // outside the step
			}
			return "", nil
		}})
	}
	m.closed = true
}

// fill puts what moved into a state event.
func (m *media) fill(ev *StateChanged) {
	ev.OfferSent, ev.OfferReceived = m.moved.offerSent, m.moved.offerReceived
	ev.AnswerSent, ev.AnswerReceived = m.moved.answerSent, m.moved.answerReceived
	ev.LocalSDP, ev.RemoteSDP, ev.Audio = m.local, m.remote, m.audio
	m.moved = moves{}
}

// mediaFailed reports a description that cannot be used.
func (c *Call) mediaFailed(s *nta.Step, err error) {
	c.fail(&Error{Op: "media", Err: err})
	c.events.put(MediaError{eventBase: c.base(), Err: err, Status: errorStatus(err)})
}

// errorStatus is the status code an engine's error stands for.
func errorStatus(err error) int {
	switch {
	case errors.Is(err, ErrNoAnswer):
		return 400
	case errors.Is(err, ErrTimeout):
		return 500
	}
	var coded interface{ Status() int }
	if errors.As(err, &coded) {
		if status := coded.Status(); status >= 400 && status < 700 {
			return status
		}
	}
	return 488
}

// mediaReason is the Reason (RFC 3326) of the BYE or CANCEL it causes.
func mediaReason(err error) string { return reason(errorStatus(err)) }

func reason(status int) string {
	return fmt.Sprintf("SIP;cause=%d;text=%q", status, sip.StatusText(status))
}

// refusal is the response to an offer that cannot be answered: the engine's
// status, with a Warning (RFC 3261 20.43).
func (c *Call) refusal(err error) (int, []msg.Setter) {
	status := errorStatus(err)
	set := []msg.Setter{}
	if status == 415 {
		set = append(set, c.ua.allow.accept)
	}
	if status == 488 || status == 606 {
		code, text := 399, "the media cannot be agreed on"
		var warned interface {
			WarnCode() int
			Warning() string
		}
		if errors.As(err, &warned) {
			if n := warned.WarnCode(); n >= 300 && n <= 399 {
				code = n
			}
			if t := warned.Warning(); t != "" {
				text = t
			}
		}
		set = append(set, sip.Warning.Text(fmt.Sprintf("%d sofia-go %s", code, quote(text))))
	}
	return status, set
}

// quote makes a quoted-string (RFC 3261 25.1) that cannot leave its header.
func quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
