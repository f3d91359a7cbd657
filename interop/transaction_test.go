//go:build linux

package interop

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/interop/internal/lab"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// A user agent on nta alone, against SIPp: what the transaction layer has to do
// by itself.
type station struct {
	*nta.Agent
	t    *testing.T
	addr netip.AddrPort

	mu    sync.Mutex
	notes []string
	legs  []*nta.Leg
}

func newStation(t *testing.T, invite func(st *station, in *nta.Incoming, leg *nta.Leg) error) *station {
	t.Helper()
	st := &station{t: t, addr: peers.Addr(t)}
	var err error
	st.Agent, err = nta.New(nta.Config{UserAgent: "Station/1.0", Serve: func(in *nta.Incoming) { st.serve(in, invite) }})
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, leg := range st.legs {
			leg.End()
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := st.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
	for _, proto := range []string{"udp", "tcp"} {
		_, err := st.Listen(t.Context(), tport.Name{Proto: proto, Host: st.addr.Addr().String(), Port: st.addr.Port()})
		require.NoError(t, err)
	}
	return st
}

func (st *station) note(s string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.notes = append(st.notes, s)
}

func (st *station) keep(leg *nta.Leg) *nta.Leg {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.legs = append(st.legs, leg)
	return leg
}

func (st *station) serve(in *nta.Incoming, invite func(*station, *nta.Incoming, *nta.Leg) error) {
	switch in.Request().Method() {
	case sip.MethodInvite:
		in.Async()
		leg, err := in.Dialog(nta.LegConfig{Contact: st.ContactOn("station", in.Flow())})
		if err != nil {
			st.t.Errorf("dialog: %v", err)
			return
		}
		st.keep(leg)
		if err := invite(st, in, leg); err != nil {
			st.t.Errorf("incoming call: %v", err)
		}
	case sip.MethodBye:
		st.note("BYE")
		if err := in.Reply(200); err != nil {
			st.t.Errorf("BYE: %v", err)
		}
	default:
		_ = in.Reply(501)
	}
}

func (st *station) media() msg.Setter {
	host := st.addr.Addr()
	return sip.Payload("application/sdp", fmt.Sprintf(
		"v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n", host, host))
}

// accept rings for 300 ms and answers.
func accept(st *station, in *nta.Incoming, leg *nta.Leg) error {
	if err := in.Reply(180); err != nil {
		return err
	}
	time.Sleep(300 * time.Millisecond)
	return pickUp(st, in, leg, st.media())
}

// pickUp answers 200, waits for the ACK and ends the dialog if none comes.
func pickUp(st *station, in *nta.Incoming, leg *nta.Leg, set ...msg.Setter) error {
	if err := in.Reply(200, set...); err != nil {
		return err
	}
	_, err := in.Ack(st.t.Context())
	if errors.Is(err, nta.ErrNoAck) { // RFC 3261 13.3.1.4
		st.note("no ACK")
		bye, err := leg.Send(sip.MethodBye)
		if err != nil {
			return err
		}
		_, err = bye.Final(st.t.Context())
		return err
	}
	return err
}

func TestStationCallee(t *testing.T) {
	for _, c := range []struct {
		scenario string
		timeout  time.Duration
		invite   func(*station, *nta.Incoming, *nta.Leg) error
		want     string
	}{
		{"uac_drop_ack", 0, accept, "BYE"},
		{"uac_no_ack", 60 * time.Second, accept, "no ACK"},
		{"uac_early_media", 0, func(st *station, in *nta.Incoming, leg *nta.Leg) error {
			if err := in.Reply(183, st.media()); err != nil {
				return err
			}
			time.Sleep(300 * time.Millisecond)
			return pickUp(st, in, leg, st.media())
		}, "BYE"},
		{"uac_100rel_2", 0, func(st *station, in *nta.Incoming, leg *nta.Leg) error {
			for _, answer := range [][]msg.Setter{nil, {st.media()}} {
				status := 180
				if answer != nil {
					status = 183
				}
				r, err := in.ReplyReliable(status, answer...)
				if err != nil {
					return err
				}
				if _, err := r.Wait(st.t.Context()); err != nil {
					return err
				}
				time.Sleep(150 * time.Millisecond)
			}
			return pickUp(st, in, leg)
		}, "BYE"},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			bothTransports(t, func(t *testing.T, transport string) {
				st := newStation(t, c.invite)
				peers.RunSIPp(t, lab.SIPp{Side: lab.UAC, Scenario: c.scenario, Transport: transport, Target: st.addr, Timeout: c.timeout})
				st.mu.Lock()
				defer st.mu.Unlock()
				require.Equal(t, []string{c.want}, st.notes)
				require.Zero(t, st.Stats().NoPrack)
			})
		})
	}
}

// call sends an INVITE, acknowledges what is to be acknowledged, and ends every
// dialog that came of it. It returns the final status codes.
func (st *station) call(to netip.AddrPort, transport string, cancel bool) (finals []int, err error) {
	uri := sip.MustParseURI(fmt.Sprintf("sip:service@%s;transport=%s", to, transport))
	from := sip.NameAddr{URI: sip.MustParseURI("sip:station@" + st.addr.String())}.WithTag(st.NewTag())
	contact := st.Contact("station", transport)
	req, err := sip.NewRequest(sip.MethodInvite, uri, sip.From.Set(from), sip.To.Set(sip.NameAddr{URI: uri}),
		sip.CallID.Text(st.NewCallID()), sip.CSeq.Set(sip.Sequence{Seq: 1, Method: sip.MethodInvite}),
		sip.Contact.Set(contact), sip.Supported.Add(sip.Option100rel),
		sip.Allow.Set("INVITE", "ACK", "CANCEL", "BYE", "PRACK"), st.media())
	if err != nil {
		return nil, err
	}
	out, err := st.Send(req, nta.SendConfig{})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithTimeout(st.t.Context(), patience)
	defer stop()
	var legs []*nta.Leg
	last := ctx
	for {
		resp, err := out.Next(last)
		switch {
		case errors.Is(err, nta.ErrClosed), err != nil && len(finals) > 0:
			return finals, hangUp(ctx, legs)
		case err != nil:
			return finals, err
		case nta.IsReliable(resp):
			prack, err := out.Prack(resp)
			if err != nil {
				return finals, err
			}
			if _, err := prack.Final(ctx); err != nil {
				return finals, err
			}
		case resp.Status() >= 180 && resp.Status() < 200 && cancel:
			if err := out.Cancel(); err != nil {
				return finals, err
			}
		case resp.Status() >= 300:
			finals = append(finals, resp.Status())
			return finals, nil
		case resp.Status() >= 200:
			finals = append(finals, resp.Status())
			leg, err := out.Dialog(resp, nta.LegConfig{})
			if err != nil {
				return finals, err
			}
			legs = append(legs, st.keep(leg))
			st.Step(leg.CallID(), func(s *nta.Step) { err = leg.Ack(s, resp) })
			if err != nil {
				return finals, err
			}
			if len(finals) == 1 { // others may follow, and repetitions
				wait, stop := context.WithTimeout(ctx, 3*time.Second)
				defer stop()
				last = wait
			}
		}
	}
}

// hangUp ends the dialogs of an INVITE, the one that is kept last.
func hangUp(ctx context.Context, legs []*nta.Leg) error {
	for _, leg := range slices.Backward(legs) {
		bye, err := leg.Send(sip.MethodBye)
		if err != nil {
			return err
		}
		if _, err := bye.Final(ctx); err != nil {
			return err
		}
	}
	return nil
}

func TestStationCaller(t *testing.T) {
	for _, c := range []struct {
		scenario   string
		transports []string
		cancel     bool
		want       []int
	}{
		{"uas_fork", []string{"udp", "tcp"}, false, []int{200}},
		{"uas_fork_two_200", []string{"udp", "tcp"}, false, []int{200, 200}},
		{"uas_100rel", []string{"udp", "tcp"}, false, []int{200}},
		{"uas_ignore_invite", []string{"udp"}, false, []int{200}},
		// On a stream nothing is repeated, and Timer D is 0 (RFC 3261 17.1.1.2).
		{"uas_repeat_486", []string{"udp"}, false, []int{486}},
		{"uas_cancel_glare", []string{"udp", "tcp"}, true, []int{200}},
		{"uas_drop_ack", []string{"udp", "tcp"}, false, []int{200}},
		{"uas_503", []string{"udp", "tcp"}, false, []int{503}},
	} {
		for _, transport := range c.transports {
			t.Run(c.scenario+"/"+transport, func(t *testing.T) {
				t.Parallel()
				st := newStation(t, accept)
				run := peers.StartSIPp(t, lab.SIPp{Side: lab.UAS, Scenario: c.scenario, Transport: transport})
				got, err := st.call(run.Addr, transport, c.cancel)
				require.NoError(t, err)
				run.Wait(t)
				require.Equal(t, c.want, got)
			})
		}
	}
}
