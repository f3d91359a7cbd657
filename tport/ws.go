package tport

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// ws is messages in WebSocket messages (RFC 7118).
type ws struct{ listening }

// defaultWSPort is the port that a URL may leave out (RFC 6455 section 3).
var defaultWSPort = map[string]uint16{WS: 80, WSS: 443}

func (ws) upgrade(ctx context.Context, conn net.Conn, e end) (link, error) {
	return upgradeWS(ctx, link{conn: conn}, conn, e)
}

// wss is messages in WebSocket messages over TLS.
type wss struct{ listening }

func (wss) bind(ctx context.Context, p *Primary, name Name) error { return secure{}.bind(ctx, p, name) }

func (wss) upgrade(ctx context.Context, conn net.Conn, e end) (link, error) {
	s, err := handshake(ctx, conn, e)
	if err != nil {
		return link{}, err
	}
	return upgradeWS(ctx, link{conn: conn, seal: s}, s, e)
}

// upgradeWS makes a link of WebSocket frames out of l, by an HTTP upgrade on conn.
func upgradeWS(ctx context.Context, l link, conn net.Conn, e end) (link, error) {
	l.frames = newWSFraming(e.t.cfg.Limits, e.client, e.t.cfg.Rand)
	if e.client {
		early, err := e.t.requestUpgrade(ctx, conn, e)
		l.early = early
		return l, err
	}
	u, err := e.t.serveUpgrade(ctx, l.conn, conn, e.t.pathOf(e.name))
	if err != nil {
		return l, err
	}
	l.early = u.early
	if l.seal == nil {
		l.tls = tlsStateOf(conn) // of a listener that was given
	}
	return l, nil
}

// challengeOf returns the header of a 401 that Config.WebSocket.Header may answer.
func (t *Transport) challengeOf(err error) (http.Header, bool) {
	var refused *HTTPError
	if t.cfg.WebSocket.Header == nil || !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
		return nil, false
	}
	return refused.Header, true
}
