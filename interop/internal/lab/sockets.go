//go:build linux

package lab

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// pollEvery is how often the harness looks at a real process.
const pollEvery = 20 * time.Millisecond

// poll calls done until it returns true, and reports whether it did so within
// the time given. Real peers run in real time; nothing here is a protocol timer.
func poll(within time.Duration, done func() bool) bool {
	for end := time.Now().Add(within); ; time.Sleep(pollEvery) {
		if done() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// Eventually fails t unless done returns true within the time given. It is for
// the state of real peers, which no event announces.
func Eventually(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	if !poll(within, done) {
		t.Fatalf("lab: not within %v: %s", within, what)
	}
}

// bound reports whether a socket is bound (udp) or listens (tcp) at an IPv4
// address and port of this machine.
func bound(transport string, addr netip.AddrPort) (bool, error) {
	f, err := os.Open("/proc/net/" + transport)
	if err != nil {
		return false, err
	}
	defer f.Close()
	// Lines read "sl local_address rem_address st …"; the kernel prints the
	// address, in network order, as if it were a native integer.
	a := addr.Addr().As4()
	want := fmt.Sprintf("%08X:%04X", binary.NativeEndian.Uint32(a[:]), addr.Port())
	for s := bufio.NewScanner(f); s.Scan(); {
		col := strings.Fields(s.Text())
		if len(col) < 4 || col[1] != want {
			continue
		}
		if transport == "udp" || col[3] == "0A" { // TCP_LISTEN
			return true, nil
		}
	}
	return false, nil
}
