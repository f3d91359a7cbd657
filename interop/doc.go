// Package interop tests the library against programs of other hands: SIPp,
// Kamailio, baresip, linphonec and the servers of interop/lab, all on loopback
// addresses. It has no code of its own.
//
// The tests are skipped unless SOFIA_INTEROP is set:
//
//	sudo interop/lab/install.sh              # once, Debian 12
//	SOFIA_INTEROP=1 go test ./interop/...
//
// The programs are those of Debian 12, so every test file here starts with the
// build constraint "linux"; elsewhere the package is empty.
//
// Package interop/internal/lab starts and stops the programs; its
// documentation has the rules. Tests here run in real time. Those with SIPp run
// in parallel; those with Kamailio, baresip and linphonec one after the other, as
// there is one of each. A user agent of the library under test keeps every
// message it sent and received, and shows them when its test fails.
package interop
