package nua_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// domainRegistrar is the SIP server of section 2, for one user (RFC 3261 10.3).
type domainRegistrar struct {
	t        *testing.T
	verifier *auth.Verifier

	mu       sync.Mutex
	bindings []sip.NameAddr
}

func (s *stage) registrar() *domainRegistrar {
	r := &domainRegistrar{t: s.t}
	var err error
	r.verifier, err = auth.NewVerifier(auth.VerifierConfig{
		Realm: "atlanta.example.com", Algorithms: []string{"MD5"},
		Lookup: func(user, _ string) (auth.User, bool) { return auth.User{Password: "zanzibar"}, user == "bob" },
	})
	require.NoError(s.t, err)
	s.agent("SIP Server", ss2, "tcp", nta.Config{Serve: r.serve})
	return r
}

func (r *domainRegistrar) serve(in *nta.Incoming) {
	req := in.Request()
	if _, err := r.verifier.Verify(req, false); err != nil {
		_ = in.Reply(401, r.verifier.Challenge(false, errors.Is(err, auth.ErrStale)))
		return
	}
	seconds, ok, err := sip.Expires.Get(req)
	if !ok || err != nil {
		seconds = 3600
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for c, err := range sip.Contact.All(req) {
		if err != nil {
			_ = in.Reply(400)
			return
		}
		if c.Star() {
			if seconds != 0 {
				_ = in.Reply(400) // step 6
				return
			}
			r.bindings = nil
			break
		}
		r.bindings = slices.DeleteFunc(r.bindings, func(b sip.NameAddr) bool { return b.URI.Equal(c.URI) })
		switch {
		case c.URI.Scheme == "mailto":
			c.Params = c.Params.With("expires", "4294967295") // it does not go away
			r.bindings = append(r.bindings, c)
		case seconds > 0:
			c.Params = c.Params.With("expires", "3600")
			r.bindings = append(r.bindings, c)
		}
	}
	_ = in.Reply(200, sip.Contact.Set(r.bindings...))
}

// What section 2 prints and RFC 3261 forbids or leaves open.
const (
	newTag   = "RFC 3261 8.2.6.2: outside a dialog each request gets a To tag of its own"
	sameTag  = "RFC 3261 8.1.3.5: the repeated request has the From tag of the first"
	maxHops  = "RFC 3261 8.1.1.6: a request MUST have Max-Forwards"
	tlsLater = "sips:ss2.biloxi.example.com"
)

// Sections 2.1 to 2.4: Bob registers, adds a contact, asks for the list, and
// removes them all. The RFC begins each section with CSeq 1; here it is one
// registration that goes on counting.
func TestRFC3665Registration(t *testing.T) {
	onStage(t, map[string]string{
		"2.1 F3 From": sameTag, "2.1 F4 From": sameTag,
	}, func(s *stage) {
		s.registrar()
		bob := s.phone("bob", "tcp", nua.Config{
			Contact: "<sip:bob@client.biloxi.example.com>", Registrar: strings.Replace(tlsLater, "sips:", "sip:", 1),
		})
		reg, err := bob.Register(s.ctx, nua.RegisterConfig{})
		require.NoError(s.t, err)
		s.replay(flow(s.t, "2.1"))
		require.Equal(s.t, nua.Registered, reg.State())

		s.next(2)
		require.NoError(s.t, reg.Refresh(s.ctx, sip.Contact.Text("mailto:bob@biloxi.example.com"), sip.Expires.Del()))
		s.replay(flow(s.t, "2.2"))
		require.Len(s.t, reg.Contacts(), 2)

		s.next(3)
		require.NoError(s.t, reg.Refresh(s.ctx, sip.Contact.Del(), sip.Expires.Del()))
		s.replay(flow(s.t, "2.3"))
		require.Len(s.t, reg.Contacts(), 2)

		s.next(4)
		require.NoError(s.t, reg.Unregister(s.ctx, sip.Contact.Text("*")))
		s.replay(flow(s.t, "2.4"))
		require.Equal(s.t, nua.Unregistered, reg.State())
		require.NoError(s.t, reg.Err())
	})
}

// next begins a section in which nothing is bound but the challenges.
func (s *stage) next(offset uint32) {
	clear(s.ours)
	clear(s.paper)
	s.offset = offset
}

// Section 2.5: the password is wrong. The user agent tries once and gives up.
func TestRFC3665RegistrationRefused(t *testing.T) {
	onStage(t, map[string]string{
		"2.5 F1 Max-Forwards": maxHops, "2.5 F3 From": sameTag, "2.5 F4 From": sameTag, "2.5 F4 To": newTag,
	}, func(s *stage) {
		s.registrar()
		s.passwords = map[string]string{"bob": "wrong"}
		bob := s.phone("bob", "tcp", nua.Config{
			Contact: "<sip:bob@client.biloxi.example.com>", Registrar: strings.Replace(tlsLater, "sips:", "sip:", 1),
			Auth: []auth.User{{Realm: "atlanta.example.com", Username: "bob", Password: "wrong"}},
		})
		_, err := bob.Register(s.ctx, nua.RegisterConfig{})
		require.Equal(s.t, 401, status(err))
		require.ErrorIs(s.t, err, auth.ErrRefused)
		s.replay(flow(s.t, "2.5"))
	})
}
