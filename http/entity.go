package http

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// EntityTag is a value of ETag, If-Match and If-None-Match (RFC 9110 section
// 8.8.3).
type EntityTag struct {
	Weak bool   // written W/
	Tag  string // without quotes; nothing in it is escaped
	Any  bool   // the "*" of If-Match and If-None-Match
}

// String returns t as it stands in a header.
func (t EntityTag) String() string {
	b, _ := EntityTagCodec{}.Append(nil, t)
	return string(b)
}

// Strong is the strong comparison of RFC 9110 section 8.8.3.2.
func (t EntityTag) Strong(u EntityTag) bool {
	return !t.Weak && !u.Weak && t.EqualWeakly(u)
}

// EqualWeakly is the weak comparison of RFC 9110 section 8.8.3.2.
func (t EntityTag) EqualWeakly(u EntityTag) bool { return !t.Any && !u.Any && t.Tag == u.Tag }

// EntityTagCodec reads and writes an [EntityTag].
//
//	entity-tag = [ "W/" ] DQUOTE *( %x21 / %x23-7E / obs-text ) DQUOTE
type EntityTagCodec struct{}

// Parse implements [msg.Codec].
func (EntityTagCodec) Parse(s string) (EntityTag, string, error) {
	var t EntityTag
	i := 0
	switch {
	case strings.HasPrefix(s, "*"):
		t.Any, i = true, 1
	default:
		if strings.HasPrefix(s, "W/") {
			t.Weak, i = true, 2
		}
		n := -1
		if i < len(s) && s[i] == '"' {
			n = strings.IndexByte(s[i+1:], '"')
		}
		if n < 0 || !validTag(s[i+1:i+1+n]) {
			return EntityTag{}, "", msg.ErrSyntax
		}
		t.Tag, i = s[i+1:i+1+n], i+n+2
	}
	rest, err := after(s, i)
	if err != nil {
		return EntityTag{}, "", err
	}
	return t, rest, nil
}

// Append implements [msg.Codec].
func (EntityTagCodec) Append(dst []byte, v EntityTag) ([]byte, error) {
	if v.Any {
		if v != (EntityTag{Any: true}) {
			return dst, msg.ErrValue
		}
		return append(dst, '*'), nil
	}
	if !validTag(v.Tag) {
		return dst, msg.ErrValue
	}
	if v.Weak {
		dst = append(dst, "W/"...)
	}
	return append(append(append(dst, '"'), v.Tag...), '"'), nil
}

func validTag(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '"' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// Validator is the value of If-Range (RFC 9110 section 13.1.5): a date, or an
// entity tag if the date is zero.
type Validator struct {
	Tag  EntityTag // used if Date is zero
	Date time.Time // to the second, in UTC
}

// ValidatorCodec reads and writes a [Validator].
//
//	If-Range = entity-tag / HTTP-date
type ValidatorCodec struct{}

// Parse implements [msg.Codec].
func (ValidatorCodec) Parse(s string) (Validator, string, error) {
	if strings.HasPrefix(s, `"`) || strings.HasPrefix(s, `W/"`) {
		t, rest, err := EntityTagCodec{}.Parse(s)
		return Validator{Tag: t}, rest, err
	}
	t, rest, err := TimeCodec{}.Parse(s)
	return Validator{Date: t}, rest, err
}

// Append implements [msg.Codec].
func (ValidatorCodec) Append(dst []byte, v Validator) ([]byte, error) {
	switch {
	case v.Date.IsZero() && !v.Tag.Any:
		return EntityTagCodec{}.Append(dst, v.Tag)
	case v.Tag != EntityTag{}:
		return dst, msg.ErrValue
	}
	return TimeCodec{}.Append(dst, v.Date)
}

// ErrRanges means that no range of a set lies within what it is asked of, or
// that there are too many: answer 416 (RFC 9110 section 14.2).
var ErrRanges = errors.New("no satisfiable range")

const maxRanges = 64 // of one set: more are an attack (RFC 9110 section 17.15)

// RangeSet is the value of Range (RFC 9110 section 14.1.1).
type RangeSet struct {
	Unit string // "bytes", compared without case
	Set  string // the ranges as they came: "0-499,-500"
}

// Span is a range of octets, the last one included.
type Span struct {
	First uint64 // counted from 0
	Last  uint64 // not less than First
}

// Resolve returns the ranges of octets that r means of something of the given
// size, in the order of r. It fails with [msg.ErrSyntax] if r is malformed or
// not about bytes, in which case Range is ignored, and with [ErrRanges].
func (r RangeSet) Resolve(size uint64) ([]Span, error) {
	if !scan.EqualFold(r.Unit, "bytes") {
		return nil, msg.ErrSyntax
	}
	var list []Span
	n := 0
	for part := range strings.SplitSeq(r.Set, ",") {
		if part = scan.Trim(part); part == "" {
			continue
		}
		if n++; n > maxRanges {
			return nil, ErrRanges
		}
		lo, hi, ok := strings.Cut(part, "-")
		first, _, ok1 := scan.Uint(lo, 1<<63-1)
		last, _, ok2 := scan.Uint(hi, 1<<63-1)
		switch {
		case !ok, lo != "" && !ok1, hi != "" && !ok2, lo == "" && hi == "", ok1 && ok2 && last < first:
			return nil, msg.ErrSyntax
		case lo == "": // suffix-range
			if last == 0 || size == 0 {
				continue
			}
			first, last = size-min(last, size), size-1
		case hi == "":
			last = size - 1
		}
		if size == 0 || first >= size {
			continue
		}
		list = append(list, Span{first, min(last, size-1)})
	}
	switch {
	case n == 0:
		return nil, msg.ErrSyntax
	case len(list) == 0:
		return nil, ErrRanges
	}
	return list, nil
}

// RangeCodec reads and writes a [RangeSet].
//
//	ranges-specifier = range-unit "=" range-set
type RangeCodec struct{}

// Parse implements [msg.Codec].
func (RangeCodec) Parse(s string) (RangeSet, string, error) {
	i := scan.Token(s, 0)
	if i == 0 || i+1 >= len(s) || s[i] != '=' {
		return RangeSet{}, "", msg.ErrSyntax
	}
	return RangeSet{Unit: s[:i], Set: s[i+1:]}, "", nil
}

// Append implements [msg.Codec].
func (RangeCodec) Append(dst []byte, v RangeSet) ([]byte, error) {
	if !scan.IsToken(v.Unit) || v.Set == "" || scan.HasControl(v.Set) || v.Set != scan.Trim(v.Set) {
		return dst, msg.ErrValue
	}
	return append(append(append(dst, v.Unit...), '='), v.Set...), nil
}

// RangeOf is the value of Content-Range (RFC 9110 section 14.4).
type RangeOf struct {
	Unit        string // "bytes"
	Span        Span   // what is sent
	Size        uint64 // of the whole
	Unknown     bool   // Size is "*"
	Unsatisfied bool   // Span is "*": of a 416
}

// ContentRangeCodec reads and writes a [RangeOf].
//
//	Content-Range = range-unit SP ( first-pos "-" last-pos "/" ( complete-length / "*" ) / "*/" complete-length )
type ContentRangeCodec struct{}

// Parse implements [msg.Codec].
func (ContentRangeCodec) Parse(s string) (RangeOf, string, error) {
	i := scan.Token(s, 0)
	lo := scan.Space(s, i)
	span, size, ok := strings.Cut(s[lo:], "/")
	v := RangeOf{Unit: s[:i]}
	if i == 0 || lo == i || !ok {
		return RangeOf{}, "", msg.ErrSyntax
	}
	fits := true
	num := func(s string) uint64 {
		n, in, is := scan.Uint(s, 1<<63-1)
		ok, fits = ok && is, fits && in
		return n
	}
	if span == "*" {
		v.Unsatisfied = true
	} else {
		first, last, dash := strings.Cut(span, "-")
		v.Span = Span{num(first), num(last)}
		ok = ok && dash && v.Span.First <= v.Span.Last
	}
	if size == "*" && !v.Unsatisfied {
		v.Unknown = true
	} else {
		v.Size = num(size)
		ok = ok && (v.Unsatisfied || v.Span.Last < v.Size)
	}
	if !ok || !fits {
		return RangeOf{}, "", msg.ErrSyntax
	}
	return v, "", nil
}

// Append implements [msg.Codec].
func (ContentRangeCodec) Append(dst []byte, v RangeOf) ([]byte, error) {
	bad := v.Span.First > v.Span.Last || v.Unknown && (v.Unsatisfied || v.Size != 0) || v.Unsatisfied && v.Span != (Span{}) ||
		!v.Unknown && !v.Unsatisfied && v.Span.Last >= v.Size
	if bad || !scan.IsToken(v.Unit) || v.Size >= 1<<63 || v.Span.Last >= 1<<63 {
		return dst, msg.ErrValue
	}
	dst = append(append(dst, v.Unit...), ' ')
	if v.Unsatisfied {
		dst = append(dst, '*')
	} else {
		dst = strconv.AppendUint(dst, v.Span.First, 10)
		dst = strconv.AppendUint(append(dst, '-'), v.Span.Last, 10)
	}
	if v.Unknown {
		return append(dst, "/*"...), nil
	}
	return strconv.AppendUint(append(dst, '/'), v.Size, 10), nil
}
