package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// The capture formats.
const (
	notCapture = iota
	pcap
	pcapNG
)

const (
	maxPacket = 1 << 20 // octets of one record or block
	maxPorts  = 1 << 12 // interfaces in a section
)

var errFormat = errors.New("malformed capture")

// captureFormat tells a capture by its first four octets.
func captureFormat(magic []byte) int {
	if len(magic) < 4 {
		return notCapture
	}
	switch binary.LittleEndian.Uint32(magic) {
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1:
		return pcap
	case 0x0a0d0d0a:
		return pcapNG
	}
	return notCapture
}

// packets reads a capture packet by packet.
type packets struct {
	in     *input
	name   string
	format int
	n      int // packets so far
	flows  *flows
}

func (p *packets) read(r io.Reader) error {
	if p.format == pcap {
		return p.readPcap(r)
	}
	return p.readNG(r)
}

// readPcap reads the format of tcpdump (draft-ietf-opsawg-pcap).
func (p *packets) readPcap(r io.Reader) error {
	var head [24]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return errFormat
	}
	var order binary.ByteOrder = binary.LittleEndian
	unit := time.Microsecond
	switch order.Uint32(head[:]) {
	case 0xd4c3b2a1:
		order = binary.BigEndian
	case 0xa1b23c4d:
		unit = time.Nanosecond
	case 0x4d3cb2a1:
		order, unit = binary.BigEndian, time.Nanosecond
	}
	link := order.Uint32(head[20:]) & 0xffff
	var rec [16]byte
	for {
		if _, err := io.ReadFull(r, rec[:]); err != nil {
			return end(err)
		}
		n := order.Uint32(rec[8:])
		if n > maxPacket {
			return fmt.Errorf("%w: a packet of %d octets", errFormat, n)
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return io.ErrUnexpectedEOF
		}
		at := time.Unix(int64(order.Uint32(rec[:])), int64(order.Uint32(rec[4:]))*int64(unit)).UTC()
		p.packet(link, at, data)
	}
}

// end makes a clean end of one that is.
func end(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// port is an interface of a pcapng section.
type port struct {
	link uint32
	unit time.Duration // of a timestamp; 0: ticks per second in rate
	rate uint64
}

// readNG reads pcapng (draft-ietf-opsawg-pcapng): interfaces and packets; other
// blocks are passed over.
func (p *packets) readNG(r io.Reader) error {
	var order binary.ByteOrder = binary.LittleEndian
	var ports []port
	for {
		var head [8]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return end(err)
		}
		kind := order.Uint32(head[:])
		var body []byte
		if kind == 0x0a0d0d0a { // section header: its magic tells the order
			var magic [4]byte
			if _, err := io.ReadFull(r, magic[:]); err != nil {
				return errFormat
			}
			switch uint32(0x1a2b3c4d) {
			case binary.LittleEndian.Uint32(magic[:]):
				order = binary.LittleEndian
			case binary.BigEndian.Uint32(magic[:]):
				order = binary.BigEndian
			default:
				return errFormat
			}
			ports, body = nil, magic[:]
		}
		n := order.Uint32(head[4:])
		if n < 12+uint32(len(body)) || n > maxPacket || n%4 != 0 {
			return fmt.Errorf("%w: a block of %d octets", errFormat, n)
		}
		rest := make([]byte, int(n)-8-len(body))
		if _, err := io.ReadFull(r, rest); err != nil {
			return io.ErrUnexpectedEOF
		}
		block := rest[:len(rest)-4] // its length stands at the end once more
		switch kind {
		case 1: // interface description
			if len(block) < 8 || len(ports) >= maxPorts {
				return errFormat
			}
			ports = append(ports, newPort(order, block))
		case 6, 2: // enhanced packet, and the packet it replaced
			if len(block) < 20 {
				return errFormat
			}
			id := order.Uint32(block)
			if kind == 2 {
				id = uint32(order.Uint16(block))
			}
			size := order.Uint32(block[12:])
			if int(id) >= len(ports) || int64(size) > int64(len(block)-20) {
				return errFormat
			}
			ticks := uint64(order.Uint32(block[4:]))<<32 | uint64(order.Uint32(block[8:]))
			p.packet(ports[id].link, ports[id].time(ticks), block[20:20+size])
		case 3: // simple packet
			if len(block) < 4 || len(ports) == 0 {
				return errFormat
			}
			size := min(order.Uint32(block), uint32(len(block)-4))
			p.packet(ports[0].link, time.Time{}, block[4:4+size])
		}
	}
}

// newPort reads an interface description with the resolution of its timestamps.
func newPort(order binary.ByteOrder, block []byte) port {
	p := port{link: uint32(order.Uint16(block)), unit: time.Microsecond}
	for opt := block[8:]; len(opt) >= 4; {
		code, n := order.Uint16(opt), int(order.Uint16(opt[2:]))
		if code == 0 || 4+n > len(opt) {
			break
		}
		if code == 9 && n == 1 { // if_tsresol
			p.unit = 0
			if b := opt[4]; b&0x80 != 0 {
				p.rate = 1 << min(b&0x7f, 63)
			} else {
				p.rate = 1
				for range min(b, 19) {
					p.rate *= 10
				}
			}
		}
		opt = opt[min(len(opt), 4+(n+3)&^3):]
	}
	return p
}

func (p port) time(ticks uint64) time.Time {
	if p.unit != 0 {
		return time.UnixMicro(int64(ticks)).UTC()
	}
	frac := float64(ticks%p.rate) / float64(p.rate) * float64(time.Second)
	return time.Unix(int64(ticks/p.rate), int64(frac)).UTC()
}

// packet takes one packet of the capture.
func (p *packets) packet(link uint32, at time.Time, data []byte) {
	p.n++
	p.in.packets++
	if !p.flows.packet(p.n, link, at, data) {
		p.in.skipped++
	}
}
