package tport

import (
	"slices"
	"time"
)

// batchSize is how many octets of the queue are written in one piece.
const batchSize = 32 << 10

// parcelOut is octets that wait to be written, since when.
type parcelOut struct {
	b     []byte
	since time.Duration
}

// send sends a message or keep-alive. It never waits.
func (s *stream) send(b []byte) error {
	if s.wrap == nil {
		return s.put(b, true)
	}
	w := s.t.encoders.get()
	defer s.t.encoders.put(w)
	w.b = s.wrap.wrap(w.b[:0], b)
	return s.put(w.b, true)
}

// put sends octets that the protocol has framed, through the TLS layer if there
// is one. use says whether they count as use of the connection.
func (s *stream) put(b []byte, use bool) error {
	s.mu.Lock()
	err := s.ready(len(b))
	if err == nil && use {
		s.touch()
	}
	if err == nil && s.seal == nil {
		err = s.out(b)
	}
	s.mu.Unlock()
	if err != nil || s.seal == nil {
		return err
	}
	// The layer has a lock of its own, which is always taken first: its holder
	// comes to out, and may be the reader with an answer of the layer's.
	if err = s.seal.send(b); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			err = goneBy(s.err)
		}
	}
	return err
}

// ready tells why no more octets are taken. The caller holds mu.
func (s *stream) ready(size int) error {
	switch {
	case s.state != streamOpen:
		return goneBy(s.err)
	case s.full(size):
		return ErrQueueFull
	}
	return nil
}

// full reports whether the queue has no room for so many octets. One message
// of any size may wait alone. The caller holds mu.
func (s *stream) full(size int) bool {
	cfg := &s.t.cfg
	return len(s.queue) > 0 && (len(s.queue) >= cfg.QueueSize || s.octets+size > cfg.QueueBytes)
}

// out writes octets at once if nothing is queued and the socket takes them, and
// queues them otherwise. The caller holds mu.
func (s *stream) out(b []byte) error {
	if s.state == streamDead {
		return goneBy(s.err)
	}
	if s.writing == nil && s.raw != nil {
		n, err := s.raw.try(b)
		if err != nil {
			s.die(err)
			return err
		}
		if n == len(b) {
			return nil
		}
		b = b[n:]
	}
	s.push(b)
	return nil
}

// push queues octets and sees that a goroutine writes them. The caller holds mu.
func (s *stream) push(b []byte) {
	s.queue = append(s.queue, parcelOut{slices.Clone(b), s.t.now()})
	s.octets += len(b)
	s.accountQueue(len(b))
	if s.writing == nil {
		s.writing = make(chan struct{})
		s.t.spawn(s.write)
	}
}

// write is a goroutine that exists while something is queued.
func (s *stream) write() {
	for {
		b := s.next()
		if b == nil {
			return
		}
		_, err := s.conn.Write(b.b)
		s.t.encoders.put(b)
		if err != nil {
			if timedOut(err) {
				err = ErrWriteTimeout
			}
			s.kill(err)
		}
	}
}

// next takes the next octets to write off the queue, or ends the writer with nil.
func (s *stream) next() *buffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.queue = nil
		if s.state == streamOpen {
			// A try heeds the deadline too.
			_ = s.conn.SetWriteDeadline(time.Time{})
		}
		close(s.writing)
		s.writing = nil
		return nil
	}
	b := s.t.encoders.get()
	b.b = b.b[:0]
	since := s.queue[0].since
	taken := 0
	for ; taken < len(s.queue) && (taken == 0 || len(b.b)+len(s.queue[taken].b) <= batchSize); taken++ {
		b.b = append(b.b, s.queue[taken].b...)
		s.queue[taken] = parcelOut{}
	}
	s.queue = s.queue[taken:]
	s.octets -= len(b.b)
	s.account(-len(b.b))
	by := s.flushBy
	if s.state == streamOpen && s.t.cfg.WriteTimeout > 0 {
		// From when it was queued: what has waited for so long is of no use to
		// its sender, and what is behind it would wait for longer.
		by = s.t.epoch.Add(since + s.t.cfg.WriteTimeout)
	}
	_ = s.conn.SetWriteDeadline(by)
	return b
}
