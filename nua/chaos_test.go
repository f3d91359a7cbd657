package nua

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/stretchr/testify/require"
)

// TestChaos lets a peer without manners and a user without plan loose on a
// user agent: messages in any order, answers to anything, methods in any state,
// an engine of any speed. Whatever happens, nothing panics, the engine is
// called as it was promised, every call ends, its events end, and nothing is
// left behind.
func TestChaos(t *testing.T) {
	seeds := 100
	if testing.Short() {
		seeds = 20
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { chaos(t, uint64(seed)) })
	}
}

func chaos(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	var mu sync.Mutex // of what NewEngine uses
	var engines []*slowEngine
	moods := rand.New(rand.NewPCG(seed, 2))
	cfg := Config{
		Auth:           []auth.User{{Username: "alice", Password: "secret"}},
		AnswerTimeout:  20 * time.Second,
		InviteTimeout:  20 * time.Second,
		ManualReinvite: seed%3 == 0,
		ManualAck:      seed%5 == 0,
		AuthIncoming:   seed%2 == 0,
		Handler:        Handler{Info: func(_ context.Context, r *Request) { _ = r.Reply(200) }},
		NewEngine: func(*Call) (Engine, error) {
			mu.Lock()
			defer mu.Unlock()
			e := newSlowEngine(time.Duration(moods.IntN(4)) * time.Second)
			if moods.IntN(5) == 0 {
				e.err = context.DeadlineExceeded
			}
			engines = append(engines, e)
			return e, nil
		},
	}
	onStage(t, cfg, func(s *stage) {
		var all []*Call
		var wait sync.WaitGroup
		user := func(f func(ctx context.Context)) {
			ctx, cancel := context.WithTimeout(s.ctx, time.Duration(1+random.IntN(20))*time.Second)
			wait.Go(func() { defer cancel(); f(ctx) })
		}
		for range 3 {
			out, err := s.ua.Invite(s.ctx, peerURI, CallConfig{Offerless: random.IntN(3) == 0, ManualAuth: random.IntN(3) == 0})
			if err == nil {
				all = append(all, out)
			}
		}
		var dialogs []*dialog
		for i := range 3 {
			d, _ := s.peer.invite(uaAddr, []msg.Setter{payload(), sip.Payload("application/sdp", "rubbish"), sip.Subject.Text("no offer")}[i])
			dialogs = append(dialogs, d)
			s.settle()
			select {
			case c := <-s.in:
				all = append(all, c)
			default:
			}
		}
		body := func() msg.Setter {
			switch random.IntN(4) {
			case 0:
				return sip.Payload("application/sdp", "v=0\r\nrubbish")
			case 1:
				return sip.Subject.Text("none")
			}
			return payload()
		}
		answers := []int{100, 180, 183, 183, 200, 200, 200, 401, 407, 302, 404, 408, 481, 483, 486, 487, 488, 491, 500, 503, 603, 0, 0}
		react := func(m *msg.Message) {
			if resp, ok := sip.AsResponse(m); ok {
				for _, d := range dialogs {
					if d.callID == resp.CallID() && resp.ToTag() != "" && resp.CSeq().Method == "INVITE" {
						d.learn(resp)
						if resp.Status() >= 200 && random.IntN(4) > 0 {
							d.requestSeq("ACK", resp.CSeq().Seq, "z9hG4bK"+fmt.Sprint(random.Uint64()), body())
						}
					}
				}
				return
			}
			req, _ := sip.AsRequest(m)
			for range 1 + random.IntN(2) {
				status := answers[random.IntN(len(answers))]
				if status == 0 || req.Method() == "ACK" {
					return
				}
				tag := fmt.Sprint("t", random.IntN(3))
				set := []msg.Setter{body()}
				switch status {
				case 401:
					set = append(set, auth.WWWAuthenticate.Text(`Digest realm="lab", nonce="`+fmt.Sprint(random.Uint32())+`", qop="auth"`))
				case 407:
					set = append(set, auth.ProxyAuthenticate.Text(`Digest realm="proxy", nonce="n"`))
				}
				s.peer.reply(req, status, tag, set...)
				if req.Method() == "INVITE" && req.ToTag() == "" && status > 100 && status < 300 {
					dialogs = append(dialogs, s.peer.from(req, tag))
				}
			}
		}
		for range 120 {
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond)
			for len(s.peer.in) > 0 {
				react((<-s.peer.in).m)
			}
			if random.IntN(3) == 0 {
				d := dialogs[random.IntN(len(dialogs))]
				methods := []string{"INVITE", "INVITE", "BYE", "INFO", "OPTIONS", "UPDATE", "CANCEL", "ACK", "MESSAGE", "PRACK"}
				method := methods[random.IntN(len(methods))]
				d.request(method, body())
				continue
			}
			if len(all) == 0 {
				continue
			}
			c := all[random.IntN(len(all))]
			act := random.IntN(14)
			user(func(ctx context.Context) {
				switch act {
				case 0:
					_ = c.Cancel()
				case 1:
					_ = c.Bye(ctx)
				case 2, 3:
					_ = c.Answer(ctx)
				case 4:
					_ = c.Ring()
				case 5:
					_ = c.Progress(ctx)
				case 6:
					_ = c.Hold(ctx)
				case 7:
					_ = c.Resume(ctx)
				case 8:
					_ = c.ReinviteOfferless(ctx)
				case 9:
					_, _ = c.SendRequest(ctx, "INFO")
				case 10:
					_ = c.AcceptReinvite(ctx)
				case 11:
					_ = c.RejectReinvite(488)
				case 12:
					_ = c.Ack(ctx)
				case 13:
					_ = c.Authenticate(auth.User{Username: "a", Password: "b"})
				}
			})
		}
		ctx, cancel := context.WithTimeout(s.ctx, 3*time.Minute)
		defer cancel()
		_ = s.ua.Shutdown(ctx)
		wait.Wait()
		synctest.Wait()
		for _, c := range all {
			require.Equal(s.t, Terminated, c.State())
			rows := s.rows.of(c)
			names := s.names(c)
			require.Equal(s.t, "i_state terminated", names[len(names)-1], rows)
			require.True(s.t, c.re().idle(), rows)
		}
		require.Empty(s.t, s.ua.usages)
		require.Zero(s.t, s.ua.calls)
		mu.Lock()
		defer mu.Unlock()
		for i, e := range engines {
			require.True(s.t, e.closed(), "engine %d: %v", i, e.calls())
			require.False(s.t, e.failed(), "engine %d: %v", i, e.calls())
		}
	})
}

func (c *Call) re() exchange {
	var e exchange
	c.step(func(*nta.Step) { e = c.change.re })
	return e
}
