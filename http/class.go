package http

import (
	"errors"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Version is the protocol version that is written.
const Version = "HTTP/1.1"

// Conditions that a [msg.SyntaxError] of this class wraps besides those of
// package msg; test for them with errors.Is.
var (
	// ErrTarget means that the request target does not have the form that its
	// method needs (RFC 9112 section 3.2).
	ErrTarget = errors.New("request target does not fit the method; write a path, an absolute URI, host:port for CONNECT or * for OPTIONS")
	// ErrFraming means that where the body ends is told twice or not for sure
	// (RFC 9112 section 6.3).
	ErrFraming = errors.New("body is framed in two ways or none; send either Content-Length or Transfer-Encoding: chunked")
	// ErrCoding means that Transfer-Encoding names a coding that is not known
	// (RFC 9112 section 6.1).
	ErrCoding = errors.New("unknown transfer coding; send chunked only")
	// ErrChunk means that a chunked body breaks its grammar (RFC 9112 section 7.1).
	ErrChunk = errors.New("malformed chunked body")
)

// Class returns the message class of HTTP/1.1. It reads every version HTTP/1.x.
// Add headers with [msg.Class.With].
func Class() *msg.Class { return class }

var class = msg.NewClass(msg.ClassConfig{
	Version: Version,
	Headers: infos(),
	Check:   check,
	Grammar: msg.Grammar{Reads: reads, TightNames: true, NoFolds: true, NoNUL: true, Body: body},
})

// DefaultLimits returns the limits that [Parse] uses: those of package msg. The
// caller may change the copy.
func DefaultLimits() msg.Limits { return msg.Limits{} }

// Parse reads one HTTP message with the default limits: a request, or a
// response to an ordinary request; see [msg.Parse]. For the response to HEAD or
// CONNECT use [msg.Exchange.Parse]. A response whose body is framed by the end
// of the connection has all that follows the head for its body.
func Parse(s string) (*msg.Message, error) { return msg.Parse(class, s, DefaultLimits()) }

// Status returns the status code of the answer to a request that was refused
// with err: 400, 413, 414, 431 (RFC 6585 section 5), 501 or 505.
func Status(err error) int {
	var e *msg.SyntaxError
	switch {
	case errors.Is(err, msg.ErrHeadTooLarge), errors.Is(err, msg.ErrHeaderTooLong):
		return 431
	case errors.Is(err, ErrCoding):
		return 501 // RFC 9112 section 6.1
	case errors.As(err, &e):
		return e.Status()
	}
	return 400
}

// reads takes every minor version of HTTP/1 (RFC 9110 section 2.5); versions
// compare with case (RFC 9112 section 2.3).
func reads(v string) bool {
	return len(v) == len(Version) && v[:len("HTTP/1.")] == "HTTP/1." && scan.IsDigit(v[len(v)-1])
}

// check refuses what must not reach the layers above.
func check(c msg.Check) {
	m := c.Message()
	if !reads(m.Version()) { // the core compares without case
		c.Fail(0, msg.ErrVersion)
	}
	if m.IsRequest() {
		if !validTarget(m.Method(), m.RequestURI()) {
			c.Fail(0, ErrTarget)
		}
		checkHost(c, m)
	} else if m.Status() > 599 { // RFC 9110 section 15
		c.Fail(0, msg.ErrStatusCode)
	}
	if _, v, ok := c.First(msg.IDContentLength); ok {
		if _, _, err := (LengthCodec{}).Parse(v); err != nil {
			c.Fail(msg.IDContentLength, msg.ErrLength)
		}
	}
	if _, err := coded(m); err != nil {
		c.Fail(IDTransferEncoding, err)
	}
}

// checkHost: a request of HTTP/1.1 has exactly one Host, which may be empty
// (RFC 9112 section 3.2). That there are not two, the core sees to.
func checkHost(c msg.Check, m *msg.Message) {
	_, v, ok := c.First(IDHost)
	if !ok {
		if m.Version() != "HTTP/1.0" {
			c.Fail(IDHost, msg.ErrMissing)
		}
		return
	}
	if v == "" {
		return
	}
	if _, rest, err := (HostCodec{}).Parse(v); err != nil || rest != "" {
		c.Fail(IDHost, msg.ErrSyntax)
	}
}

// validTarget checks the form of a request target (RFC 9112 section 3.2).
//
//	request-target = origin-form / absolute-form / authority-form / asterisk-form
func validTarget(method, s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f || s[i] == '#' {
			return false
		}
	}
	switch {
	case s == "":
		return false
	case method == MethodConnect: // authority-form, with its port
		h, rest, err := HostCodec{}.Parse(s)
		return err == nil && rest == "" && h.Port != 0
	case s[0] == '/':
		return true
	case s == "*":
		return method == MethodOptions
	}
	i := strings.IndexByte(s, ':')
	return i > 0 && scan.IsAlpha(s[0]) && scan.Token(s, 0) == i && i+1 < len(s)
}

// coded reports whether Transfer-Encoding frames the body of m, by chunks. It
// fails if the message could be framed in two ways.
func coded(m *msg.Message) (chunked bool, err error) {
	if !TransferEncoding.Has(m) {
		return false, nil
	}
	if m.Version() == "HTTP/1.0" { // RFC 9112 section 6.1
		return false, ErrFraming
	}
	if msg.ContentLength.Has(m) { // section 6.3 item 3
		return false, ErrFraming
	}
	n := 0
	for c, err := range TransferEncoding.All(m) {
		switch {
		case err != nil:
			return false, ErrFraming
		case chunked: // once, and last
			return false, ErrFraming
		case !scan.EqualFold(c.Value, Chunked):
			return false, ErrCoding
		case c.Params != "": // section 7.1: chunked has none
			return false, ErrFraming
		}
		chunked = true
		n++
	}
	if n == 0 {
		return false, ErrFraming
	}
	return true, nil
}

// body is the framing rule of RFC 9112 section 6.3.
func body(m *msg.Message, x msg.Exchange) (msg.Framing, error) {
	chunks, err := coded(m)
	if err != nil {
		return msg.Framing{}, &msg.SyntaxError{Offset: 0, Header: "Transfer-Encoding", Err: err}
	}
	n, has, err := length(m)
	if err != nil {
		return msg.Framing{}, &msg.SyntaxError{Offset: 0, Header: "Content-Length", Err: err}
	}
	if !m.IsRequest() {
		s := m.Status()
		switch {
		case s == 101, x.Method == MethodConnect && s >= 200 && s < 300: // item 2
			return msg.Framing{Tunnel: true}, nil
		case s < 200, s == 204, s == 304, x.Method == MethodHead: // item 1
			return msg.Framing{}, nil
		}
	}
	switch {
	case chunks: // item 4
		return msg.Framing{Coding: new(chunkScanner)}, nil
	case has: // item 6
		return msg.Framing{Length: n}, nil
	case m.IsRequest(): // item 7
		return msg.Framing{}, nil
	}
	return msg.Framing{ToEnd: true}, nil // item 8
}

// length reads Content-Length, of which there must be one with one number (RFC
// 9112 section 6.3 item 5).
func length(m *msg.Message) (n uint64, ok bool, err error) {
	v, ok := ContentLength.Raw(m)
	if !ok {
		return 0, false, nil
	}
	if m.Doubled() { // maybe this one
		for range m.Values("Content-Length") {
			if n++; n > 1 {
				return 0, true, msg.ErrDouble
			}
		}
	}
	n, _, err = LengthCodec{}.Parse(v)
	if err != nil {
		err = msg.ErrLength
	}
	return n, true, err
}
