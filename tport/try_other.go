//go:build !unix

package tport

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// trier has no way here to write without waiting: every datagram is queued.
type trier struct{}

func newTrier(*net.UDPConn, bool) *trier { return nil }

func (*trier) try([]byte, []byte, netip.AddrPort) error { return errWouldBlock }

// What Windows says of a datagram that is too large, and of one that there is no
// room for.
const (
	wsaEMsgSize = syscall.Errno(10040)
	wsaENoBufs  = syscall.Errno(10055)
)

func tooLarge(err error) bool { return errors.Is(err, wsaEMsgSize) }

func noBuffers(err error) bool { return errors.Is(err, wsaENoBufs) }

// rawStream does not exist here; plain reads and queued writes do its work.
type rawStream struct{}

func newRawStream(net.Conn, bufferPool) *rawStream { return nil }

func (*rawStream) read() (*buffer, int, error) { return nil, 0, net.ErrClosed }

func (*rawStream) try([]byte) (int, error) { return 0, errWouldBlock }
