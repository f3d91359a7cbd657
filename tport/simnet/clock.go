package simnet

import "time"

// job is something that happens at a due time, with the network locked.
type job interface {
	fire(now time.Duration)
}

// jobFunc is a job made of a function, for the rare kinds.
type jobFunc func(now time.Duration)

func (f jobFunc) fire(now time.Duration) { f(now) }

// event is a job with its due time. seq keeps the order of events due together
// the order in which they were asked for.
type event struct {
	at  time.Duration
	seq uint64
	job job
}

func (e event) before(f event) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

// scheduler is a binary heap of events under one runtime timer, so that a
// packet in flight costs neither a goroutine nor a timer.
type scheduler struct {
	heap    []event
	seq     uint64
	timer   *time.Timer
	running bool // run will arm the timer when it is through
}

// at has j fire at the time due. The network is locked.
func (n *Network) at(due time.Duration, j job) {
	if n.closed {
		return
	}
	s := &n.sched
	s.seq++
	s.push(event{due, s.seq, j})
	if !s.running && s.heap[0].seq == s.seq {
		n.arm()
	}
}

// arm sets the timer for the earliest event.
func (n *Network) arm() {
	s := &n.sched
	if len(s.heap) == 0 {
		return
	}
	d := max(s.heap[0].at-n.now(), 0)
	if s.timer == nil {
		s.timer = time.AfterFunc(d, n.run)
	} else {
		s.timer.Reset(d)
	}
}

// run fires what is due. It is called by the timer, on a goroutine that ends
// with it.
func (n *Network) run() {
	n.mu.Lock()
	defer n.unlock()
	s := &n.sched
	s.running = true
	for len(s.heap) > 0 {
		now := n.now()
		if s.heap[0].at > now {
			break
		}
		s.pop().job.fire(now)
	}
	s.running = false
	n.arm()
}

func (s *scheduler) stop() {
	if s.timer != nil {
		s.timer.Stop()
	}
	s.heap = nil
}

func (s *scheduler) push(e event) {
	h := append(s.heap, e)
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !e.before(h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
	s.heap = h
}

func (s *scheduler) pop() event {
	h := s.heap
	top := h[0]
	last := len(h) - 1
	e := h[last]
	h[last] = event{}
	h = h[:last]
	s.heap = h
	if last == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(e) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = e
	return top
}
