package tport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
)

// Proxy is an HTTP proxy to connect through with CONNECT (RFC 9110 section
// 9.3.6): Sofia's http-connect. It must not be changed while in use.
type Proxy struct {
	// Address is the proxy's host:port, as Config.Dial takes it.
	Address string
	// TLS has the proxy itself reached by TLS, nil: in the clear. It is cloned,
	// and its ServerName is the host of Address by default. What runs inside the
	// tunnel has TLS of its own, by the protocol of the [Name].
	TLS *tls.Config
	// Header returns header fields for the CONNECT to target (host:port), such as
	// Proxy-Authorization. It runs before each attempt, with challenge nil, and
	// once more with the header of a 407 that came in answer: an error ends the
	// attempt. nil adds nothing, and a 407 is then final.
	Header func(ctx context.Context, target string, challenge http.Header) (http.Header, error)
}

// HTTPError is the answer of an HTTP server or proxy that refused a WebSocket
// upgrade or a CONNECT; or our own answer, where a peer asked in vain.
type HTTPError struct {
	// Op is "upgrade" or "CONNECT".
	Op string
	// Status is the HTTP status code, such as 403 or 407.
	Status int
	// Reason is the reason phrase, or what we said. It is not to be trusted.
	Reason string
	// Header is the header of the response; nil for our own.
	Header http.Header
}

// Error returns what was refused, and how.
func (e *HTTPError) Error() string {
	return e.Op + " refused: " + strconv.Itoa(e.Status) + " " + strconv.Quote(e.Reason)
}

// dialPeer connects to the peer of a name, through a proxy if there is one. from
// is the local address, if it is valid.
func (t *Transport) dialPeer(ctx context.Context, name Name, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	if proto, _ := t.protocolOf(name.Proto); proto != nil {
		if own, ok := proto.(ownStream); ok {
			return own.dial(ctx, name, to)
		}
	}
	var proxy *Proxy
	if t.cfg.Proxy != nil {
		var err error
		if proxy, err = asked(t, func() (*Proxy, error) { return t.cfg.Proxy(ctx, name) }); err != nil {
			return nil, err
		}
	}
	if proxy == nil {
		return t.dialFrom(ctx, name.network("tcp"), from, to.String())
	}
	if name.Ident == "" {
		from = netip.Addr{} // it was chosen for the way to the peer
	}
	conn, err := t.tunnel(ctx, proxy, from, to.String(), nil)
	if refused, ok := err.(*HTTPError); ok && refused.Status == http.StatusProxyAuthRequired && proxy.Header != nil {
		conn, err = t.tunnel(ctx, proxy, from, to.String(), refused.Header)
	}
	return conn, err
}

// tunnel connects to a proxy and through it to target.
func (t *Transport) tunnel(ctx context.Context, proxy *Proxy, from netip.Addr, target string, challenge http.Header) (net.Conn, error) {
	conn, err := t.dialFrom(ctx, "tcp", from, proxy.Address)
	if err != nil {
		return nil, err
	}
	raw := conn
	if proxy.TLS != nil {
		if conn, err = proxy.secure(ctx, conn); err != nil {
			raw.Close()
			return nil, err
		}
	}
	var header http.Header
	if proxy.Header != nil {
		header, err = asked(t, func() (http.Header, error) { return proxy.Header(ctx, target, challenge) })
	}
	if err == nil {
		err = connect(ctx, conn, target, header)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// secure makes TLS to the proxy (RFC 9110 section 4.3.4).
func (p *Proxy) secure(ctx context.Context, conn net.Conn) (net.Conn, error) {
	cfg := p.TLS.Clone()
	if cfg.ServerName == "" {
		host, _, err := net.SplitHostPort(p.Address)
		if err != nil {
			return nil, err
		}
		cfg.ServerName = host
	}
	c := tls.Client(conn, cfg)
	return c, c.HandshakeContext(ctx)
}

// connect asks for the tunnel. What follows the answer is left unread.
func connect(ctx context.Context, conn net.Conn, target string, header http.Header) error {
	r := (&http.Request{
		Method: http.MethodConnect, URL: &url.URL{Opaque: target}, Host: target, Header: http.Header{},
	}).WithContext(ctx)
	if header != nil {
		r.Header = header.Clone()
	}
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = nil // none
	}
	release := bounded(ctx, conn)
	resp, _, err := exchangeHTTP(octetByOctet{conn}, r)
	if ended := release(); ended != nil {
		return ended
	}
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &HTTPError{Op: "CONNECT", Status: resp.StatusCode, Reason: reasonOf(resp), Header: resp.Header}
	}
	return nil
}

// octetByOctet reads no more than it must: a response head is short.
type octetByOctet struct{ io.ReadWriter }

func (o octetByOctet) Read(b []byte) (int, error) {
	if len(b) > 1 {
		b = b[:1]
	}
	return o.ReadWriter.Read(b)
}
