package sip

import (
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Request is a SIP request. It is one pointer: pass it by value. The zero value
// holds no message; its methods must not be called but for IsZero.
type Request struct{ *msg.Message }

// Response is a SIP response, passed by value like [Request].
type Response struct{ *msg.Message }

// AsRequest returns m as a request; ok is false if m is nil or a response.
func AsRequest(m *msg.Message) (r Request, ok bool) {
	if m == nil || !m.IsRequest() {
		return Request{}, false
	}
	return Request{m}, true
}

// AsResponse returns m as a response; ok is false if m is nil or a request.
func AsResponse(m *msg.Message) (r Response, ok bool) {
	if m == nil || m.IsRequest() {
		return Response{}, false
	}
	return Response{m}, true
}

// IsZero reports whether r holds no message.
func (r Request) IsZero() bool { return r.Message == nil }

// IsZero reports whether r holds no message.
func (r Response) IsZero() bool { return r.Message == nil }

// Edit returns a changed copy of r; see [msg.Message.Edit]. It fails if a
// setter makes it a response.
func (r Request) Edit(set ...msg.Setter) (Request, error) {
	m, err := r.Message.Edit(set...)
	if err == nil && !m.IsRequest() {
		err = &msg.SyntaxError{Offset: -1, Err: msg.ErrStartLine}
	}
	if err != nil {
		return Request{}, err
	}
	return Request{m}, nil
}

// Edit returns a changed copy of r; see [msg.Message.Edit]. It fails if a
// setter makes it a request.
func (r Response) Edit(set ...msg.Setter) (Response, error) {
	m, err := r.Message.Edit(set...)
	if err == nil && m.IsRequest() {
		err = &msg.SyntaxError{Offset: -1, Err: msg.ErrStartLine}
	}
	if err != nil {
		return Response{}, err
	}
	return Response{m}, nil
}

// URI returns the Request-URI, decoded.
func (r Request) URI() (URI, error) { return ParseURI(r.RequestURI()) }

// MaxForwards returns the value of Max-Forwards; ok is false if there is none
// (RFC 2543) or it is malformed, which [msg.Parse] refuses.
func (r Request) MaxForwards() (hops int, ok bool) {
	n, ok := r.MarkedNumber(markHops)
	return int(n), ok
}

// TopVia returns the first Via value; the zero value if there is none or it is
// malformed, which [msg.Parse] refuses.
func (r Request) TopVia() ViaParm { return topVia(r.Message) }

// TopVia returns the first Via value; the zero value if there is none or it is
// malformed, which [msg.Parse] refuses.
func (r Response) TopVia() ViaParm { return topVia(r.Message) }

// Branch returns the branch of the first Via, "" if there is none.
func (r Request) Branch() string { return branch(r.Message) }

// Branch returns the branch of the first Via, "" if there is none.
func (r Response) Branch() string { return branch(r.Message) }

// CSeq returns the value of CSeq; the zero value if it is missing or malformed,
// which [msg.Parse] refuses.
func (r Request) CSeq() Sequence { return cseq(r.Message) }

// CSeq returns the value of CSeq; the zero value if it is missing or malformed,
// which [msg.Parse] refuses.
func (r Response) CSeq() Sequence { return cseq(r.Message) }

// CallID returns the Call-ID, "" if it is missing or malformed, which
// [msg.Parse] refuses. Call-IDs compare with case.
func (r Request) CallID() string { return callID(r.Message) }

// CallID returns the Call-ID, "" if it is missing or malformed, which
// [msg.Parse] refuses. Call-IDs compare with case.
func (r Response) CallID() string { return callID(r.Message) }

// From returns the value of From.
func (r Request) From() (NameAddr, error) { return one(r.Message, From) }

// From returns the value of From.
func (r Response) From() (NameAddr, error) { return one(r.Message, From) }

// To returns the value of To.
func (r Request) To() (NameAddr, error) { return one(r.Message, To) }

// To returns the value of To.
func (r Response) To() (NameAddr, error) { return one(r.Message, To) }

// FromTag returns the tag of From, "" if there is none.
func (r Request) FromTag() string { return tag(r.Message, From, markFromTag) }

// FromTag returns the tag of From, "" if there is none.
func (r Response) FromTag() string { return tag(r.Message, From, markFromTag) }

// ToTag returns the tag of To, "" if there is none.
func (r Request) ToTag() string { return tag(r.Message, To, markToTag) }

// ToTag returns the tag of To, "" if there is none.
func (r Response) ToTag() string { return tag(r.Message, To, markToTag) }

func topVia(m *msg.Message) ViaParm {
	proto, ok := m.Marked(markViaProtocol)
	if !ok { // folded, or with white space inside
		v, _, _ := Via.Get(m)
		return v
	}
	v := ViaParm{Protocol: proto}
	v.Transport, _ = m.Marked(markViaTransport)
	v.Host, _ = m.Marked(markViaHost)
	port, _ := m.MarkedNumber(markViaPort)
	v.Port = uint16(port)
	params, _ := m.Marked(markViaParams)
	v.Params = msg.Params(params)
	return v
}

func branch(m *msg.Message) string {
	if b, ok := m.Marked(markBranch); ok {
		return b
	}
	return topVia(m).Branch()
}

func cseq(m *msg.Message) Sequence {
	method, ok := m.Marked(markMethod)
	if !ok {
		v, _, _ := CSeq.Get(m)
		return v
	}
	n, _ := m.MarkedNumber(markSeq)
	return Sequence{n, method}
}

func callID(m *msg.Message) string {
	if id, ok := m.Marked(markCallID); ok {
		return id
	}
	id, _, _ := CallID.Get(m)
	return id
}

func one(m *msg.Message, h AddrHeader) (NameAddr, error) {
	a, ok, err := h.Get(m)
	if err == nil && !ok {
		info, _ := m.Class().Info(h.ID())
		err = &msg.SyntaxError{Offset: -1, Header: info.Name, Err: msg.ErrMissing}
	}
	return a, err
}

func tag(m *msg.Message, h AddrHeader, slot int) string {
	if t, ok := m.Marked(slot); ok {
		return t
	}
	raw, ok := h.Raw(m)
	if !ok || !mayHaveTag(raw) {
		return ""
	}
	a, _, _ := h.Get(m)
	return a.Tag()
}

// mayHaveTag saves the decoding of the many To headers that have no parameters.
func mayHaveTag(raw string) bool {
	i := strings.LastIndexByte(raw, '>')
	return strings.IndexByte(raw[i+1:], ';') >= 0 && !scan.IsToken(raw)
}
