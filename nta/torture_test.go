package nta

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gosofia/sofia/tport/simnet"
)

// tortureCase is what an entry of the json says of a user agent server.
type tortureCase struct {
	Name, File string
	UAS        struct {
		Status, Lenient []int
		UAC             string
		Transport       string
		Must            any
	}
}

func torture(t *testing.T, rfc string) (cases []tortureCase) {
	t.Helper()
	text, err := os.ReadFile("../sip/testdata/" + rfc + ".json")
	require.NoError(t, err)
	var all struct{ Messages []tortureCase }
	require.NoError(t, json.Unmarshal(text, &all))
	require.NotEmpty(t, all.Messages)
	return all.Messages
}

// strict is a user agent server that checks what RFC 3261 section 8.2 has it check.
func strict(t *testing.T) func(*Incoming) {
	return func(in *Incoming) { require.NoError(t, judge(in)) }
}

func judge(in *Incoming) error {
	req := in.Request()
	c := Checks{
		Methods: []string{"INVITE", "ACK", "OPTIONS", "BYE", "CANCEL", "REGISTER", "MESSAGE"},
		Schemes: []string{"sip", "sips"},
		Options: []string{"timer"},
		Content: []string{"application/sdp", "text/plain", "multipart/mixed", "application/pkcs7-mime"},
	}
	switch req.Method() {
	case "INVITE":
		c.Content, c.Answers = []string{"application/sdp"}, []string{"application/sdp"}
	case "REGISTER":
		if to, err := req.To(); err != nil || !to.URI.IsSIP() {
			return in.Reply(400)
		}
	}
	if status, set := c.Refuse(req); status != 0 {
		return in.Reply(status, set...)
	}
	return in.Reply(200)
}

// sentByPorts are the ports that Via values of a message speak of.
var sentByPorts = regexp.MustCompile(`:\s*(\d{4,5})\b`)

// RFC 4475 and 5118 as a user agent server: each message gets the answer that it
// must get, over UDP and TCP, or none if it is no request; nothing is left of
// it, and the next request is served as ever.
func TestTorture(t *testing.T) {
	for _, rfc := range []string{"rfc4475", "rfc5118"} {
		for _, c := range torture(t, rfc) {
			text, err := os.ReadFile(filepath.Join("../sip/testdata", rfc, c.File))
			require.NoError(t, err)
			want := append(slices.Clone(c.UAS.Status), c.UAS.Lenient...)
			t.Run(rfc+" "+c.Name+" udp", func(t *testing.T) { tortureUDP(t, c, string(text), want) })
			if c.UAS.Transport != "UDP" {
				t.Run(rfc+" "+c.Name+" tcp", func(t *testing.T) { tortureTCP(t, c, string(text), want) })
			}
		}
	}
}

func tortureUDP(t *testing.T, c tortureCase, text string, want []int) {
	bubble(t, simnet.Config{Link: simnet.Link{MTU: -1}}, func(w *world) {
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = strict(t) })
		host := w.net.MustHost("peer", "192.0.2.9")
		ports := []uint16{5060, 5061}
		head, _, _ := strings.Cut(text, "\r\n\r\n")
		for _, m := range sentByPorts.FindAllStringSubmatch(head, -1) {
			if n, err := strconv.ParseUint(m[1], 10, 16); err == nil && n > 1023 && !slices.Contains(ports, uint16(n)) {
				ports = append(ports, uint16(n))
			}
		}
		var peers []*peer
		for _, port := range ports {
			p := w.peerOn(host, port)
			p.loose = true
			peers = append(peers, p)
		}
		_, err := peers[0].conn.WriteTo([]byte(text), netUDP("192.0.2.1:5060"))
		require.NoError(t, err)
		w.sleep(400 * time.Millisecond)
		var got []arrival
		for _, p := range peers {
			got = append(got, p.all()...)
			p.skip()
		}
		checkTorture(t, c, got, want)
		w.sleep(100 * sec)
		require.Zero(t, a.Stats().Transactions)
		peers[0].skip()
		peers[0].send(here, peers[0].incoming("OPTIONS", "z9hG4bKafter"))
		require.Equal(t, "SIP/2.0 200 OK", peers[0].recv().first())
	})
}

func checkTorture(t *testing.T, c tortureCase, got []arrival, want []int) {
	t.Helper()
	if c.UAS.UAC != "" {
		require.Empty(t, got, "%s: a response is never answered", c.Name)
		return
	}
	if len(got) == 0 && c.Name == "insuf" { // nothing to copy the answer from: dropping is safe
		return
	}
	require.NotEmpty(t, got, "%s: no answer", c.Name)
	var status int
	for _, g := range got {
		field := strings.Fields(g.first())
		require.GreaterOrEqual(t, len(field), 2)
		n, err := strconv.Atoi(field[1])
		require.NoError(t, err)
		if status == 0 || status < 200 {
			status = n
		}
	}
	require.Contains(t, want, status, "%s: %s", c.Name, got[0].text)
	checkMust(t, c, status, got[len(got)-1].text)
}

// checkMust looks for what the answer must have.
func checkMust(t *testing.T, c tortureCase, status int, text string) {
	t.Helper()
	switch must := c.UAS.Must.(type) {
	case []any:
		for _, m := range must {
			if name := m.(string); !strings.Contains(name, " ") && (status == 415 || status == 501) {
				require.Contains(t, text, "\r\n"+name+":", c.Name)
			}
		}
	case map[string]any:
		for name, values := range must {
			for _, v := range values.([]any) {
				require.Regexp(t, `(?m)^`+name+`:.*`+regexp.QuoteMeta(v.(string)), text)
			}
		}
	}
}

func tortureTCP(t *testing.T, c tortureCase, text string, want []int) {
	bubble(t, simnet.Config{}, func(w *world) {
		a := w.agent("a", "192.0.2.1", func(c *Config) { c.Serve = strict(t) })
		host := w.net.MustHost("peer", "192.0.2.9")
		var back notes // answers over connections that the agent makes: it was a stream to noise
		for _, port := range []string{"5060", "5061"} {
			l, err := host.Listen(w.ctx(), "tcp", "192.0.2.9:"+port)
			require.NoError(t, err)
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						buf := make([]byte, 4096)
						for {
							n, err := conn.Read(buf)
							back.add(string(buf[:n]))
							if err != nil {
								return
							}
						}
					}()
				}
			}()
		}
		conn, err := host.DialContext(w.ctx(), "tcp", here)
		require.NoError(t, err)
		defer conn.Close()
		head, _, whole := strings.Cut(text, "\r\n\r\n")
		switch {
		case !whole: // the end of the head is missing in the file
			text += "\r\n"
		case !regexp.MustCompile(`(?mi)^(content-length|l)[ \t]*:`).MatchString(head):
			want = append(want, 400) // 18.3: a stream needs it
		}
		_, err = conn.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, conn.SetReadDeadline(time.Now().Add(400*ms)))
		all, _ := io.ReadAll(bufio.NewReader(conn)) // to the deadline, or the end
		w.sleep(10 * sec)
		answers := string(all) + strings.Join(back.all(), "")
		var got []arrival
		for answers != "" {
			head, tail, _ := strings.Cut(answers, "\r\n\r\n")
			got = append(got, arrival{text: head + "\r\n\r\n"})
			answers = tail
		}
		checkTorture(t, c, got, want)
		w.sleep(100 * sec)
		require.Zero(t, a.Stats().Transactions)
		p := w.peer("next", "192.0.2.8")
		p.send(here, p.incoming("OPTIONS", "z9hG4bKafter"))
		require.Equal(t, "SIP/2.0 200 OK", p.recv().first())
	})
}
