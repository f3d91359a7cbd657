package nta

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// names resolves every name to these addresses, after a while.
func names(wait time.Duration, addrs ...string) func(*Config) {
	return func(c *Config) {
		c.Resolver = sresolv.New(sresolv.Config{
			LookupNetIP: func(ctx context.Context, _, host string) ([]netip.Addr, error) {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return nil, ctx.Err()
				}
				if len(addrs) == 0 {
					return nil, errors.New("the name server is out")
				}
				var all []netip.Addr
				for _, a := range addrs {
					all = append(all, netip.MustParseAddr(a))
				}
				return all, nil
			},
		})
	}
}

// L07: the next hop after a timeout, a transport error and a 503, each as a
// new transaction with a new branch; the user sees one request.
func TestFailover(t *testing.T) {
	for name, c := range map[string]struct {
		uri   string
		first func(w *world, p *peer) // what the first hop does; nil: there is none
		took  time.Duration
	}{
		"timeout":            {"sip:bob@many.example.com", func(*world, *peer) {}, 32 * sec},
		"503":                {"sip:bob@many.example.com", func(w *world, p *peer) { p.reply(p.recv(), 503) }, 0},
		"port unreachable":   {"sip:bob@many.example.com", nil, 0},
		"connection refused": {"sip:bob@many.example.com;transport=tcp", nil, 0},
	} {
		for _, method := range []string{"OPTIONS", "INVITE"} {
			t.Run(name+" "+method, func(t *testing.T) {
				bubble(t, simnet.Config{}, func(w *world) {
					var p *peer
					if c.first != nil {
						p = w.peer("one", "192.0.2.9")
					} else {
						w.net.MustHost("one", "192.0.2.9")
					}
					second := w.agent("two", "192.0.2.8", func(c *Config) {
						c.Serve = func(in *Incoming) {
							require.NotEqual(t, "z9hG4bKmine", in.Request().Branch(), "a transaction of its own")
							in.Reply(404)
						}
					})
					a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8"))
					o, err := a.Send(w.request(method, c.uri), SendConfig{Branch: "z9hG4bKmine"})
					require.NoError(t, err)
					if c.first != nil {
						c.first(w, p)
					}
					var statuses []int
					for resp, err := range o.All(w.ctx()) {
						require.NoError(t, err)
						statuses = append(statuses, resp.Status())
					}
					require.Equal(t, []int{404}, statuses)
					require.EqualValues(t, 1, a.Stats().Failovers)
					require.EqualValues(t, 1, second.Stats().ServerTransactions)
					if method == "OPTIONS" {
						require.Less(t, w.at(), c.took+6*sec)
					}
					if c.first != nil {
						for _, got := range p.all() {
							require.Equal(t, "z9hG4bKmine", got.req().Branch())
						}
					}
				})
			})
		}
	}
}

// When the last hop has failed, the user gets its error; a 503 stays a 503.
func TestLastHop(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8"))
		w.net.MustHost("nine", "192.0.2.9")
		w.net.MustHost("eight", "192.0.2.8")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@many.example.com;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		_, err = o.Final(w.ctx())
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "dial", failure.Op)
		require.Equal(t, "192.0.2.8:5060", failure.Hop.Addr.String())
		require.Equal(t, 503, failure.Status())
		var below *tport.Error
		require.ErrorAs(t, err, &below)

		_, err = a.Send(w.request("OPTIONS", "tel:+15551234"), SendConfig{})
		require.NoError(t, err, "the result tells")
	})
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		p.reply(p.recv(), 503)
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 503, resp.Status())
	})
}

// A held 503 is the result when the walk ends after it.
func TestHeld503(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8"))
		w.peer("eight", "192.0.2.8") // it says nothing
		o, err := a.Send(w.request("OPTIONS", "sip:bob@many.example.com"), SendConfig{})
		require.NoError(t, err)
		p.reply(p.recv(), 503)
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 503, resp.Status())
		require.Equal(t, 32*sec, w.at(), "after the other hop had its time")
	})
}

func TestResolverFails(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", names(sec))
		o, err := a.Send(w.request("OPTIONS", "sip:bob@none.example.com"), SendConfig{})
		require.NoError(t, err)
		require.Nil(t, o.Flow())
		_, err = o.Final(w.ctx())
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, "resolve", failure.Op)
		var below *sresolv.Error
		require.ErrorAs(t, err, &below)
		require.Equal(t, sec, w.at())
	})
}

// A provisional response binds the request to its hop.
func TestNoFailoverAfterAnAnswer(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", names(0, "192.0.2.9", "192.0.2.8"))
		o, err := a.Send(w.request("OPTIONS", "sip:bob@many.example.com"), SendConfig{})
		require.NoError(t, err)
		p.reply(p.recv(), 100)
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrTimeout)
		require.Equal(t, 32*sec, w.at())
	})
}

// T09: what waits on a connection fails when that breaks.
func TestConnectionBreaks(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		b := w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				if in.Request().Method() == "INVITE" {
					in.Reply(180)
				}
				time.Sleep(30 * sec)
				in.Reply(404)
			}
		})
		a := w.agent("a", "192.0.2.1")
		var waiting []*Outgoing
		for i, method := range []string{"OPTIONS", "INVITE"} {
			o, err := a.Send(w.request(method, "sip:bob@192.0.2.9;transport=tcp", sip.CSeq.Set(sip.Sequence{Seq: uint32(i + 1), Method: method})), SendConfig{})
			require.NoError(t, err)
			waiting = append(waiting, o)
		}
		w.sleep(5 * sec)
		require.Equal(t, "tcp", waiting[0].Flow().Proto())
		w.net.Hosts()[1].ResetConns()
		w.sleep(0)
		_, err := waiting[0].Final(w.ctx())
		var failure *TransactionError
		require.ErrorAs(t, err, &failure)
		require.Equal(t, 503, failure.Status())
		require.Equal(t, 5*sec, w.at())
		// The INVITE was answered 180: its final response finds the listener of
		// our sent-by over a connection of its own.
		resp, _ := waiting[1].Final(w.ctx())
		require.Equal(t, 404, resp.Status())
		require.Equal(t, 30*sec, w.at())
		require.NotNil(t, b)
	})
}

// An idle connection that the peer has closed unseen costs one more attempt.
func TestStaleConnectionIsRetried(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		b := w.agent("b", "192.0.2.9", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		a := w.agent("a", "192.0.2.1")
		send := func() error {
			o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			return err
		}
		require.NoError(t, send())
		ha, hb := w.net.Hosts()[1], w.net.Hosts()[0]
		w.net.Partition(ha, hb, true) // the reset does not get through
		hb.ResetConns()
		w.net.Partition(ha, hb, false)
		require.NoError(t, send())
		require.EqualValues(t, 2, b.Stats().ServerTransactions)
	})
}

// X01, X02: on a stream nothing is repeated, and nothing waits afterwards.
func TestStreamTimers(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		b := w.agent("b", "192.0.2.9", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				if in.Request().CallID() != "silent" {
					s.Reply(in, 486)
				} else {
					s.After(40*sec, func(s *Step) { s.Reply(in, 480) })
				}
				return true
			}
		})
		a := w.agent("a", "192.0.2.1")
		for _, method := range []string{"OPTIONS", "INVITE"} {
			o, err := a.Send(w.request(method, "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.Error(t, err)
			w.sleep(0)
			require.Zero(t, a.Stats().Transactions, "D and K are 0")
			require.Zero(t, b.Stats().Transactions, "I and J are 0")
		}
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9;transport=tcp", sip.CallID.Text("silent")), SendConfig{})
		require.NoError(t, err)
		start := w.at()
		_, err = o.Final(w.ctx())
		require.ErrorIs(t, err, ErrTimeout)
		require.Equal(t, start+32*sec, w.at())
		require.Zero(t, a.Stats().Resent)
	})
}

// 13.3.1.4: the 2xx is repeated although the transport is reliable.
func TestRepeated2xxOnAStream(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		b := w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				in.Reply(200, sip.Contact.Text("<sip:bob@192.0.2.9;transport=tcp>"))
				_, err := in.Ack(w.ctx())
				require.NoError(t, err)
			}
		})
		a := w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
		require.NoError(t, err)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		w.sleep(2 * sec)
		require.EqualValues(t, 2, b.Stats().Resent, "after 0.5 and 1.5 s")
		require.NoError(t, o.Ack(resp))
		w.sleep(10 * sec)
		require.EqualValues(t, 2, b.Stats().Resent)
		require.EqualValues(t, 1, a.Stats().AcksSent)
	})
}

func TestForcedFlowAndNextHop(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		hop, err := sip.ParseURI("sip:192.0.2.9")
		require.NoError(t, err)
		o, err := a.Send(w.request("OPTIONS", "sip:bob@far.example.com"), SendConfig{NextHop: &hop, Branch: "z9hG4bKmine"})
		require.NoError(t, err)
		got := p.recv()
		require.Equal(t, "OPTIONS sip:bob@far.example.com SIP/2.0", got.first())
		require.Equal(t, "z9hG4bKmine", got.req().Branch())
		flow := o.Flow()
		p.reply(got, 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
		o, err = a.Send(w.request("INVITE", "sip:bob@far.example.com"), SendConfig{Flow: flow})
		require.NoError(t, err)
		p.reply(p.recv(), 200, sip.Contact.Text("<sip:bob@farther.example.com>"))
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.NoError(t, o.Ack(resp))
		require.Equal(t, "ACK sip:bob@farther.example.com SIP/2.0", p.recv().first(), "by the same flow")
	})
}

func TestTooManyClientTransactions(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.MaxClientTransactions = 1 })
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		_, err = a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.ErrorIs(t, err, ErrBusy)
		p.reply(p.recv(), 200)
		_, err = o.Final(w.ctx())
		require.NoError(t, err)
	})
}

// Section 18: a connection is kept as long as a transaction may need it, and
// not longer.
func TestConnectionIsHeld(t *testing.T) {
	for _, closer := range []string{"client", "server"} {
		bubble(t, simnet.Config{}, func(w *world) {
			idle := func(who string) func(*Config) {
				return func(c *Config) {
					if who == closer {
						c.Transport.Idle = 10 * sec
					}
				}
			}
			b := w.agent("b", "192.0.2.9", idle("server"), func(c *Config) {
				c.Receive = func(s *Step, in *Incoming) bool {
					s.Reply(in, 180)
					s.After(60*sec, func(s *Step) { s.Reply(in, 486) })
					return true
				}
			})
			a := w.agent("a", "192.0.2.1", idle("client"))
			o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9;transport=tcp"), SendConfig{})
			require.NoError(t, err)
			resp, err := o.Final(w.ctx())
			require.Error(t, err)
			require.Equal(t, 486, resp.Status())
			require.EqualValues(t, 1, b.Transport().Stats().Accepted)
			require.Zero(t, b.Transport().Stats().Dialled)
			w.sleep(20 * sec)
			for _, agent := range w.agents {
				require.Zero(t, agent.Transport().Stats().Flows, "%s: idle connections are closed", closer)
			}
		})
	}
}

// T09, 17.1.4: where the network says that nobody listens, a request over UDP
// fails at once and not after 32 s, with what the user gets as 503 (8.1.3.1).
// Others to the same peer that were answered know better.
func TestPortUnreachable(t *testing.T) {
	for _, method := range []string{"OPTIONS", "INVITE"} {
		bubble(t, simnet.Config{}, func(w *world) {
			w.net.MustHost("nine", "192.0.2.9")
			a := w.agent("a", "192.0.2.1")
			o, err := a.Send(w.request(method, "sip:bob@192.0.2.9"), SendConfig{})
			require.NoError(t, err)
			_, err = o.Final(w.ctx())
			require.ErrorIs(t, err, tport.ErrUnreachable)
			var failure *TransactionError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, "send", failure.Op)
			require.Equal(t, "192.0.2.9:5060", failure.Hop.Addr.String())
			require.Equal(t, 503, failure.Status())
			require.Less(t, w.at(), sec)
		})
	}
}

func TestUnreachableThatWasAnswered(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		a := w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("INVITE", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		invite := p.recv()
		p.reply(invite, 180)
		_, err = o.Next(w.ctx())
		require.NoError(t, err)
		waits, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		flow := o.Flow()
		a.flowFailed(flow, &tport.Error{Op: "send", Key: flow.Key(), Err: tport.ErrUnreachable})
		_, err = waits.Final(w.ctx())
		require.ErrorIs(t, err, tport.ErrUnreachable)
		a.flowFailed(flow, &tport.Error{Op: "send", Key: flow.Key(), Err: tport.ErrTooLarge}) // timers see to that
		p.reply(invite, 486)
		resp, err := o.Final(w.ctx())
		require.Error(t, err)
		require.Equal(t, 486, resp.Status())
	})
}

// T01: what the network does not take as a datagram goes over TCP, although the
// config would have it otherwise.
func TestTooLargeGoesOverTCP(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		w.agent("b", "192.0.2.9", func(c *Config) {
			c.Serve = func(in *Incoming) {
				require.Equal(t, tport.TCP, in.Flow().Proto())
				in.Reply(200)
			}
		})
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.MTU = -1 })
		body := sip.Payload("text/plain", strings.Repeat("x", 3000))
		o, err := a.Send(w.request("MESSAGE", "sip:bob@192.0.2.9", body), SendConfig{})
		require.NoError(t, err)
		resp, err := o.Final(w.ctx())
		require.NoError(t, err)
		require.Equal(t, 200, resp.Status())
	})
}

// A path that is known to be narrow moves the border (18.1.1).
func TestLargeByPath(t *testing.T) {
	a, err := New(Config{})
	require.NoError(t, err)
	defer a.Close()
	p, err := a.Listen(t.Context(), tport.Name{Proto: tport.UDP, Host: "127.0.0.1"})
	require.NoError(t, err)
	f, err := a.Transport().Dial(t.Context(), tport.Name{Proto: tport.UDP, Host: "127.0.0.1", Port: p.Addr().Port()})
	require.NoError(t, err)
	require.False(t, a.large(f, 1300)) // loopback takes more
	require.True(t, a.large(f, 1301))
	a.cfg.MTU = 1 << 20
	require.False(t, a.large(f, 1000))
	if mtu := f.MTU(); mtu > 0 {
		require.False(t, a.large(f, mtu-200))
		require.True(t, a.large(f, mtu-199))
	}
	a.cfg.MTU = -1
	require.False(t, a.large(f, 1<<20))
}
