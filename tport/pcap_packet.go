package tport

import "encoding/binary"

// Packets are made up for a capture: the addresses are real, the rest of the
// headers is what a packet must have (RFC 791, 8200, 768, 9293).

const (
	ipTCP = 6
	ipUDP = 17
)

// datagramPacket returns the IP packet of a datagram.
func datagramPacket(o *Octets, text []byte) []byte {
	b, pseudo := internet(o, ipUDP, 8+len(text))
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, o.Source().Port())
	b = binary.BigEndian.AppendUint16(b, o.Destination().Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(text)))
	b = append(append(b, 0, 0), text...)
	sum := fold(checksum(pseudo, b[at:]))
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[at+6:], sum)
	return b
}

// segmentPacket returns the IP packet of a segment of TCP.
func segmentPacket(o *Octets, seq, ack uint32, text []byte) []byte {
	b, pseudo := internet(o, ipTCP, 20+len(text))
	at := len(b)
	b = binary.BigEndian.AppendUint16(b, o.Source().Port())
	b = binary.BigEndian.AppendUint16(b, o.Destination().Port())
	b = binary.BigEndian.AppendUint32(b, seq)
	b = binary.BigEndian.AppendUint32(b, ack)
	const pushAck = 0x18
	b = append(b, 5<<4, pushAck, 0xff, 0xff, 0, 0, 0, 0)
	b = append(b, text...)
	binary.BigEndian.PutUint16(b[at+16:], fold(checksum(pseudo, b[at:])))
	return b
}

// internet begins an IP packet with a payload of n octets, and returns the sum
// of its pseudo header.
func internet(o *Octets, proto byte, n int) (b []byte, pseudo uint32) {
	from, to := o.Source().Addr().Unmap(), o.Destination().Addr().Unmap()
	const hops = 64
	if !from.Is4() || !to.Is4() {
		b = append(make([]byte, 0, 40+n), 6<<4, 0, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
		b = append(b, proto, hops)
		from16, to16 := as16(from), as16(to)
		b = append(append(b, from16[:]...), to16[:]...)
		return b, checksum(uint32(proto)+uint32(n), b[8:])
	}
	b = append(make([]byte, 0, 20+n), 4<<4|5, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+n))
	b = append(b, 0, 0, 0x40, 0, hops, proto, 0, 0) // not to be fragmented
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], fold(checksum(0, b)))
	return b, checksum(uint32(proto)+uint32(n), b[12:])
}

// checksum adds octets to a sum (RFC 1071).
func checksum(sum uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return sum
}

func fold(sum uint32) uint16 {
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
