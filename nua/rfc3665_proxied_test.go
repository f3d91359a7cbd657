package nua_test

import (
	"testing"
	"time"

	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

const (
	atlanta      = "client.atlanta.example.com"
	biloxi       = "client.biloxi.example.com"
	ss1          = "ss1.atlanta.example.com"
	ss2          = "ss2.biloxi.example.com"
	proxyOfAlice = "sip:ss1.atlanta.example.com;lr"
	bobsAddress  = "Bob <sip:bob@biloxi.example.com>"
)

// Where RFC 3665 departs from RFC 3261.
const (
	ackRoute   = "RFC 3261 17.1.1.3: the Route of the INVITE MUST be in the ACK of its refusal"
	targetURI  = "RFC 3261 12.2.1.1: the Request-URI is the remote target, with all its parameters"
	ackSecrets = "RFC 3261 13.2.2.4: the ACK MUST have the credentials of the INVITE, as 3.3 F19 prints it"
	sameRoute  = "RFC 3261 8.1.2: the request has the route of its first try, as F1 and F4 are printed"
	cancelTag  = "RFC 3261 9.2: the To tag of the response to CANCEL SHOULD be that of the INVITE"
)

// caller is Alice's side of a flow through proxies: her leg, her user agent,
// and the call she makes.
type callerLeg struct {
	*leg
	alice *phone
	call  *nua.Call
}

func (s *stage) callerLeg(section, proto string) *callerLeg {
	return &callerLeg{leg: s.leg(section, "Alice", atlanta, ss1, proto), alice: s.phone("alice", proto, nua.Config{Proxy: proxyOfAlice})}
}

func (l *callerLeg) invite() {
	l.t.Helper()
	var err error
	l.call, err = l.alice.Invite(l.ctx, bobsAddress, nua.CallConfig{})
	require.NoError(l.t, err)
}

// calleeLeg is Bob's side.
type calleeLeg struct {
	*leg
	bob  *phone
	call *nua.Call
}

func (s *stage) calleeLeg(section, proto string) *calleeLeg {
	return &calleeLeg{leg: s.leg(section, "Bob", biloxi, ss2, proto), bob: s.phone("bob", proto, nua.Config{Proxy: "sip:ss2.biloxi.example.com;lr"})}
}

func (l *calleeLeg) ring() {
	l.t.Helper()
	l.take()
	require.NoError(l.t, l.call.Ring())
}

func (l *calleeLeg) take() { l.call = <-l.bob.calls }

func (l *calleeLeg) answer() {
	l.t.Helper()
	if l.call == nil {
		l.take()
	}
	require.NoError(l.t, l.call.Answer(l.ctx))
}

// over says how the call ended.
func (s *stage) over(call *nua.Call, status int) {
	s.t.Helper()
	require.Equal(s.t, nua.Terminated, call.State())
	if status == 0 {
		require.NoError(s.t, call.Err())
		return
	}
	var refused *sip.StatusError
	require.ErrorAs(s.t, call.Err(), &refused)
	require.Equal(s.t, status, refused.Response.Status())
}

// Section 3.2: two proxies that stay in the path, the first wants credentials.
func TestRFC3665ThroughTwoProxies(t *testing.T) {
	t.Run("Alice", func(t *testing.T) {
		onStage(t, map[string]string{
			"3.2 F3 Route": ackRoute, "3.2 F15 Request-URI": targetURI, "3.2 F15 Proxy-Authorization": ackSecrets,
		}, func(s *stage) {
			l := s.callerLeg("3.2", "tcp")
			l.play("Alice", map[string]func(){"F1": l.invite})
			l.over(l.call, 0)
		})
	})
	t.Run("Bob", func(t *testing.T) {
		onStage(t, map[string]string{"3.2 F18 Request-URI": targetURI}, func(s *stage) {
			l := s.calleeLeg("3.2", "tcp")
			ended := make(chan error, 1)
			l.play("Bob", map[string]func(){
				"F9": l.ring, "F12": l.answer,
				"F18": func() {
					require.NoError(l.t, l.call.Wait(l.ctx, nua.Ready))
					go func() { ended <- l.call.Bye(l.ctx) }()
				},
			})
			require.NoError(t, <-ended)
			l.over(l.call, 0)
		})
	})
}

// Section 3.3: both proxies want credentials, for realms of their own.
func TestRFC3665TwoProxiesAuthenticate(t *testing.T) {
	t.Run("Alice", func(t *testing.T) {
		onStage(t, map[string]string{"3.3 F3 Route": ackRoute, "3.3 F10 Route": ackRoute, "3.3 F11 Route": sameRoute}, func(s *stage) {
			l := s.callerLeg("3.3", "udp")
			l.play("Alice", map[string]func(){"F1": l.invite})
			require.Equal(t, nua.Ready, l.call.State())
		})
	})
	t.Run("Bob", func(t *testing.T) {
		onStage(t, nil, func(s *stage) {
			l := s.calleeLeg("3.3", "udp")
			l.play("Bob", map[string]func(){"F16": l.answer})
			require.Equal(t, nua.Ready, l.call.State())
		})
	})
}

// Section 3.8: Alice gives up while Bob's phone rings.
func TestRFC3665NoAnswer(t *testing.T) {
	t.Run("Alice", func(t *testing.T) {
		onStage(t, map[string]string{"3.8 F20 Route": ackRoute}, func(s *stage) {
			l := s.callerLeg("3.8", "udp")
			l.authorise(l.invite)
			l.play("Alice", map[string]func(){"F9": func() {
				require.NoError(l.t, l.call.Wait(l.ctx, nua.Proceeding))
				require.NoError(l.t, l.call.Cancel())
			}})
			require.Equal(t, nua.Terminated, l.call.State())
			require.ErrorIs(t, l.call.Err(), nua.ErrCanceled)
		})
	})
	t.Run("Bob", func(t *testing.T) {
		onStage(t, map[string]string{"3.8 F14 To": cancelTag}, func(s *stage) {
			l := s.calleeLeg("3.8", "udp")
			l.play("Bob", map[string]func(){"F6": l.ring})
			canceled, ok := sip.AsResponse(l.got["F14"])
			require.True(t, ok)
			require.Equal(t, l.value("tag", "314159"), canceled.ToTag())
			require.Equal(t, nua.Terminated, l.call.State())
			require.ErrorIs(t, l.call.Err(), nua.ErrCanceled)
		})
	})
}

// Section 3.9: Bob is busy.
func TestRFC3665Busy(t *testing.T) {
	t.Run("Alice", func(t *testing.T) {
		onStage(t, map[string]string{"3.9 F11 Route": ackRoute}, func(s *stage) {
			l := s.callerLeg("3.9", "tcp")
			l.authorise(l.invite)
			l.play("Alice", nil)
			l.over(l.call, 486)
		})
	})
	t.Run("Bob", func(t *testing.T) {
		onStage(t, nil, func(s *stage) {
			l := s.calleeLeg("3.9", "tcp")
			l.play("Bob", map[string]func(){"F6": func() {
				l.take()
				require.NoError(l.t, l.call.Reject(486))
			}})
			l.over(l.call, 0)
		})
	})
}

// Section 3.10: Bob's user agent does not answer; Alice's hears of it from a proxy.
func TestRFC3665NoResponse(t *testing.T) {
	onStage(t, map[string]string{"3.10 F15 Route": ackRoute}, func(s *stage) {
		l := s.callerLeg("3.10", "udp")
		l.authorise(l.invite)
		l.play("Alice", nil)
		l.over(l.call, 480)
	})
}

// Section 3.11: Bob's phone rings, then he cannot take the call.
func TestRFC3665Unavailable(t *testing.T) {
	t.Run("Alice", func(t *testing.T) {
		onStage(t, map[string]string{"3.11 F14 Route": ackRoute}, func(s *stage) {
			l := s.callerLeg("3.11", "udp")
			l.authorise(l.invite)
			l.play("Alice", nil)
			l.over(l.call, 480)
		})
	})
	t.Run("Bob", func(t *testing.T) {
		onStage(t, nil, func(s *stage) {
			l := s.calleeLeg("3.11", "udp")
			l.play("Bob", map[string]func(){
				"F6": l.ring,
				"F9": func() {
					time.Sleep(10 * time.Second)
					require.NoError(l.t, l.call.Reject(480))
				},
			})
			l.over(l.call, 0)
		})
	})
}
