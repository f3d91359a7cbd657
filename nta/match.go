package nta

import (
	"encoding/binary"
	"hash/maphash"
	"strings"

	"github.com/gosofia/sofia/sip"
)

// key identifies a transaction, or anything else that a table is asked for. It
// is a keyed hash of 128 bits over what RFC 3261 says must be equal: two peers
// cannot collide by chance, nor on purpose without the seeds, and a table of
// keys holds nothing for the garbage collector to follow.
type key [2]uint64

// keyer makes keys.
type keyer struct{ a, b maphash.Seed }

func newKeyer() keyer { return keyer{maphash.MakeSeed(), maphash.MakeSeed()} }

// The tables that a key may be for.
const (
	keyServer  = 's'
	keyServer2 = 'S' // a peer of RFC 2543
	keyClient  = 'c'
	keyMerge   = 'm'
	keyAck     = 'a'
	keyForward = 'f'
	keyPrack   = 'p'
)

// magic starts the branch of every RFC 3261 implementation (8.1.1.7).
const magic = "z9hG4bK"

func (k keyer) sum(b []byte) key {
	return key{maphash.Bytes(k.a, b), maphash.Bytes(k.b, b)}
}

// appendPart ends a part with NUL, which stands in no header.
func appendPart(b []byte, part string) []byte { return append(append(b, part...), 0) }

func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		b = append(b, c)
	}
	return append(b, 0)
}

// server is the key of the server transaction that a request belongs to
// (17.2.3): branch, sent-by and method, where an ACK belongs to its INVITE. The
// Call-ID has chosen the shard already.
func (k keyer) server(req sip.Request, via sip.ViaParm, method string) key {
	var buf [256]byte
	b := buf[:0]
	branch := via.Branch()
	if strings.HasPrefix(branch, magic) && len(branch) > len(magic) {
		b = append(b, keyServer)
		b = appendPart(b, branch)
	} else { // RFC 2543: everything that does not change between retransmissions
		b = append(b, keyServer2)
		b = appendPart(b, branch)
		b = appendPart(b, req.RequestURI())
		b = appendPart(b, req.CallID())
		b = appendPart(b, req.FromTag())
		b = binary.BigEndian.AppendUint32(b, req.CSeq().Seq)
		b = appendPart(b, via.Transport)
	}
	b = appendLower(b, via.Host)
	b = binary.BigEndian.AppendUint16(b, via.Port)
	b = append(b, method...)
	return k.sum(b)
}

// client is the key of the client transaction that a response belongs to (17.1.3).
func (k keyer) client(branch, method string) key {
	var buf [128]byte
	b := append(buf[:0], keyClient)
	b = appendPart(b, branch)
	b = append(b, method...)
	return k.sum(b)
}

// merge is what two arrivals of one request have in common (8.2.2.2).
func (k keyer) merge(req sip.Request) key {
	return k.call(keyMerge, req.CallID(), req.FromTag(), "", req.CSeq())
}

// ack is what an ACK for a 2xx has in common with its INVITE, once a user
// agent answered that with its tag (13.3.1.4).
func (k keyer) ack(req sip.Request, tag string) key {
	return k.call(keyAck, req.CallID(), req.FromTag(), tag, sip.Sequence{Seq: req.CSeq().Seq, Method: sip.MethodInvite})
}

// forward is the same for an INVITE whose 2xx we forwarded with any tag.
func (k keyer) forward(req sip.Request) key {
	return k.call(keyForward, req.CallID(), req.FromTag(), "", sip.Sequence{Seq: req.CSeq().Seq, Method: sip.MethodInvite})
}

func (k keyer) call(kind byte, callID, from, to string, seq sip.Sequence) key {
	var buf [256]byte
	b := append(buf[:0], kind)
	b = appendPart(b, callID)
	b = appendPart(b, from)
	b = appendPart(b, to)
	b = binary.BigEndian.AppendUint32(b, seq.Seq)
	b = append(b, seq.Method...)
	return k.sum(b)
}
