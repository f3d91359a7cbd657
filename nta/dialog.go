package nta

import (
	"slices"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// maxSeq is the greatest CSeq number that may be sent (8.1.1.5).
const maxSeq = 1<<31 - 1

// CallID returns the Call-ID.
func (l *Leg) CallID() string { return l.key.callID }

// LocalTag returns our tag.
func (l *Leg) LocalTag() string { return l.key.local }

// RemoteTag returns the tag of the peer, empty for a peer of RFC 2543.
func (l *Leg) RemoteTag() string { return l.key.remote }

// Secure reports whether the dialog must be kept to SIPS.
func (l *Leg) Secure() bool { return l.secure }

// Target returns the remote target: where requests go in the end.
func (l *Leg) Target(*Step) sip.URI { return l.target }

// RouteSet returns the route set, the first hop first. The slice is a copy.
func (l *Leg) RouteSet(*Step) []sip.NameAddr { return slices.Clone(l.routes) }

// LocalSeq returns the CSeq number of the latest request sent in the dialog.
func (l *Leg) LocalSeq(*Step) uint32 { return l.localSeq }

// SetContact changes what [LegConfig.Contact] set.
func (l *Leg) SetContact(_ *Step, c sip.NameAddr) { l.setContact(c) }

func (l *Leg) setContact(c sip.NameAddr) {
	if l.secure {
		c = Secure(c)
	}
	l.contact = c.String()
}

// NewRequest makes a request of the dialog (RFC 3261 section 12.2.1.1): From,
// To, Call-ID, the next CSeq (the present one for ACK and CANCEL), Route and
// Request-URI by the route set, and our Contact if the method refreshes the
// target. set adds the rest, and may replace all of these. The error is ErrNoLeg
// after Close, or that of a setter.
func (l *Leg) NewRequest(_ *Step, method string, set ...msg.Setter) (sip.Request, error) {
	if l.closed {
		return sip.Request{}, ErrNoLeg
	}
	seq := l.localSeq
	if method != sip.MethodAck && method != sip.MethodCancel {
		if seq++; seq > maxSeq {
			return sip.Request{}, ErrNoLeg
		}
	}
	uri, routes := l.target, l.routes
	if len(routes) > 0 && !routes[0].URI.Loose() { // 12.2.1.1: a strict router swaps
		uri = routes[0].URI
		uri.Headers = ""
		uri.Params = uri.Params.Without("method")
		routes = append(slices.Clone(routes[1:]), sip.NameAddr{URI: l.target})
	}
	own := make([]msg.Setter, 0, len(set)+6)
	own = append(own,
		sip.From.Text(l.local).AsRead(), sip.To.Text(l.remote).AsRead(), sip.CallID.Text(l.key.callID).AsRead(),
		sip.CSeq.Set(sip.Sequence{Seq: seq, Method: method}))
	if len(routes) > 0 {
		own = append(own, sip.Route.Set(routes...).AsRead())
	}
	if l.contact != "" && targetRefresh(method) {
		own = append(own, sip.Contact.Text(l.contact).AsRead())
	}
	own = append(own, sip.RequestURI(uri).AsRead()) // as the peer has written its Contact
	req, err := sip.NewRequest(method, uri, append(own, set...)...)
	if err != nil {
		return req, err
	}
	l.localSeq = max(seq, l.localSeq)
	return req, nil
}

// SendStep makes a request with [Leg.NewRequest] and sends it. cfg.Leg is set.
func (l *Leg) SendStep(s *Step, method string, cfg SendConfig, set ...msg.Setter) (*Outgoing, error) {
	req, err := l.NewRequest(s, method, set...)
	if err != nil {
		return nil, err
	}
	cfg.Leg = l
	return s.Send(req, cfg)
}

// Send is [Leg.SendStep] outside a step, with the zero SendConfig.
func (l *Leg) Send(method string, set ...msg.Setter) (o *Outgoing, err error) {
	l.sh.run(func(s *Step) { o, err = l.SendStep(s, method, SendConfig{}, set...) })
	return o, err
}

// Refresh takes the remote target from the Contact of a target refresh request,
// or of a provisional or 2xx response to one (RFC 3261 section 12.2, RFC 6141
// section 4.7). The route set stays, but for a leg that a provisional response
// made: the first 2xx to the INVITE fixes it (13.2.2.4). Another message, and
// one without Contact, changes nothing.
func (l *Leg) Refresh(_ *Step, m msg.Source) {
	method := ""
	resp, answer := sip.AsResponse(m.Msg())
	if req, ok := sip.AsRequest(m.Msg()); ok {
		method = req.Method()
	} else if answer && resp.Status() < 300 { // the Contact of a 3xx is elsewhere
		method = resp.CSeq().Method
	}
	if !targetRefresh(method) {
		return
	}
	if target, err := contactOf(m); err == nil {
		l.target = cloneURI(target)
	}
	if !answer || !l.early || resp.Status() < 200 || method != sip.MethodInvite {
		return
	}
	l.early = false
	if routes, err := reversedRoute(resp); err == nil {
		l.routes = cloneRoutes(routes)
	}
}

// Close ends the leg: requests of the dialog are answered 481 from now on.
// Transactions under way go on, and so does user code.
func (l *Leg) Close(*Step) {
	l.closed = true
	if l.registered {
		l.registered = false
		delete(l.sh.legs, l.key)
		l.sh.a.count.legs.Add(-1)
	}
}

// End is [Leg.Close] outside a step.
func (l *Leg) End() { l.sh.run(l.Close) }

// inOrder makes a request one of the dialog and checks its CSeq.
func (l *Leg) inOrder(s *Step, in *Incoming) bool {
	if l.queue == nil {
		l.queue = &serveQueue{}
	}
	in.leg, in.queue = l, l.queue
	if seq := in.req.CSeq().Seq; seq < l.remoteSeq { // 12.2.2
		s.Reply(in, 500, sip.Phrase("CSeq Out Of Order"))
		return false
	} else {
		l.remoteSeq = seq
	}
	l.cameBy(in.d.Flow)
	return true
}

// receive takes a request of the dialog.
func (l *Leg) receive(s *Step, in *Incoming) {
	if !l.inOrder(s, in) {
		return
	}
	a := l.sh.a
	switch {
	case l.receiveHook != nil && l.receiveHook(s, l, in):
	case l.serveHook != nil:
		s.serve(in, l.serveHook)
	case a.cfg.Serve != nil:
		s.serve(in, a.cfg.Serve)
	default:
		s.Reply(in, 501)
	}
}
