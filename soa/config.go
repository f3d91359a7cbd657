package soa

import (
	"io"

	"github.com/gosofia/sofia/sdp"
)

// Select says how many of the codecs in common an answer lists.
type Select uint8

const (
	// SelectSingle lists the best codec in common, and the auxiliary ones.
	SelectSingle Select = iota
	// SelectCommon lists all codecs in common.
	SelectCommon
	// SelectAll lists all codecs in common, then the other codecs of the
	// template, which the peer may send from then on (RFC 3264 section 6.1).
	SelectAll
)

// Sort says whose order of preference the codecs of an answer follow.
type Sort uint8

const (
	// SortDefault is the template's order for a stream that we only receive,
	// and the offer's for any other, as RFC 3264 section 6.1 recommends.
	SortDefault Sort = iota
	// SortLocal is always the template's order.
	SortLocal
	// SortRemote is always the offer's order.
	SortRemote
)

// Config configures a [Session]. The zero value is ready for use, but for an
// address, which the template may give as well. A Config is not changed by
// the Session and must not be changed while one uses it.
type Config struct {
	// Address is the IP address or host name for c= and o= where the template
	// has none. See also [Session.SetAddress].
	Address string
	// Select is the choice of codecs in answers.
	Select Select
	// Sort is the order of codecs in answers.
	Sort Sort
	// Auxiliary holds the encoding names that are no codecs of their own: with
	// SelectSingle they are kept beside the chosen one, and a stream of which
	// only these are in common is refused unless the template has nothing
	// else. Nil means telephone-event (RFC 4733) and CN (RFC 3389).
	Auxiliary []string
	// Mismatch accepts a stream without any codec in common; the answer then
	// lists those of the template.
	Mismatch bool
	// ReuseRejected lets new media take over the m= line of any refused or
	// removed stream (RFC 3264 section 8.1). Otherwise only media of the same
	// type and protocol does, and other new media is added at the end.
	ReuseRejected bool
	// Parser has the limits for descriptions of the peer.
	Parser sdp.Parser
	// Rand is where the session's id comes from; nil means crypto/rand.
	Rand io.Reader
}
