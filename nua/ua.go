package nua

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gosofia/sofia/msg/auth"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/soa"
	"github.com/gosofia/sofia/tport"
)

// UA is a user agent: it makes and takes calls, registers, sends and answers
// requests. Its methods are safe for concurrent use.
type UA struct {
	cfg    Config
	addr   addresses
	agent  *nta.Agent
	log    *slog.Logger
	random io.Reader
	allow  allowance

	mu      sync.Mutex // a leaf below the shards: nothing is called under it
	usages  map[usage]struct{}
	regs    map[*Registration]struct{} // of usages
	calls   int
	stats   Stats // its counters
	closing bool
	drained chan struct{} // closed when closing and usages is empty
}

// usage is what Shutdown must end: a call or a registration.
type usage interface {
	Handle
	// shutdown starts the end of the usage; when it is over, the usage calls
	// UA.release.
	shutdown()
	// drop ends the usage at once, without a message.
	drop()
}

// New makes a UA. It opens no socket: call Listen. The error tells which field
// of cfg cannot be used.
func New(cfg Config) (*UA, error) {
	u := &UA{cfg: cfg, usages: map[usage]struct{}{}, regs: map[*Registration]struct{}{}, drained: make(chan struct{})}
	if err := u.parseAddresses(); err != nil {
		return nil, err
	}
	if cfg.NewEngine == nil {
		if err := soa.New(soa.Config{}).SetUserText(cfg.media()); err != nil {
			return nil, &Error{Op: "configure Media", Err: err}
		}
	}
	if u.log = cfg.Logger; u.log == nil {
		u.log = slog.New(slog.DiscardHandler)
	}
	if u.random = cfg.Agent.Rand; u.random == nil {
		u.random = rand.Reader
	}
	u.allow = newAllowance(&cfg)
	if _, err := sip.NewFragment(u.allow.allow, u.allow.support, u.allow.encoding); err != nil {
		return nil, &Error{Op: "configure Allow, Supported and ContentCodings", Err: err}
	}

	agent := cfg.Agent
	agent.Receive = u.receive
	agent.Serve = nil
	agent.Failed = u.flowFailed
	if agent.UserAgent == "" {
		agent.UserAgent = cfg.userAgent()
	}
	agent.Server = u.server()
	if agent.Logger == nil {
		agent.Logger = cfg.Logger
	}
	var err error
	if u.agent, err = nta.New(agent); err != nil {
		return nil, err
	}
	return u, nil
}

// server is the value of the Server header.
func (u *UA) server() string {
	if u.cfg.Agent.Server != "" {
		return u.cfg.Agent.Server
	}
	return u.cfg.userAgent()
}

func (u *UA) parseAddresses() error {
	parse := func(field, text string, into *sip.NameAddr) error {
		if text == "" {
			return nil
		}
		a, err := parseAddress(text)
		if err != nil {
			return &Error{Op: "configure " + field, Err: err}
		}
		*into = a
		return nil
	}
	if err := parse("Identity", u.cfg.Identity, &u.addr.identity); err != nil {
		return err
	}
	if u.cfg.Identity == "" {
		u.addr.identity = anonymous()
	}
	if err := parse("Contact", u.cfg.Contact, &u.addr.contact); err != nil {
		return err
	}
	registrar := u.cfg.Registrar
	if registrar != "" {
		uri, err := sip.ParseURI(registrar)
		if err != nil {
			return &Error{Op: "configure Registrar", Err: err}
		}
		u.addr.registrar = uri
	} else if u.cfg.Identity != "" {
		// The Request-URI of a REGISTER is a domain (RFC 3261 10.2).
		u.addr.registrar = domain(u.addr.identity.URI)
	}
	route, err := proxyRoute(u.cfg.Proxy)
	if err != nil {
		return &Error{Op: "configure Proxy", Err: err}
	}
	u.addr.proxy = route
	return nil
}

// anonymous is the From of a UA without identity (RFC 3261 8.1.1.3).
func anonymous() sip.NameAddr {
	return sip.NameAddr{Display: "Anonymous", URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
}

// proxyRoute makes the preloaded route of an outbound proxy.
func proxyRoute(proxy string) ([]sip.NameAddr, error) {
	if proxy == "" || proxy == "-" {
		return nil, nil
	}
	uri, err := sip.ParseURI(proxy)
	if err != nil {
		return nil, err
	}
	if !uri.Loose() {
		uri.Params = uri.Params.With("lr", "")
	}
	return []sip.NameAddr{{URI: uri}}, nil
}

// Listen opens sockets: "udp:127.0.0.1:5062", "tcp:[::1]:5060", "udp:*:0",
// "tls:192.0.2.1". A missing port is that of the protocol: 5060, 5061 for tls,
// 80 for ws, 443 for wss; port 0 is one the system chooses. tls and wss need a
// certificate in Config.Agent.Transport.TLS. Without arguments it
// listens on udp and tcp, on every address, at port 5060. The error is a
// *tport.Error when a socket cannot be had; those opened before it stay open.
func (u *UA) Listen(ctx context.Context, addresses ...string) error {
	if len(addresses) == 0 {
		addresses = []string{"udp:*:5060", "tcp:*:5060"}
	}
	for _, a := range addresses {
		name, err := parseListen(a)
		if err != nil {
			return err
		}
		if _, err := u.agent.Listen(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// parseListen reads proto:host[:port].
func parseListen(s string) (tport.Name, error) {
	bad := func() (tport.Name, error) {
		return tport.Name{}, &Error{Op: "listen", Err: fmt.Errorf("%q is not protocol:address:port, as in udp:127.0.0.1:5060", s)}
	}
	proto, rest, ok := strings.Cut(s, ":")
	if !ok || proto == "" {
		return bad()
	}
	proto = strings.ToLower(proto)
	host, port := rest, strconv.Itoa(int(defaultPort(proto)))
	if h, p, err := net.SplitHostPort(rest); err == nil {
		host, port = h, p
	}
	host = trimBrackets(host)
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strings.ContainsAny(host, "[]/ ") {
		return bad()
	}
	return tport.Name{Proto: proto, Host: host, Port: uint16(n)}, nil
}

// Agent returns the transaction layer under the UA, for what the UA does not
// offer.
func (u *UA) Agent() *nta.Agent { return u.agent }

// authClient makes the credentials memory of one handle.
func (u *UA) authClient(first []auth.User) *auth.Client {
	users := make([]auth.User, 0, len(first)+len(u.cfg.Auth))
	users = append(append(users, first...), u.cfg.Auth...)
	return auth.NewClient(auth.ClientConfig{Users: users, Rand: u.cfg.Agent.Rand})
}

// flowFailed tells the registrations that a flow is gone; it runs on the flow's
// goroutine.
func (u *UA) flowFailed(flow *tport.Flow, err error) {
	if f := u.cfg.Agent.Failed; f != nil {
		f(flow, err)
	}
	if !flow.Reliable() {
		return
	}
	u.mu.Lock()
	all := slices.Collect(maps.Keys(u.regs))
	u.mu.Unlock()
	for _, r := range all {
		r.flowLost(flow.Key())
	}
}

// chance returns a random number in [0, 1).
func (u *UA) chance() float64 {
	var b [8]byte
	if _, err := io.ReadFull(u.random, b[:]); err != nil {
		return 0.5 // a broken source must not stop a timer
	}
	return float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
}

// closed reports whether Shutdown or Close has begun.
func (u *UA) closed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.closing
}

// adopt registers a usage, unless the UA is closing or full.
func (u *UA) adopt(x usage) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closing {
		return ErrClosed
	}
	switch x := x.(type) {
	case *Registration:
		u.regs[x] = struct{}{}
	case *Call:
		if limit := u.cfg.maxCalls(); limit >= 0 && u.calls >= limit {
			u.stats.CallsRefused++
			return ErrBusy
		}
		u.calls++
		if x.incoming {
			u.stats.CallsReceived++
		} else {
			u.stats.CallsMade++
		}
	}
	u.usages[x] = struct{}{}
	return nil
}

// release forgets a usage that ended. It may be called inside a step.
func (u *UA) release(x usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, ok := u.usages[x]; !ok {
		return
	}
	delete(u.usages, x)
	switch x := x.(type) {
	case *Registration:
		delete(u.regs, x)
	case *Call:
		u.calls--
	}
	if u.closing && len(u.usages) == 0 {
		close(u.drained)
	}
}
