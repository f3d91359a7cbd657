package tport

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"

	"github.com/gosofia/sofia/msg"
)

// protocol is one transport protocol. TLS and WebSocket are stream protocols
// with another upgrade.
type protocol interface {
	// bind opens the socket of p.
	bind(ctx context.Context, p *Primary, name Name) error
	// serve starts what reads or accepts on p.
	serve(p *Primary)
}

// streamProtocol is a protocol that has connections.
type streamProtocol interface {
	protocol
	// upgrade turns a fresh connection into one that carries messages. It may
	// wait for the peer, within ctx; nothing else uses the connection meanwhile.
	upgrade(ctx context.Context, conn net.Conn, end end) (link, error)
}

// end says which end of a connection we are, and for whom.
type end struct {
	t      *Transport
	proto  string
	class  *msg.Class
	server string // the domain the peer must prove, where we dialled
	tls    *tlsConfig
	verify Verification
	client bool
	name   Name           // what is listened on or dialled
	remote netip.AddrPort // what is dialled

	challenge http.Header // of the 401 to an attempt before
}

// link is a connection that carries messages.
type link struct {
	conn   net.Conn             // the connection itself, below TLS
	seal   *sealed              // the TLS layer on it, nil without
	tls    *tls.ConnectionState // of a TLS layer that is not ours
	frames framing
	early  []byte         // what was read behind the upgrade, in clear
	remote netip.AddrPort // the peer, where conn knows another address or none
}

// framing cuts a stream into messages; see [msg.Framer]. Octets that it was fed
// stay as they are until Next returns an error, and may be written to.
type framing interface {
	Feed(b []byte) error
	Next() (msg.Frame, error)
	Buffered() int
}

// wrapping is a framing with a layer of its own round each message. Only wrap
// and ping may be called while another method runs.
type wrapping interface {
	framing
	// wrap appends a message or keep-alive as it goes out.
	wrap(dst, b []byte) []byte
	// ping appends what has the peer show that it is there. What it answers
	// comes as a FramePong.
	ping(dst []byte) []byte
	// answers returns what the peer is owed for what Next has read, once.
	answers() []byte
	// farewell returns the last octets before a connection ends for reason, and
	// whether the peer will then end it too.
	farewell(reason error) (last []byte, wait bool)
}

// builtIn returns the protocol of that name.
func builtIn(name string) (protocol, bool) {
	switch name {
	case UDP:
		return udp{}, true
	case TCP:
		return tcp{}, true
	case TLS:
		return secure{}, true
	case WS:
		return ws{}, true
	case WSS:
		return wss{}, true
	}
	return nil, false
}

// tcp is messages straight on TCP, framed by Content-Length (RFC 3261 section 18.3).
type tcp struct{ listening }

func (tcp) upgrade(_ context.Context, conn net.Conn, e end) (link, error) {
	return link{conn: conn, frames: msg.NewFramer(e.class, e.t.cfg.Limits)}, nil
}
