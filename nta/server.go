package nta

import (
	"errors"
	"net/netip"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// serverTx is the part of a server transaction that lives until its last timer:
// key, state, timers and the latest response. What the user sees is an
// Incoming, which it lets go of once nobody is to answer any more.
type serverTx struct {
	sh          *shard
	repeat, end timer
	key         key
	flow        *tport.Flow  // where responses go
	reply       *msg.Message // the latest response
	in          *Incoming    // nil once settled
	inv         serverInvite
	req         serverRequest
	invite      bool
	gone        bool
	port        uint16 // sent-by port, for when a stream has gone (18.2.2)
	name        string // what the peer must prove then, over TLS
	source      netip.Addr
	tables      tables
	rel         *reliables // nil without any
}

// tables says by which further keys a transaction is found.
type tables struct {
	merge, ack, forward          key
	hasMerge, hasAck, hasForward bool
}

func (tx *serverTx) fire(s *Step, t *timer) {
	if t == &tx.repeat {
		tx.input(s, inRepeat)
		return
	}
	tx.input(s, inEnd)
}

// input steps the machine and carries its effects out. It returns what there
// was to do and the error of sending.
func (tx *serverTx) input(s *Step, i input) (act, error) {
	if tx.gone {
		return 0, nil
	}
	sh, a := tx.sh, tx.sh.a
	var e effect
	if t := a.timingFor(tx.flow); tx.invite {
		e = tx.inv.step(i, *t)
	} else {
		e = tx.req.step(i, *t)
	}
	sh.set(s, &tx.repeat, tx, e.repeat)
	sh.set(s, &tx.end, tx, e.end)
	var err error
	switch {
	case e.do.has(actTrying):
		tx.trying(s)
	case e.do.has(actSend):
		err = tx.transmit(s)
		if i == inRepeat || i == inRequest {
			a.count.resent.Add(1)
			tx.sh.traceResent(s, tx.reply)
		} else {
			a.count.responsesSent.Add(1)
		}
	}
	switch {
	case e.do.has(actNoAck):
		a.count.noAck.Add(1)
		tx.over(s, ErrNoAck)
	case e.do.has(actTimeout):
		tx.forgotten(s)
	case e.do.has(actEnd):
		tx.over(s, nil)
	case e.do.has(actSlim):
		tx.settle(s, nil)
	}
	return e.do, err
}

// trying answers 100 by itself (17.2.1, RFC 4320 4.1).
func (tx *serverTx) trying(s *Step) {
	if tx.in == nil {
		return
	}
	resp, err := tx.in.response(100, nil)
	if err != nil {
		return
	}
	tx.reply = resp.Message
	if tx.transmit(s) == nil {
		tx.sh.a.count.responsesSent.Add(1)
	}
}

// transmit sends the latest response. On a stream that has gone it connects
// anew to where the request came from (18.2.2); the message then follows.
func (tx *serverTx) transmit(s *Step) error {
	if tx.reply == nil {
		return nil
	}
	err := tx.flow.Send(tx.reply)
	if err == nil {
		return nil
	}
	a := tx.sh.a
	a.count.sendErrors.Add(1)
	if tx.flow.Reliable() && !errors.Is(err, tport.ErrQueueFull) {
		tx.reconnect(s)
		return nil
	}
	return &TransactionError{Op: "send", Hop: hopOf(tx.flow), Err: err}
}

// forgotten ends what user code never answered: an INVITE with 500, another
// request without a response, which would come too late (RFC 4320 section 4.2).
func (tx *serverTx) forgotten(s *Step) {
	a, in := tx.sh.a, tx.in
	a.count.forgotten.Add(1)
	if in != nil {
		method, callID, where := in.req.Method(), in.req.CallID(), in.where
		s.Defer(func() {
			a.cfg.Logger.Warn("request never answered", "method", method, "callID", callID, "accepted", where)
		})
	}
	if !tx.invite || in == nil {
		tx.over(s, ErrTimeout)
		return
	}
	if tx.rel != nil {
		tx.rel.drop()
	}
	s.Reply(in, 500, sip.Phrase("Never Answered"))
}

// settle ends the user's part: the response that ends the transaction has been
// sent (and a 2xx to INVITE acknowledged), or there will be none.
func (tx *serverTx) settle(s *Step, err error) {
	in := tx.in
	if in == nil {
		return
	}
	tx.in = nil
	if tx.rel != nil && len(tx.rel.list) == 0 {
		tx.rel.forget(s, err)
		tx.rel = nil
	}
	tx.sh.a.finish()
	in.ended(s, err)
}

// over ends the transaction itself.
func (tx *serverTx) over(s *Step, err error) {
	if tx.gone {
		return
	}
	tx.gone = true
	sh := tx.sh
	sh.wheel.stop(&tx.repeat)
	sh.wheel.stop(&tx.end)
	delete(sh.servers, tx.key)
	forget(sh.merges, tx.tables.merge, tx, tx.tables.hasMerge)
	forget(sh.acks, tx.tables.ack, tx, tx.tables.hasAck)
	forget(sh.forwards, tx.tables.forward, tx, tx.tables.hasForward)
	tx.flow.Release()
	sh.a.count.servers.Add(-1)
	sh.a.source.give(tx.source)
	if tx.rel != nil {
		tx.rel.forget(s, err)
	}
	tx.settle(s, err)
}

func forget(m map[key]*serverTx, k key, tx *serverTx, has bool) {
	if has && m[k] == tx {
		delete(m, k)
	}
}

// answer sends resp as the latest response.
func (tx *serverTx) answer(s *Step, i input, resp sip.Response) error {
	sh := tx.sh
	tx.reply = resp.Message
	if tx.rel != nil && i != inProgress && i != inTrying {
		tx.rel.answered(s, resp.Status())
	}
	switch {
	case !tx.invite || tx.in == nil:
	case i == inSuccess: // the ACK will be found by the dialog
		tx.tables.ack, tx.tables.hasAck = sh.a.keys.ack(tx.in.req, resp.ToTag()), true
		sh.acks[tx.tables.ack] = tx
		if l := tx.in.leg; l != nil {
			l.unanswered = false
		}
	case i == inForward:
		tx.tables.forward, tx.tables.hasForward = sh.a.keys.forward(tx.in.req), true
		sh.forwards[tx.tables.forward] = tx
	}
	_, err := tx.input(s, i)
	if i == inForward && tx.invite {
		tx.settle(s, nil)
	}
	return err
}
