package nua

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// RegistrationState is the state of a registration.
type RegistrationState uint8

const (
	// Registering: the first REGISTER has no final response yet.
	Registering RegistrationState = iota
	// Registered: the binding is in place; it is refreshed before it expires.
	Registered
	// Retrying: a refresh failed; it is tried again with growing waits. The
	// binding may be gone.
	Retrying
	// Unregistering: the REGISTER that removes the binding is on its way.
	Unregistering
	// Unregistered is the end: removed, refused, or given up.
	Unregistered
)

// String returns the state in lower case.
func (s RegistrationState) String() string {
	switch s {
	case Registering:
		return "registering"
	case Registered:
		return "registered"
	case Retrying:
		return "retrying"
	case Unregistering:
		return "unregistering"
	case Unregistered:
		return "unregistered"
	}
	return "unknown"
}

// maxIntervals bounds how often 423 may raise the interval of one REGISTER.
const maxIntervals = 3

// Registration keeps one address of record registered (RFC 3261 10.2): it
// refreshes the binding before it expires, answers challenges, obeys 423, goes
// on after failures, and registers again at once when the connection it used is
// lost. Its methods are safe for concurrent use. It holds no goroutine.
type Registration struct {
	ua     *UA
	id     string
	auth   *auth.Client
	events *source

	// What follows is guarded by the shard of id.

	o         outside
	set       []msg.Setter
	contact   sip.NameAddr
	own       string // Contact given by the user, empty: from the socket
	wish      time.Duration
	sending   bool
	removing  bool // the REGISTER on its way removes the binding
	attempt   int
	intervals int
	failures  int
	timer     *nta.Timer
	flow      *tport.Flow // held
	first     *pending
	refreshes []*pending
	removals  []*pending
	again     bool // a refresh was asked for while one is on its way

	// What any goroutine may read.

	mu   sync.Mutex // a leaf
	view registrationView
}

type registrationView struct {
	state    RegistrationState
	expires  time.Duration
	until    time.Time
	contact  sip.NameAddr
	contacts []sip.NameAddr
	err      error
	key      tport.Key // the flow of the last REGISTER
}

// Register registers the identity and keeps it registered until
// [Registration.Unregister] or [UA.Shutdown]. It returns when the first
// REGISTER has its final result. The setters go into every REGISTER.
//
// The errors are *sip.StatusError for a refusal (it also matches the error of
// package auth when credentials were refused: at most two tries are made),
// *nta.TransactionError when no response came, ErrNoIdentity, ErrNoRegistrar,
// ErrClosed. When ctx ends first, its cause is returned and the registration
// is given up.
func (u *UA) Register(ctx context.Context, cfg RegisterConfig, set ...msg.Setter) (*Registration, error) {
	if u.closed() {
		return nil, ErrClosed
	}
	r, err := u.newRegistration(cfg, set)
	if err != nil {
		return nil, err
	}
	if err := u.adopt(r); err != nil {
		return nil, err
	}
	first := r.first
	r.step(func(s *nta.Step) { r.send(s, false) })
	if err := first.wait(ctx); err != nil {
		select {
		case <-first.done: // refused: it has ended itself
		default:
			r.shutdown()
		}
		return nil, err
	}
	return r, nil
}

func (u *UA) newRegistration(cfg RegisterConfig, set []msg.Setter) (*Registration, error) {
	if cfg.Identity == "" && u.cfg.Identity == "" {
		return nil, ErrNoIdentity
	}
	aor, err := u.identity(cfg.Identity)
	if err != nil {
		return nil, &Error{Op: "register", Err: err}
	}
	registrar := u.addr.registrar
	switch {
	case cfg.Registrar != "":
		if registrar, err = sip.ParseURI(cfg.Registrar); err != nil {
			return nil, &Error{Op: "register", Err: err}
		}
	case cfg.Identity != "" && u.cfg.Registrar == "":
		registrar = domain(aor.URI)
	}
	if registrar.Host == "" {
		return nil, ErrNoRegistrar
	}
	registrar.User, registrar.Password, registrar.Headers = "", "", "" // RFC 3261 10.2
	route, err := u.route(cfg.Proxy)
	if err != nil {
		return nil, &Error{Op: "register", Err: err}
	}
	wish := u.cfg.expires()
	if cfg.Expires > 0 {
		wish = cfg.Expires
	}
	r := &Registration{
		ua: u, id: u.agent.NewCallID(), auth: u.authClient(cfg.Auth),
		set: set, own: cfg.Contact, wish: wish, first: newPending(),
	}
	r.o = outside{
		method: sip.MethodRegister, target: registrar, from: aor, to: aor,
		tag: u.agent.NewTag(), callID: r.id, route: route,
	}
	if r.own != "" {
		if r.contact, err = parseAddress(r.own); err != nil {
			return nil, &Error{Op: "register", Err: err}
		}
	} else if r.contact, err = u.contactFor(aor, registrar, route); err != nil {
		return nil, err
	}
	r.view.contact = r.contact
	q, shared := cfg.Events, true
	if q == nil {
		q = u.cfg.Events
	}
	if q == nil {
		q, shared = NewQueue(u.cfg.EventBuffer), false
	}
	r.events = q.attach(r, shared)
	return r, nil
}

// domain is the Request-URI of a REGISTER for an address of record.
func domain(u sip.URI) sip.URI { return sip.URI{Scheme: u.Scheme, Host: u.Host, Port: u.Port} }

func (r *Registration) step(f func(*nta.Step)) { r.ua.agent.Step(r.id, f) }
func (r *Registration) handle() *source        { return r.events }

// ID returns the Call-ID of the registration, the same in all its requests.
func (r *Registration) ID() string { return r.id }

// State returns the state of the registration.
func (r *Registration) State() RegistrationState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.state
}

// Expires returns the life granted by the registrar at the last success.
func (r *Registration) Expires() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.expires
}

// Contact returns the address that is registered.
func (r *Registration) Contact() sip.NameAddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.contact
}

// Contacts returns all bindings of the address of record, other agents'
// included, as the registrar listed them last.
func (r *Registration) Contacts() []sip.NameAddr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.contacts
}

// Err returns why the last REGISTER failed, nil after a success.
func (r *Registration) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.view.err
}

// Next returns the registration's next event, as [Call.Next] does.
func (r *Registration) Next(ctx context.Context) (Event, error) {
	return r.events.q.next(ctx, r.events)
}

// Events returns the registration's events, as [Call.Events] does.
func (r *Registration) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) { pull(ctx, r.Next, yield) }
}

// Refresh registers again now and waits for the result. A failure is returned
// and the registration goes on trying. ctx bounds the wait.
func (r *Registration) Refresh(ctx context.Context) error {
	p := newPending()
	r.step(func(s *nta.Step) {
		switch {
		case r.ended() || r.removing || len(r.removals) > 0:
			p.finish(ErrClosed)
		case len(r.refreshes) >= maxLane:
			p.finish(ErrBusy)
		default:
			r.refreshes = append(r.refreshes, p)
			if r.sending {
				r.again = true
				return
			}
			r.send(s, false)
		}
	})
	return p.wait(ctx)
}

// Unregister removes the binding and ends the registration. It waits for the
// result; when ctx ends first, the removal goes on. A registration that has
// ended is no error.
func (r *Registration) Unregister(ctx context.Context) error {
	p := newPending()
	r.step(func(s *nta.Step) {
		if r.ended() {
			p.finish(nil)
			return
		}
		r.removals = append(r.removals, p)
		r.remove(s)
	})
	return p.wait(ctx)
}

// remove sends the last REGISTER, after the one on its way (RFC 3261 10.2: one
// at a time).
func (r *Registration) remove(s *nta.Step) {
	r.timer.Stop(s)
	if !r.sending {
		r.send(s, true)
		return
	}
	r.again = true
}

func (r *Registration) ended() bool { return r.view.state == Unregistered }

func (r *Registration) shutdown() {
	r.step(func(s *nta.Step) {
		if r.ended() || r.removing || len(r.removals) > 0 {
			return
		}
		p := newPending()
		r.removals = append(r.removals, p)
		r.remove(s)
	})
}

func (r *Registration) drop() {
	r.step(func(s *nta.Step) {
		if !r.ended() {
			r.finish(s, RegisterResult{Err: ErrClosed}, ErrClosed)
		}
	})
}

// send sends one REGISTER; CSeq rises by one with each (RFC 3261 10.2).
func (r *Registration) send(s *nta.Step, removal bool) {
	r.timer.Stop(s)
	r.sending, r.removing, r.again = true, removal, false
	r.o.seq++
	r.attempt++
	attempt := r.attempt
	var expires uint32
	if !removal {
		expires = seconds(r.wish)
	}
	if removal {
		r.setState(Unregistering)
	}
	set := make([]msg.Setter, 0, len(r.set)+3)
	set = append(set, sip.Contact.Set(r.contact), sip.Expires.Set(expires))
	req, err := r.ua.build(r.o, append(set, r.set...)...)
	if err == nil {
		req, err = authorize(r.auth, req)
	}
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
			r.send(s, r.removing)
			return
		}
		r.failed(s, resp, refusedError(resp, cause), 0)
	case status == 423 && !r.removing && r.intervals < maxIntervals && r.longer(resp):
		r.intervals++
		r.report(100, resp, nil)
		r.send(s, false)
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
	granted, all := r.granted(resp)
	r.keep(o.FlowStep(s))
	r.mu.Lock()
	r.view.state, r.view.err = Registered, nil
	r.view.expires, r.view.until = granted, s.Now().Add(granted)
	r.view.contact, r.view.contacts = r.contact, all
	r.mu.Unlock()
	r.report(resp.Status(), resp, nil)
	r.first.finish(nil)
	again := r.again
	if len(r.removals) > 0 {
		r.send(s, true)
		return
	}
	if again {
		r.send(s, false)
		return
	}
	r.finishRefreshes(nil)
	r.timer = s.After(max(refreshAfter(granted, r.ua.chance()), time.Second), func(s *nta.Step) {
		if !r.sending {
			r.send(s, false)
		}
	})
}

func (r *Registration) finishRefreshes(err error) {
	for _, p := range r.refreshes {
		p.finish(err)
	}
	r.refreshes = nil
}

// granted finds the life of our own binding in the 200 (RFC 3261 10.2.4): the
// expires of our Contact, else the Expires header, else an hour.
func (r *Registration) granted(resp sip.Response) (time.Duration, []sip.NameAddr) {
	var all []sip.NameAddr
	life, found := time.Duration(0), false
	for c, err := range sip.Contact.All(resp) {
		if err != nil {
			continue
		}
		all = append(all, c)
		if !sameContact(c.URI, r.contact.URI) {
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
	return got.User == own.User && got.Host == own.Host && got.Port == own.Port
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
	r.finishRefreshes(err)
	if len(r.removals) > 0 {
		r.send(s, true)
		return
	}
	r.timer = s.After(retryAfter(r.failures, asked, r.ua.chance()), func(s *nta.Step) {
		if !r.sending {
			r.send(s, false)
		}
	})
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
	r.finishRefreshes(gone)
	for _, p := range r.removals {
		p.finish(err)
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
			r.send(s, false)
		}
	})
}
