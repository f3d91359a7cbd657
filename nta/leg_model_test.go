package nta

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// legModel is a dialog as RFC 3261 section 12 tells it, and not as our code has
// it: its state, the sequence numbers (0: empty), the remote target, and the
// route set. A leg does not know of offers and of INVITE requests under way:
// whoever uses it does.
type legModel struct {
	state         legState
	local, remote uint32
	target        string
	routes        string // one for each word, the first hop first
}

type legState uint8

const (
	legEarly legState = iota
	legConfirmed
	legOver
)

// legLine is what a request in the dialog looks like.
type legLine struct {
	uri     string
	routes  string
	seq     uint32
	contact bool
}

// send is 12.2.1.1.
func (m *legModel) send(method string) (l legLine, ok bool) {
	if m.state == legOver {
		return l, false
	}
	if method != "ACK" && method != "CANCEL" { // "the CSeq ... MUST contain ... incremented"
		m.local++
	}
	l.seq = m.local
	l.uri, l.routes = m.target, m.routes
	if first, rest, _ := strings.Cut(m.routes, " "); first != "" && !strings.Contains(first, ";lr") {
		// "If the route set is not empty, and its first URI does not contain the lr
		// parameter, the UAC MUST place the first URI from the route set into the
		// Request-URI ... and ... place the remote target URI into the Route header
		// field as the last value."
		l.uri = first
		l.routes = strings.TrimSpace(rest + " " + m.target)
	}
	l.contact = legRefreshes(method)
	return l, true
}

// legRefreshes are the target refresh requests: INVITE (12.2), UPDATE (RFC 3311
// 5.1), SUBSCRIBE and NOTIFY (RFC 6665 3.1.1 and 3.2.1), REFER (RFC 3515 2.2).
func legRefreshes(method string) bool {
	return slices.Contains([]string{"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER"}, method)
}

// receive is 12.2.2: the status that the dialog answers by itself, 0 for none.
func (m *legModel) receive(method string, seq uint32, contact string) int {
	switch {
	case m.state == legOver:
		return 481
	case m.remote != 0 && seq < m.remote: // "MUST be rejected with a 500"
		return 500
	}
	m.remote = seq // gaps are fine
	if legRefreshes(method) && contact != "" {
		m.target = contact
	}
	if method == "BYE" { // 15.1.2
		m.state = legOver
	}
	return 0
}

// response is 12.2.1.2 and 13.2.2.4, and RFC 6141 4.7 for a provisional response.
func (m *legModel) response(status int, contact, recordRoute string) {
	if m.state == legOver || status >= 300 {
		return
	}
	if contact != "" {
		m.target = contact
	}
	if status >= 200 && m.state == legEarly { // "MUST recompute the route set"
		m.state = legConfirmed
		words := strings.Fields(recordRoute)
		slices.Reverse(words)
		m.routes = strings.Join(words, " ")
	}
}

// The events of the model.
type legEvent struct {
	name        string
	method      string
	send        bool
	status      int // of a response; 0: a request
	ahead       int // of the remote sequence number
	contact     string
	recordRoute string
	end         bool
}

var legEvents = func() (all []legEvent) {
	for _, method := range []string{"INVITE", "UPDATE", "INFO", "BYE", "ACK", "CANCEL"} {
		all = append(all, legEvent{name: "send " + method, method: method, send: true})
	}
	for _, ahead := range []int{-1, 0, 1, 7} {
		all = append(all,
			legEvent{method: "INVITE", ahead: ahead, contact: "sip:peer@192.0.2.21"},
			legEvent{method: "INFO", ahead: ahead, contact: "sip:peer@192.0.2.66"})
	}
	all = append(all,
		legEvent{method: "INVITE", ahead: 1},
		legEvent{method: "UPDATE", ahead: 1, contact: "sip:peer@192.0.2.22;transport=tcp"},
		legEvent{method: "BYE", ahead: 1},
		legEvent{method: "BYE", ahead: -1},
		legEvent{status: 180, contact: "sip:peer@192.0.2.23", recordRoute: "sip:p9.example.com;lr"},
		legEvent{status: 200, contact: "sip:peer@192.0.2.24", recordRoute: "sip:p1.example.com;lr sip:p2.example.com;lr"},
		legEvent{status: 200, recordRoute: "sip:p1.example.com;lr sip:strict.example.com"},
		legEvent{status: 302, contact: "sip:other@192.0.2.25"},
		legEvent{end: true, name: "end"},
	)
	for i := range all {
		if e := &all[i]; e.name == "" {
			e.name = strings.TrimSpace(fmt.Sprintf("%s %+d %d %s", e.method, e.ahead, e.status, e.contact))
		}
	}
	return all
}()

// legPair is a leg beside its model.
type legPair struct {
	t       *testing.T
	sh      *shard
	d       *tport.Delivery
	model   legModel
	leg     *Leg
	said    int // what the leg has answered by itself
	cache   map[string]sip.Request
	answers map[int]sip.Response
	n       uint64
}

// request is one of the peer's.
func (p *legPair) request(method string, seq uint32, contact string) sip.Request {
	k := fmt.Sprint(method, seq, contact)
	if req, ok := p.cache[k]; ok {
		return req
	}
	if contact != "" {
		contact = "Contact: <" + contact + ">\n"
	}
	m, err := sip.Parse(wire(fmt.Sprintf("%s sip:bob@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKx\nFrom: <sip:peer@example.com>;tag=peer\nTo: <sip:bob@example.com>;tag=bob\nCall-ID: leg\nCSeq: %d %s\nMax-Forwards: 70\n%s",
		method, seq, method, contact)))
	require.NoError(p.t, err)
	req, _ := sip.AsRequest(m)
	p.cache[k] = req
	return req
}

// response is one of the peer's to an INVITE of ours.
func (p *legPair) response(event int) sip.Response {
	if resp, ok := p.answers[event]; ok {
		return resp
	}
	e := legEvents[event]
	lines := ""
	if e.contact != "" {
		lines = "Contact: <" + e.contact + ">\n"
	}
	for _, r := range strings.Fields(e.recordRoute) {
		lines += "Record-Route: <" + r + ">\n"
	}
	m, err := sip.Parse(wire(fmt.Sprintf("SIP/2.0 %d X\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKy\nFrom: <sip:bob@example.com>;tag=bob\nTo: <sip:peer@example.com>;tag=peer\nCall-ID: leg\nCSeq: 1 INVITE\n%s", e.status, lines)))
	require.NoError(p.t, err)
	resp, _ := sip.AsResponse(m)
	p.answers[event] = resp
	return resp
}

// legKinds are the ways in which a dialog comes into being (12.1.1, 12.1.2).
var legKinds = []struct {
	name  string
	model legModel
	early bool
}{
	{"UAS", legModel{state: legConfirmed, remote: 5, target: "sip:peer@192.0.2.20", routes: "sip:p1.example.com;lr sip:p2.example.com;lr"}, false},
	{"UAS behind a strict router", legModel{state: legConfirmed, remote: 5, target: "sip:peer@192.0.2.20", routes: "sip:strict.example.com sip:p2.example.com;lr"}, false},
	{"UAC early", legModel{state: legEarly, local: 1, target: "sip:peer@192.0.2.20", routes: "sip:p8.example.com;lr"}, true},
	{"UAC confirmed", legModel{state: legConfirmed, local: 1, target: "sip:peer@192.0.2.20"}, false},
}

// begin makes the leg of a kind.
func (p *legPair) begin(s *Step, kind int) {
	if p.leg != nil {
		p.leg.Close(s)
	}
	k := legKinds[kind]
	var routes []sip.NameAddr
	for _, r := range strings.Fields(k.model.routes) {
		routes = append(routes, must(sip.ParseNameAddr("<"+r+">")))
	}
	p.model = k.model
	leg, err := s.NewLeg(LegConfig{
		CallID: "leg", Local: must(sip.ParseNameAddr("<sip:bob@example.com>;tag=bob")), Remote: must(sip.ParseNameAddr("<sip:peer@example.com>;tag=peer")),
		Target: must(sip.ParseURI(k.model.target)), RouteSet: routes, LocalSeq: k.model.local, RemoteSeq: k.model.remote,
		Contact: must(sip.ParseNameAddr("<sip:bob@192.0.2.1>")),
		Receive: func(s *Step, l *Leg, in *Incoming) bool {
			p.said = 0
			l.Refresh(s, in.Request())
			if in.Request().Method() == "BYE" {
				l.Close(s)
			}
			return true
		},
	})
	require.NoError(p.t, err)
	leg.early = k.early
	p.leg = leg
}

// put has the leg be as it was.
func (p *legPair) put(leg *Leg, was Leg, model legModel) {
	if !leg.registered && was.registered {
		p.sh.legs[leg.key] = leg
		p.sh.a.count.legs.Add(1)
	}
	*leg = was
	p.leg, p.model = leg, model
}

// step gives an event to both and returns what they differ in.
func (p *legPair) step(s *Step, event int) string {
	e := &legEvents[event]
	switch {
	case e.end:
		p.model.state = legOver
		p.leg.Close(s)
	case e.send:
		want, ok := p.model.send(e.method)
		req, err := p.leg.NewRequest(s, e.method)
		if ok != (err == nil) {
			return fmt.Sprintf("a request: %v, by the RFC %v", err, ok)
		}
		if !ok {
			break
		}
		var routes []string
		for r, err := range sip.Route.All(req) {
			if err != nil {
				return err.Error()
			}
			routes = append(routes, r.URI.String())
		}
		got := legLine{req.RequestURI(), strings.Join(routes, " "), req.CSeq().Seq, sip.Contact.Has(req)}
		if got != want {
			return fmt.Sprintf("sent %+v, by the RFC %+v", got, want)
		}
		if req.CallID() != "leg" || req.FromTag() != "bob" || req.ToTag() != "peer" || req.CSeq().Method != e.method {
			return "the request is not one of the dialog"
		}
	case e.status != 0:
		p.model.response(e.status, e.contact, e.recordRoute)
		if p.model.state != legOver {
			p.leg.Refresh(s, p.response(event))
		}
	default:
		seq := uint32(max(1, int(p.model.remote)+e.ahead))
		req := p.request(e.method, seq, e.contact)
		want := p.model.receive(e.method, seq, e.contact)
		got := 481
		if leg := p.sh.legs[legKey{req.CallID(), req.ToTag(), req.FromTag()}]; leg != nil {
			p.n++
			p.sh.a.source.take(sourceOf(p.d.From.Addr()))
			in := p.sh.newIncoming(s, p.d, req, req.TopVia(), key{p.n, 1})
			tx := in.tx
			p.said = -1
			leg.receive(s, in)
			if got = p.said; got != 0 {
				got = sip.Response{Message: tx.reply}.Status()
			} else if tx.reply != nil {
				return "the leg has answered what it has handed on"
			}
			tx.over(s, nil)
		}
		if got != want {
			return fmt.Sprintf("answers %d, by the RFC %d", got, want)
		}
	}
	return p.compare(s)
}

// compare compares what both know.
func (p *legPair) compare(s *Step) string {
	var routes []string
	for _, r := range p.leg.RouteSet(s) {
		routes = append(routes, r.URI.String())
	}
	target := p.leg.Target(s)
	got := legModel{state: legConfirmed, local: p.leg.LocalSeq(s), remote: p.leg.remoteSeq,
		target: target.String(), routes: strings.Join(routes, " ")}
	switch {
	case p.leg.closed:
		got.state = legOver
		if p.sh.legs[p.leg.key] != nil {
			return "the leg is over and still in the table"
		}
	case p.leg.early:
		got.state = legEarly
	}
	if got != p.model {
		return fmt.Sprintf("%+v, by the RFC %+v", got, p.model)
	}
	return ""
}

// replay runs an order from the start.
func (p *legPair) replay(s *Step, kind int, order []uint8) string {
	p.begin(s, kind)
	for _, e := range order {
		if diff := p.step(s, int(e)); diff != "" {
			return diff
		}
	}
	return ""
}

func (p *legPair) differ(s *Step, kind int, order []uint8) {
	order = shrink(order, func(o []uint8) bool { return p.replay(s, kind, o) != "" })
	diff := p.replay(s, kind, order)
	var names []string
	for _, e := range order {
		names = append(names, legEvents[e].name)
	}
	p.t.Errorf("%s after %s: %s", legKinds[kind].name, strings.Join(names, ", "), diff)
}

// legWorld runs f in a step of an agent.
func legWorld(t *testing.T, f func(p *legPair, s *Step)) {
	bubble(t, simnet.Config{Record: -1}, func(w *world) {
		w.net.MustHost("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Shards = 1 })
		flow, ok := a.Transport().Ready(tport.Name{Proto: "udp", Host: "192.0.2.9", Port: 5060})
		require.True(t, ok)
		d := &tport.Delivery{Flow: flow, From: flow.Remote(), To: flow.Local(), At: time.Now()}
		p := &legPair{t: t, d: d, cache: map[string]sip.Request{}, answers: map[int]sip.Response{}}
		a.Step("leg", func(s *Step) {
			p.sh = s.sh
			f(p, s)
			p.leg.Close(s)
			s.later = nil
		})
	})
}

// TestLegMatchesTheModelAtRandom steps a leg beside the model through random
// orders of events. NTA_MODEL_ORDERS is how many.
func TestLegMatchesTheModelAtRandom(t *testing.T) {
	total := 20_000
	if n, err := strconv.Atoi(os.Getenv("NTA_MODEL_ORDERS")); err == nil {
		total = n
	} else if testing.Short() || raceEnabled {
		total = 4_000
	}
	legWorld(t, func(p *legPair, s *Step) {
		r := rand.New(rand.NewPCG(3, 12))
		steps := 0
		var order []uint8
		for n := range total {
			kind := n % len(legKinds)
			p.begin(s, kind)
			order = order[:0]
			for range 1 + r.IntN(12) {
				e := r.IntN(len(legEvents))
				order = append(order, uint8(e))
				steps++
				if p.step(s, e) != "" {
					p.differ(s, kind, order)
					return
				}
			}
			s.later = s.later[:0]
		}
		t.Logf("%d orders, %d events", total, steps)
	})
}

// TestLegMatchesTheModelInEveryOrder steps it through every order of six events.
func TestLegMatchesTheModelInEveryOrder(t *testing.T) {
	const depth = 6
	type point struct {
		model legModel
		left  int
	}
	legWorld(t, func(p *legPair, s *Step) {
		for kind := range legKinds {
			seen := map[point]float64{}
			var order []uint8
			var walk func(left int) float64
			walk = func(left int) (n float64) {
				if left == 0 {
					return 1
				}
				at := point{p.model, left}
				if n, ok := seen[at]; ok { // the leg is as the model says, which was compared
					return n
				}
				leg, was, model := p.leg, *p.leg, p.model
				for e := range legEvents {
					order = append(order, uint8(e))
					if p.step(s, e) != "" {
						if !t.Failed() {
							p.differ(s, kind, slices.Clone(order))
						}
						return n
					}
					n += walk(left - 1)
					order = order[:len(order)-1]
					p.put(leg, was, model)
				}
				seen[at] = n
				return n
			}
			p.begin(s, kind)
			n := walk(depth)
			s.later = s.later[:0]
			t.Logf("%s: %.3g orders, %d states", legKinds[kind].name, n, len(seen))
		}
	})
}
