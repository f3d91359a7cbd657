package tport

import (
	"slices"
	"time"
)

// batchSize is how many octets of the queue are written in one piece.
const batchSize = 32 << 10

// send sends a message or keep-alive. It never waits.
func (s *stream) send(b []byte) error {
	if s.wrap == nil {
		return s.put(b)
	}
	w := s.t.encoders.get()
	defer s.t.encoders.put(w)
	w.b = s.wrap.wrap(w.b[:0], b)
	return s.put(w.b)
}

// put sends octets that the protocol has framed, through the TLS layer if there
// is one.
func (s *stream) put(b []byte) error {
	s.mu.Lock()
	err := s.ready(len(b))
	if err == nil && s.seal == nil {
		err = s.out(b)
	}
	s.mu.Unlock()
	if err != nil || s.seal == nil {
		return err
	}
	// The layer has a lock of its own, which is always taken first: its holder
	// comes to out, and may be the reader with an answer of the layer's.
	if _, err = s.seal.Write(b); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.err != nil {
			err = s.err
		}
	}
	return err
}

// ready tells why no more octets are taken. The caller holds mu.
func (s *stream) ready(size int) error {
	switch {
	case s.state != streamOpen:
		return s.err
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
		return s.err
	}
	if s.writing == nil && s.raw != nil {
		n, err := s.raw.try(b)
		if err != nil {
			s.die(err)
			return err
		}
		if n == len(b) {
			s.touch()
			return nil
		}
		b = b[n:]
	}
	s.push(b)
	return nil
}

// push queues octets and sees that a goroutine writes them. The caller holds mu.
func (s *stream) push(b []byte) {
	s.queue = append(s.queue, slices.Clone(b))
	s.octets += len(b)
	if s.writing == nil {
		s.writing = make(chan struct{})
		s.t.spawn(s.write)
	}
}

// write is a goroutine that exists while something is queued.
func (s *stream) write() {
	for {
		b, ok := s.next()
		if !ok {
			return
		}
		n, err := s.conn.Write(b.b)
		_ = n
		s.t.encoders.put(b)
		if err != nil {
			if timedOut(err) {
				err = ErrWriteTimeout
			}
			s.kill(err)
		} else {
			s.touch()
		}
	}
}

// next takes the next octets to write off the queue, or ends the writer.
func (s *stream) next() (*buffer, bool) {
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
		return nil, false
	}
	b := s.t.encoders.get()
	b.b = b.b[:0]
	taken := 0
	for ; taken < len(s.queue) && (taken == 0 || len(b.b)+len(s.queue[taken]) <= batchSize); taken++ {
		b.b = append(b.b, s.queue[taken]...)
		s.queue[taken] = nil
	}
	s.queue = s.queue[taken:]
	s.octets -= len(b.b)
	by := s.flushBy
	if s.state == streamOpen && s.t.cfg.WriteTimeout > 0 {
		by = time.Now().Add(s.t.cfg.WriteTimeout)
	}
	_ = s.conn.SetWriteDeadline(by)
	return b, true
}
