package tport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// maxReplyHead bounds the head of an HTTP response to an upgrade or CONNECT.
const maxReplyHead = 16 << 10

// requestUpgrade asks the server at the other end of conn for an upgrade
// (RFC 6455 section 4.1) and checks its answer. It returns what was read behind it.
func (t *Transport) requestUpgrade(ctx context.Context, conn net.Conn, e end) (early []byte, err error) {
	var header http.Header
	if hook := t.cfg.WebSocket.Header; hook != nil {
		header, err = asked(t, func() (http.Header, error) { return hook(ctx, e.name, e.challenge) })
		if err != nil {
			return nil, err
		}
	}
	release := bounded(ctx, conn)
	trip := &oneTrip{conn: conn}
	ws, resp, err := websocket.Dial(ctx, upgradeURL(e.name, t.pathOf(e.name)), &websocket.DialOptions{
		HTTPClient: &http.Client{
			Transport:     trip,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		HTTPHeader:      header,
		Subprotocols:    []string{subprotocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if ws != nil {
		_ = ws.CloseNow() // of a hull: frames are read by wsFraming
	}
	switch ended := release(); {
	case ended != nil:
		return nil, ended
	case resp != nil && resp.StatusCode != http.StatusSwitchingProtocols:
		return nil, &HTTPError{Op: "upgrade", Status: resp.StatusCode, Reason: reasonOf(resp), Header: resp.Header}
	case err != nil:
		return nil, err
	case !strings.EqualFold(ws.Subprotocol(), subprotocol): // RFC 7118 section 4.1
		return nil, ErrSubprotocol
	}
	return trip.early, nil
}

// upgradeURL is the WebSocket URL of a name and path.
func upgradeURL(name Name, path string) string {
	host := name.ServerName
	if host == "" {
		host = name.Host
		if a, err := name.addr(); err == nil {
			host = a.WithZone("").String()
		}
	}
	u := url.URL{Scheme: name.Proto, Host: net.JoinHostPort(host, strconv.Itoa(int(name.Port)))}
	if name.Port == defaultWSPort[name.Proto] { // left out, as browsers do
		u.Host = strings.TrimSuffix(u.Host, ":"+strconv.Itoa(int(name.Port)))
	}
	u.Path, u.RawQuery, _ = strings.Cut(path, "?")
	return u.String()
}

// oneTrip makes one HTTP exchange on a connection that it does not own.
type oneTrip struct {
	conn  net.Conn
	early []byte
}

// RoundTrip implements http.RoundTripper.
func (o *oneTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, in, err := exchangeHTTP(o.conn, r)
	if err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		return resp, err
	}
	b, _ := in.Peek(in.Buffered())
	o.early = bytes.Clone(b)
	resp.Body = struct {
		io.Reader
		io.WriteCloser
	}{http.NoBody, hull{o.conn}}
	return resp, nil
}

// maxInterim is how many provisional responses may come before the final one.
const maxInterim = 5

// exchangeHTTP writes a request and reads the response, passing over provisional
// ones (RFC 9110 section 15.2).
func exchangeHTTP(conn io.ReadWriter, r *http.Request) (*http.Response, *bufio.Reader, error) {
	if err := r.Write(conn); err != nil {
		return nil, nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxReplyHead))
	for n := 0; ; n++ {
		resp, err := http.ReadResponse(in, r)
		if err != nil || resp.StatusCode/100 != 1 || resp.StatusCode == http.StatusSwitchingProtocols || n == maxInterim {
			return resp, in, err
		}
	}
}

// reasonOf is the reason phrase of a response.
func reasonOf(resp *http.Response) string {
	_, phrase, _ := strings.Cut(resp.Status, " ")
	return phrase
}

// bounded ends what waits on conn when ctx ends. release undoes that, and returns
// why ctx has ended if it has.
func bounded(ctx context.Context, conn net.Conn) (release func() error) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = conn.SetDeadline(past)
	})
	return func() error {
		if !stop() {
			<-done
			return context.Cause(ctx)
		}
		return conn.SetDeadline(time.Time{})
	}
}
