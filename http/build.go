package http

import (
	"strconv"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// NewRequest makes a request. It has what the setters give it, in their order,
// behind a Host made from host if that is not "". A method that has a body gets
// Content-Length if the setters give none (RFC 9110 section 8.6). It fails
// if the result would be refused by who reads it.
func NewRequest(method, target, host string, set ...msg.Setter) (*msg.Message, error) {
	all := make([]msg.Setter, 0, len(set)+3)
	all = append(all, msg.RequestLine(method, target))
	if host != "" {
		h, rest, err := HostCodec{}.Parse(host)
		if err != nil || rest != "" {
			return nil, &msg.SyntaxError{Offset: -1, Header: "Host", Err: msg.ErrValue}
		}
		all = append(all, Host.Set(h))
	}
	all = append(all, set...)
	m, err := build(all)
	if err == nil && (method == MethodPost || method == MethodPut || method == MethodPatch) && !TransferEncoding.Has(m) {
		return build(append(all, msg.Length()))
	}
	return m, err
}

// NewResponse makes a response with the phrase of [StatusText]. What may have a
// body and gets no Content-Length from the setters gets one, so that it does
// not go to the end of the connection. It fails if the result would be refused
// by who reads it, or if a response without body has one.
func NewResponse(status int, set ...msg.Setter) (*msg.Message, error) {
	all := append([]msg.Setter{msg.StatusLine(status, StatusText(status))}, set...)
	m, err := build(all)
	if err != nil {
		return nil, err
	}
	if status < 200 || status == 204 || status == 304 {
		if m.Body() != "" || status != 304 && (TransferEncoding.Has(m) || ContentLength.Has(m)) { // RFC 9110 section 8.6
			return nil, &msg.SyntaxError{Offset: -1, Header: "Content-Length", Err: ErrFraming}
		}
		return m, nil
	}
	if !TransferEncoding.Has(m) {
		return build(append(all, msg.Length()))
	}
	return m, nil
}

func build(set []msg.Setter) (*msg.Message, error) {
	m, err := msg.New(class, set...)
	if err != nil {
		return nil, err
	}
	if err := m.Err(); err != nil {
		return nil, err
	}
	if ok, _ := coded(m); ok {
		if _, err := Content(m); err != nil {
			return nil, err
		}
		return m, nil
	}
	n, has, err := length(m)
	fits := n == uint64(len(m.Body()))
	if !m.IsRequest() { // of HEAD, or to the end
		fits = fits || !has || m.Body() == ""
	}
	if err != nil || !fits {
		return nil, &msg.SyntaxError{Offset: -1, Header: "Content-Length", Err: msg.ErrLength}
	}
	return m, nil
}

// Payload replaces the body by one of the given media type, framed by
// Content-Length. It fails when used if the type is malformed.
func Payload(contentType, body string) msg.Setter {
	t, err := msg.ParseMediaType(contentType)
	if err != nil {
		return msg.Fail(err)
	}
	return msg.Join(TransferEncoding.Del(), Trailer.Del(), ContentType.Set(t), msg.Body(body))
}

// Field is a field behind a chunked body.
type Field struct {
	Name  string // a token
	Value string // without white space at its ends
}

// Chunks replaces the body by the given chunks, of which empty ones are left
// out, and names the fields that follow in Trailer. Fields that frame, route or
// authenticate a message must not follow it (RFC 9110 section 6.5.1): the
// setter then fails when used.
func Chunks(parts []string, trailers ...Field) msg.Setter {
	n := 16
	for _, p := range parts {
		n += len(p) + 16
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		if p == "" { // would be the last chunk
			continue
		}
		b = strconv.AppendUint(b, uint64(len(p)), 16)
		b = append(append(append(b, "\r\n"...), p...), "\r\n"...)
	}
	b = append(b, "0\r\n"...)
	var names []string
	for _, f := range trailers {
		if !scan.IsToken(f.Name) || !mayTrail(f.Name) || scan.HasControl(f.Value) || f.Value != scan.Trim(f.Value) {
			return msg.Fail(&msg.SyntaxError{Offset: -1, Header: f.Name, Err: msg.ErrValue})
		}
		names = append(names, f.Name)
		b = append(append(append(append(b, f.Name...), ": "...), f.Value...), "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return msg.Join(ContentLength.Del(), TransferEncoding.Set(msg.Item{Value: Chunked}), Trailer.Set(names...), msg.Framed(string(b)))
}

// mayTrail reports whether a field may stand in a trailer section.
func mayTrail(name string) bool {
	switch class.Lookup(name) {
	case msg.IDContentLength, msg.IDContentType, msg.IDContentEncoding, msg.IDMaxForwards, IDTransferEncoding, IDHost,
		IDConnection, IDUpgrade, IDTE, IDTrailer, IDCacheControl, IDExpect, IDRange, IDContentRange, IDSetCookie, IDCookie,
		msg.IDAuthorization, msg.IDProxyAuthorization, msg.IDWWWAuthenticate, msg.IDProxyAuthenticate:
		return false
	}
	return true
}
