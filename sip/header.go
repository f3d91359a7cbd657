package sip

import (
	"github.com/gosofia/sofia/msg"
	"github.com/gosofia/sofia/msg/auth"
)

// The types of the header constants.
type (
	// AddrHeader is a header of addresses.
	AddrHeader = msg.Header[NameAddr, AddrCodec]
	// ContactHeader is AddrHeader for Contact, with its "*".
	ContactHeader = msg.Header[NameAddr, ContactCodec]
	// ViaHeader is the type of Via.
	ViaHeader = msg.Header[ViaParm, ViaCodec]
	// SequenceHeader is the type of CSeq.
	SequenceHeader = msg.Header[Sequence, SequenceCodec]
	// CallIDHeader is a header of Call-IDs.
	CallIDHeader = msg.Header[string, CallIDCodec]
	// TokenHeader is a header of tokens: methods, option tags.
	TokenHeader = msg.Header[string, msg.TokenCodec]
	// TextHeader is a header of free text.
	TextHeader = msg.Header[string, msg.TextCodec]
	// SecondsHeader is a header with a number of seconds.
	SecondsHeader = msg.Header[uint32, msg.SecondsCodec]
	// ItemHeader is a header of tokens with parameters.
	ItemHeader = msg.Header[msg.Item, msg.ItemCodec]
	// StampHeader is the type of Timestamp.
	StampHeader = msg.Header[Stamp, StampCodec]
)

// The headers of RFC 3261 and those of its extensions that share its grammar.
// Their methods read them from messages and make setters that write them.
const (
	Via          = ViaHeader(IDVia)
	From         = AddrHeader(IDFrom)
	To           = AddrHeader(IDTo)
	Contact      = ContactHeader(IDContact)
	Route        = AddrHeader(IDRoute)
	RecordRoute  = AddrHeader(IDRecordRoute)
	Path         = AddrHeader(IDPath)         // RFC 3327
	ServiceRoute = AddrHeader(IDServiceRoute) // RFC 3608
	ReplyTo      = AddrHeader(IDReplyTo)

	CSeq      = SequenceHeader(IDCSeq)
	CallID    = CallIDHeader(IDCallID)
	InReplyTo = CallIDHeader(IDInReplyTo)
	Timestamp = StampHeader(IDTimestamp)

	MaxForwards        = msg.MaxForwards
	Expires            = msg.Expires
	MinExpires         = SecondsHeader(IDMinExpires)
	Date               = msg.Date
	RetryAfter         = msg.RetryAfter
	Warning            = msg.Warning
	ContentLength      = msg.ContentLength
	ContentType        = msg.ContentType
	ContentEncoding    = msg.ContentEncoding
	ContentLanguage    = msg.ContentLanguage
	ContentDisposition = msg.ContentDisposition
	MIMEVersion        = msg.MIMEVersion
	Accept             = msg.Accept
	AcceptEncoding     = msg.AcceptEncoding
	AcceptLanguage     = msg.AcceptLanguage

	Allow        = msg.Allow
	Supported    = TokenHeader(IDSupported)
	Require      = TokenHeader(IDRequire)
	ProxyRequire = TokenHeader(IDProxyRequire)
	Unsupported  = TokenHeader(IDUnsupported)

	Server       = msg.Server
	UserAgent    = msg.UserAgent
	Subject      = TextHeader(IDSubject)
	Organization = TextHeader(IDOrganization)
	Priority     = TokenHeader(IDPriority)

	WWWAuthenticate         = auth.WWWAuthenticate
	ProxyAuthenticate       = auth.ProxyAuthenticate
	Authorization           = auth.Authorization
	ProxyAuthorization      = auth.ProxyAuthorization
	AuthenticationInfo      = auth.AuthenticationInfo
	ProxyAuthenticationInfo = auth.ProxyAuthenticationInfo
)
