package sresolv

// Stats is a snapshot of what a Resolver has done.
type Stats struct {
	LookUps    uint64 // look-ups begun; walks that wait for the same name share one
	Refused    uint64 // look-ups not begun for Config.MaxPending
	CacheHits  uint64 // questions answered from the cache
	Queries    uint64 // messages sent to name servers, repetitions included
	Mismatched uint64 // datagrams that answered no question of ours, ignored
	Truncated  uint64 // answers that had to be fetched over TCP
	Failures   uint64 // servers that were silent, refused, or could not answer

	Pending int // look-ups on their way
	Cached  int // answers kept
	Failed  int // hops that come last, see [Resolver.MarkFailed]
}

// Stats returns the counters as they are now. It is safe for concurrent use.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Pending, s.Cached, s.Failed = len(r.pending), r.cache.order.Len(), len(r.failed)
	return s
}

func (r *Resolver) count(f func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.stats)
}
