package tport

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// HEPConfig is what a [HEP] is made of. Network and Address are needed.
type HEPConfig struct {
	// Network is "udp" or "tcp".
	Network string
	// Address is host:port of the collector, such as "192.0.2.1:9060".
	Address string
	// ID is the number of this agent at the collector.
	ID uint32
	// Key is the password that the collector asks of its agents, if any. HEP
	// sends it in clear.
	Key string
	// Node is the name of this agent, if it has one.
	Node string
	// Proto is the protocol type of the payload, 1 (SIP) by default.
	Proto uint8
	// Redact sends messages as [Redact] leaves them.
	Redact bool
	// Size is how many messages may wait for the collector, [DefaultSpoolSize]
	// by default. Further ones are lost, and counted.
	Size int
	// Dial connects to the collector, [net.Dialer.DialContext] by default.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// HEP sends a copy of every message to a collector such as Homer, in version 3
// of the Homer Encapsulation Protocol. It never delays the messages themselves.
// Use its Trace, and Close it after the [Transport]:
//
//	hep, err := tport.NewHEP(tport.HEPConfig{Network: "udp", Address: "192.0.2.1:9060"})
//	t, err := tport.New(tport.Config{…, Trace: hep.Trace()})
//	…
//	t.Shutdown(ctx)
//	hep.Close(ctx)
//
// Over TCP it connects anew when the connection is lost, after a pause that
// grows from a second to half a minute. All methods are safe for concurrent use.
type HEP struct {
	cfg   HEPConfig
	spool *spool

	mu   sync.Mutex // never held while waiting
	conn net.Conn   // of the goroutine that writes; here for Close
}

const (
	hepWriteTimeout = 10 * time.Second
	hepFirstPause   = time.Second
	hepLongestPause = 30 * time.Second
)

// NewHEP returns a HEP and starts its goroutine. It does not wait for the
// collector.
func NewHEP(cfg HEPConfig) (*HEP, error) {
	switch {
	case cfg.Network != "udp" && cfg.Network != "tcp":
		return nil, errors.New(`tport: HEPConfig.Network is neither "udp" nor "tcp"`)
	case cfg.Address == "":
		return nil, errors.New("tport: HEPConfig.Address is empty; set host:port of the collector")
	case len(cfg.Key) > 1024 || len(cfg.Node) > 1024:
		return nil, errors.New("tport: HEPConfig.Key and Node cannot be longer than 1024 octets")
	}
	or(&cfg.Proto, 1)
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}
	h := &HEP{cfg: cfg, spool: newSpool(cfg.Size)}
	w := &hepWriter{h: h}
	go h.spool.run(w.write, func() {})
	return h, nil
}

// Trace returns the trace that feeds h.
func (h *HEP) Trace() *Trace { return &Trace{Octets: h.octets} }

// Sent returns how many messages were sent to the collector.
func (h *HEP) Sent() uint64 { return h.spool.count.Load() }

// Lost returns how many were not: the collector was away or slow.
func (h *HEP) Lost() uint64 { return h.spool.lost.Load() }

// Close sends what still waits, closes the connection and ends the goroutine of
// h. When ctx ends first, the rest is lost and Close returns its error.
func (h *HEP) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		h.spool.cancel() // first: the writer sets its deadline, then looks
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.conn != nil {
			_ = h.conn.SetDeadline(past)
		}
	})
	defer stop()
	err := h.spool.close(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conn != nil {
		_ = h.conn.Close()
	}
	return err
}

func (h *HEP) octets(o *Octets) {
	if o.Kind == OctetsMessage {
		h.spool.put(h.record(o))
	}
}

// The chunks that are written (vendor 0).
const (
	hepFamily = iota + 1
	hepIPProto
	hepSource4
	hepDestination4
	hepSource6
	hepDestination6
	hepSourcePort
	hepDestinationPort
	hepSeconds
	hepMicroseconds
	hepProto
	hepID
	_
	hepKey
	hepPayload

	hepNode = 19
)

// record makes one packet of HEP3: "HEP3", the length of all, and chunks, each
// with vendor, type and its length.
func (h *HEP) record(o *Octets) []byte {
	b := make([]byte, 6, 128+len(h.cfg.Key)+len(h.cfg.Node)+len(o.Text))
	copy(b, "HEP3")
	chunk := func(kind uint16, value ...byte) {
		b = binary.BigEndian.AppendUint16(b, 0)
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, uint16(6+len(value)))
		b = append(b, value...)
	}
	chunk16 := func(kind, v uint16) { chunk(kind, byte(v>>8), byte(v)) }
	chunk32 := func(kind uint16, v uint32) { chunk(kind, byte(v>>24), byte(v>>16), byte(v>>8), byte(v)) }

	src, dst := o.Source(), o.Destination()
	const inet, inet6, tcp, udp = 2, 10, 6, 17
	if proto := byte(tcp); o.Key.Proto == UDP {
		chunk(hepIPProto, udp)
	} else {
		chunk(hepIPProto, proto)
	}
	if from, to := src.Addr().Unmap(), dst.Addr().Unmap(); from.Is4() && to.Is4() {
		chunk(hepFamily, inet)
		chunk(hepSource4, from.AsSlice()...)
		chunk(hepDestination4, to.AsSlice()...)
	} else {
		from16, to16 := as16(from), as16(to)
		chunk(hepFamily, inet6)
		chunk(hepSource6, from16[:]...)
		chunk(hepDestination6, to16[:]...)
	}
	chunk16(hepSourcePort, src.Port())
	chunk16(hepDestinationPort, dst.Port())
	chunk32(hepSeconds, uint32(o.At.Unix()))
	chunk32(hepMicroseconds, uint32(o.At.Nanosecond()/1000))
	chunk(hepProto, h.cfg.Proto)
	chunk32(hepID, h.cfg.ID)
	if h.cfg.Key != "" {
		chunk(hepKey, []byte(h.cfg.Key)...)
	}
	if h.cfg.Node != "" {
		chunk(hepNode, []byte(h.cfg.Node)...)
	}
	text := o.Text
	if h.cfg.Redact {
		text = Redact(nil, text)
	}
	// All must fit a length of 16 bits and, over UDP, a datagram. Cut is better than nothing.
	most := maxDatagram - len(b) - 6
	chunk(hepPayload, text[:min(len(text), most)]...)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	return b
}

// as16 returns the address in 16 octets; :: where there is none.
func as16(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	return a.As16()
}

// hepWriter is what the goroutine of a HEP keeps.
type hepWriter struct {
	h     *HEP
	pause time.Duration
	since time.Time // when the last attempt to connect failed
}

// write sends one record, connecting first where needed. While the collector is
// away records are lost rather than kept: what is new is worth more.
func (w *hepWriter) write(record []byte) error {
	h := w.h
	if h.conn == nil {
		if w.pause > 0 && time.Since(w.since) < w.pause {
			return os.ErrDeadlineExceeded
		}
		ctx, cancel := context.WithTimeout(h.spool.ctx, hepWriteTimeout)
		defer cancel()
		conn, err := h.cfg.Dial(ctx, h.cfg.Network, h.cfg.Address)
		if err != nil {
			w.failed()
			return err
		}
		w.pause = 0
		h.set(conn)
	}
	_ = h.conn.SetWriteDeadline(time.Now().Add(hepWriteTimeout))
	if h.spool.ctx.Err() != nil {
		return context.Canceled
	}
	n, err := h.conn.Write(record)
	if err == nil && n < len(record) {
		err = io.ErrShortWrite
	}
	if err != nil && h.cfg.Network == "tcp" { // a datagram refused is but one
		_ = h.conn.Close()
		h.set(nil)
		w.failed()
	}
	return err
}

func (w *hepWriter) failed() {
	w.pause = min(max(2*w.pause, hepFirstPause), hepLongestPause)
	w.since = time.Now()
}

func (h *HEP) set(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = conn
}
