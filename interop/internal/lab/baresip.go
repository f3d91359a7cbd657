//go:build linux

package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// maxFrame bounds one frame of baresip's control port.
const maxFrame = 1 << 20

// A Baresip controls the lab's baresip over its control port. It belongs to
// one test and one goroutine.
type Baresip struct {
	t    testing.TB
	lab  *Lab
	conn net.Conn
	in   *bufio.Reader
	seen []BaresipEvent // events read while waiting for something else
}

// A BaresipEvent is what baresip reports by itself.
type BaresipEvent struct {
	Class     string `json:"class"`     // "call", "register", …
	Type      string `json:"type"`      // "CALL_ESTABLISHED", "REGISTER_OK", …
	Direction string `json:"direction"` // "incoming" or "outgoing", of a call
	PeerURI   string `json:"peeruri"`
	ID        string `json:"id"`    // Call-ID
	Param     string `json:"param"` // reason of a closed call, for one
}

// frame is either an event or the answer to a command.
type frame struct {
	BaresipEvent
	Event    bool   `json:"event"`
	Response bool   `json:"response"`
	OK       bool   `json:"ok"`
	Data     string `json:"data"`
	Token    string `json:"token"`
}

// Baresip starts baresip, unless it runs, and connects to its control port.
// The connection ends with t; baresip takes one at a time.
func (l *Lab) Baresip(t testing.TB) *Baresip {
	t.Helper()
	env := l.Up(t, "baresip")
	conn, err := net.DialTimeout("tcp", env["BARESIP_CTRL"], 3*time.Second)
	if err != nil {
		t.Fatalf("lab: baresip control port: %v\n%s", err, l.Log("baresip"))
	}
	t.Cleanup(func() { conn.Close() })
	return &Baresip{t: t, lab: l, conn: conn, in: bufio.NewReader(conn)}
}

// Do runs one of baresip's long commands ("dial", "hangup", "hold", "resume",
// "transfer", "reginfo", …) and returns its output. A refused command, or no
// answer within 5 s, fails the test. Events that arrive meanwhile are kept.
func (b *Baresip) Do(command string, params ...string) string {
	b.t.Helper()
	cmd, err := json.Marshal(map[string]string{"command": command, "params": strings.Join(params, " "), "token": command})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.conn, "%d:%s,", len(cmd), cmd); err != nil {
		b.t.Fatalf("lab: baresip: %v", err)
	}
	end := time.Now().Add(5 * time.Second)
	for {
		f, err := b.read(end)
		switch {
		case err != nil:
			b.t.Fatalf("lab: baresip does not answer %q: %v\n%s", command, err, b.lab.Log("baresip"))
		case f.Event:
			b.keep(f.BaresipEvent)
		case f.Response && f.Token == command:
			if !f.OK {
				b.t.Fatalf("lab: baresip refuses %q: %s", command, f.Data)
			}
			return strings.TrimSpace(f.Data)
		}
	}
}

// Wait returns the first event of one of the types given, kept or new, and
// forgets the events before it. None within the time given fails the test.
func (b *Baresip) Wait(within time.Duration, types ...string) BaresipEvent {
	b.t.Helper()
	for i, e := range b.seen {
		if slices.Contains(types, e.Type) {
			b.seen = b.seen[i+1:]
			return e
		}
	}
	passed := b.seen
	b.seen = nil
	end := time.Now().Add(within)
	for {
		f, err := b.read(end)
		if err != nil {
			b.t.Fatalf("lab: baresip reports none of %v within %v, but %v: %v\n%s", types, within, passed, err, b.lab.Log("baresip"))
		}
		if !f.Event {
			continue
		}
		if slices.Contains(types, f.Type) {
			return f.BaresipEvent
		}
		passed = append(passed, f.BaresipEvent)
	}
}

// keep holds the newest 64 events.
func (b *Baresip) keep(e BaresipEvent) {
	if b.seen = append(b.seen, e); len(b.seen) > 64 {
		b.seen = b.seen[1:]
	}
}

func (b *Baresip) read(end time.Time) (f frame, err error) {
	if err := b.conn.SetReadDeadline(end); err != nil {
		return f, err
	}
	text, err := readNetstring(b.in)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errors.New("nothing more came")
		}
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

// readNetstring reads one "LENGTH:text," (D. J. Bernstein, Netstrings, 1997).
func readNetstring(r *bufio.Reader) ([]byte, error) {
	n := 0
	for digits := 0; ; digits++ {
		c, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == ':' && digits > 0 {
			break
		}
		if c < '0' || c > '9' {
			return nil, fmt.Errorf("netstring: %q in the length", c)
		}
		if n = n*10 + int(c-'0'); n > maxFrame {
			return nil, fmt.Errorf("netstring: longer than %d", maxFrame)
		}
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if b[n] != ',' {
		return nil, errors.New("netstring: no comma at the end")
	}
	return b[:n], nil
}
