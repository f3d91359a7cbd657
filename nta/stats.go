package nta

import "sync/atomic"

// Stats is a snapshot of the counters of an [Agent]. Counters only grow; the
// last group are gauges.
type Stats struct {
	RequestsReceived  uint64 // good requests, retransmissions included
	ResponsesReceived uint64 // good responses, retransmissions included
	BadRequests       uint64 // requests refused by the grammar or a limit
	BadResponses      uint64 // responses refused likewise, and dropped
	Retransmissions   uint64 // messages received that a transaction absorbed

	RequestsSent  uint64 // requests sent the first time, by transactions or without
	ResponsesSent uint64 // responses sent the first time, by transactions
	StatelessSent uint64 // responses sent without a transaction
	Resent        uint64 // messages sent again by a timer or a retransmission
	AcksSent      uint64 // ACK requests, repetitions included
	SendErrors    uint64 // messages that the transport refused

	ServerTransactions uint64 // transactions made by requests
	ClientTransactions uint64 // transactions made by sending, one a hop
	Canceled           uint64 // INVITE requests cancelled by their sender
	Forgotten          uint64 // requests that user code never answered
	Merged             uint64 // merged requests refused (482)
	Refused            uint64 // requests refused for a bound (503)
	Timeouts           uint64 // client transactions that timed out
	NoAck              uint64 // final responses to INVITE never acknowledged
	NoPrack            uint64 // reliable provisional responses never acknowledged
	Failovers          uint64 // requests sent on to the next hop
	FailedHops         uint64 // hops that failed: not reached, silent, or 503
	LargeRequests      uint64 // requests that went from UDP to TCP for their size
	BackToUDP          uint64 // of these, those that TCP did not take after all
	StrayAcks          uint64 // ACK requests that match nothing, dropped
	StrayResponses     uint64 // responses that match nothing, dropped
	DroppedAcks        uint64 // ACK requests to forward, dropped for a bound
	DroppedResponses   uint64 // responses dropped because nobody read them
	Panics             uint64 // panics recovered from user code

	Transactions int // transactions there are, finished ones included
	Unfinished   int // of these, without a final response
	Legs         int // dialogs there are
	Timers       int // timers running
	Goroutines   int // goroutines of the agent: user code, dials and look-ups
}

type counters struct {
	requestsReceived, responsesReceived, badRequests, badResponses, retransmissions,
	requestsSent, responsesSent, statelessSent, resent, acksSent, sendErrors,
	serverTransactions, clientTransactions, canceled, merged, refused, timeouts, noAck, noPrack, forgotten,
	failovers, failedHops, largeRequests, backToUDP, strayAcks, strayResponses, droppedAcks, droppedResponses, panics atomic.Uint64

	servers, clients, legs, unfinished, goroutines, acksServed atomic.Int64
}

// Stats returns the counters as they are now. It is safe for concurrent use,
// and takes every shard's lock for a moment.
func (a *Agent) Stats() Stats {
	c := &a.count
	s := Stats{
		RequestsReceived: c.requestsReceived.Load(), ResponsesReceived: c.responsesReceived.Load(),
		BadRequests: c.badRequests.Load(), BadResponses: c.badResponses.Load(),
		Retransmissions: c.retransmissions.Load(),
		RequestsSent:    c.requestsSent.Load(), ResponsesSent: c.responsesSent.Load(),
		StatelessSent: c.statelessSent.Load(), Resent: c.resent.Load(),
		AcksSent: c.acksSent.Load(), SendErrors: c.sendErrors.Load(),
		ServerTransactions: c.serverTransactions.Load(), ClientTransactions: c.clientTransactions.Load(),
		Canceled: c.canceled.Load(), Merged: c.merged.Load(), Refused: c.refused.Load(),
		Timeouts: c.timeouts.Load(), NoAck: c.noAck.Load(), NoPrack: c.noPrack.Load(), Forgotten: c.forgotten.Load(), Failovers: c.failovers.Load(),
		FailedHops: c.failedHops.Load(), LargeRequests: c.largeRequests.Load(), BackToUDP: c.backToUDP.Load(),
		StrayAcks: c.strayAcks.Load(), StrayResponses: c.strayResponses.Load(),
		DroppedAcks: c.droppedAcks.Load(), DroppedResponses: c.droppedResponses.Load(),
		Panics:       c.panics.Load(),
		Transactions: int(c.servers.Load() + c.clients.Load()),
		Unfinished:   int(c.unfinished.Load()),
		Legs:         int(c.legs.Load()),
		Goroutines:   int(c.goroutines.Load()),
	}
	for _, sh := range a.shards {
		sh.mu.Lock()
		s.Timers += sh.wheel.count
		sh.mu.Unlock()
	}
	return s
}
