package tport

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/gosofia/sofia/msg"
)

// The defaults of [Config].
const (
	DefaultIdle              = 30 * time.Minute
	DefaultMessageTimeout    = 30 * time.Second
	DefaultDialTimeout       = 10 * time.Second
	DefaultWriteTimeout      = 30 * time.Second
	DefaultHandshakeTimeout  = 10 * time.Second
	DefaultQueueSize         = 64
	DefaultQueueBytes        = 1 << 20
	DefaultMaxFlows          = 16384
	DefaultMaxFlowsPerSource = 1024
	DefaultMaxHandshakes     = 1024
	DefaultMaxBuffered       = 256 << 20
	DefaultTCPKeepAlive      = 30 * time.Second
	DefaultReceiveBuffer     = 4 << 20
	DefaultMaxUnreachable    = 100
	DefaultInterfaceInterval = 10 * time.Second
)

// Config is what a [Transport] is made of. The zero value of a field is its
// default and, where the comment says so, a negative value switches it off.
// A Config must not be changed once it was given to [New].
type Config struct {
	// Class is the grammar of every name that does not bring its own. Needed.
	Class *msg.Class
	// Limits bound one message; see [msg.Limits].
	Limits msg.Limits

	// Idle is how long a connection may carry nothing before it is closed,
	// 30 minutes by default; negative: for ever. [Flow.Hold] suspends it.
	Idle time.Duration
	// MessageTimeout is how long a peer may take over one message on a stream,
	// from its first octet to its last, 30 s by default; negative: for ever.
	MessageTimeout time.Duration
	// DialTimeout bounds one attempt to connect, 10 s by default; negative: the
	// system's own limit.
	DialTimeout time.Duration
	// HandshakeTimeout is how long a handshake may take, in the protocols that
	// have one, 10 s by default; negative: for ever. Where we connect, it is a
	// part of DialTimeout.
	HandshakeTimeout time.Duration
	// WriteTimeout is how long a message may wait for the peer to take it before
	// its connection is closed, 30 s by default; negative: for ever. So a peer
	// that takes less than it is sent loses its connection after that time.
	WriteTimeout time.Duration
	// KeepAlive is the keep-alive of every connection made from here, until
	// [Flow.KeepAlive] says otherwise; nil: none. Use it only where the peers
	// are known to answer (RFC 5626 section 4.4), or with Timeout negative.
	KeepAlive *KeepAlive
	// TCPKeepAlive is how long a TCP connection is quiet before the system
	// probes it (SO_KEEPALIVE), 30 s by default; negative: never. Two of three
	// probes, 15 s apart, may be lost. It says nothing where Listen, Dial and
	// DialFrom are set: they are then free to do as they like.
	TCPKeepAlive time.Duration
	// QueueSize is the number of messages that may wait on one flow, 64 by
	// default. The sockets of UDP, each shared by many peers, hold 16 times as
	// many. The next message is refused with ErrQueueFull; see WriteTimeout.
	QueueSize int
	// QueueBytes is the number of octets that may wait on one flow, 1 MiB by
	// default. One message of any size may wait alone.
	QueueBytes int
	// MaxFlows bounds the open connections, 16384 by default; negative: no
	// bound. The next one takes the place of the longest idle, or is refused.
	MaxFlows int
	// MaxFlowsPerSource bounds the accepted connections from one IPv4 address
	// or one IPv6 /64 prefix, 1024 by default; negative: no bound.
	MaxFlowsPerSource int
	// MaxHandshakes bounds the accepted connections that do not carry messages
	// yet, 1024 by default; negative: no bound. The next one takes the place of
	// the oldest, of its own source if that has half of them all.
	MaxHandshakes int
	// MaxBuffered bounds the octets that wait on all connections together, in
	// messages not yet whole or not yet sent, 256 MiB by default; negative: no
	// bound. Beyond it the connection with the most is closed, with ErrMemory.
	MaxBuffered int
	// MessageRate is the number of messages a second taken from one IPv4
	// address or IPv6 /64 prefix; 0: no bound. Datagrams beyond it are dropped;
	// a connection is not read until it is its turn.
	MessageRate int
	// MessageBurst is how many messages a source that was quiet may send at
	// once, MessageRate by default.
	MessageBurst int
	// Readers is the number of sockets of each UDP address, each with a goroutine
	// that reads it, [runtime.GOMAXPROCS] by default. The system spreads the peers
	// over them and leaves each peer with one, so the messages of a peer stay in
	// order. There is one for each Listen where the system cannot do that (it takes
	// Linux), for multicast groups, and where ListenPacket is set.
	Readers int
	// ReceiveBuffer is what the system is asked to hold of what was not read yet,
	// in octets for each UDP socket, 4 MiB by default; negative: as the system
	// has it. The system may hold less: on Linux net.core.rmem_max is the limit of
	// a program without CAP_NET_ADMIN.
	ReceiveBuffer int
	// SendBuffer is the same for what was not sent yet; by default it is as the
	// system has it.
	SendBuffer int
	// DSCP marks what is sent for differentiated services, from 0, the default,
	// to 63: 40 (CS5) is the signalling class of RFC 4594 section 4.2, and 24
	// (CS3) and 26 (AF31) are what networks often expect instead. It holds for the
	// UDP sockets and for the connections of TCP that package net makes.
	DSCP int
	// MulticastTTL is how many routers what is sent to a multicast group may
	// pass, 1 by default (RFC 3261 section 18.1.1), at most 255.
	MulticastTTL int
	// MaxUnreachable is how many errors of the network (ICMP) are told to Failed
	// in a second, 100 by default; negative: no bound. They can be forged.
	MaxUnreachable int

	// TLS configures the protocols over TLS, at both ends. It is copied. By
	// default there are no certificates to show and the authorities of the
	// system are trusted. Versions before 1.2 and renegotiation are switched off
	// whatever it says. To accept connections it needs Certificates,
	// GetCertificate or GetConfigForClient; a server asks for certificates of
	// its clients if ClientAuth says so. GetCertificate and GetConfigForClient
	// may choose by the name that a client asks for; RootCAs, ClientCAs, hooks
	// and session caches are heeded. ServerName is used where a Name has none.
	// InsecureSkipVerify has nothing verified, which is logged, and nothing is
	// proved then. [Transport.SetTLS] replaces it. A Name may bring its own.
	TLS *tls.Config
	// Verify is the rule by which the certificate of a peer is compared with its
	// name. By default it goes with the protocol, see [VerifyDefault].
	Verify Verification

	// Listen opens a listening stream socket, [net.ListenConfig.Listen] by default.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// ListenPacket opens a datagram socket, by default as
	// [net.ListenConfig.ListenPacket] does, with what Readers, Name.Interface and
	// Name.Maddr ask for.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)
	// Dial connects a stream, [net.Dialer.DialContext] by default. With network
	// "udp4" or "udp6" it is asked which local address leads to a peer: the
	// socket is closed unused.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialFrom returns a Dial func whose connections leave from a local address;
	// it is used for a Name with an Ident, and where the primaries are bound to
	// other addresses than the system would choose. By default, that of a
	// [net.Dialer] where Dial is nil too, and otherwise Dial itself: a connection
	// for an Ident that then leaves from another address is closed again with
	// ErrWrongSource.
	DialFrom func(local netip.Addr) func(ctx context.Context, network, address string) (net.Conn, error)

	// Deliver takes every message, on the goroutine that read it: while it
	// runs, nothing else is read from that socket or connection, so it must not
	// block, and it must not call Close or Shutdown of the Transport. A panic
	// in it is recovered and counted; the message is lost. It may keep the
	// Delivery. Needed.
	Deliver func(*Delivery)
	// Demux sees every datagram first, so that another protocol (STUN) can
	// share the socket. b is valid during the call only. If taken, the datagram
	// is not parsed, and reply, if not empty, is sent back to from.
	Demux func(b []byte, from, to netip.AddrPort) (reply []byte, taken bool)
	// Failed is told of what went wrong after Send had returned nil. For a
	// stream it runs once, when the flow has ended for whatever reason: io.EOF
	// when the peer closed it, ErrClosed when it was closed here, ErrIdle and so
	// on. For UDP it runs when the system refused a queued datagram, and when the
	// network said that one did not arrive: ErrUnreachable, or ErrTooLarge where a
	// router asks for smaller packets (the flow's Local is then the address of the
	// primary: match by Remote). It runs on a goroutine of the transport with no
	// lock held and must not block.
	Failed func(flow *Flow, err error)

	// Protocols are transport protocols of the user's own, beside those of this
	// package.
	Protocols []Protocol
	// Proxy returns the HTTP proxy to connect to name through, nil for none: a
	// stream connection is then made by CONNECT. It runs for each new connection
	// and must not block for longer than ctx. nil connects directly.
	Proxy func(ctx context.Context, name Name) (*Proxy, error)
	// WebSocket is for the protocols "ws" and "wss".
	WebSocket WebSocketConfig

	// Changed is told when addresses of this host have come or gone, after
	// connections from those that have gone were ended with [ErrAddressGone] and
	// multicast groups were joined on what has come. It runs on a goroutine of the
	// transport and must not block; [Primary.Rebind] and [Transport.Listen] are for
	// a goroutine that it starts.
	Changed func(added, removed []netip.Addr)
	// InterfaceAddrs returns the addresses of this host, [net.InterfaceAddrs] by
	// default. By default it is asked when the system says that something has
	// changed (Linux), and otherwise each InterfaceInterval. Where Listen,
	// ListenPacket or Dial is set and this is not, nothing is watched.
	InterfaceAddrs func() ([]net.Addr, error)
	// InterfaceInterval is how often InterfaceAddrs is asked where the system does
	// not tell by itself, 10 s by default; negative: the network is not watched.
	// A change is acted on when it has lasted for a second.
	InterfaceInterval time.Duration

	// Trace is called at every step; nil traces nothing.
	Trace *Trace
	// Logger takes what an operator should know; nil is silent.
	Logger *slog.Logger
	// Rand is the source of random octets, [crypto/rand.Reader] by default. It must
	// be safe for concurrent use: each message of a WebSocket client is masked.
	Rand io.Reader
}

// resolve returns the config with every default filled in.
func (c Config) resolve() (Config, error) {
	switch {
	case c.Class == nil:
		return c, errors.New("tport: Config.Class is nil; set the grammar to speak, such as sip.Class()")
	case c.Deliver == nil:
		return c, errors.New("tport: Config.Deliver is nil; set the func that takes the messages")
	case c.MessageRate < 0 || c.MessageBurst < 0:
		return c, errors.New("tport: Config.MessageRate and MessageBurst cannot be negative; leave them 0 for no bound")
	case c.QueueSize < 0 || c.QueueBytes < 0 || c.Readers < 0:
		return c, errors.New("tport: Config.QueueSize, QueueBytes and Readers cannot be negative; leave them 0 for the default")
	case c.DSCP < 0 || c.DSCP > 63 || c.MulticastTTL < 0 || c.MulticastTTL > 255:
		return c, errors.New("tport: Config.DSCP is from 0 to 63 and MulticastTTL from 0 to 255")
	case checkTLS(c.TLS) != nil:
		return c, fmt.Errorf("tport: Config.TLS: %w", checkTLS(c.TLS))
	}
	if err := checkProtocols(c.Protocols); err != nil {
		return c, err
	}
	or(&c.Idle, DefaultIdle)
	or(&c.MessageTimeout, DefaultMessageTimeout)
	or(&c.DialTimeout, DefaultDialTimeout)
	or(&c.HandshakeTimeout, DefaultHandshakeTimeout)
	or(&c.WriteTimeout, DefaultWriteTimeout)
	or(&c.TCPKeepAlive, DefaultTCPKeepAlive)
	or(&c.QueueSize, DefaultQueueSize)
	or(&c.QueueBytes, DefaultQueueBytes)
	or(&c.MaxFlows, DefaultMaxFlows)
	or(&c.MaxFlowsPerSource, DefaultMaxFlowsPerSource)
	or(&c.MaxHandshakes, DefaultMaxHandshakes)
	or(&c.MaxBuffered, DefaultMaxBuffered)
	or(&c.MessageBurst, max(c.MessageRate, 1))
	if c.KeepAlive != nil {
		keep, err := c.KeepAlive.resolve(false)
		if err != nil {
			return c, fmt.Errorf("tport: Config.KeepAlive: %w", err)
		}
		c.KeepAlive = &keep
	}
	or(&c.Readers, runtime.GOMAXPROCS(0))
	or(&c.ReceiveBuffer, DefaultReceiveBuffer)
	or(&c.MaxUnreachable, DefaultMaxUnreachable)
	or(&c.InterfaceInterval, DefaultInterfaceInterval)
	if c.Listen == nil {
		c.Listen = (&net.ListenConfig{KeepAlive: -1, KeepAliveConfig: c.tcpKeepAlive()}).Listen
	}
	if c.Dial == nil && c.DialFrom == nil {
		c.DialFrom = func(local netip.Addr) func(context.Context, string, string) (net.Conn, error) {
			return (&net.Dialer{
				LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0)),
				KeepAlive: -1, KeepAliveConfig: c.tcpKeepAlive(),
			}).DialContext
		}
	}
	if c.Dial == nil {
		c.Dial = (&net.Dialer{KeepAlive: -1, KeepAliveConfig: c.tcpKeepAlive()}).DialContext
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Trace == nil {
		c.Trace = &Trace{}
	}
	return c, nil
}

// tcpKeepAlive is TCPKeepAlive in the words of package net. (Its own KeepAlive
// field is -1 so that one that is not enabled is off.)
func (c *Config) tcpKeepAlive() net.KeepAliveConfig {
	if c.TCPKeepAlive < 0 {
		return net.KeepAliveConfig{}
	}
	return net.KeepAliveConfig{Enable: true, Idle: c.TCPKeepAlive, Interval: 15 * time.Second, Count: 3}
}

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
