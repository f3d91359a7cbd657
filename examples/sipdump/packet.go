package main

import (
	"encoding/binary"
	"net/netip"
)

// The link types that are read (IANA, PCAP link types).
const (
	linkNull     = 0
	linkEthernet = 1
	linkRaw12    = 12
	linkRaw14    = 14
	linkRaw      = 101
	linkLoop     = 108
	linkCooked   = 113
	linkIPv4     = 228
	linkIPv6     = 229
	linkCooked2  = 276
)

// network returns the IP packet within a frame, nil if there is none.
func network(link uint32, b []byte) []byte {
	kind := uint16(0x0800) // EtherType; the version in the packet has the last word
	switch link {
	case linkNull, linkLoop:
		b = cut(b, 4)
	case linkEthernet:
		if len(b) < 14 {
			return nil
		}
		kind, b = binary.BigEndian.Uint16(b[12:]), b[14:]
		for (kind == 0x8100 || kind == 0x88a8) && len(b) >= 4 { // VLAN tags
			kind, b = binary.BigEndian.Uint16(b[2:]), b[4:]
		}
	case linkCooked:
		if len(b) < 16 {
			return nil
		}
		kind, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case linkCooked2:
		if len(b) < 20 {
			return nil
		}
		kind, b = binary.BigEndian.Uint16(b), b[20:]
	case linkRaw12, linkRaw14, linkRaw, linkIPv4, linkIPv6:
	default:
		return nil
	}
	if kind != 0x0800 && kind != 0x86dd {
		return nil
	}
	return b
}

func cut(b []byte, n int) []byte {
	if len(b) < n {
		return nil
	}
	return b[n:]
}

// transport is what an IP packet carries.
type transport struct {
	proto    byte // 6 TCP, 17 UDP
	src, dst netip.Addr
	payload  []byte
	fragment *fragment // nil if it is whole
}

// fragment places a piece of a packet.
type fragment struct {
	id     uint32
	offset int
	more   bool
}

// internet reads an IPv4 or IPv6 header.
func internet(b []byte) (t transport, ok bool) {
	if len(b) < 20 {
		return t, false
	}
	switch b[0] >> 4 {
	case 4: // RFC 791
		head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
		if total == 0 { // segmentation offload
			total = len(b)
		}
		if head < 20 || total < head || len(b) < head {
			return t, false
		}
		t.proto = b[9]
		t.src, _ = netip.AddrFromSlice(b[12:16])
		t.dst, _ = netip.AddrFromSlice(b[16:20])
		t.payload = b[head:min(total, len(b))]
		if f := binary.BigEndian.Uint16(b[6:]); f&0x3fff != 0 {
			t.fragment = &fragment{uint32(binary.BigEndian.Uint16(b[4:])), int(f&0x1fff) * 8, f&0x2000 != 0}
		}
		return t, true
	case 6: // RFC 8200
		if len(b) < 40 {
			return t, false
		}
		t.src, _ = netip.AddrFromSlice(b[8:24])
		t.dst, _ = netip.AddrFromSlice(b[24:40])
		next, rest := b[6], b[40:]
		if n := int(binary.BigEndian.Uint16(b[4:])); n > 0 {
			rest = rest[:min(n, len(rest))]
		}
		for range 8 { // extension headers
			switch next {
			case 0, 43, 60: // hop-by-hop, routing, destination options
				if len(rest) < 8 || len(rest) < 8+int(rest[1])*8 {
					return t, false
				}
				next, rest = rest[0], rest[8+int(rest[1])*8:]
			case 44: // fragment
				if len(rest) < 8 {
					return t, false
				}
				f := binary.BigEndian.Uint16(rest[2:])
				if f&0xfff9 != 0 {
					t.fragment = &fragment{binary.BigEndian.Uint32(rest[4:]), int(f &^ 7), f&1 != 0}
				}
				next, rest = rest[0], rest[8:]
				if t.fragment != nil {
					t.proto, t.payload = next, rest
					return t, true
				}
			default:
				t.proto, t.payload = next, rest
				return t, true
			}
		}
	}
	return t, false
}

const (
	maxFragmented = 64         // packets whose pieces wait for each other
	maxDatagram   = 64<<10 - 1 // octets of one of them
)

// pieces collects the fragments of packets.
type pieces struct {
	waiting map[pieceKey]*partial
	order   []pieceKey // oldest first
}

type pieceKey struct {
	src, dst netip.Addr
	id       uint32
	proto    byte
}

type partial struct {
	data []byte
	have []bool // by units of eight octets
	size int    // of the whole, 0 while it is not known
}

// add takes a fragment and returns the whole when it is complete.
func (p *pieces) add(t transport) (whole []byte, ok bool) {
	f := t.fragment
	end := f.offset + len(t.payload)
	if end > maxDatagram || f.more && len(t.payload)%8 != 0 {
		return nil, false
	}
	key := pieceKey{t.src, t.dst, f.id, t.proto}
	q := p.waiting[key]
	if q == nil {
		if p.waiting == nil {
			p.waiting = map[pieceKey]*partial{}
		}
		if len(p.order) == maxFragmented {
			delete(p.waiting, p.order[0])
			p.order = p.order[1:]
		}
		q = &partial{}
		p.waiting[key], p.order = q, append(p.order, key)
	}
	for len(q.data) < end {
		q.data = append(q.data, make([]byte, end-len(q.data))...)
	}
	for len(q.have)*8 < end {
		q.have = append(q.have, false)
	}
	copy(q.data[f.offset:], t.payload)
	for i := f.offset / 8; i*8 < end; i++ {
		q.have[i] = true
	}
	if !f.more {
		q.size = end
	}
	if q.size == 0 || len(q.data) != q.size {
		return nil, false
	}
	for _, have := range q.have {
		if !have {
			return nil, false
		}
	}
	delete(p.waiting, key)
	for i := range p.order {
		if p.order[i] == key {
			p.order = append(p.order[:i], p.order[i+1:]...)
			break
		}
	}
	return q.data, true
}
