package nta

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// fork is one dialog that answered an INVITE 2xx, and the ACK it got.
type fork struct {
	tag string
	ack *ackSender // nil until the user acknowledged
}

// repeat sends the ACK again for a retransmitted 2xx (13.2.2.4).
func (f *fork) repeat(s *Step) {
	if f.ack != nil {
		f.ack.repeat(s)
	}
}

// ackSender sends the ACK for a 2xx: a request without a transaction, that goes
// its own way by the route set of the dialog.
type ackSender struct {
	seeker
	flow *tport.Flow
	msg  *msg.Message
}

func (k *ackSender) found(_ *Step, f *tport.Flow, _ sresolv.Hop, m *msg.Message) error {
	if err := f.Send(m); err != nil {
		k.sh.a.count.sendErrors.Add(1)
		return err
	}
	k.sh.a.count.acksSent.Add(1)
	k.flow, k.msg = f, m
	return nil
}

// lost: the peer repeats its 2xx, and the ACK is tried anew then.
func (k *ackSender) lost(s *Step, err error) {
	s.Defer(func() { k.sh.a.cfg.Logger.Info("ACK not sent", "err", err) })
}

func (k *ackSender) repeat(s *Step) {
	switch {
	case k.flow != nil && k.flow.Send(k.msg) == nil: // the very same, with its branch
		k.sh.a.count.acksSent.Add(1)
	case k.flow != nil || k.ended:
		k.seeker = seeker{sh: k.sh, req: k.req, cfg: k.cfg, to: k}
		k.flow = nil
		k.start(s)
	}
}

// Ack acknowledges a 2xx to an INVITE of this dialog: a request with the number
// of the INVITE's CSeq, a branch of its own, and the credentials of the INVITE
// unless set has some (RFC 3261 sections 13.2.2.4 and 22.1). It is repeated for
// every retransmission of the 2xx. s is a step of this dialog.
func (l *Leg) Ack(s *Step, resp sip.Response, set ...msg.Setter) error {
	return l.ack(s, l.outgoing(resp), resp, set)
}

// outgoing finds the INVITE that a response belongs to, nil if it is over.
func (l *Leg) outgoing(resp sip.Response) *Outgoing {
	tx := l.sh.clients[l.sh.a.keys.client(resp.TopVia().Branch(), sip.MethodInvite)]
	if tx == nil {
		return nil
	}
	return tx.out
}

func (l *Leg) ack(s *Step, o *Outgoing, resp sip.Response, set []msg.Setter) error {
	seq := resp.CSeq()
	if seq.Method != sip.MethodInvite || resp.Status()/100 != 2 {
		return ErrNotInvite
	}
	own := []msg.Setter{sip.CSeq.Set(sip.Sequence{Seq: seq.Seq, Method: sip.MethodAck})}
	cfg := SendConfig{Leg: l}
	if o != nil {
		own = append(own, authorization.Copy(o.req), proxyAuthorization.Copy(o.req))
		if len(l.routes) == 0 { // what was forced for the INVITE holds for its ACK
			cfg.Transport = o.cfg.Transport
		}
		cfg.Flow = o.cfg.Flow
	}
	req, err := l.NewRequest(s, sip.MethodAck, append(own, set...)...)
	if err != nil {
		return err
	}
	if req, err = l.sh.a.dress(req); err != nil {
		return err
	}
	k := &ackSender{}
	k.seeker = seeker{sh: l.sh, req: req, cfg: cfg, to: k}
	if o != nil {
		for i := range o.forks {
			if o.forks[i].tag == resp.ToTag() {
				o.forks[i].ack = k
			}
		}
	}
	k.start(s)
	return nil
}

// Ack acknowledges a 2xx to an INVITE that was sent with [Agent.Send], for
// users without a [Leg] for it. See [Leg.Ack].
func (o *Outgoing) Ack(resp sip.Response, set ...msg.Setter) (err error) {
	o.sh.run(func(s *Step) {
		l := o.cfg.Leg
		if l == nil {
			if l, err = o.leg(resp, LegConfig{}); err != nil {
				return
			}
		}
		err = l.ack(s, o, resp, set)
	})
	return err
}
