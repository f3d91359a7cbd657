package tport

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

const (
	// maxUpgradeHead bounds the head of a request for an upgrade, in octets:
	// cookies and credentials are in it.
	maxUpgradeHead = 16 << 10
	// upgradeHeadSlop is what package net/http adds to its bound.
	upgradeHeadSlop = 4 << 10
)

// errNotUpgraded is the end of a connection that asked for something else.
var errNotUpgraded = errors.New("no WebSocket upgrade")

// upgraded is a connection that has gone from HTTP to WebSocket.
type upgraded struct {
	conn  net.Conn
	early []byte // read behind the request
}

// answerUpgrade answers one HTTP request: with an upgrade (RFC 6455 section
// 4.2), or with what is wrong. path is where SIP is, anyPath for everywhere.
func (t *Transport) answerUpgrade(w http.ResponseWriter, r *http.Request, path string) (*upgraded, error) {
	refuse := func(status int, text string) (*upgraded, error) {
		http.Error(w, text, status)
		return nil, &HTTPError{Op: "upgrade", Status: status, Reason: text}
	}
	h := w.Header()
	switch {
	case path != anyPath && r.URL.Path != path:
		return refuse(http.StatusNotFound, "nothing here")
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return refuse(http.StatusMethodNotAllowed, "use GET with a WebSocket upgrade")
	case r.ProtoMajor > 1:
		return refuse(http.StatusHTTPVersionNotSupported, "use HTTP/1.1 for a WebSocket upgrade")
	case !r.ProtoAtLeast(1, 1) || !offers(r.Header, "Connection", "upgrade") || !offers(r.Header, "Upgrade", "websocket"):
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		return refuse(http.StatusUpgradeRequired, "this is SIP over WebSocket")
	case r.ContentLength != 0: // its octets would be taken for frames
		return refuse(http.StatusBadRequest, "an upgrade has no body")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		h.Set("Sec-WebSocket-Version", "13") // RFC 6455 section 4.4
		return refuse(http.StatusUpgradeRequired, "WebSocket version 13 is needed")
	case !offers(r.Header, "Sec-WebSocket-Protocol", subprotocol):
		h.Set("Sec-WebSocket-Protocol", subprotocol)
		return refuse(http.StatusBadRequest, "ask for the WebSocket subprotocol sip")
	case !t.originAllowed(r):
		t.log.Info("page refused; see Config.WebSocket.Origin", "origin", r.Header.Get("Origin"), "host", r.Host, "from", r.RemoteAddr)
		return refuse(http.StatusForbidden, "not from this origin")
	case !t.authorized(w, r):
		return nil, &HTTPError{Op: "upgrade", Status: http.StatusUnauthorized, Reason: "refused by Config.WebSocket.Authorize"}
	case !hijackable(w):
		return refuse(http.StatusNotImplemented, "this server cannot upgrade")
	}
	taken := &takeover{ResponseWriter: w}
	conn, err := websocket.Accept(taken, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		CompressionMode:    websocket.CompressionDisabled,
		InsecureSkipVerify: true, // of the origin: that is checked
	})
	if conn != nil {
		_ = conn.CloseNow() // of a hull: frames are read by wsFraming
	}
	switch {
	case err == nil:
		return &taken.upgraded, nil
	case taken.conn != nil:
		taken.conn.Close()
		return nil, err
	}
	return nil, &HTTPError{Op: "upgrade", Status: http.StatusBadRequest, Reason: err.Error()}
}

// hijackable reports whether w can hand out its connection.
func hijackable(w http.ResponseWriter) bool {
	for {
		switch u := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = u.Unwrap()
		default:
			return false
		}
	}
}

// takeover keeps the connection that is hijacked, and gives a hull of it away.
type takeover struct {
	http.ResponseWriter
	upgraded
}

// Hijack implements http.Hijacker.
func (k *takeover) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(k.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := rw.Flush(); err != nil {
		conn.Close()
		return nil, nil, err
	}
	b, _ := rw.Reader.Peek(rw.Reader.Buffered())
	k.conn, k.early = conn, bytes.Clone(b)
	return hull{conn}, bufio.NewReadWriter(bufio.NewReaderSize(http.NoBody, 16), bufio.NewWriterSize(io.Discard, 16)), nil
}

// hull is a connection that others may close without harm.
type hull struct{ net.Conn }

func (hull) Close() error { return nil }

// serveUpgrade serves HTTP on a fresh connection until it is upgraded, or ends.
// raw is what lies below conn.
func (t *Transport) serveUpgrade(ctx context.Context, raw, conn net.Conn, path string) (*upgraded, error) {
	type outcome struct {
		*upgraded
		err error
	}
	result := make(chan outcome, 1)
	once := &onceListener{conn: conn, done: make(chan struct{})}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Connection", "close") // one request
			done, err := t.begin()                // hooks may outlast ctx, but not Close
			if err != nil {
				http.Error(w, "closed", http.StatusServiceUnavailable)
				result <- outcome{nil, err}
				return
			}
			defer done()
			u, err := t.answerUpgrade(w, r, path)
			result <- outcome{u, err}
			if err == nil {
				once.end() // otherwise when the answer has gone out
			}
		}),
		MaxHeaderBytes: maxUpgradeHead - upgradeHeadSlop,
		ErrorLog:       log.New(io.Discard, "", 0),
		Protocols:      new(http.Protocols),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateIdle: // a 426 has no room for "close" in Connection
				raw.Close()
			case http.StateClosed:
				once.end()
			}
		},
		DisableGeneralOptionsHandler: true,
	}
	server.Protocols.SetHTTP1(true)
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		raw.Close() // package net/http sets deadlines of its own
		once.end()
	})
	_ = server.Serve(once) // until end
	if !stop() {
		<-closed
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-result:
		return r.upgraded, r.err
	default:
		return nil, errNotUpgraded
	}
}

// onceListener is a listener that has accepted one connection.
type onceListener struct {
	conn  net.Conn
	given bool
	once  sync.Once
	done  chan struct{}
}

// Accept returns the connection, and when that has ended io.EOF.
func (l *onceListener) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.done
	return nil, io.EOF
}

func (l *onceListener) end() { l.once.Do(func() { close(l.done) }) }

// Close implements net.Listener.
func (*onceListener) Close() error { return nil }

// Addr implements net.Listener.
func (l *onceListener) Addr() net.Addr { return l.conn.LocalAddr() }
