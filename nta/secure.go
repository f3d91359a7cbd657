package nta

import (
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
	"github.com/gosofia/sofia/tport"
)

// sips reports whether a request is to go over TLS and nothing else (RFC 3261
// section 26.2.2): its Request-URI is a SIPS URI, or its dialog was made with
// one (12.2.1.1). It does not matter which route it takes to get there.
func (k *seeker) sips() bool {
	if k.cfg.Leg != nil && k.cfg.Leg.secure {
		return true
	}
	uri := k.req.RequestURI()
	return len(uri) > 5 && strings.EqualFold(uri[:5], "sips:")
}

// secured reports whether a request has come over TLS for a SIPS URI (12.1.1).
func (in *Incoming) secured() bool {
	uri, err := in.req.URI()
	return err == nil && uri.IsSIPS() && in.Flow().TLS() != nil
}

// Secure returns a Contact as a SIPS URI, as it must be where the Request-URI,
// the topmost Route or Record-Route, or the dialog is one (RFC 3261 sections
// 8.1.1.8 and 12.1.1). It leaves no transport=tls, which a SIPS URI does not
// need (RFC 5630 section 3.1.1). A URI that is not SIP stays as it is.
func Secure(contact sip.NameAddr) sip.NameAddr {
	u := &contact.URI
	if !u.IsSIP() {
		return contact
	}
	u.Scheme = "sips"
	switch u.Transport() {
	case tport.TLS, tport.TCP:
		u.Params = u.Params.Without("transport")
	case tport.WSS: // RFC 7118 section 5.2.4
		u.Params = u.Params.With("transport", tport.WS)
	}
	return contact
}

// Placed returns a Contact as it goes out on a flow: that of [Agent.Contact] for
// a protocol that nothing listens on has the address of our end of the
// connection, so that a peer which uses its connections again finds the way.
// Requests and responses of this agent are sent so. Any other Contact, and one on
// a WebSocket, stays as it is.
func (a *Agent) Placed(c sip.NameAddr, f *tport.Flow) sip.NameAddr {
	if f != nil && !webSocket(f.Proto()) && strings.EqualFold(c.URI.Host, a.nowhere) {
		c.URI.Host, c.URI.Port = a.sentBy(f)
	}
	return c
}

// placeContact is a setter that places the Contact of a message on a flow, if it
// must be; there is no more than one then.
func (a *Agent) placeContact(m msg.Source, f *tport.Flow) (msg.Setter, bool) {
	if f.TLS() == nil || webSocket(f.Proto()) {
		return msg.Setter{}, false
	}
	c, ok, err := sip.Contact.Get(m)
	if err != nil || !ok || !strings.EqualFold(c.URI.Host, a.nowhere) {
		return msg.Setter{}, false
	}
	return sip.Contact.Set(a.Placed(c, f)).AsRead(), true
}

// peerName is what the peer of a flow must prove when it is connected to anew
// for a response: what it has proved before, else what it calls itself (RFC
// 5922 section 7.3); empty for its address.
func peerName(f *tport.Flow, via sip.ViaParm) string {
	if f.TLS() == nil {
		return ""
	}
	if ids := f.Identities(); len(ids) > 0 {
		return ids[0]
	}
	if _, numeric := address(via.Host); numeric {
		return ""
	}
	return strings.Clone(via.Host)
}
