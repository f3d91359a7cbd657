//go:build linux

package interop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
)

// patience bounds one wait for a real peer on a busy machine.
const patience = 20 * time.Second

// A phone is a user agent of the library with its own port, UDP and TCP.
type phone struct {
	*nua.UA
	*wire
	addr netip.AddrPort
	in   chan *nua.Call    // calls that came in
	text chan *nua.Request // MESSAGEs that came in, answered 200
	rtp  *net.UDPConn      // where its media template wants the audio
}

// A manner is how a phone treats calls that come in.
type manner func(context.Context, *nua.Call) error

// ringing rings and never answers.
func ringing(_ context.Context, call *nua.Call) error { return call.Ring() }

// answering rings, and answers half a second later.
func answering(ctx context.Context, call *nua.Call) error {
	if err := call.Ring(); err != nil {
		return err
	}
	select {
	case <-time.After(500 * time.Millisecond):
		return call.Answer(ctx)
	case <-ctx.Done():
		return nil
	}
}

// newPhone starts a phone. It has one PCMU/PCMA stream unless cfg says
// otherwise, and takes calls if it has a manner. At the end of the test it is
// shut down, which must succeed; when the test failed, the messages are shown.
func newPhone(t *testing.T, cfg nua.Config, m manner) *phone {
	t.Helper()
	p := &phone{wire: new(wire), addr: peers.Addr(t), in: make(chan *nua.Call, 16), text: make(chan *nua.Request, 16)}
	var err error
	p.rtp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.addr.Addr(), 0)))
	require.NoError(t, err)
	t.Cleanup(func() { p.rtp.Close() })
	if cfg.Media == "" {
		port := p.rtp.LocalAddr().(*net.UDPAddr).Port
		cfg.Media = fmt.Sprintf("m=audio %d RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", port)
	}
	cfg.Agent.Transport.Trace = p.trace()
	if m != nil {
		cfg.Handler.Invite = func(ctx context.Context, call *nua.Call) {
			p.in <- call
			// A call that ends meanwhile cannot be answered; that is for the test to judge.
			if err := m(ctx, call); err != nil && ctx.Err() == nil {
				t.Errorf("incoming call: %v", err)
			}
		}
	}
	cfg.Handler.Message = func(_ context.Context, r *nua.Request) {
		if err := r.Reply(200); err != nil {
			t.Errorf("incoming MESSAGE: %v", err)
		}
		p.text <- r
	}
	p.UA, err = nua.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		p.checkLeft(t)
		if t.Failed() {
			t.Logf("what %s saw:\n%s", p.addr, p.wire)
		}
	})
	require.NoError(t, p.Listen(t.Context(), "udp:"+p.addr.String(), "tcp:"+p.addr.String()))
	return p
}

// checkLeft finds what a phone that was shut down must not have: state of its
// own, or complaints about what the peers sent.
func (p *phone) checkLeft(t *testing.T) {
	t.Helper()
	is := p.Agent().Stats()
	if is.Transactions+is.Legs+is.Timers+is.Goroutines > 0 {
		t.Errorf("left after Shutdown: %+v", is)
	}
	if is.BadRequests+is.BadResponses+is.Panics+is.Timeouts+is.NoAck > 0 {
		t.Errorf("what went wrong on the way: %+v", is)
	}
	if open := p.Agent().Transport().Stats(); open.Flows+open.Primaries > 0 {
		t.Errorf("left after Shutdown: %+v", open)
	}
}

// labUser is the configuration of one of the lab's users at a registrar that
// is reached over one transport.
func labUser(user, password, domain string, registrar netip.AddrPort, transport string) nua.Config {
	return nua.Config{
		Identity: fmt.Sprintf("sip:%s@%s", user, domain),
		Auth:     []auth.User{{Realm: "lab.test", Username: user, Password: password}},
		Proxy:    fmt.Sprintf("sip:%s;transport=%s", registrar, transport),
	}
}

// within is a context for one wait.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// call calls a peer.
func (p *phone) call(t *testing.T, to string, cfg nua.CallConfig) *nua.Call {
	t.Helper()
	c, err := p.Invite(t.Context(), to, cfg)
	require.NoError(t, err)
	return c
}

// incoming waits for a call to come in.
func (p *phone) incoming(t *testing.T) *nua.Call {
	t.Helper()
	select {
	case c := <-p.in:
		return c
	case <-time.After(patience):
		require.FailNow(t, "no call came in")
		return nil
	}
}

// message waits for a MESSAGE to come in.
func (p *phone) message(t *testing.T) *nua.Request {
	t.Helper()
	select {
	case r := <-p.text:
		return r
	case <-time.After(patience):
		require.FailNow(t, "no MESSAGE came in")
		return nil
	}
}

// hears waits for one packet of audio in PCMU or PCMA, the proof that both
// sides agree on what was negotiated.
func (p *phone) hears(t *testing.T) {
	t.Helper()
	require.NoError(t, p.rtp.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, 2048)
	for {
		n, _, err := p.rtp.ReadFromUDPAddrPort(buf)
		require.NoError(t, err, "no audio came")
		// RFC 3550 5.1: version 2 in the top bits; payload types 0 and 8.
		if n > 12 && buf[0]>>6 == 2 && (buf[1]&0x7f == 0 || buf[1]&0x7f == 8) {
			return
		}
	}
}

// reach waits until a call is in a state.
func reach(t *testing.T, c *nua.Call, state nua.CallState) {
	t.Helper()
	require.NoError(t, c.Wait(within(t, patience), state), "the call is %s", c.State())
}

// over waits for the end of a call and returns all its events.
func over(t *testing.T, c *nua.Call) story {
	t.Helper()
	ctx := within(t, patience)
	select {
	case <-c.Done():
	case <-ctx.Done():
		require.FailNow(t, "the call does not end", "it is %s", c.State())
	}
	require.Equal(t, nua.Terminated, c.State())
	var s story
	for ev, err := range c.Events(ctx) {
		require.NoError(t, err)
		require.NotContains(t, ev.String(), "events_lost")
		s = append(s, ev)
	}
	return s
}

// A story is the events of one call.
type story []nua.Event

// states lists the states of the call itself.
func (s story) states() []nua.CallState {
	var all []nua.CallState
	for _, ev := range s {
		if e, ok := ev.(nua.StateChanged); ok && !e.Reinvite && e.State != e.Previous {
			all = append(all, e.State)
		}
	}
	return all
}

// changes lists the directions of the audio after each re-INVITE.
func (s story) changes() []soa.Active {
	var all []soa.Active
	for _, ev := range s {
		if e, ok := ev.(nua.StateChanged); ok && e.Reinvite && e.State == nua.Ready {
			all = append(all, e.Audio)
		}
	}
	return all
}

// has reports whether an event of the name is in the story.
func (s story) has(name string) bool {
	for _, ev := range s {
		if ev.String() == name {
			return true
		}
	}
	return false
}

// moved returns the state event in which a description moved.
func (s story) moved(which func(nua.StateChanged) bool) (nua.StateChanged, bool) {
	for _, ev := range s {
		if e, ok := ev.(nua.StateChanged); ok && which(e) {
			return e, true
		}
	}
	return nua.StateChanged{}, false
}

// refusal returns the final response that an error stands for.
func refusal(t *testing.T, err error) *sip.StatusError {
	t.Helper()
	refused, ok := errors.AsType[*sip.StatusError](err)
	require.True(t, ok, "no *sip.StatusError: %v", err)
	return refused
}

// The states of a call that is answered and hung up, seen from both ends.
var (
	hungUpByUs       = []nua.CallState{nua.Calling, nua.Proceeding, nua.Completing, nua.Ready, nua.Terminating, nua.Terminated}
	answeredAndEnded = []nua.CallState{nua.Received, nua.Early, nua.Completed, nua.Ready, nua.Terminated}
)

// callBothWays has alice call dave twice; holder says which
// end puts the call on hold, nil for none, and each end hangs up once.
func callBothWays(t *testing.T, alice, dave *phone, holder func(out, in *nua.Call) *nua.Call) {
	t.Helper()
	for _, ends := range []string{"caller", "callee"} {
		out := alice.call(t, "sip:dave@lab.test", nua.CallConfig{})
		require.NoError(t, out.Wait(within(t, patience), nua.Ready))
		in := dave.incoming(t)
		require.NoError(t, in.Wait(within(t, patience), nua.Ready))
		if holder != nil {
			require.NoError(t, holder(out, in).Hold(within(t, patience)))
		}
		if ends == "caller" {
			require.NoError(t, out.Bye(within(t, patience)))
		} else {
			require.NoError(t, in.Bye(within(t, patience)))
		}
		over(t, out)
		over(t, in)
		require.NoError(t, out.Err())
		require.NoError(t, in.Err())
	}
}
