//go:build unix

package tport

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// trier writes datagrams without waiting for the socket. Its scratch fields
// keep a write free of allocations; calls must not overlap.
type trier struct {
	raw   syscall.RawConn
	fn    func(fd uintptr) bool
	is4   bool
	sa4   syscall.SockaddrInet4
	sa6   syscall.SockaddrInet6
	b     []byte
	oob   []byte
	fail  error
	zones map[string]zoneNumber
}

type zoneNumber struct {
	index uint32
	at    time.Time
}

func newTrier(c *net.UDPConn, is4 bool) *trier {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	t := &trier{raw: raw, is4: is4}
	t.fn = t.once
	return t
}

func (t *trier) try(b, oob []byte, to netip.AddrPort) error {
	if t.is4 {
		if !to.Addr().Is4() {
			return syscall.EAFNOSUPPORT
		}
		t.sa4 = syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	} else {
		t.sa6 = syscall.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
		if zone := to.Addr().Zone(); zone != "" {
			t.sa6.ZoneId = t.zone(zone)
		}
	}
	t.b, t.oob, t.fail = b, oob, nil
	err := t.raw.Write(t.fn)
	t.b, t.oob = nil, nil
	if err != nil {
		return err
	}
	return t.fail
}

// zone returns the number that the system has for the zone of a link-local peer.
func (t *trier) zone(name string) uint32 {
	now := time.Now()
	if z, ok := t.zones[name]; ok && now.Sub(z.at) < zoneLife {
		return z.index
	}
	if len(t.zones) >= maxZones || t.zones == nil {
		t.zones = map[string]zoneNumber{}
	}
	z := zoneNumber{uint32(zoneIndex(name)), now}
	t.zones[name] = z
	return z.index
}

// once makes one attempt. It always reports that it is done, so that the
// runtime does not wait for the socket to take more.
func (t *trier) once(fd uintptr) bool {
	for {
		var err error
		switch {
		case t.is4 && len(t.oob) == 0: // sendto costs less than sendmsg
			err = syscall.Sendto(int(fd), t.b, 0, &t.sa4)
		case t.is4:
			_, err = syscall.SendmsgN(int(fd), t.b, t.oob, &t.sa4, 0)
		case len(t.oob) == 0:
			err = syscall.Sendto(int(fd), t.b, 0, &t.sa6)
		default:
			_, err = syscall.SendmsgN(int(fd), t.b, t.oob, &t.sa6, 0)
		}
		switch err {
		case nil:
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			t.fail = errWouldBlock
		default:
			t.fail = err
		}
		return true
	}
}

func tooLarge(err error) bool { return errors.Is(err, syscall.EMSGSIZE) }

func noBuffers(err error) bool { return errors.Is(err, syscall.ENOBUFS) }

// rawStream reads and writes a TCP connection by its descriptor: it holds a
// buffer only while there are octets to put in it, and it can write without waiting.
type rawStream struct {
	raw syscall.RawConn

	pool  bufferPool
	in    *buffer
	n     int
	rerr  error
	ready func(fd uintptr) bool

	out  []byte
	sent int
	werr error
	push func(fd uintptr) bool
}

// newRawStream returns nil where conn has no descriptor.
func newRawStream(conn net.Conn, pool bufferPool) *rawStream {
	c, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &rawStream{raw: raw, pool: pool}
	r.ready, r.push = r.readOnce, r.writeOnce
	return r
}

// read waits for input and returns it in a buffer of the pool.
func (r *rawStream) read() (*buffer, int, error) {
	r.in, r.n, r.rerr = nil, 0, nil
	if err := r.raw.Read(r.ready); err != nil {
		return nil, 0, err
	}
	return r.in, r.n, r.rerr
}

func (r *rawStream) readOnce(fd uintptr) bool {
	b := r.pool.get()
	for {
		n, err := syscall.Read(int(fd), b.b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			r.pool.put(b)
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		r.in, r.n, r.rerr = b, max(n, 0), err
		return true
	}
}

// try writes what the socket takes at once and returns how much that was.
func (r *rawStream) try(b []byte) (int, error) {
	r.out, r.sent, r.werr = b, 0, nil
	err := r.raw.Write(r.push)
	r.out = nil
	if err != nil {
		return r.sent, err
	}
	return r.sent, r.werr
}

func (r *rawStream) writeOnce(fd uintptr) bool {
	for r.sent < len(r.out) {
		n, err := syscall.Write(int(fd), r.out[r.sent:])
		switch err {
		case nil:
			r.sent += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			r.werr = err
			return true
		}
	}
	return true
}
