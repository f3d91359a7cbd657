package nta

import (
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
