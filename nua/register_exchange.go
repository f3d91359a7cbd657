package nua

import (
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// begin sends a REGISTER with what was asked for.
func (r *Registration) begin(s *nta.Step, removal bool) {
	r.removing = removal
	if removal {
		r.setState(Unregistering)
	} else {
		r.now, r.next = r.next, nil
	}
	r.send(s)
}

// send sends one REGISTER; CSeq rises by one with each (RFC 3261 10.2).
func (r *Registration) send(s *nta.Step) {
	r.timer.Stop(s)
	r.sending = true
	r.o.seq++
	r.attempt++
	attempt := r.attempt
	req, err := r.build()
	if err == nil {
		_, err = s.Send(req, nta.SendConfig{Respond: func(s *nta.Step, o *nta.Outgoing, resp sip.Response, err error) {
			if attempt == r.attempt && r.sending && (err != nil || resp.Status() >= 200) {
				r.response(s, o, resp, err)
			}
		}})
	}
	if err != nil {
		// Seldom, and in the middle of a step of the caller's: one of its own.
		s.Defer(func() {
			r.step(func(s *nta.Step) {
				if attempt == r.attempt && r.sending {
					r.failed(s, sip.Response{}, err, 0)
				}
			})
		})
	}
}

func (r *Registration) build() (sip.Request, error) {
	expires, asked := seconds(r.wish), r.now
	if r.removing {
		expires, asked = 0, r.removals
	}
	set := []msg.Setter{sip.Contact.Set(r.contact), sip.Expires.Set(expires)}
	set = append(set, r.set...)
	for _, a := range asked {
		set = append(set, a.set...)
	}
	req, err := r.ua.build(r.o, set...)
	if err != nil {
		return req, err
	}
	r.own200 = false
	for c, err := range sip.Contact.All(req) {
		if err == nil && sameContact(c.URI, r.contact.URI) {
			r.own200 = true
		}
	}
	return authorize(r.auth, req)
}

func seconds(d time.Duration) uint32 {
	return uint32(min(max(int64((d+time.Second-1)/time.Second), 1), 1<<31))
}

// response takes a final response or a failure.
func (r *Registration) response(s *nta.Step, o *nta.Outgoing, resp sip.Response, err error) {
	if err != nil {
		r.failed(s, resp, err, 0)
		return
	}
	status := resp.Status()
	switch {
	case status < 300:
		r.succeeded(s, o, resp)
	case challenges(resp):
		cause := r.auth.Respond(resp)
		if cause == nil {
			r.report(100, resp, nil)
			r.send(s)
			return
		}
		r.failed(s, resp, refusedError(resp, cause), 0)
	case status == 423 && !r.removing && r.intervals < maxIntervals && r.longer(resp):
		r.intervals++
		r.report(100, resp, nil)
		r.send(s)
	default:
		r.failed(s, resp, &sip.StatusError{Response: resp}, retryAfterOf(resp))
	}
}

// longer raises the life asked for to what 423 demands (RFC 3261 10.2.8).
func (r *Registration) longer(resp sip.Response) bool {
	least, ok, err := sip.MinExpires.Get(resp)
	if !ok || err != nil {
		return false
	}
	wish := time.Duration(least) * time.Second
	if wish <= r.wish {
		return false
	}
	r.wish = wish
	return true
}

// retryAfterOf reads Retry-After; 0 without.
func retryAfterOf(resp sip.Response) time.Duration {
	v, ok, err := sip.RetryAfter.Get(resp)
	if !ok || err != nil {
		return 0
	}
	return time.Duration(v.Seconds) * time.Second
}

// succeeded takes a 2xx: the binding is there, or gone.
func (r *Registration) succeeded(s *nta.Step, o *nta.Outgoing, resp sip.Response) {
	r.sending, r.failures, r.intervals = false, 0, 0
	r.auth.Done(resp)
	if r.removing {
		r.finish(s, RegisterResult{Status: resp.Status(), Phrase: resp.Phrase(), Response: resp, Unregister: true}, nil)
		return
	}
	flow := o.FlowStep(s)
	own := r.ua.agent.Placed(r.contact, flow)
	granted, all := r.granted(s, resp, own.URI)
	r.keep(flow)
	r.mu.Lock()
	r.view.state, r.view.err = Registered, nil
	r.view.expires, r.view.until = granted, s.Now().Add(granted)
	r.view.contact, r.view.contacts = own, all
	r.mu.Unlock()
	r.report(resp.Status(), resp, nil)
	r.first.finish(nil)
	r.answer(nil)
	if !r.following(s) {
		r.refreshIn(s, refreshAfter(granted, r.ua.chance()))
	}
}

// answer tells those who asked for the REGISTER that has its result.
func (r *Registration) answer(err error) {
	for _, a := range r.now {
		a.op.finish(err)
	}
	r.now = nil
}

// following sends what was asked for meanwhile.
func (r *Registration) following(s *nta.Step) bool {
	switch {
	case len(r.removals) > 0:
		r.begin(s, true)
	case len(r.next) > 0:
		r.begin(s, false)
	default:
		return false
	}
	return true
}

// refreshIn arms the next REGISTER.
func (r *Registration) refreshIn(s *nta.Step, wait time.Duration) {
	r.timer = s.After(wait, func(s *nta.Step) {
		if !r.sending {
			r.begin(s, false)
		}
	})
}

// granted finds the life of our own binding in the 200 (RFC 3261 10.2.4): the
// expires of our Contact, else the Expires header, else an hour. A REGISTER
// that did not name our binding (a query, another's Contact) leaves it the life
// it had.
func (r *Registration) granted(s *nta.Step, resp sip.Response, own sip.URI) (time.Duration, []sip.NameAddr) {
	var all []sip.NameAddr
	life, found := time.Duration(0), false
	for c, err := range sip.Contact.All(resp) {
		if err != nil {
			continue
		}
		all = append(all, c)
		if !sameContact(c.URI, own) {
			continue
		}
		if sec, ok := c.Expires(); ok {
			if d := time.Duration(sec) * time.Second; !found || d < life {
				life, found = d, true
			}
		}
	}
	if found {
		return life, all
	}
	if !r.own200 {
		return max(r.view.until.Sub(s.Now()), 0), all
	}
	if sec, ok, err := sip.Expires.Get(resp); ok && err == nil {
		return time.Duration(sec) * time.Second, all
	}
	return defaultExpires, all
}

// sameContact compares as RFC 3261 10.2.4 asks, and takes what a registrar that
// adds parameters makes of ours.
func sameContact(got, own sip.URI) bool {
	if got.Equal(own) {
		return true
	}
	return got.User == own.User && strings.EqualFold(got.Host, own.Host) && port(got) == port(own)
}

// port is the port a contact means.
func port(u sip.URI) uint16 {
	if u.Port != 0 {
		return u.Port
	}
	return defaultPort(protoOf(u, u.IsSIPS()))
}

// keep holds the connection of the registration open: it is where the peers
// reach us.
func (r *Registration) keep(flow *tport.Flow) {
	if flow == nil {
		return
	}
	r.mu.Lock()
	r.view.key = flow.Key()
	r.mu.Unlock()
	if flow == r.flow {
		return
	}
	if flow.Reliable() {
		flow.Hold()
	}
	r.letGo()
	r.flow = flow
}

func (r *Registration) letGo() {
	if r.flow != nil && r.flow.Reliable() {
		r.flow.Release()
	}
	r.flow = nil
}

// failed takes a failure. The first REGISTER and refused credentials end the
// registration; anything else is tried again later (sofia-map 2.10).
func (r *Registration) failed(s *nta.Step, resp sip.Response, err error, asked time.Duration) {
	r.sending = false
	ev := RegisterResult{Status: transactionStatus(err), Response: resp, Err: err, Unregister: r.removing}
	if !resp.IsZero() {
		ev.Status, ev.Phrase = resp.Status(), resp.Phrase()
	}
	first := busy(r.first)
	if r.removing || first || !resp.IsZero() && hopeless(resp.Status()) {
		r.finish(s, ev, err)
		return
	}
	r.failures++
	r.mu.Lock()
	r.view.state, r.view.err = Retrying, err
	r.mu.Unlock()
	r.report(ev.Status, resp, err)
	r.answer(err)
	if !r.following(s) {
		r.refreshIn(s, retryAfter(r.failures, asked, r.ua.chance()))
	}
}

// hopeless lists the refusals that another try will not change.
func hopeless(status int) bool {
	switch status {
	case 401, 403, 404, 405, 407, 410, 416, 420, 501, 603, 604:
		return true
	}
	return status < 400
}

func (r *Registration) setState(state RegistrationState) {
	r.mu.Lock()
	r.view.state = state
	r.mu.Unlock()
}

// report appends an event that is not the last.
func (r *Registration) report(status int, resp sip.Response, err error) {
	ev := RegisterResult{
		eventBase: eventBase{r}, Status: status, Response: resp, Err: err,
		State: r.State(), Unregister: r.removing,
	}
	if !resp.IsZero() {
		ev.Phrase = resp.Phrase()
	}
	r.events.put(ev)
}

// finish ends the registration.
func (r *Registration) finish(s *nta.Step, ev RegisterResult, err error) {
	r.timer.Stop(s)
	r.sending = false
	r.attempt++
	r.letGo()
	r.mu.Lock()
	r.view.state, r.view.err = Unregistered, err
	r.mu.Unlock()
	ev.eventBase, ev.State = eventBase{r}, Unregistered
	r.events.last(ev)
	gone := err
	if gone == nil {
		gone = ErrClosed
	}
	r.first.finish(gone)
	r.now = append(r.now, r.next...)
	r.next = nil
	r.answer(gone)
	for _, a := range r.removals {
		a.op.finish(err)
	}
	r.removals = nil
	r.ua.release(r)
}

// flowLost registers again at once when the connection of a registration died.
func (r *Registration) flowLost(key tport.Key) {
	r.mu.Lock()
	mine := r.view.key == key && (r.view.state == Registered || r.view.state == Retrying)
	r.mu.Unlock()
	if !mine {
		return
	}
	r.step(func(s *nta.Step) {
		if !r.ended() && !r.sending {
			r.letGo()
			r.begin(s, false)
		}
	})
}
