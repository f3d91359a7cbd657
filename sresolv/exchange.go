package sresolv

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	// payload is what we say that we can take in a datagram: what a path of
	// 1280 octets carries whole (RFC 9715 section 3.2).
	payload = 1232
	// maxDatagram is what we do take.
	maxDatagram = 4096
)

// query is one question to one server.
type query struct {
	r      *Resolver
	server netip.AddrPort
	dns.Question
	id   uint16
	edns bool
}

var (
	errMismatch = errors.New("answer to another question")
	errTooLong  = errors.New("question is too long")
)

// pack writes the question as it goes over the wire.
func (q *query) pack() ([]byte, error) {
	n, err := random(q.r.cfg.Rand)
	if err != nil {
		return nil, err
	}
	q.id = uint16(n >> 16)
	m := dns.Msg{MsgHdr: dns.MsgHdr{Id: q.id, RecursionDesired: true}, Question: []dns.Question{q.Question}}
	if q.edns {
		m.SetEdns0(payload, false)
	}
	b, err := m.Pack()
	if err == nil && len(b) > 512 {
		err = errTooLong
	}
	return b, err
}

// ask puts the question over UDP, and over TCP if the answer does not fit.
// timeout bounds each of the two.
func (q *query) ask(ctx context.Context, timeout time.Duration) (*dns.Msg, error) {
	m, err := q.over(ctx, "udp", timeout, q.datagram)
	if err == nil && m.Truncated {
		q.r.count(func(s *Stats) { s.Truncated++ })
		return q.over(ctx, "tcp", timeout, q.stream)
	}
	return m, err
}

// over opens a connection of its own for one question.
func (q *query) over(ctx context.Context, network string, timeout time.Duration, f func(net.Conn, []byte) (*dns.Msg, error)) (*dns.Msg, error) {
	start := time.Now()
	m, err := q.exchange(ctx, network, timeout, f)
	if told := q.r.cfg.Trace.Exchange; told != nil {
		e := Exchange{
			Server: q.server, Network: network, Name: q.Name, Type: Type(q.Qtype), EDNS: q.edns, Took: time.Since(start), Err: err,
		}
		if m != nil {
			e.Rcode, e.Records, e.Cut = m.Rcode, len(m.Answer), m.Truncated
		}
		told(e)
	}
	return m, err
}

func (q *query) exchange(ctx context.Context, network string, timeout time.Duration, f func(net.Conn, []byte) (*dns.Msg, error)) (*dns.Msg, error) {
	b, err := q.pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := q.r.cfg.Dial(ctx, network, q.server.String())
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, err
	}
	defer c.Close()
	past := time.Unix(1, 0)
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(past) })
	defer stop()
	q.r.count(func(s *Stats) { s.Queries++ })
	m, err := f(c, b)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return m, err
}

// datagram waits for the answer, and goes on waiting when something else comes:
// giving up would let a forger stop the look-up.
func (q *query) datagram(c net.Conn, b []byte) (*dns.Msg, error) {
	if _, err := c.Write(b); err != nil {
		return nil, err
	}
	in := make([]byte, maxDatagram)
	for {
		n, err := q.receive(c, in)
		if err != nil {
			return nil, err
		}
		m := new(dns.Msg)
		switch err := m.Unpack(in[:n]); {
		case n >= 12 && !matches(m, q.id, q.Question) && !q.bare(m):
		case err == nil:
			return m, nil
		case n == len(in) || m.Truncated: // cut: what follows comes by TCP
			m.Truncated = true
			return m, nil
		}
		q.r.count(func(s *Stats) { s.Mismatched++ })
	}
}

// bare reports whether a server that could not read the question says so
// without repeating it.
func (q *query) bare(m *dns.Msg) bool {
	return m.Id == q.id && m.Response && len(m.Question) == 0 && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
}

// receive reads a datagram of the server; of one of anybody else the length is
// 0. A connected socket sees no other, but Config.Dial may give what it likes.
func (q *query) receive(c net.Conn, in []byte) (int, error) {
	pc, ok := c.(interface {
		ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error)
	})
	if !ok {
		return c.Read(in)
	}
	n, from, err := pc.ReadFromUDPAddrPort(in)
	if err == nil && (from.Port() != q.server.Port() || from.Addr().Unmap().WithZone("") != q.server.Addr().Unmap().WithZone("")) {
		n = 0
	}
	return n, err
}

// stream asks by RFC 1035 section 4.2.2.
func (q *query) stream(c net.Conn, b []byte) (*dns.Msg, error) {
	out := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b)))
	if _, err := c.Write(append(out, b...)); err != nil {
		return nil, err
	}
	var head [2]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	in := make([]byte, binary.BigEndian.Uint16(head[:]))
	if _, err := io.ReadFull(c, in); err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	if err := m.Unpack(in); err != nil {
		return nil, err
	}
	if !matches(m, q.id, q.Question) && !q.bare(m) {
		return nil, errMismatch
	}
	return m, nil
}
