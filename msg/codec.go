package msg

import (
	"strconv"
	"strings"

	"github.com/gosofia/sofia/internal/scan"
)

// TextCodec reads the whole value as it is, for headers whose value is free text
// without control octets: Subject, Server, User-Agent. Text in quotes or with
// escapes is not decoded.
type TextCodec struct{}

// Parse implements [Codec]. Text with control octets is ErrControl.
func (TextCodec) Parse(s string) (string, string, error) {
	if scan.HasControl(s) {
		return "", "", ErrControl
	}
	return s, "", nil
}

// Append implements [Codec]. White space at the ends would not be read back, so
// it is refused, as are control octets.
func (TextCodec) Append(dst []byte, v string) ([]byte, error) {
	if v != scan.Trim(v) || scan.HasControl(v) {
		return dst, ErrValue
	}
	return append(dst, v...), nil
}

// TokenCodec reads and writes one token: a method, an option tag.
type TokenCodec struct{}

// Parse implements [Codec].
func (TokenCodec) Parse(s string) (string, string, error) {
	i := scan.Letters(s, 0)
	for i < len(s) && scan.IsTokenChar(s[i]) {
		i++
	}
	if i == 0 {
		return "", "", ErrSyntax
	}
	if i == len(s) {
		return s, "", nil
	}
	v, rest := s[:i], s[i:]
	if rest[0] != ',' {
		if rest = rest[scan.Space(rest, 0):]; rest != "" && rest[0] != ',' {
			return "", "", ErrSyntax
		}
	}
	return v, rest, nil
}

// Append implements [Codec].
func (TokenCodec) Append(dst []byte, v string) ([]byte, error) {
	if !scan.IsToken(v) {
		return dst, ErrValue
	}
	return append(dst, v...), nil
}

// SecondsCodec reads and writes a number of 32 bits, such as delta-seconds. A
// number that does not fit is ErrRange and never wraps: for Expires that means
// that the default holds, not 0 (RFC 4475 section 3.1.2.4).
type SecondsCodec struct{}

// Parse implements [Codec].
func (SecondsCodec) Parse(s string) (uint32, string, error) {
	n, err := number(s, 1<<32-1)
	return uint32(n), "", err
}

// Append implements [Codec].
func (SecondsCodec) Append(dst []byte, v uint32) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(v), 10), nil
}

// HopsCodec reads and writes Max-Forwards: 0 to 255 (RFC 3261 section 20.22).
type HopsCodec struct{}

// Parse implements [Codec].
func (HopsCodec) Parse(s string) (uint8, string, error) {
	n, err := number(s, 255)
	return uint8(n), "", err
}

// Append implements [Codec].
func (HopsCodec) Append(dst []byte, v uint8) ([]byte, error) {
	return strconv.AppendUint(dst, uint64(v), 10), nil
}

func number(s string, limit uint64) (uint64, error) {
	n, fits, ok := scan.Uint(s, limit)
	switch {
	case !ok:
		return 0, ErrSyntax
	case !fits:
		return 0, ErrRange
	}
	return n, nil
}

// Item is a token with parameters: a value of Accept-Encoding,
// Accept-Language, Content-Disposition, Event, Reason and others.
type Item struct {
	Value  string // the token as written; who defines it says how it compares
	Params Params // what follows it
}

// Q returns the q parameter in thousandths, 0 to 1000: how much the value is
// wanted. It is 1000 if there is none or it is malformed.
func (i Item) Q() int { return i.Params.Q() }

// ItemCodec reads and writes an [Item].
type ItemCodec struct{}

// Parse implements [Codec].
func (ItemCodec) Parse(s string) (Item, string, error) {
	i := scan.Token(s, 0)
	if i == 0 {
		return Item{}, "", ErrSyntax
	}
	p, rest, ok := takeParams(s, i)
	if !ok {
		return Item{}, "", ErrSyntax
	}
	return Item{s[:i], p}, rest, nil
}

// Append implements [Codec].
func (ItemCodec) Append(dst []byte, v Item) ([]byte, error) {
	if !scan.IsToken(v.Value) || !v.Params.Valid() {
		return dst, ErrValue
	}
	return append(append(dst, v.Value...), v.Params...), nil
}

// takeParams reads the parameters at i, which must go to the end or to a comma.
func takeParams(s string, i int) (p Params, rest string, ok bool) {
	if i == len(s) {
		return "", "", true
	}
	end, ok := scan.Params(s, i)
	next := scan.Space(s, end)
	if !ok || next < len(s) && s[next] != ',' {
		return "", "", false
	}
	return Params(s[i:end]), s[next:], true
}

// Q returns the q parameter in thousandths, 0 to 1000; 1000 if there is none or
// it is malformed.
//
//	qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
func (p Params) Q() int {
	v, ok := p.Get("q")
	if !ok || v == "" || v[0] != '0' && v[0] != '1' || len(v) > 5 || len(v) > 1 && v[1] != '.' {
		return 1000
	}
	n, scale := int(v[0]-'0')*1000, 100
	for i := 2; i < len(v); i++ {
		if !scan.IsDigit(v[i]) {
			return 1000
		}
		n += int(v[i]-'0') * scale
		scale /= 10
	}
	if n > 1000 {
		return 1000
	}
	return n
}

// WithQ returns p with the q parameter for a number of thousandths, 0 to 1000, in
// its shortest form. What is beyond makes a parameter that is no qvalue, which no
// setter of a header with one takes.
func (p Params) WithQ(thousandths int) Params {
	switch q := strconv.Itoa(thousandths); {
	case thousandths < 0 || thousandths > 1000 || thousandths == 0:
		return p.With("q", q)
	case thousandths == 1000:
		return p.With("q", "1")
	}
	return p.With("q", "0."+strings.TrimRight(strconv.Itoa(1000 + thousandths)[1:], "0"))
}

// MediaType is a type of body, or in Accept a range of them ("text/*"), with
// its parameters (RFC 3261 sections 20.1 and 20.15).
type MediaType struct {
	Type, Subtype string // as written; they compare without case, see Is
	Params        Params // what follows, the q of Accept included
}

// Is reports whether t is the given type, such as "application/sdp", compared
// without case and without regard to parameters.
func (t MediaType) Is(name string) bool {
	n := len(t.Type)
	return len(name) == n+1+len(t.Subtype) && name[n] == '/' &&
		scan.EqualFold(name[:n], t.Type) && scan.EqualFold(name[n+1:], t.Subtype)
}

// Q is [Params.Q], for a value of Accept.
func (t MediaType) Q() int { return t.Params.Q() }

// String returns t as it stands in a header.
func (t MediaType) String() string { return t.Type + "/" + t.Subtype + string(t.Params) }

// ParseMediaType reads a media type with its parameters. The error is a
// *[SyntaxError].
func ParseMediaType(s string) (MediaType, error) {
	t, rest, err := MediaTypeCodec{}.Parse(scan.Trim(s))
	if err == nil && rest != "" {
		err = ErrTrailing
	}
	if err != nil {
		return MediaType{}, &SyntaxError{Offset: -1, Err: err}
	}
	return t, nil
}

// MediaTypeCodec reads and writes a [MediaType].
//
//	media-type = m-type SLASH m-subtype *(SEMI m-parameter)
type MediaTypeCodec struct{}

// Parse implements [Codec].
func (MediaTypeCodec) Parse(s string) (MediaType, string, error) {
	i := scan.Token(s, 0)
	j := scan.Space(s, i)
	if i == 0 || j == len(s) || s[j] != '/' {
		return MediaType{}, "", ErrSyntax
	}
	lo := scan.Space(s, j+1)
	hi := scan.Token(s, lo)
	if hi == lo {
		return MediaType{}, "", ErrSyntax
	}
	p, rest, ok := takeParams(s, hi)
	if !ok {
		return MediaType{}, "", ErrSyntax
	}
	return MediaType{s[:i], s[lo:hi], p}, rest, nil
}

// Append implements [Codec].
func (MediaTypeCodec) Append(dst []byte, v MediaType) ([]byte, error) {
	if !scan.IsToken(v.Type) || !scan.IsToken(v.Subtype) || !v.Params.Valid() {
		return dst, ErrValue
	}
	dst = append(append(dst, v.Type...), '/')
	return append(append(dst, v.Subtype...), v.Params...), nil
}
