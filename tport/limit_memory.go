package tport

// account notes octets that wait on the stream, or wait no more. What is over
// Config.MaxBuffered is not refused but freed, by ending the connection that
// has most: this one may well be the one that works.
func (s *stream) account(n int) {
	if n == 0 {
		return
	}
	s.buffered.Add(int64(n))
	s.t.buffered.Add(int64(n))
}

// accountQueue accounts for what is queued now. The caller holds mu, with the
// stream open, so that others end later.
func (s *stream) accountQueue(n int) {
	s.account(n)
	if t := s.t; t.crowded() && t.relieving.CompareAndSwap(false, true) {
		t.spawn(func() {
			t.relieving.Store(false)
			t.relieve()
		})
	}
}

// crowded reports whether more octets wait than may.
func (t *Transport) crowded() bool {
	return t.cfg.MaxBuffered >= 0 && t.buffered.Load()-t.doomed.Load() > int64(t.cfg.MaxBuffered)
}

// accountPartial accounts for what the framer holds.
func (s *stream) accountPartial() {
	n := s.frames.Buffered()
	if n == s.partial {
		return
	}
	grown := n > s.partial
	s.account(n - s.partial)
	s.partial = n
	if grown && s.t.crowded() {
		s.t.relieve()
	}
}

// relieve ends connections, the one with the most octets waiting first, until
// no more wait than may. The caller holds no lock.
func (t *Transport) relieve() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for t.crowded() {
		var most *stream
		for _, s := range t.flows {
			if n := s.buffered.Load(); n > 0 && (most == nil || n > most.buffered.Load()) {
				most = s
			}
		}
		if most == nil {
			return
		}
		t.remove(most)
		most.kill(ErrMemory)
		// Its queue is free by now; its reader frees the rest.
		most.doomed = most.buffered.Load()
		t.doomed.Add(most.doomed)
	}
}
