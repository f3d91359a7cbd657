package msg

import (
	"bytes"

	"github.com/gosofia/sofia/internal/scan"
)

// FrameKind tells what a [Frame] is.
type FrameKind uint8

// The kinds of frames.
const (
	// FrameMessage is a whole message in Text, for [Parse].
	FrameMessage FrameKind = iota + 1
	// FramePing is the second of two CRLF that follow each other between
	// messages: the double CRLF that asks for a CRLF in return (RFC 5626
	// section 4.4.1).
	FramePing
	// FramePong is a CRLF between messages. It is the answer to a ping, or the
	// first half of one: what it is cannot be told before the next octet, and
	// the one who waits for it cannot wait. So a ping is seen as FramePong and
	// then FramePing, however the stream is cut; who has no ping open ignores
	// the first.
	FramePong
)

// Frame is one piece of a stream.
type Frame struct {
	Kind FrameKind // what it is
	Text string    // the message, "" for pings and pongs

	// Exchange is what a response answers, as [Framer.Expect] was told it: parse
	// the Text of a class with a body rule of its own with its Parse.
	Exchange Exchange
}

// Framer cuts a stream into messages. It gives the same frames and the same
// error however the octets arrive, in time linear in their number. It never
// buffers more than has arrived, and it has no buffer between messages. A
// Framer is for one goroutine at a time.
type Framer struct {
	class *Class
	lim   Limits
	buf   []byte
	lent  bool // buf belongs to the caller of Lend
	r     int  // what is before has been taken
	err   error
	half  bool // one CRLF has been seen between messages

	// Progress within the message at r. Positions count from r.
	line   int // start of the line that is searched for its end
	seen   int // up to here there is no line end
	field  int // start of the header field that line belongs to
	first  int // end of the start line, 0 while there is none
	lines  int
	head   int // end of the head with the empty line, 0 while not found
	length int // octets of the body, once head is known

	bodyState
}

// NewFramer returns a Framer for messages of class c.
func NewFramer(c *Class, lim Limits) *Framer {
	return &Framer{class: c, lim: lim.resolved()}
}

// Feed takes octets from the stream. It copies b. After an error of Next it
// returns that error and takes nothing. Call Next until it returns
// ErrIncomplete before feeding more, so that what is buffered stays within the
// limits and one read.
func (f *Framer) Feed(b []byte) error {
	if f.err != nil {
		return f.err
	}
	f.own(len(b))
	if f.r > 0 && len(f.buf)+len(b) > cap(f.buf) && f.r >= len(f.buf)/2 {
		f.buf = f.buf[:copy(f.buf, f.buf[f.r:])]
		f.r = 0
	}
	f.buf = append(f.buf, b...)
	return nil
}

// Lend is Feed without the copy: b must stay as it is until Next has returned an
// error, be it ErrIncomplete. What is then left over is copied.
func (f *Framer) Lend(b []byte) error {
	if len(f.buf) > 0 {
		return f.Feed(b)
	}
	if f.err != nil {
		return f.err
	}
	f.buf, f.r, f.lent = b, 0, len(b) > 0
	return nil
}

// own copies what was lent, with room for more octets.
func (f *Framer) own(more int) {
	if !f.lent {
		return
	}
	f.lent = false
	rest := f.buf[f.r:]
	f.buf, f.r = nil, 0
	if len(rest) > 0 {
		f.buf = append(make([]byte, 0, len(rest)+more), rest...)
	}
}

// Buffered returns how many octets wait for more to come.
func (f *Framer) Buffered() int { return len(f.buf) - f.r }

// Next returns the next frame, or [ErrIncomplete] if more octets are needed.
// Any other error is a *[SyntaxError] and ends the stream: where the next
// message begins is not known (RFC 3261 section 18.3). The Text of the frame is
// then what was read of the head, so that a request can be answered before the
// connection is closed; it is "" if that makes no sense. The error stays.
func (f *Framer) Next() (Frame, error) {
	fr, err := f.next()
	if err != nil {
		f.own(0)
	}
	if f.ended && err == ErrIncomplete {
		return f.last()
	}
	return fr, err
}

func (f *Framer) next() (Frame, error) {
	if f.err != nil {
		return Frame{}, f.err
	}
	if f.r == len(f.buf) {
		f.buf, f.r = nil, 0 // an idle stream holds no memory
		return Frame{}, ErrIncomplete
	}
	if f.line == 0 && f.first == 0 {
		if f.class.grammar.Body != nil {
			f.blanks()
			if f.r == len(f.buf) {
				return Frame{}, ErrIncomplete
			}
		}
		if kind, done := f.keepAlive(); done {
			if kind == 0 {
				return Frame{}, ErrIncomplete
			}
			return Frame{Kind: kind}, nil
		}
	}
	if f.head == 0 {
		if err := f.scan(); err != nil {
			return f.fail(err)
		}
	}
	if f.head != 0 && f.class.grammar.Body != nil {
		if err := f.body(); err != nil {
			return f.fail(err)
		}
	}
	if f.head == 0 || f.open || f.Buffered() < f.head+f.length {
		return Frame{}, ErrIncomplete
	}
	return f.message(f.head + f.length), nil
}

// message takes a message of n octets.
func (f *Framer) message(n int) Frame {
	fr := Frame{Kind: FrameMessage, Text: string(f.buf[f.r : f.r+n])}
	if f.class.grammar.Body != nil {
		f.answered(&fr)
	}
	f.take(n)
	return fr
}

func (f *Framer) fail(err error) (Frame, error) {
	if err == ErrIncomplete {
		return Frame{}, err
	}
	f.err = err
	// Whole lines only: the rest of a head that was cut means nothing.
	t := string(f.buf[f.r : f.r+max(f.head, f.line)])
	f.buf, f.r = nil, 0
	if t == "" {
		return Frame{}, err
	}
	return Frame{Kind: FrameMessage, Text: t}, err
}

// take removes n octets and starts over.
func (f *Framer) take(n int) {
	f.r += n
	f.half = false
	f.line, f.seen, f.field, f.first, f.lines, f.head, f.length = 0, 0, 0, 0, 0, 0, 0
	if f.r == len(f.buf) {
		f.buf, f.r = nil, 0
	}
}

// keepAlive takes a CRLF between messages (RFC 5626 section 4.4.1, RFC 3261
// section 7.5); done is false if a message begins.
func (f *Framer) keepAlive() (kind FrameKind, done bool) {
	b := f.buf[f.r:]
	if b[0] != '\r' {
		return 0, false
	}
	if len(b) == 1 {
		return 0, true
	}
	if b[1] != '\n' {
		return 0, false
	}
	half := f.half
	f.take(2)
	if f.half = !half; f.half {
		return FramePong, true
	}
	return FramePing, true
}

// scan goes on looking for the end of the head, line by line.
func (f *Framer) scan() error {
	b := f.buf[f.r:]
	for f.head == 0 {
		i := bytes.IndexByte(b[f.seen:], '\n')
		end := len(b) // of the line, as far as it has come
		if i >= 0 {
			end = f.seen + i + 1
		}
		if err := f.limits(b, end); err != nil {
			return err
		}
		if i < 0 {
			f.seen = end
			return nil
		}
		line := b[f.line:end]
		if len(line) < 2 || bytes.IndexByte(line, '\r') != len(line)-2 {
			return &SyntaxError{Offset: f.line, Err: ErrLineEnd}
		}
		switch {
		case f.first == 0:
			f.first, f.field = end, end
		case len(line) == 2:
			f.head = end
		default:
			f.lines++
		}
		f.line, f.seen = end, end
	}
	if f.class.grammar.Body != nil {
		return f.rule(string(b[:f.head]))
	}
	return f.measure(b[:f.head])
}

// limits checks what has come of the line that begins at f.line and goes to end.
func (f *Framer) limits(b []byte, end int) error {
	if f.first == 0 {
		if end-2 > f.lim.StartLine {
			return &SyntaxError{Offset: 0, Err: ErrStartLineTooLong}
		}
		return nil
	}
	if f.line < len(b) && b[f.line] != ' ' && b[f.line] != '\t' {
		f.field = f.line
	}
	if end-f.line <= 2 && f.line < len(b) && b[f.line] == '\r' {
		end = f.line // the empty line is no header field
	}
	// The limit that is passed first is the one to tell: another cut of the
	// stream would have shown nothing else.
	long, large := end-f.field > f.lim.Header, end-f.first > f.lim.Headers
	largeFirst := f.lim.Headers-f.lim.Header < f.field-f.first
	switch {
	case f.lines > f.lim.Lines, large && (!long || largeFirst):
		return &SyntaxError{Offset: f.line, Err: ErrHeadTooLarge}
	case long:
		return &SyntaxError{Offset: f.field, Err: ErrHeaderTooLong}
	}
	return nil
}

// measure finds the length of the body. There must be exactly one
// Content-Length, of digits only: whoever reads another length than the sender
// meant takes part of a body for a message.
func (f *Framer) measure(head []byte) error {
	found := false
	for i := f.first; i < len(head); {
		lo, next := i, i
		for {
			next += bytes.IndexByte(head[next:], '\n') + 1
			if next == len(head) || head[next] != ' ' && head[next] != '\t' {
				break
			}
		}
		line := head[lo:next]
		i = next
		if c := scan.Lower(line[0]); c != 'c' && c != 'l' {
			continue
		}
		n := 0
		for scan.IsTokenChar(line[n]) {
			n++
		}
		if n > len("Content-Length") || f.class.lookup(string(line[:n])) != IDContentLength {
			continue
		}
		j := n
		for line[j] == ' ' || line[j] == '\t' {
			j++
		}
		fail := func(err error) error { return &SyntaxError{Offset: lo, Header: "Content-Length", Err: err} }
		if line[j] != ':' {
			return fail(ErrFieldName)
		}
		if found {
			return fail(ErrDouble)
		}
		found = true
		v, _, ok := scan.Uint(string(bytes.Trim(line[j+1:], " \t\r\n")), noLimit)
		if !ok {
			return fail(ErrLength)
		}
		if v > uint64(f.lim.Body) || v == noLimit {
			return fail(ErrBodyTooLarge)
		}
		f.length = int(v)
	}
	if !found { // RFC 3261 section 20.14
		return &SyntaxError{Offset: 0, Header: "Content-Length", Err: ErrNoLength}
	}
	return nil
}
