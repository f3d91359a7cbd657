package nta

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// What the user does with requests that come.

// watch has the end of a request noted.
func (r *stateRun) watch(s *Step, in *Incoming, forward bool) {
	var ends int
	r.count.accepted.Add(1)
	r.mu.Lock()
	if r.live[in] {
		r.errorf("one request was given to the user twice")
	}
	r.live[in] = true
	r.flows.add(in.d.Flow)
	r.mu.Unlock()
	in.Watch(s, Watch{
		Forward: forward,
		Ack: func(_ *Step, ack sip.Request) {
			if ack.Method() != "ACK" || ends != 0 {
				r.errorf("an ACK after the end")
			}
		},
		Cancel: func(s *Step, _ sip.Request) {
			if ends != 0 {
				r.errorf("a CANCEL after the end")
			}
			if forward && r.local("cancel", in.Request().Branch()).IntN(2) == 0 {
				s.Reply(in, 487)
			}
		},
		End: func(s *Step, err error) {
			if ends++; ends != 1 {
				r.errorf("a request has ended twice")
			}
			if s.Reply(in, 500) == nil {
				r.errorf("a request was answered after its end")
			}
			if l := r.local("end", in.Request().Branch()); l.IntN(16) == 0 {
				uri := must(sip.ParseURI("sip:x@192.0.2.11;transport=" + oneOf(chance{l}, "udp", "tcp")))
				req, err := sip.NewRequest("MESSAGE", uri, sip.From.Text("<sip:bob@example.com>;tag=x"), sip.To.Text("<sip:peer@example.com>"),
					sip.CallID.Text(in.Request().CallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "MESSAGE"}))
				if err == nil {
					r.hookedStep(s, req, SendConfig{}, false, 1, 0)
				}
			}
			r.mu.Lock()
			delete(r.live, in)
			r.mu.Unlock()
		},
	})
}

// receive is an engine: it takes some, and leaves most to serve.
func (r *stateRun) receive(s *Step, in *Incoming) bool {
	if in.ack {
		return false
	}
	l := r.local("receive", in.Request().Branch(), in.Request().Method())
	r.watch(s, in, l.IntN(8) == 0)
	switch l.IntN(8) {
	case 0:
		s.Reply(in, 200+l.IntN(2)*286)
	case 1: // later, from a timer
		s.Reply(in, 180)
		s.After(time.Duration(l.IntN(3000))*ms, func(s *Step) { s.Reply(in, 200) })
	case 2:
		leg, err := in.NewLeg(s, LegConfig{Contact: must(sip.ParseNameAddr("<sip:bob@192.0.2.1>")),
			Receive: func(s *Step, l *Leg, in *Incoming) bool {
				r.watch(s, in, false)
				l.Refresh(s, in.Request())
				switch in.Request().Method() {
				case "BYE":
					l.Close(s)
					s.Reply(in, 200)
				case "INVITE":
					s.Serve(in, r.serve)
				case "INFO":
					s.After(sec, func(s *Step) { s.Reply(in, 200) })
				default:
					return false
				}
				return true
			}})
		if err == nil {
			r.mu.Lock()
			r.legs.add(leg)
			r.mu.Unlock()
		}
		s.Reply(in, 200)
		s.Reply(in, 200)
		if l.IntN(2) == 0 && leg != nil {
			leg.SendStep(s, "INFO", SendConfig{})
		}
	default:
		return false
	}
	return true
}

// serve is user code.
func (r *stateRun) serve(in *Incoming) {
	req := in.Request()
	if in.ack {
		if r.local(req.Branch()).IntN(2) == 0 {
			in.Reply(200)
			r.a.SendStateless(context.Background(), req, SendConfig{NextHop: &sip.URI{Scheme: "sip", Host: "192.0.2.12"}})
		}
		return
	}
	if in.leg != nil { // with no hook of ours before
		in.sh.run(func(s *Step) {
			if !in.over && in.watch.End == nil {
				r.watch(s, in, false)
			}
		})
	}
	l := r.local(req.Branch(), req.CallID(), req.Method(), req.FromTag())
	pause := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-in.Context().Done():
			return l.IntN(2) == 0
		}
	}
	contact := sip.Contact.Text("<sip:bob@192.0.2.1>")
	switch l.IntN(22) {
	case 18, 19, 20, 21:
		in.Async()
		body := l.IntN(2) == 0
		for range 1 + l.IntN(3) {
			set := []msg.Setter{contact}
			if body {
				set = append(set, sip.ContentType.Text("application/sdp"), msg.Body("v=0\r\n"))
			}
			rel, err := in.ReplyReliable(180+l.IntN(4), set...)
			if err != nil || l.IntN(3) == 0 {
				continue
			}
			prack, err := rel.Wait(r.a.ctx)
			if (prack == nil) == (err == nil) {
				r.errorf("PRACK %v and error %v", prack, err)
			}
			if prack != nil && l.IntN(4) != 0 {
				prack.Reply(200)
			}
		}
		in.Reply(200+l.IntN(2)*286, contact)
		if l.IntN(2) == 0 {
			ctx, cancel := context.WithTimeout(in.Context(), 40*time.Second)
			in.Ack(ctx)
			cancel()
		}
	case 0, 1, 2:
		in.Reply(200, contact)
	case 3:
		in.Reply(404 + l.IntN(3)*41)
	case 4: // never
	case 5:
		in.Reply(100)
		in.Reply(180)
		pause(time.Duration(l.IntN(5000)) * ms)
		in.Reply(200, contact)
	case 6:
		in.Reply(200)
		if in.Reply(200) == nil {
			r.errorf("two final responses")
		}
		if in.Reply(180) == nil {
			r.errorf("a provisional response after the final one")
		}
	case 7: // whoever else answers, the context is ours until we return
		for in.Context().Err() == nil && !r.quiet.Load() {
			pause(10 * time.Second)
		}
		in.Reply(487)
	case 8:
		r.count.panics.Add(1)
		panic("user code")
	case 9, 10, 11:
		leg, err := in.Dialog(LegConfig{})
		if err == nil {
			r.mu.Lock()
			r.legs.add(leg)
			r.mu.Unlock()
		}
		in.Async()
		in.Async()
		in.Reply(200, contact)
		ctx, cancel := context.WithTimeout(in.Context(), 40*time.Second)
		_, err = in.Ack(ctx)
		cancel()
		if err == nil && leg != nil && l.IntN(2) == 0 {
			r.send(func() (*Outgoing, error) { return leg.Send("BYE") }, "BYE", false, false)
		}
		if leg != nil && l.IntN(2) == 0 {
			leg.End()
		}
	case 12:
		pause(40 * time.Second)
		in.Reply(200)
	case 13:
		for _, status := range []int{100, 181, 183, 183} {
			in.Reply(status)
			if !pause(time.Duration(l.IntN(100)) * ms) {
				break
			}
		}
		in.Reply(603)
	case 14: // forwarded, and answered from further down
		r.relay(in, oneOf(chance{l}, 180, 183))
		pause(time.Duration(l.IntN(1000)) * ms)
		if l.IntN(4) == 0 {
			in.Reply(200) // by itself after all
			return
		}
		status := oneOf(chance{l}, 200, 200, 486, 487)
		r.relay(in, status)
		pause(500 * ms)
		r.relay(in, status)
	case 15: // answered by another goroutine
		r.a.Go(func(ctx context.Context) {
			select {
			case <-time.After(time.Duration(l.IntN(10000)) * ms):
			case <-ctx.Done():
			}
			in.Reply(200 + l.IntN(2)*200)
		})
	case 16:
		in.Reply(99)
		in.Reply(700)
		in.Reply(200, sip.Contact.Text("<sip:\r\n"), msg.Fail(errors.New("no")))
		pause(100 * ms)
		in.Reply(200)
	case 17:
		in.Async()
		if leg := in.Leg(); leg != nil {
			leg.End()
			leg.End()
		}
		pause(2 * time.Second)
		in.Reply(480)
	}
}

// relay gives the request a response from further down.
func (r *stateRun) relay(in *Incoming, status int) {
	req, err := in.Request().Edit(sip.Via.Push(sip.ViaParm{Protocol: "SIP/2.0", Transport: "UDP", Host: "192.0.2.1", Params: ";branch=z9hG4bKx"}))
	if err != nil {
		return
	}
	to, err := req.To()
	if err != nil {
		return
	}
	if resp, err := sip.NewResponse(req, status, sip.To.Set(to.WithTag("far"))); err == nil {
		in.Relay(resp)
	}
}

// legAct uses a leg, or makes one.
func (r *stateRun) legAct() {
	r.mu.Lock()
	leg, ok := r.legs.any(r.c)
	r.mu.Unlock()
	if !ok || r.c.n(4) == 0 {
		local := must(sip.ParseNameAddr("<sip:bob@example.com>;tag=local" + strconv.Itoa(r.c.n(3))))
		remote := must(sip.ParseNameAddr("<sip:peer@example.com>;tag=t" + strconv.Itoa(r.c.n(3))))
		leg, err := r.a.NewLeg(LegConfig{CallID: "c" + strconv.Itoa(r.c.n(12)), Local: local, Remote: remote,
			Target: must(sip.ParseURI(r.target()))})
		if err == nil {
			r.mu.Lock()
			r.legs.add(leg)
			r.mu.Unlock()
		}
		return
	}
	switch r.c.n(3) {
	case 0:
		leg.End()
	default:
		method := oneOf(r.c, "INVITE", "BYE", "INFO", "UPDATE")
		r.send(func() (*Outgoing, error) { return leg.Send(method) }, method, false, false)
	}
}

// target is where a request of ours goes.
func (r *stateRun) target() string {
	return oneOf(r.c, "sip:x@192.0.2.11", "sip:x@192.0.2.11", "sip:x@192.0.2.12:5070", "sip:x@192.0.2.11;transport=tcp",
		"sip:x@192.0.2.12;transport=tcp", "sip:x@192.0.2.13;transport=tcp", "sip:x@192.0.2.13", "sip:x@192.0.2.99;transport=tcp",
		"sip:multi.example", "sip:multi.example;transport=tcp", "sip:dead.example", "sip:slow.example", "sip:none.example", "sips:x@192.0.2.11",
		"sip:x@192.0.2.11:5099")
}

// stateless sends without a transaction.
func (r *stateRun) stateless() {
	req, err := r.ourRequest(oneOf(r.c, "ACK", "OPTIONS", "INVITE"), 0)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.c.n(3000))*ms)
	go func() {
		defer cancel()
		r.a.SendStateless(ctx, req, SendConfig{})
	}()
}

// ourRequest is a request of the user's.
func (r *stateRun) ourRequest(method string, size int) (sip.Request, error) {
	uri := must(sip.ParseURI(r.target()))
	set := []msg.Setter{
		sip.From.Text("<sip:bob@example.com>;tag=local" + strconv.Itoa(r.c.n(3))),
		sip.To.Text("<sip:peer@example.com>"),
		sip.CallID.Text("c" + strconv.Itoa(r.c.n(12))),
		sip.CSeq.Set(sip.Sequence{Seq: uint32(1 + r.c.n(6)), Method: method}),
	}
	if size > 0 {
		set = append(set, sip.Subject.Text(strings.Repeat("x", size)))
	}
	if r.c.n(6) == 0 {
		set = append(set, sip.Route.Text("<sip:"+oneOf(r.c, "192.0.2.11", "192.0.2.12", "multi.example", "192.0.2.13")+";lr>"))
	}
	return sip.NewRequest(method, uri, set...)
}
