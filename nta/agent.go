package nta

import (
	"context"
	"hash/maphash"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
)

// Agent owns transactions and dialogs over a set of transports. Its methods
// are safe for concurrent use, but must not be called from inside a step: there
// the methods of [Step] take their place.
type Agent struct {
	cfg     Config
	nowhere string     // our host where nobody can connect to us
	unseen  bool       // no trace has a request before it is stamped
	timing  [2]*timing // unreliable, reliable
	tp      *tport.Transport
	keys    keyer
	choose  maphash.Seed // of a shard
	tagger  maphash.Seed // of the tags of stateless replies
	shards  []*shard
	count   counters
	source  *sources

	resolver atomic.Pointer[sresolv.Resolver]

	ctx   context.Context // of the agent's goroutines: ends at Close
	end   context.CancelCauseFunc
	serve context.Context // of Incoming.Context: ends at Shutdown
	drain context.CancelCauseFunc

	draining atomic.Bool
	idle     chan struct{} // one slot: something ended while draining

	mu     sync.Mutex // leaf: never held while waiting or calling
	closed bool
	work   sync.WaitGroup
	own    []*sresolv.Resolver // made here
}

// New returns an agent that listens on nothing yet. The error says which field
// of the Config is out of range.
func New(cfg Config) (*Agent, error) {
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	a := &Agent{
		cfg:    cfg,
		timing: [2]*timing{cfg.Timers.timing(false), cfg.Timers.timing(true)},
		keys:   newKeyer(),
		choose: maphash.MakeSeed(),
		tagger: maphash.MakeSeed(),
		shards: make([]*shard, cfg.Shards),
		idle:   make(chan struct{}, 1),
		source: newSources(cfg.MaxServerTransactionsPerSource),
	}
	a.nowhere = sip.NewTag(cfg.Rand) + invalid
	a.ctx, a.end = context.WithCancelCause(context.Background())
	a.serve, a.drain = context.WithCancelCause(a.ctx)
	clock := clock{start: time.Now(), step: cfg.Timers.Granularity}
	for i := range a.shards {
		a.shards[i] = newShard(a, clock)
	}
	failed := cfg.Transport.Failed
	a.unseen = cfg.Transport.Trace == nil || cfg.Transport.Trace.Received == nil
	cfg.Transport.Deliver = a.deliver
	cfg.Transport.Failed = func(f *tport.Flow, err error) {
		a.flowFailed(f, err)
		if failed != nil {
			failed(f, err)
		}
		if cfg.Failed != nil {
			cfg.Failed(f, err)
		}
	}
	if a.tp, err = tport.New(cfg.Transport); err != nil {
		a.end(ErrClosed)
		return nil, err
	}
	a.resolver.Store(cfg.Resolver)
	if cfg.Resolver == nil {
		a.renewResolver()
	}
	return a, nil
}

// Listen binds a socket. Requests go out by what was bound in the family of
// their destination, and by connections made when needed. ctx bounds the
// binding only.
func (a *Agent) Listen(ctx context.Context, name tport.Name) (*tport.Primary, error) {
	p, err := a.tp.Listen(ctx, name)
	if err == nil && a.cfg.Resolver == nil {
		a.renewResolver()
	}
	return p, err
}

// renewResolver makes a resolver for what is spoken now: what is listened on,
// UDP first, and what needs no listener to be dialled.
func (a *Agent) renewResolver() {
	var transports []string
	add := func(proto string) {
		if !slices.Contains(transports, proto) {
			transports = append(transports, proto)
		}
	}
	for _, p := range a.tp.Primaries() {
		add(p.Proto())
	}
	for _, proto := range a.tp.Dialable() {
		add(proto)
	}
	r := sresolv.New(sresolv.Config{Transports: transports})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.own = append(a.own, r)
	a.resolver.Store(r)
}

// Transport returns the transports under the agent.
func (a *Agent) Transport() *tport.Transport { return a.tp }

// NewTag returns a fresh tag of 64 random bits (RFC 3261 section 19.3).
func (a *Agent) NewTag() string { return sip.NewTag(a.cfg.Rand) }

// NewCallID returns a fresh Call-ID of 128 random bits.
func (a *Agent) NewCallID() string { return sip.NewCallID(a.cfg.Rand) }

// Contact returns the URI at which this agent is reached over proto ("" for the
// first socket listened on), with user as its user part. It is the zero value
// if nothing listens on proto, but for "ws", "wss" and "tls": such a client is
// reached on its connection only, and has a host name under .invalid (RFC 7118
// appendix B.1). Over TLS the address of the connection takes its place when a
// message is sent, see [Agent.Placed]. Where the socket is bound to every address, the
// host is the first of Config.Aliases or else an address of this host; use
// [Agent.ContactOn] where the flow is known.
func (a *Agent) Contact(user, proto string) sip.NameAddr {
	for _, p := range a.tp.Primaries() {
		if proto != "" && p.Proto() != proto {
			continue
		}
		addr := p.Addr()
		host := addr.Addr().String()
		if !addr.Addr().IsValid() || addr.Addr().IsUnspecified() {
			host = a.hostName(addr.Addr())
		}
		return contact(user, host, addr.Port(), p.Proto())
	}
	if webSocket(proto) || proto == tport.TLS {
		return contact(user, a.nowhere, 0, proto)
	}
	return sip.NameAddr{}
}

// ContactOn returns the URI at which the peer of a flow reaches this agent: the
// address that the flow shows, with the port that is listened on.
func (a *Agent) ContactOn(user string, f *tport.Flow) sip.NameAddr {
	host, port := a.sentBy(f)
	return contact(user, host, port, f.Proto())
}

func contact(user, host string, port uint16, proto string) sip.NameAddr {
	uri := sip.URI{Scheme: "sip", User: user, Host: host, Port: port}
	if webSocket(proto) {
		proto = tport.WS // also for WSS: RFC 7118 section 5.2
	}
	if proto != tport.UDP {
		uri.Params = uri.Params.With("transport", proto)
	}
	return sip.NameAddr{URI: uri}
}

// hostName is what a socket bound to every address calls itself.
func (a *Agent) hostName(any netip.Addr) string {
	if len(a.cfg.Aliases) > 0 {
		return a.cfg.Aliases[0]
	}
	addrs, _ := net.InterfaceAddrs()
	for _, addr := range addrs {
		prefix, err := netip.ParsePrefix(addr.String())
		if err != nil {
			continue
		}
		ip := prefix.Addr()
		if ip.IsGlobalUnicast() && (ip.Is4() || !any.Is4()) {
			return ip.String()
		}
	}
	return "localhost"
}

// shard returns the part of the state that a Call-ID belongs to.
func (a *Agent) shard(callID string) *shard {
	return a.shards[maphash.String(a.choose, callID)&uint64(len(a.shards)-1)]
}

// Step runs f in the shard of a Call-ID. It must not be called from inside a
// step. f must not block; see [Step].
func (a *Agent) Step(callID string, f func(*Step)) { a.shard(callID).run(f) }

// Go runs f on a goroutine of the agent. Its ctx ends at Close; Shutdown waits
// for it. After Close, f is not run.
func (a *Agent) Go(f func(ctx context.Context)) {
	a.spawn(func() { f(a.ctx) })
}

// spawn runs f on a goroutine that Close waits for.
func (a *Agent) spawn(f func()) {
	if start := a.reserve(f); start != nil {
		start()
	}
}

// reserve books a goroutine that Close waits for and returns what starts it,
// nil after Close. A step books before it unlocks and starts afterwards: what it
// asked for must not be lost to a Shutdown that looks in between.
func (a *Agent) reserve(f func()) (start func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	a.count.goroutines.Add(1)
	a.work.Add(1)
	return func() {
		go func() {
			defer a.work.Done()
			defer func() {
				a.count.goroutines.Add(-1)
				a.settled()
			}()
			growStack()
			f()
		}()
	}
}

// spawn books a goroutine for f, which starts after the step.
func (s *Step) spawn(f func()) {
	if start := s.sh.a.reserve(f); start != nil {
		s.Defer(start)
	}
}

// growStack makes the stack of a new goroutine as large as user code that sends
// needs anyway, once, and while there is little on it to move: growing step by
// step under deep frames was a tenth of the CPU time of a call.
//
//go:noinline
func growStack() byte {
	var room [12 << 10]byte
	return room[time.Now().Nanosecond()&1]
}

// settled tells a waiting Shutdown that something has ended.
func (a *Agent) settled() {
	if a.draining.Load() {
		select {
		case a.idle <- struct{}{}:
		default:
		}
	}
}

// settledAll reports whether nothing is under way. A step that has just ended the
// last transaction may be about to book a goroutine: it is let out first.
func (a *Agent) settledAll() bool {
	none := func() bool { return a.count.unfinished.Load() <= 0 && a.count.goroutines.Load() <= 0 }
	if !none() {
		return false
	}
	for _, sh := range a.shards {
		sh.run(func(*Step) {})
	}
	return none()
}

// finish takes one transaction off the unfinished.
func (a *Agent) finish() {
	a.count.unfinished.Add(-1)
	a.settled()
}

// Shutdown ends the agent in order. From its call on, requests that would start
// something new are answered 503 and every [Incoming.Context] is cancelled. It
// waits until every transaction has its final response (and a 2xx to INVITE its
// ACK) and all user code and goroutines have returned, and then closes
// everything. Transactions that only absorb retransmissions are not waited for,
// and an [Outgoing] that has its 2xx to INVITE reports no further ones. When ctx
// ends first it closes at once and returns the error of ctx.
func (a *Agent) Shutdown(ctx context.Context) error {
	a.draining.Store(true)
	a.drain(ErrClosed)
	for _, sh := range a.shards {
		sh.run(func(s *Step) {
			for _, tx := range sh.clients {
				if tx.out != nil {
					tx.out.drain(s)
				}
			}
		})
	}
	for ctx.Err() == nil && !a.settledAll() {
		select {
		case <-a.idle:
		case <-ctx.Done():
		}
	}
	err := ctx.Err()
	a.close(ErrClosed)
	if shut := a.tp.Shutdown(ctx); err == nil {
		err = shut
	}
	a.work.Wait()
	return err
}

// Close ends everything at once and waits for it: every transaction fails with
// ErrClosed, the sockets are closed. It must not be called from user code that
// the agent runs. The error is that of closing the sockets.
func (a *Agent) Close() error {
	a.draining.Store(true)
	a.close(ErrClosed)
	err := a.tp.Close()
	a.work.Wait()
	return err
}

func (a *Agent) close(cause error) {
	a.mu.Lock()
	a.closed = true
	own := a.own
	a.own = nil
	a.mu.Unlock()
	for _, sh := range a.shards {
		sh.close() // before what waits is told: the result is ErrClosed
	}
	a.end(cause)
	for _, r := range own {
		r.Close()
	}
}

// timingFor returns the timer values for a flow.
func (a *Agent) timingFor(f *tport.Flow) *timing {
	if f.Reliable() {
		return a.timing[1]
	}
	return a.timing[0]
}
