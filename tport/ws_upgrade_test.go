package tport

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// Whoever begins an upgrade and does not end it is turned away.
func TestWSUnfinishedUpgrade(t *testing.T) {
	for _, in := range []string{"", "GET / HT", upgradeRequest[:len(upgradeRequest)-2]} {
		bubble(t, func(t *testing.T, v *virtual) {
			bob, at := v.wsPair(anyOrigin)
			c := v.connect(at)
			start := time.Now()
			write(t, c, in)
			_, _ = io.ReadAll(c)
			require.LessOrEqual(t, time.Since(start), 31*time.Second)
			c.Close()
			synctest.Wait()
			require.Zero(t, bob.Stats().Flows)
			require.EqualValues(t, 1, bob.Stats().Turned)
			// Closing does not wait for one either.
			c = v.connect(at)
			write(t, c, in)
			synctest.Wait()
			start = time.Now()
			require.NoError(t, bob.Close())
			require.Zero(t, time.Since(start))
			c.Close()
		})
	}
	// Nor is a server waited for that does not answer.
	for _, out := range []string{"", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", "HTTP/1.1 101 X\r\nCookie: " + pad(100)} {
		bubble(t, func(t *testing.T, v *virtual) {
			l, err := v.bob.Listen(context.Background(), "tcp4", "198.51.100.1:80")
			require.NoError(t, err)
			go func() {
				c, err := l.Accept()
				if err == nil {
					_, _ = c.Write([]byte(out))
					_, _ = io.Copy(io.Discard, c)
					c.Close()
				}
			}()
			alice := v.node(v.alice, func(c *Config) { c.HandshakeTimeout = 3 * time.Second })
			start := time.Now()
			_, err = alice.Dial(context.Background(), nameOf(WS, addrPortOf(l.Addr())))
			require.ErrorIs(t, err, ErrHandshakeTimeout)
			require.Equal(t, 3*time.Second, time.Since(start))
			l.Close()
		})
	}
}

// A server may say this and that before it agrees.
func TestWSInterimResponses(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		at := v.httpServer(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a>")
			w.WriteHeader(http.StatusEarlyHints)
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
			require.NoError(t, err)
			require.NoError(t, ws.Write(context.Background(), websocket.MessageText, []byte(text("1", ""))))
			_, _, _ = ws.Read(context.Background())
		})
		alice := v.node(v.alice)
		alice.dial(WS, at)
		_, id := alice.next()
		require.Equal(t, "1", id)
	})
}

// A server that refuses, and one that asks for credentials (RFC 7118 section 7).
func TestWSRefused(t *testing.T) {
	serve := func(w http.ResponseWriter, r *http.Request) {
		if user, _, _ := r.BasicAuth(); user == "alice" && r.Header.Get("Cookie") == "a=b" {
			_, _ = websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		http.Error(w, "who are you?", http.StatusUnauthorized)
	}
	bubble(t, func(t *testing.T, v *virtual) {
		at := v.httpServer(serve)
		alice := v.node(v.alice)
		_, err := alice.Dial(context.Background(), nameOf(WS, at))
		var e *HTTPError
		require.ErrorAs(t, err, &e)
		require.Equal(t, 401, e.Status)
		require.Equal(t, "upgrade", e.Op)
		require.Equal(t, `Basic realm="x"`, e.Header.Get("WWW-Authenticate"))
		require.Equal(t, `upgrade refused: 401 "Unauthorized"`, e.Error())

		var challenges []string
		bob := v.node(v.alice, func(c *Config) {
			c.WebSocket.Header = func(_ context.Context, name Name, challenge http.Header) (http.Header, error) {
				challenges = append(challenges, challenge.Get("WWW-Authenticate"))
				h := http.Header{"Cookie": {"a=b"}}
				if challenge != nil {
					h.Set("Authorization", "Basic YWxpY2U6c2VjcmV0")
				}
				return h, nil
			}
		})
		f := bob.dial(WS, at)
		require.Equal(t, []string{"", `Basic realm="x"`}, challenges)
		_ = f.Close()
	})
	for _, status := range []int{302, 403, 404, 503} {
		bubble(t, func(t *testing.T, v *virtual) {
			at := v.httpServer(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "ws://192.0.2.99/", status)
			})
			alice := v.node(v.alice)
			_, err := alice.Dial(context.Background(), nameOf(WS, at))
			var e *HTTPError
			require.ErrorAs(t, err, &e)
			require.Equal(t, status, e.Status, "nobody is followed")
		})
	}
}

// Config.WebSocket.Authorize has the last word (RFC 7118 section 7).
func TestWSAuthorize(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		_, at := v.wsPair(anyOrigin, func(c *Config) {
			c.WebSocket.Authorize = func(w http.ResponseWriter, r *http.Request) bool {
				if cookie, err := r.Cookie("session"); err == nil && cookie.Value == "good" {
					return true
				}
				w.Header().Set("WWW-Authenticate", `Digest realm="x", nonce="y"`)
				w.WriteHeader(http.StatusUnauthorized)
				return false
			}
		})
		c := v.connect(at)
		write(t, c, upgradeRequest)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err)
		require.Equal(t, 401, resp.StatusCode)
		require.NotEmpty(t, resp.Header.Get("WWW-Authenticate"))
		c.Close()
		c = v.connect(at)
		write(t, c, strings.Replace(upgradeRequest, "\r\n\r\n", "\r\nCookie: session=good\r\n\r\n", 1))
		readSwitch(t, c)
		c.Close()
	})
}

// What a hook does wrong costs one connection.
func TestWSHookPanics(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair(func(c *Config) {
			c.WebSocket.Authorize = func(http.ResponseWriter, *http.Request) bool { panic("authorize") }
		})
		alice := v.node(v.alice)
		_, err := alice.Dial(context.Background(), nameOf(WS, at))
		var e *HTTPError
		require.ErrorAs(t, err, &e)
		require.Equal(t, 500, e.Status)
		require.EqualValues(t, 1, bob.Stats().Panics)
		carol := v.node(v.alice, func(c *Config) {
			c.WebSocket.Header = func(context.Context, Name, http.Header) (http.Header, error) { panic("header") }
		})
		_, err = carol.Dial(context.Background(), nameOf(WS, at))
		require.ErrorIs(t, err, errHook)
		dave := v.node(v.alice, func(c *Config) {
			c.Proxy = func(context.Context, Name) (*Proxy, error) { panic("proxy") }
		})
		_, err = dave.Dial(context.Background(), nameOf(WS, at))
		require.ErrorIs(t, err, errHook)
		erin := v.node(v.alice, func(c *Config) {
			c.Dial = func(context.Context, string, string) (net.Conn, error) { panic("dial") }
		})
		_, err = erin.Dial(context.Background(), nameOf(TCP, at))
		require.ErrorIs(t, err, errHook)
	})
}

// Upgrades that nobody ends are bounded in number; the honest get through.
func TestWSHalfOpen(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair(anyOrigin, func(c *Config) { c.MaxHandshakes = 10 })
		var conns []net.Conn
		for range 50 {
			c := v.connect(at)
			write(t, c, "GET / HTTP/1.1\r\nHost: a\r\n")
			conns = append(conns, c)
			synctest.Wait()
		}
		require.EqualValues(t, 40, bob.Stats().HalfOpenShed)
		v.bareWS(at).Close()
		get(t, bob.opened)
		time.Sleep(DefaultHandshakeTimeout)
		synctest.Wait()
		require.EqualValues(t, 50, bob.Stats().Turned)
		for _, c := range conns {
			c.Close()
		}
	})
}

// Paths, at both ends.
func TestWSPath(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob := v.node(v.bob)
		for port, path := range map[uint16]string{81: "/sip", 82: "*"} {
			_, err := bob.Listen(context.Background(), Name{Proto: WS, Host: "198.51.100.1", Port: port, Path: path})
			require.NoError(t, err)
		}
		alice := v.node(v.alice)
		for _, c := range []struct {
			port   uint16
			path   string
			status int
		}{{81, "", 404}, {81, "/sip", 101}, {81, "/sip?room=1", 101}, {81, "/sip/", 404}, {82, "", 101}, {82, "/a b/c", 101}} {
			_, err := alice.Dial(context.Background(), Name{Proto: WS, Host: "198.51.100.1", Port: c.port, Path: c.path})
			if c.status == 101 {
				require.NoError(t, err, c)
				continue
			}
			var e *HTTPError
			require.ErrorAs(t, err, &e, c)
			require.Equal(t, c.status, e.Status)
		}
	})
}

// A hook that outlasts the handshake does not outlast Close.
func TestWSHookEndsBeforeClose(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		entered, leave, left := make(chan struct{}), make(chan struct{}), false
		bob := v.node(v.bob, anyOrigin, func(c *Config) {
			c.WebSocket.Authorize = func(http.ResponseWriter, *http.Request) bool {
				close(entered)
				<-leave
				left = true
				return true
			}
		})
		at := bob.listen(WS, "198.51.100.1", 80).Addr()
		c := v.connect(at)
		write(t, c, upgradeRequest)
		<-entered
		time.AfterFunc(time.Minute, func() { close(leave) })
		<-time.After(DefaultHandshakeTimeout + time.Second)
		require.Zero(t, bob.Stats().HalfOpen)
		require.NoError(t, bob.Close())
		require.True(t, left, "a callback runs after Close")
		require.Zero(t, bob.Stats().Flows)
		c.Close()
	})
}

// Octets behind a request are frames for us; whoever was told that they are its
// body would see other messages than we do.
func TestWSUpgradeWithBody(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair()
		for _, field := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
			c := v.connect(at)
			write(t, c, strings.Replace(upgradeRequest, "\r\n\r\n", "\r\n"+field+"\r\n\r\n", 1))
			write(t, c, masked(0x81, text("smuggled", "")))
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			require.NoError(t, err)
			require.Equal(t, http.StatusBadRequest, resp.StatusCode, field)
			c.Close()
		}
		synctest.Wait()
		none(t, bob.inbox)
		require.Zero(t, bob.Stats().Accepted)
	})
}
