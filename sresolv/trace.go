package sresolv

import (
	"net/netip"
	"time"
)

// Trace has functions that are told what a [Resolver] does. Each may be nil. They
// are called on the goroutine of the look-up, at the same time from several, and
// hold it up as long as they take.
type Trace struct {
	// Exchange is called when a name server has answered a question, or has not
	// in time.
	Exchange func(Exchange)
}

// Exchange is one question to one name server and what became of it.
type Exchange struct {
	Server  netip.AddrPort // the one asked
	Network string         // "udp" or "tcp"
	Name    string         // with the final dot
	Type    Type
	EDNS    bool          // the question had an OPT record
	Took    time.Duration // from the first thing done to the last
	Err     error         // why there was no answer; nil if there was one
	Rcode   int           // of the answer, as in the registry of the DNS: 3 is NXDOMAIN
	Records int           // in the answer section
	Cut     bool          // the answer was truncated
}
