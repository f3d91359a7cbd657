package sip

import (
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of privacy, of asserted identities and of diversion.
const (
	// Privacy is what the user wants hidden (RFC 3323 section 4.2): tokens with
	// ";" between them. It stands once. Errors: msg.ErrSyntax.
	Privacy = msg.Header[Privacies, PrivacyCodec](IDPrivacy)
	// PAssertedIdentity is who a trusted peer says is calling (RFC 3325 section
	// 9.1): one or two addresses, a comma list that may repeat.
	PAssertedIdentity = AddrHeader(IDPAssertedIdentity)
	// PPreferredIdentity is who the user wants to be (RFC 3325 section 9.2).
	PPreferredIdentity = AddrHeader(IDPPreferredIdentity)
	// RemotePartyID is the forerunner of P-Asserted-Identity (draft-ietf-sip-privacy);
	// its parameters are party, screen and privacy. It may repeat.
	RemotePartyID = AddrHeader(IDRemotePartyID)
	// HistoryInfo tells the targets a request had (RFC 7044 section 5), see
	// [NameAddr.HistoryIndex]. It may repeat.
	HistoryInfo = AddrHeader(IDHistoryInfo)
	// Diversion tells who diverted a call and why (RFC 5806 section 9, historic),
	// with the parameters reason, counter, limit, privacy and screen. It may repeat.
	Diversion = AddrHeader(IDDiversion)
)

// The values of Privacy (RFC 3323 section 4.2, RFC 3325 section 9.3, RFC 7044
// section 10.1). They compare without case.
const (
	PrivacyHeader   = "header"
	PrivacySession  = "session"
	PrivacyUser     = "user"
	PrivacyNone     = "none"
	PrivacyCritical = "critical"
	PrivacyID       = "id"
	PrivacyHistory  = "history"
)

// Privacies is the value of Privacy: "id;critical". It is never empty in a
// message.
type Privacies string

// Has reports whether the value is there, compared without case.
func (p Privacies) Has(value string) bool {
	for v := range p.All() {
		if scan.EqualFold(v, value) {
			return true
		}
	}
	return false
}

// All yields the values in order.
func (p Privacies) All() iter.Seq[string] { return strings.SplitSeq(string(p), ";") }

// PrivacyCodec reads and writes [Privacies]. Commas between the values and white
// space, as peers write them, are read too.
//
//	Privacy-hdr = priv-value *( ";" priv-value )
type PrivacyCodec struct{}

// Parse implements [msg.Codec].
func (PrivacyCodec) Parse(s string) (Privacies, string, error) {
	tidy := true
	for i := 0; ; {
		end := scan.Token(s, i)
		if end == i {
			return "", "", msg.ErrSyntax
		}
		if i = scan.Space(s, end); i == len(s) {
			break
		}
		if s[i] != ';' && s[i] != ',' {
			return "", "", msg.ErrSyntax
		}
		next := scan.Space(s, i+1)
		tidy = tidy && i == end && s[i] == ';' && next == i+1
		i = next
	}
	if tidy {
		return Privacies(s), "", nil
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		switch {
		case s[i] == ',':
			b = append(b, ';')
		case !scan.IsSpace(s[i]):
			b = append(b, s[i])
		}
	}
	return Privacies(b), "", nil
}

// Append implements [msg.Codec].
func (PrivacyCodec) Append(dst []byte, v Privacies) ([]byte, error) {
	for p := range v.All() {
		if !scan.IsToken(p) {
			return dst, msg.ErrValue
		}
	}
	return append(dst, v...), nil
}

// HistoryIndex returns the index of a History-Info entry, such as "1.2"; "" if
// there is none (RFC 7044 section 10.3).
func (a NameAddr) HistoryIndex() string { return tagParam(a.Params, "index") }

// HistoryTarget returns how the entry's target came about: kind is "rc", "mp" or
// "np", index the entry it comes from (RFC 7044 section 10.4). Both are "" if
// that is not said.
func (a NameAddr) HistoryTarget() (kind, index string) {
	for _, kind := range []string{"rc", "mp", "np"} {
		if v, ok := a.Params.Get(kind); ok {
			return kind, v
		}
	}
	return "", ""
}

// HistoryReason returns the Reason that the URI of a History-Info entry carries
// in its headers part (RFC 7044 section 10.2); ok is false if there is none.
func (a NameAddr) HistoryReason() (r ReasonValue, ok bool) {
	v, ok := a.URI.Header("Reason")
	if !ok {
		return ReasonValue{}, false
	}
	r, _, err := ItemCodec[ReasonValue]{}.Parse(scan.Trim(v))
	return r, err == nil
}
