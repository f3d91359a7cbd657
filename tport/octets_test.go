package tport

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// recorder keeps what a trace was told of octets.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (r *recorder) trace() *Trace {
	return &Trace{Octets: func(o *Octets) {
		way := "in "
		if o.Out {
			way = "out "
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.all = append(r.all, way+o.Kind.String()+" "+o.Key.Proto+" "+o.Source().String()+" "+o.Destination().String()+" "+string(o.Text))
	}}
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all
	r.all = nil
	return all
}

// Everything that comes and goes is shown with its octets and its kind.
func TestTraceOctets(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var seen, sent recorder
		bob := v.node(v.bob, func(c *Config) {
			c.Trace = seen.trace()
			c.Demux = func(b []byte, _, _ netip.AddrPort) ([]byte, bool) {
				return []byte("reply"), b[0] == 0
			}
		})
		alice := v.node(v.alice, func(c *Config) { c.Trace = JoinTraces(nil, c.Trace, sent.trace()) })
		bob.listen(UDP, "198.51.100.1", 5060)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		alice.listen(UDP, "192.0.2.1", 5060)

		f := alice.dial(UDP, at)
		message := text("1", "body")
		require.NoError(t, f.Send(parse(t, message)))
		d, _ := bob.next()
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		alice.next()
		require.Equal(t, []string{
			"in message udp 192.0.2.1:5060 198.51.100.1:5060 " + message,
			"out message udp 198.51.100.1:5060 192.0.2.1:5060 " + refusal,
		}, seen.take())
		require.Equal(t, []string{
			"out message udp 192.0.2.1:5060 198.51.100.1:5060 " + message,
			"in message udp 198.51.100.1:5060 192.0.2.1:5060 " + refusal,
		}, sent.take())

		raw, err := v.alice.ListenPacket(t.Context(), "udp4", "192.0.2.1:9")
		require.NoError(t, err)
		for _, s := range []string{"\x00stun", "\r\n\r\n", "what is this\r\n\r\n"} {
			_, err := raw.WriteTo([]byte(s), net.UDPAddrFromAddrPort(at))
			require.NoError(t, err)
			synctest.Wait()
			time.Sleep(time.Second) // virtual
		}
		require.NoError(t, raw.Close())
		require.Equal(t, []string{
			"in demuxed udp 192.0.2.1:9 198.51.100.1:5060 \x00stun",
			"out demuxed udp 198.51.100.1:5060 192.0.2.1:9 reply",
			"in keep-alive udp 192.0.2.1:9 198.51.100.1:5060 \r\n\r\n",
			"in noise udp 192.0.2.1:9 198.51.100.1:5060 what is this\r\n\r\n",
		}, seen.take())

		c := v.connect(at)
		from := c.LocalAddr().String()
		write(t, c, "\r\n\r\n"+message)
		expect(t, c, "\r\n")
		bob.next()
		write(t, c, "noise\r\n\r\n")
		time.Sleep(time.Second) // virtual
		require.Equal(t, []string{
			"in keep-alive tcp " + from + " 198.51.100.1:5060 \r\n",
			"in keep-alive tcp " + from + " 198.51.100.1:5060 \r\n\r\n",
			"out keep-alive tcp 198.51.100.1:5060 " + from + " \r\n",
			"in message tcp " + from + " 198.51.100.1:5060 " + message,
			"in noise tcp " + from + " 198.51.100.1:5060 noise\r\n\r\n",
		}, seen.take())
		c.Close()

		// A message that waits for its connection.
		require.Empty(t, sent.take())
		f, err = alice.Send(context.Background(), nameOf(TCP, at), parse(t, message))
		require.NoError(t, err)
		bob.next()
		require.Equal(t, []string{"out message tcp " + f.Local().String() + " 198.51.100.1:5060 " + message}, sent.take())
	})
}

// What was refused was not sent.
func TestTraceOctetsOfRefused(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var sent recorder
		alice := v.node(v.alice, func(c *Config) { c.Trace = sent.trace() })
		alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, netip.MustParseAddrPort("198.51.100.1:5060"))
		require.ErrorIs(t, f.Send(parse(t, text("1", pad(maxDatagram)))), ErrTooLarge)
		require.Empty(t, sent.take())
	})
}

func TestTraceConnections(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var mu sync.Mutex
		var steps []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			steps = append(steps, s)
		}
		alice := v.node(v.alice, func(c *Config) {
			c.Trace = &Trace{
				Bound:       func(p *Primary) { note("bound " + p.Addr().String()) },
				Unbound:     func(p *Primary, err error) { note("unbound " + err.Error()) },
				DialStarted: func(n Name) { note("dial " + n.String()) },
				DialEnded: func(n Name, f *Flow, err error, took time.Duration) {
					if err != nil {
						note("failed " + err.Error())
					} else {
						note("dialled " + f.Remote().String() + " " + took.String())
					}
				},
			}
		})
		bob := v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		p := alice.listen(TCP, "192.0.2.1", 5060)
		alice.dial(TCP, at)
		_, err := alice.Dial(t.Context(), nameOf(TCP, netip.MustParseAddrPort("198.51.100.1:9")))
		require.Error(t, err)
		require.NoError(t, p.Close())
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		require.Equal(t, "bound 192.0.2.1:5060", steps[0])
		require.Equal(t, "dial tcp:198.51.100.1:5060", steps[1])
		require.True(t, strings.HasPrefix(steps[2], "dialled 198.51.100.1:5060 "), steps[2])
		require.Equal(t, "dial tcp:198.51.100.1:9", steps[3])
		require.Contains(t, steps[4], "failed tport: dial tcp to 198.51.100.1:9: ")
		require.Contains(t, steps[5], "unbound tport: read tcp from 192.0.2.1:5060: "+ErrClosed.Error())
	})
}

// Every func of a joined trace calls those of all, and what nobody wants is nil.
func TestJoinTraces(t *testing.T) {
	require.Equal(t, &Trace{}, JoinTraces())
	require.Equal(t, &Trace{}, JoinTraces(nil, &Trace{}))
	var got []string
	mk := func(id string) *Trace {
		return &Trace{
			Bound:       func(*Primary) { got = append(got, id+"bound") },
			Unbound:     func(*Primary, error) { got = append(got, id+"unbound") },
			DialStarted: func(Name) { got = append(got, id+"started") },
			DialEnded:   func(Name, *Flow, error, time.Duration) { got = append(got, id+"ended") },
			Octets:      func(*Octets) { got = append(got, id+"octets") },
			Received:    func(*Delivery) { got = append(got, id+"received") },
			Sent:        func(*Flow, *msg.Message, int) { got = append(got, id+"sent") },
			FlowOpened:  func(*Flow, bool) { got = append(got, id+"opened") },
			FlowClosed:  func(*Flow, error) { got = append(got, id+"closed") },
			Dropped:     func(Drop) { got = append(got, id+"dropped") },
		}
	}
	for _, c := range []struct {
		join *Trace
		ids  []string
	}{
		{JoinTraces(mk("a"), nil, mk("b")), []string{"a", "b"}},
		{JoinTraces(mk("a"), &Trace{}), []string{"a"}},
		{JoinTraces(&Trace{}, mk("b")), []string{"b"}},
	} {
		got = nil
		c.join.Bound(nil)
		c.join.Unbound(nil, nil)
		c.join.DialStarted(Name{})
		c.join.DialEnded(Name{}, nil, nil, 0)
		c.join.Octets(nil)
		c.join.Received(nil)
		c.join.Sent(nil, nil, 0)
		c.join.FlowOpened(nil, false)
		c.join.FlowClosed(nil, nil)
		c.join.Dropped(Drop{})
		var want []string
		for _, step := range []string{"bound", "unbound", "started", "ended", "octets", "received", "sent", "opened", "closed", "dropped"} {
			for _, id := range c.ids {
				want = append(want, id+step)
			}
		}
		require.Equal(t, want, got)
	}
}

func TestWireLog(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var out bytes.Buffer
		var level slog.LevelVar
		logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: &level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		alice := v.node(v.alice, func(c *Config) { c.Trace = WireLog(logger, slog.LevelDebug) })
		bob := v.node(v.bob)
		bob.listen(UDP, "198.51.100.1", 5060)
		alice.listen(UDP, "192.0.2.1", 5060)
		f := alice.dial(UDP, netip.MustParseAddrPort("198.51.100.1:5060"))
		secret := "MESSAGE sip:b SIP/2.0\r\nAuthorization: Digest response=\"abc\"\r\nContent-Length: 0\r\n\r\n"
		require.NoError(t, f.Send(parse(t, secret)))
		require.Empty(t, out.String())
		level.Set(slog.LevelDebug)
		require.NoError(t, f.Send(parse(t, secret)))
		require.Equal(t, `level=DEBUG msg=sent proto=udp from=192.0.2.1:5060 to=198.51.100.1:5060 size=82 kind=message `+
			`text="MESSAGE sip:b SIP/2.0\r\nAuthorization: Digest response=\"***\"\r\nContent-Length: 0\r\n\r\n"`+"\n", out.String())
		bob.next()
		bob.next()
	})
}
