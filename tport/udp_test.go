package tport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestUDPExchange(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		alice, bob := realNode(t), realNode(t)
		alice.listen(UDP, host, 0)
		at := bob.listen(UDP, host, 0).Addr()
		exchange(t, alice, bob, alice.dial(UDP, at), at)
	})
}

// exchange sends a request on f and an answer back on the flow it came in by.
func exchange(t *testing.T, alice, bob *node, f *Flow, at netip.AddrPort) {
	t.Helper()
	require.Equal(t, at, f.Remote())
	require.NoError(t, f.Send(parse(t, text("1", "hello"))))
	d, id := bob.next()
	require.Equal(t, "1", id)
	require.NoError(t, d.Err)
	require.Equal(t, "hello", d.Msg.Body())
	require.Equal(t, f.Local(), d.From)
	require.Equal(t, at, d.To)
	require.Equal(t, d.To, d.Flow.Local())
	require.Equal(t, d.From, d.Flow.Remote())
	require.NotNil(t, d.Flow.Primary())
	require.False(t, d.At.IsZero())

	again, ok := bob.Find(d.Flow.Key())
	require.True(t, ok)
	require.Equal(t, d.Flow.Key(), again.Key())
	require.NoError(t, again.Send(parse(t, text("2", ""))))
	back, id := alice.next()
	require.Equal(t, "2", id)
	require.Equal(t, f.Key(), back.Flow.Key())
}

// A datagram to one of several addresses is answered from that address.
func TestUDPMultiHomed(t *testing.T) {
	for _, row := range []struct{ bind, to, network string }{
		{"0.0.0.0", "127.0.0.1", "udp4"},
		{"0.0.0.0", "127.0.0.2", "udp4"},
		{"::", "::1", "udp6"},
		{"", "127.0.0.2", "udp4"},
		{"*", "::1", "udp6"},
	} {
		t.Run(row.bind+" "+row.to, func(t *testing.T) {
			probe, err := net.ListenPacket(row.network, net.JoinHostPort(row.to, "0"))
			if err != nil {
				t.Skip("the host has no address ", row.to)
			}
			probe.Close()
			alice, bob := realNode(t), realNode(t)
			self := "127.0.0.1"
			if row.network == "udp6" {
				self = "::1"
			}
			alice.listen(UDP, self, 0)
			p := bob.listen(UDP, row.bind, 0)
			require.True(t, p.Addr().Addr().IsUnspecified())
			at := netip.AddrPortFrom(netip.MustParseAddr(row.to), p.Addr().Port())
			exchange(t, alice, bob, alice.dial(UDP, at), at)
		})
	}
}

func TestUDPMultiHomedVirtual(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, bob := v.node(v.alice), v.node(v.bob)
		alice.listen(UDP, "192.0.2.1", 5060)
		bob.listen(UDP, "0.0.0.0", 5060)
		at := netip.MustParseAddrPort("198.51.100.2:5060")
		exchange(t, alice, bob, alice.dial(UDP, at), at)
	})
}

// A flow from a socket on every address says which address the peer will see.
func TestUDPSourceOfWildcard(t *testing.T) {
	alice := realNode(t)
	p := alice.listen(UDP, "0.0.0.0", 0)
	f, ok := alice.Ready(Name{Proto: UDP, Host: "127.0.0.1", Port: 5060})
	require.True(t, ok)
	require.Equal(t, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), p.Addr().Port()), f.Local())
	require.Same(t, p, f.Primary())
	require.False(t, f.Reliable())
	require.Equal(t, UDP, f.Proto())
}

// Of several sockets the one is taken that the system would send from, the one
// of the Ident, and never one of the other family.
func TestUDPChoiceOfPrimary(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		n := v.node(v.bob)
		ctx := context.Background()
		second, err := n.Listen(ctx, Name{Proto: UDP, Host: "198.51.100.2", Port: 5060, Ident: "second"})
		require.NoError(t, err)
		first, err := n.Listen(ctx, Name{Proto: UDP, Host: "198.51.100.1", Port: 5060})
		require.NoError(t, err)
		require.Equal(t, []*Primary{second, first}, n.Primaries())
		to := Name{Proto: UDP, Host: "192.0.2.1", Port: 5060}
		f, err := n.Dial(ctx, to)
		require.NoError(t, err)
		require.Same(t, first, f.Primary())
		to.Ident = "second"
		f, err = n.Dial(ctx, to)
		require.NoError(t, err)
		require.Same(t, second, f.Primary())
		require.Equal(t, "second", f.Primary().Ident())
		_, err = n.Dial(ctx, Name{Proto: UDP, Host: "2001:db8::1", Port: 5060})
		require.ErrorIs(t, err, ErrNoTransport)
		to.Ident = "third"
		_, err = n.Dial(ctx, to)
		require.ErrorIs(t, err, ErrNoTransport)
		to.Ident, to.Class = "", testClass()
		_, err = n.Dial(ctx, to)
		require.ErrorIs(t, err, ErrNoTransport)
		other, err := n.Listen(ctx, Name{Proto: UDP, Host: "198.51.100.1", Port: 5070, Class: to.Class})
		require.NoError(t, err)
		f, err = n.Dial(ctx, to)
		require.NoError(t, err)
		require.Same(t, other, f.Primary())
	})
}

// Noise is counted and dropped; what follows it is read.
func TestUDPNoise(t *testing.T) {
	bob := realNode(t)
	at := bob.listen(UDP, "127.0.0.1", 0).Addr()
	c, err := net.Dial("udp", at.String())
	require.NoError(t, err)
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 2))
	const rows = 50
	for range rows {
		b := make([]byte, 5+r.IntN(1200))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		b[0] = 0 // never the start of a line
		_, err := c.Write(b)
		require.NoError(t, err)
		require.Equal(t, len(b), get(t, bob.drops).Size)
	}
	for _, quiet := range []string{"", "\r\n", "\r\n\r\n", "\x00\x00\x00\x00", "\r\n\r\n\r\n\r\n"} {
		_, err := c.Write([]byte(quiet))
		require.NoError(t, err)
	}
	write(t, c, text("good", ""))
	_, id := bob.next()
	require.Equal(t, "good", id)
	s := bob.Stats()
	require.EqualValues(t, rows, s.Noise)
	require.EqualValues(t, 5, s.KeepAlives)
	require.EqualValues(t, 1, s.Received)
	none(t, bob.inbox)
}

// A refused message is delivered with its error, to be answered.
func TestUDPRefused(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, bob, at := v.pair()
		c, err := v.alice.DialContext(t.Context(), "udp", at.String())
		require.NoError(t, err)
		defer c.Close()
		write(t, c, "MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: 1\r\nContent-Length: -1\r\n\r\n")
		d, id := bob.next()
		require.Equal(t, "1", id)
		require.Error(t, d.Err)
		require.False(t, d.Fatal)
		require.EqualValues(t, 1, bob.Stats().Refused)
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		expect(t, c, refusal)
	})
}

func TestUDPTooLarge(t *testing.T) {
	alice, bob := realNode(t), realNode(t)
	alice.listen(UDP, "127.0.0.1", 0)
	f := alice.dial(UDP, bob.listen(UDP, "127.0.0.1", 0).Addr())
	head := len(text("1", pad(60000))) - 60000
	require.NoError(t, f.Send(parse(t, text("1", pad(maxDatagram-head)))))
	d, _ := bob.next()
	require.Equal(t, maxDatagram, d.Msg.Len())
	err := f.Send(parse(t, text("2", pad(maxDatagram-head+1))))
	require.ErrorIs(t, err, ErrTooLarge)
	require.EqualValues(t, 1, alice.Stats().TooLarge)
	e, ok := errors.AsType[*Error](err)
	require.True(t, ok)
	require.Equal(t, f.Key(), e.Key)
	require.Equal(t, "send", e.Op)
}

// What the network refuses as too large has the same name.
func TestUDPMessageSize(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		alice.listen(UDP, "192.0.2.1", 5060)
		require.ErrorIs(t, alice.dial(UDP, at).Send(parse(t, text("1", pad(1500)))), ErrTooLarge)
	})
}

// The hook sees datagrams before the parser, and may answer them.
func TestUDPDemux(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		type seen struct{ from, to netip.AddrPort }
		hook := make(chan seen, 10)
		_, bob, at := v.pair(func(c *Config) {
			c.Demux = func(b []byte, from, to netip.AddrPort) ([]byte, bool) {
				hook <- seen{from, to}
				if b[0] == 'P' {
					panic("a bad hook")
				}
				return []byte("answer"), b[0] == 0
			}
		})
		c, err := v.alice.DialContext(t.Context(), "udp", at.String())
		require.NoError(t, err)
		defer c.Close()
		write(t, c, "\x00\x01question")
		expect(t, c, "answer")
		got := get(t, hook)
		require.Equal(t, seen{addrPortOf(c.LocalAddr()), at}, got)
		write(t, c, "Panic")
		write(t, c, text("1", ""))
		_, id := bob.next()
		require.Equal(t, "1", id)
		s := bob.Stats()
		require.EqualValues(t, 1, s.Demuxed)
		require.EqualValues(t, 1, s.Panics)
	})
}

// One message that makes the layer above panic costs no more than itself.
func TestUDPPanicAbove(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ids := make(chan string, 10)
		alice, bob, at := v.pair(func(c *Config) {
			c.Deliver = func(d *Delivery) {
				if idOf(d.Msg) == "bad" {
					panic("bad message")
				}
				ids <- idOf(d.Msg)
			}
		})
		alice.listen(UDP, "192.0.2.1", 5060)
		for _, proto := range []string{UDP, TCP} {
			f := alice.dial(proto, at)
			require.NoError(t, f.Send(parse(t, text("bad", ""))))
			require.NoError(t, f.Send(parse(t, text(proto, ""))))
			require.Equal(t, proto, get(t, ids))
		}
		require.EqualValues(t, 2, bob.Stats().Panics)
	})
}

// Where the network tells that nobody listens, the owner of the flow hears it.
func TestUDPUnreachable(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice := v.node(v.alice)
		alice.listen(UDP, "192.0.2.1", 5060)
		to := netip.MustParseAddrPort("198.51.100.1:9")
		require.NoError(t, alice.dial(UDP, to).Send(parse(t, text("1", ""))))
		f := get(t, alice.failed)
		require.ErrorIs(t, f.err, syscall.ECONNREFUSED)
		require.Equal(t, to, f.flow.Remote())
	})
}

// The flows of a UDP primary end with it.
func TestUDPPrimaryClose(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		alice, _, at := v.pair()
		p := alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, at)
		require.NoError(t, f.Err())
		require.NoError(t, p.Err())
		f.Hold()
		f.Release()
		require.NoError(t, f.Close())
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		require.NoError(t, p.Close())
		require.NoError(t, p.Close())
		<-f.Done()
		require.ErrorIs(t, f.Err(), ErrClosed)
		require.ErrorIs(t, f.Send(parse(t, text("2", ""))), ErrClosed)
		require.Empty(t, alice.Primaries())
		_, ok := alice.Find(f.Key())
		require.False(t, ok)
	})
}

// stuck is a socket whose writes wait until they are let go.
type stuck struct {
	net.PacketConn
	gate chan error
	sent chan string
}

func (s *stuck) WriteTo(b []byte, _ net.Addr) (int, error) {
	err := <-s.gate
	if err == nil {
		s.sent <- string(b)
	}
	return len(b), err
}

// When the socket takes nothing, Send queues in order, refuses beyond the
// bound, and never waits.
func TestUDPQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnetPacket(t)
		s := &stuck{network, make(chan error), make(chan string, 100)}
		n := newNode(t, nil, func(c *Config) {
			c.QueueSize = 1
			c.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return s, nil }
		})
		n.listen(UDP, "192.0.2.1", 5060)
		f := n.dial(UDP, netip.MustParseAddrPort("198.51.100.1:5060"))
		send := func(id string) error { return f.Send(parse(t, text(id, ""))) }
		require.NoError(t, send("first"))
		synctest.Wait() // it is in the writer's hands
		var want []string
		for i := range packetQueueFactor {
			id := string(rune('a' + i))
			require.NoError(t, send(id))
			want = append(want, text(id, ""))
		}
		require.ErrorIs(t, send("over"), ErrQueueFull)
		require.EqualValues(t, 1, n.Stats().QueueFull)
		s.gate <- nil
		require.Equal(t, text("first", ""), <-s.sent)
		s.gate <- syscall.ENETUNREACH // costs one datagram, and its owner hears of it
		require.ErrorIs(t, get(t, n.failed).err, syscall.ENETUNREACH)
		shut := make(chan error)
		go func() { shut <- n.Shutdown(t.Context()) }() // lets it all out first
		synctest.Wait()
		close(s.gate)
		for _, w := range want[1:] {
			require.Equal(t, w, <-s.sent)
		}
		require.NoError(t, <-shut)
	})
}

// simnetPacket is a socket of no network: reading waits until it is closed.
func simnetPacket(t *testing.T) net.PacketConn {
	return &deaf{closed: make(chan struct{})}
}

type deaf struct{ closed chan struct{} }

func (d *deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.closed
	return 0, nil, net.ErrClosed
}
func (d *deaf) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (d *deaf) Close() error                              { close(d.closed); return nil }
func (d *deaf) LocalAddr() net.Addr {
	return net.UDPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:5060"))
}
func (d *deaf) SetDeadline(time.Time) error      { return nil }
func (d *deaf) SetReadDeadline(time.Time) error  { return nil }
func (d *deaf) SetWriteDeadline(time.Time) error { return nil }

// flaky is a socket that fails for a while.
type flaky struct {
	*deaf
	left int
}

func (f *flaky) ReadFrom(b []byte) (int, net.Addr, error) {
	if f.left > 0 {
		f.left--
		return 0, nil, syscall.ENETDOWN
	}
	return f.deaf.ReadFrom(b)
}

// Errors of reading neither end the socket nor spin.
func TestUDPReadErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := &flaky{&deaf{make(chan struct{})}, 10}
		n := newNode(t, nil, func(c *Config) {
			c.ListenPacket = func(context.Context, string, string) (net.PacketConn, error) { return f, nil }
		})
		n.listen(UDP, "192.0.2.1", 5060)
		for n.Stats().ReadErrors < 10 {
			<-time.After(time.Second)
		}
		require.Greater(t, time.Since(begin), 2*time.Second)
		require.Len(t, n.Primaries(), 1)
		require.NoError(t, n.Close())
	})
}

// Sending and receiving a datagram allocates what is handed out, and no more:
// the text, the message, the Delivery. The Flow is shared. On systems other than
// Linux a socket on every address pays one more for the control message that
// x/net parses.
func TestUDPAllocations(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	every := 3.0
	if !canShare {
		every++
	}
	for host, want := range map[string]float64{"127.0.0.1": 3, "0.0.0.0": every} {
		got := make(chan struct{}, 1)
		quiet := func(c *Config) { c.Deliver, c.Trace = func(*Delivery) { got <- struct{}{} }, nil }
		alice, bob := realNode(t, quiet), realNode(t, quiet)
		alice.listen(UDP, host, 0)
		port := bob.listen(UDP, host, 0).Addr().Port()
		f := alice.dial(UDP, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))
		m := parse(t, text("1", pad(400)))
		require.LessOrEqual(t, testing.AllocsPerRun(500, func() {
			_ = f.Send(m)
			<-got
		}), want, host)
		require.LessOrEqual(t, testing.AllocsPerRun(500, func() {
			_ = f.SendComposed(func(dst []byte) ([]byte, error) { return m.AppendText(dst) })
			<-got
		}), want, host)
	}
}

// What is composed goes as a message does, and a trace sees one.
func TestSendComposed(t *testing.T) {
	for _, proto := range []string{UDP, TCP} {
		got := make(chan string, 1)
		var sent []string
		alice := realNode(t, func(c *Config) {
			c.Trace = &Trace{Sent: func(_ *Flow, m *msg.Message, size int) { sent = append(sent, fmt.Sprint(m.String(), size)) }}
		})
		bob := realNode(t, func(c *Config) { c.Deliver = func(d *Delivery) { got <- d.Msg.String() } })
		alice.listen(proto, "127.0.0.1", 0)
		f := alice.dial(proto, bob.listen(proto, "127.0.0.1", 0).Addr())
		want := text("1", pad(400))
		require.NoError(t, f.SendComposed(func(dst []byte) ([]byte, error) {
			require.Empty(t, dst)
			return append(dst, want...), nil
		}))
		require.Equal(t, want, <-got)
		require.Equal(t, []string{fmt.Sprint(want, len(want))}, sent)
		failure := errors.New("cannot")
		require.Equal(t, failure, f.SendComposed(func(dst []byte) ([]byte, error) { return append(dst, "x"...), failure }), "as it is")
		require.EqualValues(t, 1, alice.Stats().Sent)
	}
}
