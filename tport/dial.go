package tport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/gosofia/sofia/msg"
)

// attempt is one connection being made, shared by all who want it.
type attempt struct {
	done    chan struct{} // closed when flow or err is there
	cancel  context.CancelFunc
	waiting int // callers
	queue   []*parcel
	octets  int // in queue
	flow    *Flow
	err     error
}

// parcel is a message that waits for a connection.
type parcel struct {
	b   []byte
	at  time.Time // when it was sent, if somebody wants to know
	err error
}

func (p *parcel) send(s *stream) {
	p.at = s.t.traceTime()
	p.err = s.send(p.b)
}

// Dial returns a flow to name: for a stream the open connection to that address
// if this transport made one, and otherwise a new one. Callers that ask for the
// same name at the same time share one attempt. A new connection leaves from the
// address of the primary that Name.Ident names, or else from one that a primary of
// the protocol is bound to, if there is such. For UDP it returns at once, see
// [Transport.Ready]. Accepted connections are found by [Transport.Find] only:
// an address alone does not prove who is behind it.
//
// ctx bounds the wait; the attempt itself is bounded by Config.DialTimeout and
// given up when nobody waits for it any more. Name.Fresh asks for a connection
// of one's own: close it when it is no longer needed, or Config.Idle will. The error is an [*Error] that
// wraps [ErrNoTransport], [ErrNotNumeric], [ErrNoPort], [ErrClosed],
// [ErrTooManyFlows], the error of ctx, or what the system said.
func (t *Transport) Dial(ctx context.Context, name Name) (*Flow, error) {
	return t.reach(ctx, name, nil)
}

// Send sends m to name over the flow that [Transport.Dial] would return, which
// it returns too. It waits for the connection, not for the peer. Messages leave
// in the order of the calls, also those of callers that wait for one
// connection. An error means that the message was not sent.
func (t *Transport) Send(ctx context.Context, name Name, m *msg.Message) (*Flow, error) {
	if f, ok := t.Ready(name); ok {
		return f, f.Send(m)
	}
	b, err := m.AppendText(make([]byte, 0, m.Len()))
	if err != nil {
		return nil, wrap("send", Key{Proto: name.Proto}, err)
	}
	sent := &parcel{b: b}
	f, err := t.reach(ctx, name, sent)
	if err != nil {
		return nil, err
	}
	octets(t, true, OctetsMessage, f.key, b, sent.at)
	if t.cfg.Trace.Sent != nil {
		t.guard(func() { t.cfg.Trace.Sent(f, m, len(b)) })
	}
	t.count.sent.Add(1)
	return f, nil
}

// Ready returns a flow that can be had without waiting: a UDP flow, or the open
// connection that [Transport.Dial] would return. For UDP the flow leaves from
// the first primary of the address family (and Ident, and Class) asked for,
// preferring the one bound to the address that the system would send from; its
// Local is that address, so it can stand in a Via.
func (t *Transport) Ready(name Name) (*Flow, bool) {
	f, _, err := t.ready(name)
	return f, f != nil && err == nil
}

// ready is Ready with the reason. Without flow or error, one must connect.
func (t *Transport) ready(name Name) (*Flow, poolKey, error) {
	proto, ok := t.protocolOf(name.Proto)
	if !ok {
		return nil, poolKey{}, ErrNoTransport
	}
	key, err := t.poolKey(name)
	if err != nil {
		return nil, poolKey{}, err
	}
	if _, packets := proto.(packetProtocol); packets {
		f, err := t.datagramFlow(name, key.remote)
		return f, poolKey{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, key, ErrClosed
	}
	if name.Fresh {
		t.fresh++
		key.fresh = t.fresh
	}
	if s := t.pooled(key); s != nil {
		return &s.flow, key, nil
	}
	return nil, key, nil
}

// poolKey returns what a connection to name is found by.
func (t *Transport) poolKey(name Name) (poolKey, error) {
	a, err := name.addr()
	remote, host := netip.AddrPortFrom(a, name.Port), ""
	switch {
	case err != nil && t.ownProtocol(name.Proto).Dial != nil && !name.wildcard():
		remote, host = netip.AddrPort{}, ownAddress(name)
	case err != nil:
		return poolKey{}, fmt.Errorf("%q: %w", name.Host, ErrNotNumeric)
	case name.Port == 0:
		return poolKey{}, ErrNoPort
	}
	key := poolKey{
		proto: name.Proto, remote: remote, host: host, server: nameKey(name.ServerName),
		ident: name.Ident, path: name.Path, class: name.Class, tls: name.TLS, verify: name.Verify,
	}
	if key.class == nil {
		key.class = t.cfg.Class
	}
	return key, nil
}

// reach returns a flow to name and, if there is a parcel, sends it there.
func (t *Transport) reach(ctx context.Context, name Name, p *parcel) (*Flow, error) {
	f, key, err := t.ready(name)
	errorKey := Key{Proto: name.Proto, Remote: key.remote, Name: name.ServerName}
	switch {
	case err != nil:
		return nil, wrap("dial", errorKey, err)
	case f != nil && p == nil:
		return f, nil
	}
	at, err := t.join(name, key, p)
	if err != nil {
		return nil, wrap("dial", errorKey, err)
	}
	select {
	case <-at.done:
	case <-ctx.Done():
		if t.leave(key, at, p) {
			return nil, wrap("dial", errorKey, ctx.Err())
		}
		<-at.done // it has come to its end just now
	}
	if at.err != nil {
		return nil, wrap("dial", errorKey, at.err)
	}
	if p != nil && p.err != nil {
		return nil, wrap("send", at.flow.key, p.err)
	}
	return at.flow, nil
}

// join waits with the others for a connection, and begins one if it is the first.
func (t *Transport) join(name Name, key poolKey, p *parcel) (*attempt, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if s := t.pooled(key); s != nil {
		at := &attempt{done: make(chan struct{}), flow: &s.flow}
		close(at.done)
		if p != nil {
			p.send(s)
		}
		return at, nil
	}
	at := t.attempts[key]
	if at == nil {
		if !t.makePlace(len(t.attempts) + 1) {
			return nil, ErrTooManyFlows
		}
		ctx, cancel := context.WithCancel(t.ctx)
		at = &attempt{done: make(chan struct{}), cancel: cancel}
		t.attempts[key] = at
		t.spawn(func() { t.connect(ctx, name, key, at) })
	}
	if p != nil {
		if len(at.queue) >= t.cfg.QueueSize || len(at.queue) > 0 && at.octets+len(p.b) > t.cfg.QueueBytes {
			return nil, ErrQueueFull
		}
		at.queue = append(at.queue, p)
		at.octets += len(p.b)
	}
	at.waiting++
	return at, nil
}

// leave stops waiting for an attempt and takes the parcel back. It reports
// false when it is too late for that.
func (t *Transport) leave(key poolKey, at *attempt, p *parcel) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.attempts[key] != at {
		return false
	}
	if i := slices.Index(at.queue, p); p != nil && i >= 0 {
		at.queue = slices.Delete(at.queue, i, i+1)
		at.octets -= len(p.b)
	}
	if at.waiting--; at.waiting == 0 {
		delete(t.attempts, key)
		at.err = context.Canceled
		at.cancel()
	}
	return true
}

// connect is the goroutine of an attempt; it becomes that of the connection.
func (t *Transport) connect(ctx context.Context, name Name, key poolKey, at *attempt) {
	if t.cfg.Trace.DialStarted != nil {
		t.guard(func() { t.cfg.Trace.DialStarted(name) })
	}
	began := time.Now()
	s, err := t.open(ctx, name, key)
	at.cancel()
	if err != nil {
		t.count.dialFailures.Add(1)
		t.log.Debug("connecting failed", "to", name, "err", err)
	} else {
		t.count.dialled.Add(1)
	}
	t.mu.Lock()
	if t.attempts[key] == at { // otherwise everybody has left
		delete(t.attempts, key)
	}
	at.err = err
	if err == nil {
		at.flow = &s.flow
		for _, p := range at.queue {
			p.send(s) // before anybody can find the connection
		}
		t.keep(key, s)
	}
	t.mu.Unlock()
	close(at.done)
	if t.cfg.Trace.DialEnded != nil {
		t.guard(func() {
			t.cfg.Trace.DialEnded(name, at.flow, wrap("dial", Key{Proto: name.Proto, Remote: key.remote}, err), time.Since(began))
		})
	}
	if err == nil {
		s.serve()
	}
}

// open connects and takes the connection into the books.
func (t *Transport) open(ctx context.Context, name Name, key poolKey) (*stream, error) {
	if t.cfg.DialTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.cfg.DialTimeout)
		defer cancel()
	}
	cfg, err := t.tlsFor(name.TLS)
	if err != nil {
		return nil, err
	}
	var from netip.Addr
	if _, ok := builtIn(name.Proto); ok {
		if from, err = t.sourceFor(name, key.remote); err != nil {
			return nil, err
		}
	}
	e := end{
		t: t, proto: name.Proto, class: key.class, server: key.server, tls: cfg, verify: name.Verify, client: true,
		name: name, remote: key.remote,
	}
	l, err := t.linkTo(ctx, from, e)
	if challenge, ok := t.challengeOf(err); ok {
		e.challenge = challenge
		l, err = t.linkTo(ctx, from, e)
	}
	if err != nil {
		if t.ctx.Err() != nil {
			err = ErrClosed
		}
		return nil, err
	}
	s := newStream(t, l, key.class, nil, name.Proto)
	if t.cfg.KeepAlive != nil {
		s.keep.Store(t.newKeeping(*t.cfg.KeepAlive))
	}
	if err := t.register(s); err != nil {
		l.conn.Close()
		return nil, err
	}
	return s, nil
}

// linkTo makes a connection to a peer and has it upgraded.
func (t *Transport) linkTo(ctx context.Context, from netip.Addr, e end) (link, error) {
	dial := func() (net.Conn, error) { return t.dialPeer(ctx, e.name, from, e.remote) }
	conn, err := asked(t, dial)
	if err != nil {
		spared := t.spareDescriptor(err)
		if spared == nil {
			return link{}, err
		}
		select {
		case <-spared.doneChan():
		case <-ctx.Done():
		}
		if conn, err = asked(t, dial); err != nil {
			return link{}, err
		}
	}
	if e.name.Ident != "" && from.IsValid() && addrPortOf(conn.LocalAddr()).Addr() != from {
		conn.Close()
		return link{}, ErrWrongSource
	}
	proto, _ := t.protocolOf(e.name.Proto) // ready has checked it
	l, err := t.upgrade(ctx, proto.(streamProtocol), conn, e)
	if err != nil {
		conn.Close()
		return link{}, err
	}
	l.remote = e.remote // behind a proxy conn knows another
	return l, nil
}

// dialFrom connects from a local address, if it is valid.
func (t *Transport) dialFrom(ctx context.Context, network string, from netip.Addr, to string) (net.Conn, error) {
	dial := t.cfg.Dial
	if from.IsValid() && t.cfg.DialFrom != nil {
		dial = t.cfg.DialFrom(from)
	}
	conn, err := dial(ctx, network, to)
	if err == nil {
		t.mark(conn)
	}
	return conn, err
}

// sourceFor returns the local address to connect from, the zero Addr where the
// system may choose. An Ident names the primary. Without one the system's choice
// must be an address we listen on, as far as there is a choice: a peer that has
// lost the connection comes back to where Via and Contact say (RFC 3261 18.2.2).
func (t *Transport) sourceFor(name Name, remote netip.AddrPort) (netip.Addr, error) {
	var fit []*Primary
	t.mu.Lock()
	for _, p := range t.primaries {
		// The class of a connection made from here is its own.
		if p.serves(name, nil, remote.Addr()) {
			fit = append(fit, p)
		}
	}
	t.mu.Unlock()
	var none netip.Addr
	switch {
	case len(fit) == 0 && name.Ident != "":
		return none, fmt.Errorf("ident %q: %w", name.Ident, ErrNoTransport)
	case len(fit) == 0:
		return none, nil
	case name.Ident != "":
		if a := fit[0].addr.Addr(); !a.IsUnspecified() {
			return a, nil
		}
		return none, nil
	case slices.ContainsFunc(fit, func(p *Primary) bool { return p.addr.Addr().IsUnspecified() }):
		return none, nil
	}
	r, err := t.routeTo(remote)
	if err != nil {
		return none, nil // connecting will tell why
	}
	a := bestFor(fit, r.local).addr.Addr()
	if a == r.local || a.IsLoopback() != remote.Addr().IsLoopback() {
		return none, nil // a loopback address leads nowhere else
	}
	return a, nil
}
