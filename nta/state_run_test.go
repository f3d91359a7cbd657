package nta

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// A state run throws everything at an agent that peers and a program can do to
// it: good and bad messages in any order and at any time over UDP and TCP, user
// code that answers, or not, or twice, or panics, and requests of its own to
// hosts that answer, refuse, or do not exist. What must hold whatever happens:
// each transaction, server and client, ends once for its user; nothing stays;
// the counters agree with what there is; and what is sent is good SIP.
type stateRun struct {
	t    *testing.T
	w    *world
	c    chooser
	seed uint64
	a    *Agent
	p    *peers

	resolver *sresolv.Resolver
	hosts    [2]*simnet.Host
	udp      []*end
	sent     ringOf[string]
	log      []string

	mu      sync.Mutex
	live    map[*Incoming]bool // accepted, and not ended
	outs    map[*sentOut]bool  // sent, and not ended
	recent  ringOf[*sentOut]
	legs    ringOf[*Leg]
	flows   ringOf[*tport.Flow]
	closing atomic.Bool
	quiet   atomic.Bool // nothing new begins
	failed  atomic.Bool
	count   struct{ accepted, sent, panics atomic.Int64 }
	torn    map[*end]bool // streams on which a message was cut short
}

// step is one of the things that happen, with its weight.
type stateStep struct {
	weight int
	name   string
	do     func(*stateRun)
}

var stateSteps = []stateStep{
	{10, "request", (*stateRun).newRequest},
	{6, "again", (*stateRun).again},
	{12, "derived", (*stateRun).derived},
	{14, "response", (*stateRun).respond},
	{8, "mutant", (*stateRun).mutant},
	{2, "noise", (*stateRun).noise},
	{2, "connection", (*stateRun).connection},
	{8, "send", (*stateRun).clientSend},
	{5, "out", (*stateRun).clientAct},
	{3, "leg", (*stateRun).legAct},
	{1, "stateless", (*stateRun).stateless},
	{1, "network", (*stateRun).network},
	{12, "time", (*stateRun).time},
}

// errorf notes a failure, with what happened before.
func (r *stateRun) errorf(format string, args ...any) {
	if r.failed.Swap(true) {
		return
	}
	last := r.log[max(0, len(r.log)-25):]
	r.t.Errorf("seed %d, after %d steps at %v: %s\nthe last steps: %s", r.seed, len(r.log), r.w.at(),
		fmt.Sprintf(format, args...), strings.Join(last, " | "))
}

func (r *stateRun) note(format string, args ...any) {
	r.log[len(r.log)-1] += " " + fmt.Sprintf(format, args...)
}

// stateConfig is the agent of a run.
func (r *stateRun) agent() {
	tight := r.c.n(3) == 0
	r.a = r.w.agent("agent", "192.0.2.1", func(c *Config) {
		c.Serve = r.serve
		c.Shards = 1 << r.c.n(3)
		r.resolver = sresolv.New(sresolv.Config{LookupNetIP: r.lookup})
		c.Resolver = r.resolver
		c.Transport.Idle = 60 * time.Second
		if tight {
			c.MaxServerTransactions, c.MaxClientTransactions, c.MaxLegs, c.QueueSize = 60, 60, 8, 2
		}
		if r.c.n(2) == 0 {
			c.Timers.C = 190 * time.Second
		}
		if r.c.n(2) == 0 {
			c.Timers.Answer = 20 * time.Second
		}
		if r.c.n(3) == 0 {
			c.Stateless = r.early
		}
		c.Receive = func(s *Step, in *Incoming) bool { return r.receive(s, in) }
		if r.c.n(2) == 0 {
			c.Unmatched = func(s *Step, in *Incoming) bool { return r.receive(s, in) }
		}
		if r.c.n(4) == 0 {
			c.Trace = &Trace{Started: func(*msg.Message, bool) {}, Retransmitted: func(*msg.Message) {},
				Ended: func(string, string, bool, error) {}, Dropped: func(*tport.Delivery, string) {}}
		}
	})
}

// early takes a few messages before there is any state.
func (r *stateRun) early(a *Agent, d *tport.Delivery) Verdict {
	switch l := r.local(d.Msg.String()); l.IntN(30) {
	case 0:
		return Drop
	case 1:
		a.ReplyStateless(d, 200+l.IntN(3)*204)
		return Handled
	}
	return Continue
}

// lookup knows a few names.
func (r *stateRun) lookup(ctx context.Context, network, host string) ([]netip.Addr, error) {
	addrs := func(s ...string) (all []netip.Addr) {
		for _, a := range s {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	switch host {
	case "multi.example":
		return addrs("192.0.2.13", "192.0.2.11", "192.0.2.12"), nil
	case "dead.example":
		return addrs("192.0.2.13", "192.0.2.99"), nil
	case "slow.example":
		select {
		case <-time.After(3 * time.Second):
			return addrs("192.0.2.12"), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return nil, errors.New("no such host")
}

// begin makes the world of a run.
func (r *stateRun) begin() {
	r.log = []string{"begin"}
	r.live, r.outs = map[*Incoming]bool{}, map[*sentOut]bool{}
	r.p = &peers{fail: r.errorf, bad: map[string]bool{}, sent: map[string]string{}, early: map[string]bool{}}
	r.agent()
	to := netip.MustParseAddrPort("192.0.2.1:5060")
	for i, addr := range []string{"192.0.2.11", "192.0.2.12"} {
		h := r.w.net.MustHost(fmt.Sprintf("peer%d", i), addr)
		r.hosts[i] = h
		for _, port := range []string{":5060", ":5070"} {
			conn, err := h.ListenPacket(r.w.ctx(), "udp", addr+port)
			require.NoError(r.t, err)
			e := r.p.packets(conn, to)
			r.udp = append(r.udp, e)
			r.p.ends = append(r.p.ends, e)
		}
		l, err := h.Listen(r.w.ctx(), "tcp", addr+":5060")
		require.NoError(r.t, err)
		r.p.ends = append(r.p.ends, &end{close: func() { l.Close() }})
		go r.p.accept(l, i == 1 && r.c.n(3) == 0)
	}
	r.w.net.MustHost("refuses", "192.0.2.13")
}

// stateEpoch runs an agent for some steps, and ends it in one of three ways.
func stateEpoch(t *testing.T, seed uint64, c chooser, steps int) (done int) {
	ok := synctestTest(t, func(t *testing.T) {
		r := &stateRun{t: t, c: c, seed: seed, torn: map[*end]bool{}}
		link := simnet.Link{}
		if c.n(2) == 0 {
			link = simnet.Link{Delay: 5 * ms, Jitter: 20 * ms, Loss: 0.05, Duplicate: 0.05, Reorder: 0.05, ReorderDelay: 50 * ms}
		}
		r.w = &world{t: t, net: simnet.New(simnet.Config{Seed: seed, Link: link, Record: -1}), start: time.Now()}
		defer r.w.net.Close()
		r.begin()
		defer r.p.closeAll()
		defer func() { r.resolver.Close() }()
		end := c.n(3)
		total := 0
		for _, s := range stateSteps {
			total += s.weight
		}
		wait := make(chan struct{})
		for i := 0; i < steps && !c.done() && !r.failed.Load(); i++ {
			done++
			n := c.n(total)
			for j := range stateSteps {
				s := &stateSteps[j]
				if n -= s.weight; n < 0 {
					r.log = append(r.log, s.name)
					s.do(r)
					break
				}
			}
			if len(r.log) > 2000 {
				r.log = append(r.log[:0], r.log[1000:]...)
			}
			if c.n(4) != 0 { // mostly one after the other, at times at once
				synctest.Wait()
			}
			if i%64 == 63 {
				synctest.Wait()
				r.check()
			}
			if end == 2 && i == steps-20 { // Shutdown while all goes on
				r.closing.Store(true)
				abrupt := c.n(2) == 0
				go func() {
					defer close(wait)
					if abrupt {
						r.a.Close()
						return
					}
					ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
					defer cancel()
					r.a.Shutdown(ctx)
				}()
			}
		}
		switch end {
		case 0:
			r.quiesce()
			r.closing.Store(true)
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := r.a.Shutdown(ctx); err != nil {
				r.errorf("Shutdown of an agent at rest: %v", err)
			}
		case 1:
			r.closing.Store(true)
			require.NoError(t, r.a.Close())
		case 2:
			if r.closing.Swap(true) {
				<-wait
			}
			r.a.Close()
		}
		r.w.sleep(15 * time.Second) // who reads late has read
		r.ended()
	})
	if !ok {
		t.FailNow()
	}
	return done
}

func synctestTest(t *testing.T, f func(*testing.T)) bool {
	synctest.Test(t, f)
	return !t.Failed()
}

// quiesce answers what is open, lets every timer run, and looks for what is left.
func (r *stateRun) quiesce() {
	r.quiet.Store(true)
	for range 6 {
		r.mu.Lock()
		var open []*Incoming
		for in := range r.live {
			open = append(open, in)
		}
		r.mu.Unlock()
		for _, in := range open {
			in.Reply(500)
		}
		var outs []*Outgoing // those that were closed, too
		for _, sh := range r.a.shards {
			sh.run(func(*Step) {
				for _, tx := range sh.clients {
					if tx.out != nil {
						outs = append(outs, tx.out)
					}
				}
				for _, l := range sh.legs {
					l.Close(nil)
				}
			})
		}
		for _, o := range outs {
			o.Cancel()
		}
		r.w.sleep(100 * time.Second)
	}
	r.w.sleep(300 * time.Second)
	s := r.a.Stats()
	if s.Transactions != 0 || s.Unfinished != 0 || s.Timers != 0 || s.Goroutines != 0 || s.Legs != 0 {
		for _, sh := range r.a.shards {
			for _, tx := range sh.servers {
				r.log = append(r.log, fmt.Sprintf("left: %+v %+v %v", tx.inv, tx.req, tx.reply))
			}
			for _, tx := range sh.clients {
				r.log = append(r.log, fmt.Sprintf("left: %+v %+v %v %+v", tx.inv, tx.req, tx.msg, tx.out))
			}
		}
		r.errorf("after all timers: %d transactions, %d unfinished, %d timers, %d goroutines, %d legs",
			s.Transactions, s.Unfinished, s.Timers, s.Goroutines, s.Legs)
	}
	if held := r.a.tp.Stats().Held; held != 0 {
		r.errorf("after all timers: %d connections held", held)
	}
}

// check compares the counters with the tables.
func (r *stateRun) check() {
	a := r.a
	var servers, clients, legs, timers, unfinished, tables int
	for _, sh := range a.shards {
		sh.mu.Lock()
		servers += len(sh.servers)
		clients += len(sh.clients)
		legs += len(sh.legs)
		tables += len(sh.merges) + len(sh.acks) + len(sh.forwards)
		armed := 0
		for k, tx := range sh.servers {
			if tx.gone || tx.key != k {
				r.errorf("a server transaction that is over is still in the table")
			}
			if tx.in != nil {
				unfinished++
			}
			if tx.repeat.armed() {
				armed++
			}
			if tx.end.armed() {
				armed++
			} else if !sh.closed {
				r.errorf("a server transaction (%+v %+v) has no way to its end", tx.inv, tx.req)
			}
		}
		for _, m := range []map[key]*serverTx{sh.merges, sh.acks, sh.forwards} {
			for _, tx := range m {
				if tx.gone || sh.servers[tx.key] != tx {
					r.errorf("a table keeps a transaction that is over")
				}
			}
		}
		for _, l := range sh.legs {
			if l.queue != nil && len(l.queue.jobs) > a.cfg.QueueSize {
				r.errorf("%d requests wait for a leg", len(l.queue.jobs))
			}
			if l.queue != nil && len(l.queue.jobs) > 0 && !l.queue.busy {
				r.errorf("requests wait for nobody")
			}
		}
		for k, l := range sh.reliable {
			if l.tx.gone || l.key != k || sh.servers[l.tx.key] != l.tx {
				r.errorf("reliable responses of a transaction that is over")
			}
			if len(l.list) > a.cfg.QueueSize {
				r.errorf("%d reliable responses", len(l.list))
			}
			if !l.held.IsZero() && (len(l.list) == 0 || l.list[0].state != reliableSent) {
				r.errorf("a 2xx is held back for nothing: %d, %+v", len(l.list), l.tx.inv)
			}
		}
		outs := map[*Outgoing]bool{}
		onStream, onDatagram := 0, 0
		for k, tx := range sh.clients {
			if tx.gone || tx.key != k {
				r.errorf("a client transaction that is over is still in the table")
			}
			if tx.out != nil {
				outs[tx.out] = true
				if tx.out.tx != nil && tx.out.tx != tx && !tx.out.tx.gone {
					r.errorf("two transactions for one request")
				}
			}
			if tx.repeat.armed() {
				armed++
			}
			if tx.end.armed() {
				armed++
			} else if !(tx.invite && tx.inv.state == clientInviteProceeding && !tx.inv.canceled) && !sh.closed {
				r.errorf("a client transaction (%+v %+v) has no way to its end", tx.inv, tx.req)
			}
			if tx.flow.Reliable() {
				onStream++
			} else {
				onDatagram++
			}
		}
		for o := range sh.pending {
			outs[o] = true
			if o.seeker.ended || o.done {
				r.errorf("an ended request is still pending")
			}
		}
		for o := range outs {
			if q := a.cfg.QueueSize; len(o.items) > q || len(o.forks) > q || len(o.early) > q {
				r.errorf("a request keeps %d responses, %d and %d dialogs", len(o.items), len(o.forks), len(o.early))
			}
			if !o.settled {
				unfinished++
			}
		}
		for _, on := range sh.streams {
			onStream -= len(on)
		}
		for _, tx := range sh.peers {
			for ; tx != nil; tx = tx.after {
				onDatagram--
			}
		}
		if onStream != 0 || onDatagram != 0 {
			r.errorf("the transactions by flow are not those there are: %d, %d", onStream, onDatagram)
		}
		if armed > sh.wheel.count {
			r.errorf("%d timers armed, but the wheel counts %d", armed, sh.wheel.count)
		}
		timers += sh.wheel.count - armed
		sh.mu.Unlock()
	}
	s := a.Stats()
	switch {
	case int(a.count.servers.Load()) != servers || int(a.count.clients.Load()) != clients:
		r.errorf("%d+%d transactions counted, there are %d+%d", a.count.servers.Load(), a.count.clients.Load(), servers, clients)
	case s.Legs != legs:
		r.errorf("%d legs counted, there are %d", s.Legs, legs)
	case s.Unfinished != unfinished:
		r.errorf("%d unfinished counted, there are %d", s.Unfinished, unfinished)
	case tables > 2*servers:
		r.errorf("%d entries for %d server transactions", tables, servers)
	case int64(s.Panics) > r.count.panics.Load():
		r.errorf("%d panics, the user code has made %d", s.Panics, r.count.panics.Load())
	case a.tp.Stats().Panics != 0:
		r.errorf("panics in the transport or the agent: %d", a.tp.Stats().Panics)
	case s.ServerTransactions < uint64(servers) || s.ClientTransactions < uint64(clients):
		r.errorf("more transactions than were made")
	case room(a.cfg.MaxServerTransactions, servers-1) == false && servers > 0:
		r.errorf("%d server transactions, more than %d", servers, a.cfg.MaxServerTransactions)
	}
	if served := a.count.acksServed.Load(); served < 0 {
		r.errorf("%d ACK requests served", served)
	}
	per := 0
	for i := range a.source.parts {
		part := &a.source.parts[i]
		part.Lock()
		for _, n := range part.n {
			per += int(n)
		}
		part.Unlock()
	}
	if per != servers {
		r.errorf("%d server transactions by source, there are %d", per, servers)
	}
}

// ended looks for what is left of an agent that was closed.
func (r *stateRun) ended() {
	r.check()
	s := r.a.Stats()
	if s.Transactions != 0 || s.Unfinished != 0 || s.Timers != 0 || s.Goroutines != 0 || s.Legs != 0 {
		r.errorf("after the end: %d transactions, %d unfinished, %d timers, %d goroutines, %d legs",
			s.Transactions, s.Unfinished, s.Timers, s.Goroutines, s.Legs)
	}
	for _, sh := range r.a.shards {
		if n := len(sh.servers) + len(sh.merges) + len(sh.acks) + len(sh.forwards) + len(sh.clients) +
			len(sh.streams) + len(sh.peers) + len(sh.pending) + len(sh.legs) + len(sh.reliable); n != 0 {
			r.errorf("after the end: %d entries in tables", n)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.live); n != 0 {
		r.errorf("%d of %d accepted requests have not ended", n, r.count.accepted.Load())
	}
	if n := len(r.outs); n != 0 {
		for o := range r.outs {
			r.errorf("%d of %d sent requests have not ended, one %s", n, r.count.sent.Load(), o)
		}
	}
	for text := range r.p.bad {
		r.errorf("the agent has sent a bad response: %s", text)
	}
	if s.Panics > 0 && int64(s.Panics) != r.count.panics.Load() {
		r.errorf("%d panics counted, the user code has made %d", s.Panics, r.count.panics.Load())
	}
}

// local is chance for user code, which runs beside the steps: what it does
// depends on the message alone.
func (r *stateRun) local(parts ...string) *rand.Rand {
	var h uint64 = r.seed
	for _, p := range parts {
		for i := range len(p) {
			h = (h ^ uint64(p[i])) * 1099511628211
		}
	}
	return rand.New(rand.NewPCG(h, 1))
}

// TestState runs agents through random steps. NTA_STATE_STEPS is how many for
// each seed, NTA_STATE_SEEDS how many seeds, NTA_STATE_SEED the first of them.
func TestState(t *testing.T) {
	env := func(name string, or int) int {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
			return n
		}
		return or
	}
	first, seeds := env("NTA_STATE_SEED", 1), env("NTA_STATE_SEEDS", 2)
	steps := env("NTA_STATE_STEPS", 6000)
	if testing.Short() || raceEnabled {
		steps = min(steps, env("NTA_STATE_STEPS", 2000))
	}
	for seed := first; seed < first+seeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			for done, epoch := 0, 0; done < steps; epoch++ {
				s := uint64(seed)<<20 + uint64(epoch)
				done += stateEpoch(t, s, chance{rand.New(rand.NewPCG(s, 5))}, min(steps-done, 1500))
			}
		})
	}
}

// FuzzState runs an agent through the steps that the octets say.
func FuzzState(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		stateEpoch(t, 1, &script{b}, min(len(b), 400))
	})
}
