// Package http is HTTP/1.1 (RFC 9110, RFC 9112) on the message core of package
// msg: the same immutable messages, typed headers and setters that package sip
// uses, with the start lines, the headers and the body framing of HTTP.
// Programs that use net/http too import it as siphttp.
//
// # Usage
//
// [Parse] reads one message. A [msg.Framer] made with [Class] cuts a stream into
// messages; a client tells it with Expect what each response answers, because
// the framing of a response depends on that:
//
//	f := msg.NewFramer(http.Class(), http.DefaultLimits())
//	f.Expect(msg.Exchange{Method: "HEAD"})
//	…
//	frame, err := f.Next()
//	m, err := frame.Exchange.Parse(http.Class(), frame.Text, limits)
//
// [NewRequest] and [NewResponse] make messages and refuse to make invalid ones.
//
// # Bodies
//
// [msg.Message.Body] is the message body as it stands on the wire, chunk
// framing included, so that a message is written as it came. [Content] is what
// is in it, [Trailers] yields the fields behind its last chunk. Trailer fields
// are never merged into the header (RFC 9110 section 6.5.1).
//
// # What is refused
//
// Everything that two readers could frame differently (RFC 9112 section 11.2):
// Transfer-Encoding together with Content-Length, two lengths, a transfer
// coding that is unknown or not chunked at the end of a request,
// Transfer-Encoding in HTTP/1.0, white space before a colon, bare CR and bare LF, NUL, and in
// requests folded fields. A request also needs exactly one Host (section
// 3.2) and a target of the form that fits its method. [Status] tells the code
// of the answer. A server closes the connection after it.
//
// # Concurrency and limits
//
// Messages, headers and setters are immutable and safe for concurrent use.
// [msg.Limits] bound start line, header section, body (with its chunk framing)
// and list members; time is linear in the input.
package http
