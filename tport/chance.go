package tport

import (
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// chance is the transport's own generator. Config.Rand gives its seed.
type chance struct {
	mu  sync.Mutex
	gen *rand.Rand
}

func (c *chance) seed(from io.Reader) error {
	var seed [32]byte
	if _, err := io.ReadFull(from, seed[:]); err != nil {
		return err
	}
	c.gen = rand.New(rand.NewChaCha8(seed))
	return nil
}

func (c *chance) uint64() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gen.Uint64()
}

// shorten returns a time evenly distributed between d less the fraction and d.
func (c *chance) shorten(d time.Duration, fraction float64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return d - time.Duration(c.gen.Float64()*fraction*float64(d))
}

// nextSerial returns the serial of a new connection: never 0, and never the
// one of another connection of this process or, but for a chance of 2^-40 or
// so, of one before it.
func (t *Transport) nextSerial() uint64 {
	for {
		if n := t.serial.Add(1); n != 0 {
			return n
		}
	}
}
