package tport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/gosofia/sofia/msg"
)

const (
	// maxDatagram is the largest payload of a UDP datagram over IPv4.
	maxDatagram = 65507
	// maxKeepAlive is the size up to which a datagram is taken as a keep-alive
	// whatever it holds: some agents send NULs or a word of four letters.
	maxKeepAlive = 4
)

// udp is messages in datagrams (RFC 3261 section 18).
type udp struct{}

func (udp) bind(ctx context.Context, p *Primary, name Name) error {
	address := net.JoinHostPort(bindHost(name), strconv.Itoa(int(name.Port)))
	conn, err := p.t.cfg.ListenPacket(ctx, name.network("udp"), address)
	if err != nil {
		return err
	}
	p.addr = addrPortOf(conn.LocalAddr())
	p.packet = &packet{p: p, conn: newPacketConn(conn, p)}
	if c, ok := conn.(telling); ok {
		c.OnUnreachable(p.packet.unreachable)
	}
	return nil
}

// bindHost is the host of an address to bind to.
func bindHost(name Name) string {
	if name.wildcard() {
		return ""
	}
	a, _ := name.addr() // Listen has checked it
	return a.String()
}

func (udp) serve(p *Primary) {
	k := p.packet
	k.readers = p.t.cfg.Readers
	for range k.readers {
		p.t.spawn(k.read)
	}
}

// read is the goroutine of one reader: it runs every datagram to completion.
func (k *packet) read() {
	defer k.readerEnded()
	in := k.conn.newReader()
	buf := make([]byte, maxDatagram+64) // IPv6 takes 20 octets more
	var last *Flow
	var pause pause
	for {
		n, from, to, err := in.read(buf)
		switch {
		case err == nil:
			pause.reset()
			k.p.t.guard(func() { last = k.receive(buf[:n], from, to, last) })
		case errors.Is(err, net.ErrClosed) || k.p.Err() != nil:
			k.p.end(err)
			return
		default:
			// Nothing that a peer or the network does ends the socket.
			k.p.t.count.readErrors.Add(1)
			k.p.t.log.Warn("reading datagrams failed", "addr", k.p.addr, "err", err)
			pause.wait(k.p.done)
		}
	}
}

// receive handles one datagram. It returns its flow for the next datagram of
// the same peer to share.
func (k *packet) receive(b []byte, from netip.AddrPort, to netip.Addr, last *Flow) *Flow {
	t := k.p.t
	at := time.Now()
	dest := netip.AddrPortFrom(to, k.p.addr.Port())
	key := Key{Proto: k.p.proto, Local: answerable(dest, k.p.addr), Remote: from}
	if last == nil || last.key != key {
		last = &Flow{key: key, primary: k.p}
	}
	if t.keeper.saw(key, b) {
		octets(t, false, OctetsKeepAlive, key, b, at)
		return last
	}
	if t.cfg.Demux != nil {
		if reply, taken := t.cfg.Demux(b, from, dest); taken {
			t.count.demuxed.Add(1)
			octets(t, false, OctetsDemuxed, key, b, at)
			if len(reply) > 0 && last.write(reply) == nil { // a lost answer is a lost datagram
				octets(t, true, OctetsDemuxed, key, reply, at)
			}
			return last
		}
	}
	if keepAlive(b) {
		t.count.keepAlives.Add(1)
		octets(t, false, OctetsKeepAlive, key, b, at)
		return last
	}
	if !t.admit(from.Addr()) {
		t.drop(&t.count.rateLimited, Drop{Proto: k.p.proto, From: from, To: dest, Size: len(b), Err: ErrRate})
		return last
	}
	m, err := msg.Parse(k.p.class, string(b), t.cfg.Limits)
	if m == nil {
		if err == nil {
			err = ErrNoise
		}
		octets(t, false, OctetsNoise, key, b, at)
		t.drop(&t.count.noise, Drop{Proto: k.p.proto, From: from, To: dest, Size: len(b), Err: err})
		return last
	}
	octets(t, false, OctetsMessage, key, b, at)
	t.deliver(&Delivery{Msg: m, Err: err, Flow: last, From: from, To: dest, At: at})
	return last
}

// answerable returns the address that answers to a datagram sent to dest leave
// from: dest, unless nothing can be sent from there. Then the system chooses.
func answerable(dest, bound netip.AddrPort) netip.AddrPort {
	if a := dest.Addr(); !a.IsValid() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return bound
	}
	return dest
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
