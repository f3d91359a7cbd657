package sip

import (
	"strconv"

	"github.com/gosofia/sofia/internal/scan"
	"github.com/gosofia/sofia/msg"
)

// The headers of reliable provisional responses (RFC 3262).
const (
	// RSeq numbers a reliable provisional response: 1 to 2^32-1, the first below
	// 2^31 (RFC 3262 sections 3 and 7.1). It stands once. Errors: msg.ErrSyntax,
	// msg.ErrRange.
	RSeq = msg.Header[uint32, RSeqCodec](IDRSeq)
	// RAck tells which response a PRACK acknowledges (RFC 3262 section 7.2). It
	// stands once. Errors: msg.ErrSyntax, msg.ErrRange.
	RAck = msg.Header[Ack, AckCodec](IDRAck)
)

// RSeqCodec reads and writes RSeq.
//
//	response-num = 1*DIGIT
type RSeqCodec struct{}

// Parse implements [msg.Codec]. 0 is msg.ErrRange (RFC 3262 section 7.1).
func (RSeqCodec) Parse(s string) (uint32, string, error) {
	n, i, err := numberAt(s, 0, 1<<32-1)
	if err == nil && n == 0 {
		err = msg.ErrRange
	}
	if err == nil && i != len(s) {
		err = msg.ErrSyntax
	}
	if err != nil {
		return 0, "", err
	}
	return n, "", nil
}

// Append implements [msg.Codec].
func (RSeqCodec) Append(dst []byte, v uint32) ([]byte, error) {
	if v == 0 {
		return dst, msg.ErrValue
	}
	return strconv.AppendUint(dst, uint64(v), 10), nil
}

// Ack is the value of RAck: RSeq and CSeq of the response.
type Ack struct {
	RSeq   uint32
	Seq    uint32 // the number of CSeq
	Method string // the method of CSeq; compares with case
}

// String returns a as it stands in a header, unchecked.
func (a Ack) String() string {
	return strconv.FormatUint(uint64(a.RSeq), 10) + " " + Sequence{a.Seq, a.Method}.String()
}

// AckCodec reads and writes an [Ack].
//
//	RAck = "RAck" HCOLON response-num LWS CSeq-num LWS Method
type AckCodec struct{}

// Parse implements [msg.Codec].
func (AckCodec) Parse(s string) (Ack, string, error) {
	n, i, err := numberAt(s, 0, 1<<32-1)
	if err == nil && n == 0 {
		err = msg.ErrRange
	}
	if err != nil {
		return Ack{}, "", err
	}
	j := scan.Space(s, i)
	seq, k, err := numberAt(s, j, 1<<32-1)
	if err != nil {
		return Ack{}, "", err
	}
	lo := scan.Space(s, k)
	if j == i || lo == k || !scan.IsToken(s[lo:]) {
		return Ack{}, "", msg.ErrSyntax
	}
	return Ack{n, seq, s[lo:]}, "", nil
}

// Append implements [msg.Codec].
func (AckCodec) Append(dst []byte, v Ack) ([]byte, error) {
	if v.RSeq == 0 {
		return dst, msg.ErrValue
	}
	dst = append(strconv.AppendUint(dst, uint64(v.RSeq), 10), ' ')
	return SequenceCodec{}.Append(dst, Sequence{v.Seq, v.Method})
}
