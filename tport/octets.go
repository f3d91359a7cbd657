package tport

import (
	"net/netip"
	"time"
)

// OctetsKind says what a piece of [Octets] is.
type OctetsKind uint8

// The kinds of octets.
const (
	// OctetsMessage is a message, good or refused.
	OctetsMessage OctetsKind = iota
	// OctetsKeepAlive is a ping, a pong, or a datagram that only keeps a binding.
	OctetsKeepAlive
	// OctetsDemuxed is a datagram of another protocol that [Config.Demux] took,
	// or its answer to one.
	OctetsDemuxed
	// OctetsNoise is what is no message.
	OctetsNoise
)

// String returns "message", "keep-alive", "demuxed" or "noise".
func (k OctetsKind) String() string {
	switch k {
	case OctetsMessage:
		return "message"
	case OctetsKeepAlive:
		return "keep-alive"
	case OctetsDemuxed:
		return "demuxed"
	}
	return "noise"
}

// Octets is one message or datagram as it came or went, for [Trace.Octets]: what
// [HEP], [PCAP] and [WireLog] take. Over TLS and WebSocket it is what was
// inside, in clear.
type Octets struct {
	// At is when it was read, or handed to the socket or its queue.
	At time.Time
	// Out reports that it was sent, not received.
	Out bool
	// Kind is what it is.
	Kind OctetsKind
	// Key is the flow it came or went on.
	Key Key
	// Text is the octets. It is valid during the call only and must not be changed.
	Text []byte
}

// Source returns the address it comes from.
func (o *Octets) Source() netip.AddrPort {
	if o.Out {
		return o.Key.Local
	}
	return o.Key.Remote
}

// Destination returns the address it goes to.
func (o *Octets) Destination() netip.AddrPort {
	if o.Out {
		return o.Key.Remote
	}
	return o.Key.Local
}

// traceTime returns the time if a trace will want it: to send comes before
// receiving the answer, so it is asked for first.
func (t *Transport) traceTime() (at time.Time) {
	if t.cfg.Trace.Octets != nil {
		at = time.Now()
	}
	return at
}

// octets traces what came or went. text may be of any kind of bytes; it costs
// nothing if nobody looks.
func octets[B string | []byte](t *Transport, out bool, kind OctetsKind, key Key, text B, at time.Time) {
	if t.cfg.Trace.Octets == nil {
		return
	}
	t.guard(func() {
		t.cfg.Trace.Octets(&Octets{At: at, Out: out, Kind: kind, Key: key, Text: []byte(text)})
	})
}
