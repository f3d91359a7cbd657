package nta

import (
	"slices"
	"strings"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/sip"
)

// Checks is what a user agent server takes. An empty field is not checked.
type Checks struct {
	// Methods are those that are taken here.
	Methods []string
	// Schemes are those that the Request-URI may have, such as "sip" and "tel".
	Schemes []string
	// Options are the option tags that Require may name (RFC 3261 section 20.32).
	Options []string
	// Content are the media types that a body may have, such as
	// "application/sdp". A body that need not be understood (handling=optional in
	// Content-Disposition) may have any.
	Content []string
	// Answers are the media types of the bodies we answer with: Accept must allow
	// one of them.
	Answers []string
}

// Refuse goes through the checks in the order of RFC 3261 section 8.2 and returns
// the first response that a request is to be refused with, 0 for none: 501 for a
// method that nobody knows and 405 for one that is not taken, with Allow (8.2.1);
// 416 for the scheme (8.2.2.1); 420 with Unsupported for what is required
// (8.2.2.3); 415 with Accept or Accept-Encoding for the body (8.2.3); 406 with Accept for
// what we would answer (21.4.7). What comes before them, authentication and
// merging, is done elsewhere. Require of an ACK is not looked at; CANCEL never
// comes to user code.
func (c Checks) Refuse(req sip.Request) (status int, set []msg.Setter) {
	method := req.Method()
	if len(c.Methods) > 0 && !slices.Contains(c.Methods, method) {
		if sip.IsMethod(method) {
			return 405, []msg.Setter{sip.Allow.Set(c.Methods...)}
		}
		return 501, []msg.Setter{sip.Allow.Set(c.Methods...)}
	}
	if len(c.Schemes) > 0 {
		uri, err := req.URI()
		if err != nil || !slices.ContainsFunc(c.Schemes, func(s string) bool { return strings.EqualFold(s, uri.Scheme) }) {
			return 416, nil
		}
	}
	if len(c.Options) > 0 && method != sip.MethodAck {
		var unknown []string
		for tag, err := range sip.Require.All(req) {
			if err == nil && !slices.ContainsFunc(c.Options, func(s string) bool { return strings.EqualFold(s, tag) }) {
				unknown = append(unknown, tag)
			}
		}
		if len(unknown) > 0 {
			return 420, []msg.Setter{sip.Unsupported.Set(unknown...)}
		}
	}
	if status, set := c.content(req); status != 0 {
		return status, set
	}
	return c.answers(req)
}

// content checks the body (8.2.3).
func (c Checks) content(req sip.Request) (int, []msg.Setter) {
	if len(c.Content) == 0 || req.Body() == "" {
		return 0, nil
	}
	if d, ok, err := sip.ContentDisposition.Get(req); ok && err == nil {
		if h, _ := d.Params.Get("handling"); strings.EqualFold(h, "optional") {
			return 0, nil
		}
	}
	for coding, err := range sip.ContentEncoding.All(req) {
		if err != nil || !strings.EqualFold(coding, "identity") {
			return 415, []msg.Setter{sip.AcceptEncoding.Text("identity")}
		}
	}
	kind, ok, err := sip.ContentType.Get(req)
	if ok && err == nil && slices.ContainsFunc(c.Content, kind.Is) {
		return 0, nil
	}
	return 415, []msg.Setter{sip.Accept.Text(strings.Join(c.Content, ", "))}
}

// answers checks that Accept, if there is one, allows a body of ours (21.4.7).
func (c Checks) answers(req sip.Request) (int, []msg.Setter) {
	if len(c.Answers) == 0 || !sip.Accept.Has(req) {
		return 0, nil
	}
	for want, err := range sip.Accept.All(req) {
		if err != nil || want.Q() == 0 {
			continue
		}
		for _, ours := range c.Answers {
			major, _, _ := strings.Cut(ours, "/")
			if want.Type == "*" || want.Subtype == "*" && strings.EqualFold(want.Type, major) || want.Is(ours) {
				return 0, nil
			}
		}
	}
	return 406, []msg.Setter{sip.Accept.Text(strings.Join(c.Answers, ", "))}
}
