// Package simnet is a virtual network of hosts with UDP and TCP over IPv4 and
// IPv6, made for tests. It needs nothing but the standard library and works
// inside testing/synctest bubbles, where a 32 second timeout takes microseconds,
// and outside, where it runs on the real clock.
//
// # Usage
//
// Make a Network, give it hosts, and hand the methods of a Host to the program
// under test in place of those of net.ListenConfig, net.Dialer and net.Resolver:
//
//	synctest.Test(t, func(t *testing.T) {
//		n := simnet.New(simnet.Config{
//			Seed: 1,
//			Link: simnet.Link{Delay: 20 * time.Millisecond, Loss: 0.05},
//		})
//		defer n.Close()
//		defer n.Report(t)
//		alice := n.MustHost("alice", "192.0.2.1")
//		bob := n.MustHost("bob", "192.0.2.2", "2001:db8::2")
//		server := start(bob.ListenPacket, bob.Listen)
//		client := start(alice.ListenPacket, alice.DialContext)
//		…
//	})
//
// SetLink and SetOneWay describe the path between two hosts: delay, jitter,
// loss, duplication, reordering, corruption, MTU, bandwidth. Partition,
// Host.Down, Host.ResetConns and Host.Crash break things, Host.Fail has the
// system refuse (ENOBUFS, EMFILE), Host.AddAddr and RemoveAddr change what
// interfaces there are. Intercept loses exactly the datagram a test wants lost.
// Records gives what travelled to a program, Ladder to a person, and Report
// prints it with the seed when a test fails.
//
// Network.NAT makes a translator of any kind of RFC 4787; its Host method makes
// hosts behind it. TLS, WebSocket and whatever else runs over a net.Conn runs
// over a Conn; Authority issues certificates that are good on the clock of the
// bubble.
//
// # Chance
//
// A random choice is a function of the seed, the two hosts, the direction, the
// flow (protocol, addresses, ports), the number of the packet on that flow, and
// what is chosen. There is no shared generator. So the same seed impairs a flow
// in the same way, whatever other flows do and however goroutines interleave.
// What a flow's n-th packet is remains the program's doing: goroutines that race
// to one socket may swap their packets, and those that race to dial may swap
// their ephemeral ports. A socket opened anew on the same port goes on counting
// where the old one stopped.
//
// # Fidelity
//
// Errors have the types and wrap the error numbers that package net gives on
// Linux, and the rules that programs trip over are kept: a refused port
// (ECONNREFUSED, on connected UDP sockets as well), a full backlog, half-closed
// connections, an RST after Close with unread data, EPIPE after it, a datagram
// too large for the link (EMSGSIZE), a full receive buffer. A write to a TCP
// connection waits when the receiver does not read. Packets of one instant on
// one flow arrive in the order they were sent.
//
// Ways in which it is simpler than the world:
//   - TCP has no congestion control, acknowledgements or keep-alive probes. The
//     sender learns at once that the receiver has read, and a lost segment delays
//     those behind it rather than vanishing.
//   - Read goes on returning ECONNRESET or ETIMEDOUT, where Linux tells it once to
//     whoever asks first and then shows the end of the stream.
//   - A closed TCP port may be used again at once; there is no TIME_WAIT.
//   - There is no multicast or broadcast, and no routing: each host reaches each
//     address in one hop, or two through a NAT. IPv6 zones are ignored.
//   - A link without delay delivers at once, inside the Write.
//   - Ports are numbers; service names are not known.
//
// # Concurrency
//
// All methods of all types may be called from any goroutine. No lock is held
// while a call waits or while a function given to the network runs, and all
// waiting is durably blocking for synctest. A network has no goroutine of its
// own: one timer runs while packets are in flight. A Network must be made, used
// and closed inside the same bubble.
//
// # Limits
//
// Everything is bounded: datagrams in flight by Link.Queue, those that wait for
// a reader by Config.PacketBuffer, octets of a stream by Config.StreamBuffer,
// connections that wait for Accept by Config.Backlog, records by Config.Record.
// For each direction between two hosts the first 65,536 flows have counters of
// their own; later ones share one.
package simnet
