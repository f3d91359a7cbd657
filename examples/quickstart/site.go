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

// register is RFC 3261 10.3 for one contact per user.
func (s *site) register(in *nta.Incoming) {
	req := in.Request()
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
	if err != nil {
		_ = in.Reply(400)
		return
	}
	s.mu.Lock()
	if present {
		seconds := expires(req, contact)
		switch {
		case seconds == 0:
			delete(s.bindings, user)
		case len(s.bindings) < maxBindings:
			contact.Params = "" // ours is the say on expires
			s.bindings[user] = binding{contact, time.Now().Add(time.Duration(seconds) * time.Second)}
		}
	}
	bound, have := s.bindings[user]
	s.mu.Unlock()
	if !have {
		_ = in.Reply(200)
		return
	}
	left := max(0, int(time.Until(bound.expires).Round(time.Second).Seconds()))
	_ = in.Reply(200, sip.Contact.Set(bound.contact), sip.Expires.Set(uint32(left)))
}

// expires is the contact's own expiry in seconds, before that of the request, before the default.
func expires(req sip.Request, contact sip.NameAddr) uint32 {
	if contact.Star() {
		return 0
	}
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

	route, routed, _ := sip.Route.Get(req)
	switch {
	case routed && s.isOurs(route.URI): // RFC 3261 16.4: the route that led here
		edits = append(edits, sip.Route.Pop())
	case !strings.EqualFold(target.Host, s.domain):
		_ = in.Reply(403) // no open relay
		return
	}
	if strings.EqualFold(target.Host, s.domain) { // 16.5: ours to look up
		contact, known := s.lookup(target.User)
		if !known {
			_ = in.Reply(404)
			return
		}
		target = contact.URI
	}
	edits = append(edits, sip.RequestURI(target))
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

// lookup returns the contact that user registered.
func (s *site) lookup(user string) (sip.NameAddr, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound, known := s.bindings[user]
	return bound.contact, known && time.Now().Before(bound.expires)
}

// isOurs tells whether uri is this proxy's own address.
func (s *site) isOurs(uri sip.URI) bool {
	return uri.Host == s.route.URI.Host && uri.Port == s.route.URI.Port
}
