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
	IDSuppressIfMatch
	IDReferSub
	IDReferEventsAt
	IDJoin
	IDTargetDialog
	IDAnswerMode
	IDPrivAnswerMode
	IDSessionID
	IDInfoPackage
	IDRecvInfo
	IDSecurityClient
	IDSecurityServer
	IDSecurityVerify
	IDIdentity
	IDIdentityInfo
	IDRemotePartyID
	IDHistoryInfo
	IDDiversion
	IDGeolocation
	IDGeolocationRouting
	IDGeolocationError
	IDPolicyContact
	IDPolicyID
	IDPermissionMissing
	IDTriggerConsent
	IDFeatureCaps
	IDResourcePriority
	IDAcceptResourcePriority
	IDMaxBreadth
	IDFlowTimer
	IDUserToUser
	IDPEarlyMedia
	IDPMediaAuthorization
	IDPAssociatedURI
	IDPCalledPartyID
	IDPVisitedNetworkID
	IDPAccessNetworkInfo
	IDPChargingFunctionAddresses
	IDPChargingVector
	IDPServedUser
	IDPUserDatabase
	IDPProfileKey
	IDPRefusedURIList
	IDPAnswerState
	IDPAssertedService
	IDPPreferredService
	IDPPrivateNetworkIndication
	IDPChargeInfo
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
	list = append(list, []msg.HeaderInfo{
		{ID: IDVia, Name: "Via", Compact: "v", Kind: msg.Prepend},
		{ID: IDRoute, Name: "Route", Kind: msg.Prepend},
		{ID: IDRecordRoute, Name: "Record-Route", Kind: msg.Prepend},
		{ID: IDPath, Name: "Path", Kind: msg.Prepend},                 // RFC 3327
		{ID: IDServiceRoute, Name: "Service-Route", Kind: msg.Append}, // RFC 3608
		{ID: IDFrom, Name: "From", Compact: "f", Critical: true},
		{ID: IDTo, Name: "To", Compact: "t", Critical: true},
		{ID: IDCallID, Name: "Call-ID", Compact: "i", Critical: true},
		{ID: IDCSeq, Name: "CSeq", Critical: true},
		{ID: IDContact, Name: "Contact", Compact: "m", Kind: msg.Append, Alone: "*"},
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
		{ID: IDReason, Name: "Reason", Kind: msg.Append},                                            // RFC 3326
		{ID: IDEvent, Name: "Event", Compact: "o", Critical: true},                                  // RFC 6665
		{ID: IDAllowEvents, Name: "Allow-Events", Compact: "u", Kind: msg.List},                     // RFC 6665
		{ID: IDSubscriptionState, Name: "Subscription-State", Critical: true},                       // RFC 6665
		{ID: IDReferTo, Name: "Refer-To", Compact: "r", Critical: true},                             // RFC 3515
		{ID: IDReferredBy, Name: "Referred-By", Compact: "b"},                                       // RFC 3892
		{ID: IDReplaces, Name: "Replaces", Critical: true},                                          // RFC 3891
		{ID: IDRSeq, Name: "RSeq", Critical: true},                                                  // RFC 3262
		{ID: IDRAck, Name: "RAck", Critical: true},                                                  // RFC 3262
		{ID: IDSessionExpires, Name: "Session-Expires", Compact: "x", Critical: true},               // RFC 4028
		{ID: IDMinSE, Name: "Min-SE", Critical: true},                                               // RFC 4028
		{ID: IDSIPETag, Name: "SIP-ETag", Critical: true},                                           // RFC 3903
		{ID: IDSIPIfMatch, Name: "SIP-If-Match", Critical: true},                                    // RFC 3903
		{ID: IDAlertInfo, Name: "Alert-Info", Kind: msg.Append},                                     // section 20.4
		{ID: IDCallInfo, Name: "Call-Info", Kind: msg.Append},                                       // section 20.9
		{ID: IDErrorInfo, Name: "Error-Info", Kind: msg.Append},                                     // section 20.18
		{ID: IDPrivacy, Name: "Privacy"},                                                            // RFC 3323
		{ID: IDPAssertedIdentity, Name: "P-Asserted-Identity", Kind: msg.Append},                    // RFC 3325
		{ID: IDPPreferredIdentity, Name: "P-Preferred-Identity", Kind: msg.Append},                  // RFC 3325
		{ID: IDAcceptContact, Name: "Accept-Contact", Compact: "a", Kind: msg.Append},               // RFC 3841
		{ID: IDRejectContact, Name: "Reject-Contact", Compact: "j", Kind: msg.Append},               // RFC 3841
		{ID: IDRequestDisposition, Name: "Request-Disposition", Compact: "d", Kind: msg.List},       // RFC 3841
		{ID: IDSuppressIfMatch, Name: "Suppress-If-Match", Critical: true},                          // RFC 5839
		{ID: IDReferSub, Name: "Refer-Sub"},                                                         // RFC 4488
		{ID: IDReferEventsAt, Name: "Refer-Events-At"},                                              // RFC 7614
		{ID: IDJoin, Name: "Join", Critical: true},                                                  // RFC 3911
		{ID: IDTargetDialog, Name: "Target-Dialog", Critical: true},                                 // RFC 4538
		{ID: IDAnswerMode, Name: "Answer-Mode"},                                                     // RFC 5373
		{ID: IDPrivAnswerMode, Name: "Priv-Answer-Mode"},                                            // RFC 5373
		{ID: IDSessionID, Name: "Session-ID"},                                                       // RFC 7989
		{ID: IDInfoPackage, Name: "Info-Package", Critical: true},                                   // RFC 6086
		{ID: IDRecvInfo, Name: "Recv-Info", Kind: msg.List},                                         // RFC 6086
		{ID: IDSecurityClient, Name: "Security-Client", Kind: msg.Append},                           // RFC 3329
		{ID: IDSecurityServer, Name: "Security-Server", Kind: msg.Append},                           // RFC 3329
		{ID: IDSecurityVerify, Name: "Security-Verify", Kind: msg.Append},                           // RFC 3329
		{ID: IDIdentity, Name: "Identity", Compact: "y", Kind: msg.Append},                          // RFC 8224
		{ID: IDIdentityInfo, Name: "Identity-Info", Compact: "n"},                                   // RFC 4474
		{ID: IDRemotePartyID, Name: "Remote-Party-ID", Kind: msg.Append},                            // draft-ietf-sip-privacy-04
		{ID: IDHistoryInfo, Name: "History-Info", Kind: msg.Append},                                 // RFC 7044
		{ID: IDDiversion, Name: "Diversion", Kind: msg.Prepend},                                     // RFC 5806
		{ID: IDGeolocation, Name: "Geolocation", Kind: msg.Append},                                  // RFC 6442
		{ID: IDGeolocationRouting, Name: "Geolocation-Routing"},                                     // RFC 6442
		{ID: IDGeolocationError, Name: "Geolocation-Error"},                                         // RFC 6442
		{ID: IDPolicyContact, Name: "Policy-Contact", Kind: msg.Append},                             // RFC 6794
		{ID: IDPolicyID, Name: "Policy-ID", Kind: msg.Append},                                       // RFC 6794
		{ID: IDPermissionMissing, Name: "Permission-Missing", Kind: msg.Append},                     // RFC 5360
		{ID: IDTriggerConsent, Name: "Trigger-Consent", Kind: msg.Append},                           // RFC 5360
		{ID: IDFeatureCaps, Name: "Feature-Caps", Kind: msg.Append},                                 // RFC 6809
		{ID: IDResourcePriority, Name: "Resource-Priority", Kind: msg.List},                         // RFC 4412
		{ID: IDAcceptResourcePriority, Name: "Accept-Resource-Priority", Kind: msg.List},            // RFC 4412
		{ID: IDMaxBreadth, Name: "Max-Breadth"},                                                     // RFC 5393
		{ID: IDFlowTimer, Name: "Flow-Timer"},                                                       // RFC 5626
		{ID: msg.IDContentID, Name: "Content-ID"},                                                   // RFC 8262
		{ID: IDUserToUser, Name: "User-to-User", Kind: msg.Append},                                  // RFC 7433
		{ID: IDPEarlyMedia, Name: "P-Early-Media", Kind: msg.List},                                  // RFC 5009
		{ID: IDPMediaAuthorization, Name: "P-Media-Authorization", Kind: msg.List},                  // RFC 3313
		{ID: IDPAssociatedURI, Name: "P-Associated-URI", Kind: msg.Append},                          // RFC 7315
		{ID: IDPCalledPartyID, Name: "P-Called-Party-ID"},                                           // RFC 7315
		{ID: IDPVisitedNetworkID, Name: "P-Visited-Network-ID", Kind: msg.Append},                   // RFC 7315
		{ID: IDPAccessNetworkInfo, Name: "P-Access-Network-Info", Kind: msg.Append},                 // RFC 7315
		{ID: IDPChargingFunctionAddresses, Name: "P-Charging-Function-Addresses", Kind: msg.Append}, // RFC 7315
		{ID: IDPChargingVector, Name: "P-Charging-Vector"},                                          // RFC 7315
		{ID: IDPServedUser, Name: "P-Served-User"},                                                  // RFC 5502
		{ID: IDPUserDatabase, Name: "P-User-Database"},                                              // RFC 4457
		{ID: IDPProfileKey, Name: "P-Profile-Key"},                                                  // RFC 5002
		{ID: IDPRefusedURIList, Name: "P-Refused-URI-List", Kind: msg.Append},                       // RFC 5318
		{ID: IDPAnswerState, Name: "P-Answer-State"},                                                // RFC 4964
		{ID: IDPAssertedService, Name: "P-Asserted-Service", Kind: msg.List},                        // RFC 6050
		{ID: IDPPreferredService, Name: "P-Preferred-Service", Kind: msg.List},                      // RFC 6050
		{ID: IDPPrivateNetworkIndication, Name: "P-Private-Network-Indication"},                     // RFC 7316
		{ID: IDPChargeInfo, Name: "P-Charge-Info"},                                                  // RFC 8496
	}...)
	for i := range list {
		list[i].Valid = grammarOf(list[i].ID)
		list[i].Reads = types[list[i].ID].reads
		list[i].Scan, list[i].Mandatory = scannerOf(list[i].ID)
	}
	return list
}
