package tport

import (
	"errors"
	"fmt"
	"net/netip"
)

// maxErrors bounds how many errors of the network are taken at a time.
const maxErrors = 64

// networkError is what the network, or the system for it, says of a datagram
// that was sent before.
type networkError struct {
	to  netip.AddrPort // where the datagram went
	err error          // what the system makes of it
	// mtu is the size of packet that fits, where that is what the error says.
	mtu int
	// own reports that the system itself refused the datagram: its sender knows.
	own bool
}

// stir has the errors of the network taken by a goroutine of their own: Send
// runs no callbacks. The caller holds mu.
func (s *packetSocket) stir() {
	switch {
	case s.ended:
	case s.stirring:
		s.stirred = true
	default:
		s.stirring = true
		s.k.p.t.spawn(s.takeStirred)
	}
}

func (s *packetSocket) takeStirred() {
	for {
		s.takeErrors()
		s.mu.Lock()
		if !s.stirred {
			s.stirring = false
			s.mu.Unlock()
			return
		}
		s.stirred = false
		s.mu.Unlock()
	}
}

// takeErrors tells the owners what the network said, and returns how often it
// said something.
func (s *packetSocket) takeErrors() (n int) {
	for ; n < maxErrors; n++ {
		e, ok := s.conn.nextError()
		if !ok {
			break
		}
		s.tell(e)
	}
	return n
}

// unreachable takes the news that nobody listens at an address. Whoever brings
// it does not wait for the callback, and Close does.
func (s *packetSocket) unreachable(to netip.AddrPort, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.k.p.t.spawn(func() { s.tell(networkError{to: to, err: err}) })
	}
}

// tell tells the owner of the flow, at the rate that the config allows: such
// errors cost nothing to forge.
func (s *packetSocket) tell(e networkError) {
	t := s.k.p.t
	if e.mtu > 0 || errors.Is(e.err, ErrTooLarge) {
		t.forgetRoute(e.to.Addr())
	}
	if e.own || e.err == nil || !e.to.IsValid() {
		return
	}
	if !t.unreachable.allow(t.now(), t.cfg.MaxUnreachable) {
		t.count.unreachableDropped.Add(1)
		return
	}
	t.count.unreachable.Add(1)
	err := e.err
	if !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	} else if e.mtu > 0 {
		err = fmt.Errorf("%w (the path takes packets of %d octets)", err, e.mtu)
	}
	f := &Flow{key: Key{Proto: s.k.p.proto, Local: s.k.p.local(), Remote: e.to}, primary: s.k.p}
	s.failed(f, err)
}
