//go:build linux

package lab

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// A Linphone types into the lab's linphonec and reads what it writes. It
// belongs to one test.
type Linphone struct {
	t     testing.TB
	log   string
	stdin string
	at    int64 // how much of the log has been read
}

// Linphone starts linphonec, unless it runs. Whatever call is still up when t
// ends is terminated: linphonec answers 486 to everything until then.
func (l *Lab) Linphone(t testing.TB) *Linphone {
	t.Helper()
	env := l.Up(t, "linphonec")
	p := &Linphone{t: t, log: filepath.Join(l.dir, "log", "linphonec.log"), stdin: env["LINPHONE_STDIN"]}
	if st, err := os.Stat(p.log); err == nil {
		p.at = st.Size()
	}
	t.Cleanup(func() { p.Do("terminate") })
	return p
}

// Do types one command line: "call sip:alice@host", "terminate", "transfer …",
// "status register". What it prints comes later; see Wait.
func (p *Linphone) Do(command string) {
	p.t.Helper()
	// linphonec's shell holds both ends of the fifo open: this cannot block.
	f, err := os.OpenFile(p.stdin, os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatalf("lab: linphonec: %v", err)
	}
	defer f.Close()
	if _, err := f.WriteString(command + "\n"); err != nil {
		p.t.Fatalf("lab: linphonec: %v", err)
	}
}

// Wait returns what linphonec has written up to and including a match of the
// expression, since the last match. None within the time given fails the test.
func (p *Linphone) Wait(within time.Duration, expression string) string {
	p.t.Helper()
	re := regexp.MustCompile(expression)
	var text string
	found := poll(within, func() bool {
		b, err := os.ReadFile(p.log)
		if err != nil {
			p.t.Fatalf("lab: linphonec: %v", err)
		}
		b = b[min(p.at, int64(len(b))):]
		text = string(b)
		m := re.FindIndex(b)
		if m == nil {
			return false
		}
		text = text[:m[1]]
		p.at += int64(m[1])
		return true
	})
	if !found {
		p.t.Fatalf("lab: linphonec has not written %q within %v, but:\n%s", expression, within, text)
	}
	return text
}
