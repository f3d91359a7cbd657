// Package sdp reads and writes session descriptions (SDP, RFC 8866).
//
// [Parse] turns text into a [Description]: plain values with exported fields,
// which [Description.AppendText] writes back. What a description says that
// this package does not interpret (unknown attributes, media types, transport
// protocols, bandwidth types, address families) is kept and written again as
// it was read. A line whose type letter RFC 8866 does not define refuses the
// whole description, as section 5 of the RFC demands.
//
//	d, err := sdp.Parse(body)
//	if err != nil {
//		return err // *sdp.SyntaxError with line, column and grammar rule
//	}
//	for i := range d.Media {
//		m := &d.Media[i]
//		fmt.Println(m.Type, m.Port, m.Direction(d), m.Codecs())
//	}
//
// # Reading and writing
//
// Reading accepts CRLF and bare LF as line ends, and the deviations named by
// the bits of [Tolerance]. Writing is canonical: CRLF, the field order of RFC
// 8866 section 9, single spaces. A description that obeys the grammar is
// written byte for byte as it was read, except for superfluous leading zeros
// of numbers.
//
// # Limits
//
// [Parser] bounds the size of the text, of a line, and the number of media
// descriptions, formats and attributes. Every bound has a default; passing one
// gives an error that matches [ErrLimit].
//
// # Memory and concurrency
//
// The strings of a parsed Description are substrings of the text it was
// parsed from, so they keep that text alive. Functions and methods of this
// package keep no state: a Description may be read from several goroutines,
// and changed by one when no other uses it. [Description.Clone] makes an
// independent copy.
package sdp
