//go:build linux

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds one call of up.sh, certificates included.
const startLimit = 90 * time.Second

// A Lab is one instance of the interop lab, used by one test binary. Make one
// with New; it is safe for concurrent use.
type Lab struct {
	mu    sync.Mutex
	home  string       // the folder interop/lab
	dir   string       // LAB_DIR of this instance
	slot  int          // LAB_SLOT
	lock  net.Listener // holds the slot
	six   net.Listener // holds ::1, which all slots share; nil where another has it
	guard *exec.Cmd    // stops the services when alive is closed
	alive *os.File     // write end of the guard's pipe
	port  uint16       // next port to hand out
	up    map[string]Env
}

// New returns a Lab that has done nothing yet: the slot, the directory and the
// services are taken when a test first needs them.
func New() *Lab {
	return &Lab{port: firstPort, up: make(map[string]Env)}
}

// Up starts the services named, as up.sh names them, unless they run already,
// and returns all KEY=VALUE lines they print. It skips or fails t by the rules
// of SOFIA_INTEROP (see the package documentation).
func (l *Lab) Up(t testing.TB, services ...string) Env {
	t.Helper()
	l.Require(t, programs(t, services)...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t)
	all := make(Env)
	for _, s := range services {
		env, ok := l.up[s]
		if !ok {
			env = l.start(t, s, nil)
			l.up[s] = env
		}
		all.add(env)
	}
	return all
}

// UpWith starts one service afresh with settings of its own, lines of the form
// LAB_NAME=value as in interop/lab/README.md, and stops it when t ends, so that
// the next Up starts it with the defaults again. Tests that share the service
// must not run in parallel.
func (l *Lab) UpWith(t testing.TB, service string, settings ...string) Env {
	t.Helper()
	l.Require(t, programs(t, []string{service})...)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t)
	l.stop(t, service)
	env := l.start(t, service, settings)
	t.Cleanup(func() { l.Down(t, service) })
	return env
}

// Down stops services; the next Up starts them again. The services' state,
// a registrar's bindings for one, is lost.
func (l *Lab) Down(t testing.TB, services ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range services {
		l.stop(t, s)
	}
}

// Log returns the end of a service's log, at most 8 KiB, for a failure message.
func (l *Lab) Log(service string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dir == "" {
		return ""
	}
	return tail(filepath.Join(l.dir, "log", service+".log"), 8<<10)
}

// Certificates returns the folder with the lab's certificates, named in
// interop/lab/README.md, making them if no service has done so yet.
func (l *Lab) Certificates(t testing.TB) string {
	t.Helper()
	l.Require(t, "openssl")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t)
	if out, err := l.script("certs.sh").CombinedOutput(); err != nil {
		t.Fatalf("lab: certs.sh: %v\n%s", err, out)
	}
	return filepath.Join(l.dir, "certs")
}

// Close stops every service and removes the run directory. It is called once,
// after the tests, and does nothing if no test has started a service.
func (l *Lab) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alive != nil {
		l.alive.Close()
		if err := l.guard.Wait(); err != nil {
			fmt.Fprintf(os.Stderr, "lab: guard.sh: %v; look in %s\n", err, l.dir)
		}
		l.alive = nil
	}
	if l.lock != nil {
		l.lock.Close()
		l.lock = nil
		if l.six != nil {
			l.six.Close()
			l.six = nil
		}
	}
}

// open takes a slot and a directory and starts the guard. Called with mu held.
func (l *Lab) open(t testing.TB) {
	t.Helper()
	if l.alive != nil {
		return
	}
	var err error
	if l.home, err = home(); err != nil {
		t.Fatal(err)
	}
	if l.slot, l.lock, err = takeSlot(); err != nil {
		t.Fatal(err)
	}
	l.six = takeSix()
	if l.dir, err = os.MkdirTemp("", "sofia-lab-"); err != nil {
		t.Fatal(err)
	}
	// down.sh knows a run directory by these two.
	for _, d := range []string{"run", "conf", "log"} {
		if err := os.Mkdir(filepath.Join(l.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l.guard = l.script("guard.sh")
	l.guard.Stdin = r
	// A session of its own: an interrupt at the terminal ends the tests, and
	// the guard must outlive them.
	l.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := l.guard.Start(); err != nil {
		w.Close()
		t.Fatalf("lab: %v", err)
	}
	l.alive = w
}

// start runs up.sh for one service. Called with mu held.
func (l *Lab) start(t testing.TB, service string, settings []string) Env {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(l.home, "up.sh"), service)
	cmd.Env = append(l.environ(), settings...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("lab: up.sh %s: %v\n%s", service, err, errs.String())
	}
	return parseEnv(out.String())
}

// stop runs down.sh for one service. Called with mu held.
func (l *Lab) stop(t testing.TB, service string) {
	t.Helper()
	if l.alive == nil {
		return
	}
	delete(l.up, service)
	if out, err := l.script("down.sh", service).CombinedOutput(); err != nil {
		t.Errorf("lab: down.sh %s: %v\n%s", service, err, out)
	}
	// User agents write their configuration back; a fresh start needs none.
	if err := os.RemoveAll(filepath.Join(l.dir, service)); err != nil {
		t.Errorf("lab: %v", err)
	}
}

// script returns a command of interop/lab with this instance's environment.
func (l *Lab) script(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(l.home, name), args...)
	cmd.Env = l.environ()
	return cmd
}

// environ is the process environment with this instance's slot and directory.
// Addresses follow from the slot, so inherited ones must not survive.
func (l *Lab) environ() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "LAB_DIR", name == "LAB_SLOT", name == "LAB_NET", strings.HasPrefix(name, "LAB_IP"):
		default:
			env = append(env, kv)
		}
	}
	if l.six != nil {
		env = append(env, "LAB_IP6=::1")
	}
	return append(env, "LAB_DIR="+l.dir, fmt.Sprintf("LAB_SLOT=%d", l.slot))
}

// home finds the folder interop/lab from the working directory, which for a
// test is the folder of its package.
func home() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := wd; ; d = filepath.Dir(d) {
		lab := filepath.Join(d, "interop", "lab")
		if _, err := os.Stat(filepath.Join(lab, "up.sh")); err == nil {
			return lab, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("lab: no interop/lab/up.sh above %s; run the tests inside the repository", wd)
		}
	}
}

// Env holds the KEY=VALUE lines that services print, addresses for the most
// part: REGISTRAR_UDP, BARESIP_CTRL, LAB_CERTS and so on.
type Env map[string]string

// AddrPort returns the value of key as an address, and fails t if it is none.
func (e Env) AddrPort(t testing.TB, key string) netip.AddrPort {
	t.Helper()
	ap, err := netip.ParseAddrPort(e[key])
	if err != nil {
		t.Fatalf("lab: %s=%q is not an address and port: %v", key, e[key], err)
	}
	return ap
}

func (e Env) add(other Env) {
	for k, v := range other {
		e[k] = v
	}
}

func parseEnv(out string) Env {
	e := make(Env)
	for line := range strings.Lines(out) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			e[k] = v
		}
	}
	return e
}

// tail returns the last max octets of a file, or why it cannot.
func tail(file string, max int64) string {
	f, err := os.Open(file)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return ""
		}
		return err.Error()
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	b := make([]byte, min(st.Size(), max))
	n, err := f.ReadAt(b, st.Size()-int64(len(b)))
	if n < len(b) && err != nil {
		return err.Error()
	}
	return string(b[:n])
}
