package nta

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

func TestSendStateless(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		var stray notes
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", names(time.Hour), func(c *Config) {
			c.Stateless = func(_ *Agent, d *tport.Delivery) Verdict {
				stray.add(d.Msg.Phrase())
				return Handled
			}
		})
		send := func(ctx context.Context, uri string) error {
			return a.SendStateless(ctx, w.request("OPTIONS", uri), SendConfig{Branch: "z9hG4bKsame"})
		}
		require.NoError(t, send(w.ctx(), "sip:bob@192.0.2.9"))
		got := p.recv()
		require.Equal(t, "z9hG4bKsame", got.req().Branch())
		p.reply(got, 200)
		require.Equal(t, []string{"OK"}, stray.all(), "responses are for Config.Stateless")
		w.sleep(10 * sec)
		p.quiet("sent once")

		err := send(w.ctx(), "tel:+1555")
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.ErrorIs(t, err, sresolv.ErrBadTarget)

		ctx, cancel := context.WithTimeout(w.ctx(), sec)
		defer cancel()
		require.ErrorIs(t, send(ctx, "sip:bob@slow.example.com"), context.DeadlineExceeded)
		w.sleep(0)
		require.Zero(t, a.Stats().Goroutines, "the look-up is let go")

		require.NoError(t, a.Close())
		require.ErrorIs(t, send(w.ctx(), "sip:bob@192.0.2.9"), ErrClosed)
	})
}

func TestReplyStatelessRefuses(t *testing.T) {
	a, err := New(Config{})
	require.NoError(t, err)
	defer a.Close()
	for _, text := range []string{
		"ACK sip:a@b SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1",
		"OPTIONS sip:a@b SIP/2.0\nCSeq: 1 OPTIONS",
		"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1",
	} {
		m, _ := sip.Parse(wire(text))
		require.NotNil(t, m)
		require.ErrorIs(t, a.ReplyStateless(&tport.Delivery{Msg: m}, 200), ErrNoReply)
	}
}

// The bound on transactions holds for forwarded ACKs too, which have none.
func TestTooManyForwardedAcks(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) {
			c.MaxServerTransactions = 2
			c.Serve = func(*Incoming) { time.Sleep(10 * sec) }
		})
		ack := edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag=x")
		for range 5 {
			p.send(here, "ACK sip:bob@far.example.com SIP/2.0\n"+ack[len("ACK sip:bob@192.0.2.1 SIP/2.0\n"):])
		}
		w.sleep(sec)
		require.Equal(t, 2, a.Stats().Goroutines)
		require.EqualValues(t, 3, a.Stats().DroppedAcks)
		w.sleep(10 * sec)
		require.Zero(t, a.count.acksServed.Load())
	})
}

// An OPTIONS answered without a transaction costs, beside its text: Delivery and
// message, the Via that is stamped, and the tag, and its To.
func TestAllocationsOfAStatelessAnswer(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	a, d, _ := sink(t, Config{Stateless: func(a *Agent, d *tport.Delivery) Verdict {
		a.ReplyStateless(d, 200)
		return Handled
	}})
	text := options("client.example.com;rport", "z9hG4bK74bf9")
	require.Equal(t, 5.0, testing.AllocsPerRun(500, func() {
		m, _ := msg.Parse(sip.Class(), text, msg.Limits{})
		in := *d
		in.Msg = m
		a.deliver(&in)
	}))
	require.NotZero(t, a.Stats().StatelessSent)
}
