package main

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

const (
	maxUsers   = 1000
	maxExpires = 3600 // seconds
)

// office registers users and hands messages to them. A user is reached on the
// connection that the registration came by, and on no other: the Contact of a
// browser leads nowhere (RFC 7118 appendix B.1).
type office struct {
	mu    sync.Mutex
	users map[string]seat
}

type seat struct {
	contact sip.NameAddr
	flow    tport.Key // not the flow itself: it may be gone, and its key then matches nothing
	until   time.Time
}

func newOffice() *office { return &office{users: map[string]seat{}} }

// serve answers one request.
func (o *office) serve(in *nta.Incoming) {
	switch in.Request().Method() {
	case sip.MethodRegister:
		o.register(in)
	case sip.MethodOptions:
		_ = in.Reply(200, sip.Allow.Set("REGISTER", "OPTIONS", "MESSAGE"))
	case sip.MethodMessage:
		o.message(in)
	default:
		_ = in.Reply(405, sip.Allow.Set("REGISTER", "OPTIONS", "MESSAGE"))
	}
}

// register is what is needed of RFC 3261 section 10.3 for one contact a user.
func (o *office) register(in *nta.Incoming) {
	req := in.Request()
	to, err := req.To()
	contact, present, bad := sip.Contact.Get(req)
	if err != nil || bad != nil || to.URI.User == "" {
		_ = in.Reply(400)
		return
	}
	user := strings.Clone(to.URI.User)
	o.mu.Lock()
	defer o.mu.Unlock()
	seconds := expires(req, contact)
	switch {
	case present && seconds == 0:
		delete(o.users, user)
	case present && len(o.users) >= maxUsers && o.users[user].until.IsZero():
		_ = in.Reply(503, sip.RetryAfter.Text("60"))
		return
	case present:
		contact.Params = ""
		kept, err := sip.ParseNameAddr(strings.Clone(contact.String()))
		if err != nil {
			_ = in.Reply(400)
			return
		}
		o.users[user] = seat{kept, in.Flow().Key(), time.Now().Add(time.Duration(seconds) * time.Second)}
	}
	s, ok := o.users[user]
	if !ok || time.Now().After(s.until) {
		_ = in.Reply(200)
		return
	}
	_ = in.Reply(200, sip.Contact.Set(s.contact), sip.Expires.Set(uint32(time.Until(s.until).Seconds())))
}

// expires is what the contact asks for, or the request, within bounds.
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

// message sends the text on to the user it is for (RFC 3428), as a request of
// its own, and answers with what came back.
func (o *office) message(in *nta.Incoming) {
	req := in.Request()
	uri, err := req.URI()
	from, bad := req.From()
	if err != nil || bad != nil {
		_ = in.Reply(400)
		return
	}
	o.mu.Lock()
	s, ok := o.users[uri.User]
	o.mu.Unlock()
	a := in.Agent()
	flow, open := a.Transport().Find(s.flow)
	switch {
	case !ok:
		_ = in.Reply(404)
		return
	case !open || time.Now().After(s.until):
		_ = in.Reply(480)
		return
	}
	to := sip.NameAddr{URI: uri}
	kind, ok := sip.ContentType.Raw(req)
	if !ok {
		kind = "text/plain"
	}
	out, err := sip.NewRequest(sip.MethodMessage, s.contact.URI,
		sip.From.Set(sip.NameAddr{URI: from.URI}.WithTag(a.NewTag())), sip.To.Set(to), sip.CallID.Text(a.NewCallID()),
		sip.CSeq.Set(sip.Sequence{Seq: 1, Method: sip.MethodMessage}), sip.Payload(kind, req.Body()))
	if err != nil {
		_ = in.Reply(400)
		return
	}
	in.Async() // others are served while the other browser takes its time
	tx, err := a.Send(out, nta.SendConfig{Flow: flow})
	if err != nil {
		_ = in.Reply(480)
		return
	}
	resp, err := tx.Final(in.Context())
	status := 480
	if refused, ok := errors.AsType[*sip.StatusError](err); ok {
		status = refused.Status()
	} else if err == nil {
		status = resp.Status()
	}
	_ = in.Reply(status)
}

// gone forgets those who were reached on a connection that has ended.
func (o *office) gone(k tport.Key) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for user, s := range o.users {
		if s.flow == k {
			delete(o.users, user)
		}
	}
}
