package tport

import (
	"errors"
	"net/netip"
)

// Error is the error of every operation of this package.
type Error struct {
	// Op is what failed: "listen", "dial", "send", "read", "close" or "configure".
	Op string
	// Key is the flow it failed on, as far as it is known.
	Key Key
	// Err is the cause: one of the sentinels below, or what the system said.
	Err error
}

// Error returns the operation, the flow and the cause.
func (e *Error) Error() string {
	s := "tport: " + e.Op
	if e.Key.Proto != "" {
		s += " " + e.Key.Proto
	}
	if e.Key.Local != (netip.AddrPort{}) {
		s += " from " + e.Key.Local.String()
	}
	if e.Key.Remote != (netip.AddrPort{}) {
		s += " to " + e.Key.Remote.String()
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// The conditions to look for with errors.Is.
var (
	// ErrQueueFull: the flow's bounded queue is full, because the peer or the
	// network takes messages more slowly than they are sent. Nothing was sent.
	ErrQueueFull = errors.New("write queue full; send less, or raise Config.QueueSize")
	// ErrClosed: the flow, primary or transport was closed here.
	ErrClosed = errors.New("closed; dial again or make a new transport")
	// ErrTooLarge: the message does not fit a datagram (RFC 3261 section 18.1.1).
	ErrTooLarge = errors.New("message too large for a datagram; send it over tcp")
	// ErrNoTransport: the protocol is unknown, or nothing listens on it in the
	// address family (or with the Ident) asked for.
	ErrNoTransport = errors.New("no transport for this name; Listen on its protocol and address family first")
	// ErrUnreachable: the network said that a datagram did not arrive (ICMP). It
	// wraps what the system makes of that, such as syscall.ECONNREFUSED where
	// nobody listens. Such an error can be forged: it is a hint, not a proof.
	ErrUnreachable = errors.New("peer cannot be reached")
	// ErrUnbound: a Rebind of the UDP primary failed, and it has no socket.
	ErrUnbound = errors.New("not bound; call Rebind again, or Close and Listen")
	// ErrAddressGone: the local address of a connection is no address of this
	// host any more.
	ErrAddressGone = errors.New("local address has gone from this host")
	// ErrNoInterface: the system, or a Config.Listen or ListenPacket, cannot bind to
	// an interface by name.
	ErrNoInterface = errors.New("cannot bind to an interface by name here; bind to one of its addresses")
	// ErrNotMulticast: Name.Maddr is no multicast group of the family of the Host,
	// the name is not one of UDP, or the socket cannot join groups.
	ErrNotMulticast = errors.New("cannot join this multicast group")
	// ErrNotNumeric: the host of a Name is not an IP address literal.
	ErrNotNumeric = errors.New("host is not an IP address; resolve it first")
	// ErrNoPort: a Name to connect to has port 0.
	ErrNoPort = errors.New("no port to connect to; set Name.Port")
	// ErrGone: the flow that was to carry a message has ended, or is ending, and
	// nothing else may take its place. Nothing was sent. The error says why, too.
	ErrGone = errors.New("flow is gone")
	// ErrNoPong: the peer did not answer a keep-alive in time, so the flow is
	// dead (RFC 5626 section 4.4).
	ErrNoPong = errors.New("peer answered no keep-alive")
	// ErrSilent: nothing came from the peer for KeepAlive.Silence.
	ErrSilent = errors.New("peer sent nothing for too long")
	// ErrWatches: too many already watch the flow.
	ErrWatches = errors.New("too many watches on one flow; release some")
	// ErrMemory: the connection had the most octets waiting, in messages that
	// are not whole or not sent yet, when all together had more than MaxBuffered.
	ErrMemory = errors.New("more than Config.MaxBuffered octets wait, most of them on this connection")
	// ErrRate: the source sent more messages than Config.MessageRate allows.
	ErrRate = errors.New("source sends too many messages")
	// ErrNotProved: the peer has not proved to be the domain that a connection
	// is to be used for (RFC 5923 section 8).
	ErrNotProved = errors.New("peer has not proved that name; only tls with a client certificate can")
	// ErrAliases: one connection serves as many names as it may.
	ErrAliases = errors.New("too many names for one connection")
	// ErrIdle: the connection carried nothing for Config.Idle.
	ErrIdle = errors.New("connection idle for too long")
	// ErrMessageTimeout: the peer began a message and did not end it in time.
	ErrMessageTimeout = errors.New("message not complete within Config.MessageTimeout")
	// ErrWriteTimeout: the peer did not take what was sent in time.
	ErrWriteTimeout = errors.New("peer took nothing within Config.WriteTimeout")
	// ErrShed: the connection was the longest idle when a new one needed its place.
	ErrShed = errors.New("idle connection closed to make place for another")
	// ErrTooManyFlows: Config.MaxFlows connections are open and none is idle.
	ErrTooManyFlows = errors.New("too many connections; raise Config.MaxFlows")
	// ErrUntrusted: the TLS peer's certificate does not prove what it must. It
	// is wrapped by a [CertificateError], which tells more.
	ErrUntrusted = errors.New("peer's certificate not accepted")
	// ErrWrongName: the certificate is good, but for other names (RFC 5922
	// section 7.2). See [Name.ServerName].
	ErrWrongName = errors.New("not one of the certificate's names")
	// ErrWrongUse: the certificate, or an authority's above it, is for other
	// purposes (RFC 5280 section 4.2.1.12).
	ErrWrongUse = errors.New("certificate is not for this use")
	// ErrTLS: the TLS handshake failed, or what came later is not TLS.
	ErrTLS = errors.New("TLS failed")
	// ErrRefused: the TLS peer refused us: our certificate, or the lack of one,
	// or the versions and names we offer.
	ErrRefused = errors.New("refused by the TLS peer")
	// ErrHandshakeTimeout: the peer did not end its handshake in time, of TLS or
	// WebSocket.
	ErrHandshakeTimeout = errors.New("handshake not complete within Config.HandshakeTimeout")
	// ErrNoCertificate: a protocol over TLS has no certificate to show.
	ErrNoCertificate = errors.New("no certificate to listen with; set Config.TLS or Name.TLS")
	// ErrNoise: what came is not a message of the class and cannot be answered.
	ErrNoise = errors.New("not a message")
	// ErrSubprotocol: a WebSocket server has agreed to the upgrade, but not to
	// the subprotocol sip (RFC 7118 section 4.1).
	ErrSubprotocol = errors.New("WebSocket server does not speak the subprotocol sip")
	// ErrTrailing: a WebSocket message held more than one message (RFC 7118
	// section 5).
	ErrTrailing = errors.New("more than one message in a WebSocket message")
	// ErrWrongSource: Config.Dial did not connect from the address of the
	// primary that Name.Ident asks for.
	ErrWrongSource = errors.New("connected from another address than that of the primary named by Ident")
)

// goneError is ErrGone and why.
type goneError struct{ err error }

func (e *goneError) Error() string        { return ErrGone.Error() + ": " + e.err.Error() }
func (e *goneError) Unwrap() error        { return e.err }
func (e *goneError) Is(target error) bool { return target == ErrGone }

func goneBy(err error) error { return &goneError{err} }

// wrap puts err into an *Error, unless it is one already.
func wrap(op string, key Key, err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Op: op, Key: key, Err: err}
}
