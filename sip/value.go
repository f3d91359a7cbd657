package sip

import (
	"strconv"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// Sequence is the value of CSeq (RFC 3261 section 20.16).
type Sequence struct {
	Seq    uint32 // below 2^31 in what is sent
	Method string // compares with case
}

// String returns s as it stands in a header.
func (s Sequence) String() string {
	return strconv.FormatUint(uint64(s.Seq), 10) + " " + s.Method
}

// SequenceCodec reads and writes a [Sequence]. Numbers of 32 bits are read,
// those below 2^31 written (RFC 3261 section 8.1.1.5).
type SequenceCodec struct{}

// Parse implements [msg.Codec].
//
//	CSeq = "CSeq" HCOLON 1*DIGIT LWS Method
func (SequenceCodec) Parse(s string) (Sequence, string, error) {
	n, lo, hi, err := scanSequence(s)
	if err != nil {
		return Sequence{}, "", err
	}
	rest := scan.Space(s, hi)
	if rest < len(s) && s[rest] != ',' {
		return Sequence{}, "", msg.ErrSyntax
	}
	return Sequence{n, s[lo:hi]}, s[rest:], nil
}

func scanSequence(s string) (n uint32, lo, hi int, err error) {
	n, i, err := numberAt(s, 0, 1<<32-1)
	if err == msg.ErrSyntax {
		return 0, 0, 0, err
	}
	for i < len(s) && scan.IsDigit(s[i]) { // of a number out of range
		i++
	}
	lo = scan.Space(s, i)
	hi = scan.Token(s, lo)
	if lo == i || hi == lo {
		return 0, 0, 0, msg.ErrSyntax
	}
	return n, lo, hi, err
}

// Append implements [msg.Codec].
func (SequenceCodec) Append(dst []byte, v Sequence) ([]byte, error) {
	if v.Seq >= 1<<31 || !scan.IsToken(v.Method) {
		return dst, msg.ErrValue
	}
	dst = strconv.AppendUint(dst, uint64(v.Seq), 10)
	return append(append(dst, ' '), v.Method...), nil
}

// CallIDCodec reads and writes a Call-ID. It may be any text without white space
// and commas, as old peers put much into it; setters take what the grammar has.
//
//	callid = word [ "@" word ]
type CallIDCodec struct{}

// Parse implements [msg.Codec].
func (CallIDCodec) Parse(s string) (string, string, error) {
	i := callIDEnd(s)
	rest := scan.Space(s, i)
	if i == 0 || rest < len(s) && s[rest] != ',' {
		return "", "", msg.ErrSyntax
	}
	return s[:i], s[rest:], nil
}

func callIDEnd(s string) int { return int(textEnd(s, 0)) }

// Append implements [msg.Codec].
func (CallIDCodec) Append(dst []byte, v string) ([]byte, error) {
	if v == "" || callIDEnd(v) != len(v) {
		return dst, msg.ErrValue
	}
	return append(dst, v...), nil
}

// Stamp is the value of Timestamp (RFC 3261 section 20.38): seconds with a
// fraction, kept as text because the answer must repeat them as they came.
type Stamp struct {
	Time  string // "54", "54.2"
	Delay string // what the answering side added, "" if nothing
}

// StampCodec reads and writes a [Stamp].
//
//	Timestamp = 1*DIGIT [ "." *DIGIT ] [ LWS delay ];  delay = *DIGIT [ "." *DIGIT ]
type StampCodec struct{}

// Parse implements [msg.Codec].
func (StampCodec) Parse(s string) (Stamp, string, error) {
	i := decimal(s, 0)
	if i == 0 || s[0] == '.' {
		return Stamp{}, "", msg.ErrSyntax
	}
	lo := scan.Space(s, i)
	hi := decimal(s, lo)
	if hi != len(s) || lo == i && lo != len(s) {
		return Stamp{}, "", msg.ErrSyntax
	}
	return Stamp{s[:i], s[lo:hi]}, "", nil
}

// Append implements [msg.Codec].
func (StampCodec) Append(dst []byte, v Stamp) ([]byte, error) {
	if v.Time == "" || v.Time[0] == '.' || decimal(v.Time, 0) != len(v.Time) || decimal(v.Delay, 0) != len(v.Delay) {
		return dst, msg.ErrValue
	}
	dst = append(dst, v.Time...)
	if v.Delay != "" {
		dst = append(append(dst, ' '), v.Delay...)
	}
	return dst, nil
}

func decimal(s string, i int) int {
	i = scan.Digits(s, i)
	if i < len(s) && s[i] == '.' {
		i = scan.Digits(s, i+1)
	}
	return i
}
