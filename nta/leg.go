package nta

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// legKey is the id of a dialog (RFC 3261 section 12). A peer of RFC 2543 may
// have no tag: the null tag, not an error (12.1.1).
type legKey struct{ callID, local, remote string }

// LegConfig describes a dialog. [Incoming.NewLeg] and [Outgoing.NewLeg] fill in
// every field that is left zero and that the message tells; [Agent.NewLeg]
// takes it as it stands.
type LegConfig struct {
	// CallID is the Call-ID.
	CallID string
	// Local and Remote are our From and the peer's To, tags included.
	Local, Remote sip.NameAddr
	// Target is the remote target, the Contact of the peer.
	Target sip.URI
	// RouteSet is the route set, the first hop first.
	RouteSet []sip.NameAddr
	// LocalSeq is the CSeq number of the latest request sent, RemoteSeq of the
	// latest received; 0: none yet.
	LocalSeq, RemoteSeq uint32
	// Secure says that the dialog was made over TLS with a SIPS URI (RFC 3261
	// section 12.1). It is set by itself for a dialog made of a request or
	// response that says so. The requests of such a dialog go over TLS only,
	// whatever the remote target is.
	Secure bool
	// Contact is our Contact in requests and responses that refresh the target;
	// the zero value puts none. That of a secure dialog is made a SIPS URI, see
	// [Secure].
	Contact sip.NameAddr
	// Receive is the hook of an engine for the requests of the dialog, inside
	// the step, after CSeq was checked. True: taken.
	Receive func(*Step, *Leg, *Incoming) bool
	// Serve takes the requests that Receive did not; nil: Config.Serve. See
	// [Step.Serve] for who runs it.
	Serve func(*Incoming)
}

// Leg is a dialog, or the local view of one: the identity, the route set and
// the CSeq numbers in both directions. The methods that take no [Step] are safe
// for concurrent use and must not be called from inside a step; the others need
// a step of its Call-ID. A leg lives until it is closed: nothing in it ends by
// itself.
type Leg struct {
	sh  *shard
	key legKey

	// Guarded by the shard. Strings are clones: a dialog outlives its messages.
	receiveHook func(*Step, *Leg, *Incoming) bool
	serveHook   func(*Incoming)
	local       string
	remote      string
	contact     string
	target      sip.URI
	routes      []sip.NameAddr
	localSeq    uint32
	remoteSeq   uint32
	queue       *serveQueue
	back        *tport.Key // the WebSocket connection that the dialog was made on
	secure      bool
	early       bool // made by a provisional response
	unanswered  bool // made of an INVITE that has no 2xx yet
	registered  bool
	closed      bool
}

// The errors of making a leg.
var (
	errRequest = errors.New("the request needs Call-ID and a CSeq of its own method, and must not be an ACK; see sip.NewRequest and Leg.Ack")
	errShard   = errors.New("the Call-ID belongs to another shard; use Agent.Send from Step.Defer")
	errTarget  = errors.New("the message has no usable Contact to send requests to")
)

// NewLeg makes a dialog as cfg describes it. The error is ErrBusy when there
// are too many, ErrClosed, or ErrNoLeg when there is one with these tags.
func (a *Agent) NewLeg(cfg LegConfig) (l *Leg, err error) {
	a.shard(cfg.CallID).run(func(s *Step) { l, err = s.NewLeg(cfg) })
	return l, err
}

// NewLeg is [Agent.NewLeg] inside a step of the Call-ID.
func (s *Step) NewLeg(cfg LegConfig) (*Leg, error) {
	if s.sh.a.shard(cfg.CallID) != s.sh {
		return nil, errShard
	}
	return s.sh.register(s.sh.makeLeg(cfg))
}

func (sh *shard) makeLeg(cfg LegConfig) *Leg {
	l := &Leg{
		sh:          sh,
		receiveHook: cfg.Receive, serveHook: cfg.Serve,
		local:  strings.Clone(cfg.Local.String()),
		remote: strings.Clone(cfg.Remote.String()),
		target: cloneURI(cfg.Target), routes: cloneRoutes(cfg.RouteSet),
		localSeq: cfg.LocalSeq, remoteSeq: cfg.RemoteSeq,
		secure: cfg.Secure,
	}
	l.key = legKey{strings.Clone(cfg.CallID), strings.Clone(cfg.Local.Tag()), strings.Clone(cfg.Remote.Tag())}
	if cfg.Contact.URI.Host != "" {
		l.setContact(cfg.Contact)
	}
	return l
}

func (sh *shard) register(l *Leg) (*Leg, error) {
	a := sh.a
	switch {
	case sh.closed:
		return nil, ErrClosed
	case sh.legs[l.key] != nil:
		return nil, ErrNoLeg
	case !room(a.cfg.MaxLegs, a.count.legs.Load()):
		return nil, ErrBusy
	}
	sh.legs[l.key] = l
	l.registered = true
	a.count.legs.Add(1)
	return l, nil
}

func cloneURI(u sip.URI) sip.URI {
	c, err := sip.ParseURI(strings.Clone(u.String()))
	if err != nil {
		return u
	}
	return c
}

func cloneRoutes(routes []sip.NameAddr) []sip.NameAddr {
	if len(routes) == 0 {
		return nil
	}
	clones := make([]sip.NameAddr, len(routes))
	for i, r := range routes {
		clones[i] = r
		if c, err := sip.ParseNameAddr(strings.Clone(r.String())); err == nil {
			clones[i] = c
		}
	}
	return clones
}

// NewLeg makes the dialog of which this request is the first (RFC 3261 section
// 12.1.1): the local tag is [Incoming.Tag], the route set the Record-Route of
// the request in order. Later requests of the dialog wait for the user code of
// this one, as if it had been there before. Fields of cfg that are set go before
// what the request says.
func (in *Incoming) NewLeg(_ *Step, cfg LegConfig) (*Leg, error) {
	req := in.req
	if in.leg != nil || in.ack {
		return nil, ErrNoLeg
	}
	var err error
	or(&cfg.CallID, req.CallID())
	if cfg.Local.Tag() == "" {
		if cfg.Local.URI.Scheme == "" {
			if cfg.Local, err = req.To(); err != nil {
				return nil, err
			}
		}
		cfg.Local = cfg.Local.WithTag(in.tag)
	}
	if cfg.Remote.URI.Scheme == "" {
		if cfg.Remote, err = req.From(); err != nil {
			return nil, err
		}
	}
	if cfg.Target.Scheme == "" {
		if cfg.Target, err = contactOf(req); err != nil {
			return nil, err
		}
	}
	if cfg.RouteSet == nil {
		if cfg.RouteSet, err = recordRoute(req); err != nil {
			return nil, err
		}
	}
	or(&cfg.RemoteSeq, req.CSeq().Seq)
	cfg.Secure = cfg.Secure || in.secured()
	l := in.sh.makeLeg(cfg)
	l.cameBy(in.d.Flow)
	l.queue = in.ownQueue()
	l.unanswered = in.tx.invite && !in.final
	if _, err := in.sh.register(l); err != nil {
		return nil, err
	}
	in.leg = l
	return l, nil
}

// Dialog is [Incoming.NewLeg] outside a step.
func (in *Incoming) Dialog(cfg LegConfig) (l *Leg, err error) {
	in.sh.run(func(s *Step) { l, err = in.NewLeg(s, cfg) })
	return l, err
}

// NewLeg makes the dialog that a response with a To tag has made (RFC 3261
// section 12.1.2): one for each tag, when the request was forked. The route set
// is the Record-Route of the response, reversed; it is early, and may be
// replaced once by [Leg.Refresh], if the response is provisional.
func (o *Outgoing) NewLeg(_ *Step, resp sip.Response, cfg LegConfig) (*Leg, error) {
	l, err := o.leg(resp, cfg)
	if err != nil {
		return nil, err
	}
	return o.sh.register(l)
}

// Dialog is [Outgoing.NewLeg] outside a step.
func (o *Outgoing) Dialog(resp sip.Response, cfg LegConfig) (l *Leg, err error) {
	o.sh.run(func(s *Step) { l, err = o.NewLeg(s, resp, cfg) })
	return l, err
}

func (o *Outgoing) leg(resp sip.Response, cfg LegConfig) (*Leg, error) {
	if status := resp.Status(); status <= 100 || status >= 300 {
		return nil, ErrNoLeg
	}
	var err error
	or(&cfg.CallID, o.req.CallID())
	if cfg.Local.URI.Scheme == "" {
		if cfg.Local, err = o.req.From(); err != nil {
			return nil, err
		}
	}
	if cfg.Remote.URI.Scheme == "" {
		if cfg.Remote, err = resp.To(); err != nil {
			return nil, err
		}
	}
	if cfg.Target.Scheme == "" {
		if cfg.Target, err = contactOf(resp); err != nil {
			// A provisional response need not have one (12.1): until it is known,
			// the dialog is reached as the request was.
			if cfg.Target, err = o.req.URI(); err != nil {
				return nil, err
			}
		}
	}
	if cfg.RouteSet == nil {
		if cfg.RouteSet, err = reversedRoute(resp); err != nil {
			return nil, err
		}
	}
	or(&cfg.LocalSeq, o.seqOf(cfg.Remote.Tag()))
	cfg.Secure = cfg.Secure || o.sips()
	l := o.sh.makeLeg(cfg)
	l.cameBy(o.FlowStep(nil))
	l.early = resp.Status() < 200
	return l, nil
}

// cameBy notes the connection that the peer was heard on, if it is a WebSocket
// (what URIs say does not always lead back to it) or has at its other end the
// address that the peer gives as its own.
func (l *Leg) cameBy(f *tport.Flow) {
	if f == nil || !f.Reliable() || !webSocket(f.Proto()) && !l.at(f.Remote()) {
		return
	}
	if k := f.Key(); l.back == nil || *l.back != k {
		l.back = &k
	}
}

// at reports whether the remote target is an address and port.
func (l *Leg) at(p netip.AddrPort) bool {
	if l.target.Port == 0 || l.target.Port != p.Port() {
		return false
	}
	a, numeric := address(l.target.Host)
	return numeric && a.Unmap() == p.Addr()
}

// contactOf is the one Contact of a message that refreshes the target.
func contactOf(m msg.Source) (sip.URI, error) {
	c, ok, err := sip.Contact.Get(m)
	if err != nil || !ok || c.Star() {
		return sip.URI{}, errTarget
	}
	return c.URI, nil
}

func recordRoute(m msg.Source) (routes []sip.NameAddr, err error) {
	for r, err := range sip.RecordRoute.All(m) {
		if err != nil {
			return nil, err
		}
		routes = append(routes, r)
	}
	return routes, nil
}

func reversedRoute(m msg.Source) ([]sip.NameAddr, error) {
	routes, err := recordRoute(m)
	for i, j := 0, len(routes)-1; i < j; i, j = i+1, j-1 {
		routes[i], routes[j] = routes[j], routes[i]
	}
	return routes, err
}

// targetRefresh reports whether a request of this method carries the Contact of
// its sender and changes the remote target of the other side (12.2, RFC 3311,
// RFC 6665, RFC 3515).
func targetRefresh(method string) bool {
	switch method {
	case "INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER":
		return true
	}
	return false
}
