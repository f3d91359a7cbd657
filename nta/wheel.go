package nta

import (
	"math/bits"
	"time"
)

// The wheel is hierarchical: eight levels of 64 slots, each level 64 times
// coarser than the one below. A timer sits at the level of the highest six-bit
// group in which its tick differs from the present one, and moves down when
// the wheel reaches its slot. Arming and stopping are O(1).
const (
	wheelBits   = 6
	wheelSlots  = 1 << wheelBits
	wheelLevels = 8
	wheelMax    = 1<<(wheelBits*wheelLevels) - 1 // 89,000 years of 10 ms
)

// firer is what owns a timer: it is stepped when the timer is due.
type firer interface {
	fire(s *Step, t *timer)
}

// timer is one slot of the wheel, embedded in whatever it belongs to. The zero
// value is stopped. It is guarded by the shard.
type timer struct {
	next, prev *timer
	tick       uint64
	owner      firer
}

func (t *timer) armed() bool { return t.next != nil }

func (t *timer) unlink() {
	t.prev.next, t.next.prev = t.next, t.prev
	t.next, t.prev = nil, nil
}

// ring is the head of a circular list of timers.
type ring struct{ timer }

func (r *ring) init()       { r.next, r.prev = &r.timer, &r.timer }
func (r *ring) empty() bool { return r.next == &r.timer }

func (r *ring) push(t *timer) {
	t.prev, t.next = r.prev, &r.timer
	t.prev.next, r.prev = t, t
}

// wheel counts time in ticks of one granularity since the agent's start. Every
// timer whose tick is at or before now has been handed out.
type wheel struct {
	now      uint64
	count    int
	occupied [wheelLevels]uint64 // may have bits of slots that became empty
	slots    [wheelLevels][wheelSlots]ring
	due      ring
}

func (w *wheel) init() {
	for l := range w.slots {
		for i := range w.slots[l] {
			w.slots[l][i].init()
		}
	}
	w.due.init()
}

// arm puts t into the slot of tick, which is never in the past.
func (w *wheel) arm(t *timer, tick uint64) {
	if t.armed() {
		t.unlink()
		w.count--
	}
	t.tick = min(max(tick, w.now+1), wheelMax)
	w.count++
	w.place(t)
}

func (w *wheel) stop(t *timer) bool {
	if !t.armed() {
		return false
	}
	t.unlink()
	w.count--
	return true
}

// clear stops every timer.
func (w *wheel) clear() {
	drop := func(r *ring) {
		for !r.empty() {
			w.stop(r.next)
		}
	}
	drop(&w.due)
	for level := range w.slots {
		for slot := range w.slots[level] {
			drop(&w.slots[level][slot])
		}
	}
}

func (w *wheel) place(t *timer) {
	if t.tick <= w.now {
		w.due.push(t)
		return
	}
	level := (bits.Len64(t.tick^w.now) - 1) / wheelBits
	slot := t.tick >> (level * wheelBits) & (wheelSlots - 1)
	w.slots[level][slot].push(t)
	w.occupied[level] |= 1 << slot
}

// next returns the tick at which the wheel must move: when the earliest timer
// is due, or when a coarser slot must be spread over the finer ones.
func (w *wheel) next() (uint64, bool) {
	if !w.due.empty() {
		return w.now, true
	}
	for level := range wheelLevels {
		shift := level * wheelBits
		// Slots at or behind the present one were emptied when the wheel passed.
		for ahead := w.occupied[level]; ahead != 0; ahead &= ahead - 1 {
			slot := uint64(bits.TrailingZeros64(ahead))
			if w.slots[level][slot].empty() { // its timers were stopped
				w.occupied[level] &^= 1 << slot
				continue
			}
			return w.now>>(shift+wheelBits)<<(shift+wheelBits) | slot<<shift, true
		}
	}
	return 0, false
}

// advance moves the wheel towards tick and stops at the first tick at which
// something is due, which is then in w.due.
func (w *wheel) advance(tick uint64) {
	for w.due.empty() {
		next, ok := w.next()
		if !ok || next > tick {
			w.now = max(w.now, tick)
			return
		}
		w.now = next
		for level := wheelLevels - 1; level >= 0; level-- {
			shift := level * wheelBits
			if next&(1<<shift-1) != 0 {
				continue
			}
			slot := next >> shift & (wheelSlots - 1)
			w.occupied[level] &^= 1 << slot
			for from := &w.slots[level][slot]; !from.empty(); {
				t := from.next
				t.unlink()
				w.place(t)
			}
		}
	}
}

// pop hands out the next timer that is due at or before tick.
func (w *wheel) pop(tick uint64) (*timer, bool) {
	w.advance(tick)
	if w.due.empty() {
		return nil, false
	}
	t := w.due.next
	t.unlink()
	w.count--
	return t, true
}

// clock turns time into ticks. Ticks are aligned to start.
type clock struct {
	start time.Time
	step  time.Duration
}

// dueTick is the first tick at or after now+d: a timer is late by less than
// one step and never early.
func (c clock) dueTick(now time.Time, d time.Duration) uint64 {
	at := max(now.Sub(c.start)+d, 0)
	return uint64((at + c.step - 1) / c.step)
}

// passed is the last tick at or before now.
func (c clock) passed(now time.Time) uint64 {
	return uint64(max(now.Sub(c.start), 0) / c.step)
}

func (c clock) at(tick uint64) time.Time {
	return c.start.Add(time.Duration(tick) * c.step)
}
