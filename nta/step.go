package nta

import (
	"context"
	"time"
)

// Step is the proof that a shard is held. Code that gets one runs inside the
// shard of one Call-ID, under its mutex, and may do three things: send, arm and
// stop timers, and append to queues. It must not block, must not call methods
// of [Agent], [Incoming], [Outgoing] or [Leg] that take no Step (they would
// wait for this very shard), and must not touch another Call-ID's shard;
// [Step.Go] and [Step.Defer] are the ways out. A Step is valid only during the
// call it was given to.
type Step struct {
	sh    *shard
	now   time.Time
	later []func()
}

// Now returns the time of the step.
func (s *Step) Now() time.Time { return s.now }

// Agent returns the agent that the shard belongs to.
func (s *Step) Agent() *Agent { return s.sh.a }

// Defer runs f after the shard was unlocked, on the goroutine that made the
// step, in the order of the calls. f must not block for long: a reader may wait
// for it.
func (s *Step) Defer(f func()) { s.later = append(s.later, f) }

// Go runs f on a goroutine of the agent, started after the shard was unlocked.
// Its ctx ends at [Agent.Close], and [Agent.Shutdown] waits for it.
func (s *Step) Go(f func(ctx context.Context)) {
	a := s.sh.a
	s.spawn(func() { f(a.ctx) })
}

// Timer is a slot of a shard's timer wheel.
type Timer struct {
	timer
	sh *shard
	f  func(*Step)
}

// After runs f, in a step of this shard, once d has passed: in [d, d + one
// granularity), never early, and not after the agent was closed. It costs no
// goroutine and no runtime timer.
func (s *Step) After(d time.Duration, f func(*Step)) *Timer {
	t := &Timer{sh: s.sh, f: f}
	s.sh.set(s, &t.timer, t, max(d, 1))
	return t
}

// Stop stops the timer and reports whether it had been running. s must be a
// step of the same shard. A nil timer is a stopped one.
func (t *Timer) Stop(s *Step) bool {
	return t != nil && s.sh == t.sh && t.sh.wheel.stop(&t.timer)
}

// Reset arms the timer anew, running or not. s must be a step of the same shard.
func (t *Timer) Reset(s *Step, d time.Duration) {
	if s.sh == t.sh {
		t.sh.set(s, &t.timer, t, max(d, 1))
	}
}

func (t *Timer) fire(s *Step, _ *timer) { t.f(s) }
