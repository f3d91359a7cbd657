package nta

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// SendConfig says how a request is sent. The zero value is useful.
type SendConfig struct {
	// NextHop is where the request goes first; nil: the top Route, or else the
	// Request-URI (RFC 3261 section 8.1.2).
	NextHop *sip.URI
	// Flow sends by this flow and no other; nothing is resolved.
	Flow *tport.Flow
	// Transport goes before the transport parameter of the URI.
	Transport string
	// Branch is the branch of our Via for the first hop; empty: a fresh one of
	// 128 random bits.
	Branch string
	// Via is a Via of the user's own in place of the agent's: its host, port and
	// parameters are sent as they stand, with the protocol and transport of the
	// flow and the branch. Responses are matched by this host and port; that they
	// come here is the user's affair. The zero value: the agent's.
	Via sip.ViaParm
	// Respond is the hook of an engine. It runs inside the step for every
	// provisional response, the final one, and every further 2xx to INVITE of
	// another dialog; or once with an error, a *TransactionError. nil: responses
	// are read with Next. Retransmissions do not come here, unless the request is
	// forwarded (it had a Via already): then every 2xx does.
	Respond func(s *Step, o *Outgoing, resp sip.Response, err error)
	// Leg is the dialog that the request belongs to.
	Leg *Leg
}

// Outgoing is a client transaction: a request that was sent, hop after hop
// until one answers, and its responses. The methods that take no [Step] are
// safe for concurrent use and must not be called from inside a step. Several
// goroutines may read; each response goes to one.
type Outgoing struct {
	seeker
	tx        *clientTx   // at the present hop; nil before and after
	last      *tport.Flow // it went out by, once tx is gone
	forwarded bool

	// Guarded by the shard.
	items     []sip.Response
	err       error // why there will be nothing more
	wake      chan struct{}
	forks     []fork
	early     []early      // that answered reliably
	held      sip.Response // 503, while another hop is tried (RFC 3263 4.3)
	answered  bool         // a provisional response came
	final     bool
	done      bool // nothing will come any more
	settled   bool
	deaf      bool // nobody wants to know
	cancelSet []msg.Setter
	canceling bool // the user wants it cancelled
	canceled  bool // CANCEL has been sent
}

// Send starts a client transaction for req, which has everything but our Via:
// From with tag, To, Call-ID, CSeq and Max-Forwards. It never waits. Errors
// that are known at once are returned: ErrBusy, ErrClosed, or what is wrong with
// the request; all others come as the result of the transaction.
func (a *Agent) Send(req sip.Request, cfg SendConfig) (o *Outgoing, err error) {
	a.shard(req.CallID()).run(func(s *Step) { o, err = s.Send(req, cfg) })
	return o, err
}

// Send is [Agent.Send] inside a step. The Call-ID of the request must be one of
// this shard: use a fresh one with [Agent.Send] from [Step.Defer] otherwise.
func (s *Step) Send(req sip.Request, cfg SendConfig) (*Outgoing, error) {
	a := s.sh.a
	sh := a.shard(req.CallID())
	switch {
	case req.CallID() == "" || req.CSeq().Method != req.Method() || req.Method() == sip.MethodAck:
		return nil, &TransactionError{Op: "send", Err: errRequest}
	case sh != s.sh:
		return nil, &TransactionError{Op: "send", Err: errShard}
	case sh.closed:
		return nil, &TransactionError{Op: "send", Err: ErrClosed}
	case !room(a.cfg.MaxClientTransactions, a.count.clients.Load()+int64(len(sh.pending))):
		return nil, &TransactionError{Op: "send", Err: ErrBusy}
	}
	req, err := a.dress(req)
	if err != nil {
		return nil, err
	}
	o := &Outgoing{forwarded: sip.Via.Has(req)}
	o.seeker = seeker{sh: sh, req: req, cfg: cfg, to: o}
	sh.pending[o] = struct{}{}
	a.count.unfinished.Add(1)
	o.start(s)
	return o, nil
}

// dress adds User-Agent to a request of our own.
func (a *Agent) dress(req sip.Request) (sip.Request, error) {
	if a.cfg.UserAgent == "" || sip.UserAgent.Has(req) || sip.Via.Has(req) {
		return req, nil
	}
	return req.Edit(sip.UserAgent.Text(a.cfg.UserAgent).AsRead())
}

// Request returns the request as it was given to Send, without our Via.
func (o *Outgoing) Request() sip.Request { return o.req }

// Leg returns the dialog that the request belongs to, nil outside one.
func (o *Outgoing) Leg() *Leg { return o.cfg.Leg }

// Flow returns the flow that the request went out by, nil before.
func (o *Outgoing) Flow() *tport.Flow {
	o.sh.mu.Lock()
	defer o.sh.mu.Unlock()
	return o.FlowStep(nil)
}

// FlowStep is [Outgoing.Flow] inside a step.
func (o *Outgoing) FlowStep(*Step) *tport.Flow {
	if o.tx == nil {
		return o.last
	}
	return o.tx.flow
}

// found starts the transaction at a hop.
func (o *Outgoing) found(s *Step, f *tport.Flow, hop sresolv.Hop, m *msg.Message) error {
	tx, err := o.sh.launch(s, f, hop, m, o)
	if err != nil {
		return err
	}
	delete(o.sh.pending, o)
	o.tx = tx
	o.answered, o.early = false, nil // by this hop: 9.1
	return nil
}

// lost is the end of the walk.
func (o *Outgoing) lost(s *Step, err error) {
	if !o.held.IsZero() { // the 503 was the best there was
		resp := o.held
		o.held = sip.Response{}
		o.finish(s, resp)
		return
	}
	o.fail(s, err)
}

// hopFailed takes the next hop after a transport error or a timeout (RFC 3263
// section 4.3), unless the hop had answered or the user has given up.
func (o *Outgoing) hopFailed(s *Step, op string, err error) {
	failure := &TransactionError{Op: op, Hop: o.at(), Err: err}
	tx := o.tx
	switch {
	case o.canceling: // 9.1
		o.fail(s, &TransactionError{Op: "cancel", Hop: o.hop, Err: ErrCanceled})
	case o.answered || o.deaf:
		o.fail(s, failure)
	case op == "send" && tx.flow.Reliable() && !o.fresh && o.walk != nil:
		o.between()
		o.connect(s, tx.flow.Proto(), true) // the connection had been idle: one more time
	case tx.flow.Proto() == tport.UDP && !o.datagram && o.cfg.Flow == nil && errors.Is(err, tport.ErrTooLarge):
		o.between()
		o.toTCP(s)
	default:
		o.between()
		o.failed(s, op, err)
	}
}

// between is the state of a request that has left one hop and not yet reached
// another: there is nothing that a CANCEL could follow.
func (o *Outgoing) between() {
	o.sh.pending[o] = struct{}{}
	o.last, o.tx = o.tx.flow, nil
}

// unavailable takes a 503: its sender is let alone for as long as it says, and
// the request goes to the next hop (RFC 3263 section 4.3). One that names no time
// is taken for a 500 by later requests (RFC 3261 section 21.5.4).
func (o *Outgoing) unavailable(s *Step, resp sip.Response) {
	if retry, ok, err := sip.RetryAfter.Get(resp); err == nil && ok && retry.Seconds > 0 {
		o.avoid(time.Duration(retry.Seconds) * time.Second)
	}
	o.note(s, &sip.StatusError{Response: resp})
	if !o.more() || o.canceling || o.deaf {
		o.finish(s, resp)
		return
	}
	o.held = resp
	o.between()
	o.leave(s)
}

// response takes what the machine passes on.
func (o *Outgoing) response(s *Step, resp sip.Response) {
	status := resp.Status()
	if !o.answered && !o.final && status != 503 {
		o.works()
	}
	switch {
	case status < 200:
		o.answered = true
		if o.outOfOrder(resp) { // RFC 3262 4
			o.sh.a.count.retransmissions.Add(1)
			return
		}
		o.pass(s, resp)
		if o.canceling && !o.canceled && !o.final {
			o.sendCancel(s)
		}
	case status < 300 && o.req.Method() == sip.MethodInvite:
		o.success(s, resp)
	case status == 503:
		o.unavailable(s, resp)
	default:
		o.finish(s, resp)
	}
}

// finish ends the transaction for its user with a final response.
func (o *Outgoing) finish(s *Step, resp sip.Response) {
	o.final = true
	o.settle(s, ErrClosed, nil)
	o.pass(s, resp)
}

// success takes a 2xx to INVITE: the first of each dialog goes to the user; a
// retransmission gets the ACK that was given for it (13.2.2.4).
func (o *Outgoing) success(s *Step, resp sip.Response) {
	o.final = true
	if !o.settled {
		o.settled = true
		o.sh.a.finish()
	}
	if o.sh.a.draining.Load() {
		defer o.settle(s, ErrClosed, nil) // nobody is to wait for further ones
	}
	if o.forwarded && !o.done {
		o.pass(s, resp)
		return
	}
	tag := resp.ToTag()
	for i := range o.forks {
		if f := &o.forks[i]; f.tag == tag {
			o.sh.a.count.retransmissions.Add(1)
			f.repeat(s)
			return
		}
	}
	if o.done || len(o.forks) >= o.sh.a.cfg.QueueSize { // done: at Shutdown
		o.sh.a.count.droppedResponses.Add(1)
		return
	}
	o.forks = append(o.forks, fork{tag: tag})
	o.pass(s, resp)
}

// ended is told when no further 2xx can come.
func (o *Outgoing) ended(s *Step) { o.settle(s, ErrClosed, nil) }

// fail ends the transaction for its user with an error.
func (o *Outgoing) fail(s *Step, err error) {
	if o.done {
		return
	}
	final := o.final
	o.settle(s, err, err)
	if o.cfg.Respond != nil && !o.deaf && !final {
		o.cfg.Respond(s, o, sip.Response{}, err)
	}
}

// settle marks that nothing more will come: why is what Next returns then.
func (o *Outgoing) settle(s *Step, why, traced error) {
	if o.done {
		return
	}
	o.done = true
	o.err = why
	o.end()
	delete(o.sh.pending, o)
	if o.tx != nil {
		o.last = o.tx.flow
	}
	o.tx = nil
	if !o.settled {
		o.settled = true
		o.sh.a.finish()
	}
	o.notify()
	o.sh.traceEnded(s, o.req, false, traced)
}

// drain ends the wait for further 2xx at Shutdown. The transaction goes on, and
// the ACK is repeated as before.
func (o *Outgoing) drain(s *Step) {
	if o.final {
		o.settle(s, ErrClosed, nil)
	}
}

// pass hands a response to the user.
func (o *Outgoing) pass(s *Step, resp sip.Response) {
	switch {
	case o.deaf:
		return
	case o.cfg.Respond != nil:
		o.cfg.Respond(s, o, resp, nil)
		return
	}
	if len(o.items) >= o.sh.a.cfg.QueueSize { // the oldest provisional goes; final ones stay
		o.sh.a.count.droppedResponses.Add(1)
		o.items = o.items[1:]
	}
	o.items = append(o.items, resp)
	o.notify()
}

func (o *Outgoing) notify() {
	if o.wake != nil {
		close(o.wake)
		o.wake = nil
	}
}

// Next waits for the next response: provisional ones, the final one, and for an
// INVITE every further 2xx of another dialog for 64*T1. After the last it
// returns ErrClosed. If the transaction failed it returns the
// *TransactionError. ctx bounds the wait only; it does not end the transaction.
// With SendConfig.Respond there is nothing to read.
func (o *Outgoing) Next(ctx context.Context) (sip.Response, error) {
	for {
		o.sh.mu.Lock()
		if len(o.items) > 0 {
			resp := o.items[0]
			o.items = o.items[1:]
			o.sh.mu.Unlock()
			return resp, nil
		}
		if o.done || o.deaf {
			err := o.err
			o.sh.mu.Unlock()
			if err == nil {
				err = ErrClosed
			}
			return sip.Response{}, err
		}
		if o.wake == nil {
			o.wake = make(chan struct{})
		}
		wake := o.wake
		o.sh.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return sip.Response{}, context.Cause(ctx)
		}
	}
}

// All reads with Next until the last response. The sequence is single-use; an
// error, if there is one, comes last.
func (o *Outgoing) All(ctx context.Context) iter.Seq2[sip.Response, error] {
	return func(yield func(sip.Response, error) bool) {
		for {
			resp, err := o.Next(ctx)
			if err == ErrClosed || !yield(resp, err) || err != nil {
				return
			}
		}
	}
}

// Final waits for the final response, passing over provisional ones. A refusal
// (300-699) is returned with a *sip.StatusError; other errors are those of Next.
func (o *Outgoing) Final(ctx context.Context) (sip.Response, error) {
	for {
		resp, err := o.Next(ctx)
		switch {
		case err != nil:
			return resp, err
		case resp.Status() >= 300:
			return resp, &sip.StatusError{Response: resp}
		case resp.Status() >= 200:
			return resp, nil
		}
	}
}

// Close says that nobody wants to know the result: nothing more is queued or
// passed on. The transaction itself goes on as the protocol needs; an INVITE
// that might be answered must be cancelled first.
func (o *Outgoing) Close() error {
	o.sh.run(o.CloseStep)
	return nil
}

// CloseStep is [Outgoing.Close] inside a step.
func (o *Outgoing) CloseStep(s *Step) {
	o.deaf = true
	o.items = nil
	o.notify()
	if o.tx == nil && !o.done { // it never left
		o.settle(s, ErrClosed, ErrClosed)
	}
}
