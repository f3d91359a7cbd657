package nta

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// What a broken or hostile peer may send, over UDP and TCP: what can be
// answered is answered without state, the rest is dropped, a stream that lost
// its framing is closed; the counters tell, nothing is left, and a good request
// after it is served as ever.
func TestBadInput(t *testing.T) {
	good := func(proto, branch string) string {
		p := &peer{addr: mustAddr("192.0.2.9:5060")}
		return strings.Replace(p.incoming("OPTIONS", branch), "SIP/2.0/UDP", "SIP/2.0/"+proto, 1)
	}
	for name, c := range map[string]struct {
		change    func(string) string
		want      string // first line of the answer; "": none
		closes    bool   // the stream
		badCounts uint64
	}{
		"noise":          {func(string) string { return "\x00\x01hello\r\n\r\nhello\r\n\r\n" }, "", true, 0},
		"without Via":    {func(s string) string { return drop(s, "Via") }, "", false, 1},
		"without From":   {func(s string) string { return drop(s, "From") }, "SIP/2.0 400 ", false, 1},
		"two lengths":    {func(s string) string { return s + "Content-Length: 3\nContent-Length: 4\n\nabcd" }, "SIP/2.0 400 ", true, 1},
		"broken Via":     {func(s string) string { return edit(s, "Via", "SIP/2.0/UDP") }, "", false, 1},
		"broken To":      {func(s string) string { return edit(s, "To", "<sip:bob@example.com") }, "SIP/2.0 400 ", false, 1},
		"CSeq mismatch":  {func(s string) string { return edit(s, "CSeq", "1 INVITE") }, "SIP/2.0 400 ", false, 1},
		"other version":  {func(s string) string { return strings.Replace(s, "SIP/2.0\n", "SIP/3.0\n", 1) }, "SIP/2.0 505 ", false, 1},
		"length of text": {func(s string) string { return s + "Content-Length: many\n\n" }, "SIP/2.0 400 ", true, 1},
	} {
		t.Run(name+" udp", func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				p := w.peer("peer", "192.0.2.9")
				p.loose = true
				a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
				p.send(here, c.change(good("UDP", "z9hG4bK1")))
				if c.want == "" {
					p.quiet()
				} else {
					got := p.recv()
					require.True(t, strings.HasPrefix(got.first(), c.want), got.first())
				}
				s := a.Stats()
				require.Zero(t, s.Transactions)
				require.Zero(t, s.Timers)
				require.Equal(t, c.badCounts, s.BadRequests)
				p.send(here, good("UDP", "z9hG4bK2"))
				require.Equal(t, "SIP/2.0 200 OK", p.recv().first())
			})
		})
		t.Run(name+" tcp", func(t *testing.T) {
			bubble(t, simnet.Config{}, func(w *world) {
				host := w.net.MustHost("peer", "192.0.2.9")
				a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = func(in *Incoming) { in.Reply(200) } })
				conn, err := host.DialContext(w.ctx(), "tcp", here)
				require.NoError(t, err)
				defer conn.Close()
				text := c.change(good("TCP", "z9hG4bK1"))
				if name != "noise" {
					text = wire(text)
				}
				_, err = conn.Write([]byte(text))
				require.NoError(t, err)
				r := bufio.NewReader(conn)
				if c.want != "" {
					line := answer(t, conn, r)
					require.True(t, strings.HasPrefix(line, c.want), line)
				}
				w.sleep(ms)
				require.Equal(t, c.badCounts, a.Stats().BadRequests)
				require.Zero(t, a.Stats().Transactions)
				if c.closes {
					require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*sec)))
					_, err = r.ReadByte()
					require.ErrorIs(t, err, io.EOF)
					conn.Close()
					w.sleep(10 * sec)
					require.Zero(t, a.Transport().Stats().Flows)
					return
				}
				_, err = conn.Write([]byte(wire(good("TCP", "z9hG4bK2"))))
				require.NoError(t, err)
				require.Equal(t, "SIP/2.0 200 OK", answer(t, conn, r))
			})
		})
	}
}

// answer reads one response without a body.
func answer(t *testing.T, conn net.Conn, r *bufio.Reader) (first string) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(30*sec)))
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "":
			return first
		case first == "":
			first = line
		}
	}
}

// drop removes the lines of a header.
func drop(text, name string) string {
	var kept []string
	for _, l := range strings.Split(text, "\n") {
		if !strings.HasPrefix(l, name+":") {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}
