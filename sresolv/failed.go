package sresolv

import (
	"net/netip"
	"time"
)

// MaxAvoid is how long a failed hop comes last at most.
const MaxAvoid = 600 * time.Second

// maxFailed bounds the memory of failed hops.
const maxFailed = 1024

type place struct {
	transport string
	addr      netip.AddrPort
}

// MarkFailed says that a hop did not work, so that for a while every walk gives
// it after all others; it is never left out. retryAfter is that of a 503
// response (RFC 3261 section 21.5.4), capped at [MaxAvoid]; 0, for a failure of
// the transport or a timeout, stands for MaxAvoid. It is safe for concurrent
// use.
func (r *Resolver) MarkFailed(hop Hop, retryAfter time.Duration) {
	if retryAfter <= 0 || retryAfter > MaxAvoid {
		retryAfter = MaxAvoid
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	at := place{hop.Transport, hop.Addr}
	if _, known := r.failed[at]; !known && len(r.failed) >= maxFailed {
		var first place // whose time is over first
		for p, until := range r.failed {
			if !now.Before(until) {
				delete(r.failed, p)
			} else if f, ok := r.failed[first]; !ok || until.Before(f) {
				first = p
			}
		}
		if len(r.failed) >= maxFailed {
			delete(r.failed, first)
		}
	}
	r.failed[at] = now.Add(retryAfter)
	r.failures.Store(true)
}

// MarkWorking takes back what [Resolver.MarkFailed] said. It is safe for
// concurrent use, and costs next to nothing while nothing has failed.
func (r *Resolver) MarkWorking(hop Hop) {
	if r.failures.Load() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.forget(place{hop.Transport, hop.Addr})
	}
}

func (r *Resolver) forget(at place) {
	delete(r.failed, at)
	r.failures.Store(len(r.failed) > 0)
}

// avoided reports whether a hop is to come last.
func (r *Resolver) avoided(hop Hop) bool {
	if !r.failures.Load() {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	at := place{hop.Transport, hop.Addr}
	until, ok := r.failed[at]
	if ok && !time.Now().Before(until) {
		r.forget(at)
		return false
	}
	return ok
}
