package simnet

import (
	"sync"
	"time"
)

// deadline is one read or write deadline. The network's lock guards it.
type deadline struct {
	timer   *time.Timer
	gen     uint64 // of the deadline in force; a timer of an older one is void
	expired bool
}

// set puts the deadline at t, the zero time being never, and wakes those who
// wait on c when it has passed.
func (d *deadline) set(n *Network, t time.Time, c *sync.Cond) {
	d.stop()
	d.expired = false
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.expired = true
		c.Broadcast()
		return
	}
	gen := d.gen
	d.timer = time.AfterFunc(left, func() {
		n.mu.Lock()
		defer n.unlock()
		if d.gen == gen {
			d.expired = true
			c.Broadcast()
		}
	})
}

func (d *deadline) stop() {
	d.gen++
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
