package nta

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// What the peers do.

var stateMethods = []string{"INVITE", "INVITE", "INVITE", "OPTIONS", "BYE", "MESSAGE", "PRACK", "UPDATE", "SUBSCRIBE", "ACK", "CANCEL", "INFO", "NOSUCH"}

// from is where a message is sent from.
func (r *stateRun) from() *end {
	if r.c.n(3) == 0 {
		r.p.mu.Lock()
		e, ok := r.p.streams.any(r.c)
		r.p.mu.Unlock()
		if ok {
			return e
		}
	}
	return oneOf(r.c, r.udp...)
}

// put sends a message of the peers, and remembers it.
func (r *stateRun) put(e *end, text string) {
	r.sent.add(text)
	first, _, _ := strings.Cut(text, "\r\n")
	r.note("%s %s", e.proto, first)
	r.p.answered(text, r.torn[e])
	if _, rest, whole := cut([]byte(text)); e.proto == "tcp" && (!whole || len(rest) > 0) {
		r.torn[e] = true // what follows on it may be read as the rest of this
	}
	e.send([]byte(text))
}

// requestText is a request of the peers. Names are few, so that they meet again.
func (r *stateRun) requestText(e *end, method, branch, call, from, to string, seq int, more string) string {
	uri := "sip:bob@192.0.2.1"
	if r.c.n(6) == 0 {
		uri = oneOf(r.c, "sip:bob@example.com", "sip:192.0.2.1:5060;transport=tcp", "tel:+123", "sip:bob@192.0.2.77")
	}
	sentBy := e.addr.String()
	if r.c.n(8) == 0 {
		sentBy = oneOf(r.c, "192.0.2.12", "peer.example", "192.0.2.11:5070")
	}
	rport := oneOf(r.c, "", ";rport", "")
	if to != "" {
		to = ";tag=" + to
	}
	text := fmt.Sprintf("%s %s SIP/2.0\nVia: SIP/2.0/%s %s%s;branch=%s\nFrom: <sip:peer@example.com>;tag=%s\nTo: <sip:bob@example.com>%s\nCall-ID: %s\nCSeq: %d %s\nMax-Forwards: 70\nContact: <sip:peer@%s>\n%s",
		method, uri, strings.ToUpper(e.proto), sentBy, rport, branch, from, to, call, seq, method, e.addr, more)
	return wire(text)
}

// more is what a request may have besides.
func (r *stateRun) more() string {
	switch r.c.n(8) {
	case 0:
		return "Via: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKfar\n"
	case 1:
		return "Record-Route: <sip:192.0.2.12;lr>\nRecord-Route: <sip:192.0.2.11>\n"
	case 2, 4, 5:
		return "Supported: 100rel, timer\n"
	case 6:
		return "Require: 100rel\n"
	case 3:
		return "RAck: 1 1 INVITE\nTimestamp: 12\n"
	}
	return ""
}

func (r *stateRun) branch() string {
	switch r.c.n(8) {
	case 0:
		return strconv.Itoa(r.c.n(4)) // RFC 2543
	case 1:
		return "z9hG4bK"
	}
	return "z9hG4bK" + strconv.Itoa(r.c.n(200))
}

func (r *stateRun) toTag() string {
	switch r.c.n(4) {
	case 0:
		r.p.mu.Lock()
		defer r.p.mu.Unlock()
		tag, _ := r.p.tags.any(r.c)
		return tag
	case 1:
		return oneOf(r.c, "none", "local1", "local2")
	}
	return ""
}

func (r *stateRun) newRequest() {
	e := r.from()
	method := oneOf(r.c, stateMethods...)
	text := r.requestText(e, method, r.branch(), "c"+strconv.Itoa(r.c.n(12)), "t"+strconv.Itoa(r.c.n(3)), r.toTag(), 1+r.c.n(6), r.more())
	r.put(e, text)
	if r.c.n(6) == 0 { // merged: another way, another branch
		r.put(r.from(), strings.Replace(text, "branch=z9hG4bK", "branch=z9hG4bKm", 1))
	}
}

// again repeats what was sent, perhaps from elsewhere.
func (r *stateRun) again() {
	if text, ok := r.sent.any(r.c); ok {
		for range 1 + r.c.n(2) {
			r.put(r.from(), text)
		}
	}
}

// derived follows a request that was sent: ACK, CANCEL, PRACK, BYE, re-INVITE.
func (r *stateRun) derived() {
	text, ok := r.sent.any(r.c)
	if !ok {
		return
	}
	m, err := sip.Parse(text)
	req, isReq := sip.AsRequest(m)
	if err != nil || !isReq {
		return
	}
	tag := req.ToTag()
	if r.c.n(4) != 0 {
		r.p.mu.Lock()
		for _, h := range r.p.responses.items { // the answer to it, if there is one
			if h.resp.CallID() == req.CallID() && h.resp.CSeq().Seq == req.CSeq().Seq {
				tag = h.resp.ToTag()
			}
		}
		r.p.mu.Unlock()
	}
	seq := int(req.CSeq().Seq)
	branch := req.Branch()
	method := oneOf(r.c, "ACK", "ACK", "ACK", "CANCEL", "CANCEL", "BYE", "PRACK", "PRACK", "INVITE", "UPDATE", "INFO")
	switch method {
	case "ACK":
		if r.c.n(2) == 0 {
			branch += "a"
		}
	case "CANCEL":
	default:
		branch = r.branch()
		seq += r.c.n(3)
	}
	if r.c.n(12) == 0 {
		seq++
	}
	call, fromTag, more := req.CallID(), req.FromTag(), ""
	if resp, rseq := r.reliable(); method == "PRACK" && rseq > 0 {
		call, fromTag, tag = resp.CallID(), resp.FromTag(), resp.ToTag()
		seq = int(resp.CSeq().Seq) + 1 - r.c.n(8)/7
		more = fmt.Sprintf("RAck: %d %d INVITE\n", rseq, resp.CSeq().Seq)
		if r.c.n(4) == 0 {
			more += "Content-Type: application/sdp\n\nv=0\r\n"
		}
	}
	e := r.from()
	out := r.requestText(e, method, branch, call, fromTag, tag, seq, more)
	if method == "CANCEL" || branch == req.Branch() { // the Via of what it follows
		via, _ := sip.Via.Raw(req)
		lines := strings.Split(out, "\r\n")
		lines[1] = "Via: " + via
		out = strings.Join(lines, "\r\n")
	}
	r.put(e, out)
}

// reliable is a reliable response of the agent's, and its number, perhaps wrong.
func (r *stateRun) reliable() (resp sip.Response, rseq int) {
	r.p.mu.Lock()
	defer r.p.mu.Unlock()
	for _, h := range r.p.responses.items {
		v, ok, err := sip.RSeq.Get(h.resp)
		if ok && err == nil && (rseq == 0 || r.c.n(2) == 0) {
			resp, rseq = h.resp, int(v)
		}
	}
	if rseq > 0 {
		rseq += r.c.n(8) / 7
	}
	return resp, rseq
}

// respond answers a request of the agent's: rightly, twice, with other tags, late.
func (r *stateRun) respond() {
	r.p.mu.Lock()
	h, ok := r.p.requests.any(r.c)
	r.p.mu.Unlock()
	if !ok {
		return
	}
	status := oneOf(r.c, 100, 180, 180, 183, 200, 200, 200, 202, 302, 404, 408, 481, 486, 487, 503, 503, 600)
	var set []msg.Setter
	if status > 100 && h.m.ToTag() == "" {
		to, err := h.m.To()
		if err == nil {
			set = append(set, sip.To.Set(to.WithTag("f"+strconv.Itoa(r.c.n(3)))))
		}
	}
	if r.c.n(3) != 0 {
		set = append(set, sip.Contact.Text("<sip:peer@"+oneOf(r.c, "192.0.2.11", "192.0.2.12:5070", "192.0.2.13;transport=tcp", "multi.example")+">"))
	}
	if status > 100 && status < 200 && r.c.n(2) == 0 {
		set = append(set, sip.Require.Set(sip.Option100rel), sip.RSeq.Set(uint32(1+r.c.n(4))))
	}
	if r.c.n(5) == 0 {
		set = append(set, sip.RecordRoute.Text("<sip:192.0.2.12;lr>"))
	}
	resp, err := sip.NewResponse(h.m, status, set...)
	if err != nil {
		return
	}
	text := resp.String()
	switch r.c.n(20) {
	case 0:
		text = strings.Replace(text, "\r\nVia:", "\r\nVia: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKfar\r\nVia:", 1)
	case 3, 4:
		text = strings.Replace(text, "\r\nFrom:", "\r\nVia: SIP/2.0/UDP 192.0.2.200;branch=z9hG4bKfar\r\nFrom:", 1)
	case 1:
		text = strings.Replace(text, "branch=", "branch=x", 1)
	case 2:
		text = r.mutate(text)
	}
	by := h.by
	if r.c.n(8) == 0 {
		by = r.from()
	}
	for range 1 + r.c.n(4)/3 {
		r.put(by, text)
	}
}

// mutate spoils a message.
func (r *stateRun) mutate(text string) string {
	lines := strings.Split(text, "\r\n")
	i, j := r.c.n(len(lines)), r.c.n(len(lines))
	switch r.c.n(12) {
	case 0: // a line less
		lines = append(lines[:i:i], lines[i+1:]...)
	case 1: // a line twice
		lines = append(lines[:i+1:i+1], lines[i:]...)
	case 2:
		lines[i], lines[j] = lines[j], lines[i]
	case 3: // another octet
		text = strings.Join(lines, "\r\n")
		b := []byte(text + " ")
		b[r.c.n(len(b))] = byte(r.c.n(256))
		return string(b)
	case 4: // cut off
		return text[:r.c.n(len(text)+1)]
	case 5: // another number
		return strings.Replace(text, strconv.Itoa(r.c.n(10)), oneOf(r.c, "0", "4294967296", "99999", "-1"), 1)
	case 6:
		lines[i] += oneOf(r.c, ";tag=x", ",", ";", "\"", " <", ";branch=z9hG4bK1", strings.Repeat("x", 2000))
	case 7:
		_, value, _ := strings.Cut(lines[i], ":")
		lines[i] = oneOf(r.c, "To", "From", "Call-ID", "CSeq", "Via", "Contact", "Route", "Content-Length", "Max-Forwards", "RAck", "Timestamp") + ":" + value
	case 8: // the value of one header in another
		name, _, ok1 := strings.Cut(lines[i], ":")
		_, value, ok2 := strings.Cut(lines[j], ":")
		if ok1 && ok2 {
			lines[i] = name + ":" + value
		}
	case 9:
		return strings.Replace(text, "SIP/2.0", oneOf(r.c, "SIP/3.0", "sip/2.0", "SIP/2.0/UDP", ""), 1+r.c.n(2))
	case 10:
		return strings.Replace(text, oneOf(r.c, "INVITE", "ACK", "BYE", "1"), oneOf(r.c, "ACK", "CANCEL", "INVITE", "2"), 1)
	case 11:
		return text + oneOf(r.c, "\r\n\r\n", "x", "INVITE", "\x00")
	}
	return strings.Join(lines, "\r\n")
}

// mutant sends a spoilt one of what was sent or heard.
func (r *stateRun) mutant() {
	text, ok := r.sent.any(r.c)
	if r.c.n(4) == 0 {
		r.p.mu.Lock()
		h, heard := r.p.requests.any(r.c)
		if r.c.n(2) == 0 {
			h, heard = r.p.responses.any(r.c)
		}
		r.p.mu.Unlock()
		if heard {
			text, ok = h.text, true
		}
	}
	if !ok {
		return
	}
	for range 1 + r.c.n(3) {
		text = r.mutate(text)
	}
	r.put(r.from(), text)
}

func (r *stateRun) noise() {
	e := r.from()
	b := make([]byte, r.c.n(200))
	for i := range b {
		b[i] = byte(r.c.n(256))
	}
	r.torn[e] = e.proto == "tcp"
	e.send(b)
	if r.c.n(3) == 0 {
		e.send([]byte("\r\n\r\n"))
	}
}

// connection makes a connection, or ends one.
func (r *stateRun) connection() {
	if r.c.n(2) == 0 {
		r.p.dial(r.w, oneOf(r.c, r.hosts[:]...), "192.0.2.1:5060")
		return
	}
	r.p.mu.Lock()
	e, ok := r.p.streams.any(r.c)
	r.p.mu.Unlock()
	if ok {
		e.close()
	}
}

// network breaks something.
func (r *stateRun) network() {
	h := oneOf(r.c, r.hosts[:]...)
	switch r.c.n(3) {
	case 0:
		h.ResetConns()
	case 1:
		h.Down(true)
		time.Sleep(time.Duration(r.c.n(4)) * 300 * ms)
		h.Down(false)
	case 2:
		time.Sleep(time.Duration(r.c.n(40)) * ms)
	}
}

func (r *stateRun) time() {
	d := oneOf(r.c, 0, ms, 10*ms, 10*ms, 100*ms, 100*ms, 210*ms, 500*ms, 500*ms, sec, 4*sec, 32*sec)
	if r.c.n(40) == 0 {
		d = oneOf(r.c, 70*sec, 200*sec)
	}
	time.Sleep(d)
}

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
