package tport

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

// wsFrame is a frame by its bits: first octet, mask or none, payload.
func wsFrame(first byte, mask string, payload string) string {
	b := []byte{first}
	bit := byte(0)
	if mask != "" {
		bit = maskBit
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, bit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	b = append(b, mask...)
	for i := range len(payload) {
		c := payload[i]
		if mask != "" {
			c ^= mask[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

const testMask = "\x37\xfa\x21\x3d" // of the examples in RFC 6455 section 5.7

func masked(first byte, payload string) string { return wsFrame(first, testMask, payload) }

// cutFrames feeds pieces, each in a buffer that is spoilt afterwards, as the
// stream does, and returns what came, the answers, and the error.
func cutFrames(f *wsFraming, pieces ...string) (got []msg.Frame, answers string, err error) {
	for _, p := range pieces {
		b := []byte(p)
		if err := f.Feed(b); err != nil {
			return got, answers, err
		}
		for {
			frame, err := f.Next()
			answers += string(f.answers())
			if errors.Is(err, msg.ErrIncomplete) {
				break
			}
			if err != nil {
				return got, answers, err
			}
			got = append(got, frame)
		}
		for i := range b {
			b[i] = 0xAA
		}
	}
	return got, answers, nil
}

const sipText = "OPTIONS sip:a SIP/2.0\r\n\r\n"

// The frames of RFC 6455 section 5.7, and every way to break them, cut
// everywhere.
func TestWSFraming(t *testing.T) {
	text := func(s string) msg.Frame { return msg.Frame{Kind: msg.FrameMessage, Text: s} }
	wsPing, wsPong := msg.Frame{Kind: msg.FramePing}, msg.Frame{Kind: msg.FramePong}
	long := strings.Repeat("é", 300)
	for _, c := range []struct {
		name    string
		in      string
		client  bool
		want    []msg.Frame
		answers string
		code    int  // of the error, 0 for none
		remote  bool // it is the peer's
		waiting bool
	}{
		{name: "unmasked hello", in: "\x81\x05\x48\x65\x6c\x6c\x6f", client: true, want: []msg.Frame{text("Hello")}},
		{name: "masked hello", in: "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", want: []msg.Frame{text("Hello")}},
		{name: "fragmented hello", in: "\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f", client: true, want: []msg.Frame{text("Hello")}},
		{name: "unmasked ping", in: "\x89\x05\x48\x65\x6c\x6c\x6f", client: true, want: []msg.Frame{wsPing}, answers: "\x8a\x85\x01\x01\x01\x01Idmmn"},
		{name: "masked ping", in: masked(0x89, "Hello"), want: []msg.Frame{wsPing}, answers: "\x8a\x05Hello"},
		{name: "pong", in: masked(0x8a, "Hello"), want: []msg.Frame{wsPong}},
		{name: "binary of 256", in: "\x82\x7E\x01\x00" + pad(256), client: true, want: []msg.Frame{text(pad(256))}},
		{name: "binary of 64 KiB", in: "\x82\x7F\x00\x00\x00\x00\x00\x01\x00\x00" + pad(1<<16), client: true, want: []msg.Frame{text(pad(1 << 16))}},
		{name: "long text", in: masked(0x81, long) + masked(0x82, sipText), want: []msg.Frame{text(long), text(sipText)}},
		{name: "ping between fragments", in: masked(0x02, "a") + masked(0x89, "") + masked(0x00, "") + masked(0x8a, "") + masked(0x80, "b"),
			want: []msg.Frame{wsPing, wsPong, text("ab")}, answers: "\x8a\x00"},
		{name: "character over fragments", in: masked(0x01, "\xc3") + masked(0x80, "\xa9"), want: []msg.Frame{text("é")}},
		{name: "octets in binary", in: masked(0x82, "\xff\x00"), want: []msg.Frame{text("\xff\x00")}},
		{name: "empty", in: masked(0x81, "") + masked(0x01, "") + masked(0x80, ""), want: []msg.Frame{wsPong, wsPong}},
		{name: "CRLF ping", in: masked(0x81, "\r\n\r\n"), want: []msg.Frame{wsPing}, answers: "\x81\x02\r\n"},
		{name: "CRLF pong", in: masked(0x82, "\r\n"), want: []msg.Frame{wsPong}},

		{name: "cut in a head", in: masked(0x81, "Hello")[:3], waiting: true},
		{name: "cut in a payload", in: masked(0x81, "Hello")[:8], waiting: true},
		{name: "cut before a payload", in: masked(0x81, "Hello")[:6], waiting: true},
		{name: "cut in a message", in: masked(0x01, ""), waiting: true},
		{name: "cut in a ping", in: masked(0x89, "Hello")[:8], waiting: true},

		{name: "close", in: masked(0x88, "\x03\xe8bye") + masked(0x81, "lost"), code: 1000, remote: true},
		{name: "close without code", in: masked(0x88, ""), code: 1005, remote: true},
		{name: "close of one's own", in: masked(0x88, "\x0f\xa0"), code: 4000, remote: true},
		{name: "close within a message", in: masked(0x01, "a") + masked(0x88, "\x03\xe9"), code: 1001, remote: true},
		{name: "close of one octet", in: masked(0x88, "\x03"), code: 1002},
		{name: "close with a code never sent", in: masked(0x88, "\x03\xee"), code: 1002},
		{name: "close with a code out of range", in: masked(0x88, "\x00\x01"), code: 1002},
		{name: "close with a reserved code", in: masked(0x88, "\x07\xd0"), code: 1002},
		{name: "close with a bad reason", in: masked(0x88, "\x03\xe8\xff"), code: 1007},
		{name: "unmasked to the server", in: wsFrame(0x81, "", "Hello"), code: 1002},
		{name: "masked to the client", in: masked(0x81, "Hello"), client: true, code: 1002},
		{name: "reserved bit", in: masked(0xC1, "Hello"), code: 1002},
		{name: "reserved opcode", in: masked(0x83, "Hello"), code: 1002},
		{name: "reserved control opcode", in: masked(0x8B, "Hello"), code: 1002},
		{name: "fragmented ping", in: masked(0x09, "Hello"), code: 1002},
		{name: "long ping", in: masked(0x89, pad(126)), code: 1002},
		{name: "fragment of nothing", in: masked(0x80, "Hello"), code: 1002},
		{name: "message in a message", in: masked(0x01, "a") + masked(0x81, "b"), code: 1002},
		{name: "long form of a short length", in: "\x81\xfe\x00\x05" + testMask, code: 1002},
		{name: "longest form of a length", in: "\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" + testMask, code: 1002},
		{name: "length of 2^63", in: "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00" + testMask, code: 1002},
		{name: "too big at once", in: "\x81\xff\x00\x00\x00\x00\x00\x03\x00\x00" + testMask, code: 1009},
		{name: "too big in fragments", in: masked(0x01, pad(100_000)) + masked(0x00, pad(100_000)), code: 1009},
		{name: "no UTF-8", in: masked(0x81, "a\xff"), code: 1007},
		{name: "half a character", in: masked(0x01, "\xc3") + masked(0x80, ""), code: 1007},
		{name: "surrogate", in: masked(0x81, "\xed\xa0\x80"), code: 1007},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(how string, pieces ...string) {
				t.Helper()
				limits := msg.Limits{StartLine: 10_000, Headers: 20_000, Body: 100_000}
				f := newWSFraming(limits, c.client, bytes.NewReader(bytes.Repeat([]byte{1}, 100)))
				got, answers, err := cutFrames(f, pieces...)
				require.Equal(t, c.want, got, how)
				require.Equal(t, c.answers, answers, how)
				require.Equal(t, c.waiting, f.Buffered() > 0, how)
				if c.code == 0 {
					require.NoError(t, err, how)
					return
				}
				var e *WebSocketError
				require.ErrorAs(t, err, &e, how)
				require.Equal(t, c.code, e.Code, how)
				require.Equal(t, c.remote, errors.Is(err, io.EOF), how)
				require.Equal(t, err, f.Feed([]byte("x")), "the error stays")
				_, again := f.Next()
				require.Equal(t, err, again)
				require.Empty(t, f.answers(), "nothing after the end")
			}
			check("whole", c.in)
			if len(c.in) > 1000 {
				for cut := 1; cut < 20; cut++ {
					check("cut", c.in[:cut], c.in[cut:])
					check("cut", c.in[:len(c.in)-cut], c.in[len(c.in)-cut:])
				}
				return
			}
			var octets []string
			for i := range len(c.in) {
				octets = append(octets, c.in[i:i+1])
			}
			check("octets", octets...)
			for i := range len(c.in) {
				check("cut", c.in[:i], c.in[i:])
			}
		})
	}
}

// An idle framing holds nothing, also after fragments and cuts.
func TestWSFramingHoldsNothing(t *testing.T) {
	f := newWSFraming(msg.Limits{}, false, nil)
	in := masked(0x01, pad(3000)) + masked(0x80, pad(3000)) + masked(0x89, "x") + masked(0x81, pad(100))
	for i := range len(in) {
		_, _, err := cutFrames(f, in[i:i+1])
		require.NoError(t, err)
	}
	require.Zero(t, f.Buffered())
	require.Nil(t, f.in)
	require.Nil(t, f.kept)
	require.Nil(t, f.whole)
	require.Nil(t, f.out)
}

// What one end wraps the other unwraps, text where it can be.
func TestWSWrap(t *testing.T) {
	for _, s := range []string{"\r\n", "a", pad(125), pad(126), pad(1<<16 - 1), pad(1 << 16), "\xff\xfe", "é"} {
		for _, client := range []bool{true, false} {
			out := newWSFraming(msg.Limits{}, client, rand.Reader)
			in := newWSFraming(msg.Limits{}, !client, rand.Reader)
			b := out.wrap(nil, []byte(s))
			require.Equal(t, s == "\xff\xfe", opcode(b[0]&opcodeBits) == opBinary)
			require.Equal(t, client, b[1]&maskBit != 0)
			got, _, err := cutFrames(in, string(b))
			require.NoError(t, err)
			require.Len(t, got, 1)
			if s != "\r\n" {
				require.Equal(t, s, got[0].Text)
			}
			ping, answers, err := cutFrames(in, string(out.ping(nil)))
			require.NoError(t, err)
			require.Equal(t, msg.FramePing, ping[0].Kind)
			back, _, err := cutFrames(out, answers)
			require.NoError(t, err)
			require.Equal(t, msg.FramePong, back[0].Kind)
		}
	}
}

func TestWSMask(t *testing.T) {
	for size := range 40 {
		for offset := range uint64(9) {
			want := make([]byte, size)
			for i := range want {
				want[i] = testMask[(offset+uint64(i))%4]
			}
			got := make([]byte, size)
			applyMask(got, binary.LittleEndian.Uint32([]byte(testMask)), offset)
			require.Equal(t, want, got)
		}
	}
}

// How a connection ends says the close frame (RFC 6455 section 7.4.1).
func TestWSFarewell(t *testing.T) {
	for _, c := range []struct {
		reason error
		code   int
		wait   bool
	}{
		{ErrClosed, 1000, true},
		{ErrIdle, 1001, true},
		{ErrShed, 1013, true},
		{ErrMessageTimeout, 1008, true},
		{&framingError{ErrNoise}, 1003, true},
		{&framingError{errPanic}, 1011, true},
		{&framingError{violation(WebSocketTooBig, "message too big")}, 1009, true},
		{&WebSocketError{Code: 4711, Remote: true}, 4711, false},
		{&WebSocketError{Code: WebSocketNoStatus, Remote: true}, 0, false},
		{io.EOF, -1, false},
		{io.ErrUnexpectedEOF, -1, false},
		{ErrWriteTimeout, -1, false},
	} {
		f := newWSFraming(msg.Limits{}, false, nil)
		last, wait := f.farewell(c.reason)
		require.Equal(t, c.wait, wait, c.reason)
		again, _ := f.farewell(c.reason)
		require.Empty(t, again, "only one close frame is sent")
		switch {
		case c.code < 0:
			require.Empty(t, last, c.reason)
			continue
		case c.code == 0:
			require.Equal(t, "\x88\x00", string(last))
			continue
		}
		require.Equal(t, byte(0x88), last[0])
		require.Equal(t, c.code, int(binary.BigEndian.Uint16(last[2:])), c.reason)
	}
	f := newWSFraming(msg.Limits{}, true, rand.Reader)
	_, wait := f.farewell(&WebSocketError{Code: 1000, Remote: true})
	require.True(t, wait, "the server ends the connection")
}

// FuzzWSFraming: whatever comes and however it is cut, the same frames come
// out, within the limit and with nothing kept behind an error.
func FuzzWSFraming(f *testing.F) {
	for _, s := range []string{
		masked(0x81, "Hello"), masked(0x01, "a") + masked(0x89, "p") + masked(0x80, "b"), masked(0x88, "\x03\xe8bye"),
		masked(0x82, pad(300)), "\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", masked(0x81, "\r\n\r\n"), wsFrame(0x81, "", "x"),
	} {
		f.Add(s, false, uint8(3))
	}
	limits := msg.Limits{StartLine: 100, Headers: 100, Body: 100}
	f.Fuzz(func(t *testing.T, in string, client bool, cut uint8) {
		whole := newWSFraming(limits, client, bytes.NewReader(nil))
		want, wantOut, wantErr := cutFrames(whole, in)
		var pieces []string
		for n := 1 + int(cut)%17; len(in) > 0; {
			n = min(n, len(in))
			pieces, in = append(pieces, in[:n]), in[n:]
		}
		f := newWSFraming(limits, client, bytes.NewReader(nil))
		got, out, err := cutFrames(f, pieces...)
		require.Equal(t, want, got)
		require.Equal(t, wantOut, out)
		require.Equal(t, wantErr, err)
		require.Equal(t, whole.Buffered() > 0, f.Buffered() > 0)
		require.LessOrEqual(t, len(f.whole), int(messageLimit(limits)))
		require.LessOrEqual(t, len(f.in), maxFrameHead+maxControl)
		for _, frame := range got {
			require.LessOrEqual(t, len(frame.Text), int(messageLimit(limits)))
		}
	})
}
