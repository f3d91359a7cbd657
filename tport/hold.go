package tport

import "errors"

// maxWatches bounds those who watch one flow. Each is a dialog, a registration
// or the like, which the layer above bounds more closely.
const maxWatches = 1 << 16

// watch is one caller of Watch.
type watch struct{ ended func(error) }

// errNilWatch is a Watch without a func.
var errNilWatch = errors.New("nothing to call; give Watch a func")

// Hold keeps the flow from being closed as idle, or to make place for another,
// until [Flow.Release] was called as often (RFC 3261 section 18 asks to keep a
// connection for as long as a transaction may need it, and RFC 5626 for as long
// as a registration). It does nothing for UDP, and nothing once the flow has
// ended. See [Flow.Watch] for a hold that tells of the end.
func (f *Flow) Hold() {
	if f.stream != nil {
		f.stream.hold()
	}
}

// Release undoes one [Flow.Hold]. [Config.Idle] then begins anew.
func (f *Flow) Release() {
	if f.stream != nil {
		f.stream.release()
	}
}

// Watch holds the flow as [Flow.Hold] does, and has ended called once when the
// flow has ended, with the reason: the error that [Config.Failed] gets. For UDP
// that is when its primary is closed or [Flow.KeepAlive] found it dead. release
// undoes both; it does not wait for a call of ended that is under way, and may
// be called more than once.
//
// ended runs on a goroutine of the transport with no lock held, after
// [Config.Failed], and must not block. The error of Watch is an [*Error] that
// wraps [ErrGone] if the flow has ended already, or [ErrWatches]; ended is then
// never called.
func (f *Flow) Watch(ended func(err error)) (release func(), err error) {
	if ended == nil {
		return nil, wrap("watch", f.key, errNilWatch)
	}
	w := &watch{ended}
	if f.stream != nil {
		if err := f.stream.watch(w); err != nil {
			return nil, wrap("watch", f.key, err)
		}
		return func() { f.stream.unwatch(w) }, nil
	}
	keeper := &f.primary.t.keeper
	if err := keeper.watch(f, w); err != nil {
		return nil, wrap("watch", f.key, err)
	}
	return func() { keeper.unwatch(f.key, w) }, nil
}

func (s *stream) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holdLocked()
}

// holdLocked is hold for a caller that holds mu.
func (s *stream) holdLocked() {
	if s.holds++; s.holds == 1 && !s.ended() {
		s.t.held.Add(1)
	}
}

func (s *stream) release() {
	s.touch()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.releaseLocked()
}

func (s *stream) releaseLocked() {
	if s.holds == 0 {
		return // more than held
	}
	if s.holds--; s.holds == 0 && !s.ended() {
		s.t.held.Add(-1)
	}
}

func (s *stream) watch(w *watch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != streamOpen:
		return goneBy(s.err)
	case len(s.watches) >= maxWatches:
		return ErrWatches
	case s.watches == nil:
		s.watches = map[*watch]struct{}{}
	}
	s.watches[w] = struct{}{}
	s.holdLocked()
	return nil
}

func (s *stream) unwatch(w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.watches[w]; ok {
		delete(s.watches, w)
		s.touch()
		s.releaseLocked()
	}
}

// lastWatches returns those who are to be told of the end, once.
func (s *stream) lastWatches() map[*watch]struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.watches
	s.watches = nil
	s.holds -= len(all)
	return all
}
