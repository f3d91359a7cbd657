package msg

// ID names a header within a [Class]. 0 is a header the class does not know: it
// is kept as it came and matched by its name. 1–63 are declared here because
// several protocols share them, 64–511 belong to package sip, 512–1023 to
// package http; a class made with [Class.With] numbers its own from 1024 on.
type ID uint16

// The headers that more than one message class knows. The values of the
// authentication headers are typed in package msg/auth, the others by the
// constants of this package.
const (
	IDUnknown ID = iota
	IDContentLength
	IDContentType
	IDContentEncoding
	IDContentLanguage
	IDContentDisposition
	IDDate
	IDExpires
	IDMaxForwards
	IDMIMEVersion
	IDAccept
	IDAcceptEncoding
	IDAcceptLanguage
	IDAllow
	IDServer
	IDUserAgent
	IDRetryAfter
	IDWarning
	IDWWWAuthenticate
	IDProxyAuthenticate
	IDAuthorization
	IDProxyAuthorization
	IDAuthenticationInfo
	IDProxyAuthenticationInfo

	// FirstSIP, FirstHTTP and FirstOwn are where the ranges of package sip, of
	// package http and of a user's own classes begin.
	FirstSIP  ID = 64
	FirstHTTP ID = 512
	FirstOwn  ID = 1024
)

// Kind says how often a header may stand in a message and how several values
// are written.
type Kind uint8

const (
	// Single headers stand once and have one value.
	Single Kind = iota
	// List headers are a comma list that may also be spread over several header
	// fields (RFC 3261 section 7.3.1). Several values are written in one field.
	List
	// Append headers repeat; new ones go behind the others, one value a field.
	// Peers may write them as a comma list.
	Append
	// Prepend headers repeat like Append ones, but a new one usually goes in
	// front, as Via and Record-Route do.
	Prepend
)

// HeaderInfo describes one header of a class.
type HeaderInfo struct {
	ID      ID     // not 0, and only one header of the class has it
	Name    string // as it is written
	Compact string // one-letter form, "" if there is none (RFC 3261 section 7.3.3)
	Kind    Kind
	// Critical marks a Single header that decides what becomes of the message.
	// Two of them are refused, so that nobody can check the first while somebody
	// else acts on the second. Doubles of other Single headers are an error to who
	// decodes them.
	Critical bool
	// Sought says that every message is asked for the header, so that it should be
	// found, or found missing, without a search. Critical and Prepend headers are.
	Sought bool
	// Whole says that commas do not part values of the header: each field holds
	// one, as Set-Cookie does.
	Whole bool
	// Valid checks one value against the grammar: all of it, without folds and
	// without white space at its ends. It forgives what t names and is asked only
	// if that is not everything (see [Class.Reading]) and the codec could read the
	// value. The value is "" for a list header without any. Nil takes what the
	// codec takes.
	Valid func(value string, t Tolerance) error
	// Alone is a value that no other may stand beside, such as the "*" of Contact;
	// "" if there is none. Setters that break it fail.
	Alone string
	// Reads decodes the value at the start of s and returns what follows it, as
	// the codec of the header does. It is asked for what [Header.Text] and
	// [FieldText] write. Nil takes any text.
	Reads func(s string) (rest string, err error)
	// Scan, if there is one, reads the first value of the header ahead of Check,
	// see [Check.Scanned]. It is asked only about headers that are Critical, of
	// kind Prepend, or Content-Length.
	Scan Scanner
	// Mandatory says that Check refuses a message without the header.
	Mandatory bool
}

// Common returns the description of the headers that this package declares, for
// use in a [ClassConfig]. The result is the caller's.
func Common() []HeaderInfo {
	return []HeaderInfo{
		{ID: IDContentLength, Name: "Content-Length"},
		{ID: IDContentType, Name: "Content-Type", Critical: true},
		{ID: IDContentEncoding, Name: "Content-Encoding", Kind: List},
		{ID: IDContentLanguage, Name: "Content-Language", Kind: List},
		{ID: IDContentDisposition, Name: "Content-Disposition"},
		{ID: IDDate, Name: "Date"},
		{ID: IDExpires, Name: "Expires"},
		{ID: IDMaxForwards, Name: "Max-Forwards", Critical: true},
		{ID: IDMIMEVersion, Name: "MIME-Version"},
		{ID: IDAccept, Name: "Accept", Kind: List},
		{ID: IDAcceptEncoding, Name: "Accept-Encoding", Kind: List},
		{ID: IDAcceptLanguage, Name: "Accept-Language", Kind: List},
		{ID: IDAllow, Name: "Allow", Kind: List},
		{ID: IDServer, Name: "Server"},
		{ID: IDUserAgent, Name: "User-Agent"},
		{ID: IDRetryAfter, Name: "Retry-After"},
		{ID: IDWarning, Name: "Warning", Kind: Append},
		{ID: IDWWWAuthenticate, Name: "WWW-Authenticate", Kind: Append},
		{ID: IDProxyAuthenticate, Name: "Proxy-Authenticate", Kind: Append},
		{ID: IDAuthorization, Name: "Authorization", Kind: Append},
		{ID: IDProxyAuthorization, Name: "Proxy-Authorization", Kind: Append},
		{ID: IDAuthenticationInfo, Name: "Authentication-Info", Kind: Append},
		{ID: IDProxyAuthenticationInfo, Name: "Proxy-Authentication-Info", Kind: Append},
	}
}
