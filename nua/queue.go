package nua

import (
	"context"
	"iter"
	"sync"
)

// defaultEventBuffer is how many events one handle keeps unread.
const defaultEventBuffer = 32

// Queue holds the events of one or many handles until they are read. One queue
// given to many calls in [Config.Events], [CallConfig.Events] or
// [RegisterConfig.Events] lets one goroutine serve them all.
//
// Each handle may hold a bounded number of events in it. When a handle is at
// its bound, its older [StateChanged] events give way to its newest; then its
// oldest event goes, whatever it is. The next read of that handle's events
// returns [EventsLost] first. A handle's last event has a place of its own and
// is never lost.
//
// A Queue is safe for concurrent use. Several readers share it: each event
// goes to one of them.
type Queue struct {
	limit int // events per handle; negative keeps the last one only

	mu      sync.Mutex // a leaf: nothing is called under it
	head    *node
	tail    *node
	waiting []*waiter
	blocked map[*source]struct{} // handles some reader waits for
	closed  bool
}

// node is one event in the order of arrival over all handles of the queue.
type node struct {
	prev, next *node
	ev         Event
	src        *source
}

// waiter is one blocked reader; ready gets one token when there may be work.
type waiter struct{ ready chan struct{} }

// source is one handle's part of a queue.
type source struct {
	q       *Queue
	owner   Handle
	shared  bool
	nodes   []*node // this handle's events, oldest first
	lost    int     // events dropped since the last read
	done    bool    // the last event was put
	waiting []*waiter
}

// NewQueue returns a queue in which each handle may keep n unread events. 0
// means 32; a negative n keeps only the last event of each handle.
func NewQueue(n int) *Queue {
	if n == 0 {
		n = defaultEventBuffer
	}
	return &Queue{limit: n}
}

// attach makes the handle's part of the queue.
func (q *Queue) attach(owner Handle, shared bool) *source {
	return &source{q: q, owner: owner, shared: shared}
}

// Next returns the oldest event of any handle, waiting for one until ctx ends.
// An event already there wins over a context already ended. After [Queue.Close]
// it returns the events left, then [ErrClosed].
func (q *Queue) Next(ctx context.Context) (Event, error) {
	return q.next(ctx, nil)
}

// Events returns the events in order until ctx ends or the queue is closed.
// The sequence yields the error once, at its end, unless that is [ErrClosed],
// which just ends it. It is single-use.
func (q *Queue) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { pull(ctx, q.Next, yield) }
}

// Close ends the queue: readers get the events left, then [ErrClosed]. Handles
// that still use it drop their further events. A UA never closes a queue that
// was given to it.
func (q *Queue) Close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wakeAll(nil)
	for src := range q.blocked {
		q.wakeAll(src)
	}
}

// next takes the oldest event of src, or of any handle when src is nil.
func (q *Queue) next(ctx context.Context, src *source) (Event, error) {
	for {
		q.mu.Lock()
		if ev, ok := q.take(src); ok {
			q.mu.Unlock()
			return ev, nil
		}
		if q.closed || src != nil && src.done {
			q.mu.Unlock()
			return nil, ErrClosed
		}
		if err := ctx.Err(); err != nil {
			q.mu.Unlock()
			return nil, err
		}
		w := &waiter{ready: make(chan struct{}, 1)}
		q.wait(src, w)
		q.mu.Unlock()

		select {
		case <-w.ready:
		case <-ctx.Done():
			q.leave(src, w)
		}
	}
}

// wait enters a reader; q.mu is held.
func (q *Queue) wait(src *source, w *waiter) {
	if src == nil {
		q.waiting = append(q.waiting, w)
		return
	}
	src.waiting = append(src.waiting, w)
	if q.blocked == nil {
		q.blocked = map[*source]struct{}{}
	}
	q.blocked[src] = struct{}{}
}

// leave removes a reader that gave up. If its token was already given, the
// event it stands for must not sleep on: the token goes to the next reader.
func (q *Queue) leave(src *source, w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.readers(src)
	for i, o := range list {
		if o == w {
			q.setReaders(src, append(list[:i], list[i+1:]...))
			return
		}
	}
	q.wakeFirst(src)
}

func (q *Queue) readers(src *source) []*waiter {
	if src == nil {
		return q.waiting
	}
	return src.waiting
}

func (q *Queue) setReaders(src *source, list []*waiter) {
	if len(list) == 0 {
		list = nil
		delete(q.blocked, src)
	}
	if src == nil {
		q.waiting = list
	} else {
		src.waiting = list
	}
}

// wakeFirst gives a token to the reader that has waited longest.
func (q *Queue) wakeFirst(src *source) {
	if list := q.readers(src); len(list) > 0 {
		list[0].wake()
		q.setReaders(src, list[1:])
	}
}

func (q *Queue) wakeAll(src *source) {
	for len(q.readers(src)) > 0 {
		q.wakeFirst(src)
	}
}

// take removes the oldest event, or the loss that stands before it.
func (q *Queue) take(src *source) (Event, bool) {
	var n *node
	switch {
	case src == nil:
		n = q.head
	case len(src.nodes) > 0:
		n = src.nodes[0]
	}
	if n == nil {
		return nil, false
	}
	if s := n.src; s.lost > 0 {
		ev := EventsLost{eventBase: eventBase{s.owner}, N: s.lost}
		s.lost = 0
		return ev, true
	}
	q.unlink(n)
	n.src.nodes = n.src.nodes[1:]
	if len(n.src.nodes) == 0 {
		n.src.nodes = nil // an idle handle keeps no buffer
	}
	return n.ev, true
}

func (q *Queue) unlink(n *node) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		q.head = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		q.tail = n.prev
	}
	n.prev, n.next = nil, nil
}

// put appends an event. It never blocks and may be called inside a step.
func (s *source) put(ev Event) { s.append(ev, false) }

// last appends the final event of the handle and closes it.
func (s *source) last(ev Event) { s.append(ev, true) }

func (s *source) append(ev Event, last bool) {
	q := s.q
	q.mu.Lock()
	if s.done || q.closed {
		s.done = s.done || last
		q.mu.Unlock()
		return
	}
	s.done = last
	if !last {
		if q.limit < 0 {
			q.mu.Unlock()
			return
		}
		if len(s.nodes) >= q.limit {
			s.makeRoom(ev)
		}
	}
	n := &node{ev: ev, src: s, prev: q.tail}
	if q.tail != nil {
		q.tail.next = n
	} else {
		q.head = n
	}
	q.tail = n
	s.nodes = append(s.nodes, n)
	// One token for each kind of reader; who finds nothing waits again.
	q.wakeFirst(nil)
	if last {
		q.wakeAll(s)
	} else {
		q.wakeFirst(s)
	}
	q.mu.Unlock()
}

// makeRoom drops one event of the handle: the oldest state event when a newer
// one comes, else the oldest.
func (s *source) makeRoom(ev Event) {
	victim := 0
	if _, state := ev.(StateChanged); state {
		for i, n := range s.nodes {
			if _, ok := n.ev.(StateChanged); ok {
				victim = i
				break
			}
		}
	}
	s.q.unlink(s.nodes[victim])
	s.nodes = append(s.nodes[:victim], s.nodes[victim+1:]...)
	s.lost++
}

func (w *waiter) wake() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// pull feeds a range loop from a Next function.
func pull(ctx context.Context, next func(context.Context) (Event, error), yield func(Event, error) bool) {
	for {
		ev, err := next(ctx)
		if err == ErrClosed {
			return
		}
		if !yield(ev, err) || err != nil {
			return
		}
	}
}
