package nta

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gosofia/sofia/tport"
)

// shard is one part of the agent's state: the dialogs and transactions of the
// Call-IDs that hash to it. It is plain data under one mutex. Whoever holds the
// mutex steps it: a reader, the alarm, a user's call.
type shard struct {
	a     *Agent
	clock clock

	mu      sync.Mutex
	closed  bool
	step    Step // lent to whoever holds mu
	wheel   wheel
	alarm   *time.Timer // the one runtime timer; nil until first needed
	alarmAt uint64      // tick it is armed for; 0: not armed

	servers  map[key]*serverTx
	merges   map[key]*serverTx  // by From tag, Call-ID and CSeq, requests without To tag
	acks     map[key]*serverTx  // INVITE answered 2xx by us
	forwards map[key]*serverTx  // INVITE whose 2xx was forwarded
	reliable map[key]*reliables // INVITE with reliable provisional responses
	clients  map[key]*clientTx
	streams  map[tport.Key]map[*clientTx]struct{}
	peers    map[netip.AddrPort]*clientTx // over datagrams, the latest first
	pending  map[*Outgoing]struct{}       // on their way to a hop
	legs     map[legKey]*Leg
}

func newShard(a *Agent, c clock) *shard {
	sh := &shard{
		a: a, clock: c,
		servers:  map[key]*serverTx{},
		merges:   map[key]*serverTx{},
		acks:     map[key]*serverTx{},
		forwards: map[key]*serverTx{},
		reliable: map[key]*reliables{},
		clients:  map[key]*clientTx{},
		streams:  map[tport.Key]map[*clientTx]struct{}{},
		peers:    map[netip.AddrPort]*clientTx{},
		pending:  map[*Outgoing]struct{}{},
		legs:     map[legKey]*Leg{},
	}
	sh.step.sh = sh
	sh.wheel.init()
	return sh
}

// run steps the shard with f and then does what the step put off.
func (sh *shard) run(f func(*Step)) {
	var later []func()
	defer func() {
		for _, f := range later {
			f()
		}
	}()
	sh.mu.Lock()
	defer func() {
		later, sh.step.later = sh.step.later, nil
		sh.unlock()
	}()
	sh.step.now = time.Now()
	f(&sh.step)
}

// unlock sets the alarm for the next slot that holds anything.
func (sh *shard) unlock() {
	defer sh.mu.Unlock()
	if sh.closed {
		return
	}
	tick, ok := sh.wheel.next()
	if !ok || sh.alarmAt != 0 && sh.alarmAt <= tick {
		return // an alarm that is early finds nothing due and sets the next
	}
	sh.alarmAt = tick
	wait := time.Until(sh.clock.at(tick))
	if sh.alarm == nil {
		sh.alarm = time.AfterFunc(wait, sh.ring)
		return
	}
	sh.alarm.Reset(wait)
}

// ring fires every timer that is due.
func (sh *shard) ring() {
	sh.run(func(s *Step) {
		sh.alarmAt = 0
		if sh.closed {
			return
		}
		tick := sh.clock.passed(s.now)
		for {
			t, ok := sh.wheel.pop(tick)
			if !ok {
				return
			}
			t.owner.fire(s, t)
		}
	})
}

// set arms, leaves or stops a timer as an effect says: zero leaves it.
func (sh *shard) set(s *Step, t *timer, owner firer, d time.Duration) {
	switch {
	case sh.closed || d < 0:
		sh.wheel.stop(t)
	case d > 0:
		t.owner = owner
		sh.wheel.arm(t, sh.clock.dueTick(s.now, d))
	}
}

// close fails everything that is unfinished and stops the alarm.
func (sh *shard) close() {
	sh.run(func(s *Step) {
		if sh.closed {
			return
		}
		sh.closed = true // a hook that is told must not begin anything
		for _, tx := range sh.servers {
			tx.over(s, ErrClosed)
		}
		for _, tx := range sh.clients {
			tx.over(s, &TransactionError{Op: "wait", Hop: tx.hop, Err: ErrClosed})
		}
		for o := range sh.pending {
			o.fail(s, &TransactionError{Op: "send", Err: ErrClosed})
		}
		for _, leg := range sh.legs {
			leg.Close(s)
		}
		sh.wheel.clear() // of the user's timers
		if sh.alarm != nil {
			sh.alarm.Stop()
		}
	})
}
