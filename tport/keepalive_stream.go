package tport

import "time"

// ping is the keep-alive of a client on a stream (RFC 5626 section 4.4.1).
const ping = "\r\n\r\n"

// keeping is the keep-alive of one stream. The reader alone uses it once it is
// in its place; whoever changes its mind puts another there.
type keeping struct {
	KeepAlive
	due   time.Duration // when the next ping goes out, 0 for never
	by    time.Duration // when the pong must be there, 0 if none is awaited
	heard time.Duration // when the peer last sent something
}

func (t *Transport) newKeeping(k KeepAlive) *keeping {
	if k.Interval <= 0 && k.Silence <= 0 {
		return nil
	}
	now := t.now()
	return &keeping{KeepAlive: k, due: k.next(now, &t.chance), heard: now}
}

func (s *stream) keepAlive(k KeepAlive) error {
	keep := s.t.newKeeping(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != streamOpen {
		return goneBy(s.err)
	}
	s.keep.Store(keep)
	// The reader looks at its deadlines again.
	s.deadline = 1
	_ = s.conn.SetReadDeadline(past)
	return nil
}

// deadline returns when the keep-alive has something to do, 0 for never.
func (k *keeping) deadline(mid bool) time.Duration {
	next := k.due
	if !mid { // a message that is coming in may end first (RFC 5626 section 4.4.1)
		next = earlier(next, k.by)
	}
	if k.Silence > 0 {
		next = earlier(next, k.heard+k.Silence)
	}
	return next
}

// keepUp does what the keep-alive has to do now. The error ends the connection,
// at once: there is nobody whom what is queued could reach.
func (s *stream) keepUp(k *keeping, now time.Duration, mid bool) error {
	if k.Silence > 0 && now >= k.heard+k.Silence {
		s.kill(ErrSilent)
		return ErrSilent
	}
	if k.by != 0 && now >= k.by && !mid {
		s.kill(ErrNoPong)
		return ErrNoPong
	}
	if k.due == 0 || now < k.due {
		return nil
	}
	k.due = k.next(now, &s.t.chance)
	if k.Timeout > 0 && k.by == 0 {
		k.by = now + k.Timeout
	}
	s.t.count.pingsSent.Add(1)
	s.ping()
	return nil
}

// ping sends a probe. Where it cannot be sent, WriteTimeout or the pong that
// does not come will tell.
func (s *stream) ping() {
	b := s.t.encoders.get()
	defer s.t.encoders.put(b)
	if b.b = append(b.b[:0], ping...); s.wrap != nil {
		b.b = s.wrap.ping(b.b[:0])
	}
	if s.put(b.b, false) == nil {
		octets(s.t, true, OctetsKeepAlive, s.flow.key, ping, time.Now())
	}
}

// ponged takes a CRLF as the answer to a ping, if one is awaited.
func (s *stream) ponged() bool {
	k := s.keep.Load()
	if k == nil || k.by == 0 {
		return false
	}
	k.by = 0
	return true
}
