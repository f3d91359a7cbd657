package tport

import (
	"container/list"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Transport owns sockets and connections: what Sofia calls the master
// transport. Its methods are safe for concurrent use.
type Transport struct {
	cfg      Config
	system   bool // on the network of the system, not one that the config brings
	log      *slog.Logger
	epoch    time.Time     // where the clock of this transport starts
	settle   time.Duration // settleTime, shorter in tests
	serial   atomic.Uint64 // of the last connection; it begins where chance says
	chance   chance
	count    counters
	encoders bufferPool // messages on their way out
	inputs   bufferPool // stream input on its way to the framer

	ctx    context.Context // ends the attempts to connect and the pauses
	cancel context.CancelFunc
	work   sync.WaitGroup // every goroutine
	keeper keeper         // datagram flows that are kept alive or watched
	rates  rates

	held      atomic.Int64 // flows that are held
	buffered  atomic.Int64 // octets on all streams, of stream.buffered
	doomed    atomic.Int64 // of these, on streams that end to free them
	relieving atomic.Bool  // a goroutine is about to free some

	mu        sync.Mutex // never held while waiting or calling user code
	closed    bool
	primaries []*Primary
	flows     map[Key]*stream
	pool      map[poolKey]*stream // dialled connections, for reuse
	attempts  map[poolKey]*attempt
	fresh     uint64    // the last fresh in a poolKey
	idle      idleHeap  // connections, the longest idle first
	halfOpen  list.List // of *halfOpen, the oldest first
	sources   map[netip.Prefix][]*stream
	routes    map[netip.Addr]route
	shared    map[poolKey][]*stream // dialled TLS connections, whatever name they were made for
	configs   map[*tls.Config]*tlsConfig

	tls atomic.Pointer[tlsConfig] // Config.TLS

	unreachable rate // errors of the network that are told
	watching    bool // the goroutine of watch exists
}

// New returns a transport that has no socket yet. The error says which field
// of the Config is missing or out of range, or what Config.Rand said.
func New(cfg Config) (*Transport, error) {
	system := cfg.Listen == nil && cfg.ListenPacket == nil && cfg.Dial == nil
	cfg, err := cfg.resolve()
	if err != nil {
		return nil, err
	}
	t := &Transport{
		cfg: cfg, system: system, log: cfg.Logger, epoch: time.Now(), settle: settleTime,
		encoders: newBufferPool(encoderSize),
		inputs:   newBufferPool(inputSize),
		flows:    map[Key]*stream{},
		pool:     map[poolKey]*stream{},
		attempts: map[poolKey]*attempt{},
		sources:  map[netip.Prefix][]*stream{},
		routes:   map[netip.Addr]route{},
		shared:   map[poolKey][]*stream{},
		configs:  map[*tls.Config]*tlsConfig{},
	}
	t.tls.Store(t.newTLSConfig(cfg.TLS))
	if err := t.chance.seed(cfg.Rand); err != nil {
		return nil, fmt.Errorf("tport: Config.Rand: %w", err)
	}
	t.serial.Store(t.chance.uint64())
	t.keeper.t = t
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t, nil
}

// now is the time on the transport's own clock.
func (t *Transport) now() time.Duration { return time.Since(t.epoch) }

// Listen binds a socket to name and starts to read or accept. ctx bounds the
// binding only; the primary lives until it or the transport is closed. The
// error is an [*Error]; it wraps [ErrNoTransport] for an unknown protocol,
// [ErrClosed], or what the system said.
func (t *Transport) Listen(ctx context.Context, name Name) (*Primary, error) {
	key := Key{Proto: name.Proto}
	if !name.wildcard() {
		a, err := name.addr()
		if err != nil && t.ownProtocol(name.Proto).Listen == nil {
			return nil, wrap("listen", key, fmt.Errorf("%q: %w", name.Host, ErrNotNumeric))
		}
		key.Local = netip.AddrPortFrom(a, name.Port)
	}
	if err := name.checkGroup(); err != nil {
		return nil, wrap("listen", key, err)
	}
	p := t.newPrimary(name)
	if err := t.listen(ctx, p); err != nil {
		return nil, wrap("listen", key, err)
	}
	return p, nil
}

func (t *Transport) newPrimary(name Name) *Primary {
	if name.Class == nil {
		name.Class = t.cfg.Class
	}
	return &Primary{
		t: t, proto: name.Proto, ident: name.Ident, class: name.Class, name: name,
		dual: name.wildcard(), done: make(chan struct{}),
	}
}

// listen binds a primary and starts what reads or accepts on it.
func (t *Transport) listen(ctx context.Context, p *Primary) error {
	proto, known := t.protocolOf(p.proto)
	if !known {
		return ErrNoTransport
	}
	if err := proto.bind(ctx, p, p.name); err != nil {
		return err
	}
	done, err := t.enlist(p)
	if err != nil {
		return err
	}
	defer done()
	proto.serve(p)
	return nil
}

// enlist takes a primary that is bound into the books. Close waits until the
// caller has called done.
func (t *Transport) enlist(p *Primary) (done func(), err error) {
	if t.cfg.Trace.Bound != nil {
		t.guard(func() { t.cfg.Trace.Bound(p) })
	}
	t.mu.Lock()
	closed := t.closed
	watch := !closed && !t.watching && t.watches()
	if !closed {
		t.primaries = append(t.primaries, p)
		t.work.Add(1) // so that Close, from here on, waits
		t.watching = t.watching || watch
	}
	t.mu.Unlock()
	if closed {
		p.end(ErrClosed)
		return nil, ErrClosed
	}
	if watch {
		t.watch()
	}
	t.log.Info("listening", "proto", p.proto, "addr", p.addr, "ident", p.ident)
	return t.work.Done, nil
}

// spawn runs f on a goroutine that Close waits for. The caller must hold work
// of its own or know that the transport is open.
func (t *Transport) spawn(f func()) { t.work.Go(f) }

// Primaries returns the open primaries in the order of their Listen calls.
func (t *Transport) Primaries() []*Primary {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.primaries)
}

func (t *Transport) forgetPrimary(p *Primary) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.primaries, p); i >= 0 {
		t.primaries = slices.Delete(t.primaries, i, i+1)
	}
}

// Find returns the open flow with this key, accepted or dialled, and no other:
// a connection that took the place of one that has gone, even between the same
// two addresses, has another [Key.Serial]. For UDP it returns a flow whenever
// there is a primary to send from key.Local.
func (t *Transport) Find(key Key) (*Flow, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if key.Serial != 0 {
		s, ok := t.flows[key]
		if !ok {
			return nil, false
		}
		return &s.flow, true
	}
	for _, p := range t.primaries {
		if p.packet == nil || p.proto != key.Proto || p.addr.Port() != key.Local.Port() {
			continue
		}
		local := key.Local.Addr()
		if p.addr.Addr() == local || p.anywhere() && (p.dual || p.addr.Addr().Is4() == local.Is4()) {
			return &Flow{key: key, primary: p}, true
		}
	}
	return nil, false
}

// Shutdown closes everything in order: it stops listening, lets every
// connection send what is queued, and waits for every goroutine and callback to
// end. When ctx ends first it closes at once, as [Transport.Close] does, and
// returns the error of ctx.
func (t *Transport) Shutdown(ctx context.Context) error {
	primaries, flows := t.stop()
	for _, p := range primaries {
		if p.packet == nil {
			p.end(ErrClosed)
		}
	}
	for _, s := range flows {
		s.shut(ErrClosed)
	}
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		for _, s := range flows {
			<-s.doneChan()
		}
		for _, p := range primaries {
			if p.packet != nil {
				p.packet.flush()
				p.end(ErrClosed)
			}
		}
		t.work.Wait()
	}()
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		t.abort(primaries, flows)
		<-flushed
		return ctx.Err()
	}
}

// Close closes everything at once, dropping what is queued, and waits for
// every goroutine and callback to end: nothing of the transport runs after it
// returns. It must not be called from a callback. The error is always nil.
func (t *Transport) Close() error {
	t.abort(t.stop())
	t.work.Wait()
	return nil
}

// stop forbids new sockets and connections and returns those that are open.
func (t *Transport) stop() ([]*Primary, []*stream) {
	t.mu.Lock()
	t.closed = true
	t.keeper.stop()
	primaries := slices.Clone(t.primaries)
	flows := make([]*stream, 0, len(t.flows))
	for _, s := range t.flows {
		flows = append(flows, s)
	}
	t.mu.Unlock()
	t.cancel()
	return primaries, flows
}

func (t *Transport) abort(primaries []*Primary, flows []*stream) {
	for _, p := range primaries {
		p.end(ErrClosed)
	}
	for _, s := range flows {
		s.kill(ErrClosed)
	}
}

// guard runs user code and recovers its panic, so that no message can end the
// process (the one place for it: at the edge, once a message).
func (t *Transport) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			t.panicked(r)
		}
	}()
	f()
}

func (t *Transport) panicked(r any) {
	t.count.panics.Add(1)
	t.log.Error("panic recovered", "panic", r, "stack", string(debug.Stack()))
}
