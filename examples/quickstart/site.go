package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
)

// site is a registrar and a record-routing proxy for one domain, as small as
// they can be and still be right: what they refuse, they refuse with the
// status that RFC 3261 gives it.
type site struct {
	domain   string
	agent    *nta.Agent
	route    sip.NameAddr // our Record-Route
	verifier *auth.Verifier

	mu       sync.Mutex
	bindings map[string]binding // by user
}

type binding struct {
	contact sip.NameAddr
	expires time.Time
	callID  string // of the REGISTER that made it, with its number
	seq     uint32
}

const (
	maxBindings = 1000
	maxExpires  = 3600 // seconds
)

func newSite(domain string, passwords map[string]string) (*site, error) {
	verifier, err := auth.NewVerifier(auth.VerifierConfig{
		Realm: domain,
		Lookup: func(username, realm string) (auth.User, bool) {
			password, known := passwords[username]
			return auth.User{Username: username, Realm: realm, Password: password}, known
		},
	})
	if err != nil {
		return nil, err
	}
	return &site{domain: domain, verifier: verifier, bindings: map[string]binding{}}, nil
}

// serve is the agent's user code: every request that reaches the site.
func (s *site) serve(in *nta.Incoming) {
	req := in.Request()
	target, err := req.URI()
	switch {
	case err != nil:
		_ = in.Reply(400)
	case target.Scheme != "sip" && target.Scheme != "sips":
		_ = in.Reply(416) // RFC 3261 16.3 step 2
	case req.Method() == sip.MethodRegister:
		s.register(in)
	default:
		s.forward(in, target)
	}
}

// register is RFC 3261 10.3 for one contact per user, in the order of its steps.
func (s *site) register(in *nta.Incoming) {
	req := in.Request()
	if target, _ := req.URI(); !strings.EqualFold(target.Host, s.domain) {
		_ = in.Reply(403) // step 1: not this registrar's
		return
	}
	if unsupported(in, sip.Require) { // step 2
		return
	}
	user, err := s.verifier.Verify(req, false)
	if err != nil {
		_ = in.Reply(401, s.verifier.Challenge(false, errors.Is(err, auth.ErrStale)))
		return
	}
	to, err := req.To()
	if err != nil || to.URI.User != user || !strings.EqualFold(to.URI.Host, s.domain) {
		_ = in.Reply(403)
		return
	}
	contact, present, err := sip.Contact.Get(req)
	if err != nil || present && contact.Star() && expires(req, contact) != 0 { // step 6
		_ = in.Reply(400)
		return
	}
	if present && !s.bind(user, contact, req) {
		_ = in.Reply(500)
		return
	}
	contact, left, bound := s.lookup(user)
	if !bound {
		_ = in.Reply(200)
		return
	}
	_ = in.Reply(200, sip.Contact.Set(contact), sip.Expires.Set(uint32(left.Round(time.Second).Seconds())))
}

// bind is step 7: a binding gives way to another Call-ID or a higher number.
func (s *site) bind(user string, contact sip.NameAddr, req sip.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, have := s.bindings[user]
	if have && old.callID == req.CallID() && req.CSeq().Seq <= old.seq || !have && len(s.bindings) >= maxBindings {
		return false
	}
	seconds := expires(req, contact)
	if seconds == 0 {
		delete(s.bindings, user)
		return true
	}
	contact.Params = "" // ours is the say on expires
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	s.bindings[user] = binding{contact, until, req.CallID(), req.CSeq().Seq}
	return true
}

// unsupported answers 420 if a header asks for an extension: this site has none.
func unsupported(in *nta.Incoming, asked sip.TokenHeader) bool {
	var tags []string
	for tag := range asked.All(in.Request()) {
		tags = append(tags, tag)
	}
	if len(tags) > 0 {
		_ = in.Reply(420, sip.Unsupported.Set(tags...))
	}
	return len(tags) > 0
}

// expires is the contact's own expiry in seconds, before that of the request, before the default.
func expires(req sip.Request, contact sip.NameAddr) uint32 {
	if seconds, ok := contact.Expires(); ok {
		return min(seconds, maxExpires)
	}
	if seconds, ok, err := sip.Expires.Get(req); ok && err == nil {
		return min(seconds, maxExpires)
	}
	return maxExpires
}

// forward is the stateful proxy of RFC 3261 16 for one branch.
func (s *site) forward(in *nta.Incoming, target sip.URI) {
	req := in.Request()
	var edits []msg.Setter
	hops, present := req.MaxForwards()
	switch {
	case !present:
		hops = 71
	case hops == 0:
		_ = in.Reply(483)
		return
	}
	edits = append(edits, sip.MaxForwards.Set(uint8(hops-1)))

	if unsupported(in, sip.ProxyRequire) { // RFC 3261 16.3 step 5
		return
	}
	route, routed, err := sip.Route.Get(req)
	if err != nil {
		_ = in.Reply(400)
		return
	}
	led := routed && in.Ours(route.URI) // RFC 3261 16.4: the route that led here
	if led {
		edits = append(edits, sip.Route.Pop())
	}
	if !strings.EqualFold(target.Host, s.domain) && !(led && req.ToTag() != "") {
		_ = in.Reply(403) // no open relay: out of the domain only inside a dialog
		return
	}
	if strings.EqualFold(target.Host, s.domain) { // 16.5: ours to look up
		contact, _, known := s.lookup(target.User)
		if !known {
			_ = in.Reply(404)
			return
		}
		target = contact.URI
	}
	edits = append(edits, sip.RequestURI(target).AsRead()) // whatever its phone has registered
	if req.ToTag() == "" {
		edits = append(edits, sip.RecordRoute.Push(s.route))
	}
	out, err := req.Edit(edits...)
	if err != nil {
		_ = in.Reply(400)
		return
	}
	if req.Method() == sip.MethodAck { // to a 2xx: end to end, never answered
		_ = s.agent.SendStateless(context.Background(), out, nta.SendConfig{})
		return
	}
	branch, err := s.agent.Send(out, nta.SendConfig{})
	if err != nil {
		_ = in.Reply(503)
		return
	}
	stop := context.AfterFunc(in.Context(), func() { _ = branch.Cancel() }) // CANCEL goes on hop by hop
	defer stop()
	for response, err := range branch.All(context.Background()) {
		if err != nil {
			status := 503
			if failed, ok := errors.AsType[*nta.TransactionError](err); ok {
				status = failed.Status()
			}
			_ = in.Reply(status)
			return
		}
		if response.Status() > 100 {
			_ = in.Relay(response)
		}
	}
}

// lookup returns the contact that user registered, and how long it lives on.
func (s *site) lookup(user string) (sip.NameAddr, time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound, known := s.bindings[user]
	left := time.Until(bound.expires)
	return bound.contact, left, known && left > 0
}
