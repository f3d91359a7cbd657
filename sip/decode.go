package sip

import (
	"iter"

	"github.com/gosofia/sofia/msg"
)

// Decode yields the values of the header with the given ID as the type its
// constant has, so that tools can treat all headers alike; programs that know
// the header use the constant. It yields nothing for an ID that this package
// does not type.
func Decode(m msg.Source, id msg.ID) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		if f := decoders[id]; f != nil {
			f(m, yield)
		}
	}
}

// Malformed yields an error for every value of a header that cannot be read as
// the type its constant has, in the order of the fields: *[msg.SyntaxError]. What
// counts as malformed depends on the reading of the message's class, see
// [msg.Class.Reading]. A header that stands several times is looked at once.
func Malformed(m msg.Source) iter.Seq[error] {
	return func(yield func(error) bool) { malformed(m.Msg(), yield) }
}

func malformed(m *msg.Message, yield func(error) bool) {
	var seen [msg.FirstHTTP/64 + 1]uint64
	for f := range m.Fields() {
		if f.ID == 0 || f.ID >= msg.FirstHTTP || seen[f.ID/64]&(1<<(f.ID%64)) != 0 {
			continue
		}
		seen[f.ID/64] |= 1 << (f.ID % 64)
		for _, err := range Decode(m, f.ID) {
			if err != nil && !yield(err) {
				return
			}
		}
	}
}

type decoder func(msg.Source, func(any, error) bool)

func typed[T any, C msg.Codec[T]](h msg.Header[T, C]) decoder {
	return func(m msg.Source, yield func(any, error) bool) {
		for v, err := range h.All(m) {
			if !yield(v, err) {
				return
			}
		}
	}
}

// decoders has an entry for every header that has a type.
var decoders = map[msg.ID]decoder{
	msg.IDContentLength:           typed(ContentLength),
	msg.IDContentType:             typed(ContentType),
	msg.IDContentEncoding:         typed(ContentEncoding),
	msg.IDContentLanguage:         typed(ContentLanguage),
	msg.IDContentDisposition:      typed(ContentDisposition),
	msg.IDDate:                    typed(Date),
	msg.IDExpires:                 typed(Expires),
	msg.IDMaxForwards:             typed(MaxForwards),
	msg.IDMIMEVersion:             typed(MIMEVersion),
	msg.IDAccept:                  typed(Accept),
	msg.IDAcceptEncoding:          typed(AcceptEncoding),
	msg.IDAcceptLanguage:          typed(AcceptLanguage),
	msg.IDAllow:                   typed(Allow),
	msg.IDServer:                  typed(Server),
	msg.IDUserAgent:               typed(UserAgent),
	msg.IDRetryAfter:              typed(RetryAfter),
	msg.IDWarning:                 typed(Warning),
	msg.IDWWWAuthenticate:         typed(WWWAuthenticate),
	msg.IDProxyAuthenticate:       typed(ProxyAuthenticate),
	msg.IDAuthorization:           typed(Authorization),
	msg.IDProxyAuthorization:      typed(ProxyAuthorization),
	msg.IDAuthenticationInfo:      typed(AuthenticationInfo),
	msg.IDProxyAuthenticationInfo: typed(ProxyAuthenticationInfo),
	IDVia:                         typed(Via),
	IDRoute:                       typed(Route),
	IDRecordRoute:                 typed(RecordRoute),
	IDPath:                        typed(Path),
	IDServiceRoute:                typed(ServiceRoute),
	IDFrom:                        typed(From),
	IDTo:                          typed(To),
	IDCallID:                      typed(CallID),
	IDCSeq:                        typed(CSeq),
	IDContact:                     typed(Contact),
	IDMinExpires:                  typed(MinExpires),
	IDSupported:                   typed(Supported),
	IDRequire:                     typed(Require),
	IDProxyRequire:                typed(ProxyRequire),
	IDUnsupported:                 typed(Unsupported),
	IDSubject:                     typed(Subject),
	IDOrganization:                typed(Organization),
	IDPriority:                    typed(Priority),
	IDTimestamp:                   typed(Timestamp),
	IDInReplyTo:                   typed(InReplyTo),
	IDReplyTo:                     typed(ReplyTo),
	IDReason:                      typed(Reason),
	IDEvent:                       typed(Event),
	IDAllowEvents:                 typed(AllowEvents),
	IDSubscriptionState:           typed(SubscriptionState),
	IDReferTo:                     typed(ReferTo),
	IDReferredBy:                  typed(ReferredBy),
	IDReplaces:                    typed(Replaces),
	IDRSeq:                        typed(RSeq),
	IDRAck:                        typed(RAck),
	IDSessionExpires:              typed(SessionExpires),
	IDMinSE:                       typed(MinSE),
	IDSIPETag:                     typed(SIPETag),
	IDSIPIfMatch:                  typed(SIPIfMatch),
	IDAlertInfo:                   typed(AlertInfo),
	IDCallInfo:                    typed(CallInfo),
	IDErrorInfo:                   typed(ErrorInfo),
	IDPrivacy:                     typed(Privacy),
	IDPAssertedIdentity:           typed(PAssertedIdentity),
	IDPPreferredIdentity:          typed(PPreferredIdentity),
	IDAcceptContact:               typed(AcceptContact),
	IDRejectContact:               typed(RejectContact),
	IDRequestDisposition:          typed(RequestDisposition),
	IDSuppressIfMatch:             typed(SuppressIfMatch),
	IDReferSub:                    typed(ReferSub),
	IDReferEventsAt:               typed(ReferEventsAt),
	IDJoin:                        typed(Join),
	IDTargetDialog:                typed(TargetDialog),
	IDAnswerMode:                  typed(AnswerMode),
	IDPrivAnswerMode:              typed(PrivAnswerMode),
	IDSessionID:                   typed(SessionID),
	IDInfoPackage:                 typed(InfoPackage),
	IDRecvInfo:                    typed(RecvInfo),
	IDSecurityClient:              typed(SecurityClient),
	IDSecurityServer:              typed(SecurityServer),
	IDSecurityVerify:              typed(SecurityVerify),
	IDIdentity:                    typed(Identity),
	IDIdentityInfo:                typed(IdentityInfo),
	IDRemotePartyID:               typed(RemotePartyID),
	IDHistoryInfo:                 typed(HistoryInfo),
	IDDiversion:                   typed(Diversion),
	IDGeolocation:                 typed(Geolocation),
	IDGeolocationRouting:          typed(GeolocationRouting),
	IDGeolocationError:            typed(GeolocationError),
	IDPolicyContact:               typed(PolicyContact),
	IDPolicyID:                    typed(PolicyID),
	IDPermissionMissing:           typed(PermissionMissing),
	IDTriggerConsent:              typed(TriggerConsent),
	IDFeatureCaps:                 typed(FeatureCaps),
	IDResourcePriority:            typed(ResourcePriority),
	IDAcceptResourcePriority:      typed(AcceptResourcePriority),
	IDMaxBreadth:                  typed(MaxBreadth),
	IDFlowTimer:                   typed(FlowTimer),
	msg.IDContentID:               typed(ContentID),
	IDUserToUser:                  typed(UserToUser),
	IDPEarlyMedia:                 typed(PEarlyMedia),
	IDPMediaAuthorization:         typed(PMediaAuthorization),
	IDPAssociatedURI:              typed(PAssociatedURI),
	IDPCalledPartyID:              typed(PCalledPartyID),
	IDPVisitedNetworkID:           typed(PVisitedNetworkID),
	IDPAccessNetworkInfo:          typed(PAccessNetworkInfo),
	IDPChargingFunctionAddresses:  typed(PChargingFunctionAddresses),
	IDPChargingVector:             typed(PChargingVector),
	IDPServedUser:                 typed(PServedUser),
	IDPUserDatabase:               typed(PUserDatabase),
	IDPProfileKey:                 typed(PProfileKey),
	IDPRefusedURIList:             typed(PRefusedURIList),
	IDPAnswerState:                typed(PAnswerState),
	IDPAssertedService:            typed(PAssertedService),
	IDPPreferredService:           typed(PPreferredService),
	IDPPrivateNetworkIndication:   typed(PPrivateNetworkIndication),
	IDPChargeInfo:                 typed(PChargeInfo),
}
