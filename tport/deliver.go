package tport

import (
	"errors"
	"sync/atomic"
)

// deliver hands a message up. It runs on the reader, which carries on after a
// panic above.
func (t *Transport) deliver(d *Delivery) {
	t.count.received.Add(1)
	if d.Err != nil {
		t.count.refused.Add(1)
	}
	t.guard(func() {
		if t.cfg.Trace.Received != nil {
			t.cfg.Trace.Received(d)
		}
		t.cfg.Deliver(d)
	})
}

// drop counts and traces input that nobody gets.
func (t *Transport) drop(counter *atomic.Uint64, d Drop) {
	counter.Add(1)
	t.log.Debug("input dropped", "proto", d.Proto, "from", d.From, "to", d.To, "size", d.Size, "reason", d.Err)
	if t.cfg.Trace.Dropped != nil {
		t.guard(func() { t.cfg.Trace.Dropped(d) })
	}
}

// refusal counts a message that was not sent.
func (c *counters) refusal(err error) {
	switch {
	case errors.Is(err, ErrQueueFull):
		c.queueFull.Add(1)
	case errors.Is(err, ErrTooLarge):
		c.tooLarge.Add(1)
	case errors.Is(err, ErrGone):
	default:
		c.writeErrors.Add(1)
	}
}

// ending counts why a connection ended.
func (c *counters) ending(err error) {
	switch {
	case errors.Is(err, ErrIdle):
		c.idleClosed.Add(1)
	case errors.Is(err, ErrMessageTimeout):
		c.messageTimeouts.Add(1)
	case errors.Is(err, ErrWriteTimeout):
		c.writeTimeouts.Add(1)
	case errors.Is(err, errFraming):
		c.framingErrors.Add(1)
	case errors.Is(err, ErrShed):
		c.shed.Add(1)
	case errors.Is(err, ErrNoPong):
		c.noPong.Add(1)
	case errors.Is(err, ErrSilent):
		c.silent.Add(1)
	case errors.Is(err, ErrMemory):
		c.memory.Add(1)
	}
}
