package tport

import (
	"container/heap"
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
		if !t.shed(t.longestIdle()) {
			return false
		}
	}
	return true
}

// longestIdle returns the connection to close first, nil if there is none. Where
// all are held nobody need look at each, for every connection that is refused.
// The caller holds mu.
func (t *Transport) longestIdle() *stream {
	if int(t.held.Load()) >= t.idle.Len() {
		return nil
	}
	return t.idle.oldest()
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

// idleHeap holds every connection, the one with the earliest stamp first. A
// connection that carries something does not move at once, which would take the
// transport's lock for each message, but when its turn comes: its activity is
// never before its stamp, so one at the front whose activity is its stamp is the
// longest idle of all.
type idleHeap struct {
	all  []*stream
	turn uint64 // of the last that was stamped; it breaks ties
}

func (h *idleHeap) push(s *stream) {
	h.stamp(s)
	heap.Push(h, s)
}

func (h *idleHeap) stamp(s *stream) {
	h.turn++
	s.stamp, s.turn = s.active.Load(), h.turn
}

func (h *idleHeap) remove(s *stream) { heap.Remove(h, s.place) }

// oldest returns the longest idle connection, nil if every one is busy.
func (h *idleHeap) oldest() *stream {
	for range 2 * len(h.all) {
		s := h.all[0]
		busy := s.busy()
		if busy {
			s.touch()
		} else if s.active.Load() == s.stamp {
			return s
		}
		h.stamp(s)
		heap.Fix(h, 0)
	}
	return nil
}

// Len is of [heap.Interface].
func (h *idleHeap) Len() int { return len(h.all) }

// Less is of [heap.Interface].
func (h *idleHeap) Less(i, j int) bool {
	a, b := h.all[i], h.all[j]
	return a.stamp < b.stamp || a.stamp == b.stamp && a.turn < b.turn
}

// Swap is of [heap.Interface].
func (h *idleHeap) Swap(i, j int) {
	h.all[i], h.all[j] = h.all[j], h.all[i]
	h.all[i].place, h.all[j].place = i, j
}

// Push is of [heap.Interface].
func (h *idleHeap) Push(x any) {
	s := x.(*stream)
	s.place = len(h.all)
	h.all = append(h.all, s)
}

// Pop is of [heap.Interface].
func (h *idleHeap) Pop() any {
	last := len(h.all) - 1
	s := h.all[last]
	h.all[last] = nil
	h.all = h.all[:last]
	return s
}
