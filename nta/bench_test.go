package nta

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

func options(addr string, branch string) string {
	return wire(fmt.Sprintf(`OPTIONS sip:bob@192.0.2.1 SIP/2.0
Via: SIP/2.0/UDP %s;branch=%s
Max-Forwards: 70
From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl
To: <sip:bob@biloxi.example.com>
Call-ID: 3848276298220188511@atlanta.example.com
CSeq: 2 OPTIONS
Contact: <sip:alice@client.atlanta.example.com>
User-Agent: bench/1.0
Accept: application/sdp`, addr, branch))
}

// sink is a flow to a socket that nobody reads.
func sink(b testing.TB, cfg Config) (*Agent, *tport.Delivery, net.PacketConn) {
	a := loopback(b, "udp", cfg)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(b, err)
	b.Cleanup(func() { conn.Close() })
	to := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	f, ok := a.Transport().Ready(tport.Name{Proto: "udp", Host: to.Addr().String(), Port: to.Port()})
	require.True(b, ok)
	return a, &tport.Delivery{Flow: f, From: to, To: f.Local(), At: time.Now()}, conn
}

// BenchmarkStateless is a parsed OPTIONS answered without state, up to the socket.
func BenchmarkStateless(b *testing.B) {
	var a *Agent
	a, d, conn := sink(b, Config{Stateless: func(_ *Agent, d *tport.Delivery) Verdict {
		a.ReplyStateless(d, 200)
		return Handled
	}})
	text := options(conn.LocalAddr().String(), "z9hG4bK74bf9")
	b.ReportAllocs()
	for b.Loop() {
		m, err := msg.Parse(sip.Class(), text, msg.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		in := *d
		in.Msg = m
		a.deliver(&in)
	}
}

// BenchmarkStatelessStamped is the same with a Via that received and rport are set in.
func BenchmarkStatelessStamped(b *testing.B) {
	var a *Agent
	a, d, _ := sink(b, Config{Stateless: func(_ *Agent, d *tport.Delivery) Verdict {
		a.ReplyStateless(d, 200)
		return Handled
	}})
	text := options("client.example.com;rport", "z9hG4bK74bf9")
	b.ReportAllocs()
	for b.Loop() {
		m, err := msg.Parse(sip.Class(), text, msg.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		in := *d
		in.Msg = m
		a.deliver(&in)
	}
}

// BenchmarkStateful is the same with a transaction each, which then waits.
func BenchmarkStateful(b *testing.B) {
	a, d, conn := sink(b, Config{
		MaxServerTransactions: -1,
		Receive: func(s *Step, in *Incoming) bool {
			s.Reply(in, 200)
			return true
		}})
	text := options(conn.LocalAddr().String(), "z9hG4bK74bf9")
	before, rest, _ := strings.Cut(text, "74bf9")
	middle, after, _ := strings.Cut(rest, "Call-ID: ")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		n := strconv.Itoa(i)
		m, err := msg.Parse(sip.Class(), before+n+middle+"Call-ID: "+n+after, msg.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		in := *d
		in.Msg = m
		a.deliver(&in)
	}
	b.StopTimer()
	require.EqualValues(b, b.N, a.Stats().ResponsesSent)
}

// BenchmarkRetransmission is a request that gets the response it got before.
func BenchmarkRetransmission(b *testing.B) {
	a, d, conn := sink(b, Config{Receive: func(s *Step, in *Incoming) bool {
		s.Reply(in, 200)
		return true
	}})
	m, err := msg.Parse(sip.Class(), options(conn.LocalAddr().String(), "z9hG4bK74bf9"), msg.Limits{})
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		in := *d
		in.Msg = m
		a.deliver(&in)
	}
}
