package simnet

import "syscall"

// Fault names what [Host.Fail] makes fail.
type Fault uint8

const (
	// FaultSend is sending a datagram: ENOBUFS, EPERM.
	FaultSend Fault = iota
	// FaultOpen is opening a socket, to listen or to dial: EMFILE, ENFILE.
	FaultOpen
	// FaultAccept is accepting a connection, which stays in the queue: EMFILE,
	// ECONNABORTED. As on Linux it fails at once, also when none is there.
	FaultAccept

	faultKinds
)

type fault struct {
	errno syscall.Errno
	left  int           // negative: for ever
	last  syscall.Errno // what fails said last
}

// Fail has the next calls of a kind on this host fail with errno, so many times;
// negative times is for ever, 0 ends it. The other calls of the program go on
// as they would.
func (h *Host) Fail(kind Fault, errno syscall.Errno, times int) {
	h.net.mu.Lock()
	defer h.net.unlock()
	h.faults[kind] = fault{errno: errno, left: times}
	for _, ls := range h.tcp {
		for _, l := range ls {
			l.ready.Broadcast()
		}
	}
}

// fails uses up one fault of the kind and returns its errno, 0 if there is none.
func (h *Host) fails(kind Fault) syscall.Errno {
	f := &h.faults[kind]
	if f.left == 0 {
		return 0
	}
	if f.left > 0 {
		f.left--
	}
	f.last = f.errno
	return f.errno
}
