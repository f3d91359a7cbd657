package nua

import (
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// isSDP reports whether a media type is application/sdp.
func isSDP(t msg.MediaType) bool {
	return strings.EqualFold(t.Type, "application") && strings.EqualFold(t.Subtype, "sdp")
}

// sessionBody returns the session description a message carries. A body of
// another type is none.
func sessionBody(m msg.Source) (string, bool) {
	body := m.Msg().Body()
	if body == "" || !plain(m) {
		return "", false
	}
	t, ok, err := sip.ContentType.Get(m)
	if !ok || err != nil || !isSDP(t) {
		return "", false
	}
	return body, true
}

// plain reports whether the body is without content coding.
func plain(m msg.Source) bool {
	coding, ok := sip.ContentEncoding.Raw(m)
	coding = strings.TrimSpace(coding)
	return !ok || coding == "" || strings.EqualFold(coding, "identity")
}

// readable reports whether the body of a request for a Handler can be read: it
// is plain, in a coding the user declared, or may be ignored (RFC 3261 8.2.3).
func (u *UA) readable(req sip.Request) bool {
	if req.Body() == "" || plain(req) || optional(req) {
		return true
	}
	coding, _ := sip.ContentEncoding.Raw(req)
	for item := range strings.SplitSeq(coding, ",") {
		item = strings.TrimSpace(item)
		known := strings.EqualFold(item, "identity")
		for _, c := range u.cfg.ContentCodings {
			known = known || strings.EqualFold(item, c)
		}
		if !known {
			return false
		}
	}
	return true
}

// optional reports whether the body may be ignored (RFC 3261 20.11).
func optional(m msg.Source) bool {
	d, ok := sip.ContentDisposition.Raw(m)
	if !ok {
		return false
	}
	_, params, _ := strings.Cut(d, ";")
	handling, _ := msg.Params(";" + params).Get("handling")
	return strings.EqualFold(strings.TrimSpace(handling), "optional")
}

// checkOffer finds what forbids the body of an INVITE (RFC 3261 8.2.3,
// 13.3.1). Without objection it returns the offer, empty if there is none.
func (u *UA) checkOffer(req sip.Request) (offer string, status int, set []msg.Setter) {
	if !acceptsSDP(req) {
		// Our answer or offer would be of no use to the peer.
		return "", 406, nil
	}
	body := req.Body()
	if body == "" {
		return "", 0, nil
	}
	t, ok, err := sip.ContentType.Get(req)
	switch {
	case ok && err != nil:
		return "", 400, []msg.Setter{sip.Phrase("Bad Content-Type")}
	case ok && isSDP(t) && plain(req):
		return body, 0, nil
	case optional(req):
		return "", 0, nil
	case ok && isSDP(t):
		return "", 415, []msg.Setter{u.allow.accept, u.allow.encoding}
	}
	// A body without Content-Type says nothing either.
	return "", 415, []msg.Setter{u.allow.accept, u.allow.encoding}
}

// acceptsSDP reads Accept: absent means application/sdp in an INVITE (RFC 3261 20.1).
func acceptsSDP(req sip.Request) bool {
	if !sip.Accept.Has(req) {
		return true
	}
	for value := range req.Values("Accept") {
		for item := range strings.SplitSeq(value, ",") {
			item, _, _ = strings.Cut(item, ";")
			item = strings.ToLower(strings.TrimSpace(item))
			switch item {
			case "application/sdp", "application/*", "*/*":
				return true
			}
		}
	}
	return false
}
