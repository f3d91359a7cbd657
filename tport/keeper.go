package tport

import (
	"container/heap"
	"sync"
	"sync/atomic"
	"time"
)

// keeper looks after the datagram flows that are kept alive or watched: one
// goroutine and one timer for all of them. The others are known to nobody.
type keeper struct {
	t     *Transport
	count atomic.Int64 // len(kept), looked at for each datagram

	mu      sync.Mutex // never held while sending or calling user code
	kept    map[Key]*kept
	due     dueHeap
	wake    chan struct{} // made with the goroutine
	stopped bool
}

// kept is a datagram flow that is kept alive or watched. The keeper's mutex
// guards it.
type kept struct {
	flow    *Flow
	keep    KeepAlive // Interval and Silence are 0 where it is watched only
	watches map[*watch]struct{}

	probe []byte        // the answer to which is awaited
	by    time.Duration // when it must be there
	again time.Duration // when the probe is repeated
	wait  time.Duration // how long after that again
	fresh time.Duration // when the next probe goes out
	heard time.Duration // when the peer last sent something

	at    time.Duration // the earliest of these, 0 for never
	place int           // in the heap, -1 if it is not there
}

// enter returns the flow's entry, made if there is none. The caller holds mu.
func (k *keeper) enter(f *Flow) (*kept, error) {
	if k.stopped || f.primary.Err() != nil {
		return nil, goneBy(ErrClosed)
	}
	if e := k.kept[f.key]; e != nil {
		return e, nil
	}
	if limit := k.t.cfg.MaxFlows; limit >= 0 && len(k.kept) >= limit {
		return nil, ErrTooManyFlows
	}
	if k.kept == nil {
		k.kept = map[Key]*kept{}
		k.wake = make(chan struct{}, 1)
		k.t.spawn(k.run) // not stopped: Close, which stops it first, waits later
	}
	e := &kept{flow: f, place: -1}
	k.kept[f.key] = e
	k.count.Add(1)
	return e, nil
}

// leave takes an entry off the books if nothing is wanted of it. The caller
// holds mu.
func (k *keeper) leave(e *kept) {
	if e.keep.Interval > 0 || e.keep.Silence > 0 || len(e.watches) > 0 {
		return
	}
	k.remove(e)
}

func (k *keeper) remove(e *kept) {
	if k.kept[e.flow.key] != e {
		return
	}
	delete(k.kept, e.flow.key)
	k.count.Add(-1)
	if e.place >= 0 {
		heap.Remove(&k.due, e.place)
	}
}

func (k *keeper) keepAlive(f *Flow, keep KeepAlive) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, err := k.enter(f)
	if err != nil {
		return err
	}
	now := k.t.now()
	keep.Interval = max(keep.Interval, 0)
	e.keep, e.probe, e.by, e.again = keep, nil, 0, 0
	e.fresh, e.heard = keep.next(now, &k.t.chance), now
	k.schedule(e)
	k.leave(e)
	return nil
}

func (k *keeper) watch(f *Flow, w *watch) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, err := k.enter(f)
	switch {
	case err != nil:
		return err
	case len(e.watches) >= maxWatches:
		return ErrWatches
	case e.watches == nil:
		e.watches = map[*watch]struct{}{}
	}
	e.watches[w] = struct{}{}
	return nil
}

func (k *keeper) unwatch(key Key, w *watch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.kept[key]; e != nil {
		delete(e.watches, w)
		k.leave(e)
	}
}

// schedule puts an entry where its next step belongs. The caller holds mu.
func (k *keeper) schedule(e *kept) {
	e.at = earlier(earlier(e.fresh, e.again), e.by)
	if e.keep.Silence > 0 {
		e.at = earlier(e.at, e.heard+e.keep.Silence)
	}
	switch {
	case e.at == 0 && e.place >= 0:
		heap.Remove(&k.due, e.place)
		return
	case e.at == 0:
		return
	case e.place < 0:
		heap.Push(&k.due, e)
	default:
		heap.Fix(&k.due, e.place)
	}
	if e.place == 0 {
		k.nudge()
	}
}

// nudge has the goroutine look again. The caller holds mu.
func (k *keeper) nudge() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// saw is told of every datagram and reports whether it answers a probe.
func (k *keeper) saw(key Key, b []byte) bool {
	if k.count.Load() == 0 {
		return false
	}
	now := k.t.now()
	k.mu.Lock()
	e := k.kept[key]
	if e == nil {
		k.mu.Unlock()
		return false
	}
	e.heard = now // the heap learns of it when the entry's turn comes
	probe, match := e.probe, e.keep.Match
	k.mu.Unlock()
	if probe == nil || match == nil {
		return false
	}
	answer, err := match(probe, b)
	if !answer && err == nil {
		return false
	}
	k.t.count.pongs.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept[key] != e || len(e.probe) == 0 || &e.probe[0] != &probe[0] {
		return true // too late, or another has been sent
	}
	if err != nil {
		k.fail(e, err)
		return true
	}
	e.probe, e.by, e.again = nil, 0, 0
	k.schedule(e)
	return true
}

// fail makes it the goroutine's business to end the entry. The caller holds mu.
func (k *keeper) fail(e *kept, err error) {
	if k.kept[e.flow.key] != e {
		return
	}
	k.remove(e)
	k.t.spawn(func() { k.tell(e, err) })
}

// tell tells everybody concerned that a flow has ended.
func (k *keeper) tell(e *kept, err error) {
	t := k.t
	t.count.ending(err)
	t.log.Debug("flow given up", "flow", e.flow, "reason", err)
	err = wrap("keep alive", e.flow.key, err)
	if t.cfg.Failed != nil && e.flow.primary.Err() == nil {
		t.guard(func() { t.cfg.Failed(e.flow, err) })
	}
	k.mu.Lock()
	watches := e.watches
	e.watches = nil
	k.mu.Unlock()
	for w := range watches {
		t.guard(func() { w.ended(err) })
	}
}

// ended is told that a primary has gone, and its flows with it.
func (k *keeper) ended(p *Primary) {
	if k.count.Load() == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.stopped {
		return // the goroutine is at it
	}
	for _, e := range k.kept {
		if e.flow.primary == p {
			k.fail(e, p.Err())
		}
	}
}

// stop forbids new entries, before Close waits for what runs.
func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
}

// run is the goroutine of the keeper, from the first entry until Close.
func (k *keeper) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(k.step())
		select {
		case <-timer.C:
		case <-k.wake:
		case <-k.t.ctx.Done():
			k.end()
			return
		}
	}
}

// end tells those who still watch that all is over.
func (k *keeper) end() {
	k.mu.Lock()
	all := k.kept
	k.kept, k.due = nil, nil // whoever comes later finds nothing
	k.count.Store(0)
	k.mu.Unlock()
	for _, e := range all {
		k.tell(e, ErrClosed)
	}
}

// sending is a probe to send.
type sending struct {
	flow  *Flow
	probe func() []byte // for a new one
	b     []byte        // for a repetition
	e     *kept
}

// step does what is due and returns how long there is nothing more.
func (k *keeper) step() time.Duration {
	var out []sending
	k.mu.Lock()
	now := k.t.now()
	for len(k.due) > 0 && k.due[0].at <= now {
		e := k.due[0]
		if s, ok := k.advance(e, now); ok {
			out = append(out, s)
		}
		if k.kept[e.flow.key] == e {
			k.schedule(e)
		}
	}
	k.mu.Unlock()
	for _, s := range out {
		k.send(s)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.due) == 0 {
		return time.Hour
	}
	return max(k.due[0].at-k.t.now(), 0)
}

// advance takes one step of an entry that is due. The caller holds mu.
func (k *keeper) advance(e *kept, now time.Duration) (s sending, send bool) {
	switch {
	case e.by != 0 && now >= e.by:
		k.fail(e, ErrNoPong)
	case e.keep.Silence > 0 && now >= e.heard+e.keep.Silence:
		k.fail(e, ErrSilent)
	case e.again != 0 && now >= e.again:
		e.wait *= 2
		e.again = now + e.wait
		return sending{flow: e.flow, b: e.probe, e: e}, true
	case e.fresh != 0 && now >= e.fresh:
		e.fresh = e.keep.next(now, &k.t.chance)
		if e.probe == nil { // or the last one is still repeated
			return sending{flow: e.flow, probe: e.keep.Probe, e: e}, true
		}
	}
	return sending{}, false
}

// send sends a probe. What the network says of it is told by the answer that
// does not come.
func (k *keeper) send(s sending) {
	b := s.b
	if b == nil {
		k.t.guard(func() { b = s.probe() })
		if len(b) == 0 {
			return
		}
		k.await(s.e, b)
	}
	k.t.count.pingsSent.Add(1)
	if s.flow.write(b) == nil {
		octets(k.t, true, OctetsKeepAlive, s.flow.key, string(b), time.Now())
	}
}

// await notes a probe that goes out now.
func (k *keeper) await(e *kept, b []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.keep.Timeout <= 0 || k.kept[e.flow.key] != e {
		return
	}
	now := k.t.now()
	e.probe, e.by, e.again = b, now+e.keep.Timeout, 0
	if e.wait = e.keep.Retransmit; e.wait > 0 {
		e.again = now + e.wait
	}
	k.schedule(e)
}

// dueHeap orders entries by their next step.
type dueHeap []*kept

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at < h[j].at }

func (h dueHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is of [heap.Interface].
func (h *dueHeap) Push(x any) {
	e := x.(*kept)
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop is of [heap.Interface].
func (h *dueHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	e.place = -1
	return e
}
