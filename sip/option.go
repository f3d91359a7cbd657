package sip

import "slices"

// Option tags, the values of Supported, Require, Proxy-Require and Unsupported
// (IANA registry of SIP option tags). They compare without case; any other token
// is an option tag, too.
const (
	Option100rel                 = "100rel"                   // RFC 3262
	Option199                    = "199"                      // RFC 6228
	OptionAnswerMode             = "answermode"               // RFC 5373
	OptionEarlySession           = "early-session"            // RFC 3959
	OptionEventList              = "eventlist"                // RFC 4662
	OptionExplicitSub            = "explicitsub"              // RFC 7614
	OptionFromChange             = "from-change"              // RFC 4916
	OptionGeolocationHTTP        = "geolocation-http"         // RFC 6442
	OptionGeolocationSIP         = "geolocation-sip"          // RFC 6442
	OptionGIN                    = "gin"                      // RFC 6140
	OptionGRUU                   = "gruu"                     // RFC 5627
	OptionHistInfo               = "histinfo"                 // RFC 7044
	OptionICE                    = "ice"                      // RFC 5768
	OptionJoin                   = "join"                     // RFC 3911
	OptionMultipleRefer          = "multiple-refer"           // RFC 5368
	OptionNoReferSub             = "norefersub"               // RFC 4488
	OptionNoSub                  = "nosub"                    // RFC 7614
	OptionOutbound               = "outbound"                 // RFC 5626
	OptionPath                   = "path"                     // RFC 3327
	OptionPolicy                 = "policy"                   // RFC 6794
	OptionPrecondition           = "precondition"             // RFC 3312
	OptionPref                   = "pref"                     // RFC 3840
	OptionPrivacy                = "privacy"                  // RFC 3323
	OptionRecipientListInvite    = "recipient-list-invite"    // RFC 5366
	OptionRecipientListMessage   = "recipient-list-message"   // RFC 5365
	OptionRecipientListSubscribe = "recipient-list-subscribe" // RFC 5367
	OptionRecordAware            = "record-aware"             // RFC 7866
	OptionReplaces               = "replaces"                 // RFC 3891
	OptionResourcePriority       = "resource-priority"        // RFC 4412
	OptionSDPAnat                = "sdp-anat"                 // RFC 4092, retired
	OptionSecAgree               = "sec-agree"                // RFC 3329
	OptionSIPREC                 = "siprec"                   // RFC 7866
	OptionTargetDialog           = "tdialog"                  // RFC 4538
	OptionTimer                  = "timer"                    // RFC 4028
	OptionTrickleICE             = "trickle-ice"              // RFC 8840
	OptionUUI                    = "uui"                      // RFC 7433
)

// OptionTags returns the registered option tags. The result is the caller's.
func OptionTags() []string {
	return []string{
		Option100rel, Option199, OptionAnswerMode, OptionEarlySession, OptionEventList, OptionExplicitSub, OptionFromChange,
		OptionGeolocationHTTP, OptionGeolocationSIP, OptionGIN, OptionGRUU, OptionHistInfo, OptionICE, OptionJoin, OptionMultipleRefer,
		OptionNoReferSub, OptionNoSub, OptionOutbound, OptionPath, OptionPolicy, OptionPrecondition, OptionPref, OptionPrivacy,
		OptionRecipientListInvite, OptionRecipientListMessage, OptionRecipientListSubscribe, OptionRecordAware, OptionReplaces,
		OptionResourcePriority, OptionSDPAnat, OptionSecAgree, OptionSIPREC, OptionTargetDialog, OptionTimer, OptionTrickleICE, OptionUUI,
	}
}

// Event packages, the values of Event and Allow-Events (IANA registry of SIP
// event types), and those that phones use without having registered them.
const (
	EventRefer               = "refer"                     // RFC 3515
	EventReg                 = "reg"                       // RFC 3680
	EventPresence            = "presence"                  // RFC 3856
	EventPresenceWinfo       = "presence.winfo"            // RFC 3857
	EventMessageSummary      = "message-summary"           // RFC 3842
	EventDialog              = "dialog"                    // RFC 4235
	EventConference          = "conference"                // RFC 4575
	EventKPML                = "kpml"                      // RFC 4730
	EventXCAPDiff            = "xcap-diff"                 // RFC 5875
	EventVQReport            = "vq-rtcpxr"                 // RFC 6035
	EventLoadControl         = "load-control"              // RFC 7200
	EventCallCompletion      = "call-completion"           // RFC 6910
	EventConsent             = "consent-pending-additions" // RFC 5362
	EventHTTPMonitor         = "http-monitor"              // RFC 5989
	EventUAProfile           = "ua-profile"                // RFC 6080
	EventCertificate         = "certificate"               // RFC 6072
	EventCredential          = "credential"                // RFC 6072
	EventSessionPolicy       = "session-spec-policy"       // RFC 6795
	EventPoCSettings         = "poc-settings"              // RFC 4354
	EventSpiritsINDPs        = "spirits-INDPs"             // RFC 3910
	EventSpiritsUser         = "spirits-user-prof"         // RFC 3910
	EventCheckSync           = "check-sync"                // not registered
	EventAsFeature           = "as-feature-event"          // not registered
	EventLineSeize           = "line-seize"                // not registered
	EventTemplateWatcherInfo = "winfo"                     // RFC 3857, behind a package
)

// EventPackages returns the registered event packages. The result is the caller's.
func EventPackages() []string {
	return []string{
		EventRefer, EventReg, EventPresence, EventPresenceWinfo, EventMessageSummary, EventDialog, EventConference, EventKPML, EventXCAPDiff,
		EventVQReport, EventLoadControl, EventCallCompletion, EventConsent, EventHTTPMonitor, EventUAProfile, EventCertificate, EventCredential,
		EventSessionPolicy, EventPoCSettings, EventSpiritsINDPs, EventSpiritsUser,
	}
}

// Methods returns the methods of RFC 3261 and its extensions. The result is the
// caller's.
func Methods() []string {
	return []string{
		MethodInvite, MethodAck, MethodBye, MethodCancel, MethodOptions, MethodRegister, MethodInfo,
		MethodPrack, MethodUpdate, MethodMessage, MethodSubscribe, MethodNotify, MethodRefer, MethodPublish,
	}
}

// IsMethod reports whether the method is one of [Methods], compared with case.
func IsMethod(method string) bool { return slices.Contains(Methods(), method) }
