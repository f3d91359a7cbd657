package msg

import (
	"errors"
	"strconv"
)

// Conditions a [SyntaxError] may wrap; test for them with errors.Is.
var (
	// ErrNoStartLine means that the text does not begin with a request line or a
	// status line of the class: there is nobody to answer.
	ErrNoStartLine = errors.New("no request or status line; the sender does not speak this protocol")
	// ErrStartLine means that the start line can be made out but breaks its grammar.
	ErrStartLine = errors.New("malformed start line; write its three parts with one space between them")
	// ErrVersion means that the message has another protocol version.
	ErrVersion = errors.New("protocol version not supported; use the version of the class")
	// ErrStatusCode means that the status code is not within 100 to 699.
	ErrStatusCode = errors.New("status code is not within 100 to 699")
	// ErrLineEnd means that a line does not end in CR LF, or that a CR or LF
	// stands alone within it.
	ErrLineEnd = errors.New("lines must end in CR LF, and neither may stand alone")
	// ErrControl means that a NUL, or in text another control octet than HTAB,
	// stands in a header field.
	ErrControl = errors.New("control octet in a header field")
	// ErrFieldName means that a line has no header name followed by a colon.
	ErrFieldName = errors.New("malformed header field; write a token and a colon")
	// ErrHeadEnd means that the empty line after the header fields is missing.
	ErrHeadEnd = errors.New("no empty line after the header fields; the message is cut short")
	// ErrStartLineTooLong means that the start line exceeds Limits.StartLine.
	ErrStartLineTooLong = errors.New("start line too long; raise Limits.StartLine if it must be read")
	// ErrHeaderTooLong means that one header field exceeds Limits.Header.
	ErrHeaderTooLong = errors.New("header field too long; raise Limits.Header if it must be read")
	// ErrHeadTooLarge means that all header fields together exceed Limits.Headers
	// or Limits.Lines.
	ErrHeadTooLarge = errors.New("too many header fields; raise Limits.Headers or Limits.Lines if they must be read")
	// ErrBodyTooLarge means that the body exceeds Limits.Body.
	ErrBodyTooLarge = errors.New("body too large; raise Limits.Body if it must be read")
	// ErrTooManyMembers means that a list has more members than Limits.ListMembers.
	ErrTooManyMembers = errors.New("too many list members; raise Limits.ListMembers if they must be read")
	// ErrLength means that Content-Length is no number, or does not fit the message.
	ErrLength = errors.New("bad Content-Length; it must be the number of octets in the body")
	// ErrNoLength means that a message on a stream has no Content-Length.
	ErrNoLength = errors.New("no Content-Length; a stream cannot be cut into messages without it")
	// ErrDouble means that a header that may stand once stands twice.
	ErrDouble = errors.New("header may stand only once")
	// ErrMissing means that a mandatory header is not there.
	ErrMissing = errors.New("mandatory header is missing")
	// ErrSyntax means that a header value breaks its grammar.
	ErrSyntax = errors.New("malformed value")
	// ErrRange means that a number is too large for its header.
	ErrRange = errors.New("number out of range")
	// ErrTrailing means that something follows a value where nothing may.
	ErrTrailing = errors.New("header takes one value, more was found")
	// ErrValue means that a value given to a setter cannot be written: it holds
	// CR, LF or NUL, or would not be read back as the same value.
	ErrValue = errors.New("value cannot be written in a message")
	// ErrUnknownHeader means that the class of the message does not know the
	// header that a setter names.
	ErrUnknownHeader = errors.New("header does not belong to the class of the message")
	// ErrBoundary means that a multipart body has no boundary, or one that cannot be one.
	ErrBoundary = errors.New("no usable boundary; the Content-Type of a multipart needs one of 1 to 70 characters")
	// ErrNotMultipart means that a body is not of a multipart type.
	ErrNotMultipart = errors.New("not a multipart body")
	// ErrTooManyParts means that a multipart has more parts than Limits.Parts.
	ErrTooManyParts = errors.New("too many parts; raise Limits.Parts if they must be read")
	// ErrTooDeep means that multiparts lie within each other more than Limits.Levels deep.
	ErrTooDeep = errors.New("multiparts too deep; raise Limits.Levels if they must be read")
	// ErrEncoding means that a body part has a content transfer encoding that is not known.
	ErrEncoding = errors.New("unknown content transfer encoding")
	// ErrFold means that a header field of a request goes on in the next line
	// where the class forbids that (RFC 9112 section 5.2).
	ErrFold = errors.New("folded header field; write it in one line")
	// ErrCut means that the text or the stream ended within a message.
	ErrCut = errors.New("the message is cut short")
	// ErrTunnel means that a Framer has come to where another protocol begins;
	// take what is left with Rest.
	ErrTunnel = errors.New("the stream is another protocol's from here on; take it with Framer.Rest")
	// ErrIncomplete means that a Framer needs more octets.
	ErrIncomplete = errors.New("message not complete yet")
)

// SyntaxError says where and why a message or a value was refused.
type SyntaxError struct {
	Offset int    // octets from the start of the parsed text, -1 if unknown
	Header string // name of the header, "" for the start line, the body and the message as a whole
	Err    error  // one of the conditions of this package, or what a codec returned
}

// Error implements error.
func (e *SyntaxError) Error() string {
	b := []byte("msg: ")
	if e.Header != "" {
		b = append(append(b, e.Header...), ": "...)
	}
	b = append(b, e.Err.Error()...)
	if e.Offset >= 0 {
		b = strconv.AppendInt(append(b, " (at octet "...), int64(e.Offset), 10)
		b = append(b, ')')
	}
	return string(b)
}

// Unwrap returns the condition.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Status returns the status code that fits the error in an answer to a request:
// 505, 513, 414, 413 or 400 (RFC 3261 section 21), or what the Status method of
// a wrapped error says.
func (e *SyntaxError) Status() int {
	var own interface{ Status() int } // a condition of the class may know better
	switch {
	case errors.As(e.Err, &own):
		return own.Status()
	case errors.Is(e.Err, ErrVersion):
		return 505 // section 21.5.6
	case errors.Is(e.Err, ErrHeadTooLarge):
		return 513 // section 21.5.7
	case errors.Is(e.Err, ErrStartLineTooLong):
		return 414 // section 21.4.12
	case errors.Is(e.Err, ErrBodyTooLarge), errors.Is(e.Err, ErrTooManyParts), errors.Is(e.Err, ErrTooDeep):
		return 413 // section 21.4.11
	}
	return 400
}
