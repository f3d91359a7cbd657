package sresolv

import (
	"context"
	"iter"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Resolver finds the hops of targets. It is safe for concurrent use. Make it
// with [New], end it with [Resolver.Close].
type Resolver struct {
	cfg   Config // with its defaults
	conf  *watched[conf]
	hosts *watched[hosts]

	ctx   context.Context // of all look-ups; ends at Close
	close context.CancelCauseFunc

	mu       sync.Mutex // never held while waiting or in user code
	closed   bool
	pending  map[question]*lookup // one entry per goroutine
	running  sync.WaitGroup
	stats    Stats // its counters
	cache    *cache
	failed   map[place]time.Time
	failures atomic.Bool      // there are any
	asked    []netip.AddrPort // the servers of the answers in the cache
	servers  map[netip.AddrPort]server
	sources  map[netip.Addr]sourced
	turn     uint64 // of rotation
}

// lookup is one question on its way. answer is written before done is closed
// and never after.
type lookup struct {
	question
	done   chan struct{}
	answer answer
}

// New makes a resolver. It reads no file and asks nothing yet.
func New(cfg Config) *Resolver {
	cfg = cfg.resolve()
	path := cfg.ResolvConf
	if cfg.Servers != nil {
		path = "-"
	}
	r := &Resolver{
		cfg:     cfg,
		conf:    watch(path, cfg.Open, parseConf),
		hosts:   watch(cfg.Hosts, cfg.Open, parseHosts),
		pending: make(map[question]*lookup),
		cache:   newCache(cfg.CacheSize),
		failed:  make(map[place]time.Time),
		servers: make(map[netip.AddrPort]server),
		sources: make(map[netip.Addr]sourced),
	}
	r.ctx, r.close = context.WithCancelCause(context.Background())
	return r
}

// Walk begins the list of hops for t. It never waits and asks nothing yet; what
// is wrong with t, [Walk.Next] returns.
func (r *Resolver) Walk(t Target) *Walk {
	p, err := r.plan(t)
	return r.begin(p, err)
}

// WalkResponse begins the list of hops for a response that cannot go back the
// way its request came, as RFC 3263 section 5 says: transport, host and port
// are those of the sent-by of the top Via, port 0 if there is none. A name with
// a port has its addresses looked up, one without its SRV records first. The
// transport need not be among Config.Transports. It never waits.
func (r *Resolver) WalkResponse(transport, host string, port uint16) *Walk {
	p, err := planResponse(transport, host, port)
	return r.begin(p, err)
}

// Hops gives the hops for t in the order to try them. It stops after the first
// error, which is an [*Error]; a loop that sees none has seen every hop that
// could be found. ctx bounds the waiting, not the look-ups. It is a loop over
// [Resolver.Walk].
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

// peek returns an answer that is known already.
func (r *Resolver) peek(q question) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.cache.get(q, time.Now())
	if ok {
		r.stats.CacheHits++
	}
	return a, ok
}

// ask starts a look-up, or joins the one for the same question that is on its
// way.
func (r *Resolver) ask(q question) (*lookup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if l := r.pending[q]; l != nil {
		return l, nil
	}
	if r.cfg.MaxPending >= 0 && len(r.pending) >= r.cfg.MaxPending {
		r.stats.Refused++
		return nil, ErrBusy
	}
	r.stats.LookUps++
	l := &lookup{question: q, done: make(chan struct{})}
	r.pending[q] = l
	r.running.Go(func() { r.run(l) })
	return l, nil
}

func (r *Resolver) run(l *lookup) {
	ctx := r.ctx
	if r.cfg.Timeout >= 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.cfg.Timeout)
		defer cancel()
	}
	if r.cfg.own() {
		l.answer = r.call(ctx, l.question)
	} else {
		l.answer = r.resolve(ctx, l.question)
	}
	r.mu.Lock()
	delete(r.pending, l.question)
	r.cache.put(l.question, l.answer, time.Now())
	r.mu.Unlock()
	close(l.done)
}

// call answers a question by the functions of the user. How long such an answer
// holds is not known, so it is not kept.
func (r *Resolver) call(ctx context.Context, q question) answer {
	out := answer{name: q.name, err: ErrNotFound}
	var err error
	switch {
	case q.typ == typeAddr && r.cfg.LookupNetIP != nil:
		var addrs []netip.Addr
		addrs, err = r.cfg.LookupNetIP(ctx, r.cfg.Network, q.name)
		for _, a := range addrs {
			if len(out.records) < maxRecords {
				out.records = append(out.records, Record{Name: q.name, Type: typeAddr, Addr: a})
			}
		}
	case q.typ == TypeSRV && r.cfg.LookupSRV != nil:
		_, list, e := r.cfg.LookupSRV(ctx, "", "", q.name)
		err = e
		for _, s := range list {
			if s != nil && len(out.records) < maxRecords {
				out.records = append(out.records, Record{Name: q.name, Type: TypeSRV, SRV: SRV{s.Priority, s.Weight, s.Port, canonical(s.Target)}})
			}
		}
	case q.typ == TypeNAPTR && r.cfg.LookupNAPTR != nil:
		list, e := r.cfg.LookupNAPTR(ctx, q.name)
		err = e
		for _, n := range list[:min(len(list), maxRecords)] {
			n.Replacement = canonical(n.Replacement)
			out.records = append(out.records, Record{Name: q.name, Type: TypeNAPTR, NAPTR: n})
		}
	}
	switch {
	case len(out.records) > 0:
		out.err = nil
		sortRecords(out.records)
	case err != nil:
		out.err = reason(ctx, err)
	}
	return out
}
