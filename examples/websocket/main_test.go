package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/internal/leak"
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/nta"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

func TestMain(m *testing.M) { leak.Main(m) }

// output is what run writes, while it writes.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// start runs the example on loopback and returns where.
func start(t *testing.T) netip.AddrPort {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, errs := &output{}, &output{}
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"-listen", "127.0.0.1:0"}, out, errs) }()
	t.Cleanup(func() {
		cancel()
		require.Zero(t, <-done, errs.String())
		require.Empty(t, errs.String())
	})
	says := regexp.MustCompile(`http://(\S+)/`)
	require.Eventually(t, func() bool { return says.MatchString(out.String()) }, 10*time.Second, time.Millisecond)
	return netip.MustParseAddrPort(says.FindStringSubmatch(out.String())[1])
}

// client is a SIP element that has what a browser has: a WebSocket.
type client struct {
	*nta.Agent
	t    *testing.T
	at   netip.AddrPort
	name string
	got  chan string
}

func newClient(t *testing.T, at netip.AddrPort, name string) *client {
	t.Helper()
	c := &client{t: t, at: at, name: name, got: make(chan string, 10)}
	var err error
	c.Agent, err = nta.New(nta.Config{
		Transport: tport.Config{WebSocket: tport.WebSocketConfig{Path: "/sip"}},
		Serve: func(in *nta.Incoming) {
			c.got <- in.Request().Body()
			_ = in.Reply(200)
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func (c *client) send(method, user string, set ...msg.Setter) int {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	uri, err := sip.ParseURI("sip:" + user + c.at.String() + ";transport=ws")
	require.NoError(c.t, err)
	me := sip.NameAddr{URI: sip.URI{Scheme: "sip", User: c.name, Host: "127.0.0.1"}}
	to := sip.NameAddr{URI: uri}
	if method == sip.MethodRegister {
		to = me
	}
	req, err := sip.NewRequest(method, uri, append([]msg.Setter{
		sip.From.Set(me.WithTag(c.NewTag())), sip.To.Set(to), sip.CallID.Text(c.NewCallID()),
		sip.CSeq.Set(sip.Sequence{Seq: 1, Method: method}),
	}, set...)...)
	require.NoError(c.t, err)
	o, err := c.Send(req, nta.SendConfig{})
	require.NoError(c.t, err)
	resp, err := o.Final(ctx)
	if refused, ok := errors.AsType[*sip.StatusError](err); ok {
		return refused.Status()
	}
	require.NoError(c.t, err)
	return resp.Status()
}

func (c *client) register(expires uint32) int {
	c.t.Helper()
	return c.send(sip.MethodRegister, "", sip.Contact.Set(c.Contact(c.name, "ws")), sip.Expires.Set(expires))
}

// One port serves the page and SIP, and two users reach each other.
func TestWebSocketExample(t *testing.T) {
	at := start(t)
	alice, bob := newClient(t, at, "alice"), newClient(t, at, "bob")
	require.Equal(t, 200, alice.send(sip.MethodOptions, ""))
	require.Equal(t, 405, alice.send("INFO", ""))
	hello := sip.Payload("text/plain", "hello")
	require.Equal(t, 404, alice.send(sip.MethodMessage, "bob@", hello))
	require.Equal(t, 200, alice.register(600))
	require.Equal(t, 200, bob.register(600))
	require.Equal(t, 200, alice.send(sip.MethodMessage, "bob@", hello))
	require.Equal(t, "hello", <-bob.got)
	require.Equal(t, 200, bob.send(sip.MethodMessage, "alice@", sip.Payload("text/plain", "grüezi")))
	require.Equal(t, "grüezi", <-alice.got)
	require.Equal(t, 200, bob.register(0))
	require.Equal(t, 404, alice.send(sip.MethodMessage, "bob@", hello))
	// Whoever has left is not there any more.
	require.Equal(t, 200, bob.register(600))
	require.NoError(t, bob.Close())
	require.Eventually(t, func() bool { return alice.send(sip.MethodMessage, "bob@", hello) == 404 }, 10*time.Second, 10*time.Millisecond)
}

func TestWebSocketExampleHTTP(t *testing.T) {
	at := start(t)
	get := func(method, path string, set ...string) (int, string) {
		r, err := http.NewRequest(method, "http://"+at.String()+path, nil)
		require.NoError(t, err)
		for i := 0; i < len(set); i += 2 {
			r.Header.Set(set[i], set[i+1])
		}
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		resp, err := transport.RoundTrip(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return resp.StatusCode, resp.Header.Get("Sec-WebSocket-Protocol")
		}
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(b)
	}
	status, body := get("GET", "/")
	require.Equal(t, 200, status)
	require.Contains(t, body, `new WebSocket(location.href`)
	status, _ = get("GET", "/nothing")
	require.Equal(t, 404, status)
	status, _ = get("GET", "/sip")
	require.Equal(t, 426, status)
	status, _ = get("POST", "/sip")
	require.Equal(t, 405, status)
	upgrade := []string{
		"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13",
		"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol", "sip",
	}
	status, protocol := get("GET", "/sip", append(upgrade, "Origin", "http://"+at.String())...)
	require.Equal(t, 101, status, "its own page")
	require.Equal(t, "sip", protocol)
	status, _ = get("GET", "/sip", append(upgrade, "Origin", "http://evil.example")...)
	require.Equal(t, 403, status)
}

func TestWebSocketExampleRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{{"-cert", "x"}, {"more"}, {"-no"}} {
		require.Equal(t, 2, run(context.Background(), args, io.Discard, io.Discard), strings.Join(args, " "))
	}
	var errs bytes.Buffer
	require.Equal(t, 1, run(context.Background(), []string{"-listen", "nowhere"}, io.Discard, &errs))
	require.Contains(t, errs.String(), "websocket:")
}
