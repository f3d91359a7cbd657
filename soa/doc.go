// Package soa is an offer/answer engine for SDP (RFC 3264, RFC 6337). It knows
// no SIP, does no I/O and starts no goroutine: text goes in, text comes out.
//
// A [Session] is one side of one call. The user gives it a template of the
// media it wants, as text or as an [sdp.Description]; m= lines are enough:
//
//	s := soa.New(soa.Config{Address: "192.0.2.7"})
//	err := s.SetUserText("m=audio 5004 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n")
//
// Then either side makes the offer:
//
//	offer, err := s.Offer(ctx)       // we offer ...
//	err = s.SetAnswer(ctx, body)     // ... the peer answers
//
//	answer, err := s.Answer(ctx, body) // or: the peer offers, we answer
//
// and so on for every later exchange. An offer that the peer refused is undone
// by [Session.Rollback]. [Session.Activate] says that the exchange stands.
//
// # What the engine decides
//
// The answer has the m= lines of the offer, in the same order. A stream is
// accepted if the template has one of the same media type and transport
// protocol with a codec in common: same encoding name, clock rate and number
// of channels. Payload types in the answer are those of the offer, the
// direction is what both sides want, the rest comes from the template.
// Everything else is refused with port 0; if nothing is left, the offer is
// refused as a whole. Slots of m= lines are never given up, o= keeps its
// identity, and its version rises by one exactly when something changed.
//
// # Errors
//
// Every error is a [*Error]. Its Status and WarnCode give the SIP status and
// the warn-code (RFC 3261 section 20.43) that fit; its Err matches one of the
// sentinels of this package. A failed call changes nothing that is negotiated.
//
// # Limits and concurrency
//
// Methods of a Session are not safe for concurrent use; the caller serialises
// them. No method waits. What a peer can make a Session keep is bounded by the
// limits of Config.Parser.
package soa
