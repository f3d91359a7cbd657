//go:build !linux

package tport

// wakeup is not there: the addresses are looked at from time to time.
type wakeup struct{ c chan struct{} }

func newWakeup() *wakeup { return nil }

func (*wakeup) run() {}

func (*wakeup) close() {}
