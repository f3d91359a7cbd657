package tport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// sealed is the TLS layer of a connection. While an upgrade runs on it, it is a
// net.Conn like any other. Then a stream takes over: it waits for the socket by
// itself, hands what it has read to the layer and takes what comes out; what
// the layer writes goes through the queue of the stream.
type sealed struct {
	*tls.Conn
	sock       *socket
	sending    sync.Mutex // held over the Write of a message, outside of all other locks
	state      *tls.ConnectionState
	check      *verdict
	proved     string   // the name the peer has proved
	identities []string // all that its certificate proves, if verified
	begun      bool     // the stream reads
}

// send writes a message for a stream.
func (s *sealed) send(b []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.sock.message(true)
	defer s.sock.message(false)
	_, err := s.Write(b)
	return err
}

// message notes whether a message is being written.
func (c *socket) message(is bool) {
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	c.ours = is
}

// attach gives the connection to a stream, before anybody else knows of it.
func (s *sealed) attach(to *stream) { s.sock.stream = to }

// partial reports whether the layer holds a part of a record.
func (s *sealed) partial() bool { return s.sock.left > 0 || s.sock.heads > 0 }

// unseal gives the TLS layer what was read and feeds on what comes out of it.
func (s *stream) unseal(octets []byte, at time.Time) error {
	fresh := !s.mid()
	sock := s.seal.sock
	sock.in, sock.ended = octets, false
	plain := s.t.inputs.get()
	defer s.t.inputs.put(plain)
	for {
		n, err := s.seal.Read(plain.b)
		if n > 0 {
			if err := s.feed(plain.b[:n], at); err != nil {
				return err
			}
			if !s.open() {
				return nil // arm returns the reason
			}
		}
		if errors.Is(err, errNoInput) {
			break
		}
		if err != nil {
			return sealedError(err, s.frames.Buffered() > 0)
		}
	}
	sock.in = nil
	if (fresh || sock.ended) && s.frames.Buffered() == 0 {
		s.begun = at.Sub(s.t.epoch) // of the record that is under way, if any
	}
	return nil
}

// sealedError gives the errors of the layer their final form.
func sealedError(err error, mid bool) error {
	switch {
	case errors.Is(err, io.EOF): // close_notify
		return readError(err, mid)
	case refused(err): // with TLS 1.3 our certificate is refused only now
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// socket is what the TLS layer takes for its connection.
type socket struct {
	net.Conn
	stream *stream // nil during the upgrade
	in     []byte  // read, and not taken by the layer so far

	ours bool // a message is being written; of stream.mu
	owed int  // records of the layer's own that wait; of stream.mu

	// Where in a record the layer stands.
	heads int  // octets of the head that have come, of 5
	size  int  // by the head so far
	left  int  // octets of the content to come
	ended bool // a record has ended since it was asked for
}

// Read gives the layer what the stream has read. It never waits for more.
func (c *socket) Read(b []byte) (int, error) {
	if c.stream == nil {
		n, err := c.Conn.Read(b)
		c.follow(b[:n])
		return n, err
	}
	if len(c.in) == 0 {
		return 0, errNoInput
	}
	n := copy(b, c.in)
	c.in = c.in[n:]
	c.follow(b[:n])
	return n, nil
}

// recordHead is the size of what precedes each record (RFC 8446 section 5.1).
const recordHead = 5

// follow keeps track of where the records end.
func (c *socket) follow(b []byte) {
	for len(b) > 0 {
		if c.left == 0 {
			c.size = c.size<<8 | int(b[0])
			b = b[1:]
			if c.heads++; c.heads == recordHead {
				c.left, c.heads, c.size = c.size&0xffff, 0, 0
				c.ended = c.ended || c.left == 0
			}
			continue
		}
		n := min(c.left, len(b))
		b = b[n:]
		c.left -= n
		c.ended = c.ended || c.left == 0
	}
}

// maxOwed bounds the records that the layer may queue of itself, as answers to
// the peer's updates of keys (RFC 8446 section 4.6.3). None can be left out, and
// a peer that asks for them without end and reads nothing is no peer.
const maxOwed = 64

// Write takes a record of the layer's.
func (c *socket) Write(b []byte) (int, error) {
	if c.stream == nil {
		return c.Conn.Write(b)
	}
	c.stream.mu.Lock()
	defer c.stream.mu.Unlock()
	switch {
	case len(c.stream.queue) == 0:
		c.owed = 0
	case !c.ours:
		if c.owed++; c.owed > maxOwed {
			c.stream.die(ErrQueueFull)
		}
	}
	if err := c.stream.out(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// SetWriteDeadline leaves the deadlines to the stream.
func (c *socket) SetWriteDeadline(t time.Time) error {
	if c.stream != nil {
		return nil
	}
	return c.Conn.SetWriteDeadline(t)
}

// noInput is how the layer learns that no more has come so far: an error that
// it does not remember.
type noInput struct{}

var errNoInput net.Error = noInput{}

func (noInput) Error() string   { return "no more input so far" }
func (noInput) Timeout() bool   { return true }
func (noInput) Temporary() bool { return true }
