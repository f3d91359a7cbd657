package nua

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// stage is one row's test: a user agent with its calls, and a peer driven by hand.
type stage struct {
	*lab
	ua   *UA
	peer *raw
	in   calls
	rows *rows
	ctx  context.Context
}

var uaAddr = netip.MustParseAddrPort("10.0.0.1:5060")

const peerURI = "sip:peer@10.0.0.9"

// onStage runs f in a lab with one user agent and one raw peer.
func onStage(t *testing.T, cfg Config, f func(s *stage)) {
	t.Helper()
	inLab(t, func(l *lab) {
		s := &stage{lab: l, in: make(calls, 8), rows: &rows{}, ctx: l.within(10 * time.Minute)}
		cfg.Trace = s.rows.trace()
		if cfg.Handler.Invite == nil {
			cfg.Handler.Invite = s.in.handler().Invite
		}
		s.ua = l.ua("alice", "10.0.0.1", cfg)
		s.peer = l.raw("peer", "10.0.0.9")
		f(s)
	})
}

// call begins a call to the peer and returns its INVITE.
func (s *stage) call(cfg CallConfig, set ...msg.Setter) (*Call, sip.Request) {
	s.t.Helper()
	c, err := s.ua.Invite(s.ctx, peerURI, cfg, set...)
	require.NoError(s.t, err)
	return c, s.peer.request("INVITE")
}

// established makes a call to the peer up to Ready.
func (s *stage) established(cfg CallConfig) (*Call, *dialog) {
	s.t.Helper()
	c, inv := s.call(cfg)
	s.peer.reply(inv, 200, "p1", payload())
	s.peer.request("ACK")
	require.NoError(s.t, c.Wait(s.ctx, Ready))
	return c, s.peer.from(inv, "p1")
}

// incoming begins a call from the peer.
func (s *stage) incoming(set ...msg.Setter) (*Call, *dialog, sip.Request) {
	s.t.Helper()
	d, req := s.peer.invite(uaAddr, set...)
	return <-s.in, d, req
}

// answered makes a call from the peer up to Completed.
func (s *stage) answered(set ...msg.Setter) (*Call, *dialog, sip.Request) {
	s.t.Helper()
	c, d, req := s.incoming(set...)
	require.NoError(s.t, c.Answer(s.ctx))
	d.learn(s.peer.response(200, "INVITE"))
	return c, d, req
}

// taken makes a call from the peer up to Ready.
func (s *stage) taken(set ...msg.Setter) (*Call, *dialog) {
	s.t.Helper()
	c, d, _ := s.answered(append([]msg.Setter{payload()}, set...)...)
	d.request("ACK")
	require.NoError(s.t, c.Wait(s.ctx, Ready))
	return c, d
}

// ended waits for the end of a call and checks that the row was taken.
func (s *stage) ended(c *Call, row string) {
	s.t.Helper()
	require.NoError(s.t, c.Wait(s.ctx, Terminated))
	synctest.Wait()
	require.Contains(s.t, s.rows.of(c), row)
}

// rowTests has one end-to-end test for each row of the call machine.
var rowTests = map[string]func(s *stage){
	"C1": func(s *stage) {
		c, inv := s.call(CallConfig{})
		require.Equal(s.t, Calling, c.State())
		body, ok := sessionBody(inv)
		require.True(s.t, ok)
		require.Equal(s.t, c.LocalSDP(), body)
		ev, err := c.Next(s.ctx)
		require.NoError(s.t, err)
		require.True(s.t, ev.(StateChanged).OfferSent)
		require.Contains(s.t, s.rows.of(c), "C1")
	},
	"C1 canceled": func(s *stage) {
		e := newSlowEngine(3 * time.Second)
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		_, err := s.ua.Invite(ctx, peerURI, CallConfig{Engine: e})
		require.ErrorIs(s.t, err, ErrCanceled)
		require.ErrorIs(s.t, err, context.DeadlineExceeded)
		s.peer.silent(time.Minute, "INVITE")
		require.True(s.t, e.closed(), "the engine is released")
	},
	"C1 bye": func(s *stage) {
		done := make(chan error)
		go func() {
			_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{Engine: newSlowEngine(time.Hour)})
			done <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(s.ctx, time.Second)
		defer cancel()
		require.NoError(s.t, s.ua.Shutdown(ctx))
		require.ErrorIs(s.t, <-done, ErrClosed)
	},
	"C1 failed": func(s *stage) {
		e := newSlowEngine(0)
		e.err = errors.New("no camera")
		_, err := s.ua.Invite(s.ctx, peerURI, CallConfig{Engine: e})
		require.ErrorIs(s.t, err, e.err)
	},
	"C1a": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAuth: true})
		s.challenge(inv)
		require.NoError(s.t, c.Wait(s.ctx, Authenticating))
		require.NoError(s.t, c.Cancel())
		s.ended(c, "C1a cancel")
		require.Contains(s.t, s.rows.of(c), "C1a")
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	},
	"C1a resend": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAuth: true})
		s.challenge(inv)
		require.NoError(s.t, c.Wait(s.ctx, Authenticating))
		require.NoError(s.t, c.Authenticate(auth.User{Username: "alice", Password: "secret"}))
		again := s.peer.request("INVITE")
		require.True(s.t, auth.Authorization.Has(again))
		require.Equal(s.t, inv.CallID(), again.CallID())
		require.Equal(s.t, inv.FromTag(), again.FromTag())
		require.Equal(s.t, inv.CSeq().Seq+1, again.CSeq().Seq)
		s.peer.reply(again, 200, "p1", payload())
		ack := s.peer.request("ACK")
		require.True(s.t, auth.Authorization.Has(ack), "the ACK repeats the credentials (A07)")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		require.Contains(s.t, s.rows.of(c), "C1a resend")
		require.ErrorIs(s.t, c.Authenticate(auth.User{}), ErrWrongState)
	},
	"C1a cancel": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAuth: true, InviteTimeout: 5 * time.Second})
		s.challenge(inv)
		s.ended(c, "C1a cancel") // by InviteTimeout
		require.ErrorIs(s.t, c.Err(), ErrTimeout)
	},
	"C1a bye": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAuth: true})
		s.challenge(inv)
		require.NoError(s.t, c.Wait(s.ctx, Authenticating))
		require.NoError(s.t, c.Bye(s.ctx))
		s.ended(c, "C1a bye")
	},
	"C1b": func(s *stage) {
		c, inv := s.call(CallConfig{Auth: []auth.User{{Username: "alice", Password: "secret"}}})
		s.challenge(inv)
		again := s.peer.request("INVITE")
		require.True(s.t, auth.Authorization.Has(again))
		require.True(s.t, auth.Authorization.Has(c.Request()), "the INVITE sent last")
		s.peer.reply(again, 486, "p1")
		s.ended(c, "C1b")
		var results []int
		for ev, err := range c.Events(s.ctx) {
			require.NoError(s.t, err)
			if r, ok := ev.(InviteResult); ok {
				results = append(results, r.Status)
			}
		}
		require.Equal(s.t, []int{100, 486}, results, "100 while the library tries again")
	},
	"C2": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "p1")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		require.Contains(s.t, s.rows.of(c), "C2")
	},
	"C3": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAck: true})
		s.peer.reply(inv, 200, "p1", payload())
		require.NoError(s.t, c.Wait(s.ctx, Completing))
		s.peer.silent(time.Second, "ACK")
		require.Equal(s.t, peerSDP, c.RemoteSDP())
		require.NoError(s.t, c.Ack(s.ctx))
		s.peer.request("ACK")
		require.Equal(s.t, Ready, c.State())
		require.Contains(s.t, s.rows.of(c), "C3")
		require.ErrorIs(s.t, c.Ack(s.ctx), ErrWrongState)
	},
	"C4": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 200, "p1", payload())
		ack := s.peer.request("ACK")
		require.Equal(s.t, inv.CSeq().Seq, ack.CSeq().Seq)
		require.Equal(s.t, "p1", ack.ToTag())
		require.Equal(s.t, "sip:peer@10.0.0.9:5060", ack.RequestURI(), "to the Contact of the 2xx")
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		s.peer.reply(inv, 200, "p1", payload()) // a retransmission gets the ACK again
		s.peer.request("ACK")
		require.Contains(s.t, s.rows.of(c), "C4")
	},
	"C5": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 200, "p1") // no answer
		s.peer.request("ACK")
		bye := s.peer.request("BYE")
		reason, _ := sip.Reason.Raw(bye)
		require.Contains(s.t, reason, "cause=400")
		s.peer.reply(bye, 200, "")
		s.ended(c, "C5")
		require.ErrorIs(s.t, c.Err(), ErrNoAnswer)
		require.Contains(s.t, s.names(c), "i_media_error")
	},
	"C5 early": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 183, "p1", sip.Payload("application/sdp", "v=0\r\nnonsense"))
		cancel := s.peer.request("CANCEL")
		require.True(s.t, sip.Reason.Has(cancel))
		s.peer.reply(cancel, 200, "p1")
		s.peer.reply(inv, 487, "p1")
		s.ended(c, "C5 early")
		require.Error(s.t, c.Err())
		require.NotErrorIs(s.t, c.Err(), ErrCanceled)
	},
	"C6": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 302, "p1", sip.Contact.Text("<sip:b@10.0.0.8>;q=0.1, <sip:c@10.0.0.8>;q=0.9"))
		s.peer.request("ACK")
		s.ended(c, "C6")
		var refused *sip.StatusError
		require.ErrorAs(s.t, c.Err(), &refused)
		require.Equal(s.t, 302, refused.Response.Status())
		require.Equal(s.t, "c", refused.Targets()[0].URI.User)
		require.ErrorAs(s.t, c.Wait(s.ctx, Ready), &refused)
	},
	"C7": func(s *stage) {
		c, inv := s.call(CallConfig{})
		require.NoError(s.t, c.Cancel())
		s.peer.silent(300*time.Millisecond, "CANCEL") // held until a 1xx (C01)
		require.Equal(s.t, Calling, c.State())
		s.peer.reply(inv, 180, "p1")
		cancel := s.peer.request("CANCEL")
		require.Equal(s.t, inv.RequestURI(), cancel.RequestURI())
		require.Equal(s.t, inv.TopVia().Branch(), cancel.TopVia().Branch())
		require.Equal(s.t, inv.CSeq().Seq, cancel.CSeq().Seq)
		require.Equal(s.t, Proceeding, c.State())
		s.peer.reply(cancel, 200, "p1")
		s.peer.reply(inv, 487, "p1")
		s.peer.request("ACK")
		s.ended(c, "C7")
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	},
	"C7 crossed": func(s *stage) {
		ctx, cancel := context.WithCancel(s.ctx)
		c, err := s.ua.Invite(ctx, peerURI, CallConfig{})
		require.NoError(s.t, err)
		inv := s.peer.request("INVITE")
		s.peer.reply(inv, 180, "p1")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		cancel()
		s.peer.request("CANCEL")
		s.peer.reply(inv, 200, "p1", payload()) // was faster than the CANCEL
		s.peer.request("ACK")
		bye := s.peer.request("BYE")
		require.ErrorIs(s.t, c.Wait(s.ctx, Ready), ErrCanceled)
		s.peer.reply(bye, 200, "")
		s.ended(c, "C7 crossed")
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
		require.ErrorIs(s.t, c.Err(), context.Canceled)
		require.Equal(s.t, []CallState{Calling, Proceeding, Terminating, Terminated}, s.states(c))
	},
	"C7 late": func(s *stage) {
		ctx, cancel := context.WithCancel(s.ctx)
		c, err := s.ua.Invite(ctx, peerURI, CallConfig{ManualAck: true})
		require.NoError(s.t, err)
		s.peer.reply(s.peer.request("INVITE"), 200, "p1", payload())
		require.NoError(s.t, c.Wait(s.ctx, Completing))
		cancel()
		s.peer.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "C7 late")
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
	},
	"C8": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "p1")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		bye := make(chan error)
		go func() { bye <- c.Bye(s.ctx) }()
		cancel := s.peer.request("CANCEL") // not BYE, although there is an early dialog
		require.Equal(s.t, Terminating, c.State())
		s.peer.reply(cancel, 200, "p1")
		s.peer.reply(inv, 487, "p1")
		require.NoError(s.t, <-bye)
		s.ended(c, "C8")
		require.Contains(s.t, s.rows.of(c), "C8 ended")
	},
	"C8 crossed": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "p1")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		bye := make(chan error)
		go func() { bye <- c.Bye(s.ctx) }()
		s.peer.request("CANCEL")
		s.peer.reply(inv, 200, "p1", payload())
		s.peer.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		require.NoError(s.t, <-bye)
		s.ended(c, "C8 crossed")
	},
	"C8 ended": func(s *stage) {
		c, inv := s.call(CallConfig{})
		s.peer.reply(inv, 180, "p1")
		require.NoError(s.t, c.Wait(s.ctx, Proceeding))
		go c.Bye(s.ctx)
		s.peer.request("CANCEL")
		s.peer.reply(inv, 603, "p1")
		s.ended(c, "C8 ended")
	},
	"C9": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAck: true})
		s.peer.reply(inv, 200, "p1", payload())
		require.NoError(s.t, c.Wait(s.ctx, Completing))
		go c.Bye(s.ctx)
		s.peer.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "C9")
	},
	"C9 peer": func(s *stage) {
		c, inv := s.call(CallConfig{ManualAck: true})
		s.peer.reply(inv, 200, "p1", payload())
		require.NoError(s.t, c.Wait(s.ctx, Completing))
		s.peer.from(inv, "p1").request("BYE")
		s.peer.request("ACK")
		s.peer.response(200, "BYE")
		s.ended(c, "C9 peer")
	},
	"C12": func(s *stage) {
		c, _ := s.established(CallConfig{Auth: []auth.User{{Username: "alice", Password: "secret"}}})
		done := make(chan error)
		go func() { done <- c.Bye(s.ctx) }()
		bye := s.peer.request("BYE")
		s.challenge(bye)
		again := s.peer.request("BYE")
		require.True(s.t, auth.Authorization.Has(again))
		require.Equal(s.t, bye.CSeq().Seq+1, again.CSeq().Seq)
		require.Equal(s.t, Terminating, c.State())
		s.peer.reply(again, 200, "")
		require.NoError(s.t, <-done)
		s.ended(c, "C12")
		require.NoError(s.t, c.Err())
	},
	"S1": func(s *stage) {
		c, _, req := s.incoming(payload())
		require.Equal(s.t, Received, c.State())
		require.True(s.t, c.Incoming())
		require.Equal(s.t, req.CallID(), c.ID())
		ev, err := c.Next(s.ctx)
		require.NoError(s.t, err)
		require.True(s.t, ev.(StateChanged).OfferReceived)
		require.Equal(s.t, peerSDP, c.RemoteSDP())
		s.peer.response(100, "INVITE")
		require.Contains(s.t, s.rows.of(c), "S1")
	},
	"S2": func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring())
		ringing := s.peer.response(180, "INVITE")
		require.Empty(s.t, ringing.Body())
		require.NotEmpty(s.t, ringing.ToTag())
		require.True(s.t, sip.Contact.Has(ringing))
		require.NoError(s.t, c.Progress(s.ctx)) // early media, when asked
		early, ok := sessionBody(s.peer.response(183, "INVITE"))
		require.True(s.t, ok)
		require.NoError(s.t, c.Answer(s.ctx))
		final, ok := sessionBody(s.peer.response(200, "INVITE"))
		require.True(s.t, ok)
		require.Equal(s.t, early, final, "the 2xx repeats the early answer")
		require.Contains(s.t, s.rows.of(c), "S2")
	},
	"S3": func(s *stage) {
		c, _, _ := s.answered(payload())
		require.Equal(s.t, Completed, c.State())
		require.ErrorIs(s.t, c.Answer(s.ctx), ErrWrongState)
		require.ErrorIs(s.t, c.Reject(486), ErrWrongState)
		require.Contains(s.t, s.rows.of(c), "S3")
	},
	"S4": func(s *stage) {
		c, d, _ := s.answered() // no offer: ours is in the 200, the answer in the ACK
		require.NotEmpty(s.t, c.LocalSDP())
		d.request("ACK", payload())
		require.NoError(s.t, c.Wait(s.ctx, Ready))
		require.Equal(s.t, peerSDP, c.RemoteSDP())
		require.Contains(s.t, s.rows.of(c), "S4")
	},
	"S4'": func(s *stage) {
		c, d, _ := s.answered()
		d.request("ACK") // without the answer
		bye := s.peer.request("BYE")
		require.True(s.t, sip.Reason.Has(bye))
		s.peer.reply(bye, 200, "")
		s.ended(c, "S4'")
		require.ErrorIs(s.t, c.Err(), ErrNoAnswer)
	},
	"S5": func(s *stage) {
		c, _, _ := s.answered(payload())
		begin := time.Now()
		bye := s.peer.request("BYE")
		require.InDelta(s.t, 32, time.Since(begin).Seconds(), 0.1, "64*T1")
		reason, _ := sip.Reason.Raw(bye)
		require.Contains(s.t, reason, "cause=408")
		s.peer.reply(bye, 200, "")
		s.ended(c, "S5")
		require.ErrorIs(s.t, c.Err(), ErrNoAck)
	},
	"S6": func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.Error(s.t, c.Reject(200))
		require.NoError(s.t, c.Reject(302, sip.Contact.Text("<sip:other@10.0.0.8>")))
		resp := s.peer.response(302, "INVITE")
		contact, _ := sip.Contact.Raw(resp)
		require.Equal(s.t, "<sip:other@10.0.0.8>", contact)
		s.ended(c, "S6")
	},
	"S6 bye": func(s *stage) {
		c, _, _ := s.incoming(payload())
		require.NoError(s.t, c.Bye(s.ctx))
		s.peer.response(480, "INVITE")
		s.ended(c, "S6 bye")
	},
	"S7": func(s *stage) {
		c, d, req := s.incoming(payload())
		d.requestSeq("CANCEL", req.CSeq().Seq, req.TopVia().Branch())
		ok := s.peer.response(200, "CANCEL")
		gone := s.peer.response(487, "INVITE")
		require.Equal(s.t, ok.ToTag(), gone.ToTag())
		s.ended(c, "S7")
		require.ErrorIs(s.t, c.Err(), ErrCanceled)
		require.ErrorIs(s.t, c.Answer(s.ctx), ErrCanceled)
		require.Equal(s.t, []string{"i_state received", "i_cancel", "i_state terminated"}, s.names(c))
	},
	"S8": func(s *stage) {
		c, d, _ := s.incoming(payload())
		require.NoError(s.t, c.Ring())
		d.learn(s.peer.response(180, "INVITE"))
		d.request("BYE")
		s.peer.response(200, "BYE")
		s.peer.response(487, "INVITE")
		s.ended(c, "S8")
		require.Equal(s.t, []string{"i_state received", "i_state early", "i_bye", "i_state terminated"}, s.names(c))
	},
	"S9": func(s *stage) {
		c, d, _ := s.answered(payload())
		d.request("BYE")
		s.peer.response(200, "BYE")
		s.ended(c, "S9")
		s.peer.silent(time.Minute, "BYE") // nor a BYE of ours for the missing ACK
	},
	"S9 bye": func(s *stage) {
		c, d, _ := s.answered(payload())
		go c.Bye(s.ctx)
		s.peer.silent(5*time.Second, "BYE") // not before the ACK (I07)
		d.request("ACK")
		s.peer.reply(s.peer.request("BYE"), 200, "")
		s.ended(c, "S9 bye")
		require.NoError(s.t, c.Err())
	},
	"S lost": func(s *stage) {
		c, _, _ := s.incoming(payload())
		// The agent under the UA is closed by force: the transaction dies.
		require.NoError(s.t, s.ua.Agent().Close())
		s.ended(c, "S lost")
		require.Error(s.t, c.Err())
	},
	"S2xx lost": func(s *stage) {
		c, _, _ := s.answered(payload())
		require.NoError(s.t, s.ua.Agent().Close())
		s.ended(c, "S2xx lost")
	},
	"T1": func(s *stage) {
		c, d := s.taken()
		d.request("BYE")
		s.peer.response(200, "BYE")
		s.ended(c, "T1")
		require.NoError(s.t, c.Err())
		d.request("BYE")
		s.peer.response(481, "BYE") // the dialog is gone (I08)
	},
	"T2": func(s *stage) {
		c, d := s.taken()
		go c.Bye(s.ctx)
		bye := s.peer.request("BYE")
		d.request("INVITE", payload())
		s.peer.response(481, "INVITE") // the call is ending
		s.peer.reply(bye, 200, "")
		s.ended(c, "T2")
	},
	"T2 crossed": func(s *stage) {
		c, d := s.taken()
		go c.Bye(s.ctx)
		bye := s.peer.request("BYE")
		d.request("BYE")
		s.peer.response(200, "BYE")
		require.Equal(s.t, Terminating, c.State())
		s.peer.reply(bye, 200, "")
		s.ended(c, "T2 crossed")
	},
	"T4": func(s *stage) {
		c, _ := s.established(CallConfig{})
		info := make(chan error)
		go func() { _, err := c.SendRequest(s.ctx, "INFO"); info <- err }()
		s.peer.reply(s.peer.request("INFO"), 483, "")
		var refused *sip.StatusError
		require.ErrorAs(s.t, <-info, &refused)
		bye := s.peer.request("BYE")
		s.peer.reply(bye, 200, "")
		s.ended(c, "T4")
		require.ErrorAs(s.t, c.Err(), &refused)
	},
	"T5": func(s *stage) {
		c, _ := s.established(CallConfig{})
		go c.SendRequest(s.ctx, "INFO")
		s.peer.reply(s.peer.request("INFO"), 481, "")
		s.ended(c, "T5")
		s.peer.silent(time.Minute, "BYE")
	},
}

// challenge answers 401.
func (s *stage) challenge(req sip.Request) {
	s.t.Helper()
	s.peer.reply(req, 401, "p0", auth.WWWAuthenticate.Text(`Digest realm="lab", nonce="abc", qop="auth", algorithm=MD5`))
}

// TestRows runs every row end to end, by its name.
func TestRows(t *testing.T) {
	var names []string
	for name := range rowTests {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			onStage(t, Config{Handler: Handler{Info: func(_ context.Context, r *Request) { _ = r.Reply(200) }}}, rowTests[name])
		})
	}
}

// TestRowsAreAllTested: no row of the specification without its own test.
func TestRowsAreAllTested(t *testing.T) {
	for _, row := range transitions {
		require.Contains(t, rowTests, row.name)
	}
}
