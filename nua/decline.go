package nua

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sdp"
	"github.com/gosofia/sofia/sip"
)

// declined answers an offer by refusing every stream of it, without the engine:
// the ACK of a 2xx with an offer must carry an answer even when the call is
// given up in the same breath (RFC 3261 13.2.2.4, RFC 3264 6).
func declined(offer, address string) (string, bool) {
	d, err := sdp.Parse(offer)
	if err != nil {
		return "", false
	}
	kind := "IP4"
	if !isIPv4(address) {
		kind = "IP6"
	}
	answer := &sdp.Description{
		Origin: sdp.Origin{Username: "-", ID: 1, Version: 1, NetType: "IN", AddrType: kind, Address: address},
		Name:   "-",
		Times:  d.Times, // RFC 3264 6: equal to the offer's
	}
	for _, m := range d.Media {
		answer.Media = append(answer.Media, sdp.Media{Type: m.Type, Proto: m.Proto, Formats: m.Formats})
	}
	return answer.String(), true
}

func isIPv4(address string) bool {
	for i := range len(address) {
		if address[i] == ':' {
			return false
		}
	}
	return true
}

// decline is the body of an ACK that must answer an offer nobody wants.
func (c *Call) decline(success sip.Response) []msg.Setter {
	offer, ok := sessionBody(success)
	if !ok {
		return nil
	}
	answer, ok := declined(offer, c.media.address)
	if !ok {
		return nil
	}
	return []msg.Setter{sip.Payload("application/sdp", answer)}
}
