package simnet

import (
	"syscall"
	"time"
)

type segmentKind uint8

const (
	segmentData segmentKind = iota
	segmentSynAck
	segmentAck // the third of the handshake; later ones do not exist
	segmentFin
	segmentRst
)

var segmentLabels = [...]string{segmentSynAck: "SYN-ACK", segmentFin: "FIN", segmentRst: "RST"}

type segment struct {
	kind   segmentKind
	data   []byte
	due    time.Duration
	number uint64
}

// stream is one direction of a TCP connection: what from has sent and to has
// not got yet, in order.
type stream struct {
	from, to *Conn
	path     *path
	flow     *flow
	q        queue[segment]
	unread   int // octets accepted by Write and not yet read at the other end
	last     time.Duration
	armed    bool   // an event for the first segment is in the scheduler
	stalled  bool   // the first segment met a partition
	stalls   uint64 // how often, so that an old timeout is void
}

func (s *stream) send(kind segmentKind, data []byte) {
	n := s.from.host.net
	now := n.now()
	s.last = max(s.last, s.path.segment(s.flow, len(data), now))
	g := segment{kind: kind, data: data, due: s.last}
	if kind != segmentAck {
		g.number = n.sent(protoTCP, s.path.from, s.path.to, s.from.local, s.from.remote, data, segmentLabels[kind], trip{}, false)
	}
	s.q.push(g)
	s.pump(now)
}

// fire is the job of the first segment's due time.
func (s *stream) fire(now time.Duration) {
	s.armed = false
	s.pump(now)
}

// pump delivers what is due.
func (s *stream) pump(now time.Duration) {
	n := s.from.host.net
	for s.q.len() > 0 && !s.stalled && !s.armed {
		g := s.q.peek()
		switch {
		case g.due > now:
			s.armed = true
			n.at(g.due, s)
			return
		case !s.blocked(now):
			s.to.receive(s.q.pop())
		case g.kind == segmentRst:
			// Nobody sends an RST again.
			n.decided(s.q.pop().number, Cut)
		default:
			s.stall(now)
			return
		}
	}
	if s.q.len() == 0 {
		s.from.retire()
	}
}

// blocked reports whether nothing gets through: the path is cut, a NAT has
// forgotten the connection, or an end has lost its address.
func (s *stream) blocked(now time.Duration) bool {
	return s.path.blocked() || !s.from.host.local(s.from.local.Addr()) || !s.to.host.local(s.to.local.Addr()) ||
		!s.from.way.open(now)
}

func (s *stream) stall(now time.Duration) {
	n := s.from.host.net
	s.stalled = true
	s.stalls++
	if n.cfg.StreamTimeout < 0 {
		return
	}
	gen := s.stalls
	n.at(now+n.cfg.StreamTimeout, jobFunc(func(time.Duration) {
		if s.stalled && s.stalls == gen {
			s.drop()
			s.from.fail(syscall.ETIMEDOUT)
		}
	}))
}

// drop forgets what is on its way.
func (s *stream) drop() {
	for s.q.len() > 0 {
		if g := s.q.pop(); g.number != 0 {
			s.from.host.net.decided(g.number, Cut)
		}
	}
	s.stalled = false
}

// resume sends again what had stalled, once the path is whole.
func (s *stream) resume() {
	now := s.from.host.net.now()
	if !s.stalled || s.blocked(now) {
		return
	}
	s.stalled = false
	due := now + s.path.link.Delay
	for i := range s.q.all() {
		g := &s.q.all()[i]
		g.due = max(g.due, due)
	}
	s.last = max(s.last, due)
	s.pump(now)
}

// chunk returns how many of the left octets to send now: one segment, the rest,
// or what the buffer can ever take, and 0 until there is room for the whole of
// that. Not filling smaller gaps is RFC 9293 section 3.8.6.2.1, and it makes the
// cutting of a stream independent of when its reader runs.
func (s *stream) chunk(left int) int {
	size := 65536
	if mtu := s.path.link.mtu(); mtu >= 0 {
		header := 60 // IPv6 and TCP headers
		if s.from.local.Addr().Is4() {
			header = 40
		}
		size = max(mtu-header, 1)
	}
	buffer := s.from.host.net.cfg.StreamBuffer
	if size = min(size, left, buffer); size > buffer-s.unread {
		return 0
	}
	return size
}

// read takes n octets out of the count, which lets a writer go on.
func (s *stream) read(n int) {
	s.unread -= n
	s.from.writable.Broadcast()
}
