package tport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// captured is one packet of a capture.
type captured struct {
	face   uint32
	at     time.Time
	packet []byte
	flags  uint32
}

// readCapture reads what PCAP writes, and that it is well formed.
func readCapture(t testing.TB, b []byte) (all []captured) {
	t.Helper()
	faces := 0
	for first := true; len(b) > 0; first = false {
		kind, n := order.Uint32(b), order.Uint32(b[4:])
		require.Zero(t, n%4)
		require.LessOrEqual(t, int(n), len(b))
		require.Equal(t, n, order.Uint32(b[n-4:]))
		body := b[8 : n-4]
		b = b[n:]
		require.Equal(t, first, kind == blockSection)
		switch kind {
		case blockSection:
			require.EqualValues(t, 0x1a2b3c4d, order.Uint32(body))
		case blockInterface:
			faces++
		case blockPacket:
			c := captured{face: order.Uint32(body)}
			require.Less(t, int(c.face), faces)
			c.at = time.Unix(0, int64(uint64(order.Uint32(body[4:]))<<32|uint64(order.Uint32(body[8:]))))
			size := order.Uint32(body[12:])
			require.Equal(t, size, order.Uint32(body[16:]))
			c.packet = body[20 : 20+size]
			opt := body[20+(size+3)&^3:]
			require.EqualValues(t, 2, order.Uint16(opt))
			require.EqualValues(t, 4, order.Uint16(opt[2:]))
			c.flags = order.Uint32(opt[4:])
			all = append(all, c)
		default:
			require.Fail(t, "block", "%#x", kind)
		}
	}
	return all
}

func TestPCAP(t *testing.T) {
	var out bytes.Buffer
	w := bufio.NewWriter(&out)
	p, err := NewPCAP(w, PCAPConfig{})
	require.NoError(t, err)
	trace := p.Trace()
	trace.Octets(octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", "odd", true))
	trace.Octets(octetsOf("udp", "[2001:db8::1]:1", "[2001:db8::2]:2", "six!", false))
	trace.Octets(octetsOf("tcp", "192.0.2.1:5060", "198.51.100.1:5061", "abc", true))
	trace.Octets(octetsOf("tcp", "192.0.2.1:5060", "198.51.100.1:5061", "defgh", false))
	trace.Octets(octetsOf("tcp", "192.0.2.1:5060", "198.51.100.1:5061", pad(70000), true))
	trace.Octets(octetsOf("tls", "192.0.2.1:5060", "198.51.100.1:5061", "inside", false))
	trace.Octets(octetsOf("wss", "[2001:db8::1]:1", "[2001:db8::2]:2", "web", true))
	require.NoError(t, p.Close(t.Context()))
	require.EqualValues(t, 7, p.Written())
	require.Zero(t, p.Lost())

	all := readCapture(t, out.Bytes())
	require.Len(t, all, 8)
	for _, c := range all {
		require.True(t, time.Unix(1700000000, 123456789).Equal(c.at))
		if c.face == faceIP {
			requireSums(t, c.packet)
		}
	}
	udp := all[0].packet
	require.EqualValues(t, 2, all[0].flags)
	require.Equal(t, "\xc0\x00\x02\x01\xc6\x33\x64\x01\x13\xc4\x13\xc5", string(udp[12:24]))
	require.Equal(t, "odd", string(udp[28:]))
	six := all[1].packet
	require.EqualValues(t, 1, all[1].flags)
	require.Equal(t, "\x00\x02\x00\x01", string(six[40:44])) // it came from the remote end
	require.Equal(t, "six!", string(six[48:]))

	numbers := func(c captured) (seq, ack uint32, text int) {
		tcp := c.packet[20:]
		return binary.BigEndian.Uint32(tcp[4:]), binary.BigEndian.Uint32(tcp[8:]), len(tcp) - 20
	}
	for i, want := range [][3]uint32{{1, 1, 3}, {1, 4, 5}, {4, 6, 60000}, {60004, 6, 10000}} {
		seq, ack, n := numbers(all[2+i])
		require.Equal(t, want, [3]uint32{seq, ack, uint32(n)})
	}

	require.EqualValues(t, facePDU, all[6].face)
	require.Equal(t, "\x00\x0c\x00\x04sip\x00\x00\x14\x00\x04\xc6\x33\x64\x01\x00\x15\x00\x04\xc0\x00\x02\x01"+
		"\x00\x18\x00\x04\x00\x00\x00\x02\x00\x19\x00\x04\x00\x00\x13\xc5\x00\x1a\x00\x04\x00\x00\x13\xc4\x00\x00\x00\x00inside", string(all[6].packet))
	require.True(t, strings.HasSuffix(string(all[7].packet), "web"))
	require.Contains(t, string(all[7].packet), "\x00\x16\x00\x10\x20\x01\x0d\xb8")
}

// requireSums checks the sums of an IP packet: over what they cover, they give zero.
func requireSums(t *testing.T, b []byte) {
	t.Helper()
	var proto byte
	var addrs, payload []byte
	if b[0]>>4 == 4 {
		require.Zero(t, fold(checksum(0, b[:20])))
		require.Equal(t, len(b), int(binary.BigEndian.Uint16(b[2:])))
		proto, addrs, payload = b[9], b[12:20], b[20:]
	} else {
		proto, addrs, payload = b[6], b[8:40], b[40:]
		require.Equal(t, len(payload), int(binary.BigEndian.Uint16(b[4:])))
	}
	require.Zero(t, fold(checksum(checksum(uint32(proto)+uint32(len(payload)), addrs), payload)))
}

// A connection that has ended is forgotten: its addresses may come again.
func TestPCAPForgets(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		var out bytes.Buffer
		p, err := NewPCAP(&out, PCAPConfig{Redact: true})
		require.NoError(t, err)
		alice := v.node(v.alice, func(c *Config) { c.Trace = JoinTraces(c.Trace, p.Trace()) })
		bob := v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		f := alice.dial(TCP, at)
		require.NoError(t, f.Send(parse(t, "M sip:a:b@c SIP/2.0\r\nContent-Length: 0\r\n\r\n")))
		bob.next()
		require.Len(t, p.seq, 1)
		require.NoError(t, f.Close())
		<-f.Done()
		get(t, alice.closed)
		synctest.Wait()
		require.Empty(t, p.seq)
		require.NoError(t, p.Close(t.Context()))
		require.Contains(t, out.String(), "M sip:a:***@c SIP/2.0")
	})
}

// A writer that fails is told of, and what it did not take is counted.
func TestPCAPWriterFails(t *testing.T) {
	broken := errors.New("disk full")
	_, err := NewPCAP(&failingWriter{0, broken}, PCAPConfig{})
	require.ErrorIs(t, err, broken)
	p, err := NewPCAP(&failingWriter{2, broken}, PCAPConfig{})
	require.NoError(t, err)
	o := octetsOf("udp", "192.0.2.1:5060", "198.51.100.1:5061", "odd", true)
	for range 5 {
		p.octets(o)
	}
	require.ErrorIs(t, p.Close(t.Context()), broken)
	require.EqualValues(t, 1, p.Written())
	require.EqualValues(t, 4, p.Lost())
	_, err = NewPCAP(&bytes.Buffer{}, PCAPConfig{Dissector: pad(65)})
	require.Error(t, err)
}

// The connections that are kept track of are bounded.
func TestPCAPSequencesBounded(t *testing.T) {
	p := &PCAP{spool: newSpool(1), seq: map[Key]*sequence{}}
	o := octetsOf("tcp", "192.0.2.1:5060", "198.51.100.1:5061", "x", true)
	for i := range maxSequences + 10 {
		o.Key.Serial = uint64(i)
		o.Key.Remote = netip.AddrPortFrom(o.Key.Remote.Addr(), 1)
		p.octets(o)
	}
	require.LessOrEqual(t, len(p.seq), maxSequences)
}

// failingWriter takes so many writes.
type failingWriter struct {
	after int
	err   error
}

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.after--; w.after < 0 {
		return 0, w.err
	}
	return len(b), nil
}
