package tport

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/gosofia/sofia/msg"
)

// Primary is a bound transport: a listening socket, or a UDP socket. Its
// methods are safe for concurrent use.
type Primary struct {
	t      *Transport
	proto  string
	ident  string
	class  *msg.Class
	name   Name                      // what was asked for
	tls    atomic.Pointer[tlsConfig] // nil for that of the transport
	verify Verification
	addr   netip.AddrPort
	dual   bool // bound to every address of both families

	packet   *packet        // UDP
	listener net.Listener   // streams; nil under a WebSocketHandler
	socket   net.PacketConn // one that was given, see ServePacket

	done chan struct{}
	once sync.Once
	err  error // why it ended; set before done is closed
}

// Proto returns the protocol, as in [Name].
func (p *Primary) Proto() string { return p.proto }

// Addr returns the address it is bound to, with the port that the system chose
// if it was asked to. The address is unspecified if it is bound to every
// address; the [Flow.Local] of a flow then tells which one a peer sees.
func (p *Primary) Addr() netip.AddrPort { return p.addr }

// Ident returns the Ident of the [Name] that it was made with.
func (p *Primary) Ident() string { return p.ident }

// Close stops listening. Connections accepted before live on; the flows of a
// UDP primary end with it. A call of Deliver that is under way may outlast
// Close; [Transport.Close] waits for it.
func (p *Primary) Close() error { return p.end(ErrClosed) }

// Err returns why the primary ended, nil while it is open.
func (p *Primary) Err() error {
	select {
	case <-p.done:
		return p.err
	default:
		return nil
	}
}

// end closes the socket once and forgets the primary.
func (p *Primary) end(reason error) (err error) {
	p.once.Do(func() {
		p.err = wrap("read", Key{Proto: p.proto, Local: p.addr}, reason)
		close(p.done)
		if p.packet != nil {
			err = p.packet.close()
		} else if p.listener != nil {
			err = p.listener.Close()
		}
		p.t.forgetPrimary(p)
		p.t.keeper.ended(p)
		if p.t.cfg.Trace.Unbound != nil {
			p.t.guard(func() { p.t.cfg.Trace.Unbound(p, p.err) })
		}
		if errors.Is(err, net.ErrClosed) {
			err = nil
		}
	})
	return wrap("close", Key{Proto: p.proto, Local: p.addr}, err)
}

// serves reports whether the primary can reach addresses like remote for a
// request to name. A nil class is any.
func (p *Primary) serves(name Name, class *msg.Class, remote netip.Addr) bool {
	return p.proto == name.Proto &&
		(name.Ident == "" || p.ident == name.Ident) &&
		(class == nil || p.class == class) &&
		(p.dual || p.addr.Addr().Is4() == remote.Is4())
}

// anywhere reports whether the primary is bound to no address of its own: to
// all of them, or to a group.
func (p *Primary) anywhere() bool {
	a := p.addr.Addr()
	return a.IsUnspecified() || a.IsMulticast()
}

// local is where messages leave from as far as it is known without a peer:
// never from a group.
func (p *Primary) local() netip.AddrPort {
	switch a := p.addr.Addr(); {
	case !a.IsMulticast():
		return p.addr
	case a.Is4():
		return netip.AddrPortFrom(netip.IPv4Unspecified(), p.addr.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), p.addr.Port())
}
