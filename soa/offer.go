package soa

import (
	"context"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// Offer makes an offer and returns its text. The first has the media of the
// template. A later one keeps every m= line of the session in its place:
// streams as they were negotiated, with changes of the template, of Hold and
// of the address; refused and removed streams with port 0, unless SetUser was
// called since; media that SetUser added. If nothing changed, the offer is the
// last description again, version included (RFC 3264 section 8).
//
// The session then waits for SetAnswer or Rollback. Errors match
// [ErrOfferPending], [ErrNoUser], [ErrNoAddress] or [ErrClosed]. ctx is only
// looked at before anything is done.
func (s *Session) Offer(ctx context.Context) (string, error) {
	const op = "Offer"
	if err := s.begin(ctx, op); err != nil {
		return "", err
	}
	d, err := s.frame()
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	next := s.now.clone()
	sticky := s.assign(next)
	for i := range next.slots {
		d.Media = append(d.Media, s.offered(next, i, sticky))
	}
	s.version(d)
	text, err := d.AppendText(nil)
	if err != nil {
		return "", &Error{Op: op, Err: cause{ErrBadUser, err}}
	}
	for i := range d.Media {
		next.slots[i].learn(d.Media[i].Codecs())
	}
	s.before = s.now.clone()
	next.state, next.local = OfferSent, d
	s.now, s.renew = *next, false
	return string(text), nil
}

// Renew makes the next offer as complete as the first of a new call: all
// codecs and all streams of the template, refused ones included. It is for the
// answer to a re-INVITE without an offer (RFC 3261 section 14.2), where the
// peer wants to know all that we can do.
func (s *Session) Renew() { s.renew = true }

// offered returns the m= section of an offer for one slot. With sticky, a
// stream keeps the codecs that it had.
func (s *Session) offered(next *negotiated, i int, sticky bool) sdp.Media {
	sl := &next.slots[i]
	var last *sdp.Media
	if next.local != nil && i < len(next.local.Media) {
		last = &next.local.Media[i]
	}
	if sl.user < 0 || sl.refused {
		return refuse(last) // a slot without a template's media was negotiated before
	}
	own := &s.user.Media[sl.user]
	if own.Port == 0 {
		return refuse(own)
	}
	m := own.Clone()
	if own.IsRTP() {
		ours := own.Codecs()
		var c choice
		if sticky && last != nil && last.Port != 0 {
			c.codecs = last.Codecs()
		} else {
			c.codecs = sl.number(ours, nil)
		}
		for _, codec := range c.codecs {
			c.source = append(c.source, indexSame(ours, codec))
		}
		c.put(&m, own)
	}
	setDirection(&m, s.wants(own))
	return m
}

// assign gives each slot its media of the template, and makes slots for media
// that has none. It returns true, and changes nothing, if the slots belong to
// the present template already.
func (s *Session) assign(next *negotiated) (sticky bool) {
	if next.local != nil && next.asked == s.gen && !s.renew {
		return true
	}
	used := s.rematch(next)
	next.asked = s.gen
	for j := range s.user.Media {
		if !used[j] {
			next.slots = append(next.slots, slot{user: j})
		}
	}
	return false
}

// rematch finds the template's media for the slots anew, after SetUser or
// Renew, and returns which of the template's media has a slot.
func (s *Session) rematch(next *negotiated) (used []bool) {
	used = make([]bool, len(s.user.Media))
	live := make([]bool, len(next.slots))
	for i := range next.slots {
		sl := &next.slots[i]
		live[i] = !sl.refused && next.local.Media[i].Port != 0
		sl.refused = false
		if next.gen != s.gen {
			sl.user = -1
		}
		if sl.user >= 0 {
			used[sl.user] = true
		}
	}
	next.gen = s.gen
	// Live streams find their likes first, the same port telling two of a kind
	// apart; then dead ones of the same kind; then, if wanted, any dead one.
	for _, fits := range []func(live bool, m, own *sdp.Media) bool{
		func(live bool, m, own *sdp.Media) bool { return live && sameKind(m, own) && m.Port == own.Port },
		func(live bool, m, own *sdp.Media) bool { return live && sameKind(m, own) },
		func(_ bool, m, own *sdp.Media) bool { return sameKind(m, own) },
		func(live bool, _, _ *sdp.Media) bool { return !live && s.cfg.ReuseRejected },
	} {
		for i := range next.slots {
			sl := &next.slots[i]
			if sl.user >= 0 {
				continue
			}
			for j := range s.user.Media {
				if !used[j] && fits(live[i], &next.local.Media[i], &s.user.Media[j]) {
					sl.user, used[j] = j, true
					break
				}
			}
		}
	}
	return used
}

// sameKind reports whether two sections have the same media type and protocol.
func sameKind(a, b *sdp.Media) bool {
	return strings.EqualFold(a.Type, b.Type) && strings.EqualFold(a.Proto, b.Proto)
}
