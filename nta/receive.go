package nta

import (
	"errors"
	"hash/maphash"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// deliver takes every message, on the goroutine that read it.
func (a *Agent) deliver(d *tport.Delivery) {
	if req, ok := sip.AsRequest(d.Msg); ok {
		a.request(d, req)
		return
	}
	if resp, ok := sip.AsResponse(d.Msg); ok {
		a.response(d, resp)
	}
}

// request is the order in which a request meets its checks.
func (a *Agent) request(d *tport.Delivery, req sip.Request) {
	via := req.TopVia()
	if via.Host == "" && d.Err != nil {
		via = salvage(req)
	}
	if via.Host == "" { // nowhere to answer to
		a.count.badRequests.Add(1)
		a.traceDropped(d, "no usable Via")
		return
	}
	if d.Err != nil { // 400; 505 for another version; CSeq of another method (8.1.1.5) …
		a.refuse(d, via)
		return
	}
	d, err := a.stamp(d, via)
	if err != nil {
		a.count.badRequests.Add(1)
		a.traceDropped(d, err.Error())
		return
	}
	a.count.requestsReceived.Add(1)
	a.alias(d, via)
	if a.cfg.Stateless != nil {
		switch a.cfg.Stateless(a, d) {
		case Drop:
			a.traceDropped(d, "by Config.Stateless")
			return
		case Handled:
			return
		}
	}
	sh := a.shard(req.CallID())
	req = sip.Request{Message: d.Msg}
	sh.run(func(s *Step) {
		switch req.Method() {
		case sip.MethodAck:
			sh.ack(s, d, req, via)
		case sip.MethodCancel:
			sh.cancel(s, d, req, via)
		default:
			sh.request(s, d, req, via)
		}
	})
}

// refuse answers a request that the grammar or a limit refused, without state.
func (a *Agent) refuse(d *tport.Delivery, via sip.ViaParm) {
	a.count.badRequests.Add(1)
	a.traceDropped(d, d.Err.Error())
	status, phrase := 400, ""
	if e, ok := errors.AsType[*msg.SyntaxError](d.Err); ok {
		if s := e.Status(); s >= 400 {
			status = s
		}
		if e.Header != "" && status == 400 {
			phrase = "Bad " + e.Header + " Header"
		}
	}
	var set []msg.Setter
	if req, ok := sip.AsRequest(d.Msg); ok && req.TopVia().Host == "" {
		a.refuseBadVia(d, req, via, status)
		return
	}
	if stamped, err := a.stamp(d, via); err == nil {
		d = stamped
	}
	if phrase != "" {
		set = append(set, sip.Phrase(phrase))
	}
	a.ReplyStateless(d, status, set...)
}

// salvage reads as much of a broken top Via as says where to answer: the protocol,
// sent-by, and the branch if there is one.
func salvage(req sip.Request) sip.ViaParm {
	raw, ok := sip.Via.Raw(req)
	if !ok {
		return sip.ViaParm{}
	}
	head, params, _ := strings.Cut(raw, ";")
	head, _, _ = strings.Cut(head, ",")
	via, rest, err := sip.ViaCodec{}.Parse(head)
	if err != nil || strings.TrimSpace(rest) != "" {
		return sip.ViaParm{}
	}
	for p := range strings.SplitSeq(params, ";") {
		if name, branch, ok := strings.Cut(p, "="); ok && strings.EqualFold(strings.TrimSpace(name), "branch") {
			if p := via.Params.With("branch", strings.TrimSpace(branch)); p.Valid() {
				via.Params = p
			}
			break
		}
	}
	return via
}

// refuseBadVia answers a request whose Via is no good with what was salvaged of it.
func (a *Agent) refuseBadVia(d *tport.Delivery, req sip.Request, via sip.ViaParm, status int) {
	if req.Method() == sip.MethodAck {
		return
	}
	set := []msg.Setter{sip.Via.Set(via), sip.Phrase("Bad Via Header")}
	if req.ToTag() == "" && sip.To.Has(req) {
		set = append(set, a.withTag(req, a.statelessTag(req, via)))
	}
	resp, err := sip.NewResponse(req, status, set...)
	if err != nil {
		return
	}
	a.relay(a.replyFlow(d, via), resp)
}

// request matches a request that is neither ACK nor CANCEL.
func (sh *shard) request(s *Step, d *tport.Delivery, req sip.Request, via sip.ViaParm) {
	a := sh.a
	k := a.keys.server(req, via, req.Method())
	if tx := sh.servers[k]; tx != nil { // 17.2.3
		a.count.retransmissions.Add(1)
		tx.input(s, inRequest)
		return
	}
	tag := req.ToTag()
	var merge key
	if tag == "" { // 8.2.2.2
		merge = a.keys.merge(req)
		if tx := sh.merges[merge]; tx != nil && !tx.forwarded() {
			a.count.merged.Add(1)
			a.ReplyStateless(d, 482)
			return
		}
	}
	var leg *Leg
	stray := false // says it belongs to a dialog of ours, which does not exist
	if tag != "" {
		leg = sh.legs[legKey{req.CallID(), tag, req.FromTag()}]
		stray = leg == nil && a.ours(req, d)
	}
	var claim *reliables
	var rseq uint32
	if req.Method() == sip.MethodPrack && tag != "" {
		if claim, rseq = sh.prackFor(req); claim != nil {
			stray = false
		} else if leg != nil { // RFC 3262 3: acknowledges nothing
			a.ReplyStateless(d, 481)
			return
		}
	}
	if stray && a.cfg.Unmatched == nil { // 12.2.2
		a.ReplyStateless(d, 481)
		return
	}
	if tag == "" && a.draining.Load() || !sh.admit(d) {
		a.count.refused.Add(1)
		a.ReplyStateless(d, 503, retryAfter())
		return
	}
	in := sh.newIncoming(s, d, req, via, k)
	if tag == "" {
		in.tx.tables.merge, in.tx.tables.hasMerge = merge, true
		sh.merges[merge] = in.tx
	}
	switch {
	case claim != nil:
		if leg == nil || leg.inOrder(s, in) {
			claim.prack(s, in, rseq)
		}
	case leg != nil:
		leg.receive(s, in)
	case stray:
		if !a.cfg.Unmatched(s, in) {
			s.Reply(in, 481)
		}
	case a.cfg.Receive != nil && a.cfg.Receive(s, in):
	case a.cfg.Serve != nil:
		s.serve(in, a.cfg.Serve)
	case tag != "":
		s.Reply(in, 481)
	default:
		s.Reply(in, 501)
	}
}

// admit takes a place for one more server transaction.
func (sh *shard) admit(d *tport.Delivery) bool {
	a := sh.a
	return !sh.closed && room(a.cfg.MaxServerTransactions, a.count.servers.Load()) && a.source.take(sourceOf(d.From.Addr()))
}

// newIncoming makes a server transaction in the place that admit has taken.
func (sh *shard) newIncoming(s *Step, d *tport.Delivery, req sip.Request, via sip.ViaParm, k key) *Incoming {
	a := sh.a
	in := &Incoming{sh: sh, d: d, req: req, at: s.now, tag: req.ToTag()}
	if in.tag == "" {
		in.tag = a.NewTag()
	}
	tx := &serverTx{
		sh: sh, key: k, in: in, flow: a.replyFlow(d, via), port: sentPort(via), name: peerName(d.Flow, via),
		invite: req.Method() == sip.MethodInvite, source: sourceOf(d.From.Addr()),
	}
	tx.flow.Hold()
	in.tx = tx
	sh.servers[k] = tx
	a.count.servers.Add(1)
	a.count.serverTransactions.Add(1)
	a.count.unfinished.Add(1)
	if a.cfg.Trace.Started != nil {
		s.Defer(func() { a.cfg.Trace.Started(req.Message, true) })
	}
	tx.input(s, inStart)
	return in
}

func (tx *serverTx) forwarded() bool {
	return tx.inv.forwarded || tx.in != nil && tx.in.watch.Forward
}

// cancel matches a CANCEL (9.2). It is a transaction of its own; only what it
// cancels must exist, so that nothing is kept for one that matches nothing.
func (sh *shard) cancel(s *Step, d *tport.Delivery, req sip.Request, via sip.ViaParm) {
	a := sh.a
	k := a.keys.server(req, via, sip.MethodCancel)
	if tx := sh.servers[k]; tx != nil {
		a.count.retransmissions.Add(1)
		tx.input(s, inRequest)
		return
	}
	target := sh.servers[a.keys.server(req, via, sip.MethodInvite)]
	if target == nil && a.cfg.Unmatched == nil {
		a.ReplyStateless(d, 481)
		return
	}
	if !sh.admit(d) {
		a.count.refused.Add(1)
		a.ReplyStateless(d, 503, retryAfter())
		return
	}
	in := sh.newIncoming(s, d, req, via, k)
	if target == nil {
		if !a.cfg.Unmatched(s, in) {
			s.Reply(in, 481)
		}
		return
	}
	switch { // the To tag of both answers is the same
	case target.in != nil:
		in.tag = target.in.tag
	case target.reply != nil:
		in.tag = sip.Response{Message: target.reply}.ToTag()
	}
	s.Reply(in, 200)
	if target.in != nil && target.rel != nil {
		target.rel.drop() // a 2xx that has not left
	}
	if target.in != nil && !target.in.final && !target.in.canceled {
		target.in.takeCancel(s, req)
	}
}

// ack matches an ACK. It makes no state: what matches nothing is dropped.
func (sh *shard) ack(s *Step, d *tport.Delivery, req sip.Request, via sip.ViaParm) {
	a := sh.a
	tx := sh.servers[a.keys.server(req, via, sip.MethodInvite)]
	if tx != nil && tx.inv.state >= serverInviteCompleted { // 17.2.3: for 300-699, same branch
		a.count.retransmissions.Add(1)
		tx.input(s, inAck)
		return
	}
	if tx = sh.acks[a.keys.ack(req, req.ToTag())]; tx != nil { // 13.3.1.4
		do, _ := tx.input(s, inAck)
		if in := tx.in; in != nil && do.has(actPass) {
			in.takeAck(s, req)
			tx.settle(s, nil)
			return
		}
		a.count.retransmissions.Add(1)
		return
	}
	in := &Incoming{sh: sh, d: d, req: req, at: s.now, tag: req.ToTag(), ack: true, over: true, final: true}
	switch {
	case sh.legs[legKey{req.CallID(), req.ToTag(), req.FromTag()}] != nil: // of an INVITE that is over
	case sh.forwards[a.keys.forward(req)] != nil, req.ToTag() != "" && !a.ours(req, d): // 16.10, RFC 6026 7.1
		if a.cfg.Receive != nil && a.cfg.Receive(s, in) {
			return
		}
		if a.cfg.Serve != nil {
			s.serveAck(in)
			return
		}
	case a.cfg.Unmatched != nil && a.cfg.Unmatched(s, in):
		return
	}
	a.count.strayAcks.Add(1)
	a.traceDropped(d, "ACK for nothing")
}

// response matches a response (17.1.3, 18.1.2).
func (a *Agent) response(d *tport.Delivery, resp sip.Response) {
	if d.Err != nil {
		a.count.badResponses.Add(1)
		a.traceDropped(d, d.Err.Error())
		return
	}
	a.count.responsesReceived.Add(1)
	via := resp.TopVia()
	sh := a.shard(resp.CallID())
	matched := false
	sh.run(func(s *Step) {
		tx := sh.clients[a.keys.client(via.Branch(), resp.CSeq().Method)]
		if tx == nil || !tx.sentBy(via) {
			return
		}
		matched = true
		tx.response(s, d, resp)
	})
	if matched {
		return
	}
	if a.cfg.Stateless != nil && a.cfg.Stateless(a, d) == Handled {
		return
	}
	a.count.strayResponses.Add(1)
	a.traceDropped(d, "response for nothing")
}

// statelessTag is the To tag of stateless replies: a keyed hash, so that the
// same request gets the same tag (8.2.7).
func (a *Agent) statelessTag(req sip.Request, via sip.ViaParm) string {
	var h maphash.Hash
	h.SetSeed(a.tagger)
	for _, part := range [...]string{via.Branch(), via.Host, req.CallID(), req.FromTag()} {
		h.WriteString(part)
		h.WriteByte(0)
	}
	var buf [8]byte
	seq := req.CSeq().Seq
	buf[0], buf[1], buf[2], buf[3] = byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
	h.Write(buf[:4])
	return strconv.FormatUint(h.Sum64(), 16)
}

// retryAfter tells a client to stay away for a moment.
func retryAfter() msg.Setter { return sip.RetryAfter.Text("5").AsRead() }

// room reports whether there is room for one more; a negative bound is none.
func room[T ~int | ~int64](bound int, n T) bool { return bound < 0 || int64(n) < int64(bound) }

func (a *Agent) traceDropped(d *tport.Delivery, reason string) {
	if a.cfg.Trace.Dropped != nil {
		a.cfg.Trace.Dropped(d, reason)
	}
}
