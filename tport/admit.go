package tport

import (
	"net/netip"
	"slices"
)

// register takes a new connection into the books: it makes place for it if it
// must, and refuses it if it cannot.
func (t *Transport) register(s *stream) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	if s.accepted {
		s.source = sourceOf(s.flow.key.Remote.Addr())
		if !t.admitSource(s.source) {
			return ErrTooManyFlows
		}
	}
	if !t.makePlace(1) {
		return ErrTooManyFlows
	}
	t.flows[s.flow.key] = s
	t.idle.push(s)
	if s.accepted {
		t.sources[s.source] = append(t.sources[s.source], s)
	}
	return nil
}

// forget takes a connection that has ended out of the books.
func (t *Transport) forget(s *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(s)
	t.doomed.Add(-s.doomed)
	s.doomed = 0
}

// remove is forget for a caller that holds mu.
func (t *Transport) remove(s *stream) {
	if t.flows[s.flow.key] != s {
		return
	}
	delete(t.flows, s.flow.key)
	t.idle.remove(s)
	t.unpool(s)
	if !s.accepted {
		return
	}
	same := t.sources[s.source]
	if i := slices.Index(same, s); i >= 0 {
		same[i] = same[len(same)-1]
		same[len(same)-1] = nil
		t.sources[s.source] = same[:len(same)-1]
	}
	if len(t.sources[s.source]) == 0 {
		delete(t.sources, s.source)
	}
}

// sourceOf is what counts as one source of connections: an IPv4 address, or
// the 64 bits of an IPv6 address that one subscriber gets.
func sourceOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// admitSource makes place for one more connection of a source: the longest
// idle of its own goes. The caller holds mu.
func (t *Transport) admitSource(source netip.Prefix) bool {
	same := t.sources[source]
	if t.cfg.MaxFlowsPerSource < 0 || len(same) < t.cfg.MaxFlowsPerSource {
		return true
	}
	var oldest *stream
	for _, s := range same {
		if (oldest == nil || s.active.Load() < oldest.active.Load()) && !s.busy() {
			oldest = s
		}
	}
	return t.shed(oldest)
}

// makePlace makes place for more connections: the longest idle ones go. The
// caller holds mu.
func (t *Transport) makePlace(more int) bool {
	for t.cfg.MaxFlows >= 0 && len(t.flows)+more > t.cfg.MaxFlows {
		if !t.shed(t.idle.oldest()) {
			return false
		}
	}
	return true
}

// shed closes s to make place, if there is such. The caller holds mu.
func (t *Transport) shed(s *stream) bool {
	if s == nil {
		return false
	}
	t.remove(s)
	s.kill(ErrShed)
	return true
}

// idleList holds every connection in the order of their stamps, oldest first.
// A connection that carries something is not moved at once, which would take
// the transport's lock for each message, but when its turn comes: its activity
// is never before its stamp, so one whose activity equals its stamp, at the
// front, is the longest idle of all.
type idleList struct {
	first, last *stream
	size        int
}

func (l *idleList) push(s *stream) {
	s.stamp = s.active.Load()
	s.older, s.newer = l.last, nil
	if l.last != nil {
		l.last.newer = s
	} else {
		l.first = s
	}
	l.last = s
	l.size++
}

func (l *idleList) remove(s *stream) {
	if s.older != nil {
		s.older.newer = s.newer
	} else {
		l.first = s.newer
	}
	if s.newer != nil {
		s.newer.older = s.older
	} else {
		l.last = s.older
	}
	s.older, s.newer = nil, nil
	l.size--
}

// oldest returns the longest idle connection, nil if every one is busy.
func (l *idleList) oldest() *stream {
	for range 2 * l.size {
		s := l.first
		if s.active.Load() == s.stamp && !s.busy() {
			return s
		}
		l.remove(s)
		l.push(s)
	}
	return nil
}
