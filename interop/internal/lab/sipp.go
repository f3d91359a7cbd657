//go:build linux

package lab

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A Side says which end of an exchange SIPp plays.
type Side uint8

const (
	UAC Side = iota // SIPp sends the first request
	UAS             // SIPp waits for it
)

// String returns "uac" or "uas", the words of sipp.sh.
func (s Side) String() string {
	if s == UAS {
		return "uas"
	}
	return "uac"
}

// SIPp describes one run of a scenario of interop/lab/sipp. `sipp.sh list`
// names them; a comment in each file says what it checks.
type SIPp struct {
	Side      Side           // UAC or UAS
	Scenario  string         // file name without .xml
	Target    netip.AddrPort // where a UAC sends; not used by a UAS
	Local     netip.AddrPort // where SIPp sits; zero takes a fresh port of the slot
	Transport string         // "udp" (default) or "tcp"
	Calls     int            // exchanges before it ends; default 1
	Timeout   time.Duration  // default 30 s, rounded up to seconds
	Settings  []string       // LAB_SIPP_CALLEE=bob and the like, as in sipp.sh
	Args      []string       // more options of sipp itself
}

// A SIPpRun is a running scenario.
type SIPpRun struct {
	// Addr is where SIPp sits, and what a test calls when SIPp is the UAS.
	Addr netip.AddrPort

	what string
	dir  string
	cmd  *exec.Cmd
	out  *os.File
	done bool
}

// RunSIPp runs a scenario to its end and fails t, with the messages SIPp saw,
// unless the exchange went as written.
func (l *Lab) RunSIPp(t testing.TB, s SIPp) {
	t.Helper()
	l.StartSIPp(t, s).Wait(t)
}

// StartSIPp starts a scenario; for a UAS it returns once SIPp listens. A run
// that nobody waited for is killed when t ends, and its messages are logged if
// t failed.
func (l *Lab) StartSIPp(t testing.TB, s SIPp) *SIPpRun {
	t.Helper()
	l.Require(t, "sipp")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t)

	if !s.Local.IsValid() {
		s.Local = netip.AddrPortFrom(l.host(), l.nextPort(t))
	}
	if s.Timeout <= 0 {
		s.Timeout = 30 * time.Second
	}
	if s.Transport == "" {
		s.Transport = "udp"
	}
	letter, ok := map[string]string{"udp": "u1", "tcp": "t1"}[s.Transport]
	if !ok {
		t.Fatalf("lab: sipp knows udp and tcp here, not %q", s.Transport)
	}
	port := strconv.Itoa(int(s.Local.Port()))
	args := []string{s.Side.String(), s.Scenario}
	if s.Side == UAC {
		args = append(args, s.Target.String())
	} else {
		args = append(args, port)
	}

	r := &SIPpRun{
		Addr: s.Local,
		what: fmt.Sprintf("sipp %s %s over %s at %s", s.Side, s.Scenario, s.Transport, s.Local),
		dir:  filepath.Join(l.dir, "sipp-"+port),
		cmd:  l.script("sipp.sh", append(args, s.Args...)...),
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if r.out, err = os.Create(filepath.Join(r.dir, "sh.log")); err != nil {
		t.Fatal(err)
	}
	seconds := (s.Timeout + time.Second - 1) / time.Second
	r.cmd.Env = append(r.cmd.Env,
		"LAB_SIPP_DIR="+r.dir,
		"LAB_SIPP_T="+letter,
		"LAB_SIPP_UAC_PORT="+port,
		"LAB_SIPP_UAS_PORT="+port,
		fmt.Sprintf("LAB_SIPP_TIMEOUT=%d", seconds),
		fmt.Sprintf("LAB_SIPP_CALLS=%d", max(s.Calls, 1)))
	r.cmd.Env = append(r.cmd.Env, s.Settings...)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.out
	// A process group of its own, so that the shell and sipp end together.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.cmd.Start(); err != nil {
		r.out.Close()
		t.Fatalf("lab: %s: %v", r.what, err)
	}
	t.Cleanup(func() { r.abandon(t) })

	if s.Side == UAS {
		ready := poll(5*time.Second, func() bool {
			ok, err := bound(s.Transport, r.Addr)
			if err != nil {
				t.Fatalf("lab: %v", err)
			}
			return ok
		})
		if !ready {
			t.Fatalf("lab: %s does not listen", r.what)
		}
	}
	return r
}

// Wait waits for the end of the scenario, which its timeout bounds, and fails
// t, with the messages SIPp saw, unless the exchange went as written.
func (r *SIPpRun) Wait(t testing.TB) {
	t.Helper()
	if err := r.end(); err != nil {
		t.Errorf("lab: %s: %v\n%s", r.what, err, r.dump())
		t.FailNow()
	}
}

// abandon ends a run that nobody waited for.
func (r *SIPpRun) abandon(t testing.TB) {
	if r.done {
		return
	}
	if err := syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Logf("lab: %s: kill: %v", r.what, err)
	}
	_ = r.end() // its status says only that it was killed
	if t.Failed() {
		t.Logf("lab: %s, cut short\n%s", r.what, r.dump())
	}
}

func (r *SIPpRun) end() error {
	r.done = true
	err := r.cmd.Wait()
	r.out.Close()
	return err
}

// dump is what SIPp wrote: its errors and the messages it saw.
func (r *SIPpRun) dump() string {
	s := tail(filepath.Join(r.dir, "sh.log"), 4<<10)
	for _, pattern := range []string{"*.err", "*.msg"} {
		files, err := filepath.Glob(filepath.Join(r.dir, pattern))
		if err != nil {
			return s + err.Error()
		}
		for _, f := range files {
			s += "\n--- " + filepath.Base(f) + "\n" + tail(f, 32<<10)
		}
	}
	return s
}
