//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
)

const (
	// Slots below firstSlot are left to people who start services by hand.
	firstSlot = 16
	lastSlot  = 250
	// lockPort is bound on 127.0.N.254 while slot N is taken. The kernel frees
	// it with the process, so a crash leaves no stale lock.
	lockPort = 9099

	// Ports handed out to tests. sipp.sh derives its RTP port from the SIP
	// port; this range keeps both off the ports of the services.
	firstPort = 6100
	lastPort  = 9700
)

// takeSlot finds a slot that no other process holds.
func takeSlot() (int, net.Listener, error) {
	const n = lastSlot - firstSlot + 1
	start := os.Getpid() % n
	for i := range n {
		slot := firstSlot + (start+i)%n
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.%d.254:%d", slot, lockPort))
		if err == nil {
			return slot, l, nil
		}
	}
	return 0, nil, errors.New("lab: all slots are taken; does this system have all of 127.0.0.0/8 on its loopback interface?")
}

// takeSix holds ::1 against other processes, and returns nil if one has it, or
// if services were started there by hand.
func takeSix() net.Listener {
	l, err := net.Listen("tcp", fmt.Sprintf("[::1]:%d", lockPort))
	if err != nil {
		return nil
	}
	sip, err := net.Listen("tcp", "[::1]:5060")
	if err != nil {
		l.Close()
		return nil
	}
	sip.Close()
	return l
}

// Host returns the address this lab's services listen on, 127.0.N.1. Tests put
// their own sockets there too.
func (l *Lab) Host(t testing.TB) netip.Addr {
	t.Helper()
	l.Require(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open(t)
	return l.host()
}

func (l *Lab) host() netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, byte(l.slot), 1})
}

// Addr returns Host with a port that this Lab has not handed out before: for a
// socket of the test that peers must be told about before it is bound.
func (l *Lab) Addr(t testing.TB) netip.AddrPort {
	t.Helper()
	host := l.Host(t)
	l.mu.Lock()
	defer l.mu.Unlock()
	return netip.AddrPortFrom(host, l.nextPort(t))
}

// nextPort hands out even ports: user agents that listen for TLS take the next
// one as well. Called with mu held.
func (l *Lab) nextPort(t testing.TB) uint16 {
	t.Helper()
	if l.port > lastPort {
		t.Fatalf("lab: more than %d ports asked for in one test binary", (lastPort-firstPort)/2+1)
	}
	p := l.port
	l.port += 2
	return p
}
