package tport

import (
	"errors"
	"os"
	"syscall"
)

// wakeup is a socket on which the system says that addresses have come or gone
// (rtnetlink(7)). What it says is not read, only that it does.
type wakeup struct {
	file *os.File
	c    chan struct{} // closed when the system tells no more
}

// newWakeup returns nil where the system does not tell.
func newWakeup() *wakeup {
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return nil
	}
	const groups = 1 | 1<<4 | 1<<8 // RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
	if err := syscall.Bind(fd, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK, Groups: groups}); err != nil {
		syscall.Close(fd)
		return nil
	}
	return &wakeup{os.NewFile(uintptr(fd), "rtnetlink"), make(chan struct{}, 1)}
}

// run is the goroutine that reads the socket until it is closed.
func (w *wakeup) run() {
	defer close(w.c)
	buf := make([]byte, 4096)
	for {
		// Too small a buffer, or news lost (ENOBUFS), is news too.
		if _, err := w.file.Read(buf); err != nil && !errors.Is(err, syscall.ENOBUFS) {
			return
		}
		select {
		case w.c <- struct{}{}:
		default:
		}
	}
}

func (w *wakeup) close() {
	if w != nil {
		w.file.Close()
	}
}
