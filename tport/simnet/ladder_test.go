package simnet_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

func TestLadder(t *testing.T) {
	inBubble(t, simnet.Config{Seed: 4}, func(t *testing.T, p pair) {
		require.Equal(t, "(no packets)\n", p.Ladder())
		proxy := p.MustHost("proxy", "192.0.2.3")
		p.MustHost("silent", "192.0.2.4")
		a, b, x := p.udp(p.alice, ":5060"), p.udp(p.bob, ":5060"), p.udp(proxy, ":5060")
		p.SetLink(p.bob, proxy, simnet.Link{Delay: 15 * time.Millisecond})
		send := func(from, to *simnet.PacketConn, text string) {
			t.Helper()
			addr := map[*simnet.PacketConn]string{a: "192.0.2.1:5060", b: "192.0.2.2:5060", x: "192.0.2.3:5060"}[to]
			c := addrPort(t, addr)
			_, err := from.WriteToUDPAddrPort([]byte(text+"\r\n"), c)
			require.NoError(t, err)
		}
		send(a, x, "INVITE sip:bob@example.com SIP/2.0")
		time.Sleep(time.Second)
		send(x, b, "INVITE sip:bob@192.0.2.2 SIP/2.0")
		send(b, x, "SIP/2.0 180 Ringing")
		time.Sleep(time.Second)
		send(a, b, "ACK sip:bob@192.0.2.2;transport=udp;lr;maddr=192.0.2.200 SIP/2.0")
		p.SetLink(p.alice, p.bob, simnet.Link{Loss: 1})
		send(a, b, "BYE 1")
		p.SetLink(p.alice, p.bob, simnet.Link{Duplicate: 1})
		send(a, b, "BYE 2")
		p.Partition(p.alice, p.bob, true)
		send(b, a, "200 OK")
		send(a, a, "to myself")
		_, err := a.WriteToUDPAddrPort([]byte("to the void"), addrPort(t, "198.51.100.1:9"))
		require.NoError(t, err)
		send(x, b, "late")
		want := `
              alice                                           bob                                             proxy
    0.000000  |------------------------------INVITE sip:bob@example.com SIP/2.0------------------------------>|  udp 5060>5060, delivered
    1.000000  |                                               |<-------INVITE sip:bob@192.0.2.2 SIP/2.0-------|  udp 5060>5060, delivered +15ms
    1.000000  |                                               |-------------SIP/2.0 180 Ringing-------------->|  udp 5060>5060, delivered +15ms
    2.000000  |-ACK sip:bob@192.0.2.2;transport=udp;lr;mad~-->|                                               |  udp 5060>5060, delivered
    2.000000  |--------------------BYE 1---------------------x|                                               |  udp 5060>5060, lost
    2.000000  |--------------------BYE 2--------------------->|                                               |  udp 5060>5060, delivered
    2.000000  |--------------------BYE 2--------------------->|                                               |  udp 5060>5060, delivered, duplicate
    2.000000  |x--------------------200 OK--------------------|                                               |  udp 5060>5060, cut
    2.000000  |                                               |                                               |  udp 5060>5060  [alice to itself] to myself, delivered
    2.000000  |                                               |                                               |  udp 5060>9  [to 198.51.100.1:9] to the void, unreachable
    2.000000  |                                               |.---------------------late---------------------|  udp 5060>5060, in flight
`
		require.Equal(t, want, "\n"+p.Ladder())
	})
}

func TestLadderOfManyHostsIsAList(t *testing.T) {
	inBubble(t, simnet.Config{Record: 9}, func(t *testing.T, p pair) {
		p.udp(p.bob, ":5060")
		for i := range 10 {
			h := p.MustHost(fmt.Sprintf("h%d", i), fmt.Sprintf("198.51.100.%d", i+1))
			c, err := h.DialContext(background, "udp", "bob:5060")
			require.NoError(t, err)
			write(t, c, fmt.Sprintf("hello from %d", i))
		}
		got := p.Ladder()
		require.Contains(t, got, "(1 earlier packets are not kept; see Config.Record)\n")
		require.NotContains(t, got, "hello from 0")
		require.Contains(t, got, "udp h9 (198.51.100.10:32768) -> bob (192.0.2.2:5060) 12 octets delivered: hello from 9\n")
	})
}

// judge is a test that has failed, or not.
type judge struct {
	failed bool
	log    string
}

func (j *judge) Failed() bool { return j.failed }

func (j *judge) Logf(f string, args ...any) { j.log += fmt.Sprintf(f, args...) }

func TestReport(t *testing.T) {
	inBubble(t, simnet.Config{Seed: 4711}, func(t *testing.T, p pair) {
		write(t, p.dial("udp", "bob:5060"), "REGISTER")
		var good, bad judge
		bad.failed = true
		p.Report(&good)
		require.Empty(t, good.log)
		p.Report(&bad)
		require.Contains(t, bad.log, "seed 4711")
		require.Contains(t, bad.log, "REGISTER")
		require.Equal(t, uint64(4711), p.Seed())
	})
}
