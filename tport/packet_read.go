package tport

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/gosofia/sofia/msg"
)

const (
	// maxKeepAlive is the size up to which a datagram is taken as a keep-alive
	// whatever it holds: some agents send NULs or a word of four letters.
	maxKeepAlive = 4
	// flowSlots is the number of peers whose flows a reader keeps at hand.
	flowSlots = 64
)

// flowSlot is the place of each of the latest peers' flows, so that datagrams of
// one peer share one.
type flowSlot [flowSlots]*Flow

// read is the goroutine of one socket: it runs every datagram to completion.
func (s *packetSocket) read() {
	defer s.readerEnded()
	in := s.conn.newReader()
	buf := make([]byte, maxDatagram+64) // IPv6 takes 20 octets more
	var flows flowSlot
	var pause pause
	quiet := 0
	t := s.k.p.t
	for {
		a, err := in.read(buf)
		switch {
		case err == nil:
			pause.reset()
			quiet = 0
			t.guard(func() { s.receive(buf[:a.n], &a, &flows) })
		case errors.Is(err, net.ErrClosed) || s.k.p.Err() != nil:
			if !s.replaced.Load() {
				s.k.p.end(err)
			}
			return
		case s.conn.told(err) && quiet < maxErrors:
			// It is about a datagram sent before: its owner hears of it, unless a
			// sender that met the same error has told already.
			if s.takeErrors() == 0 {
				quiet++
			}
		default:
			// Nothing that a peer or the network does ends the socket.
			t.count.readErrors.Add(1)
			t.log.Warn("reading datagrams failed", "addr", s.k.p.addr, "err", err)
			pause.wait(s.k.p.done)
		}
	}
}

// receive handles one datagram.
func (s *packetSocket) receive(b []byte, a *incoming, flows *flowSlot) {
	p := s.k.p
	t := p.t
	at := time.Now()
	dest := netip.AddrPortFrom(a.to, p.addr.Port())
	if !a.to.IsValid() {
		dest = p.addr
	}
	if s.extra && a.toMany() {
		return // it came to the first socket, too
	}
	f := s.flow(a, flows)
	if t.keeper.saw(f.key, b) {
		octets(t, false, OctetsKeepAlive, f.key, b, at)
		return
	}
	if t.cfg.Demux != nil {
		if reply, taken := t.cfg.Demux(b, a.from, dest); taken {
			t.count.demuxed.Add(1)
			octets(t, false, OctetsDemuxed, f.key, b, at)
			if len(reply) > 0 && f.write(reply) == nil { // a lost answer is a lost datagram
				octets(t, true, OctetsDemuxed, f.key, reply, at)
			}
			return
		}
	}
	if keepAlive(b) {
		t.count.keepAlives.Add(1)
		octets(t, false, OctetsKeepAlive, f.key, b, at)
		return
	}
	if !t.admit(a.from.Addr()) {
		t.drop(&t.count.rateLimited, Drop{Proto: p.proto, From: a.from, To: dest, Size: len(b), Err: ErrRate})
		return
	}
	m, err := msg.Parse(p.class, string(b), t.cfg.Limits)
	if m == nil {
		if err == nil {
			err = ErrNoise
		}
		octets(t, false, OctetsNoise, f.key, b, at)
		t.drop(&t.count.noise, Drop{Proto: p.proto, From: a.from, To: dest, Size: len(b), Err: err})
		return
	}
	octets(t, false, OctetsMessage, f.key, b, at)
	t.deliver(&Delivery{Msg: m, Err: err, Flow: f, From: a.from, To: dest, At: at})
}

// flow returns the flow that a datagram belongs to.
func (s *packetSocket) flow(a *incoming, flows *flowSlot) *Flow {
	p := s.k.p
	local := p.local()
	if p.anywhere() && a.local.IsValid() {
		local = netip.AddrPortFrom(a.local, local.Port())
	}
	key := Key{Proto: p.proto, Local: local, Remote: a.from}
	slot := &flows[spread(a.from)%flowSlots]
	if f := *slot; f != nil && f.key == key {
		return f
	}
	f := &Flow{key: key, primary: p, socket: s}
	if s == s.k.group {
		f.socket = nil // answers leave by the sockets of the primary
	}
	*slot = f
	return f
}

// keepAlive reports whether a datagram only keeps a NAT binding open.
func keepAlive(b []byte) bool {
	if len(b) <= maxKeepAlive {
		return true
	}
	for _, c := range b {
		if c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// pause is the growing wait of a loop whose calls keep failing, so that it
// does not spin.
type pause struct{ d time.Duration }

func (p *pause) reset() { p.d = 0 }

// wait waits 5 ms, the next time twice as long, up to a second, or until done.
func (p *pause) wait(done <-chan struct{}) {
	p.d = min(max(2*p.d, 5*time.Millisecond), time.Second)
	timer := time.NewTimer(p.d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-done:
	}
}
