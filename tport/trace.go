package tport

import (
	"net/netip"

	"github.com/gosofia/sofia/msg"
)

// Trace is a set of funcs called at the steps of a message's way; nil funcs are
// not called. They run on the goroutine that takes the step, with no lock of
// this package held, though a caller of Send may hold its own: they must be
// quick, must not block and must not call back into the stack. They may run at
// the same time.
type Trace struct {
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
	// Size is its size in octets.
	Size int
	// Err is the reason.
	Err error
}
