package nua_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/nua"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/sresolv"
	"github.com/gosofia/sofia/tport"
	"github.com/gosofia/sofia/tport/simnet"
	"github.com/stretchr/testify/require"
)

// stage is the network of the RFC with our user agents on it.
type stage struct {
	*comparer
	net    *simnet.Network
	ctx    context.Context
	hosts  map[string]*simnet.Host
	names  map[string]netip.Addr // what a look-up finds
	closer []func()
	tape   tape
}

// onStage runs f on the network of the RFC. In its end the user agents are
// closed and nothing may be left.
func onStage(t *testing.T, quirks map[string]string, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(simnet.Config{Seed: 3665, Link: simnet.Link{Delay: 5 * time.Millisecond}})
		defer n.Close()
		defer n.Report(t)
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		s := &stage{comparer: newComparer(t, quirks), net: n, ctx: ctx, hosts: map[string]*simnet.Host{}, names: hostsOf3665()}
		defer func() {
			for i := len(s.closer); i > 0; i-- {
				s.closer[i-1]()
			}
		}()
		f(s)
		s.done()
	})
}

// host returns a host of the RFC, with the addresses of the further names too.
func (s *stage) host(name string, further ...string) *simnet.Host {
	if h := s.hosts[name]; h != nil {
		return h
	}
	addrs := []string{s.names[name].String()}
	for _, n := range further {
		addrs = append(addrs, s.names[n].String())
	}
	h := s.net.MustHost(name, addrs...)
	s.hosts[name] = h
	return h
}

// lookup stands for DNS.
func (s *stage) lookup(_ context.Context, _, host string) ([]netip.Addr, error) {
	if addr, ok := s.names[host]; ok {
		return []netip.Addr{addr}, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

// phone is a user agent of the RFC.
type phone struct {
	*nua.UA
	calls chan *nua.Call // that come in
}

// phone starts the user agent of alice or bob on one transport.
func (s *stage) phone(name, proto string, cfg nua.Config) *phone {
	s.t.Helper()
	domain, display, media := "atlanta.example.com", "Alice", sdpOfAlice
	if name == "bob" {
		domain, display, media = "biloxi.example.com", "Bob", sdpOfBob
	}
	p := &phone{calls: make(chan *nua.Call, 1)}
	h := s.host("client." + domain)
	contact := "sip:" + name + "@client." + domain
	if proto == "tcp" && cfg.Contact == "" {
		contact += ";transport=tcp"
	}
	if cfg.Contact == "" {
		cfg.Contact = "<" + contact + ">"
	}
	resolver := sresolv.New(sresolv.Config{LookupNetIP: s.lookup, Transports: []string{proto}})
	cfg.Identity = display + " <sip:" + name + "@" + domain + ">"
	cfg.Media = media
	cfg.UserAgent = "-"
	cfg.Handler.Invite = func(_ context.Context, call *nua.Call) { p.calls <- call }
	cfg.Agent.Resolver = resolver
	cfg.Agent.Transport.Listen = h.Listen
	cfg.Agent.Transport.ListenPacket = h.ListenPacket
	cfg.Agent.Transport.Dial = h.DialContext
	cfg.Agent.Transport.Trace = s.tape.trace(display)
	if cfg.Auth == nil {
		cfg.Auth = []auth.User{
			{Realm: "atlanta.example.com", Username: name, Password: "zanzibar"},
			{Realm: "biloxi.example.com", Username: name, Password: "zanzibar"},
		}
	}
	var err error
	p.UA, err = nua.New(cfg)
	require.NoError(s.t, err)
	for _, a := range h.Addrs() {
		require.NoError(s.t, p.Listen(s.ctx, proto+":"+a.String()+":5060"))
	}
	s.closer = append(s.closer, func() { resolver.Close() }, func() { require.NoError(s.t, p.Close()) })
	return p
}

// agent starts a bare agent for a server, which has a role in the RFC.
func (s *stage) agent(role, name, proto string, cfg nta.Config) *nta.Agent {
	s.t.Helper()
	h := s.host(name)
	resolver := sresolv.New(sresolv.Config{LookupNetIP: s.lookup, Transports: []string{proto}})
	cfg.Resolver = resolver
	cfg.Aliases = []string{name}
	cfg.Transport.Listen = h.Listen
	cfg.Transport.ListenPacket = h.ListenPacket
	cfg.Transport.Dial = h.DialContext
	cfg.Transport.Trace = s.tape.trace(role)
	a, err := nta.New(cfg)
	require.NoError(s.t, err)
	_, err = a.Listen(s.ctx, tport.Name{Proto: proto, Host: h.Addr().String(), Port: 5060})
	require.NoError(s.t, err)
	s.closer = append(s.closer, func() { resolver.Close() }, func() { require.NoError(s.t, a.Close()) })
	return a
}

// leg is one user agent of ours in a flow; the party plays everybody else.
type leg struct {
	*stage
	party    *party
	ua       netip.Addr
	messages []printed
	received map[sip.Sequence]sip.Request // of the user agent, by printed CSeq
	got      map[string]*msg.Message      // what the user agent sent, by label
}

func (s *stage) leg(section, ua, uaHost, partyHost, proto string) *leg {
	l := &leg{
		stage: s, party: newParty(s.t, s.host(partyHost), proto), ua: hostsOf3665()[uaHost],
		messages: legOf(flow(s.t, section), ua), received: map[sip.Sequence]sip.Request{}, got: map[string]*msg.Message{},
	}
	s.closer = append(s.closer, l.party.close)
	return l
}

// play goes through the leg in order. What our user does to make a message
// leave is done just before it.
func (l *leg) play(ua string, do map[string]func()) {
	l.t.Helper()
	for _, p := range l.messages {
		if p.Sender != ua {
			l.send(p)
			continue
		}
		if f := do[p.Label]; f != nil {
			f()
		}
		l.expect(p, l.party.next())
	}
	// The RFC prints no more, so no more may come.
	time.Sleep(time.Second)
	synctest.Wait()
	select {
	case m := <-l.party.in:
		require.Fail(l.t, "one message too many", "%s", m)
	default:
	}
}

func (l *leg) expect(p printed, m *msg.Message) {
	l.t.Helper()
	l.compare(p, m)
	l.got[p.Label] = m
	if req, ok := sip.AsRequest(m); ok {
		seq, _, err := sip.CSeq.Get(p.m)
		require.NoError(l.t, err)
		l.received[seq] = req
	}
}

// send sends what is printed, with the values of this run in it.
func (l *leg) send(p printed) {
	l.t.Helper()
	id, _, _ := sip.CallID.Get(p.m)
	set := []msg.Setter{sip.CallID.Text(l.value("Call-ID", id)), l.tagged(sip.From, p.m), l.tagged(sip.To, p.m)}
	if !p.m.IsRequest() {
		seq, _, err := sip.CSeq.Get(p.m)
		require.NoError(l.t, err)
		req, ok := l.received[seq]
		require.True(l.t, ok, "%v answers %v, which never came", p, seq)
		via := req.TopVia()
		via.Params = via.Params.With("received", l.ua.String())
		set = append(set, sip.Via.Set(via), sip.CSeq.Copy(req))
	}
	m, err := p.m.Edit(set...)
	require.NoError(l.t, err)
	l.own(p.m)
	l.challenged(m)
	l.party.send(m, l.ua)
}

// own binds what the party draws: it draws what is printed.
func (l *leg) own(m *msg.Message) {
	l.t.Helper()
	id, _, _ := sip.CallID.Get(m)
	require.NoError(l.t, l.bind("Call-ID", id, l.value("Call-ID", id)))
	for _, h := range []sip.AddrHeader{sip.From, sip.To} {
		a, _, err := h.Get(m)
		require.NoError(l.t, err)
		require.NoError(l.t, l.bind("tag", a.Tag(), l.value("tag", a.Tag())))
	}
	for via := range good(sip.Via.All(m)) {
		require.NoError(l.t, l.bind("branch", via.Branch(), l.value("branch", via.Branch())))
	}
}

// tagged is a printed From or To with the tag of this run.
func (l *leg) tagged(h sip.AddrHeader, m *msg.Message) msg.Setter {
	a, _, err := h.Get(m)
	require.NoError(l.t, err)
	if a.Tag() == "" {
		return h.Set(a)
	}
	return h.Set(a.WithTag(l.value("tag", a.Tag())))
}

// authorise challenges the first INVITE, which the RFC prints with credentials
// got before the flow: its realm, nonce and opaque. What follows has CSeq
// numbers one higher than printed.
func (l *leg) authorise(call func()) {
	l.t.Helper()
	call()
	req, ok := sip.AsRequest(l.party.next())
	require.True(l.t, ok && req.Method() == sip.MethodInvite)
	text, ok := sip.ProxyAuthorization.Raw(l.messages[0].m)
	require.True(l.t, ok)
	to, err := req.To()
	require.NoError(l.t, err)
	resp, err := sip.NewResponse(req, 407, sip.To.Set(to.WithTag("before")), sip.ProxyAuthenticate.Set(auth.Challenge{
		Scheme: "Digest", Realm: printedParam(text, "realm"), Nonce: printedParam(text, "nonce"), Opaque: printedParam(text, "opaque"),
		QOP: "auth", Algorithm: "MD5",
	}))
	require.NoError(l.t, err)
	l.challenged(resp.Message)
	l.party.send(resp.Message, l.ua)
	ack := l.party.next()
	require.Equal(l.t, sip.MethodAck, ack.Method())
	l.offset = 1
}
