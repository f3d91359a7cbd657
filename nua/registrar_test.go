package nua

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// registrar is a small registrar and a demanding peer for every other method,
// on nta and auth alone.
type registrar struct {
	*nta.Agent
	l        *lab
	verifier *auth.Verifier

	mu       sync.Mutex
	requests []sip.Request
	at       []time.Time
	bindings map[string]string
	least    uint32 // Min-Expires
	grant    uint32 // what is granted at most
	answer   func(n int, req sip.Request) (int, []msg.Setter)
}

func (l *lab) registrar(addr string) *registrar {
	l.t.Helper()
	r := &registrar{l: l, bindings: map[string]string{}, grant: 3600}
	v, err := auth.NewVerifier(auth.VerifierConfig{
		Realm: "lab.test",
		Lookup: func(name, _ string) (auth.User, bool) {
			return auth.User{Username: "alice", Password: "secret"}, name == "alice"
		},
	})
	require.NoError(l.t, err)
	r.verifier = v
	r.Agent = l.peer("registrar", addr, r.serve)
	return r
}

func (r *registrar) serve(in *nta.Incoming) {
	req := in.Request()
	if req.Method() == sip.MethodAck {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.requests)
	r.requests = append(r.requests, req)
	r.at = append(r.at, time.Now())
	if r.answer != nil {
		if status, set := r.answer(n, req); status != 0 {
			_ = in.Reply(status, set...)
			return
		}
	}
	if _, err := r.verifier.Verify(req, false); err != nil {
		_ = in.Reply(401, r.verifier.Challenge(false, false))
		return
	}
	if req.Method() != sip.MethodRegister {
		_ = in.Reply(200)
		return
	}
	expires, _, _ := sip.Expires.Get(req)
	if expires > 0 && expires < r.least {
		_ = in.Reply(423, sip.MinExpires.Text(fmt.Sprint(r.least)))
		return
	}
	contact, _, _ := sip.Contact.Get(req)
	granted := min(expires, r.grant)
	if expires == 0 {
		delete(r.bindings, contact.URI.String())
		_ = in.Reply(200)
		return
	}
	r.bindings[contact.URI.String()] = req.CallID()
	_ = in.Reply(200,
		sip.Contact.Text(fmt.Sprintf("<sip:other@10.9.9.9>;expires=7, <%s>;expires=%d", contact.URI.String(), granted)),
		sip.Expires.Set(11)) // ours counts, not the header
}

func (r *registrar) got() []sip.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]sip.Request(nil), r.requests...)
}

func (r *registrar) bound() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bindings)
}

func (r *registrar) set(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

var alice = []auth.User{{Username: "alice", Password: "secret"}}

// onRegistrar runs f with a registrar and a user agent for it.
func onRegistrar(t *testing.T, cfg Config, f func(l *lab, u *UA, r *registrar)) {
	t.Helper()
	inLab(t, func(l *lab) {
		r := l.registrar("10.0.0.9")
		cfg.Identity = "sip:alice@lab.test"
		if cfg.Registrar == "" {
			cfg.Registrar = "sip:10.0.0.9"
		}
		f(l, l.ua("alice", "10.0.0.1", cfg), r)
	})
}

func TestRegister(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(t, err)
		require.Equal(t, Registered, reg.State())
		require.Equal(t, time.Hour, reg.Expires())
		require.Equal(t, "sip:alice@10.0.0.1:5060", reg.Contact().URI.String())
		require.Len(t, reg.Contacts(), 2)
		all := r.got()
		require.Len(t, all, 2, "challenged once")
		require.Equal(t, "sip:10.0.0.9", all[0].RequestURI(), "a domain, without user")
		require.Equal(t, all[0].CallID(), all[1].CallID())
		require.Equal(t, all[0].FromTag(), all[1].FromTag())
		require.Equal(t, all[0].CSeq().Seq+1, all[1].CSeq().Seq)

		require.NoError(t, reg.Refresh(l.within(time.Minute)))
		all = r.got()
		require.Len(t, all, 3, "credentials are reused: no new challenge")
		credentials, _, err := auth.Authorization.Get(all[2])
		require.NoError(t, err)
		require.Equal(t, uint32(2), credentials.NC)

		require.NoError(t, reg.Unregister(l.within(time.Minute)))
		require.Equal(t, Unregistered, reg.State())
		require.Zero(t, r.bound())
		require.NoError(t, reg.Unregister(l.within(time.Minute)), "again is no error")
		require.ErrorIs(t, reg.Refresh(l.within(time.Minute)), ErrClosed)
		var got []string
		for ev, err := range reg.Events(l.within(time.Minute)) {
			require.NoError(t, err)
			res := ev.(RegisterResult)
			require.Same(t, reg, ev.Handle())
			require.Nil(t, res.Call())
			got = append(got, fmt.Sprint(ev, " ", res.Status, " ", res.State))
		}
		require.Equal(t, []string{
			"r_register 100 registering", "r_register 200 registered", "r_register 200 registered",
			"r_unregister 200 unregistered",
		}, got)
	})
}

func TestRegisterWrongPassword(t *testing.T) {
	onRegistrar(t, Config{Auth: []auth.User{{Username: "alice", Password: "wrong"}}}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		_, err := u.Register(l.within(time.Minute), RegisterConfig{})
		var refused *sip.StatusError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 401, refused.Status())
		require.ErrorIs(t, err, auth.ErrRefused)
		require.LessOrEqual(t, len(r.got()), 3, "two tries at most after the challenge")
		l.settle()
		n := len(r.got())
		time.Sleep(time.Hour)
		require.Len(t, r.got(), n, "given up")
	})
}

func TestRegisterWithoutCredentials(t *testing.T) {
	onRegistrar(t, Config{}, func(l *lab, u *UA, r *registrar) {
		_, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.ErrorIs(l.t, err, auth.ErrNoCredentials)
		require.Len(l.t, r.got(), 1)
	})
}

func TestRegisterIntervalTooBrief(t *testing.T) {
	onRegistrar(t, Config{Auth: alice, Expires: 60 * time.Second}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		r.least = 600
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(t, err)
		require.Equal(t, 10*time.Minute, reg.Expires())
		all := r.got()
		sent, _, _ := sip.Expires.Get(all[len(all)-1])
		require.Equal(t, uint32(600), sent)
	})
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) { // for ever
		r.answer = func(n int, req sip.Request) (int, []msg.Setter) {
			return 423, []msg.Setter{sip.MinExpires.Text(fmt.Sprint(4000 + n))}
		}
		_, err := u.Register(l.within(time.Minute), RegisterConfig{})
		var refused *sip.StatusError
		require.ErrorAs(l.t, err, &refused)
		require.LessOrEqual(l.t, len(r.got()), maxIntervals+1)
	})
}

// TestRegisterRefreshes: each refresh leaves in its window, for a day.
func TestRegisterRefreshes(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		r.grant = 200
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(t, err)
		start := len(r.got()) - 1
		time.Sleep(24 * time.Hour)
		require.Equal(t, Registered, reg.State())
		r.mu.Lock()
		defer r.mu.Unlock()
		require.Greater(t, len(r.at), start+400)
		seq := r.requests[start].CSeq().Seq
		granted, tries := r.at[start], 0
		for i := start + 1; i < len(r.at); i++ {
			seq++
			require.Equal(t, seq, r.requests[i].CSeq().Seq)
			require.Equal(t, r.requests[start].CallID(), r.requests[i].CallID())
			gap := r.at[i].Sub(granted)
			if gap < time.Second { // the nonce was old: challenged and sent again
				tries++
				granted = r.at[i]
				continue
			}
			require.GreaterOrEqual(t, gap, 139*time.Second)
			require.LessOrEqual(t, gap, 171*time.Second)
			granted = r.at[i]
		}
	})
}

// TestRegisterRecovers: a refresh that fails is tried again with growing
// waits, Retry-After is obeyed, and events tell.
func TestRegisterRecovers(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(t, err)
		failed := 0
		r.set(func() {
			r.answer = func(int, sip.Request) (int, []msg.Setter) {
				failed++
				switch {
				case failed == 1:
					return 503, []msg.Setter{sip.RetryAfter.Text("100")}
				case failed < 5:
					return 500, nil
				}
				return 0, nil
			}
		})
		begin := time.Now()
		err = reg.Refresh(l.within(time.Minute))
		var refused *sip.StatusError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, Retrying, reg.State())
		require.Error(t, reg.Err())
		time.Sleep(5 * time.Minute)
		require.Equal(t, Registered, reg.State())
		require.NoError(t, reg.Err())
		r.mu.Lock()
		defer r.mu.Unlock()
		var gaps []time.Duration
		for _, at := range r.at {
			if at.After(begin) {
				gaps = append(gaps, at.Sub(begin))
			}
		}
		require.GreaterOrEqual(t, gaps[1], 100*time.Second)
		require.GreaterOrEqual(t, gaps[3]-gaps[2], gaps[2]-gaps[1]-2*time.Second, "the waits grow")
	})
}

// TestRegisterRefusedLater: credentials refused at a refresh end the
// registration.
func TestRegisterRefusedLater(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(l.t, err)
		r.set(func() { r.answer = func(int, sip.Request) (int, []msg.Setter) { return 403, nil } })
		time.Sleep(time.Hour)
		require.Equal(l.t, Unregistered, reg.State())
		var refused *sip.StatusError
		require.ErrorAs(l.t, reg.Err(), &refused)
	})
}

// TestRegisterFlowLost: over TCP the connection is kept, and its death
// registers again at once.
func TestRegisterFlowLost(t *testing.T) {
	onRegistrar(t, Config{Auth: alice, Registrar: "sip:10.0.0.9;transport=tcp"}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(t, err)
		require.Contains(t, reg.Contact().URI.String(), "transport=tcp")
		before := len(r.got())
		for _, h := range l.net.Hosts() {
			if h.Name() == "alice" {
				h.ResetConns()
			}
		}
		time.Sleep(10 * time.Second)
		require.Greater(t, len(r.got()), before)
		require.Equal(t, Registered, reg.State())
	})
}

func TestRegisterUnreachable(t *testing.T) {
	onRegistrar(t, Config{Auth: alice, Registrar: "sip:10.0.0.77"}, func(l *lab, u *UA, r *registrar) {
		_, err := u.Register(l.within(time.Minute), RegisterConfig{})
		var failed *nta.TransactionError
		require.ErrorAs(l.t, err, &failed)
	})
}

func TestRegisterContextEnds(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		block := make(chan struct{})
		r.set(func() {
			r.answer = func(n int, req sip.Request) (int, []msg.Setter) {
				if n == 0 {
					<-block
				}
				return 0, nil
			}
		})
		_, err := u.Register(l.within(time.Second), RegisterConfig{})
		require.Error(t, err)
		close(block)
		time.Sleep(time.Minute)
		require.Zero(t, r.bound(), "given up: what the late 200 bound was removed")
		require.NoError(t, u.Shutdown(l.within(time.Minute)))
	})
}

func TestRegisterNeeds(t *testing.T) {
	inLab(t, func(l *lab) {
		h := l.net.MustHost("x", "10.0.0.3")
		u, err := New(Config{Agent: nta.Config{Transport: transportOn(h)}})
		require.NoError(l.t, err)
		l.uas = append(l.uas, u)
		_, err = u.Register(l.within(time.Minute), RegisterConfig{})
		require.ErrorIs(l.t, err, ErrNoIdentity)
		_, err = u.Register(l.within(time.Minute), RegisterConfig{Identity: "sip:a@lab.test"})
		require.ErrorIs(l.t, err, ErrNotListening)
		_, err = u.Invite(l.within(time.Minute), "sip:b@10.0.0.1", CallConfig{})
		require.ErrorIs(l.t, err, ErrNotListening)
	})
}

// TestMessageWithCredentials: requests outside a dialog answer challenges too.
func TestMessageWithCredentials(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		resp, err := u.SendMessage(l.within(time.Minute), "sip:bob@10.0.0.9", "text/plain", "hello")
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
		all := r.got()
		require.Len(t, all, 2)
		require.Equal(t, "hello", all[1].Body())
		require.Equal(t, all[0].CallID(), all[1].CallID())
		require.Equal(t, all[0].CSeq().Seq+1, all[1].CSeq().Seq)
		require.True(t, strings.HasPrefix(all[1].String(), "MESSAGE sip:bob@10.0.0.9 SIP/2.0\r\n"))
	})
}

// TestRefreshSetters: what is asked for one REGISTER goes into that one and its
// repetitions, and into no later one.
func TestRefreshSetters(t *testing.T) {
	onRegistrar(t, Config{Auth: alice}, func(l *lab, u *UA, r *registrar) {
		t := l.t
		ctx := l.within(time.Hour)
		reg, err := u.Register(ctx, RegisterConfig{}, sip.Subject.Text("always"))
		require.NoError(t, err)
		time.Sleep(10 * time.Minute) // the nonce is old: challenged again
		require.NoError(t, reg.Refresh(ctx, sip.Organization.Text("once")))
		require.NoError(t, reg.Refresh(ctx))
		var once []bool
		for _, req := range r.got() {
			require.True(t, sip.Subject.Has(req))
			once = append(once, sip.Organization.Has(req))
		}
		require.Equal(t, []bool{false, false, true, true, false}, once)

		// A query keeps the life our binding had, and refreshes in time.
		r.set(func() {
			r.answer = func(_ int, req sip.Request) (int, []msg.Setter) {
				if sip.Contact.Has(req) {
					return 0, nil
				}
				return 200, []msg.Setter{sip.Contact.Text("<sip:other@10.9.9.9>;expires=7")}
			}
		})
		time.Sleep(time.Minute)
		before := reg.Expires()
		require.NoError(t, reg.Refresh(ctx, sip.Contact.Del(), sip.Expires.Del()))
		last := r.got()[len(r.got())-1]
		require.False(t, sip.Contact.Has(last))
		require.False(t, sip.Expires.Has(last))
		require.Len(t, reg.Contacts(), 1)
		require.InDelta(t, (before - time.Minute).Seconds(), reg.Expires().Seconds(), 1)

		require.NoError(t, reg.Unregister(ctx, sip.Contact.Text("*")))
		last = r.got()[len(r.got())-1]
		contact, _ := sip.Contact.Raw(last)
		require.Equal(t, "*", contact)
		expires, _, _ := sip.Expires.Get(last)
		require.Zero(t, expires)
	})
}

// TestGranted: whose expires counts, and what a registrar may leave out.
func TestGranted(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  []msg.Setter
		want time.Duration
	}{
		{"own Contact", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1:5060>;expires=77, <sip:x@y>;expires=5"), sip.Expires.Set(9)}, 77 * time.Second},
		{"without the default port", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1>;expires=78")}, 78 * time.Second},
		{"with parameters of the registrar", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1:5060;x=y>;expires=79")}, 79 * time.Second},
		{"twice: the shorter", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1:5060>;expires=90, <sip:alice@10.0.0.1:5060;a=b>;expires=80")}, 80 * time.Second},
		{"only the header", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1:5060>"), sip.Expires.Set(81)}, 81 * time.Second},
		{"nothing", nil, time.Hour},
		{"rubbish", []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1:5060>;expires=soon").AsRead(), sip.Expires.Text("later").AsRead()}, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onRegistrar(t, Config{}, func(l *lab, u *UA, r *registrar) {
				r.answer = func(int, sip.Request) (int, []msg.Setter) { return 200, tt.set }
				reg, err := u.Register(l.within(time.Minute), RegisterConfig{})
				require.NoError(l.t, err)
				require.Equal(l.t, tt.want, reg.Expires())
			})
		})
	}
}

// TestGrantedNothing: a registrar that grants no time is not flooded.
func TestGrantedNothing(t *testing.T) {
	onRegistrar(t, Config{}, func(l *lab, u *UA, r *registrar) {
		r.answer = func(int, sip.Request) (int, []msg.Setter) {
			return 200, []msg.Setter{sip.Contact.Text("<sip:alice@10.0.0.1>;expires=0")}
		}
		_, err := u.Register(l.within(time.Minute), RegisterConfig{})
		require.NoError(l.t, err)
		time.Sleep(time.Minute)
		require.LessOrEqual(l.t, len(r.got()), 13)
	})
}
