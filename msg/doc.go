// Package msg is the message that every layer passes on: one immutable string
// with a table of where its header fields are. It knows no protocol; a [Class]
// says what a start line looks like, which headers there are and what must be
// refused. Packages sip and http make the classes.
//
// # Usage
//
// [Parse] reads one message, [Framer] cuts a stream into messages. A [Header]
// constant reads and writes one header; values are decoded when asked for and
// belong to the caller:
//
//	m, err := msg.Parse(class, text, msg.Limits{})
//	n, ok, err := msg.Expires.Get(m)
//	m2, err := m.Edit(msg.Expires.Set(600), msg.Server.Del())
//
// An [Extension] does the same for a header that the class does not know:
//
//	var trunk = msg.Extension[string, msg.TextCodec]{Name: "X-Trunk"}
//	name, ok, err := trunk.Get(m)
//
// What was parsed and not edited is written byte for byte, unknown headers and
// odd spellings included. What a setter writes must be as the class has it, see
// [HeaderInfo].Valid and [ClassConfig].Start: else Edit fails, and nothing but
// [Setter.AsRead] goes round that. No setter writes CR, LF or NUL.
//
// # Memory
//
// A parsed message is two allocations with its text, three above 32 fields. All
// strings it hands out share the text: clone what outlives the message.
// Decoding a header allocates only where the value has folds or quoted-pairs.
// [Message.AppendText] does not allocate if the buffer has room.
//
// # Concurrency
//
// Messages, classes, headers and setters are immutable and safe for concurrent
// use. A Framer is for one goroutine at a time.
//
// # Limits
//
// [Limits] bounds start line, header fields, lines, body and list members; what
// exceeds them is refused with the status that [SyntaxError.Status] tells.
// Every function takes time linear in its input. A body is found by
// Content-Length or goes to the end, unless [Grammar].Body of the class says
// otherwise.
//
// # Bodies
//
// [Message.Multipart] takes a body of several parts apart (RFC 2046, RFC 5621),
// [NewMultipart] puts one together. [ParseFragment] reads a piece of a message,
// as message/sipfrag holds it (RFC 3420).
package msg
