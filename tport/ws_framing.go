package tport

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/gosofia/sofia/msg"
)

// wsFraming cuts a stream of WebSocket frames into messages (RFC 6455
// section 5): one SIP message is one WebSocket message (RFC 7118 section 5). It
// answers pings and the close of the peer. It holds nothing while no message is
// under way.
type wsFraming struct {
	client bool      // we are the client: what goes out is masked
	rand   io.Reader // of masks
	limit  uint64    // octets of one message

	in      []byte // not read yet: lent by Feed, or the start of kept
	kept    []byte
	whole   []byte // what has come of the message, apart from in
	op      opcode // of the message; opContinuation while there is none
	payload bool   // head is that of a data frame whose payload is being read
	head    frameHead
	done    uint64 // octets of that payload that were read

	out    []byte
	err    error
	closed atomic.Bool // a close frame has gone out
}

var (
	pingText = []byte("\r\n\r\n")
	pongText = []byte(pong)
)

func newWSFraming(limits msg.Limits, client bool, rand io.Reader) *wsFraming {
	return &wsFraming{client: client, rand: rand, limit: messageLimit(limits)}
}

// messageLimit is the most octets a message within limits has.
func messageLimit(l msg.Limits) uint64 {
	const crlfs = 64 // start line, empty line, and blank lines before them
	sum := uint64(crlfs)
	for _, part := range []struct{ limit, or int }{
		{l.StartLine, msg.DefaultStartLine}, {l.Headers, msg.DefaultHeaders}, {l.Body, msg.DefaultBody},
	} {
		switch {
		case part.limit < 0:
			return 1<<31 - 1 // as package msg has it
		case part.limit == 0:
			sum += uint64(part.or)
		default:
			sum += uint64(part.limit)
		}
	}
	return min(sum, 1<<31-1)
}

// Feed takes octets of the stream. They are read where they lie.
func (f *wsFraming) Feed(b []byte) error {
	if f.err != nil {
		return f.err
	}
	if len(f.in) == 0 {
		f.in = b
		return nil
	}
	f.kept = append(f.in, b...) // what is left is at most a head or a control frame
	f.in = f.kept
	return nil
}

// Buffered returns how much of a message is under way, at least 1 if one is.
func (f *wsFraming) Buffered() int {
	n := len(f.in) + len(f.whole)
	if n == 0 && (f.op != opContinuation || f.payload) {
		return 1
	}
	return n
}

// Next returns the next message or keep-alive, msg.ErrIncomplete if there is
// none yet, and the same error for ever once there is another: a
// *WebSocketError.
func (f *wsFraming) Next() (msg.Frame, error) {
	for f.err == nil {
		frame, more, err := f.step()
		switch {
		case err != nil:
			f.fail(err)
		case frame.Kind != 0:
			return frame, nil
		case !more:
			f.keep()
			return msg.Frame{}, msg.ErrIncomplete
		}
	}
	return msg.Frame{}, f.err
}

func (f *wsFraming) fail(err error) {
	f.err, f.in, f.kept, f.whole, f.payload, f.op = err, nil, nil, nil, false, opContinuation
}

// keep takes what is left out of the lent octets.
func (f *wsFraming) keep() {
	switch {
	case len(f.in) == 0:
		f.in, f.kept = nil, nil
	case cap(f.kept) == 0 || &f.in[:1][0] != &f.kept[:1][0]:
		f.kept = append([]byte(nil), f.in...)
		f.in = f.kept
	}
}

// step reads a head with what belongs to it, or a piece of payload. more
// reports that it has got further.
func (f *wsFraming) step() (frame msg.Frame, more bool, err error) {
	if f.payload {
		return f.data()
	}
	h, n, err := readFrameHead(f.in)
	if err != nil || n == 0 {
		return frame, false, err
	}
	switch {
	case h.masked == f.client: // section 5.1
		return frame, false, violation(WebSocketProtocolError, "only a client masks")
	case h.op.control():
		if uint64(len(f.in)-n) < h.size {
			return frame, false, nil
		}
		body := f.in[n : n+int(h.size)]
		f.in = f.in[n+int(h.size):]
		applyMask(body, h.mask, 0)
		frame, err = f.control(h.op, body)
		return frame, true, err
	case (h.op == opContinuation) != (f.op != opContinuation): // section 5.4
		return frame, false, violation(WebSocketProtocolError, "fragment out of order")
	case h.size > f.limit-uint64(len(f.whole)):
		return frame, false, violation(WebSocketTooBig, "message too big")
	}
	if h.op != opContinuation {
		f.op = h.op
	}
	f.in, f.head, f.payload, f.done = f.in[n:], h, true, 0
	return f.data()
}

// data reads payload. A message that is whole in one piece is copied once.
func (f *wsFraming) data() (frame msg.Frame, more bool, err error) {
	n := min(uint64(len(f.in)), f.head.size-f.done)
	piece := f.in[:n]
	f.in = f.in[n:]
	applyMask(piece, f.head.mask, f.done)
	f.done += n
	if f.done < f.head.size {
		f.whole = append(f.whole, piece...)
		return frame, false, nil
	}
	f.payload = false
	if !f.head.final {
		f.whole = append(f.whole, piece...)
		return frame, true, nil
	}
	if len(f.whole) > 0 {
		piece = append(f.whole, piece...)
	}
	op := f.op
	f.op, f.whole = opContinuation, nil
	if op == opText && !utf8.Valid(piece) { // section 8.1
		return frame, false, violation(WebSocketInvalidText, "text is not UTF-8")
	}
	return f.message(piece), true, nil
}

// message tells a message from a CRLF keep-alive (RFC 7118 section 6, RFC 5626
// section 4.4.1). An empty one means nothing.
func (f *wsFraming) message(b []byte) msg.Frame {
	text := string(b)
	switch {
	case text == string(pingText):
		f.out = f.wrap(f.out, pongText)
		return msg.Frame{Kind: msg.FramePing}
	case strings.Trim(text, "\r\n") == "":
		return msg.Frame{Kind: msg.FramePong}
	}
	return msg.Frame{Kind: msg.FrameMessage, Text: text}
}

// control handles a control frame.
func (f *wsFraming) control(op opcode, body []byte) (msg.Frame, error) {
	switch op {
	case opPing:
		f.out = f.frame(f.out, opPong, body) // with the same payload: section 5.5.3
		return msg.Frame{Kind: msg.FramePing}, nil
	case opPong:
		return msg.Frame{Kind: msg.FramePong}, nil
	}
	return msg.Frame{}, readClose(body)
}

// wrap appends a message as a frame of its own.
func (f *wsFraming) wrap(dst, b []byte) []byte { return f.frame(dst, dataOpcode(b), b) }

// ping appends a ping (RFC 7118 section 6).
func (f *wsFraming) ping(dst []byte) []byte { return f.frame(dst, opPing, nil) }

// answers returns the pongs that are owed.
func (f *wsFraming) answers() []byte {
	out := f.out
	f.out = nil
	return out
}

// farewell returns a close frame, the answer to that of the peer if it has sent
// one. The peer then ends the connection if it is the server, or in answer to
// ours (RFC 6455 section 7.1.1).
func (f *wsFraming) farewell(reason error) ([]byte, bool) {
	if f.closed.Swap(true) || !f.alive(reason) {
		return nil, false
	}
	var own *WebSocketError
	answered := errors.As(reason, &own) && own.Remote
	return f.frame(nil, opClose, closePayload(reason)), !answered || f.client
}

// alive reports whether the connection can carry a close frame when it ends for
// reason: not if it has failed, or the peer has ended it without one.
func (f *wsFraming) alive(reason error) bool {
	var own *WebSocketError
	if errors.As(reason, &own) {
		return true
	}
	for _, e := range []error{ErrClosed, ErrIdle, ErrMessageTimeout, ErrShed, errFraming} {
		if errors.Is(reason, e) {
			return true
		}
	}
	return false
}

// frame appends a frame, masked if we are the client.
func (f *wsFraming) frame(dst []byte, op opcode, b []byte) []byte {
	if !f.client {
		return appendFrame(dst, op, 0, false, b)
	}
	var mask [4]byte
	_, _ = io.ReadFull(f.rand, mask[:]) // crypto/rand does not fail; any mask is read alike
	return appendFrame(dst, op, binary.LittleEndian.Uint32(mask[:]), true, b)
}
