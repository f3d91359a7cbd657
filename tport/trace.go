package tport

import (
	"net/netip"
	"time"

	"github.com/gosofia/sofia/msg"
)

// Trace is a set of funcs called at the steps of a message's way; nil funcs are
// not called. They run on the goroutine that takes the step, with no lock of
// this package held, though a caller of Send may hold its own: they must be
// quick, must not block and must not call back into the stack. They may run at
// the same time.
type Trace struct {
	// Bound runs when a primary was bound, Unbound when it has ended, with the reason.
	Bound   func(*Primary)
	Unbound func(p *Primary, err error)
	// DialStarted runs for each attempt to connect; DialEnded when it has
	// succeeded or failed, with how long it took. flow is nil if it failed. The
	// handshakes of TLS and WebSocket are part of the attempt.
	DialStarted func(name Name)
	DialEnded   func(name Name, flow *Flow, err error, took time.Duration)
	// Octets runs for every message, keep-alive and datagram, whatever becomes
	// of it, with its octets: before it is looked at where it came, and after
	// the socket or its queue has taken it where it goes. To see what follows
	// from them use the other funcs.
	Octets func(*Octets)
	// Received runs for each message, just before Config.Deliver.
	Received func(*Delivery)
	// Sent runs for each message that was written or queued, with its size in octets.
	Sent func(flow *Flow, m *msg.Message, size int)
	// FlowOpened runs for each connection, accepted or dialled.
	FlowOpened func(flow *Flow, accepted bool)
	// FlowClosed runs for each connection that ended, with the reason.
	FlowClosed func(flow *Flow, err error)
	// Dropped runs for input that is not delivered.
	Dropped func(Drop)
}

// Drop describes input that was read and not delivered.
type Drop struct {
	// Proto, From and To say where it came from and went to.
	Proto    string
	From, To netip.AddrPort
	// Size is its size in octets, 0 for an accepted connection that was turned
	// away before it carried anything, such as one whose handshake failed.
	Size int
	// Err is the reason.
	Err error
}

// JoinTraces returns a Trace whose funcs call those of all that are given, in
// this order. nil ones are left out. What is set in none stays nil.
func JoinTraces(traces ...*Trace) *Trace {
	var j Trace
	for _, t := range traces {
		if t == nil {
			continue
		}
		j.Bound = join1(j.Bound, t.Bound)
		j.Unbound = join2(j.Unbound, t.Unbound)
		j.DialStarted = join1(j.DialStarted, t.DialStarted)
		j.Octets = join1(j.Octets, t.Octets)
		j.Received = join1(j.Received, t.Received)
		j.FlowOpened = join2(j.FlowOpened, t.FlowOpened)
		j.FlowClosed = join2(j.FlowClosed, t.FlowClosed)
		j.Dropped = join1(j.Dropped, t.Dropped)
		if f, g := j.DialEnded, t.DialEnded; f == nil || g == nil {
			j.DialEnded = either(f, g)
		} else {
			j.DialEnded = func(n Name, fl *Flow, err error, d time.Duration) { f(n, fl, err, d); g(n, fl, err, d) }
		}
		if f, g := j.Sent, t.Sent; f == nil || g == nil {
			j.Sent = either(f, g)
		} else {
			j.Sent = func(fl *Flow, m *msg.Message, n int) { f(fl, m, n); g(fl, m, n) }
		}
	}
	return &j
}

func either[F interface {
	~func(*Flow, *msg.Message, int) | ~func(Name, *Flow, error, time.Duration)
}](f, g F) F {
	if f == nil {
		return g
	}
	return f
}

func join1[A any](f, g func(A)) func(A) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A) { f(a); g(a) }
}

func join2[A, B any](f, g func(A, B)) func(A, B) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a A, b B) { f(a, b); g(a, b) }
}
