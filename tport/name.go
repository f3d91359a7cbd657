package tport

import (
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gosofia/sofia/msg"
)

// The protocols a [Name] may ask for. They are plain lower-case strings, as
// they stand in a transport URI parameter (RFC 3261 section 19.1.1).
const (
	UDP = "udp"
	TCP = "tcp"
	TLS = "tls"
	WS  = "ws"  // WebSocket (RFC 7118)
	WSS = "wss" // WebSocket over TLS; a URI says transport=ws for it too
)

// Name says what to listen on or where to connect. It is comparable; the zero
// value is not useful.
type Name struct {
	// Proto is the transport protocol in lower case: one of the constants above,
	// or the name of a [Protocol].
	Proto string
	// Host is an IP address literal, without brackets. [Transport.Listen] also
	// takes "" or "*": every IPv4 and IPv6 address of the host. Names are not
	// looked up here; resolve them first (package sresolv). A [Protocol] with
	// connections takes any other text too, such as the path of a socket.
	Host string
	// Port is the port. 0 lets the system choose one when listening and is an
	// error when connecting: which port is the default is for the protocol
	// above to say.
	Port uint16
	// Ident names a primary. It is free text for [Transport.Listen]; a name to
	// connect to with an Ident leaves from the primary of that Ident.
	Ident string
	// ServerName is the domain the peer must prove to be, for the protocols over
	// TLS: that of the URI which was resolved to Host, never one that the
	// resolving has found (RFC 5922 section 7.3). If it is empty the peer must
	// prove the ServerName of the TLS configuration and, if that is empty too,
	// the address in Host. A connection carries messages only for names that its
	// peer has proved.
	ServerName string
	// Path is where SIP is at a WebSocket server, that of [WebSocketConfig] by
	// default, which is "/" if nothing is said. It may have a
	// query when connecting, and be "*" for every path when listening: other
	// paths than this are answered 404.
	Path string
	// TLS is the configuration of the protocols over TLS for this name alone,
	// nil for [Config.TLS]. It must not be changed after its first use: to
	// replace it use another. Connections are shared only where it is the same.
	TLS *tls.Config
	// Verify is the rule by which the peer's certificate is compared with
	// ServerName, [Config.Verify] by default.
	Verify Verification
	// Maddr is a multicast group that [Transport.Listen] joins beside what it
	// binds: the maddr parameter of a URI (RFC 3261 section 19.1.1). A Host that
	// is a multicast group is bound and joined without. For UDP only. Answers to
	// what comes to a group leave from an address of this host. The group is
	// joined on the interface that has the address bound to, or else on all.
	Maddr string
	// Interface is the network interface, by name, that [Transport.Listen] binds
	// to, whatever the addresses on it (SO_BINDTODEVICE, on Linux; without
	// privileges from 5.7 on), and where groups are joined and sent to.
	Interface string
	// Class is the grammar spoken on this name, nil for [Config.Class].
	Class *msg.Class
	// Fresh asks for a new connection though one is open (Sofia's TPTAG_FRESH).
	// Nobody else gets it for the same name, neither now nor later, so that to
	// send everything with Fresh is one connection a message (TPTAG_REUSE(0)).
	// It says nothing for UDP.
	Fresh bool
}

// String returns the name as proto:host:port, with brackets round an IPv6
// address and ";ident=" where there is one.
func (n Name) String() string {
	host := n.Host
	if host == "" {
		host = "*"
	}
	s := n.Proto + ":" + net.JoinHostPort(host, strconv.Itoa(int(n.Port)))
	if n.Ident != "" {
		s += ";ident=" + n.Ident
	}
	return s
}

// wildcard reports whether the name stands for every address of the host.
func (n Name) wildcard() bool { return n.Host == "" || n.Host == "*" }

// network returns the network to give to a dial or listen func: base ("udp" or
// "tcp") alone for every address, otherwise with its family, so that an IPv4
// wildcard never takes IPv6 peers as well.
func (n Name) network(base string) string {
	if n.wildcard() {
		return base
	}
	if a, err := n.addr(); err == nil && !a.Is4() {
		return base + "6"
	}
	return base + "4"
}

// addr returns the address the name's Host holds.
func (n Name) addr() (netip.Addr, error) {
	a, err := netip.ParseAddr(strings.Trim(n.Host, "[]"))
	return a.Unmap(), err
}

// Key identifies a flow: it is comparable, stays the same for the life of the
// flow, and is safe to keep after the flow has gone. Two flows with equal keys
// are one flow (RFC 5626 section 3.1 calls this a flow identifier).
type Key struct {
	// Proto is the protocol, as in [Name].
	Proto string
	// Local and Remote are the addresses of the two ends. For UDP, Local is the
	// address that the peer sent to or that answers leave from.
	Local, Remote netip.AddrPort
	// Name is the domain the peer has proved to be, empty without TLS.
	Name string
	// Serial tells apart connections that had the same addresses one after the
	// other. It is 0 for UDP, where nothing is connected, and never 0 otherwise.
	// It counts from a random number, so that a key kept from before a restart,
	// in a token say, is not that of another connection after it.
	Serial uint64
}

// String returns the key as proto:local>remote.
func (k Key) String() string {
	return k.Proto + ":" + k.Local.String() + ">" + k.Remote.String()
}

// poolKey is what two requests for a connection must have in common to share
// one: never a formatted string, and never the address alone (a connection
// checked for one domain must not carry messages for another).
type poolKey struct {
	proto  string
	remote netip.AddrPort
	host   string // in place of remote, where it is no address
	server string
	ident  string
	path   string
	class  *msg.Class
	tls    *tls.Config
	verify Verification
	fresh  uint64 // another for every request for a connection of its own
}

// addrPortOf returns the address and port of a net.Addr, with IPv4 in its
// short form, or the zero value where there is none.
func addrPortOf(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		return unmap(a.AddrPort())
	case *net.TCPAddr:
		return unmap(a.AddrPort())
	case nil:
		return netip.AddrPort{}
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return unmap(ap)
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
