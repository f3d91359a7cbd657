package nua

// Stats is a snapshot of what a UA has done and holds. What its transactions
// and transports count is in the Stats of [UA.Agent] and its Transport; events
// that nobody read are told where they are missing, by [EventsLost].
type Stats struct {
	CallsMade     uint64 // calls begun with UA.Invite
	CallsReceived uint64 // calls that peers began
	CallsRefused  uint64 // calls not taken for Config.MaxCalls: 503, or ErrBusy

	Calls         int // calls there are
	Registrations int // registrations there are
}

// Stats returns the counters as they are now. It is safe for concurrent use.
func (u *UA) Stats() Stats {
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.stats
	s.Calls, s.Registrations = u.calls, len(u.regs)
	return s
}
