// Package lab runs the programs of interop/lab for tests: it takes a loopback
// network of its own, starts services when a test first asks for them, runs
// SIPp scenarios, talks to the control ports of the user agents, and stops
// everything at the end of the test binary.
//
// # Usage
//
// A test package keeps one Lab and closes it from TestMain:
//
//	var peers = lab.New()
//
//	func TestMain(m *testing.M) { leak.Main(m, peers.Close) }
//
//	func TestRegister(t *testing.T) {
//		env := peers.Up(t, "kamailio-registrar")
//		registrar := env.AddrPort(t, "REGISTRAR_UDP")
//		…
//	}
//
// # When tests run
//
// The environment variable SOFIA_INTEROP decides. Unset, empty or "0": every
// test that needs a peer is skipped, and the skip names the missing program if
// there is one. "1": tests run, and one whose program is missing is skipped.
// "require": a missing program fails the test. Anything else fails the test.
//
// # Isolation
//
// A Lab takes a free slot N and with it the addresses 127.0.N.0/24, held for
// as long as the process lives, so test packages, and several runs of one
// package, do not meet. Services listen on 127.0.N.1; tests take their own
// ports on the same address (IPv4 only).
//
// # Concurrency
//
// The methods of Lab may be called from parallel tests. Baresip and Linphone
// each stand for the one program of the slot: tests that use them must not be
// parallel with each other.
package lab
