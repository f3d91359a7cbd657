package nta

import (
	"context"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// statelessSender sends one request without a transaction.
type statelessSender struct {
	seeker
	result chan error // one slot
}

func (k *statelessSender) found(_ *Step, f *tport.Flow, _ sresolv.Hop, m *msg.Message) error {
	if err := f.Send(m); err != nil {
		k.sh.a.count.sendErrors.Add(1)
		return err
	}
	k.sh.a.count.requestsSent.Add(1)
	k.end()
	k.result <- nil
	return nil
}

func (k *statelessSender) lost(_ *Step, err error) { k.result <- err }

// SendStateless sends a request once, with our Via on top, without keeping
// anything: an ACK that is forwarded, or a request of a stateless proxy, whose
// SendConfig.Branch must then be the same for retransmissions (RFC 3261 section
// 16.11). It waits until the message was given to a flow; ctx bounds that.
// SendConfig.Respond and Leg mean nothing here; responses come to
// Config.Stateless. The error is a *TransactionError, or that of ctx.
func (a *Agent) SendStateless(ctx context.Context, req sip.Request, cfg SendConfig) error {
	sh := a.shard(req.CallID())
	k := &statelessSender{result: make(chan error, 1)}
	k.seeker = seeker{sh: sh, req: req, cfg: cfg, to: k}
	sh.run(func(s *Step) {
		if sh.closed {
			k.result <- &TransactionError{Op: "send", Err: ErrClosed}
			return
		}
		k.start(s)
	})
	select {
	case err := <-k.result:
		return err
	case <-ctx.Done():
		sh.run(func(*Step) { k.end() })
		return context.Cause(ctx)
	}
}
