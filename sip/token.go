package sip

import (
	"crypto/rand"
	"encoding/hex"
	"io"
)

// MagicCookie begins every branch of RFC 3261, section 8.1.1.7; what begins
// otherwise came from an RFC 2543 peer.
const MagicCookie = "z9hG4bK"

// NewTag returns a tag of 64 random bits. A nil reader is [rand.Reader].
func NewTag(r io.Reader) string { return random(r, "", 8) }

// NewBranch returns a branch of 128 random bits behind the magic cookie. A nil
// reader is [rand.Reader].
func NewBranch(r io.Reader) string { return random(r, MagicCookie, 16) }

// NewCallID returns a Call-ID of 128 random bits, without a host: that would
// tell where the caller is. A nil reader is [rand.Reader].
func NewCallID(r io.Reader) string { return random(r, "", 16) }

func random(r io.Reader, prefix string, n int) string {
	var raw [16]byte
	ok := false
	if r != nil {
		raw, ok = read(r, n)
	}
	if !ok { // a source that ran dry must not make identifiers guessable, either
		_, _ = rand.Read(raw[:n]) // it never fails
	}
	var buf [len(MagicCookie) + 32]byte
	return string(hex.AppendEncode(append(buf[:0], prefix...), raw[:n]))
}

// read keeps what it gives to a reader, and so to the heap, apart from the
// identifiers that are made without one.
func read(r io.Reader, n int) (raw [16]byte, ok bool) {
	_, err := io.ReadFull(r, raw[:n])
	return raw, err == nil
}
