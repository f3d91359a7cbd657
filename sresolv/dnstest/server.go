package dnstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// maxQueries is how many queries are remembered.
const maxQueries = 10_000

// Config says where a [Server] listens.
type Config struct {
	// Addr is the address and port for UDP and TCP. Port 0 takes any. "":
	// 127.0.0.1:0.
	Addr string

	// ListenPacket and Listen make the sockets, with the signatures of
	// [net.ListenConfig]; those of a simnet.Host fit. nil: the sockets of this
	// host.
	ListenPacket func(ctx context.Context, network, address string) (net.PacketConn, error)
	Listen       func(ctx context.Context, network, address string) (net.Listener, error)

	// NoTCP leaves TCP out.
	NoTCP bool

	// NoEDNS makes a server from before RFC 6891: a question with an OPT record
	// is answered FORMERR.
	NoEDNS bool
}

// Server is a name server. Make it with [Start], end it with [Server.Close].
type Server struct {
	cfg   Config
	udp   net.PacketConn
	other net.PacketConn // for answers from a wrong source
	tcp   net.Listener
	addr  netip.AddrPort

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu      sync.Mutex // never held while writing or waiting
	store   store
	rules   []Rule
	queries []Query
	conns   map[net.Conn]bool
}

// Start listens and serves the zones, which are texts in the format of master
// files (RFC 1035 section 5); each names its origin. The error is that of a
// socket or of a zone.
func Start(cfg Config, zones ...string) (*Server, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.ListenPacket == nil {
		cfg.ListenPacket = new(net.ListenConfig).ListenPacket
	}
	if cfg.Listen == nil {
		cfg.Listen = new(net.ListenConfig).Listen
	}
	s := &Server{cfg: cfg, store: store{names: make(map[string][]dns.RR)}, conns: make(map[net.Conn]bool)}
	for _, z := range zones {
		if err := s.store.add(z); err != nil {
			return nil, err
		}
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		s.closeSockets()
		s.stop()
		return nil, err
	}
	s.work.Go(s.serveUDP)
	if s.tcp != nil {
		s.work.Go(s.serveTCP)
	}
	return s, nil
}

// listen binds UDP and TCP to one port, which for port 0 may take a few tries.
func (s *Server) listen() (err error) {
	for range 10 {
		if s.udp, err = s.cfg.ListenPacket(s.ctx, "udp", s.cfg.Addr); err != nil {
			return err
		}
		if s.addr, err = netip.ParseAddrPort(s.udp.LocalAddr().String()); err != nil || s.cfg.NoTCP {
			break
		}
		if s.tcp, err = s.cfg.Listen(s.ctx, "tcp", s.addr.String()); err == nil {
			break
		}
		_ = s.udp.Close()
	}
	if err == nil {
		s.other, err = s.cfg.ListenPacket(s.ctx, "udp", netip.AddrPortFrom(s.addr.Addr(), 0).String())
	}
	return err
}

// Addr returns where the server listens.
func (s *Server) Addr() netip.AddrPort { return s.addr }

// Add adds records to what is served.
func (s *Server) Add(zone string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.store.add(zone)
}

// Script adds rules. For each question the first rule that matches and is not
// used up applies.
func (s *Server) Script(rules ...Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rules {
		if r.Times == 0 {
			r.Times = -1
		}
		s.rules = append(s.rules, r)
	}
}

// Reset forgets all rules and queries.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules, s.queries = nil, nil
}

// Queries returns the questions that came, the oldest first.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.queries)
}

// Asked returns the questions that came as "TYPE name", without final dots.
func (s *Server) Asked() []string {
	var out []string
	for _, q := range s.Queries() {
		name := q.Name
		if len(name) > 1 {
			name = name[:len(name)-1]
		}
		out = append(out, q.Type+" "+name)
	}
	return out
}

// Close ends the server and waits for its goroutines. It returns nil.
func (s *Server) Close() error {
	s.stop()
	s.closeSockets()
	s.work.Wait()
	return nil
}

func (s *Server) closeSockets() {
	for _, c := range []io.Closer{s.udp, s.other, s.tcp} {
		if c != nil {
			_ = c.Close()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

func (s *Server) serveUDP() {
	b := make([]byte, 4096)
	for {
		n, from, err := s.udp.ReadFrom(b)
		if err != nil {
			return
		}
		at, err := netip.ParseAddrPort(from.String())
		if err != nil {
			continue
		}
		s.handle(b[:n], "udp", at, func(m []byte, wrong bool) {
			c := s.udp
			if wrong {
				c = s.other
			}
			_, _ = c.WriteTo(m, from)
		}, func() {})
	}
}

func (s *Server) serveTCP() {
	for {
		c, err := s.tcp.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[c] = true
		gone := s.ctx.Err() != nil
		s.mu.Unlock()
		if gone {
			_ = c.Close()
			return
		}
		s.work.Go(func() { s.serveConn(c) })
	}
}

func (s *Server) serveConn(c net.Conn) {
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	from, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return
	}
	for {
		var head [2]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		s.handle(b, "tcp", from, func(m []byte, _ bool) {
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...))
		}, func() { _ = c.Close() })
	}
}

// handle answers one message. send writes, from another port if wrong is set.
func (s *Server) handle(b []byte, network string, from netip.AddrPort, send func(m []byte, wrong bool), hangUp func()) {
	in := new(dns.Msg)
	if err := in.Unpack(b); err != nil || in.Response || len(in.Question) != 1 {
		return
	}
	opt := in.IsEdns0()
	q := Query{
		Name: in.Question[0].Name, Type: dns.TypeToString[in.Question[0].Qtype], Network: network,
		ID: in.Id, From: from, EDNS: opt != nil, At: time.Now(),
	}
	size := dns.MinMsgSize
	if opt != nil {
		size = max(size, int(opt.UDPSize()))
	}
	if network == "tcp" {
		size = dns.MaxMsgSize
	}
	out := new(dns.Msg).SetReply(in)
	rule := s.note(q, out)
	if rule.Drop {
		hangUp()
		return
	}
	var replies []*dns.Msg
	if rule.Then {
		replies = append(replies, out.Copy())
	}
	if opt != nil && !s.cfg.NoEDNS && rule.Rcode == "" {
		for _, m := range append(replies, out) {
			m.SetEdns0(1232, false)
		}
	}
	if err := rule.change(out); err != nil {
		out.Rcode = dns.RcodeServerFailure // the script is wrong: nothing will resolve
	}
	replies = append([]*dns.Msg{out}, replies...)
	answer := func() {
		for i, m := range replies {
			if !m.Truncated {
				m.Truncate(size)
			}
			b, err := m.Pack()
			if err != nil {
				continue
			}
			if i == 0 && rule.Mangle != nil {
				b = rule.Mangle(b)
			}
			send(b, i == 0 && rule.Lie&WrongSource != 0)
		}
	}
	if rule.Delay == 0 {
		answer()
		return
	}
	s.work.Go(func() {
		t := time.NewTimer(rule.Delay)
		defer t.Stop()
		select {
		case <-t.C:
			answer()
		case <-s.ctx.Done():
		}
	})
}

// note remembers a query, answers it truly, and returns the rule for it.
func (s *Server) note(q Query, out *dns.Msg) Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.queries = append(s.queries, q); len(s.queries) > maxQueries {
		s.queries = s.queries[1:]
	}
	if q.EDNS && s.cfg.NoEDNS {
		out.Rcode = dns.RcodeFormatError
	} else {
		s.store.answer(out, out.Question[0])
	}
	for i := range s.rules {
		if r := &s.rules[i]; r.Times != 0 && r.matches(q) {
			if r.Times > 0 {
				r.Times--
			}
			return *r
		}
	}
	return Rule{}
}
