package sip

import (
	"strconv"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// item is what all values of a token with parameters have.
type item interface {
	~struct {
		Value  string
		Params msg.Params
	}
}

// ItemCodec reads and writes values that are a token with parameters. It fails
// with msg.ErrSyntax if there is no token or a parameter is malformed, and
// writes nothing that reads back as another value (msg.ErrValue).
//
//	value = token *( SEMI generic-param )
type ItemCodec[T item] struct{}

// Parse implements [msg.Codec].
func (ItemCodec[T]) Parse(s string) (T, string, error) {
	i := scan.Token(s, 0)
	if i == 0 {
		return T{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return T{}, "", err
	}
	return T(msg.Item{Value: s[:i], Params: p}), rest, nil
}

// Append implements [msg.Codec].
func (ItemCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	return msg.ItemCodec{}.Append(dst, msg.Item(v))
}

// TextItemCodec is [ItemCodec] for values that may also be quoted strings. Value
// is the text without quotes; it is written as a token where it is one.
//
//	value = ( token / quoted-string ) *( SEMI generic-param )
type TextItemCodec[T item] struct{}

// Parse implements [msg.Codec].
func (TextItemCodec[T]) Parse(s string) (T, string, error) {
	i, ok := scan.Value(s, 0), true
	if s != "" && s[0] == '"' {
		i, ok = scan.Quoted(s, 0)
	}
	if !ok || i == 0 {
		return T{}, "", msg.ErrSyntax
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return T{}, "", err
	}
	return T(msg.Item{Value: scan.Unquote(s[:i]), Params: p}), rest, nil
}

// Append implements [msg.Codec].
func (TextItemCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	i := msg.Item(v)
	if !i.Params.Valid() || !validDisplay(i.Value) {
		return dst, msg.ErrValue
	}
	if scan.IsToken(i.Value) {
		dst = append(dst, i.Value...)
	} else {
		dst = scan.AppendQuoted(dst, i.Value)
	}
	return append(dst, i.Params...), nil
}

// tail reads the parameters at i, which go to the end of s or to a comma.
func tail(s string, i int) (p msg.Params, rest string, err error) {
	if i == len(s) {
		return "", "", nil
	}
	end, ok := scan.Params(s, i)
	next := scan.Space(s, end)
	if !ok || next < len(s) && s[next] != ',' {
		return "", "", msg.ErrSyntax
	}
	if end > i {
		i = scan.Space(s, i)
	}
	return msg.Params(s[i:end]), s[next:], nil
}

// numbered is what all values of a number with parameters have.
type numbered interface {
	~struct {
		Seconds uint32
		Params  msg.Params
	}
}

// DeltaCodec reads and writes values that are a number of seconds with
// parameters. A number above 2^32-1 is msg.ErrRange.
//
//	value = delta-seconds *( SEMI generic-param )
type DeltaCodec[T numbered] struct{}

// Parse implements [msg.Codec].
func (DeltaCodec[T]) Parse(s string) (T, string, error) {
	n, i, err := numberAt(s, 0, 1<<32-1)
	if err != nil {
		return T{}, "", err
	}
	p, rest, err := tail(s, i)
	if err != nil {
		return T{}, "", err
	}
	return T(struct {
		Seconds uint32
		Params  msg.Params
	}{n, p}), rest, nil
}

// Append implements [msg.Codec].
func (DeltaCodec[T]) Append(dst []byte, v T) ([]byte, error) {
	d := struct {
		Seconds uint32
		Params  msg.Params
	}(v)
	if !d.Params.Valid() {
		return dst, msg.ErrValue
	}
	return append(strconv.AppendUint(dst, uint64(d.Seconds), 10), d.Params...), nil
}

// numberAt reads the decimal number at i.
func numberAt(s string, i int, limit uint64) (n uint32, end int, err error) {
	v := uint64(0)
	for end = i; end < len(s); end++ {
		d := uint64(s[end]) - '0'
		if d > 9 {
			break
		}
		v = min(v*10+d, 1<<32) // zeros in front may go on
	}
	switch {
	case end == i:
		return 0, i, msg.ErrSyntax
	case v > limit:
		return 0, i, msg.ErrRange
	}
	return uint32(v), end, nil
}

// numberParam returns a parameter that is a number not above limit.
func numberParam(p msg.Params, name string, limit uint64) (uint32, bool) {
	v, ok := p.Get(name)
	if !ok {
		return 0, false
	}
	n, fits, ok := scan.Uint(v, limit)
	return uint32(n), ok && fits
}

// NumberCodec reads and writes one number of 32 bits. Larger ones are
// msg.ErrRange and never wrap.
//
//	value = 1*DIGIT
type NumberCodec = msg.SecondsCodec

// WholeCodec reads and writes one URI between "<" and ">" with parameters. It
// also reads one without the brackets, up to the first ";" or ",".
//
//	value = LAQUOT absoluteURI RAQUOT *( SEMI generic-param )
type WholeCodec struct{}

// Link is a URI with header parameters and without a display name: a value of
// Alert-Info, Call-Info, Error-Info, Geolocation and others.
type Link struct {
	URI    URI
	Params msg.Params // of the header
}

// Parse implements [msg.Codec].
func (WholeCodec) Parse(s string) (Link, string, error) {
	a, rest, err := AddrCodec{}.Parse(s)
	if err == nil && a.Display != "" {
		err = msg.ErrSyntax
	}
	if err != nil {
		return Link{}, "", err
	}
	return Link{a.URI, a.Params}, rest, nil
}

// Append implements [msg.Codec].
func (WholeCodec) Append(dst []byte, v Link) ([]byte, error) {
	return AddrCodec{}.Append(dst, NameAddr{URI: v.URI, Params: v.Params})
}

// String returns l as it stands in a header, unchecked.
func (l Link) String() string { return NameAddr{URI: l.URI, Params: l.Params}.String() }

// Param returns a parameter of the header, without quotes; ok is false if it is
// not there.
func (l Link) Param(name string) (value string, ok bool) { return l.Params.Get(name) }
