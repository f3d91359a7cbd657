// Package nta is the transaction and dialog layer of SIP: RFC 3261 sections 8,
// 9, 12, 17 and 18, with RFC 3262, RFC 6026, RFC 4320 and RFC 3581. An [Agent] owns both
// over the sockets of package tport. An [Outgoing] is a client transaction, an
// [Incoming] a server transaction, a [Leg] a dialog.
//
// # Two floors
//
// Programs use the blocking floor: [Agent.Send], [Outgoing.Next],
// [Outgoing.Final], [Incoming.Reply], [Incoming.Ack], [Leg.Send]. A server sets
// [Config.Serve]:
//
//	agent, err := nta.New(nta.Config{Serve: func(in *nta.Incoming) {
//		in.Reply(200)
//	}})
//	…
//	_, err = agent.Listen(ctx, tport.Name{Proto: "udp", Port: 5060})
//
// Engines (package nua, a forwarder) use the step floor: functions that take a
// [*Step] and hooks that are given one. What they do is on the wire, in order,
// when the step ends. The blocking floor is written on the step floor.
//
// Whether a transaction is that of a user agent or of a proxy is a property of
// the transaction: one answered with Reply is ours, its 2xx to INVITE repeated
// until the ACK comes; one answered with Relay is forwarded. A request sent
// with a Via in it already is forwarded too.
//
// # Who runs user code
//
// Config.Stateless runs on the goroutine that read the message and must not
// block. Config.Serve and LegConfig.Serve may block: each dialog, and each
// server transaction outside one, owns a bounded queue, and a goroutine exists
// only while that has work. Calls of one dialog start in the order their
// requests came, each when the one before has returned or called
// [Incoming.Async]; different dialogs never wait for each other. When the queue
// is full the request is answered 503 with Retry-After.
//
// ACK and CANCEL that a transaction waits for never pass through the queue: they
// complete [Incoming.Ack] and [Incoming.Context] at once, and a PRACK
// [Reliable.Wait]. A request that its user code forgets to answer ends by itself: a
// non-INVITE after 64*T1, an INVITE with 500 after [Timers].Answer. A panic in user code is recovered, logged and answered 500.
//
// # Forwarding
//
// Config.Serve is enough for a proxy that records its route: a request of a
// dialog that is not ours, ACK included, reaches it when its Request-URI is not
// ours. [Agent.Send] forwards a request, [Incoming.Relay] its responses,
// [Agent.SendStateless] an ACK. Engines have [Config].Receive and Watch.Forward.
//
// # Concurrency
//
// The state is split into shards, by a keyed hash of the Call-ID, so that a
// dialog and all its transactions share one. A shard is plain data under one
// mutex; whichever goroutine has something for it steps it. No goroutine,
// channel, context or runtime timer is kept for an idle transaction or dialog.
// Methods without a Step are safe for concurrent use and must not be called
// inside a step, where they would wait for themselves.
//
// # Time
//
// Each shard has a timer wheel with slots of [Timers].Granularity, aligned to
// the start of the agent, and one runtime timer, armed for the next slot that
// holds anything. A timer fires in [due, due + granularity), never early, and
// never after its transaction is gone.
//
// # Limits
//
// [Config] bounds transactions, dialogs and queues; [Agent.Stats] counts what
// was refused for a bound, and shows how much of everything there is. A finished
// transaction keeps its key, state, due slot and latest message only.
package nta
