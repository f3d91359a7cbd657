package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Parameters that several headers share.
var (
	qParam  = par{"q", qvalue, false}
	anyAddr = seq(address, params())
	link    = seq(brackets, params())
	items   = seq(token, params())
)

// grammarOf returns the check of one value of a header. Headers whose codec
// reads no more than the grammar has need none.
func grammarOf(id msg.ID) func(string, msg.Tolerance) error {
	r := ruleOf(id)
	if r == nil {
		return nil
	}
	switch id {
	case IDVia:
		return fast(plainVia, valid(r))
	case IDFrom, IDTo, IDContact, IDRoute, IDRecordRoute, IDPath, IDServiceRoute:
		return fast(plainAddr, valid(r))
	}
	return valid(r)
}

// ruleOf holds the grammar of each header. Lists that may be without a value say
// orEmpty; for all others an empty one breaks the grammar.
func ruleOf(id msg.ID) rule {
	switch id {
	case IDVia:
		return viaParm
	case IDFrom, IDTo:
		return seq(address, params(par{"tag", token, false}))
	case IDCallID, IDInReplyTo:
		return callid
	case IDContact:
		return either(star, seq(address, params(qParam, par{"expires", delta, false},
			par{"+sip.instance", quotedRule(instance), false}, par{"reg-id", regID, false},
			par{"pub-gruu", quoted, false}, par{"temp-gruu", quoted, false})))
	case IDRoute, IDRecordRoute, IDPath, IDServiceRoute, IDPAssociatedURI, IDPCalledPartyID:
		r := seq(nameAddr, params())
		if id == IDPAssociatedURI {
			return orEmpty(r)
		}
		return r
	case IDReplyTo, IDReferTo, IDRemotePartyID, IDDiversion, IDPermissionMissing, IDPProfileKey, IDPRefusedURIList:
		return anyAddr
	case IDReferredBy:
		return seq(address, params(par{"cid", quotedRule(messageID), false}))
	case IDPServedUser:
		return seq(address, params(par{"sescase", words("orig", "term"), false}, par{"regstate", words("unreg", "reg"), false}))
	case IDPAssertedIdentity, IDPPreferredIdentity, IDPChargeInfo:
		return bareAddress
	case IDHistoryInfo:
		return historyEntry
	case IDAlertInfo, IDErrorInfo, IDGeolocation, IDPolicyContact, IDPUserDatabase, IDReferEventsAt, IDIdentityInfo:
		return link
	case IDCallInfo:
		return seq(brackets, params(par{"purpose", token, false}))
	case IDPolicyID, IDTriggerConsent:
		return seq(either(addrSpec, brackets), params())

	case IDSupported:
		return orEmpty(token)
	case IDRequire, IDProxyRequire, IDUnsupported, msg.IDContentEncoding:
		return token
	case msg.IDAllow, IDPEarlyMedia:
		return orEmpty(token)
	case IDAllowEvents:
		return eventType
	case IDRequestDisposition:
		return directive
	case IDSubject, IDOrganization:
		return freeText
	case msg.IDServer, msg.IDUserAgent:
		return products
	case msg.IDContentLanguage:
		return languageTag
	case IDPrivacy:
		return privacies

	case msg.IDAccept:
		return orEmpty(seq(mediaRange, params(qParam)))
	case msg.IDAcceptEncoding:
		return orEmpty(seq(token, params(qParam)))
	case msg.IDAcceptLanguage:
		return orEmpty(seq(either(star, languageTag), params(qParam)))
	case msg.IDContentType:
		return seq(token, slash, token, paramList(nil, false, tokenOrQuoted, false))
	case msg.IDContentDisposition:
		return seq(token, params(par{"handling", token, false}))
	case msg.IDMIMEVersion:
		return seq(digits, char('.'), digits)
	case msg.IDRetryAfter:
		return seq(delta, retryComment, params(par{"duration", delta, false}))
	case msg.IDWarning:
		return seq(digits, lws, either(hostAgent, token), lws, quoted)

	case msg.IDWWWAuthenticate, msg.IDProxyAuthenticate:
		return challenge
	case msg.IDAuthorization, msg.IDProxyAuthorization:
		return credentials
	case msg.IDAuthenticationInfo, msg.IDProxyAuthenticationInfo:
		return authInfo

	case IDReason:
		return seq(token, params(par{"cause", digits, false}, par{"text", quoted, false}))
	case IDEvent:
		return seq(eventType, params(par{"id", token, false}))
	case IDSubscriptionState:
		return seq(token, params(par{"reason", token, false}, par{"expires", delta, false}, par{"retry-after", delta, false}))
	case IDReplaces:
		return seq(callid, params(par{"to-tag", token, false}, par{"from-tag", token, false}, par{"early-only", nil, false}))
	case IDJoin:
		return seq(callid, params(par{"to-tag", token, false}, par{"from-tag", token, false}))
	case IDTargetDialog:
		return seq(callid, params(par{"remote-tag", token, false}, par{"local-tag", token, false}))
	case IDSessionExpires:
		return seq(delta, params(par{"refresher", words("uac", "uas"), false}))
	case IDMinSE:
		return seq(delta, params())
	case IDSessionID:
		return sessionID
	case IDAnswerMode, IDPrivAnswerMode:
		return seq(token, params(par{"require", nil, false}))
	case IDReferSub:
		return seq(words("true", "false"), params())
	case IDInfoPackage, IDPAccessNetworkInfo, IDPAnswerState, IDGeolocationRouting:
		return items
	case IDRecvInfo:
		return orEmpty(items)
	case IDGeolocationError:
		return seq(digits, params(par{"code", quoted, false}))
	case IDSecurityClient, IDSecurityServer, IDSecurityVerify:
		return seq(token, params(qParam, par{"d-alg", token, false}, par{"d-qop", token, false}, par{"d-ver", quotedRule(hexLower(32)), false}))
	case IDIdentity:
		return identity
	case IDAcceptContact:
		return seq(star, params(par{"require", nil, false}, par{"explicit", nil, false}))
	case IDRejectContact:
		return seq(star, params())
	case IDFeatureCaps:
		return seq(star, featureCaps)
	case msg.IDContentID:
		return contentID
	case IDUserToUser:
		return seq(tokenOrQuoted, params(par{"purpose", token, false}, par{"content", token, false}, par{"encoding", token, false}))
	case IDAcceptResourcePriority:
		return orEmpty(token)
	case IDPVisitedNetworkID:
		return seq(tokenOrQuoted, params())
	case IDPChargingVector:
		return seq(words("icid-value"), equal, genValue, params(
			par{"icid-generated-at", host, false}, par{"orig-ioi", genValue, false}, par{"term-ioi", genValue, false},
			par{"transit-ioi", quoted, false}, par{"related-icid", genValue, false}, par{"related-icid-generated-at", host, false}))
	case IDPChargingFunctionAddresses:
		return seq(token, optionalValue, paramList(nil, true, genValue, true))
	case IDPAssertedService, IDPPreferredService:
		return serviceID
	case IDPPrivateNetworkIndication:
		return seq(host, params())
	case IDPMediaAuthorization, IDResourcePriority:
		return token
	}
	return nil
}

func star(g gram, i int) int { return char('*')(g, i) }

func equal(g gram, i int) int { return g.sep(i, '=') }

// optionalValue = [ EQUAL gen-value ]
func optionalValue(g gram, i int) int {
	if eq := g.sep(i, '='); eq != fail {
		return genValue(g, eq)
	}
	return i
}

// callid = word [ "@" word ]
func callid(g gram, i int) int {
	if g.t.Has(msg.CallIDs) {
		for i < len(g.s) && g.s[i] > ' ' && g.s[i] != ',' && g.s[i] != ';' && g.s[i] != 0x7f {
			i++
		}
		return i
	}
	for part := 0; ; part++ {
		end := i
		for end < len(g.s) && scan.IsWord(g.s[end:end+1]) {
			end++
		}
		if end == i {
			return fail
		}
		if part > 0 || !g.at(end, '@') {
			return end
		}
		i = end + 1
	}
}

// received = IPv4address / IPv6address
func received(g gram, i int) int {
	end := scan.Value(g.s, i)
	if v := g.s[i:end]; !isIPv4(v) && !validIPv6(v) {
		return fail
	}
	return end
}

// viaParm = sent-protocol LWS sent-by *( SEMI via-params )
var viaParm = seq(token, slash, token, slash, token, lws, sentBy, params(
	par{"ttl", ttl, false}, par{"maddr", host, false}, par{"received", received, false}, par{"branch", branchValue, false},
	par{"rport", number(65535), true},                  // RFC 3581 section 3
	par{"alias", nil, false}, par{"keep", delta, true}, // RFC 5923 section 10, RFC 6223 section 10
	par{"oc", digits, true}, par{"oc-validity", digits, true}, par{"oc-algo", quoted, false}, // RFC 7339 section 9
	par{"oc-seq", seq(digits, char('.'), digits), false},
))

// branchValue is a token, and more than the cookie alone (section 8.1.1.7).
func branchValue(g gram, i int) int {
	end := token(g, i)
	if end != fail && g.s[i:end] == MagicCookie {
		return fail
	}
	return end
}

// sentBy = host [ COLON port ]
func sentBy(g gram, i int) int {
	if i = host(g, i); i == fail {
		return fail
	}
	if colon := g.sep(i, ':'); colon != fail {
		return digits(g, colon)
	}
	return i
}

// bareAddress = name-addr / addr-spec, and no parameters
func bareAddress(g gram, i int) int {
	if i = address(g, i); i != fail && g.t.Has(msg.ParameterValues) {
		return params()(g, i)
	}
	return i
}

// instance = "<" instance-val ">", a URI mostly (RFC 5626 section 10)
func instance(g gram, i int) int {
	if n := len(g.s); n < 3 || g.s[0] != '<' || g.s[n-1] != '>' || !opaque(g.s[1:n-1]) {
		return fail
	}
	return len(g.s)
}

// regID is 1 to 2^31-1 (RFC 5626 section 10).
func regID(g gram, i int) int {
	end := number(1<<31-1)(g, i)
	if end != fail && !hasNonZero(g.s[i:end]) {
		return fail
	}
	return end
}

func hasNonZero(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return true
		}
	}
	return false
}

// messageID is the text of sip-clean-msg-id (RFC 3892 section 3).
func messageID(g gram, i int) int {
	if !msgID(g.s[i:]) {
		return fail
	}
	return len(g.s)
}

// contentID = "<" id-left "@" id-right ">"
func contentID(g gram, i int) int {
	s := g.s
	if n := len(s); n > 2 && s[0] == '<' && s[n-1] == '>' {
		s = s[1 : n-1]
	} else if !g.t.Has(msg.MissingBrackets) {
		return fail
	}
	if !msgID(s) {
		return fail
	}
	return len(g.s)
}

// historyEntry = name-addr *(SEMI hi-param); the index must be there (RFC 7044
// section 5).
func historyEntry(g gram, i int) int {
	index := func(g gram, i int) int {
		for {
			end := scan.Digits(g.s, i)
			if end == i || end > i+1 && g.s[i] == '0' {
				return fail
			}
			if !g.at(end, '.') {
				return end
			}
			i = end + 1
		}
	}
	end := nameAddr(g, i)
	if end == fail || !msg.Params(g.s[end:]).Has("index") && !g.t.Has(msg.MissingParameters) {
		return fail
	}
	return params(par{"index", index, false}, par{"rc", index, false}, par{"mp", index, false}, par{"np", index, false})(g, end)
}

// eventType = token-nodot *( "." token-nodot )
func eventType(g gram, i int) int {
	end := token(g, i)
	if end == fail {
		return fail
	}
	if s := g.s[i:end]; s[0] == '.' || s[len(s)-1] == '.' {
		return fail
	}
	for j := i; j+1 < end; j++ {
		if g.s[j] == '.' && g.s[j+1] == '.' {
			return fail
		}
	}
	return end
}

// directive is one of RFC 3841 section 9.1.
func directive(g gram, i int) int {
	if g.t.Has(msg.UnknownValues) {
		return token(g, i)
	}
	return words(DirectiveProxy, DirectiveRedirect, DirectiveCancel, DirectiveNoCancel, DirectiveFork, DirectiveNoFork, DirectiveRecurse,
		DirectiveNoRecurse, DirectiveParallel, DirectiveSequential, DirectiveQueue, DirectiveNoQueue)(g, i)
}

// products = server-val *(LWS server-val);  server-val = product / comment
func products(g gram, i int) int {
	if g.t.Has(msg.TextOctets) {
		return freeText(g, i)
	}
	for {
		if g.at(i, '(') {
			if i = comment(g, i); i == fail {
				return fail
			}
		} else {
			if i = token(g, i); i == fail {
				return fail
			}
			if v := g.sep(i, '/'); v != fail {
				if i = token(g, v); i == fail {
					return fail
				}
			}
		}
		next := g.sws(i)
		if next == i && !g.at(i, '(') { // LPAREN and RPAREN bring their own white space
			if i == 0 || i == len(g.s) || g.s[i-1] != ')' {
				return i
			}
		}
		if next == len(g.s) {
			return next
		}
		i = next
	}
}

// languageTag = primary-tag *( "-" subtag ), each 1*8ALPHA
func languageTag(g gram, i int) int {
	if g.t.Has(msg.UnknownValues) {
		return token(g, i)
	}
	for {
		end := i
		for end < len(g.s) && scan.IsAlpha(g.s[end]) {
			end++
		}
		if end == i || end > i+8 {
			return fail
		}
		if !g.at(end, '-') {
			return end
		}
		i = end + 1
	}
}

// privacies = priv-value *(";" priv-value)
func privacies(g gram, i int) int {
	for {
		if i = token(g, i); i == fail {
			return fail
		}
		next := g.sep(i, ';')
		if next == fail && g.t.Has(msg.Separators) {
			next = g.sep(i, ',')
		}
		if next == fail {
			return i
		}
		i = next
	}
}

// mediaRange = "*/*" / m-type SLASH "*" / m-type SLASH m-subtype
func mediaRange(g gram, i int) int {
	end := seq(token, slash, token)(g, i)
	if end == fail || g.at(i, '*') && i+1 < len(g.s) && !scan.IsTokenChar(g.s[i+1]) && g.s[end-1] != '*' {
		return fail
	}
	return end
}

// retryComment = [ comment ]
func retryComment(g gram, i int) int {
	if next := g.sws(i); g.at(next, '(') {
		return comment(g, next)
	}
	return i
}

// hostAgent is a hostport that stands as warn-agent.
func hostAgent(g gram, i int) int {
	end := hostColonPort(g, i)
	if end == fail || end < len(g.s) && !scan.IsSpace(g.s[end]) {
		return fail
	}
	return end
}

// sessionID = sess-uuid *( SEMI sess-id-param ), in lower case (RFC 7989 section 5)
func sessionID(g gram, i int) int {
	uuid := hexLower(32)
	if g.t.Has(msg.UnknownValues) {
		uuid = token
	}
	return seq(uuid, params(par{"remote", uuid, false}))(g, i)
}

// identity = signed-identity-digest SEMI ident-info *( SEMI ident-info-params )
//
// The signature of RFC 4474 stands alone, and mostly in quotes.
func identity(g gram, i int) int {
	own := params(par{"alg", token, false}, par{"ppt", tokenOrQuoted, false})
	if g.at(i, '"') {
		return seq(quoted, own)(g, i)
	}
	start := i
	for i < len(g.s) && isSignature(g.s[i]) {
		i++
	}
	if i == start {
		return fail
	}
	if info := infoParam(g.s, i); info > 0 {
		i = brackets(g, info-1)
	}
	if i == fail {
		return fail
	}
	return own(g, i)
}

// featureCaps = *( SEMI "+" fcap-name [ EQUAL LDQUOT … RDQUOT ] ) (RFC 6809
// section 6.3)
func featureCaps(g gram, i int) int {
	if !g.t.Has(msg.UnknownValues) {
		for name := range msg.Params(g.s[i:]).All() {
			if len(name) < 2 || name[0] != '+' || !scan.IsAlpha(name[1]) {
				return fail
			}
		}
	}
	value := quoted
	if g.t.Has(msg.UnquotedValues) {
		value = genValue
	}
	return paramList(nil, false, value, true)(g, i)
}

// serviceID = "urn:urn-7:" urn-service-id (RFC 6050 section 4.4)
func serviceID(g gram, i int) int {
	const prefix = "urn:urn-7:"
	if g.t.Has(msg.UnknownValues) {
		return addrSpec(g, i)
	}
	if !scan.HasPrefixFold(g.s[i:], prefix) {
		return fail
	}
	i += len(prefix)
	for {
		end := i
		for end < len(g.s) && (scan.IsAlpha(g.s[end]) || scan.IsDigit(g.s[end]) || g.s[end] == '-') {
			end++
		}
		if end == i {
			return fail
		}
		if !g.at(end, '.') {
			return end
		}
		i = end + 1
	}
}
