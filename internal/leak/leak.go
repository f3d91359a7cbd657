// Package leak fails a test binary that ends with goroutines of its own still
// running. Every package's TestMain calls Main, so that "no goroutine without
// an owner that ends it" is a checked rule and not a hope.
package leak

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long goroutines that are already on their way out may take.
const patience = 3 * time.Second

// Main runs the tests of m, then checks that no goroutine is left, and exits
// the process. A leak turns a passing run into exit status 1 and prints the
// stacks of the goroutines that are left. Fuzzing runs are not checked: the
// fuzzing engine keeps goroutines of its own. The funcs in after are called,
// in order, between the tests and the check: what the whole binary shared is
// released there.
func Main(m *testing.M, after ...func()) {
	code := m.Run()
	for _, f := range after {
		f()
	}
	if code == 0 && !fuzzing() {
		if left := wait(patience); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "leak: %d goroutine(s) left after the tests; end them with their owner's Close or Shutdown\n\n%s\n",
				len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// Check fails t if goroutines other than the test's own are left once f has
// returned. It must not be used in parallel tests.
func Check(t testing.TB, f func()) {
	t.Helper()
	f()
	if left := wait(patience); len(left) > 0 {
		t.Errorf("%d goroutine(s) left:\n\n%s", len(left), strings.Join(left, "\n\n"))
	}
}

func fuzzing() bool {
	for _, a := range os.Args[1:] {
		a = strings.TrimLeft(a, "-")
		if strings.HasPrefix(a, "test.fuzz=") || a == "test.fuzzworker" || strings.HasPrefix(a, "test.fuzzworker=") {
			return true
		}
	}
	return false
}

// wait polls until no goroutine is left or d has passed, and returns what is
// left. It polls in real time: it runs after every bubble has ended.
func wait(d time.Duration) []string {
	end := time.Now().Add(d)
	for pause := time.Millisecond; ; pause *= 2 {
		left := goroutines()
		if len(left) == 0 || time.Now().After(end) {
			return left
		}
		time.Sleep(pause)
	}
}

// harness lists the stacks that a test binary always has, or that end by themselves.
var harness = [...]string{
	"testing.(*T).Run(",
	"testing.(*M).",
	"testing.runTests(",
	"testing.tRunner.func", // the waiter of parallel tests
	"testing.(*F).Fuzz",
	"runtime.goexit0",
	"created by runtime.gc",
	"os/signal.signal_recv",
	"os/signal.loop",
	"runtime.ensureSigM",
	"runtime/trace.Start",
	"internal/leak.goroutines(",
	"runtime.ReadTrace",
}

func goroutines() []string {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	var left []string
next:
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		for _, h := range harness {
			if strings.Contains(g, h) {
				continue next
			}
		}
		if strings.TrimSpace(g) != "" {
			left = append(left, g)
		}
	}
	return left
}
