package nta

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// Shutdown lets what is under way end, refuses what is new, and does not wait
// for transactions that only absorb retransmissions.
func TestShutdown(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var cause error
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Serve = func(in *Incoming) {
				ctx := in.Context()
				<-ctx.Done()
				cause = context.Cause(ctx)
				time.Sleep(2 * sec)
				in.Reply(200)
			}
		})
		p.send(here, p.incoming("MESSAGE", "z9hG4bK1"))
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		options := p.recv()
		done := make(chan error)
		start := w.at()
		go func() { done <- a.Shutdown(w.ctx()) }()
		synctest.Wait()

		p.send(here, edit(p.incoming("MESSAGE", "z9hG4bK2"), "CSeq", "2 MESSAGE"))
		require.Equal(t, 503, p.recv().resp().Status())
		w.sleep(3 * sec)
		p.reply(options, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		require.NoError(t, <-done)
		require.Equal(t, start+3*sec, w.at(), "not 32 s")
		require.ErrorIs(t, cause, ErrClosed)
		require.Equal(t, 200, times200(p))

		_, err = a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.ErrorIs(t, err, ErrClosed)
		ran := false
		a.Step("x", func(s *Step) {
			ran = true
			s.After(sec, func(*Step) { t.Error("a timer after the end") })
			s.Go(func(context.Context) { t.Error("a goroutine after the end") })
		})
		require.True(t, ran, "steps still run")
		a.Go(func(context.Context) { t.Error("a goroutine after the end") })
		require.NoError(t, a.Close(), "again is no error")
	})
}

// A forwarder reads every 2xx for 64*T1: Shutdown does not wait for that.
func TestShutdownOfAForwarder(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		proxy := w.proxy("proxy", "192.0.2.1", "sip:bob@192.0.2.8")
		up.send(here, up.incoming("INVITE", "z9hG4bK1"))
		down.reply(down.recv(), 200, sip.Contact.Text("<sip:bob@192.0.2.8>"))
		require.Equal(t, 200, up.recv().resp().Status())
		w.sleep(sec)
		require.Equal(t, 1, proxy.Stats().Goroutines)
		start := w.at()
		require.NoError(t, proxy.Shutdown(w.ctx()))
		require.Equal(t, start, w.at())
	})
	// The 2xx comes while it shuts down.
	bubble(t, simnet.Config{}, func(w *world) {
		up, down := w.peer("up", "192.0.2.9"), w.peer("down", "192.0.2.8")
		proxy := w.proxy("proxy", "192.0.2.1", "sip:bob@192.0.2.8")
		up.send(here, up.incoming("INVITE", "z9hG4bK1"))
		invite := down.recv()
		go func() {
			time.Sleep(sec)
			down.reply(invite, 200, sip.Contact.Text("<sip:bob@192.0.2.8>"))
		}()
		require.NoError(t, proxy.Shutdown(w.ctx()))
		require.Equal(t, sec, w.at())
	})
}

func times200(p *peer) int {
	for _, got := range p.all() {
		if !got.m.IsRequest() && got.resp().CSeq().Method == "MESSAGE" && got.resp().Status() == 200 {
			return 200
		}
	}
	return 0
}

// When its ctx ends, Shutdown closes at once.
func TestShutdownInAHurry(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var ended error
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				in.Watch(s, Watch{End: func(_ *Step, err error) { ended = err }})
				return true
			}
		})
		p.send(here, p.incoming("INVITE", "z9hG4bK1"))
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		leg, err := a.NewLeg(LegConfig{CallID: "leg"})
		require.NoError(t, err)
		w.sleep(sec)
		ctx, cancel := context.WithTimeout(w.ctx(), sec)
		defer cancel()
		require.ErrorIs(t, a.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, 2*sec, w.at())
		require.ErrorIs(t, ended, ErrClosed)
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrClosed)
		require.Zero(t, a.Stats().Legs)
		_, err = leg.Send("BYE")
		require.ErrorIs(t, err, ErrNoLeg)
		_, err = a.NewLeg(LegConfig{CallID: "leg"})
		require.ErrorIs(t, err, ErrClosed)
	})
}

// Close ends a dial that waits, and whoever waits for its result.
func TestCloseWhileDialling(t *testing.T) {
	bubble(t, simnet.Config{Link: simnet.Link{Delay: 100 * ms}}, func(w *world) {
		w.net.MustHost("far", "192.0.2.9").Down(true)
		a := w.agent("a", "192.0.2.1", names(time.Hour, "192.0.2.9"))
		one, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		two, err := a.Send(w.request("OPTIONS", "sip:bob@example.com"), SendConfig{})
		require.NoError(t, err)
		go func() {
			time.Sleep(sec)
			a.Close()
		}()
		for _, o := range []*Outgoing{one, two} {
			_, err = o.Final(w.ctx())
			require.ErrorIs(t, err, ErrClosed)
			require.Equal(t, sec, w.at())
		}
	})
}

func TestContact(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1")
		require.Equal(t, "<sip:alice@192.0.2.1:5060>", a.Contact("alice", "").String())
		require.Equal(t, "<sip:alice@192.0.2.1:5060;transport=tcp>", a.Contact("alice", "tcp").String())
		require.Zero(t, a.Contact("alice", "sctp"))
		c := a.Contact("alice", "tls") // of a client: the address comes with the connection
		require.Equal(t, a.nowhere, c.URI.Host)
		f, err := a.tp.Dial(w.ctx(), tport.Name{Proto: "tcp", Host: "192.0.2.1", Port: 5060})
		require.NoError(t, err)
		require.Equal(t, "<sip:alice@192.0.2.1:5060;transport=tls>", a.Placed(c, f).String())

		host := w.net.MustHost("many", "192.0.2.3", "2001:db8::3")
		b, err := New(Config{
			Transport: tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext},
			Aliases:   []string{"pbx.example.com"},
		})
		require.NoError(t, err)
		defer b.Close()
		_, err = b.Listen(w.ctx(), tport.Name{Proto: "udp", Port: 5070})
		require.NoError(t, err)
		require.Equal(t, "<sip:pbx.example.com:5070>", b.Contact("", "udp").String())
		for _, remote := range []string{"192.0.2.1", "2001:db8::1"} {
			f, ok := b.Transport().Ready(tport.Name{Proto: "udp", Host: remote, Port: 5060})
			require.True(t, ok)
			want := "<sip:bob@192.0.2.3:5070>"
			if strings.Contains(remote, ":") {
				want = "<sip:bob@[2001:db8::3]:5070>"
			}
			require.Equal(t, want, b.ContactOn("bob", f).String())
		}
	})
}

func TestConfigIsChecked(t *testing.T) {
	for name, c := range map[string]Config{
		"T2 below T1":    {Timers: Timers{T1: 5 * sec}},
		"negative timer": {Timers: Timers{T4: -1}},
		"granularity":    {Timers: Timers{Granularity: time.Microsecond}},
		"queue":          {QueueSize: -1},
		"deliver":        {Transport: tport.Config{Deliver: func(*tport.Delivery) {}}},
	} {
		_, err := New(c)
		require.Error(t, err, name)
	}
	a, err := New(Config{Shards: 5})
	require.NoError(t, err)
	require.Len(t, a.shards, 8)
	require.NoError(t, a.Close())
}

// The hooks for a flow that ended come after the agent's own.
func TestFailedHooks(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var order notes
		w.agent("b", "192.0.2.9", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.Transport.Failed = func(*tport.Flow, error) { order.add("transport") }
			c.Failed = func(*tport.Flow, error) { order.add("agent") }
		})
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		w.net.Hosts()[0].ResetConns()
		require.Equal(t, []string{"transport", "agent"}, order.all())
	})
}

func TestRequestsThatCannotBeSent(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1")
		for name, set := range map[string][2]string{
			"no Call-ID": {"OPTIONS", ""}, "ACK": {"ACK", "x"}, "CSeq of another": {"INVITE", "x"},
		} {
			req := w.request("OPTIONS", "sip:bob@192.0.2.9", sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}))
			if set[0] == "ACK" {
				req = w.request("ACK", "sip:bob@192.0.2.9")
			}
			if set[0] == "INVITE" {
				req = w.request("INVITE", "sip:bob@192.0.2.9", sip.CSeq.Set(sip.Sequence{Seq: 1, Method: "OPTIONS"}))
			}
			if set[1] == "" {
				var err error
				req, err = req.Edit(sip.CallID.Del())
				require.NoError(t, err)
			}
			_, err := a.Send(req, SendConfig{})
			require.Error(t, err, name)
		}
		require.Zero(t, a.Stats().Unfinished)
	})
}

// Every random choice is drawn from Config.Rand.
func TestRandIsInjected(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Rand = zeros{} })
		require.Equal(t, a.NewTag(), a.NewTag())
		require.Equal(t, a.NewCallID(), a.NewCallID())
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func TestTransactionError(t *testing.T) {
	for err, want := range map[error]int{ErrTimeout: 408, ErrCanceled: 487, errors.New("x"): 503, tport.ErrClosed: 503} {
		e := &TransactionError{Op: "send", Hop: sresolv.Hop{Transport: "udp", Addr: mustAddr("192.0.2.9:5060")}, Err: err}
		require.Equal(t, want, e.Status())
		require.ErrorIs(t, e, err)
		require.Equal(t, "nta: send udp:192.0.2.9:5060: "+err.Error(), e.Error())
	}
}
