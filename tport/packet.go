package tport

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// maxDatagram is the largest payload of a UDP datagram over IPv4.
const maxDatagram = 65507

// udp is messages in datagrams (RFC 3261 section 18).
type udp struct{}

func (udp) bind(ctx context.Context, p *Primary, name Name) error {
	return bindPackets(ctx, p, name, nil)
}

// bindPackets opens the sockets of a protocol with packets, by a func of the
// user's where the protocol is.
func bindPackets(ctx context.Context, p *Primary, name Name, own *Protocol) error {
	k := &packet{p: p, name: name, own: own, moving: make(chan struct{}, 1)}
	p.packet = k
	return k.open(ctx)
}

func (udp) serve(p *Primary) { p.packet.serve() }

// packetListener has the shape of net.ListenConfig.ListenPacket.
type packetListener func(ctx context.Context, network, address string) (net.PacketConn, error)

// packet is the UDP side of a primary: one socket, or several that share the
// address and between which the system spreads the peers.
type packet struct {
	p       *Primary
	name    Name
	own     *Protocol                       // nil for UDP
	sockets atomic.Pointer[[]*packetSocket] // what is sent by; the first is bound first
	mu      sync.Mutex
	ended   bool          // closed for good
	group   *packetSocket // what else is read: the socket of a multicast group
	groups  groupSeat     // where multicast groups were joined
	moving  chan struct{} // holds the one Rebind under way
}

// open binds the sockets of the primary. The first of them is bound as if it
// were the only one, so that an address in use is refused whoever uses it, and
// takes the others in afterwards (SO_REUSEPORT).
func (k *packet) open(ctx context.Context) error {
	p, cfg := k.p, &k.p.t.cfg
	host, port := bindHost(k.name), k.name.Port
	if p.addr.IsValid() {
		port = p.addr.Port() // bound again
	}
	listen, own := packetListener(cfg.ListenPacket), false
	network := k.name.network("udp")
	switch {
	case p.socket != nil:
		listen = func(context.Context, string, string) (net.PacketConn, error) { return p.socket, nil }
	case k.own != nil:
		listen, network = k.own.ListenPacket, k.own.Name
	case cfg.ListenPacket == nil:
		listen, own = k.listener(false), true
	}
	if !own && k.name.Interface != "" {
		return ErrNoInterface
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(port)))
	conn, err := listen(ctx, network, address)
	if err != nil {
		return err
	}
	if !p.addr.IsValid() {
		p.addr = addrPortOf(conn.LocalAddr())
	}
	sockets := []*packetSocket{newSocket(k, conn)}
	if system, ok := conn.(*net.UDPConn); ok && own && cfg.Readers > 1 && !p.addr.Addr().IsMulticast() {
		sockets = append(sockets, k.share(ctx, system, cfg.Readers-1)...)
	}
	k.mu.Lock()
	ended := k.ended
	if !ended {
		k.sockets.Store(&sockets)
	}
	k.mu.Unlock()
	if ended {
		closeAll(sockets)
		return ErrClosed
	}
	if err := k.joinGroups(ctx); err != nil {
		k.unbind()
		return err
	}
	return nil
}

// share binds n more sockets to the address of the first. Where the system
// cannot, there are fewer readers, and that is all.
func (k *packet) share(ctx context.Context, first *net.UDPConn, n int) (more []*packetSocket) {
	if !canShare || sharePort(first) != nil {
		return nil
	}
	address := net.JoinHostPort(bindHost(k.name), strconv.Itoa(int(k.p.addr.Port())))
	for range n {
		conn, err := k.listener(true)(ctx, k.name.network("udp"), address)
		if err != nil {
			k.p.t.log.Warn("a UDP socket has fewer readers than asked for", "addr", k.p.addr, "readers", 1+len(more), "err", err)
			return more
		}
		s := newSocket(k, conn)
		s.extra = true
		more = append(more, s)
	}
	return more
}

// serve starts a reader for each socket.
func (k *packet) serve() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return
	}
	for _, s := range k.all() {
		k.p.t.spawn(s.read)
	}
}

// all are the sockets that are read; the caller holds mu.
func (k *packet) all() []*packetSocket {
	all := slices.Clone(*k.sockets.Load())
	if k.group != nil {
		all = append(all, k.group)
	}
	return all
}

// unbind closes the sockets and leaves the primary without. It reports false if
// it is closed for good.
func (k *packet) unbind() bool {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return false
	}
	old := k.all()
	for _, s := range old {
		s.replaced.Store(true)
	}
	k.sockets.Store(&[]*packetSocket{})
	k.group = nil
	k.mu.Unlock()
	_ = closeAll(old)
	return true
}

// close closes the sockets, once.
func (k *packet) close() error {
	k.mu.Lock()
	if k.ended {
		k.mu.Unlock()
		return nil
	}
	k.ended = true
	var all []*packetSocket
	if k.sockets.Load() != nil {
		all = k.all()
	}
	k.mu.Unlock()
	return closeAll(all)
}

func closeAll(sockets []*packetSocket) error {
	var errs []error
	for _, s := range sockets {
		if err := s.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// send writes or queues one datagram, by the socket that the peer is read from
// or, where that is not known, always by the same one.
func (k *packet) send(f *Flow, b []byte) error {
	s := f.socket
	if s == nil {
		s = k.choose(f.key.Remote)
	}
	if s == nil {
		return ErrUnbound
	}
	err := s.send(f, b)
	if err == ErrClosed && k.p.Err() == nil { // another has taken its place
		if now := k.choose(f.key.Remote); now != nil && now != s {
			return now.send(f, b)
		}
		return ErrUnbound
	}
	return err
}

// choose returns the socket for what goes to remote, nil while there is none.
func (k *packet) choose(remote netip.AddrPort) *packetSocket {
	sockets := *k.sockets.Load()
	switch n := uint32(len(sockets)); n {
	case 0:
		return nil
	case 1:
		return sockets[0]
	default:
		return sockets[spread(remote)%n]
	}
}

// spread is a cheap hash. A peer that forces collisions wins that its own
// datagrams wait for each other.
func spread(a netip.AddrPort) uint32 {
	b, h := a.Addr().As16(), uint32(a.Port())
	for i := 0; i < len(b); i += 4 {
		h = (h ^ binary.LittleEndian.Uint32(b[i:])) * 0x9e3779b1
		h ^= h >> 15
	}
	h *= 0x85ebca6b
	return h ^ h>>13
}

// forgetControls has sockets look up the interfaces of their addresses again.
func (k *packet) forgetControls() {
	for _, s := range *k.sockets.Load() {
		if u, ok := s.conn.(*udpConn); ok {
			u.forgetControls()
		}
	}
}

// flush waits until nothing is queued.
func (k *packet) flush() {
	for _, s := range *k.sockets.Load() {
		s.flush()
	}
}

// bindHost is the host of an address to bind to.
func bindHost(name Name) string {
	if name.wildcard() {
		return ""
	}
	a, _ := name.addr() // Listen has checked it
	return a.String()
}
