package nta

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// alias lets requests to the peer take the connection that it has opened, if
// its top Via asks for that and its certificate proves who it is (RFC 5923
// section 8.2). The address is the one that the request came from, the port that
// of sent-by. Where anything is missing the request is one without alias.
func (a *Agent) alias(d *tport.Delivery, via sip.ViaParm) {
	if !a.cfg.Alias || d.Flow.Proto() != tport.TLS || !via.Params.Has("alias") {
		return
	}
	name := tport.Name{Proto: tport.TLS, Host: d.From.Addr().String(), Port: sentPort(via)}
	for _, name.ServerName = range d.Identities {
		// A refusal is a matter of limits: the next request opens a connection.
		_ = d.Flow.Alias(name)
	}
}

// aliasParam is what Via says on a connection that we have opened, for the peer
// to use in its turn (RFC 5923 section 8.1).
func (a *Agent) aliasParam(f *tport.Flow) msg.Params {
	if a.cfg.Alias && f.Proto() == tport.TLS && f.Primary() == nil {
		return ";alias"
	}
	return ""
}
