package simnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// Conn is one end of a TCP connection. It is a net.Conn, safe for concurrent
// use: whole Writes do not mix.
type Conn struct {
	host          *Host
	id            uint64
	network       string
	local, remote netip.AddrPort
	laddr, raddr  net.Addr

	// Guarded by host.net.mu.
	readable, writable *sync.Cond
	peer               *Conn // nil while dialling
	out                *stream
	way                *passage  // of the dialler's packets; both ends share it
	listener           *Listener // while it waits for Accept
	dial               dialState
	in                 queue[[]byte]
	eof                bool          // FIN has arrived
	deaf               bool          // CloseRead
	mute               bool          // FIN has been sent, or never will be
	broken             syscall.Errno // why the connection is no more
	told               bool          // Read or Write has returned broken
	closed             bool          // Close
	hard               bool          // Close resets: SetLinger(0)
	writing            bool          // one Write is at work
	read, write        deadline
}

var _ net.Conn = (*Conn)(nil)

func (n *Network) newConn(h *Host, network string, local, remote netip.AddrPort) *Conn {
	n.lastID++
	c := &Conn{
		host: h, id: n.lastID, network: network, local: local, remote: remote,
		laddr: netAddr(protoTCP, local), raddr: netAddr(protoTCP, remote),
		readable: sync.NewCond(&n.mu), writable: sync.NewCond(&n.mu),
	}
	c.out = &stream{from: c}
	h.conns[c] = struct{}{}
	return c
}

// join makes c and peer the two ends of one connection.
func (n *Network) join(c, peer *Conn) {
	c.peer, peer.peer = peer, c
	peer.way = c.way
	for _, s := range [...]*Conn{c, peer} {
		s.out.to = s.peer
		s.out.path = n.path(s.host, s.peer.host)
		s.out.flow = s.out.path.flow(flowKey{protoTCP, s.local, s.remote})
	}
}

// Read reads what has arrived, at most len(b) octets, waiting for the first. It
// returns io.EOF once the peer has closed its side and all was read; errors
// inside a *net.OpError are os.ErrDeadlineExceeded, net.ErrClosed, ECONNRESET
// and ETIMEDOUT.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.readSome(b)
	if err != nil && err != io.EOF {
		err = opError("read", c.network, c.laddr, c.raddr, err)
	}
	return n, err
}

func (c *Conn) readSome(b []byte) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	for {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.read.expired:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case c.in.len() > 0:
			return c.take(b), nil
		case c.eof || c.deaf:
			return 0, io.EOF
		case c.broken != 0:
			c.told = true
			return 0, sysError("read", c.broken)
		}
		n.wait(c.readable)
	}
}

func (c *Conn) take(b []byte) int {
	done := 0
	for done < len(b) && c.in.len() > 0 {
		first := c.in.peek()
		k := copy(b[done:], *first)
		done += k
		if *first = (*first)[k:]; len(*first) == 0 {
			c.in.pop()
		}
	}
	c.peer.out.read(done)
	return done
}

// Write sends b, waiting while the receiver's buffer is full (Config.StreamBuffer).
// On error it tells how much was sent; errors inside a *net.OpError are
// os.ErrDeadlineExceeded, net.ErrClosed, ECONNRESET and ETIMEDOUT, or EPIPE after
// CloseWrite, and after a reset that Read or Write has told or a FIN preceded.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.writeAll(b)
	if err != nil {
		err = opError("write", c.network, c.laddr, c.raddr, err)
	}
	return n, err
}

func (c *Conn) writeAll(b []byte) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	for c.writing {
		if err := c.writeError(); err != nil {
			return 0, err
		}
		n.wait(c.writable)
	}
	c.writing = true
	defer func() {
		c.writing = false
		c.writable.Broadcast()
	}()
	done := 0
	for {
		if err := c.writeError(); err != nil {
			return done, err
		}
		if done == len(b) {
			return done, nil
		}
		size := c.out.chunk(len(b) - done)
		if size == 0 {
			n.wait(c.writable)
			continue
		}
		c.out.unread += size
		c.out.send(segmentData, append(make([]byte, 0, size), b[done:done+size]...))
		if done += size; done == len(b) {
			return done, nil
		}
	}
}

func (c *Conn) writeError() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.write.expired:
		return os.ErrDeadlineExceeded
	case c.broken != 0 && !c.told && !(c.eof && c.broken == syscall.ECONNRESET):
		c.told = true
		return sysError("write", c.broken)
	case c.broken != 0 || c.mute:
		return sysError("write", syscall.EPIPE)
	}
	return nil
}

// Close closes both directions. Calls that wait return net.ErrClosed. What was
// written still travels, followed by a FIN; but if data that arrived was not
// read, or SetLinger(0) was called, the peer gets an RST, as on Linux.
func (c *Conn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.unlock()
	if c.closed {
		return opError("close", c.network, c.laddr, c.raddr, net.ErrClosed)
	}
	c.end(c.hard || c.in.len() > 0)
	return nil
}

// end closes c with an RST or, after what was written, a FIN.
func (c *Conn) end(rst bool) {
	c.shut()
	switch {
	case c.broken != 0 || c.peer == nil:
	case rst:
		c.broken = syscall.ECONNRESET
		c.out.send(segmentRst, nil)
	case !c.mute:
		c.mute = true
		c.out.send(segmentFin, nil)
	}
	c.retire()
}

// shut closes the near side of c and tells nobody.
func (c *Conn) shut() {
	c.closed = true
	c.read.stop()
	c.write.stop()
	c.discard()
	c.readable.Broadcast()
	c.writable.Broadcast()
}

// discard forgets what was not read.
func (c *Conn) discard() {
	octets := 0
	for c.in.len() > 0 {
		octets += len(c.in.pop())
	}
	if octets > 0 {
		c.peer.out.read(octets)
	}
}

// reset breaks the connection at this end at once and at the other by an RST.
func (c *Conn) reset() {
	if c.broken != 0 {
		return
	}
	c.discard()
	if c.peer != nil {
		c.out.send(segmentRst, nil)
	}
	c.fail(syscall.ECONNRESET)
}

// fail ends the connection for the reason given.
func (c *Conn) fail(errno syscall.Errno) {
	if c.broken != 0 {
		return
	}
	c.broken = errno
	if l := c.listener; l != nil {
		l.forget(c)
	}
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.retire()
}

// retire takes c off the books when nothing can come of it: it is closed or
// broken, and all it sent has arrived.
func (c *Conn) retire() {
	if !c.closed && c.broken == 0 || c.out.q.len() > 0 {
		return
	}
	h := c.host
	delete(h.conns, c)
	if port := c.local.Port(); h.dialled[port] == c {
		delete(h.dialled, port)
	}
}

// receive takes a segment that has arrived.
func (c *Conn) receive(g segment) {
	n := c.host.net
	if g.number != 0 {
		n.decided(g.number, Delivered)
	}
	switch g.kind {
	case segmentSynAck:
		if c.dial != dialling {
			c.refuse()
			return
		}
		c.dial = dialled
		c.readable.Broadcast()
		c.out.send(segmentAck, nil)
	case segmentAck:
		if l := c.listener; l != nil {
			l.establish(c)
		} else {
			c.refuse()
		}
	case segmentData:
		switch {
		case c.closed || c.broken != 0:
			c.peer.out.read(len(g.data))
			c.refuse()
		case c.deaf:
			c.peer.out.read(len(g.data))
		default:
			c.in.push(g.data)
			c.readable.Broadcast() // the first reader may leave some for the next
		}
	case segmentFin:
		if c.broken != 0 {
			c.refuse()
			return
		}
		c.eof = true
		c.readable.Broadcast()
	case segmentRst:
		c.fail(syscall.ECONNRESET)
	}
}

// refuse answers a segment for an end that is no more with an RST (RFC 9293
// section 3.5.2).
func (c *Conn) refuse() {
	if c.peer.broken == 0 {
		c.out.send(segmentRst, nil)
	}
}

// CloseWrite sends a FIN after what was written: the peer reads io.EOF. Reading
// goes on. The error is net.ErrClosed or ENOTCONN inside a *net.OpError.
func (c *Conn) CloseWrite() error {
	return c.half(func() {
		if !c.mute {
			c.mute = true
			c.out.send(segmentFin, nil)
			c.writable.Broadcast()
		}
	})
}

// CloseRead has Read return io.EOF; what the peer sends is thrown away. The
// error is net.ErrClosed or ENOTCONN inside a *net.OpError.
func (c *Conn) CloseRead() error {
	return c.half(func() {
		c.deaf = true
		c.discard()
		c.readable.Broadcast()
	})
}

func (c *Conn) half(f func()) error {
	c.host.net.mu.Lock()
	defer c.host.net.unlock()
	err := net.ErrClosed
	if !c.closed {
		if c.broken == 0 {
			f()
			return nil
		}
		err = sysError("shutdown", syscall.ENOTCONN)
	}
	return opError("close", c.network, c.laddr, c.raddr, err)
}

// SetLinger with 0 seconds makes Close send an RST, which throws away what the
// peer has not got yet at its end. Any other value restores the default.
func (c *Conn) SetLinger(sec int) error {
	c.host.net.mu.Lock()
	defer c.host.net.unlock()
	if c.closed {
		return opError("set", c.network, c.laddr, c.raddr, net.ErrClosed)
	}
	c.hard = sec == 0
	return nil
}

// LocalAddr returns the near address, a *net.TCPAddr.
func (c *Conn) LocalAddr() net.Addr { return c.laddr }

// RemoteAddr returns the far address, a *net.TCPAddr.
func (c *Conn) RemoteAddr() net.Addr { return c.raddr }

// SetDeadline sets both deadlines; see net.Conn.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, true, true) }

// SetReadDeadline sets the deadline of reads; see net.Conn.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, true, false) }

// SetWriteDeadline sets the deadline of writes; see net.Conn.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, false, true) }

func (c *Conn) setDeadline(t time.Time, read, write bool) error {
	n := c.host.net
	n.mu.Lock()
	defer n.unlock()
	if c.closed {
		return opError("set", c.network, nil, c.laddr, net.ErrClosed)
	}
	if read {
		c.read.set(n, t, c.readable)
	}
	if write {
		c.write.set(n, t, c.writable)
	}
	return nil
}
