package tport

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// chunks takes a packet of HEP3 apart, by the type of its chunks.
func chunks(t testing.TB, b []byte) map[uint16]string {
	t.Helper()
	require.Equal(t, "HEP3", string(b[:4]))
	require.Equal(t, len(b), int(binary.BigEndian.Uint16(b[4:])))
	all := map[uint16]string{}
	for b = b[6:]; len(b) > 0; {
		require.GreaterOrEqual(t, len(b), 6)
		require.Zero(t, binary.BigEndian.Uint16(b), "vendor")
		n := int(binary.BigEndian.Uint16(b[4:]))
		require.LessOrEqual(t, n, len(b))
		require.NotContains(t, all, binary.BigEndian.Uint16(b[2:]))
		all[binary.BigEndian.Uint16(b[2:])] = string(b[6:n])
		b = b[n:]
	}
	return all
}

func octetsOf(proto, local, remote, text string, out bool) *Octets {
	return &Octets{
		At: time.Unix(1700000000, 123456789), Out: out, Text: []byte(text),
		Key: Key{Proto: proto, Local: netip.MustParseAddrPort(local), Remote: netip.MustParseAddrPort(remote)},
	}
}

func TestHEPRecord(t *testing.T) {
	h := &HEP{cfg: HEPConfig{ID: 0x01020304, Key: "secret", Node: "edge", Proto: 1}}
	for _, c := range []struct {
		o    *Octets
		want map[uint16]string
	}{
		{octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", "text", true), map[uint16]string{
			1: "\x02", 2: "\x11", 3: "\xc0\x00\x02\x01", 4: "\xc6\x33\x64\x01", 7: "\x13\xc4", 8: "\x13\xc5",
		}},
		{octetsOf("tls", "192.0.2.1:5060", "198.51.100.1:5061", "text", false), map[uint16]string{
			1: "\x02", 2: "\x06", 3: "\xc6\x33\x64\x01", 4: "\xc0\x00\x02\x01", 7: "\x13\xc5", 8: "\x13\xc4",
		}},
		{octetsOf("tcp", "[2001:db8::1]:1", "[2001:db8::2]:2", "text", true), map[uint16]string{
			1: "\x0a", 2: "\x06", 5: "\x20\x01\x0d\xb8" + string(make([]byte, 11)) + "\x01",
			6: "\x20\x01\x0d\xb8" + string(make([]byte, 11)) + "\x02", 7: "\x00\x01", 8: "\x00\x02",
		}},
	} {
		c.want[9], c.want[10] = "\x65\x53\xf1\x00", "\x00\x01\xe2\x40"
		c.want[11], c.want[12], c.want[14], c.want[19], c.want[15] = "\x01", "\x01\x02\x03\x04", "secret", "edge", "text"
		require.Equal(t, c.want, chunks(t, h.record(c.o)))
	}
	big := chunks(t, h.record(octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", pad(70000), true)))
	require.Greater(t, len(big[15]), 65000)
	h.cfg.Redact = true
	require.Equal(t, "A\r\nCookie: ***\r\n", chunks(t, h.record(octetsOf("udp", "192.0.2.1:1", "198.51.100.1:1", "A\r\nCookie: x\r\n", true)))[15])
}

// Messages of a transport reach a collector over UDP and TCP, IPv4 and IPv6.
func TestHEP(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for _, at := range []string{"198.51.100.2:9060", "[2001:db8::2]:9060"} {
			t.Run(network+" "+at, func(t *testing.T) {
				bubble(t, func(t *testing.T, v *virtual) {
					got := make(chan map[uint16]string, 64)
					collect(t, v, network, at, got)
					h, err := NewHEP(HEPConfig{Network: network, Address: at, ID: 7, Dial: v.alice.DialContext})
					require.NoError(t, err)
					alice := v.node(v.alice, func(c *Config) { c.Trace = JoinTraces(c.Trace, h.Trace()) })
					bob := v.node(v.bob)
					bob.listen(UDP, "198.51.100.1", 5060)
					alice.listen(UDP, "192.0.2.1", 5060)
					f := alice.dial(UDP, netip.MustParseAddrPort("198.51.100.1:5060"))
					for i := range 20 {
						require.NoError(t, f.Send(parse(t, text(fmt.Sprint(i), ""))))
						bob.next()
					}
					require.NoError(t, h.Close(t.Context()))
					for i := range 20 {
						c := get(t, got)
						require.Equal(t, text(fmt.Sprint(i), ""), c[15])
						require.Equal(t, "\x00\x00\x00\x07", c[12])
					}
					require.EqualValues(t, 20, h.Sent())
					require.Zero(t, h.Lost())
				})
			})
		}
	}
}

// collect is a collector; it ends with its socket.
func collect(t *testing.T, v *virtual, network, at string, got chan map[uint16]string) {
	if network == "udp" {
		c, err := v.bob.ListenPacket(t.Context(), "udp", at)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		go func() {
			b := make([]byte, 70000)
			for {
				n, _, err := c.ReadFrom(b)
				if err != nil {
					return
				}
				got <- chunks(t, b[:n])
			}
		}()
		return
	}
	l, err := v.bob.Listen(t.Context(), "tcp", at)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go readRecords(t, c, got)
		}
	}()
}

func readRecords(t *testing.T, c net.Conn, got chan map[uint16]string) {
	defer c.Close()
	for {
		head := make([]byte, 6)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		rest := make([]byte, int(binary.BigEndian.Uint16(head[4:]))-6)
		if _, err := io.ReadFull(c, rest); err != nil {
			return
		}
		got <- chunks(t, append(head, rest...))
	}
}

// While a collector over TCP is away, messages are lost and counted, attempts to
// connect are spaced, and it is found again.
func TestHEPReconnects(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		dials := 0
		h, err := NewHEP(HEPConfig{Network: "tcp", Address: "198.51.100.1:9060", Dial: func(ctx context.Context, n, a string) (net.Conn, error) {
			dials++
			return v.alice.DialContext(ctx, n, a)
		}})
		require.NoError(t, err)
		o := octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", "text", true)
		for range 600 { // ten minutes
			h.octets(o)
			time.Sleep(time.Second) // virtual
		}
		require.EqualValues(t, 600, h.Lost())
		require.InDelta(t, 600/30+5, dials, 3)

		l, err := v.bob.Listen(t.Context(), "tcp", "198.51.100.1:9060")
		require.NoError(t, err)
		time.Sleep(31 * time.Second) // virtual
		got := make(chan map[uint16]string, 8)
		h.octets(o)
		c, err := l.Accept()
		require.NoError(t, err)
		go readRecords(t, c, got)
		require.Equal(t, "text", get(t, got)[15])
		require.NoError(t, h.Close(t.Context()))
		l.Close()
	})
}

// A collector that takes nothing costs no more than the queue, and Close ends.
func TestHEPBounded(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		l, err := v.bob.Listen(t.Context(), "tcp", "198.51.100.1:9060")
		require.NoError(t, err)
		h, err := NewHEP(HEPConfig{Network: "tcp", Address: "198.51.100.1:9060", Size: 10, Dial: v.alice.DialContext})
		require.NoError(t, err)
		o := octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", pad(60000), true)
		for range 1000 {
			h.octets(o)
			synctest.Wait()
		}
		require.Greater(t, h.Lost(), uint64(900))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		require.ErrorIs(t, h.Close(ctx), context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(began), time.Second+100*time.Millisecond)
		require.EqualValues(t, 1000, h.Lost()+h.Sent())
		h.octets(o) // after Close it is only counted
		require.EqualValues(t, 1001, h.Lost()+h.Sent())
		l.Close()
	})
}

func TestHEPConfig(t *testing.T) {
	for _, c := range []HEPConfig{{}, {Network: "udp"}, {Network: "sctp", Address: "x:1"}, {Network: "udp", Address: "x:1", Key: pad(2000)}, {Network: "udp", Address: "x:1", Node: pad(2000)}} {
		_, err := NewHEP(c)
		require.Error(t, err)
	}
}
