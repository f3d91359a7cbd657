package tport

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// maxRateSources bounds the sources whose rates are known one by one; those
	// beyond share one bucket.
	maxRateSources = 1 << 16
	// rateSweep is how many sources are looked at, to be forgotten, for each
	// new one when there is no place.
	rateSweep = 8
)

// rates is a token bucket for each source of messages.
type rates struct {
	mu      sync.Mutex
	buckets map[netip.Prefix]*bucket
	rest    bucket // of the sources for which there was no place
}

// bucket holds tokens, and gains Config.MessageRate of them a second up to
// Config.MessageBurst. A message takes one.
type bucket struct {
	tokens float64
	at     time.Duration
}

// admit takes a token for a message from the source. It reports false, and
// takes none, if there is none.
func (t *Transport) admit(from netip.Addr) bool {
	return t.cfg.MessageRate <= 0 || t.takeToken(from, false) == 0
}

// takeToken takes a token. Where there is none it returns how long to wait for
// one, and that one is taken in advance if ahead is set.
func (t *Transport) takeToken(from netip.Addr, ahead bool) time.Duration {
	rate, burst := float64(t.cfg.MessageRate), float64(t.cfg.MessageBurst)
	r, now, source := &t.rates, t.now(), sourceOf(from)
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.buckets[source]
	if b == nil {
		b = r.place(source, now, rate, burst)
	}
	b.fill(now, rate, burst)
	if b.tokens >= 1 {
		b.tokens--
		return 0
	}
	wait := time.Duration((1 - b.tokens) / rate * float64(time.Second))
	if ahead {
		b.tokens--
	}
	return max(wait, 1)
}

func (b *bucket) fill(now time.Duration, rate, burst float64) {
	b.tokens = min(burst, b.tokens+rate*(now-b.at).Seconds())
	b.at = now
}

// place makes a full bucket for a new source.
func (r *rates) place(source netip.Prefix, now time.Duration, rate, burst float64) *bucket {
	if r.buckets == nil {
		r.buckets = map[netip.Prefix]*bucket{}
		r.rest = bucket{burst, now}
	}
	if len(r.buckets) >= maxRateSources {
		seen := 0
		for other, b := range r.buckets { // begins anywhere
			if b.fill(now, rate, burst); b.tokens >= burst {
				delete(r.buckets, other) // a full bucket is as good as none
			}
			if seen++; seen == rateSweep {
				break
			}
		}
		if len(r.buckets) >= maxRateSources {
			return &r.rest
		}
	}
	b := &bucket{burst, now}
	r.buckets[source] = b
	return b
}

// takeTurn waits until the peer may send another message, which slows it down
// and loses nothing. It reports false if the stream is no longer open.
func (s *stream) takeTurn() bool {
	t := s.t
	if t.cfg.MessageRate <= 0 {
		return true
	}
	wait := t.takeToken(s.flow.key.Remote.Addr(), true)
	if wait == 0 {
		return true
	}
	t.count.rateLimited.Add(1)
	s.paused += wait
	if k := s.keep.Load(); k != nil && k.by != 0 {
		k.by += wait // the pong may be behind
	}
	s.mu.Lock()
	if s.state != streamOpen {
		s.mu.Unlock()
		return false
	}
	stopped := make(chan struct{})
	s.waiting = stopped
	s.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-stopped:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = nil
	return s.state == streamOpen
}

// stopWaiting ends the wait of takeTurn. The caller holds mu.
func (s *stream) stopWaiting() {
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}
