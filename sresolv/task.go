package sresolv

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

type taskKind int

const (
	naptrTask taskKind = iota // RFC 3263 section 4.1
	srvTask                   // section 4.2
	addrTask                  // section 4.2, RFC 7984 section 4
	listTask                  // its choices, one after the other
)

// choice is one way to go on, by a NAPTR or an SRV record. It becomes a task when
// it is its turn, which for most never comes.
type choice struct {
	kind      taskKind // srvTask or addrTask
	name      string
	transport string
	srv       SRV
	naptr     NAPTR
	rank      int // the caller's preference
}

// task makes a task of a choice.
func (c *choice) task(w *Walk) task {
	if c.kind == srvTask {
		return task{
			kind: srvTask, name: c.name, transports: []string{c.transport}, asks: []asking{{question: question{c.name, TypeSRV}}},
		}
	}
	t := w.addresses(c.name, c.transport)
	if c.srv.Port != 0 {
		t.port, t.srv = c.srv.Port, c.srv
	}
	return t
}

// task is one step of a walk: a few questions that are asked together, and what
// to do with the answers.
type task struct {
	kind       taskKind
	name       string
	transports []string // srvTask: one for each question; addrTask: to use the addresses with
	port       uint16   // addrTask: 0 is that of the transport
	srv        SRV      // that led here
	choices    []choice // listTask
	asks       []asking
	sources    map[netip.Addr]netip.Addr // addrTask: of the addresses found; nil: not known yet
}

// asking is one question of a task.
type asking struct {
	question
	lookup *lookup // on its way
	done   bool
	answer answer
}

// answered reports whether all that the task needs is there, taking answers from
// ended look-ups and from the cache.
func (t *task) answered(w *Walk) bool {
	if !t.have(w) {
		return false
	}
	if t.kind == addrTask && t.sources == nil {
		t.sources = w.r.knownSources(t.addrs())
		return t.sources != nil
	}
	return true
}

// have reports whether all questions have their answers.
func (t *task) have(w *Walk) bool {
	all := true
	for i := range t.asks {
		a := &t.asks[i]
		switch {
		case a.done:
		case a.lookup != nil:
			select {
			case <-a.lookup.done:
				a.take(a.lookup.answer)
				w.queries += a.answer.queries
			default:
				all = false
			}
		case w.r.cfg.lacks(a.typ):
			a.take(answer{err: ErrNotFound})
		default:
			if got, ok := w.r.peek(a.question); ok {
				a.take(got)
			} else {
				all = false
			}
		}
	}
	return all
}

func (a *asking) take(got answer) { a.answer, a.done, a.lookup = got, true, nil }

// ask begins the look-ups that are not begun.
func (t *task) ask(w *Walk) error {
	for i := range t.asks {
		a := &t.asks[i]
		if a.done || a.lookup != nil {
			continue
		}
		if max := w.r.cfg.MaxQueries; max >= 0 && w.queries+t.pending() >= max && !w.r.cfg.own() {
			a.take(answer{err: ErrTooManyQueries})
			continue
		}
		l, err := w.r.ask(a.question)
		if err != nil {
			return err
		}
		a.lookup = l
	}
	return nil
}

func (t *task) pending() (n int) {
	for i := range t.asks {
		if t.asks[i].lookup != nil {
			n++
		}
	}
	return n
}

// await waits until all questions have an answer. Of the two families of
// addresses the one that comes first does not wait long for the other, which is
// then a task of its own.
func (t *task) await(ctx context.Context, w *Walk) error {
	var on [2]<-chan struct{}
	if t.kind == addrTask && len(t.asks) == 2 && t.asks[0].lookup != nil && t.asks[1].lookup != nil {
		on[0], on[1] = t.asks[0].lookup.done, t.asks[1].lookup.done
		first := 0
		select {
		case <-on[0]:
		case <-on[1]:
			first = 1
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if t.asks[first].lookup.answer.err == nil {
			timer := time.NewTimer(familyWait)
			defer timer.Stop()
			select {
			case <-on[1-first]:
			case <-timer.C:
				late := *t
				late.asks = []asking{t.asks[1-first]}
				t.asks = []asking{t.asks[first]}
				w.tasks = slices.Insert(w.tasks, len(w.tasks)-1, late)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	for i := range t.asks {
		if l := t.asks[i].lookup; l != nil {
			select {
			case <-l.done:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// expand turns the answers into hops and further tasks.
func (t *task) expand(w *Walk) {
	for i := range t.asks {
		w.note(t.asks[i].answer.err)
	}
	switch t.kind {
	case naptrTask:
		t.expandNAPTR(w)
	case srvTask:
		t.expandSRV(w)
	case addrTask:
		t.expandAddr(w)
	case listTask:
		next := t.choices[0].task(w)
		w.pushList(t.choices[1:])
		w.push(next)
	}
}

// expandNAPTR chooses the transports by RFC 3263 section 4.1. Records of other
// applications are left out. Where all that the domain offers is of no use,
// nothing else is tried: it has said what there is.
func (t *task) expandNAPTR(w *Walk) {
	var list []choice
	offered, speaks := false, w.r.candidates(w.plan.secure)
	for _, rec := range t.asks[0].answer.records {
		if rec.Type != TypeNAPTR {
			continue
		}
		n := rec.NAPTR
		transport, sip := service(n.Service)
		flag := lower(n.Flags)
		if !sip || n.Regexp != "" || flag != "s" && flag != "a" {
			continue
		}
		offered = true
		rank := slices.Index(speaks, transport)
		if rank < 0 || !validName(n.Replacement) {
			continue
		}
		c := choice{kind: srvTask, name: n.Replacement, transport: transport, naptr: n, rank: rank}
		if flag == "a" {
			c.kind = addrTask
		}
		list = append(list, c)
	}
	if len(list) == 0 {
		if offered {
			w.err = w.fail(ErrNoTransport)
			return
		}
		w.push(w.srv(t.name, speaks))
		return
	}
	slices.SortStableFunc(list, func(a, b choice) int {
		if c := compareNAPTR(a.naptr, b.naptr); c != 0 {
			return c
		}
		return a.rank - b.rank
	})
	w.fallback = list[0].transport
	w.pushList(list[:min(len(list), DefaultMaxTargets)])
}

// expandSRV orders the servers by RFC 2782, all those of a transport before
// those of the next.
func (t *task) expandSRV(w *Walk) {
	var next []choice
	for i := range t.asks {
		var list []SRV
		for _, rec := range t.asks[i].answer.records {
			switch {
			case rec.Type != TypeSRV:
			case rec.SRV.Target == ".":
				w.refused = true
			case rec.SRV.Port != 0:
				list = append(list, rec.SRV)
			}
		}
		w.services = w.services || len(list) > 0
		list, err := order(list, w.r.cfg.Rand)
		if err != nil {
			w.note(err)
			continue
		}
		if most := w.r.cfg.MaxTargets; most >= 0 && len(list) > most {
			list = list[:most]
		}
		for _, s := range list {
			next = append(next, choice{kind: addrTask, name: s.Target, transport: t.transports[i], srv: s})
		}
	}
	w.pushList(next)
}

// expandAddr makes hops of the addresses of one name.
func (t *task) expandAddr(w *Walk) {
	addrs, name := t.addrs(), t.name
	for i := range t.asks {
		if a := &t.asks[i].answer; len(a.records) > 0 {
			name = a.name
		}
	}
	if !w.r.cfg.own() {
		sortAddrs(addrs, t.sources)
	}
	for _, transport := range t.transports {
		port := t.port
		if port == 0 {
			port = w.plan.portFor(transport)
		}
		for _, addr := range addrs {
			w.found(Hop{
				Transport: transport, Addr: netip.AddrPortFrom(addr, port), Name: w.plan.name,
				Target: name, Priority: t.srv.Priority, Weight: t.srv.Weight,
			})
		}
	}
}

// addrs lists the addresses found.
func (t *task) addrs() []netip.Addr {
	var all []netip.Addr
	for i := range t.asks {
		for _, rec := range t.asks[i].answer.records {
			all = append(all, rec.Addr)
		}
	}
	return clean(all)
}

// clean drops doubles and what is no destination.
func clean(in []netip.Addr) []netip.Addr {
	var out []netip.Addr
	seen := make(map[netip.Addr]bool, len(in))
	for _, a := range in {
		if a = a.Unmap(); a.IsValid() && !a.IsUnspecified() && !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// addresses is the task to look up the addresses of a name.
func (w *Walk) addresses(name string, transports ...string) task {
	t := task{kind: addrTask, name: name, transports: transports, port: w.plan.port}
	if a, ok := parseNumeric(name); ok { // wrong in an SRV record, and clear
		t.asks = []asking{{done: true, answer: answer{name: name, records: []Record{{Addr: a}}}}}
		return t
	}
	if !validName(name) {
		return t
	}
	switch r := w.r; {
	case r.cfg.own():
		t.asks = []asking{{question: question{name, typeAddr}}}
	case r.cfg.Network == "ip4":
		t.asks = []asking{{question: question{name, TypeA}}}
	case r.cfg.Network == "ip6":
		t.asks = []asking{{question: question{name, TypeAAAA}}}
	default: // both families are asked for: RFC 7984 section 4
		t.asks = []asking{{question: question{name, TypeAAAA}}, {question: question{name, TypeA}}}
	}
	return t
}

// srv is the task to look up the servers of a domain by each transport.
func (w *Walk) srv(name string, transports []string) task {
	t := task{kind: srvTask, name: name}
	for _, transport := range transports {
		if prefix := srvPrefix(transport); prefix != "" && validName(prefix+name) {
			t.transports = append(t.transports, transport)
			t.asks = append(t.asks, asking{question: question{prefix + name, TypeSRV}})
		}
	}
	return t
}
