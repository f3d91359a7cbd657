package nta

import (
	"context"
	"errors"
	"hash/maphash"
	"strconv"
	"strings"

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
// 16.11), which the default is for a request that has a Via. It waits until the message was given to a flow; ctx bounds that.
// SendConfig.Respond and Leg mean nothing here; responses come to
// Config.Stateless. The error is a *TransactionError, or that of ctx.
func (a *Agent) SendStateless(ctx context.Context, req sip.Request, cfg SendConfig) error {
	sh := a.shard(req.CallID())
	if cfg.Branch == "" && sip.Via.Has(req) {
		cfg.Branch = a.statelessBranch(req)
	}
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

// statelessBranch is the same for each retransmission of a request, and for its
// CANCEL and the ACK for a non-2xx, and differs otherwise (16.11).
func (a *Agent) statelessBranch(req sip.Request) string {
	via := req.TopVia()
	var h maphash.Hash
	h.SetSeed(a.tagger)
	part := func(s string) {
		h.WriteString(s)
		h.WriteByte(0)
	}
	part(via.Host)
	part(strconv.Itoa(int(via.Port)))
	part(via.Received()) // another sender that has made the same branch
	if branch := via.Branch(); strings.HasPrefix(branch, magic) {
		part(branch)
	} else { // of RFC 2543
		part(req.ToTag())
		part(req.FromTag())
		part(req.CallID())
		part(strconv.Itoa(int(req.CSeq().Seq)))
		part(req.RequestURI())
		part(branch)
	}
	return magic + "-" + strconv.FormatUint(h.Sum64(), 36)
}

var (
	errNotOurs  = errors.New("the response does not belong here: its top Via is not ours, or it has no other with an address")
	errResponse = errors.New("only a response is relayed")
)

// RelayStateless forwards a response without a transaction, as a stateless proxy
// does (RFC 3261 section 16.11): the top Via, which must be ours, is taken off,
// and the response goes where the next one says (section 18.2.2): to its received
// address, at the port of rport or of sent-by, over the connection that leads
// there, or a new one. It never waits: what a new connection brings is not told.
// It is for [Config].Stateless, and returns what is wrong with the response, or
// the error of the transport.
func (a *Agent) RelayStateless(d *tport.Delivery) error {
	resp, ok := sip.AsResponse(d.Msg)
	if !ok {
		return errResponse
	}
	via := resp.TopVia()
	if !a.here(sip.URI{Scheme: "sip", Host: via.Host, Port: sentPort(via)}, d) {
		return errNotOurs
	}
	resp, err := resp.Edit(sip.Via.Pop())
	if err != nil {
		return err
	}
	via = resp.TopVia()
	host := via.Host
	if received, ok := via.Params.Get("received"); ok {
		host = received
	}
	addr, numeric := address(strings.Trim(host, "[]"))
	if !numeric {
		return errNotOurs
	}
	name := tport.Name{Proto: strings.ToLower(via.Transport), Host: addr.String(), Port: sentPort(via)}
	if port, _, _ := via.RPort(); port != 0 {
		back := name
		back.Port = port
		if f, ok := a.tp.Ready(back); ok {
			return a.relay(f, resp)
		}
	}
	if f, ok := a.tp.Ready(name); ok {
		return a.relay(f, resp)
	}
	a.Go(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, a.timing[0].timeout)
		defer cancel()
		f, err := a.tp.Dial(ctx, name)
		if err == nil {
			err = a.relay(f, resp)
		}
		if err != nil {
			a.cfg.Logger.Info("response lost", "to", name, "err", err)
		}
	})
	return nil
}

func (a *Agent) relay(f *tport.Flow, resp sip.Response) error {
	if err := f.Send(resp.Message); err != nil {
		a.count.sendErrors.Add(1)
		return err
	}
	a.count.statelessSent.Add(1)
	return nil
}
