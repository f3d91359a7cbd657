package msg

import (
	"strconv"

	"github.com/gosofia/sofia/internal/scan"
)

// Composer is a [Codec] that composes a value without an allocation, if it is
// short. The setters of a header use it where they write one value.
type Composer[T any] interface {
	Codec[T]
	// Compose returns what Append appends, and fails as Append does.
	Compose(v T) (Composed, error)
}

// Composed is one value as it stands in a message, for [Composer]. It holds up to
// 86 octets itself. The zero value is the empty text.
type Composed struct {
	text  string // if size is inText
	size  uint8  // of what is in short
	exact bool
	short [maxShort]byte
}

const (
	maxShort = 86 // a Via with host, port, rport and a branch of 128 bits
	inText   = 255
)

// Compose returns b as a Composed; b may be used again. exact tells that the value
// is as the grammar has it: [HeaderInfo].Valid would not refuse it, and it holds no
// control octet. Then nobody asks. It must not be set on a guess.
func Compose(b []byte, exact bool) (c Composed) {
	c.exact = exact
	if len(b) > maxShort {
		c.text, c.size = string(b), inText
		return c
	}
	c.size = uint8(copy(c.short[:], b))
	return c
}

// ComposeText is [Compose] for a text, which is kept and not copied.
func ComposeText(s string, exact bool) Composed {
	return Composed{text: s, size: inText, exact: exact}
}

// composeNumber is a number in decimal.
func composeNumber(n uint64) (c Composed) {
	c.size, c.exact = uint8(len(strconv.AppendUint(c.short[:0], n, 10))), true
	return c
}

// String returns the value.
func (c Composed) String() string {
	if c.size == inText {
		return c.text
	}
	return string(c.short[:c.size])
}

func (c *Composed) len() int {
	if c.size == inText {
		return len(c.text)
	}
	return int(c.size)
}

// broken reports whether an octet would end the field.
func (c *Composed) broken() bool {
	if c.size == inText {
		return scan.HasLineOctet(c.text)
	}
	return scan.HasLineOctet(c.short[:c.size])
}

// Compose implements [Composer].
func (TextCodec) Compose(v string) (Composed, error) {
	if v != scan.Trim(v) || scan.HasControl(v) {
		return Composed{}, ErrValue
	}
	return ComposeText(v, false), nil
}

// Compose implements [Composer].
func (TokenCodec) Compose(v string) (Composed, error) {
	if !scan.IsToken(v) {
		return Composed{}, ErrValue
	}
	return ComposeText(v, false), nil
}

// Compose implements [Composer].
func (SecondsCodec) Compose(v uint32) (Composed, error) { return composeNumber(uint64(v)), nil }

// Compose implements [Composer].
func (HopsCodec) Compose(v uint8) (Composed, error) { return composeNumber(uint64(v)), nil }
