package tport

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync"
)

// PCAPConfig is what a [PCAP] is made of. The zero value is useful.
type PCAPConfig struct {
	// Dissector is what Wireshark calls the protocol inside TLS and WebSocket,
	// "sip" by default.
	Dissector string
	// Redact writes messages as [Redact] leaves them.
	Redact bool
	// Size is how many packets may wait for the writer, [DefaultSpoolSize] by
	// default. Further ones are lost, and counted.
	Size int
}

// PCAP writes what comes and goes as a pcapng capture, which Wireshark, tshark
// and sipdump read. Messages over UDP and TCP are written as IP packets with the
// real addresses and ports; those over TLS and WebSocket, in clear, as exported
// PDUs with the same addresses. It never delays the messages themselves. Use its
// Trace, and Close it after the [Transport]. All methods are safe for concurrent use.
//
// The handshakes of TCP are not in the capture, nor retransmitted segments: it
// shows what the transport saw.
type PCAP struct {
	cfg   PCAPConfig
	spool *spool

	mu  sync.Mutex // never held while waiting
	seq map[Key]*sequence
	err error
}

// sequence counts the octets of both directions of a connection.
type sequence struct{ in, out uint32 }

// maxSequences bounds the connections that are kept track of; one that was
// forgotten begins again.
const maxSequences = 1 << 14

// NewPCAP returns a PCAP that writes to w, and starts its goroutine. It writes
// the header of the file at once, and returns the error of that. Nothing else
// may write to w; PCAP does not close it.
func NewPCAP(w io.Writer, cfg PCAPConfig) (*PCAP, error) {
	if len(cfg.Dissector) > 64 {
		return nil, errors.New("tport: PCAPConfig.Dissector is longer than 64 octets")
	}
	or(&cfg.Dissector, "sip")
	p := &PCAP{cfg: cfg, spool: newSpool(cfg.Size), seq: map[Key]*sequence{}}
	if _, err := w.Write(pcapHeader()); err != nil {
		return nil, err
	}
	go p.spool.run(func(b []byte) error {
		if p.Err() != nil {
			return p.err
		}
		_, err := w.Write(b)
		p.failed(err)
		return err
	}, func() {
		if f, ok := w.(interface{ Flush() error }); ok && p.Err() == nil {
			p.failed(f.Flush())
		}
	})
	return p, nil
}

// Trace returns the trace that feeds p.
func (p *PCAP) Trace() *Trace {
	return &Trace{
		Octets: p.octets,
		FlowClosed: func(f *Flow, _ error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			delete(p.seq, f.key)
		},
	}
}

// Written returns how many messages were written.
func (p *PCAP) Written() uint64 { return p.spool.count.Load() }

// Lost returns how many were not, because the writer was too slow or failed.
func (p *PCAP) Lost() uint64 { return p.spool.lost.Load() }

// Err returns the first error of the writer. Nothing is written after it.
func (p *PCAP) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *PCAP) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// Close writes what still waits, flushes w if it has a method Flush() error, and
// ends the goroutine of p. When ctx ends first, the rest is lost; a write that is
// under way is waited for. It returns the first error of the writer, or that of ctx.
func (p *PCAP) Close(ctx context.Context) error {
	err := p.spool.close(ctx)
	return errors.Join(p.Err(), err)
}

// The blocks of pcapng, and the interfaces that the capture has.
const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 6

	linkRaw = 101 // IPv4 or IPv6, which the first octet tells
	linkPDU = 252 // exported PDUs of Wireshark

	faceIP  = 0
	facePDU = 1
)

var order = binary.LittleEndian

// pcapHeader returns the blocks that a capture begins with.
func pcapHeader() []byte {
	b := order.AppendUint32(nil, 0x1a2b3c4d)
	b = order.AppendUint16(b, 1) // version 1.0
	b = order.AppendUint16(b, 0)
	b = order.AppendUint64(b, 1<<64-1) // length unknown
	out := block(nil, blockSection, option(b, 0, nil))
	for _, link := range []struct {
		kind uint16
		name string
	}{{linkRaw, "wire"}, {linkPDU, "inside"}} {
		b := order.AppendUint16(nil, link.kind)
		b = order.AppendUint16(b, 0)
		b = order.AppendUint32(b, 0) // no limit
		b = option(b, 2, []byte(link.name))
		b = option(b, 9, []byte{9}) // nanoseconds
		out = block(out, blockInterface, option(b, 0, nil))
	}
	return out
}

// block appends a block: type, length, body, length again.
func block(dst []byte, kind uint32, body []byte) []byte {
	n := uint32(12 + (len(body)+3)&^3)
	dst = order.AppendUint32(dst, kind)
	dst = order.AppendUint32(dst, n)
	dst = padded(append(dst, body...), len(body))
	return order.AppendUint32(dst, n)
}

// option appends an option.
func option(dst []byte, code uint16, value []byte) []byte {
	dst = order.AppendUint16(dst, code)
	dst = order.AppendUint16(dst, uint16(len(value)))
	return padded(append(dst, value...), len(value))
}

// padded fills up what follows n octets to a multiple of four.
func padded(dst []byte, n int) []byte { return append(dst, "\x00\x00\x00"[:-n&3]...) }

func (p *PCAP) octets(o *Octets) {
	text := o.Text
	if p.cfg.Redact {
		text = Redact(nil, text)
	}
	switch o.Key.Proto {
	case UDP:
		p.spool.put(enhanced(nil, o, faceIP, datagramPacket(o, text[:min(len(text), maxDatagram)])))
	case TCP:
		p.spool.put(p.segments(o, text))
	default:
		p.spool.put(enhanced(nil, o, facePDU, p.exported(o, text)))
	}
}

// enhanced appends a packet with its time and direction.
func enhanced(dst []byte, o *Octets, face uint32, packet []byte) []byte {
	ns := uint64(o.At.UnixNano())
	b := order.AppendUint32(make([]byte, 0, len(packet)+48), face)
	b = order.AppendUint32(b, uint32(ns>>32))
	b = order.AppendUint32(b, uint32(ns))
	b = order.AppendUint32(b, uint32(len(packet)))
	b = order.AppendUint32(b, uint32(len(packet)))
	b = padded(append(b, packet...), len(packet))
	flags := []byte{1, 0, 0, 0} // inbound
	if o.Out {
		flags[0] = 2
	}
	return block(dst, blockPacket, option(option(b, 2, flags), 0, nil))
}

// segments returns the packets of a message over TCP.
func (p *PCAP) segments(o *Octets, text []byte) []byte {
	p.mu.Lock()
	s := p.seq[o.Key]
	if s == nil {
		if len(p.seq) >= maxSequences {
			clear(p.seq)
		}
		s = &sequence{in: 1, out: 1}
		p.seq[o.Key] = s
	}
	seq, ack := s.in, s.out
	if o.Out {
		seq, ack = ack, seq
		s.out += uint32(len(text))
	} else {
		s.in += uint32(len(text))
	}
	p.mu.Unlock()
	const most = 60000
	var b []byte
	for len(text) > 0 {
		n := min(len(text), most)
		b = enhanced(b, o, faceIP, segmentPacket(o, seq, ack, text[:n]))
		seq += uint32(n)
		text = text[n:]
	}
	return b
}

// The tags of exported PDUs.
const (
	tagDissector   = 12
	tagSource4     = 20
	tagDestination = 21 // and the two of IPv6
	tagSource6     = 22
	tagPortType    = 24
	tagSourcePort  = 25
	tagDestPort    = 26

	portTypeTCP = 2
)

// exported returns a message with the tags that say what it is and where it went.
func (p *PCAP) exported(o *Octets, text []byte) []byte {
	tag := func(b []byte, code uint16, value []byte) []byte {
		b = binary.BigEndian.AppendUint16(b, code)
		b = binary.BigEndian.AppendUint16(b, uint16((len(value)+3)&^3))
		return padded(append(b, value...), len(value))
	}
	number := func(b []byte, code uint16, v uint32) []byte {
		return tag(b, code, binary.BigEndian.AppendUint32(nil, v))
	}
	src, dst := o.Source(), o.Destination()
	b := tag(make([]byte, 0, len(text)+128), tagDissector, []byte(strings.ToLower(p.cfg.Dissector)))
	if from, to := src.Addr().Unmap(), dst.Addr().Unmap(); from.Is4() && to.Is4() {
		b = tag(b, tagSource4, from.AsSlice())
		b = tag(b, tagDestination, to.AsSlice())
	} else {
		from16, to16 := as16(from), as16(to)
		b = tag(b, tagSource6, from16[:])
		b = tag(b, tagSource6+1, to16[:])
	}
	b = number(b, tagPortType, portTypeTCP)
	b = number(b, tagSourcePort, uint32(src.Port()))
	b = number(b, tagDestPort, uint32(dst.Port()))
	return append(tag(b, 0, nil), text...)
}
