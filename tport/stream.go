package tport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gosofia/sofia/msg"
)

// streamState is where a connection is in its life. It only ever grows.
type streamState uint8

const (
	// streamOpen reads and takes messages to send.
	streamOpen streamState = iota
	// streamClosing takes nothing more; what is queued goes out, until
	// flushTime has passed.
	streamClosing
	// streamDead does nothing more but end its goroutines.
	streamDead
)

const (
	// flushTime is how long a closing connection may take to send its queue.
	flushTime = 5 * time.Second
	// lingerTime and lingerBytes bound how long we read on, only to throw away,
	// after an answer to broken framing: closing with input unread resets the
	// connection, and the peer may then never see the answer.
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
	// settleTime is how long a connection must be quiet before its reader gives
	// up a stack that has grown: the runtime never shrinks one of 4 kB, which
	// is most of what an idle connection costs.
	settleTime = 10 * time.Second
)

// errSettle has the reader go on as a fresh goroutine.
var errSettle = errors.New("connection is quiet")

// stream is one connection. One goroutine reads it and lives as long as it;
// another writes, only while something is queued.
type stream struct {
	flow     Flow
	t        *Transport
	class    *msg.Class
	conn     net.Conn
	outer    *outerTLS  // a TLS layer that is not ours
	seal     *sealed    // the TLS layer, nil without
	raw      *rawStream // nil where conn has no descriptor to try on
	frames   framing
	wrap     wrapping // frames, where it is one
	early    []byte   // input that came before the stream; of the reader alone
	accepted bool
	reuse    []poolKey    // how a dialled connection is found again; of Transport.mu
	source   netip.Prefix // whose an accepted connection is

	active   atomic.Int64 // when it last carried something, on the transport's clock
	buffered atomic.Int64 // octets in the message under way and the queue
	keep     atomic.Pointer[keeping]

	// Of the reader goroutine alone.
	paused  time.Duration // how long the message under way was put off
	partial int           // octets of the message under way, as far as accounted for
	begun   time.Duration // when the message under way began
	deep    atomic.Bool   // its stack has grown
	spoke   bool          // a message has come to this goroutine
	one     [1]byte

	// Of Transport.mu: its place in the heap of idle connections.
	place  int
	stamp  int64  // active, when it was put there
	turn   uint64 // when that was
	doomed int64  // octets that its end will free

	mu      sync.Mutex // never held over anything that waits
	state   streamState
	err     error
	done    chan struct{} // made when asked for
	queue   []parcelOut
	octets  int
	writing chan struct{} // open while a goroutine writes the queue; nil otherwise
	flushBy time.Time     // bounds every write of a closing connection
	waiting chan struct{} // closed when the stream stops being open; nil unless someone waits

	deadline time.Duration // the read deadline in force, 0 for none
	holds    int           // how often it is held, watches included
	watches  map[*watch]struct{}
}

func newStream(t *Transport, l link, class *msg.Class, p *Primary, proto string) *stream {
	s := &stream{
		t: t, class: class, conn: l.conn, seal: l.seal, frames: l.frames,
		accepted: p != nil, raw: newRawStream(l.conn, t.inputs), early: l.early,
	}
	s.wrap, _ = l.frames.(wrapping)
	remote := l.remote
	if !remote.IsValid() {
		remote = addrPortOf(l.conn.RemoteAddr())
	}
	s.flow = Flow{
		key: Key{
			Proto: proto, Serial: t.nextSerial(),
			Local: addrPortOf(l.conn.LocalAddr()), Remote: remote,
		},
		primary: p, stream: s,
	}
	if l.tls != nil {
		s.outer = newOuterTLS(l.tls)
	}
	if s.seal != nil {
		s.flow.key.Name = s.seal.proved
		s.seal.attach(s)
	}
	s.touch()
	return s
}

// touch notes that the connection carried something.
func (s *stream) touch() { s.active.Store(int64(s.t.now())) }

// busy reports whether the connection must not be closed as idle.
func (s *stream) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.holds > 0 || s.writing != nil
}

func (s *stream) doneChan() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.ended() {
			close(s.done)
		}
	}
	return s.done
}

// ended reports whether finish has run to its end. The caller holds mu.
func (s *stream) ended() bool { return s.conn == nil }

func (s *stream) reason() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wrap("close", s.flow.key, s.err)
}

func (s *stream) open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == streamOpen
}

// past is a deadline that has passed: it wakes whoever waits, without waiting
// for it, as closing the connection might.
var past = time.Unix(1, 0)

// shut begins the orderly end: the reader wakes and finishes the connection.
func (s *stream) shut(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == streamOpen {
		s.closing(reason)
		_ = s.conn.SetReadDeadline(past)
	}
}

// closing moves to streamClosing. The caller holds mu.
func (s *stream) closing(reason error) {
	s.state, s.err = streamClosing, reason
	s.stopWaiting()
	s.flushBy = time.Now().Add(flushTime)
	if s.writing != nil {
		_ = s.conn.SetWriteDeadline(s.flushBy)
	}
}

// kill ends the connection at once: what is queued is lost.
func (s *stream) kill(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.die(reason)
}

// die moves to streamDead. The caller holds mu.
func (s *stream) die(reason error) {
	if s.state == streamDead {
		return
	}
	s.state = streamDead
	if s.err == nil {
		s.err = reason
	}
	s.stopWaiting()
	s.account(-s.octets)
	s.queue, s.octets = nil, 0
	if !s.ended() {
		_ = s.conn.SetDeadline(past)
	}
}

// serve is the goroutine of the connection.
func (s *stream) serve() {
	t := s.t
	t.log.Debug("flow opened", "flow", &s.flow, "accepted", s.accepted)
	if t.cfg.Trace.FlowOpened != nil {
		t.guard(func() { t.cfg.Trace.FlowOpened(&s.flow, s.accepted) })
	}
	s.deep.Store(true) // it has gone through accepting or dialling
	if err := s.readEarly(); err != nil {
		s.finish(err)
		return
	}
	s.resume()
}

// resume reads on until the connection ends, or a fresh goroutine takes over.
func (s *stream) resume() {
	switch reason := s.read(); reason {
	case errSettle:
		s.t.spawn(s.resume)
	default:
		s.finish(reason)
	}
}

// finish ends the connection once its reader has stopped: it lets the queue
// out, closes, and tells.
func (s *stream) finish(reason error) {
	s.mu.Lock()
	if s.state == streamOpen {
		s.closing(reason)
	}
	s.mu.Unlock()
	wait := s.farewell()
	s.mu.Lock()
	writing := s.writing
	s.mu.Unlock()
	if writing != nil {
		<-writing // bounded by flushBy; kill cuts it short
	}
	if wait || errors.Is(reason, errFraming) {
		s.linger()
	}
	s.hangUp()

	s.mu.Lock()
	s.die(reason)
	s.conn = nil
	if s.holds > 0 {
		s.t.held.Add(-1)
	}
	if s.done != nil {
		close(s.done)
	}
	err := s.err
	s.mu.Unlock()
	s.account(-s.partial)
	s.partial = 0
	s.t.forget(s)
	s.tell(err)
}

// hangUp closes the connection. That of package tls waits for seconds for a peer
// that reads nothing, so that it can say goodbye: a connection that is killed
// has what lies below closed first.
func (s *stream) hangUp() {
	s.mu.Lock()
	dead := s.state == streamDead
	s.mu.Unlock()
	if c, ok := s.conn.(interface{ NetConn() net.Conn }); ok && dead {
		_ = c.NetConn().Close()
	}
	_ = s.conn.Close()
}

// farewell queues what a protocol says at the end, behind all else, and reports
// whether the peer will end the connection in its turn.
func (s *stream) farewell() (wait bool) {
	s.mu.Lock()
	reason, dead := s.err, s.state == streamDead
	s.mu.Unlock()
	var last []byte
	if s.wrap != nil {
		last, wait = s.wrap.farewell(reason)
	}
	switch {
	case dead:
		return false
	case s.seal != nil:
		if len(last) > 0 {
			_, _ = s.seal.Write(last)
		}
		_ = s.seal.CloseWrite() // close_notify (RFC 8446 section 6.1)
	case len(last) > 0:
		s.mu.Lock()
		_ = s.out(last)
		s.mu.Unlock()
	}
	return wait
}

// tell counts and reports the end.
func (s *stream) tell(err error) {
	t := s.t
	t.count.ending(err)
	t.log.Debug("flow closed", "flow", &s.flow, "reason", err)
	err = wrap("close", s.flow.key, err)
	if t.cfg.Trace.FlowClosed != nil {
		t.guard(func() { t.cfg.Trace.FlowClosed(&s.flow, err) })
	}
	if t.cfg.Failed != nil {
		t.guard(func() { t.cfg.Failed(&s.flow, err) })
	}
	for w := range s.lastWatches() {
		t.guard(func() { w.ended(err) })
	}
}

// linger says that we write no more, and throws away what the peer still sends
// until it has seen that.
func (s *stream) linger() {
	c, ok := s.conn.(interface{ CloseWrite() error })
	if !ok || c.CloseWrite() != nil {
		return
	}
	s.mu.Lock()
	if s.state != streamDead {
		_ = s.conn.SetReadDeadline(time.Now().Add(lingerTime))
	}
	s.mu.Unlock()
	b := s.t.inputs.get()
	defer s.t.inputs.put(b)
	for left := lingerBytes; left > 0; {
		n, err := s.conn.Read(b.b)
		if err != nil {
			return
		}
		left -= n
	}
}

// expired tells whether a read deadline that has passed ends the connection,
// and why. The deadline in force may be an old one: then there is no error.
func (s *stream) expired(mid bool) error {
	s.mu.Lock()
	state, err := s.state, s.err
	if state == streamOpen {
		s.deadline = 0
		_ = s.conn.SetReadDeadline(time.Time{}) // arm may set none
	}
	s.mu.Unlock()
	if state != streamOpen {
		return err
	}
	cfg, now := &s.t.cfg, s.t.now()
	if mid {
		if cfg.MessageTimeout > 0 && now >= s.begun+cfg.MessageTimeout {
			return ErrMessageTimeout
		}
	}
	if k := s.keep.Load(); k != nil {
		if err := s.keepUp(k, now, mid); err != nil {
			return err
		}
	}
	if mid {
		return nil
	}
	if s.busy() {
		s.touch()
	}
	quiet := now - time.Duration(s.active.Load())
	if cfg.Idle > 0 && quiet >= cfg.Idle {
		return ErrIdle
	}
	if s.deep.Load() && quiet >= s.t.settle {
		s.deep.Store(false)
		return errSettle
	}
	return nil
}

// arm sets the read deadline that the connection needs now. It leaves an
// earlier one alone (see expired), so that a busy connection sets none for
// each message: one in settleTime at most.
func (s *stream) arm(mid bool) error {
	cfg := &s.t.cfg
	var want time.Duration
	switch {
	case mid && cfg.MessageTimeout > 0:
		want = s.begun + cfg.MessageTimeout
	case !mid && s.deep.Load() && (cfg.Idle < 0 || cfg.Idle > s.t.settle):
		want = time.Duration(s.active.Load()) + s.t.settle
	case !mid && cfg.Idle > 0:
		want = time.Duration(s.active.Load()) + cfg.Idle
	}
	if k := s.keep.Load(); k != nil {
		want = earlier(want, k.deadline(mid))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != streamOpen {
		return s.err
	}
	if want == 0 || s.deadline != 0 && s.deadline <= want {
		return nil
	}
	s.deadline = want
	return s.conn.SetReadDeadline(s.t.epoch.Add(want))
}

// readError gives the errors of reading their final form.
func readError(err error, mid bool) error {
	if mid && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// timedOut reports whether err is a deadline that has passed.
func timedOut(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
