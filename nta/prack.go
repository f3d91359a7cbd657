package nta

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// early is what is known of one early dialog of an INVITE that was sent: the
// latest reliable provisional response (RFC 3262 section 4).
type early struct {
	tag  string
	rseq uint32
	leg  *Leg // for PRACK, if the user made none
}

// outOfOrder reports whether a response is a reliable one that must be neither
// acknowledged nor processed: a repetition, or one that came before its time
// (section 4). Each early dialog counts for itself.
func (o *Outgoing) outOfOrder(resp sip.Response) bool {
	if o.forwarded || resp.Status() == 100 {
		return false
	}
	rseq, ok := reliableSeq(resp)
	if !ok {
		return false
	}
	tag := resp.ToTag()
	for i := range o.early {
		if e := &o.early[i]; e.tag == tag {
			if rseq != e.rseq+1 {
				return true
			}
			e.rseq = rseq
			return false
		}
	}
	if len(o.early) >= o.sh.a.cfg.QueueSize {
		return true
	}
	o.early = append(o.early, early{tag: tag, rseq: rseq})
	return false
}

// reliableSeq is the number of a reliable provisional response.
func reliableSeq(resp sip.Response) (uint32, bool) {
	if s := resp.Status(); s <= 100 || s >= 200 || !requires100rel(resp) {
		return 0, false
	}
	rseq, ok, err := sip.RSeq.Get(resp)
	return rseq, ok && err == nil
}

// IsReliable reports whether a provisional response is to be acknowledged with
// PRACK: it has RSeq, and 100rel in Require (RFC 3262 section 4).
func IsReliable(resp sip.Response) bool {
	_, ok := reliableSeq(resp)
	return ok
}

// Prack acknowledges a reliable provisional response to this INVITE, in the early
// dialog that it belongs to (RFC 3262 section 4). Repetitions of the response and
// those out of order do not reach the user, so that each is acknowledged once. The
// result is a transaction of its own; what the peer answers is its own affair.
// set adds the rest, such as the answer to an offer in the response. The error is
// ErrNotReliable for another response, or one of Send.
func (o *Outgoing) Prack(resp sip.Response, set ...msg.Setter) (prack *Outgoing, err error) {
	o.sh.run(func(s *Step) { prack, err = o.PrackStep(s, resp, SendConfig{}, set...) })
	return prack, err
}

// PrackStep is [Outgoing.Prack] inside a step, with a SendConfig for the PRACK.
func (o *Outgoing) PrackStep(s *Step, resp sip.Response, cfg SendConfig, set ...msg.Setter) (*Outgoing, error) {
	rseq, ok := reliableSeq(resp)
	if !ok || resp.CSeq().Method != sip.MethodInvite {
		return nil, ErrNotReliable
	}
	l, err := o.earlyLeg(resp)
	if err != nil {
		return nil, err
	}
	if len(l.routes) == 0 && cfg.Transport == "" { // what was forced for the INVITE holds in its dialog
		cfg.Transport = o.cfg.Transport
	}
	if cfg.Flow == nil {
		cfg.Flow = o.cfg.Flow
	}
	rack := sip.RAck.Set(sip.Ack{RSeq: rseq, Seq: resp.CSeq().Seq, Method: sip.MethodInvite})
	return l.SendStep(s, sip.MethodPrack, cfg, append([]msg.Setter{rack}, set...)...)
}

// earlyLeg is the dialog that a response has made: the one the user made of it,
// or one that only counts CSeq until there is such.
func (o *Outgoing) earlyLeg(resp sip.Response) (*Leg, error) {
	tag := resp.ToTag()
	if l := o.sh.legs[legKey{o.req.CallID(), o.req.FromTag(), tag}]; l != nil {
		return l, nil
	}
	for i := range o.early {
		e := &o.early[i]
		if e.tag != tag {
			continue
		}
		if e.leg == nil {
			l, err := o.leg(resp, LegConfig{})
			if err != nil {
				return nil, err
			}
			e.leg = l
		}
		return e.leg, nil
	}
	return nil, ErrNoLeg
}

// seqOf is the CSeq number that a dialog of this INVITE has come to.
func (o *Outgoing) seqOf(tag string) uint32 {
	seq := o.req.CSeq().Seq
	for i := range o.early {
		if e := &o.early[i]; e.tag == tag && e.leg != nil {
			seq = max(seq, e.leg.localSeq)
		}
	}
	return seq
}
