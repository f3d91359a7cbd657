package http

import (
	"time"

	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
)

// The types of the header constants.
type (
	// TokenHeader is a header of tokens.
	TokenHeader = msg.Header[string, msg.TokenCodec]
	// TextHeader is a header of free text, such as a URI.
	TextHeader = msg.Header[string, msg.TextCodec]
	// SecondsHeader is a header with a number of 32 bits, mostly seconds.
	SecondsHeader = msg.Header[uint32, msg.SecondsCodec]
	// ItemHeader is a header of tokens with parameters.
	ItemHeader = msg.Header[msg.Item, msg.ItemCodec]
	// TimeHeader is a header with a date.
	TimeHeader = msg.Header[time.Time, TimeCodec]
	// TagHeader is a header of entity tags.
	TagHeader = msg.Header[EntityTag, EntityTagCodec]
	// DirectiveHeader is a header of directives.
	DirectiveHeader = msg.Header[Directive, DirectiveCodec]
)

// The headers of RFC 9110, RFC 9111 and RFC 9112, of cookies (RFC 6265) and of
// the WebSocket handshake (RFC 6455). Their methods read them from messages and
// make setters that write them.
const (
	// ContentLength is the number of octets of the body (RFC 9110 section 8.6).
	ContentLength    = msg.Header[uint64, LengthCodec](msg.IDContentLength)
	TransferEncoding = ItemHeader(IDTransferEncoding) // RFC 9112 section 6.1
	Host             = msg.Header[HostPort, HostCodec](IDHost)
	Connection       = TokenHeader(IDConnection)      // RFC 9110 section 7.6.1; compare without case
	ProxyConnection  = TokenHeader(IDProxyConnection) // never sent (RFC 9112 appendix C.2.2)
	KeepAlive        = DirectiveHeader(IDKeepAlive)
	Upgrade          = msg.Header[Protocol, ProtocolCodec](IDUpgrade)
	TE               = ItemHeader(IDTE)
	Trailer          = TokenHeader(IDTrailer)
	Via              = msg.Header[ViaValue, ViaCodec](IDVia)
	MaxForwards      = SecondsHeader(msg.IDMaxForwards) // a number of hops (RFC 9110 section 7.6.2)

	Date              = TimeHeader(msg.IDDate)
	Expires           = TimeHeader(msg.IDExpires) // a malformed one, such as 0, is in the past (RFC 9111 section 5.3)
	LastModified      = TimeHeader(IDLastModified)
	IfModifiedSince   = TimeHeader(IDIfModifiedSince)
	IfUnmodifiedSince = TimeHeader(IDIfUnmodifiedSince)
	RetryAfter        = msg.Header[Retry, RetryCodec](msg.IDRetryAfter)
	Age               = SecondsHeader(IDAge)

	ETag         = TagHeader(IDETag)
	IfMatch      = TagHeader(IDIfMatch)
	IfNoneMatch  = TagHeader(IDIfNoneMatch)
	IfRange      = msg.Header[Validator, ValidatorCodec](IDIfRange)
	Range        = msg.Header[RangeSet, RangeCodec](IDRange)
	ContentRange = msg.Header[RangeOf, ContentRangeCodec](IDContentRange)
	AcceptRanges = TokenHeader(IDAcceptRanges)

	CacheControl = DirectiveHeader(IDCacheControl) // RFC 9111 section 5.2
	Pragma       = DirectiveHeader(IDPragma)
	Vary         = TokenHeader(IDVary)
	Warning      = msg.Header[WarningValue, WarningCodec](msg.IDWarning) // RFC 7234 section 5.5
	Expect       = ItemHeader(IDExpect)
	From         = TextHeader(IDFrom)
	Location     = TextHeader(IDLocation)
	Referer      = TextHeader(IDReferer)
	Origin       = TextHeader(IDOrigin)
	Server       = msg.Server
	UserAgent    = msg.UserAgent
	Allow        = msg.Allow

	Accept             = msg.Accept
	AcceptCharset      = ItemHeader(IDAcceptCharset)
	AcceptEncoding     = msg.AcceptEncoding
	AcceptLanguage     = msg.AcceptLanguage
	ContentType        = msg.ContentType
	ContentEncoding    = msg.ContentEncoding
	ContentLanguage    = msg.ContentLanguage
	ContentDisposition = msg.ContentDisposition // RFC 6266
	ContentLocation    = TextHeader(IDContentLocation)
	ContentMD5         = TextHeader(IDContentMD5)
	ContentBase        = TextHeader(IDContentBase)

	Cookie    = msg.Header[Cookies, CookiesCodec](IDCookie)
	SetCookie = msg.Header[CookieValue, CookieCodec](IDSetCookie)

	SecWebSocketKey        = TextHeader(IDSecWebSocketKey)
	SecWebSocketAccept     = TextHeader(IDSecWebSocketAccept)
	SecWebSocketProtocol   = TokenHeader(IDSecWebSocketProtocol)
	SecWebSocketVersion    = TokenHeader(IDSecWebSocketVersion)
	SecWebSocketExtensions = ItemHeader(IDSecWebSocketExtensions)

	WWWAuthenticate         = auth.WWWAuthenticate
	ProxyAuthenticate       = auth.ProxyAuthenticate
	Authorization           = auth.Authorization
	ProxyAuthorization      = auth.ProxyAuthorization
	AuthenticationInfo      = auth.AuthenticationInfo
	ProxyAuthenticationInfo = auth.ProxyAuthenticationInfo
)
