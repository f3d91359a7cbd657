// Package tport carries messages over UDP, TCP, TLS, WebSocket and WebSocket
// over TLS, IPv4 and IPv6, and over transports of the user's own. It knows
// messages, in the grammar of any [msg.Class], and peers; it knows nothing of
// SIP, so HTTP may share it. What RFC 3261 section 18 says of addresses in Via
// is for the layer above: this one sends where it is told and says exactly
// where things came from.
//
// # Usage
//
// A [Transport] owns everything. [Transport.Listen] binds a [Primary];
// [Transport.Dial] gives a [Flow] to a peer, which is a connection or, for UDP,
// a pair of addresses. Every message that comes in is a [Delivery] for
// [Config.Deliver], and carries the Flow to answer on:
//
//	t, err := tport.New(tport.Config{
//		Class:   sip.Class(),
//		Deliver: func(d *tport.Delivery) { … d.Flow.Send(answer) … },
//	})
//	p, err := t.Listen(ctx, tport.Name{Proto: "udp", Host: "192.0.2.1", Port: 5060})
//	f, err := t.Dial(ctx, tport.Name{Proto: "tcp", Host: "198.51.100.1", Port: 5060})
//	err = f.Send(m)
//	err = t.Shutdown(ctx)
//
// Connections that were dialled are used again for the same [Name], unless it
// says Fresh; those that were accepted are found by their [Key], through
// [Transport.Find], or by the names of their [Flow.Alias]. What is sent on a flow
// that has ended is not sent elsewhere: the error is [ErrGone].
//
// A flow that is needed is held, with [Flow.Hold] or with [Flow.Watch], which
// tells of its end; [Flow.KeepAlive] keeps it open and finds out when it is dead. On a host
// with several addresses an answer leaves from the address that was asked, also
// from a socket bound to all of them.
//
// TLS is configured by [Config.TLS] or for a name alone, and peers prove who they
// are by the rules of RFC 5922; see [Verification]. [WebSocketHandler] serves SIP
// over WebSocket inside an HTTP server of the user's, [Config.Proxy] connects
// through HTTP proxies, and a [Protocol] is a transport that this package does
// not know.
//
// # Concurrency
//
// All methods are safe for concurrent use. Messages are delivered on the
// goroutine that reads the socket or connection, one after the other: Deliver
// must not block. There is one goroutine for each reader of a UDP socket, one
// for each listening socket, one for each connection and one for each attempt
// to connect; one more writes, only while something is queued, and one looks
// after the datagram flows that are kept alive. All of them,
// and all callbacks, have ended when [Transport.Close] or [Transport.Shutdown]
// returns; neither may be called from a callback.
//
// [Flow.Send] never waits and may be called with a lock held: it writes if the
// socket takes the octets at once, else it queues within [Config.QueueSize] and
// [Config.QueueBytes], else it returns [ErrQueueFull]. The funcs of [Trace] are
// the only user code that it may run.
//
// # Limits
//
// Whatever a peer sends is bounded: a message by [Config.Limits], its time by
// MessageTimeout, the time without any by Idle, what waits to be written by
// the queue and by WriteTimeout, all that waits by MaxBuffered, connections by
// MaxFlows and MaxFlowsPerSource, handshakes by MaxHandshakes and
// HandshakeTimeout, and on request messages a second by MessageRate.
// Memory grows with what has come, never with what was announced. An idle
// connection holds no buffer and its reader a small stack: about 4 kB in all.
// Each bound has a counter in [Stats].
//
// A stream whose framing is lost is closed, after what can be answered was
// delivered with Fatal set. Keep-alives are answered (CRLF on streams, RFC 5626
// section 4.4.1) or ignored (datagrams of CRLF, or of up to four octets).
//
// # UDP
//
// A UDP address has [Config.Readers] sockets, each with its reader; a peer stays
// with one of them (SO_REUSEPORT, on Linux). A second bind of the address fails all
// the same, whoever tries. Where the network says that a datagram did not arrive
// (ICMP), [Config.Failed] hears of it, at a bounded rate (IP_RECVERR, on Linux), and
// [Flow.MTU] tells what the path takes. Groups are joined by a Name with a multicast
// Host or a Maddr. A system without descriptors that can be tried without waiting
// (Windows) queues every message.
//
// Addresses of the host are watched, see [Config.Changed].
package tport
