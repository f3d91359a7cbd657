// Package server starts one SIP server of a library under measurement.
//
// Every server does the same work over UDP: it answers OPTIONS with 200, and
// INVITE with 200 and a session description in a dialog that ACK confirms and
// BYE ends, all through stateful server transactions.
package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SDP is the body of every answer to an INVITE.
const SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"

// A Server is running until closed.
type Server struct {
	Addr  netip.AddrPort // where it listens
	Close func() error
}

// start binds addr, whose port may be 0, and serves in the background.
type start func(addr netip.AddrPort) (*Server, error)

// servers lists the libraries, each in a file of its own.
func servers() map[string]start {
	return map[string]start{
		"sipgo": sipgoServer,
	}
}

// Names returns the libraries that Start knows, sorted.
func Names() []string {
	var names []string
	for n := range servers() {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Start starts the server of one library.
func Start(name string, addr netip.AddrPort) (*Server, error) {
	f, ok := servers()[name]
	if !ok {
		return nil, fmt.Errorf("no server %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return f(addr)
}
