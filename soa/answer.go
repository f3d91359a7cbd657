package soa

import (
	"context"
	"errors"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// SetRemote takes the peer's offer without answering it yet: the session
// then waits for Answer or Rollback. Errors match [ErrOfferPending],
// [ErrBadDescription], [ErrMediaCount] or [ErrClosed].
func (s *Session) SetRemote(remote string) error {
	return s.setRemote(context.Background(), "SetRemote", remote)
}

func (s *Session) setRemote(ctx context.Context, op, remote string) error {
	if err := s.begin(ctx, op); err != nil {
		return err
	}
	d, err := s.parse(op, remote)
	if err != nil {
		return err
	}
	if len(d.Media) < len(s.now.slots) {
		// "the number of "m=" lines ... never decreases" (RFC 3264 section 8)
		return &Error{Op: op, Err: ErrMediaCount}
	}
	s.before = s.now.clone()
	s.now.state, s.now.remote = OfferReceived, d
	return nil
}

// parse reads a description of the peer.
func (s *Session) parse(op, text string) (*sdp.Description, error) {
	d, err := s.cfg.Parser.Parse(text)
	if err != nil {
		return nil, &Error{Op: op, Err: cause{ErrBadDescription, err}}
	}
	return d, nil
}

// Answer takes the peer's offer and returns the text of the answer. With an
// empty remote it answers the offer that SetRemote took. The answer has an m=
// line for each of the offer, in order; t= is copied. What the template does
// not match is refused with port 0. If nothing of what was offered can be
// accepted, the error matches [ErrNoCommonMedia] or [ErrNoCommonCodec], and
// the session is as it was before the offer. Other errors match
// [ErrOfferPending], [ErrNoOffer], [ErrNoUser], [ErrNoAddress],
// [ErrBadDescription], [ErrMediaCount] or [ErrClosed]. ctx is only looked at
// before anything is done.
func (s *Session) Answer(ctx context.Context, remote string) (string, error) {
	const op = "Answer"
	if remote != "" {
		if err := s.setRemote(ctx, op, remote); err != nil {
			return "", err
		}
	} else if err := s.check(op); err != nil {
		return "", err
	} else if err := ctx.Err(); err != nil {
		return "", &Error{Op: op, Err: err}
	} else if s.now.state != OfferReceived {
		return "", &Error{Op: op, Err: ErrNoOffer}
	}
	text, err := s.answer()
	if err != nil {
		if remote != "" || errors.Is(err, ErrNoCommonCodec) || errors.Is(err, ErrNoCommonMedia) {
			s.Rollback()
		}
		var e *Error
		if !errors.As(err, &e) {
			e = &Error{Err: err}
		}
		e.Op = op
		return "", e
	}
	return text, nil
}

// answer makes the answer to s.now.remote.
func (s *Session) answer() (string, error) {
	d, err := s.frame()
	if err != nil {
		return "", err
	}
	remote := s.now.remote
	if d.Times = remote.Clone().Times; len(d.Times) == 0 { // RFC 3264 section 6
		d.Times = []sdp.Time{{}}
	}
	next := s.now.clone()
	if next.gen != s.gen {
		s.rematch(next)
	}
	if next.local == nil {
		// In a call that the peer began, later offers do not add what the peer
		// did not ask for. A template that came after that still waits for one.
		next.asked = s.gen
	}
	for len(next.slots) < len(remote.Media) {
		next.slots = append(next.slots, slot{user: -1})
	}
	used := s.occupied(next, remote)
	offered, accepted := 0, 0
	var why reason
	for i := range remote.Media {
		m, sl := &remote.Media[i], &next.slots[i]
		sl.learn(m.Codecs())
		section, ok := sdp.Media{}, false
		if m.Port != 0 {
			offered++
			section, ok = s.accept(sl, m, used, &why)
		}
		if ok {
			accepted++
			sl.learn(section.Codecs())
		} else {
			section, sl.user = refuse(m), -1
		}
		sl.refused = !ok
		d.Media = append(d.Media, section)
	}
	if offered > 0 && accepted == 0 {
		// "the entire offered session is rejected" (RFC 3264 section 6.1)
		return "", why.error()
	}
	s.version(d)
	text, err := d.AppendText(nil)
	if err != nil {
		return "", cause{ErrBadUser, err}
	}
	next.state, next.local = Complete, d
	s.conclude(next)
	return string(text), nil
}

// occupied frees the template's media of slots that the offer removes or
// gives to another kind of media, and returns which media is taken.
func (s *Session) occupied(next *negotiated, remote *sdp.Description) []bool {
	used := make([]bool, len(s.user.Media))
	for i := range next.slots {
		sl, m := &next.slots[i], &remote.Media[i]
		if sl.user < 0 {
			continue
		}
		if m.Port == 0 || !sameKind(m, &s.user.Media[sl.user]) {
			sl.user = -1
			continue
		}
		used[sl.user] = true
	}
	return used
}

// accept finds media of the template for an offered stream, the one it had
// before or else the first that fits, and makes the answer's section.
func (s *Session) accept(sl *slot, m *sdp.Media, used []bool, why *reason) (sdp.Media, bool) {
	if had := sl.user; had >= 0 {
		if section, ok := s.fit(sl, m, &s.user.Media[had], why); ok {
			return section, true
		}
		used[had] = false
	}
	for j := range s.user.Media {
		own := &s.user.Media[j]
		if !strings.EqualFold(own.Type, m.Type) || own.Port == 0 {
			continue
		}
		if !strings.EqualFold(own.Proto, m.Proto) {
			why.note(whyTransport)
			continue
		}
		if used[j] {
			continue
		}
		if section, ok := s.fit(sl, m, own, why); ok {
			sl.user, used[j] = j, true
			return section, true
		}
	}
	return sdp.Media{}, false
}

// fit makes the section that accepts an offered stream with media of the
// template, if that can be.
func (s *Session) fit(sl *slot, m, own *sdp.Media, why *reason) (sdp.Media, bool) {
	if own.Port == 0 {
		return sdp.Media{}, false // refused by the user
	}
	remote := s.now.remote
	conn, _ := m.Connection(remote)
	if conn.NetType != "IN" {
		why.note(whyNetwork)
		return sdp.Media{}, false
	}
	// What both want: RFC 3264 section 6.1.
	dir := s.wants(own) & effective(m, remote).Reverse()
	multicast := conn.IsMulticast()
	if ours, _ := own.Connection(s.user); ours.IsMulticast() && !multicast {
		return sdp.Media{}, false // unicast is answered with unicast: RFC 3264 section 6.1
	}
	if multicast {
		// All members of a multicast group have the same view: RFC 3264 section 6.2.
		if dir = m.Direction(remote); dir&s.wants(own) != dir {
			return sdp.Media{}, false
		}
	}
	c, ok := s.choose(sl, m, own, dir)
	if !ok {
		why.note(whyCodec)
		return sdp.Media{}, false
	}
	section := own.Clone()
	c.put(&section, own)
	setDirection(&section, dir)
	section.Type, section.Proto = m.Type, m.Proto
	if multicast {
		joinGroup(&section, m, conn)
	}
	return section, true
}

// joinGroup gives the section of an answer the address, port, bandwidth and
// packet time of a multicast offer (RFC 3264 section 6.2).
func joinGroup(section, m *sdp.Media, conn sdp.Connection) {
	section.Port, section.PortCount = m.Port, m.PortCount
	section.Bandwidths = m.Bandwidths
	if section.Connections = m.Connections; len(m.Connections) == 0 {
		section.Connections = []sdp.Connection{conn}
	}
	if v, ok := m.Attributes.Get("ptime"); ok {
		section.Attributes.Set("ptime", v)
	}
}

// conclude stores a complete exchange.
func (s *Session) conclude(next *negotiated) {
	next.agreed = make([]MediaState, len(next.slots))
	for i := range next.slots {
		next.agreed[i] = s.agree(i, next.local, next.remote, next.slots[i].refused)
	}
	s.now = *next
}

// reason collects why streams were refused; what came nearest counts.
type reason int

const (
	whyMedia reason = iota
	whyTransport
	whyNetwork
	whyCodec
)

func (r *reason) note(w reason) { *r = max(*r, w) }

func (r reason) error() *Error {
	switch r {
	case whyTransport:
		return &Error{Err: ErrNoCommonMedia, warn: warnTransport}
	case whyNetwork:
		return &Error{Err: ErrNoCommonMedia, warn: warnNetwork}
	case whyCodec:
		return &Error{Err: ErrNoCommonCodec}
	}
	return &Error{Err: ErrNoCommonMedia}
}
