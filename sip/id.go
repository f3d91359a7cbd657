package sip

import "github.com/gosofia/sofia/msg"

// The IDs of the headers that only SIP knows.
const (
	IDVia msg.ID = msg.FirstSIP + iota
	IDRoute
	IDRecordRoute
	IDPath
	IDServiceRoute
	IDFrom
	IDTo
	IDCallID
	IDCSeq
	IDContact
	IDMinExpires
	IDSupported
	IDRequire
	IDProxyRequire
	IDUnsupported
	IDSubject
	IDOrganization
	IDPriority
	IDTimestamp
	IDInReplyTo
	IDReplyTo
	IDReason
	IDEvent
	IDAllowEvents
	IDSubscriptionState
	IDReferTo
	IDReferredBy
	IDReplaces
	IDRSeq
	IDRAck
	IDSessionExpires
	IDMinSE
	IDSIPETag
	IDSIPIfMatch
	IDAlertInfo
	IDCallInfo
	IDErrorInfo
	IDPrivacy
	IDPAssertedIdentity
	IDPPreferredIdentity
	IDAcceptContact
	IDRejectContact
	IDRequestDisposition
)

// infos describes the headers of the class: RFC 3261 section 20 and, where
// named, the RFCs that added one. Compact forms are those of the IANA registry.
func infos() []msg.HeaderInfo {
	list := msg.Common()
	for i := range list {
		switch list[i].ID { // section 7.3.3
		case msg.IDContentLength:
			list[i].Compact = "l"
		case msg.IDContentType:
			list[i].Compact = "c"
		case msg.IDContentEncoding:
			list[i].Compact = "e"
		}
	}
	return append(list, []msg.HeaderInfo{
		{ID: IDVia, Name: "Via", Compact: "v", Kind: msg.Prepend},
		{ID: IDRoute, Name: "Route", Kind: msg.Prepend},
		{ID: IDRecordRoute, Name: "Record-Route", Kind: msg.Prepend},
		{ID: IDPath, Name: "Path", Kind: msg.Prepend},                 // RFC 3327
		{ID: IDServiceRoute, Name: "Service-Route", Kind: msg.Append}, // RFC 3608
		{ID: IDFrom, Name: "From", Compact: "f", Critical: true},
		{ID: IDTo, Name: "To", Compact: "t", Critical: true},
		{ID: IDCallID, Name: "Call-ID", Compact: "i", Critical: true},
		{ID: IDCSeq, Name: "CSeq", Critical: true},
		{ID: IDContact, Name: "Contact", Compact: "m", Kind: msg.Append},
		{ID: IDMinExpires, Name: "Min-Expires"},
		{ID: IDSupported, Name: "Supported", Compact: "k", Kind: msg.List},
		{ID: IDRequire, Name: "Require", Kind: msg.List},
		{ID: IDProxyRequire, Name: "Proxy-Require", Kind: msg.List},
		{ID: IDUnsupported, Name: "Unsupported", Kind: msg.List},
		{ID: IDSubject, Name: "Subject", Compact: "s"},
		{ID: IDOrganization, Name: "Organization"},
		{ID: IDPriority, Name: "Priority"},
		{ID: IDTimestamp, Name: "Timestamp"},
		{ID: IDInReplyTo, Name: "In-Reply-To", Kind: msg.List},
		{ID: IDReplyTo, Name: "Reply-To"},
		{ID: IDReason, Name: "Reason", Kind: msg.Append},                                      // RFC 3326
		{ID: IDEvent, Name: "Event", Compact: "o", Critical: true},                            // RFC 6665
		{ID: IDAllowEvents, Name: "Allow-Events", Compact: "u", Kind: msg.List},               // RFC 6665
		{ID: IDSubscriptionState, Name: "Subscription-State", Critical: true},                 // RFC 6665
		{ID: IDReferTo, Name: "Refer-To", Compact: "r", Critical: true},                       // RFC 3515
		{ID: IDReferredBy, Name: "Referred-By", Compact: "b"},                                 // RFC 3892
		{ID: IDReplaces, Name: "Replaces", Critical: true},                                    // RFC 3891
		{ID: IDRSeq, Name: "RSeq", Critical: true},                                            // RFC 3262
		{ID: IDRAck, Name: "RAck", Critical: true},                                            // RFC 3262
		{ID: IDSessionExpires, Name: "Session-Expires", Compact: "x", Critical: true},         // RFC 4028
		{ID: IDMinSE, Name: "Min-SE", Critical: true},                                         // RFC 4028
		{ID: IDSIPETag, Name: "SIP-ETag", Critical: true},                                     // RFC 3903
		{ID: IDSIPIfMatch, Name: "SIP-If-Match", Critical: true},                              // RFC 3903
		{ID: IDAlertInfo, Name: "Alert-Info", Kind: msg.Append},                               // section 20.4
		{ID: IDCallInfo, Name: "Call-Info", Kind: msg.Append},                                 // section 20.9
		{ID: IDErrorInfo, Name: "Error-Info", Kind: msg.Append},                               // section 20.18
		{ID: IDPrivacy, Name: "Privacy"},                                                      // RFC 3323
		{ID: IDPAssertedIdentity, Name: "P-Asserted-Identity", Kind: msg.Append},              // RFC 3325
		{ID: IDPPreferredIdentity, Name: "P-Preferred-Identity", Kind: msg.Append},            // RFC 3325
		{ID: IDAcceptContact, Name: "Accept-Contact", Compact: "a", Kind: msg.Append},         // RFC 3841
		{ID: IDRejectContact, Name: "Reject-Contact", Compact: "j", Kind: msg.Append},         // RFC 3841
		{ID: IDRequestDisposition, Name: "Request-Disposition", Compact: "d", Kind: msg.List}, // RFC 3841
	}...)
}
