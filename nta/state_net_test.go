package nta

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport/simnet"
)

// chooser is where the choices of a run come from: chance, or the octets of a fuzzer.
type chooser interface {
	n(k int) int // in [0, k)
	done() bool
}

type chance struct{ *rand.Rand }

func (c chance) n(k int) int { return c.IntN(k) }
func (c chance) done() bool  { return false }

// script is choices written down, one octet each.
type script struct {
	b []byte
}

func (s *script) n(k int) int {
	if len(s.b) == 0 {
		return 0
	}
	v := int(s.b[0])
	s.b = s.b[1:]
	return v % k
}

func (s *script) done() bool { return len(s.b) == 0 }

// oneOf takes one of some.
func oneOf[T any](c chooser, of ...T) T { return of[c.n(len(of))] }

// ringOf keeps the last few.
type ringOf[T any] struct {
	items []T
	at    int
}

func (r *ringOf[T]) add(item T) {
	const most = 48
	if len(r.items) < most {
		r.items = append(r.items, item)
		return
	}
	r.items[r.at%most] = item
	r.at++
}

func (r *ringOf[T]) any(c chooser) (item T, ok bool) {
	if len(r.items) == 0 {
		return item, false
	}
	if n := len(r.items); c.n(2) == 0 && n > 4 { // one of the latest
		return r.items[(r.at%n+n-1-c.n(4))%n], true
	}
	return r.items[c.n(len(r.items))], true
}

// heard is a message that the peers got from the agent, and what they answer it by.
type heard struct {
	text string
	m    sip.Request // zero for a response
	resp sip.Response
	by   *end
}

// end is one socket or connection of the peers.
type end struct {
	p     *peers
	proto string
	addr  netip.AddrPort
	send  func([]byte) // never blocks for long
	close func()
}

// peers are the other side: sockets and connections of a few hosts. What they
// get is checked and kept for a while.
type peers struct {
	fail func(format string, args ...any)

	mu        sync.Mutex
	requests  ringOf[heard]
	responses ringOf[heard]
	tags      ringOf[string] // of the agent
	bad       map[string]bool
	sent      map[string]string // requests of the agent by branch and method
	early     map[string]bool   // branches that the peers have answered provisionally
	ends      []*end
	streams   ringOf[*end]
	got       int
}

// hear takes a message of the agent's.
func (p *peers) hear(text string, by *end) {
	m, err := sip.Parse(text)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got++
	if m == nil {
		p.fail("the agent has sent what is no message: %v\n%q", err, text)
		return
	}
	if req, ok := sip.AsRequest(m); ok {
		if err != nil {
			p.fail("the agent has sent a bad request: %v\n%s", err, text)
		}
		p.requests.add(heard{text: text, m: req, by: by})
		p.checkRequest(req, text)
		return
	}
	resp, _ := sip.AsResponse(m)
	if err != nil { // it copies what was bad in the request
		if resp.Status() < 400 {
			p.bad[fmt.Sprint(err)] = true
		}
		return
	}
	p.responses.add(heard{text: text, resp: resp, by: by})
	if tag := resp.ToTag(); tag != "" {
		p.tags.add(tag)
	}
	switch method, status := resp.CSeq().Method, resp.Status(); {
	case method == "ACK" && status != 400 && status != 505: // CSeq may have lied
		p.fail("the agent has answered an ACK:\n%s", text)
	case method != "INVITE" && (status == 408 || 100 < status && status < 200):
		p.fail("the agent has answered a request as RFC 4320 forbids:\n%s", text)
	}
}

// checkRequest looks at how requests of the agent's go together.
func (p *peers) checkRequest(req sip.Request, text string) {
	branch := req.Branch()
	if strings.HasPrefix(branch, userBranch) || strings.HasPrefix(branch, "z9hG4bK-") { // 16.11: made of what came
		return // the user may have used it twice
	}
	k := branch + " " + req.Method()
	if before, ok := p.sent[k]; ok && before != text {
		p.fail("two requests have one branch:\n%s\n%s", before, text)
	}
	p.sent[k] = text
	_, ofInvite := p.sent[branch+" INVITE"]
	switch {
	case req.Method() == "CANCEL" && ofInvite && !p.early[branch]: // 9.1
		p.fail("a CANCEL before any provisional response:\n%s", text)
	case req.Method() == "ACK" && ofInvite && p.sent[branch+" INVITE"] != "":
		invite, _ := sip.Parse(p.sent[branch+" INVITE"])
		if old, _ := sip.AsRequest(invite); old.RequestURI() != req.RequestURI() || old.CallID() != req.CallID() || old.CSeq().Seq != req.CSeq().Seq {
			p.fail("the ACK does not belong to its INVITE:\n%s\n%s", invite, text)
		}
	}
}

// userBranch begins the branches that the user has chosen.
const userBranch = "z9hG4bKours"

// answered notes a provisional response of the peers, or what may be read as one
// behind octets that were cut short on a stream.
func (p *peers) answered(text string, torn bool) {
	if !torn && !strings.HasPrefix(strings.ToUpper(text), "SIP/2.0 1") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range anyBranch.FindAllStringSubmatch(text, -1) {
		p.early[m[1]] = true
	}
}

var anyBranch = regexp.MustCompile(`branch=([^;,\s]+)`)

var contentLength = regexp.MustCompile(`(?im)^(?:content-length|l)[ \t]*:[ \t]*(\d+)`)

// cut takes the first message from a stream.
func cut(b []byte) (text string, rest []byte, ok bool) {
	b = bytes.TrimLeft(b, "\r\n")
	head, _, found := bytes.Cut(b, []byte("\r\n\r\n"))
	if !found {
		return "", b, false
	}
	n := 0
	if m := contentLength.FindSubmatch(head); m != nil {
		n, _ = strconv.Atoi(string(m[1]))
	}
	all := len(head) + 4 + n
	if len(b) < all {
		return "", b, false
	}
	return string(b[:all]), b[all:], true
}

// stream makes an end of a connection.
func (p *peers) stream(conn net.Conn, stalled bool) *end {
	e := &end{p: p, proto: "tcp", addr: netip.MustParseAddrPort(conn.LocalAddr().String())}
	out := make(chan []byte, 16)
	gone := make(chan struct{})
	var once sync.Once
	e.close = func() { once.Do(func() { close(gone); conn.Close() }) }
	e.send = func(b []byte) {
		select {
		case out <- bytes.Clone(b):
		default: // the agent does not read: enough
		}
	}
	go func() {
		defer e.close()
		for {
			select {
			case b := <-out:
				if _, err := conn.Write(b); err != nil {
					return
				}
			case <-gone:
				return
			}
		}
	}()
	if stalled {
		return e
	}
	go func() {
		defer e.close()
		var all []byte
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			all = append(all, buf[:n]...)
			for {
				text, rest, ok := cut(all)
				if all = rest; !ok {
					break
				}
				p.hear(text, e)
			}
			if err != nil {
				return
			}
		}
	}()
	return e
}

// packets makes an end of a UDP socket.
func (p *peers) packets(conn net.PacketConn, to netip.AddrPort) *end {
	e := &end{p: p, proto: "udp", addr: netip.MustParseAddrPort(conn.LocalAddr().String())}
	e.close = func() { conn.Close() }
	e.send = func(b []byte) { conn.WriteTo(b, net.UDPAddrFromAddrPort(to)) }
	go func() {
		buf := make([]byte, 65536)
		for {
			n, _, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			p.hear(string(buf[:n]), e)
		}
	}()
	return e
}

// accept takes connections until the listener is closed.
func (p *peers) accept(l net.Listener, stalled bool) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		e := p.stream(conn, stalled)
		p.mu.Lock()
		p.streams.add(e)
		p.ends = append(p.ends, e)
		p.mu.Unlock()
	}
}

// dial makes a connection to the agent.
func (p *peers) dial(w *world, host *simnet.Host, to string) *end {
	conn, err := host.DialContext(w.ctx(), "tcp", to)
	if err != nil {
		return nil
	}
	e := p.stream(conn, false)
	p.mu.Lock()
	p.streams.add(e)
	p.ends = append(p.ends, e)
	p.mu.Unlock()
	return e
}

func (p *peers) closeAll() {
	p.mu.Lock()
	ends := p.ends
	p.ends = nil
	p.mu.Unlock()
	for _, e := range ends {
		e.close()
	}
}
