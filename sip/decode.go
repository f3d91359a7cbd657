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
		if f := types[id].decode; f != nil {
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

// typedHeader is what is asked of every header that has a type.
type typedHeader struct {
	decode decoder
	reads  func(s string) (rest string, err error)
}

func of[T any, C msg.Codec[T]](h msg.Header[T, C]) typedHeader {
	return typedHeader{typed(h), msg.ReadsWith(h)}
}

// types has an entry for every header that has a type.
var types = map[msg.ID]typedHeader{
	msg.IDContentLength:           of(ContentLength),
	msg.IDContentType:             of(ContentType),
	msg.IDContentEncoding:         of(ContentEncoding),
	msg.IDContentLanguage:         of(ContentLanguage),
	msg.IDContentDisposition:      of(ContentDisposition),
	msg.IDDate:                    of(Date),
	msg.IDExpires:                 of(Expires),
	msg.IDMaxForwards:             of(MaxForwards),
	msg.IDMIMEVersion:             of(MIMEVersion),
	msg.IDAccept:                  of(Accept),
	msg.IDAcceptEncoding:          of(AcceptEncoding),
	msg.IDAcceptLanguage:          of(AcceptLanguage),
	msg.IDAllow:                   of(Allow),
	msg.IDServer:                  of(Server),
	msg.IDUserAgent:               of(UserAgent),
	msg.IDRetryAfter:              of(RetryAfter),
	msg.IDWarning:                 of(Warning),
	msg.IDWWWAuthenticate:         of(WWWAuthenticate),
	msg.IDProxyAuthenticate:       of(ProxyAuthenticate),
	msg.IDAuthorization:           of(Authorization),
	msg.IDProxyAuthorization:      of(ProxyAuthorization),
	msg.IDAuthenticationInfo:      of(AuthenticationInfo),
	msg.IDProxyAuthenticationInfo: of(ProxyAuthenticationInfo),
	IDVia:                         of(Via),
	IDRoute:                       of(Route),
	IDRecordRoute:                 of(RecordRoute),
	IDPath:                        of(Path),
	IDServiceRoute:                of(ServiceRoute),
	IDFrom:                        of(From),
	IDTo:                          of(To),
	IDCallID:                      of(CallID),
	IDCSeq:                        of(CSeq),
	IDContact:                     of(Contact),
	IDMinExpires:                  of(MinExpires),
	IDSupported:                   of(Supported),
	IDRequire:                     of(Require),
	IDProxyRequire:                of(ProxyRequire),
	IDUnsupported:                 of(Unsupported),
	IDSubject:                     of(Subject),
	IDOrganization:                of(Organization),
	IDPriority:                    of(Priority),
	IDTimestamp:                   of(Timestamp),
	IDInReplyTo:                   of(InReplyTo),
	IDReplyTo:                     of(ReplyTo),
	IDReason:                      of(Reason),
	IDEvent:                       of(Event),
	IDAllowEvents:                 of(AllowEvents),
	IDSubscriptionState:           of(SubscriptionState),
	IDReferTo:                     of(ReferTo),
	IDReferredBy:                  of(ReferredBy),
	IDReplaces:                    of(Replaces),
	IDRSeq:                        of(RSeq),
	IDRAck:                        of(RAck),
	IDSessionExpires:              of(SessionExpires),
	IDMinSE:                       of(MinSE),
	IDSIPETag:                     of(SIPETag),
	IDSIPIfMatch:                  of(SIPIfMatch),
	IDAlertInfo:                   of(AlertInfo),
	IDCallInfo:                    of(CallInfo),
	IDErrorInfo:                   of(ErrorInfo),
	IDPrivacy:                     of(Privacy),
	IDPAssertedIdentity:           of(PAssertedIdentity),
	IDPPreferredIdentity:          of(PPreferredIdentity),
	IDAcceptContact:               of(AcceptContact),
	IDRejectContact:               of(RejectContact),
	IDRequestDisposition:          of(RequestDisposition),
	IDSuppressIfMatch:             of(SuppressIfMatch),
	IDReferSub:                    of(ReferSub),
	IDReferEventsAt:               of(ReferEventsAt),
	IDJoin:                        of(Join),
	IDTargetDialog:                of(TargetDialog),
	IDAnswerMode:                  of(AnswerMode),
	IDPrivAnswerMode:              of(PrivAnswerMode),
	IDSessionID:                   of(SessionID),
	IDInfoPackage:                 of(InfoPackage),
	IDRecvInfo:                    of(RecvInfo),
	IDSecurityClient:              of(SecurityClient),
	IDSecurityServer:              of(SecurityServer),
	IDSecurityVerify:              of(SecurityVerify),
	IDIdentity:                    of(Identity),
	IDIdentityInfo:                of(IdentityInfo),
	IDRemotePartyID:               of(RemotePartyID),
	IDHistoryInfo:                 of(HistoryInfo),
	IDDiversion:                   of(Diversion),
	IDGeolocation:                 of(Geolocation),
	IDGeolocationRouting:          of(GeolocationRouting),
	IDGeolocationError:            of(GeolocationError),
	IDPolicyContact:               of(PolicyContact),
	IDPolicyID:                    of(PolicyID),
	IDPermissionMissing:           of(PermissionMissing),
	IDTriggerConsent:              of(TriggerConsent),
	IDFeatureCaps:                 of(FeatureCaps),
	IDResourcePriority:            of(ResourcePriority),
	IDAcceptResourcePriority:      of(AcceptResourcePriority),
	IDMaxBreadth:                  of(MaxBreadth),
	IDFlowTimer:                   of(FlowTimer),
	msg.IDContentID:               of(ContentID),
	IDUserToUser:                  of(UserToUser),
	IDPEarlyMedia:                 of(PEarlyMedia),
	IDPMediaAuthorization:         of(PMediaAuthorization),
	IDPAssociatedURI:              of(PAssociatedURI),
	IDPCalledPartyID:              of(PCalledPartyID),
	IDPVisitedNetworkID:           of(PVisitedNetworkID),
	IDPAccessNetworkInfo:          of(PAccessNetworkInfo),
	IDPChargingFunctionAddresses:  of(PChargingFunctionAddresses),
	IDPChargingVector:             of(PChargingVector),
	IDPServedUser:                 of(PServedUser),
	IDPUserDatabase:               of(PUserDatabase),
	IDPProfileKey:                 of(PProfileKey),
	IDPRefusedURIList:             of(PRefusedURIList),
	IDPAnswerState:                of(PAnswerState),
	IDPAssertedService:            of(PAssertedService),
	IDPPreferredService:           of(PPreferredService),
	IDPPrivateNetworkIndication:   of(PPrivateNetworkIndication),
	IDPChargeInfo:                 of(PChargeInfo),
}
