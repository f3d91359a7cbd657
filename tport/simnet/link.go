package simnet

import (
	"fmt"
	"math"
	"net/netip"
	"syscall"
	"time"
)

const (
	defaultMTU   = 1500
	loopbackMTU  = 65536
	defaultQueue = 1 << 16
	maxFlows     = 1 << 16 // with counters of their own, per direction of a link
	maxRetries   = 8       // of a TCP segment that chance loses
	minRTO       = 200 * time.Millisecond
)

// Link describes one direction between two hosts. The zero value is perfect.
//
// Chances are from 0 (never) to 1 (always). Each is drawn separately for each
// packet, as a function of the seed, the two hosts, the direction, the flow
// (protocol, addresses and ports) and the number of the packet on that flow.
type Link struct {
	// Delay is how long a packet takes.
	Delay time.Duration
	// Jitter is the most that is added to Delay, evenly spread. Jitter alone
	// does not reorder: a packet never arrives before the one sent before it
	// on the same flow.
	Jitter time.Duration
	// Loss is the chance that a datagram vanishes. A TCP segment does not
	// vanish but is sent again by the host, so that loss shows as delay: 200 ms
	// or twice the round trip, whichever is longer, doubling each time it is
	// lost again.
	Loss float64
	// Duplicate is the chance that a datagram arrives twice.
	Duplicate float64
	// Reorder is the chance that a datagram is held back by ReorderDelay, so
	// that later ones overtake it.
	Reorder float64
	// ReorderDelay is how long a reordered datagram is held back. 0 is
	// Delay+Jitter, or 10 ms where these are 0.
	ReorderDelay time.Duration
	// Corrupt is the chance that one octet of a datagram is changed on the way,
	// where checksums did not see it. TCP data is never changed.
	Corrupt float64
	// MTU is the largest IP packet, in octets; 0 is 1500 and negative is no
	// limit but that of UDP. A datagram that is larger is refused with EMSGSIZE
	// unless Fragment is set. TCP cuts its segments to fit.
	MTU int
	// Fragment has datagrams larger than MTU travel in fragments, each of which
	// may be lost.
	Fragment bool
	// Bandwidth is in bits per second; 0 is without limit. Packets wait for
	// those before them, of all flows.
	Bandwidth int64
	// Queue bounds the datagrams in flight; one sent beyond it is dropped with
	// fate Overflow. 0 is 65536.
	Queue int
}

func (l Link) mtu() int {
	if l.MTU == 0 {
		return defaultMTU
	}
	return l.MTU
}

func (l Link) reorderDelay() time.Duration {
	if l.ReorderDelay > 0 {
		return l.ReorderDelay
	}
	if d := l.Delay + l.Jitter; d > 0 {
		return d
	}
	return 10 * time.Millisecond
}

type pathKey struct{ from, to *Host }

// path is one direction between two hosts.
type path struct {
	from, to *Host
	link     Link
	cut      bool
	key      uint64
	flows    map[flowKey]*flow
	rest     *flow // of flows beyond maxFlows
	inflight int
	busy     time.Duration // until when Bandwidth is taken
}

type proto uint8

const (
	protoUDP proto = iota
	protoTCP
	protoICMP
)

func (p proto) String() string {
	return [...]string{"udp", "tcp", "icmp"}[p]
}

type flowKey struct {
	proto    proto
	from, to netip.AddrPort
}

// flow counts the packets of one flow in one direction.
type flow struct {
	key  uint64
	n    uint64
	last time.Duration // when the latest one that was not reordered arrives
}

func (f *flow) chance(d draw) float64 { return chance(f.key, f.n, d) }

// SetLink joins a and b, in both directions, by l. Packets in flight keep the
// time they were given. It panics, as do SetOneWay and Partition, if one of them
// is not a host of n.
func (n *Network) SetLink(a, b *Host, l Link) {
	n.SetOneWay(a, b, l)
	n.SetOneWay(b, a, l)
}

// SetOneWay has packets that a sends to b travel by l.
func (n *Network) SetOneWay(a, b *Host, l Link) {
	n.mu.Lock()
	defer n.unlock()
	n.path(a, b).link = l
}

// Partition cuts the link between a and b in both directions, or mends it. While
// it is cut, datagrams vanish, also those in flight; TCP stalls, without a
// reset, and goes on when it is mended, unless Config.StreamTimeout ended it.
func (n *Network) Partition(a, b *Host, cut bool) {
	n.PartitionOneWay(a, b, cut)
	n.PartitionOneWay(b, a, cut)
}

// PartitionOneWay cuts, or mends, what a sends to b.
func (n *Network) PartitionOneWay(a, b *Host, cut bool) {
	n.mu.Lock()
	defer n.unlock()
	n.path(a, b).cut = cut
	if !cut {
		n.resume()
	}
}

// path returns the direction from a to b, which must be hosts of n.
func (n *Network) path(a, b *Host) *path {
	p := n.paths[pathKey{a, b}]
	if p == nil {
		if a.net != n || b.net != n {
			panic(fmt.Sprintf("simnet: %v and %v are not both hosts of this network", a.name, b.name))
		}
		p = &path{from: a, to: b, link: n.cfg.Link, flows: make(map[flowKey]*flow)}
		if a == b {
			p.link = Link{MTU: loopbackMTU}
		}
		p.key = mixString(mixString(n.cfg.Seed, a.name), b.name)
		p.rest = &flow{key: p.key}
		n.paths[pathKey{a, b}] = p
	}
	return p
}

// blocked reports whether nothing gets through. A host reaches itself even when
// it is down.
func (p *path) blocked() bool {
	return p.cut || p.from != p.to && (p.from.down || p.to.down)
}

func (p *path) flow(k flowKey) *flow {
	f := p.flows[k]
	if f == nil {
		if len(p.flows) >= maxFlows {
			return p.rest
		}
		f = &flow{key: mixAddrPort(mixAddrPort(mix(p.key, uint64(k.proto)), k.from), k.to)}
		p.flows[k] = f
	}
	return f
}

// fits returns how many IP packets a datagram of size octets takes, or EMSGSIZE.
func (p *path) fits(size int, v4 bool) (int, syscall.Errno) {
	header, largest := 48, 65527 // IPv6 and UDP headers
	if v4 {
		header, largest = 28, 65507
	}
	if size > largest {
		return 0, syscall.EMSGSIZE
	}
	mtu := p.link.mtu()
	if mtu < 0 || size+header <= mtu {
		return 1, 0
	}
	room := mtu - (header - 8) // a fragment has no UDP header, the first excepted
	if !p.link.Fragment || room <= 0 {
		return 0, syscall.EMSGSIZE
	}
	return (size + 8 + room - 1) / room, 0
}

// trip is what chance decided for one datagram.
type trip struct {
	lost      bool
	reordered bool
	due       time.Duration
	twice     bool
	dueTwice  time.Duration
}

// datagram draws the trip of the next datagram of f.
func (p *path) datagram(f *flow, size, packets int, now time.Duration) trip {
	f.n++
	l := &p.link
	var t trip
	loss := l.Loss
	if packets > 1 && loss > 0 {
		loss = 1 - math.Pow(1-loss, float64(packets)) // one lost fragment loses the whole
	}
	left := p.transmit(size, now)
	t.lost = loss > 0 && f.chance(drawLoss) < loss
	t.due = left + l.Delay + spread(l.Jitter, f.chance(drawJitter))
	if l.Reorder > 0 && f.chance(drawReorder) < l.Reorder {
		t.reordered = true
		t.due += l.reorderDelay()
	} else {
		t.due = max(t.due, f.last)
		f.last = t.due
	}
	if l.Duplicate > 0 && f.chance(drawDuplicate) < l.Duplicate {
		t.twice = true
		t.dueTwice = max(t.due, left+l.Delay+spread(l.Jitter, f.chance(drawDuplicateJitter)))
	}
	return t
}

// corrupt changes an octet of the n-th datagram of f, if chance wants it.
func (p *path) corrupt(f *flow, data []byte) {
	if p.link.Corrupt > 0 && len(data) > 0 && f.chance(drawCorrupt) < p.link.Corrupt {
		at := int(f.chance(drawCorruptAt) * float64(len(data)))
		data[at] ^= byte(1 + f.chance(drawCorruptBits)*255)
	}
}

// segment draws when the next TCP segment of f arrives; the caller keeps order.
func (p *path) segment(f *flow, size int, now time.Duration) time.Duration {
	f.n++
	l := &p.link
	due := p.transmit(size, now) + l.Delay + spread(l.Jitter, f.chance(drawJitter))
	rto := max(minRTO, 2*(2*l.Delay+l.Jitter))
	for i := range maxRetries {
		if l.Loss <= 0 || f.chance(drawRetry+draw(i)) >= l.Loss {
			break
		}
		due += rto
		rto *= 2
	}
	return due
}

// transmit returns when the last bit of a packet has left.
func (p *path) transmit(size int, now time.Duration) time.Duration {
	if p.link.Bandwidth <= 0 {
		return now
	}
	p.busy = max(p.busy, now) + time.Duration(float64(size)*8/float64(p.link.Bandwidth)*float64(time.Second))
	return p.busy
}

func spread(d time.Duration, u float64) time.Duration {
	return time.Duration(float64(d) * u)
}
