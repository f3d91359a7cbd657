// Package sofia is the root of a SIP library in layers, the Go successor of
// Sofia-SIP. It has no code; each layer is a package of its own and can be used
// without the ones above it.
//
// # The layers
//
// From the wire upwards:
//
//	msg          a message as one immutable string, its header fields, framing of streams
//	msg/auth     digest and bearer authentication, for both sides, for SIP and HTTP
//	sip          SIP requests, responses, URIs and header fields (RFC 3261)
//	sip/bodies   body formats that SIP carries: one package each
//	sdp          session descriptions (RFC 8866)
//	sresolv      from a SIP URI to addresses (RFC 3263)
//	stun         STUN client, server and keep-alive (RFC 8489)
//	tport        UDP, TCP, TLS and WebSocket flows; it carries any message class
//	nta          transactions, dialogs and reliable responses (RFC 3261, section 17)
//	nta/event    event subscriptions and notifications, both sides (RFC 6665)
//	nta/proxy    the forwarding engine of a stateful proxy (RFC 3261, section 16)
//	nta/registrar  a location service (RFC 3261, section 10)
//	nta/guard    admission control in front of a server
//	soa          the offer/answer engine (RFC 3264)
//	nua          the user agent: calls, registrations, subscriptions
//	http         HTTP client and server over the same transports
//
// tport/simnet and sresolv/dnstest are a virtual network and a scripted name
// server for tests, of this library and of its users.
//
// # Where to start
//
// A telephone, a gateway or a test tool starts at nua. A proxy, a registrar or a
// load balancer starts at nta. A tool that only reads messages needs sip, and
// one that only reads session descriptions needs sdp.
//
// A package of this list that the module does not hold yet has its place
// reserved: which package may import which is fixed, and a test of this folder
// lists the allowed imports and fails on any other.
//
// # Conventions
//
// Long-lived things take a Config struct: the zero value is the default, a
// negative value switches a limit or timer off, and it is not changed after
// use. Nothing is global: timers, loggers, random sources and network functions
// all come in through a Config. A context bounds a wait, not a transaction,
// unless the comment says otherwise. Every package comment states its
// concurrency contract and its limits.
package sofia
