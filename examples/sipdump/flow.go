package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
)

const (
	sipPort    = 5060
	maxFlows   = 4096      // directions of TCP connections that are followed
	maxWaiting = 256       // segments of one that wait for what is before them
	maxHeld    = 256 << 10 // octets of them
)

// flows makes messages of packets.
type flows struct {
	in     *input
	name   string
	pieces pieces
	halves map[halfKey]*half
	order  []halfKey // oldest first
}

// halfKey names one direction of a TCP connection.
type halfKey struct{ from, to netip.AddrPort }

// half is one direction of a TCP connection.
type half struct {
	s       *stream // nil until a message begins
	next    uint32  // sequence number that comes next
	known   bool    // next is
	waiting map[uint32][]byte
	held    int
}

func newFlows(in *input, name string) *flows {
	return &flows{in: in, name: name, halves: map[halfKey]*half{}}
}

// packet takes packet n of the capture; it reports false if there is no SIP in
// it.
func (f *flows) packet(n int, link uint32, at time.Time, data []byte) bool {
	t, ok := internet(network(link, data))
	if !ok {
		return false
	}
	if t.fragment != nil {
		whole, done := f.pieces.add(t)
		if !done {
			return t.proto == 17 // told with the last piece
		}
		t.payload = whole
	}
	switch {
	case t.proto == 17 && len(t.payload) >= 8: // RFC 768
		size := int(binary.BigEndian.Uint16(t.payload[4:]))
		if size < 8 || size > len(t.payload) { // cut by the capture
			size = len(t.payload)
		}
		return f.datagram(n, at, t, t.payload[8:size])
	case t.proto == 6 && len(t.payload) >= 20 && f.in.stream:
		return f.segment(n, at, t)
	}
	return false
}

func ports(t transport) (from, to netip.AddrPort) {
	return netip.AddrPortFrom(t.src.Unmap(), binary.BigEndian.Uint16(t.payload)),
		netip.AddrPortFrom(t.dst.Unmap(), binary.BigEndian.Uint16(t.payload[2:]))
}

func (f *flows) about(n int, at time.Time, proto string, from, to netip.AddrPort) capture {
	return capture{source: fmt.Sprintf("%s#%d", f.name, n), time: at, proto: proto, from: from.String(), to: to.String()}
}

// datagram takes what looks like SIP, and all but keep-alives that goes to or
// from its port.
func (f *flows) datagram(n int, at time.Time, t transport, b []byte) bool {
	from, to := ports(t)
	text := string(b)
	switch {
	case strings.Trim(text, "\r\n\x00") == "": // keep-alive (RFC 5626 section 4.4.1)
		return false
	case looksLikeSIP(text):
	case from.Port() != sipPort && to.Port() != sipPort, len(b) >= 20 && b[0] < 4 && binary.BigEndian.Uint32(b[4:]) == 0x2112a442: // STUN
		return false
	}
	c := f.about(n, at, "udp", from, to)
	c.text = text
	f.in.emit(c)
	return true
}

// looksLikeSIP reports whether the first line is one of SIP.
func looksLikeSIP(s string) bool {
	line, _, _ := strings.Cut(strings.TrimLeft(s[:min(len(s), 8<<10)], "\r\n"), "\n")
	return strings.Contains(line, "SIP/2.0")
}

// segment takes a TCP segment (RFC 9293).
func (f *flows) segment(n int, at time.Time, t transport) bool {
	from, to := ports(t)
	head, bits := int(t.payload[12]>>4)*4, t.payload[13]
	if head < 20 || head > len(t.payload) {
		return false
	}
	const fin, syn, rst = 1, 2, 4
	key := halfKey{from, to}
	h := f.halves[key]
	seq, data := binary.BigEndian.Uint32(t.payload[4:]), t.payload[head:]
	if bits&rst != 0 {
		f.drop(key)
		return h != nil
	}
	if bits&syn != 0 {
		f.drop(key)
		h, seq = nil, seq+1
	}
	if h == nil {
		if len(f.order) == maxFlows {
			f.drop(f.order[0])
		}
		h = &half{next: seq, known: bits&syn != 0, waiting: map[uint32][]byte{}}
		f.halves[key], f.order = h, append(f.order, key)
	}
	took := false
	if len(data) > 0 {
		took = h.take(f, seq, data, f.about(n, at, "tcp", from, to))
	}
	if bits&fin != 0 && len(h.waiting) == 0 {
		f.drop(key)
	}
	return took
}

// drop ends a direction; a message in it that is not complete is told.
func (f *flows) drop(key halfKey) {
	h := f.halves[key]
	if h == nil {
		return
	}
	if h.s != nil {
		h.s.end()
	}
	delete(f.halves, key)
	for i := range f.order {
		if f.order[i] == key {
			f.order = append(f.order[:i], f.order[i+1:]...)
			return
		}
	}
}

// close ends what the capture leaves open: messages that it cuts off are no
// fault of theirs.
func (f *flows) close() { f.halves, f.order = map[halfKey]*half{}, nil }

// take puts a segment in its place in the stream.
func (h *half) take(f *flows, seq uint32, data []byte, about capture) bool {
	if !h.known { // the capture began later than the connection
		h.next, h.known = seq, true
	}
	if d := int32(h.next - seq); d > 0 { // seen before, at least in part
		if int(d) >= len(data) {
			return h.s != nil
		}
		seq, data = h.next, data[d:]
	}
	if seq != h.next {
		if _, there := h.waiting[seq]; !there {
			h.waiting[seq] = append([]byte(nil), data...)
			h.held += len(data)
		}
		if len(h.waiting) <= maxWaiting && h.held <= maxHeld {
			return h.s != nil
		}
		f.in.gaps++ // what is missing was not captured
		h.s = nil
		h.next = h.first()
		data = nil
	}
	took := h.feed(f, data, about)
	h.next += uint32(len(data))
	for len(h.waiting) > 0 {
		first := h.first()
		d := int32(h.next - first)
		if d < 0 {
			break
		}
		data := h.waiting[first]
		delete(h.waiting, first)
		h.held -= len(data)
		if int(d) < len(data) {
			took = h.feed(f, data[d:], about) || took
			h.next += uint32(len(data) - int(d))
		}
	}
	return took
}

// first returns the lowest sequence number that waits.
func (h *half) first() uint32 {
	var low uint32
	found := false
	for seq := range h.waiting {
		if !found || int32(seq-low) < 0 {
			low, found = seq, true
		}
	}
	return low
}

// feed hands octets to the framer. After an error, and at the start of what was
// not captured from its start, it waits for a segment that begins with a message.
func (h *half) feed(f *flows, data []byte, about capture) bool {
	if len(data) == 0 {
		return false
	}
	if h.s == nil {
		if !looksLikeSIP(string(data)) {
			return false
		}
		h.s = &stream{in: f.in, framer: msg.NewFramer(f.in.class, msg.Limits{})}
	}
	base := h.s.about
	if h.s.about = about; base.source != "" && h.s.framer.Buffered() > 0 {
		h.s.about.source, h.s.about.time = base.source, base.time // where the message began
	}
	if !h.s.feed(data) {
		h.s = nil
	}
	return true
}
