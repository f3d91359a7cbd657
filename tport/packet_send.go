package tport

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// packetQueueFactor is how many times Config.QueueSize a UDP socket may queue:
// it serves many flows.
const packetQueueFactor = 16

// errWouldBlock is what a try to write returns when the socket would have to wait.
var errWouldBlock = errors.New("socket would block")

// packet is the UDP side of a primary: a socket, and a queue that is empty but
// for the moments that the system's own is full.
type packet struct {
	p       *Primary
	conn    packetConn
	readers int

	mu      sync.Mutex // held over a write that cannot wait, never over one that can
	ended   bool       // the readers have gone
	queue   []datagram
	octets  int
	drained chan struct{} // open while a goroutine writes the queue; nil otherwise
}

type datagram struct {
	flow *Flow
	b    []byte
}

// send writes or queues one datagram.
func (k *packet) send(f *Flow, b []byte) error {
	if len(b) > maxDatagram {
		return ErrTooLarge
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended || k.p.Err() != nil {
		return ErrClosed
	}
	if k.drained == nil {
		err := k.conn.try(b, source(f.key.Local), f.key.Remote)
		if !errors.Is(err, errWouldBlock) {
			return datagramError(err)
		}
		k.drained = make(chan struct{})
		k.p.t.spawn(k.drain)
	}
	cfg := &k.p.t.cfg
	if len(k.queue) > 0 && (len(k.queue) >= packetQueueFactor*cfg.QueueSize ||
		k.octets+len(b) > packetQueueFactor*cfg.QueueBytes) {
		return ErrQueueFull
	}
	k.queue = append(k.queue, datagram{f, slices.Clone(b)})
	k.octets += len(b)
	return nil
}

// source is the address to send from: none where the system may choose.
func source(local netip.AddrPort) netip.Addr {
	if a := local.Addr(); !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// drain is a goroutine that exists while the queue holds something; nobody
// else writes meanwhile, so the order is kept.
func (k *packet) drain() {
	for {
		k.mu.Lock()
		if len(k.queue) == 0 || k.ended {
			k.queue, k.octets = nil, 0
			close(k.drained)
			k.drained = nil
			k.mu.Unlock()
			return
		}
		d := k.queue[0]
		k.queue[0] = datagram{}
		k.queue = k.queue[1:]
		k.octets -= len(d.b)
		k.mu.Unlock()
		if err := k.wait(d); err != nil {
			k.p.t.count.refusal(err)
			k.failed(d.flow, err)
		}
	}
}

// failed tells of a datagram that was lost after send had taken it.
func (k *packet) failed(f *Flow, err error) {
	if t := k.p.t; t.cfg.Failed != nil && k.p.Err() == nil {
		t.guard(func() { t.cfg.Failed(f, wrap("send", f.key, err)) })
	}
}

// unreachable takes the news that nobody listens at an address. Whoever brings
// it does not wait for the callback, and Close does.
func (k *packet) unreachable(to netip.AddrPort, err error) {
	f := &Flow{key: Key{Proto: k.p.proto, Local: k.p.addr, Remote: to}, primary: k.p}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.ended {
		k.p.t.spawn(func() { k.failed(f, err) })
	}
}

// wait writes one datagram, waiting for the socket for WriteTimeout at most.
func (k *packet) wait(d datagram) error {
	if timeout := k.p.t.cfg.WriteTimeout; timeout > 0 {
		_ = k.conn.SetWriteDeadline(time.Now().Add(timeout))
		defer k.conn.SetWriteDeadline(time.Time{}) // a try heeds it too
	}
	err := datagramError(k.conn.write(d.b, source(d.flow.key.Local), d.flow.key.Remote))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrWriteTimeout
	}
	return err
}

// flush waits until nothing is queued.
func (k *packet) flush() {
	k.mu.Lock()
	drained := k.drained
	k.mu.Unlock()
	if drained != nil {
		<-drained
	}
}

// readerEnded marks the socket as gone once its last reader has ended: from
// then on no goroutine may be started.
func (k *packet) readerEnded() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.readers--; k.readers == 0 {
		k.ended = true
	}
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
	}
	return err
}
