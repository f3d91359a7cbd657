package nta

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// sentOut is a request of the user's, and what has come of it.
type sentOut struct {
	r       *stateRun
	o       *Outgoing
	method  string
	forward bool // it had a Via
	deaf    bool // it was closed
	final   int  // of the first final response
	tags    map[string]bool
	err     error
	ended   bool
}

func (o *sentOut) String() string {
	return fmt.Sprintf("%s forward=%v deaf=%v final=%d err=%v %v", o.method, o.forward, o.deaf, o.final, o.err, o.o.hop)
}

// take checks a result. It is called with no two at a time for one request.
func (o *sentOut) take(resp sip.Response, err error) {
	r := o.r
	switch {
	case err != nil:
		var failure *TransactionError
		switch {
		case o.final != 0 || o.err != nil:
			r.errorf("a request has ended twice: %v, then %v", o, err)
		case !errors.As(err, &failure):
			r.errorf("a request failed with %v, which is no TransactionError", err)
		}
		o.err = err
		o.end()
	case o.err != nil:
		r.errorf("a response after the end: %v, then %d", o, resp.Status())
	case resp.Status() < 200:
		if o.final != 0 {
			r.errorf("a provisional response after the final one: %v", o)
		}
	case o.final == 0:
		o.final = resp.Status()
		o.tags = map[string]bool{resp.ToTag(): true}
		o.end()
	case o.final/100 != 2 || resp.Status()/100 != 2 || o.method != "INVITE":
		r.errorf("two final responses: %v, then %d", o, resp.Status())
	case o.tags[resp.ToTag()] && !o.forward:
		r.errorf("a retransmission of a 2xx was handed on")
	default:
		o.tags[resp.ToTag()] = true
	}
}

// end notes that there is a result.
func (o *sentOut) end() {
	if o.ended {
		return
	}
	o.ended = true
	o.r.mu.Lock()
	delete(o.r.outs, o)
	o.r.mu.Unlock()
}

// clientSend sends a request of the user's.
func (r *stateRun) clientSend() {
	method := oneOf(r.c, "INVITE", "INVITE", "INVITE", "OPTIONS", "MESSAGE", "BYE", "CANCEL")
	size := 0
	if r.c.n(8) == 0 {
		size = oneOf(r.c, 1300, 3000)
	}
	req, err := r.ourRequest(method, size)
	if err != nil {
		r.errorf("no request: %v", err)
		return
	}
	cfg := SendConfig{}
	if r.c.n(10) == 0 {
		cfg.Branch = userBranch + strconv.Itoa(r.c.n(3))
	}
	if r.c.n(10) == 0 {
		cfg.Transport = oneOf(r.c, "tcp", "udp")
	}
	if r.c.n(10) == 0 {
		cfg.Flow = r.flow()
	}
	if r.c.n(10) == 0 {
		hop := must(sip.ParseURI(r.target()))
		cfg.NextHop = &hop
	}
	forward := r.c.n(4) == 0
	if forward {
		if req, err = req.Edit(sip.Via.Push(sip.ViaParm{Protocol: "SIP/2.0", Transport: "UDP", Host: "192.0.2.11", Params: ";branch=z9hG4bKup"})); err != nil {
			r.errorf("no Via: %v", err)
			return
		}
	}
	r.note("%s %s", method, req.RequestURI())
	if r.c.n(2) == 0 {
		r.hooked(req, cfg, forward, r.c.n(8), 2)
		return
	}
	r.send(func() (*Outgoing, error) { return r.a.Send(req, cfg) }, method, forward, true)
}

// flow is one that the agent has, or had.
func (r *stateRun) flow() *tport.Flow {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, _ := r.flows.any(r.c)
	return f
}

// sentOff notes a request that left.
func (r *stateRun) sentOff(o *sentOut) {
	r.count.sent.Add(1)
	r.mu.Lock()
	r.outs[o] = true
	r.recent.add(o)
	r.mu.Unlock()
}

// hooked sends with a hook, which may send anew.
func (r *stateRun) hooked(req sip.Request, cfg SendConfig, forward bool, habit, more int) {
	r.a.Step(req.CallID(), func(s *Step) { r.hookedStep(s, req, cfg, forward, habit, more) })
}

func (r *stateRun) hookedStep(s *Step, req sip.Request, cfg SendConfig, forward bool, habit, more int) {
	t := &sentOut{r: r, method: req.Method(), forward: forward}
	early := false // the hook has run before Send returned
	cfg.Respond = func(s *Step, o *Outgoing, resp sip.Response, err error) {
		t.o, early = o, true
		if t.deaf {
			r.errorf("a result after Close")
		}
		t.take(resp, err)
		if err != nil || resp.Status() >= 300 {
			if more > 0 && habit%2 == 0 { // try again
				r.hookedStep(s, req, cfg, forward, habit, more-1)
			}
			return
		}
		if IsReliable(resp) && habit != 3 {
			o.PrackStep(s, resp, SendConfig{})
		}
		switch {
		case habit == 1 && resp.Status() > 100 && resp.Status() < 200:
			o.CancelStep(s)
		case habit == 3 && resp.Status() < 200:
			t.deaf = true
			o.CancelStep(s)
			o.CloseStep(s)
			t.end()
		case resp.Status() > 100 && t.method == "INVITE" && habit >= 4:
			leg, err := o.NewLeg(s, resp, LegConfig{})
			if err != nil {
				return
			}
			r.mu.Lock()
			r.legs.add(leg)
			r.mu.Unlock()
			leg.Refresh(s, resp)
			if resp.Status() < 200 {
				s.After(time.Second, leg.Close)
				return
			}
			leg.Ack(s, resp)
			if habit >= 6 {
				leg.SendStep(s, "BYE", SendConfig{})
				leg.Close(s)
			}
		case resp.Status() >= 200 && t.method == "INVITE":
			s.Defer(func() { o.Ack(resp) })
		}
	}
	// A request that fails at once tells its hook before Send returns.
	r.count.sent.Add(1)
	r.mu.Lock()
	r.outs[t] = true
	r.mu.Unlock()
	o, err := s.Send(req, cfg)
	if err != nil {
		if early {
			r.errorf("Send has failed (%v) after a result", err)
		}
		t.end()
		return
	}
	if t.o == nil {
		t.o = o
	}
	r.mu.Lock()
	r.recent.add(t)
	r.mu.Unlock()
}

// send sends and reads the results.
func (r *stateRun) send(f func() (*Outgoing, error), method string, forward, read bool) {
	o, err := f()
	if err != nil {
		return
	}
	t := &sentOut{r: r, o: o, method: method, forward: forward}
	r.sentOff(t)
	l := r.local(method, o.Request().CallID(), strconv.Itoa(int(r.count.sent.Load())))
	go func() {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if read && l.IntN(4) == 0 { // it does not read for a while
			time.Sleep(10 * time.Second)
		}
		for {
			resp, err := o.Next(ctx)
			switch {
			case err == ErrClosed, err != nil && t.final != 0:
				if t.final == 0 && t.err == nil && !o.closedByUser() {
					r.errorf("a request has ended without a result: %v", t)
				}
				t.end()
				return
			case err != nil:
				t.take(resp, err)
				if _, err := o.Next(ctx); err == nil {
					r.errorf("a response after the end: %v", t)
				}
				return
			}
			t.take(resp, nil)
			switch status := resp.Status(); {
			case status < 200 && l.IntN(4) == 0:
				o.Cancel()
			case IsReliable(resp):
				o.Prack(resp)
			case status/100 == 2 && method == "INVITE" && l.IntN(4) != 0:
				leg, err := o.Dialog(resp, LegConfig{})
				if err != nil {
					o.Ack(resp)
					continue
				}
				r.mu.Lock()
				r.legs.add(leg)
				r.mu.Unlock()
				r.a.Step(leg.CallID(), func(s *Step) { leg.Ack(s, resp) })
				if l.IntN(2) == 0 {
					leg.Send("BYE")
					leg.End()
				}
			}
		}
	}()
}

func (o *Outgoing) closedByUser() bool {
	o.sh.mu.Lock()
	defer o.sh.mu.Unlock()
	return o.deaf
}

// clientAct does something to a request that was sent.
func (r *stateRun) clientAct() {
	r.mu.Lock()
	t, ok := r.recent.any(r.c)
	r.mu.Unlock()
	if !ok {
		return
	}
	o := t.o
	switch r.c.n(6) {
	case 0, 1, 2:
		r.note("cancel %s", t.method)
		o.Cancel()
	case 3:
		r.note("close")
		o.sh.run(func(s *Step) {
			t.deaf = true
			o.CloseStep(s)
			t.end()
		})
	case 4:
		r.p.mu.Lock()
		h, ok := r.p.requests.any(r.c)
		r.p.mu.Unlock()
		if !ok {
			return
		}
		if resp, err := sip.NewResponse(h.m, oneOf(r.c, 200, 180, 404)); err == nil {
			o.Ack(resp) // a response that was never received
		}
	case 5:
		o.Flow()
		o.Leg()
	}
}
