package sip

import (
	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// room is how many setters a builder takes without an allocation.
const room = 16

// NewRequest makes a request with what the setters give, in their order. It
// adds only Max-Forwards: 70 (RFC 3261 section 8.1.1.6) and Content-Length,
// where they are not given. From, To, Call-ID and CSeq are the caller's, Via is
// the transaction's; [msg.Message.Err] of the result tells what is still missing.
func NewRequest(method string, uri URI, set ...msg.Setter) (Request, error) {
	target, err := uri.appendValid(make([]byte, 0, 64))
	if err != nil {
		return Request{}, err
	}
	var buf [room]msg.Setter
	all := append(buf[:0], msg.RequestLine(method, string(target)))
	all = append(all, set...)
	all = append(all, MaxForwards.Default(70), msg.Length())
	m, err := msg.New(class, all...)
	if err != nil {
		return Request{}, err
	}
	if !m.IsRequest() {
		return Request{}, &msg.SyntaxError{Offset: -1, Err: msg.ErrStartLine}
	}
	return Request{m}, nil
}

// NewResponse makes a response to req with the standard reason phrase. It
// copies every Via, From, To, Call-ID and CSeq as they are written (RFC 3261
// section 8.2.6.2), Timestamp into a 100 (section 8.2.6.1), and Record-Route
// into a 101 to 299 to a request that may make a dialog (section 12.1.1). Then
// it applies the setters, and adds Content-Length if they did not. It adds no
// tag to To. req may be a message that [msg.Parse] refused: what is missing
// there is missing in the response.
func NewResponse(req Request, status int, set ...msg.Setter) (Response, error) {
	if req.Message == nil {
		return Response{}, &msg.SyntaxError{Offset: -1, Err: msg.ErrStartLine}
	}
	var buf [room]msg.Setter
	all := responseSetters(buf[:0], req, status, set)
	m, err := msg.New(req.Class(), all...)
	if err != nil {
		return Response{}, err
	}
	if m.IsRequest() {
		return Response{}, &msg.SyntaxError{Offset: -1, Err: msg.ErrStartLine}
	}
	return Response{m}, nil
}

// AppendResponse appends to dst the octets of what [NewResponse] makes of the same
// arguments, and fails as it does; dst is then as it was. Where set is
// nothing but [msg.Header.Text] with [msg.Setter.AsRead], and in the request
// nothing that must not be copied, no message is made for it, and nothing is
// allocated but room in dst.
func AppendResponse(dst []byte, req Request, status int, set ...msg.Setter) ([]byte, error) {
	if req.Message != nil {
		var room [7]msg.ID
		if b, ok := msg.AppendReply(dst, req.Message, status, StatusText(status), copied(room[:0], req, status), set...); ok {
			return b, nil
		}
	}
	return appendMade(dst, req, status, set)
}

// appendMade is AppendResponse by way of a message. It is kept apart, so that
// only those who need its stack have it.
//
//go:noinline
func appendMade(dst []byte, req Request, status int, set []msg.Setter) ([]byte, error) {
	resp, err := NewResponse(req, status, set...)
	if err != nil {
		return dst, err
	}
	return resp.AppendText(dst)
}

// copied appends the headers that a response has from its request, in the order
// of [NewResponse].
func copied(ids []msg.ID, req Request, status int) []msg.ID {
	ids = append(ids, IDVia)
	if status > 100 && status < 300 && IsDialogMethod(req.Method()) {
		ids = append(ids, IDRecordRoute)
	}
	ids = append(ids, IDFrom, IDTo, IDCallID, IDCSeq)
	if status == 100 {
		ids = append(ids, IDTimestamp)
	}
	return ids
}

// responseSetters appends what makes a response. Its temporaries, a Setter for
// each header, are off the stack before the message is made: the stacks of all who
// answer are half as large.
//
//go:noinline
func responseSetters(all []msg.Setter, req Request, status int, set []msg.Setter) []msg.Setter {
	all = append(all, msg.StatusLine(status, StatusText(status)), Via.Copy(req))
	if status > 100 && status < 300 && IsDialogMethod(req.Method()) {
		all = append(all, RecordRoute.Copy(req))
	}
	all = append(all, From.Copy(req), To.Copy(req), CallID.Copy(req), CSeq.Copy(req))
	if status == 100 {
		all = append(all, Timestamp.Copy(req))
	}
	all = append(all, set...)
	return append(all, msg.Length())
}

// Phrase is the setter of the reason phrase of a response.
func Phrase(s string) msg.Setter { return msg.Phrase(s) }

// RequestURI is the setter of the Request-URI of a request. Use AsRead of it for a
// URI that was read from a peer, such as a registered Contact.
func RequestURI(u URI) msg.Setter {
	text, err := u.appendValid(nil)
	if err != nil {
		return msg.Fail(err)
	}
	return msg.RequestURI(string(text))
}

// Payload is the setter of a body with its Content-Type and Content-Length. The
// type is text such as "application/sdp".
func Payload(contentType, body string) msg.Setter {
	t, err := msg.ParseMediaType(contentType)
	if err != nil {
		return msg.Fail(err)
	}
	return msg.Join(ContentType.Set(t), msg.Body(body))
}

// HeaderSetters returns the headers part of a URI as setters of the fields it
// names, its escapes decoded (RFC 3261 section 19.1.5). Those that such a part
// must not set are left out: the ones that say where a message goes, who sent
// it and what transaction it is of. The part named "body" sets the body.
func (u URI) HeaderSetters() []msg.Setter {
	var set []msg.Setter
	for s := u.Headers; s != ""; {
		var h string
		h, s = cutBefore(s, '&')
		if s != "" {
			s = s[1:]
		}
		name, value := h, ""
		for i := range len(h) {
			if h[i] == '=' {
				name, value = h[:i], h[i+1:]
				break
			}
		}
		name, value = Unescape(name), Unescape(value)
		if scan.EqualFold(name, "body") {
			set = append(set, msg.Body(value))
			continue
		}
		switch class.Lookup(name) { // section 19.1.5: dangerous headers
		case IDFrom, IDCallID, IDCSeq, IDVia, IDRecordRoute, IDRoute, IDPath, IDContact, IDTo,
			msg.IDContentLength, msg.IDMaxForwards, msg.IDAuthorization, msg.IDProxyAuthorization,
			msg.IDAccept, msg.IDAcceptEncoding, msg.IDAcceptLanguage, msg.IDAllow, IDSupported,
			msg.IDUserAgent, IDOrganization, msg.IDContentEncoding, msg.IDContentType:
			continue
		}
		set = append(set, msg.FieldText(name, value))
	}
	return set
}
