package soa

import (
	"context"
	"slices"
	"strings"

	"github.com/gosofia/sofia/sdp"
)

// SetAnswer takes the peer's answer to our offer, wherever it came: in a
// response, an ACK or a PRACK. A stream that the peer refused with port 0, or
// for which it named no format of the offer (unless Config.Mismatch), is
// Rejected and stays so in later offers until SetUser.
//
// Errors match [ErrNoOffer], [ErrBadDescription], [ErrMediaCount],
// [ErrMediaMismatch], [ErrNoCommonCodec] or [ErrClosed]. The offer is then
// still open: end it with Rollback, or with a better answer. ctx is only
// looked at before anything is done.
func (s *Session) SetAnswer(ctx context.Context, remote string) error {
	const op = "SetAnswer"
	if err := s.check(op); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Err: err}
	}
	if s.now.state != OfferSent {
		return &Error{Op: op, Err: ErrNoOffer}
	}
	answer, err := s.parse(op, remote)
	if err != nil {
		return err
	}
	local := s.now.local
	if len(answer.Media) != len(local.Media) {
		return &Error{Op: op, Err: ErrMediaCount} // RFC 3264 section 6
	}
	next := s.now.clone()
	usable, foreign := 0, 0
	for i := range answer.Media {
		l, r, sl := &local.Media[i], &answer.Media[i], &next.slots[i]
		if !strings.EqualFold(l.Type, r.Type) {
			return &Error{Op: op, Err: ErrMediaMismatch}
		}
		sl.learn(r.Codecs())
		if l.Port == 0 {
			continue // was no offer, so a port in the answer means nothing (RFC 3264 section 8.2)
		}
		if sl.refused = r.Port == 0; sl.refused {
			continue
		}
		if !strings.EqualFold(l.Proto, r.Proto) {
			return &Error{Op: op, Err: ErrMediaMismatch}
		}
		if !s.cfg.Mismatch && !common(l, r) {
			sl.refused = true
			foreign++
			continue
		}
		usable++
	}
	if foreign > 0 && usable == 0 {
		return &Error{Op: op, Err: ErrNoCommonCodec}
	}
	next.state, next.remote = Complete, answer
	s.conclude(next)
	return nil
}

// common reports whether an answer names a format of the offer.
func common(offer, answer *sdp.Media) bool {
	if !offer.IsRTP() {
		return slices.ContainsFunc(answer.Formats, func(f string) bool {
			return slices.ContainsFunc(offer.Formats, func(o string) bool { return strings.EqualFold(o, f) })
		})
	}
	ours := offer.Codecs()
	for _, c := range answer.Codecs() {
		if indexSame(ours, c) >= 0 {
			return true
		}
	}
	return false
}

// Capabilities returns a description of all that the template can do, with
// port 0 on every m= line, for the answer to OPTIONS or for the body of a 488
// (RFC 3264 section 9). It changes nothing. Errors match [ErrNoUser],
// [ErrNoAddress] or [ErrClosed].
func (s *Session) Capabilities() (string, error) {
	const op = "Capabilities"
	if err := s.check(op); err != nil {
		return "", err
	}
	d, err := s.frame()
	if err != nil {
		return "", &Error{Op: op, Err: err}
	}
	for i := range s.user.Media {
		m := s.user.Media[i].Clone()
		m.Port, m.PortCount = 0, 0
		if m.IsRTP() {
			m.SetCodecs(m.Codecs()) // names static payload types too
		}
		setDirection(&m, m.Direction(s.user))
		d.Media = append(d.Media, m)
	}
	text, err := d.AppendText(nil)
	if err != nil {
		return "", &Error{Op: op, Err: cause{ErrBadUser, err}}
	}
	return string(text), nil
}
