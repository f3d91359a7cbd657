package tport

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// httpProxy is an HTTP proxy at a host of its own, 203.0.113.1:3128.
type httpProxy struct {
	host  *simnet.Host
	seen  []*http.Request
	reply func(r *http.Request) string // "" makes the tunnel
	tls   *tls.Config
}

func (v *virtual) proxy(p *httpProxy) *httpProxy {
	v.t.Helper()
	p.host = v.net.MustHost("proxy", "203.0.113.1")
	l, err := p.host.Listen(context.Background(), "tcp4", "203.0.113.1:3128")
	require.NoError(v.t, err)
	v.closers = append(v.closers, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if p.tls != nil {
				c = tls.Server(c, p.tls)
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *httpProxy) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.seen = append(p.seen, r)
	if reply := p.reply(r); reply != "" {
		_, _ = io.WriteString(c, reply)
		_, _ = io.Copy(io.Discard, c)
		return
	}
	out, err := p.host.DialContext(context.Background(), "tcp", r.Host)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer out.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
	go func() {
		_, _ = io.Copy(out, in)
		_ = out.(interface{ CloseWrite() error }).CloseWrite()
	}()
	_, _ = io.Copy(c, out)
}

func tunnels(*http.Request) string { return "" }

func through(p *Proxy) func(*Config) {
	return func(c *Config) { c.Proxy = func(context.Context, Name) (*Proxy, error) { return p, nil } }
}

// Every protocol with connections goes through a proxy, TLS end to end.
func TestConnect(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		proxy := v.proxy(&httpProxy{reply: tunnels})
		ca := newAuthority(t, "both")
		bob := v.node(v.bob, serving(ca.domain("bob.example", "198.51.100.1")))
		alice := v.node(v.alice, trusting(ca), through(&Proxy{Address: "203.0.113.1:3128"}))
		for i, proto := range []string{TCP, TLS, WS, WSS} {
			at := bob.listen(proto, "198.51.100.1", uint16(5060+i)).Addr()
			name := nameOf(proto, at)
			if proto == TLS || proto == WSS {
				name.ServerName = "bob.example"
			}
			f, err := alice.Dial(context.Background(), name)
			require.NoError(t, err, proto)
			require.Equal(t, at, f.Remote(), "the peer, not the proxy")
			require.Equal(t, "192.0.2.1", f.Local().Addr().String())
			require.NoError(t, f.Send(parse(t, text(proto, ""))))
			d, id := bob.next()
			require.Equal(t, proto, id)
			require.Equal(t, "203.0.113.1", d.From.Addr().String())
			require.NoError(t, d.Flow.Send(parse(t, refusal)))
			back, _ := alice.next()
			require.Equal(t, f.Key(), back.Flow.Key())
			again, err := alice.Dial(context.Background(), name)
			require.NoError(t, err)
			require.Same(t, f, again)
			r := proxy.seen[len(proxy.seen)-1]
			require.Equal(t, "CONNECT", r.Method)
			require.Equal(t, at.String(), r.Host)
			require.Equal(t, at.String(), r.RequestURI)
			require.NotContains(t, r.Header, "User-Agent")
		}
		require.Len(t, proxy.seen, 4)
	})
}

// A proxy may be reached by TLS, and TLS then goes through it.
func TestConnectByTLS(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		ca := newAuthority(t, "both")
		v.proxy(&httpProxy{reply: tunnels, tls: &tls.Config{Certificates: []tls.Certificate{ca.address("203.0.113.1")}}})
		bob := v.node(v.bob, serving(ca.domain("bob.example")))
		at := bob.listen(TLS, "198.51.100.1", 5061).Addr()
		alice := v.node(v.alice, trusting(ca), through(&Proxy{Address: "203.0.113.1:3128", TLS: &tls.Config{RootCAs: ca.pool()}}))
		f, err := alice.Dial(context.Background(), named("bob.example", at))
		require.NoError(t, err)
		require.Equal(t, "bob.example", f.Key().Name)
		require.NoError(t, f.Send(parse(t, text("1", pad(20_000)))))
		d, _ := bob.next()
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		alice.next()

		carol := v.node(v.alice, trusting(ca), through(&Proxy{Address: "203.0.113.1:3128", TLS: &tls.Config{}}))
		_, err = carol.Dial(context.Background(), named("bob.example", at))
		var e *tls.CertificateVerificationError
		require.ErrorAs(t, err, &e, "the proxy must prove its name")
	})
}

// A proxy that wants to know who asks.
func TestConnectAuthorization(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		proxy := v.proxy(&httpProxy{reply: func(r *http.Request) string {
			if r.Header.Get("Proxy-Authorization") == "Basic YTpi" {
				return ""
			}
			return "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 2\r\n\r\nno"
		}})
		bob := v.node(v.bob)
		at := bob.listen(TCP, "198.51.100.1", 5060).Addr()
		p := &Proxy{Address: "203.0.113.1:3128"}
		alice := v.node(v.alice, through(p))
		_, err := alice.Dial(context.Background(), nameOf(TCP, at))
		var e *HTTPError
		require.ErrorAs(t, err, &e)
		require.Equal(t, "CONNECT", e.Op)
		require.Equal(t, 407, e.Status)
		require.Equal(t, "Proxy Authentication Required", e.Reason)
		require.Equal(t, `Basic realm="p"`, e.Header.Get("Proxy-Authenticate"))
		require.Len(t, proxy.seen, 1)

		answers := []string{"Basic wrong", "Basic YTpi"}
		var targets []string
		q := &Proxy{Address: p.Address, Header: func(_ context.Context, target string, challenge http.Header) (http.Header, error) {
			targets = append(targets, target)
			if challenge == nil {
				return nil, nil
			}
			require.Equal(t, `Basic realm="p"`, challenge.Get("Proxy-Authenticate"))
			answer := answers[0]
			answers = answers[1:]
			return http.Header{"Proxy-Authorization": {answer}}, nil
		}}
		carol := v.node(v.alice, through(q))
		_, err = carol.Dial(context.Background(), nameOf(TCP, at))
		require.ErrorAs(t, err, &e, "one answer to one challenge")
		require.Equal(t, 407, e.Status)
		f, err := carol.Dial(context.Background(), nameOf(TCP, at))
		require.NoError(t, err)
		require.NoError(t, f.Send(parse(t, text("1", ""))))
		bob.next()
		require.Equal(t, []string{at.String(), at.String(), at.String(), at.String()}, targets)

		q.Header = func(context.Context, string, http.Header) (http.Header, error) { return nil, io.ErrClosedPipe }
		_, err = v.node(v.alice, through(q)).Dial(context.Background(), nameOf(TCP, at))
		require.ErrorIs(t, err, io.ErrClosedPipe)
	})
}

func TestConnectFails(t *testing.T) {
	at := netip.MustParseAddrPort("198.51.100.1:5060")
	for _, c := range []struct {
		name, reply string
		status      int
		err         error
	}{
		{"refused", "HTTP/1.1 403 Forbidden\r\n\r\n", 403, nil},
		{"nobody there", "", 502, nil},
		{"provisional", "HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, nil},
		{"interim for ever", strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 10), 103, nil},
		{"interim first", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 Forbidden\r\n\r\n", 403, nil},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", 0, nil},
		{"endless head", "HTTP/1.1 200 OK\r\nX: " + pad(maxReplyHead+10), 0, io.ErrUnexpectedEOF},
		{"silence", " ", 0, context.DeadlineExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				v.proxy(&httpProxy{reply: func(*http.Request) string { return c.reply }})
				alice := v.node(v.alice, through(&Proxy{Address: "203.0.113.1:3128"}))
				start := time.Now()
				_, err := alice.Dial(context.Background(), nameOf(TCP, at))
				require.Error(t, err)
				require.LessOrEqual(t, time.Since(start), DefaultDialTimeout)
				if e, ok := errors.AsType[*HTTPError](err); ok || c.status != 0 {
					require.Equal(t, c.status, e.Status)
				}
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
				}
				synctest.Wait()
			})
		})
	}
	bubble(t, func(t *testing.T, v *virtual) {
		alice := v.node(v.alice, func(c *Config) {
			c.Proxy = func(context.Context, Name) (*Proxy, error) { return nil, io.ErrNoProgress }
		})
		_, err := alice.Dial(context.Background(), nameOf(TCP, at))
		require.ErrorIs(t, err, io.ErrNoProgress)
		// nil is no proxy.
		bob := v.node(v.bob)
		bob.listen(TCP, "198.51.100.1", 5060)
		carol := v.node(v.alice, through(nil))
		require.Equal(t, at, carol.dial(TCP, at).Remote())
	})
}

// What a server says at once, right behind the answer of the proxy, is not lost.
func TestConnectEarlyOctets(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		v.proxy(&httpProxy{reply: func(*http.Request) string { return "HTTP/1.1 200 OK\r\n\r\n" + text("1", "first") }})
		alice := v.node(v.alice, through(&Proxy{Address: "203.0.113.1:3128"}))
		alice.dial(TCP, netip.MustParseAddrPort("198.51.100.1:5060"))
		_, id := alice.next()
		require.Equal(t, "1", id)
	})
}
