// Package sip is the SIP message: its header table and checks as a [msg.Class],
// the headers of RFC 3261 and its extensions as typed constants, URIs, and
// builders for requests and responses.
//
// # Usage
//
// A header is a constant. Its methods read it from any message and make
// [msg.Setter] values that write it:
//
//	m, err := sip.Parse(text)
//	to, ok, err := sip.To.Get(m)
//	for contact, err := range sip.Contact.All(m) { … }
//	m2, err := m.Edit(sip.Via.Push(via), sip.Route.Pop(), sip.MaxForwards.Set(69))
//
// [Request] and [Response] wrap a message by value and add what every layer
// asks for: TopVia, CSeq, CallID and the tags are found once, when the message
// is parsed. [NewRequest] and [NewResponse] make messages from setters.
// A [StatusError] is a response that refuses.
//
// # What is refused
//
// [Parse] and [msg.Parse] with [Class] refuse a message whose start line, first
// Via, From, To, Call-ID, CSeq, Max-Forwards or Content-Length is malformed,
// missing or doubled, whose CSeq names another method than the request has, or
// whose Request-URI is malformed. The message comes with the error, so that it
// can be answered. Every other header is looked at when somebody asks for it,
// and its error is theirs (RFC 3261 sections 8.2 and 16.3).
//
// # Concurrency
//
// Messages are immutable, all other types are plain values. Everything here is
// safe for concurrent use.
//
// # Two readings
//
// [Class] reads tolerantly: it forgives what peers are known to write, such as
// empty list members or text that should be quoted; the leniencies are the flags
// of [msg.Tolerance]. Class().Reading(msg.Strict) is the same class that forgives
// nothing: every value that is decoded is checked against the grammar.
// [StrictClass] also refuses each message that has a malformed header, and
// [ClassWith] refuses those whose malformed header is of a named group.
// [Malformed] tells what is wrong with the headers of a message, and [Decode]
// reads any of them.
//
// # What is written
//
// What setters write is canonical, and as the strict reading takes it, whatever
// class the message is of: [msg.Message.Edit], [NewRequest] and [NewResponse] fail
// where a value, the Request-URI or the reason phrase is not of its grammar.
// Nothing is mended silently; [msg.Params.With] quotes what needs quotes,
// [EscapeUser], [URI.WithParam] and [URI.WithHeader] escape.
//
// Fields that nobody touches, those that Copy takes from another message, and what
// NewResponse takes from the request stay byte for byte as they came, odd ones
// too. A value that was read from a peer and must go on as it is, such as the tag
// of a dialog or a Contact that becomes a Request-URI, is written with
// [msg.Setter.AsRead]:
//
//	m2, err := m.Edit(sip.RequestURI(contact.URI).AsRead(), sip.To.Set(remote).AsRead())
//
// # Limits
//
// A header that the class does not know is kept and can be read as text, or with
// a [msg.Extension]. The retired headers of RFC 2543 and the P-DCS ones of
// RFC 5503 are such. Bodies are looked into by package msg and sip/bodies.
package sip
