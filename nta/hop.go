package nta

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// mtuDial is how long a large request waits for a TCP connection before it
// goes back to UDP.
const mtuDial = 4 * time.Second

// seeker finds a flow for a request, hop after hop (RFC 3263 section 4). It is
// part of what it seeks for and guarded by the shard; what must wait runs on a
// goroutine of the agent and comes back in a step.
type seeker struct {
	sh       *shard
	req      sip.Request // without our Via
	cfg      SendConfig
	to       sought
	walk     *sresolv.Walk
	hop      sresolv.Hop // as the resolver gave it
	proto    string      // that is used towards it: TCP for what is too large for UDP
	branch   string      // for the next hop; "": a fresh one
	err      error       // of the hop before
	stop     context.CancelFunc
	fresh    bool // its connection was made for us
	datagram bool // the request is large, but TCP was refused
	ended    bool
}

// sought is told what a seeker found.
type sought interface {
	// found has a flow, and the request with our Via. An error makes the seeker
	// go on.
	found(s *Step, f *tport.Flow, hop sresolv.Hop, m *msg.Message) error
	// lost is the end of the walk. err is that of the last hop, or of the walk.
	lost(s *Step, err error)
}

// start takes the first hop.
func (k *seeker) start(s *Step) {
	k.branch = k.cfg.Branch
	if k.cfg.Flow != nil {
		k.force(s, k.cfg.Flow)
		return
	}
	target, err := k.target()
	if err != nil {
		k.lose(s, &TransactionError{Op: "resolve", Err: err})
		return
	}
	if f := k.wayBack(target); f != nil {
		k.cfg.Flow = f
		k.force(s, f)
		return
	}
	k.walk = k.sh.a.resolver.Load().Walk(target)
	k.next(s)
}

// force sends by a flow that is given, and by no other.
func (k *seeker) force(s *Step, f *tport.Flow) {
	k.hop, k.proto = hopOf(f), f.Proto()
	k.try(s, f)
}

// target is where the request goes first: NextHop, the top Route, or the
// Request-URI (8.1.2).
func (k *seeker) target() (sresolv.Target, error) {
	var uri sip.URI
	if k.cfg.NextHop != nil {
		uri = *k.cfg.NextHop
	} else if route, ok, err := sip.Route.Get(k.req); err != nil {
		return sresolv.Target{}, err
	} else if ok {
		uri = route.URI
	} else if uri, err = k.req.URI(); err != nil {
		return sresolv.Target{}, err
	}
	t := sresolv.Target{
		Scheme: uri.Scheme, Host: uri.Host, Port: uri.Port,
		Transport: uri.Transport(), Maddr: uri.Maddr(),
	}
	if k.cfg.Transport != "" {
		t.Transport = k.cfg.Transport
	}
	if k.sips() { // 8.1.2: whatever the route says
		t.Scheme = "sips"
	}
	return t, nil
}

// wayBack returns the connection that leads to a target where no other can: a
// WebSocket client writes a host under .invalid (RFC 7118 appendix B.1).
func (k *seeker) wayBack(target sresolv.Target) *tport.Flow {
	if target.Maddr != "" {
		return nil
	}
	if unreachable(target.Host) {
		return k.back()
	}
	// A client that listens on no port writes the one of its connection.
	if a, numeric := address(target.Host); numeric && target.Port != 0 {
		if f := k.back(); f != nil && f.Remote() == netip.AddrPortFrom(a.Unmap(), target.Port) {
			return f
		}
	}
	return nil
}

// back returns the open connection that the peer of the dialog was heard on, nil
// without one.
func (k *seeker) back() *tport.Flow {
	if k.cfg.Leg == nil || k.cfg.Leg.back == nil {
		return nil
	}
	f, _ := k.sh.a.tp.Find(*k.cfg.Leg.back)
	return f
}

// sealed returns the open connection over TLS to a hop that a URI names with
// transport=ws: that stands for both, and servers write it for both (RFC 7118
// section 5.2).
func (k *seeker) sealed(name tport.Name) *tport.Flow {
	name.Proto = tport.WSS
	if f, ok := k.sh.a.tp.Ready(name); ok {
		return f
	}
	if f := k.back(); f != nil && f.Proto() == tport.WSS && f.Remote() == k.hop.Addr {
		return f
	}
	return nil
}

// more reports whether there may be another hop.
func (k *seeker) more() bool {
	return !k.ended && k.walk != nil && !k.walk.Exhausted()
}

// next takes the next hop, and ends the walk if there is none.
func (k *seeker) next(s *Step) {
	if k.ended {
		return
	}
	if k.walk == nil {
		k.lose(s, k.err)
		return
	}
	k.datagram = false
	if hop, ok := k.walk.Ready(); ok {
		k.use(s, hop)
		return
	}
	if k.walk.Exhausted() {
		_, err := k.walk.Next(k.sh.a.ctx) // does not wait
		k.exhausted(s, err)
		return
	}
	k.wait(s, 0, func(ctx context.Context) func(*Step) {
		hop, err := k.walk.Next(ctx)
		return func(s *Step) {
			if err != nil {
				k.exhausted(s, err)
				return
			}
			k.use(s, hop)
		}
	})
}

// exhausted is the end of the walk.
func (k *seeker) exhausted(s *Step, err error) {
	if k.err == nil { // a hop that failed tells more than a look-up
		k.err = &TransactionError{Op: "resolve", Hop: k.hop, Err: err}
	}
	k.lose(s, k.err)
}

// wait runs f on a goroutine and steps what it returns, unless the seeker was
// stopped. It gives up after 64*T1 as any transaction does, or after limit.
func (k *seeker) wait(s *Step, limit time.Duration, f func(context.Context) func(*Step)) {
	if limit == 0 {
		limit = k.sh.a.timing[0].timeout
	}
	bound, stop := context.WithCancel(k.sh.a.ctx)
	k.stop = stop
	start := k.sh.a.reserve(func() {
		ctx, cancel := context.WithTimeout(bound, limit)
		then := f(ctx)
		cancel()
		stop()
		k.sh.run(func(s *Step) {
			if !k.ended {
				then(s)
			}
		})
	})
	if start == nil { // Close has begun
		stop()
		k.lose(s, &TransactionError{Op: "send", Hop: k.hop, Err: ErrClosed})
		return
	}
	s.Defer(start)
}

// use sends by a hop.
func (k *seeker) use(s *Step, hop sresolv.Hop) {
	k.hop = hop
	k.connect(s, hop.Transport, false)
}

// connect finds or makes the flow to the hop.
func (k *seeker) connect(s *Step, proto string, anew bool) {
	a := k.sh.a
	name := tport.Name{
		Proto: proto, Host: k.hop.Addr.Addr().String(), Port: k.hop.Addr.Port(), ServerName: k.hop.Name,
	}
	k.fresh, k.proto = anew, proto
	if !anew && proto == tport.WS {
		if f := k.sealed(name); f != nil {
			k.try(s, f)
			return
		}
	}
	if !anew {
		if f, ok := a.tp.Ready(name); ok {
			k.try(s, f)
			return
		}
		k.fresh = true
	}
	upgraded := proto != k.hop.Transport
	limit := time.Duration(0)
	if upgraded {
		limit = mtuDial
	}
	k.wait(s, limit, func(ctx context.Context) func(*Step) {
		f, err := a.tp.Dial(ctx, name)
		return func(s *Step) {
			switch {
			case err == nil:
				k.try(s, f)
			case upgraded: // 18.1.1: refused, so UDP after all
				a.count.backToUDP.Add(1)
				k.datagram = true
				k.connect(s, k.hop.Transport, false)
			default:
				k.failed(s, "dial", err)
			}
		}
	})
}

// try gives the request to a flow, or the hop up.
func (k *seeker) try(s *Step, f *tport.Flow) {
	a := k.sh.a
	if f.TLS() == nil && k.sips() {
		k.failed(s, "send", ErrInsecure)
		return
	}
	branch := k.branch
	if branch == "" {
		branch = sip.NewBranch(a.cfg.Rand)
	}
	set := []msg.Setter{sip.Via.Push(k.cfg.via(a.via(f, branch), branch))}
	if contact, ok := a.placeContact(k.req, f); ok {
		set = append(set, contact)
	}
	m, err := k.req.Edit(set...)
	if err != nil {
		k.lose(s, err)
		return
	}
	free := f.Proto() == tport.UDP && !k.datagram && k.cfg.Flow == nil // to go over TCP
	if free && a.large(f, m.Len()) {                                   // 18.1.1
		k.toTCP(s)
		return
	}
	k.proto = f.Proto()
	switch err := k.to.found(s, f, k.at(), m.Message); {
	case err == nil:
		k.branch = "" // of the next hop: 8.1.1.7, RFC 3263 4.3
	case free && errors.Is(err, tport.ErrTooLarge):
		k.toTCP(s)
	case f.Reliable() && !k.fresh && k.walk != nil: // it had gone while it was idle
		k.connect(s, f.Proto(), true)
	default:
		k.failed(s, "send", err)
	}
}

// toTCP sends to the hop by TCP what is too large for UDP (18.1.1).
func (k *seeker) toTCP(s *Step) {
	k.sh.a.count.largeRequests.Add(1)
	k.connect(s, tport.TCP, false)
}

// at is the hop as it was tried.
func (k *seeker) at() sresolv.Hop {
	hop := k.hop
	if k.proto != "" {
		hop.Transport = k.proto
	}
	return hop
}

// large reports whether a request of n octets is one for TCP (18.1.1): above the
// size of the config, or within 200 octets of a path that is known to be narrower.
func (a *Agent) large(f *tport.Flow, n int) bool {
	if a.cfg.MTU <= 0 || n <= a.cfg.MTU && n <= narrowest-pathMargin {
		return false
	}
	if n > a.cfg.MTU {
		return true
	}
	mtu := f.MTU()
	return mtu > 0 && n+pathMargin > mtu
}

// failed notes why a hop failed and takes the next.
func (k *seeker) failed(s *Step, op string, err error) {
	failure := &TransactionError{Op: op, Hop: k.at(), Err: err}
	k.err = failure
	if !local(err) {
		k.avoid(0)
	}
	k.note(s, failure)
	k.leave(s)
}

// note counts a hop that failed, and tells of it.
func (k *seeker) note(s *Step, why error) {
	a := k.sh.a
	a.count.failedHops.Add(1)
	if f := a.cfg.Trace.HopFailed; f != nil {
		m, hop := k.req.Message, k.at()
		s.Defer(func() { f(m, hop, why) })
	}
}

// leave goes from a hop to the next.
func (k *seeker) leave(s *Step) {
	k.branch = ""
	if k.more() {
		k.sh.a.count.failovers.Add(1)
	}
	k.next(s)
}

// avoid has the resolver give the hop last for a while.
func (k *seeker) avoid(retryAfter time.Duration) {
	if k.walk != nil {
		k.sh.a.resolver.Load().MarkFailed(k.at(), retryAfter)
	}
}

// works takes back what an earlier failure said of the hop.
func (k *seeker) works() {
	if k.walk != nil {
		k.sh.a.resolver.Load().MarkWorking(k.at())
	}
}

// local reports whether an error says nothing of the peer.
func local(err error) bool {
	for _, e := range [...]error{
		ErrInsecure, ErrClosed, errBranch, tport.ErrClosed, tport.ErrQueueFull, tport.ErrTooLarge, tport.ErrNoTransport,
		tport.ErrUnbound, tport.ErrAddressGone, tport.ErrTooManyFlows, tport.ErrMemory, tport.ErrShed, context.Canceled,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (k *seeker) lose(s *Step, err error) {
	if k.ended {
		return
	}
	if k.sh.a.ctx.Err() != nil {
		err = &TransactionError{Op: "send", Hop: k.hop, Err: ErrClosed}
	}
	k.end()
	k.to.lost(s, err)
}

// end stops the seeker: nothing will be found any more.
func (k *seeker) end() {
	k.ended = true
	if k.stop != nil {
		k.stop()
	}
}
