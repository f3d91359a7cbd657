package sresolv

// Stats is a snapshot of what a Resolver has done.
type Stats struct {
	LookUps uint64 // look-ups begun; walks that wait for the same name share one
	Refused uint64 // look-ups not begun for Config.MaxPending

	Pending int // look-ups on their way
}

// Stats returns the counters as they are now. It is safe for concurrent use.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Pending = len(r.pending)
	return s
}
