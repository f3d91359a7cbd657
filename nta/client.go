package nta

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// clientTx is one client transaction: a request on its way to one hop. An
// Outgoing has one at a time, and a CANCEL is one without an Outgoing.
type clientTx struct {
	sh          *shard
	repeat, end timer
	key         key
	flow        *tport.Flow
	hop         sresolv.Hop
	msg         *msg.Message // the request, with our Via; nil once it need not be sent again
	ack         *msg.Message // the ACK for 300-699
	out         *Outgoing    // nil once it wants nothing any more
	host        string       // our sent-by
	inv         clientInvite
	req         clientRequest
	port        uint16
	invite      bool
	gone        bool
	// The neighbours among those to one peer over datagrams.
	before, after *clientTx
}

// launch starts a client transaction on a flow. A request that the flow refuses
// at once never was one: the error says why.
func (sh *shard) launch(s *Step, f *tport.Flow, hop sresolv.Hop, m *msg.Message, out *Outgoing) (*clientTx, error) {
	a := sh.a
	req := sip.Request{Message: m}
	via := req.TopVia()
	tx := &clientTx{
		sh: sh, flow: f, hop: hop, msg: m, out: out, host: via.Host, port: via.Port,
		key:    a.keys.client(via.Branch(), req.Method()),
		invite: req.Method() == sip.MethodInvite,
	}
	if sh.clients[tx.key] != nil {
		return nil, errBranch
	}
	if err := f.Send(m); err != nil && (f.Reliable() || !errors.Is(err, tport.ErrQueueFull)) {
		a.count.sendErrors.Add(1)
		return nil, err
	}
	a.count.requestsSent.Add(1)
	a.count.clientTransactions.Add(1)
	a.count.clients.Add(1)
	if a.cfg.Trace.Started != nil {
		s.Defer(func() { a.cfg.Trace.Started(m, false) })
	}
	f.Hold() // section 18: kept as long as the transaction may need it
	sh.clients[tx.key] = tx
	if f.Reliable() {
		on := sh.streams[f.Key()]
		if on == nil {
			on = map[*clientTx]struct{}{}
			sh.streams[f.Key()] = on
		}
		on[tx] = struct{}{}
	} else {
		sh.linkDatagram(tx)
	}
	tx.input(s, inStart, sip.Response{})
	return tx, nil
}

var errBranch = errors.New("branch in use; give each request its own")

func (tx *clientTx) fire(s *Step, t *timer) {
	if t == &tx.repeat {
		tx.input(s, inRepeat, sip.Response{})
		return
	}
	tx.input(s, inEnd, sip.Response{})
}

// sentBy reports whether a Via is the one we put there (18.1.2).
func (tx *clientTx) sentBy(via sip.ViaParm) bool {
	if via.Port != tx.port {
		return false
	}
	if strings.EqualFold(via.Host, tx.host) {
		return true
	}
	theirs, err := netip.ParseAddr(via.Host)
	if err != nil {
		return false
	}
	ours, err := netip.ParseAddr(tx.host)
	return err == nil && ours == theirs
}

// response takes what the shard has matched.
func (tx *clientTx) response(s *Step, d *tport.Delivery, resp sip.Response) {
	a := tx.sh.a
	if out := tx.out; out != nil && !out.forwarded && vias(resp) > 1 { // 8.1.3.3
		a.count.strayResponses.Add(1)
		s.Defer(func() { a.traceDropped(d, "more than one Via") })
		return
	}
	if do := tx.input(s, statusInput(resp.Status()), resp); do == 0 {
		a.count.retransmissions.Add(1)
	}
}

// vias counts up to two.
func vias(resp sip.Response) (n int) {
	for range sip.Via.All(resp) {
		if n++; n == 2 {
			break
		}
	}
	return n
}

// input steps the machine and carries its effects out.
func (tx *clientTx) input(s *Step, i input, resp sip.Response) act {
	if tx.gone {
		return 0
	}
	sh, a := tx.sh, tx.sh.a
	var e effect
	if t := a.timingFor(tx.flow); tx.invite {
		t := *t
		if tx.out == nil || !tx.out.forwarded { // 16.6 step 11
			t.timerC = 0
		}
		e = tx.inv.step(i, t)
	} else {
		e = tx.req.step(i, *t)
	}
	sh.set(s, &tx.repeat, tx, e.repeat)
	sh.set(s, &tx.end, tx, e.end)
	out := tx.out
	if e.do.has(actSend) && i == inRepeat {
		a.count.resent.Add(1)
		sh.traceResent(s, tx.msg)
		if err := tx.flow.Send(tx.msg); err != nil && !errors.Is(err, tport.ErrQueueFull) {
			a.count.sendErrors.Add(1)
			tx.lost(s, err)
			return e.do
		}
	}
	if e.do.has(actAck) {
		tx.acknowledge(s, resp)
	}
	switch {
	case e.do.has(actEnd):
		tx.remove()
	case e.do.has(actSlim):
		tx.out, tx.msg = nil, nil
	}
	if out == nil {
		return e.do
	}
	switch {
	case e.do.has(actPass):
		out.response(s, resp)
	case e.do.has(actTimeout):
		a.count.timeouts.Add(1)
		out.hopFailed(s, "wait", ErrTimeout)
	case e.do.has(actCancel):
		out.CancelStep(s)
	case e.do.has(actFail): // lost tells, and with which error
	case e.do.has(actEnd):
		out.ended(s)
	}
	return e.do
}

// lost tells the transaction that its transport failed (17.1.4).
func (tx *clientTx) lost(s *Step, err error) {
	out := tx.out
	if do := tx.input(s, inTransport, sip.Response{}); do.has(actFail) && out != nil {
		out.hopFailed(s, "send", err)
	}
}

// remove takes the transaction out of every table.
func (tx *clientTx) remove() {
	tx.gone = true
	sh := tx.sh
	sh.wheel.stop(&tx.repeat)
	sh.wheel.stop(&tx.end)
	delete(sh.clients, tx.key)
	if on := sh.streams[tx.flow.Key()]; on != nil {
		delete(on, tx)
		if len(on) == 0 {
			delete(sh.streams, tx.flow.Key())
		}
	} else if !tx.flow.Reliable() {
		sh.unlinkDatagram(tx)
	}
	tx.flow.Release()
	tx.out = nil
	sh.a.count.clients.Add(-1)
}

// over ends the transaction from outside.
func (tx *clientTx) over(s *Step, err error) {
	out := tx.out
	if tx.gone {
		return
	}
	tx.remove()
	if out != nil {
		out.fail(s, err)
	}
}

// acknowledge sends the ACK for a 300-699 response: it belongs to the
// transaction and takes the same way (17.1.1.3).
func (tx *clientTx) acknowledge(s *Step, resp sip.Response) {
	a := tx.sh.a
	if tx.ack == nil {
		ack, err := ackOf(sip.Request{Message: tx.msg}, resp)
		if err != nil {
			s.Defer(func() { a.cfg.Logger.Warn("no ACK", "err", err) })
			return
		}
		tx.ack = ack
	}
	if err := tx.flow.Send(tx.ack); err != nil {
		a.count.sendErrors.Add(1)
		return
	}
	a.count.acksSent.Add(1)
}

// The credentials of a request, which are copied and never read.
const (
	authorization      = msg.Header[string, msg.TextCodec](msg.IDAuthorization)
	proxyAuthorization = msg.Header[string, msg.TextCodec](msg.IDProxyAuthorization)
)

// ackOf builds the ACK for a 300-699 response: Call-ID, From, Request-URI,
// Route and the top Via of the request, To of the response, and the number of
// its CSeq (17.1.1.3), with the credentials of the request (22.1).
func ackOf(req sip.Request, resp sip.Response) (*msg.Message, error) {
	m, err := sameHop(req, sip.MethodAck,
		sip.To.Copy(resp), authorization.Copy(req), proxyAuthorization.Copy(req))
	return m.Message, err
}

// sameHop builds a request that follows another to the same hop: a CANCEL
// (9.1) or the ACK for a non-2xx (17.1.1.3).
func sameHop(req sip.Request, method string, set ...msg.Setter) (sip.Request, error) {
	uri, err := req.URI()
	if err != nil {
		return sip.Request{}, err
	}
	own := []msg.Setter{
		msg.RequestLine(method, req.RequestURI()).AsRead(),
		sip.Via.Set(req.TopVia()).AsRead(),
		sip.Route.Copy(req),
		sip.From.Copy(req),
		sip.To.Copy(req),
		sip.CallID.Copy(req),
		sip.CSeq.Set(sip.Sequence{Seq: req.CSeq().Seq, Method: method}),
	}
	return sip.NewRequest(method, uri, append(own, set...)...)
}

// flowFailed is told by the transport that a flow ended or could not send.
func (a *Agent) flowFailed(f *tport.Flow, err error) {
	if !f.Reliable() {
		a.datagramFailed(f, err)
		return
	}
	for _, sh := range a.shards {
		sh.mu.Lock()
		n := len(sh.streams[f.Key()])
		sh.mu.Unlock()
		if n == 0 {
			continue
		}
		sh.run(func(s *Step) {
			for tx := range sh.streams[f.Key()] {
				tx.lost(s, err)
			}
		})
	}
}
