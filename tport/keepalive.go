package tport

import (
	"errors"
	"time"
)

// The defaults of [KeepAlive].
const (
	// DefaultPing is the longest time between two pings on a stream (RFC 5626
	// section 4.4.1).
	DefaultPing = 120 * time.Second
	// DefaultPongTimeout is how long a pong may take on a stream (the same section).
	DefaultPongTimeout = 10 * time.Second
	// DefaultProbe is the longest time between two probes over UDP (RFC 5626
	// section 4.4.2).
	DefaultProbe = 29 * time.Second
	// DefaultRetransmit is how long after a probe over UDP the first repetition
	// goes out: the RTO of RFC 8489 section 6.2.1.
	DefaultRetransmit = 500 * time.Millisecond
	// DefaultProbeTimeout is how long the answer to a probe over UDP may take:
	// seven transmissions and 16 times the RTO (RFC 8489 section 6.2.1).
	DefaultProbeTimeout = 39500 * time.Millisecond

	defaultJitter      = 0.2      // 80 to 100 % (RFC 5626 section 4.4)
	defaultProbeJitter = 5.0 / 29 // 24 to 29 s (RFC 5626 section 4.4.2)
	minInterval        = time.Second / 10
)

// KeepAlive says how a flow is kept open through NATs and found dead when it is
// (RFC 5626 section 4.4). The zero value is what that section recommends. It
// must not be changed once it was given away.
type KeepAlive struct {
	// Interval is the longest time between two probes: 120 s by default on a
	// stream, 29 s over UDP; negative: none are sent. Give the Flow-Timer of the
	// server here if it sent one. It is 100 ms at least.
	Interval time.Duration
	// Jitter is by what part of the interval, at most, a probe goes out earlier,
	// by chance: 0.2 by default on a stream, 5/29 over UDP; negative: none.
	Jitter float64
	// Timeout is how long the answer may take before the flow is dead, with
	// [ErrNoPong]: 10 s by default on a stream, 39.5 s over UDP; negative: no
	// answer is waited for. A message that is coming in when the time is over
	// may end first.
	Timeout time.Duration
	// Silence is how long the peer may send nothing at all before the flow is
	// dead, with [ErrSilent]; 0: for ever. A server that announced a Flow-Timer
	// gives that and some seconds of grace (RFC 5626 section 5.4).
	Silence time.Duration

	// Probe returns the datagram to send over UDP, a STUN binding request for
	// example. Streams do not call it: their probe is a double CRLF, or the ping
	// of WebSocket. Needed over UDP unless Interval is negative. It runs on a
	// goroutine of the transport and must not block.
	Probe func() []byte
	// Match reports whether a datagram from the peer answers a probe; the
	// datagram then goes no further. An error means that it tells of a failure
	// (the address that the peer sees has changed, say) and ends the keep-alive
	// with that error. b is valid during the call only. It runs on the goroutine
	// that reads and must not block. Nil: no answer is waited for.
	Match func(probe, b []byte) (answer bool, err error)
	// Retransmit is how long after a probe over UDP it is repeated if no answer
	// came, 500 ms by default; negative: never. The time doubles with each.
	Retransmit time.Duration
}

var (
	errNoProbe  = errors.New("no datagram to send; set KeepAlive.Probe")
	errInterval = errors.New("KeepAlive.Interval must not be shorter than 100 ms")
)

// resolve fills in the defaults.
func (k KeepAlive) resolve(datagram bool) (KeepAlive, error) {
	if datagram {
		or(&k.Interval, DefaultProbe)
		or(&k.Jitter, defaultProbeJitter)
		or(&k.Timeout, DefaultProbeTimeout)
		or(&k.Retransmit, DefaultRetransmit)
	} else {
		or(&k.Interval, DefaultPing)
		or(&k.Jitter, defaultJitter)
		or(&k.Timeout, DefaultPongTimeout)
	}
	k.Jitter = min(max(k.Jitter, 0), 1)
	switch {
	case k.Interval > 0 && k.Interval < minInterval:
		return k, errInterval
	case datagram && k.Interval > 0 && k.Probe == nil:
		return k, errNoProbe
	case k.Match == nil && datagram:
		k.Timeout = -1
	}
	return k, nil
}

// KeepAlive has the flow kept alive from now on as k says, in place of what was
// said before; the first probe goes out when the first interval is over. With
// Interval negative and Silence 0 it stops.
//
// When the flow is found dead, a connection is closed; a UDP flow, which is
// nothing that could be closed, is no longer probed. [Config.Failed] and those
// who called [Flow.Watch] are told, with [ErrNoPong], [ErrSilent] or the error
// of k.Match. Probes and their answers do not count as use: [Config.Idle] closes
// a connection that carries nothing else and that nobody holds. The peer's own
// pings do.
//
// The error is an [*Error] that wraps [ErrGone], [ErrTooManyFlows] (over UDP, if
// Config.MaxFlows are kept alive already), or says what k lacks.
func (f *Flow) KeepAlive(k KeepAlive) error {
	k, err := k.resolve(f.stream == nil)
	if err == nil {
		if f.stream != nil {
			err = f.stream.keepAlive(k)
		} else {
			err = f.primary.t.keeper.keepAlive(f, k)
		}
	}
	return wrap("keep alive", f.key, err)
}

// next returns when the next probe is due after one at now.
func (k *KeepAlive) next(now time.Duration, c *chance) time.Duration {
	if k.Interval <= 0 {
		return 0
	}
	return now + c.shorten(k.Interval, k.Jitter)
}

// earlier returns the earlier of two times, of which 0 is never.
func earlier(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
