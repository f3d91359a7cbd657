package simnet

import (
	"net/netip"
	"syscall"
	"time"
)

// Datagram is a UDP datagram about to travel, as Intercept's function sees it.
type Datagram struct {
	// Sender and Receiver are the hosts; Receiver is nil if none has the
	// address.
	Sender, Receiver *Host
	From, To         netip.AddrPort
	// Payload must not be changed or kept.
	Payload []byte
}

// Verdict is what becomes of an intercepted datagram. The zero value lets it
// take its chance with the link.
type Verdict struct {
	// Drop loses it.
	Drop bool
	// Delay is added to its time. Later datagrams of the flow may overtake it.
	Delay time.Duration
}

// Intercept has f decide over every datagram that is sent, so that a test can
// lose exactly the first ACK. nil ends it. f is called on the sender's goroutine
// without a lock held, possibly from several at once.
func (n *Network) Intercept(f func(Datagram) Verdict) {
	if f == nil {
		n.filter.Store(nil)
		return
	}
	n.filter.Store(&f)
}

// packet is a datagram in flight.
type packet struct {
	net      *Network
	path     *path
	from, to netip.AddrPort    // as the receiver sees them
	sent     [2]netip.AddrPort // from and to, as the sender did
	data     []byte
	number   uint64
}

// send has a datagram travel. The network is locked, and may be unlocked and
// locked again to ask the filter.
func (s *PacketConn) send(b []byte, from, to netip.AddrPort) error {
	n, h := s.host.net, s.host
	way := h.passage(protoUDP, from, to, n.now())
	dst := way.host
	if way.gate != nil { // a NAT has no mapping for it, and says nothing
		n.decided(n.sent(protoUDP, h, way.gate, from, to, b, "", trip{}, false), Filtered)
		return nil
	}
	if dst == nil {
		// The nearest router says so, at the speed of any other link.
		number := n.sent(protoUDP, h, nil, from, to, b, "", trip{}, false)
		n.decided(number, Unreachable)
		n.at(n.now()+2*n.cfg.Link.Delay, jobFunc(func(time.Duration) {
			s.unreachable(to, syscall.EHOSTUNREACH)
		}))
		return nil
	}
	p := n.path(h, dst)
	packets, errno := p.fits(len(b), from.Addr().Is4())
	if errno != 0 {
		return sysError("sendto", errno)
	}
	var verdict Verdict
	if f := n.filter.Load(); f != nil {
		n.unlock()
		verdict = (*f)(Datagram{Sender: h, Receiver: dst, From: from, To: to, Payload: b})
		n.mu.Lock()
	}
	now := n.now()
	t := p.datagram(p.flow(flowKey{protoUDP, from, to}), len(b), packets, now)
	t.due += verdict.Delay
	t.dueTwice += verdict.Delay
	number := n.sent(protoUDP, h, dst, from, to, b, "", t, false)
	switch {
	case verdict.Drop:
		n.decided(number, Filtered)
		return nil
	case p.blocked():
		n.decided(number, Cut)
		return nil
	case t.lost:
		n.decided(number, Lost)
		return nil
	}
	data := append(make([]byte, 0, len(b)), b...)
	p.corrupt(p.flow(flowKey{protoUDP, from, to}), data)
	k := packet{net: n, path: p, from: way.from, to: way.to, sent: [2]netip.AddrPort{from, to}, data: data, number: number}
	p.launch(&k, t.due, now)
	if t.twice {
		again := k
		again.number = n.sent(protoUDP, h, dst, from, to, b, "", t, true)
		p.launch(&again, t.dueTwice, now)
	}
	return nil
}

func (p *path) launch(k *packet, due, now time.Duration) {
	limit := p.link.Queue
	if limit <= 0 {
		limit = defaultQueue
	}
	switch {
	case p.inflight >= limit:
		k.net.decided(k.number, Overflow)
	case due <= now:
		k.arrive()
	default:
		p.inflight++
		k.net.at(due, k)
	}
}

func (k *packet) fire(time.Duration) {
	k.path.inflight--
	if k.path.blocked() {
		k.net.decided(k.number, Cut)
		return
	}
	k.arrive()
}

func (k *packet) arrive() {
	h := k.path.to
	s := h.receiver(k.from, k.to)
	if s == nil {
		k.net.decided(k.number, Unreachable)
		k.bounce()
		return
	}
	if s.octets+len(k.data) > s.limit {
		k.net.decided(k.number, Overflow)
		return
	}
	k.net.decided(k.number, Delivered)
	s.octets += len(k.data)
	s.queue.push(received{k.data, k.from, k.to})
	s.readable.Signal()
}

// receiver returns the socket that takes a datagram: a bound address goes before
// a wildcard, and a connected socket takes only what its peer sends.
func (h *Host) receiver(from, to netip.AddrPort) *PacketConn {
	var found *PacketConn
	for _, s := range h.udp[to.Port()] {
		if !s.bound.takes(to.Addr()) || s.remote.IsValid() && s.remote != from {
			continue
		}
		if found == nil || found.bound.wildcard() && !s.bound.wildcard() {
			found = s
		}
	}
	return found
}

// bounce sends the ICMP port unreachable (RFC 1122 section 4.1.3.1), which meets
// the link's chances as any packet does.
func (k *packet) bounce() {
	n := k.net
	back := n.path(k.path.to, k.path.from)
	now := n.now()
	t := back.datagram(back.flow(flowKey{protoICMP, k.to, k.from}), 0, 1, now)
	if t.lost {
		return
	}
	// Never at once, so that the hook of a socket does not run inside its Write.
	n.at(t.due, jobFunc(func(time.Duration) {
		if back.blocked() {
			return
		}
		from, to := k.sent[0], k.sent[1]
		for _, s := range k.path.from.udp[from.Port()] {
			if s.bound.takes(from.Addr()) {
				s.unreachable(to, syscall.ECONNREFUSED)
			}
		}
	}))
}

// unreachable tells the socket that what it sent to dst met nobody.
func (s *PacketConn) unreachable(dst netip.AddrPort, errno syscall.Errno) {
	if s.closed {
		return
	}
	if s.remote == dst {
		s.pending = errno
		s.readable.Signal()
	}
	if hook := s.hook; hook != nil {
		s.host.net.after = append(s.host.net.after, func() { hook(dst, errno) })
	}
}
