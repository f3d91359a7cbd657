// Package peerbench puts the library beside another Go SIP library, sipgo, on
// the same machine in the same run: absolute figures belong to a machine, only
// the ratio of two columns says something.
//
// Benchmarks of this package parse, inspect and serialise five messages of
// testdata. The command peerload measures whole transactions and calls: it
// starts a server in a process of its own, drives it over UDP on loopback from
// its own generator, and prints completed operations a second and the CPU time
// the server spent on each.
//
// It is a module of its own, so that no user of the library depends on sipgo.
// Nothing here asserts a time.
package peerbench
