package http

import "github.com/gosofia/sofia/msg"

// The IDs of the headers that only HTTP knows.
const (
	IDHost msg.ID = msg.FirstHTTP + iota
	IDTransferEncoding
	IDConnection
	IDProxyConnection
	IDKeepAlive
	IDUpgrade
	IDTE
	IDTrailer
	IDVia
	IDAge
	IDETag
	IDExpect
	IDFrom
	IDIfMatch
	IDIfNoneMatch
	IDIfModifiedSince
	IDIfUnmodifiedSince
	IDIfRange
	IDLastModified
	IDLocation
	IDRange
	IDReferer
	IDContentRange
	IDContentLocation
	IDContentMD5
	IDContentBase
	IDAcceptCharset
	IDAcceptRanges
	IDCacheControl
	IDPragma
	IDVary
	IDCookie
	IDSetCookie
	IDOrigin
	IDSecWebSocketKey
	IDSecWebSocketAccept
	IDSecWebSocketProtocol
	IDSecWebSocketVersion
	IDSecWebSocketExtensions
)

// infos describes the headers of the class: RFC 9110, RFC 9111, RFC 9112 and,
// where named, the RFCs that added one.
func infos() []msg.HeaderInfo {
	list := msg.Common()
	for i := range list {
		switch list[i].ID {
		case msg.IDContentLength: // two of them are two ways to frame the message
			list[i].Critical = true
		case msg.IDMaxForwards:
			list[i].Critical = false
		}
	}
	return append(list, []msg.HeaderInfo{
		{ID: IDHost, Name: "Host", Critical: true},
		{ID: IDTransferEncoding, Name: "Transfer-Encoding", Kind: msg.List, Sought: true},
		{ID: IDConnection, Name: "Connection", Kind: msg.List},
		{ID: IDProxyConnection, Name: "Proxy-Connection", Kind: msg.List},
		{ID: IDKeepAlive, Name: "Keep-Alive", Kind: msg.List}, // RFC 2068 section 19.7.1
		{ID: IDUpgrade, Name: "Upgrade", Kind: msg.List},
		{ID: IDTE, Name: "TE", Kind: msg.List},
		{ID: IDTrailer, Name: "Trailer", Kind: msg.List},
		{ID: IDVia, Name: "Via", Kind: msg.List},
		{ID: IDAge, Name: "Age"},
		{ID: IDETag, Name: "ETag"},
		{ID: IDExpect, Name: "Expect", Kind: msg.List},
		{ID: IDFrom, Name: "From"},
		{ID: IDIfMatch, Name: "If-Match", Kind: msg.List},
		{ID: IDIfNoneMatch, Name: "If-None-Match", Kind: msg.List},
		{ID: IDIfModifiedSince, Name: "If-Modified-Since"},
		{ID: IDIfUnmodifiedSince, Name: "If-Unmodified-Since"},
		{ID: IDIfRange, Name: "If-Range"},
		{ID: IDLastModified, Name: "Last-Modified"},
		{ID: IDLocation, Name: "Location"},
		{ID: IDRange, Name: "Range"},
		{ID: IDReferer, Name: "Referer"},
		{ID: IDContentRange, Name: "Content-Range"},
		{ID: IDContentLocation, Name: "Content-Location"},
		{ID: IDContentMD5, Name: "Content-MD5"},   // RFC 2616 section 14.15
		{ID: IDContentBase, Name: "Content-Base"}, // RFC 2110 section 4.2
		{ID: IDAcceptCharset, Name: "Accept-Charset", Kind: msg.List},
		{ID: IDAcceptRanges, Name: "Accept-Ranges", Kind: msg.List},
		{ID: IDCacheControl, Name: "Cache-Control", Kind: msg.List},
		{ID: IDPragma, Name: "Pragma", Kind: msg.List},
		{ID: IDVary, Name: "Vary", Kind: msg.List},
		{ID: IDCookie, Name: "Cookie"},                                       // RFC 6265 section 5.4: one
		{ID: IDSetCookie, Name: "Set-Cookie", Kind: msg.Append, Whole: true}, // RFC 6265 section 3: never joined
		{ID: IDOrigin, Name: "Origin"},                                       // RFC 6454
		{ID: IDSecWebSocketKey, Name: "Sec-WebSocket-Key", Critical: true},
		{ID: IDSecWebSocketAccept, Name: "Sec-WebSocket-Accept", Critical: true},
		{ID: IDSecWebSocketProtocol, Name: "Sec-WebSocket-Protocol", Kind: msg.List},
		{ID: IDSecWebSocketVersion, Name: "Sec-WebSocket-Version", Kind: msg.List},
		{ID: IDSecWebSocketExtensions, Name: "Sec-WebSocket-Extensions", Kind: msg.List},
	}...)
}
