package nua_test

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
	"github.com/stretchr/testify/require"
)

// Section 3.1: Alice calls Bob without a proxy, Bob hangs up.
func TestRFC3665Session(t *testing.T) {
	onStage(t, map[string]string{"3.1 F4 Request-URI": targetURI, "3.1 F5 Request-URI": targetURI}, func(s *stage) {
		alice, bob := s.phone("alice", "tcp", nua.Config{}), s.phone("bob", "tcp", nua.Config{})
		s.names["biloxi.example.com"] = s.names[biloxi]
		call, err := alice.Invite(s.ctx, bobsAddress, nua.CallConfig{})
		require.NoError(s.t, err)
		theirs := <-bob.calls
		require.NoError(s.t, theirs.Ring())
		time.Sleep(time.Second)
		require.NoError(s.t, theirs.Answer(s.ctx))
		require.NoError(s.t, theirs.Wait(s.ctx, nua.Ready))
		require.NoError(s.t, call.Wait(s.ctx, nua.Ready))
		require.NoError(s.t, theirs.Bye(s.ctx))
		s.replay(flow(s.t, "3.1"))
		s.over(call, 0)
		s.over(theirs, 0)
	})
}

// mover is a media engine whose user goes to another network.
type mover struct {
	mu sync.Mutex
	*soa.Session
}

func (m *mover) Offer(ctx context.Context) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Session.Offer(ctx)
}

func (m *mover) move(t *testing.T, media string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NoError(t, m.SetUserText(media))
}

// Section 3.7: Alice calls Bob through a proxy that does not stay in the path;
// Bob moves to another address and tells her by a re-INVITE.
func TestRFC3665Reinvite(t *testing.T) {
	const (
		anySeq     = "RFC 3261 8.1.1.5: a dialog's first CSeq number is free; compared below"
		responding = "RFC 3261 20 table 2: Max-Forwards is a header of requests only"
		origin     = "RFC 3264 8: o= of a new offer is the same but for the version; compared below"
		unchanged  = "RFC 3264 8: a description with the same version is the same; compared below"
	)
	onStage(t, map[string]string{
		"3.7 F9 CSeq": anySeq, "3.7 F10 CSeq": anySeq, "3.7 F11 CSeq": anySeq,
		"3.7 F10 Max-Forwards": responding, "3.7 F13 Max-Forwards": responding,
		"3.7 F9 body": origin, "3.7 F10 body": unchanged,
	}, func(s *stage) {
		s.proxy()
		s.host(biloxi, "client.chicago.example.com")
		engine := &mover{Session: soa.New(soa.Config{})}
		require.NoError(s.t, engine.SetUserText(sdpOfBob))
		alice := s.phone("alice", "udp", nua.Config{})
		bob := s.phone("bob", "udp", nua.Config{NewEngine: func(*nua.Call) (nua.Engine, error) { return engine, nil }})

		call, err := alice.Invite(s.ctx, bobsAddress, nua.CallConfig{})
		require.NoError(s.t, err)
		theirs := <-bob.calls
		require.NoError(s.t, theirs.Ring())
		time.Sleep(time.Second) // all sent so far has arrived
		require.NoError(s.t, theirs.Answer(s.ctx))
		require.NoError(s.t, theirs.Wait(s.ctx, nua.Ready))

		engine.move(s.t, "c=IN IP4 192.0.2.100\r\nm=audio 47172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")
		require.NoError(s.t, theirs.Reinvite(s.ctx, sip.Contact.Text("<sip:bob@client.chicago.example.com>")))
		time.Sleep(time.Second)
		require.NoError(s.t, call.Bye(s.ctx))
		got := s.replay(flow(s.t, "3.7"))
		s.over(call, 0)
		s.over(theirs, 0)

		seqOf := func(label string) sip.Sequence {
			seq, _, err := sip.CSeq.Get(got[label].m)
			require.NoError(s.t, err)
			return seq
		}
		require.Equal(s.t, seqOf("F9"), seqOf("F10"))
		require.Equal(s.t, sip.Sequence{Seq: seqOf("F9").Seq, Method: sip.MethodAck}, seqOf("F11"))
		require.Equal(s.t, strings.NewReplacer("2890844527 IN", "2890844528 IN", "192.0.2.201", "192.0.2.100", "3456", "47172").Replace(sdpOfBob), got["F9"].m.Body())
		require.Equal(s.t, sdpOfAlice, got["F10"].m.Body())
		// The new target is used.
		require.Equal(s.t, netip.MustParseAddrPort("192.0.2.100:5060"), got["F12"].flow.Remote())
		require.Equal(s.t, netip.MustParseAddrPort("192.0.2.201:5060"), got["F8"].flow.Remote())
	})
}

// proxy is Proxy 2 of the RFC: it sends INVITE on to Bob's user agent and does
// not stay in the path.
func (s *stage) proxy() {
	s.names["biloxi.example.com"] = s.names[ss2]
	var agent *nta.Agent
	agent = s.agent("Proxy 2", ss2, "udp", nta.Config{Serve: func(in *nta.Incoming) {
		hops, _ := in.Request().MaxForwards()
		req, err := in.Request().Edit(sip.RequestURI(sip.MustParseURI("sip:bob@client.biloxi.example.com")), sip.MaxForwards.Set(uint8(hops-1)))
		if err != nil {
			s.t.Error(err)
			return
		}
		out, err := agent.Send(req, nta.SendConfig{NextHop: &sip.URI{Scheme: "sip", Host: "192.0.2.201"}})
		if err != nil {
			s.t.Error(err)
			return
		}
		_ = in.Reply(100)
		for resp, err := range out.All(s.ctx) {
			if err != nil {
				s.t.Error(err)
				return
			}
			if resp.Status() > 100 {
				_ = in.Relay(resp)
			}
			if resp.Status() >= 200 {
				return
			}
		}
	}})
}
