package tport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/msg"
)

// Protocol is a transport protocol of the user's own, such as SCTP, a tunnel or
// a Unix socket: what opens its sockets. Everything above a socket is as for the
// protocols that there are: limits, queues, keep-alives, reuse of connections.
// It has either connections (Dial, Listen or both) or packets (ListenPacket).
//
// Connections carry messages framed by Content-Length, as TCP does; packets
// carry one message each, as UDP does.
type Protocol struct {
	// Name is the protocol as a [Name] and a transport URI parameter have it, a
	// token in lower case; it stands in upper case in a Via. It must be none of
	// those of this package.
	Name string
	// Dial makes a connection; nil: there are none from here. network is Name.
	// address is host:port of the [Name], or its Host alone where that is no IP
	// address and the port is 0.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Listen opens a socket that accepts connections; nil: use [Transport.Serve].
	// For every address the host in address is empty.
	Listen func(ctx context.Context, network, address string) (net.Listener, error)
	// ListenPacket opens a socket for packets. Its addresses must be IP addresses
	// with ports, or print as such: it is written to with a *net.UDPAddr.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)
	// Reliable says that packets are not lost, so that transactions need not
	// repeat them. Connections are always reliable.
	Reliable bool
	// Secure says that the protocol keeps messages secret and whole, and its
	// peers authentic, as TLS does; see [Flow.Secure].
	Secure bool
}

// outerTLS is what is known of a TLS layer that somebody else has made.
type outerTLS struct {
	state      *tls.ConnectionState
	identities []string
}

func newOuterTLS(state *tls.ConnectionState) *outerTLS {
	o := &outerTLS{state: state}
	if len(state.VerifiedChains) > 0 {
		o.identities = Identities(state.PeerCertificates[0])
	}
	return o
}

// packetProtocol is a protocol that has packets and no connections.
type packetProtocol interface {
	protocol
	packets()
}

func (udp) packets() {}

// ownStream is a Protocol of the user's with connections.
type ownStream struct {
	listening
	own *Protocol
}

func (ownStream) immediate() {}

func (o ownStream) bind(ctx context.Context, p *Primary, name Name) error {
	if o.own.Listen == nil && p.listener == nil {
		return ErrNoTransport
	}
	return p.bindListener(func() (net.Listener, error) {
		return o.own.Listen(ctx, o.own.Name, ownAddress(name))
	})
}

func (o ownStream) upgrade(_ context.Context, conn net.Conn, e end) (link, error) {
	return link{conn: conn, tls: tlsStateOf(conn), frames: msg.NewFramer(e.class, e.t.cfg.Limits)}, nil
}

// tlsStateOf returns the state of a connection that has TLS of its own.
func tlsStateOf(conn net.Conn) *tls.ConnectionState {
	c, ok := conn.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return nil
	}
	state := c.ConnectionState()
	return &state
}

// dial connects to the peer of a name.
func (o ownStream) dial(ctx context.Context, name Name, to netip.AddrPort) (net.Conn, error) {
	if o.own.Dial == nil {
		return nil, ErrNoTransport
	}
	address := ownAddress(name)
	if to.IsValid() {
		address = to.String()
	}
	return o.own.Dial(ctx, o.own.Name, address)
}

// ownAddress is what the user's funs get of a name.
func ownAddress(name Name) string {
	switch _, err := name.addr(); {
	case name.wildcard():
		return net.JoinHostPort("", strconv.Itoa(int(name.Port)))
	case err != nil && name.Port == 0:
		return name.Host
	case err != nil:
		return net.JoinHostPort(name.Host, strconv.Itoa(int(name.Port)))
	}
	return net.JoinHostPort(bindHost(name), strconv.Itoa(int(name.Port)))
}

// ownPacket is a Protocol of the user's with packets.
type ownPacket struct {
	udp
	own *Protocol
}

func (o ownPacket) bind(ctx context.Context, p *Primary, name Name) error {
	if o.own.ListenPacket == nil && p.socket == nil {
		return ErrNoTransport
	}
	return bindPackets(ctx, p, name, o.own)
}

// protocolOf returns the protocol of that name.
func (t *Transport) protocolOf(name string) (protocol, bool) {
	if p, ok := builtIn(name); ok {
		return p, true
	}
	for i := range t.cfg.Protocols {
		if own := &t.cfg.Protocols[i]; own.Name == name {
			if own.packets() {
				return ownPacket{own: own}, true
			}
			return ownStream{own: own}, true
		}
	}
	return nil, false
}

// packets reports whether the protocol has packets.
func (p *Protocol) packets() bool { return p.ListenPacket != nil }

// check tells what is wrong with the protocols of the user's.
func checkProtocols(all []Protocol) error {
	seen := map[string]bool{}
	for _, p := range all {
		_, known := builtIn(p.Name)
		switch {
		case !ownName(p.Name) || known:
			return fmt.Errorf("tport: Config.Protocols: %q cannot be the name of a protocol; use a token in lower case that is new", p.Name)
		case seen[p.Name]:
			return fmt.Errorf("tport: Config.Protocols: %q is there twice", p.Name)
		case p.packets() && (p.Dial != nil || p.Listen != nil):
			return fmt.Errorf("tport: Config.Protocols: %q has connections and packets; make two protocols", p.Name)
		}
		seen[p.Name] = true
	}
	return nil
}

// ownName reports whether s is a token in lower case (RFC 3261 section 25.1).
func ownName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("-.!%*_+`'~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// Dialable returns the protocols that connections can be made with, whether or
// not anything listens on them: those of this package, then those of
// Config.Protocols.
func (t *Transport) Dialable() []string {
	all := []string{TCP, TLS, WS, WSS}
	for _, p := range t.cfg.Protocols {
		if p.Dial != nil {
			all = append(all, p.Name)
		}
	}
	return all
}

// secureProtocol and reliablePackets tell what a protocol promises.
func (t *Transport) secureProtocol(name string) bool {
	switch name {
	case TLS, WSS:
		return true
	}
	return t.ownProtocol(name).Secure
}

func (t *Transport) reliablePackets(name string) bool { return t.ownProtocol(name).Reliable }

func (t *Transport) ownProtocol(name string) Protocol {
	for _, p := range t.cfg.Protocols {
		if p.Name == name {
			return p
		}
	}
	return Protocol{}
}

// Serve accepts connections on a socket that was opened elsewhere, for any
// protocol that has connections: one inherited from a parent process, one that
// other code shares, one of a [Protocol] without Listen. name.Host and name.Port
// are not used. The socket belongs to the Transport from the call on, and is
// closed if it fails. The error is as that of [Transport.Listen].
func (t *Transport) Serve(l net.Listener, name Name) (*Primary, error) {
	p := t.newPrimary(name)
	p.listener, p.dual = l, everyFamily(l.Addr())
	proto, _ := t.protocolOf(name.Proto)
	if _, ok := proto.(streamProtocol); !ok {
		l.Close()
		return nil, wrap("listen", Key{Proto: name.Proto}, errKind)
	}
	return t.take(p, l)
}

// ServePacket reads and writes datagrams on a socket that was opened elsewhere,
// for "udp" or a [Protocol] with packets, with one reader. It is otherwise as
// [Transport.Serve].
func (t *Transport) ServePacket(c net.PacketConn, name Name) (*Primary, error) {
	p := t.newPrimary(name)
	p.socket, p.dual = c, everyFamily(c.LocalAddr())
	proto, _ := t.protocolOf(name.Proto)
	if _, ok := proto.(packetProtocol); !ok {
		c.Close()
		return nil, wrap("listen", Key{Proto: name.Proto}, errKind)
	}
	return t.take(p, c)
}

// errKind is a socket given for a protocol that is unknown or needs another.
var errKind = fmt.Errorf("%w: the protocol is unknown, or takes another kind of socket (Serve, ServePacket)", ErrNoTransport)

func (t *Transport) take(p *Primary, socket interface{ Close() error }) (*Primary, error) {
	if err := t.listen(context.Background(), p); err != nil {
		if !errors.Is(err, ErrClosed) { // end has closed it
			socket.Close()
		}
		return nil, wrap("listen", Key{Proto: p.proto}, err)
	}
	return p, nil
}

// everyFamily reports whether a socket may reach peers of any family: one bound
// to every address, as far as can be told, or one that knows none.
func everyFamily(a net.Addr) bool {
	addr := addrPortOf(a).Addr()
	return !addr.IsValid() || addr.Is6() && addr.IsUnspecified()
}
