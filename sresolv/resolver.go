package sresolv

import (
	"context"
	"iter"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Defaults of [Config].
const (
	DefaultMaxPending = 64
	DefaultMaxTargets = 64
	DefaultTimeout    = 10 * time.Second
)

// Config sets up a [Resolver]. The zero value is useful; it is read once, by
// [New].
type Config struct {
	// LookupNetIP looks up the addresses of a name; network is "ip", "ip4" or
	// "ip6". It has the shape of [net.Resolver.LookupNetIP], which is used, on
	// net.DefaultResolver, when it is nil. It must return soon after its
	// context ended, and must be safe for concurrent use.
	LookupNetIP func(ctx context.Context, network, host string) ([]netip.Addr, error)

	// Transports are what the caller speaks, the preferred first, in lower
	// case. nil: udp, tcp.
	Transports []string

	// Network restricts the address families: "ip4" or "ip6". "": both.
	Network string

	// MaxPending is how many names are looked up at once. 0: 64; negative: no
	// limit.
	MaxPending int

	// MaxTargets is how many hops one walk gives at most. 0: 64; negative: no
	// limit.
	MaxTargets int

	// Timeout bounds one look-up. 0: 10 s; negative: no limit.
	Timeout time.Duration
}

// Resolver finds the hops of targets. It is safe for concurrent use. Make it
// with [New], end it with [Resolver.Close].
type Resolver struct {
	lookupNetIP func(ctx context.Context, network, host string) ([]netip.Addr, error)
	transports  []string
	network     string
	maxPending  int
	maxTargets  int
	timeout     time.Duration

	ctx   context.Context // of all look-ups; ends at Close
	close context.CancelCauseFunc

	mu      sync.Mutex // never held while waiting or in user code
	closed  bool
	pending map[string]*lookup // by name; one entry per goroutine
	running sync.WaitGroup
	stats   Stats // its counters
}

// lookup is one question on its way. addrs and err are written before done is
// closed and never after.
type lookup struct {
	done  chan struct{}
	addrs []netip.Addr
	err   error
}

// New makes a resolver.
func New(cfg Config) *Resolver {
	r := &Resolver{
		lookupNetIP: cfg.LookupNetIP,
		network:     cfg.Network,
		maxPending:  limit(cfg.MaxPending, DefaultMaxPending),
		maxTargets:  limit(cfg.MaxTargets, DefaultMaxTargets),
		timeout:     limit(cfg.Timeout, DefaultTimeout),
		pending:     make(map[string]*lookup),
	}
	if r.lookupNetIP == nil {
		r.lookupNetIP = net.DefaultResolver.LookupNetIP
	}
	if r.network == "" {
		r.network = "ip"
	}
	if cfg.Transports == nil {
		cfg.Transports = []string{"udp", "tcp"}
	}
	for _, t := range cfg.Transports {
		r.transports = append(r.transports, strings.ToLower(t))
	}
	r.ctx, r.close = context.WithCancelCause(context.Background())
	return r
}

// limit applies the rule "zero is the default, negative is off"; off is -1.
func limit[T int | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return -1
	}
	return v
}

// Walk begins the list of hops for t. It never waits and asks nothing yet; what
// is wrong with t, [Walk.Next] returns.
func (r *Resolver) Walk(t Target) *Walk {
	w := &Walk{r: r}
	if w.plan, w.err = r.plan(t); w.err == nil && w.plan.addr.IsValid() {
		w.left = 1
	}
	return w
}

// Hops gives the hops for t in the order to try them. It stops after the first
// error, which is an [*Error]; a loop that sees none has seen every hop. ctx
// bounds the waiting, not the look-up. It is a loop over [Resolver.Walk].
func (r *Resolver) Hops(ctx context.Context, t Target) iter.Seq2[Hop, error] {
	return func(yield func(Hop, error) bool) { r.hops(ctx, t, yield) }
}

// Close ends the pending look-ups, whose walks get [ErrClosed], and waits until
// their goroutines are gone. Numeric targets still resolve afterwards. It
// returns nil and may be called more than once.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.close(ErrClosed)
	r.running.Wait()
	return nil
}

// ask starts a look-up of name, or joins the one that is on its way.
func (r *Resolver) ask(name string) (*lookup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if l := r.pending[name]; l != nil {
		return l, nil
	}
	if r.maxPending >= 0 && len(r.pending) >= r.maxPending {
		r.stats.Refused++
		return nil, ErrBusy
	}
	r.stats.LookUps++
	l := &lookup{done: make(chan struct{})}
	r.pending[name] = l
	r.running.Go(func() { r.run(l, name) })
	return l, nil
}

func (r *Resolver) run(l *lookup, name string) {
	ctx := r.ctx
	if r.timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	addrs, err := r.lookupNetIP(ctx, r.network, name)
	if l.addrs = r.clean(addrs); len(l.addrs) == 0 {
		l.err = ErrNotFound
		if err != nil {
			l.err = reason(ctx, err)
		}
	}
	r.mu.Lock()
	delete(r.pending, name)
	r.mu.Unlock()
	close(l.done)
}

// clean keeps the order, drops doubles and what is no destination, and caps.
func (r *Resolver) clean(in []netip.Addr) []netip.Addr {
	var out []netip.Addr
	seen := make(map[netip.Addr]bool)
	for _, a := range in {
		if r.maxTargets >= 0 && len(out) >= r.maxTargets {
			break
		}
		a = a.Unmap()
		if !a.IsValid() || a.IsUnspecified() || seen[a] {
			continue
		}
		seen[a] = true
		out = append(out, a)
	}
	return out
}
