package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// dumped runs the program.
func dumped(t *testing.T, stdin string, args ...string) (status int, out, notes string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(args, strings.NewReader(stdin), &o, &e)
	return status, o.String(), e.String()
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return string(b)
}

func TestTree(t *testing.T) {
	status, out, notes := dumped(t, "", "testdata/invite.sip")
	require.Zero(t, status, out)
	require.Empty(t, notes)
	for _, want := range []string{
		"Message 1  testdata/invite.sip\n",
		"  Request: INVITE sip:bob@198.51.100.20:5060;transport=udp SIP/2.0\n    URI: sip:bob@198.51.100.20:5060;transport=udp\n      Scheme: sip\n      User: bob\n",
		"    Params\n      branch: z9hG4bK2d4790.1\n",
		"  CSeq: 314159 INVITE\n    Seq: 314159\n    Method: INVITE\n",
		"    value 9: PRACK\n",
		"  Body: application/sdp, 264 octets\n    Origin\n      Username: alice\n",
		"        Port: 49170\n",
	} {
		require.Contains(t, out, want)
	}
	status, out, _ = dumped(t, "", "testdata/mpart01.dat")
	require.Zero(t, status, out)
	require.Contains(t, out, "    Part 1: text/plain, 5 octets\n      Content-Type: text/plain\n      Content-Transfer-Encoding: binary\n      |: Hello\n")
	frag := "NOTIFY sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\n" +
		"Event: refer\r\nSubscription-State: active;expires=60\r\nContent-Type: message/sipfrag\r\nContent-Length: 20\r\n\r\nSIP/2.0 180 Ringing\r"
	status, out, _ = dumped(t, frag, "-")
	require.Equal(t, 1, status)
	require.Contains(t, out, "! error at octet")
	frag = strings.Replace(frag, "Length: 20", "Length: 19", 1)
	status, out, _ = dumped(t, frag)
	require.Zero(t, status, out)
	require.Contains(t, out, "    Response: SIP/2.0 180 Ringing\n")
}

func TestJSON(t *testing.T) {
	status, out, _ := dumped(t, "", "-json", "testdata")
	require.Equal(t, 1, status)
	n := 0
	for line := range strings.Lines(out) {
		n++
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &r), line)
		require.NotEmpty(t, r["source"])
		if r["source"] != "testdata/invite.sip" {
			continue
		}
		require.Equal(t, true, r["valid"])
		require.Equal(t, "INVITE", r["method"])
		headers := r["headers"].([]any)
		require.Len(t, headers, 17)
		via := headers[0].(map[string]any)
		require.Equal(t, "Via", via["name"])
		require.Equal(t, "z9hG4bK2d4790.1", via["fields"].(map[string]any)["Params"].(map[string]any)["branch"])
		require.Equal(t, []any{"replaces", "100rel", "timer"}, headers[11].(map[string]any)["fields"])
		body := r["body"].(map[string]any)
		require.EqualValues(t, 264, body["length"])
		require.Equal(t, "alice", body["fields"].(map[string]any)["Origin"].(map[string]any)["Username"])
	}
	require.Equal(t, 11, n)
}

func TestLint(t *testing.T) {
	for name, want := range map[string]string{
		"invite.sip":   "",
		"intmeth.dat":  "",
		"badaspec.dat": ":184: error: To: malformed URI [RFC 3261 section 20.39]\n\t\"To: \\\"Watson",
		"baddate.dat":  ":256: error: Date: malformed value [RFC 3261 section 20.17]\n",
		"clerr.dat":    ": error: Content-Length: bad Content-Length; it must be the number of octets in the body [RFC 3261 section 18.3]\n\t\"Content-Length: 9999\\r\\n\"\n",
		"insuf.dat":    ":0: error: Call-ID: mandatory header is missing [RFC 3261 section 8.1.1]\n",
		"quotbal.dat":  " error: To: ",
		"ncl.dat":      " error: Content-Length: ",
		"badinv01.dat": " error: Via: malformed value [RFC 3261 section 20.42]\n",
	} {
		status, out, _ := dumped(t, "", "-lint", "testdata/"+name)
		if want == "" {
			require.Zero(t, status, out)
			require.NotContains(t, out, "error")
			continue
		}
		require.Equal(t, 1, status, name)
		require.Contains(t, out, want, name)
		require.True(t, strings.HasPrefix(out, "testdata/"+name+":"), out)
	}
	status, out, _ := dumped(t, "hello", "-lint")
	require.Equal(t, 1, status)
	require.Contains(t, out, "-:0: error: no request or status line")
	bad := strings.Replace(read(t, "invite.sip"), "m=audio 49170", "m=audio 4917x", 1)
	status, out, _ = dumped(t, bad, "-lint")
	require.Equal(t, 1, status)
	require.Contains(t, out, "[RFC 8866 section 9]\n\t\"m=audio 4917x RTP/AVP 0 8 97 101\\r\\n\"\n")
	lax := strings.Replace(read(t, "invite.sip"), "Max-Forwards: 69\r\n", "", 1)
	status, out, _ = dumped(t, lax, "-lint")
	require.Zero(t, status, "advice makes no message invalid")
	require.Contains(t, out, "warning: Max-Forwards: not there [RFC 3261 section 8.1.1.6]")
	odd := strings.Replace(read(t, "invite.sip"), "Supported: replaces", "Supported: ,replaces", 1)
	status, out, _ = dumped(t, odd, "-lint")
	require.Zero(t, status, out)
	status, out, _ = dumped(t, odd, "-lint", "-strict")
	require.Equal(t, 1, status)
	require.Contains(t, out, "error: Supported: ")
}

func TestStream(t *testing.T) {
	one := read(t, "invite.sip")
	status, out, _ := dumped(t, one+"\r\n\r\n"+one+one, "-stream", "-json")
	require.Zero(t, status)
	require.Equal(t, 3, strings.Count(out, "\n"))
	require.Contains(t, out, `"offset":`+itoa(len(one)+4)+",")
	status, out, _ = dumped(t, one+one[:500], "-stream", "-lint")
	require.Equal(t, 1, status)
	require.Contains(t, out, "the message is cut short")
	noLength := strings.Replace(one, "Content-Length: 264\r\n", "", 1)
	status, out, _ = dumped(t, one+noLength+one, "-stream", "-lint")
	require.Equal(t, 1, status)
	require.Contains(t, out, "-:"+itoa(len(one))+": error: Content-Length: no Content-Length; a stream cannot be cut into messages without it [RFC 3261 section 20.14]")
}

func TestUsage(t *testing.T) {
	status, _, notes := dumped(t, "", "-nonsense")
	require.Equal(t, 2, status)
	require.Contains(t, notes, "usage: sipdump")
	status, _, notes = dumped(t, "", "testdata/nothing")
	require.Equal(t, 2, status)
	require.Contains(t, notes, "nothing")
	status, _, notes = dumped(t, "\xd4\xc3\xb2\xa1short")
	require.Equal(t, 2, status)
	require.Contains(t, notes, "malformed capture")
	var out bytes.Buffer
	require.Equal(t, 2, run([]string{"-"}, broken{}, &out, &out))
	require.Equal(t, 2, run([]string{"-stream", "-"}, broken{}, &out, &out))
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken") }

// ---- captures

type packet struct {
	proto    byte
	src, dst string
	data     []byte
}

func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func udp(src, dst, data string) packet {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	b := append(be16(int(s.Port())), be16(int(d.Port()))...)
	b = append(append(b, be16(8+len(data))...), 0, 0)
	return packet{17, s.Addr().String(), d.Addr().String(), append(b, data...)}
}

func tcp(src, dst string, seq uint32, bits byte, data string) packet {
	s, d := netip.MustParseAddrPort(src), netip.MustParseAddrPort(dst)
	b := append(be16(int(s.Port())), be16(int(d.Port()))...)
	b = binary.BigEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0, 5<<4, bits, 1, 0, 0, 0, 0, 0)
	return packet{6, s.Addr().String(), d.Addr().String(), append(b, data...)}
}

// ip writes the packet, in fragments of at most size octets if size is not 0.
func (p packet) ip(size int) [][]byte {
	src, dst := netip.MustParseAddr(p.src), netip.MustParseAddr(p.dst)
	var list [][]byte
	if size == 0 {
		size = 1 << 16
	}
	for off := 0; off == 0 || off < len(p.data); off += size {
		end := min(off+size, len(p.data))
		part, more := p.data[off:end], end < len(p.data)
		var b []byte
		if src.Is4() {
			f := off / 8
			if more {
				f |= 0x2000
			}
			b = append([]byte{0x45, 0}, be16(20+len(part))...)
			b = append(append(append(b, 0, 7), be16(f)...), 64, p.proto, 0, 0)
			b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
		} else {
			next, ext := p.proto, []byte(nil)
			if size < 1<<16 {
				f := off
				if more {
					f |= 1
				}
				next, ext = 44, append(append([]byte{p.proto, 0}, be16(f)...), 0, 0, 0, 9)
			}
			b = append([]byte{0x60, 0, 0, 0}, be16(len(ext)+len(part))...)
			b = append(append(append(b, next, 64), src.AsSlice()...), dst.AsSlice()...)
			b = append(b, ext...)
		}
		list = append(list, append(b, part...))
	}
	return list
}

// framed puts a link header around a packet.
func framed(link uint32, b []byte) []byte {
	kind := []byte{8, 0}
	if b[0]>>4 == 6 {
		kind = []byte{0x86, 0xdd}
	}
	switch link {
	case linkEthernet:
		return append(append(append(make([]byte, 12), 0x81, 0, 0, 5), kind...), b...) // with a VLAN
	case linkCooked:
		return append(append(make([]byte, 14), kind...), b...)
	case linkCooked2:
		return append(append(kind, make([]byte, 18)...), b...)
	case linkNull, linkLoop:
		return append([]byte{2, 0, 0, 0}, b...)
	}
	return b
}

func pcapFile(order binary.AppendByteOrder, magic, link uint32, frames ...[]byte) string {
	b := order.AppendUint32(nil, magic)
	b = append(b, make([]byte, 16)...)
	b = order.AppendUint32(b, link)
	for i, f := range frames {
		b = order.AppendUint32(order.AppendUint32(b, uint32(1000+i)), 500)
		b = order.AppendUint32(order.AppendUint32(b, uint32(len(f))), uint32(len(f)))
		b = append(b, f...)
	}
	return string(b)
}

func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(12 + len(body))
	b := append(order.AppendUint32(order.AppendUint32(nil, kind), n), body...)
	return order.AppendUint32(b, n)
}

func ngFile(order binary.AppendByteOrder, link uint16, frames ...[]byte) string {
	b := block(order, 0x0a0d0d0a, append(order.AppendUint32(nil, 0x1a2b3c4d), 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255))
	port := append(order.AppendUint16(nil, link), make([]byte, 6)...)
	port = append(append(port, order.AppendUint16(order.AppendUint16(nil, 9), 1)...), 9, 0, 0, 0) // nanoseconds
	b = append(b, block(order, 1, append(port, 0, 0, 0, 0))...)
	b = append(b, block(order, 5, make([]byte, 12))...) // statistics: passed over
	for i, f := range frames {
		ticks := uint64(1000+i)*1e9 + 500
		e := order.AppendUint32(order.AppendUint32(order.AppendUint32(nil, 0), uint32(ticks>>32)), uint32(ticks))
		e = order.AppendUint32(order.AppendUint32(e, uint32(len(f))), uint32(len(f)))
		b = append(b, block(order, 6, append(e, f...))...)
	}
	return string(b)
}

func TestCaptures(t *testing.T) {
	one := read(t, "invite.sip")
	bad := strings.Replace(one, "CSeq: 314159", "CSeq: 99999999999", 1)
	for _, addrs := range [][2]string{{"192.0.2.1:5060", "192.0.2.2:5062"}, {"[2001:db8::1]:40000", "[2001:db8::2]:5060"}} {
		src, dst := addrs[0], addrs[1]
		for _, link := range []uint32{linkNull, linkEthernet, linkRaw12, linkRaw14, linkRaw, linkLoop, linkCooked, linkIPv4, linkIPv6, linkCooked2} {
			var frames [][]byte
			add := func(p packet, size int) {
				for _, b := range p.ip(size) {
					frames = append(frames, framed(link, b))
				}
			}
			add(udp(src, dst, one), 0)
			add(udp(src, dst, "\r\n\r\n"), 0)                                                     // keep-alive
			add(udp(src, dst, "\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl"), 0)                 // STUN
			add(udp(strings.Replace(src, "5060", "4000", 1), "192.0.2.9:4002", "\x80\x00rtp"), 0) // other ports, other family
			add(udp(src, dst, bad), 504)
			frames = append(frames, []byte{1, 2, 3})
			for name, file := range map[string]string{
				"pcap":       pcapFile(binary.LittleEndian, 0xa1b2c3d4, link, frames...),
				"big endian": pcapFile(binary.BigEndian, 0xa1b2c3d4, link, frames...),
				"nano":       pcapFile(binary.LittleEndian, 0xa1b23c4d, link, frames...),
				"ng":         ngFile(binary.LittleEndian, uint16(link), frames...),
				"ng big":     ngFile(binary.BigEndian, uint16(link), frames...),
			} {
				status, out, notes := dumped(t, file, "-json", "-")
				require.Equal(t, 1, status, "%s link %d: %s%s", name, link, out, notes)
				lines := strings.Split(strings.TrimSpace(out), "\n")
				if strings.Contains(src, "2001") && len(lines) == 3 { // the mixed packet above is none
					t.Fatal(out)
				}
				require.Len(t, lines, 2, "%s link %d", name, link)
				var r struct{ Source, Transport, From, To, Time string }
				require.NoError(t, json.Unmarshal([]byte(lines[0]), &r))
				require.Equal(t, src, r.From)
				require.Equal(t, dst, r.To)
				require.Equal(t, "udp", r.Transport)
				require.Equal(t, "-#1", r.Source)
				require.True(t, strings.HasPrefix(r.Time, "1970-01-01T00:16:40.0000005Z") || strings.HasPrefix(r.Time, "1970-01-01T00:16:40.0005Z"), r.Time)
				require.Contains(t, lines[1], `"valid":false`)
				require.Contains(t, notes, "hold no SIP")
			}
		}
	}
	// What goes to the SIP port and is no SIP is told.
	status, out, _ := dumped(t, pcapFile(binary.LittleEndian, 0xa1b2c3d4, linkRaw, udp("192.0.2.1:9", "192.0.2.2:5060", "hello").ip(0)[0]), "-lint")
	require.Equal(t, 1, status)
	require.Contains(t, out, "-#1:0: error: no request or status line")
	// A capture that ends within a packet.
	file := pcapFile(binary.LittleEndian, 0xa1b2c3d4, linkRaw, udp("192.0.2.1:9", "192.0.2.2:5060", one).ip(0)[0])
	status, _, notes := dumped(t, file[:len(file)-1])
	require.Equal(t, 2, status)
	require.Contains(t, notes, io.ErrUnexpectedEOF.Error())
}

func TestTCP(t *testing.T) {
	one := read(t, "invite.sip")
	two := strings.Replace(one, "314159 INVITE", "314160 INVITE", 1)
	const a, b = "192.0.2.1:40000", "192.0.2.2:5060"
	file := func(packets ...packet) string {
		var frames [][]byte
		for _, p := range packets {
			frames = append(frames, p.ip(0)...)
		}
		return pcapFile(binary.LittleEndian, 0xa1b2c3d4, linkRaw, frames...)
	}
	both := one + two
	n := uint32(len(one))
	const start = 0xffffff00 // the numbers wrap
	seq := func(off int) uint32 { return uint32(start+1) + uint32(off) }
	for name, c := range map[string]struct {
		file   string
		count  int
		status int
		notes  string
	}{
		"in order":                            {file(tcp(a, b, start, 2, ""), tcp(a, b, seq(0), 16, both[:700]), tcp(a, b, seq(700), 16, both[700:]), tcp(a, b, seq(len(both)), 17, "")), 2, 0, ""},
		"out of order, again and overlapping": {file(tcp(a, b, start, 2, ""), tcp(a, b, seq(700), 16, both[700:]), tcp(a, b, seq(0), 16, both[:300]), tcp(a, b, seq(0), 16, both[:300]), tcp(a, b, seq(200), 16, both[200:800])), 2, 0, ""},
		"begun before the capture":            {file(tcp(a, b, seq(5), 16, "of a body"), tcp(a, b, seq(14), 16, one)), 1, 0, ""},
		"cut by a reset":                      {file(tcp(a, b, start, 2, ""), tcp(a, b, seq(0), 16, one[:100]), tcp(a, b, seq(100), 4, "")), 1, 1, ""},
		"cut by the capture":                  {file(tcp(a, b, start, 2, ""), tcp(a, b, seq(0), 16, one+two[:100])), 1, 0, ""},
		"both directions":                     {file(tcp(a, b, 5, 16, one), tcp(b, a, n, 16, two)), 2, 0, ""},
		"another protocol":                    {file(tcp(a, b, 5, 16, "GET / HTTP/1.1\r\n\r\n")), 0, 0, "1 of 1 packets hold no SIP"},
		"after an error":                      {file(tcp(a, b, 0, 16, strings.Replace(one, "Content-Length: 264", "Content-Length: x64", 1)), tcp(a, b, n, 16, two)), 2, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, out, notes := dumped(t, c.file, "-stream", "-json")
			require.Equal(t, c.count, strings.Count(out, "\n"), out)
			require.Equal(t, c.status, status, out)
			require.Contains(t, notes, c.notes)
			if c.count > 0 {
				require.Contains(t, out, `"transport":"tcp"`)
			}
		})
	}
	// A segment that is missing for good.
	packets := []packet{tcp(a, b, start, 2, ""), tcp(a, b, seq(0), 16, one[:500])}
	off := len(one)
	for range 300 {
		packets = append(packets, tcp(a, b, seq(off), 16, two))
		off += len(two)
	}
	status, out, notes := dumped(t, file(packets...), "-stream", "-json")
	require.Zero(t, status, "%.300s", out)
	require.Equal(t, 300, strings.Count(out, "\n"))
	require.Contains(t, notes, "1 gaps")
	_, out, _ = dumped(t, file(packets[:2]...), "-json")
	require.Empty(t, out, "TCP is for -stream")
}

func FuzzCapture(f *testing.F) {
	one := read(f, "invite.sip")
	f.Add([]byte(pcapFile(binary.LittleEndian, 0xa1b2c3d4, linkEthernet, framed(linkEthernet, udp("192.0.2.1:5060", "192.0.2.2:5060", one).ip(0)[0]))))
	f.Add([]byte(ngFile(binary.LittleEndian, linkRaw, tcp("[::1]:5060", "[::2]:5060", 1, 2, one).ip(0)[0])))
	f.Add([]byte(one))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, args := range [][]string{{"-json"}, {"-lint", "-stream"}, {"-strict"}} {
			var out bytes.Buffer
			status := run(args, bytes.NewReader(b), &out, io.Discard)
			require.True(t, status >= 0 && status <= 2)
			for line := range strings.Lines(out.String()) {
				if args[0] == "-json" {
					require.True(t, json.Valid([]byte(line)))
				}
			}
		}
	})
}
