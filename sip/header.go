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

// The headers of RFC 3261, whose sections are named, and of routing by a home
// network. Their methods read them from messages and make setters that write them.
// Errors are msg.ErrSyntax where nothing else is said, msg.ErrTrailing and
// msg.ErrDouble where a header that stands once has more.
const (
	// Via is the way a request has taken, the last hop first (section 20.42).
	// Compact form "v"; a comma list that may repeat. Parse refuses a bad first
	// value. Errors: msg.ErrSyntax, ErrHost, ErrPort.
	Via = ViaHeader(IDVia)
	// From is who sends a request (section 20.20): an address with a tag, see
	// [NameAddr.Tag]. Compact form "f", stands once; Parse refuses a bad one.
	From = AddrHeader(IDFrom)
	// To is whom a request is for (section 20.39), with a tag in a dialog. Compact
	// form "t", stands once; Parse refuses a bad one.
	To = AddrHeader(IDTo)
	// Contact is where to reach the sender (section 20.10): addresses with q and
	// expires in seconds, features (RFC 3840), reg-id and +sip.instance (RFC 5626),
	// or the [Star] of an unregistration. Compact form "m"; a comma list that may
	// repeat. Errors: msg.ErrSyntax, ErrURI, ErrHost, ErrPort, ErrBrackets, as for
	// all addresses.
	Contact = ContactHeader(IDContact)
	// Route is what a request goes through (section 20.34): a comma list of
	// addresses that may repeat, the next hop first.
	Route = AddrHeader(IDRoute)
	// RecordRoute is who wants to stay on the path (section 20.30): a comma list of
	// addresses that may repeat, the last hop first.
	RecordRoute = AddrHeader(IDRecordRoute)
	// Path is what requests to a registered contact go through (RFC 3327 section 4):
	// a comma list of addresses that may repeat.
	Path = AddrHeader(IDPath)
	// ServiceRoute is what requests of a registered user go through (RFC 3608 section
	// 5): a comma list of addresses that may repeat.
	ServiceRoute = AddrHeader(IDServiceRoute)
	// ReplyTo is whom to call back (section 20.31). It stands once.
	ReplyTo = AddrHeader(IDReplyTo)

	// CSeq orders the requests of a dialog (section 20.16): a number below 2^32 and a
	// method. It stands once; Parse refuses a bad one.
	CSeq = SequenceHeader(IDCSeq)
	// CallID names a call (section 20.8). It compares with case. Compact form "i",
	// stands once; Parse refuses a bad one.
	CallID = CallIDHeader(IDCallID)
	// InReplyTo lists the Call-IDs that a call answers (section 20.21): a comma list.
	InReplyTo = CallIDHeader(IDInReplyTo)
	// Timestamp is when a request was sent, in seconds with a fraction (section
	// 20.38). It stands once.
	Timestamp = StampHeader(IDTimestamp)

	// MaxForwards is how many hops a request may still take, 0 to 255 (section
	// 20.22). It stands once; Parse refuses a bad one.
	MaxForwards = msg.MaxForwards
	// Expires is a lifetime in seconds, below 2^32 (section 20.19). It stands once.
	// Errors: msg.ErrSyntax, msg.ErrRange; the default holds then, not 0.
	Expires = msg.Expires
	// MinExpires is the shortest lifetime that is taken, in seconds (section 20.23).
	// It stands once. Errors as for Expires.
	MinExpires = SecondsHeader(IDMinExpires)
	// Date is when a message was sent (section 20.17): in UTC, whole seconds. It
	// stands once.
	Date = msg.Date
	// RetryAfter is how long to wait, in seconds, with a comment and the parameter
	// duration (section 20.33). It stands once.
	RetryAfter = msg.RetryAfter
	// Warning tells people more about a status (section 20.43): a code of three
	// digits, who warns, a text. A comma list that may repeat.
	Warning = msg.Warning
	// ContentLength is the number of octets in the body (section 20.14). Compact form
	// "l"; framing uses it, and Parse refuses a bad one.
	ContentLength = msg.ContentLength
	// ContentType is the type of the body (section 20.15). Compact form "c", stands
	// once.
	ContentType = msg.ContentType
	// ContentEncoding lists the codings of the body, the outermost last (section
	// 20.12). Compact form "e"; a comma list of tokens.
	ContentEncoding = msg.ContentEncoding
	// ContentLanguage lists the languages of the body (section 20.13): a comma list
	// of language tags.
	ContentLanguage = msg.ContentLanguage
	// ContentDisposition tells what the body is for (section 20.11), with the
	// parameter handling. It stands once.
	ContentDisposition = msg.ContentDisposition
	// MIMEVersion is the version of MIME, "1.0" (section 20.24). It stands once.
	MIMEVersion = msg.MIMEVersion
	// Accept lists the types of body that the sender takes (section 20.1), see
	// [MediaQ]: a comma list of media ranges with q, may be empty and may repeat.
	Accept = msg.Accept
	// AcceptEncoding lists the content codings that the sender takes (section 20.2),
	// see [EncodingQ]. Kind as Accept.
	AcceptEncoding = msg.AcceptEncoding
	// AcceptLanguage lists the languages that the sender wants (section 20.3), see
	// [LanguageQ]. Kind as Accept.
	AcceptLanguage = msg.AcceptLanguage

	// Allow lists the methods that the sender takes (section 20.5): a comma list that
	// may be empty and may repeat. Methods compare with case.
	Allow = msg.Allow
	// Supported lists the option tags that the sender knows (section 20.37). Compact
	// form "k"; a comma list that may be empty and may repeat.
	Supported = TokenHeader(IDSupported)
	// Require lists the option tags that the receiver must know (section 20.32): a
	// comma list that may repeat.
	Require = TokenHeader(IDRequire)
	// ProxyRequire lists the option tags that proxies must know (section 20.29). Kind
	// as Require.
	ProxyRequire = TokenHeader(IDProxyRequire)
	// Unsupported lists the option tags of a request that are not known (section
	// 20.40). Kind as Require.
	Unsupported = TokenHeader(IDUnsupported)

	// Server is the software that answers (section 20.35): text that stands once.
	// Errors: msg.ErrControl, as for all text.
	Server = msg.Server
	// UserAgent is the software that asks (section 20.41): text that stands once.
	UserAgent = msg.UserAgent
	// Subject is what a call is about (section 20.36): text, may be empty. Compact
	// form "s", stands once.
	Subject = TextHeader(IDSubject)
	// Organization is whose the sender is (section 20.25): text, may be empty. It
	// stands once.
	Organization = TextHeader(IDOrganization)
	// Priority is how urgent a request is (section 20.26): emergency, urgent, normal,
	// non-urgent or another token. It stands once.
	Priority = TokenHeader(IDPriority)

	// WWWAuthenticate carries the challenges of a 401 (section 20.44). It may repeat;
	// values are never joined in one field.
	WWWAuthenticate = auth.WWWAuthenticate
	// ProxyAuthenticate carries the challenges of a 407 (section 20.27). Kind as
	// WWWAuthenticate.
	ProxyAuthenticate = auth.ProxyAuthenticate
	// Authorization answers WWWAuthenticate (section 20.7). Kind as WWWAuthenticate.
	Authorization = auth.Authorization
	// ProxyAuthorization answers ProxyAuthenticate (section 20.28). Kind as
	// WWWAuthenticate.
	ProxyAuthorization = auth.ProxyAuthorization
	// AuthenticationInfo ends mutual authentication (section 20.6).
	AuthenticationInfo = auth.AuthenticationInfo
	// ProxyAuthenticationInfo is the same from a proxy (RFC 7615 section 4).
	ProxyAuthenticationInfo = auth.ProxyAuthenticationInfo
)
