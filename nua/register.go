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

// ask is a REGISTER somebody asked for: who waits, and what goes into it.
type ask struct {
	op  *pending
	set []msg.Setter
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
	now, next []ask // refreshes: in the REGISTER on its way, for the next one
	removals  []ask
	own200    bool // the REGISTER on its way names our own binding

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
	r.step(func(s *nta.Step) { r.begin(s, false) })
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

// Refresh registers again now and waits for the result. The setters go into
// this REGISTER, after those given to [UA.Register], and not into later ones;
// refreshes asked for while a REGISTER is on its way share the next one. A
// failure is returned and the registration goes on trying. ctx bounds the wait.
//
// With sip.Contact.Del() and sip.Expires.Del() it is a query, whose result is
// [Registration.Contacts].
func (r *Registration) Refresh(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	r.step(func(s *nta.Step) {
		switch {
		case r.ended() || r.removing || len(r.removals) > 0:
			p.finish(ErrClosed)
		case len(r.next) >= maxLane:
			p.finish(ErrBusy)
		default:
			r.next = append(r.next, ask{p, set})
			if !r.sending {
				r.begin(s, false)
			}
		}
	})
	return p.wait(ctx)
}

// Unregister removes the binding and ends the registration. The setters go into
// this REGISTER; sip.Contact.Text("*") removes all bindings of the address of
// record (RFC 3261 10.2.2). It waits for the result; when ctx ends first, the
// removal goes on. A registration that has ended is no error.
func (r *Registration) Unregister(ctx context.Context, set ...msg.Setter) error {
	p := newPending()
	r.step(func(s *nta.Step) {
		switch {
		case r.ended():
			p.finish(nil)
		case len(r.removals) >= maxLane:
			p.finish(ErrBusy)
		default:
			r.remove(s, ask{p, set})
		}
	})
	return p.wait(ctx)
}

// remove sends the last REGISTER, after the one on its way (RFC 3261 10.2: one
// at a time).
func (r *Registration) remove(s *nta.Step, a ask) {
	r.removals = append(r.removals, a)
	r.timer.Stop(s)
	if !r.sending {
		r.begin(s, true)
	}
}

func (r *Registration) ended() bool { return r.view.state == Unregistered }

func (r *Registration) shutdown() {
	r.step(func(s *nta.Step) {
		if r.ended() || r.removing || len(r.removals) > 0 {
			return
		}
		r.remove(s, ask{op: newPending()})
	})
}

func (r *Registration) drop() {
	r.step(func(s *nta.Step) {
		if !r.ended() {
			r.finish(s, RegisterResult{Err: ErrClosed}, ErrClosed)
		}
	})
}
