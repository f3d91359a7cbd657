//go:build linux

package lab

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Variable is the environment variable that turns the interop tests on; see
// the package documentation for its values.
const Variable = "SOFIA_INTEROP"

// A mode is what Variable says.
type mode uint8

const (
	modeOff     mode = iota // skip every test that needs a peer
	modeOn                  // run; skip where a program is missing
	modeRequire             // run; a missing program is a failure
	modeBad                 // a value that means nothing: a failure
)

func parseMode(s string) mode {
	switch s {
	case "", "0":
		return modeOff
	case "1":
		return modeOn
	case "require":
		return modeRequire
	}
	return modeBad
}

// A verdict says what Require does with a test.
type verdict uint8

const (
	run verdict = iota
	skip
	fail
)

// judge decides from the mode and the missing programs, and says why.
func judge(m mode, missing []string) (verdict, string) {
	list := strings.Join(missing, ", ")
	switch {
	case m == modeBad:
		return fail, `interop: ` + Variable + ` must be unset, "0", "1" or "require"`
	case m == modeRequire && list != "":
		return fail, "interop: not installed: " + list + "; run interop/lab/install.sh as root"
	case list != "":
		return skip, "interop: not installed: " + list + "; run interop/lab/install.sh as root and set " + Variable + "=1"
	case m == modeOff:
		return skip, "interop: set " + Variable + "=1 to run against real peers"
	}
	return run, ""
}

// Require skips t unless SOFIA_INTEROP asks for interop tests and the programs
// named are installed; with SOFIA_INTEROP=require a missing program fails t.
// Up and the other methods call it themselves.
func (l *Lab) Require(t testing.TB, programs ...string) {
	t.Helper()
	var missing []string
	// The scripts themselves need these.
	for _, p := range append([]string{"bash", "awk", "ss", "ps"}, programs...) {
		if !installed(p) {
			missing = append(missing, p)
		}
	}
	switch v, why := judge(parseMode(os.Getenv(Variable)), missing); v {
	case skip:
		t.Skip(why)
	case fail:
		t.Fatal(why)
	}
}

// installed looks in PATH and where Debian keeps servers.
func installed(program string) bool {
	if _, err := exec.LookPath(program); err == nil {
		return true
	}
	for _, d := range [...]string{"/usr/sbin", "/sbin"} {
		if _, err := exec.LookPath(filepath.Join(d, program)); err == nil {
			return true
		}
	}
	return false
}

// programs names what the services run.
func programs(t testing.TB, services []string) []string {
	t.Helper()
	var all []string
	for _, s := range services {
		switch s {
		case "kamailio-registrar", "kamailio-registrar-sha256", "kamailio-proxy", "kamailio-slproxy":
			all = append(all, "kamailio", "openssl")
		case "dns":
			all = append(all, "nsd")
		case "knot":
			all = append(all, "knotd")
		case "dnsmasq":
			all = append(all, "dnsmasq")
		case "stun":
			all = append(all, "turnserver", "openssl")
		case "http":
			all = append(all, "nginx", "openssl")
		case "http-digest":
			all = append(all, "lighttpd", "openssl")
		case "uas-sipp":
			all = append(all, "sipp")
		case "baresip", "linphonec":
			all = append(all, s, "openssl")
		case "capture":
			all = append(all, "tshark")
		default:
			t.Fatalf("lab: no service %q; interop/lab/up.sh list names them", s)
		}
	}
	return all
}
