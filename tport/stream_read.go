package tport

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/gosofia/sofia/msg"
)

// errFraming marks the end of a connection on which it is no longer known
// where a message begins.
var errFraming = errors.New("framing lost")

// errPanic is what a peer's octets must never cause.
var errPanic = errors.New("panic while reading; please report it")

// framingError is why.
type framingError struct{ err error }

func (e *framingError) Error() string        { return errFraming.Error() + ": " + e.err.Error() }
func (e *framingError) Unwrap() error        { return e.err }
func (e *framingError) Is(target error) bool { return target == errFraming }

// pong answers a ping (RFC 5626 section 4.4.1).
const pong = "\r\n"

// read reads until the connection is to end, and returns why. It waits with
// little on its stack, and without a buffer unless a message is under way on a
// connection that has no descriptor.
func (s *stream) read() error {
	s.spoke = false
	return s.readOn(false)
}

// warmStack is more than a quarter of the stack that a message needs, which is
// what keeps the collector from shrinking it.
const warmStack = 5 << 10

// readWarm goes on once a message has come, and until the connection is quiet:
// the stack that the message has grown is then not shrunk, and grown again by the
// next. At 1,000 busy connections that was a tenth of the CPU time.
//
//go:noinline
func (s *stream) readWarm() error {
	var room [warmStack]byte
	err := s.readOn(true)
	runtime.KeepAlive(&room)
	return err
}

func (s *stream) readOn(warm bool) error {
	for {
		mid := s.mid()
		if err := s.arm(mid); err != nil {
			return err
		}
		b, n, err := s.input(mid)
		if n > 0 {
			if err := s.consume(b, n, s.seal != nil); err != nil {
				return err
			}
		} else if b != nil {
			s.t.inputs.put(b)
		}
		if err == nil {
			if s.spoke && !warm {
				return s.readWarm()
			}
			continue
		}
		if !timedOut(err) {
			return readError(err, mid)
		}
		if err := s.expired(mid); err != nil {
			return err
		}
	}
}

// readEarly takes what had come before the connection was a stream.
func (s *stream) readEarly() error {
	for len(s.early) > 0 && s.open() {
		b := s.t.inputs.get()
		n := copy(b.b, s.early)
		s.early = s.early[n:]
		if err := s.consume(b, n, false); err != nil {
			return err
		}
	}
	s.early = nil
	if s.seal == nil || s.seal.begun || !s.open() {
		return nil // arm returns the reason
	}
	s.seal.begun = true
	return s.consume(s.t.inputs.get(), 0, true) // what came right behind the handshake
}

// mid reports whether a message or a part of one is under way.
func (s *stream) mid() bool {
	return s.frames.Buffered() > 0 || s.seal != nil && s.seal.partial()
}

// input waits for octets. b belongs to the caller where it is not nil.
func (s *stream) input(mid bool) (b *buffer, n int, err error) {
	if s.raw != nil {
		return s.raw.read()
	}
	if !mid {
		// One octet tells that there is more, at no cost while there is not.
		n, err = s.conn.Read(s.one[:])
		return nil, n, err
	}
	b = s.t.inputs.get()
	n, err = s.conn.Read(b.b)
	return b, n, err
}

// consume takes what was read, sealed or in clear, and delivers every message
// that is whole. The error ends the connection, as does a panic: nobody knows then
// where the framer stands. (One above us is recovered in deliver.)
func (s *stream) consume(b *buffer, n int, sealed bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.t.panicked(r)
			err = &framingError{errPanic}
		}
	}()
	at := time.Now()
	s.deep.Store(true)
	if k := s.keep.Load(); k != nil {
		k.heard = at.Sub(s.t.epoch)
	}
	octets := s.one[:]
	if b != nil {
		octets = b.b[:n]
		defer s.t.inputs.put(b)
	}
	if sealed {
		return s.unseal(octets, at)
	}
	return s.feed(octets, at)
}

// feed gives the framer octets in clear and delivers every message that is whole.
func (s *stream) feed(octets []byte, at time.Time) error {
	fresh := s.frames.Buffered() == 0
	broken := feed(s.frames, octets)
	defer s.accountPartial()
	for {
		frame, err := s.frames.Next()
		s.answer()
		if errors.Is(err, msg.ErrIncomplete) {
			err = broken
			if err == nil {
				break
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) { // the peer has said that it ends
				return err
			}
			return s.refuse(frame, err, at)
		}
		fresh = fresh || s.wrap == nil || frame.Kind == msg.FrameMessage // pings may stand in a message
		if err := s.frame(frame, at); err != nil {
			return err
		}
		if !s.open() {
			return nil // arm returns the reason
		}
	}
	if fresh {
		s.begun = at.Sub(s.t.epoch) + s.paused
		s.paused = 0
	}
	return nil
}

// feed gives octets to a framing, without a copy where it can do without.
func feed(frames framing, octets []byte) error {
	if f, ok := frames.(*msg.Framer); ok {
		return f.Lend(octets)
	}
	return frames.Feed(octets)
}

// answer sends what the framing owes the peer. Where the queue is full it is
// lost: nobody who does not read can wait for it.
func (s *stream) answer() {
	if s.wrap == nil {
		return
	}
	if b := s.wrap.answers(); len(b) > 0 {
		_ = s.put(b, true)
	}
}

// frame handles one message or keep-alive.
func (s *stream) frame(frame msg.Frame, at time.Time) error {
	switch frame.Kind {
	case msg.FramePing:
		if s.wrap == nil && s.ponged() {
			// The second CRLF of two pongs, one for each ping.
			s.t.count.pongs.Add(1)
			octets(s.t, false, OctetsKeepAlive, s.flow.key, pong, at)
			return nil
		}
		s.touch()
		s.t.count.pings.Add(1)
		octets(s.t, false, OctetsKeepAlive, s.flow.key, pong+pong, at)
		if s.wrap != nil { // it has answered by itself
			return nil
		}
		if s.send([]byte(pong)) == nil { // a full queue is itself a sign of life to come
			octets(s.t, true, OctetsKeepAlive, s.flow.key, pong, at)
		}
		return nil
	case msg.FramePong:
		s.ponged()
		s.t.count.pongs.Add(1)
		octets(s.t, false, OctetsKeepAlive, s.flow.key, pong, at)
		return nil
	}
	s.touch()
	if !s.takeTurn() {
		return nil
	}
	m, err := msg.Parse(s.class, frame.Text, s.t.cfg.Limits)
	if m == nil {
		// The start line is no such thing: what follows it is anybody's guess.
		octets(s.t, false, OctetsNoise, s.flow.key, frame.Text, at)
		return s.noise(len(frame.Text), err)
	}
	octets(s.t, false, OctetsMessage, s.flow.key, frame.Text, at)
	if err == nil && s.wrap != nil && trailing(frame.Text, m) {
		err = ErrTrailing
	}
	s.deliver(m, err, false, at)
	return nil
}

// trailing reports whether more than empty lines follows a message in text.
func trailing(text string, m *msg.Message) bool {
	text = strings.TrimLeft(text, "\r\n")
	return len(text) > m.Len() && strings.Trim(text[m.Len():], "\r\n") != ""
}

// refuse delivers the head that broke the framing, so that it can be answered
// with a 400, and ends the connection.
func (s *stream) refuse(frame msg.Frame, broken error, at time.Time) error {
	if frame.Text == "" {
		return s.noise(s.frames.Buffered(), broken)
	}
	m, err := msg.Parse(s.class, frame.Text, s.t.cfg.Limits)
	if m == nil {
		octets(s.t, false, OctetsNoise, s.flow.key, frame.Text, at)
		return s.noise(len(frame.Text), errors.Join(broken, err))
	}
	octets(s.t, false, OctetsMessage, s.flow.key, frame.Text, at)
	s.deliver(m, broken, true, at)
	return &framingError{broken}
}

// noise counts and traces input that cannot be answered.
func (s *stream) noise(size int, err error) error {
	if err == nil {
		err = ErrNoise
	}
	key := s.flow.key
	s.t.drop(&s.t.count.noise, Drop{Proto: key.Proto, From: key.Remote, To: key.Local, Size: size, Err: err})
	return &framingError{err}
}

func (s *stream) deliver(m *msg.Message, err error, fatal bool, at time.Time) {
	s.spoke = true
	key := s.flow.key
	s.t.deliver(&Delivery{
		Msg: m, Err: err, Fatal: fatal, Flow: &s.flow,
		From: key.Remote, To: key.Local, TLS: s.flow.TLS(), Identities: s.flow.Identities(), At: at,
	})
}
