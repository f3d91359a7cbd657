package nua

import (
	"context"

	"github.com/gosofia/sofia/soa"
)

// Engine is a media engine as a call sees it: offer/answer over session
// descriptions as text (RFC 3264). *soa.Session is one; a wrapper around a
// WebRTC peer connection can be another.
//
// A call makes its calls to one Engine one at a time, never under a lock and
// never from two goroutines, so an Engine needs no lock of its own against it.
// Any of them may take its time: while one runs, the call goes on to answer
// CANCEL, BYE and retransmissions. The context ends when the call does; the
// result of a call that returns later is dropped, and Close is then called.
//
// An error may have a method Status() int (415, 488, 491, 606 …) which becomes
// the response to a refused offer (488 without one), and a method
// Warning() string whose text goes into its Warning header.
type Engine interface {
	// Offer returns a new offer.
	Offer(ctx context.Context) (string, error)
	// Answer takes the peer's offer and returns the answer.
	Answer(ctx context.Context, remote string) (string, error)
	// SetAnswer takes the peer's answer to our last offer.
	SetAnswer(ctx context.Context, remote string) error
	// Rollback drops the open offer, the peer's or ours: it was refused. The
	// session stays as it was before it.
	Rollback()
	// Activate tells that the exchange is complete and the call confirmed:
	// media may flow as negotiated.
	Activate()
	// Close releases the engine. It is called once, as the last call.
	Close() error
}

// Holder is an Engine that can put media on hold. media names the media types
// to hold in the next offers ("audio", "*" for all, "" for none); *soa.Session
// documents the forms it understands.
type Holder interface {
	// Hold takes effect with the next offer or answer.
	Hold(media string)
}

// The built-in engine.
var (
	_ Engine  = (*soa.Session)(nil)
	_ Holder  = (*soa.Session)(nil)
	_ renewer = (*soa.Session)(nil)
	_ audible = (*soa.Session)(nil)
)
