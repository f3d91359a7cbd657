package nta

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
)

// T03, T04, T05: what is stamped, and where the response goes.
func TestViaStampAndResponsePort(t *testing.T) {
	for name, c := range map[string]struct {
		via, want string
		port      uint16 // the response goes to
	}{
		"same address, default port":      {"192.0.2.9;branch=z9hG4bK1", "192.0.2.9;branch=z9hG4bK1", 5060},
		"same address, port":              {"192.0.2.9:5070;branch=z9hG4bK1", "192.0.2.9:5070;branch=z9hG4bK1", 5070},
		"another address":                 {"10.0.0.1:5070;branch=z9hG4bK1", "10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.9", 5070},
		"a name":                          {"peer.example.com;branch=z9hG4bK1", "peer.example.com;branch=z9hG4bK1;received=192.0.2.9", 5060},
		"rport":                           {"10.0.0.1;rport;branch=z9hG4bK1", "10.0.0.1;rport=5099;branch=z9hG4bK1;received=192.0.2.9", 5099},
		"rport, same address":             {"192.0.2.9:5070;rport;branch=z9hG4bK1", "192.0.2.9:5070;rport=5099;branch=z9hG4bK1;received=192.0.2.9", 5099},
		"received is not believed":        {"10.0.0.1;received=10.0.0.2;branch=z9hG4bK1", "10.0.0.1;received=192.0.2.9;branch=z9hG4bK1", 5060},
		"rport is not believed":           {"192.0.2.9;rport=7;branch=z9hG4bK1", "192.0.2.9;rport=5099;branch=z9hG4bK1;received=192.0.2.9", 5099},
		"doubles are not believed":        {"10.0.0.1;rport;received=10.0.0.2;rport=7;branch=z9hG4bK1;RECEIVED=10.0.0.3", "10.0.0.1;rport=5099;received=192.0.2.9;branch=z9hG4bK1", 5099},
		"maddr":                           {"192.0.2.9:5070;maddr=192.0.2.9;branch=z9hG4bK1", "192.0.2.9:5070;maddr=192.0.2.9;branch=z9hG4bK1", 5070},
		"maddr multicast is never obeyed": {"192.0.2.9;maddr=224.0.1.75;branch=z9hG4bK1", "192.0.2.9;maddr=224.0.1.75;branch=z9hG4bK1", 5060},
		"maddr elsewhere is never obeyed": {"192.0.2.9:5070;maddr=192.0.2.8;branch=z9hG4bK1", "192.0.2.9:5070;maddr=192.0.2.8;branch=z9hG4bK1", 5070},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				host := w.net.MustHost("peer", "192.0.2.9")
				source := w.peerOn(host, 5099)
				at := map[uint16]*peer{5099: source, 5060: w.peerOn(host, 5060), 5070: w.peerOn(host, 5070)}
				w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
				source.send(here, edit(source.incoming("OPTIONS", "x"), "Via", "SIP/2.0/UDP "+c.via))
				got := at[c.port].recv()
				require.Equal(t, []string{"SIP/2.0/UDP " + c.want}, values(got.m, "Via"))
				require.Equal(t, here, got.from.String(), "from the socket that was asked")
			})
		})
	}
}

// The other Via values of a request stay as they are, in order.
func TestViaStampLeavesTheRest(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
		p.send(here, edit(p.incoming("OPTIONS", "x"), "Via",
			"SIP/2.0/UDP 10.1.1.1;branch=z9hG4bK1, SIP/2.0/TCP  second.example.com ;branch=z9hG4bK2\nv: SIP/2.0/UDP third.example.com"))
		got := p.recv()
		var hosts []string
		for v, err := range sip.Via.All(got.m) {
			require.NoError(t, err)
			hosts = append(hosts, v.Host)
		}
		require.Equal(t, []string{"10.1.1.1", "second.example.com", "third.example.com"}, hosts)
		require.Equal(t, "192.0.2.9", got.resp().TopVia().Received())
	})
}

func TestStampIPv6(t *testing.T) {
	m, err := sip.Parse(wire(`OPTIONS sip:a@b SIP/2.0
Via: SIP/2.0/UDP [2001:db8::9]:5070;branch=z9hG4bK1
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: x
CSeq: 1 OPTIONS`))
	require.NoError(t, err)
	via := sip.Request{Message: m}.TopVia()
	d := &tport.Delivery{Msg: m, From: netip.MustParseAddrPort("[2001:0db8::9]:5070")}
	seen, unseen := &Agent{}, &Agent{unseen: true}
	same, err := seen.stamp(d, via)
	require.NoError(t, err)
	require.Same(t, d, same, "nothing to say: no edit")
	d.From = netip.MustParseAddrPort("[2001:db8::7]:5070")
	other, err := seen.stamp(d, via)
	require.NoError(t, err)
	require.Contains(t, other.Msg.String(), ";received=2001:db8::7\r\n", "without brackets (P14)")
	require.Same(t, m, d.Msg)
	require.NotContains(t, m.String(), "received", "a trace may have it")
	want := other.Msg.String()
	other, err = unseen.stamp(d, via)
	require.NoError(t, err)
	require.Same(t, d, other, "in place")
	require.Equal(t, want, m.String())
	require.Equal(t, "2001:db8::7", sip.Request{Message: m}.TopVia().Received())
}

// A trace of the transport has the request as it came, for good.
func TestStampLeavesWhatATraceHas(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p := w.peer("peer", "192.0.2.9")
		var traced []*msg.Message
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Transport.Trace = &tport.Trace{Received: func(d *tport.Delivery) { traced = append(traced, d.Msg) }}
			c.Serve = func(in *Incoming) { in.Reply(200) }
		})
		p.send(here, edit(p.incoming("OPTIONS", "x"), "Via", "SIP/2.0/UDP 10.1.1.1;rport;branch=z9hG4bK1"))
		require.Equal(t, "192.0.2.9", p.recv().resp().TopVia().Received())
		require.Len(t, traced, 1)
		require.Equal(t, []string{"SIP/2.0/UDP 10.1.1.1;rport;branch=z9hG4bK1"}, values(traced[0], "Via"))
	})
}

// What is stamped in place is what an edit makes, whatever the Via looks like.
func TestStampInPlaceIsAnEdit(t *testing.T) {
	inPlace := 0
	for _, value := range []string{
		"SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bK1", "SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;received=1.1.1.1;rport=9",
		"SIP/2.0/TCP host.example.com:99;branch=z9hG4bK1;x=\"a;b\"", "sip/2.0/UDP 10.0.0.1;branch=z9hG4bK1", "SIP / 2.0 / UDP 10.0.0.1 ; branch = z9hG4bK1",
		"SIP/2.0/UDP  10.0.0.1;branch=z9hG4bK1", "SIP/2.0/UDP 10.0.0.1 ;branch=z9hG4bK1;rport", "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\n ;rport",
		"SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK2", "SIP/2.0/UDP [2001:db8::1]:5070;rport;branch=z9hG4bK1",
		"SIP/2.0/UDP\t10.0.0.1;rport", "SIP/2.0/UDP 10.0.0.1;rport;rport;RPORT=1;Received=x;branch=z9hG4bK1", "SIP/2.0/UDP 10.0.0.1;branch=" + strings.Repeat("x", 300),
	} {
		for _, name := range []string{"Via", "v", "VIA "} {
			for _, second := range []string{"", "\nVia: SIP/2.0/TCP 10.0.0.3;branch=z9hG4bK3"} {
				text := wire("OPTIONS sip:a@b SIP/2.0\n" + name + ": " + value + second + `
From: <sip:a@b>;tag=1
To: <sip:a@b>
Call-ID: x
Max-Forwards: 9
CSeq: 1 OPTIONS`)
				stamped := func(a *Agent) (*tport.Delivery, bool) {
					m, err := sip.Parse(text)
					require.NoError(t, err, text)
					d := &tport.Delivery{Msg: m, From: netip.MustParseAddrPort("192.0.2.7:5099")}
					out, err := a.stamp(d, sip.Request{Message: m}.TopVia())
					require.NoError(t, err)
					return out, out == d
				}
				want, _ := stamped(&Agent{})
				got, here := stamped(&Agent{unseen: true})
				if here {
					inPlace++
				}
				require.Equal(t, want.Msg.String(), got.Msg.String(), "%q", text)
				require.Equal(t, sip.Request{Message: want.Msg}.TopVia(), sip.Request{Message: got.Msg}.TopVia(), "%q", text)
			}
		}
	}
	require.Greater(t, inPlace, 20)
}

// T02, X09, 18.1.1: the Via of what we send.
func TestViaOfRequests(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		seen := map[string]bool{}
		for i := range 20 {
			o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9", sip.CSeq.Set(sip.Sequence{Seq: uint32(i + 1), Method: "OPTIONS"})), SendConfig{})
			require.NoError(t, err)
			got := p.recv()
			via := got.req().TopVia()
			require.Equal(t, "SIP/2.0/UDP 192.0.2.1:5060;rport;branch="+via.Branch(), values(got.m, "Via")[0])
			require.True(t, strings.HasPrefix(via.Branch(), magic))
			require.GreaterOrEqual(t, len(via.Branch()), len(magic)+22, "128 bits")
			require.False(t, seen[via.Branch()])
			seen[via.Branch()] = true
			p.reply(got, 200)
			_, err = o.Final(w.ctx())
			require.NoError(t, err)
		}
	})
}

// T06: a response whose Via is not ours is dropped, U10: and so is one with
// more Via than the request had.
func TestResponsesThatAreNotOurs(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		p, a := w.peer("peer", "192.0.2.9"), w.agent("a", "192.0.2.1")
		o, err := a.Send(w.request("OPTIONS", "sip:bob@192.0.2.9"), SendConfig{})
		require.NoError(t, err)
		got := p.recv()
		branch := got.req().TopVia().Branch()
		for _, via := range []string{
			"SIP/2.0/UDP 192.0.2.2:5060;branch=" + branch,
			"SIP/2.0/UDP 192.0.2.1:5061;branch=" + branch,
			"SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch + "x",
			"SIP/2.0/UDP 192.0.2.1:5060;branch=" + strings.ToUpper(branch),
			"SIP/2.0/UDP 192.0.2.1:5060;branch=" + branch + ", SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother",
		} {
			p.reply(got, 200, sip.Via.Text(via))
		}
		p.reply(got, 200, sip.CSeq.Text("7 INVITE"))
		w.sleep(ms)
		require.EqualValues(t, 6, a.Stats().StrayResponses)
		p.reply(got, 404, sip.Via.Text("SIP / 2.0 / UDP  192.0.2.1 : 5060 ;received=192.0.2.1; branch="+branch))
		resp, _ := o.Final(w.ctx())
		require.Equal(t, 404, resp.Status())
	})
}

// T01: above 1300 octets TCP is used although the URI says UDP, the Via says
// so, and UDP is used after all when TCP is refused (18.1.1).
func TestLargeRequestsGoByTCP(t *testing.T) {
	for _, listening := range []bool{true, false} {
		bubble(t, simnet.Config{}, func(w *world) {
			body := msg.Body(strings.Repeat("x", 1050))
			req := w.request("MESSAGE", "sip:bob@192.0.2.9;transport=udp", sip.ContentType.Text("text/plain"), body)
			a := w.agent("a", "192.0.2.1")
			if listening {
				var got notes
				w.agent("b", "192.0.2.9", func(c *Config) {
					c.Serve = func(in *Incoming) {
						got.add(in.Flow().Proto() + " " + in.Request().TopVia().Transport)
						in.Reply(200)
					}
				})
				o, err := a.Send(req, SendConfig{})
				require.NoError(t, err)
				_, err = o.Final(w.ctx())
				require.NoError(t, err)
				require.Equal(t, []string{"tcp TCP"}, got.all())
				return
			}
			p := w.peer("peer", "192.0.2.9")
			o, err := a.Send(req, SendConfig{})
			require.NoError(t, err)
			got := p.recv()
			require.Equal(t, "UDP", got.req().TopVia().Transport)
			p.reply(got, 200)
			_, err = o.Final(w.ctx())
			require.NoError(t, err)
		})
	}
}

// 18.2.2: when the connection of a request has gone, its response goes over a
// new one to the address it came from, at the port of sent-by.
func TestResponseOverANewConnection(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		host := w.net.MustHost("peer", "192.0.2.9")
		w.agent("a", "192.0.2.1", func(c *Config) {
			c.Receive = func(s *Step, in *Incoming) bool {
				s.After(2*sec, func(s *Step) { s.Reply(in, 200) })
				return true
			}
		})
		l, err := host.Listen(w.ctx(), "tcp", "192.0.2.9:5070")
		require.NoError(t, err)
		defer l.Close()
		c, err := host.DialContext(w.ctx(), "tcp", here)
		require.NoError(t, err)
		p := &peer{w: w, addr: netip.MustParseAddrPort("192.0.2.9:5070")}
		_, err = c.Write([]byte(wire(edit(p.incoming("OPTIONS", "z"), "Via", "SIP/2.0/TCP 10.0.0.9:5070;branch=z9hG4bK1"))))
		require.NoError(t, err)
		w.sleep(sec)
		c.Close()
		fresh, err := l.Accept()
		require.NoError(t, err)
		buf := make([]byte, 4096)
		n, err := fresh.Read(buf)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(buf[:n]), "SIP/2.0 200 OK\r\n"))
		require.Equal(t, "192.0.2.1", fresh.RemoteAddr().(*net.TCPAddr).IP.String())
		fresh.Close()
	})
}

func TestOurs(t *testing.T) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Aliases = []string{"Example.com", "10.0.0.1"} })
		host := w.net.MustHost("wild", "192.0.2.3")
		wild, err := New(Config{Transport: tport.Config{Listen: host.Listen, ListenPacket: host.ListenPacket, Dial: host.DialContext}})
		require.NoError(t, err)
		defer wild.Close()
		_, err = wild.Listen(w.ctx(), tport.Name{Proto: "udp", Port: 5070})
		require.NoError(t, err)
		for uri, want := range map[string][2]bool{
			"sip:bob@192.0.2.1":           {true, false},
			"sip:192.0.2.1:5060":          {true, false},
			"sip:192.0.2.1:5070":          {false, false},
			"sips:192.0.2.1":              {false, false}, // port 5061
			"sip:bob@example.COM":         {true, false},
			"sip:bob@example.com:5060":    {true, false},
			"sip:bob@example.com:5070":    {false, false},
			"sip:bob@10.0.0.1":            {true, false},
			"sip:bob@elsewhere.com":       {false, false},
			"tel:+1555":                   {false, false},
			"sip:bob@192.0.2.3:5070":      {false, true},
			"sip:bob@192.0.2.3":           {false, false},
			"sip:bob@[2001:db8::1]:5060":  {false, false},
			"sip:bob@[::ffff:c000:201]":   {true, false},
			"sip:bob@192.0.2.4:5070;lr=1": {false, false},
		} {
			req, err := sip.NewRequest("BYE", must(sip.ParseURI(uri)))
			require.NoError(t, err)
			d := &tport.Delivery{To: mustAddr("192.0.2.3:5070")}
			require.Equal(t, want, [2]bool{a.ours(req, d), wild.ours(req, d)}, uri)
			in := &Incoming{sh: a.shard("x"), d: d}
			require.Equal(t, want[0], in.Ours(must(sip.ParseURI(uri))), uri)
		}
	})
}

func TestHostNameOfAWildcard(t *testing.T) {
	a, err := New(Config{})
	require.NoError(t, err)
	defer a.Close()
	require.NotEmpty(t, a.hostName(netip.IPv4Unspecified()))
	if addr, err := netip.ParseAddr(a.hostName(netip.IPv4Unspecified())); err == nil {
		require.True(t, addr.Is4())
	}
}

// 18.1.1: a request to a group says so in its Via, and how far it may go.
func TestViaToAGroup(t *testing.T) {
	a, err := New(Config{Transport: tport.Config{MulticastTTL: 3}})
	require.NoError(t, err)
	defer a.Close()
	for host, group := range map[string]string{"127.0.0.1": "224.0.1.75", "::1": "ff05::5060"} {
		_, err := a.Listen(t.Context(), tport.Name{Proto: tport.UDP, Host: host})
		if err != nil {
			t.Skip("no loopback address: ", err)
		}
		f, err := a.Transport().Dial(t.Context(), tport.Name{Proto: tport.UDP, Host: group, Port: 5060})
		require.NoError(t, err)
		v := a.via(f, "z9hG4bK1")
		maddr, _ := v.Params.Get("maddr")
		ttl, has := v.Params.Get("ttl")
		if host == "127.0.0.1" {
			require.Equal(t, "224.0.1.75", maddr)
			require.Equal(t, "3", ttl)
		} else {
			require.Equal(t, "[ff05::5060]", maddr)
			require.False(t, has)
		}
	}
}
