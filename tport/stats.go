package tport

import "sync/atomic"

// Stats is a snapshot of the counters of a [Transport]. Counters only grow;
// the last group are gauges.
type Stats struct {
	Received   uint64 // messages delivered, good or refused
	Refused    uint64 // of these, messages delivered with Delivery.Err
	Sent       uint64 // messages written or queued
	Noise      uint64 // datagrams and streams that held no message
	KeepAlives uint64 // keep-alive datagrams ignored
	Pings      uint64 // keep-alive pings answered on streams (RFC 5626 section 4.4.1)
	PingsSent  uint64 // keep-alives sent, repetitions over UDP included
	Pongs      uint64 // single CRLF seen on streams: answers to pings, and first halves of pings
	Demuxed    uint64 // datagrams taken by Config.Demux
	Panics     uint64 // panics recovered from Deliver, Demux, Failed or Trace

	QueueFull   uint64 // messages refused with ErrQueueFull
	TooLarge    uint64 // messages refused with ErrTooLarge
	RateLimited uint64 // messages dropped or, on streams, put off because of Config.MessageRate
	ReadErrors  uint64 // errors of reading a datagram or accepting a connection
	WriteErrors uint64 // errors of writing

	Unreachable        uint64 // errors of the network about datagrams (ICMP), told to Config.Failed
	UnreachableDropped uint64 // those beyond Config.MaxUnreachable, not told
	NetworkChanges     uint64 // times that addresses of the host came or went

	Accepted        uint64 // connections accepted
	Dialled         uint64 // connections made
	DialFailures    uint64 // attempts to connect that failed
	Shed            uint64 // idle connections closed to make place
	Turned          uint64 // connections turned away because none was idle
	IdleClosed      uint64 // connections closed after Config.Idle
	MessageTimeouts uint64 // connections closed after Config.MessageTimeout
	WriteTimeouts   uint64 // connections closed after Config.WriteTimeout
	FramingErrors   uint64 // connections closed because framing was lost
	NoPong          uint64 // flows that answered no keep-alive
	Silent          uint64 // flows that were silent for longer than KeepAlive.Silence
	Memory          uint64 // connections closed because of Config.MaxBuffered
	HalfOpenShed    uint64 // accepted connections given up before their handshake was over, to make place
	NoDescriptors   uint64 // times that the system had no descriptor for a connection

	HandshakeFailures uint64 // handshakes of TLS or WebSocket, at either end, that failed for any reason
	HandshakeTimeouts uint64 // of these, after Config.HandshakeTimeout
	Untrusted         uint64 // of these, because a certificate was refused

	Primaries int // open primaries
	Flows     int // open connections
	Dialling  int // attempts to connect under way
	Held      int // of Flows, those that are held
	HalfOpen  int // accepted connections whose handshake is not over
	Kept      int // UDP flows that are kept alive or watched
	Buffered  int // octets on connections in messages not yet whole or not yet sent
}

// counters are the live form of the counting part of Stats.
type counters struct {
	received, refused, sent, noise, keepAlives, pings, pongs, demuxed, panics,
	queueFull, tooLarge, readErrors, writeErrors,
	unreachable, unreachableDropped, networkChanges,
	accepted, dialled, dialFailures, shed, turned,
	idleClosed, messageTimeouts, writeTimeouts, framingErrors,
	handshakeFailures, handshakeTimeouts, untrusted,
	pingsSent, rateLimited, noPong, silent, memory, halfOpenShed, noDescriptors atomic.Uint64
}

// Stats returns the counters as they are now. It is safe for concurrent use.
func (t *Transport) Stats() Stats {
	c := &t.count
	s := Stats{
		Received: c.received.Load(), Refused: c.refused.Load(), Sent: c.sent.Load(),
		Noise: c.noise.Load(), KeepAlives: c.keepAlives.Load(), Pings: c.pings.Load(),
		Pongs: c.pongs.Load(), Demuxed: c.demuxed.Load(), Panics: c.panics.Load(),
		QueueFull: c.queueFull.Load(), TooLarge: c.tooLarge.Load(),
		ReadErrors: c.readErrors.Load(), WriteErrors: c.writeErrors.Load(),
		Unreachable: c.unreachable.Load(), UnreachableDropped: c.unreachableDropped.Load(),
		NetworkChanges: c.networkChanges.Load(),
		Accepted:       c.accepted.Load(), Dialled: c.dialled.Load(), DialFailures: c.dialFailures.Load(),
		Shed: c.shed.Load(), Turned: c.turned.Load(), IdleClosed: c.idleClosed.Load(),
		MessageTimeouts: c.messageTimeouts.Load(), WriteTimeouts: c.writeTimeouts.Load(),
		HandshakeFailures: c.handshakeFailures.Load(), HandshakeTimeouts: c.handshakeTimeouts.Load(),
		Untrusted:     c.untrusted.Load(),
		FramingErrors: c.framingErrors.Load(), PingsSent: c.pingsSent.Load(),
		RateLimited: c.rateLimited.Load(), NoPong: c.noPong.Load(), Silent: c.silent.Load(),
		Memory: c.memory.Load(), HalfOpenShed: c.halfOpenShed.Load(), NoDescriptors: c.noDescriptors.Load(),
		Held: int(t.held.Load()), Buffered: int(t.buffered.Load()), Kept: int(t.keeper.count.Load()),
	}
	t.mu.Lock()
	s.Primaries, s.Flows, s.Dialling = len(t.primaries), len(t.flows), len(t.attempts)
	s.HalfOpen = t.halfOpen.Len()
	t.mu.Unlock()
	return s
}
