package nta

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// Cancel cancels an INVITE. The CANCEL goes to the hop that the INVITE went to,
// and not before a provisional response has come (RFC 3261 section 9.1); a
// request that has not left at all fails at once with ErrCanceled. The result
// comes as any other: usually 487, a 2xx if it crossed the CANCEL (acknowledge
// it, then end the dialog with BYE), or ErrCanceled when nothing comes in 64*T1.
// set adds headers, such as Reason. The error is ErrTooLate after the final
// response, or ErrNotInvite. A second call does nothing.
func (o *Outgoing) Cancel(set ...msg.Setter) (err error) {
	o.sh.run(func(s *Step) { err = o.CancelStep(s, set...) })
	return err
}

// CancelStep is [Outgoing.Cancel] inside a step.
func (o *Outgoing) CancelStep(s *Step, set ...msg.Setter) error {
	switch {
	case o.req.Method() != sip.MethodInvite:
		return ErrNotInvite
	case o.done || o.final:
		return ErrTooLate
	case o.canceling:
		return nil
	}
	o.canceling = true
	o.cancelSet = set
	switch {
	case o.tx == nil || o.tx.gone: // on its way to a hop
		o.fail(s, &TransactionError{Op: "cancel", Hop: o.hop, Err: ErrCanceled})
	case o.answered:
		o.sendCancel(s)
	}
	return nil
}

// sendCancel sends the CANCEL as a transaction of its own, of which only the
// end matters: what came of it is told by the INVITE.
func (o *Outgoing) sendCancel(s *Step) {
	o.canceled = true
	sh, tx := o.sh, o.tx
	req, err := sameHop(sip.Request{Message: tx.msg}, sip.MethodCancel, o.cancelSet...)
	if err == nil {
		req, err = sh.a.dressHop(req)
	}
	if err == nil {
		_, err = sh.launch(s, tx.flow, tx.hop, req.Message, nil)
	}
	if err != nil {
		s.Defer(func() { sh.a.cfg.Logger.Warn("CANCEL not sent", "err", err) })
	}
	tx.input(s, inCancel, sip.Response{})
}

func (a *Agent) dressHop(req sip.Request) (sip.Request, error) {
	if a.cfg.UserAgent == "" || sip.UserAgent.Has(req) {
		return req, nil
	}
	return req.Edit(sip.UserAgent.Text(a.cfg.UserAgent).AsRead())
}
