package main

import (
	"errors"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// rule names the section that an error breaks.
func rule(e *msg.SyntaxError) string {
	for _, r := range []struct {
		err     error
		section string
	}{
		{msg.ErrNoStartLine, "RFC 3261 section 7"},
		{msg.ErrStartLine, "RFC 3261 section 7.1"},
		{msg.ErrVersion, "RFC 3261 section 7.1"},
		{msg.ErrStatusCode, "RFC 3261 section 7.2"},
		{msg.ErrLineEnd, "RFC 3261 section 7"},
		{msg.ErrControl, "RFC 3261 section 25.1"},
		{msg.ErrFieldName, "RFC 3261 section 7.3.1"},
		{msg.ErrHeadEnd, "RFC 3261 section 7"},
		{msg.ErrStartLineTooLong, "RFC 3261 section 21.4.12"},
		{msg.ErrHeadTooLarge, "RFC 3261 section 21.5.7"},
		{msg.ErrBodyTooLarge, "RFC 3261 section 21.4.11"},
		{msg.ErrLength, "RFC 3261 section 18.3"},
		{msg.ErrNoLength, "RFC 3261 section 20.14"},
		{msg.ErrCut, "RFC 3261 section 18.3"},
		{msg.ErrMissing, "RFC 3261 section 8.1.1"},
		{sip.ErrMethod, "RFC 3261 section 8.1.1.5"},
	} {
		if errors.Is(e.Err, r.err) {
			return r.section
		}
	}
	if e.Header == "" {
		if errors.Is(e.Err, sip.ErrURI) {
			return "RFC 3261 section 19.1.1"
		}
		return "RFC 3261 section 7"
	}
	if s, ok := sections()[strings.ToLower(e.Header)]; ok {
		return s
	}
	return "RFC 3261 section 25.1"
}

// sections says where each header is defined.
func sections() map[string]string {
	all := map[string]string{
		"session-expires": "RFC 4028 section 4", "min-se": "RFC 4028 section 5", "rseq": "RFC 3262 section 7.1", "rack": "RFC 3262 section 7.2",
		"event": "RFC 6665 section 8.2.1", "allow-events": "RFC 6665 section 8.2.2", "subscription-state": "RFC 6665 section 8.2.3",
		"refer-to": "RFC 3515 section 2.1", "referred-by": "RFC 3892 section 3", "replaces": "RFC 3891 section 6.1", "join": "RFC 3911 section 7.1",
		"target-dialog": "RFC 4538 section 7", "path": "RFC 3327 section 4", "service-route": "RFC 3608 section 5", "privacy": "RFC 3323 section 4.2",
		"p-asserted-identity": "RFC 3325 section 9.1", "p-preferred-identity": "RFC 3325 section 9.2", "reason": "RFC 3326 section 2",
		"accept-contact": "RFC 3841 section 9.2", "reject-contact": "RFC 3841 section 9.2", "request-disposition": "RFC 3841 section 9.1",
		"sip-etag": "RFC 3903 section 11.3.1", "sip-if-match": "RFC 3903 section 11.3.2", "history-info": "RFC 7044 section 5", "diversion": "RFC 5806 section 4",
		"security-client": "RFC 3329 section 2.2", "security-server": "RFC 3329 section 2.2", "security-verify": "RFC 3329 section 2.2",
		"identity": "RFC 8224 section 4", "geolocation": "RFC 6442 section 4.1", "resource-priority": "RFC 4412 section 3.1", "session-id": "RFC 7989 section 5",
		"user-to-user": "RFC 7433 section 4", "feature-caps": "RFC 6809 section 6", "max-breadth": "RFC 5393 section 5", "info-package": "RFC 6086 section 7.2",
		"recv-info": "RFC 6086 section 7.2", "flow-timer": "RFC 5626 section 7", "p-charging-vector": "RFC 7315 section 4.6", "p-access-network-info": "RFC 7315 section 4.4",
		"content-id": "RFC 8262 section 2", "application/sdp": "RFC 8866 section 9",
	}
	// RFC 3261 section 20 lists its headers by alphabet.
	for i, name := range []string{
		"accept", "accept-encoding", "accept-language", "alert-info", "allow", "authentication-info", "authorization", "call-id", "call-info", "contact",
		"content-disposition", "content-encoding", "content-language", "content-length", "content-type", "cseq", "date", "error-info", "expires", "from",
		"in-reply-to", "max-forwards", "min-expires", "mime-version", "organization", "priority", "proxy-authenticate", "proxy-authorization", "proxy-require", "record-route",
		"reply-to", "require", "retry-after", "route", "server", "subject", "supported", "timestamp", "to", "unsupported",
		"user-agent", "via", "warning", "www-authenticate",
	} {
		all[name] = "RFC 3261 section 20." + itoa(i+1)
	}
	return all
}
