package tport

import (
	"crypto/tls"
	"net/netip"
	"time"

	"github.com/gosofia/sofia/msg"
)

// Delivery is one received message and how it came. It belongs to whoever got
// it: nothing in it changes or is used again.
type Delivery struct {
	// Msg is the message. It is never nil.
	Msg *msg.Message
	// Err is nil for a good message. Otherwise the message was refused (it is
	// an *msg.SyntaxError where the grammar or a limit refused it) and Msg holds
	// what there is to answer it with.
	Err error
	// Fatal reports that a stream lost its framing with this message. Answer
	// it, if at all, before Deliver returns: the flow then closes as soon as the
	// answer has gone out.
	Fatal bool
	// Flow is where the message came from; answers go back on it.
	Flow *Flow
	// From is the address of the peer.
	From netip.AddrPort
	// To is the local address that the message was sent to.
	To netip.AddrPort
	// TLS is the state of the connection, nil without TLS.
	TLS *tls.ConnectionState
	// Identities are the SIP domains that the peer has proved by a verified
	// certificate, see [Identities]; nil where it has proved none. Two flows may
	// share them: do not change them.
	Identities []string
	// At is when the message was read.
	At time.Time
}
