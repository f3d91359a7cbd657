package tport

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// packetQueueFactor is how many times Config.QueueSize a UDP socket may queue:
	// it serves many flows.
	packetQueueFactor = 16
	// maxRetries bounds how often one write is tried again because of errors that
	// belong to others.
	maxRetries = 3
)

// errWouldBlock is what a try to write returns when the socket would have to wait.
var errWouldBlock = errors.New("socket would block")

// packetSocket is one UDP socket: its reader, and a queue that is empty but for the
// moments that the system's own is full.
type packetSocket struct {
	k        *packet
	conn     packetConn
	extra    bool        // bound to an address that another socket was bound to first
	replaced atomic.Bool // by a Rebind: its end is not that of the primary

	mu       sync.Mutex // held over a write that cannot wait, never over one that can
	ended    bool       // the reader has gone: no goroutine may be started
	queue    []datagram
	octets   int
	drained  chan struct{} // open while a goroutine writes the queue; nil otherwise
	stirring bool          // a goroutine takes the errors of the network
	stirred  bool          // … and must look again
}

type datagram struct {
	flow *Flow
	b    []byte
}

func newSocket(k *packet, conn net.PacketConn) *packetSocket {
	s := &packetSocket{k: k, conn: newPacketConn(conn, k.p)}
	if c, ok := conn.(telling); ok {
		c.OnUnreachable(s.unreachable)
	}
	return s
}

// send writes or queues one datagram.
func (s *packetSocket) send(f *Flow, b []byte) error {
	if len(b) > maxDatagram {
		return ErrTooLarge
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.replaced.Load() || s.k.p.Err() != nil {
		return ErrClosed
	}
	if s.drained == nil {
		err := s.try(f, b)
		if !errors.Is(err, errWouldBlock) {
			return datagramError(err)
		}
		s.drained = make(chan struct{})
		s.k.p.t.spawn(s.drain)
	}
	cfg := &s.k.p.t.cfg
	if len(s.queue) > 0 && (len(s.queue) >= packetQueueFactor*cfg.QueueSize ||
		s.octets+len(b) > packetQueueFactor*cfg.QueueBytes) {
		return ErrQueueFull
	}
	s.queue = append(s.queue, datagram{f, slices.Clone(b)})
	s.octets += len(b)
	return nil
}

// try writes without waiting. What the network tells of an earlier datagram
// comes as the error of whatever is called next: that is put aside for its
// owner, and the write done again. The caller holds mu.
func (s *packetSocket) try(f *Flow, b []byte) error {
	from := source(f.key.Local)
	err := s.conn.try(b, from, f.key.Remote)
	for n := 0; err != nil && n < maxRetries && s.conn.told(err); n++ {
		s.stir()
		err = s.conn.try(b, from, f.key.Remote)
	}
	return err
}

// source is the address to send from: none where the system may choose.
func source(local netip.AddrPort) netip.Addr {
	if a := local.Addr(); !a.IsUnspecified() && !a.IsMulticast() {
		return a
	}
	return netip.Addr{}
}

// drain is a goroutine that exists while the queue holds something; nobody
// else writes meanwhile, so the order is kept.
func (s *packetSocket) drain() {
	for {
		s.mu.Lock()
		if len(s.queue) == 0 || s.ended {
			s.queue, s.octets = nil, 0
			close(s.drained)
			s.drained = nil
			s.mu.Unlock()
			return
		}
		d := s.queue[0]
		s.queue[0] = datagram{}
		s.queue = s.queue[1:]
		s.octets -= len(d.b)
		s.mu.Unlock()
		if err := s.wait(d); err != nil {
			s.k.p.t.count.refusal(err)
			s.failed(d.flow, err)
		}
	}
}

// failed tells of a datagram that was lost after send had taken it.
func (s *packetSocket) failed(f *Flow, err error) {
	if t := s.k.p.t; t.cfg.Failed != nil && s.k.p.Err() == nil {
		t.guard(func() { t.cfg.Failed(f, wrap("send", f.key, err)) })
	}
}

// wait writes one datagram, waiting for the socket for WriteTimeout at most.
func (s *packetSocket) wait(d datagram) error {
	if timeout := s.k.p.t.cfg.WriteTimeout; timeout > 0 {
		_ = s.conn.SetWriteDeadline(time.Now().Add(timeout))
		defer s.conn.SetWriteDeadline(time.Time{}) // a try heeds it too
	}
	from := source(d.flow.key.Local)
	err := s.conn.write(d.b, from, d.flow.key.Remote)
	for n := 0; err != nil && n < maxRetries && s.conn.told(err); n++ {
		s.takeErrors()
		err = s.conn.write(d.b, from, d.flow.key.Remote)
	}
	err = datagramError(err)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrWriteTimeout
	}
	return err
}

// flush waits until nothing is queued.
func (s *packetSocket) flush() {
	s.mu.Lock()
	drained := s.drained
	s.mu.Unlock()
	if drained != nil {
		<-drained
	}
}

// readerEnded marks the socket as gone: from then on no goroutine may be started.
func (s *packetSocket) readerEnded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// datagramError gives the errors of writing a datagram the names of this package.
func datagramError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, net.ErrClosed):
		return ErrClosed
	case tooLarge(err):
		return ErrTooLarge
	case noBuffers(err):
		return fmt.Errorf("%w: %w", ErrQueueFull, err)
	}
	return err
}
