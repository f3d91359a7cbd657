package tport

import (
	"sync"
	"time"
)

// rate bounds events to a number a second. It is safe for concurrent use.
type rate struct {
	mu     sync.Mutex
	second time.Duration
	n      int
}

// allow counts one event at now and reports whether it is within limit; a
// negative limit is none.
func (r *rate) allow(now time.Duration, limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if second := now.Truncate(time.Second); second != r.second {
		r.second, r.n = second, 0
	}
	r.n++
	return limit < 0 || r.n <= limit
}
