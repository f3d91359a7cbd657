package tport

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
)

// WebSocketHandler is SIP over WebSocket (RFC 7118) inside an HTTP server of the
// user's: mount it where SIP is to be, beside whatever else that server does.
// Each request for an upgrade becomes a flow of the Transport and leaves the
// server for good. Safe for concurrent use.
//
// What the HTTP server bounds (the time and size of a request's head) holds
// until the upgrade; from then on the Transport's own limits do, as on a socket
// that it listens on itself: [Config.WebSocket] decides who may come,
// [Config.MaxFlows] and [Config.MaxFlowsPerSource] how many. Middleware in front
// of it must hand on a ResponseWriter that can be hijacked, or has Unwrap.
type WebSocketHandler struct{ p *Primary }

// WebSocketHandler returns a handler whose flows are of name.Proto: "wss" if
// what clients speak is TLS, be it with this server or with a proxy in front of
// it, else "ws". Ident and Class are those of the flows; Host and Port, if set,
// are where clients reach it, for what the layers above write of us. The path
// is the HTTP server's matter: name.Path is not used. The error is an [*Error].
//
// The handler stands among [Transport.Primaries] until its Primary is closed,
// or the Transport: it then answers 503. Close the Transport, too, when the HTTP
// server ends: that does not know of connections that were upgraded.
func (t *Transport) WebSocketHandler(name Name) (*WebSocketHandler, error) {
	key := Key{Proto: name.Proto}
	if name.Proto != WS && name.Proto != WSS {
		return nil, wrap("listen", key, fmt.Errorf("%w: a WebSocketHandler is of %q or %q", ErrNoTransport, WS, WSS))
	}
	p := t.newPrimary(name)
	if !name.wildcard() {
		a, err := name.addr()
		if err != nil {
			return nil, wrap("listen", key, fmt.Errorf("%q: %w", name.Host, ErrNotNumeric))
		}
		p.addr, p.dual = netip.AddrPortFrom(a, name.Port), false
	}
	done, err := t.enlist(p)
	if err != nil {
		return nil, wrap("listen", key, err)
	}
	done()
	return &WebSocketHandler{p}, nil
}

// Primary is what the flows came in by. Its address is that of the Name, the
// zero value if it had none. Closing it has the handler answer 503.
func (h *WebSocketHandler) Primary() *Primary { return h.p }

// ServeHTTP upgrades r to a flow, or says why not.
func (h *WebSocketHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, t := h.p, h.p.t
	if p.Err() != nil {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	u, err := t.answerUpgrade(w, r, anyPath)
	if err != nil {
		t.count.turned.Add(1)
		t.log.Debug("request turned away", "proto", p.proto, "from", r.RemoteAddr, "err", err)
		return
	}
	done, err := t.begin()
	if err != nil {
		u.conn.Close()
		return
	}
	defer done()
	l := link{
		conn: u.conn, tls: r.TLS, early: u.early,
		frames: newWSFraming(t.cfg.Limits, false, t.cfg.Rand),
	}
	s := newStream(t, l, p.class, p, p.proto)
	if err := t.register(s); err != nil {
		if !errors.Is(err, ErrClosed) {
			t.count.turned.Add(1)
		}
		u.conn.Close()
		return
	}
	t.count.accepted.Add(1)
	t.spawn(s.serve) // the goroutine and the stack of the request are not needed any more
}

// begin holds off the end of the transport until done is called.
func (t *Transport) begin() (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	t.work.Add(1)
	return t.work.Done, nil
}
