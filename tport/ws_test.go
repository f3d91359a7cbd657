package tport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/msg"
)

func TestWSExchange(t *testing.T) {
	onRealNet(t, func(t *testing.T, host string) {
		alice, bob := realNode(t), realNode(t)
		at := bob.listen(WS, host, 0).Addr()
		f := alice.dial(WS, at)
		exchange(t, alice, bob, f, at)
		require.True(t, f.Reliable())
		require.Equal(t, WS, f.Proto())
		require.Same(t, f, alice.dial(WS, at), "an open connection is used again")
	})
}

// wsPair is a WebSocket server at bob, and where it is.
func (v *virtual) wsPair(change ...func(*Config)) (bob *node, at netip.AddrPort) {
	bob = v.node(v.bob, change...)
	return bob, bob.listen(WS, "198.51.100.1", 80).Addr()
}

// upgradeRequest is the handshake of RFC 7118 section 4.1.
const upgradeRequest = "GET / HTTP/1.1\r\n" +
	"Host: sip-ws.example.com\r\n" +
	"Upgrade: websocket\r\n" +
	"Connection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
	"Origin: http://www.example.com\r\n" +
	"Sec-WebSocket-Protocol: sip\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"\r\n"

// anyOrigin opens a server for every page.
func anyOrigin(c *Config) { c.WebSocket.Origin = func(*http.Request) bool { return true } }

// bareWS connects, upgrades by hand, and returns the connection behind the 101.
func (v *virtual) bareWS(at netip.AddrPort) net.Conn {
	v.t.Helper()
	c := v.connect(at)
	write(v.t, c, upgradeRequest)
	readSwitch(v.t, c)
	return c
}

func readSwitch(t testing.TB, c net.Conn) http.Header {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(octetByOctet{c}), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	return resp.Header
}

// coderWS connects as a program that uses coder/websocket does.
func (v *virtual) coderWS(at netip.AddrPort, protocols ...string) (*websocket.Conn, *http.Response, error) {
	transport := &http.Transport{DialContext: v.alice.DialContext}
	defer transport.CloseIdleConnections()
	return websocket.Dial(context.Background(), "ws://"+at.String()+"/", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, Subprotocols: protocols,
	})
}

// must-list W01: the subprotocol sip is asked for and echoed, and nobody gets
// anywhere without; one SIP message is one WebSocket message, text or binary
// (RFC 7118 sections 4.1 and 5).
func TestW01Subprotocol(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair(anyOrigin)
		c := v.connect(at)
		write(t, c, upgradeRequest)
		h := readSwitch(t, c)
		require.Equal(t, "sip", h.Get("Sec-WebSocket-Protocol"))
		require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", h.Get("Sec-WebSocket-Accept"))
		require.Empty(t, h.Get("Sec-WebSocket-Extensions"))

		// Text, binary, without Content-Length, in fragments: one message each.
		bare := "MESSAGE sip:bob@example.com SIP/2.0\r\nX-ID: %s\r\n\r\nbody"
		write(t, c, masked(0x81, text("1", "hi"))+masked(0x82, text("2", "\xff\xfe"))+masked(0x81, fmt.Sprintf(bare, "3"))+
			masked(0x01, text("4", "")[:10])+masked(0x00, "")+masked(0x80, text("4", "")[10:]))
		for _, want := range []string{"1", "2", "3", "4"} {
			d, id := bob.next()
			require.NoError(t, d.Err)
			require.Equal(t, want, id)
			require.Equal(t, WS, d.Flow.Proto())
		}
		// Two in one are none.
		write(t, c, masked(0x81, text("5", "")+text("6", "")))
		d, id := bob.next()
		require.ErrorIs(t, d.Err, ErrTrailing)
		require.Equal(t, "5", id)
		require.False(t, d.Fatal)
		// Empty lines round one are let pass.
		write(t, c, masked(0x81, "\r\n"+text("7", "")+"\r\n"))
		d, id = bob.next()
		require.NoError(t, d.Err)
		require.Equal(t, "7", id)
		// Answers are one message each, too: text, but binary where it is none.
		require.NoError(t, d.Flow.Send(parse(t, refusal)))
		expect(t, c, wsFrame(0x81, "", refusal))
		require.NoError(t, d.Flow.Send(parse(t, text("8", "\xff"))))
		expect(t, c, wsFrame(0x82, "", text("8", "\xff")))
		none(t, bob.closed)

		for _, offered := range []string{"", "xmpp", "sips, sip2"} {
			ws, resp, err := v.coderWS(at, strings.Split(offered, ", ")...)
			require.Error(t, err, offered)
			require.Nil(t, ws)
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
		}
		ws, _, err := v.coderWS(at, "xmpp", "sip")
		require.NoError(t, err)
		require.Equal(t, "sip", ws.Subprotocol())
		require.NoError(t, ws.Close(websocket.StatusNormalClosure, ""))
	})
}

// A server that agrees to the upgrade but not to the subprotocol is left again.
func TestW01ServerWithoutSubprotocol(t *testing.T) {
	for _, answer := range []string{"", "xmpp"} {
		bubble(t, func(t *testing.T, v *virtual) {
			at := v.httpServer(func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, "sip", r.Header.Get("Sec-WebSocket-Protocol"))
				if answer != "" {
					r.Header.Set("Sec-WebSocket-Protocol", answer)
				}
				_, _ = websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{answer}})
			})
			alice := v.node(v.alice)
			_, err := alice.Dial(context.Background(), nameOf(WS, at))
			if answer == "" {
				require.ErrorIs(t, err, ErrSubprotocol)
			} else {
				require.Error(t, err)
			}
			require.Zero(t, alice.Stats().Flows)
		})
	}
}

// httpServer serves f at bob until the test ends.
func (v *virtual) httpServer(f http.HandlerFunc) netip.AddrPort {
	v.t.Helper()
	l, err := v.bob.Listen(context.Background(), "tcp4", "198.51.100.1:80")
	require.NoError(v.t, err)
	server := &http.Server{Handler: f}
	go server.Serve(l)
	v.closers = append(v.closers, func() { server.Close() })
	return addrPortOf(l.Addr())
}

// must-list W03: masked frames, the cap over all fragments, pings both ways and
// close codes.
func TestW03Frames(t *testing.T) {
	small := func(c *Config) {
		anyOrigin(c)
		c.Limits = msg.Limits{StartLine: 100, Headers: 200, Body: 1000}
	}
	for _, c := range []struct {
		name, in string
		code     int
	}{
		{"unmasked", wsFrame(0x81, "", text("1", "")), 1002},
		{"reserved bit", masked(0xC1, text("1", "")), 1002},
		{"too big", masked(0x81, text("1", pad(2000))), 1009},
		{"too big, announced", "\x81\xff\x00\x00\x00\xff\xff\xff\xff\xff" + testMask, 1009},
		{"too big in fragments", masked(0x01, pad(700)) + masked(0x00, pad(700)), 1009},
		{"no UTF-8", masked(0x81, text("1", "\xff")), 1007},
		{"no message", masked(0x81, "hello world"), 1003},
		{"closed", masked(0x88, "\x03\xe8bye"), 1000},
		{"closed without code", masked(0x88, ""), 0},
		{"closed, and more", masked(0x88, "\x03\xe9") + masked(0x81, text("1", "")), 1001},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				bob, at := v.wsPair(small)
				conn := v.bareWS(at)
				start := time.Now()
				write(t, conn, c.in)
				b, err := io.ReadAll(conn)
				require.NoError(t, err, "it must not be reset")
				payload := ""
				if c.code != 0 {
					payload = string([]byte{byte(c.code >> 8), byte(c.code)})
				}
				require.Equal(t, byte(0x88), b[0])
				require.Equal(t, payload, string(b[2:min(len(b), 4)]))
				require.Less(t, time.Since(start), time.Second)
				conn.Close()
				end := get(t, bob.closed)
				none(t, bob.inbox)
				var e *WebSocketError
				if c.name != "no message" {
					require.ErrorAs(t, end.err, &e)
				}
				require.Equal(t, strings.HasPrefix(c.name, "closed"), errors.Is(end.err, io.EOF))
			})
		})
	}
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair(small)
		conn := v.bareWS(at)
		write(t, conn, masked(0x89, "hi")+masked(0x81, "\r\n\r\n")+masked(0x8a, "")+masked(0x81, "\r\n"))
		expect(t, conn, wsFrame(0x8a, "", "hi")+wsFrame(0x81, "", "\r\n"))
		s := bob.Stats()
		require.EqualValues(t, 2, s.Pings)
		require.EqualValues(t, 2, s.Pongs)
		none(t, bob.inbox)
		// The orderly end: our close frame, and no reset.
		f := get(t, bob.opened)
		require.NoError(t, f.Close())
		expect(t, conn, wsFrame(0x88, "", "\x03\xe8"))
		write(t, conn, masked(0x88, "\x03\xe8"))
		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		conn.Close()
		require.ErrorIs(t, get(t, bob.closed).err, ErrClosed)
	})
}

// must-list W03: whoever looks at a foreign page does not connect by it, unless
// a hook says so.
func TestW03Origin(t *testing.T) {
	for _, c := range []struct {
		name, origin string
		hook         func(*http.Request) bool
		status       int
	}{
		{"none", "", nil, 101},
		{"own", "http://sip-ws.example.com", nil, 101},
		{"own, other case", "http://SIP-WS.example.com", nil, 101},
		{"foreign", "http://www.example.com", nil, 403},
		{"own, default port", "https://sip-ws.example.com:443", nil, 101},
		{"panic", "http://www.example.com", func(*http.Request) bool { panic("origin") }, 403},
		{"other port", "http://sip-ws.example.com:8080", nil, 403},
		{"opaque", "null", nil, 403},
		{"no URL", "http://%zz", nil, 403},
		{"foreign, let in", "http://www.example.com", func(r *http.Request) bool { return r.Header.Get("Origin") == "http://www.example.com" }, 101},
		{"own, kept out", "http://sip-ws.example.com", func(*http.Request) bool { return false }, 403},
		{"none, never asked", "", func(*http.Request) bool { return false }, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				_, at := v.wsPair(func(cfg *Config) { cfg.WebSocket.Origin = c.hook })
				header := "Origin: " + c.origin + "\r\n"
				if c.origin == "" {
					header = ""
				}
				conn := v.connect(at)
				write(t, conn, strings.Replace(upgradeRequest, "Origin: http://www.example.com\r\n", header, 1))
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
				conn.Close()
			})
		})
	}
}

// What is no upgrade to SIP is answered as HTTP has it, and the connection ends.
func TestWSRefusals(t *testing.T) {
	change := func(old, new string) string { return strings.Replace(upgradeRequest, old, new, 1) }
	for _, c := range []struct {
		name, in string
		status   int
		header   string // that must be there
	}{
		{"plain GET", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade: websocket"},
		{"other path", change("GET / ", "GET /index.html "), 404, ""},
		{"POST", change("GET / ", "POST / "), 405, "Allow: GET"},
		{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 405, ""},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
		{"HTTP/1.0", change("HTTP/1.1", "HTTP/1.0"), 426, ""},
		{"no upgrade token", change("Connection: Upgrade", "Connection: close"), 426, ""},
		{"other upgrade", change("Upgrade: websocket", "Upgrade: h2c"), 426, ""},
		{"other version", change("Version: 13", "Version: 8"), 426, "Sec-WebSocket-Version: 13"},
		{"no key", change("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, ""},
		{"bad key", change("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400, ""},
		{"no base64", change("dGhlIHNhbXBsZSBub25jZQ==", "!!!"), 400, ""},
		{"no subprotocol", change("Sec-WebSocket-Protocol: sip\r\n", ""), 400, "Sec-WebSocket-Protocol: sip"},
		{"other subprotocol", change("Protocol: sip", "Protocol: mqtt, xmpp"), 400, ""},
		{"no Host", change("Host: sip-ws.example.com\r\n", ""), 400, ""},
		{"no HTTP", "INVITE sip:bob@example.com SIP/2.0\r\n\r\n", 400, ""},
		{"TLS", "\x16\x03\x01\x00\xa5\x01\r\n\r\n", 400, ""},
		{"endless head", change("Origin: http://www.example.com", "Cookie: "+pad(maxUpgradeHead)), 431, ""},
		{"body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n" + pad(300_000), 405, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, v *virtual) {
				bob, at := v.wsPair(anyOrigin)
				conn := v.connect(at)
				go conn.Write([]byte(c.in))
				in := bufio.NewReader(conn)
				resp, err := http.ReadResponse(in, nil)
				require.NoError(t, err)
				require.Equal(t, c.status, resp.StatusCode)
				if name, value, ok := strings.Cut(c.header, ": "); ok {
					require.Equal(t, value, resp.Header.Get(name))
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				conn.Close()
				synctest.Wait()
				time.Sleep(time.Second) // package net/http lingers
				require.Zero(t, bob.Stats().Flows)
				require.EqualValues(t, 1, bob.Stats().Turned)
				none(t, bob.opened)
			})
		})
	}
}

// However a stream is cut, from the request for the upgrade on, the same
// messages come.
func TestWSCutAtEveryOctet(t *testing.T) {
	stream := upgradeRequest + masked(0x81, text("1", "")) + masked(0x89, "") + masked(0x02, text("2", "body")[:20]) +
		masked(0x80, text("2", "body")[20:]) + masked(0x81, text("3", pad(200)))
	answer := wsFrame(0x8a, "", "")
	check := func(t *testing.T, v *virtual, pieces ...string) {
		t.Helper()
		bob, at := v.wsPair(anyOrigin)
		c := v.connect(at)
		for _, p := range pieces {
			write(t, c, p)
			synctest.Wait()
		}
		readSwitch(t, c)
		expect(t, c, answer)
		for _, want := range []string{"1", "2", "3"} {
			d, id := bob.next()
			require.NoError(t, d.Err)
			require.Equal(t, want, id)
		}
		c.Close()
		require.ErrorIs(t, get(t, bob.closed).err, io.EOF)
		require.NoError(t, bob.Close())
	}
	bubble(t, func(t *testing.T, v *virtual) {
		check(t, v, stream)
		for i := range len(stream) {
			check(t, v, stream[:i], stream[i:])
		}
		check(t, v, strings.Split(stream, "")...)
	})
}

// exchangeWithCoder sends and reads messages, pings both ways and closes.
func exchangeWithCoder(t *testing.T, n *node, ws *websocket.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, ws.Write(ctx, websocket.MessageText, []byte(text("1", ""))))
	require.NoError(t, ws.Write(ctx, websocket.MessageBinary, []byte(text("2", "\xff"))))
	w, err := ws.Writer(ctx, websocket.MessageText) // several frames
	require.NoError(t, err)
	for _, part := range strings.SplitAfter(text("3", pad(5000)), "\n") {
		_, err := io.WriteString(w, part)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	var d *Delivery
	for _, want := range []string{"1", "2", "3"} {
		var id string
		d, id = n.next()
		require.NoError(t, d.Err)
		require.Equal(t, want, id)
	}
	big := text("4", pad(100_000))
	require.NoError(t, d.Flow.Send(parse(t, refusal)))
	require.NoError(t, d.Flow.Send(parse(t, text("5", "\xff"))))
	require.NoError(t, d.Flow.Send(parse(t, big)))
	ws.SetReadLimit(1 << 20)
	for _, want := range []struct {
		kind websocket.MessageType
		text string
	}{{websocket.MessageText, refusal}, {websocket.MessageBinary, text("5", "\xff")}, {websocket.MessageText, big}} {
		kind, b, err := ws.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, want.kind, kind)
		require.Equal(t, want.text, string(b))
	}
	quiet := ws.CloseRead(ctx)
	require.NoError(t, ws.Ping(ctx))
	require.NoError(t, d.Flow.stream.put(d.Flow.stream.wrap.ping(nil), false))
	synctest.Wait()
	require.EqualValues(t, 1, n.Stats().Pongs)
	require.NoError(t, d.Flow.Close())
	<-quiet.Done()
	_ = ws.CloseNow()
	end := get(t, n.closed)
	require.ErrorIs(t, end.err, ErrClosed)
}

// Programs made with another library talk to us, as clients and as servers.
func TestWSWithOthers(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair()
		ws, resp, err := v.coderWS(at, "sip")
		require.NoError(t, err)
		require.Equal(t, 101, resp.StatusCode)
		exchangeWithCoder(t, bob, ws)
	})
	bubble(t, func(t *testing.T, v *virtual) {
		done := make(chan struct{})
		at := v.httpServer(func(w http.ResponseWriter, r *http.Request) {
			ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"sip"}})
			require.NoError(t, err)
			n := v.nodes[0]
			exchangeWithCoder(t, n, ws)
			close(done)
		})
		alice := v.node(v.alice)
		f := alice.dial(WS, at)
		require.Equal(t, at, f.Remote())
		<-done
	})
}

// The peer closes: each end hears of it as it should.
func TestWSCloses(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair()
		ws, _, err := v.coderWS(at, "sip")
		require.NoError(t, err)
		require.NoError(t, ws.Close(4321, "enough"), "it waits for our close frame")
		var e *WebSocketError
		end := get(t, bob.closed)
		require.ErrorAs(t, end.err, &e)
		require.Equal(t, WebSocketError{Code: 4321, Reason: "enough", Remote: true}, *e)
		require.ErrorIs(t, end.err, io.EOF)
		require.Equal(t, `websocket closed by the peer with 4321 "enough"`, e.Error())

		alice := v.node(v.alice)
		f := alice.dial(WS, at)
		require.NoError(t, f.Close())
		require.ErrorIs(t, get(t, alice.closed).err, ErrClosed)
		end = get(t, bob.closed)
		require.ErrorAs(t, end.err, &e)
		require.Equal(t, WebSocketError{Code: 1000, Remote: true}, *e)

		f = alice.dial(WS, at)
		synctest.Wait()
		start := time.Now()
		require.NoError(t, bob.Shutdown(context.Background()))
		require.Less(t, time.Since(start), 100*time.Millisecond)
		end = get(t, alice.closed)
		require.ErrorAs(t, end.err, &e)
		require.Equal(t, 1000, e.Code)
		_ = f
	})
}

// The keep-alive of a WebSocket is its ping; who does not answer is gone.
func TestWSKeepAlive(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair()
		alice := v.node(v.alice, func(c *Config) { c.KeepAlive = &KeepAlive{Interval: 30 * time.Second, Jitter: -1} })
		f := alice.dial(WS, at)
		time.Sleep(95 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 3, bob.Stats().Pings)
		require.EqualValues(t, 3, alice.Stats().Pongs)
		none(t, bob.inbox)
		require.NoError(t, f.Err())
		v.net.Partition(v.alice, v.bob, true)
		time.Sleep(45 * time.Second)
		require.ErrorIs(t, get(t, alice.closed).err, ErrNoPong)
	})
}

// A message must be whole in time, however many pings stand between its
// fragments.
func TestWSSlowMessage(t *testing.T) {
	bubble(t, func(t *testing.T, v *virtual) {
		bob, at := v.wsPair(anyOrigin)
		conn := v.bareWS(at)
		go io.Copy(io.Discard, conn)
		start := time.Now()
		write(t, conn, masked(0x01, "MESSAGE "))
		for range 11 {
			time.Sleep(5 * time.Second)
			if len(bob.closed) > 0 {
				break
			}
			write(t, conn, masked(0x89, "")+masked(0x8a, "")+masked(0x00, ""))
		}
		require.ErrorIs(t, get(t, bob.closed).err, ErrMessageTimeout)
		require.Less(t, time.Since(start), 36*time.Second)
		conn.Close()
	})
}
