package nta

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// Verdict is what [Config.Stateless] made of a message.
type Verdict uint8

const (
	// Continue: the message goes its usual way.
	Continue Verdict = iota
	// Drop: the message is dropped and counted.
	Drop
	// Handled: the hook has dealt with the message.
	Handled
)

// Trace is a set of funcs called at the steps of a transaction; nil funcs are
// not called. They run after the step, with no lock held, must be quick, and
// may run at the same time.
type Trace struct {
	// Started runs for each transaction, with the request as it was received or
	// first sent.
	Started func(request *msg.Message, server bool)
	// Retransmitted runs for each message sent again.
	Retransmitted func(m *msg.Message)
	// HopFailed runs for each hop that a request failed at, before the next one is
	// tried, with the request as it was given to Send. err is a *TransactionError,
	// or a *sip.StatusError for a 503.
	HopFailed func(request *msg.Message, hop sresolv.Hop, err error)
	// Ended runs when a transaction has ended, with its Call-ID and method.
	Ended func(callID, method string, server bool, err error)
	// Dropped runs for each message that was dropped, with the reason.
	Dropped func(d *tport.Delivery, reason string)
}

func (sh *shard) traceResent(s *Step, m *msg.Message) {
	if f := sh.a.cfg.Trace.Retransmitted; f != nil {
		s.Defer(func() { f(m) })
	}
}

func (sh *shard) traceEnded(s *Step, req sip.Request, server bool, err error) {
	if f := sh.a.cfg.Trace.Ended; f != nil {
		s.Defer(func() { f(req.CallID(), req.Method(), server, err) })
	}
}
