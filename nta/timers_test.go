package nta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
)

const (
	ms      = time.Millisecond
	offGrid = 3 * ms
)

// doubling is 0, t1, 3*t1, 7*t1 …, with intervals no longer than most, before end.
func doubling(t1, most, end time.Duration) (due []time.Duration) {
	for at, d := time.Duration(0), t1; at < end; at, d = at+d, min(2*d, most) {
		due = append(due, at)
	}
	return due
}

// X01: Timer A doubles from T1, Timer B ends it at 64*T1 (17.1.1.2).
func TestTimersAandB(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		_, err = o.Next(w.ctx())
		require.ErrorIs(t, err, ErrTimeout)
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, 408, failure.Status())
		onTime(t, g, offGrid, []time.Duration{32 * sec}, []time.Duration{w.at()})
		onTime(t, g, offGrid, doubling(500*ms, time.Hour, 32*sec), times(p.all(), "INVITE"))
	})
}

// X01: a provisional response stops both timers.
func TestTimersAandBStopAtProvisional(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		p.reply(invite, 180)
		w.sleep(200 * sec)
		require.Len(t, p.all(), 1)
		p.reply(invite, 200)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
	})
}

// X01: Timer D acknowledges retransmissions of a refusal for 32 s.
func TestTimerD(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		start := w.at()
		p.reply(invite, 486)
		resp, err := o.Final(w.ctx())
		var refused *sip.StatusError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 486, resp.Status())
		require.Equal(t, "ACK", p.recv().m.Method())

		w.sleep(32*sec - ms)
		p.reply(invite, 486)
		require.Equal(t, "ACK", p.recv().m.Method(), "D has not fired yet")
		require.Equal(t, 1, a.Stats().Transactions)
		w.sleep(start + 32*sec + g - w.at())
		require.Zero(t, a.Stats().Transactions)
		p.reply(invite, 486)
		p.quiet("the transaction is gone")
		require.EqualValues(t, 1, a.Stats().StrayResponses)
	})
}

// X02: Timer E doubles from T1 to T2, Timer F ends it at 64*T1 (17.1.2.2).
func TestTimersEandF(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrTimeout)
		onTime(t, g, offGrid, []time.Duration{32 * sec}, []time.Duration{w.at()})
		onTime(t, g, offGrid, doubling(500*ms, 4*sec, 32*sec), times(p.all(), "OPTIONS"))
	})
}

// X02: in Proceeding Timer E is T2, and Timer F still runs.
func TestTimerEInProceeding(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		p.reply(p.recv(), 100)
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrTimeout)
		onTime(t, g, 0, []time.Duration{32 * sec}, []time.Duration{w.at()})
		due := []time.Duration{0, 500 * ms} // E was running when the 100 came
		for at := 4500 * ms; at < 32*sec; at += 4 * sec {
			due = append(due, at)
		}
		onTime(t, g, 0, due, times(p.all(), "OPTIONS"))
	})
}

// X02: Timer K absorbs retransmissions of the response for T4.
func TestTimerK(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		options := p.recv()
		p.reply(options, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		w.sleep(5*sec - ms)
		require.Equal(t, 1, a.Stats().Transactions)
		p.reply(options, 200)
		p.all()
		require.EqualValues(t, 1, a.Stats().Retransmissions)
		w.sleep(ms + g)
		require.Zero(t, a.Stats().Transactions)
		_, err = o.Next(w.ctx())
		require.ErrorIs(t, err, ErrClosed)
	})
}

// X03: 100 after 200 ms unless the user answers (17.2.1).
func TestTryingAfter200ms(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		var in *Incoming
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", tune, func(c *Config) { c.Serve = func(i *Incoming) { in = i } })
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		got := p.recv()
		require.Equal(t, "SIP/2.0 100 Trying", got.first())
		require.Empty(t, got.resp().ToTag(), "8.2.6.2")
		onTime(t, g, offGrid, []time.Duration{200 * ms}, []time.Duration{got.at})
		require.NoError(t, in.Reply(180))
		require.Equal(t, 180, p.recv().resp().Status())
		require.NoError(t, in.Reply(486))
		final := p.recv()
		require.Equal(t, 486, final.resp().Status())
		p.send("192.0.2.1:5060", edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+in.Tag()))
	})
}

func TestNoTryingWhenTheUserAnswers(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				time.Sleep(199 * ms)
				in.Reply(180)
				time.Sleep(sec)
				in.Reply(603)
			}
		})
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		require.Equal(t, 180, p.recv().resp().Status())
		final := p.recv()
		require.Equal(t, 603, final.resp().Status())
		p.send("192.0.2.1:5060", edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+final.resp().ToTag()))
		w.sleep(10 * sec)
		p.quiet()
	})
}

// X03: Timer G doubles from T1 to T2, Timer H ends it at 64*T1 (17.2.1).
func TestTimersGandH(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		var ended error
		var at time.Duration
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				require.NoError(t, s.Reply(in, 486))
				return true
			}
			c.Trace = &Trace{Ended: func(_, _ string, _ bool, err error) { ended, at = err, w.at() }}
		})
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		p.all()
		require.NoError(t, ended, "the user's part is over with the answer")
		require.Equal(t, offGrid, at)
		w.sleep(32*sec - ms)
		require.Equal(t, 1, a.Stats().Transactions)
		w.sleep(ms + g)
		require.Zero(t, a.Stats().Transactions)
		require.EqualValues(t, 1, a.Stats().NoAck)
		onTime(t, g, offGrid, doubling(500*ms, 4*sec, 32*sec), times(p.all(), "SIP/2.0 486"))
	})
}

// X03: the ACK stops Timer G, Timer I absorbs more of them for T4.
func TestTimerI(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool { s.Reply(in, 486); return true }
		})
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		tag := p.recv().resp().ToTag()
		ack := edit(p.incoming("ACK", "z9hG4bK1"), "To", "<sip:bob@example.com>;tag="+tag)
		p.send("192.0.2.1:5060", ack)
		w.sleep(5*sec - ms)
		p.quiet("G is stopped")
		p.send("192.0.2.1:5060", ack)
		p.all()
		require.Equal(t, 1, a.Stats().Transactions)
		require.Zero(t, a.Stats().StrayAcks)
		w.sleep(ms + g)
		require.Zero(t, a.Stats().Transactions)
		p.send("192.0.2.1:5060", ack)
		p.all()
		require.EqualValues(t, 1, a.Stats().StrayAcks)
	})
}

// X04: a retransmitted request gets the last response, until Timer J (17.2.2).
func TestTimerJ(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		calls := 0
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				calls++
				time.Sleep(sec)
				in.Reply(200)
			}
		})
		w.sleep(offGrid)
		options := p.incoming("OPTIONS", "z9hG4bK1")
		p.send("192.0.2.1:5060", options)
		p.send("192.0.2.1:5060", options)
		p.quiet("retransmissions in Trying are absorbed")
		first := p.recv()
		require.Equal(t, offGrid+sec, first.at)
		p.send("192.0.2.1:5060", options)
		require.Equal(t, first.text, p.recv().text, "the very same response")
		w.sleep(first.at + 32*sec - ms - w.at())
		p.send("192.0.2.1:5060", options)
		require.Equal(t, first.text, p.recv().text)
		require.Equal(t, 1, a.Stats().Transactions)
		w.sleep(first.at + 32*sec + g - w.at())
		require.Zero(t, a.Stats().Transactions)
		require.Equal(t, 1, calls)
	})
}

// X05: Timer L absorbs the INVITE for 64*T1 after a 2xx (RFC 6026 7.1).
// X06: the UAS repeats its 2xx from T1 to T2 and gives up at 64*T1 (13.3.1.4).
func TestTimerLAndRepeated2xx(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		var err error
		var at time.Duration
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(200)
				_, err = in.Ack(w.ctx())
				at = w.at()
			}
		})
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		w.sleep(10 * ms)
		n := len(p.all())
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		require.Len(t, p.all(), n, "a retransmission is absorbed, not answered")
		w.sleep(33 * sec)
		require.ErrorIs(t, err, ErrNoAck)
		onTime(t, g, offGrid, []time.Duration{32 * sec}, []time.Duration{at})
		onTime(t, g, offGrid, doubling(500*ms, 4*sec, 32*sec), times(p.all(), "SIP/2.0 200"))
		require.EqualValues(t, 1, a.Stats().NoAck)
	})
}

// X05: Timer M hands every 2xx to the user for 64*T1 (RFC 6026 7.2).
func TestTimerM(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		start := w.at()
		p.reply(invite, 200)
		resp, err := o.Next(w.ctx())
		require.NoError(t, err)
		require.Equal(t, "peer", resp.ToTag())
		w.sleep(32*sec - ms)
		p.reply(invite, 200, sip.To.Text("<sip:bob@example.com>;tag=other"))
		resp, err = o.Next(w.ctx())
		require.NoError(t, err)
		require.Equal(t, "other", resp.ToTag(), "a fork")
		_, err = o.Next(w.ctx())
		require.ErrorIs(t, err, ErrClosed)
		onTime(t, g, start, []time.Duration{32 * sec}, []time.Duration{w.at()})
	})
}

// X10: 100 to a non-INVITE when Timer E would have become T2 (RFC 4320 4.1),
// and no 408 ever (4.2).
func TestNonInviteTryingAndSilence(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		var err error
		var at time.Duration
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				require.ErrorIs(t, in.Reply(100), ErrNotAllowed, "too early on UDP")
				require.ErrorIs(t, in.Reply(180), ErrNotAllowed)
				require.ErrorIs(t, in.Reply(408), ErrNotAllowed)
				<-in.Context().Done()
				at = w.at()
				err = in.Reply(200)
			}
		})
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("OPTIONS", "z9hG4bK1"))
		got := p.recv()
		require.Equal(t, 100, got.resp().Status())
		onTime(t, g, offGrid, []time.Duration{3500 * ms}, []time.Duration{got.at})
		w.sleep(33 * sec)
		p.quiet("the client has given up: nothing more is said")
		require.ErrorIs(t, err, ErrTooLate)
		onTime(t, g, offGrid, []time.Duration{32 * sec}, []time.Duration{at})
	})
}

// 13.3.1.1: a UAS repeats its provisional response every minute.
func TestProgressEveryMinute(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", tune, func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(180)
				time.Sleep(150 * sec)
				in.Reply(480)
			}
		})
		w.sleep(offGrid)
		p.send("192.0.2.1:5060", p.incoming("INVITE", "z9hG4bK1"))
		w.sleep(200 * sec)
		onTime(t, g, offGrid, []time.Duration{0, 60 * sec, 120 * sec}, times(p.all(), "SIP/2.0 180"))
	})
}

// A step's timer fires in [due, due + granularity), never after it was stopped
// (X14), and can be armed again.
func TestStepTimer(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		a := w.agent("a", "192.0.2.1", tune)
		w.sleep(offGrid)
		var at []time.Duration
		var stopped, again *Timer
		a.Step("call", func(s *Step) {
			for _, d := range []time.Duration{7 * ms, sec, time.Hour} {
				s.After(d, func(s *Step) { at = append(at, w.at()) })
			}
			stopped = s.After(sec, func(*Step) { t.Error("a stopped timer fired") })
			again = s.After(sec, func(*Step) { at = append(at, w.at()) })
		})
		w.sleep(500 * ms)
		a.Step("call", func(s *Step) {
			require.True(t, stopped.Stop(s))
			require.False(t, stopped.Stop(s))
			again.Reset(s, 2*time.Hour)
		})
		w.sleep(3 * time.Hour)
		onTime(t, g, offGrid, []time.Duration{7 * ms, sec, time.Hour, 2*time.Hour + 500*ms}, at)
	})
}

// A nearer timer than the one that the shard sleeps for wakes it in time.
func TestNearerTimerWakesTheShard(t *testing.T) {
	grains(t, func(w *world, g time.Duration, tune func(*Config)) {
		a := w.agent("a", "192.0.2.1", tune)
		time.Sleep(offGrid)
		var at []time.Duration
		note := func(*Step) { at = append(at, w.at()) }
		for _, d := range []time.Duration{time.Hour, time.Minute, sec, 20 * ms} {
			a.Step("call", func(s *Step) { s.After(d, note) })
		}
		w.sleep(2 * time.Hour)
		onTime(t, g, offGrid, []time.Duration{20 * ms, sec, time.Minute, time.Hour}, at)
	})
}
