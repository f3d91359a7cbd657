package tport

import (
	"encoding/binary"
	"unicode/utf8"
)

// opcode says what a WebSocket frame holds (RFC 6455 section 5.2).
type opcode uint8

const (
	opContinuation opcode = 0x0
	opText         opcode = 0x1
	opBinary       opcode = 0x2
	opClose        opcode = 0x8
	opPing         opcode = 0x9
	opPong         opcode = 0xA
)

// control reports whether it is a frame that may stand between the fragments of
// a message.
func (op opcode) control() bool { return op >= opClose }

const (
	maxFrameHead = 14
	// maxControl is the most a control frame may hold (RFC 6455 section 5.5).
	maxControl = 125

	finalBit    = 0x80
	reserveBits = 0x70
	opcodeBits  = 0x0f
	maskBit     = 0x80
	sizeBits    = 0x7f
	size16      = 126 // two octets of length follow
	size64      = 127 // eight octets of length follow
)

// frameHead is what stands before the payload of a frame.
type frameHead struct {
	final  bool
	op     opcode
	masked bool
	mask   uint32 // the first octet of the mask is the lowest
	size   uint64
}

// readFrameHead reads the head at the start of b and returns its length, 0 if
// it is not complete. The error is a *WebSocketError.
//
//	ws-frame = frame-fin frame-rsv1 frame-rsv2 frame-rsv3 frame-opcode
//	           frame-masked frame-payload-length [ frame-masking-key ] frame-payload-data
func readFrameHead(b []byte) (h frameHead, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.final, h.op, h.masked = b[0]&finalBit != 0, opcode(b[0]&opcodeBits), b[1]&maskBit != 0
	size := uint64(b[1] & sizeBits)
	switch {
	case b[0]&reserveBits != 0: // no extension was agreed on
		return h, 0, violation(WebSocketProtocolError, "reserved bit set")
	case h.op > opBinary && h.op < opClose || h.op > opPong:
		return h, 0, violation(WebSocketProtocolError, "unknown opcode")
	case h.op.control() && !h.final:
		return h, 0, violation(WebSocketProtocolError, "fragmented control frame")
	case h.op.control() && size > maxControl:
		return h, 0, violation(WebSocketProtocolError, "control frame too long")
	}
	n = 2
	var least uint64 // the shortest form must be used (section 5.2)
	switch size {
	case size16:
		if len(b) < n+2 {
			return h, 0, nil
		}
		size, least = uint64(binary.BigEndian.Uint16(b[n:])), size16
		n += 2
	case size64:
		if len(b) < n+8 {
			return h, 0, nil
		}
		size, least = binary.BigEndian.Uint64(b[n:]), 1<<16
		n += 8
	}
	if size < least || size>>63 != 0 {
		return h, 0, violation(WebSocketProtocolError, "malformed payload length")
	}
	h.size = size
	if h.masked {
		if len(b) < n+4 {
			return h, 0, nil
		}
		h.mask = binary.LittleEndian.Uint32(b[n:])
		n += 4
	}
	return h, n, nil
}

// appendFrame appends a whole frame. A mask of 0 is none: it would change nothing.
func appendFrame(dst []byte, op opcode, mask uint32, masked bool, payload []byte) []byte {
	dst = append(dst, finalBit|byte(op))
	bit := byte(0)
	if masked {
		bit = maskBit
	}
	switch n := len(payload); {
	case n < size16:
		dst = append(dst, bit|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, bit|size16), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, bit|size64), uint64(n))
	}
	if masked {
		dst = binary.LittleEndian.AppendUint32(dst, mask)
	}
	at := len(dst)
	dst = append(dst, payload...)
	if masked {
		applyMask(dst[at:], mask, 0)
	}
	return dst
}

// applyMask masks or unmasks b, which begins at octet offset of the payload
// (RFC 6455 section 5.3).
func applyMask(b []byte, mask uint32, offset uint64) {
	if mask == 0 {
		return
	}
	turn := 8 * (offset & 3)
	mask = mask>>turn | mask<<(32-turn)
	wide := uint64(mask) | uint64(mask)<<32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(wide >> (8 * i))
	}
}

// dataOpcode returns the kind of message for octets: text wherever it can be,
// since browsers give binary ones to a script in another form (RFC 7118 section 4.2).
func dataOpcode(b []byte) opcode {
	if utf8.Valid(b) {
		return opText
	}
	return opBinary
}
