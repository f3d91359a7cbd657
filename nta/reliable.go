package nta

import (
	"context"
	"encoding/binary"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// Reliable is a provisional response to an INVITE that is repeated until its
// PRACK comes (RFC 3262 section 3). The methods are safe for concurrent use and
// must not be called from inside a step.
type Reliable struct {
	list  *reliables
	resp  sip.Response
	rseq  uint32
	body  bool // it carries an offer or an answer: a 2xx waits for its PRACK
	auto  bool // nobody asked for it to be reliable but the peer
	state reliableState

	repeat, end *Timer
	interval    time.Duration
	done        func(s *Step, prack *Incoming, err error)
	prack       *Incoming
	err         error
	wake        chan struct{}
}

type reliableState uint8

const (
	reliableQueued  reliableState = iota // one before it waits for its PRACK
	reliableSent                         // repeated until the PRACK comes
	reliableStopped                      // no longer repeated; a PRACK is still good
	reliableOver                         // acknowledged, or given up
)

// reliables are the reliable provisional responses of one INVITE: what is sent
// and not acknowledged first, then what waits for that.
type reliables struct {
	tx   *serverTx
	in   *Incoming
	key  key
	rseq uint32 // of the latest; 0: none yet
	list []*Reliable
	held sip.Response // a 2xx that waits for the last PRACK
}

// ReplyReliable answers an INVITE 101-199 so that the response is repeated,
// over any transport, until the peer acknowledges it with PRACK (RFC 3262
// section 3). One at a time is on its way: while another is not acknowledged it
// waits, at most Config.QueueSize of them; a 2xx given to Reply waits for all of
// those, and for the PRACK of one with a body. Require and RSeq are added.
//
// A PRACK without a body is answered 200 by itself; one with a body, an offer,
// is for who waits for it, see [Reliable.Wait]. Without a PRACK in 64*T1 the
// INVITE is answered 504. The error is ErrNotReliable when the INVITE does not
// have the option tag 100rel in Supported or Require, ErrBusy when too many
// wait, or one of Reply.
func (in *Incoming) ReplyReliable(status int, set ...msg.Setter) (r *Reliable, err error) {
	in.sh.run(func(s *Step) { r, err = s.ReplyReliable(in, status, nil, set...) })
	return r, err
}

// ReplyReliable is [Incoming.ReplyReliable] inside a step of the request's
// shard. done, unless it is nil, runs once, inside the step, in place of
// [Reliable.Wait]: with the PRACK, which it may answer, or with an error.
func (s *Step) ReplyReliable(in *Incoming, status int, done func(s *Step, prack *Incoming, err error), set ...msg.Setter) (*Reliable, error) {
	if err := in.may(s, status); err != nil {
		return nil, err
	}
	if !in.tx.invite || status <= 100 || status >= 200 || !Supports100rel(in.req) {
		return nil, ErrNotReliable
	}
	l := in.tx.rel
	if l == nil {
		l = &reliables{tx: in.tx, in: in, key: in.sh.a.keys.prack(in.req.CallID(), in.req.FromTag(), in.tag, in.req.CSeq())}
	}
	if len(l.list) >= in.sh.a.cfg.QueueSize {
		return nil, ErrBusy
	}
	rseq := l.rseq + 1
	if l.rseq == 0 { // a random one of 1 to 2^31-1, with room above it
		var b [4]byte
		if _, err := in.sh.a.cfg.Rand.Read(b[:]); err != nil {
			return nil, err
		}
		rseq = binary.BigEndian.Uint32(b[:])&(1<<30-1) + 1
	}
	set = append([]msg.Setter{sip.Require.Add(sip.Option100rel), sip.RSeq.Set(rseq)}, set...)
	resp, err := in.response(status, set)
	if err != nil {
		return nil, err
	}
	in.tx.rel = l
	l.rseq = rseq
	in.sh.reliable[l.key] = l
	r := &Reliable{list: l, resp: resp, rseq: rseq, body: resp.Body() != "", done: done}
	l.list = append(l.list, r)
	if len(l.list) == 1 {
		return r, l.send(s, r)
	}
	return r, nil
}

// Supports100rel reports whether a request lets its provisional responses be
// reliable: 100rel stands in its Supported or Require (RFC 3262 section 3).
func Supports100rel(req sip.Request) bool {
	return hasOption(sip.Supported.All(req), sip.Option100rel) || requires100rel(req)
}

func requires100rel(m msg.Source) bool { return hasOption(sip.Require.All(m), sip.Option100rel) }

func hasOption(all func(func(string, error) bool), option string) bool {
	for tag, err := range all {
		if err == nil && strings.EqualFold(tag, option) {
			return true
		}
	}
	return false
}

// RSeq returns the number of the response, which grows by one for each of an
// INVITE.
func (r *Reliable) RSeq() uint32 { return r.rseq }

// Wait waits for the PRACK and returns it. If it has a body it is still to be
// answered, with Reply; otherwise it has been answered 200. The error is ErrNoPrack
// when none came in 64*T1, ErrTooLate when the INVITE was answered or cancelled
// before, ErrClosed at the end of the agent, or that of ctx, which bounds the
// wait only. A handler calls [Incoming.Async] first.
func (r *Reliable) Wait(ctx context.Context) (*Incoming, error) {
	sh := r.list.tx.sh
	for {
		sh.mu.Lock()
		if r.prack != nil || r.err != nil {
			defer sh.mu.Unlock()
			return r.prack, r.err
		}
		if r.wake == nil {
			r.wake = make(chan struct{})
		}
		wake := r.wake
		sh.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// send sends the first of the list and has it repeated (section 3: T1, doubling,
// given up at 64*T1; a stream makes no difference, it is end to end).
func (l *reliables) send(s *Step, r *Reliable) error {
	r.state = reliableSent
	r.interval = l.tx.sh.a.cfg.Timers.T1
	r.repeat = s.After(r.interval, r.again)
	r.end = s.After(64*r.interval, r.noPrack)
	return l.tx.answer(s, inProgress, r.resp)
}

func (r *Reliable) again(s *Step) {
	tx := r.list.tx
	if err := tx.flow.Send(r.resp.Message); err != nil {
		tx.sh.a.count.sendErrors.Add(1)
	} else {
		tx.sh.a.count.resent.Add(1)
		tx.sh.traceResent(s, r.resp.Message)
	}
	r.interval *= 2
	r.repeat.Reset(s, r.interval)
}

// noPrack rejects the INVITE (section 3).
func (r *Reliable) noPrack(s *Step) {
	l := r.list
	l.tx.sh.a.count.noPrack.Add(1)
	l.drop()
	l.finish(s, ErrNoPrack)
	if in := l.tx.in; in != nil {
		s.Reply(in, 504)
	}
}

// drop takes a 2xx back that has not left yet.
func (l *reliables) drop() {
	if !l.held.IsZero() {
		l.held = sip.Response{}
		l.in.final = false
	}
}

// holds reports whether a 2xx must wait: one that is sent carries an offer or an
// answer (section 3), or there is one that has not been sent at all.
func (l *reliables) holds() bool {
	for _, r := range l.list {
		if r.body || r.state == reliableQueued {
			return true
		}
	}
	return false
}

// answered stops what must not be repeated after a final response has left; the
// PRACK of what was sent is still good (section 3).
func (l *reliables) answered(s *Step, status int) {
	sent := l.list[:0]
	for _, r := range l.list {
		if r.state == reliableQueued {
			r.over(s, nil, ErrTooLate)
			continue
		}
		r.stop(s)
		r.state = reliableStopped
		sent = append(sent, r)
		if status >= 300 {
			r.tell(s, nil, ErrTooLate)
		}
	}
	clear(l.list[len(sent):])
	l.list = sent
}

// finish gives everything up that is not acknowledged.
func (l *reliables) finish(s *Step, err error) {
	list := l.list
	l.list = nil
	for _, r := range list {
		r.over(s, nil, err)
	}
}

// forget is the end of the transaction.
func (l *reliables) forget(s *Step, err error) {
	if l.tx.sh.reliable[l.key] == l { // another INVITE may have the same names
		delete(l.tx.sh.reliable, l.key)
	}
	if err == nil {
		err = ErrTooLate
	}
	l.finish(s, err)
}

func (r *Reliable) stop(s *Step) {
	r.repeat.Stop(s)
	r.end.Stop(s)
}

func (r *Reliable) over(s *Step, prack *Incoming, err error) {
	r.stop(s)
	r.state = reliableOver
	r.tell(s, prack, err)
}

// tell completes Wait and the hook of an engine, once.
func (r *Reliable) tell(s *Step, prack *Incoming, err error) {
	if r.prack != nil || r.err != nil {
		return
	}
	r.prack, r.err = prack, err
	if r.wake != nil {
		close(r.wake)
		r.wake = nil
	}
	if r.done != nil {
		r.done(s, prack, err)
	}
}

// prack takes a PRACK of this INVITE: it is good for a response that was sent
// and not acknowledged (section 3).
func (l *reliables) prack(s *Step, in *Incoming, rseq uint32) {
	at := -1
	for i, r := range l.list {
		if r.rseq == rseq && r.state != reliableQueued {
			at = i
		}
	}
	if at < 0 {
		s.Reply(in, 481)
		return
	}
	r := l.list[at]
	l.list = append(l.list[:at], l.list[at+1:]...)
	told := r.err != nil
	r.over(s, in, nil)
	switch {
	case in.final:
	case in.req.Body() == "":
		s.Reply(in, 200)
	case r.auto || told: // nobody waits for the offer
		s.Reply(in, 488)
	}
	switch {
	case len(l.list) > 0 && l.list[0].state == reliableQueued:
		l.send(s, l.list[0])
	case len(l.list) == 0 && !l.held.IsZero():
		resp := l.held
		l.held = sip.Response{}
		l.tx.answer(s, inSuccess, resp)
	}
}

// prackFor finds the INVITE that a PRACK belongs to: the dialog is that of its
// responses, the rest stands in RAck (section 7.2).
func (sh *shard) prackFor(req sip.Request) (*reliables, uint32) {
	rack, ok, err := sip.RAck.Get(req)
	if !ok || err != nil {
		return nil, 0
	}
	l := sh.reliable[sh.a.keys.prack(req.CallID(), req.FromTag(), req.ToTag(), sip.Sequence{Seq: rack.Seq, Method: rack.Method})]
	return l, rack.RSeq
}

// prack is what an INVITE and the PRACK requests for its responses have in common.
func (k keyer) prack(callID, from, to string, seq sip.Sequence) key {
	return k.call(keyPrack, callID, from, to, seq)
}
