package http

import (
	"iter"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Limits of a chunked body besides [msg.Limits].Body.
const (
	maxChunkLine = 4 << 10  // octets of a chunk's size with its extensions
	maxTrailer   = 64 << 10 // octets of the trailer section
	maxChunk     = 1 << 31  // octets of one chunk
)

// chunkState is where a chunkScanner is: the element it expects next.
//
//	chunked-body   = *chunk last-chunk trailer-section CRLF      (RFC 9112 section 7.1)
//	chunk          = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
//	chunk-size     = 1*HEXDIG
//	last-chunk     = 1*"0" [ chunk-ext ] CRLF
//	chunk-ext      = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//	trailer-section = *( field-line CRLF )
type chunkState uint8

const (
	inSize      chunkState = iota // a digit of the size, or what ends it
	inSpace                       // white space before an extension
	inExtension                   // the rest of the line
	afterSize                     // LF of the line
	inData                        // octets of the chunk
	afterData                     // CR behind them
	afterDataCR                   // LF of that
	inField                       // first octet of a trailer field, or CR of the final line
	inName                        // name of a trailer field
	inValue                       // its value
	afterValue                    // LF behind it
	afterAll                      // LF of the final line
	complete
)

// chunkScanner finds the end of a chunked body; it is a [msg.Coding]. It takes
// what is exact and nothing else: a reader that forgives a line end here is how
// requests are smuggled.
type chunkScanner struct {
	state chunkState
	size  uint64 // of the chunk, then what is left of it
	line  int    // octets of the line or trailer section so far
	digit bool   // the size has one
}

// Scan implements [msg.Coding].
func (c *chunkScanner) Scan(b []byte) (n int, done bool, err error) {
	for i := 0; i < len(b); {
		if c.state == inData {
			k := min(c.size, uint64(len(b)-i))
			i += int(k)
			if c.size -= k; c.size == 0 {
				c.state = afterData
			}
			continue
		}
		if !c.step(b[i]) {
			return i, false, ErrChunk
		}
		i++
		if c.state == complete {
			return i, true, nil
		}
	}
	return len(b), false, nil
}

// step takes one octet that is not data; false refuses it.
func (c *chunkScanner) step(b byte) bool {
	c.line++
	switch c.state {
	case inSize:
		d, ok := hex(b)
		if ok {
			c.digit = true
			c.size = c.size<<4 | d
			return c.size < maxChunk && c.line <= maxChunkLine
		}
		switch {
		case !c.digit:
			return false
		case b == '\r':
			c.state = afterSize
			return true
		}
		c.state = inSpace
		return c.step(b)
	case inSpace: // nothing but an extension may follow
		if b == ';' {
			c.state = inExtension
			return true
		}
		return (b == ' ' || b == '\t') && c.line <= maxChunkLine
	case inExtension:
		if b == '\r' {
			c.state = afterSize
			return true
		}
		return (b >= ' ' || b == '\t') && b != 0x7f && c.line <= maxChunkLine
	case afterSize:
		if c.state, c.line = inData, 0; c.size == 0 {
			c.state = inField
		}
		return b == '\n'
	case afterData:
		c.state = afterDataCR
		return b == '\r'
	case afterDataCR:
		c.state, c.digit, c.line = inSize, false, 0
		return b == '\n'
	case inField:
		if b == '\r' {
			c.state = afterAll
			return true
		}
		c.state = inName
		return scan.IsTokenChar(b)
	case inName:
		if b == ':' {
			c.state = inValue
			return true
		}
		return scan.IsTokenChar(b) && c.line <= maxTrailer
	case inValue:
		if b == '\r' {
			c.state = afterValue
			return true
		}
		return b != '\n' && b != 0 && c.line <= maxTrailer
	case afterValue:
		c.state = inField
		return b == '\n'
	case afterAll:
		c.state = complete
		return b == '\n'
	}
	return false
}

func hex(b byte) (d uint64, ok bool) {
	switch b = scan.Lower(b); {
	case b >= '0' && b <= '9':
		return uint64(b - '0'), true
	case b >= 'a' && b <= 'f':
		return uint64(b-'a') + 10, true
	}
	return 0, false
}

// Content returns what the body of a message holds, its chunks put together. A
// body in one chunk, or without chunks, is not copied. It fails with ErrChunk
// for a chunked body that is malformed or cut.
func Content(s msg.Source) (string, error) {
	m := s.Msg()
	raw := m.Body()
	if !isChunked(m) {
		return raw, nil
	}
	var first string
	var b strings.Builder
	n := 0
	if _, err := chunks(raw, func(data string) {
		switch n++; n {
		case 1:
			first = data
		case 2:
			b.Grow(len(raw))
			b.WriteString(first)
			fallthrough
		default:
			b.WriteString(data)
		}
	}); err != nil {
		return "", err
	}
	if n > 1 {
		return b.String(), nil
	}
	return first, nil
}

// Trailers yields names and values of the fields behind the last chunk, in
// order, without white space at the ends of the values. There are none in a
// body that is not chunked, or malformed.
func Trailers(s msg.Source) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) { trailers(s.Msg(), yield) }
}

func trailers(m *msg.Message, yield func(string, string) bool) {
	if !isChunked(m) {
		return
	}
	rest, err := chunks(m.Body(), func(string) {})
	for err == nil && rest != "\r\n" {
		line, next, _ := strings.Cut(rest, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		if !yield(name, scan.Trim(value)) {
			return
		}
		rest = next
	}
}

// isChunked reports whether the body of m is chunked. A response to HEAD says
// so and has none.
func isChunked(m *msg.Message) bool {
	chunked, err := coded(m)
	return chunked && err == nil && m.Body() != ""
}

// chunks hands over the data of each chunk and returns the trailer section with
// the final line.
func chunks(raw string, take func(data string)) (trailer string, err error) {
	var c chunkScanner
	for i := 0; i < len(raw); {
		if c.state == inData {
			k := int(min(c.size, uint64(len(raw)-i)))
			take(raw[i : i+k])
			c.size -= uint64(k)
			if i += k; c.size == 0 {
				c.state = afterData
			}
			continue
		}
		last := c.state == afterSize && c.size == 0
		if !c.step(raw[i]) {
			break
		}
		i++
		if last {
			trailer = raw[i:]
		}
		if c.state == complete {
			if i != len(raw) {
				break
			}
			return trailer, nil
		}
	}
	return "", &msg.SyntaxError{Offset: -1, Err: ErrChunk}
}
