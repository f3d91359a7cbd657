// Package server starts one SIP server of a library under measurement.
//
// Every server does the same work over UDP: it answers OPTIONS with 200, and
// INVITE with 200 and a session description in a dialog that ACK confirms and
// BYE ends, all through stateful server transactions. sofia-stateless alone
// keeps no transaction, and takes no calls. The raw servers are no SIP servers at
// all: they are what the sockets cost. Those of TCP and TLS answer OPTIONS only.
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

// A kind is one way of one library to serve.
type kind struct {
	name    string
	start   start
	calls   bool   // it takes INVITE, too
	network string // "" for udp
}

// servers lists the libraries, each in a file of its own.
func servers() []kind {
	return []kind{
		{name: "sofia-stateless", start: sofiaStateless},
		{name: "sofia-step", start: sofiaStep, calls: true},
		{name: "sofia-serve", start: sofiaServe, calls: true},
		{name: "sofia-nua", start: sofiaUA, calls: true},
		{name: "sipgo", start: sipgoServer, calls: true},
		{name: "raw", start: rawUDP},
		{name: "raw-batch", start: rawBatch},
		{name: "sofia-stateless-tcp", start: sofiaStatelessTCP, network: "tcp"},
		{name: "sipgo-tcp", start: sipgoTCP, network: "tcp"},
		{name: "sofia-stateless-tls", start: sofiaStatelessTLS, network: "tls"},
		{name: "raw-tls", start: rawTLS, network: "tls"},
		{name: "raw-tcp", start: rawTCP, network: "tcp"},
	}
}

// Names returns the names that Start knows.
func Names() []string {
	var names []string
	for _, k := range servers() {
		names = append(names, k.name)
	}
	return names
}

// TakesCalls reports whether the server of this name answers INVITE.
func TakesCalls(name string) bool {
	i := find(name)
	return i < 0 || servers()[i].calls
}

// Network returns "udp", "tcp" or "tls": what the server of this name listens on.
func Network(name string) string {
	if i := find(name); i >= 0 && servers()[i].network != "" {
		return servers()[i].network
	}
	return "udp"
}

func find(name string) int {
	return slices.IndexFunc(servers(), func(k kind) bool { return k.name == name })
}

// Start starts the server of this name.
func Start(name string, addr netip.AddrPort) (*Server, error) {
	i := find(name)
	if i < 0 {
		return nil, fmt.Errorf("no server %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return servers()[i].start(addr)
}
